//! The right to write a file, which one process has at a time.
//!
//! On Unix it is a lock. A lock of Windows is mandatory: it would keep every other handle from
//! reading the file, also those of this process. There, [`crate::folder::Folder`] opens a file for
//! writing in a way that opening it for writing again fails, and so the open file is the lock. A file
//! that is open cannot always be replaced there, so the right to replace one is an open file beside it.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io;

use crate::folder::Folder;

/// Takes the right to write a file that is open for writing; closing the file releases it.
///
/// # Errors
/// `WouldBlock`, if another process has it; others, if this file system has no locks.
pub(super) fn try_take(file: &File) -> Result<(), TryLockError> {
    if cfg!(windows) { Ok(()) } else { file.try_lock() }
}

/// Returns whether a file could not be opened for writing because another process has that right.
pub(super) fn is_taken(error: &io::Error) -> bool {
    const SHARING_VIOLATION: i32 = 32; // ERROR_SHARING_VIOLATION

    cfg!(windows) && error.raw_os_error() == Some(SHARING_VIOLATION)
}

/// Takes the right to replace the file of this name; closing the returned file releases it. Returns
/// `None` where the right to write the file is enough.
///
/// # Errors
/// One for which [`is_taken`] is true, if another process has it; others, if this user may not
/// create files in the folder.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "it fails on Windows")]
pub(super) fn beside(_: &Folder, _: &OsStr) -> io::Result<Option<File>> {
    Ok(None)
}

/// Takes the right to replace the file of this name; closing the returned file releases it.
///
/// # Errors
/// One for which [`is_taken`] is true, if another process has it; others, if this user may not
/// create files in the folder.
#[cfg(not(unix))]
pub(super) fn beside(folder: &Folder, name: &OsStr) -> io::Result<Option<File>> {
    let mut lock = std::ffi::OsString::from(".");
    lock.push(name);
    lock.push(".lock");
    folder.hold(&lock).map(Some)
}
