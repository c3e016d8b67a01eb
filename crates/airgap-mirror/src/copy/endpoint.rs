//! The interfaces of copying: sources and targets.

use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::report::Item;
use airgap_core::rooted::RootedPath;
use airgap_oci::{Descriptor, Manifest, Readable, Reference, Repository, Tag};

/// A source of images.
pub trait ImageSource: Sync {
    /// Returns the manifest of a reference, and the repository that has it, which may be a mirror.
    ///
    /// # Errors
    /// Unavailable, if it does not exist; integrity, if its content is wrong; otherwise network.
    fn resolve(&self, reference: &Reference) -> Result<ResolvedImage>;

    /// Returns a manifest by its digest.
    ///
    /// # Errors
    /// The errors of [`ImageSource::resolve`].
    fn manifest(&self, from: &Repository, descriptor: &Descriptor) -> Result<Manifest>;

    /// Returns a manifest by its tag.
    ///
    /// # Errors
    /// The errors of [`ImageSource::resolve`].
    fn tagged(&self, from: &Repository, tag: &Tag) -> Result<Manifest>;

    /// Returns the manifests that are attached to a manifest. For one that is itself attached,
    /// costly requests are left out: `thorough` is for the images themselves.
    ///
    /// # Errors
    /// Network, if the registry does not answer.
    fn attached(
        &self,
        from: &Repository,
        digest: &Digest,
        thorough: bool,
    ) -> Result<AttachedManifests>;

    /// Returns a blob to be read from any position.
    ///
    /// # Errors
    /// Unavailable, if it does not exist. A registry reports that later, when the blob is read.
    fn blob<'a>(
        &'a self,
        from: &'a Repository,
        descriptor: &'a Descriptor,
    ) -> Result<Box<dyn Readable + 'a>>;

    /// Returns a blob from a URL in a manifest, to be read from any position; `None` if this source
    /// uses no URLs but its own.
    ///
    /// # Errors
    /// Usage, if the URL is not valid.
    fn blob_at<'a>(
        &'a self,
        _url: &str,
        _descriptor: &'a Descriptor,
    ) -> Result<Option<Box<dyn Readable + 'a>>> {
        Ok(None)
    }

    /// Writes a blob to a file, continuing an earlier run's partial file; `None` if this is not
    /// better than reading the blob.
    ///
    /// # Errors
    /// Integrity, if digest or size differ; otherwise unavailable or network.
    fn download(
        &self,
        from: &Repository,
        descriptor: &Descriptor,
        path: &RootedPath,
        item: &Item,
    ) -> Result<Option<()>>;

    /// Returns whether this repository is itself in a mount scope: see
    /// [`ImageTarget::mount_scope`].
    fn is_in_mount_scope(&self, from: &Repository, mount_scope: &str) -> bool;
}

/// An image at its source.
pub struct ResolvedImage {
    /// Its manifest or index.
    pub manifest: Manifest,
    /// The repository that has it.
    pub from: Repository,
    /// The full index, if a layout has only some of its platforms.
    pub whole: Option<Manifest>,
}

/// The manifests that are attached to a manifest.
#[derive(Default)]
pub struct AttachedManifests {
    /// Manifests whose `subject` it is (OCI image-spec, image manifest).
    pub referrers: Vec<Descriptor>,
    /// Tags that cosign makes of its digest.
    pub tags: Vec<Tag>,
}

/// A target of images.
pub trait ImageTarget: Sync {
    /// Returns the reference of an image at the target: in a layout the name of its source, which is
    /// the default, and in a registry its destination.
    fn reference_at_target(&self, name: &Reference, _destination: &Reference) -> Reference {
        name.clone()
    }

    /// Returns the mount scope of a repository: repositories in one scope can share a blob without moving
    /// it. By default all repositories are in one scope.
    fn mount_scope(&self, _to: &Repository) -> String {
        String::new()
    }

    /// Returns the digest of a reference at the target.
    ///
    /// # Errors
    /// Network, if the registry does not answer.
    fn digest(&self, to: &Reference) -> Result<Option<Digest>>;

    /// Moves a blob to the target. `known` is a repository in the same mount scope that has it.
    ///
    /// # Errors
    /// Errors of the source, and errors of the destination.
    fn put_blob(
        &self,
        blob: &BlobCopy<'_>,
        known: Option<&Repository>,
        item: &Item,
    ) -> Result<BlobOutcome>;

    /// Pushes a manifest under its digest; returns whether the destination itself lists it as a
    /// referrer of its subject.
    ///
    /// # Errors
    /// Errors of the destination.
    fn put_manifest(&self, to: &Repository, manifest: &Manifest) -> Result<bool>;

    /// Pushes a manifest under a name, which makes it visible. `whole` is the full index, if the
    /// manifest has only some of its platforms.
    ///
    /// # Errors
    /// Errors of the destination.
    fn put_named(
        &self,
        to: &Reference,
        manifest: &Manifest,
        whole: Option<&Manifest>,
    ) -> Result<()>;

    /// Adds manifests to a subject's list of referrers, if the destination does not do it.
    ///
    /// # Errors
    /// Errors of the destination.
    fn attach(&self, to: &Repository, subject: &Digest, attached: &[Descriptor]) -> Result<()>;

    /// Finishes the target at the end of a run; `well` tells whether no image failed.
    ///
    /// # Errors
    /// Any error that prevents the target from being finished.
    fn finish(&self, _well: bool) -> Result<Option<String>> {
        Ok(None)
    }
}

/// A request to copy one blob.
pub struct BlobCopy<'a> {
    /// The descriptor of the blob.
    pub descriptor: &'a Descriptor,
    /// The source that has it.
    pub source: &'a dyn ImageSource,
    /// The repository of the source.
    pub from: &'a Repository,
    /// The repository of the target.
    pub to: &'a Repository,
    /// A URL to read it from, instead of the source.
    pub url: Option<&'a str>,
}

impl BlobCopy<'_> {
    /// Returns its bytes, to be read from any position.
    ///
    /// # Errors
    /// The errors of [`ImageSource::blob`] and [`ImageSource::blob_at`].
    pub fn bytes(&self) -> Result<Box<dyn Readable + '_>> {
        let Some(url) = self.url else { return self.source.blob(self.from, self.descriptor) };
        self.source.blob_at(url, self.descriptor)?.ok_or_else(|| {
            let digest = &self.descriptor.digest;
            Error::new(
                ErrorKind::Unavailable,
                format!("`sha256:{digest}` is not asked for elsewhere"),
            )
        })
    }
}

/// The way by which a blob got to its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobOutcome {
    /// Its bytes were moved.
    Transferred,
    /// The registry mounted it from another repository.
    Mounted,
    /// It was there already.
    Existing,
}
