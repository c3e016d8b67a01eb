//! A second thread that creates small files.
//!
//! Creating a small file takes longer than inflating it, so one thread cannot create them as fast
//! as the data arrives. They are gathered into batches. A batch goes to the other thread if it is
//! free; if not, or if there is none, the thread that gathered it creates its files.

use std::io::Write;
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use airgap_core::error::{Context, Error, Result};

use super::decoder_thread::DecodedStream;
use super::entry_path::EntryPath;
use super::refusal;
use super::threads;
use super::tree::TreeWriter;

/// The largest size in bytes of a file in a batch; for larger files the copy costs more than it
/// saves.
pub(super) const SMALL: u64 = 64 * 1024;

/// The size in bytes at which a batch ends with its folder, as two threads in one folder wait for
/// each other. At twice this size it ends in any case.
const BYTES: usize = 256 * 1024;
const FILES: usize = 64;

/// The number of batches that wait for the other thread or are with it. This bounds the memory, to
/// about 4 MB. With fewer of them a processor is idle at times.
const BATCHES: usize = 8;

/// Small files with their content, one after another.
#[derive(Default)]
struct Batch {
    files: Vec<(EntryPath, bool, Range<usize>)>,
    bytes: Vec<u8>,
}

/// The small files, as the thread that reads the archive sees them.
pub(super) struct SmallFiles {
    /// The channel to the other thread, if the system provided one.
    jobs: Option<SyncSender<Batch>>,
    done: Receiver<Result<Batch>>,
    /// The number of batches with the other thread.
    out: usize,
    spare: Vec<Batch>,
    current: Batch,
}

/// Runs `lead` with a second thread that creates files through `tree`.
pub(super) fn with<T>(
    mut tree: TreeWriter,
    lead: impl FnOnce(&mut SmallFiles) -> Result<T>,
) -> Result<T> {
    let (jobs, jobs_out) = sync_channel::<Batch>(BATCHES);
    let (done_in, done) = sync_channel(BATCHES);
    thread::scope(|scope| {
        let work = move || {
            for batch in jobs_out {
                if done_in.send(batch.write(&mut tree)).is_err() {
                    return;
                }
            }
        };
        let is_started = threads::can_start_threads() && {
            let thread = thread::Builder::new().name("write".to_owned());
            thread.spawn_scoped(scope, work).is_ok()
        };
        let jobs = is_started.then_some(jobs);
        let (spare, current) = (Vec::new(), Batch::default());
        lead(&mut SmallFiles { jobs, done, out: 0, spare, current })
    })
}

impl SmallFiles {
    /// Takes a file of up to [`SMALL`] bytes, which are the next bytes of `stream`.
    pub(super) fn file(
        &mut self,
        path: EntryPath,
        executable: bool,
        size: u64,
        stream: &mut DecodedStream<'_>,
        tree: &mut TreeWriter,
    ) -> Result<()> {
        if self.current.ends_before(&path) {
            self.dispatch(tree)?;
        }
        let Batch { files, bytes } = &mut self.current;
        let start = bytes.len();
        stream.pass(size, |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })?;
        files.push((path, executable, start..bytes.len()));
        Ok(())
    }

    /// Waits until all files so far are created.
    pub(super) fn finish(&mut self, tree: &mut TreeWriter) -> Result<()> {
        let last = std::mem::take(&mut self.current);
        let last = last.write(tree)?;
        self.spare.push(last);
        while self.out > 0 {
            let batch = self.done.recv().map_err(|_| stopped())??;
            self.out -= 1;
            self.spare.push(batch);
        }
        Ok(())
    }

    fn dispatch(&mut self, tree: &mut TreeWriter) -> Result<()> {
        while let Ok(batch) = self.done.try_recv() {
            self.out -= 1;
            self.spare.push(batch?);
        }
        let next = self.spare.pop().unwrap_or_default();
        let batch = std::mem::replace(&mut self.current, next);
        if let Some(jobs) = self.jobs.as_ref().filter(|_| self.out < BATCHES) {
            self.out += 1;
            return jobs.send(batch).map_err(|_| stopped());
        }
        let batch = batch.write(tree)?;
        self.spare.push(batch);
        Ok(())
    }
}

impl Batch {
    fn ends_before(&self, next: &EntryPath) -> bool {
        let has = |times| self.bytes.len() >= times * BYTES || self.files.len() >= times * FILES;
        let same_folder =
            self.files.last().is_some_and(|(last, ..)| last.parent() == next.parent());
        has(2) || (has(1) && !same_folder)
    }

    /// Creates the files, and returns the batch empty.
    fn write(mut self, tree: &mut TreeWriter) -> Result<Batch> {
        for (path, executable, range) in self.files.drain(..) {
            tree.file(&path, executable)?
                .write_all(&self.bytes[range])
                .doing(|| format!("write `{}`", path.as_str()))?;
        }
        self.bytes.clear();
        Ok(self)
    }
}

fn stopped() -> Error {
    refusal::damaged("its writer stopped")
}
