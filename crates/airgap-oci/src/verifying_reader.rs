//! A reader that returns its last byte only after all bytes are verified.

use std::io::{self, Read};

use crate::manifest::Descriptor;
use airgap_core::digest::{Digest, Hasher};
use airgap_core::error::{Error, Result};
use airgap_core::verify;

/// A reader of bytes whose digest and size are known.
///
/// It ends with an error instead of the last bytes if the digest or size differ, so that a consumer
/// never completes a wrong upload or file.
pub(super) struct VerifyingReader<R> {
    inner: R,
    hasher: Hasher,
    position: u64,
    digest: Digest,
    size: u64,
    subject: String,
    failed: Option<Error>,
}

/// A position in a [`VerifyingReader`], from which it can be resumed.
#[derive(Clone, Default)]
pub(super) struct Checkpoint {
    /// The number of bytes before the mark.
    pub(super) position: u64,
    hasher: Hasher,
}

impl<R: Read> VerifyingReader<R> {
    /// Creates a reader; `inner` continues from the mark.
    pub(super) fn new(
        inner: R,
        descriptor: &Descriptor,
        subject: String,
        mark: Checkpoint,
    ) -> VerifyingReader<R> {
        let (digest, size) = (descriptor.digest, descriptor.size);
        let Checkpoint { position, hasher } = mark;
        VerifyingReader { inner, hasher, position, digest, size, subject, failed: None }
    }

    /// Returns the number of bytes that were read.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Returns a mark at the current position.
    pub(super) fn mark(&self) -> Checkpoint {
        Checkpoint { position: self.position, hasher: self.hasher.clone() }
    }

    /// Reads up to this position and drops the bytes.
    pub(super) fn skip_to(&mut self, position: u64) -> Result<()> {
        let count = position.saturating_sub(self.position);
        let skipped = io::copy(&mut self.by_ref().take(count), &mut io::sink());
        match skipped {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(self.failed.take().unwrap_or_else(|| cannot_read(&self.subject, error)))
            }
        }
    }

    /// Returns the reason why the last read failed, if it is an error of this program.
    pub(super) fn failure(&mut self) -> Option<Error> {
        self.failed.take()
    }

    fn fail(&mut self, error: Error) -> io::Error {
        let text = error.statement().to_owned();
        self.failed = Some(error);
        io::Error::other(text)
    }
}

impl<R: Read> Read for VerifyingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match self.inner.read(buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                let error = cannot_read(&self.subject, error);
                return Err(self.fail(error));
            }
        };
        self.hasher.update(&buffer[..count]);
        self.position += count as u64;
        let wrong_size = |found: String| verify::wrong_size(&self.subject, "", self.size, &found);
        if self.position > self.size {
            let error = wrong_size(format!("more than {}", self.size));
            return Err(self.fail(error));
        }
        if count == 0 && self.position < self.size && !buffer.is_empty() {
            let error = wrong_size(self.position.to_string());
            return Err(self.fail(error));
        }
        if self.position == self.size {
            let found = self.hasher.clone().finish();
            if found != self.digest {
                let error = verify::mismatch(&self.subject, &self.subject, &self.digest, &found);
                return Err(self.fail(error));
            }
        }
        Ok(count)
    }
}

/// Converts an error of a reader; one of this program may be inside.
pub(super) fn cannot_read(subject: &str, error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => {
            Error::new(airgap_core::error::ErrorKind::Failed, format!("cannot read {subject}"))
                .because(error)
        }
    }
}
