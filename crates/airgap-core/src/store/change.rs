//! A file that is read, changed and written, also by several processes at once.
//!
//! The file itself is the lock: the process that changes it holds a lock on the version that it
//! read, and a process that waited checks whether that version still has its name before it reads.
//! A file that does not exist yet appears by a rename that fails if the name was taken meanwhile.
//! No lock file stays behind. On a file system without locks (NFS without a lock daemon) the
//! version that was read is compared once more right before the rename, and the new one right after
//! it; a detected loss leads to another attempt, and at last to an error.

use std::fs::{File, TryLockError};
use std::io::{self, Seek, SeekFrom};
use std::time::{Duration, Instant};

use super::{Mode, filled, holds, remove_leftovers, write_lock};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::read;
use crate::rooted::{RootedPath, is_absence};

/// The largest number of attempts; after that the error blames other processes.
const MOST_ATTEMPTS: u32 = 100;

/// The time for which another process may hold the lock; a change takes milliseconds.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// The time between two checks of a lock.
const POLL: Duration = Duration::from_millis(5);

/// Changes a file of at most `limit` bytes: `new` makes the new content from the old one, which is
/// none if there is no file. It may be called several times, and while it runs no other process
/// changes a file that already existed.
///
/// # Errors
/// Those of `new`, of reading and of writing; failed, if other processes keep changing the file.
pub fn change(
    path: &RootedPath,
    limit: u64,
    mut new: impl FnMut(Option<&[u8]>) -> Result<Vec<u8>>,
) -> Result<()> {
    for _ in 0..MOST_ATTEMPTS {
        let locked = LockedFile::open(path, limit)?;
        let bytes = new(locked.as_ref().map(|it| &*it.content))?;
        if write(path, locked.as_ref(), &bytes)? {
            return Ok(());
        }
    }
    Err(changed_meanwhile(path))
}

/// Changes a file as [`change`] does, for a change that takes long because it asks registries. No
/// lock is held while `new` works, and `new` is called again if another process changed the file
/// meanwhile.
///
/// # Errors
/// The errors of [`change`].
pub fn change_slowly(
    path: &RootedPath,
    limit: u64,
    mut new: impl FnMut(Option<&[u8]>) -> Result<Vec<u8>>,
) -> Result<()> {
    for _ in 0..MOST_ATTEMPTS {
        let old = read::rooted_bytes(path, limit)?;
        let bytes = new(old.as_deref())?;
        let locked = LockedFile::open(path, limit)?;
        let now = locked.as_ref().map(|it| &*it.content);
        // Another run that wrote the same content has left nothing to do.
        let is_mine = now == old.as_deref() || now == Some(&*bytes);
        if is_mine && write(path, locked.as_ref(), &bytes)? {
            return Ok(());
        }
    }
    Err(changed_meanwhile(path))
}

fn changed_meanwhile(path: &RootedPath) -> Error {
    Error::new(ErrorKind::Failed, format!("cannot change `{path}`"))
        .because("other processes changed it during each attempt")
        .hint("run the same command again when they are done")
}

/// Writes the new content, if no other process changed the file meanwhile.
fn write(path: &RootedPath, locked: Option<&LockedFile>, bytes: &[u8]) -> Result<bool> {
    if locked.is_some_and(|it| it.content == bytes) {
        remove_leftovers(path);
        return Ok(true);
    }
    let partial = filled(path, bytes)?;
    let Some(locked) = locked else { return partial.place_new(Mode::Plain) };
    if !locked.is_held && !holds(path, &locked.content) {
        partial.discard();
        return Ok(false);
    }
    partial.place(Mode::Plain)?;
    Ok(locked.is_held || holds(path, bytes))
}

/// The current version of a file, locked if the file system has locks.
struct LockedFile {
    content: Vec<u8>,
    is_held: bool,
    _lock: File,
}

impl LockedFile {
    fn open(path: &RootedPath, limit: u64) -> Result<Option<LockedFile>> {
        let doing = || format!("open `{path}`");
        let deadline = Instant::now() + LONGEST_WAIT;
        loop {
            let folder = match path.folder() {
                Err(error) if is_absence(&error) => return Ok(None),
                folder => folder.doing(doing)?,
            };
            let beside = match write_lock::beside(&folder, path.name()) {
                Err(error) if write_lock::is_taken(&error) => {
                    wait(path, deadline)?;
                    continue;
                }
                beside => beside.doing(doing)?,
            };
            let opened = match beside {
                Some(_) => folder.read(path.name()),
                None => folder.write(path.name()),
            };
            let file = match opened {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                // It can still be replaced, if the folder belongs to this user.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    folder.read(path.name()).doing(doing)?
                }
                file => file.doing(doing)?,
            };
            let is_held = match write_lock::try_take(&file) {
                Ok(()) => true,
                Err(TryLockError::WouldBlock) => {
                    wait(path, deadline)?;
                    continue;
                }
                Err(TryLockError::Error(_)) => false,
            };
            // NFS may answer a lookup of the name from a cache; opening the file asks the server.
            let now = match folder.read(path.name()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                now => is_same(&file, &now.doing(doing)?).doing(doing)?,
            };
            if now || Instant::now() > deadline {
                let content = content(&file, path, limit)?;
                return Ok(Some(LockedFile { content, is_held, _lock: beside.unwrap_or(file) }));
            }
        }
    }
}

fn content(mut file: &File, path: &RootedPath, limit: u64) -> Result<Vec<u8>> {
    file.seek(SeekFrom::Start(0)).doing(|| format!("read `{path}`"))?;
    read::rest(&mut file, path.path(), limit)
}

#[cfg(unix)]
fn is_same(a: &File, b: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    let identity = |file: &File| {
        crate::folder::uninterrupted(|| file.metadata()).map(|it| (it.dev(), it.ino()))
    };
    Ok(identity(a)? == identity(b)?)
}

#[cfg(not(unix))]
fn is_same(a: &File, b: &File) -> io::Result<bool> {
    let identity = |file: &File| same_file::Handle::from_file(file.try_clone()?);
    Ok(identity(a)? == identity(b)?)
}

/// Waits a moment for the process that has the right to write a file.
fn wait(path: &RootedPath, deadline: Instant) -> Result<()> {
    if Instant::now() < deadline {
        std::thread::sleep(POLL);
        return Ok(());
    }
    Err(Error::new(ErrorKind::Failed, format!("cannot change `{path}`"))
        .because("another process holds a lock on it")
        .hint(format!("find that process with `lsof {path}`, and end it")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(old: Option<&[u8]>) -> String {
        String::from_utf8(old.unwrap_or_default().to_vec()).unwrap()
    }

    #[test]
    fn no_change_of_many_threads_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = RootedPath::from_trusted(folder.path()).join("a/list");
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    for nth in 0..20 {
                        change(path, 1 << 20, |old| {
                            Ok(format!("{}{thread}.{nth}\n", text(old)).into_bytes())
                        })
                        .unwrap();
                    }
                });
            }
        });
        let lines = std::fs::read_to_string(path.path()).unwrap();
        assert_eq!(lines.lines().count(), 160);
        let entries = std::fs::read_dir(folder.path().join("a")).unwrap();
        assert_eq!(entries.count(), 1);
    }

    #[test]
    fn a_slow_change_begins_anew_after_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = RootedPath::from_trusted(folder.path()).join("lock");
        let mut seen = Vec::new();
        change_slowly(&path, 1 << 20, |old| {
            seen.push(text(old));
            if seen.len() < 3 {
                std::fs::write(path.path(), seen.len().to_string()).unwrap();
            }
            Ok(format!("{}!", text(old)).into_bytes())
        })
        .unwrap();
        assert_eq!(seen, ["", "1", "2"]);
        assert_eq!(std::fs::read(path.path()).unwrap(), b"2!");
    }

    #[test]
    fn an_error_of_the_change_leaves_the_file_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = RootedPath::from_trusted(folder.path()).join("lock");
        change(&path, 10, |_| Ok(b"old".to_vec())).unwrap();
        change(&path, 10, |_| Err(Error::usage("no"))).unwrap_err();
        assert_eq!(std::fs::read(path.path()).unwrap(), b"old");
        let error = change(&path, 2, |_| Ok(b"new".to_vec())).unwrap_err();
        assert!(error.to_string().contains("at most 2 bytes"), "{error}");
    }
}
