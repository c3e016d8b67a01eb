//! Carrying out a plan into a vendor folder.
//!
//! The same plan as a build's, with another sink: what a build would unpack is kept as it is, in
//! the layout that builds and mirrors read.

mod helper;

pub use helper::Helper;

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Context, Error, Result};
use crate::fetch::{Client, Download};
use crate::manifest::{Entry, Manifest, VendorDir};
use crate::plan::{Item, Plan};
use crate::report::Report;
use crate::store;
use crate::verify::{Unverified, Verified};

/// Keeps git from changing line ends in vendored files, which would change their digests.
const GITATTRIBUTES: &[u8] = b"* -text\n";

/// How one file came to be in the vendor folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was there already and is right.
    Kept,
    /// It was copied from another folder.
    Copied,
    /// It was downloaded.
    Fetched,
    /// It was there and wrong, and was downloaded or copied again.
    Repaired,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Outcome::Kept => "kept",
            Outcome::Copied => "copied",
            Outcome::Fetched => "fetched",
            Outcome::Repaired => "repaired",
        }
    }
}

/// What is to be done.
pub struct Job<'a> {
    /// What is wanted, and where it comes from.
    pub plan: &'a Plan,
    /// Where it goes.
    pub dir: &'a VendorDir,
    /// The helper that goes along.
    pub helper: Option<&'a Helper>,
    /// What downloads; absent when offline.
    pub client: Option<&'a Client>,
    /// How many files at a time.
    pub jobs: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Summary {
    /// The outcome of each file that is there now, in no particular order.
    pub outcomes: Vec<Outcome>,
    /// One error for each file that is not.
    pub failures: Vec<Error>,
    /// The manifest's entries for this run, the helper's first.
    pub entries: Vec<Entry>,
}

impl Summary {
    /// How many files had this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.outcomes.iter().filter(|&&o| o == outcome).count()
    }
}

/// Brings every item of the plan into the folder, several at a time, and lists it in the manifest.
///
/// One failure does not stop the rest: what arrived is listed, so that the next run fetches only
/// what is missing.
pub fn vendor(job: &Job<'_>, report: &Report) -> Result<Summary> {
    let Job { plan, dir, .. } = job;
    // Read first: a manifest that is somebody else's file must stop the run before it starts.
    Manifest::read(dir)?;
    fs::create_dir_all(dir.toolchains())
        .doing(|| format!("create `{}`", dir.toolchains().display()))?;
    let attributes = dir.toolchains().join(".gitattributes");
    store::write_atomically(&attributes, GITATTRIBUTES)?;

    let mut summary = Summary::default();
    summary.entries.extend(job.helper.map(|helper| helper.vendor(dir)).transpose()?);
    for result in bring_all(job, report) {
        match result {
            Ok((outcome, entry)) => {
                summary.outcomes.push(outcome);
                summary.entries.push(entry);
            }
            Err(error) => summary.failures.push(error),
        }
    }
    debug_assert_eq!(summary.outcomes.len() + summary.failures.len(), plan.items.len());
    // Where the disk is full this fails too, and must not hide which files did.
    summary.failures.extend(Manifest::add(dir, &summary.entries, &attributes).err());
    Ok(summary)
}

/// The result of each item, in the order in which they were done.
fn bring_all(job: &Job<'_>, report: &Report) -> Vec<Result<(Outcome, Entry)>> {
    let items = &job.plan.items;
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..job.jobs.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = bring(item, job.dir, job.client, report);
                    results.lock().unwrap_or_else(|error| error.into_inner()).push(result);
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(|error| error.into_inner())
}

fn bring(
    item: &Item,
    dir: &VendorDir,
    client: Option<&Client>,
    report: &Report,
) -> Result<(Outcome, Entry)> {
    let artifact = item.artifact();
    let subject = artifact.to_string();
    let destination = dir.toolchains().join(artifact.relative_path());
    let expected = &item.asset.sha256;

    let is_there = destination.symlink_metadata().is_ok();
    let kept = match is_there {
        true => {
            Unverified::open(&destination, &*subject).and_then(|file| file.verify(expected)).ok()
        }
        false => None,
    };
    let (outcome, verified) = match kept {
        Some(verified) => (Outcome::Kept, verified),
        None => {
            let (outcome, verified) = obtain(item, &destination, client, report)?;
            (if is_there { Outcome::Repaired } else { outcome }, verified)
        }
    };
    report.say(&format!("{:8} {subject}  {}", outcome.word(), megabytes(verified.size())));
    let entry = Entry {
        kind: "toolchain".to_owned(),
        name: item.tool.clone(),
        version: item.version.clone(),
        platform: item.platform.clone(),
        path: dir.entry_path(&artifact.path()),
        size: verified.size(),
        sha256: *verified.digest(),
        // Upstream's address and not the mirror's: two machines behind two mirrors write the same.
        url: item.asset.url.to_string(),
    };
    Ok((outcome, entry))
}

fn obtain(
    item: &Item,
    destination: &Path,
    client: Option<&Client>,
    report: &Report,
) -> Result<(Outcome, Verified)> {
    let subject = item.artifact().to_string();
    if let Some(path) = item.path.as_ref().filter(|path| *path != destination) {
        let source = Unverified::open(path, &*subject)?.verify(&item.asset.sha256)?;
        store::place_copy(&source, destination, false)?;
        let copy = Unverified::open(destination, &*subject)?.verify(&item.asset.sha256)?;
        return Ok((Outcome::Copied, copy));
    }
    let Some(client) = client.filter(|_| !item.urls.is_empty()) else {
        return Err(item.unavailable());
    };
    let progress = report.item(&subject);
    let download =
        Download { subject: &subject, urls: &item.urls, expected: &item.asset.sha256, destination };
    Ok((Outcome::Fetched, client.download(&download, &progress)?))
}

/// A size for people.
pub fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
