//! Reads zstd: one frame after another; skippable frames are skipped.

use std::io::{self, BufRead, BufReader, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::input::Input;

/// A reader of zstd that makes the two checks which the crate leaves to its caller: the checksum
/// and the size that a frame declares.
pub(super) struct ZstdReader {
    input: BufReader<Input>,
    decoder: FrameDecoder,
    in_frame: bool,
    /// The number of bytes that came out of this frame so far.
    produced: u64,
}

impl ZstdReader {
    /// Creates a reader that takes at most `memory` bytes.
    pub(super) fn new(input: BufReader<Input>, memory: u64) -> ZstdReader {
        let mut decoder = FrameDecoder::new();
        // Beside the window, memory holds tables and the current block.
        decoder.set_max_window_size(memory / 2);
        ZstdReader { input, decoder, in_frame: false, produced: 0 }
    }

    /// Begins the next frame; returns `false` if there is none.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.input.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.input) {
                Ok(()) => {
                    (self.in_frame, self.produced) = (true, 0);
                    return Ok(true);
                }
                Err(error) => self.skip(skippable(&error).ok_or_else(|| explain(&error))?)?,
            }
        }
        Ok(false)
    }

    fn skip(&mut self, length: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.input.by_ref().take(length), &mut io::sink())?;
        if skipped < length { Err(invalid("it is cut short")) } else { Ok(()) }
    }

    fn end_frame(&mut self) -> io::Result<()> {
        self.in_frame = false;
        let expected = self.decoder.get_checksum_from_data();
        if expected.is_some() && expected != self.decoder.get_calculated_checksum() {
            return Err(invalid("the checksum of a zstd frame does not match its content"));
        }
        // Zero means that the frame does not declare a size.
        let size = self.decoder.content_size();
        if size != 0 && size != self.produced {
            return Err(invalid("the size of a zstd frame differs from its header"));
        }
        Ok(())
    }
}

impl Read for ZstdReader {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.in_frame && !self.next_frame()? {
                return Ok(0);
            }
            let count = self.decoder.read(output)?;
            self.produced += count as u64;
            if count > 0 {
                return Ok(count);
            }
            if self.decoder.is_finished() {
                self.end_frame()?;
            } else {
                // One block at a time: decoded data stays in memory until it is read.
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.input, one).map_err(|e| invalid(&e))?;
            }
        }
    }
}

/// Returns the length of a skippable frame, which has no content.
fn skippable(error: &FrameDecoderError) -> Option<u64> {
    match error {
        FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
            length, ..
        }) => Some(u64::from(*length)),
        _ => None,
    }
}

/// Describes a frame that cannot be read. The window, the distance over which a frame looks back,
/// is memory: RFC 8878 section 3.1.1.1.2 leaves its limit to the reader.
fn explain(error: &FrameDecoderError) -> io::Error {
    match error {
        FrameDecoderError::WindowSizeTooBig { requested, max } => invalid(&format!(
            "its zstd window is {requested} bytes; the limit is {max}, which `zstd -19` and `zstd \
             --long=26` keep"
        )),
        other => invalid(other),
    }
}

fn invalid(reason: &(impl ToString + ?Sized)) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_string())
}
