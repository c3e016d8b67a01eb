//! The list of the content of a vendor folder (SBOM), in the formats of scanners.
//!
//! The bytes depend on the content alone: they have no time unless the caller gives one, and the
//! serial number is derived from the content.

mod auditable;
mod cyclonedx;
mod part;
mod sections;
mod spdx;
mod time;

use std::path::{Path, PathBuf};

use serde_json::Value;

use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::report;

use crate::bundle::source::{self, Source};
use part::Part;

pub use time::Time;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// CycloneDX 1.6, as JSON.
    Cyclonedx,
    /// SPDX 2.3, as JSON.
    Spdx,
}

/// The content of a vendor folder, by its identities.
pub struct Sbom {
    parts: Vec<Part>,
}

impl Sbom {
    /// Describes a vendor folder or an image layout. Components are read for the crates in them.
    ///
    /// # Errors
    /// Usage, if the folder is neither; integrity, if it has a file that is not listed, or if a
    /// component is not the listed one.
    pub fn of_folder(folder: &Path) -> Result<Sbom> {
        Sbom::new(&source::sources(&[PathBuf::from(folder)])?)
    }

    /// Describes the files that go into a bundle.
    pub(crate) fn new(sources: &[Source]) -> Result<Sbom> {
        let parts = sources.iter().filter_map(Part::new).collect::<Result<_>>()?;
        Ok(Sbom { parts })
    }

    /// Returns the number of parts.
    pub fn count(&self) -> usize {
        self.parts.len()
    }

    /// Returns the text in a format. Without a time, CycloneDX has none, and SPDX, which needs one,
    /// has the first second of 1970.
    ///
    /// # Errors
    /// Failed, if it cannot be written as JSON.
    pub fn text(&self, format: Format, time: Option<Time>) -> Result<String> {
        let identity = self.identity();
        let value: Value = match format {
            Format::Cyclonedx => cyclonedx::document(&self.parts, &identity, time),
            Format::Spdx => spdx::document(&self.parts, &identity, time),
        };
        report::json_file(&value)
            .map_err(|error| Error::new(ErrorKind::Failed, "cannot write an SBOM").because(error))
    }

    /// Returns the digest of the described content.
    fn identity(&self) -> Digest {
        let lines: String = self.parts.iter().map(Part::identity).collect();
        Digest::compute(lines.as_bytes())
    }
}
