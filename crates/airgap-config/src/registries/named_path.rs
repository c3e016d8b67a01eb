//! A folder or file that the config file names.

use std::path::PathBuf;

use airgap_core::error::{Error, Result};

/// A path and the setting that names it.
pub(super) struct NamedPath {
    /// The path.
    pub(super) path: PathBuf,
    /// The key: `registry.local.local.root`.
    pub(super) key: String,
    /// The place of the setting: `path:line`.
    pub(super) place: String,
    /// Whether a file is not accepted.
    pub(super) must_be_folder: bool,
}

impl NamedPath {
    /// Returns the problem of the path, if it cannot be used.
    pub(super) fn problem(&self) -> Option<String> {
        match self.path.metadata() {
            Ok(found) if self.must_be_folder && !found.is_dir() => {
                Some("is not a folder".to_owned())
            }
            Ok(_) => None,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Some("does not exist".to_owned())
            }
            Err(error) => Some(format!("cannot be read: {error}")),
        }
    }

    /// Checks that the path can be used.
    ///
    /// # Errors
    /// Usage, with the file, line and key.
    pub(super) fn check(&self) -> Result<()> {
        let Some(problem) = self.problem() else { return Ok(()) };
        Err(Error::usage(format!("`{}` {problem}", self.path.display()))
            .fact("named by", format!("{}: `{}`", self.place, self.key))
            .hint("a relative path is relative to the config file's folder; check the path and the mount"))
    }

    /// Returns the path and its problem, for messages.
    pub(super) fn shown(&self) -> String {
        match self.problem() {
            Some(problem) => format!("{}, which {problem}", self.path.display()),
            None => self.path.display().to_string(),
        }
    }
}
