//! Errors, written so that a person can act on them.
//!
//! An [`Error`] answers four questions: the step that failed, its object, the found and the
//! expected value, and the next thing to try. Its [`ErrorKind`] is the exit code.

use std::collections::HashSet;
use std::fmt;
use std::io;

use crate::folder::LinkRefused;
use crate::git_annex;
use crate::secrets;

/// The result of every function in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// The class of a failure; as a number, the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Any other failure: a full disk, a folder that cannot be written.
    Failed = 1,
    /// Wrong usage or configuration: an unknown tool, a variable with a meaningless value.
    Usage = 2,
    /// Not available from the allowed sources.
    Unavailable = 3,
    /// Integrity: a digest, a signature, a lock, an unlisted file, a hostile archive.
    Integrity = 4,
    /// The network, or authentication.
    Network = 5,
}

impl ErrorKind {
    /// Returns the word for this kind in `--json` output.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Failed => "failed",
            ErrorKind::Usage => "usage",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::Integrity => "integrity",
            ErrorKind::Network => "network",
        }
    }
}

/// A failure with its facts and its hints.
///
/// `Display` writes several lines: the statement, one aligned line for each fact, the cause, and
/// one line for each hint.
#[derive(Clone, Debug)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    statement: String,
    facts: Vec<(&'static str, String)>,
    cause: Option<String>,
    hints: Vec<String>,
    request_outcome: Option<RequestOutcome>,
}

/// The result of a failed request to a server, by which a search over several servers continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    /// No response, or an error that another server may not have.
    Failed,
    /// The server wants another credential, or a permission (401, 403).
    Refused,
}

impl RequestOutcome {
    /// Creates `Refused` if the server refused the request, else `Failed`.
    pub fn from_refused(refused: bool) -> RequestOutcome {
        if refused { RequestOutcome::Refused } else { RequestOutcome::Failed }
    }
}

impl Error {
    /// Creates a failure of this kind. The statement names the step, its object and the reason:
    /// lower case, user's words in backticks, no full stop.
    pub fn new(kind: ErrorKind, statement: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            statement: statement.into(),
            facts: Vec::new(),
            cause: None,
            hints: Vec::new(),
            request_outcome: None,
        }))
    }

    /// Creates an error of wrong usage or configuration (exit code 2).
    pub fn usage(statement: impl Into<String>) -> Error {
        Error::new(ErrorKind::Usage, statement)
    }

    /// Creates an error of integrity (exit code 4).
    pub fn integrity(statement: impl Into<String>) -> Error {
        Error::new(ErrorKind::Integrity, statement)
    }

    /// Creates the common error of several failures. Its kind is that of the gravest one, in any
    /// order: wrong bytes first, then failures that a person must fix. It is `Unavailable` only if
    /// every failure is.
    pub fn from_many<'a>(
        errors: impl IntoIterator<Item = &'a Error>,
        statement: impl Into<String>,
    ) -> Error {
        let from_gravest = [
            ErrorKind::Integrity,
            ErrorKind::Failed,
            ErrorKind::Usage,
            ErrorKind::Network,
            ErrorKind::Unavailable,
        ];
        let errors: Vec<_> = errors.into_iter().collect();
        let is_there = |kind: &ErrorKind| errors.iter().any(|error| error.kind() == *kind);
        let kind = from_gravest.into_iter().find(is_there).unwrap_or(ErrorKind::Unavailable);
        Error::new(kind, statement)
    }

    /// Adds a labelled fact, such as `expected` or `found`.
    #[must_use]
    pub fn fact(mut self, label: &'static str, value: impl fmt::Display) -> Error {
        self.0.facts.push((label, value.to_string()));
        self
    }

    /// Adds the underlying cause, in the words of its reporter.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Error {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// Adds a remedy to try next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.0.hints.push(hint.into());
        self
    }

    /// Adds a remedy to try first.
    #[must_use]
    pub fn first_hint(mut self, hint: impl Into<String>) -> Error {
        self.0.hints.insert(0, hint.into());
        self
    }

    /// Records the result of a request to a server.
    #[must_use]
    pub fn after_request(mut self, outcome: RequestOutcome) -> Error {
        self.0.request_outcome = Some(outcome);
        self
    }

    /// Returns the result of the request to a server; `None` if there was none.
    pub fn request_outcome(&self) -> Option<RequestOutcome> {
        self.0.request_outcome
    }

    /// Returns the class of the failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the statement alone, without facts and hints.
    pub fn statement(&self) -> &str {
        &self.0.statement
    }

    /// Returns the error of another library or program that caused it.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// Returns the labelled facts, in the order in which they were added.
    pub fn facts(&self) -> &[(&'static str, String)] {
        &self.0.facts
    }

    /// Returns the hints.
    pub fn hints(&self) -> &[String] {
        &self.0.hints
    }

    /// Returns the statement and its cause on one line, for lists of attempts.
    pub fn one_line(&self) -> String {
        let mut line = self.0.statement.clone();
        for (label, value) in &self.0.facts {
            line.push_str(&format!("; {label} {value}"));
        }
        if let Some(cause) = &self.0.cause {
            line.push_str(&format!(": {cause}"));
        }
        secrets::hide(&line).into_owned()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&secrets::hide(&self.lines_with(self.hints().iter())))
    }
}

impl Error {
    /// Returns the lines of an error that is one of many, without the hints in `said`. Adds its own
    /// hints to `said`.
    pub fn one_of_many(&self, said: &mut HashSet<String>) -> String {
        let new: Vec<_> = self.hints().iter().filter(|hint| said.insert((*hint).clone())).collect();
        secrets::hide(&self.lines_with(new.into_iter())).into_owned()
    }

    fn lines_with<'a>(&'a self, hints: impl Iterator<Item = &'a String>) -> String {
        let mut text = self.0.statement.clone();
        let facts = self.0.facts.iter().map(|(label, value)| (*label, value.as_str()));
        let cause = self.0.cause.as_deref().map(|cause| ("cause", cause));
        let hints = hints.map(|hint| ("hint", hint.as_str()));
        let lines: Vec<_> = facts.chain(cause).chain(hints).collect();
        let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        for (label, value) in lines {
            let indent = " ".repeat(width + 4);
            let value = value.replace('\n', &format!("\n{indent}"));
            text.push_str(&format!("\n  {label}:{:pad$} {value}", "", pad = width - label.len()));
        }
        text
    }
}

impl std::error::Error for Error {}

/// The number of the error for a missing thread (`EAGAIN`), and of those for too many open files in
/// the process (`EMFILE`) or the system (`ENFILE`).
#[cfg(unix)]
const NO_THREAD: i32 = rustix::io::Errno::AGAIN.raw_os_error();
#[cfg(unix)]
const NO_HANDLES: [i32; 2] =
    [rustix::io::Errno::MFILE.raw_os_error(), rustix::io::Errno::NFILE.raw_os_error()];
/// The error numbers on Windows, where only the error for open files has a number of its own.
#[cfg(not(unix))]
const NO_THREAD: i32 = -1;
#[cfg(not(unix))]
const NO_HANDLES: [i32; 1] = [4];

/// The addition of context to an error of the operating system.
pub trait Context<T> {
    /// Adds the step that failed; the closure returns an infinitive: "write `a/b`".
    fn doing(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|cause| {
            if let Some(link) = LinkRefused::within(&cause) {
                let error = Error::integrity(format!("cannot {}: a link is in the way", what()))
                    .fact("link", link.path.display())
                    .fact("leads to", link.target.display());
                if git_annex::holds(&link.target.to_string_lossy()) {
                    return error.hint(git_annex::REMEDY);
                }
                return error.hint(
                    "remove the link, or name the folder that it leads to; links are not followed, \
                     because they may come with the sources and lead anywhere",
                );
            }
            let error = Error::new(ErrorKind::Failed, format!("cannot {}", what())).because(&cause);
            match cause.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    error.hint("free some space and run the same command again")
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    error.hint("check who owns the folder, or choose another one")
                }
                io::ErrorKind::NotFound => error.hint(
                    "check the path: a relative one starts at the current folder, and under `bazel \
                     run` at the workspace root",
                ),
                io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                    error.hint("name another folder: there is a file at this path")
                }
                io::ErrorKind::WouldBlock if cause.raw_os_error() == Some(NO_THREAD) => error.hint(
                    "raise the limit of processes (`ulimit -u`), or run fewer programs at the same \
                     time",
                ),
                _ if cause.raw_os_error().is_some_and(|code| NO_HANDLES.contains(&code)) => {
                    error.hint("raise the limit of open files (`ulimit -n`)")
                }
                _ => error,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_severe_error_decides_in_any_order() {
        let from_gravest = [
            ErrorKind::Integrity,
            ErrorKind::Failed,
            ErrorKind::Usage,
            ErrorKind::Network,
            ErrorKind::Unavailable,
        ];
        let kind = |kinds: &[ErrorKind]| {
            let errors: Vec<_> = kinds.iter().map(|kind| Error::new(*kind, "it failed")).collect();
            Error::from_many(&errors, "they failed").kind()
        };
        for (nth, graver) in from_gravest.iter().enumerate() {
            for other in &from_gravest[nth..] {
                assert_eq!(kind(&[*graver, *other]), *graver);
                assert_eq!(kind(&[*other, *graver, *other]), *graver);
            }
        }
        assert_eq!(kind(&[]), ErrorKind::Unavailable);
    }
}
