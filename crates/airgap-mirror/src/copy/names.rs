//! The names of a run's images where these keep the names of their sources.

use std::collections::{HashMap, HashSet};

use super::Way;
use airgap_oci::Reference;

/// The names that several images of a run would have.
pub(super) struct Names {
    shared: HashSet<Reference>,
}

impl Names {
    /// Creates the set from the sources of all images.
    pub(super) fn of<'a>(ways: impl Iterator<Item = &'a Way>) -> Names {
        let mut first: HashMap<Reference, &Reference> = HashMap::new();
        let mut shared = HashSet::new();
        for Way { source, .. } in ways {
            let name = source.by_name();
            if **first.entry(name.clone()).or_insert(source) != *source {
                shared.insert(name);
            }
        }
        Names { shared }
    }

    /// Returns the name for this source: its tag, or its digest if another image has the same tag
    /// and one would overwrite the other's name.
    pub(super) fn name(&self, source: &Reference) -> Reference {
        let name = source.by_name();
        match source.digest() {
            Some(digest) if self.shared.contains(&name) => source.repository().at(*digest),
            _ => name,
        }
    }
}
