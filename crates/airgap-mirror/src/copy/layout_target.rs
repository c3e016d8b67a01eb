//! A folder with an OCI image layout as a target of images.

use std::path::Path;
use std::sync::OnceLock;

use super::endpoint::{BlobCopy, BlobOutcome, ImageTarget};
use super::referrers::SUFFIXES;
use airgap_core::digest::Digest;
use airgap_core::error::Result;
use airgap_core::report::Item;
use airgap_oci::{Descriptor, Layout, LayoutFolder, Manifest, Reference, Repository};

/// A layout folder as a target.
pub struct LayoutTarget {
    pub(super) layout: LayoutFolder,
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
pub(super) fn complete_entry(
    layout: &Layout,
    to: &Reference,
    is_complete: impl Fn(&Descriptor) -> bool,
) -> Option<Digest> {
    let entry = layout.entry_named(&to.to_string())?;
    is_complete(entry).then_some(entry.digest)
}

/// Returns the entries of attached manifests: referrers, which have no name, and those with a tag
/// that cosign makes.
pub(super) fn attached(entries: &[Descriptor]) -> impl Iterator<Item = &Descriptor> {
    let is_attached = |name: &str| SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
    entries.iter().filter(move |it| it.layout_name().is_none_or(is_attached))
}
