//! The decoders for the compressions of a tar.

use std::fs::File;
use std::io::{BufReader, Read};

use super::gzip::GzipReader;
use super::input::Input;
use super::limits::Limits;
use super::refusal;
use super::xz::XzReader;
use super::zstd::ZstdReader;
use airgap_core::artifact::ArchiveType;
use airgap_core::error::Result;

/// The number of bytes of the archive that are read at a time.
const INPUT: usize = 256 * 1024;

/// A function that fills the beginning of a buffer and returns the number of bytes, which is zero
/// at the end.
type Fill<'a> = Box<dyn FnMut(&mut [u8]) -> Result<usize> + Send + 'a>;

/// Returns the decoder of a compressed tar.
pub(super) fn decoder(archive: ArchiveType, file: File, limits: &Limits) -> Fill<'static> {
    let input = BufReader::with_capacity(INPUT, Input(file));
    let mut decoder: Box<dyn Read + Send> = match archive {
        ArchiveType::TarXz => Box::new(XzReader::new(input, limits.memory)),
        ArchiveType::TarZst => Box::new(ZstdReader::new(input, limits.memory)),
        _ => Box::new(GzipReader::new(input)),
    };
    Box::new(move |buffer| decoder.read(buffer).map_err(|error| refusal::reading(&error)))
}
