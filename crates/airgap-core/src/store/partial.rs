//! An unfinished file.

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::write_lock;
use crate::digest::{Digest, Hasher};
use crate::error::{Context, Error, Result};
use crate::folder::{EntryKind, Folder, uninterrupted};
use crate::rooted::{RootedPath, is_absence};
use crate::secrets;
use crate::verify;

/// The number of random characters that tell the unfinished files of one destination apart.
const RANDOM: usize = 12;

/// The largest note beside an unfinished file in bytes: an address and an `ETag`.
const LARGEST_NOTE: u64 = 64 << 10;

/// The ending of an unfinished file, of its note, and of the unfinished folder that belongs to it.
const PART: &str = ".part";
const NOTE: &str = ".json";
pub(super) const TREE: &str = ".tree";

/// The age from which a file that cannot be locked counts as abandoned.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// The permissions of a finished file, before the umask is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Mode 0666.
    Plain,
    /// Mode 0777.
    Executable,
}

/// The origin of a download's bytes, kept beside them for the run that continues it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The address, redacted.
    pub url: String,
    /// The version of the file at that address: a strong `ETag`, or `Last-Modified`.
    pub validator: Option<String>,
}

/// An unfinished file, in the folder of its destination.
///
/// Its writer holds a lock on it while this value lives. If the value is dropped, or the process is
/// killed, the file stays, and the next run continues it.
pub struct Partial {
    file: File,
    folder: Folder,
    name: OsString,
    path: PathBuf,
    destination: RootedPath,
    hasher: Hasher,
    length: u64,
    origin: Option<Origin>,
}

/// The file of a [`Partial`] with its running hash, for a writer that hashes each byte.
pub struct HashedOutput<'a> {
    /// The file, positioned at its end.
    pub file: &'a mut File,
    /// The hasher, which has seen all bytes so far.
    pub hasher: &'a mut Hasher,
    /// The number of bytes so far.
    pub length: &'a mut u64,
}

impl Partial {
    /// Creates an empty one. The destination's folder is created if it is missing.
    ///
    /// # Errors
    /// Usage, if the destination exists and is neither a file nor a link; integrity, if a folder
    /// above it is a link.
    pub fn create(destination: &RootedPath) -> Result<Partial> {
        Partial::create_in(open_folder(destination)?, destination)
    }

    fn create_in(folder: Folder, destination: &RootedPath) -> Result<Partial> {
        let names = PartialNames::new(destination);
        let doing = || format!("create a file in `{}`", folder.path().display());
        loop {
            let (file, name) = names.create(&folder).doing(doing)?;
            // Between creating and locking, another process may have claimed or removed it.
            if matches!(lock(&file, &folder, &name), Lock::Ours | Lock::Unsupported) {
                return Ok(Partial::new(file, folder, name, destination));
            }
        }
    }

    /// Creates an empty one for a folder, which is created beside it.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn create_beside(folder: &RootedPath) -> Result<Partial> {
        let parent = folder.folder().doing(|| format!("open the folder of `{folder}`"))?;
        Partial::create_in(parent, folder)
    }

    /// Returns its own name.
    pub(super) fn name(&self) -> &OsStr {
        &self.name
    }

    /// Continues the leftover of a killed or failed run for this destination, hashed again; creates
    /// an empty one if there is none.
    ///
    /// # Errors
    /// The errors of [`Partial::create`].
    pub fn resume_or_create(destination: &RootedPath) -> Result<Partial> {
        let folder = open_folder(destination)?;
        let doing = || format!("open `{}`", folder.path().display());
        for orphan in PartialNames::new(destination).orphans(&folder) {
            // One that cannot be claimed belongs to another process; a new one always works.
            let folder = folder.try_clone().doing(doing)?;
            if let Ok(Some(partial)) = Partial::claim(folder, orphan, destination) {
                return Ok(partial);
            }
        }
        Partial::create_in(folder, destination)
    }

    fn new(file: File, folder: Folder, name: OsString, destination: &RootedPath) -> Partial {
        Partial {
            path: folder.path().join(&name),
            destination: destination.clone(),
            hasher: Hasher::default(),
            length: 0,
            origin: None,
            file,
            folder,
            name,
        }
    }

    fn claim(
        folder: Folder,
        name: OsString,
        destination: &RootedPath,
    ) -> io::Result<Option<Partial>> {
        let file = folder.write(&name)?;
        let note = note(&name);
        // A second name of the file is another file of the user: its content must not change.
        let is_strange = |name: &OsStr| match folder.stat(name) {
            Ok(stat) => stat.kind != EntryKind::File || stat.names > 1,
            Err(error) => !is_absence(&error),
        };
        if is_strange(&name) || is_strange(&note) || lock(&file, &folder, &name) != Lock::Ours {
            return Ok(None);
        }
        let origin = read_note(&folder, &note);
        let mut partial = Partial::new(file, folder, name, destination);
        let (hasher, length) = verify::hash_state(&mut partial.file)?;
        partial.hasher = hasher;
        partial.length = length;
        partial.origin = origin;
        Ok(Some(partial))
    }

    /// Returns the number of bytes so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Returns the SHA-256 of the bytes so far.
    pub fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    /// Returns the origin of the bytes so far, if it is known.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// Returns the path of the unfinished file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the destination.
    pub fn destination(&self) -> &RootedPath {
        &self.destination
    }

    /// Returns the file itself, for a writer that does not hash.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Returns the file with its running hash, for a writer that hashes each byte.
    pub fn hashed_output(&mut self) -> HashedOutput<'_> {
        HashedOutput { file: &mut self.file, hasher: &mut self.hasher, length: &mut self.length }
    }

    /// Records the origin of the bytes, before the first of them arrives.
    pub fn set_origin(&mut self, origin: Origin) {
        if self.origin.as_ref() == Some(&origin) {
            return;
        }
        // Without the note, the next run still continues: the digest decides in the end.
        let hide = |text: &str| secrets::hide_in_data(text).into_owned();
        let noted =
            Origin { url: hide(&origin.url), validator: origin.validator.as_deref().map(hide) };
        if let Ok(json) = serde_json::to_vec(&noted) {
            let _ = self.write_note(&json);
        }
        self.origin = Some(origin);
    }

    fn write_note(&self, json: &[u8]) -> io::Result<()> {
        let note = note(&self.name);
        self.folder.remove_if_there(&note)?;
        self.folder.create(&note, false)?.write_all(json)
    }

    /// Empties it.
    pub fn reset(&mut self) -> Result<()> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .doing(|| format!("empty `{}`", self.path.display()))?;
        self.hasher = Hasher::default();
        self.length = 0;
        Ok(())
    }

    /// Returns the first bytes, to detect the type of the file.
    pub fn beginning(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = self
            .reader()
            .and_then(|file| file.take(256).read_to_end(&mut bytes).doing(|| "read".to_owned()));
        read.map(|_| bytes).unwrap_or_default()
    }

    /// Returns a reader from the first byte, with a position of its own: the writer's position is
    /// at the end.
    pub fn reader(&self) -> Result<File> {
        self.opened().doing(|| format!("read `{}`", self.path.display()))
    }

    fn opened(&self) -> io::Result<File> {
        let reader = self.folder.read(&self.name)?;
        match self.folder.has(&self.name, &self.file)? {
            true => Ok(reader),
            false => Err(io::Error::other("its unfinished file was replaced by another process")),
        }
    }

    /// Makes it durable, renames it to its destination, and removes the leftovers of other runs for
    /// the same destination. Returns the file, opened for reading.
    ///
    /// # Errors
    /// Those of the file system; the unfinished file is removed then.
    pub fn place(self, mode: Mode) -> Result<File> {
        let placed = self.try_place(mode, Folder::rename);
        let placed = placed.doing(|| format!("write `{}`", self.destination));
        if placed.is_err() {
            self.discard();
        }
        placed
    }

    /// Places the file if the name is not taken yet, and returns whether it did; otherwise nothing
    /// changes and the unfinished file is removed.
    ///
    /// # Errors
    /// The errors of [`Partial::place`].
    pub(super) fn place_new(self, mode: Mode) -> Result<bool> {
        let placed = match self.try_place(mode, Folder::rename_to_new) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            placed => placed.map(|_| true).doing(|| format!("write `{}`", self.destination)),
        };
        if !matches!(placed, Ok(true)) {
            self.discard();
        }
        placed
    }

    fn try_place(
        &self,
        mode: Mode,
        rename: impl Fn(&Folder, &OsStr, &OsStr) -> io::Result<()>,
    ) -> io::Result<File> {
        set_mode(&self.file, mode)?;
        uninterrupted(|| self.file.sync_all())?;
        // A handle that can write would keep the file from being executed ("text file busy").
        let reader = self.opened()?;
        // The note is removed first: a file without one is complete, a note without a file is
        // useless.
        self.folder.remove_if_there(&note(&self.name))?;
        rename(&self.folder, &self.name, self.destination.name())?;
        self.folder.sync()?;
        PartialNames::new(&self.destination).remove_leftovers(&self.folder);
        Ok(reader)
    }

    /// Places a file with this digest. A file that already has it stays, so that another run that
    /// reads it is not disturbed. Returns the file at the destination.
    ///
    /// # Errors
    /// The errors of [`Partial::place`].
    pub fn place_pinned(self, mode: Mode, digest: &Digest) -> Result<File> {
        match self.try_place(mode, Folder::rename_to_new) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Ok(file) => return Ok(file),
            Err(error) => {
                let error = Err(error).doing(|| format!("write `{}`", self.destination));
                self.discard();
                return error;
            }
        }
        let there = self.folder.read(self.destination.name());
        if let Some(mut there) = there.ok().filter(|it| has_mode(it, mode))
            && verify::hash(&mut there).is_ok_and(|(found, _)| found == *digest)
        {
            PartialNames::new(&self.destination).remove_leftovers(&self.folder);
            self.discard();
            return Ok(there);
        }
        self.place(mode)
    }

    /// Removes it.
    pub fn discard(self) {
        remove(&self.folder, &self.name);
    }

    /// Keeps it for the next run, or removes it if it is empty.
    pub fn keep_for_resume(self) {
        if self.length == 0 {
            self.discard();
        }
    }
}

/// Opens the folder of a destination, and creates it if it is missing.
///
/// A device, a pipe or a folder must not be replaced by a file: as root, `/dev/null` would be
/// replaced.
fn open_folder(destination: &RootedPath) -> Result<Folder> {
    let doing = || format!("create the folder of `{destination}`");
    let folder = destination.make_folder().doing(doing)?;
    let there = folder.stat(destination.name()).map(|stat| stat.kind);
    let what = match there {
        Ok(EntryKind::Folder) => "a folder",
        Ok(EntryKind::Other) => "not a regular file",
        _ => return Ok(folder),
    };
    Err(Error::usage(format!("cannot write a file to `{destination}`"))
        .fact("found", what)
        .hint("name a file, or remove the entry at this path"))
}

/// The names of the unfinished files of one destination.
struct PartialNames {
    prefix: OsString,
}

impl PartialNames {
    fn new(destination: &RootedPath) -> PartialNames {
        let mut prefix = OsString::from(".");
        prefix.push(destination.name());
        prefix.push(".");
        PartialNames { prefix }
    }

    fn create(&self, folder: &Folder) -> io::Result<(File, OsString)> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(&self.prefix).suffix(PART).rand_bytes(RANDOM);
        let name = |path: &Path| path.file_name().unwrap_or_default().to_owned();
        // The builder's path is only a part of the name: the file is created in the handle.
        let made = builder.make_in("", |path| folder.create_to_read(&name(path)))?;
        let (file, path) = made.into_parts();
        let name = name(&path);
        // It is not removed when it is dropped: the next run continues it.
        std::mem::forget(path);
        Ok((file, name))
    }

    /// Returns the unfinished files in the folder, including those of other processes; the longest
    /// first.
    fn orphans(&self, folder: &Folder) -> Vec<OsString> {
        let entries = folder.list().unwrap_or_default();
        let names = entries.into_iter().map(|(name, _)| name).filter(|name| self.is_ours(name));
        let mut found: Vec<_> =
            names.map(|name| (folder.stat(&name).map_or(0, |stat| stat.size), name)).collect();
        found.sort_by(|a, b| b.cmp(a));
        found.into_iter().map(|(_, name)| name).collect()
    }

    /// Returns whether a name is one of these: tells `.a.{random}.part` from `.a.b.{random}.part`,
    /// which belongs to the file `a.b`.
    fn is_ours(&self, name: &OsStr) -> bool {
        let random = name
            .as_encoded_bytes()
            .strip_prefix(self.prefix.as_encoded_bytes())
            .and_then(|rest| rest.strip_suffix(PART.as_bytes()));
        random.is_some_and(|it| it.len() == RANDOM && it.iter().all(u8::is_ascii_alphanumeric))
    }

    /// Removes the unfinished files whose writers have ended.
    fn remove_leftovers(&self, folder: &Folder) {
        self.orphans(folder).iter().for_each(|orphan| remove_abandoned(folder, orphan));
    }
}

/// The result of trying to lock an unfinished file.
#[derive(Debug, PartialEq, Eq)]
enum Lock {
    /// This process has the lock, and the file still has its name.
    Ours,
    /// Another process is writing it, or has just finished or removed it.
    Theirs,
    /// This file system has no locks.
    Unsupported,
}

fn lock(file: &File, folder: &Folder, name: &OsStr) -> Lock {
    match write_lock::try_take(file) {
        Ok(()) if is_at(file, folder, name) => Lock::Ours,
        Ok(()) | Err(TryLockError::WouldBlock) => Lock::Theirs,
        // NFS without a lock daemon reports ENOLCK, other systems report that locks are not
        // supported.
        Err(TryLockError::Error(_)) => Lock::Unsupported,
    }
}

fn is_at(file: &File, folder: &Folder, name: &OsStr) -> bool {
    folder.has(name, file).unwrap_or(false)
}

/// Removes the unfinished files of a destination whose writers have ended.
pub(super) fn remove_leftovers(destination: &RootedPath) {
    if let Ok(folder) = destination.folder() {
        PartialNames::new(destination).remove_leftovers(&folder);
    }
}

/// Removes an unfinished file whose writer has ended.
fn remove_abandoned(folder: &Folder, name: &OsStr) {
    let Ok(file) = folder.write(name) else { return };
    let abandoned = match lock(&file, folder, name) {
        Lock::Ours => true,
        Lock::Unsupported => is_old(&file, SystemTime::now()),
        Lock::Theirs => false,
    };
    if abandoned {
        remove(folder, name);
    }
}

/// Removes an unfinished file and everything that belongs to it. The file is removed last, because
/// its name leads to the others.
fn remove(folder: &Folder, name: &OsStr) {
    let others = folder.remove_all(&tree(name)).and(folder.remove_if_there(&note(name)));
    if others.is_ok() {
        let _ = folder.remove_if_there(name);
    }
}

fn is_old(file: &File, now: SystemTime) -> bool {
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|then| now.duration_since(then).is_ok_and(|age| age > ABANDONED))
}

/// Returns the name of the note beside an unfinished file.
fn note(name: &OsStr) -> OsString {
    let mut name = name.to_owned();
    name.push(NOTE);
    name
}

/// Returns the name of the unfinished folder beside an unfinished file, see [`super::Staging`].
pub(super) fn tree(name: &OsStr) -> OsString {
    let mut name = name.to_owned();
    name.push(TREE);
    name
}

fn read_note(folder: &Folder, name: &OsStr) -> Option<Origin> {
    let mut json = Vec::new();
    folder.read(name).ok()?.take(LARGEST_NOTE).read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

/// Makes the file executable for everyone who may read it, which the umask has decided.
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "this is our own unfinished file, by its handle")]
fn set_mode(file: &File, mode: Mode) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    if mode == Mode::Plain {
        return Ok(());
    }
    let bits = uninterrupted(|| file.metadata())?.permissions().mode() & 0o777;
    let mode = std::fs::Permissions::from_mode(bits | ((bits & 0o444) >> 2));
    uninterrupted(|| file.set_permissions(mode.clone()))
}

#[cfg(unix)]
fn has_mode(file: &File, mode: Mode) -> bool {
    use std::os::unix::fs::PermissionsExt;

    let may_execute = |bits: u32| bits & 0o100 != 0;
    let bits = uninterrupted(|| file.metadata()).map(|found| found.permissions().mode());
    bits.is_ok_and(|bits| may_execute(bits) == (mode == Mode::Executable))
}

#[cfg(not(unix))]
fn has_mode(_: &File, _: Mode) -> bool {
    true
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: Mode) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn at(path: &Path) -> RootedPath {
        RootedPath::beside(path)
    }

    fn write(partial: &mut Partial, bytes: &[u8]) {
        let output = partial.hashed_output();
        output.file.write_all(bytes).unwrap();
        output.hasher.update(bytes);
        *output.length += bytes.len() as u64;
    }

    fn names(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn the_next_run_continues_the_file_of_a_killed_run() {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("a.tar.gz");
        let origin = Origin { url: "http://x/".to_owned(), validator: Some("\"1\"".to_owned()) };
        let mut first = Partial::resume_or_create(&at(&destination)).unwrap();
        first.set_origin(origin.clone());
        write(&mut first, b"hello ");
        drop(first);

        let mut second = Partial::resume_or_create(&at(&destination)).unwrap();
        assert_eq!(second.length(), 6);
        assert_eq!(second.origin(), Some(&origin));
        write(&mut second, b"world");
        assert_eq!(second.digest(), Digest::compute(b"hello world"));
        assert_eq!(second.beginning(), b"hello world");
        second.place(Mode::Plain).unwrap();
        assert_eq!(fs::read(&destination).unwrap(), b"hello world");
        assert_eq!(names(folder.path()), 1);
    }

    #[test]
    fn a_partial_file_in_use_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("a");
        let mut first = Partial::resume_or_create(&at(&destination)).unwrap();
        write(&mut first, b"first");
        let mut second = Partial::resume_or_create(&at(&destination)).unwrap();
        assert_eq!(second.length(), 0);
        write(&mut second, b"second");
        second.place(Mode::Plain).unwrap();
        assert!(first.path().exists());
        first.place(Mode::Plain).unwrap();
        assert_eq!(fs::read(&destination).unwrap(), b"first");
        assert_eq!(names(folder.path()), 1);
    }

    #[test]
    fn completion_removes_abandoned_partial_files_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let (a, ab) = (folder.path().join("a"), folder.path().join("a.b"));
        let mut other = Partial::create(&at(&ab)).unwrap();
        write(&mut other, b"other file");
        drop(other);
        let (one, two) = (Partial::create(&at(&a)).unwrap(), Partial::create(&at(&a)).unwrap());
        drop((one, two));
        fs::write(folder.path().join(".a.notrandom.part"), "mine").unwrap();
        Partial::create(&at(&a)).unwrap().place(Mode::Plain).unwrap();
        assert_eq!(names(folder.path()), 3);
        assert_eq!(Partial::resume_or_create(&at(&ab)).unwrap().length(), 10);
    }

    #[test]
    fn an_empty_partial_file_is_removed_and_a_filled_one_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("a");
        Partial::create(&at(&destination)).unwrap().keep_for_resume();
        assert_eq!(names(folder.path()), 0);
        let mut filled = Partial::create(&at(&destination)).unwrap();
        write(&mut filled, b"x");
        filled.keep_for_resume();
        assert_eq!(names(folder.path()), 1);
    }

    #[test]
    fn a_lock_on_an_unlinked_file_is_not_valid() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("x"), folder.path().join("y"));
        let open = Folder::open(folder.path()).unwrap();
        fs::write(&path, "x").unwrap();
        let file = open.write("x".as_ref()).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(lock(&file, &open, "x".as_ref()), Lock::Theirs);
        fs::write(&other, "y").unwrap();
        let file = open.write("y".as_ref()).unwrap();
        assert_eq!(lock(&file, &open, "y".as_ref()), Lock::Ours);
    }

    #[test]
    fn without_locks_only_age_tells_that_a_file_is_abandoned() {
        let file = tempfile::tempfile().unwrap();
        let now = SystemTime::now();
        assert!(!is_old(&file, now));
        assert!(is_old(&file, now + ABANDONED + Duration::from_secs(5)));
    }
    #[cfg(unix)]
    #[test]
    fn a_leftover_with_a_second_hard_link_is_not_resumed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let part = path(".a.abcdefghijkl.part");
        fs::write(path("precious"), "precious").unwrap();
        let resumed = || {
            let mut partial = Partial::resume_or_create(&at(&path("a"))).unwrap();
            let length = partial.length();
            partial.set_origin(Origin { url: "http://x/".to_owned(), validator: None });
            write(&mut partial, b"new");
            partial.discard();
            length
        };
        // A note that is a link.
        fs::write(&part, "half").unwrap();
        std::os::unix::fs::symlink(path("precious"), path(".a.abcdefghijkl.part.json")).unwrap();
        assert_eq!(resumed(), 0);
        fs::remove_file(path(".a.abcdefghijkl.part.json")).unwrap();
        assert_eq!(resumed(), 4);
        // A second name of the file.
        fs::hard_link(path("precious"), &part).unwrap();
        assert_eq!(resumed(), 0);
        fs::remove_file(&part).unwrap();
        std::os::unix::fs::symlink(path("precious"), &part).unwrap();
        assert_eq!(resumed(), 0);
        assert_eq!(fs::read(path("precious")).unwrap(), b"precious");
    }

    #[cfg(unix)]
    #[test]
    fn the_umask_decides_the_permissions() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let partial = Partial::create(&at(&path)).unwrap();
        // As a umask of 077 leaves it.
        partial.file.set_permissions(fs::Permissions::from_mode(0o600)).unwrap();
        partial.place(Mode::Executable).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
