//! The hidden folder in which a tree is made, and the rename that makes it visible.
//!
//! ```text
//! parent/.{name}.{random}.part        locked while the tree is made
//! parent/.{name}.{random}.part.tree/  the unfinished tree
//! parent/{name}/                      appears by one rename
//! ```
//!
//! The next run for the same destination removes the first two of a killed run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::partial::{self, Partial};
use crate::error::{Context, Error, Result};
use crate::folder::{EntryKind, Folder};
use crate::rooted::RootedPath;

/// The name of the tree in the folder, which only its owner may enter.
const TREE: &str = "tree";

/// A folder beside the destination, removed with everything in it unless it is published.
pub struct Staging {
    parent: Folder,
    name: std::ffi::OsString,
    folder: Folder,
    tree: PathBuf,
    destination: RootedPath,
    lock: Option<Partial>,
}

impl Staging {
    /// Creates the folder beside the destination, as only there a rename is sure to be one step.
    ///
    /// # Errors
    /// Usage, if the destination exists and is not an empty folder.
    pub fn beside(destination: &Path) -> Result<Staging> {
        if destination.file_name().is_none() {
            let text = format!("`{}` cannot be a destination", destination.display());
            return Err(Error::usage(text));
        }
        let destination = RootedPath::beside(destination);
        let parent = destination.make_folder();
        let parent = parent.doing(|| format!("create the folder of `{destination}`"))?;
        // First, as a run that was killed at its very end has left the finished tree.
        partial::remove_leftovers(&destination);
        check_free(&parent, &destination)?;
        Staging::begin(parent, destination)
    }

    fn begin(parent: Folder, destination: RootedPath) -> Result<Staging> {
        let lock = Partial::create_beside(&destination)?;
        let name = partial::tree(lock.name());
        let doing = || format!("create a folder in `{}`", parent.path().display());
        let made = parent.make_private(&name).and_then(|folder| {
            folder.make(OsStr::new(TREE))?;
            Ok(folder)
        });
        let folder = match made {
            Ok(folder) => folder,
            Err(error) => {
                lock.discard();
                return Err(error).doing(doing);
            }
        };
        let tree = folder.path().join(TREE);
        Ok(Staging { parent, name, folder, tree, destination, lock: Some(lock) })
    }

    /// Returns the folder to fill.
    pub fn root(&self) -> &Path {
        &self.tree
    }

    /// Puts the tree, or the one folder in it, at the destination.
    ///
    /// # Errors
    /// Those of the rename, for example if another process created the destination meanwhile.
    pub fn publish(self, top_folder: Option<&str>) -> Result<()> {
        let publish = || match top_folder {
            None => {
                self.folder.rename_into(OsStr::new(TREE), &self.parent, self.destination.name())
            }
            Some(top) => self.folder.enter(OsStr::new(TREE))?.rename_into(
                OsStr::new(top),
                &self.parent,
                self.destination.name(),
            ),
        };
        publish().doing(|| format!("put the finished tree at `{}`", self.destination))
        // The rest of the folder is removed when this value is dropped.
    }
}

/// A temporary folder, removed with everything in it when it is dropped. The next run removes the
/// folder of a killed run.
pub struct Scratch(Staging);

impl Scratch {
    /// Creates a folder among the temporary files of the system.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn new() -> Result<Scratch> {
        let place = RootedPath::from_trusted(std::env::temp_dir()).join("wasm-airgap");
        let doing = || format!("create a temporary folder in `{}`", place.root().display());
        let parent = place.folder().doing(doing)?;
        partial::remove_leftovers(&place);
        Staging::begin(parent, place).map(Scratch)
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        self.0.root()
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = self.parent.remove_all(&self.name);
        if let Some(lock) = self.lock.take() {
            lock.discard();
        }
    }
}

fn check_free(parent: &Folder, destination: &RootedPath) -> Result<()> {
    let taken = |what: &str| {
        Error::usage(format!("cannot put a folder at `{destination}`: {what}"))
            .hint("choose a folder that does not exist, or an empty one")
    };
    let doing = || format!("read `{destination}`");
    let kind = match parent.stat(destination.name()) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        stat => stat.doing(doing)?.kind,
    };
    if kind != EntryKind::Folder {
        return Err(taken("it exists and is not a folder"));
    }
    let entries = parent.enter(destination.name()).and_then(|folder| folder.list()).doing(doing)?;
    match entries.is_empty() {
        true => Ok(()),
        false => Err(taken("the folder is not empty")),
    }
}
