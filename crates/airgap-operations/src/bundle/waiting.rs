//! Bundles that were applied before the bundle with the files on which they build.
//!
//! Such a bundle is staged whole, with its inventory, and changes nothing. When another bundle
//! brings the missing files, it is published, and the order in which the two were applied
//! makes no difference.

use serde::{Deserialize, Serialize};

use airgap_core::bounded;
use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::read;
use airgap_core::report;
use airgap_core::rooted::RootedPath;
use airgap_core::store;

use super::inventory::{self, Inventory};
use super::merge::Lists;
use super::opened::Bundle;
use super::publish::Goal;
use super::removed::Removed;
use super::staged::Staged;

/// The endings of the two files of a waiting bundle. The second is written last.
const INVENTORY: &str = ".inventory";
const NOTE: &str = ".waiting";

/// The most values in a note.
const MOST_VALUES: usize = 1_000_000;

/// The second file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    inventory: Digest,
    removed: Vec<Removed>,
}

/// Keeps the lists of a bundle beside its staged contents.
pub(super) fn keep(bundle: &Bundle, staged: &Staged) -> Result<()> {
    let id = bundle.id();
    let text = bundle.inventory().text()?;
    store::write_atomically(&staged.place(&format!("{id}{INVENTORY}")), text.as_bytes())?;
    let removed = bundle.description.removed.clone();
    let note = Note { inventory: Digest::compute(text.as_bytes()), removed };
    let note = report::json_file(&note)
        .map_err(|error| Error::new(ErrorKind::Failed, "cannot write JSON").because(error))?;
    store::write_atomically(&staged.place(&format!("{id}{NOTE}")), note.as_bytes())
}

/// Publishes the waiting bundles that are now complete, and returns whether others still wait.
pub(super) fn publish_all(root: &RootedPath, staged: &Staged) -> Result<bool> {
    loop {
        let ids: Vec<_> = ids(staged)?;
        let mut is_changed = false;
        for id in &ids {
            if publish(id, root, staged)? {
                staged.remove_file(&format!("{id}{NOTE}"))?;
                staged.remove_file(&format!("{id}{INVENTORY}"))?;
                is_changed = true;
            }
        }
        if !is_changed {
            return Ok(!ids.is_empty());
        }
    }
}

/// Returns whether a bundle waits.
pub(super) fn are_some(staged: &Staged) -> Result<bool> {
    Ok(!ids(staged)?.is_empty())
}

/// Returns the identities of the waiting bundles.
fn ids(staged: &Staged) -> Result<Vec<Digest>> {
    let names = staged.names()?.into_iter();
    Ok(names.filter_map(|name| name.strip_suffix(NOTE)?.parse().ok()).collect())
}

/// Publishes one bundle if it is complete, and returns whether it did.
fn publish(id: &Digest, root: &RootedPath, staged: &Staged) -> Result<bool> {
    let Some((inventory, removed)) = lists(id, staged)? else { return Ok(true) };
    let goal = Goal { inventory: &inventory, removed: &removed };
    let diff = goal.diff(root)?;
    if !diff.missing.is_empty() {
        return Ok(false);
    }
    let lists = Lists::read(&inventory, root.path(), staged)?;
    goal.publish(&diff, &lists, (root, staged))?;
    Ok(true)
}

/// Reads the lists of a waiting bundle; `None` if they are damaged, which applying it again repairs.
fn lists(id: &Digest, staged: &Staged) -> Result<Option<(Inventory, Vec<Removed>)>> {
    let read = |ending: &str| {
        let place = staged.place(&format!("{id}{ending}"));
        read::rooted_bytes(&place, inventory::MOST_BYTES).map(Option::unwrap_or_default)
    };
    let (text, note) = (read(INVENTORY)?, read(NOTE)?);
    let Ok(note) = bounded::json_within::<Note>(&note, MOST_VALUES) else { return Ok(None) };
    if Digest::compute(&text) != note.inventory {
        return Ok(None);
    }
    let Ok(inventory) = Inventory::parse(&text, "the inventory of a waiting bundle") else {
        return Ok(None);
    };
    Ok(Some((inventory, note.removed)))
}
