//! One artifact that an offline build needs, and the state of it here.

use serde::Serialize;

use airgap_core::error::{Error, ErrorKind};

/// The state of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// This machine has it, and its bytes were hashed.
    Ok,
    /// It was not found in any source that works offline.
    Missing,
    /// A source has other bytes under its name.
    Wrong,
    /// It has no pin, so that it is fetched online only.
    Unpinned,
    /// It is fetched from the network by its nature.
    Network,
}

/// One artifact.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// A name that is unique in one diagnosis: `tool:wasm-tools@1.246.2:linux_amd64`.
    pub id: String,
    /// The kind: `tool`, `wit`, `component`, `helper`, `lock`, `registry`, `archive`, `git`,
    /// `repository`, `analysis` or `image`.
    pub kind: &'static str,
    /// Its name for people.
    pub subject: String,
    /// Its state.
    pub status: Status,
    /// The places that were searched, each with the finding.
    pub looked_in: Vec<String>,
    /// The reason for a state that is not `ok`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// The command that fixes it; empty if it is `ok`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fix: String,
}

impl Item {
    /// Creates an item that was found at this place.
    pub(super) fn ok(kind: &'static str, name: &str, subject: String, place: String) -> Item {
        let id = format!("{kind}:{name}");
        let (why, fix) = (String::new(), String::new());
        Item { id, kind, subject, status: Status::Ok, looked_in: vec![place], why, fix }
    }

    /// Creates an item that Bazel reported as missing. `why` is its error, `fix` the command.
    pub(super) fn missing(
        kind: &'static str,
        name: &str,
        subject: String,
        why: String,
        fix: String,
    ) -> Item {
        let id = format!("{kind}:{name}");
        Item { id, kind, subject, status: Status::Missing, looked_in: Vec::new(), why, fix }
    }

    /// Creates an item whose use failed with this error. `pinned` tells whether it has a pin,
    /// and `fix` is the command for an error that names none.
    pub(super) fn failed(
        kind: &'static str,
        name: &str,
        subject: String,
        error: &Error,
        pinned: bool,
        fix: &str,
    ) -> Item {
        let status = match error.kind() {
            ErrorKind::Integrity => Status::Wrong,
            _ if pinned => Status::Missing,
            _ => Status::Unpinned,
        };
        let looked_in = error.facts().iter().map(|(label, value)| format!("{label}: {value}"));
        Item {
            id: format!("{kind}:{name}"),
            kind,
            subject,
            status,
            looked_in: looked_in.collect(),
            why: error.statement().to_owned(),
            fix: command_in(error).unwrap_or_else(|| fix.to_owned()),
        }
    }
}

/// Returns the first command in the hints of an error.
fn command_in(error: &Error) -> Option<String> {
    let lines = error.hints().iter().flat_map(|hint| hint.lines());
    let command = |line: &str| {
        let line = line.trim();
        let starts = ["bazel run ", "wasm-airgap "].iter().any(|start| line.starts_with(start));
        starts.then(|| line.to_owned())
    };
    lines.filter_map(command).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_gives_the_status_and_the_command() {
        let error = |kind| {
            Error::new(kind, "cannot find a")
                .fact("vendor folder", "/v/a: not there")
                .hint("where there is a network, run\nbazel run @r//x -- --output-dir v")
        };
        let item = |kind, pinned| Item::failed("tool", "a", "a".into(), &error(kind), pinned, "x");
        let missing = item(ErrorKind::Unavailable, true);
        assert_eq!((missing.status, missing.id.as_str()), (Status::Missing, "tool:a"));
        assert_eq!(missing.fix, "bazel run @r//x -- --output-dir v");
        assert_eq!(missing.looked_in, ["vendor folder: /v/a: not there"]);
        assert_eq!(item(ErrorKind::Unavailable, false).status, Status::Unpinned);
        assert_eq!(item(ErrorKind::Integrity, false).status, Status::Wrong);
        let bare = Error::new(ErrorKind::Failed, "no");
        assert_eq!(Item::failed("tool", "a", "a".into(), &bare, true, "x").fix, "x");
    }
}
