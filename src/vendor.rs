//! Carrying out a plan into a vendor folder.
//!
//! The same plan as a build's, with another sink: what a build would unpack is kept as it is, in
//! the layout that builds and mirrors read.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::digest::Digest;
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

/// What came of a run.
#[derive(Debug, Default)]
pub struct Summary {
    /// The outcome of each file that is there now, in no particular order.
    pub outcomes: Vec<Outcome>,
    /// One error for each file that is not.
    pub failures: Vec<Error>,
    /// The manifest's entries for this run.
    pub entries: Vec<Entry>,
}

impl Summary {
    /// How many files had this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.outcomes.iter().filter(|&&o| o == outcome).count()
    }
}

/// Brings every item of the plan into the folder, `jobs` at a time, and lists it in the manifest.
///
/// One failure does not stop the rest: what arrived is listed, so that the next run fetches only
/// what is missing. `client` is absent when offline.
pub fn vendor(
    plan: &Plan,
    dir: &VendorDir,
    extra: Vec<Entry>,
    client: Option<&Client>,
    jobs: usize,
    report: &Report,
) -> Result<Summary> {
    // Read first: a manifest that is somebody else's file must stop the run before it starts.
    let manifest = Manifest::read(dir)?.unwrap_or_else(|| Manifest::new([]));
    fs::create_dir_all(dir.toolchains())
        .doing(|| format!("create `{}`", dir.toolchains().display()))?;
    store::write_atomically(&dir.toolchains().join(".gitattributes"), GITATTRIBUTES)?;

    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, plan.items.len().max(1)) {
            scope.spawn(|| {
                while let Some(item) = plan.items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = bring(item, dir, client, report);
                    results.lock().unwrap_or_else(|error| error.into_inner()).push(result);
                }
            });
        }
    });
    let mut summary = Summary { entries: extra, ..Summary::default() };
    for result in results.into_inner().unwrap_or_else(|error| error.into_inner()) {
        match result {
            Ok((outcome, entry)) => {
                summary.outcomes.push(outcome);
                summary.entries.push(entry);
            }
            Err(error) => summary.failures.push(error),
        }
    }
    manifest.with(summary.entries.iter().cloned()).write(dir)?;
    Ok(summary)
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
        true => Unverified::open(&destination, &*subject).and_then(|file| file.verify(expected)).ok(),
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
    destination: &std::path::Path,
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
    let download = Download {
        subject: &subject,
        urls: &item.urls,
        expected: &item.asset.sha256,
        destination,
    };
    Ok((Outcome::Fetched, client.download(&download, &progress)?))
}

/// A size for people.
pub fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// Puts a binary that is at hand, the helper itself, into the folder like any other tool.
///
/// Returns its entry. `digest` is of the file at `source`.
pub fn vendor_helper(
    source: &std::path::Path,
    name: &str,
    version: &str,
    platform: &str,
    dir: &VendorDir,
) -> Result<Entry> {
    let (digest, _): (Digest, u64) = fs::File::open(source)
        .and_then(|mut file| crate::verify::hash(&mut file))
        .doing(|| format!("read `{}`", source.display()))?;
    let verified = Unverified::open(source, name)?.verify(&digest)?;
    let filename = if platform.starts_with("windows") { format!("{name}.exe") } else { name.to_owned() };
    let path = format!("{name}/{version}/{platform}/{filename}");
    let destination = dir.toolchains().join(path.split('/').collect::<std::path::PathBuf>());
    store::place_copy(&verified, &destination, true)?;
    Ok(Entry {
        kind: "helper".to_owned(),
        name: name.to_owned(),
        version: version.to_owned(),
        platform: platform.to_owned(),
        path: dir.entry_path(&path),
        size: verified.size(),
        sha256: digest,
        url: String::new(),
    })
}
