//! Transfers of pinned bytes into a file: attempts, resumed parts and waits, until the file is
//! complete or has failed.

use std::fs::File;
use std::io;

use crate::byte_source::{ByteSource, Progress, ResponseFacts, SourceResponse};
use crate::failure::{AttemptResult, Failure};
use crate::pipeline::{self, PipelineError};
use crate::resume::{ResponseRange, ResumeRange};
use crate::retry::{Retries, Retryable};
use crate::retry_policy::{FailedAttempt, RetryPolicy};
use airgap_core::digest::Digest;
use airgap_core::error::{Context, Error, ErrorKind, Result};
use airgap_core::report::Item;
use airgap_core::rooted::RootedPath;
use airgap_core::store::{Mode, Origin, Partial};
use airgap_core::verify::{self, Verified};

/// The file that a transfer must produce.
#[derive(Clone, Copy)]
pub struct TransferRequest<'a> {
    /// The name in messages, as in `wasm-tools 1.244.0 (linux_amd64)`.
    pub subject: &'a str,
    /// The SHA-256 of the file.
    pub expected: &'a Digest,
    /// The size of the file, if it is pinned too.
    pub size: Option<u64>,
    /// The most bytes that are accepted, whatever a server says.
    pub largest: u64,
    /// The path of the file.
    pub destination: &'a RootedPath,
    /// A further check of the file, besides its digest.
    pub accept: Accept<'a>,
}

/// A check of a file that has the pinned digest, before it appears at its destination.
pub type Accept<'a> = Option<&'a dyn Fn(File) -> Result<()>>;

/// A transfer of pinned bytes into a file.
pub struct Transfer<'a> {
    wanted: TransferRequest<'a>,
    retry_policy: &'a RetryPolicy,
    item: &'a Item,
    partial: Partial,
    retries: Retries,
    /// The number of bytes that arrived in all attempts, including discarded ones.
    received: u64,
    /// Whether the bytes come from more than one response, so that they may not fit together.
    pieced: bool,
    /// Whether bytes from several responses were wrong and were all requested again.
    started_over: bool,
}

impl<'a> Transfer<'a> {
    /// Begins a transfer, with the bytes that an earlier run left at the destination.
    pub fn begin(
        wanted: TransferRequest<'a>,
        retry_policy: &'a RetryPolicy,
        item: &'a Item,
    ) -> Result<Transfer<'a>> {
        let partial = Partial::resume_or_create(wanted.destination)?;
        let retries = retry_policy.retries();
        let (received, pieced, started_over) = (0, false, false);
        Ok(Transfer {
            wanted,
            retry_policy,
            item,
            partial,
            retries,
            received,
            pieced,
            started_over,
        })
    }

    /// Returns whether the pinned bytes are there.
    pub fn is_right(&self) -> bool {
        self.partial.digest() == *self.wanted.expected
    }

    /// Puts the file at its destination. Called only if its digest is right, and checks that again.
    ///
    /// # Errors
    /// Integrity, if the bytes are right but differ from the pinned size, or the file is not
    /// accepted.
    pub fn finish(self) -> Result<Verified> {
        let found = (self.partial.digest(), self.partial.length());
        let TransferRequest { subject, expected, destination, .. } = self.wanted;
        let source = destination.to_string();
        if let Some(error) = self.wrong_size(&source, found.1, "") {
            return Err(self.end(error));
        }
        let accept = self.wanted.accept;
        let accepted = accept.map(|accept| self.partial.reader().and_then(accept));
        if let Some(Err(error)) = accepted {
            return Err(self.end(error));
        }
        let file = self.partial.place_pinned(Mode::Plain, expected)?;
        Verified::from_hashed((file, destination.path()), (subject, &source), expected, found)
    }

    /// Ends without the file. The bytes stay for the next run, unless they are wrong.
    pub fn end(self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::Integrity => self.partial.discard(),
            _ => self.partial.keep_for_resume(),
        }
        error
    }

    /// Requests the pinned bytes, or the rest of them, from this source.
    pub fn fill_from(&mut self, source: &dyn ByteSource) -> AttemptResult<()> {
        let mut retries = self.retries;
        retries.next_source();
        let (retry_policy, item) = (self.retry_policy, self.item);
        let filled = retry_policy.retry(&mut retries, item, |_| {
            let (length, received) = (self.partial.length(), self.received);
            self.fill_once(source).map_err(|error| FailedAttempt {
                gained: self.partial.length() > length,
                received: Some(self.received - received),
                ..error.into()
            })
        });
        self.retries = retries;
        filled
    }

    /// Requests the missing bytes, and checks the digest of the whole file.
    fn fill_once(&mut self, source: &dyn ByteSource) -> AttemptResult<()> {
        loop {
            let facts = self.attempt(source)?;
            if self.is_right() {
                return Ok(());
            }
            // Once only: the parts of a source that changes while it is read may never fit
            // together.
            if !self.pieced || self.started_over {
                return Err(self.mismatch(source, &facts).into());
            }
            self.started_over = true;
            self.start_over()?;
        }
    }

    /// Requests the missing bytes, and takes the response.
    fn attempt(&mut self, source: &dyn ByteSource) -> AttemptResult<ResponseFacts> {
        let url = source.name();
        let range = ResumeRange::after(self.partial.length(), self.partial.origin(), &url);
        let response = source.request(&range)?;
        let (end, size) = match response.part {
            ResponseRange::Mismatch => {
                self.start_over()?;
                return self.attempt(source);
            }
            ResponseRange::Complete => {
                self.pieced = true;
                return Ok(response.facts);
            }
            ResponseRange::Rest { end, size } => {
                self.pieced = true;
                (Some(end), size)
            }
            ResponseRange::Whole { size } => {
                self.start_over()?;
                (size, size)
            }
        };
        if let Some(error) = size.and_then(|size| self.wrong_size(&url, size, "")) {
            return Err(response.facts.explain(error, size.unwrap_or(0), b"").into());
        }
        self.partial.set_origin(Origin { url, validator: response.validator.clone() });
        self.receive(source, response, end, size)
    }

    /// Writes the body, which ends at `end` of a file of this `size`.
    fn receive(
        &mut self,
        source: &dyn ByteSource,
        mut response: SourceResponse,
        end: Option<u64>,
        size: Option<u64>,
    ) -> AttemptResult<ResponseFacts> {
        let TransferRequest { largest, size: pinned, .. } = self.wanted;
        if let Some(size) = size.filter(|size| *size > largest) {
            return Err(too_large(size, largest).into());
        }
        let size = size.or(pinned);
        if let Some(size) = size {
            self.item.set_length(size);
        }
        // A server may announce a part that ends after the last accepted byte.
        let accepted = pinned.unwrap_or(largest).min(largest);
        let end = end.filter(|end| *end <= accepted);
        let most = end.unwrap_or(accepted);
        match self.receive_body(&mut *response.body, most) {
            Ok(()) => {}
            Err(PipelineError::Write(error)) => return Err(self.cannot_write(error).into()),
            Err(PipelineError::TooMuch) => {
                let longer = self.wrong_size(&source.name(), self.partial.length(), "at least ");
                self.start_over()?;
                let reason = match (end, longer) {
                    (Some(_), _) => format!("sends more than the announced {most} bytes"),
                    (None, Some(error)) => return Err(error.into()),
                    (None, None) => {
                        format!("sends more than {largest} bytes, the limit")
                    }
                };
                return Err(Failure::new(Retryable::Never, reason).into());
            }
            Err(PipelineError::Read(error)) => {
                let progress = Progress { length: self.partial.length(), size };
                return Err(source.interrupted(error, &response.facts, progress).into());
            }
        }
        let progress = Progress { length: self.partial.length(), size };
        match size {
            Some(size) if progress.length < size => Err(progress.short().into()),
            _ => Ok(response.facts),
        }
    }

    fn receive_body(
        &mut self,
        source: &mut dyn io::Read,
        most: u64,
    ) -> std::result::Result<(), PipelineError> {
        let output = self.partial.hashed_output();
        let before = *output.length;
        let left = most.saturating_sub(before);
        let item = self.item;
        let progress = |count| item.set_position(count);
        let (file, length) = (Some(output.file), output.length);
        let result = pipeline::hash_and_write(source, file, output.hasher, length, left, &progress);
        self.received += *length - before;
        result
    }

    fn start_over(&mut self) -> Result<()> {
        self.pieced = false;
        if self.partial.length() > 0 { self.partial.reset() } else { Ok(()) }
    }

    fn cannot_write(&self, error: io::Error) -> Error {
        let path = self.partial.path().display();
        let written = Err::<(), _>(error).doing(|| format!("write `{path}`"));
        written.expect_err("it was an error before it was given its context")
    }

    /// Returns the error for a size that is not the pinned one.
    fn wrong_size(&self, source: &str, found: u64, at_least: &str) -> Option<Error> {
        let pinned = self.wanted.size.filter(|pinned| *pinned != found)?;
        let found = format!("{at_least}{found}");
        Some(verify::wrong_size(self.wanted.subject, source, pinned, &found))
    }

    /// Returns the error for bytes that are not the pinned ones.
    fn mismatch(&self, source: &dyn ByteSource, facts: &ResponseFacts) -> Error {
        let TransferRequest { subject, expected, .. } = self.wanted;
        let length = self.partial.length();
        let name = source.name();
        let error = self.wrong_size(&name, length, "").unwrap_or_else(|| {
            verify::mismatch(subject, &name, expected, &self.partial.digest())
                .fact("size", format!("{length} bytes"))
        });
        facts.explain(error, length, &self.partial.beginning()).hint(source.advice())
    }
}

pub(super) fn too_large(size: u64, largest: u64) -> Failure {
    let reason = format!("sends {size} bytes; the limit is {largest}");
    Failure::new(Retryable::Never, reason)
}
