//! What became of a copy.

use serde::Serialize;

use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::quantity::{count, were};

/// What became of all images.
pub struct Summary {
    /// The images, in the order of the list.
    pub images: Vec<Copied>,
    /// Their blobs.
    pub blobs: Blobs,
}

/// What became of one image.
pub struct Copied {
    /// Where it comes from, as it is written.
    pub source: String,
    /// Where it goes, as it is written.
    pub destination: String,
    /// Where it is now, or why it is not there.
    pub result: Result<Outcome>,
    /// Set where the tag is another image now than the lock says. What was locked was copied.
    pub moved: Option<Error>,
}

/// An image that is where it should be, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it was there before.
    pub was_there: bool,
    /// What the destination has under the name now.
    pub digest: Digest,
    /// What that was at the source, where it has fewer platforms now.
    pub narrowed_from: Option<Digest>,
    /// The platforms, where it is an index.
    pub platforms: Vec<String>,
    /// How many things were attached to it.
    pub attached: usize,
    /// The layers that stay behind, as their owner lets nobody pass them on.
    pub left_behind: Vec<Left>,
    /// The bytes of its blobs, where it is only looked at and was not there.
    pub bytes: u64,
}

/// A layer that stays behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Its digest, as it stands in the manifest.
    pub digest: String,
    /// How many bytes it has.
    pub size: u64,
}

/// Blobs, each counted once for each repository that needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Blobs {
    /// Those whose bytes were moved.
    pub moved: u64,
    /// Those bytes.
    pub bytes: u64,
    /// Those that the registry had in another repository.
    pub mounted: u64,
    /// Those that were there.
    pub there: u64,
}

impl Summary {
    /// How many were copied, were there, and failed.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |test: fn(&Result<Outcome>) -> bool| {
            self.images.iter().filter(|it| test(&it.result)).count()
        };
        let copied = count(|it| it.as_ref().is_ok_and(|it| !it.was_there));
        (copied, count(|it| it.as_ref().is_ok_and(|it| it.was_there)), count(|it| it.is_err()))
    }

    /// How many layers stay behind, of all images.
    pub fn left_behind(&self) -> usize {
        let outcomes = self.images.iter().filter_map(|it| it.result.as_ref().ok());
        outcomes.map(|it| it.left_behind.len()).sum()
    }

    /// The error of the whole, where an image failed or a tag has moved.
    ///
    /// # Errors
    /// Always that one.
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
            return Err(Error::of_many(failed.into_iter().chain(moved), statement)
                .hint("mend what is said above and run the same command again: it goes on where this one stopped"));
        }
        if !moved.is_empty() {
            let statement = format!(
                "{} of {} {} moved since they were locked",
                moved.len(),
                count(all, "tag"),
                if moved.len() == 1 { "has" } else { "have" }
            );
            return Err(Error::of_many(moved, statement)
                .hint("what was locked was copied; find out who moved the tag, then `wasm-airgap mirror lock --update`"));
        }
        Ok(())
    }
}
