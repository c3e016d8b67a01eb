//! One entry of a zip: checks its header and inflates its data.

use std::fs::File;

use crc32fast::Hasher;
use flate2::{Decompress, FlushDecompress, Status};

use airgap_core::error::{Error, Result};

use super::read_at::read_at;
use super::refusal;
use super::zip_end::number;
use super::zip_list::{DESCRIBED_AFTER, Extra, Large, ListedEntry, REFUSED, UTF_8};

/// The number of bytes that are read at a time.
const INPUT: usize = 256 * 1024;

/// The length in bytes of the fixed part of the header before an entry's data, and the usual length
/// of the fields after its name.
const HEADER: usize = 30;
const USUAL_EXTRA: usize = 64;

/// The supported methods of compression.
pub(super) const STORED: u16 = 0;
pub(super) const DEFLATED: u16 = 8;

/// The largest length in bytes of the record after the data of an entry.
const DESCRIPTOR: usize = 24;

/// The fields of one entry in the list of a zip.
pub(super) struct Member {
    pub(super) raw: Box<[u8]>,
    pub(super) start: u64,
    pub(super) compressed: u64,
    pub(super) size: u64,
    crc: u32,
    flags: u16,
    deflated: bool,
}

impl Member {
    pub(super) fn new(entry: ListedEntry) -> Member {
        let ListedEntry { raw, start, compressed, size, crc, method, flags, .. } = entry;
        Member { raw, start, compressed, size, crc, flags, deflated: method == DEFLATED }
    }

    fn refuse(&self, reason: &str) -> Error {
        refusal::entry(&self.raw, reason)
    }

    /// Compares the header before the data, and its extra fields, with the list. Returns whether
    /// programs that read from the beginning know the length of the data.
    fn check_header(&self, header: &[u8], extra: &[u8]) -> Result<bool> {
        let field = |at: usize, length: usize| number(&header[at..at + length]);
        let flags = field(6, 2) as u16;
        let differ = flags ^ self.flags;
        if flags & REFUSED != 0
            || field(8, 2) as u16 != if self.deflated { DEFLATED } else { STORED }
        {
            return Err(self.refuse("its local header has another compression method"));
        }
        if differ & DESCRIBED_AFTER != 0 || (differ & UTF_8 != 0 && !self.raw.is_ascii()) {
            return Err(self.refuse("its local header has other flags"));
        }
        let later = flags & DESCRIBED_AFTER != 0;
        let right = [self.size, self.compressed];
        let may_be = |index: usize, value| value == right[index] || (later && value == 0);
        let mut sizes =
            [Large { value: field(22, 4), bytes: 4 }, Large { value: field(18, 4), bytes: 4 }];
        let extra = Extra::parse(extra).map_err(|reason| self.refuse(reason))?;
        extra.check_name(&self.raw).map_err(|reason| self.refuse(reason))?;
        extra.enlarge(&mut sizes, may_be).map_err(|reason| self.refuse(reason))?;
        if !sizes.iter().enumerate().all(|(index, size)| may_be(index, size.value)) {
            return Err(self.refuse("its local header has another size"));
        }
        let crc = field(14, 4);
        if crc != u64::from(self.crc) && !(later && crc == 0) {
            return Err(self.refuse("its local header has another checksum"));
        }
        Ok(sizes[1].value == self.compressed)
    }
}

/// Inflates entries, with the same state and buffer for one after another.
pub(super) struct Inflater<'a> {
    file: &'a File,
    state: Decompress,
    input: Vec<u8>,
}

/// The unread data of an entry: a part of the input buffer, and then a part of the file.
struct Rest {
    from: usize,
    to: usize,
    offset: u64,
    left: u64,
    /// Whether the header before the data gives its length.
    is_sized: bool,
}

impl<'a> Inflater<'a> {
    pub(super) fn new(file: &'a File) -> Inflater<'a> {
        Inflater { file, state: Decompress::new(false), input: vec![0; INPUT] }
    }

    /// Returns the content of `member`. `bound` is the offset at which its data must have ended.
    pub(super) fn content<'i>(
        &'i mut self,
        member: &'i Member,
        bound: u64,
    ) -> Result<MemberContent<'i, 'a>> {
        let rest = self.open(member, bound)?;
        self.state.reset(false);
        let (checksum, tail) = (Hasher::new(), Vec::new());
        Ok(MemberContent { inflater: self, member, rest, checksum, size: 0, ended: false, tail })
    }

    /// Checks the header before the data against the list. Programs that read a zip from its
    /// beginning see this one only.
    fn open(&mut self, member: &Member, bound: u64) -> Result<Rest> {
        let usual = (HEADER + member.raw.len() + USUAL_EXTRA) as u64 + member.compressed;
        // In most cases this reads all of the entry, in one call.
        let there = usual.min(bound - member.start).min(INPUT as u64) as usize;
        read_at(self.file, &mut self.input[..there], member.start)?;
        let header = &self.input[..there];
        if there < HEADER || !header.starts_with(b"PK\x03\x04") {
            return Err(member.refuse("its local header is missing"));
        }
        let name_end = HEADER + number(&header[26..28]) as usize;
        if header.get(HEADER..name_end) != Some(&member.raw) {
            return Err(member.refuse("its local header has another name"));
        }
        let start = name_end + number(&header[28..30]) as usize;
        let data = member.start + start as u64;
        let end = data.saturating_add(member.compressed);
        if end > bound {
            return Err(member.refuse("its data overlaps with the data after it"));
        }
        let long_extra;
        let extra = match header.get(name_end..start) {
            Some(extra) => extra,
            None => {
                let mut extra = vec![0; start - name_end];
                read_at(self.file, &mut extra, member.start + name_end as u64)?;
                long_extra = extra;
                &long_extra
            }
        };
        let is_sized = member.check_header(&header[..HEADER], extra)?;
        let after = header.get((end - member.start) as usize..).unwrap_or_default();
        self.check_after(member, end, bound, after)?;
        let from = start.min(there);
        let to = (there as u64).min(start as u64 + member.compressed) as usize;
        let offset = data.max(member.start + there as u64);
        let left = end.saturating_sub(offset);
        Ok(Rest { from, to: to.max(from), offset, left, is_sized })
    }

    /// Checks the bytes between the data and the next entry: none, or the record with the sizes
    /// that a writer to a pipe knows only then (APPNOTE section 4.3.9). `there` holds the bytes of
    /// it that were read already.
    fn check_after(&self, member: &Member, end: u64, bound: u64, there: &[u8]) -> Result<()> {
        let length = usize::try_from(bound - end).unwrap_or(usize::MAX);
        if member.flags & DESCRIBED_AFTER == 0 {
            return match length {
                0 => Ok(()),
                _ => Err(member.refuse("unknown bytes follow its data")),
            };
        }
        let mut record = [0; DESCRIPTOR];
        let Some(record) = record.get_mut(..length) else {
            return Err(member.refuse("unknown bytes follow its data"));
        };
        match there.get(..length) {
            Some(there) => record.copy_from_slice(there),
            None => read_at(self.file, record, end)?,
        }
        let Member { crc, compressed, size, .. } = *member;
        // With or without its signature, and with short or long sizes: its length tells which.
        let fields = match (length, record.strip_prefix(b"PK\x07\x08")) {
            (16 | 24, Some(fields)) => fields,
            (12 | 20, _) => &*record,
            _ => return Err(member.refuse("its data descriptor is not valid")),
        };
        let sizes = fields[4..].chunks_exact((fields.len() - 4) / 2).map(number);
        match number(&fields[..4]) == u64::from(crc) && sizes.eq([compressed, size]) {
            true => Ok(()),
            false => Err(member.refuse("its data descriptor has another size or checksum")),
        }
    }

    /// Reads more input if the buffer is empty; returns `false` at the end.
    fn fill(&mut self, rest: &mut Rest) -> Result<bool> {
        if rest.from == rest.to && rest.left > 0 {
            let count = rest.left.min(INPUT as u64) as usize;
            read_at(self.file, &mut self.input[..count], rest.offset)?;
            (rest.from, rest.to) = (0, count);
            rest.offset += count as u64;
            rest.left -= count as u64;
        }
        Ok(rest.from < rest.to)
    }
}

/// The content of an entry, checked against the list when it ends.
pub(super) struct MemberContent<'i, 'a> {
    inflater: &'i mut Inflater<'a>,
    member: &'i Member,
    rest: Rest,
    checksum: Hasher,
    size: u64,
    ended: bool,
    /// The last bytes of the data, which is searched for a false end.
    tail: Vec<u8>,
}

impl MemberContent<'_, '_> {
    /// Fills the beginning of `output`; returns zero only at the end.
    pub(super) fn read(&mut self, output: &mut [u8]) -> Result<usize> {
        let mut produced = 0;
        while produced == 0 && !self.ended {
            produced = match self.member.deflated {
                true => self.inflate(output)?,
                false => self.copy(output)?,
            };
            self.size += produced as u64;
            if self.size > self.member.size {
                return Err(self.member.refuse("it unpacks to more bytes than its size says"));
            }
            self.checksum.update(&output[..produced]);
            if self.ended {
                self.check()?;
            }
        }
        Ok(produced)
    }

    fn copy(&mut self, output: &mut [u8]) -> Result<usize> {
        self.ended = !self.inflater.fill(&mut self.rest)?;
        let input = &self.inflater.input[self.rest.from..self.rest.to];
        let count = input.len().min(output.len());
        output[..count].copy_from_slice(&input[..count]);
        self.rest.from += count;
        if !self.rest.is_sized {
            self.check_no_end(&output[..count])?;
        }
        Ok(count)
    }

    /// Refuses stored data with bytes that look like the record after it. Programs that read from
    /// the beginning without a given size would take that for the end of the data.
    fn check_no_end(&mut self, piece: &[u8]) -> Result<()> {
        let before = self.size - self.tail.len() as u64;
        self.tail.extend(piece);
        for (at, record) in (before..).zip(self.tail.windows(12)) {
            if record.starts_with(b"PK\x07\x08") && number(&record[8..]) == at & 0xffff_ffff {
                return Err(self.member.refuse("its data also has an earlier possible end"));
            }
        }
        self.tail.drain(..self.tail.len().saturating_sub(11));
        Ok(())
    }

    fn inflate(&mut self, output: &mut [u8]) -> Result<usize> {
        let Inflater { state, .. } = &self.inflater;
        let before = (state.total_in(), state.total_out());
        self.inflater.fill(&mut self.rest)?;
        let Inflater { state, input, .. } = &mut *self.inflater;
        let input = &input[self.rest.from..self.rest.to];
        let status = state
            .decompress(input, output, FlushDecompress::None)
            .map_err(|_| self.member.refuse("its data is damaged"))?;
        let consumed = (state.total_in() - before.0) as usize;
        let produced = (state.total_out() - before.1) as usize;
        self.rest.from += consumed;
        self.ended = status == Status::StreamEnd;
        if self.ended && (self.rest.from < self.rest.to || self.rest.left > 0) {
            return Err(self.member.refuse("other data follows after its compressed data"));
        }
        if !self.ended && consumed == 0 && produced == 0 {
            return Err(self.member.refuse("its data is cut short"));
        }
        Ok(produced)
    }

    fn check(&self) -> Result<()> {
        if self.size < self.member.size {
            return Err(self.member.refuse("it unpacks to fewer bytes than its size says"));
        }
        if self.checksum.clone().finalize() != self.member.crc {
            return Err(self.member.refuse("its checksum does not match its content"));
        }
        Ok(())
    }
}
