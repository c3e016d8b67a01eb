//! The names of a run's images where these keep the names of their sources.

use std::collections::{HashMap, HashSet};

use super::CopyRoute;
use airgap_oci::Reference;

/// The names that several images of a run would have.
pub(super) struct LayoutNames {
    shared: HashSet<Reference>,
}

impl LayoutNames {
    /// Creates the set from the sources of all images.
    pub(super) fn new<'a>(routes: impl Iterator<Item = &'a CopyRoute>) -> LayoutNames {
        let mut first: HashMap<Reference, &Reference> = HashMap::new();
        let mut shared = HashSet::new();
        for CopyRoute { source, .. } in routes {
            let name = source.by_name();
            if **first.entry(name.clone()).or_insert(source) != *source {
                shared.insert(name);
            }
        }
        LayoutNames { shared }
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
