//! Checks of images in a layout, without a copy.

use std::path::Path;

use super::endpoint::ImageSource;
use super::layout_source::LayoutSource;
use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_oci::{HashedBlobs, Layout, Reference};

/// A layout whose images are checked. Each blob is hashed once, for all images.
pub struct CheckedLayout {
    source: LayoutSource,
    shown: String,
    hashed: HashedBlobs,
}

impl CheckedLayout {
    /// Opens a folder or a tar. `shown` is its name in messages.
    ///
    /// # Errors
    /// The errors of [`Layout::open`].
    pub fn open(path: &Path, shown: &str) -> Result<CheckedLayout> {
        let source = LayoutSource::without_attached(Layout::open(path)?, shown);
        Ok(CheckedLayout { source, shown: shown.to_owned(), hashed: HashedBlobs::default() })
    }

    /// Checks that the layout has all of an image, which has a digest: `mirror copy --from` would
    /// find it, and all its manifests and blobs are right. Returns the digest of its manifest,
    /// which is another one if the layout has only some of its platforms. Signatures and other
    /// referrers are not checked.
    ///
    /// # Errors
    /// Unavailable, if the image or a part of it is missing; integrity, if a part has other bytes,
    /// or if another image has the name; those of reading.
    pub fn check(&mut self, image: &Reference) -> Result<Digest> {
        let found = self.source.resolve(image).map_err(|error| self.explain(image, error))?;
        let manifest = found.manifest;
        // A manifest of an unknown kind is an error, as its blobs are unknown too.
        manifest.content(&format!("`{image}` in `{}`", self.shown))?;
        self.source.layout().check_entry(&manifest.descriptor(), &mut self.hashed)?;
        Ok(*manifest.digest())
    }

    /// Returns the error for an image whose name belongs to another one, if that is the reason.
    fn explain(&self, image: &Reference, error: Error) -> Error {
        let named = self.source.layout().named(&image.by_name());
        let is_it = |digest: Option<&Digest>| digest == image.digest();
        let other =
            named.filter(|it| !is_it(Some(&it.digest)) && !is_it(it.narrowed_from().as_ref()));
        match (other, image.digest()) {
            (Some(other), Some(digest)) if error.kind() == ErrorKind::Unavailable => {
                let name = image.by_name();
                Error::integrity(format!("`{name}` is another image in `{}`", self.shown))
                    .fact("found", format!("sha256:{}", other.digest))
                    .fact("expected", format!("sha256:{digest}"))
            }
            _ => error,
        }
    }
}
