//! Reads of a file at a position.

use std::fs::File;
use std::io;

use super::refusal;
use airgap_core::error::Result;

/// Fills `buffer` from a position. The file's own position, which threads would share, is not used.
pub(super) fn read_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> Result<()> {
    while !buffer.is_empty() {
        match read_some_at(file, buffer, offset) {
            Ok(0) => return Err(refusal::damaged("it is cut short")),
            Ok(count) => {
                buffer = &mut buffer[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(refusal::reading(&error)),
        }
    }
    Ok(())
}

/// Reads a part of `buffer` from a position.
#[cfg(unix)]
pub(super) fn read_some_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

/// Reads a part of `buffer` from a position.
#[cfg(windows)]
pub(super) fn read_some_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}
