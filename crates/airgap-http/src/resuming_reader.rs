//! Pinned bytes as a reader, for copies that are not stored in a file first.

use std::io::{self, Read};
use std::sync::Mutex;
use std::time::Duration;

use crate::byte_source::{ByteSource, Progress, ResponseFacts};
use crate::failure::{AttemptError, AttemptResult, Failure};
use crate::resume::{ResponseRange, ResumeRange};
use crate::retry::Retries;
use crate::retry_policy::{FailedAttempt, RetryPolicy};
use airgap_core::error::Error;
use airgap_core::store::Origin;
use airgap_core::verify;
use airgap_core::workers::lock;

/// A reader that requests the missing bytes again when its connection is lost.
///
/// It counts and does not hash. A final [`Error`] is returned inside the [`io::Error`].
pub struct ResumingReader<'a, S> {
    source: S,
    subject: String,
    retry_policy: &'a RetryPolicy,
    /// The time that is left for waiting; all streams of the same bytes share it.
    retries: &'a Mutex<Retries>,
    /// The total number of bytes.
    size: u64,
    /// The number of bytes that were read.
    position: u64,
    origin: Option<Origin>,
    /// The current response, and its first position.
    arriving: Option<Arriving>,
    /// The time of requests and reads since the last failure.
    spent: Duration,
    /// The number of bytes that arrived in that time, including skipped ones.
    received: u64,
}

struct Arriving {
    body: Box<dyn Read + Send>,
    facts: ResponseFacts,
    began: u64,
}

impl<'a, S: ByteSource> ResumingReader<'a, S> {
    /// Creates a reader from `position` on. Sends no request before the first read.
    pub fn new(
        source: S,
        subject: String,
        retry_policy: &'a RetryPolicy,
        retries: &'a Mutex<Retries>,
        size: u64,
        position: u64,
    ) -> ResumingReader<'a, S> {
        lock(retries).next_source();
        ResumingReader {
            source,
            subject,
            retry_policy,
            retries,
            size,
            position,
            origin: None,
            arriving: None,
            spent: Duration::ZERO,
            received: 0,
        }
    }

    /// Reads, after a request for the rest if needed. Returns `None` if a signal interrupts it.
    fn attempt(&mut self, buffer: &mut [u8]) -> AttemptResult<Option<usize>> {
        let left = self.size - self.position;
        let mut arriving = match self.arriving.take() {
            Some(arriving) => arriving,
            None if left == 0 => return Ok(Some(0)),
            None => self.request()?,
        };
        let most = left.min(buffer.len() as u64) as usize;
        let progress = Progress { length: self.position, size: Some(self.size) };
        match arriving.body.read(&mut buffer[..most]) {
            Ok(0) => Err(progress.short().into()),
            // No byte may follow the last one. Reading up to the end also frees the connection.
            Ok(count) if count as u64 == left => match arriving.body.read(&mut [0]) {
                Ok(1..) => {
                    let found = format!("more than {}", self.size);
                    Err(self.wrong_size(&found, &arriving.facts).into())
                }
                _ => {
                    self.position += left;
                    Ok(Some(count))
                }
            },
            Ok(count) => {
                self.position += count as u64;
                self.arriving = Some(arriving);
                Ok(Some(count))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.arriving = Some(arriving);
                Ok(None)
            }
            Err(error) => Err(self.source.interrupted(error, &arriving.facts, progress).into()),
        }
    }

    fn request(&mut self) -> AttemptResult<Arriving> {
        let url = self.source.name();
        let range = ResumeRange::after(self.position, self.origin.as_ref(), &url);
        let mut response = self.source.request(&range)?;
        if matches!(response.part, ResponseRange::Mismatch) {
            response = self.source.request(&ResumeRange::default())?;
        }
        let (begin, size) = match response.part {
            ResponseRange::Whole { size } => (0, size),
            ResponseRange::Rest { size, .. } => (self.position, size),
            ResponseRange::Complete => (self.position, Some(self.position)),
            ResponseRange::Mismatch => (0, None),
        };
        if let Some(size) = size.filter(|size| *size != self.size) {
            return Err(self.wrong_size(&size.to_string(), &response.facts).into());
        }
        self.origin = Some(Origin { url, validator: response.validator });
        let (mut body, facts) = (response.body, response.facts);
        // A server without support for ranges sends everything again.
        let skip = self.position - begin;
        let skipped = io::copy(&mut (&mut body).take(skip), &mut io::sink());
        self.received += *skipped.as_ref().unwrap_or(&0);
        let progress = |length| Progress { length, size: Some(self.size) };
        match skipped {
            Ok(skipped) if skipped < skip => Err(progress(skipped).short().into()),
            Ok(_) => Ok(Arriving { body, facts, began: self.position }),
            Err(error) => {
                Err(self.source.interrupted(error, &facts, progress(self.position)).into())
            }
        }
    }

    fn wrong_size(&self, found: &str, facts: &ResponseFacts) -> Error {
        let error = verify::wrong_size(&self.subject, &self.source.name(), self.size, found);
        facts.explain(error, self.size, b"")
    }

    fn wait(&mut self, failure: Failure, gained: bool) -> io::Result<()> {
        let item = airgap_core::report::Item::hidden();
        let (spent, received) =
            (std::mem::take(&mut self.spent), std::mem::take(&mut self.received));
        let failed = FailedAttempt { gained, received: Some(received), ..failure.into() };
        match self.retry_policy.wait_after(&mut lock(self.retries), failed, spent, &item) {
            Ok(()) => Ok(()),
            Err(AttemptError::Source(failure)) => {
                Err(io::Error::other(self.source.error(&self.subject, failure)))
            }
            Err(AttemptError::Fatal(error)) => Err(io::Error::other(error)),
        }
    }
}

impl<S: ByteSource> Read for ResumingReader<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let start = self.arriving.as_ref().map_or(self.position, |it| it.began);
            let began = self.retry_policy.elapsed();
            let result = self.attempt(buffer);
            self.spent += self.retry_policy.elapsed().saturating_sub(began);
            match result {
                Ok(Some(count)) => {
                    self.received += count as u64;
                    return Ok(count);
                }
                Ok(None) => {}
                Err(AttemptError::Fatal(error)) => return Err(io::Error::other(error)),
                Err(AttemptError::Source(failure)) => self.wait(failure, self.position > start)?,
            }
        }
    }
}
