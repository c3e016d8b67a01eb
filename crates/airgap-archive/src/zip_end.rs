//! The end of a zip, with the position of the list of its entries (APPNOTE 6.3.10, section 4.3.16).
//!
//! The zip crate is lenient here: it accepts an end record that is not at the end, and goes back to
//! an earlier one if the last does not fit. Other programs then see another archive.

use std::fs::File;

use airgap_core::error::{Context, Error, Result};

use super::read_at::read_at;
use super::refusal;

/// The position of the list of entries, and their declared number.
pub(super) struct End {
    pub(super) entries: u64,
    pub(super) directory_start: u64,
    pub(super) directory_end: u64,
}

const END: usize = 22;
const LOCATOR: usize = 20;
const END_64: usize = 56;

/// The size in bytes of a record on a tape, which tar writes by default.
const TAPE_RECORD: u64 = 20 * 512;

/// Returns whether a file ends as a zip does.
pub(super) fn is_there(file: &File) -> Result<bool> {
    let size = file.metadata().doing(|| "read the archive".to_owned())?.len();
    Ok(find(&tail(file, size)?).is_some())
}

/// Reads the part of a file in which the end record must begin.
fn tail(file: &File, size: u64) -> Result<Vec<u8>> {
    let length = size.min((END + LOCATOR + END_64 + 0xffff) as u64);
    let mut tail = vec![0; length as usize];
    read_at(file, &mut tail, size - length)?;
    Ok(tail)
}

/// Finds the last record.
fn find(tail: &[u8]) -> Option<usize> {
    let at = tail.windows(4).rposition(|bytes| bytes == b"PK\x05\x06")?;
    (at + END <= tail.len()).then_some(at)
}

/// Reads the last record, and the zip64 record for large archives if there is one.
pub(super) fn read(file: &File, size: u64) -> Result<End> {
    let tail = tail(file, size)?;
    let tail_start = size - tail.len() as u64;
    let at = find(&tail)
        .ok_or_else(|| refusal::damaged("it is cut short: its end record is missing"))?;
    let end = &tail[at..];
    let comment = number(&end[20..22]) as usize;
    if end.len() > END + comment && !is_filled_up(size, &end[END + comment..]) {
        return Err(refusal::archive("data follows after its end record"));
    }
    if end.len() < END + comment {
        return Err(refusal::damaged("it is cut short within the comment at its end"));
    }
    let directory_end = tail_start + at as u64;
    let disks = [number(&end[4..6]), number(&end[6..8])];
    let counts = [number(&end[8..10]), number(&end[10..12])];
    let fields = [counts[1], number(&end[12..16]), number(&end[16..20])];
    match at.checked_sub(LOCATOR).map(|locator| (locator, &tail[locator..])) {
        Some((at, locator)) if locator.starts_with(b"PK\x06\x07") => {
            let large = read_64(file, locator, tail_start + at as u64)?;
            let [entries, length, start] = large;
            let short = [(disks[0], 0), (disks[1], 0), (counts[0], entries), (counts[1], entries)];
            let long = [(fields[1], length), (fields[2], start)];
            let agree = short.iter().all(|&(it, right)| it == right || it == 0xffff)
                && long.iter().all(|&(it, right)| it == right || it == 0xffff_ffff);
            match agree {
                true => checked_end(large, number(&locator[8..16])),
                false => Err(refusal::archive("its end record and its zip64 record disagree")),
            }
        }
        _ if disks != [0, 0] || counts[0] != counts[1] => Err(several_parts()),
        _ => checked_end(fields, directory_end),
    }
}

/// Returns whether the data after the end only fills up a record of a tape: bsdtar writes whole
/// records to a pipe, also for a zip.
fn is_filled_up(size: u64, rest: &[u8]) -> bool {
    size.is_multiple_of(TAPE_RECORD)
        && (rest.len() as u64) < TAPE_RECORD
        && rest.iter().all(|&byte| byte == 0)
}

/// Reads the zip64 record, which stands before its locator: the count of entries, the length of
/// their list and its start.
fn read_64(file: &File, locator: &[u8], locator_start: u64) -> Result<[u64; 3]> {
    let start = number(&locator[8..16]);
    let misplaced = || refusal::damaged("the zip64 record is not at the offset in its end record");
    if start.checked_add(END_64 as u64).is_none_or(|end| end > locator_start) {
        return Err(misplaced());
    }
    let mut end = [0; END_64];
    read_at(file, &mut end, start)?;
    let length = number(&end[4..12]).checked_add(12).and_then(|length| length.checked_add(start));
    if !end.starts_with(b"PK\x06\x06") || length != Some(locator_start) {
        return Err(misplaced());
    }
    let [on_disk, entries, length, directory_start] =
        [24, 32, 40, 48].map(|at| number(&end[at..at + 8]));
    // Some writers count the disks from 0.
    let one_disk = number(&locator[4..8]) == 0 && number(&locator[16..20]) <= 1;
    if !one_disk || number(&end[16..24]) != 0 || on_disk != entries {
        return Err(several_parts());
    }
    Ok([entries, length, directory_start])
}

fn several_parts() -> Error {
    refusal::archive("it is one part of a split zip, which is not supported")
}

/// Returns the position in a record, if the list ends where the record begins.
fn checked_end(fields: [u64; 3], directory_end: u64) -> Result<End> {
    let [entries, length, directory_start] = fields;
    match directory_start.checked_add(length) == Some(directory_end) {
        true => Ok(End { entries, directory_start, directory_end }),
        false => {
            Err(refusal::damaged("its central directory is not at the offset in its end record"))
        }
    }
}

/// Returns a little-endian number of up to eight bytes.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}
