//! What lies at a path, as far as resolving needs to know.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::folder::EntryKind;
use crate::rooted::RootedPath;

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
    /// Returns the state of this path. No link below its root is followed.
    fn state(&self, path: &RootedPath) -> State;
}

/// The file system.
pub struct Disk;

impl Listing for Disk {
    fn state(&self, path: &RootedPath) -> State {
        // Only opening tells whether it can be read.
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
    fn state(&self, path: &RootedPath) -> State {
        self.0.get(path.path()).cloned().unwrap_or(State::Absent)
    }
}
