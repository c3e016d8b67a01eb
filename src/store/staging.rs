//! The hidden folder in which a tree is made, and the rename that makes it visible.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Context, Error, Result};

/// A folder beside the destination, removed with all that is in it unless it is published.
pub(crate) struct Staging {
    folder: TempDir,
    root: PathBuf,
    destination: PathBuf,
}

impl Staging {
    /// Makes the folder. Beside the destination, as only there a rename is sure to be one step.
    pub(crate) fn beside(destination: &Path) -> Result<Staging> {
        check_free(destination)?;
        let name = destination.file_name().ok_or_else(|| {
            Error::usage(format!("`{}` cannot be a destination", destination.display()))
        })?;
        let parent = match destination.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).doing(|| format!("create `{}`", parent.display()))?;
        let folder = tempfile::Builder::new()
            .prefix(&format!(".{}.", name.to_string_lossy()))
            .tempdir_in(parent)
            .doing(|| format!("create a folder in `{}`", parent.display()))?;
        let root = folder.path().join("tree");
        fs::create_dir(&root).doing(|| format!("create `{}`", root.display()))?;
        Ok(Staging { folder, root, destination: destination.to_owned() })
    }

    /// The folder to fill.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Puts the tree, or the one folder in it, at the destination.
    pub(crate) fn publish(self, top_folder: Option<&str>) -> Result<()> {
        let Staging { folder, root, destination } = self;
        let finished = top_folder.map_or(root.clone(), |top| root.join(top));
        rename(&finished, &destination)
            .doing(|| format!("put the finished tree at `{}`", destination.display()))?;
        // The tree is out; what is left of the folder is empty, and staying would harm nobody.
        let _ = folder.close();
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "a tree is published by renaming its folder")]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    // Windows does not rename onto a folder, not even an empty one.
    if cfg!(windows) && to.is_dir() {
        fs::remove_dir(to)?;
    }
    fs::rename(from, to)
}

fn check_free(destination: &Path) -> Result<()> {
    let taken = |what: &str| {
        Error::usage(format!("cannot put a folder at `{}`: {what}", destination.display()))
            .hint("choose a folder that does not exist, or an empty one")
    };
    match fs::symlink_metadata(destination) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(there) if there.is_dir() => match fs::read_dir(destination) {
            Ok(mut entries) => match entries.next() {
                None => Ok(()),
                Some(_) => Err(taken("the folder is not empty")),
            },
            Err(error) => Err(error).doing(|| format!("read `{}`", destination.display())),
        },
        Ok(_) => Err(taken("something that is no folder is there")),
        Err(error) => Err(error).doing(|| format!("read `{}`", destination.display())),
    }
}
