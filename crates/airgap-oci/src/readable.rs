//! Blobs that can be read from any position, and their names in messages.

use std::fs::File;
use std::io::{self, Read};

use crate::reference::Repository;
use airgap_core::digest::Digest;
use airgap_core::error::Result;
use airgap_core::verify::Verified;

/// Bytes that can be read from any position, any number of times, because a failed upload is
/// resumed.
pub trait Readable: Sync {
    /// Returns a reader of the bytes from this position on.
    ///
    /// # Errors
    /// The reason why they cannot be read. An [`Error`](airgap_core::error::Error) inside an
    /// [`io::Error`] that the reader returns later is reported as it is.
    fn read_from(&self, position: u64) -> Result<Box<dyn Read + '_>>;
}

impl Readable for &[u8] {
    fn read_from(&self, position: u64) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(bytes_after(self, position)))
    }
}

impl Readable for Vec<u8> {
    fn read_from(&self, position: u64) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(bytes_after(self, position)))
    }
}

impl Readable for Verified {
    fn read_from(&self, position: u64) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(Behind { file: self.reader()?, position }))
    }
}

/// A reader of a file from its own position on. The readers of a [`Verified`] share one position.
struct Behind {
    file: File,
    position: u64,
}

impl Read for Behind {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = read_at(&self.file, buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

/// Reads at a position, independent of the position of the file.
pub(super) fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_at(file, buffer, position);
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_read(file, buffer, position);
}

/// Returns the bytes from a position on.
fn bytes_after(bytes: &[u8], position: u64) -> &[u8] {
    let position = usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
    &bytes[position..]
}

/// Returns the name of a blob in messages.
pub(super) fn subject(repository: &Repository, digest: &Digest) -> String {
    format!("`{repository}@sha256:{digest}`")
}
