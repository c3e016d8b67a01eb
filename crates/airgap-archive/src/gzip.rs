//! Reads gzip: one member after another, as `cat a.gz b.gz` makes them (RFC 1952 section 2.2).

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

use super::input::Input;

/// A reader of gzip. Zeros may follow after the last member, as tapes and `dd` add them and gzip
/// itself ignores them; the crate's reader of several members reports them as a damaged member.
pub(super) struct GzipReader(Option<GzDecoder<BufReader<Input>>>);

impl GzipReader {
    pub(super) fn new(input: BufReader<Input>) -> GzipReader {
        GzipReader(Some(GzDecoder::new(input)))
    }
}

impl Read for GzipReader {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.0 {
            let count = member.read(output)?;
            if count > 0 || output.is_empty() {
                return Ok(count);
            }
            if let Some(ended) = self.0.take() {
                self.0 = next_member(ended.into_inner())?;
            }
        }
        Ok(0)
    }
}

fn next_member(mut input: BufReader<Input>) -> io::Result<Option<GzDecoder<BufReader<Input>>>> {
    match input.fill_buf()? {
        [] => Ok(None),
        [0, ..] => only_zeros(input).map(|()| None),
        _ => Ok(Some(GzDecoder::new(input))),
    }
}

fn only_zeros(mut input: BufReader<Input>) -> io::Result<()> {
    loop {
        let there = input.fill_buf()?;
        let count = there.len();
        if there.iter().any(|&byte| byte != 0) {
            let reason = "other data follows after the gzip data";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        if count == 0 {
            return Ok(());
        }
        input.consume(count);
    }
}
