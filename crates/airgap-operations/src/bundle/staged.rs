//! The hidden folder in a vendor folder in which contents wait, each under its digest, until every
//! part of a bundle is verified. The next run continues with the contents of a killed run.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write;

use airgap_core::digest::{Digest, Hasher};
use airgap_core::error::{Context, Error, ErrorKind, Result};
use airgap_core::folder::{Folder, uninterrupted};
use airgap_core::read;
use airgap_core::rooted::RootedPath;
use airgap_core::store;
use airgap_core::verify;

use super::inventory::MOST_BYTES;
use super::line::Line;

/// The name of the folder, and of the lock beside it.
const NAME: &str = ".wasm-airgap-bundle";
const LOCK: &str = ".wasm-airgap-bundle.lock";

/// The list of the files that a bundle removes, which are not in the manifest any more.
const REMOVING: &str = "removing";

/// The ending of an unfinished content.
const UNFINISHED: &str = ".unfinished";

/// The folder.
pub(super) struct Staged {
    root: RootedPath,
    path: RootedPath,
    folder: Folder,
    _lock: store::FileLock,
}

impl Staged {
    /// Locks the vendor folder and opens the folder in it. `waits` is called if another process
    /// applies a bundle there now.
    ///
    /// # Errors
    /// Those of the file system; integrity, if a link is in the way.
    pub(super) fn open(root: &RootedPath, waits: &dyn Fn()) -> Result<Staged> {
        let lock = store::FileLock::acquire(&root.join(LOCK), waits)?;
        let path = root.join(NAME);
        let folder = path.make().doing(|| format!("create `{path}`"))?;
        Ok(Staged { root: root.clone(), path, folder, _lock: lock })
    }

    /// Returns whether a vendor folder has this folder, or the lock of a killed run.
    pub(super) fn is_in(root: &RootedPath) -> Result<bool> {
        let is_there = |name| -> Result<bool> {
            let path = root.join(name);
            Ok(path.stat().doing(|| format!("read `{path}`"))?.is_some())
        };
        Ok(is_there(NAME)? || is_there(LOCK)?)
    }

    /// Returns the paths of the files that a killed run was about to remove.
    pub(super) fn removing(root: &RootedPath) -> Result<HashSet<String>> {
        let list = root.join(NAME).join(REMOVING);
        let text = read::rooted_text(&list, MOST_BYTES)?.unwrap_or_default();
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Keeps the paths of the files that are about to be removed.
    pub(super) fn keep_removing<'a>(&self, paths: impl Iterator<Item = &'a str>) -> Result<()> {
        let text: String = paths.map(|path| format!("{path}\n")).collect();
        store::write_atomically(&self.place(REMOVING), text.as_bytes())
    }

    /// Forgets them.
    pub(super) fn end_removing(&self) -> Result<()> {
        self.remove_file(REMOVING)
    }

    /// Returns the path of a file in it.
    pub(super) fn place(&self, name: &str) -> RootedPath {
        self.path.join(name)
    }

    /// Returns the names of the files in it.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        let entries = self.folder.list().doing(|| format!("list `{}`", self.path))?;
        Ok(entries.into_iter().map(|(name, _)| name.to_string_lossy().into_owned()).collect())
    }

    /// Returns those of these contents that an earlier run has left; each is hashed.
    pub(super) fn left(&self, wanted: &HashSet<Digest>) -> Result<HashSet<Digest>> {
        let names = self.names()?.into_iter();
        let digests = names.filter_map(|name| name.parse::<Digest>().ok());
        let is_right = |digest: &Digest| {
            let hashed =
                self.place(&digest.to_string()).read().and_then(|mut it| verify::hash(&mut it));
            wanted.contains(digest) && hashed.is_ok_and(|(found, _)| found == *digest)
        };
        Ok(digests.filter(is_right).collect())
    }

    /// Checks that each of these contents is there, before the first one gets its name.
    ///
    /// # Errors
    /// Integrity, if one is missing.
    pub(super) fn check_has(&self, wanted: &HashSet<Digest>) -> Result<()> {
        let there: HashSet<_> = self.names()?.iter().filter_map(|it| it.parse().ok()).collect();
        match wanted.difference(&there).next() {
            None => Ok(()),
            Some(digest) => Err(Error::integrity("the bundle does not carry a file that it lists")
                .fact("missing", format!("sha256:{digest}"))
                .hint("create the bundle again with `wasm-airgap bundle create`")),
        }
    }

    /// Begins a content.
    pub(super) fn begin(&self, digest: Digest) -> Result<Unfinished> {
        let name = OsString::from(format!("{digest}{UNFINISHED}"));
        let doing = || format!("write `{}`", self.path.path().join(&name).display());
        self.folder.remove_if_there(&name).doing(doing)?;
        let file = self.folder.create_to_read(&name).doing(doing)?;
        let folder = self.folder.try_clone().doing(doing)?;
        Ok(Unfinished { file, name, folder, digest, hasher: Hasher::default() })
    }

    /// Returns the bytes of a small content.
    ///
    /// # Errors
    /// Failed, if it is missing or has another digest.
    pub(super) fn bytes(&self, line: &Line, limit: u64) -> Result<Vec<u8>> {
        let bytes = read::rooted_bytes(&self.place(&line.sha256.to_string()), limit)?;
        let bytes = bytes.filter(|bytes| Digest::compute(bytes) == line.sha256);
        bytes.ok_or_else(|| {
            let path = &line.path;
            Error::new(ErrorKind::Failed, format!("the content of `{path}` is not staged any more"))
                .hint("apply the bundle again")
        })
    }

    /// Gives a content its name in the vendor folder, or copies it if `is_last` does not hold.
    ///
    /// # Errors
    /// Integrity, if a link is in the way; those of the file system.
    pub(super) fn publish(
        &self,
        digest: &Digest,
        (path, executable): (&str, bool),
        is_last: bool,
    ) -> Result<()> {
        let (from, to) = (self.place(&digest.to_string()), self.root.join(path));
        if !is_last {
            let content = verify::Unverified::open_rooted(&from, path)?.verify(digest)?;
            return store::place_copy(&content, &to, executable).map(drop);
        }
        let parent = to.parent().unwrap_or_else(|| self.root.clone());
        let doing = || format!("write `{to}`");
        let folder = parent.make().doing(doing)?;
        let name = OsString::from(digest.to_string());
        if executable {
            self.folder.allow_execution(&name).doing(doing)?;
        }
        self.folder.rename_into(&name, &folder, to.name()).doing(doing)
    }

    /// Makes the names of files in these folders durable.
    pub(super) fn sync<'a>(&self, folders: impl Iterator<Item = &'a str>) -> Result<()> {
        let folders: HashSet<_> = folders.collect();
        for folder in folders {
            let path = self.root.join(folder);
            let synced = path.open_folder().and_then(|folder| folder.sync());
            synced.doing(|| format!("write `{path}`"))?;
        }
        Ok(())
    }

    /// Removes the folder with everything in it.
    pub(super) fn remove(self) -> Result<()> {
        let root = self.root.open_folder();
        let removed = root.and_then(|root| root.remove_all(OsStr::new(NAME)));
        removed.doing(|| format!("remove `{}`", self.path))
    }

    /// Removes a file in it.
    pub(super) fn remove_file(&self, name: &str) -> Result<()> {
        let removed = self.folder.remove_if_there(OsStr::new(name));
        removed.doing(|| format!("remove `{}`", self.place(name)))
    }
}

/// A content that is being written.
pub(super) struct Unfinished {
    file: File,
    name: OsString,
    folder: Folder,
    digest: Digest,
    hasher: Hasher,
}

impl Unfinished {
    /// Adds the next bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.file.write_all(bytes).doing(|| self.doing())
    }

    /// Compares the digest; then the content may be finished.
    ///
    /// # Errors
    /// Integrity, if the digest differs.
    pub(super) fn end(self) -> Result<Ended> {
        let found = self.hasher.clone().finish();
        if found != self.digest {
            return Err(Error::integrity(
                "the bundle carries other bytes than its inventory lists",
            )
            .fact("expected", format!("sha256:{}", self.digest))
            .fact("found", format!("sha256:{found}"))
            .hint("create the bundle again with `wasm-airgap bundle create`"));
        }
        Ok(Ended(self))
    }

    fn doing(&self) -> String {
        format!("write `{}`", self.folder.path().join(&self.name).display())
    }
}

/// A content that was written and has the right digest.
pub(super) struct Ended(Unfinished);

impl Ended {
    /// Makes it durable and gives it its digest as its name.
    pub(super) fn finish(self) -> Result<()> {
        let Ended(content) = self;
        let name = OsString::from(content.digest.to_string());
        let finished = uninterrupted(|| content.file.sync_data())
            .and_then(|()| content.folder.rename(&content.name, &name));
        finished.doing(|| content.doing())
    }
}
