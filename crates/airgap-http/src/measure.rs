//! The digest and the size of the file at an address, to pin it.

use std::io::Read;

use crate::failure::{Failure, Tried, Trouble};
use crate::patience::Patience;
use crate::pipe::{self, Stop};
use crate::resume::{Part, Range};
use crate::retry::Chance;
use crate::source::{SoFar, Source};
use crate::transfer::too_large;
use airgap_core::digest::{Digest, Hasher};
use airgap_core::error::{Error, Kind};
use airgap_core::report::Item;
use airgap_core::stand_in::{self, BEGINNING};

/// A file at an address, which was read and not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The SHA-256 of the file.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Its first 512 bytes, which tell what it is.
    pub beginning: Vec<u8>,
}

/// Reads everything and stores nothing. Never resumes: without a pinned digest, a wrong combination
/// of two parts could not be detected.
pub(super) fn measure(
    source: &dyn Source,
    largest: u64,
    patience: &Patience,
    item: &Item,
) -> Tried<Measured> {
    let mut retries = patience.retries();
    loop {
        let (began, mut length) = (patience.elapsed(), 0);
        match measure_once(source, largest, item, &mut length) {
            Err(Trouble::Source(failure)) => {
                retries.spend_attempt(patience.elapsed().saturating_sub(began), length);
                patience.pause(&mut retries, failure, false, item)?;
            }
            result => return result,
        }
    }
}

/// Reads everything once, and adds up in `length` the bytes that arrived.
fn measure_once(
    source: &dyn Source,
    largest: u64,
    item: &Item,
    length: &mut u64,
) -> Tried<Measured> {
    let arrival = source.ask(&Range::default())?;
    let Part::Whole { size } = arrival.part else {
        return Err(Failure::new(Chance::None, "sends a part, which was not asked for").into());
    };
    if let Some(encoding) = arrival.served.encoding {
        let reason = format!("sends the encoding `{encoding}`, which was not asked for");
        return Err(Failure::new(Chance::None, reason).into());
    }
    if let Some(size) = size {
        item.set_length(size);
    }
    let mut body = arrival.body;
    let mut first = Vec::new();
    let begun = (&mut body).take(BEGINNING as u64).read_to_end(&mut first);
    if arrival.served.page || first.starts_with(b"<") {
        return Err(page(&source.name()).into());
    }
    stand_in::refuse_pointer(&first, source.name())?;
    let mut hasher = Hasher::default();
    let mut whole = first.as_slice().chain(body);
    let progress = |count| item.set_position(count);
    let poured = match begun {
        Ok(_) => pipe::pour(&mut whole, None, &mut hasher, length, largest, &progress),
        Err(error) => Err(Stop::Read(error)),
    };
    match poured {
        Ok(()) if *length == 0 => Err(Failure::new(Chance::None, "sends an empty file").into()),
        Ok(()) => Ok(Measured { digest: hasher.finish(), size: *length, beginning: first }),
        Err(Stop::TooMuch) => Err(too_large(*length, largest).into()),
        // There is no file to write to, so this is never a failed write.
        Err(Stop::Read(error) | Stop::Write(error)) => {
            Err(source.interrupted(error, &arrival.served, SoFar { length: *length, size }).into())
        }
    }
}

/// Returns the error for an answer that is a web page.
pub(super) fn page(source: &str) -> Error {
    Error::new(Kind::Integrity, format!("`{source}` answers with a web page instead of a file"))
        .hint("it may be a login page or the notice of a proxy; open the address in a browser")
}
