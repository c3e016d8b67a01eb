//! A file that is not finished.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};
use crate::error::{Context, Error, Result};
use crate::verify;

/// How many random characters tell the unfinished files of one destination apart.
const RANDOM: usize = 12;

/// From this age on, a file that cannot be locked is taken for abandoned.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// The permissions of a finished file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// 0644
    Plain,
    /// 0755
    Executable,
}

/// Where the bytes of a download come from, kept beside them for the run that continues it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The address, redacted.
    pub url: String,
    /// What names this version of the file there: a strong `ETag`, or `Last-Modified`.
    pub validator: Option<String>,
}

/// A file that is not finished, in the folder where it will appear.
///
/// Its writer holds a lock on it for as long as this value lives. Dropping it is like being killed:
/// the file stays, and the next run continues it.
pub struct Partial {
    file: File,
    path: PathBuf,
    destination: PathBuf,
    hasher: Hasher,
    length: u64,
    origin: Option<Origin>,
}

/// The ends of a [`Partial`] that a download fills.
pub struct Intake<'a> {
    /// Positioned where the next byte goes.
    pub file: &'a mut File,
    /// Has seen all bytes so far.
    pub hasher: &'a mut Hasher,
    /// How many those are.
    pub length: &'a mut u64,
}

impl Partial {
    /// An empty one. The destination's folder is created where it is missing.
    ///
    /// # Errors
    /// Usage, where something is at the destination that is neither a file nor a link.
    pub fn create(destination: &Path) -> Result<Partial> {
        may_be_replaced(destination)?;
        let names = Names::of(destination);
        let context = || format!("create a file in `{}`", names.folder.display());
        fs::create_dir_all(names.folder)
            .doing(|| format!("create the folder `{}`", names.folder.display()))?;
        loop {
            let (file, path) = names.create().doing(context)?;
            // Between creating and locking, another process may have claimed or removed it.
            if matches!(lock(&file, &path).doing(context)?, Lock::Ours | Lock::Unsupported) {
                return Ok(Partial::new(file, path, destination));
            }
        }
    }

    /// What a killed or failed run left behind for this destination, hashed again; otherwise an
    /// empty one.
    pub fn resume_or_create(destination: &Path) -> Result<Partial> {
        may_be_replaced(destination)?;
        for orphan in Names::of(destination).orphans() {
            // Whatever cannot be claimed belongs to somebody else; a new one always works.
            if let Ok(Some(partial)) = Partial::claim(&orphan, destination) {
                return Ok(partial);
            }
        }
        Partial::create(destination)
    }

    fn new(file: File, path: PathBuf, destination: &Path) -> Partial {
        let (hasher, destination) = (Hasher::default(), destination.to_owned());
        Partial { file, path, destination, hasher, length: 0, origin: None }
    }

    fn claim(path: &Path, destination: &Path) -> io::Result<Option<Partial>> {
        let file = open(path)?;
        if !matches!(lock(&file, path)?, Lock::Ours) {
            return Ok(None);
        }
        let mut partial = Partial::new(file, path.to_owned(), destination);
        let (hasher, length) = verify::feed(&mut partial.file)?;
        partial.hasher = hasher;
        partial.length = length;
        partial.origin =
            fs::read(sidecar(path)).ok().and_then(|json| serde_json::from_slice(&json).ok());
        Ok(Some(partial))
    }

    /// How many bytes there are.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The SHA-256 of the bytes so far.
    pub fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    /// Where the bytes so far come from, if that is known.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// Where the file lies until it is finished.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it will appear.
    pub fn destination(&self) -> &Path {
        &self.destination
    }

    /// The file itself, for who writes without hashing.
    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// What a download writes to.
    pub fn intake(&mut self) -> Intake<'_> {
        Intake { file: &mut self.file, hasher: &mut self.hasher, length: &mut self.length }
    }

    /// Notes where the bytes come from, before the first of them arrives.
    pub fn set_origin(&mut self, origin: Origin) {
        if self.origin.as_ref() == Some(&origin) {
            return;
        }
        // Without the note, the next run continues all the same: the digest decides in the end.
        if let Ok(json) = serde_json::to_vec(&origin) {
            let _ = fs::write(sidecar(&self.path), json);
        }
        self.origin = Some(origin);
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

    /// The first bytes, to see what kind of file it is.
    pub fn beginning(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Through a handle of its own: this one's position is where the next byte goes.
        let read = File::open(&self.path).and_then(|file| file.take(256).read_to_end(&mut bytes));
        read.map(|_| bytes).unwrap_or_default()
    }

    /// Makes it durable, gives it its name, and removes what other runs left behind for the same
    /// destination. Returns the file, opened for reading.
    pub fn place(self, mode: Mode) -> Result<File> {
        let placed = self.try_place(mode);
        let placed = placed.doing(|| format!("write `{}`", self.destination.display()));
        if placed.is_err() {
            self.discard();
        }
        placed
    }

    fn try_place(&self, mode: Mode) -> io::Result<File> {
        set_mode(&self.file, mode)?;
        self.file.sync_all()?;
        // A handle that can write would keep the file from being executed ("text file busy").
        let reader = File::open(&self.path)?;
        if !is_at(&self.file, &self.path) {
            return Err(io::Error::other("its unfinished file was replaced by somebody else"));
        }
        // The note goes first: a file without one is complete, a note without a file is litter.
        remove_if_there(&sidecar(&self.path))?;
        rename(&self.path, &self.destination)?;
        sync_folder(Names::of(&self.destination).folder)?;
        sweep(&self.destination);
        Ok(reader)
    }

    /// Removes it.
    pub fn discard(self) {
        let _ = remove_if_there(&sidecar(&self.path));
        let _ = fs::remove_file(&self.path);
    }

    /// Leaves it for the next run, unless there is nothing in it.
    pub fn leave(self) {
        if self.length == 0 {
            self.discard();
        }
    }
}

/// A device, a pipe or a folder is not what a person wants replaced by a file: as root, `/dev/null`
/// would go.
fn may_be_replaced(destination: &Path) -> Result<()> {
    let there = fs::symlink_metadata(destination).map(|metadata| metadata.file_type());
    let what = match there {
        Ok(kind) if kind.is_dir() => "a folder",
        Ok(kind) if !kind.is_file() && !kind.is_symlink() => "no regular file",
        _ => return Ok(()),
    };
    Err(Error::usage(format!("cannot write a file to `{}`", destination.display()))
        .fact("found", what)
        .hint("name a file, or remove what is there"))
}

/// The names of the unfinished files of one destination.
struct Names<'a> {
    folder: &'a Path,
    prefix: OsString,
}

impl<'a> Names<'a> {
    fn of(destination: &'a Path) -> Names<'a> {
        let folder = destination.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut prefix = OsString::from(".");
        prefix.push(destination.file_name().unwrap_or_default());
        prefix.push(".");
        Names { folder: folder.unwrap_or(Path::new(".")), prefix }
    }

    fn create(&self) -> io::Result<(File, PathBuf)> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(&self.prefix).suffix(".part").rand_bytes(RANDOM);
        Ok(builder.tempfile_in(self.folder)?.keep()?)
    }

    /// The unfinished files in the folder, whoever they belong to; the longest first.
    fn orphans(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder).into_iter().flatten().flatten();
        let mut found: Vec<_> = entries
            .filter(|entry| self.is_ours(&entry.file_name()))
            .map(|entry| (entry.metadata().map_or(0, |found| found.len()), entry.path()))
            .collect();
        found.sort_by(|a, b| b.cmp(a));
        found.into_iter().map(|(_, path)| path).collect()
    }

    /// Tells `.a.{random}.part` from `.a.b.{random}.part`, which belongs to the file `a.b`.
    fn is_ours(&self, name: &std::ffi::OsStr) -> bool {
        let random = name
            .as_encoded_bytes()
            .strip_prefix(self.prefix.as_encoded_bytes())
            .and_then(|rest| rest.strip_suffix(b".part"));
        random.is_some_and(|it| it.len() == RANDOM && it.iter().all(u8::is_ascii_alphanumeric))
    }
}

/// What came of trying to lock an unfinished file.
#[derive(Debug, PartialEq, Eq)]
enum Lock {
    /// It is ours, and still has its name.
    Ours,
    /// Somebody else is writing it, or has just finished or removed it.
    Theirs,
    /// This file system has no locks.
    Unsupported,
}

fn lock(file: &File, path: &Path) -> io::Result<Lock> {
    match file.try_lock() {
        Ok(()) if is_at(file, path) => Ok(Lock::Ours),
        Ok(()) | Err(TryLockError::WouldBlock) => Ok(Lock::Theirs),
        // NFS without a lock daemon says ENOLCK, others say that they do not support it.
        Err(TryLockError::Error(_)) => Ok(Lock::Unsupported),
    }
}

/// Removes the unfinished files of a destination whose writers are gone.
pub(super) fn sweep(destination: &Path) {
    Names::of(destination).orphans().iter().for_each(|orphan| remove_abandoned(orphan));
}

/// Removes an unfinished file of somebody who is gone.
fn remove_abandoned(path: &Path) {
    let Ok(file) = open(path) else { return };
    let abandoned = match lock(&file, path) {
        Ok(Lock::Ours) => true,
        Ok(Lock::Unsupported) => is_old(&file, SystemTime::now()),
        Ok(Lock::Theirs) | Err(_) => false,
    };
    if abandoned {
        let _ = remove_if_there(&sidecar(path));
        let _ = fs::remove_file(path);
    }
}

fn is_old(file: &File, now: SystemTime) -> bool {
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|then| now.duration_since(then).is_ok_and(|age| age > ABANDONED))
}

fn open(path: &Path) -> io::Result<File> {
    // A link would lead to a file that is none of ours.
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    File::options().read(true).write(true).open(path)
}

fn sidecar(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".json");
    PathBuf::from(name)
}

/// Whether this open file is the one at this path: a lock on a file that was renamed or removed
/// meanwhile protects nothing.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let there = fs::symlink_metadata(path);
    let here = file.metadata();
    matches!((here, there), (Ok(a), Ok(b)) if (a.dev(), a.ino()) == (b.dev(), b.ino()))
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(unix)]
fn set_mode(file: &File, mode: Mode) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let bits = match mode {
        Mode::Plain => 0o644,
        Mode::Executable => 0o755,
    };
    file.set_permissions(fs::Permissions::from_mode(bits))
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: Mode) -> io::Result<()> {
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "this is where files are put at their destination")]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a rename durable. Some network file systems cannot, and do not need to.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    match File::open(folder)?.sync_all() {
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Err(error)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn write(partial: &mut Partial, bytes: &[u8]) {
        let intake = partial.intake();
        intake.file.write_all(bytes).unwrap();
        intake.hasher.update(bytes);
        *intake.length += bytes.len() as u64;
    }

    fn names(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn the_next_run_continues_what_a_killed_one_left() {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("a.tar.gz");
        let origin = Origin { url: "http://x/".to_owned(), validator: Some("\"1\"".to_owned()) };
        let mut first = Partial::resume_or_create(&destination).unwrap();
        first.set_origin(origin.clone());
        write(&mut first, b"hello ");
        drop(first);

        let mut second = Partial::resume_or_create(&destination).unwrap();
        assert_eq!(second.length(), 6);
        assert_eq!(second.origin(), Some(&origin));
        write(&mut second, b"world");
        assert_eq!(second.digest(), Digest::of(b"hello world"));
        assert_eq!(second.beginning(), b"hello world");
        second.place(Mode::Plain).unwrap();
        assert_eq!(fs::read(&destination).unwrap(), b"hello world");
        assert_eq!(names(folder.path()), 1);
    }

    #[test]
    fn what_is_being_written_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("a");
        let mut first = Partial::resume_or_create(&destination).unwrap();
        write(&mut first, b"first");
        let mut second = Partial::resume_or_create(&destination).unwrap();
        assert_eq!(second.length(), 0);
        write(&mut second, b"second");
        second.place(Mode::Plain).unwrap();
        assert!(first.path().exists());
        first.place(Mode::Plain).unwrap();
        assert_eq!(fs::read(&destination).unwrap(), b"first");
        assert_eq!(names(folder.path()), 1);
    }

    #[test]
    fn whoever_completes_removes_what_was_abandoned_but_no_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let (a, ab) = (folder.path().join("a"), folder.path().join("a.b"));
        let mut other = Partial::create(&ab).unwrap();
        write(&mut other, b"other file");
        drop(other);
        let (one, two) = (Partial::create(&a).unwrap(), Partial::create(&a).unwrap());
        drop((one, two));
        fs::write(folder.path().join(".a.notrandom.part"), "mine").unwrap();
        Partial::create(&a).unwrap().place(Mode::Plain).unwrap();
        assert_eq!(names(folder.path()), 3);
        assert_eq!(Partial::resume_or_create(&ab).unwrap().length(), 10);
    }

    #[test]
    fn an_empty_one_is_not_kept_and_a_filled_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("a");
        Partial::create(&destination).unwrap().leave();
        assert_eq!(names(folder.path()), 0);
        let mut filled = Partial::create(&destination).unwrap();
        write(&mut filled, b"x");
        filled.leave();
        assert_eq!(names(folder.path()), 1);
    }

    #[test]
    fn a_lock_on_a_file_that_lost_its_name_is_worth_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("x"), folder.path().join("y"));
        fs::write(&path, "x").unwrap();
        let file = open(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(lock(&file, &path).unwrap(), Lock::Theirs);
        fs::write(&other, "y").unwrap();
        assert_eq!(lock(&open(&other).unwrap(), &other).unwrap(), Lock::Ours);
    }

    #[test]
    fn without_locks_only_age_tells_that_a_file_is_abandoned() {
        let file = tempfile::tempfile().unwrap();
        let now = SystemTime::now();
        assert!(!is_old(&file, now));
        assert!(is_old(&file, now + ABANDONED + Duration::from_secs(5)));
    }
}
