//! The end of a zip, which says where the list of its entries is.
//!
//! The zip crate is lenient here: it takes an end that is not at the end, and goes back to an
//! earlier one where the last does not fit. Other programs then see another archive.

use std::fs::File;

use crate::error::Result;

use super::refusal;
use super::zip_member::read_at;

/// Where the list of entries is, and how long it says it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) entries: u64,
    pub(super) directory_start: u64,
}

const END: usize = 22;
const LOCATOR: usize = 20;
const END_64: usize = 56;

/// Reads the last record, with the one for large archives where there is one.
pub(super) fn read(file: &File, size: u64) -> Result<End> {
    let tail_start = size.saturating_sub((END + LOCATOR + END_64 + 0xffff) as u64);
    let mut tail = vec![0; (size - tail_start) as usize];
    read_at(file, &mut tail, tail_start)?;
    let at = tail
        .windows(4)
        .rposition(|bytes| bytes == b"PK\x05\x06")
        .filter(|&at| at + END <= tail.len())
        .ok_or_else(|| refusal::damaged("it is cut short, as the record at its end is missing"))?;
    let end = &tail[at..];
    let comment = number(&end[20..22]) as usize;
    if end.len() > END + comment {
        return Err(refusal::archive("something follows after the record at its end"));
    }
    if end.len() < END + comment {
        return Err(refusal::damaged("it is cut short within the comment at its end"));
    }
    let short = End {
        entries: number(&end[10..12]),
        directory_start: number(&end[16..20]),
    };
    let length = number(&end[12..16]);
    let is_64 = short.entries == 0xffff || short.directory_start == 0xffff_ffff || length == 0xffff_ffff;
    let (found, length, directory_end) = match at.checked_sub(LOCATOR) {
        Some(locator) if is_64 && tail[locator..].starts_with(b"PK\x06\x07") => {
            read_64(file, &tail[locator..], tail_start + locator as u64)?
        }
        _ => (short, length, tail_start + at as u64),
    };
    if found.directory_start.checked_add(length) != Some(directory_end) {
        return Err(refusal::damaged("the list of its entries is not where its end says"));
    }
    Ok(found)
}

/// The record for large archives, its list's length, and where the list must end.
fn read_64(file: &File, locator: &[u8], locator_start: u64) -> Result<(End, u64, u64)> {
    let start = number(&locator[8..16]);
    let mut end = [0; END_64];
    if start.checked_add(END_64 as u64).is_none_or(|end| end > locator_start) {
        return Err(refusal::damaged("the zip64 record is not where its end says"));
    }
    read_at(file, &mut end, start)?;
    let length = number(&end[4..12]).checked_add(12).and_then(|length| length.checked_add(start));
    if !end.starts_with(b"PK\x06\x06") || length != Some(locator_start) {
        return Err(refusal::damaged("the zip64 record is not where its end says"));
    }
    let found = End { entries: number(&end[32..40]), directory_start: number(&end[48..56]) };
    Ok((found, number(&end[40..48]), start))
}

/// A little-endian number of up to eight bytes.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}
