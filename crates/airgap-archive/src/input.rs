//! The bytes of an archive, read from the beginning.

use std::fs::File;
use std::io::{self, Read};

/// An archive that is read from its beginning. A call that a signal interrupts is repeated, so that
/// a decoder does not take the interruption for the end of its data.
pub(super) struct Input(pub(super) File);

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}
