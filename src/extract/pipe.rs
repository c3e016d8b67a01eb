//! A decoder in a thread of its own, so that inflating and writing happen at the same time.
//!
//! ```text
//! decoder --full buffers--> consumer
//!         <--empty buffers--
//! ```
//!
//! The buffers are all the data that is ever in memory: there are as many as are made here.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use flate2::bufread::MultiGzDecoder;

use crate::artifact::ArchiveType;
use crate::error::{Context, Result};

use super::limits::Limits;
use super::refusal;
use super::unxz::Unxz;
use super::unzstd::Unzstd;

/// The size of a buffer and how many there are.
const BUFFER: usize = 256 * 1024;
const BUFFERS: usize = 6;

/// How much of the archive is read at a time.
const INPUT: usize = 256 * 1024;

/// What fills the beginning of a buffer and says how much of it, which is nothing at the end.
type Fill<'a> = Box<dyn FnMut(&mut [u8]) -> Result<usize> + Send + 'a>;

/// The decoder for a compressed tar.
pub(super) fn decoder(archive: ArchiveType, file: File, limits: &Limits) -> Fill<'static> {
    let input = BufReader::with_capacity(INPUT, file);
    let mut decoder: Box<dyn Read + Send> = match archive {
        ArchiveType::TarXz => Box::new(Unxz::new(input, limits.memory)),
        ArchiveType::TarZst => Box::new(Unzstd::new(input, limits.memory)),
        _ => Box::new(MultiGzDecoder::new(input)),
    };
    Box::new(move |buffer| {
        loop {
            match decoder.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map_err(|error| refusal::reading(&error)),
            }
        }
    })
}

/// Runs `consume` on what comes out of `source`. When it returns, the thread ends, too.
pub(super) fn through<T>(
    source: impl FnMut(&mut [u8]) -> Result<usize> + Send,
    consume: impl FnOnce(&mut Stream) -> Result<T>,
) -> Result<T> {
    let (full_in, full) = sync_channel(BUFFERS);
    let (empty, empty_out) = sync_channel(BUFFERS);
    for _ in 0..BUFFERS {
        // There is room for all of them.
        let _ = empty.send(Buffer { bytes: vec![0; BUFFER].into_boxed_slice(), filled: 0 });
    }
    thread::scope(|scope| {
        thread::Builder::new()
            .name("inflate".to_owned())
            .spawn_scoped(scope, move || pump(source, &full_in, &empty_out))
            .doing(|| "start a thread".to_owned())?;
        let mut stream = Stream { full, empty, current: None, position: 0 };
        consume(&mut stream)
    })
}

struct Buffer {
    bytes: Box<[u8]>,
    filled: usize,
}

/// Fills buffers until the source ends, fails, or nobody wants more. An empty one is the end.
fn pump(
    mut source: impl FnMut(&mut [u8]) -> Result<usize>,
    full: &SyncSender<Result<Buffer>>,
    empty: &Receiver<Buffer>,
) {
    while let Ok(mut buffer) = empty.recv() {
        let result = fill(&mut source, &mut buffer);
        let at_end = buffer.filled == 0;
        // What came before a failure is worth judging: its reason may be the better one.
        let useful = result.is_ok() || !at_end;
        if useful && full.send(Ok(buffer)).is_err() {
            return;
        }
        if let Err(error) = result {
            let _ = full.send(Err(error));
            return;
        }
        if at_end {
            return;
        }
    }
}

fn fill(source: &mut impl FnMut(&mut [u8]) -> Result<usize>, buffer: &mut Buffer) -> Result<()> {
    buffer.filled = 0;
    while buffer.filled < buffer.bytes.len() {
        match source(&mut buffer.bytes[buffer.filled..])? {
            0 => break,
            count => buffer.filled += count,
        }
    }
    Ok(())
}

/// The consumer's end.
pub(super) struct Stream {
    full: Receiver<Result<Buffer>>,
    empty: SyncSender<Buffer>,
    current: Option<Buffer>,
    position: usize,
}

impl Stream {
    /// What is there, at least one byte; nothing at the end.
    pub(super) fn fill(&mut self) -> Result<&[u8]> {
        if self.left() == 0 && !self.at_end() {
            if let Some(buffer) = self.current.take() {
                // The decoder may have ended already.
                let _ = self.empty.send(buffer);
            }
            match self.full.recv() {
                Ok(next) => self.current = Some(next?),
                Err(_) => return Err(refusal::damaged("its decoder stopped")),
            }
            self.position = 0;
        }
        Ok(self.current.as_ref().map_or(&[], |buffer| &buffer.bytes[self.position..buffer.filled]))
    }

    /// Says that this much of it was used.
    pub(super) fn consume(&mut self, count: usize) {
        self.position += count;
    }

    /// Fills `block`, and says how much of it could be filled.
    pub(super) fn read(&mut self, block: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < block.len() {
            let there = self.fill()?;
            if there.is_empty() {
                break;
            }
            let count = there.len().min(block.len() - filled);
            block[filled..filled + count].copy_from_slice(&there[..count]);
            self.consume(count);
            filled += count;
        }
        Ok(filled)
    }

    /// Hands all that comes to `write`.
    pub(super) fn drain(&mut self, mut write: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        loop {
            let there = self.fill()?;
            let count = there.len();
            if count == 0 {
                return Ok(());
            }
            write(there)?;
            self.consume(count);
        }
    }

    fn left(&self) -> usize {
        self.current.as_ref().map_or(0, |buffer| buffer.filled - self.position)
    }

    fn at_end(&self) -> bool {
        self.current.as_ref().is_some_and(|buffer| buffer.filled == 0)
    }
}
