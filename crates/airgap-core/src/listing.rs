//! The state of a path, as far as resolving needs to know it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::folder::EntryKind;
use crate::rooted::RootedPath;

/// The state of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// Nothing.
    Absent,
    /// A file or folder that cannot be used, with the reason.
    Unusable(String),
}

/// A source of the states of paths. Resolving asks the disk nothing else, which makes it a pure
/// function of the request, the policy and a listing.
pub trait Listing {
    /// Returns the state of this path. No link below its root is followed.
    fn state(&self, path: &RootedPath) -> State;
}

/// The file system.
pub struct Disk;

impl Listing for Disk {
    fn state(&self, path: &RootedPath) -> State {
        // Only opening it shows whether it can be read.
        let state = path.stat().and_then(|stat| match stat.map(|stat| stat.kind) {
            None => Ok(State::Absent),
            Some(EntryKind::File) => path.read().map(|_| State::File),
            Some(EntryKind::Folder) => path.open_folder().map(|_| State::Folder),
            Some(EntryKind::Link) => path.read().map(|_| State::File),
            Some(EntryKind::Other) => {
                Ok(State::Unusable("it is neither a file nor a folder".to_owned()))
            }
        });
        state.unwrap_or_else(|error| State::Unusable(error.to_string()))
    }
}

/// A listing in memory; for tests.
#[derive(Default)]
pub struct Fixed(BTreeMap<PathBuf, State>);

impl Fixed {
    /// Creates a listing of these files and the folders above them.
    pub fn from_files(files: &[&str]) -> Fixed {
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

    /// Adds this state at this path.
    #[must_use]
    pub fn with(mut self, path: &str, state: State) -> Fixed {
        self.0.insert(path.into(), state);
        self
    }
}

impl Listing for Fixed {
    fn state(&self, path: &RootedPath) -> State {
        self.0.get(path.path()).cloned().unwrap_or(State::Absent)
    }
}
