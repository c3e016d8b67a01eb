//! Small responses that are read whole: metadata of a server, never files to store.

use std::io::Read;
use std::time::Duration;

use crate::byte_source::{ByteSource, Progress};
use crate::deadline::DeadlineReader;
use crate::failure::{AttemptError, AttemptResult};
use crate::measure::page;
use crate::resume::ResumeRange;
use crate::retry::Retries;
use crate::retry_policy::RetryPolicy;
use airgap_core::error::{Error, ErrorKind};
use airgap_core::report::Item;

/// A small response.
#[derive(Clone, Debug)]
pub struct SmallResponse {
    /// The body.
    pub bytes: Vec<u8>,
    /// Whether it comes from the requested origin, and not from the target of a redirect.
    pub same_origin: bool,
}

/// Returns the response of a source; `None` if the source does not have it. A response that is
/// longer than `largest` bytes, or does not arrive as a whole `within` a time, is refused.
pub(super) fn read(
    source: &dyn ByteSource,
    largest: u64,
    within: Duration,
    retry_policy: &RetryPolicy,
    item: &Item,
) -> AttemptResult<Option<SmallResponse>> {
    let attempt = |_: &mut Retries| match once(source, largest, within) {
        Err(AttemptError::Source(failure)) if failure.missing => Ok(None),
        result => Ok(Some(result?)),
    };
    retry_policy.retry(&mut retry_policy.retries(), item, attempt)
}

fn once(source: &dyn ByteSource, largest: u64, within: Duration) -> AttemptResult<SmallResponse> {
    let response = source.request(&ResumeRange::default())?;
    if response.facts.page {
        return Err(page(&source.name()).into());
    }
    let mut bytes = Vec::new();
    let body = DeadlineReader::new(response.body, within);
    if let Err(error) = body.take(largest + 1).read_to_end(&mut bytes) {
        let progress = Progress { length: bytes.len() as u64, size: None };
        return Err(source.interrupted(error, &response.facts, progress).into());
    }
    if bytes.len() as u64 > largest {
        let name = source.name();
        let error = Error::new(ErrorKind::Integrity, format!("`{name}` sends more than the limit"));
        return Err(error.fact("most", format!("{largest} bytes")).into());
    }
    Ok(SmallResponse { bytes, same_origin: response.facts.is_from(&source.name()) })
}
