//! A hash lookup of the entries of an index: a layout may have half a million of them, and each
//! image of a run is looked up in it.

use std::hash::{BuildHasher, Hash, RandomState};

use crate::manifest::Descriptor;

/// Entries by the hash of a key, 16 bytes for each. The caller of `find` compares the keys.
pub(super) struct Lookup {
    hashes: RandomState,
    /// Hashes and indexes of entries, sorted.
    sorted: Vec<(u64, u32)>,
}

impl Lookup {
    /// Creates a lookup of the entries that have a key.
    pub(super) fn new<'a, K: Hash>(
        entries: &'a [Descriptor],
        key: impl Fn(&'a Descriptor) -> Option<K>,
    ) -> Lookup {
        let hashes = RandomState::new();
        let one = |(index, entry)| Some((hashes.hash_one(key(entry)?), index));
        let mut sorted: Vec<_> = (0..).zip(entries).filter_map(one).collect();
        sorted.sort_unstable();
        Lookup { hashes, sorted }
    }

    /// Returns the entries that may have this key, in their order.
    pub(super) fn find<'a, K: Hash + ?Sized>(
        &'a self,
        entries: &'a [Descriptor],
        key: &K,
    ) -> impl Iterator<Item = &'a Descriptor> + use<'a, K> {
        let hash = self.hashes.hash_one(key);
        let start = self.sorted.partition_point(|(other, _)| *other < hash);
        let same = self.sorted[start..].iter().take_while(move |(other, _)| *other == hash);
        same.filter_map(|(_, index)| entries.get(*index as usize))
    }
}
