//! Blobs that can be read from any position on, and their names in messages.

use std::fs::File;
use std::io::{self, Read};

use crate::digest::Digest;
use crate::error::Result;
use crate::oci::reference::Repository;
use crate::verify::Verified;

/// Bytes that can be read from any position on, as often as it takes: an upload that fails is taken
/// up again.
pub trait Readable: Sync {
    /// A reader over what is behind this position.
    ///
    /// # Errors
    /// Whatever keeps them from being read. An [`Error`] inside of an [`io::Error`] that the reader
    /// gives later is told as it is.
    fn read_from(&self, position: u64) -> Result<Box<dyn Read + '_>>;
}

impl Readable for &[u8] {
    fn read_from(&self, position: u64) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(behind(self, position)))
    }
}

impl Readable for Vec<u8> {
    fn read_from(&self, position: u64) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(behind(self, position)))
    }
}

impl Readable for Verified {
    fn read_from(&self, position: u64) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(Behind { file: self.reader()?, position }))
    }
}

/// A file from a position on. The position is its own: the readers of a [`Verified`] share theirs.
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

/// Reads at a position, whatever the file's own is.
pub(super) fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_at(file, buffer, position);
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_read(file, buffer, position);
}

/// What is behind a position.
fn behind(bytes: &[u8], position: u64) -> &[u8] {
    let position = usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
    &bytes[position..]
}

/// What a blob is called in messages.
pub(super) fn subject(repository: &Repository, digest: &Digest) -> String {
    format!("`{repository}@sha256:{digest}`")
}
