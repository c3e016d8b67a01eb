//! The outcome of one entry.

use airgap_core::digest::Digest;
use airgap_core::report::shortened;
use serde::Serialize;

/// The longest reason in characters: it may quote the imported files.
const LONGEST_REASON: usize = 500;

/// One entry of the imported files with its outcome.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// `tool`, `component` or `bundle`.
    pub kind: &'static str,
    /// Its name, as in `wasm-tools 1.243.0 (linux_amd64)`.
    pub name: String,
    /// The outcome.
    pub outcome: Outcome,
    /// The reason, unless it was imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The outcome of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is in the written files.
    Imported,
    /// The built-in registry has it with the same digest.
    Known,
    /// The built-in registry has it with another digest.
    Conflict,
    /// Its digest is not that of a file: a placeholder, or that of an error page.
    InvalidDigest,
    /// This program has no such platform.
    UnknownPlatform,
    /// Its address cannot be derived.
    NoAddress,
    /// A bundle without one of its tools, or a component without its file.
    Incomplete,
}

impl Entry {
    /// Creates an entry that was imported.
    pub(super) fn imported(kind: &'static str, name: String) -> Entry {
        Entry { kind, name, outcome: Outcome::Imported, reason: None }
    }

    /// Creates an entry with another outcome, and its reason.
    pub(super) fn new(kind: &'static str, name: String, outcome: Outcome, reason: &str) -> Entry {
        Entry { kind, name, outcome, reason: Some(one_line(reason, LONGEST_REASON)) }
    }
}

impl Outcome {
    /// Returns the word for a person.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Imported => "imported",
            Outcome::Known => "known",
            Outcome::Conflict => "CONFLICT",
            Outcome::Incomplete => "incomplete",
            Outcome::InvalidDigest | Outcome::UnknownPlatform | Outcome::NoAddress => "refused",
        }
    }
}

/// Compares the digest of an entry with the built-in one: returns the outcome and its reason.
pub(super) fn compared(built_in: &Digest, found: &Digest) -> (Outcome, String) {
    match built_in == found {
        true => (Outcome::Known, "the built-in registry has it".to_owned()),
        false => (
            Outcome::Conflict,
            format!("the built-in registry has sha256:{built_in}, the file has sha256:{found}"),
        ),
    }
}

/// Returns a text of the files for a message, of at most 80 characters.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", one_line(text, 80))
}

/// Returns a text of the files, cut to `most` characters, for a message of one line.
pub(super) fn one_line(text: &str, most: usize) -> String {
    shortened(&text.replace(['\n', '\r'], " "), most)
}
