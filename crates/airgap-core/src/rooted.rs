//! A path below a root folder, which is never reached through a link.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::folder::{EntryKind, Folder, Stat};
use crate::regular_file;

/// A file or folder below a root folder.
///
/// The root is the choice of a person, and links in its path are followed. The names below it come
/// from a vendor folder, a layout or an archive; each is opened relative to the folder before it,
/// and a link among them is refused with its target. The value itself is only a path: nothing is
/// opened before a method is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootedPath {
    root: PathBuf,
    path: PathBuf,
}

impl RootedPath {
    /// Creates a path that is its own root, so that every link in it is followed: a folder that a
    /// person names, or a file that a rule names.
    pub fn from_trusted(path: impl Into<PathBuf>) -> RootedPath {
        let root = path.into();
        RootedPath { path: root.clone(), root }
    }

    /// Creates the path of a file or folder to write: the folder that contains it is the root, and
    /// it is not a link itself.
    pub fn beside(path: &Path) -> RootedPath {
        let root = path.parent().unwrap_or(Path::new("")).to_owned();
        RootedPath { root, path: path.to_owned() }
    }

    /// Returns a path below this one, with `/` on every platform.
    #[must_use]
    pub fn join(&self, below: &str) -> RootedPath {
        let mut path = self.path.clone();
        path.extend(below.split('/').filter(|name| !name.is_empty()));
        RootedPath { root: self.root.clone(), path }
    }

    /// Returns the path of another name in the same folder.
    #[must_use]
    pub fn with_name(&self, name: impl AsRef<OsStr>) -> RootedPath {
        let path = self.path.with_file_name(name.as_ref());
        match self.is_root() {
            true => RootedPath::from_trusted(path),
            false => RootedPath { root: self.root.clone(), path },
        }
    }

    /// Returns the folder that contains it; `None` for the root.
    pub fn parent(&self) -> Option<RootedPath> {
        if self.is_root() {
            return None;
        }
        let path = self.path.parent()?.to_owned();
        Some(RootedPath { root: self.root.clone(), path })
    }

    /// Returns the path, for messages and for a comparison with other paths.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the name of the last component; empty for the root.
    pub fn name(&self) -> &OsStr {
        if self.path == self.root {
            OsStr::new("")
        } else {
            self.path.file_name().unwrap_or_default()
        }
    }

    /// Opens the folder that contains it.
    pub fn folder(&self) -> io::Result<Folder> {
        let mut names = self.names()?;
        names.pop();
        self.walk(&names, Folder::enter)
    }

    /// Opens the folder that contains it, and creates it if it is missing.
    pub(crate) fn make_folder(&self) -> io::Result<Folder> {
        let mut names = self.names()?;
        names.pop();
        self.make_root()?;
        self.walk(&names, Folder::make)
    }

    /// Opens it as a folder.
    pub fn open_folder(&self) -> io::Result<Folder> {
        self.walk(&self.names()?, Folder::enter)
    }

    /// Opens it as a folder, and creates it if it is missing.
    pub fn make(&self) -> io::Result<Folder> {
        let names = self.names()?;
        self.make_root()?;
        self.walk(&names, Folder::make)
    }

    /// Opens it for reading, as a regular file.
    pub fn read(&self) -> io::Result<File> {
        match self.is_root() {
            true => regular_file::open(&self.root),
            false => self.folder()?.read(self.name()),
        }
    }

    /// Returns the metadata of the entry, or `None` if there is none.
    ///
    /// # Errors
    /// Those of the system, and a refused link; a missing entry is not an error.
    pub fn stat(&self) -> io::Result<Option<Stat>> {
        let found = match self.is_root() {
            true => std::fs::metadata(&self.root).map(|found| Stat::from_metadata(&found)),
            false => self.folder().and_then(|folder| folder.stat(self.name())),
        };
        match found {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns whether a regular file is there.
    ///
    /// # Errors
    /// The errors of [`RootedPath::stat`].
    pub fn is_file(&self) -> io::Result<bool> {
        Ok(self.stat()?.is_some_and(|stat| stat.kind == EntryKind::File))
    }

    /// Returns whether it is a root itself.
    fn is_root(&self) -> bool {
        self.path == self.root
    }

    /// Returns the names from the root to it.
    fn names(&self) -> io::Result<Vec<OsString>> {
        let below = self.path.strip_prefix(&self.root).map_err(io::Error::other)?;
        let name = |part| match part {
            Component::Normal(name) => Ok(name.to_owned()),
            _ => {
                let text = format!("`{}` leads out of `{}`", below.display(), self.root.display());
                Err(io::Error::new(io::ErrorKind::InvalidInput, text))
            }
        };
        below.components().map(name).collect()
    }

    #[expect(clippy::disallowed_methods, reason = "the root is a person's choice, with its links")]
    fn make_root(&self) -> io::Result<()> {
        match self.root.as_os_str().is_empty() {
            true => Ok(()),
            false => std::fs::create_dir_all(&self.root),
        }
    }

    fn walk(
        &self,
        names: &[OsString],
        step: impl Fn(&Folder, &OsStr) -> io::Result<Folder>,
    ) -> io::Result<Folder> {
        let root = Folder::open(&self.root)?;
        names.iter().try_fold(root, |folder, name| step(&folder, name))
    }
}

impl fmt::Display for RootedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl AsRef<Path> for RootedPath {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

/// Returns whether an error only means that the entry does not exist. A file in the middle of a
/// path counts as absence too.
pub fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::folder::LinkRefused;

    #[test]
    fn a_link_below_the_root_is_refused_and_the_root_may_be_one() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("real/a")).unwrap();
        fs::create_dir(at("outside")).unwrap();
        fs::write(at("outside/f"), "f").unwrap();
        fs::write(at("real/a/f"), "f").unwrap();
        symlink("real", at("root")).unwrap();
        symlink("../outside", at("real/link")).unwrap();
        let root = RootedPath::from_trusted(at("root"));
        assert!(root.join("a/f").read().is_ok());
        for result in [
            root.join("link/f").read().map(drop),
            root.join("link/f").stat().map(drop),
            root.join("link/new").make_folder().map(drop),
            root.join("link/new").make().map(drop),
        ] {
            let error = result.unwrap_err();
            let link = LinkRefused::within(&error).unwrap();
            assert_eq!(link.target, Path::new("../outside"));
            assert_eq!(link.path, at("root/link"));
        }
        assert!(!at("outside/new").exists());
        root.open_folder().unwrap().remove_all(OsStr::new("link")).unwrap();
        assert!(at("outside/f").exists());
        assert!(!at("real/link").exists());
    }

    #[test]
    fn paths_out_of_the_root_and_folders_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = RootedPath::from_trusted(folder.path());
        assert!(root.join("../x").folder().is_err());
        fs::create_dir(folder.path().join("d")).unwrap();
        assert!(root.join("d").read().unwrap_err().to_string().contains("is a folder"));
        assert_eq!(root.join("d/nothing/at/all").stat().unwrap(), None);
        assert_eq!(root.stat().unwrap().unwrap().kind, EntryKind::Folder);
    }

    #[test]
    fn a_deep_folder_is_removed_with_its_links_and_nothing_outside() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("kept")).unwrap();
        fs::write(folder.path().join("kept/f"), "f").unwrap();
        let mut deep = folder.path().join("gone");
        for _ in 0..200 {
            fs::create_dir(&deep).unwrap();
            symlink(folder.path().join("kept"), deep.join("l")).unwrap();
            fs::write(deep.join("f"), "f").unwrap();
            deep.push("d");
        }
        let root = Folder::open(folder.path()).unwrap();
        root.remove_all(OsStr::new("gone")).unwrap();
        root.remove_all(OsStr::new("gone")).unwrap();
        assert!(folder.path().join("kept/f").exists());
        assert_eq!(root.list().unwrap(), [("kept".into(), EntryKind::Folder)]);
    }
}

#[cfg(all(test, windows))]
mod windows_tests {
    use super::*;

    #[test]
    fn a_drive_or_a_stream_is_not_a_name() {
        let temp = tempfile::tempdir().unwrap();
        for name in ["C:", "C:x", "x:stream", "x::$DATA"] {
            let path = RootedPath::from_trusted(temp.path()).join(name).join("y");
            assert!(path.make().is_err(), "{name}");
        }
        assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_long_path_works() {
        let temp = tempfile::tempdir().unwrap();
        let path = RootedPath::from_trusted(temp.path()).join(&vec!["n".repeat(60); 8].join("/"));
        let folder = path.make().unwrap();
        drop(folder.create("x".as_ref(), false).unwrap());
        assert_eq!(folder.list().unwrap().len(), 1);
    }
}
