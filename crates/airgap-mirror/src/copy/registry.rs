//! Registries as sources and targets.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::endpoint::{
    AttachedManifests, BlobCopy, BlobOutcome, ImageSource, ImageTarget, ResolvedImage,
};
use super::referrers::{self, SUFFIXES};
use airgap_config::registries::{Registries, SourceLocation};
use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::report::Item;
use airgap_core::rooted::RootedPath;
use airgap_core::search::{self, Answer};
use airgap_core::workers::lock;
use airgap_oci::{
    Client, Descriptor, Manifest, MountResult, Readable, Reference, Registry, Repository, Tag,
    media_type,
};
use airgap_vendor::clients;

/// A source of images in registries, or in the mirrors that the settings name for them.
pub struct RegistrySource<'a> {
    client: &'a Client,
    registries: &'a Registries,
    /// Whether a registry supports the referrers API; each is asked once.
    knows: Mutex<HashMap<Registry, Arc<Mutex<Option<bool>>>>>,
    /// The tags of a repository that are made of a digest, if there are few of them.
    tags: Mutex<HashMap<Repository, Arc<OnceLock<FewTags>>>>,
    /// The number of kept tags of all repositories.
    kept: AtomicUsize,
}

/// The largest number of kept tags of all repositories. Beyond it, each tag needs a request.
const TAGS_KEPT: usize = 200_000;

/// The tags of a repository; `None` if they are many, or the registry does not list them.
type FewTags = Option<HashSet<String>>;

impl<'a> RegistrySource<'a> {
    /// Creates a source with this client and these settings.
    pub fn new(client: &'a Client, registries: &'a Registries) -> RegistrySource<'a> {
        let (knows, tags, kept) = (Mutex::default(), Mutex::default(), AtomicUsize::new(0));
        RegistrySource { client, registries, knows, tags, kept }
    }

    /// Returns the digest of a reference, by one request that does not count against a rate limit.
    ///
    /// # Errors
    /// The errors of [`ImageSource::resolve`].
    pub fn digest(&self, reference: &Reference) -> Result<Digest> {
        let head =
            |there: &Reference| self.client.manifest_digest(there, &media_type::ALL_MANIFESTS);
        self.first_available(reference, head).map(|(digest, _)| digest)
    }

    /// Returns the tags of a repository that `wanted` accepts, from the first place that lists them.
    ///
    /// # Errors
    /// The errors of [`Client::tags`]; integrity, if it accepts more than `most` tags.
    pub fn tags_that(
        &self,
        repository: &Repository,
        wanted: &dyn Fn(&str) -> bool,
        most: usize,
    ) -> Result<Vec<String>> {
        let subject = format!("the tags of `{repository}`");
        let ask = |place: &Repository| self.client.tags_that(place, wanted, most);
        first_available(self.registries, repository, &subject, ask).map(|(tags, _)| tags)
    }

    fn first_available<T>(
        &self,
        reference: &Reference,
        ask: impl Fn(&Reference) -> Result<T>,
    ) -> Result<(T, Repository)> {
        let of = reference.repository();
        first_available(self.registries, of, &format!("`{reference}`"), |place| {
            ask(&within(place, reference))
        })
    }

    /// Returns whether a tag exists, if the tags of the repository are known.
    fn has_tag(&self, from: &Repository, tag: &Tag) -> Option<bool> {
        let slot = lock(&self.tags).entry(from.clone()).or_default().clone();
        // If the registry fails here, it fails again in a request whose error is reported.
        let tags = slot.get_or_init(|| {
            let left = TAGS_KEPT.saturating_sub(self.kept.load(Ordering::Relaxed));
            let tags = self.client.few_tags(from, is_digest_tag, left).ok().flatten()?;
            self.kept.fetch_add(tags.len(), Ordering::Relaxed);
            Some(tags.into_iter().collect())
        });
        tags.as_ref().map(|tags| tags.contains(tag.as_str()))
    }

    fn is_there(&self, from: &Repository, tag: &Tag, thorough: bool) -> Result<bool> {
        match self.has_tag(from, tag) {
            Some(known) => Ok(known),
            None if !thorough => Ok(false),
            None => {
                let tagged = from.tagged(tag.clone());
                let head = self.client.head_manifest(&tagged, &media_type::ALL_MANIFESTS)?;
                Ok(head.is_some())
            }
        }
    }

    /// Returns the referrers of a digest by the registry's own API, if it supports it.
    fn known(&self, from: &Repository, digest: &Digest) -> Result<Option<Vec<Descriptor>>> {
        let slot = lock(&self.knows).entry(from.registry().clone()).or_default().clone();
        // The first caller asks the registry; without support, no later caller asks again.
        let mut knows = lock(&slot);
        match *knows {
            Some(false) => Ok(None),
            Some(true) => {
                drop(knows);
                self.client.api_referrers(from, digest)
            }
            None => {
                let found = self.client.api_referrers(from, digest)?;
                *knows = Some(found.is_some());
                Ok(found)
            }
        }
    }
}

/// Returns whether a tag is made of a digest. Only such tags are kept and looked up.
fn is_digest_tag(tag: &str) -> bool {
    tag.starts_with("sha256-")
}

/// Tries each place that the settings name for a repository, in order; returns the first answer
/// with its repository. `subject` is the requested item, for messages.
///
/// # Errors
/// Integrity, as soon as one place has other content; otherwise the most severe error of all
/// places.
pub(crate) fn first_available<T>(
    registries: &Registries,
    of: &Repository,
    subject: &str,
    ask: impl Fn(&Repository) -> Result<T>,
) -> Result<(T, Repository)> {
    let searched = search::in_order(places(registries, of)?, |place| match ask(place) {
        Ok(answer) => Ok(Answer::Found(answer)),
        // Wrong content must be reported, and not hidden by the answer of another place.
        Err(error) if error.kind() == ErrorKind::Integrity => Err(error),
        Err(error) => Ok(Answer::Passed(error)),
    })?;
    if let Some(found) = searched.found {
        return Ok(found);
    }
    let mut errors: Vec<_> = searched.passed.into_iter().map(|(_, error)| error).collect();
    if errors.len() == 1 {
        return Err(errors.remove(0));
    }
    let error = Error::from_many(&errors, format!("{subject} was not found in any of its sources"));
    Err(errors.iter().fold(error, |error, it| error.fact("tried", it.one_line())))
}

/// Returns the repositories that may have the content, in the order of the settings.
fn places(registries: &Registries, of: &Repository) -> Result<Vec<Repository>> {
    let sources = registries.repository(of.registry().as_str(), of.name())?;
    let mut places = Vec::new();
    for source in sources {
        if let SourceLocation::Oci { registry, repository } = source.place {
            places.push(clients::repository(&registry, &repository)?);
        }
    }
    Ok(places)
}

/// Returns the same tag or digest in another repository. If there are both, the digest counts.
pub(crate) fn within(place: &Repository, reference: &Reference) -> Reference {
    match (reference.digest(), reference.tag()) {
        (Some(digest), _) => place.at(*digest),
        (None, Some(tag)) => place.tagged(tag.clone()),
        (None, None) => reference.clone(),
    }
}

impl ImageSource for RegistrySource<'_> {
    fn resolve(&self, reference: &Reference) -> Result<ResolvedImage> {
        let ask = |there: &Reference| self.client.manifest(there, &media_type::ALL_MANIFESTS);
        let (manifest, from) = self.first_available(reference, ask)?;
        Ok(ResolvedImage { manifest, from, whole: None })
    }

    fn manifest(&self, from: &Repository, descriptor: &Descriptor) -> Result<Manifest> {
        self.client.manifest(&from.at(descriptor.digest), &media_type::ALL_MANIFESTS)
    }

    fn tagged(&self, from: &Repository, tag: &Tag) -> Result<Manifest> {
        self.client.manifest(&from.tagged(tag.clone()), &media_type::ALL_MANIFESTS)
    }

    fn attached(
        &self,
        from: &Repository,
        digest: &Digest,
        thorough: bool,
    ) -> Result<AttachedManifests> {
        let mut found = AttachedManifests::default();
        match self.known(from, digest)? {
            Some(known) => found.referrers = known,
            None => {
                let tag = Tag::for_attached(digest, "");
                if self.is_there(from, &tag, thorough)? {
                    found.referrers = self.client.tagged_referrers(from, digest)?;
                }
            }
        }
        for suffix in SUFFIXES {
            let tag = Tag::for_attached(digest, suffix);
            if self.is_there(from, &tag, thorough)? {
                found.tags.push(tag);
            }
        }
        Ok(found)
    }

    fn blob<'a>(
        &'a self,
        from: &'a Repository,
        descriptor: &'a Descriptor,
    ) -> Result<Box<dyn Readable + 'a>> {
        Ok(Box::new(self.client.remote_blob(from, descriptor)))
    }

    fn blob_at<'a>(
        &'a self,
        url: &str,
        descriptor: &'a Descriptor,
    ) -> Result<Option<Box<dyn Readable + 'a>>> {
        Ok(Some(Box::new(self.client.blob_at_url(url, descriptor)?)))
    }

    fn download(
        &self,
        from: &Repository,
        descriptor: &Descriptor,
        path: &RootedPath,
        item: &Item,
    ) -> Result<Option<()>> {
        self.client.blob(from, descriptor, path, item).map(|_| Some(()))
    }

    fn is_in_mount_scope(&self, from: &Repository, mount_scope: &str) -> bool {
        from.registry().as_str() == mount_scope
    }
}

/// A target that pushes images to registries.
pub struct RegistryTarget<'a> {
    client: &'a Client,
    /// The lock for changes of a referrers tag (OCI distribution-spec "Referrers Tag Schema").
    lists: Mutex<()>,
}

impl<'a> RegistryTarget<'a> {
    /// Creates a target that pushes with this client.
    pub fn new(client: &'a Client) -> RegistryTarget<'a> {
        RegistryTarget { client, lists: Mutex::default() }
    }
}

impl ImageTarget for RegistryTarget<'_> {
    fn reference_at_target(&self, _: &Reference, destination: &Reference) -> Reference {
        destination.by_name()
    }

    fn mount_scope(&self, to: &Repository) -> String {
        to.registry().to_string()
    }

    fn digest(&self, to: &Reference) -> Result<Option<Digest>> {
        Ok(self.client.head_manifest_to_push(to)?.map(|found| found.digest))
    }

    fn put_blob(
        &self,
        blob: &BlobCopy<'_>,
        known: Option<&Repository>,
        item: &Item,
    ) -> Result<BlobOutcome> {
        let BlobCopy { descriptor, to, .. } = blob;
        let digest = &descriptor.digest;
        if known == Some(*to) {
            return Ok(BlobOutcome::Existing);
        }
        let location = match known {
            Some(known) => match self.client.mount(known, to, digest)? {
                MountResult::Mounted => return Ok(BlobOutcome::Mounted),
                // A registry that does not mount may have the blob from an earlier run.
                MountResult::Upload(_) if self.client.has_blob_to_push(to, digest)? => {
                    return Ok(BlobOutcome::Existing);
                }
                MountResult::Upload(location) => location,
            },
            None if self.client.has_blob_to_push(to, digest)? => return Ok(BlobOutcome::Existing),
            None => match self.client.mount_from_anywhere(to, digest)? {
                MountResult::Mounted => return Ok(BlobOutcome::Mounted),
                MountResult::Upload(location) => location,
            },
        };
        let bytes = blob.bytes()?;
        self.client.push_blob(to, descriptor, &*bytes, Some(location), item)?;
        Ok(BlobOutcome::Transferred)
    }

    fn put_manifest(&self, to: &Repository, manifest: &Manifest) -> Result<bool> {
        self.client.put_referrer(&to.at(*manifest.digest()), manifest)
    }

    fn put_named(&self, to: &Reference, manifest: &Manifest, _: Option<&Manifest>) -> Result<()> {
        self.client.put_manifest(to, manifest.bytes(), manifest.media_type()).map(drop)
    }

    fn attach(&self, to: &Repository, subject: &Digest, attached: &[Descriptor]) -> Result<()> {
        let _alone = lock(&self.lists);
        let list = to.tagged(Tag::for_attached(subject, ""));
        let old = self.client.tagged_referrers_to_push(to, subject)?;
        match referrers::merge_referrers(&old, attached)? {
            Some(index) => self.put_named(&list, &index, None),
            None => Ok(()),
        }
    }
}
