//! Searches vendor folders for a package: as it was vendored, or as a user put it there.

use std::path::Path;

use semver::Version;

use super::listed;
use super::published::wasm_name;

use crate::catalog::SourceArchive;
use crate::plan::{self, PlaceState, SearchPlace};
use airgap_config::policy::Policy;
use airgap_core::artifact::VendoredKind;
use airgap_core::digest::Digest;
use airgap_core::error::Result;
use airgap_core::folder::EntryKind;
use airgap_core::package::PackageId;
use airgap_core::rooted::RootedPath;
use airgap_core::search::{self, Answer};
use airgap_core::system_files;
use airgap_core::verify::Unverified;
use airgap_wit::WitSource;

/// The result of a search.
#[derive(Debug)]
pub struct FolderSearch {
    /// Every place, in order, with the finding there.
    pub places: Vec<SearchPlace>,
    /// The usable finding.
    pub found: Option<FolderPackage>,
    /// Whether a folder has the text of the package without the published file that is pinned.
    pub has_only_text: bool,
}

/// The condition on a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pinned {
    /// No pin: it only must declare the package.
    Nothing,
    /// A pinned file: it must be the published file with this SHA-256.
    File(Digest),
    /// A pinned text: it must have this hash, see [`airgap_wit::tree_hash`].
    Text(Digest),
}

/// The content of a folder for a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderPackage {
    /// The published `.wasm`. It is not verified yet.
    Published(RootedPath),
    /// A handmade folder with `.wit` files that declare the package.
    HandMade(RootedPath),
}

/// Searches the vendor folders and the workspace's own folders for a package, highest first.
///
/// If a file is pinned, only the published file is accepted, because only it can be checked.
///
/// # Errors
/// Usage, if a folder that a variable names cannot be used.
pub fn find_in_folders(package: &PackageId, pin: &Pinned, policy: &Policy) -> Result<FolderSearch> {
    plan::check_vendor_dirs(VendoredKind::Wit, policy, &airgap_core::listing::Disk)?;
    let mut result = FolderSearch { places: Vec::new(), found: None, has_only_text: false };
    let folders = plan::folders(VendoredKind::Wit, policy);
    let searched = search::in_order(folders, |(setting, dir)| -> Result<_> {
        Ok(match result.search_in(dir, *setting, package, pin) {
            Some(found) => Answer::Found(found),
            None => Answer::Passed(()),
        })
    })?;
    result.found = searched.found.map(|(found, _)| found);
    Ok(result)
}

impl FolderSearch {
    /// Searches one vendor folder, as it was filled or by hand, and records the findings.
    fn search_in(
        &mut self,
        dir: &RootedPath,
        setting: Option<&'static str>,
        package: &PackageId,
        pin: &Pinned,
    ) -> Option<FolderPackage> {
        let source = if setting.is_some() { "vendor folder" } else { "workspace folder" };
        let place = |path: &RootedPath, finding: PlaceState| SearchPlace {
            source,
            setting,
            location: path.to_string(),
            finding,
        };
        let (vendored, findings) = vendored(dir, package);
        self.places.extend(findings.into_iter().map(|(path, finding)| place(&path, finding)));
        if vendored.is_some() {
            return vendored.map(FolderPackage::Published);
        }
        let own = subfolders(dir);
        for folder in own.iter().chain(&deps_of(&own)) {
            let (finding, found) = match hand_made(folder, package, pin) {
                Candidate::None => continue,
                Candidate::Unfit(why) => (PlaceState::Unusable(why), None),
                Candidate::OnlyText => {
                    self.has_only_text = true;
                    (PlaceState::Unusable(ONLY_TEXT.to_owned()), None)
                }
                Candidate::Fit(found) => (PlaceState::Found, Some(found)),
            };
            self.places.push(place(folder, finding));
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

/// Returns the published file of a package in a folder that a command filled: in the package's own
/// folder, or in the layout of wkg's local registry. Returns the findings beside it.
fn vendored(
    dir: &RootedPath,
    package: &PackageId,
) -> (Option<RootedPath>, Vec<(RootedPath, PlaceState)>) {
    let own = dir.join(&format!("{}/{}", package.folder(), wasm_name(package)));
    let (namespace, name) = (package.name.namespace(), package.name.name());
    let in_registry = dir.join(&format!("{namespace}/{name}/{}.wasm", package.version));
    let mut findings = Vec::new();
    for path in [&own, &in_registry] {
        match path.is_file() {
            Ok(false) => {}
            Ok(true) => {
                findings.push((path.clone(), PlaceState::Found));
                return (Some(path.clone()), findings);
            }
            Err(error) => findings.push((path.clone(), PlaceState::Unusable(error.to_string()))),
        }
    }
    if findings.is_empty() {
        findings.push((own, PlaceState::Absent));
    }
    (None, findings)
}

/// Text that is used in place of a published archive: the text of a handmade folder, if its hash is
/// that of the text in the archive; or any text that the config file names.
#[derive(Debug, Default)]
pub struct Adopted {
    /// The text.
    pub source: Option<WitSource>,
    /// Whether the config file names it, so that no pin applies to it.
    pub overridden: bool,
    /// The folders that declare the package and have another text, a line each.
    pub remarks: Vec<String>,
}

/// Searches handmade folders for the text of a published archive, highest first.
///
/// # Errors
/// Usage, if a folder that a variable names cannot be used.
pub(super) fn adopt(archive: &SourceArchive, policy: &Policy) -> Result<Adopted> {
    plan::check_vendor_dirs(VendoredKind::Wit, policy, &airgap_core::listing::Disk)?;
    let mut adopted = Adopted::default();
    for (_, dir) in plan::folders(VendoredKind::Wit, policy) {
        let folders = subfolders(&dir);
        adopted.search(archive, &folders);
        // A folder of the package itself decides, and not a copy among the deps of another one.
        if adopted.remarks.is_empty() {
            adopted.search(archive, &deps_of(&folders));
        }
        if adopted.source.is_some() {
            break;
        }
    }
    Ok(adopted)
}

impl Adopted {
    /// Searches folders for the text of an archive, unless it is found already.
    fn search(&mut self, archive: &SourceArchive, folders: &[RootedPath]) {
        let filename = archive.archive.filename().as_str();
        // A vendored folder has the archive beside the text, and the archive counts.
        let is_vendored = |folder: &RootedPath| !matches!(folder.join(filename).stat(), Ok(None));
        for folder in folders.iter().filter(|folder| !is_vendored(folder)) {
            if self.source.is_some() {
                return;
            }
            let Ok(source) = WitSource::from_rooted(folder) else { continue };
            if !source.is(&archive.package) {
                continue;
            }
            if archive.tree == Some(source.tree_hash()) {
                self.source = Some(source);
                return;
            }
            let expected = archive.tree.map_or("unknown".to_owned(), |it| it.to_string());
            self.remarks.push(format!(
                "`{}` declares {}, but is not used: its text differs from the published one\n \
                 expected: tree {expected}\n  found:    tree {}",
                folder,
                archive.package,
                source.tree_hash()
            ));
        }
    }
}

/// Returns the versions in a folder that has them as `<version>.wasm`, in ascending order.
pub(super) fn versions(folder: &Path) -> Vec<Version> {
    let stem = |path: RootedPath| path.path().file_stem()?.to_str()?.parse().ok();
    let files = files(&RootedPath::from_trusted(folder), "wasm");
    let mut versions: Vec<Version> = files.into_iter().filter_map(stem).collect();
    versions.sort();
    versions
}

enum Candidate {
    /// A file or folder of another package.
    None,
    /// A file or folder of this package that cannot be used, with the reason.
    Unfit(String),
    /// A folder with the text of a package whose published file is pinned.
    OnlyText,
    Fit(FolderPackage),
}

/// The reason why text is not used for a pinned package.
const ONLY_TEXT: &str = "it has only text, which cannot be checked against the pinned SHA-256";

fn hand_made(folder: &RootedPath, package: &PackageId, pin: &Pinned) -> Candidate {
    if let Some(path) = files(folder, "wasm").into_iter().find(|path| is_it(path, package, pin)) {
        return Candidate::Fit(FolderPackage::Published(path));
    }
    match folder.open_folder() {
        Err(error) if names(folder, package) => return Candidate::Unfit(error.to_string()),
        Err(_) => return Candidate::None,
        Ok(_) if files(folder, "wit").is_empty() => return Candidate::None,
        Ok(_) => {}
    }
    let source = match WitSource::from_rooted(folder) {
        Ok(source) => source,
        // An error is only reported for a folder with the package's name.
        Err(error) if names(folder, package) => return Candidate::Unfit(error.one_line()),
        Err(_) => return Candidate::None,
    };
    if source.name != package.name {
        return Candidate::None;
    }
    match (&source.version, pin) {
        (Some(version), _) if *version != package.version => {
            Candidate::Unfit(format!("it declares {}@{version}", source.name))
        }
        (None, _) => Candidate::Unfit(format!("it declares {} without a version", source.name)),
        (Some(_), Pinned::File(_)) => Candidate::OnlyText,
        (Some(_), Pinned::Text(text)) if source.tree_hash() != *text => {
            Candidate::Unfit("its text differs from the lock".to_owned())
        }
        (Some(_), _) => Candidate::Fit(FolderPackage::HandMade(folder.clone())),
    }
}

/// Returns whether a `.wasm` in a folder is the published one.
fn is_it(path: &RootedPath, package: &PackageId, pin: &Pinned) -> bool {
    let Ok(file) = Unverified::open_rooted(path, package.to_string()) else { return false };
    match pin {
        // A damaged file must not be skipped: copying it reports the damage.
        Pinned::File(pin) => {
            listed::pin(path.path()).is_some_and(|it| it.digest == *pin) || file.verify(pin).is_ok()
        }
        Pinned::Text(_) => false,
        Pinned::Nothing => file
            .accept_unpinned()
            .and_then(|file| WitSource::from_published(&file))
            .is_ok_and(|source| source.is(package)),
    }
}

/// Returns the folders in the `deps` of folders, into which `wit fetch --output` writes the packages
/// that a package needs.
fn deps_of(folders: &[RootedPath]) -> Vec<RootedPath> {
    folders.iter().flat_map(|folder| subfolders(&folder.join("deps"))).collect()
}

/// Returns whether a folder has a name of the package: `wasi-http`, `wasi-http-0.2.6`, `http`.
fn names(folder: &RootedPath, package: &PackageId) -> bool {
    let name = folder.name().to_string_lossy().into_owned();
    name == package.folder() || name == package.name.hyphened() || name == package.name.name()
}

fn subfolders(dir: &RootedPath) -> Vec<RootedPath> {
    // Links are included: reading one gives the reason for its refusal.
    entries(dir, |_, kind| matches!(kind, EntryKind::Folder | EntryKind::Link))
}

fn files(dir: &RootedPath, extension: &str) -> Vec<RootedPath> {
    entries(dir, |name, kind| {
        kind == EntryKind::File && Path::new(name).extension() == Some(extension.as_ref())
    })
}

/// Returns the wanted entries of a folder, sorted. Returns none if it cannot be read, which the
/// folder's own place reports.
fn entries(dir: &RootedPath, is_wanted: impl Fn(&str, EntryKind) -> bool) -> Vec<RootedPath> {
    let entries = dir.open_folder().and_then(|folder| folder.list()).unwrap_or_default();
    let names = entries.into_iter().filter_map(|(name, kind)| {
        let name = name.into_string().ok().filter(|name| !system_files::is_system_file(name))?;
        is_wanted(&name, kind).then_some(name)
    });
    names.map(|name| dir.join(&name)).collect()
}
