//! One entry of a zip: its header checked, its data inflated.

use std::fs::File;
use std::io;

use flate2::{Crc, Decompress, FlushDecompress, Status};
use zip::CompressionMethod;
use zip::read::ZipFileEntry;

use crate::error::{Error, Result};

use super::refusal;
use super::zip_end::number;

/// How much is read at a time.
const INPUT: usize = 64 * 1024;

/// The fixed part of the header before an entry's data, and what mostly follows its name.
const HEADER: usize = 30;
const USUAL_EXTRA: usize = 64;

/// What the list of a zip says about one entry.
pub(super) struct Member {
    pub(super) raw: Box<[u8]>,
    pub(super) start: u64,
    pub(super) compressed: u64,
    pub(super) size: u64,
    crc: u32,
    deflated: bool,
}

impl Member {
    pub(super) fn new(entry: &ZipFileEntry<'_>) -> Member {
        Member {
            raw: entry.name_raw().into(),
            start: entry.header_start(),
            compressed: entry.compressed_size(),
            size: entry.size(),
            crc: entry.crc32(),
            deflated: entry.compression() == CompressionMethod::Deflated,
        }
    }

    fn refuse(&self, reason: &str) -> Error {
        refusal::entry(&self.raw, reason)
    }
}

/// Inflates entries, with the same state and buffer for one after another.
pub(super) struct Inflater<'a> {
    file: &'a File,
    state: Decompress,
    input: Vec<u8>,
}

/// What is left of an entry's data: a part of the input buffer, and then a part of the file.
struct Rest {
    from: usize,
    to: usize,
    offset: u64,
    left: u64,
}

impl<'a> Inflater<'a> {
    pub(super) fn new(file: &'a File) -> Inflater<'a> {
        Inflater { file, state: Decompress::new(false), input: vec![0; INPUT] }
    }

    /// The content of `member`. `bound` is where its data must have ended.
    pub(super) fn content<'i>(
        &'i mut self,
        member: &'i Member,
        bound: u64,
    ) -> Result<Content<'i, 'a>> {
        let rest = self.open(member, bound)?;
        self.state.reset(false);
        Ok(Content { inflater: self, member, rest, crc: Crc::new(), size: 0, ended: false })
    }

    /// Checks the header before the data against the list. Programs that read a zip from its
    /// beginning see this one only.
    fn open(&mut self, member: &Member, bound: u64) -> Result<Rest> {
        let usual = (HEADER + member.raw.len() + USUAL_EXTRA) as u64 + member.compressed;
        // Mostly this is all of the entry, in one call.
        let there = usual.min(bound - member.start).min(INPUT as u64) as usize;
        read_at(self.file, &mut self.input[..there], member.start)?;
        let header = &self.input[..there];
        if there < HEADER || !header.starts_with(b"PK\x03\x04") {
            return Err(member.refuse("there is no header before its data"));
        }
        let field = |at: usize, length: usize| number(&header[at..at + length]);
        let name_end = HEADER + field(26, 2) as usize;
        if header.get(HEADER..name_end) != Some(&member.raw) {
            return Err(member.refuse("it has another name in the header before its data"));
        }
        if field(8, 2) != if member.deflated { 8 } else { 0 } || field(6, 2) & 1 != 0 {
            return Err(member.refuse("the header before its data gives another compression"));
        }
        let described_after = field(6, 2) & 8 != 0;
        let agrees = |at, value| [value, 0xffff_ffff].contains(&field(at, 4));
        let agrees = agrees(18, member.compressed) && agrees(22, member.size);
        if !(described_after || agrees) {
            return Err(member.refuse("the header before its data gives another size"));
        }
        let start = name_end + field(28, 2) as usize;
        let data = member.start + start as u64;
        if data + member.compressed > bound {
            return Err(member.refuse("its data overlaps with what comes after it"));
        }
        let from = start.min(there);
        let to = (there as u64).min(start as u64 + member.compressed) as usize;
        let offset = data.max(member.start + there as u64);
        let left = (data + member.compressed).saturating_sub(offset);
        Ok(Rest { from, to: to.max(from), offset, left })
    }

    /// Reads more input if there is none in the buffer; `false` at the end.
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

/// The content of an entry, checked against what the list says about it when it ends.
pub(super) struct Content<'i, 'a> {
    inflater: &'i mut Inflater<'a>,
    member: &'i Member,
    rest: Rest,
    crc: Crc,
    size: u64,
    ended: bool,
}

impl Content<'_, '_> {
    /// Fills the beginning of `output`; with nothing only at the end.
    pub(super) fn read(&mut self, output: &mut [u8]) -> Result<usize> {
        let mut produced = 0;
        while produced == 0 && !self.ended {
            produced = match self.member.deflated {
                true => self.inflate(output)?,
                false => self.copy(output)?,
            };
            self.size += produced as u64;
            if self.size > self.member.size {
                return Err(self.member.refuse("it unpacks to more bytes than it says"));
            }
            self.crc.update(&output[..produced]);
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
        Ok(count)
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
            return Err(self.member.refuse("something follows after its data"));
        }
        if !self.ended && consumed == 0 && produced == 0 {
            return Err(self.member.refuse("its data is cut short"));
        }
        Ok(produced)
    }

    fn check(&self) -> Result<()> {
        if self.size < self.member.size {
            return Err(self.member.refuse("it unpacks to fewer bytes than it says"));
        }
        if self.crc.sum() != self.member.crc {
            return Err(self.member.refuse("its checksum is not that of its content"));
        }
        Ok(())
    }
}

/// Fills `buffer` from a position, without the file's own, which threads would share.
pub(super) fn read_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> Result<()> {
    while !buffer.is_empty() {
        match read_some_at(file, buffer, offset) {
            Ok(0) => return Err(refusal::damaged("it is cut short")),
            Ok(count) => {
                buffer = &mut buffer[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(refusal::reading(&error)),
        }
    }
    Ok(())
}

#[cfg(unix)]
fn read_some_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_some_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}
