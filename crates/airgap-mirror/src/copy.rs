//! Copying of images: from registries or a layout into registries or a layout.
//!
//! ```text
//! orders --look--> missing images, with all their manifests and blobs --carry--> copied images
//!          └ source: manifests, attached manifests     target: blobs, manifests, tags ┘
//! ```
//!
//! All images are examined before the first byte moves, so that a plan can be shown. Each blob is
//! moved once, and is mounted into the other repositories that need it. An image's manifests follow
//! when all its blobs are at the destination, and its tag is written last.

mod attached;
mod carry;
mod layouts;
mod look;
mod names;
mod narrow;
pub(crate) mod registry;
mod side;
mod summary;
mod tree;

use airgap_core::digest::Digest;
use airgap_core::error::Result;
use airgap_core::report::Report;
use airgap_oci::{Platform, Reference};

pub use layouts::{ArchiveTarget, LayoutSource, LayoutTarget};
pub use registry::{RegistrySource, RegistryTarget};
pub use side::{Source, Target};
pub use summary::{Blobs, Copied, Left, Outcome, Summary};

/// A copy request for one image.
pub struct Order {
    /// The source, as it is written.
    pub source: String,
    /// The destination, as it is written.
    pub destination: String,
    /// The parsed source and destination, if they are valid and allowed; otherwise the error.
    pub way: Result<Way>,
}

/// The source and the destination of an image.
pub struct Way {
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
    orders: Vec<Order>,
    source: &dyn Source,
    target: &dyn Target,
    options: &Options,
    report: &Report,
) -> Result<Summary> {
    let images = look::look(orders, source, target, options);
    let blobs = carry::carry(&images, source, target, options, report);
    let copied: Vec<_> = images.into_iter().map(look::Image::end).collect();
    let failed = copied.iter().any(|it| it.result.is_err());
    if !options.dry_run {
        let note = target.finish(!failed)?;
        note.iter().for_each(|note| report.say(note));
    }
    Ok(Summary { images: copied, blobs })
}
