//! The bytes of an archive, read from the beginning.

use std::fs::File;
use std::io::{self, Read};

use airgap_core::folder::uninterrupted;

/// An archive that is read from its beginning. A call that a signal interrupts is repeated, so that
/// a decoder does not take the interruption for the end of its data.
pub(super) struct Input(pub(super) File);

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        uninterrupted(|| self.0.read(buffer))
    }
}
