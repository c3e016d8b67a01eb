//! The results of a copy.

use serde::Serialize;

use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::quantity::{count, were};

/// The results of all images.
pub struct Summary {
    /// The images, in the order of the list.
    pub images: Vec<ImageResult>,
    /// Their blobs.
    pub blobs: BlobCounts,
}

/// The result of one image.
pub struct ImageResult {
    /// The source, as it is written.
    pub source: String,
    /// The destination, as it is written.
    pub destination: String,
    /// The copied image, or the error.
    pub result: Result<ImageOutcome>,
    /// The error if the tag has moved since the lock. The locked image was copied.
    pub moved: Option<Error>,
}

/// An image that is at its destination, or would be after a real run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageOutcome {
    /// Whether it was there before the run.
    pub was_there: bool,
    /// The digest of the name at the destination now.
    pub digest: Digest,
    /// The digest at the source, if only some platforms are copied.
    pub narrowed_from: Option<Digest>,
    /// The platforms, if it is an index.
    pub platforms: Vec<String>,
    /// The number of manifests attached to it.
    pub attached: usize,
    /// The nondistributable layers that are not copied.
    pub left_behind: Vec<SkippedLayer>,
    /// The bytes of its blobs, if the run only plans and the image was not there.
    pub bytes: u64,
}

/// A layer that is not copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SkippedLayer {
    /// Its digest, as it is in the manifest.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
}

/// The number of blobs, each counted once for each repository that needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BlobCounts {
    /// The number of blobs whose bytes were moved.
    pub moved: u64,
    /// The number of those bytes.
    pub bytes: u64,
    /// The number of blobs that the registry mounted from another repository.
    pub mounted: u64,
    /// The number of blobs that were there already.
    pub there: u64,
}

impl Summary {
    /// Returns the numbers of images that were copied, that were there, and that failed.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |test: fn(&Result<ImageOutcome>) -> bool| {
            self.images.iter().filter(|it| test(&it.result)).count()
        };
        let copied = count(|it| it.as_ref().is_ok_and(|it| !it.was_there));
        (copied, count(|it| it.as_ref().is_ok_and(|it| it.was_there)), count(|it| it.is_err()))
    }

    /// Returns the number of layers that are not copied, of all images.
    pub fn left_behind(&self) -> usize {
        let outcomes = self.images.iter().filter_map(|it| it.result.as_ref().ok());
        outcomes.map(|it| it.left_behind.len()).sum()
    }

    /// Returns the error of the whole run, if an image failed or a tag has moved.
    ///
    /// # Errors
    /// Only that error.
    pub fn verdict(&self) -> Result<()> {
        let failed: Vec<_> = self.images.iter().filter_map(|it| it.result.as_ref().err()).collect();
        let moved: Vec<_> = self.images.iter().filter_map(|it| it.moved.as_ref()).collect();
        let all = self.images.len();
        if !failed.is_empty() {
            let statement = format!(
                "{} of {} {} not copied",
                failed.len(),
                count(all, "image"),
                were(failed.len())
            );
            return Err(Error::from_many(failed.into_iter().chain(moved), statement)
                .hint("fix the errors above and run the same command again; the copy resumes"));
        }
        if !moved.is_empty() {
            let statement = format!(
                "{} of {} {} moved since they were locked",
                moved.len(),
                count(all, "tag"),
                if moved.len() == 1 { "has" } else { "have" }
            );
            return Err(Error::from_many(moved, statement).hint(
                "the locked images were copied; find out why the tag moved, then run `wasm-airgap \
                 mirror lock --update`",
            ));
        }
        Ok(())
    }
}
