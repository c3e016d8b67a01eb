//! One thing in a vendor folder.

use airgap_core::error::Result;

use super::auditable::{self, Crates};
use crate::bundle::line::{FileKind, Line};
use crate::bundle::source::{About, Source};

/// A file with its identity, and the crates in it.
pub(super) struct Part {
    pub(super) line: Line,
    pub(super) about: About,
    pub(super) crates: Option<Crates>,
}

impl Part {
    /// Describes a file; `None` for one without an identity of its own.
    pub(super) fn new(source: &Source) -> Option<Result<Part>> {
        let (line, about) = (source.line.clone(), source.about.clone()?);
        let crates = match line.kind == FileKind::Component && line.path.ends_with(".wasm") {
            true => auditable::crates(source),
            false => Ok(None),
        };
        Some(crates.map(|crates| Part { line, about, crates }))
    }

    /// Returns whether the file was generated here, to describe another one.
    pub(super) fn is_generated(&self) -> bool {
        let is_program = self.line.executable;
        self.about.url.is_empty() && !is_program && !self.line.path.ends_with(".wasm")
    }

    /// Returns its text in the identity of the whole document.
    pub(super) fn identity(&self) -> String {
        let crates = self.crates.as_ref().map_or(0, |crates| crates.list.len());
        let Line { path, sha256, purl, .. } = &self.line;
        let About { name, version, .. } = &self.about;
        format!("{path}\t{sha256}\t{purl}\t{name}\t{version}\t{crates}\n")
    }
}
