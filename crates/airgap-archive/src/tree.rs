//! Creates the entries that the catalog admitted.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use airgap_core::error::{Context, Result};
use airgap_core::folder::Folder;

use super::entry_path::EntryPath;
use super::links::Link;

/// A writer of files and folders below a root, through handles of the folders that lead to the last
/// one.
///
/// Archives are sorted by folder, so each folder is opened about once, and a file costs no more
/// than to create it, to write it and to close it.
pub(super) struct TreeWriter {
    path: PathBuf,
    root: Folder,
    /// The folders from the root to the current one, with their names.
    open: Vec<(String, Folder)>,
    /// The path of the current folder.
    current: String,
}

impl TreeWriter {
    pub(super) fn new(root: &Path) -> Result<TreeWriter> {
        let folder = Folder::open(root).doing(|| format!("open `{}`", root.display()))?;
        let (open, current) = (Vec::new(), String::new());
        Ok(TreeWriter { path: root.to_owned(), root: folder, open, current })
    }

    /// Creates a second writer into the same tree, for another thread.
    pub(super) fn reopen(&self) -> Result<TreeWriter> {
        TreeWriter::new(&self.path)
    }

    /// Creates a folder and the folders that contain it.
    pub(super) fn folder(&mut self, path: &EntryPath) -> Result<()> {
        self.enter(path.as_str())
            .map(drop)
            .doing(|| format!("create the folder `{}`", path.as_str()))
    }

    /// Creates a file, which must not exist.
    pub(super) fn file(&mut self, path: &EntryPath, executable: bool) -> Result<File> {
        self.enter(path.parent())
            .and_then(|folder| folder.create(path.name().as_ref(), executable))
            .doing(|| format!("create `{}`", path.as_str()))
    }

    /// Creates a second name for an existing file.
    pub(super) fn hard_link(&mut self, path: &EntryPath, existing: &EntryPath) -> Result<()> {
        let mut make = || {
            let other = self.enter(existing.parent())?.try_clone()?;
            self.enter(path.parent())?.link(path.name().as_ref(), &other, existing.name().as_ref())
        };
        make().doing(|| format!("link `{}` to `{}`", path.as_str(), existing.as_str()))
    }

    /// Gives a file another name in its folder. The tree has no link yet, so none can be followed.
    pub(super) fn rename(&mut self, path: &EntryPath, to: &EntryPath) -> Result<()> {
        self.enter(path.parent())
            .and_then(|folder| folder.rename_to_new(path.name().as_ref(), to.name().as_ref()))
            .doing(|| format!("rename `{}` to `{}`", path.as_str(), to.as_str()))
    }

    /// Creates a symbolic link. After the first link nothing but links may be created.
    pub(super) fn symlink(&mut self, link: &Link) -> Result<()> {
        self.enter(link.path.parent())
            .and_then(|folder| folder.symlink(link.path.name().as_ref(), &link.target))
            .doing(|| format!("link `{}` to `{}`", link.path.as_str(), link.target))
    }

    /// Makes the folder the current one. The folders that it shares with the last one stay open.
    fn enter(&mut self, path: &str) -> io::Result<&Folder> {
        if self.current != path {
            let names = || path.split('/').filter(|name| !name.is_empty());
            let shared =
                self.open.iter().zip(names()).take_while(|((open, _), name)| open == name).count();
            self.open.truncate(shared);
            for name in names().skip(shared) {
                let folder = self.last().make(name.as_ref())?;
                self.open.push((name.to_owned(), folder));
            }
            self.current.clear();
            self.current.push_str(path);
        }
        Ok(self.last())
    }

    fn last(&self) -> &Folder {
        self.open.last().map_or(&self.root, |(_, folder)| folder)
    }
}
