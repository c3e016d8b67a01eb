//! `manifest.json`: what a vendor folder holds, and the check that it still does.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind::{NotADirectory, NotFound};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::{Context, Error, Result};
use crate::plan::TOOLCHAINS;
use crate::store;
use crate::verify;

/// The name of the file.
pub const FILENAME: &str = "manifest.json";

/// The version of its format.
pub const SCHEMA_VERSION: u32 = 1;

/// Files in a vendor folder that the manifest does not list, because they are ours.
const OURS: [&str; 2] = [FILENAME, ".gitattributes"];

/// A vendor folder: the root, which holds the manifest, and the folder of a kind in it.
///
/// A folder that is called `toolchains` is a kind's own folder, and its root is the folder above;
/// any other folder is both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorDir {
    root: PathBuf,
    kind: PathBuf,
}

impl VendorDir {
    /// The vendor folder that a person means by this path.
    pub fn of(dir: &Path) -> VendorDir {
        match dir.parent() {
            Some(root) if dir.file_name() == Some(TOOLCHAINS.as_ref()) => {
                VendorDir { root: root.to_owned(), kind: dir.to_owned() }
            }
            _ => VendorDir { root: dir.to_owned(), kind: dir.to_owned() },
        }
    }

    /// Where the manifest is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the tools are.
    pub fn toolchains(&self) -> &Path {
        &self.kind
    }

    /// The manifest's path.
    pub fn manifest(&self) -> PathBuf {
        self.root.join(FILENAME)
    }

    /// A path of the manifest made from one in the kind's folder, with `/` on every platform.
    pub fn entry_path(&self, path: &str) -> String {
        match self.root == self.kind {
            true => path.to_owned(),
            false => format!("{TOOLCHAINS}/{path}"),
        }
    }
}

/// What a vendor folder holds. Sorted by path, without times or absolute paths: vendoring the same
/// things twice gives the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    schema_version: u32,
    files: Vec<Entry>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it is: `toolchain`, or `helper` for the wasm-airgap binary.
    pub kind: String,
    /// The name of the tool.
    pub name: String,
    /// The version.
    pub version: String,
    /// Where it runs.
    pub platform: String,
    /// Where it lies, relative to the manifest, with `/` on every platform.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Where upstream serves it; empty for what was made here.
    pub url: String,
}

/// What is wrong with a file of a vendor folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// It is listed and not there.
    Missing {
        /// The path in the manifest.
        path: String,
    },
    /// It is not what is listed.
    Changed {
        /// The path in the manifest.
        path: String,
        /// The listed SHA-256.
        expected: Digest,
        /// The SHA-256 of what is there.
        found: Digest,
    },
    /// It is there and cannot be read.
    Unreadable {
        /// The path in the manifest.
        path: String,
        /// Why.
        why: String,
    },
    /// It is there and not listed.
    Unlisted {
        /// The path relative to the manifest.
        path: String,
    },
}

impl Finding {
    /// The finding in one or three lines for a person.
    pub fn describe(&self) -> String {
        match self {
            Finding::Missing { path } => format!("missing   {path}"),
            Finding::Unreadable { path, why } => format!("unreadable {path}: {why}"),
            Finding::Unlisted { path } => format!("unlisted  {path}"),
            Finding::Changed { path, expected, found } => {
                format!(
                    "changed   {path}\n  expected: sha256:{expected}\n  found:    sha256:{found}"
                )
            }
        }
    }
}

impl Manifest {
    /// A manifest of these files.
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Manifest {
        let by_path: BTreeMap<_, _> =
            entries.into_iter().map(|entry| (entry.path.clone(), entry)).collect();
        Manifest { schema_version: SCHEMA_VERSION, files: by_path.into_values().collect() }
    }

    /// Reads the manifest of a vendor folder; none where the folder has none yet.
    ///
    /// # Errors
    /// Usage, where the file is something else: it is somebody's and must not be overwritten.
    pub fn read(dir: &VendorDir) -> Result<Option<Manifest>> {
        let path = dir.manifest();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            // A file where a folder should be fails where the folder is made, in better words.
            Err(error) if matches!(error.kind(), NotFound | NotADirectory) => return Ok(None),
            Err(error) => return Err(error).doing(|| format!("read `{}`", path.display())),
        };
        let manifest: Manifest = serde_json::from_str(&text).map_err(|error| {
            Error::usage(format!("`{}` is no manifest of a vendor folder", path.display()))
                .because(error)
                .hint("choose another folder, or move that file away")
        })?;
        if manifest.schema_version != SCHEMA_VERSION {
            return Err(Error::usage(format!(
                "`{}` has a format that this program does not know",
                path.display()
            ))
            .fact("expected", format!("schema_version {SCHEMA_VERSION}"))
            .fact("found", format!("schema_version {}", manifest.schema_version)));
        }
        manifest.check_paths(&path)?;
        Ok(Some(manifest))
    }

    /// Adds entries to the manifest of a vendor folder; one for the same path wins.
    ///
    /// Others may be filling the same folder: what they added stays. `lock` is a file in the
    /// folder that is locked meanwhile. Where a file system has no locks, two that end in the same
    /// moment may lose an entry, which the next run puts back.
    pub fn add(dir: &VendorDir, entries: &[Entry], lock: &Path) -> Result<()> {
        let lock = fs::File::open(lock).doing(|| format!("open `{}`", lock.display()))?;
        let _ = lock.lock();
        let manifest = Manifest::read(dir)?.unwrap_or_else(|| Manifest::new([]));
        manifest.with(entries.iter().cloned()).write(dir)
    }

    /// Writes the manifest, if it is not there already in the same words.
    fn write(&self, dir: &VendorDir) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::usage("cannot write a manifest").because(error))?;
        text.push('\n');
        store::write_atomically(&dir.manifest(), text.as_bytes())
    }

    /// The files.
    pub fn entries(&self) -> &[Entry] {
        &self.files
    }

    #[must_use]
    fn with(self, entries: impl IntoIterator<Item = Entry>) -> Manifest {
        Manifest::new(self.files.into_iter().chain(entries))
    }

    /// Hashes every file again, several at a time, and looks for files that are not listed.
    ///
    /// What another program put beside the kinds' folders in the root is none of our business;
    /// what is in them is.
    pub fn check(&self, dir: &VendorDir, jobs: usize) -> Result<Vec<Finding>> {
        let next = AtomicUsize::new(0);
        let findings = Mutex::new(Vec::new());
        // The largest first, so that no thread ends with one while the others are done.
        let mut order: Vec<_> = self.files.iter().collect();
        order.sort_by_key(|entry| std::cmp::Reverse(entry.size));
        std::thread::scope(|scope| {
            for _ in 0..jobs.clamp(1, order.len().max(1)) {
                scope.spawn(|| {
                    while let Some(entry) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if let Some(finding) = entry.check(dir) {
                            findings.lock().unwrap_or_else(|e| e.into_inner()).push(finding);
                        }
                    }
                });
            }
        });
        let mut findings = findings.into_inner().unwrap_or_else(|error| error.into_inner());
        findings.extend(self.unlisted(dir)?);
        findings.sort_by_key(Finding::describe);
        Ok(findings)
    }

    fn unlisted(&self, dir: &VendorDir) -> Result<Vec<Finding>> {
        let listed: std::collections::HashSet<_> =
            self.files.iter().map(|entry| entry.path.as_str()).collect();
        let mut findings = Vec::new();
        let folder = self.folder(dir);
        for entry in walkdir::WalkDir::new(&folder).sort_by_file_name() {
            let entry = entry.map_err(|error| {
                Error::usage(format!("cannot list `{}`", folder.display())).because(error)
            })?;
            if entry.file_type().is_dir() {
                continue;
            }
            let relative = entry.path().strip_prefix(dir.root()).unwrap_or(entry.path());
            let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
            let path = parts.join("/");
            let is_ours = OURS.iter().any(|ours| entry.file_name() == *ours) && entry.depth() == 1;
            if !listed.contains(path.as_str()) && !is_ours {
                findings.push(Finding::Unlisted { path });
            }
        }
        Ok(findings)
    }

    /// The folder in which everything must be listed.
    fn folder(&self, dir: &VendorDir) -> PathBuf {
        let in_kind = |entry: &Entry| entry.path.starts_with(&format!("{TOOLCHAINS}/"));
        match self.files.iter().any(in_kind) {
            true => dir.root().join(TOOLCHAINS),
            false => dir.root().to_owned(),
        }
    }

    /// A manifest comes from the other side of the gap; its paths must stay in the folder.
    fn check_paths(&self, origin: &Path) -> Result<()> {
        let is_safe = |path: &str| {
            path.split('/').all(|part| part.parse::<crate::segment::Segment>().is_ok())
        };
        match self.files.iter().find(|entry| !is_safe(&entry.path)) {
            None => Ok(()),
            Some(entry) => Err(Error::integrity(format!(
                "`{}` lists a path that cannot be right",
                origin.display()
            ))
            .fact("path", &entry.path)),
        }
    }
}

impl Entry {
    fn check(&self, dir: &VendorDir) -> Option<Finding> {
        let path = self.path.clone();
        let file = dir.root().join(self.path.split('/').collect::<PathBuf>());
        // A link may lead anywhere, also to where nobody will be at the next build.
        let is_file = match fs::symlink_metadata(&file) {
            Err(error) if error.kind() == NotFound => {
                return Some(Finding::Missing { path });
            }
            Err(error) => return Some(Finding::Unreadable { path, why: error.to_string() }),
            Ok(metadata) => metadata.is_file(),
        };
        if !is_file {
            return Some(Finding::Unreadable { path, why: "it is not a regular file".to_owned() });
        }
        let hashed = fs::File::open(&file).and_then(|mut file| verify::hash(&mut file));
        match hashed {
            Err(error) => Some(Finding::Unreadable { path, why: error.to_string() }),
            Ok((found, _)) if found != self.sha256 => {
                Some(Finding::Changed { path, expected: self.sha256, found })
            }
            Ok(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_called_toolchains_belongs_to_the_one_above() {
        let dir = VendorDir::of(Path::new("/ws/vendor/toolchains"));
        assert_eq!(dir.root(), Path::new("/ws/vendor"));
        assert_eq!(dir.entry_path("a/1/p/f"), "toolchains/a/1/p/f");
        let dir = VendorDir::of(Path::new("/mnt/shared/wasm-tools"));
        assert_eq!(dir.manifest(), Path::new("/mnt/shared/wasm-tools/manifest.json"));
        assert_eq!(dir.entry_path("a/1/p/f"), "a/1/p/f");
    }
}
