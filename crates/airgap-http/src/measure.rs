//! The digest and the size of the file at an address, to pin it.

use std::io::Read;

use crate::byte_source::{ByteSource, Progress};
use crate::failure::{AttemptResult, Failure};
use crate::pipeline::{self, PipelineError};
use crate::resume::{ResponseRange, ResumeRange};
use crate::retry::Retryable;
use crate::retry_policy::{FailedAttempt, RetryPolicy};
use crate::transfer::too_large;
use airgap_core::digest::{Digest, Hasher};
use airgap_core::error::{Error, ErrorKind};
use airgap_core::report::Item;
use airgap_core::wrong_content::{self, BEGINNING};

/// A file at an address, which was read and not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The SHA-256 of the file.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Its first 512 bytes, by which its type is detected.
    pub beginning: Vec<u8>,
}

/// Reads everything and stores nothing. Never resumes: without a pinned digest, a wrong combination
/// of two parts could not be detected.
pub(super) fn measure(
    source: &dyn ByteSource,
    largest: u64,
    retry_policy: &RetryPolicy,
    item: &Item,
) -> AttemptResult<Measured> {
    retry_policy.retry(&mut retry_policy.retries(), item, |_| {
        let mut length = 0;
        let measured = measure_once(source, largest, item, &mut length);
        measured.map_err(|error| FailedAttempt { received: Some(length), ..error.into() })
    })
}

/// Reads everything once, and adds up in `length` the bytes that arrived.
fn measure_once(
    source: &dyn ByteSource,
    largest: u64,
    item: &Item,
    length: &mut u64,
) -> AttemptResult<Measured> {
    let response = source.request(&ResumeRange::default())?;
    let ResponseRange::Whole { size } = response.part else {
        return Err(Failure::new(Retryable::Never, "sends a part, which was not requested").into());
    };
    if let Some(encoding) = response.facts.encoding {
        let reason = format!("sends the encoding `{encoding}`, which was not requested");
        return Err(Failure::new(Retryable::Never, reason).into());
    }
    if let Some(size) = size {
        item.set_length(size);
    }
    let mut body = response.body;
    let mut first = Vec::new();
    let begun = (&mut body).take(BEGINNING as u64).read_to_end(&mut first);
    if response.facts.page || first.starts_with(b"<") {
        return Err(page(&source.name()).into());
    }
    wrong_content::refuse_pointer(&first, source.name())?;
    let mut hasher = Hasher::default();
    let mut whole = first.as_slice().chain(body);
    let progress = |count| item.set_position(count);
    let result = match begun {
        Ok(_) => {
            pipeline::hash_and_write(&mut whole, None, &mut hasher, length, largest, &progress)
        }
        Err(error) => Err(PipelineError::Read(error)),
    };
    match result {
        Ok(()) if *length == 0 => Err(Failure::new(Retryable::Never, "sends an empty file").into()),
        Ok(()) => Ok(Measured { digest: hasher.finish(), size: *length, beginning: first }),
        Err(PipelineError::TooMuch) => Err(too_large(*length, largest).into()),
        // There is no file to write to, so this is never a failed write.
        Err(PipelineError::Read(error) | PipelineError::Write(error)) => Err(source
            .interrupted(error, &response.facts, Progress { length: *length, size })
            .into()),
    }
}

/// Returns the error for a response that is a web page.
pub(super) fn page(source: &str) -> Error {
    Error::new(
        ErrorKind::Integrity,
        format!("`{source}` answers with a web page instead of a file"),
    )
    .hint("it may be a login page or the notice of a proxy; open the address in a browser")
}
