//! Brings a vendor folder to the state of a bundle, from contents that are staged in it.

use std::collections::{HashMap, HashSet};

use airgap_core::digest::Digest;
use airgap_core::error::{Context, Error, Result};
use airgap_core::folder::EntryKind;
use airgap_core::rooted::RootedPath;
use airgap_core::verify;
use airgap_vendor::manifest::Manifest;

use super::inventory::{ATTRIBUTES, Inventory};
use super::line::{FileKind, Line};
use super::merge::{self, Lists};
use super::removed::Removed;
use super::source::BAZEL_MARK;
use super::staged::Staged;
use crate::empty_folders;

/// The state to reach.
pub(super) struct Goal<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) removed: &'a [Removed],
}

/// The differences between a vendor folder and the goal.
#[derive(Default)]
pub(super) struct FolderDiff<'a> {
    /// The carried files that the folder does not have as listed.
    pub(super) needed: Vec<&'a Line>,
    /// The files that neither the folder has nor the bundle carries.
    pub(super) missing: Vec<&'a Line>,
    /// The files of the folder that are to be removed.
    pub(super) extra: Vec<&'a Removed>,
    /// The files that are to be removed, but have other bytes than the far side's inventory lists.
    pub(super) changed: Vec<&'a Removed>,
    /// The number of files that the folder has.
    pub(super) there: usize,
}

impl<'a> Goal<'a> {
    /// Compares a vendor folder with the goal; files of the right size are hashed.
    ///
    /// # Errors
    /// Usage, if another file is at a path and the vendor folder does not list it; integrity, if the
    /// folder has another file in the place of the index; those of reading.
    pub(super) fn diff(&self, root: &RootedPath) -> Result<FolderDiff<'a>> {
        let owned = Owned::read(root)?;
        merge::check_index(root.path())?;
        let mut diff = FolderDiff::default();
        let files = self.inventory.lines().iter().filter(|line| !merge::is_merged(&line.path));
        for line in files {
            match state(&root.join(&line.path), line)? {
                State::Right => diff.there += 1,
                State::Other => {
                    owned.check(root, &line.path)?;
                    diff.add(line);
                }
                State::Absent => diff.add(line),
            }
        }
        for removed in self.removed {
            let line = Line::new(removed.path.clone(), (removed.sha256, u64::MAX), FileKind::Tool);
            let path = &removed.path;
            if !owned.has(path) {
                continue;
            }
            match state(&root.join(path), &line)? {
                State::Right => diff.extra.push(removed),
                State::Other => diff.changed.push(removed),
                State::Absent => {}
            }
        }
        Ok(diff)
    }

    /// Gives the needed files their names, merges the index and then the manifest, and removes the
    /// extra files.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn publish(
        &self,
        diff: &FolderDiff<'_>,
        lists: &Lists,
        (root, staged): (&RootedPath, &Staged),
    ) -> Result<()> {
        let mut left: HashMap<Digest, usize> = HashMap::new();
        diff.needed.iter().for_each(|line| *left.entry(line.sha256).or_default() += 1);
        for line in &diff.needed {
            let count = left.entry(line.sha256).or_default();
            *count -= 1;
            let file = (line.path.as_str(), line.executable);
            staged.publish(&line.sha256, file, *count == 0)?;
        }
        let above = |line: &&Line| line.path.rsplit_once('/').map_or(0, |(folder, _)| folder.len());
        staged.sync(diff.needed.iter().map(|line| &line.path[..above(line)]))?;
        lists.merge_index(root.path(), self.inventory.find(merge::INDEX), self.removed)?;
        if !diff.extra.is_empty() {
            staged.keep_removing(diff.extra.iter().map(|removed| removed.path.as_str()))?;
        }
        lists.merge_manifest(root.path(), self.removed)?;
        diff.extra.iter().try_for_each(|removed| remove(root, &removed.path))?;
        if !diff.extra.is_empty() {
            staged.end_removing()?;
        }
        self.remove_empty_folders(root);
        Ok(())
    }

    /// Removes the empty folders of the removed files, also of those that an earlier run has
    /// removed. A folder that cannot be removed stays until the next run.
    pub(super) fn remove_empty_folders(&self, root: &RootedPath) {
        for removed in self.removed {
            let _ = empty_folders::remove_above(root, &removed.path);
        }
    }
}

impl<'a> FolderDiff<'a> {
    fn add(&mut self, line: &'a Line) {
        match line.is_carried() {
            true => self.needed.push(line),
            false => self.missing.push(line),
        }
    }

    /// Returns whether no file has to change.
    pub(super) fn is_reached(&self) -> bool {
        self.needed.is_empty() && self.missing.is_empty() && self.extra.is_empty()
    }
}

enum State {
    Absent,
    Right,
    Other,
}

/// Returns the state of a file. A size of `u64::MAX` is not known.
fn state(path: &RootedPath, line: &Line) -> Result<State> {
    let doing = || format!("read `{path}`");
    let Some(stat) = path.stat().doing(doing)? else { return Ok(State::Absent) };
    if stat.kind == EntryKind::Folder {
        return Err(Error::usage(format!("`{path}` is a folder, but a file in the bundle"))
            .hint("name another folder with --output, or move this one away"));
    }
    let is_possible = line.size == u64::MAX || stat.size == line.size;
    if stat.kind != EntryKind::File || !is_possible {
        return Ok(State::Other);
    }
    let (found, _) = path.read().and_then(|mut file| verify::hash(&mut file)).doing(doing)?;
    Ok(if found == line.sha256 { State::Right } else { State::Other })
}

/// The files that belong to a vendor folder: a bundle must not replace or remove a file of the user
/// that has the same name.
struct Owned {
    manifest: Option<Manifest>,
    has_bazel: bool,
    removing: HashSet<String>,
}

impl Owned {
    fn read(root: &RootedPath) -> Result<Owned> {
        let mark = root.join(BAZEL_MARK);
        Ok(Owned {
            manifest: Manifest::read(root.path())?,
            has_bazel: mark.is_file().doing(|| format!("read `{mark}`"))?,
            removing: Staged::removing(root)?,
        })
    }

    fn has(&self, path: &str) -> bool {
        let listed = self.manifest.as_ref().map(Manifest::entries).unwrap_or_default();
        listed.binary_search_by(|entry| entry.path.as_str().cmp(path)).is_ok()
            || is_layout_file(path)
            || (self.has_bazel && path.starts_with(BAZEL_PREFIX))
            || path.rsplit('/').next() == Some(ATTRIBUTES)
            || self.removing.contains(path)
    }

    fn check(&self, root: &RootedPath, path: &str) -> Result<()> {
        if self.has(path) {
            return Ok(());
        }
        Err(Error::usage(format!("`{}` does not belong to the vendor folder", root.join(path)))
            .fact("found", "another file, which no manifest lists")
            .hint("move the file away, or name another folder with --output"))
    }
}

/// The folder of the files that Bazel needs.
const BAZEL_PREFIX: &str = "bazel/";

/// Returns whether a path is that of a file in the image layout.
fn is_layout_file(path: &str) -> bool {
    let Some(path) = path.strip_prefix("images/") else { return false };
    let blob = path.strip_prefix("blobs/sha256/");
    path == "oci-layout" || blob.is_some_and(|name| name.parse::<Digest>().is_ok())
}

fn remove(root: &RootedPath, path: &str) -> Result<()> {
    let file = root.join(path);
    let removed = file.folder().and_then(|folder| folder.remove_if_there(file.name()));
    removed.doing(|| format!("remove `{file}`"))
}
