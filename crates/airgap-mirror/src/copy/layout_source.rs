//! An OCI image layout as a source of images.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::endpoint::{AttachedManifests, ImageSource, ResolvedImage};
use super::referrers::SUFFIXES;
use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::report::{Item, shortened};
use airgap_core::rooted::RootedPath;
use airgap_oci::{
    Content, Descriptor, Layout, Manifest, Readable, Reference, Repository, Tag, media_type,
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
