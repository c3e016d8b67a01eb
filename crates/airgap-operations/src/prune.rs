//! Removes the files from a vendor folder that no request and no lock needs.
//!
//! Only files that the manifest lists are removed, and only of kinds that a request or a lock
//! mentions: a request for tools alone leaves all WIT packages.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::Path;

use serde::Serialize;

use airgap_core::artifact::VendoredKind;
use airgap_core::error::{Context, Error, Result};
use airgap_core::folder::EntryKind;
use airgap_core::package::{PackageId, PackageName};
use airgap_core::read;
use airgap_core::report::Report;
use airgap_core::rooted::RootedPath;
use airgap_vendor::kinds::component::write_component_build;
use airgap_vendor::manifest::{self, Entry, Manifest, VendorDir};
use airgap_vendor::request::Request;
use airgap_wit::{Lock, WitSource};

use crate::empty_folders;

/// The name of the generated file in the folder of the components.
const BUILD: &str = "BUILD.bazel";

/// The tools, packages and components that requests and locks need.
#[derive(Clone, Debug, Default)]
pub struct Requirements {
    tools: HashSet<(String, String)>,
    packages: BTreeSet<PackageId>,
    components: HashSet<String>,
}

/// The result of a pruning.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Pruned {
    /// The files that were removed, sorted by path.
    pub removed: Vec<RemovedFile>,
    /// The number of their bytes.
    pub bytes: u64,
    /// The number of listed files that stay.
    pub kept: usize,
    /// The kinds that were left unchanged, because no request and no lock mentions them.
    pub left_alone: Vec<&'static str>,
}

/// A file that was removed.
#[derive(Clone, Debug, Serialize)]
pub struct RemovedFile {
    /// Its path in the vendor folder.
    pub path: String,
    /// Its kind, as in the manifest.
    pub kind: String,
    /// Its length in bytes.
    pub size: u64,
}

impl Requirements {
    /// Adds everything in a request. Tools are needed for each platform.
    pub fn add_request(&mut self, request: &Request) {
        let tool = |tool: &_, version: &_| (format!("{tool}"), format!("{version}"));
        self.tools.extend(request.tools.iter().map(|it| tool(&it.tool, &it.version)));
        self.packages.extend(request.packages.iter().map(|it| it.package.clone()));
        self.packages.extend(request.wit.iter().map(|it| it.package.clone()));
        self.components.extend(request.components.iter().map(|it| it.name.to_string()));
    }

    /// Adds every package in a lock.
    pub fn add_lock(&mut self, lock: &Lock) {
        self.packages.extend(lock.packages.iter().map(|locked| locked.package.clone()));
    }

    /// Returns whether no request and no lock names anything of a kind.
    fn has_none_of(&self, kind: VendoredKind) -> bool {
        match kind {
            VendoredKind::Toolchain => self.tools.is_empty(),
            VendoredKind::Wit => self.packages.is_empty(),
            VendoredKind::Component => self.components.is_empty(),
        }
    }

    /// Returns whether an entry is needed.
    fn include(&self, entry: &Entry) -> bool {
        match kind_of(entry) {
            Some(kind) if self.has_none_of(kind) => true,
            Some(VendoredKind::Toolchain) => {
                self.tools.contains(&(entry.name.clone(), entry.version.clone()))
            }
            Some(VendoredKind::Wit) => {
                package_of(entry).is_none_or(|id| self.packages.contains(&id))
            }
            Some(VendoredKind::Component) => {
                entry.name == BUILD || self.components.contains(&entry.name)
            }
            // The helper, and kinds of later versions.
            None => true,
        }
    }

    /// Adds the dependencies of the needed packages, which are read from the text in the vendor
    /// folder.
    fn add_dependencies(&mut self, dir: &VendorDir, entries: &[Entry]) -> Result<()> {
        let wit = entries.iter().filter(|entry| kind_of(entry) == Some(VendoredKind::Wit));
        let vendored: BTreeSet<_> = wit.filter_map(package_of).collect();
        let mut waiting: Vec<_> = self.packages.iter().cloned().collect();
        while let Some(package) = waiting.pop() {
            if !vendored.contains(&package) {
                continue;
            }
            let folder = dir.place(&package.folder());
            let source = WitSource::from_rooted(&folder).map_err(|error| {
                error.hint("vendor it again: without its text, its dependencies are unknown")
            })?;
            let named = |id: &&PackageId| source.unversioned.contains::<PackageName>(&id.name);
            let needed = source.dependencies.iter().chain(vendored.iter().filter(named));
            waiting.extend(needed.filter(|id| self.packages.insert((*id).clone())).cloned());
        }
        Ok(())
    }
}

/// Removes the files that are not needed from a vendor folder; with `is_dry`, only returns them.
///
/// # Errors
/// Usage, if the folder has no manifest, or if the requests and locks are empty; integrity, if a link
/// leads to a file, also with `is_dry`; those of reading the packages and of removing files.
pub fn prune(
    root: &Path,
    mut requirements: Requirements,
    is_dry: bool,
    report: &Report,
) -> Result<Pruned> {
    let manifest = Manifest::read(root)?.ok_or_else(|| no_manifest(root))?;
    let left_alone: Vec<_> =
        VendoredKind::ALL.into_iter().filter(|kind| requirements.has_none_of(*kind)).collect();
    if left_alone.len() == VendoredKind::ALL.len() {
        return Err(Error::usage("the requests and locks are empty")
            .hint("name the request.json of each module extension, or a lock"));
    }
    requirements
        .add_dependencies(&dir_of(root, &manifest, VendoredKind::Wit), manifest.entries())?;
    let (kept, gone): (Vec<_>, Vec<_>) =
        manifest.entries().iter().partition(|entry| requirements.include(entry));
    let pruned = Pruned {
        bytes: gone.iter().fold(0, |sum, entry| entry.size.saturating_add(sum)),
        kept: kept.len(),
        left_alone: left_alone.into_iter().map(VendoredKind::name).collect(),
        removed: gone.iter().map(|entry| RemovedFile::new(entry)).collect(),
    };
    check(root, &manifest, &gone)?;
    if !is_dry && !gone.is_empty() {
        remove(root, &manifest, &gone, report)?;
    }
    Ok(pruned)
}

impl RemovedFile {
    fn new(entry: &Entry) -> RemovedFile {
        let Entry { path, kind, size, .. } = entry.clone();
        RemovedFile { path, kind, size }
    }
}

/// Checks, before any file is removed, that the files can be reached without a link, and are not
/// folders.
fn check(root: &Path, manifest: &Manifest, gone: &[&Entry]) -> Result<()> {
    let rooted = RootedPath::from_trusted(root);
    for entry in gone {
        let file = rooted.join(&entry.path);
        let found = file.stat().and_then(|stat| match stat {
            Some(stat) if stat.kind == EntryKind::Folder => Err(io::ErrorKind::IsADirectory.into()),
            _ => Ok(()),
        });
        found.doing(|| format!("remove `{file}`"))?;
    }
    if has_components(gone) {
        // It is read and written again after the components are removed.
        let build = dir_of(root, manifest, VendoredKind::Component).place(BUILD);
        read::rooted_text(&build, read::LIMIT)?;
    }
    Ok(())
}

fn has_components(gone: &[&Entry]) -> bool {
    gone.iter().any(|entry| kind_of(entry) == Some(VendoredKind::Component))
}

/// Removes the files, and then their entries: a killed run is continued by the next one.
fn remove(root: &Path, manifest: &Manifest, gone: &[&Entry], report: &Report) -> Result<()> {
    let rooted = RootedPath::from_trusted(root);
    for entry in gone {
        let file = rooted.join(&entry.path);
        let removed = match file.folder() {
            Err(error) if airgap_core::rooted::is_absence(&error) => Ok(()),
            folder => folder.and_then(|folder| folder.remove_if_there(file.name())),
        };
        removed.doing(|| format!("remove `{file}`"))?;
        let emptied = empty_folders::remove_above(&rooted, &entry.path);
        emptied.doing(|| format!("remove the empty folders of `{file}`"))?;
    }
    let paths: Vec<_> = gone.iter().map(|entry| entry.path.clone()).collect();
    let dir = dir_of(root, manifest, VendoredKind::Component);
    let build = || match has_components(gone) {
        true => write_component_build(&dir, report),
        false => Ok(Vec::new()),
    };
    Manifest::change_with(root, &paths, &[], build).map(drop)
}

/// Returns the folder of a kind: below the root, or the root itself, if it has files of one kind
/// alone.
fn dir_of(root: &Path, manifest: &Manifest, kind: VendoredKind) -> VendorDir {
    let prefix = format!("{}/", kind.folder());
    let entries = manifest.entries().iter().filter(|entry| kind_of(entry) == Some(kind));
    let is_below = entries.into_iter().all(|entry| entry.path.starts_with(&prefix));
    match is_below {
        true => VendorDir::of(&root.join(kind.folder()), kind),
        false => VendorDir::of(root, kind),
    }
}

fn kind_of(entry: &Entry) -> Option<VendoredKind> {
    VendoredKind::from_name(&entry.kind)
}

fn package_of(entry: &Entry) -> Option<PackageId> {
    format!("{}@{}", entry.name, entry.version).parse().ok()
}

fn no_manifest(root: &Path) -> Error {
    Error::usage(format!("`{}` has no manifest", root.display()))
        .fact("looked for", root.join(manifest::FILENAME).display())
        .hint("name the vendor folder that `wasm-airgap vendor` wrote")
}
