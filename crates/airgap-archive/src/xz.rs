//! Reads xz: one stream after another, as `cat a.xz b.xz` makes them.

use std::io::{self, BufRead, BufReader, Read};
use std::thread;

use liblzma::stream::{Action, Error, MtStreamBuilder, Status, Stream};

use super::input::Input;
use super::threads;

/// The largest number of threads. More of them only take more memory: the writer cannot keep up.
const MOST_THREADS: usize = 4;

/// A reader of xz, which inflates the blocks of a stream in parallel if it has several and the
/// memory suffices.
pub(super) struct XzReader {
    input: BufReader<Input>,
    stream: Option<Stream>,
    memory: u64,
    /// The number of streams that have ended.
    streams: u64,
}

impl XzReader {
    /// Creates a reader that takes at most `memory` bytes.
    pub(super) fn new(input: BufReader<Input>, memory: u64) -> XzReader {
        XzReader { input, stream: None, memory, streams: 0 }
    }

    /// Begins the next stream, if there is one.
    fn next_stream(&mut self) -> io::Result<Option<Stream>> {
        let padding = self.skip_padding()?;
        if self.streams > 0 && padding % 4 != 0 {
            return Err(invalid("the padding after an xz stream is not a multiple of four"));
        }
        if self.input.fill_buf()?.is_empty() && self.streams > 0 {
            return Ok(None);
        }
        if !threads::start() {
            return Ok(Some(Stream::new_stream_decoder(self.memory, 0)?));
        }
        let threads = thread::available_parallelism().map_or(1, |n| n.get().min(MOST_THREADS));
        let stream = MtStreamBuilder::new()
            .threads(threads as u32)
            .memlimit_threading(self.memory)
            .memlimit_stop(self.memory)
            .decoder()?;
        Ok(Some(stream))
    }

    /// Skips the zero bytes that may stand between streams, and returns their number.
    fn skip_padding(&mut self) -> io::Result<u64> {
        let mut padding = 0;
        loop {
            let there = self.input.fill_buf()?;
            let zeros = there.iter().take_while(|&&byte| byte == 0).count();
            let more = zeros == there.len() && zeros > 0;
            self.input.consume(zeros);
            padding += zeros as u64;
            if !more {
                return Ok(padding);
            }
        }
    }
}

impl Read for XzReader {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.stream.is_none() {
                self.stream = self.next_stream()?;
            }
            let Some(stream) = &mut self.stream else { return Ok(0) };
            let input = self.input.fill_buf()?;
            let at_end = input.is_empty();
            let action = if at_end { Action::Finish } else { Action::Run };
            let (before_in, before_out) = (stream.total_in(), stream.total_out());
            let status =
                stream.process(input, output, action).map_err(|e| explain(e, self.memory))?;
            let produced = (stream.total_out() - before_out) as usize;
            let consumed = (stream.total_in() - before_in) as usize;
            let stuck = at_end && produced == 0;
            self.input.consume(consumed);
            if status == Status::StreamEnd {
                self.stream = None;
                self.streams += 1;
            } else if stuck {
                return Err(invalid("it is cut short"));
            }
            if produced > 0 {
                return Ok(produced);
            }
        }
    }
}

fn explain(error: Error, memory: u64) -> io::Error {
    match error {
        Error::MemLimit => {
            invalid(&format!("unpacking it takes more than {} MiB of memory", memory >> 20))
        }
        Error::Data | Error::Format => invalid("the xz data is not valid"),
        other => io::Error::other(other),
    }
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_owned())
}
