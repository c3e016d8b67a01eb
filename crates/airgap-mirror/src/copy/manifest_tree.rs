//! The manifests and blobs of an image.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_oci::{Content, Descriptor, Manifest, Tag, media_type};

/// The largest number of manifests of one image, and the largest number of their bytes.
const MOST_MANIFESTS: usize = 5_000;
const MOST_BYTES: usize = 64 << 20;

/// The largest memory in bytes for the manifests of all images of a run, until they are copied.
const RUN_BYTES: usize = 96 << 20;

/// The estimated memory in bytes of a manifest besides its own bytes, and of a descriptor in it:
/// until its blob is copied, and with its place in the list of blobs.
const PER_MANIFEST: usize = 400;
const PER_DESCRIPTOR: usize = 400;

/// The memory of the manifests of all images of a run.
#[derive(Clone, Default)]
pub(super) struct MemoryBudget(Arc<AtomicUsize>);

/// A part of a [`MemoryBudget`], which is released when it is dropped.
#[derive(Default)]
struct Reservation {
    budget: MemoryBudget,
    bytes: usize,
}

impl Reservation {
    /// Takes more memory, if there is room for it.
    fn grow(&mut self, bytes: usize, image: &str) -> Result<()> {
        self.bytes += bytes;
        let taken = self.budget.0.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if taken <= RUN_BYTES {
            return Ok(());
        }
        Err(Error::integrity(format!("the manifests of {image} exceed the limit of the run"))
            .fact("expected", format!("at most {RUN_BYTES} bytes for all images of a run"))
            .fact("found", format!("{taken} bytes, {} of them for this image", self.bytes))
            .hint("copy fewer images in one run, with two lists; or leave out `--recheck`"))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The manifests of an image and its attached manifests, as far as they were read.
#[derive(Default)]
pub(super) struct ManifestTree {
    nodes: HashMap<Digest, ManifestNode>,
    /// The requested digests, each of which is requested once.
    claimed: HashSet<Digest>,
    /// The attached manifests, each with the digest of its subject.
    pub(super) attached: Vec<(Digest, Descriptor)>,
    /// The manifests attached by a tag.
    pub(super) tags: Vec<(Tag, Digest)>,
    /// Whether nondistributable layers are copied too.
    pub(super) with_foreign: bool,
    bytes: usize,
    reservation: Reservation,
}

/// A manifest with the digests that it refers to.
struct ManifestNode {
    manifest: Manifest,
    /// The manifests that it refers to.
    children: Vec<Digest>,
    /// The digests and sizes of its blobs that are copied.
    blobs: Vec<(Digest, u64)>,
    /// The digests and sizes of its nondistributable layers.
    foreign: Vec<(Digest, u64)>,
}

impl ManifestTree {
    /// Creates an empty tree that takes its memory from this room.
    pub(super) fn new(budget: &MemoryBudget) -> ManifestTree {
        ManifestTree {
            reservation: Reservation { budget: budget.clone(), bytes: 0 },
            ..ManifestTree::default()
        }
    }

    /// Adds a manifest that is attached to a manifest of the image.
    ///
    /// # Errors
    /// Integrity, if there is no room for it.
    pub(super) fn attach(&mut self, to: Digest, descriptor: Descriptor, image: &str) -> Result<()> {
        self.reservation.grow(PER_DESCRIPTOR + descriptor.extra(), image)?;
        self.attached.push((to, descriptor));
        Ok(())
    }

    /// Notes that a manifest is requested; returns whether the request is new.
    ///
    /// # Errors
    /// Integrity, if there are too many.
    pub(super) fn claim(&mut self, digest: Digest, image: &str) -> Result<bool> {
        let is_new = self.claimed.insert(digest);
        if self.claimed.len() > MOST_MANIFESTS {
            return Err(too_many(image));
        }
        Ok(is_new)
    }

    /// Takes memory for other data of the image.
    ///
    /// # Errors
    /// Integrity, if there is no room for it.
    pub(super) fn reserve(&mut self, bytes: usize, image: &str) -> Result<()> {
        self.reservation.grow(bytes, image)
    }

    /// Adds a manifest; returns the manifests that it refers to.
    ///
    /// # Errors
    /// Integrity, if it is not valid, or if there are too many.
    pub(super) fn add(&mut self, manifest: Manifest, image: &str) -> Result<Vec<Descriptor>> {
        self.bytes += manifest.bytes().len();
        if self.nodes.len() == MOST_MANIFESTS || self.bytes > MOST_BYTES {
            return Err(too_many(image));
        }
        self.reservation.grow(PER_MANIFEST + manifest.bytes().len(), image)?;
        let (mut children, mut blobs, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
        match manifest.content(image)? {
            Content::Image(it) => {
                blobs.push(it.config);
                let (all, with_foreign) = (it.layers, self.with_foreign);
                foreign.extend(all.iter().filter(|it| it.is_nondistributable()).map(pair));
                blobs
                    .extend(all.into_iter().filter(|it| with_foreign || !it.is_nondistributable()));
            }
            // An index may refer to blobs that are not manifests: a build cache does.
            Content::Index(index) => {
                (children, blobs) = index
                    .manifests
                    .into_iter()
                    .partition(|it| media_type::is_manifest(&it.media_type));
            }
        }
        let descriptors = children.len() + blobs.len() + foreign.len();
        self.reservation.grow(PER_DESCRIPTOR * descriptors, image)?;
        let digests = children.iter().map(|it| it.digest).collect();
        let blobs = blobs.iter().map(pair).collect();
        let digest = *manifest.digest();
        self.claimed.insert(digest);
        self.nodes.insert(digest, ManifestNode { manifest, children: digests, blobs, foreign });
        Ok(children)
    }

    /// Returns a manifest that was added.
    pub(super) fn manifest(&self, digest: &Digest) -> Option<&Manifest> {
        self.nodes.get(digest).map(|node| &node.manifest)
    }

    /// Returns digests and sizes of the blobs of all manifests, each once, the largest first.
    pub(super) fn blobs(&self) -> Vec<(Digest, u64)> {
        let mut blobs: Vec<_> = self.nodes.values().flat_map(|node| node.blobs.clone()).collect();
        blobs.sort_unstable_by_key(|(digest, size)| (std::cmp::Reverse(*size), *digest));
        blobs.dedup();
        blobs
    }

    /// Returns digests and sizes of the layers that are not copied, each once.
    pub(super) fn left_behind(&self) -> Vec<(Digest, u64)> {
        if self.with_foreign {
            return Vec::new();
        }
        let mut left: Vec<_> = self.nodes.values().flat_map(|node| node.foreign.clone()).collect();
        left.sort_unstable();
        left.dedup();
        left
    }

    /// Returns the URLs that the manifests name for a layer.
    pub(super) fn urls(&self, layer: &Digest) -> Vec<String> {
        let has = |node: &&ManifestNode| node.foreign.iter().any(|(digest, _)| digest == layer);
        self.nodes.values().find(has).map(|node| node.manifest.urls(layer)).unwrap_or_default()
    }

    /// Returns whether a manifest, or one that it refers to, has this blob.
    pub(super) fn has_blob(&self, root: &Digest, blob: &Digest) -> bool {
        let manifests = self.in_order(root, &mut HashSet::new());
        let nodes = manifests.into_iter().filter_map(|it| self.nodes.get(it.digest()));
        nodes.flat_map(|node| &node.blobs).any(|(digest, _)| digest == blob)
    }

    /// Returns a manifest and all that it refers to, the referenced ones first, without those that
    /// were returned before. A cycle is impossible: a manifest cannot contain its own digest.
    pub(super) fn in_order<'a>(
        &'a self,
        root: &Digest,
        given: &mut HashSet<Digest>,
    ) -> Vec<&'a Manifest> {
        let mut order = Vec::new();
        let mut left = vec![(*root, false)];
        while let Some((digest, ready)) = left.pop() {
            let Some(node) = self.nodes.get(&digest) else { continue };
            if ready {
                order.push(&node.manifest);
            } else if given.insert(digest) {
                left.push((digest, true));
                left.extend(node.children.iter().rev().map(|child| (*child, false)));
            }
        }
        order
    }
}

fn pair(descriptor: &Descriptor) -> (Digest, u64) {
    (descriptor.digest, descriptor.size)
}

fn too_many(image: &str) -> Error {
    Error::integrity(format!("{image} has too many manifests"))
        .fact("expected", format!("at most {MOST_MANIFESTS}, of {MOST_BYTES} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn digest(nth: usize) -> Digest {
        format!("sha256:{nth:064x}").parse().unwrap()
    }

    /// Creates an index with these manifests in it, and some bytes more.
    fn index(entries: std::ops::Range<usize>, more: usize) -> Manifest {
        let kind = media_type::MANIFEST;
        let mut list = String::new();
        for nth in entries {
            let comma = if list.is_empty() { "" } else { "," };
            let digest = digest(nth);
            write!(list, r#"{comma}{{"mediaType":"{kind}","digest":"sha256:{digest}","size":1}}"#)
                .unwrap();
        }
        let more = " ".repeat(more);
        Manifest::new(format!(r#"{{"manifests":[{list}]}}{more}"#).into_bytes(), media_type::INDEX)
    }

    #[test]
    fn manifests_of_an_image_share_one_limit() {
        let mut tree = ManifestTree::new(&MemoryBudget::default());
        let mut claim = |level: usize| -> Result<()> {
            for child in tree.add(index(level * 1000..level * 1000 + 1000, level), "`a`")? {
                tree.claim(child.digest, "`a`")?;
            }
            Ok(())
        };
        (0..4).for_each(|level| claim(level).unwrap());
        let error = claim(4).unwrap_err().to_string();
        assert!(error.contains("too many manifests") && error.contains("at most 5000"), "{error}");
    }

    #[test]
    fn images_share_a_memory_limit_and_release_it() {
        let budget = MemoryBudget::default();
        let mut trees = Vec::new();
        let error = loop {
            let mut tree = ManifestTree::new(&budget);
            match tree.add(index(0..4000, trees.len()), "`a`") {
                Ok(_) => trees.push(tree),
                Err(error) => break error.to_string(),
            }
        };
        assert!((40..50).contains(&trees.len()), "{}", trees.len());
        assert!(error.contains("at most 100663296 bytes for all images"), "{error}");
        trees.pop();
        assert!(ManifestTree::new(&budget).add(index(0..4000, 0), "`a`").is_ok());
        drop(trees);
        assert_eq!(budget.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn referrers_count_for_the_memory_limit() {
        let mut tree = ManifestTree::new(&MemoryBudget::default());
        let descriptor = Descriptor::new(media_type::MANIFEST, digest(1), 1);
        let mut attach = || tree.attach(digest(0), descriptor.clone(), "`a`");
        let most = (0..1_000_000).take_while(|_| attach().is_ok()).count();
        assert!((100_000..300_000).contains(&most), "{most}");
    }

    #[test]
    fn each_blob_is_listed_once() {
        let blob = |nth: usize, size| {
            format!(r#"{{"mediaType":"x","digest":"sha256:{}","size":{size}}}"#, digest(nth))
        };
        let mut tree = ManifestTree::new(&MemoryBudget::default());
        for (nth, layers) in [[(1, 5), (2, 7), (1, 5)], [(2, 7), (3, 9), (2, 8)]].iter().enumerate()
        {
            let layers: Vec<_> = layers.iter().map(|(nth, size)| blob(*nth, *size)).collect();
            let (config, layers) = (blob(0, nth), layers.join(","));
            let json = format!(r#"{{"config":{config},"layers":[{layers}]}}"#);
            tree.add(Manifest::new(json.into_bytes(), media_type::MANIFEST), "`a`").unwrap();
        }
        let found: Vec<_> = tree.blobs().into_iter().map(|(_, size)| size).collect();
        assert_eq!(found, [9, 8, 7, 5, 1, 0]);
    }
}
