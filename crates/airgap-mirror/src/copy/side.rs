//! What copying needs of where images come from and go to.

use airgap_core::digest::Digest;
use airgap_core::error::{Error, Kind, Result};
use airgap_core::report::Item;
use airgap_core::rooted::RootedPath;
use airgap_oci::{Descriptor, Manifest, Readable, Reference, Repository, Tag};

/// Where images come from.
pub trait Source: Sync {
    /// What a reference names, and the repository that has it: a mirror may stand in for another.
    ///
    /// # Errors
    /// Unavailable, where it is not there; integrity, where it is wrong; otherwise network.
    fn resolve(&self, reference: &Reference) -> Result<Found>;

    /// A manifest by its digest.
    ///
    /// # Errors
    /// As [`Source::resolve`].
    fn manifest(&self, from: &Repository, descriptor: &Descriptor) -> Result<Manifest>;

    /// A manifest by its tag.
    ///
    /// # Errors
    /// As [`Source::resolve`].
    fn tagged(&self, from: &Repository, tag: &Tag) -> Result<Manifest>;

    /// What is attached to a manifest. What is attached to something attached is only looked for
    /// where that costs little: `thorough` is for the images themselves.
    ///
    /// # Errors
    /// Network, where the registry does not say.
    fn attached(&self, from: &Repository, digest: &Digest, thorough: bool) -> Result<Attached>;

    /// A blob to be read from any position.
    ///
    /// # Errors
    /// Unavailable, where it is not there. A registry tells that later, when it is read.
    fn blob<'a>(
        &'a self,
        from: &'a Repository,
        descriptor: &'a Descriptor,
    ) -> Result<Box<dyn Readable + 'a>>;

    /// A blob from an address that a manifest names for it, to be read from any position; nothing
    /// where no other address is asked than those of the source.
    ///
    /// # Errors
    /// Usage, where that is not an address.
    fn blob_at<'a>(
        &'a self,
        _url: &str,
        _descriptor: &'a Descriptor,
    ) -> Result<Option<Box<dyn Readable + 'a>>> {
        Ok(None)
    }

    /// Writes a blob to a file, continuing what an earlier run left; nothing where this is not a
    /// way that is any better than reading it.
    ///
    /// # Errors
    /// Integrity, where digest or size are others; otherwise unavailable or network.
    fn download(
        &self,
        from: &Repository,
        descriptor: &Descriptor,
        path: &RootedPath,
        item: &Item,
    ) -> Result<Option<()>>;

    /// Whether this repository is itself on a shelf: see [`Target::shelf`].
    fn is_on(&self, from: &Repository, shelf: &str) -> bool;
}

/// An image where it comes from.
pub struct Found {
    /// Its manifest or index.
    pub manifest: Manifest,
    /// Where it is.
    pub from: Repository,
    /// The index that this is a part of, where a layout has only some of its platforms.
    pub whole: Option<Manifest>,
}

/// What is attached to a manifest.
#[derive(Default)]
pub struct Attached {
    /// Manifests that name it as their subject.
    pub referrers: Vec<Descriptor>,
    /// Tags that are made of its digest, as cosign does it.
    pub tags: Vec<Tag>,
}

/// Where images go to.
pub trait Target: Sync {
    /// Where an image goes: its destination, or in a layout the name of its source.
    fn place(&self, name: &Reference, destination: &Reference) -> Reference;

    /// What blobs of these repositories have in common: one that is in the one can be had in the
    /// other without moving it.
    fn shelf(&self, to: &Repository) -> String;

    /// The digest of what is there under this name.
    ///
    /// # Errors
    /// Network, where the registry does not say.
    fn digest(&self, to: &Reference) -> Result<Option<Digest>>;

    /// Brings a blob there. `known` is a repository on the same shelf that has it.
    ///
    /// # Errors
    /// Those of the source, and those of the destination.
    fn put_blob(&self, blob: &Parcel<'_>, known: Option<&Repository>, item: &Item)
    -> Result<Moved>;

    /// Puts a manifest under its digest; says whether what it is attached to will be listed by the
    /// destination itself.
    ///
    /// # Errors
    /// Those of the destination.
    fn put_manifest(&self, to: &Repository, manifest: &Manifest) -> Result<bool>;

    /// Puts a manifest under a name: what makes it visible. `whole` is the index that it is a part
    /// of, where it has fewer platforms.
    ///
    /// # Errors
    /// Those of the destination.
    fn put_named(
        &self,
        to: &Reference,
        manifest: &Manifest,
        whole: Option<&Manifest>,
    ) -> Result<()>;

    /// Lists manifests as attached to another one, where the destination does not do it.
    ///
    /// # Errors
    /// Those of the destination.
    fn attach(&self, to: &Repository, subject: &Digest, attached: &[Descriptor]) -> Result<()>;

    /// Is called when everything is over, `well` where no image failed.
    ///
    /// # Errors
    /// Whatever keeps it from being finished.
    fn finish(&self, _well: bool) -> Result<Option<String>> {
        Ok(None)
    }
}

/// A blob, from where to where.
pub struct Parcel<'a> {
    /// Which.
    pub descriptor: &'a Descriptor,
    /// Who has it.
    pub source: &'a dyn Source,
    /// Where it is.
    pub from: &'a Repository,
    /// Where it goes.
    pub to: &'a Repository,
    /// Another address of it, to be asked instead of the source.
    pub url: Option<&'a str>,
}

impl Parcel<'_> {
    /// Its bytes, to be read from any position.
    ///
    /// # Errors
    /// As [`Source::blob`] and [`Source::blob_at`].
    pub fn bytes(&self) -> Result<Box<dyn Readable + '_>> {
        let Some(url) = self.url else { return self.source.blob(self.from, self.descriptor) };
        self.source.blob_at(url, self.descriptor)?.ok_or_else(|| {
            let digest = &self.descriptor.digest;
            Error::new(Kind::Unavailable, format!("`sha256:{digest}` is not asked for elsewhere"))
        })
    }
}

/// How a blob came to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Its bytes were moved.
    Whole,
    /// The registry had it in another repository.
    Mounted,
    /// It was there.
    There,
}
