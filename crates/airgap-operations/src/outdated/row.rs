//! One pin, compared with its source.

use serde::Serialize;

use super::pin::{Pinned, Subject};
use airgap_core::digest::Digest;
use airgap_core::error::Error;

/// The result of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The source has no newer version, and the same content under the pinned version.
    Current,
    /// The source has a newer version.
    Outdated,
    /// The source has other content under the pinned version or tag.
    Moved,
    /// The pin could not be compared.
    Unknown,
}

/// One pin, compared with its source. All fields are always there.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// A name that is unique in one comparison and stable from run to run, until the pin changes.
    pub id: String,
    /// The kind: `tool`, `wit`, `component` or `image`.
    pub kind: &'static str,
    /// The name without a version: `wasm-tools`, `wasi:http`, `ghcr.io/my-org/app`.
    pub name: String,
    /// The pin for people.
    pub subject: String,
    /// The pinned version or tag.
    pub current: Option<String>,
    /// The pinned digest, as in `sha256:...`.
    pub current_digest: Option<String>,
    /// The newest version of the same form. It is the pinned version if no other is newer.
    pub newest: Option<String>,
    /// The digest of `newest`, of the same kind as the pinned digest.
    pub newest_digest: Option<String>,
    /// The newer versions of the same form in ascending order, at most the 100 highest.
    pub newer: Vec<String>,
    /// The result.
    pub status: Status,
    /// The reason for `moved` and `unknown`; a remark or nothing for the others.
    pub reason: String,
    /// The source that was asked.
    pub source: String,
    /// The file with the pin.
    pub file: String,
    /// The line of the pin in the file, from 1, if it is known.
    pub line: Option<u32>,
    /// The change of the file; empty if the command makes it or none is needed.
    pub change: String,
    /// The command after the change; empty if none is needed.
    pub fix: String,
    /// The failure of the source.
    #[serde(skip)]
    pub(super) failure: Option<Error>,
}

impl Row {
    /// Creates the row of a pin that was not compared yet.
    pub(super) fn new(pinned: &Pinned, source: impl Into<String>) -> Row {
        let Subject { kind, name, current, digest } = pinned.pin.subject();
        let version = current.as_deref().map(|it| format!("@{it}")).unwrap_or_default();
        let line = pinned.line.map(|line| format!(":{line}")).unwrap_or_default();
        Row {
            id: format!("{kind}:{name}{version}:{}{line}", pinned.file),
            kind,
            subject: pinned.pin.to_string(),
            name,
            current,
            current_digest: digest.map(shown),
            newest: None,
            newest_digest: None,
            newer: Vec::new(),
            status: Status::Current,
            reason: String::new(),
            source: source.into(),
            file: pinned.file.clone(),
            line: pinned.line,
            change: String::new(),
            fix: String::new(),
            failure: None,
        }
    }

    /// Makes the result unknown, for a reason that is not a failure of the source.
    pub(super) fn unknown(mut self, reason: impl Into<String>) -> Row {
        (self.status, self.reason) = (Status::Unknown, reason.into());
        self
    }

    /// Makes the result unknown, because its source failed.
    pub(super) fn failed(self, error: Error) -> Row {
        let mut row = self.unknown(error.one_line());
        row.failure = Some(error);
        row
    }
}

/// Returns a digest as `sha256:...`.
pub(super) fn shown(digest: Digest) -> String {
    format!("sha256:{digest}")
}
