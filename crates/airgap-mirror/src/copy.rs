//! Copies images: from registries or a layout into registries or a layout.
//!
//! ```text
//! orders --look--> what is missing, and everything that belongs to it --carry--> copied images
//!          └ source: manifests, attached things        target: blobs, manifests, tags ┘
//! ```
//!
//! Everything is looked at before the first byte moves, so that a plan can be shown and each blob is
//! known to all who need it: it moves once, and is mounted into the other repositories. An image's
//! manifests follow when all its blobs are there, and its tag comes last of all.

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

/// An image that is wanted.
pub struct Order {
    /// Where it comes from, as it is written.
    pub source: String,
    /// Where it goes, as it is written.
    pub destination: String,
    /// Both, understood and allowed; or why not.
    pub way: Result<Way>,
}

/// From where to where.
pub struct Way {
    /// Where the image comes from; it has a tag or a digest.
    pub source: Reference,
    /// Where it goes; it has a tag or a digest.
    pub destination: Reference,
    /// What it must be, whatever its tag says now.
    pub locked: Option<Digest>,
}

/// How to copy.
pub struct Options {
    /// The platforms that are wanted of an index; none for all of them.
    pub platforms: Vec<Platform>,
    /// How much is done at a time.
    pub jobs: usize,
    /// Whether nothing is to be moved.
    pub dry_run: bool,
    /// Whether images that are there are looked through all the same.
    pub recheck: bool,
    /// Whether what is attached to an image stays behind.
    pub without_attached: bool,
    /// Whether layers that their owner lets nobody pass on are copied too. Images that are there are
    /// looked through then.
    pub with_foreign: bool,
}

/// Copies images. What becomes of each stands in the summary: one that fails stops no other.
///
/// # Errors
/// Only what concerns all of them, such as a tar that cannot be written.
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
