//! Small answers that are read whole: what a server says of itself, never what it is asked to keep.

use std::io::Read;

use crate::error::{Error, Kind};
use crate::fetch::failure::{Tried, Trouble};
use crate::fetch::measure::page;
use crate::fetch::patience::Patience;
use crate::fetch::resume::Range;
use crate::fetch::source::{SoFar, Source};
use crate::report::Item;

/// What a source has, or nothing where it has nothing. Longer answers are refused.
pub(super) fn read(
    source: &dyn Source,
    largest: u64,
    patience: &Patience,
    item: &Item,
) -> Tried<Option<Vec<u8>>> {
    let mut retries = patience.retries();
    loop {
        match once(source, largest) {
            Err(Trouble::Source(failure)) if failure.missing => return Ok(None),
            Err(Trouble::Source(failure)) => patience.pause(&mut retries, failure, false, item)?,
            result => return result.map(Some),
        }
    }
}

fn once(source: &dyn Source, largest: u64) -> Tried<Vec<u8>> {
    let arrival = source.ask(&Range::default())?;
    if arrival.served.page {
        return Err(page(&source.name()).into());
    }
    let mut bytes = Vec::new();
    if let Err(error) = arrival.body.take(largest + 1).read_to_end(&mut bytes) {
        let so_far = SoFar { length: bytes.len() as u64, size: None };
        return Err(source.interrupted(error, &arrival.served, so_far).into());
    }
    if bytes.len() as u64 > largest {
        let name = source.name();
        let error = Error::new(Kind::Integrity, format!("`{name}` sends more than it should"));
        return Err(error.fact("most", format!("{largest} bytes")).into());
    }
    Ok(bytes)
}
