//! The state of a path, as far as resolving needs to know it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::folder::EntryKind;
use crate::rooted::RootedPath;

/// The state of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathState {
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
    fn state(&self, path: &RootedPath) -> PathState;

    /// Returns the entries of a folder with their kinds; none if it cannot be listed. No link below
    /// its root is followed.
    fn entries(&self, folder: &RootedPath) -> Vec<(String, EntryKind)>;
}

/// The file system.
pub struct Disk;

impl Listing for Disk {
    fn state(&self, path: &RootedPath) -> PathState {
        // Only opening it shows whether it can be read.
        let state = path.stat().and_then(|stat| match stat.map(|stat| stat.kind) {
            None => Ok(PathState::Absent),
            Some(EntryKind::File) => path.read().map(|_| PathState::File),
            Some(EntryKind::Folder) => path.open_folder().map(|_| PathState::Folder),
            Some(EntryKind::Link) => path.read().map(|_| PathState::File),
            Some(EntryKind::Other) => {
                Ok(PathState::Unusable("it is neither a file nor a folder".to_owned()))
            }
        });
        state.unwrap_or_else(|error| PathState::Unusable(error.to_string()))
    }

    fn entries(&self, folder: &RootedPath) -> Vec<(String, EntryKind)> {
        let listed = folder.open_folder().and_then(|folder| folder.list()).unwrap_or_default();
        listed
            .into_iter()
            .filter_map(|(name, kind)| Some((name.into_string().ok()?, kind)))
            .collect()
    }
}

/// A listing in memory; for tests.
#[derive(Default)]
pub struct FixedListing(BTreeMap<PathBuf, PathState>);

impl FixedListing {
    /// Creates a listing of these files and the folders above them.
    pub fn from_files(files: &[&str]) -> FixedListing {
        let mut states = BTreeMap::new();
        for file in files {
            let path = PathBuf::from(file);
            for folder in path.ancestors().skip(1) {
                states.insert(folder.to_owned(), PathState::Folder);
            }
            states.insert(path, PathState::File);
        }
        FixedListing(states)
    }

    /// Adds this state at this path.
    #[must_use]
    pub fn with(mut self, path: &str, state: PathState) -> FixedListing {
        self.0.insert(path.into(), state);
        self
    }
}

impl Listing for FixedListing {
    fn state(&self, path: &RootedPath) -> PathState {
        self.0.get(path.path()).cloned().unwrap_or(PathState::Absent)
    }

    fn entries(&self, folder: &RootedPath) -> Vec<(String, EntryKind)> {
        let below = self.0.iter().filter(|(path, _)| path.parent() == Some(folder.path()));
        below
            .filter_map(|(path, state)| {
                let kind = match state {
                    PathState::File => EntryKind::File,
                    PathState::Folder => EntryKind::Folder,
                    PathState::Absent | PathState::Unusable(_) => return None,
                };
                Some((path.file_name()?.to_str()?.to_owned(), kind))
            })
            .collect()
    }
}
