//! Reads gzip: one member after another, as `cat a.gz b.gz` makes them (RFC 1952 section 2.2).

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use flate2::bufread::{DeflateDecoder, GzDecoder};

use super::input::Input;

/// A reader of gzip. Zeros may follow after the last member, as tapes and `dd` add them and gzip
/// itself ignores them; the crate's reader of several members reports them as a damaged member.
pub(super) struct GzipReader {
    /// The member that is being read; `None` at the end.
    member: Option<GzipMember<BufReader<Input>>>,
    /// The input before the first read.
    unread: Option<BufReader<Input>>,
}

impl GzipReader {
    pub(super) fn new(input: BufReader<Input>) -> GzipReader {
        GzipReader { member: None, unread: Some(input) }
    }
}

impl Read for GzipReader {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        if let Some(input) = self.unread.take() {
            self.member = Some(GzipMember::new(input)?);
        }
        while let Some(member) = &mut self.member {
            let count = member.read(output)?;
            if count > 0 || output.is_empty() {
                return Ok(count);
            }
            if let Some(ended) = self.member.take() {
                self.member = next_member(ended.finish()?)?;
            }
        }
        Ok(0)
    }
}

/// One member. `GzDecoder` parses its header; the checksum is computed here, because that of
/// `crc32fast` takes a third of the time.
struct GzipMember<R> {
    data: DeflateDecoder<R>,
    checksum: crc32fast::Hasher,
    /// The length of the content so far, modulo 2^32.
    length: u32,
}

impl<R: BufRead> GzipMember<R> {
    /// Reads the header.
    fn new(input: R) -> io::Result<GzipMember<R>> {
        let mut parsed = GzDecoder::new(input);
        if parsed.header().is_none() {
            // It returns the error now.
            parsed.read_exact(&mut [0])?;
        }
        let data = DeflateDecoder::new(parsed.into_inner());
        Ok(GzipMember { data, checksum: crc32fast::Hasher::new(), length: 0 })
    }

    /// Reads content; returns zero at its end.
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let count = self.data.read(output)?;
        self.checksum.update(&output[..count]);
        self.length = self.length.wrapping_add(count as u32);
        Ok(count)
    }

    /// Compares the content with the trailer (RFC 1952 section 2.3.1), and returns the input after
    /// it.
    fn finish(self) -> io::Result<R> {
        let mut input = self.data.into_inner();
        let mut trailer = [0; 8];
        input.read_exact(&mut trailer)?;
        let expected = u64::from(self.length) << 32 | u64::from(self.checksum.finalize());
        match u64::from_le_bytes(trailer) == expected {
            true => Ok(input),
            false => Err(io::Error::new(
                ErrorKind::InvalidData,
                "the checksum of the gzip data does not match its content",
            )),
        }
    }
}

fn next_member<R: BufRead>(mut input: R) -> io::Result<Option<GzipMember<R>>> {
    match input.fill_buf()? {
        [] => Ok(None),
        [0, ..] => only_zeros(input).map(|()| None),
        _ => GzipMember::new(input).map(Some),
    }
}

fn only_zeros(mut input: impl BufRead) -> io::Result<()> {
    loop {
        let there = input.fill_buf()?;
        let count = there.len();
        if there.iter().any(|&byte| byte != 0) {
            let reason = "other data follows after the gzip data";
            return Err(io::Error::new(ErrorKind::InvalidData, reason));
        }
        if count == 0 {
            return Ok(());
        }
        input.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const CONTENT: &[u8] = b"some content";

    fn packed() -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(CONTENT).unwrap();
        writer.finish().unwrap()
    }

    fn unpacked(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut member = GzipMember::new(bytes)?;
        let mut content = vec![0; 100];
        let count = member.read(&mut content)?;
        assert_eq!(member.read(&mut content)?, 0);
        member.finish()?;
        content.truncate(count);
        Ok(content)
    }

    #[test]
    fn each_damaged_byte_of_a_trailer_is_found() {
        let packed = packed();
        assert_eq!(unpacked(&packed).unwrap(), CONTENT);
        for at in packed.len() - 8..packed.len() {
            let mut damaged = packed.clone();
            damaged[at] ^= 1;
            let error = unpacked(&damaged).unwrap_err();
            assert!(error.to_string().contains("checksum"), "{at}: {error}");
        }
        for length in 0..packed.len() {
            assert!(unpacked(&packed[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_header_of_another_format_is_refused() {
        let mut packed = packed();
        packed[0] ^= 1;
        assert_eq!(unpacked(&packed).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
