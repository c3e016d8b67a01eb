//! Writes the parts of a bundle. Contents are read and hashed in one thread, the parts are hashed
//! and written in another.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::mem;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use airgap_core::digest::{Digest, Hasher};
use airgap_core::error::{Context, Error, ErrorKind, Result};
use airgap_core::folder::uninterrupted;
use airgap_core::rooted::RootedPath;
use airgap_core::store::{Mode, Partial};
use airgap_core::workers;

use super::arrangement::{Part, Piece};
use super::content::Reader;
use super::line::Range;
use super::part_name;
use super::source::Source;
use super::tar;

/// The number of bytes that are read and written at a time, and the number of such chunks in the
/// queue.
const CHUNK: usize = 1 << 20;
const MOST_WAITING: usize = 4;

/// The result of writing: the digests of the parts, and the ranges of the contents that were cut.
pub(super) struct Written {
    pub(super) parts: Vec<Digest>,
    pub(super) ranges: HashMap<usize, Vec<Range>>,
}

/// Writes the parts into a folder. `bodies` are the contents that the arrangement counts.
///
/// # Errors
/// Integrity, if a file has another digest or size than its list; those of the file system.
pub(super) fn write(
    folder: &RootedPath,
    bundle: &Digest,
    parts: &[Part],
    bodies: &[&Source],
) -> Result<Written> {
    let (steps, received) = sync_channel(MOST_WAITING);
    let (spare, spares) = channel();
    std::thread::scope(|scope| {
        let written = workers::spawn(scope, "parts", move || write_parts(&received, &spare));
        let written = written.doing(|| format!("start a thread that writes `{folder}`"))?;
        let mut feed = Feed { steps, spares, chunk: Vec::with_capacity(CHUNK) };
        let mut reading = Reading { bodies, open: None, ranges: HashMap::new() };
        let fed = feed_all(&mut feed, &mut reading, (folder, bundle), parts);
        drop(feed);
        let parts = written.join().unwrap_or_else(|_| Err(stopped()))?;
        fed?;
        Ok(Written { parts, ranges: reading.ranges })
    })
}

fn feed_all(
    feed: &mut Feed,
    reading: &mut Reading<'_>,
    (folder, bundle): (&RootedPath, &Digest),
    parts: &[Part],
) -> Result<()> {
    for (part, number) in parts.iter().zip(1..) {
        let partial = Partial::create(&folder.join(&part_name(number)))?;
        feed.send(Step::Begin(Box::new(partial)))?;
        feed.push(&tar::beginning(bundle, number))?;
        for piece in &part.pieces {
            reading.copy(piece, number, feed)?;
        }
        feed.push(&[0; tar::END as usize])?;
        feed.flush()?;
        feed.send(Step::End)?;
    }
    Ok(())
}

/// A step of the thread that writes.
enum Step {
    /// Begins a part.
    Begin(Box<Partial>),
    /// Continues it.
    Bytes(Vec<u8>),
    /// Ends it.
    End,
}

/// Performs the steps, and returns the digests of the parts.
fn write_parts(steps: &Receiver<Step>, spare: &Sender<Vec<u8>>) -> Result<Vec<Digest>> {
    let mut digests = Vec::new();
    let mut current: Option<(Box<Partial>, Hasher)> = None;
    for step in steps {
        match (step, current.take()) {
            (Step::Begin(partial), _) => current = Some((partial, Hasher::default())),
            (Step::Bytes(bytes), Some((mut partial, mut hasher))) => {
                let path = partial.destination().clone();
                partial.file().write_all(&bytes).doing(|| format!("write `{path}`"))?;
                hasher.update(&bytes);
                let _ = spare.send(bytes);
                current = Some((partial, hasher));
            }
            (Step::End, Some((partial, hasher))) => {
                partial.place(Mode::Plain)?;
                digests.push(hasher.finish());
            }
            (Step::Bytes(_) | Step::End, None) => return Err(stopped()),
        }
    }
    Ok(digests)
}

/// The queue of bytes for the thread that writes.
struct Feed {
    steps: SyncSender<Step>,
    spares: Receiver<Vec<u8>>,
    chunk: Vec<u8>,
}

impl Feed {
    fn send(&self, step: Step) -> Result<()> {
        // The thread has ended because of an error, which its result has.
        self.steps.send(step).map_err(|_| stopped())
    }

    fn push(&mut self, bytes: &[u8]) -> Result<()> {
        if self.chunk.len() + bytes.len() > CHUNK {
            self.flush()?;
        }
        self.chunk.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let mut next = self.spares.try_recv().unwrap_or_else(|_| Vec::with_capacity(CHUNK));
        next.clear();
        let full = mem::replace(&mut self.chunk, next);
        self.send(Step::Bytes(full))
    }

    /// Reads up to `most` bytes into the chunk, and returns them.
    fn read(&mut self, reader: &mut Reader, most: u64) -> Result<std::io::Result<&[u8]>> {
        if self.chunk.len() == CHUNK {
            self.flush()?;
        }
        let start = self.chunk.len();
        let count = most.min((CHUNK - start) as u64) as usize;
        self.chunk.resize(start + count, 0);
        let found = uninterrupted(|| reader.read(&mut self.chunk[start..]));
        self.chunk.truncate(start + found.as_ref().map_or(0, |count| *count));
        Ok(found.map(|_| &self.chunk[start..]))
    }
}

/// The content that is being read, over all its ranges.
struct Reading<'a> {
    bodies: &'a [&'a Source],
    open: Option<(Reader, Hasher, u64)>,
    ranges: HashMap<usize, Vec<Range>>,
}

impl Reading<'_> {
    fn copy(&mut self, piece: &Piece, part: u32, feed: &mut Feed) -> Result<()> {
        let source = self.bodies[piece.body];
        feed.push(&tar::header(&piece.name, piece.size, source.line.executable))?;
        let (mut reader, mut hasher, done) = match self.open.take() {
            Some(open) => open,
            None => (source.content.open()?, Hasher::default(), 0),
        };
        let is_cut = piece.size < source.line.size;
        let mut range = is_cut.then(Hasher::default);
        let mut left = piece.size;
        while left > 0 {
            let shown = source.content.shown(&source.line.path);
            let bytes = feed.read(&mut reader, left)?.doing(|| format!("read `{shown}`"))?;
            if bytes.is_empty() {
                return Err(changed(source));
            }
            hasher.update(bytes);
            range.iter_mut().for_each(|range| range.update(bytes));
            left -= bytes.len() as u64;
        }
        feed.push(&vec![0; (tar::padded(piece.size) - piece.size) as usize])?;
        if let Some(range) = range {
            let (offset, size, sha256) = (piece.offset, piece.size, range.finish());
            let ranges = self.ranges.entry(piece.body).or_default();
            ranges.push(Range { part, offset, size, sha256 });
        }
        match done + piece.size == source.line.size {
            true => end(source, &mut reader, hasher),
            false => {
                self.open = Some((reader, hasher, done + piece.size));
                Ok(())
            }
        }
    }
}

/// Checks that the content ends here and is the listed one.
fn end(source: &Source, reader: &mut Reader, hasher: Hasher) -> Result<()> {
    let shown = source.content.shown(&source.line.path);
    let more = uninterrupted(|| reader.read(&mut [0])).doing(|| format!("read `{shown}`"))?;
    match more == 0 && hasher.finish() == source.line.sha256 {
        true => Ok(()),
        false => Err(changed(source)),
    }
}

fn changed(source: &Source) -> Error {
    let shown = source.content.shown(&source.line.path);
    Error::integrity(format!("`{shown}` has another digest or size than its list"))
        .fact("expected", format!("sha256:{}, {} bytes", source.line.sha256, source.line.size))
        .hint("check the whole folder with `wasm-airgap verify`, and vendor or copy it again")
}

fn stopped() -> Error {
    Error::new(ErrorKind::Failed, "the thread that writes the parts has stopped")
}
