//! A folder or file that the config file names.

use std::path::PathBuf;

use crate::error::{Error, Result};

/// A path, and who names it.
pub(super) struct NamedPath {
    /// The path.
    pub(super) path: PathBuf,
    /// The key: `registry.local.local.root`.
    pub(super) key: String,
    /// Where it stands: `path:line`.
    pub(super) place: String,
    /// Whether a file will not do.
    pub(super) must_be_folder: bool,
}

impl NamedPath {
    /// Why nothing can be found there, if that is so.
    pub(super) fn problem(&self) -> Option<String> {
        match self.path.metadata() {
            Ok(found) if self.must_be_folder && !found.is_dir() => Some("is no folder".to_owned()),
            Ok(_) => None,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Some("does not exist".to_owned())
            }
            Err(error) => Some(format!("cannot be read: {error}")),
        }
    }

    /// That something can be found there.
    ///
    /// # Errors
    /// Usage, naming file, line and key.
    pub(super) fn check(&self) -> Result<()> {
        let Some(problem) = self.problem() else { return Ok(()) };
        Err(Error::usage(format!("`{}` {problem}", self.path.display()))
            .fact("named by", format!("{}: `{}`", self.place, self.key))
            .hint("a relative path is relative to the config file's folder; check the path and the mount"))
    }

    /// The path, and what is wrong with it, for people.
    pub(super) fn shown(&self) -> String {
        match self.problem() {
            Some(problem) => format!("{}, which {problem}", self.path.display()),
            None => self.path.display().to_string(),
        }
    }
}
