//! Opens regular files, and refuses everything else that a path may lead to.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::folder::uninterrupted;

/// Opens a regular file for reading, through links.
///
/// # Errors
/// Errors of the system; `InvalidInput`, if the path leads to a folder, a device or a pipe.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;

        // Without this flag, opening a pipe waits for a writer (POSIX open).
        let flags = rustix::fs::OFlags::NONBLOCK.bits();
        options.custom_flags(flags.cast_signed());
    }
    let file = options.open(path)?;
    match uninterrupted(|| file.metadata())?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
    }
}
