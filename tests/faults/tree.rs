//! The content of a folder: types, modes, link targets and digests.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use crate::sandbox::sha256;

/// The number of differences in a message.
const SAID: usize = 3;

/// Each path with its type and content.
pub type Tree = BTreeMap<String, String>;

/// Lists a folder. Links are not followed, and only regular files are read.
pub fn list(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    for entry in walkdir::WalkDir::new(folder).min_depth(1) {
        let entry = entry.unwrap();
        let (path, kind) = (entry.path(), entry.file_type());
        let name = path.strip_prefix(folder).unwrap().display().to_string();
        let meta = entry.metadata().unwrap();
        let mode = meta.permissions().mode() & 0o7777;
        let description = if kind.is_symlink() {
            format!("link to {}", fs::read_link(path).unwrap().display())
        } else if kind.is_dir() {
            format!("folder {mode:o}")
        } else if kind.is_fifo() {
            "FIFO".to_owned()
        } else if meta.len() > 256 << 20 {
            format!("file {mode:o} of {} bytes", meta.len())
        } else {
            format!("file {mode:o} {}", sha256(&fs::read(path).unwrap()))
        };
        tree.insert(name, description);
    }
    tree
}

/// Describes how two trees differ; returns an empty string if they are equal.
pub fn difference(expected: &Tree, found: &Tree) -> String {
    let mut lines = Vec::new();
    for (name, description) in expected {
        match found.get(name) {
            None => lines.push(format!("missing {name}")),
            Some(other) if other != description => {
                lines.push(format!("{name}: {other}, not {description}"))
            }
            Some(_) => {}
        }
    }
    let more = found.iter().filter(|(name, _)| !expected.contains_key(*name));
    lines.extend(more.map(|(name, what)| format!("left over {name} ({what})")));
    let more = lines.len().saturating_sub(SAID);
    lines.truncate(SAID);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines.join("; ")
}
