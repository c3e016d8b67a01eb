//! What lies at a path, as far as resolving needs to know.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// Nothing.
    Absent,
    /// Something that cannot be used, and why.
    Unusable(String),
}

/// Answers what lies where. Resolving asks nothing else of the disk, which makes it a pure
/// function of the request, the policy and a listing.
pub trait Listing {
    /// What lies at this path, links followed.
    fn state(&self, path: &Path) -> State;
}

/// The file system.
pub struct Disk;

impl Listing for Disk {
    fn state(&self, path: &Path) -> State {
        match fs::metadata(path) {
            // Only opening tells whether it can be read.
            Ok(kind) if kind.is_file() => match fs::File::open(path) {
                Ok(_) => State::File,
                Err(error) => State::Unusable(error.to_string()),
            },
            Ok(kind) if kind.is_dir() => match fs::read_dir(path) {
                Ok(_) => State::Folder,
                Err(error) => State::Unusable(error.to_string()),
            },
            Ok(_) => State::Unusable("it is neither a file nor a folder".to_owned()),
            // A file in the middle of the path (NotADirectory) is as good as nothing at its end.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                State::Absent
            }
            Err(error) => State::Unusable(error.to_string()),
        }
    }
}

/// A listing made by hand; for tests.
#[derive(Default)]
pub struct Fixed(BTreeMap<PathBuf, State>);

impl Fixed {
    /// A listing in which there are these files, and the folders above them.
    pub fn of(files: &[&str]) -> Fixed {
        let mut states = BTreeMap::new();
        for file in files {
            let path = PathBuf::from(file);
            for folder in path.ancestors().skip(1) {
                states.insert(folder.to_owned(), State::Folder);
            }
            states.insert(path, State::File);
        }
        Fixed(states)
    }

    /// The same listing with this state at this path.
    #[must_use]
    pub fn with(mut self, path: &str, state: State) -> Fixed {
        self.0.insert(path.into(), state);
        self
    }
}

impl Listing for Fixed {
    fn state(&self, path: &Path) -> State {
        self.0.get(path).cloned().unwrap_or(State::Absent)
    }
}
