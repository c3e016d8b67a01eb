//! Copying of images: from registries or a layout into registries or a layout.
//!
//! ```text
//! requests --plan--> missing images, with all their manifests and blobs --transfer--> copied images
//!          └ source: manifests, attached manifests     target: blobs, manifests, tags ┘
//! ```
//!
//! All images are examined before the first byte moves, so that a plan can be shown. Each blob is
//! moved once, and is mounted into the other repositories that need it. An image's manifests follow
//! when all its blobs are at the destination, and its tag is written last.

mod archive_target;
mod batches;
mod endpoint;
mod layout_check;
mod layout_names;
mod layout_source;
mod layout_target;
mod manifest_tree;
mod plan;
mod platform_filter;
mod referrers;
pub(crate) mod registry;
mod summary;
mod transfer;

use airgap_core::digest::Digest;
use airgap_core::error::Result;
use airgap_core::report::Report;
use airgap_oci::{Platform, Reference};

pub use archive_target::ArchiveTarget;
pub use endpoint::{ImageSource, ImageTarget};
pub use layout_check::CheckedLayout;
pub use layout_source::LayoutSource;
pub use layout_target::LayoutTarget;
pub use registry::{RegistrySource, RegistryTarget};
pub use summary::{BlobCounts, ImageOutcome, ImageResult, SkippedLayer, Summary};

/// A copy request for one image.
pub struct CopyRequest {
    /// The source, as it is written.
    pub source: String,
    /// The destination, as it is written.
    pub destination: String,
    /// The parsed source and destination, if they are valid and allowed; otherwise the error.
    pub route: Result<CopyRoute>,
}

/// The source and the destination of an image.
pub struct CopyRoute {
    /// The source; it has a tag or a digest.
    pub source: Reference,
    /// The destination; it has a tag or a digest.
    pub destination: Reference,
    /// The digest that the lock has for the source, even if its tag has moved since.
    pub locked: Option<Digest>,
}

/// The options of a copy.
pub struct Options {
    /// The platforms to copy from an index; all of them if it is empty.
    pub platforms: Vec<Platform>,
    /// The number of parallel jobs.
    pub jobs: usize,
    /// Whether to show the plan only, and to move nothing.
    pub dry_run: bool,
    /// Whether to examine images that are at the destination already.
    pub recheck: bool,
    /// Whether to copy images without their attached manifests, such as signatures.
    pub without_attached: bool,
    /// Whether to copy nondistributable layers too (OCI image-spec "Non-Distributable Layers").
    /// Images that are at the destination already are examined then.
    pub with_foreign: bool,
}

/// Copies images. The summary has the result of each image; a failure stops no other image.
///
/// # Errors
/// Only errors that concern all images, such as a tar that cannot be written.
pub fn copy(
    requests: Vec<CopyRequest>,
    source: &dyn ImageSource,
    target: &dyn ImageTarget,
    options: &Options,
    report: &Report,
) -> Result<Summary> {
    let images = plan::plan(requests, source, target, options);
    let blobs = transfer::transfer(&images, source, target, options, report);
    let copied: Vec<_> = images.into_iter().map(plan::PlannedImage::into_result).collect();
    let failed = copied.iter().any(|it| it.result.is_err());
    if !options.dry_run {
        let note = target.finish(!failed)?;
        note.iter().for_each(|note| report.say(note));
    }
    Ok(Summary { images: copied, blobs })
}
