//! Reads a zip strictly and unpacks it.
//!
//! All of its list is checked before the first file is created. Then several threads take runs of
//! files from it; each thread inflates and writes its own files, with buffers of its own.

use std::cmp::Reverse;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use airgap_core::error::{Context, Result};

use super::catalog::Catalog;
use super::decoder_thread;
use super::entry_path::EntryPath;
use super::limits::Limits;
use super::read_at::read_at;
use super::refusal;
use super::threads;
use super::tree::TreeWriter;
use super::zip_end;
use super::zip_list::{EntryList, ListedEntry, REFUSED};
use super::zip_member::{DEFLATED, Inflater, Member, STORED};

/// The largest number of threads. More of them only contend for the folder they write to.
const MOST_THREADS: usize = 4;

/// The number of files at which a run ends, and its number of bytes. Long runs open a folder less
/// often.
const RUN_FILES: usize = 64;
const RUN_BYTES: u64 = 1 << 20;

/// The number of bytes that are inflated at a time.
const BUFFER: usize = 256 * 1024;

/// The size in bytes from which a file is inflated in one thread and written in another. Often an
/// archive has only one such file.
const LARGE: u64 = 8 << 20;

/// Creates the entries of the archive.
pub(super) fn extract(file: &File, catalog: &mut Catalog<'_>, tree: &mut TreeWriter) -> Result<()> {
    let plan = admit(file, catalog, tree)?;
    let next = AtomicUsize::new(0);
    let work = |tree: TreeWriter| {
        let mut worker = Worker::new(file, tree);
        while let Some(run) = plan.runs.get(next.fetch_add(1, Ordering::Relaxed)) {
            for planned in &plan.files[run.clone()] {
                worker.write(planned, &plan.bounds).inspect_err(|_| {
                    // The other threads stop at the end of their runs.
                    next.store(plan.runs.len(), Ordering::Relaxed);
                })?;
            }
        }
        Ok(())
    };
    let most = if threads::can_start_threads() { MOST_THREADS } else { 1 };
    let threads = thread::available_parallelism().map_or(1, |n| n.get().min(most));
    thread::scope(|scope| {
        let mut others = Vec::new();
        for _ in 1..threads.min(plan.runs.len()) {
            let tree = tree.reopen()?;
            let work = &work;
            let spawned = thread::Builder::new()
                .name("inflate".to_owned())
                .spawn_scoped(scope, move || work(tree));
            // Without this thread the others do all the work.
            others.extend(spawned);
        }
        let mine = work(tree.reopen()?);
        let theirs = others.into_iter().map(|other| {
            other.join().unwrap_or_else(|_| Err(refusal::damaged("its decoder stopped")))
        });
        theirs.fold(mine, Result::and)
    })
}

struct ExtractionPlan {
    files: Vec<Planned>,
    runs: Vec<Range<usize>>,
    bounds: Bounds,
}

struct Planned {
    member: Member,
    path: EntryPath,
    executable: bool,
}

/// One thread's share of the work.
struct Worker<'a> {
    inflater: Inflater<'a>,
    tree: TreeWriter,
    buffer: Vec<u8>,
}

impl<'a> Worker<'a> {
    fn new(file: &'a File, tree: TreeWriter) -> Worker<'a> {
        Worker { inflater: Inflater::new(file), tree, buffer: vec![0; BUFFER] }
    }

    fn write(&mut self, planned: &Planned, bounds: &Bounds) -> Result<()> {
        let Planned { member, path, executable } = planned;
        let mut file = self.tree.file(path, *executable)?;
        let mut write =
            |piece: &[u8]| file.write_all(piece).doing(|| format!("write `{}`", path.as_str()));
        let mut content = self.inflater.content(member, bounds.after(member.start))?;
        if member.size >= LARGE {
            return decoder_thread::decode_in_thread(
                |buffer| content.read(buffer),
                |stream| stream.drain(write),
            );
        }
        loop {
            match content.read(&mut self.buffer)? {
                0 => return Ok(()),
                count => write(&self.buffer[..count])?,
            }
        }
    }
}

/// Checks the whole list, creates the folders that it names, and plans the work.
fn admit(file: &File, catalog: &mut Catalog<'_>, tree: &mut TreeWriter) -> Result<ExtractionPlan> {
    let size = file.metadata().doing(|| "read the archive".to_owned())?.len();
    let end = zip_end::read(file, size)?;
    catalog.announce(end.entries)?;
    let mut list = EntryList::new(file, &end);
    let mut places = Vec::new();
    let mut files = Vec::new();
    let mut folders = Vec::new();
    let mut symlinks = Vec::new();
    while let Some(entry) = list.next()? {
        check(&entry)?;
        places.push(place(&entry));
        match kind(&entry)? {
            ZipEntryKind::Folder => {
                if let Some(path) = catalog.folder(&entry.raw)? {
                    tree.folder(&path)?;
                }
                folders.push(Member::new(entry));
            }
            ZipEntryKind::File { executable } => {
                let path = catalog.file(&entry.raw, entry.size)?;
                files.push(Planned { member: Member::new(entry), path, executable });
            }
            ZipEntryKind::Symlink => {
                catalog.name(entry.raw.len())?;
                symlinks.push(Member::new(entry));
            }
        }
    }
    let bounds = Bounds::new(places, end.directory_start)?;
    check_start(file, &bounds)?;
    let mut inflater = Inflater::new(file);
    for folder in folders {
        // Checks the header before the content, and that it is empty if it has compressed data.
        let mut content = inflater.content(&folder, bounds.after(folder.start))?;
        if folder.compressed > 0 {
            content.read(&mut [0])?;
        }
    }
    for link in symlinks {
        let target = target(&link, &bounds, &mut inflater, catalog.limits())?;
        catalog.symlink(&link.raw, &target)?;
    }
    Ok(ExtractionPlan { runs: runs(&files), files, bounds })
}

/// Refuses an entry before the first one of the list. Other data may be there: zips that unpack
/// themselves begin with a program.
fn check_start(file: &File, bounds: &Bounds) -> Result<()> {
    let mut start = [0; 30];
    if bounds.first() < start.len() as u64 {
        return Ok(());
    }
    read_at(file, &mut start, 0)?;
    match start.starts_with(b"PK\x03\x04") {
        true => Err(refusal::archive(
            "it starts with an entry that is missing in its central directory",
        )),
        false => Ok(()),
    }
}

/// Returns the content of a symbolic link, which is its target.
fn target(
    link: &Member,
    bounds: &Bounds,
    inflater: &mut Inflater<'_>,
    limits: &Limits,
) -> Result<Vec<u8>> {
    if link.size > limits.path as u64 {
        return Err(refusal::entry(&link.raw, "it is a link whose target is too long"));
    }
    let mut target = vec![0; link.size as usize + 1];
    let mut content = inflater.content(link, bounds.after(link.start))?;
    let mut length = 0;
    loop {
        match content.read(&mut target[length..])? {
            0 => break,
            count => length += count,
        }
    }
    target.truncate(length);
    Ok(target)
}

enum ZipEntryKind {
    Folder,
    File { executable: bool },
    Symlink,
}

/// Returns the kind of an entry, by its name and its Unix mode, which must agree.
fn kind(entry: &ListedEntry) -> Result<ZipEntryKind> {
    let refuse = |reason: &str| Err(refusal::entry(&entry.raw, reason));
    let is_folder = entry.raw.ends_with(b"/");
    let mode = entry.mode;
    if entry.is_dos_folder && !is_folder {
        return refuse("its name and its attributes disagree on its type");
    }
    match (mode & 0o170_000, is_folder) {
        (0 | 0o040_000, true) if entry.size > 0 => refuse("it is a folder, but has content"),
        (0 | 0o040_000, true) => Ok(ZipEntryKind::Folder),
        (0 | 0o100_000, false) => Ok(ZipEntryKind::File { executable: mode & 0o100 != 0 }),
        (0o120_000, false) => Ok(ZipEntryKind::Symlink),
        (0o040_000, false) | (0o100_000 | 0o120_000, true) => {
            refuse("its name and its mode disagree on its type")
        }
        (0o020_000 | 0o060_000, _) => refuse("it is a device"),
        (0o010_000, _) => refuse("it is a named pipe"),
        (0o140_000, _) => refuse("it is a socket"),
        _ => refuse("its type is unknown"),
    }
}

fn check(entry: &ListedEntry) -> Result<()> {
    let refuse = |reason: &str| Err(refusal::entry(&entry.raw, reason));
    if entry.flags & REFUSED != 0 {
        return refuse("it is encrypted or patched");
    }
    match entry.method {
        STORED if entry.size != entry.compressed => {
            refuse("it is not compressed, but has two different sizes")
        }
        STORED | DEFLATED => Ok(()),
        other => refuse(&format!(
            "its compression method {other} is not supported; expected stored (0) or deflated (8)"
        )),
    }
}

/// The start of an entry and its earliest possible end, and its name.
type EntrySpan = (Range<u64>, Box<[u8]>);

fn place(entry: &ListedEntry) -> EntrySpan {
    let length = 30 + entry.raw.len() as u64;
    let end = entry.start.saturating_add(length).saturating_add(entry.compressed);
    (entry.start..end, entry.raw.clone())
}

/// The offsets at which entries begin. The entries before each must have ended there.
///
/// Entries that share their data would let 10 MB unpack to 281 TB.
struct Bounds(Vec<u64>);

impl Bounds {
    fn new(mut places: Vec<EntrySpan>, directory_start: u64) -> Result<Bounds> {
        places.sort_unstable_by_key(|(place, _)| (place.start, place.end));
        let starts = places.iter().map(|(place, _)| place.start);
        let starts: Vec<_> = starts.chain([directory_start]).collect();
        let overlap = places.iter().zip(&starts[1..]).find(|((place, _), next)| place.end > **next);
        match overlap {
            None => Ok(Bounds(starts)),
            Some(((_, name), _)) => {
                Err(refusal::entry(name, "its data overlaps with the data after it"))
            }
        }
    }

    /// Returns the start of the first entry, or of the list if there is none.
    fn first(&self) -> u64 {
        self.0.first().copied().unwrap_or_default()
    }

    /// Returns the offset at which the data of the entry that begins at `start` must have ended.
    fn after(&self, start: u64) -> u64 {
        self.0[self.0.partition_point(|&other| other <= start).min(self.0.len() - 1)]
    }
}

/// Splits the files into runs, the longest first, so that no thread starts a long run last.
fn runs(files: &[Planned]) -> Vec<Range<usize>> {
    let mut runs: Vec<(u64, Range<usize>)> = Vec::new();
    for (index, Planned { member, .. }) in files.iter().enumerate() {
        match runs.last_mut() {
            Some((bytes, run)) if run.len() < RUN_FILES && *bytes < RUN_BYTES => {
                *bytes += member.compressed;
                run.end = index + 1;
            }
            _ => runs.push((member.compressed, index..index + 1)),
        }
    }
    runs.sort_by_key(|(bytes, _)| Reverse(*bytes));
    runs.into_iter().map(|(_, run)| run).collect()
}
