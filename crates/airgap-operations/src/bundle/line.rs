//! One line of an inventory: a file with its identity and its place in a bundle.

use serde::{Deserialize, Serialize};

use airgap_core::artifact::VendoredKind;
use airgap_core::digest::Digest;

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its path in the vendor folder, with `/` on every platform.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its kind.
    pub kind: FileKind,
    /// Its package URL; empty if it has no identity of its own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub purl: String,
    /// Whether it is a program.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
    /// The digest of the file that it replaces on the far side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Digest>,
    /// The number of the part with its first byte, from 1; `None` if the bundle does not carry it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<u32>,
    /// The position of its first byte in that part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Its ranges, if it is cut over several parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Range>,
}

/// A range of a file in one part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The number of the part, from 1.
    pub part: u32,
    /// The position of its first byte in that part.
    pub offset: u64,
    /// Its length in bytes.
    pub size: u64,
    /// The SHA-256 of the range.
    pub sha256: Digest,
}

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// A tool, or the `wasm-airgap` binary.
    Tool,
    /// A file of a WIT package.
    Wit,
    /// A component, or its manifest or BUILD file.
    Component,
    /// A file of an image layout.
    Image,
    /// A file that Bazel itself needs.
    Bazel,
    /// The manifest of the vendor folder.
    Manifest,
}

impl FileKind {
    /// Returns the word in inventories.
    pub fn name(self) -> &'static str {
        match self {
            FileKind::Tool => "tool",
            FileKind::Wit => "wit",
            FileKind::Component => "component",
            FileKind::Image => "image",
            FileKind::Bazel => "bazel",
            FileKind::Manifest => "manifest",
        }
    }
}

impl From<VendoredKind> for FileKind {
    fn from(kind: VendoredKind) -> FileKind {
        match kind {
            VendoredKind::Toolchain => FileKind::Tool,
            VendoredKind::Wit => FileKind::Wit,
            VendoredKind::Component => FileKind::Component,
        }
    }
}

impl Line {
    /// Creates a line for a file without a place in a bundle.
    pub(super) fn new(path: String, (sha256, size): (Digest, u64), kind: FileKind) -> Line {
        Line {
            path,
            size,
            sha256,
            kind,
            purl: String::new(),
            executable: false,
            replaces: None,
            part: None,
            offset: None,
            ranges: Vec::new(),
        }
    }

    /// Returns the line with a package URL.
    pub(super) fn with_purl(self, purl: String) -> Line {
        Line { purl, ..self }
    }

    /// Returns whether the bundle carries the file.
    pub fn is_carried(&self) -> bool {
        self.part.is_some()
    }

    /// Returns the ranges of the file in the parts; a file that is not cut has one.
    pub fn places(&self) -> Vec<Range> {
        match (self.part, self.offset) {
            _ if !self.ranges.is_empty() => self.ranges.clone(),
            (Some(part), Some(offset)) => {
                vec![Range { part, offset, size: self.size, sha256: self.sha256 }]
            }
            _ => Vec::new(),
        }
    }
}
