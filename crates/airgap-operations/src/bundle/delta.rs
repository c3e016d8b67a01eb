//! The difference to a vendor folder on the far side, whose inventory alone is known here.

use std::collections::HashSet;

use airgap_core::digest::Digest;

use super::inventory::Inventory;
use super::line::{FileKind, Line};
use super::merge;
use super::removed::Removed;
use super::source::Source;

/// The part of a vendor folder that one command fills. A bundle removes files only from the parts
/// of which it has files.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Area {
    Vendor,
    Images,
    Bazel,
}

/// Returns whether the bundle must carry a file: the far side lacks the file, or merges it.
pub(super) fn must_carry(line: &Line, far: &Inventory) -> bool {
    let there = far.find(&line.path);
    merge::is_merged(&line.path) || there.is_none_or(|there| there.sha256 != line.sha256)
}

/// Returns the digest of the other file that the far side has at the path of this one.
pub(super) fn replaced(line: &Line, far: &Inventory) -> Option<Digest> {
    let there = far.find(&line.path)?;
    (there.sha256 != line.sha256).then_some(there.sha256)
}

/// Returns the files that are to be removed on the far side.
pub(super) fn removed(sources: &[Source], far: &Inventory) -> Vec<Removed> {
    let areas: HashSet<_> = sources.iter().map(|source| area(source.line.kind)).collect();
    let paths: HashSet<_> = sources.iter().map(|source| source.line.path.as_str()).collect();
    let is_gone = |line: &&Line| {
        let is_kept = paths.contains(line.path.as_str()) || line.kind == FileKind::Manifest;
        areas.contains(&area(line.kind)) && !is_kept
    };
    let removed = |line: &Line| Removed { path: line.path.clone(), sha256: line.sha256 };
    far.lines().iter().filter(is_gone).map(removed).collect()
}

fn area(kind: FileKind) -> Area {
    match kind {
        FileKind::Image => Area::Images,
        FileKind::Bazel => Area::Bazel,
        FileKind::Tool | FileKind::Wit | FileKind::Component | FileKind::Manifest => Area::Vendor,
    }
}
