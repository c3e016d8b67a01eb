//! The content of a file that goes into a bundle.

use std::fs::File;
use std::io::{Cursor, Read};

use airgap_core::error::{Context, Result};
use airgap_core::rooted::RootedPath;

/// The bytes of a file: on the disk or in memory.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// A file below a source.
    File(RootedPath),
    /// The bytes themselves.
    Bytes(Vec<u8>),
}

/// A reader of a content.
pub(crate) enum Reader {
    File(File),
    Bytes(Cursor<Vec<u8>>),
}

impl Content {
    /// Opens the content.
    ///
    /// # Errors
    /// Those of the file system; integrity, if a link is in the way.
    pub(super) fn open(&self) -> Result<Reader> {
        Ok(match self {
            Content::File(path) => Reader::File(path.read().doing(|| format!("read `{path}`"))?),
            Content::Bytes(bytes) => Reader::Bytes(Cursor::new(bytes.clone())),
        })
    }

    /// Returns its name in messages.
    pub(super) fn shown(&self, path: &str) -> String {
        match self {
            Content::File(path) => path.to_string(),
            Content::Bytes(_) => path.to_owned(),
        }
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Reader::File(file) => file.read(buffer),
            Reader::Bytes(bytes) => bytes.read(buffer),
        }
    }
}
