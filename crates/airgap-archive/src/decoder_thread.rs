//! A decoder in a thread of its own, so that inflating and writing happen at the same time.
//!
//! ```text
//! decoder --full buffers--> consumer
//!         <--empty buffers--
//! ```
//!
//! The number of buffers is fixed, so they bound the data in memory. If the system provides no
//! thread, or too little address space, the consumer calls the decoder itself, with one buffer.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use airgap_core::error::{Error, Result};

use super::refusal;
use super::threads::can_start_threads;

/// The size of a buffer in bytes, and the number of buffers.
const BUFFER: usize = 512 * 1024;
const BUFFERS: usize = 4;

/// Runs `consume` on the output of `source`. When it returns, the thread ends, too.
pub(super) fn decode_in_thread<T>(
    source: impl FnMut(&mut [u8]) -> Result<usize> + Send,
    consume: impl FnOnce(&mut DecodedStream<'_>) -> Result<T>,
) -> Result<T> {
    let (full_in, full) = sync_channel(BUFFERS);
    let (empty, empty_out) = sync_channel(BUFFERS);
    // Used by the thread, or by the consumer if there is no thread.
    let source = Mutex::new(source);
    let lock = || source.lock().unwrap_or_else(PoisonError::into_inner);
    thread::scope(|scope| {
        let decode = || pump(&mut *lock(), full_in, empty_out);
        let mut inline;
        let is_started = can_start_threads() && {
            let thread = thread::Builder::new().name("inflate".to_owned());
            thread.spawn_scoped(scope, decode).is_ok()
        };
        let supply = match is_started {
            true => {
                for _ in 0..BUFFERS {
                    // The channel has room for all of them.
                    let _ = empty.send(Buffer::new());
                }
                Supply::Thread { full, empty }
            }
            false => {
                inline = lock();
                Supply::Inline { source: &mut *inline, failed: None }
            }
        };
        consume(&mut DecodedStream { supply, current: None, position: 0 })
    })
}

struct Buffer {
    bytes: Box<[u8]>,
    filled: usize,
}

impl Buffer {
    fn new() -> Buffer {
        Buffer { bytes: vec![0; BUFFER].into_boxed_slice(), filled: 0 }
    }
}

/// Fills buffers until the source ends or fails, or the consumer is gone. An empty buffer marks the
/// end.
fn pump(
    mut source: impl FnMut(&mut [u8]) -> Result<usize>,
    full: SyncSender<Result<Buffer>>,
    empty: Receiver<Buffer>,
) {
    while let Ok(mut buffer) = empty.recv() {
        let result = fill(&mut source, &mut buffer);
        let at_end = buffer.filled == 0;
        // The data before a failure is still checked: it may give the better reason.
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

/// The consumer's side of the pipe.
pub(super) struct DecodedStream<'a> {
    supply: Supply<'a>,
    current: Option<Buffer>,
    position: usize,
}

/// The source of full buffers.
enum Supply<'a> {
    Thread { full: Receiver<Result<Buffer>>, empty: SyncSender<Buffer> },
    Inline { source: &'a mut dyn FnMut(&mut [u8]) -> Result<usize>, failed: Option<Error> },
}

impl Supply<'_> {
    /// Takes a used buffer back, and returns a full one.
    fn next(&mut self, used: Option<Buffer>) -> Result<Buffer> {
        match self {
            Supply::Thread { full, empty } => {
                if let Some(buffer) = used {
                    // The decoder may have ended already.
                    let _ = empty.send(buffer);
                }
                full.recv().unwrap_or_else(|_| Err(refusal::damaged("its decoder stopped")))
            }
            Supply::Inline { failed: Some(error), .. } => Err(error.clone()),
            Supply::Inline { source, failed } => {
                let mut buffer = used.unwrap_or_else(Buffer::new);
                match fill(source, &mut buffer) {
                    Err(error) if buffer.filled == 0 => Err(error),
                    result => {
                        *failed = result.err();
                        Ok(buffer)
                    }
                }
            }
        }
    }
}

impl DecodedStream<'_> {
    /// Returns the available bytes, at least one; none at the end.
    pub(super) fn fill(&mut self) -> Result<&[u8]> {
        if self.left() == 0 && !self.at_end() {
            let used = self.current.take();
            self.current = Some(self.supply.next(used)?);
            self.position = 0;
        }
        Ok(self.current.as_ref().map_or(&[], |buffer| &buffer.bytes[self.position..buffer.filled]))
    }

    /// Marks `count` bytes as used.
    pub(super) fn consume(&mut self, count: usize) {
        self.position += count;
    }

    /// Fills `block`, and returns the number of bytes that were filled.
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

    /// Passes the next `size` bytes to `take`, straight from the decoder's buffers.
    pub(super) fn pass(
        &mut self,
        size: u64,
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut left = size;
        while left > 0 {
            let there = self.fill()?;
            if there.is_empty() {
                return Err(refusal::damaged("it is cut short"));
            }
            let count = there.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            take(&there[..count])?;
            self.consume(count);
            left -= count as u64;
        }
        Ok(())
    }

    /// Passes all remaining bytes to `write`.
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
