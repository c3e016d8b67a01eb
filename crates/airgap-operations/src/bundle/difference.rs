//! The difference between two bundles, vendor folders or inventories.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use airgap_core::error::Result;
use airgap_core::rooted::RootedPath;
use airgap_core::user_path;

use super::BUNDLE_FILE;
use super::inventory::Inventory;
use super::opened::Bundle;
use super::source::inventory_of;

/// The paths in which two lists of files differ, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The paths that only the first has.
    pub only_first: Vec<String>,
    /// The paths that only the second has.
    pub only_second: Vec<String>,
    /// The paths that both have, with other bytes.
    pub changed: Vec<String>,
}

impl Difference {
    /// Returns whether the lists are equal.
    pub fn is_empty(&self) -> bool {
        self.only_first.is_empty() && self.only_second.is_empty() && self.changed.is_empty()
    }

    /// Returns the difference for people, one path in a line.
    pub fn text(&self) -> String {
        let marked = [('-', &self.only_first), ('+', &self.only_second), ('!', &self.changed)];
        let mut lines: Vec<_> = marked
            .into_iter()
            .flat_map(|(mark, paths)| paths.iter().map(move |path| (path, mark)))
            .collect();
        lines.sort();
        lines.into_iter().map(|(path, mark)| format!("{mark} {path}\n")).collect()
    }
}

/// Compares two lists of files. Each is a bundle, a vendor folder, whose files are hashed, or a file
/// with an inventory.
///
/// # Errors
/// Those of reading them.
pub fn difference(first: &Path, second: &Path) -> Result<Difference> {
    let (first, second) = (files_of(first)?, files_of(second)?);
    let paths = |inventory: &Inventory| -> BTreeSet<String> {
        inventory.lines().iter().map(|line| line.path.clone()).collect()
    };
    let (in_first, in_second) = (paths(&first), paths(&second));
    let differs = |path: &&String| {
        first.find(path).map(|line| line.sha256) != second.find(path).map(|line| line.sha256)
    };
    Ok(Difference {
        only_first: in_first.difference(&in_second).cloned().collect(),
        only_second: in_second.difference(&in_first).cloned().collect(),
        changed: in_first.intersection(&in_second).filter(differs).cloned().collect(),
    })
}

fn files_of(path: &Path) -> Result<Inventory> {
    if user_path::is_file(path)? {
        return Inventory::read(path);
    }
    let is_bundle = RootedPath::from_trusted(path).join(BUNDLE_FILE).is_file().unwrap_or(false);
    match is_bundle {
        true => Ok(Bundle::open(path)?.inventory().clone()),
        false => inventory_of(path),
    }
}
