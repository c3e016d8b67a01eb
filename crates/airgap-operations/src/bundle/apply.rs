//! Applies a bundle to a vendor folder.

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use serde::Serialize;

use airgap_core::digest::{Digest, Hasher};
use airgap_core::error::{Context, Error, ErrorKind, Result};
use airgap_core::folder::uninterrupted;
use airgap_core::free_space;
use airgap_core::read;
use airgap_core::report::Report;
use airgap_core::rooted::RootedPath;
use airgap_core::workers;

use super::create::not_enough;
use super::index;
use super::line::Line;
use super::merge::{self, Lists};
use super::opened::{Bundle, Slice};
use super::publish::{FolderDiff, Goal};
use super::staged::{Ended, Staged, Unfinished};
use super::waiting;
use crate::outside;

/// The number of bytes that are read at a time, and the number of such chunks and of files in
/// queues.
const CHUNK: usize = 1 << 20;
const MOST_WAITING: usize = 4;
const MOST_FILES_WAITING: usize = 16;

/// The number of missing files that are named.
const MOST_NAMED: usize = 20;

/// The number of parts that are checked at a time for the error that names all wrong parts.
const JOBS: usize = 2;

/// The result of applying a bundle.
#[derive(Clone, Debug, Serialize)]
pub struct Applied {
    /// The identity of the bundle.
    pub id: Digest,
    /// The number of files that were written.
    pub written: usize,
    /// The number of files that were there.
    pub there: usize,
    /// The number of files that were removed.
    pub removed: usize,
    /// The first 20 files that the bundle removes, and that stay because their bytes have changed
    /// since the inventory was written.
    pub changed_paths: Vec<String>,
    /// Whether the bundle waits for another one, which has the missing files; then nothing was
    /// changed.
    pub waiting: bool,
    /// The number of missing files.
    pub missing: usize,
    /// The first 20 of them.
    pub missing_paths: Vec<String>,
}

/// Applies a bundle. Every part is checked before a file gets its name, and the manifest is written
/// last.
///
/// # Errors
/// Integrity, if a part is wrong, which the error names; usage, if the folder has other files at the
/// paths of the bundle; failed, if the disk is too small or the folder cannot be written.
pub fn apply(bundle: &Bundle, folder: &Path, report: &Report) -> Result<Applied> {
    outside::check(folder, bundle.path())?;
    if !bundle.has_all_parts()? {
        return Err(bundle.wrong_parts(&bundle.check_parts(JOBS)?));
    }
    let root = RootedPath::from_trusted(folder);
    let removed = &bundle.description.removed;
    let goal = Goal { inventory: bundle.inventory(), removed };
    let diff = goal.diff(&root)?;
    if diff.is_reached() && !Staged::is_in(&root)? && is_merged(bundle, &root)? {
        check_all(bundle)?;
        goal.remove_empty_folders(&root);
        return Ok(applied(bundle, &diff));
    }
    check_space(&root, &diff)?;
    let is_new = root.stat().doing(|| format!("read `{root}`"))?.is_none();
    let waits = || report.say("another process applies a bundle to this folder; waiting for it");
    let staged = Staged::open(&root, &waits)?;
    match run(bundle, &goal, &root, &staged) {
        Ok(applied) => {
            match waiting::publish_all(&root, &staged)? {
                true => drop(staged),
                false => staged.remove()?,
            }
            Ok(applied)
        }
        Err(error) => {
            let is_removing = Staged::removing(&root).map_or(true, |paths| !paths.is_empty());
            if !is_removing && waiting::are_some(&staged).is_ok_and(|some| !some) {
                let _ = staged.remove();
            }
            if is_new {
                remove_empty(&RootedPath::beside(folder));
            }
            Err(error)
        }
    }
}

fn run(bundle: &Bundle, goal: &Goal<'_>, root: &RootedPath, staged: &Staged) -> Result<Applied> {
    // Another process may have changed the folder while this one waited.
    let diff = goal.diff(root)?;
    let lists = bundle.inventory().lines().iter().filter(|line| merge::is_merged(&line.path));
    let needed = diff.needed.iter().copied().chain(lists).filter(|line| line.is_carried());
    let wanted = needed.map(|line| line.sha256).collect();
    extract(bundle, &wanted, staged)?;
    staged.check_has(&wanted)?;
    let lists = Lists::read(bundle.inventory(), root.path(), staged)?;
    match diff.missing.is_empty() {
        true => goal.publish(&diff, &lists, (root, staged))?,
        false => waiting::keep(bundle, staged)?,
    }
    Ok(applied(bundle, &diff))
}

/// Removes the folder that this run created, if it is empty.
fn remove_empty(folder: &RootedPath) {
    let _ = folder.folder().and_then(|parent| parent.remove_folder(folder.name()));
}

fn applied(bundle: &Bundle, diff: &FolderDiff<'_>) -> Applied {
    let is_waiting = !diff.missing.is_empty();
    let done = |count: usize| if is_waiting { 0 } else { count };
    let missing = diff.missing.iter().take(MOST_NAMED).map(|line| line.path.clone());
    let changed = diff.changed.iter().take(done(MOST_NAMED)).map(|removed| removed.path.clone());
    Applied {
        id: *bundle.id(),
        written: done(diff.needed.len()),
        there: diff.there,
        removed: done(diff.extra.len()),
        changed_paths: changed.collect(),
        waiting: is_waiting,
        missing: diff.missing.len(),
        missing_paths: missing.collect(),
    }
}

/// Returns whether the lists of the vendor folder are exactly those of the bundle, which is the case
/// after the same bundle was applied to an empty folder. Merged lists are compared later.
fn is_merged(bundle: &Bundle, root: &RootedPath) -> Result<bool> {
    let lists = bundle.inventory().lines().iter().filter(|line| merge::is_merged(&line.path));
    for line in lists {
        let there = read::rooted_bytes(&root.join(&line.path), index::LIMIT)?;
        if there.is_none_or(|bytes| Digest::compute(&bytes) != line.sha256) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn check_all(bundle: &Bundle) -> Result<()> {
    let findings = bundle.check_parts(JOBS)?;
    match findings.iter().any(|finding| finding.problem.is_some()) {
        true => Err(bundle.wrong_parts(&findings)),
        false => Ok(()),
    }
}

fn check_space(root: &RootedPath, diff: &FolderDiff<'_>) -> Result<()> {
    // The contents that a killed run has staged are already on the disk.
    if Staged::is_in(root)? {
        return Ok(());
    }
    let needed: u64 = diff.needed.iter().fold(0, |sum, line| line.size.saturating_add(sum));
    match free_space::available(root.path()).filter(|free| *free < needed) {
        None => Ok(()),
        Some(free) => Err(not_enough(root, needed, free)),
    }
}

/// Reads every part once: hashes it, and stages the wanted contents in it.
fn extract(bundle: &Bundle, wanted: &HashSet<Digest>, staged: &Staged) -> Result<()> {
    let left = staged.left(wanted)?;
    let is_needed = |digest: &Digest| wanted.contains(digest) && !left.contains(digest);
    let is_empty = |line: &&Line| line.size == 0 && is_needed(&line.sha256);
    if bundle.inventory().lines().iter().any(|line| is_empty(&line)) {
        staged.begin(Digest::compute(b""))?.end()?.finish()?;
    }
    let slices = bundle.slices(is_needed);
    std::thread::scope(|scope| {
        let (chunks, received) = sync_channel(MOST_WAITING);
        let (spare, spares) = channel();
        let (ended, endings) = sync_channel(MOST_FILES_WAITING);
        let start = || format!("start a thread that reads `{}`", bundle.path().display());
        let hasher = workers::spawn(scope, "parts", move || digests(&received, &spare));
        let hasher = hasher.doing(start)?;
        let finisher = workers::spawn(scope, "files", move || finish(&endings));
        let finisher = finisher.doing(start)?;
        let mut extraction = Extraction { staged, chunks, spares, ended, open: None };
        let read = extraction.read_all(bundle, &slices);
        drop(extraction);
        let digests = hasher.join().unwrap_or_default();
        let finished = finisher.join().unwrap_or_else(|_| Err(stopped()));
        // Wrong parts explain wrong contents, but wrong contents do not explain wrong parts.
        check_digests(bundle, &digests)?;
        read.and(finished)
    })
}

/// Compares the digests of the parts that were read to their ends, and names all wrong parts.
fn check_digests(bundle: &Bundle, digests: &[Digest]) -> Result<()> {
    let parts = &bundle.description.parts;
    let problem = |(part, found)| bundle.digest_problem(part, found);
    if parts.iter().zip(digests).all(|it| problem(it).is_none()) {
        return Ok(());
    }
    Err(bundle.wrong_parts(&bundle.check_parts(JOBS)?))
}

/// A message to the thread that hashes parts.
enum Chunk {
    /// A buffer, and the number of bytes in it.
    Bytes(Vec<u8>, usize),
    End,
}

fn digests(chunks: &Receiver<Chunk>, spare: &Sender<Vec<u8>>) -> Vec<Digest> {
    let (mut digests, mut hasher) = (Vec::new(), Hasher::default());
    for chunk in chunks {
        match chunk {
            Chunk::Bytes(bytes, count) => {
                hasher.update(&bytes[..count]);
                let _ = spare.send(bytes);
            }
            Chunk::End => digests.push(std::mem::take(&mut hasher).finish()),
        }
    }
    digests
}

/// Makes contents durable, beside the thread that writes the next ones.
fn finish(endings: &Receiver<Ended>) -> Result<()> {
    let mut finished = Ok(());
    for ended in endings {
        finished = finished.and_then(|()| ended.finish());
    }
    finished
}

struct Extraction<'a> {
    staged: &'a Staged,
    chunks: SyncSender<Chunk>,
    spares: Receiver<Vec<u8>>,
    ended: SyncSender<Ended>,
    open: Option<Unfinished>,
}

impl Extraction<'_> {
    /// Reads all parts. After a wrong content, parts are still hashed, as a wrong part explains it.
    fn read_all(&mut self, bundle: &Bundle, slices: &[Vec<Slice>]) -> Result<()> {
        let mut problem = Ok(());
        for (part, slices) in bundle.description.parts.iter().zip(slices) {
            let mut file = bundle.part(part)?;
            let doing = || format!("read `{}`", bundle.path().join(&part.name).display());
            let mut slices = slices.as_slice();
            let mut position = 0;
            loop {
                let (chunk, count) = self.next(&mut file).doing(doing)?;
                if count == 0 {
                    break;
                }
                if problem.is_ok() {
                    problem = self.take(&chunk[..count], position, &mut slices);
                }
                // A write that failed fails again; wrong bytes may come from a wrong part.
                if problem.as_ref().is_err_and(|error| error.kind() != ErrorKind::Integrity) {
                    return problem;
                }
                position += count as u64;
                self.chunks.send(Chunk::Bytes(chunk, count)).map_err(|_| stopped())?;
            }
            self.chunks.send(Chunk::End).map_err(|_| stopped())?;
        }
        problem
    }

    fn next(&self, file: &mut std::fs::File) -> io::Result<(Vec<u8>, usize)> {
        let mut chunk = self.spares.try_recv().unwrap_or_else(|_| vec![0; CHUNK]);
        let count = uninterrupted(|| file.read(&mut chunk))?;
        Ok((chunk, count))
    }

    /// Stages the contents of which this chunk has bytes.
    fn take(&mut self, chunk: &[u8], position: u64, slices: &mut &[Slice]) -> Result<()> {
        let end = position + chunk.len() as u64;
        while let Some(slice) = slices.first().filter(|slice| slice.range.offset < end) {
            let stop = slice.range.offset + slice.range.size;
            let from = slice.range.offset.max(position) - position;
            let to = stop.min(end) - position;
            let mut content = match self.open.take() {
                Some(content) => content,
                None => self.staged.begin(slice.content.0)?,
            };
            content.write(&chunk[from as usize..to as usize])?;
            if stop > end {
                self.open = Some(content);
                return Ok(());
            }
            match slice.is_last {
                true => self.ended.send(content.end()?).map_err(|_| stopped())?,
                false => self.open = Some(content),
            }
            *slices = &slices[1..];
        }
        Ok(())
    }
}

fn stopped() -> Error {
    Error::new(ErrorKind::Failed, "a thread that reads the bundle has stopped")
}
