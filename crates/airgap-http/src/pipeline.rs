//! A pipeline: one thread reads the bytes, one hashes them, one writes them.
//!
//! The buffers are reused, so that memory stays constant and a slow disk slows the network down
//! instead of filling the memory. If the system has no thread left, one thread does all three.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use airgap_core::digest::Hasher;
use airgap_core::workers;

/// The size of a buffer in bytes. Smaller ones cost more in thread switches than they gain.
const BUFFER_SIZE: usize = 256 * 1024;

/// The most buffers in use.
const BUFFER_COUNT: usize = 8;

/// The reason why the pipeline stopped early.
#[derive(Debug)]
pub(crate) enum PipelineError {
    /// The source failed.
    Read(io::Error),
    /// The destination failed.
    Write(io::Error),
    /// The source has more bytes than allowed.
    TooMuch,
}

/// Hashes and writes all bytes of `source`, at most `most`, and adds up in `length` the bytes that
/// arrived, even if it stops early, so that the next attempt can resume there.
pub(crate) fn hash_and_write(
    source: &mut dyn Read,
    file: Option<&mut File>,
    hasher: &mut Hasher,
    length: &mut u64,
    most: u64,
    progress: &dyn Fn(u64),
) -> Result<(), PipelineError> {
    let start = *length;
    let mut source = LimitedReader { source, total: 0, most };
    let progress = |count| progress(start + count);
    let mut file = file;
    let result = thread::scope(|scope| {
        let (to_hash, hashing) = mpsc::channel();
        let (to_write, writing) = mpsc::channel();
        let (empty, empties) = mpsc::channel();
        for _ in 0..BUFFER_COUNT {
            let _ = empty.send(Vec::new());
        }
        let (hasher, length, file) = (&mut *hasher, &mut *length, file.as_deref_mut());
        workers::spawn(scope, "hash", move || hash(hashing, to_write, hasher, length)).ok()?;
        let writer = workers::spawn(scope, "write", move || write(writing, empty, file)).ok()?;
        let read = read(&mut source, empties, to_hash, progress);
        // A failed write makes the reader stop too, and is the reason to return.
        Some(match writer.join() {
            Ok(Ok(())) => read,
            Ok(Err(error)) => Err(PipelineError::Write(error)),
            Err(panic) => std::panic::resume_unwind(panic),
        })
    });
    result.unwrap_or_else(|| hash_and_write_inline(&mut source, file, hasher, length, progress))
}

/// Hashes and writes in the calling thread.
fn hash_and_write_inline(
    source: &mut LimitedReader<'_>,
    mut file: Option<&mut File>,
    hasher: &mut Hasher,
    length: &mut u64,
    progress: impl Fn(u64),
) -> Result<(), PipelineError> {
    let mut buffer = Vec::new();
    loop {
        let end = source.fill(&mut buffer, &progress);
        hasher.update(&buffer);
        *length += buffer.len() as u64;
        if let Some(file) = &mut file {
            file.write_all(&buffer).map_err(PipelineError::Write)?;
        }
        if let Some(end) = end {
            return end;
        }
    }
}

/// A source with the number of bytes that were read from it.
struct LimitedReader<'a> {
    source: &'a mut dyn Read,
    total: u64,
    most: u64,
}

impl LimitedReader<'_> {
    /// Fills a buffer, which is shorter at the end of the source. Returns the result at the end.
    fn fill(
        &mut self,
        buffer: &mut Vec<u8>,
        progress: impl Fn(u64),
    ) -> Option<Result<(), PipelineError>> {
        buffer.resize(BUFFER_SIZE, 0);
        let mut filled = 0;
        let end = loop {
            if self.total > self.most {
                break Some(Err(PipelineError::TooMuch));
            }
            if filled == BUFFER_SIZE {
                break None;
            }
            // One byte more than allowed is requested, to detect a longer source.
            let room =
                (self.most - self.total).saturating_add(1).min((BUFFER_SIZE - filled) as u64);
            match self.source.read(&mut buffer[filled..filled + room as usize]) {
                Ok(0) => break Some(Ok(())),
                Ok(count) => {
                    filled += count;
                    self.total += count as u64;
                    progress(self.total);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(Err(PipelineError::Read(error))),
            }
        };
        buffer.truncate(filled);
        end
    }
}

fn read(
    source: &mut LimitedReader<'_>,
    empties: Receiver<Vec<u8>>,
    to_hash: Sender<Vec<u8>>,
    progress: impl Fn(u64),
) -> Result<(), PipelineError> {
    // `recv` fails when the writer has stopped.
    while let Ok(mut buffer) = empties.recv() {
        let end = source.fill(&mut buffer, &progress);
        // The bytes that arrived before an error are kept.
        let _ = to_hash.send(buffer);
        if let Some(end) = end {
            return end;
        }
    }
    Ok(())
}

fn hash(
    buffers: Receiver<Vec<u8>>,
    to_write: Sender<Vec<u8>>,
    hasher: &mut Hasher,
    length: &mut u64,
) {
    for buffer in buffers {
        hasher.update(&buffer);
        *length += buffer.len() as u64;
        if to_write.send(buffer).is_err() {
            return;
        }
    }
}

fn write(
    buffers: Receiver<Vec<u8>>,
    empty: Sender<Vec<u8>>,
    mut file: Option<&mut File>,
) -> io::Result<()> {
    for buffer in buffers {
        if let Some(file) = &mut file {
            file.write_all(&buffer)?;
        }
        let _ = empty.send(buffer);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use airgap_core::digest::Digest;

    fn run(source: &mut dyn Read, most: u64) -> (Result<(), PipelineError>, Vec<u8>, Digest, u64) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let (mut hasher, mut length) = (Hasher::default(), 0);
        let file_mut = Some(file.as_file_mut());
        let result = hash_and_write(source, file_mut, &mut hasher, &mut length, most, &|_| {});
        (result, std::fs::read(file.path()).unwrap(), hasher.finish(), length)
    }

    fn some_bytes(count: usize) -> Vec<u8> {
        (0..count).map(|i| (i * 7 + i / 251) as u8).collect()
    }

    #[test]
    fn content_of_any_size_arrives_whole() {
        for size in [0, 1, BUFFER_SIZE - 1, BUFFER_SIZE, BUFFER_SIZE + 1, 20 * BUFFER_SIZE + 17] {
            let bytes = some_bytes(size);
            let (result, written, digest, length) = run(&mut bytes.as_slice(), u64::MAX - 1);
            assert!(result.is_ok());
            assert!(written == bytes);
            assert_eq!((digest, length), (Digest::compute(&bytes), size as u64));
        }
    }

    #[test]
    fn bytes_before_an_error_are_kept() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let bytes = some_bytes(BUFFER_SIZE + 5);
        let (result, written, digest, length) = run(&mut bytes.as_slice().chain(Broken), 1 << 30);
        assert!(matches!(result, Err(PipelineError::Read(_))), "{result:?}");
        assert!(written == bytes);
        assert_eq!((digest, length), (Digest::compute(&bytes), bytes.len() as u64));
    }

    #[test]
    fn a_single_thread_gives_the_same_result() {
        for (size, most) in [
            (0, 9),
            (BUFFER_SIZE, BUFFER_SIZE),
            (3 * BUFFER_SIZE + 17, 1 << 30),
            (BUFFER_SIZE, 1000),
        ] {
            let bytes = some_bytes(size);
            let mut file = tempfile::NamedTempFile::new().unwrap();
            let (mut hasher, mut length) = (Hasher::default(), 0);
            let mut reader = bytes.as_slice();
            let mut source = LimitedReader { source: &mut reader, total: 0, most: most as u64 };
            let out = Some(file.as_file_mut());
            let result = hash_and_write_inline(&mut source, out, &mut hasher, &mut length, |_| {});
            assert_eq!(result.is_ok(), size <= most, "{size} of {most}: {result:?}");
            let arrived = &bytes[..size.min(most + 1)];
            assert!(std::fs::read(file.path()).unwrap() == arrived);
            assert_eq!((hasher.finish(), length), (Digest::compute(arrived), arrived.len() as u64));
        }
    }

    #[test]
    fn content_over_the_size_limit_is_refused() {
        let bytes = some_bytes(BUFFER_SIZE);
        assert!(run(&mut bytes.as_slice(), BUFFER_SIZE as u64).0.is_ok());
        let (result, ..) = run(&mut bytes.as_slice(), BUFFER_SIZE as u64 - 1);
        assert!(matches!(result, Err(PipelineError::TooMuch)), "{result:?}");
        assert!(matches!(run(&mut io::repeat(1), 10).0, Err(PipelineError::TooMuch)));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_stops_an_endless_source() {
        let mut full = File::options().write(true).open("/dev/full").unwrap();
        let (mut hasher, mut length) = (Hasher::default(), 0);
        let most = 1 << 40;
        let source = &mut io::repeat(1);
        let result =
            hash_and_write(source, Some(&mut full), &mut hasher, &mut length, most, &|_| {});
        let Err(PipelineError::Write(error)) = result else { panic!("{result:?}") };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
