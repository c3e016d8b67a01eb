//! OCI image layouts as sources and targets.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use super::endpoint::{
    AttachedManifests, BlobCopy, BlobOutcome, ImageSource, ImageTarget, ResolvedImage,
};
use super::referrers::SUFFIXES;
use airgap_core::digest::Digest;
use airgap_core::error::{Context, Error, ErrorKind, Result};
use airgap_core::report::{Item, shortened};
use airgap_core::rooted::RootedPath;
use airgap_core::store::FileLock;
use airgap_core::workers::lock;
use airgap_oci::{
    Content, Descriptor, Layout, LayoutFolder, Manifest, Readable, Reference, Repository, Tag,
    media_type,
};

/// The largest number of names of a layout in a message, and the largest length of each.
const NAMES_SHOWN: usize = 5;
const NAME_SHOWN: usize = 200;

/// A layout as a source, with images under the names of their sources.
pub struct LayoutSource {
    layout: Layout,
    shown: String,
    /// The positions of the attached entries in the index, by the digest of their subject.
    attached: HashMap<Digest, Vec<u32>>,
}

impl LayoutSource {
    /// Opens a folder or a tar.
    ///
    /// # Errors
    /// The errors of [`Layout::open`]; integrity, if a manifest in its index is damaged.
    pub fn open(path: &Path, shown: &str) -> Result<LayoutSource> {
        let layout = Layout::open(path)?;
        let mut attached: HashMap<_, Vec<_>> = HashMap::new();
        // One manifest may be in the index any number of times, and is read once.
        let mut seen = HashSet::new();
        for (index, entry) in (0..).zip(layout.entries()) {
            if !media_type::is_manifest(&entry.media_type) || !seen.insert(entry.digest) {
                continue;
            }
            let Some(manifest) = layout.manifest(&entry.digest, &entry.media_type)? else {
                continue;
            };
            let subject = match manifest.content(&format!("`{shown}`"))? {
                Content::Image(image) => image.subject,
                Content::Index(index) => index.subject,
            };
            if let Some(subject) = subject {
                attached.entry(subject.digest).or_default().push(index);
            }
        }
        Ok(LayoutSource { layout, shown: shown.to_owned(), attached })
    }

    /// Creates a source that does not know which manifests are attached to others. No manifest is
    /// read, so a damaged one is the error of its own image only.
    pub(super) fn without_attached(layout: Layout, shown: &str) -> LayoutSource {
        LayoutSource { layout, shown: shown.to_owned(), attached: HashMap::new() }
    }

    /// Returns the layout.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns the entries that may be the requested image: first one with its name, which may have
    /// another digest by now; then those with the same source, whole indexes before narrowed ones.
    fn entries<'a>(&'a self, reference: &'a Reference) -> impl Iterator<Item = &'a Descriptor> {
        let named = self.layout.named(&reference.by_name()).into_iter();
        let digest = reference.digest();
        let wholes = digest.into_iter().flat_map(|it| self.layout.with_digest(it));
        let parts = digest.into_iter().flat_map(|it| self.layout.parts_of(it));
        named.chain(wholes).chain(parts)
    }

    /// Returns the full index that a narrowed entry is a part of. The relation is checked, because
    /// trust in the digest of the full index extends to the part.
    fn whole(&self, entry: &Descriptor, part: &Manifest) -> Result<Option<Manifest>> {
        let Some(digest) = entry.narrowed_from() else { return Ok(None) };
        let subject = format!("`sha256:{digest}` in `{}`", self.shown);
        let whole = self.get(&Descriptor::new(media_type::INDEX, digest, 0))?;
        let manifests = |manifest: &Manifest| -> Result<Vec<Digest>> {
            Ok(match manifest.content(&subject)? {
                Content::Index(index) => index.manifests.iter().map(|it| it.digest).collect(),
                Content::Image(_) => vec![*manifest.digest()],
            })
        };
        let all: HashSet<_> = manifests(&whole)?.into_iter().collect();
        match manifests(part)?.iter().all(|it| all.contains(it)) {
            true => Ok(Some(whole)),
            false => Err(Error::integrity(format!(
                "`sha256:{}` in `{}` is not a part of `sha256:{digest}`, although its index lists \
                 it",
                part.digest(),
                self.shown
            ))
            .hint("the layout was changed or damaged; copy the image into it again")),
        }
    }

    fn get(&self, descriptor: &Descriptor) -> Result<Manifest> {
        let Descriptor { digest, media_type, .. } = descriptor;
        self.layout.manifest(digest, media_type)?.ok_or_else(|| {
            Error::new(
                ErrorKind::Unavailable,
                format!("`sha256:{digest}` is not in `{}`", self.shown),
            )
            .hint("the layout is incomplete; copy the image into it again")
        })
    }
}

impl ImageSource for LayoutSource {
    fn resolve(&self, reference: &Reference) -> Result<ResolvedImage> {
        let from = reference.repository().clone();
        for entry in self.entries(reference) {
            let manifest = self.get(entry)?;
            let whole = self.whole(entry, &manifest)?;
            let known = whole.as_ref().unwrap_or(&manifest).digest();
            if reference.digest().is_none_or(|it| it == manifest.digest() || it == known) {
                return Ok(ResolvedImage { manifest, from, whole });
            }
        }
        if let Some(digest) = reference.digest()
            && let Some(manifest) = self.layout.manifest(digest, media_type::MANIFEST)?
        {
            return Ok(ResolvedImage { manifest, from, whole: None });
        }
        let error =
            Error::new(ErrorKind::Unavailable, format!("`{reference}` is not in `{}`", self.shown))
                .fact("in its index", names(self.layout.entries()));
        let tag = reference.tag().map(Tag::as_str);
        let mut all = self.layout.entries().iter().filter_map(Descriptor::layout_name);
        Err(match tag.filter(|tag| all.any(|name| name == *tag)) {
            Some(tag) => {
                let (transport, layout) = (self.layout.transport(), &self.shown);
                error.hint(format!(
                    "an image in a layout is found by its whole name, but `{tag}` is only a tag: \
                     `skopeo copy {transport}:{layout}:{tag} oci:named:{reference}`, and then \
                     `--from named`"
                ))
            }
            None => error.hint(
                "copy it into the layout on a machine with a network, with the same list; the \
                 names must be those of the list",
            ),
        })
    }

    fn manifest(&self, _: &Repository, descriptor: &Descriptor) -> Result<Manifest> {
        self.get(descriptor)
    }

    fn tagged(&self, from: &Repository, tag: &Tag) -> Result<Manifest> {
        self.resolve(&from.tagged(tag.clone())).map(|found| found.manifest)
    }

    fn attached(&self, from: &Repository, digest: &Digest, _: bool) -> Result<AttachedManifests> {
        let indexes = self.attached.get(digest).into_iter().flatten();
        let referrers = indexes.filter_map(|it| self.layout.entries().get(*it as usize)).cloned();
        let tags = SUFFIXES.iter().map(|suffix| Tag::for_attached(digest, suffix));
        let is_there = |tag: &Tag| self.layout.named(&from.tagged(tag.clone())).is_some();
        Ok(AttachedManifests {
            referrers: referrers.collect(),
            tags: tags.filter(is_there).collect(),
        })
    }

    fn blob<'a>(
        &'a self,
        _: &'a Repository,
        descriptor: &'a Descriptor,
    ) -> Result<Box<dyn Readable + 'a>> {
        Ok(Box::new(self.layout.blob(descriptor)?))
    }

    fn download(
        &self,
        _: &Repository,
        _: &Descriptor,
        _: &RootedPath,
        _: &Item,
    ) -> Result<Option<()>> {
        Ok(None)
    }

    fn is_in_mount_scope(&self, _: &Repository, _: &str) -> bool {
        false
    }
}

/// Returns the names of the first entries of an index, for a message.
fn names(entries: &[Descriptor]) -> String {
    let all: Vec<_> = entries.iter().filter_map(Descriptor::layout_name).collect();
    let mut parts: Vec<_> =
        all.iter().take(NAMES_SHOWN).map(|it| format!("`{}`", shortened(it, NAME_SHOWN))).collect();
    let more = all.len().saturating_sub(NAMES_SHOWN);
    let unnamed = entries.len() - all.len();
    parts.extend((more > 0).then(|| format!("{more} more")));
    parts.extend((unnamed > 0).then(|| format!("{unnamed} without a name")));
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

/// A layout folder as a target.
pub struct LayoutTarget {
    layout: LayoutFolder,
    /// Whether all attached manifests without a name are complete and undamaged.
    attached: OnceLock<bool>,
}

impl LayoutTarget {
    /// Creates a target for the layout in this folder; the first blob creates a missing folder.
    ///
    /// # Errors
    /// The errors of [`LayoutFolder::at`].
    pub fn at(path: &Path) -> Result<LayoutTarget> {
        Ok(LayoutTarget { layout: LayoutFolder::at(path)?, attached: OnceLock::new() })
    }
}

impl ImageTarget for LayoutTarget {
    fn reference_at_target(&self, name: &Reference, _: &Reference) -> Reference {
        name.clone()
    }

    fn mount_scope(&self, _: &Repository) -> String {
        String::new()
    }

    fn digest(&self, to: &Reference) -> Result<Option<Digest>> {
        let Some(layout) = self.layout.layout()? else { return Ok(None) };
        let attached =
            self.attached.get_or_init(|| self.layout.holds(&layout, attached(layout.entries())));
        Ok(complete_entry(&layout, to, |it| *attached && self.layout.holds(&layout, [it])))
    }

    fn put_blob(
        &self,
        blob: &BlobCopy<'_>,
        _: Option<&Repository>,
        item: &Item,
    ) -> Result<BlobOutcome> {
        let BlobCopy { descriptor, source, from, .. } = blob;
        // A damaged blob is written again.
        if self.layout.has(&descriptor.digest) {
            return Ok(BlobOutcome::Existing);
        }
        let path = self.layout.path(&descriptor.digest);
        let downloaded = match blob.url {
            Some(_) => None,
            None => source.download(from, descriptor, &path, item)?,
        };
        match downloaded {
            Some(()) => self.layout.stored(&descriptor.digest),
            None => self.layout.store(descriptor, &*blob.bytes()?, item)?,
        }
        Ok(BlobOutcome::Transferred)
    }

    fn put_manifest(&self, _: &Repository, manifest: &Manifest) -> Result<bool> {
        self.layout.store_manifest(manifest).map(|()| false)
    }

    fn put_named(
        &self,
        to: &Reference,
        manifest: &Manifest,
        whole: Option<&Manifest>,
    ) -> Result<()> {
        whole.map_or(Ok(()), |whole| self.layout.store_manifest(whole))?;
        self.layout.store_manifest(manifest)?;
        self.layout.enter(to, manifest, whole.map(Manifest::digest))
    }

    fn attach(&self, _: &Repository, _: &Digest, attached: &[Descriptor]) -> Result<()> {
        self.layout.index_attached(attached)
    }
}

/// Returns the digest that a name has in an index, if all its content is there and undamaged: a
/// layout is carried across the gap, and damage would be found only there.
fn complete_entry(
    layout: &Layout,
    to: &Reference,
    is_complete: impl Fn(&Descriptor) -> bool,
) -> Option<Digest> {
    let entry = layout.entry_named(&to.to_string())?;
    is_complete(entry).then_some(entry.digest)
}

/// Returns the entries of attached manifests: referrers, which have no name, and those with a tag
/// that cosign makes.
fn attached(entries: &[Descriptor]) -> impl Iterator<Item = &Descriptor> {
    let is_attached = |name: &str| SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
    entries.iter().filter(move |it| it.layout_name().is_none_or(is_attached))
}

/// A tar as a target. It is built in a folder beside it, and the next run continues there if a run
/// was killed or an image failed. One process at a time works on a tar.
pub struct ArchiveTarget {
    archive: PathBuf,
    folder: RootedPath,
    /// The content of the tar; `None` if the folder is newer.
    old: Option<Layout>,
    /// Whether all manifests that are attached to images in the tar are complete and undamaged.
    attached: OnceLock<bool>,
    /// The folder's target, created with the first blob.
    inner: Mutex<Option<std::sync::Arc<LayoutTarget>>>,
    _lock: FileLock,
}

impl ArchiveTarget {
    /// Creates a target for the tar at this path, which may exist. Calls `waits` once if another
    /// process works on it.
    ///
    /// # Errors
    /// Usage, if the path has something that is not a layout in a tar.
    pub fn at(archive: &Path, waits: &dyn Fn()) -> Result<ArchiveTarget> {
        let name = archive.file_name().ok_or_else(|| {
            Error::usage(format!("`{}` is not a valid name for a tar", archive.display()))
        })?;
        let name = name.to_string_lossy();
        let place = RootedPath::beside(archive);
        let folder = place.with_name(format!(".{name}.layout"));
        let lock = FileLock::acquire(&place.with_name(format!(".{name}.layout.lock")), waits)?;
        let doing = || format!("read `{folder}`");
        let (mut old, mut inner) = (None, None);
        let continues = folder.join("index.json").is_file().doing(doing)?;
        if continues || place.stat().doing(doing)?.is_none() {
            inner = Some(std::sync::Arc::new(LayoutTarget::at(folder.path())?));
        } else {
            old = Some(Layout::open(archive)?);
        }
        Ok(ArchiveTarget {
            archive: archive.to_owned(),
            folder,
            old,
            attached: OnceLock::new(),
            inner: Mutex::new(inner),
            _lock: lock,
        })
    }

    /// Returns the folder's target, with all content of the tar in it.
    fn inner(&self) -> Result<std::sync::Arc<LayoutTarget>> {
        let mut inner = lock(&self.inner);
        if let Some(inner) = &*inner {
            return Ok(inner.clone());
        }
        let made = std::sync::Arc::new(LayoutTarget::at(self.folder.path())?);
        if let Some(old) = &self.old {
            made.layout.copy_all_from(old)?;
        }
        *inner = Some(made.clone());
        Ok(made)
    }

    /// Removes the folder. Its index goes first: a folder without an index is not continued.
    fn remove_folder(&self) -> Result<()> {
        let remove = || {
            let Some(_) = self.folder.stat()? else { return Ok(()) };
            self.folder.open_folder()?.remove_if_there("index.json".as_ref())?;
            self.folder.folder()?.remove_all(self.folder.name())
        };
        remove().doing(|| format!("remove `{}`", self.folder))
    }
}

impl ImageTarget for ArchiveTarget {
    fn reference_at_target(&self, name: &Reference, _: &Reference) -> Reference {
        name.clone()
    }

    fn mount_scope(&self, _: &Repository) -> String {
        String::new()
    }

    fn digest(&self, to: &Reference) -> Result<Option<Digest>> {
        match &self.old {
            Some(old) => {
                let attached =
                    self.attached.get_or_init(|| old.is_complete(attached(old.entries())));
                Ok(complete_entry(old, to, |it| *attached && old.is_complete([it])))
            }
            None => self.inner()?.digest(to),
        }
    }

    fn put_blob(
        &self,
        blob: &BlobCopy<'_>,
        known: Option<&Repository>,
        item: &Item,
    ) -> Result<BlobOutcome> {
        self.inner()?.put_blob(blob, known, item)
    }

    fn put_manifest(&self, to: &Repository, manifest: &Manifest) -> Result<bool> {
        self.inner()?.put_manifest(to, manifest)
    }

    fn put_named(
        &self,
        to: &Reference,
        manifest: &Manifest,
        whole: Option<&Manifest>,
    ) -> Result<()> {
        self.inner()?.put_named(to, manifest, whole)
    }

    fn attach(&self, to: &Repository, subject: &Digest, attached: &[Descriptor]) -> Result<()> {
        self.inner()?.attach(to, subject, attached)
    }

    fn finish(&self, well: bool) -> Result<Option<String>> {
        let inner = lock(&self.inner).clone();
        if let Some(inner) = inner.filter(|_| well)
            && !inner.layout.entries()?.is_empty()
        {
            inner.layout.pack(&self.archive)?;
        }
        if well {
            return self.remove_folder().map(|()| None);
        }
        let is_there = self.folder.stat().doing(|| format!("read `{}`", self.folder))?.is_some();
        Ok(is_there.then(|| {
            format!(
                "`{}` is unchanged, because some images could not be copied; `{}` has the others, \
                 and the next run continues there",
                self.archive.display(),
                self.folder
            )
        }))
    }
}
