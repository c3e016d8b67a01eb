//! Small answers that are read whole: metadata of a server, never files to store.

use std::io::Read;
use std::time::Duration;

use crate::failure::{Tried, Trouble};
use crate::measure::page;
use crate::pace::Whole;
use crate::patience::Patience;
use crate::resume::Range;
use crate::source::{SoFar, Source};
use airgap_core::error::{Error, Kind};
use airgap_core::report::Item;

/// A small answer.
#[derive(Clone, Debug)]
pub struct Small {
    /// The body.
    pub bytes: Vec<u8>,
    /// Whether it comes from the requested origin, and not from the target of a redirect.
    pub own: bool,
}

/// Returns the answer of a source, or nothing if the source does not have it. An answer that is
/// longer than `largest` bytes, or does not arrive as a whole `within` a time, is refused.
pub(super) fn read(
    source: &dyn Source,
    largest: u64,
    within: Duration,
    patience: &Patience,
    item: &Item,
) -> Tried<Option<Small>> {
    let mut retries = patience.retries();
    loop {
        let began = patience.elapsed();
        match once(source, largest, within) {
            Err(Trouble::Source(failure)) if failure.missing => return Ok(None),
            Err(Trouble::Source(failure)) => {
                retries.spend_attempt(patience.elapsed().saturating_sub(began), 0);
                patience.pause(&mut retries, failure, false, item)?;
            }
            result => return result.map(Some),
        }
    }
}

fn once(source: &dyn Source, largest: u64, within: Duration) -> Tried<Small> {
    let arrival = source.ask(&Range::default())?;
    if arrival.served.page {
        return Err(page(&source.name()).into());
    }
    let mut bytes = Vec::new();
    let body = Whole::new(arrival.body, within);
    if let Err(error) = body.take(largest + 1).read_to_end(&mut bytes) {
        let so_far = SoFar { length: bytes.len() as u64, size: None };
        return Err(source.interrupted(error, &arrival.served, so_far).into());
    }
    if bytes.len() as u64 > largest {
        let name = source.name();
        let error = Error::new(Kind::Integrity, format!("`{name}` sends more than it should"));
        return Err(error.fact("most", format!("{largest} bytes")).into());
    }
    Ok(Small { bytes, own: arrival.served.is_from(&source.name()) })
}
