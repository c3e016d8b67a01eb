//! The two files that list others, the manifest of the vendor folder and the index of the image
//! layout: applying a bundle merges them, as other bundles may have filled the same folder.

use std::path::Path;

use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::read;
use airgap_core::rooted::RootedPath;
use airgap_core::store;
use airgap_vendor::manifest::{self, Manifest};

use super::index;
use super::inventory::Inventory;
use super::line::Line;
use super::removed::Removed;
use super::staged::Staged;

/// The path of the index in a vendor folder.
pub(super) const INDEX: &str = "images/index.json";

/// The prefix of the digests in an index.
const PREFIX: &str = "sha256:";

/// Returns whether the file at this path is merged with the one of the vendor folder.
pub(super) fn is_merged(path: &str) -> bool {
    path == manifest::FILENAME || path == INDEX
}

/// The lists that a bundle brings, checked against its inventory.
pub(super) struct Lists {
    manifest: Option<Manifest>,
    index: Option<Vec<u8>>,
}

impl Lists {
    /// Reads the lists from the staged contents.
    ///
    /// # Errors
    /// Failed, if a content is not staged; integrity, if the manifest lists a file that the inventory lacks or lists differently.
    pub(super) fn read(inventory: &Inventory, root: &Path, staged: &Staged) -> Result<Lists> {
        let bytes = |line: &Line| staged.bytes(line, index::LIMIT);
        let content = |path: &str| inventory.find(path).map(bytes).transpose();
        let manifest = content(manifest::FILENAME)?;
        let parse = |text: Vec<u8>| Manifest::parse(&String::from_utf8_lossy(&text), root);
        let manifest = manifest.map(parse).transpose()?;
        if let Some(manifest) = &manifest {
            check_manifest(manifest, inventory)?;
        }
        let index = content(INDEX)?;
        if let Some(index) = &index {
            index::check(index)?;
        }
        Ok(Lists { manifest, index })
    }

    /// Merges the index into that of the vendor folder. An index that the bundle knows is replaced.
    ///
    /// # Errors
    /// Those of reading and writing it.
    pub(super) fn merge_index(
        &self,
        root: &Path,
        line: Option<&Line>,
        removed: &[Removed],
    ) -> Result<()> {
        let (Some(new), Some(line)) = (&self.index, line) else { return Ok(()) };
        let is_gone = |digest: &str| {
            let name = digest.strip_prefix(PREFIX).unwrap_or(digest);
            removed.iter().any(|it| it.path.rsplit('/').next() == Some(name))
        };
        store::change(&index_of(root), index::LIMIT, |old| match old {
            None => Ok(new.clone()),
            Some(old) if line.replaces == Some(Digest::compute(old)) => Ok(new.clone()),
            Some(old) if old == new.as_slice() => Ok(new.clone()),
            Some(old) => index::merged(old, new, is_gone),
        })
    }

    /// Merges the manifest into that of the vendor folder, which completes the files.
    ///
    /// # Errors
    /// Those of reading and writing it.
    pub(super) fn merge_manifest(&self, root: &Path, removed: &[Removed]) -> Result<()> {
        let Some(new) = &self.manifest else { return Ok(()) };
        let gone: Vec<_> = removed.iter().map(|removed| removed.path.clone()).collect();
        Manifest::change(root, &gone, new.entries())
    }
}

/// Checks that the index of the vendor folder can be merged, before any file changes.
///
/// # Errors
/// Integrity, if the file in its place is not an index; those of reading it.
pub(super) fn check_index(root: &Path) -> Result<()> {
    let path = index_of(root);
    let Some(bytes) = read::rooted_bytes(&path, index::LIMIT)? else { return Ok(()) };
    index::check(&bytes).map_err(|error| {
        error.fact("file", path).hint("move the file away, or name another folder with --output")
    })
}

fn index_of(root: &Path) -> RootedPath {
    RootedPath::from_trusted(root).join(INDEX)
}

fn check_manifest(manifest: &Manifest, inventory: &Inventory) -> Result<()> {
    let is_listed = |entry: &manifest::Entry| {
        let line = inventory.find(&entry.path);
        line.is_some_and(|line| (line.sha256, line.size) == (entry.sha256, entry.size))
    };
    match manifest.entries().iter().find(|entry| !is_listed(entry)) {
        None => Ok(()),
        Some(entry) => Err(Error::integrity("the manifest in the bundle does not match its files")
            .fact("path", &entry.path)
            .hint("create the bundle again")),
    }
}
