//! The list of entries at the end of a zip (APPNOTE 6.3.10, section 4.3.12), read one by one.

use std::fs::File;
use std::io::{self, BufReader, Read};

use airgap_core::error::{Error, Result};

use super::read_at::read_some_at;
use super::refusal;
use super::zip_end::{End, number};

/// The number of bytes of the list that are read at a time.
const INPUT: usize = 64 * 1024;

/// The length in bytes of the fixed part of an entry of the list.
const HEADER: usize = 46;

/// The bits of an entry's flags that matter here.
pub(super) const DESCRIBED_AFTER: u16 = 1 << 3;
pub(super) const UTF_8: u16 = 1 << 11;
/// The bits for encrypted, patched, strongly encrypted and masked: the data is not plain content.
pub(super) const REFUSED: u16 = 1 | 1 << 5 | 1 << 6 | 1 << 13;

/// The extra fields with the zip64 sizes and with Info-ZIP's name in UTF-8.
const ZIP_64: u64 = 1;
const UNICODE_PATH: u64 = 0x7075;

/// The fields of one entry of the list.
pub(super) struct ListedEntry {
    pub(super) raw: Box<[u8]>,
    pub(super) start: u64,
    pub(super) compressed: u64,
    pub(super) size: u64,
    pub(super) crc: u32,
    pub(super) method: u16,
    pub(super) flags: u16,
    /// The Unix mode, 0 if the entry was written on another system.
    pub(super) mode: u32,
    /// Whether its DOS attributes mark it as a folder, for an entry without a Unix mode.
    pub(super) is_dos_folder: bool,
}

/// The list of entries of a zip.
pub(super) struct EntryList<'a> {
    input: BufReader<Section<'a>>,
    /// The number of entries and of bytes that are left.
    entries: u64,
    bytes: u64,
}

impl<'a> EntryList<'a> {
    pub(super) fn new(file: &'a File, end: &End) -> EntryList<'a> {
        let section = Section { file, from: end.directory_start, to: end.directory_end };
        EntryList {
            input: BufReader::with_capacity(INPUT, section),
            entries: end.entries,
            bytes: end.directory_end - end.directory_start,
        }
    }

    /// Reads the next entry. The last entry must end where the list ends: readers that trust the
    /// entry count would skip an entry after it.
    pub(super) fn next(&mut self) -> Result<Option<ListedEntry>> {
        if self.entries == 0 {
            return match self.bytes {
                0 => Ok(None),
                _ => Err(refusal::archive("it has more entries than its end record says")),
            };
        }
        self.entries -= 1;
        let mut header = [0; HEADER];
        self.read(&mut header)?;
        if !header.starts_with(b"PK\x01\x02") {
            return Err(disagree());
        }
        let [mut raw, mut extra, mut comment] =
            [28, 30, 32].map(|at| vec![0; number(&header[at..at + 2]) as usize]);
        for part in [&mut raw, &mut extra, &mut comment] {
            self.read(part)?;
        }
        listed(&header, raw.into(), &extra).map(Some)
    }

    fn read(&mut self, part: &mut [u8]) -> Result<()> {
        self.bytes = self.bytes.checked_sub(part.len() as u64).ok_or_else(disagree)?;
        self.input.read_exact(part).map_err(|error| refusal::reading(&error))
    }
}

fn listed(header: &[u8; HEADER], raw: Box<[u8]>, extra: &[u8]) -> Result<ListedEntry> {
    let refuse = |reason: &str| refusal::entry(&raw, reason);
    let field = |at: usize, length: usize| number(&header[at..at + length]);
    let mut large = [
        Large { value: field(24, 4), bytes: 4 },
        Large { value: field(20, 4), bytes: 4 },
        Large { value: field(42, 4), bytes: 4 },
        Large { value: field(34, 2), bytes: 2 },
    ];
    let extra = Extra::parse(extra).map_err(refuse)?;
    extra.check_name(&raw).map_err(refuse)?;
    extra.enlarge(&mut large, |_, _| false).map_err(refuse)?;
    let [size, compressed, start, disk] = large.map(|large| large.value);
    if disk != 0 {
        return Err(refuse("it is on another disk; a split zip is not supported"));
    }
    let attributes = field(38, 4) as u32;
    // Unix. The other systems that have modes, as 19 for macOS, are not read as such by unzip,
    // bsdtar and 7z, and their own archivers write 3.
    let is_unix = header[5] == 3;
    Ok(ListedEntry {
        start,
        compressed,
        size,
        crc: field(16, 4) as u32,
        method: field(10, 2) as u16,
        flags: field(8, 2) as u16,
        mode: if is_unix { attributes >> 16 } else { 0 },
        is_dos_folder: !is_unix && attributes & 0x10 != 0,
        raw,
    })
}

fn disagree() -> Error {
    refusal::damaged("its end record and its central directory disagree")
}

/// A number that is in the zip64 field if all its bits are ones.
pub(super) struct Large {
    pub(super) value: u64,
    /// The width in bytes of its own field. Its width in the zip64 field is 8 bytes, or 4 for 2.
    pub(super) bytes: u32,
}

impl Large {
    fn is_elsewhere(&self) -> bool {
        self.value == (1 << (8 * self.bytes)) - 1
    }

    fn take(&self, rest: &mut &[u8]) -> Option<u64> {
        let (value, after) = rest.split_at_checked(if self.bytes == 2 { 4 } else { 8 })?;
        *rest = after;
        Some(number(value))
    }
}

/// The extra fields that change the meaning of an entry.
pub(super) struct Extra<'a> {
    zip_64: Option<&'a [u8]>,
    unicode_path: Option<&'a [u8]>,
}

impl<'a> Extra<'a> {
    /// Finds the fields; the error is the reason for refusing the entry.
    pub(super) fn parse(mut rest: &'a [u8]) -> std::result::Result<Extra<'a>, &'static str> {
        let mut extra = Extra { zip_64: None, unicode_path: None };
        // Up to three bytes are padding, as zipalign writes it.
        while let Some((header, after)) = rest.split_at_checked(4) {
            let length = number(&header[2..]) as usize;
            let (field, after) =
                after.split_at_checked(length).ok_or("its extra fields are malformed")?;
            let slot = match number(&header[..2]) {
                ZIP_64 => Some(&mut extra.zip_64),
                UNICODE_PATH => Some(&mut extra.unicode_path),
                _ => None,
            };
            if slot.is_some_and(|slot| slot.replace(field).is_some()) {
                return Err("it has an extra field twice");
            }
            rest = after;
        }
        Ok(extra)
    }

    /// Refuses a name that differs from the header's, which some programs would take instead.
    pub(super) fn check_name(&self, raw: &[u8]) -> std::result::Result<(), &'static str> {
        // The version and the checksum of the other name come first.
        match self.unicode_path {
            Some(field) if field.get(5..) != Some(raw) => {
                Err("its extra field for the name in UTF-8 gives another name")
            }
            _ => Ok(()),
        }
    }

    /// Reads the numbers that are in the zip64 field. Some writers put all of them there, also
    /// those that have their own field; then both must agree, or `agrees` with the index and value.
    pub(super) fn enlarge(
        &self,
        numbers: &mut [Large],
        agrees: impl Fn(usize, u64) -> bool,
    ) -> std::result::Result<(), &'static str> {
        let Some(field) = self.zip_64 else { return Ok(()) };
        let mut rest = field;
        for large in numbers.iter_mut().filter(|large| large.is_elsewhere()) {
            large.value = large.take(&mut rest).ok_or("its zip64 field is too short")?;
        }
        if !rest.is_empty() {
            let mut rest = field;
            for (index, large) in numbers.iter().enumerate() {
                let Some(value) = large.take(&mut rest) else { break };
                if value != large.value && !agrees(index, value) {
                    return Err("its header and its zip64 field disagree");
                }
            }
        }
        Ok(())
    }
}

/// A part of a file, read without the file's own position.
struct Section<'a> {
    file: &'a File,
    from: u64,
    to: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.to - self.from).unwrap_or(usize::MAX).min(buffer.len());
        let count = read_some_at(self.file, &mut buffer[..most], self.from)?;
        self.from += count as u64;
        Ok(count)
    }
}
