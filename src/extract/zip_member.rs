//! One entry of a zip: its header checked, its data inflated.

use std::fs::File;
use std::io;

use flate2::{Crc, Decompress, FlushDecompress, Status};
use zip::CompressionMethod;
use zip::read::ZipFileEntry;

use crate::error::{Error, Result};

use super::refusal;
use super::zip_end::number;

/// How much is read and inflated at a time.
const INPUT: usize = 64 * 1024;
const OUTPUT: usize = 256 * 1024;

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

/// Inflates entries with the same state and buffers for all.
pub(super) struct Inflater<'a> {
    file: &'a File,
    state: Decompress,
    input: Vec<u8>,
    output: Vec<u8>,
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
        let state = Decompress::new(false);
        Inflater { file, state, input: vec![0; INPUT], output: vec![0; OUTPUT] }
    }

    /// Hands the content of `member` to `sink`, piece by piece. `bound` is where its data must have
    /// ended.
    pub(super) fn inflate(
        &mut self,
        member: &Member,
        bound: u64,
        mut sink: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut rest = self.open(member, bound)?;
        let mut crc = Crc::new();
        let mut size = 0;
        let mut take = |piece: &[u8]| {
            size += piece.len() as u64;
            if size > member.size {
                return Err(member.refuse("it unpacks to more bytes than it says"));
            }
            crc.update(piece);
            sink(piece)
        };
        match member.deflated {
            true => self.deflated(member, &mut rest, &mut take)?,
            false => self.stored(&mut rest, &mut take)?,
        }
        if size < member.size {
            return Err(member.refuse("it unpacks to fewer bytes than it says"));
        }
        if crc.sum() != member.crc {
            return Err(member.refuse("its checksum is not that of its content"));
        }
        Ok(())
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

    fn stored(
        &mut self,
        rest: &mut Rest,
        take: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        while self.fill(rest)? {
            take(&self.input[rest.from..rest.to])?;
            rest.from = rest.to;
        }
        Ok(())
    }

    fn deflated(
        &mut self,
        member: &Member,
        rest: &mut Rest,
        take: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.state.reset(false);
        loop {
            self.fill(rest)?;
            let before = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .decompress(
                    &self.input[rest.from..rest.to],
                    &mut self.output,
                    FlushDecompress::None,
                )
                .map_err(|_| member.refuse("its data is damaged"))?;
            let consumed = (self.state.total_in() - before.0) as usize;
            let produced = (self.state.total_out() - before.1) as usize;
            rest.from += consumed;
            take(&self.output[..produced])?;
            match status {
                Status::StreamEnd if rest.from < rest.to || rest.left > 0 => {
                    return Err(member.refuse("something follows after its data"));
                }
                Status::StreamEnd => return Ok(()),
                _ if consumed == 0 && produced == 0 => {
                    return Err(member.refuse("its data is cut short"));
                }
                _ => {}
            }
        }
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
