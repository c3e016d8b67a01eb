//! One extraction in its own folder, with a canary beside it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use airgap_archive::{Layout, Limits, Tree, extract};
use airgap_core::artifact::{ArchiveType, Strip};
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::verify::{Unverified, hash};
use tempfile::TempDir;

/// An archive and the settings for its extraction.
#[must_use]
pub struct Unpacking {
    sandbox: TempDir,
    pub layout: Layout,
    pub limits: Limits,
}

impl Unpacking {
    pub fn new(archive: ArchiveType, bytes: &[u8]) -> Unpacking {
        let sandbox = TempDir::new().unwrap();
        fs::create_dir(sandbox.path().join("work")).unwrap();
        fs::write(sandbox.path().join("canary"), "alive").unwrap();
        fs::write(sandbox.path().join("work/archive"), bytes).unwrap();
        let layout =
            Layout { archive, strip: Strip::Nothing, filename: "tool.bin".parse().unwrap() };
        Unpacking { sandbox, layout, limits: Limits::default() }
    }

    pub fn strip(mut self, strip: Strip) -> Unpacking {
        self.layout.strip = strip;
        self
    }

    pub fn limits(mut self, limits: Limits) -> Unpacking {
        self.limits = limits;
        self
    }

    pub fn destination(&self) -> PathBuf {
        self.sandbox.path().join("work/out")
    }

    pub fn run(&self) -> Result<Tree> {
        let path = self.sandbox.path().join("work/archive");
        let (digest, _) = hash(&mut fs::File::open(&path).unwrap()).unwrap();
        let verified = Unverified::open(&path, "tool 1.0 (linux_amd64)")?.verify(&digest)?;
        extract(&verified, &self.layout, &self.destination(), &self.limits)
    }

    /// Extracts, and lists the result.
    #[track_caller]
    pub fn tree(&self) -> BTreeMap<String, String> {
        let tree = self.run().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(tree.root, self.destination());
        let listing = list(&self.destination());
        assert_eq!(tree.entries, listing.len() as u64, "{listing:?}");
        assert_eq!(self.beside(), ["canary", "work", "work/archive", "work/out"]);
        listing
    }

    /// Extracts, and checks that it fails for this reason and leaves no file.
    #[track_caller]
    pub fn refused(&self, words: &[&str]) -> Error {
        let error = match self.run() {
            Ok(_) => panic!("accepted, but should be refused: {words:?}"),
            Err(error) => error,
        };
        assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
        for word in words.iter().chain(&["tool 1.0 (linux_amd64)", "work/archive"]) {
            assert!(error.to_string().contains(word), "`{word}` is not in: {error}");
        }
        self.assert_untouched();
        error
    }

    /// Checks that no file outside of the destination was created or changed.
    #[track_caller]
    pub fn assert_untouched(&self) {
        assert_eq!(self.beside(), ["canary", "work", "work/archive"]);
        assert_eq!(fs::read_to_string(self.sandbox.path().join("canary")).unwrap(), "alive");
    }

    /// Returns the paths in the sandbox, outside of the destination.
    pub fn beside(&self) -> Vec<String> {
        let all = list(self.sandbox.path()).into_keys();
        all.filter(|path| !path.starts_with("work/out/")).collect()
    }
}

/// Returns the paths with `755 content`, `folder`, or `-> target`.
pub fn list(root: &Path) -> BTreeMap<String, String> {
    let entries = walkdir::WalkDir::new(root).min_depth(1).into_iter().map(|entry| {
        let entry = entry.unwrap();
        let path = entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
        let kind = entry.file_type();
        let description = if kind.is_symlink() {
            format!("-> {}", fs::read_link(entry.path()).unwrap().display())
        } else if kind.is_dir() {
            "folder".to_owned()
        } else {
            let content = fs::read(entry.path()).unwrap();
            format!("{mode:o} {}", String::from_utf8_lossy(&content))
        };
        (path, description)
    });
    entries.collect()
}

/// Returns a listing with these entries.
pub fn listing(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries
        .iter()
        .map(|(path, description)| ((*path).to_owned(), (*description).to_owned()))
        .collect()
}
