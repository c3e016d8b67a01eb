//! Looking for a package in vendor folders: as it was vendored, or as somebody put it there.

use std::path::Path;

use semver::Version;

use super::listed;
use super::published::wasm_name;

use crate::artifact::Kind;
use crate::digest::Digest;
use crate::error::Result;
use crate::folder::EntryKind;
use crate::leftovers;
use crate::package::PackageId;
use crate::plan::{self, Finding, Place};
use crate::policy::Policy;
use crate::registry::SourceArchive;
use crate::rooted::RootedPath;
use crate::verify::Unverified;
use crate::wit::Source;

/// What came of looking.
#[derive(Debug)]
pub struct Looked {
    /// Every place, in order, with what was found there.
    pub places: Vec<Place>,
    /// What can be used.
    pub found: Option<Found>,
}

/// What must be true of what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pinned {
    /// It declares the package.
    Nothing,
    /// It is the published file, and has this SHA-256.
    File(Digest),
    /// It is text that has this hash, see [`crate::wit::tree_hash`].
    Text(Digest),
}

/// What lies in a folder for a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The published `.wasm`. Nobody has checked it yet.
    Published(RootedPath),
    /// A folder with `.wit` files that somebody made, and that declare the package.
    HandMade(RootedPath),
}

/// Looks for a package in the vendor folders and the workspace's own, highest first.
///
/// With the pin of a file only the published file will do, because only it can be checked.
///
/// # Errors
/// Usage, where a folder that a variable names cannot be used.
pub fn look(package: &PackageId, pin: &Pinned, policy: &Policy) -> Result<Looked> {
    plan::check_vendor_dirs(Kind::Wit, policy, &crate::listing::Disk)?;
    let mut looked = Looked { places: Vec::new(), found: None };
    for (setting, dir) in plan::folders(Kind::Wit, policy) {
        let mut note = |path: &RootedPath, finding: Finding| {
            let source = if setting.is_some() { "vendor folder" } else { "workspace folder" };
            let location = path.to_string();
            looked.places.push(Place { source, setting, location, finding });
        };
        let vendored = dir.join(&format!("{}/{}", package.folder(), wasm_name(package)));
        let (namespace, name) = (package.name.namespace(), package.name.name());
        let in_registry = dir.join(&format!("{namespace}/{name}/{}.wasm", package.version));
        let mut refused = false;
        for path in [&vendored, &in_registry] {
            match path.is_file() {
                Ok(false) => {}
                Ok(true) => {
                    note(path, Finding::Found);
                    looked.found = Some(Found::Published(path.clone()));
                    return Ok(looked);
                }
                Err(error) => {
                    note(path, Finding::Unusable(error.to_string()));
                    refused = true;
                }
            }
        }
        if !refused {
            note(&vendored, Finding::Absent);
        }
        for folder in subfolders(&dir) {
            match hand_made(&folder, package, pin) {
                Candidate::None => {}
                Candidate::Unfit(why) => note(&folder, Finding::Unusable(why)),
                Candidate::Fit(found) => {
                    note(&folder, Finding::Found);
                    looked.found = Some(found);
                    return Ok(looked);
                }
            }
        }
    }
    Ok(looked)
}

/// Text that is used in place of a published archive: that of a folder that somebody made, if it is
/// the very text of the archive, which its hash tells; or any that the config file names.
#[derive(Debug, Default)]
pub struct Adopted {
    /// The text.
    pub source: Option<Source>,
    /// Whether the config file names it, so that no pin is about it.
    pub overridden: bool,
    /// What declares the package and has another text, a line each.
    pub remarks: Vec<String>,
}

/// Looks for the text of a published archive in folders that somebody made, highest first.
///
/// # Errors
/// Usage, where a folder that a variable names cannot be used.
pub(super) fn adopt(archive: &SourceArchive, policy: &Policy) -> Result<Adopted> {
    plan::check_vendor_dirs(Kind::Wit, policy, &crate::listing::Disk)?;
    let mut adopted = Adopted::default();
    let filename = archive.archive.filename().as_str();
    for (_, dir) in plan::folders(Kind::Wit, policy) {
        // What was vendored has the archive beside the text, and that is what counts.
        let is_vendored = |folder: &RootedPath| !matches!(folder.join(filename).stat(), Ok(None));
        for folder in subfolders(&dir).into_iter().filter(|folder| !is_vendored(folder)) {
            let Ok(source) = Source::of_rooted(&folder) else { continue };
            if !source.is(&archive.package) {
                continue;
            }
            if archive.tree == Some(source.tree_hash()) {
                adopted.source = Some(source);
                return Ok(adopted);
            }
            let expected = archive.tree.map_or("unknown".to_owned(), |it| it.to_string());
            adopted.remarks.push(format!(
                "`{}` declares {}, and is not used: its text is not the published one\n  \
                 expected: tree {expected}\n  found:    tree {}",
                folder,
                archive.package,
                source.tree_hash()
            ));
        }
    }
    Ok(adopted)
}

/// The versions in a folder that has them as `<version>.wasm`, in ascending order.
pub(super) fn versions(folder: &Path) -> Vec<Version> {
    let stem = |path: RootedPath| path.path().file_stem()?.to_str()?.parse().ok();
    let files = files(&RootedPath::given(folder), "wasm");
    let mut versions: Vec<Version> = files.into_iter().filter_map(stem).collect();
    versions.sort();
    versions
}

enum Candidate {
    /// It is about something else.
    None,
    /// It is about this package and cannot be used, and why.
    Unfit(String),
    Fit(Found),
}

fn hand_made(folder: &RootedPath, package: &PackageId, pin: &Pinned) -> Candidate {
    if let Some(path) = files(folder, "wasm").into_iter().find(|path| is_it(path, package, pin)) {
        return Candidate::Fit(Found::Published(path));
    }
    match folder.open_folder() {
        Err(error) if names(folder, package) => return Candidate::Unfit(error.to_string()),
        Err(_) => return Candidate::None,
        Ok(_) if files(folder, "wit").is_empty() => return Candidate::None,
        Ok(_) => {}
    }
    let source = match Source::of_rooted(folder) {
        Ok(source) => source,
        // Only a folder with the package's name is worth a word about what is wrong in it.
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
        (Some(_), Pinned::File(_)) => Candidate::Unfit(
            "it has only text, which cannot be checked against the pinned SHA-256".to_owned(),
        ),
        (Some(_), Pinned::Text(text)) if source.tree_hash() != *text => {
            Candidate::Unfit("its text is not the one in the lock".to_owned())
        }
        (Some(_), _) => Candidate::Fit(Found::HandMade(folder.clone())),
    }
}

/// Whether a `.wasm` that lies about is the published one.
fn is_it(path: &RootedPath, package: &PackageId, pin: &Pinned) -> bool {
    let Ok(file) = Unverified::open_rooted(path, package.to_string()) else { return false };
    match pin {
        // A damaged one must not be passed over: whoever copies it says so.
        Pinned::File(pin) => {
            listed::pin(path.path()).is_some_and(|it| it.digest == *pin) || file.verify(pin).is_ok()
        }
        Pinned::Text(_) => false,
        Pinned::Nothing => file
            .take_as_found()
            .and_then(|file| Source::of_published(&file))
            .is_ok_and(|source| source.is(package)),
    }
}

/// Whether a folder's name speaks of the package: `wasi-http`, `wasi-http-0.2.6`, `http`.
fn names(folder: &RootedPath, package: &PackageId) -> bool {
    let name = folder.name().to_string_lossy().into_owned();
    name == package.folder() || name == package.name.hyphened() || name == package.name.name()
}

fn subfolders(dir: &RootedPath) -> Vec<RootedPath> {
    // One that is a link is among them: reading it says why it is refused.
    entries(dir, |_, kind| matches!(kind, EntryKind::Folder | EntryKind::Link))
}

fn files(dir: &RootedPath, extension: &str) -> Vec<RootedPath> {
    entries(dir, |name, kind| {
        kind == EntryKind::File && Path::new(name).extension() == Some(extension.as_ref())
    })
}

/// The entries of a folder that are wanted, sorted; none where it cannot be read, which its own
/// place says.
fn entries(dir: &RootedPath, is_wanted: impl Fn(&str, EntryKind) -> bool) -> Vec<RootedPath> {
    let entries = dir.open_folder().and_then(|folder| folder.list()).unwrap_or_default();
    let names = entries.into_iter().filter_map(|(name, kind)| {
        let name = name.into_string().ok().filter(|name| !leftovers::is_left_by_system(name))?;
        is_wanted(&name, kind).then_some(name)
    });
    names.map(|name| dir.join(&name)).collect()
}
