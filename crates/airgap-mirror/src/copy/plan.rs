//! The first half of a copy: finds the images, skips those at the destination, reads the manifests
//! of the rest.

use std::io::Read;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;

use super::endpoint::{ImageSource, ImageTarget, ResolvedImage};
use super::layout_names::LayoutNames;
use super::manifest_tree::{ManifestTree, MemoryBudget};
use super::platform_filter::{Narrowed, narrow};
use super::referrers;
use super::summary::{ImageOutcome, ImageResult};
use super::{CopyRequest, CopyRoute, Options};
use airgap_core::digest::Digest;
use airgap_core::error::{Context, Error, ErrorKind, Result};
use airgap_core::verify;
use airgap_core::workers::{self, lock};
use airgap_oci::{Content, Descriptor, Manifest, Platform, Reference, Repository, Tag, media_type};

/// The largest size of an image's configuration, in bytes.
const CONFIG_LIMIT: u64 = 4 << 20;

/// The largest number of blobs of an existing image that are remembered for mounts into other
/// repositories. An image has 127 layers at most.
const KNOWN_BLOBS: usize = 200;

/// An image of a copy in progress.
pub(super) struct PlannedImage {
    source: String,
    destination: String,
    route: Option<CopyRoute>,
    state: Mutex<ImageState>,
}

/// The state of an image so far.
#[derive(Default)]
pub(super) struct ImageState {
    pub(super) error: Option<Error>,
    pub(super) moved: Option<Error>,
    /// The repository that has it, if it was found.
    pub(super) from: Option<Repository>,
    /// The destination.
    pub(super) to: Option<Reference>,
    pub(super) outcome: Option<ImageOutcome>,
    /// Its manifests, if it is to be copied.
    pub(super) tree: ManifestTree,
    /// The full index, if only some of its platforms are copied.
    pub(super) whole: Option<Manifest>,
    /// Blobs that are at the destination because the image is.
    pub(super) there: Vec<Digest>,
}

impl ImageState {
    /// Returns whether the image is to be copied.
    pub(super) fn is_to_be_copied(&self) -> bool {
        self.error.is_none() && self.tree_root().is_some()
    }

    /// Drops all manifests, which are not needed any more.
    pub(super) fn release(&mut self) {
        (self.tree, self.whole) = (ManifestTree::default(), None);
    }

    /// Returns the attached manifest that has a blob, for a message, if the image does not have it.
    pub(super) fn attached_blob(&self, blob: &Digest) -> Option<String> {
        let tree = &self.tree;
        if tree.has_blob(&self.outcome.as_ref()?.digest, blob) {
            return None;
        }
        let referrers =
            tree.attached.iter().map(|(_, it)| (it.digest, referrers::referrer_name(it)));
        let tags =
            tree.tags.iter().map(|(tag, digest)| (*digest, referrers::attached_tag_name(tag)));
        referrers.chain(tags).find(|(root, _)| tree.has_blob(root, blob)).map(|(_, what)| what)
    }

    /// Returns the manifest that the image's name will refer to, if it is to be copied and was
    /// read.
    pub(super) fn tree_root(&self) -> Option<&Manifest> {
        self.tree.manifest(&self.outcome.as_ref()?.digest)
    }
}

/// One request.
enum PlanRequest {
    Root,
    Manifest { descriptor: Box<Descriptor>, thorough: bool },
    Attached { digest: Digest, thorough: bool },
    Tagged { tag: Tag },
}

/// The image that a reference names, and the part of it that is copied.
struct Root {
    manifest: Manifest,
    from: Repository,
    /// The full index, if only a part of it is copied.
    whole: Option<Manifest>,
    content: Content,
    narrowed: Narrowed,
    /// The digest of the part.
    digest: Digest,
}

impl PlannedImage {
    fn new(request: CopyRequest, budget: &MemoryBudget, options: &Options) -> PlannedImage {
        let CopyRequest { source, destination, route } = request;
        let mut state = ImageState { tree: ManifestTree::new(budget), ..ImageState::default() };
        state.tree.with_foreign = options.with_foreign;
        let route = route.map_err(|error| state.error = Some(error)).ok();
        PlannedImage { source, destination, route, state: Mutex::new(state) }
    }

    /// Returns the state, locked.
    pub(super) fn state(&self) -> MutexGuard<'_, ImageState> {
        lock(&self.state)
    }

    /// Notes the error, and frees the memory of its manifests. The first error stays.
    pub(super) fn fail(&self, error: Error) {
        let mut state = self.state();
        state.error.get_or_insert(error);
        state.release();
    }

    /// Returns whether it failed.
    pub(super) fn failed(&self) -> bool {
        self.state().error.is_some()
    }

    /// Returns the source, as it is written.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Returns it in one line: `ghcr.io/a:1 -> registry.corp/a:1`.
    pub(super) fn line(&self) -> String {
        format!("{} -> {}", self.source, self.destination)
    }

    /// Returns the result.
    pub(super) fn into_result(self) -> ImageResult {
        let PlannedImage { source, destination, state, .. } = self;
        let ImageState { error, moved, outcome, .. } =
            state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let result = match (error, outcome) {
            (None, Some(outcome)) => Ok(outcome),
            (Some(error), _) => Err(error),
            (None, None) => {
                Err(Error::new(ErrorKind::Failed, format!("`{source}` was not checked")))
            }
        };
        ImageResult { source, destination, result, moved }
    }

    fn from(&self) -> Result<Repository> {
        let from = self.state().from.clone();
        from.ok_or_else(|| {
            Error::new(ErrorKind::Failed, format!("`{}` was not found", self.source))
        })
    }

    fn subject(&self) -> String {
        format!("`{}`", self.source)
    }
}

/// Examines all images, and reads the manifests of those that are not at the destination.
pub(super) fn plan(
    requests: Vec<CopyRequest>,
    source: &dyn ImageSource,
    target: &dyn ImageTarget,
    options: &Options,
) -> Vec<PlannedImage> {
    let budget = MemoryBudget::default();
    let images: Vec<_> =
        requests.into_iter().map(|request| PlannedImage::new(request, &budget, options)).collect();
    let names = LayoutNames::new(images.iter().filter_map(|image| image.route.as_ref()));
    let first = (0..images.len()).filter(|nth| images[*nth].route.is_some());
    let first = first.map(|nth| (nth, PlanRequest::Root)).collect();
    workers::each_with_more(first, options.jobs, |(nth, request)| {
        let image = &images[nth];
        if image.failed() {
            return Vec::new();
        }
        let planner = Planner { image, names: &names, source, target, options };
        let more = planner.run(request).unwrap_or_else(|error| {
            image.fail(error);
            Vec::new()
        });
        more.into_iter().map(|request| (nth, request)).collect()
    });
    images
}

struct Planner<'a> {
    image: &'a PlannedImage,
    names: &'a LayoutNames,
    source: &'a dyn ImageSource,
    target: &'a dyn ImageTarget,
    options: &'a Options,
}

impl Planner<'_> {
    fn run(&self, request: PlanRequest) -> Result<Vec<PlanRequest>> {
        match request {
            PlanRequest::Root => self.root(),
            PlanRequest::Manifest { descriptor, thorough } => self.manifest(&descriptor, thorough),
            PlanRequest::Attached { digest, thorough } => {
                let image = &self.image.source;
                self.attached(&digest, thorough).map_err(|error| {
                    referrers::with_attached_context(error, image, referrers::LIST)
                })
            }
            PlanRequest::Tagged { tag } => {
                let manifest = self.source.tagged(&self.image.from()?, &tag).map_err(|error| {
                    referrers::with_attached_context(
                        error,
                        &self.image.source,
                        &referrers::attached_tag_name(&tag),
                    )
                })?;
                self.image.state().tree.tags.push((tag, *manifest.digest()));
                self.add(manifest, false)
            }
        }
    }

    /// Plans the image itself, unless it is at the destination.
    fn root(&self) -> Result<Vec<PlanRequest>> {
        let Some(route) = &self.image.route else { return Ok(Vec::new()) };
        let mut root = self.select(route)?;
        check_destination(route, &root.digest)?;
        match self.record(route, &mut root)? {
            true => self.requests(root),
            false => Ok(Vec::new()),
        }
    }

    /// Resolves the image, and selects the part for the wanted platforms.
    fn select(&self, route: &CopyRoute) -> Result<Root> {
        let ResolvedImage { manifest, from, whole } = self.resolve(route)?;
        let subject = self.image.subject();
        let content = manifest.content(&subject)?;
        let narrowed = match &content {
            Content::Index(index) if !self.options.platforms.is_empty() => {
                narrow(&manifest, index, &self.options.platforms, &subject)?
            }
            _ => Narrowed::Whole,
        };
        let digest = match &narrowed {
            Narrowed::Whole => *manifest.digest(),
            Narrowed::Manifest(one) => one.digest,
            Narrowed::Index(index) => *index.digest(),
        };
        if let Content::Image(image) = &content {
            self.check_platform(&from, &image.config)?;
        }
        let whole = whole.or_else(|| (digest != *manifest.digest()).then(|| manifest.clone()));
        Ok(Root { manifest, from, whole, content, narrowed, digest })
    }

    /// Records the outcome for the image; returns whether it is to be copied or examined.
    fn record(&self, route: &CopyRoute, root: &mut Root) -> Result<bool> {
        let subject = self.image.subject();
        let to =
            self.target.reference_at_target(&self.names.name(&route.source), &route.destination);
        let is_there = self.target.digest(&to)? == Some(root.digest);
        let outcome = ImageOutcome {
            was_there: is_there,
            digest: root.digest,
            narrowed_from: root.whole.as_ref().map(|whole| *whole.digest()),
            platforms: platforms(&root.content, &root.narrowed, &subject)?,
            attached: 0,
            left_behind: Vec::new(),
            bytes: 0,
        };
        let mut state = self.image.state();
        (state.from, state.to) = (Some(root.from.clone()), Some(to));
        state.outcome = Some(outcome);
        if is_there && !self.options.recheck && !self.options.with_foreign {
            state.there = blobs_to_remember(&root.content);
            return Ok(false);
        }
        state.tree.reserve(root.whole.as_ref().map_or(0, |it| it.bytes().len()), &subject)?;
        state.whole = root.whole.take();
        Ok(true)
    }

    /// Returns the requests for the manifests of the image.
    fn requests(&self, root: Root) -> Result<Vec<PlanRequest>> {
        match root.narrowed {
            Narrowed::Whole => self.add(root.manifest, true),
            Narrowed::Manifest(one) => self.manifest(&one, true),
            // The narrowed index is new, so that it cannot have attached manifests.
            Narrowed::Index(index) => {
                let mut requests = self.add(index, true)?;
                requests.retain(|request| {
                    !matches!(request, PlanRequest::Attached { digest, .. } if *digest == root.digest)
                });
                Ok(requests)
            }
        }
    }

    /// Returns the requested image: the locked digest if there is a lock, otherwise the reference.
    fn resolve(&self, route: &CopyRoute) -> Result<ResolvedImage> {
        let subject = &self.image.source;
        let Some(locked) = route.locked else { return self.source.resolve(&route.source) };
        let is_locked = |manifest: &Manifest| *manifest.digest() == locked;
        let moved = match self.source.resolve(&route.source) {
            Ok(found) if is_locked(found.whole.as_ref().unwrap_or(&found.manifest)) => {
                return Ok(found);
            }
            Ok(found) => Error::integrity(format!("`{subject}` is another image now"))
                .fact("found", format!("sha256:{}", found.manifest.digest())),
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                Error::integrity(format!("`{subject}` does not exist any more"))
                    .fact("found", error.one_line())
            }
            Err(error) => return Err(error),
        };
        self.image.state().moved = Some(moved.fact("locked", format!("sha256:{locked}")));
        self.source.resolve(&route.source.repository().at(locked))
    }

    /// Checks that a single image is for a requested platform, if its configuration has a platform.
    fn check_platform(&self, from: &Repository, config: &Descriptor) -> Result<()> {
        #[derive(Deserialize)]
        struct Config {
            os: String,
            architecture: String,
        }
        let wanted = &self.options.platforms;
        if wanted.is_empty() || !media_type::IMAGE_CONFIGS.contains(&&*config.media_type) {
            return Ok(());
        }
        let subject = format!("the configuration of {}", self.image.subject());
        let mut bytes = Vec::new();
        self.source
            .blob(from, config)?
            .read_from(0)?
            .take(CONFIG_LIMIT)
            .read_to_end(&mut bytes)
            .doing(|| format!("read {subject}"))?;
        let found = Digest::compute(&bytes);
        if found != config.digest {
            return Err(verify::mismatch(&subject, &from.to_string(), &config.digest, &found));
        }
        let Ok(config) = serde_json::from_slice::<Config>(&bytes) else { return Ok(()) };
        let fits = |it: &Platform| it.os == config.os && it.architecture == config.architecture;
        if wanted.iter().any(fits) {
            return Ok(());
        }
        let asked: Vec<_> = wanted.iter().map(ToString::to_string).collect();
        let there =
            airgap_core::report::printable(&format!("{}/{}", config.os, config.architecture));
        Err(Error::new(
            ErrorKind::Unavailable,
            format!("{} is not available for {}", self.image.subject(), asked.join(", ")),
        )
        .fact("it is there for", there)
        .hint("ask for another `--platform`, or leave it out for all of them"))
    }

    fn manifest(&self, descriptor: &Descriptor, thorough: bool) -> Result<Vec<PlanRequest>> {
        let from = self.image.from()?;
        let manifest = self.source.manifest(&from, descriptor).map_err(|error| {
            match error.kind() {
                // Only attached manifests are not examined thoroughly.
                _ if !thorough => {
                    let what = referrers::referrer_name(descriptor);
                    referrers::with_attached_context(error, &self.image.source, &what)
                }
                ErrorKind::Unavailable => error.hint(format!(
                    "it belongs to {}; if the source has only some of its platforms, name them with `--platform`",
                    self.image.subject()
                )),
                _ => error,
            }
        })?;
        let size = manifest.bytes().len() as u64;
        if size != descriptor.size {
            let subject = format!("`{}`", from.at(descriptor.digest));
            let found = size.to_string();
            return Err(verify::wrong_size(&subject, &self.image.source, descriptor.size, &found));
        }
        self.add(manifest, thorough)
    }

    /// Adds a manifest; returns the requests that follow from it.
    fn add(&self, manifest: Manifest, thorough: bool) -> Result<Vec<PlanRequest>> {
        let digest = *manifest.digest();
        let mut state = self.image.state();
        let children = state.tree.add(manifest, &self.image.subject())?;
        let mut requests = Vec::new();
        for child in children {
            if state.tree.claim(child.digest, &self.image.subject())? {
                requests.push(PlanRequest::Manifest { descriptor: Box::new(child), thorough });
            }
        }
        if !self.options.without_attached {
            requests.push(PlanRequest::Attached { digest, thorough });
        }
        Ok(requests)
    }

    fn attached(&self, digest: &Digest, thorough: bool) -> Result<Vec<PlanRequest>> {
        let found = self.source.attached(&self.image.from()?, digest, thorough)?;
        let mut requests = Vec::new();
        let mut state = self.image.state();
        for descriptor in found.referrers {
            if state.tree.claim(descriptor.digest, &self.image.subject())? {
                let Descriptor { media_type, digest, size, .. } = &descriptor;
                let descriptor = Box::new(Descriptor::new(media_type, *digest, *size));
                requests.push(PlanRequest::Manifest { descriptor, thorough: false });
            }
            state.tree.attach(*digest, descriptor, &self.image.subject())?;
        }
        requests.extend(found.tags.into_iter().map(|tag| PlanRequest::Tagged { tag }));
        Ok(requests)
    }
}

/// Returns the blobs of an image at the destination that other repositories can mount.
fn blobs_to_remember(content: &Content) -> Vec<Digest> {
    let Content::Image(image) = content else { return Vec::new() };
    let blobs = std::iter::once(&image.config).chain(&image.layers);
    blobs.map(|blob| blob.digest).take(KNOWN_BLOBS).collect()
}

/// Refuses a digest other than that in the destination.
fn check_destination(route: &CopyRoute, digest: &Digest) -> Result<()> {
    match route.destination.digest() {
        Some(wanted) if wanted != digest => Err(Error::integrity(format!(
            "`{}` is to have another digest",
            route.destination
        ))
        .fact("expected", format!("sha256:{wanted}"))
        .fact("found", format!("sha256:{digest}"))
        .hint(
            "an index with fewer platforms has another digest; write the destination with a tag",
        )),
        _ => Ok(()),
    }
}

/// Returns the platforms of the copied image.
fn platforms(content: &Content, narrowed: &Narrowed, subject: &str) -> Result<Vec<String>> {
    let names = |all: &[Descriptor]| {
        let known = all.iter().filter_map(|it| it.platform.as_ref()).map(ToString::to_string);
        let mut names: Vec<_> = known.filter(|it| it != "unknown/unknown").collect();
        names.dedup();
        names
    };
    Ok(match (narrowed, content) {
        (Narrowed::Manifest(one), _) => names(std::slice::from_ref(one)),
        (Narrowed::Index(index), _) => match index.content(subject)? {
            Content::Index(index) => names(&index.manifests),
            Content::Image(_) => Vec::new(),
        },
        (Narrowed::Whole, Content::Index(index)) => names(&index.manifests),
        (Narrowed::Whole, Content::Image(_)) => Vec::new(),
    })
}
