//! A lock that a process holds while it works on something that is not a single file.

use std::fs::{File, TryLockError};
use std::io;
use std::time::Duration;

use super::write_lock;
use crate::error::{Context, Result};
use crate::folder::Folder;
use crate::rooted::RootedPath;

/// The time between two checks of a lock.
const POLL: Duration = Duration::from_millis(50);

/// A locked file, which is removed when the lock is released. The file of a killed process is taken
/// over. On a file system without locks it protects nothing.
pub struct FileLock {
    folder: Folder,
    path: RootedPath,
    _file: File,
}

impl FileLock {
    /// Takes the lock. If another process holds it, calls `waits` once and waits until that process
    /// releases it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn acquire(path: &RootedPath, waits: &dyn Fn()) -> Result<FileLock> {
        let doing = || format!("lock `{path}`");
        let folder = path.make_folder().doing(doing)?;
        let mut is_said = false;
        loop {
            let file = match folder.create_to_read(path.name()) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    folder.write(path.name())
                }
                file => file,
            };
            let file = match file {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) if write_lock::is_taken(&error) => {
                    wait(&mut is_said, waits);
                    continue;
                }
                file => file.doing(doing)?,
            };
            match write_lock::try_take(&file) {
                Err(TryLockError::WouldBlock) => wait(&mut is_said, waits),
                // The previous holder may have removed it since it was opened.
                Ok(()) if !is_at(&file, &folder, path).doing(doing)? => {}
                Ok(()) | Err(TryLockError::Error(_)) => {
                    return Ok(FileLock { folder, path: path.clone(), _file: file });
                }
            }
        }
    }
}

/// Waits a moment, and calls `waits` before the first time.
fn wait(is_said: &mut bool, waits: &dyn Fn()) {
    if !std::mem::replace(is_said, true) {
        waits();
    }
    std::thread::sleep(POLL);
}

fn is_at(file: &File, folder: &Folder, path: &RootedPath) -> io::Result<bool> {
    match folder.has(path.name(), file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        has => has,
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Removed while it is locked, so that no other process has the lock on it.
        let _ = self.folder.remove_if_there(self.path.name());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn one_thread_at_a_time_holds_the_lock_and_no_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = RootedPath::from_trusted(folder.path()).join("lock");
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let _lock = FileLock::acquire(&path, &|| {}).unwrap();
                    let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(5));
                    inside.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(most.into_inner(), 1);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
