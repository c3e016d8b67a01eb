//! WIT packages and all their dependencies, with the lock.
//!
//! The dependencies of a package are only known from its WIT, so packages are fetched in rounds.
//! Each round fetches, several at a time, the packages that the round before needs. Then the
//! folders are written, or, with `--locked`, compared with the existing ones.

mod folder;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Fetched, PackageState, Packages, WitRepository};
use crate::manifest::{Entry, Manifest, VendorDir};
use crate::vendor;
use airgap_core::error::{Error, Result};
use airgap_core::outcome::Outcome;
use airgap_core::package::{AllowedVersions, PackageId, PackageRequest};
use airgap_core::path_component;
use airgap_core::quantity::{are, count};
use airgap_core::report::{Report, Total};
use airgap_core::workers;
use airgap_wit::{Lock, Locked, WitSource, find_cycle};
use folder::{PackageFolder, filename};

/// The largest text of all packages of one run, in bytes; each of them is in memory until the last
/// is written. All packages of WASI together have less than a megabyte.
const MOST_BYTES: u64 = 64 << 20;

/// The work to do.
pub struct WitJob<'a> {
    /// The requested packages.
    pub requests: &'a [PackageRequest],
    /// The destination.
    pub dir: &'a VendorDir,
    /// The lock, whose versions are kept.
    pub lock: &'a Lock,
    /// The lock of the folder's content, from an earlier run.
    pub previous: &'a Lock,
    /// The sources of packages.
    pub packages: &'a Packages,
    /// The label of the `.bzl` file that BUILD files load `wit_library` from.
    pub rules: &'a str,
    /// The Bazel package of the folder, as in `//vendor/wit`.
    pub bazel_package: &'a str,
    /// The number of packages at a time.
    pub jobs: usize,
}

/// The result of a run.
pub struct WitSummary {
    /// The outcome of each package.
    pub outcomes: Vec<Outcome>,
    /// The new lock.
    pub lock: Lock,
    /// The manifest's entries of this run.
    pub entries: Vec<Entry>,
}

/// One package of the closure.
struct Member {
    fetched: Fetched,
    source: WitSource,
    requirement: String,
}

/// Fetches the missing packages and writes the folders and the manifest. The caller writes the
/// lock.
///
/// # Errors
/// The errors of fetching; integrity, if bytes are not those of the lock; usage, for a cycle. Then
/// no folder was written, and fetched files stay for the next run.
pub fn vendor_wit(job: &WitJob<'_>, report: &Report) -> Result<WitSummary> {
    vendor::begin(job.dir)?;
    let total = report.total(0, "package", None);
    let fetch = |package: &PackageId| {
        let fetched = job.packages.fetch(package, job.lock.get(package), job.dir, report);
        total.done();
        Ok(PackageState::Right(Box::new(fetched?)))
    };
    let closure = closure(job, fetch, &total)?;
    drop(total);
    let (members, folders) = (&closure.members, folders(job, &closure)?);
    let mut entries = Vec::new();
    for (member, folder) in members.values().zip(&folders) {
        folder.write()?;
        entries.extend(folder.entries(member.fetched.url.as_deref()));
    }
    let lock = Lock::new(locked(members, &folders));
    let gone = prune(job, &lock)?;
    let touched = folders.iter().map(|folder| job.dir.entry_path(&folder.package.folder()));
    let gone: Vec<_> = gone.into_iter().chain(touched).collect();
    Manifest::change(job.dir.root(), &gone, &entries)?;
    let outcomes = members.values().map(|member| member.fetched.outcome).collect();
    Ok(WitSummary { outcomes, lock, entries })
}

/// Compares the lock and the folders with the output of [`vendor_wit`], and changes nothing. Only
/// the vendor folder is read: no other folder is searched, and no registry is asked.
///
/// # Errors
/// Integrity, naming each difference.
pub fn check_wit(job: &WitJob<'_>, report: &Report) -> Result<()> {
    let state = |package: &PackageId| job.packages.state(package, job.lock.get(package), job.dir);
    let closure = closure(job, state, &report.total(0, "package", None))?;
    let (members, folders) = (&closure.members, folders(job, &closure)?);
    let unread = &closure.unread;
    let mut differences: Vec<_> = unread.values().cloned().collect();
    for folder in &folders {
        differences.extend(folder.differences()?);
    }
    // An unreadable package is assumed to be as the lock says.
    let known: Option<Vec<_>> = unread.keys().map(|package| job.lock.get(package)).collect();
    if let Some(known) = known {
        let found = locked(members, &folders).chain(known.into_iter().cloned());
        differences.extend(job.lock.differences(&Lock::new(found)));
    }
    if differences.is_empty() {
        report.say(&format!(
            "{} {} as in the lock",
            count(members.len(), "package"),
            are(members.len())
        ));
        return Ok(());
    }
    let mut error =
        Error::integrity(format!("`{}` or its lock is not up to date", job.dir.folder().display()));
    for difference in differences {
        error = error.fact("found", difference);
    }
    Err(error)
}

/// All needed packages.
#[derive(Default)]
struct Closure {
    /// The packages that were read.
    members: BTreeMap<PackageId, Member>,
    /// The packages that are missing or wrong, with a line for a person. Only the lock knows their
    /// dependencies.
    unread: BTreeMap<PackageId, String>,
}

impl Closure {
    /// Returns the needed packages that were not searched yet.
    fn needed(&self, lock: &Lock) -> BTreeSet<PackageId> {
        let read = self.members.values().flat_map(|member| &member.source.dependencies);
        let unread = self.unread.keys().filter_map(|package| lock.get(package));
        let needed = read.chain(unread.flat_map(|locked| &locked.dependencies));
        needed.filter(|it| !self.packages().any(|known| known == *it)).cloned().collect()
    }

    fn packages(&self) -> impl Iterator<Item = &PackageId> {
        self.members.keys().chain(self.unread.keys())
    }
}

/// Fetches and reads every needed package.
fn closure(
    job: &WitJob<'_>,
    bring: impl Fn(&PackageId) -> Result<PackageState> + Sync,
    total: &Total,
) -> Result<Closure> {
    let mut closure = Closure::default();
    let mut round = BTreeMap::new();
    // Counted while packages are read: all packages of a round are in memory at once.
    let text = AtomicU64::new(0);
    for request in job.requests {
        round.insert(choose(request, job)?, requirement(request));
    }
    while !round.is_empty() {
        total.more(round.len());
        check_folders(closure.packages().chain(round.keys()))?;
        let wanted: Vec<_> = std::mem::take(&mut round).into_iter().collect();
        let read = |(package, requirement): &(PackageId, String)| -> Result<_> {
            let state = bring(package).map_err(|error| needed_by(error, package, &closure.members));
            let read = Member::read(package, state?, requirement, job.lock)?;
            let bytes = read.as_ref().map_or(0, Member::bytes);
            check_total(text.fetch_add(bytes, Ordering::Relaxed) + bytes, package)?;
            Ok((package.clone(), read))
        };
        for result in workers::each(&wanted, job.jobs, read) {
            match result? {
                (package, Ok(member)) => drop(closure.members.insert(package, member)),
                (package, Err(line)) => drop(closure.unread.insert(package, line)),
            }
        }
        for package in closure.needed(job.lock) {
            let requirement = format!("={}", package.version);
            round.insert(package, requirement);
        }
    }
    check_circles(&closure.members)?;
    Ok(closure)
}

/// Fails if the text of one run exceeds [`MOST_BYTES`].
fn check_total(bytes: u64, package: &PackageId) -> Result<()> {
    if bytes <= MOST_BYTES {
        return Ok(());
    }
    Err(Error::usage("the WIT packages of this run are too large in total")
        .fact("limit", format!("{MOST_BYTES} bytes of text"))
        .fact("found", format!("{bytes} bytes, with {package}"))
        .hint("vendor them in several runs, each into its own folder with its own lock"))
}

impl Member {
    /// Returns the size of its text.
    fn bytes(&self) -> u64 {
        self.source.files.values().map(|bytes| bytes.len() as u64).sum()
    }

    /// Reads a package, or returns the line that says why it cannot be read. A file that was just
    /// fetched and is something else is removed.
    fn read(
        package: &PackageId,
        state: PackageState,
        requirement: &str,
        lock: &Lock,
    ) -> Result<std::result::Result<Member, String>> {
        let fetched = match state {
            PackageState::Right(fetched) => *fetched,
            _ if lock.get(package).is_none() => {
                return Ok(Err(format!("needed and not locked: {package}")));
            }
            PackageState::Missing(path) => return Ok(Err(format!("missing   {path}"))),
            PackageState::Changed(path) => return Ok(Err(format!("changed   {path}"))),
        };
        let source = match fetched.source() {
            Ok(source) => source,
            Err(error) => {
                fetched.discard()?;
                return Err(error);
            }
        };
        check_names(package, &source)?;
        Ok(Ok(Member { fetched, source, requirement: requirement.to_owned() }))
    }
}

/// Adds the packages that need this one to an error. A requested package may have none.
fn needed_by(error: Error, package: &PackageId, members: &BTreeMap<PackageId, Member>) -> Error {
    let needs = members.iter().find(|(_, it)| it.source.dependencies.contains(package));
    needs.map(|(by, _)| by).into_iter().fold(error, |error, by| error.fact("needed by", by))
}

/// Returns the version that a request selects: the lock's if it fits, otherwise the highest
/// available one.
fn choose(request: &PackageRequest, job: &WitJob<'_>) -> Result<PackageId> {
    let locked = |fits: &dyn Fn(&semver::Version) -> bool| {
        let fitting =
            job.lock.packages.iter().filter(|locked| {
                locked.package.name == request.name && fits(&locked.package.version)
            });
        fitting.map(|locked| locked.package.clone()).max()
    };
    let found = match &request.version {
        AllowedVersions::Exactly(version) => {
            return Ok(PackageId { name: request.name.clone(), version: version.clone() });
        }
        AllowedVersions::Matching(range) => locked(&|version| range.matches(version)),
        AllowedVersions::Latest => locked(&|version| version.pre.is_empty()),
    };
    found.map_or_else(|| job.packages.newest(request, None), Ok)
}

/// Returns the requirement in the form of a wkg.lock.
fn requirement(request: &PackageRequest) -> String {
    match &request.version {
        AllowedVersions::Exactly(version) => format!("={version}"),
        AllowedVersions::Matching(range) => range.to_string(),
        AllowedVersions::Latest => "*".to_owned(),
    }
}

/// Returns the wanted content of each folder, in the order of the members.
fn folders<'a>(job: &WitJob<'a>, closure: &'a Closure) -> Result<Vec<PackageFolder<'a>>> {
    let label = |package: &PackageId| {
        format!("{}/{}:{}", job.bazel_package, package.folder(), package.name.hyphened())
    };
    let labels: BTreeMap<_, _> =
        closure.packages().map(|package| (package.clone(), label(package))).collect();
    let folder = |(package, member): (&PackageId, &'a Member)| {
        let build = WitRepository {
            package: package.clone(),
            source: &member.source,
            rules: job.rules.to_owned(),
            labels: &labels,
            folder: String::new(),
            published: member.fetched.file().map(filename),
        };
        let folder = PackageFolder {
            package: package.clone(),
            dir: job.dir,
            published: member.fetched.file(),
            files: member.source.files.clone(),
        };
        Ok(folder.with_build_file(&build.build_file()?))
    };
    closure.members.iter().map(folder).collect()
}

/// Returns the lock's entries of the members.
fn locked(
    members: &BTreeMap<PackageId, Member>,
    folders: &[PackageFolder<'_>],
) -> impl Iterator<Item = Locked> {
    members.values().zip(folders).map(|(member, folder)| Locked {
        package: folder.package.clone(),
        requirement: member.requirement.clone(),
        registry: member.fetched.registry.clone(),
        url: member.fetched.url.clone(),
        // Text that stands in for a package has no published file, and is pinned by its hash.
        digest: folder.published.map_or(member.source.tree_hash(), |it| *it.digest()),
        path: Some(folder.package.folder()),
        tree: Some(member.source.tree_hash()),
        dependencies: member.source.dependencies.iter().cloned().collect(),
    })
}

/// Removes the folders of packages from an earlier run that are not needed any more; returns their
/// paths in the manifest.
fn prune(job: &WitJob<'_>, lock: &Lock) -> Result<Vec<String>> {
    let mut gone = Vec::new();
    for locked in &job.previous.packages {
        if lock.get(&locked.package).is_none() {
            folder::remove(job.dir, &locked.package)?;
            gone.push(job.dir.entry_path(&locked.package.folder()));
            gone.push(job.dir.entry_path(&folder::registry_path(&locked.package)));
        }
    }
    Ok(gone)
}

/// Checks that no two packages share a folder, as `a-b:c` and `a:b-c` would.
fn check_folders<'a>(packages: impl Iterator<Item = &'a PackageId>) -> Result<()> {
    let mut folders = BTreeMap::new();
    for package in packages {
        if let Some(other) = folders.insert(package.folder(), package) {
            return Err(Error::usage("two packages have the same folder")
                .fact("folder", package.folder())
                .fact("packages", format!("{other}, {package}"))
                .hint("vendor them into two folders, each with its own lock"));
        }
    }
    Ok(())
}

/// Checks that every name is valid on every platform, as it becomes a path in the manifest.
fn check_names(package: &PackageId, source: &WitSource) -> Result<()> {
    let Some(name) = source.files.keys().find(|name| !path_component::is_path(name)) else {
        return Ok(());
    };
    Err(Error::usage(format!("a file of {package} has a name that cannot be vendored"))
        .fact("file", source.shown(name))
        .fact("expected", "at most 128 characters: letters, digits and `. _ - + @ ~`")
        .hint("rename the file; its name has no meaning in WIT"))
}

/// Checks for cycles. WIT packages cannot depend on each other, but a registry can serve such
/// packages.
fn check_circles(members: &BTreeMap<PackageId, Member>) -> Result<()> {
    let graph = members.iter().map(|(id, member)| (id, &member.source.dependencies)).collect();
    let Some(cycle) = find_cycle(&graph) else { return Ok(()) };
    let shown: Vec<_> = cycle.iter().map(ToString::to_string).collect();
    Err(Error::integrity("WIT packages depend on each other in a cycle")
        .fact("circle", shown.join(" -> "))
        .hint("such packages cannot be resolved; ask their publisher to remove the cycle"))
}
