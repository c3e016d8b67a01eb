//! Everything that belongs to an image.

use std::collections::{HashMap, HashSet};

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::oci::{Content, Descriptor, Manifest, Tag, media_type};

/// The most manifests that belong to one image, and the most bytes of them.
const MOST_MANIFESTS: usize = 5_000;
const MOST_BYTES: usize = 64 << 20;

/// The manifests of an image with what is attached to them, as far as they were read.
#[derive(Default)]
pub(super) struct Tree {
    nodes: HashMap<Digest, Node>,
    /// What was asked for, to be asked for once.
    claimed: HashSet<Digest>,
    /// What is attached, and to what.
    pub(super) attached: Vec<(Digest, Descriptor)>,
    /// What is attached by a tag.
    pub(super) tags: Vec<(Tag, Digest)>,
    bytes: usize,
}

/// One manifest.
struct Node {
    manifest: Manifest,
    /// The manifests in it.
    children: Vec<Digest>,
    blobs: Vec<Descriptor>,
}

impl Tree {
    /// Whether nobody has asked for this before.
    pub(super) fn claim(&mut self, digest: Digest) -> bool {
        self.claimed.insert(digest)
    }

    /// Adds a manifest; gives the manifests in it.
    ///
    /// # Errors
    /// Integrity, where it makes no sense, or where there are too many.
    pub(super) fn add(&mut self, manifest: Manifest, image: &str) -> Result<Vec<Descriptor>> {
        self.bytes += manifest.bytes().len();
        if self.nodes.len() == MOST_MANIFESTS || self.bytes > MOST_BYTES {
            return Err(Error::integrity(format!("{image} has too many manifests"))
                .fact("expected", format!("at most {MOST_MANIFESTS}, of {MOST_BYTES} bytes")));
        }
        let (mut children, mut blobs) = (Vec::new(), Vec::new());
        match manifest.content(image)? {
            Content::Image(it) => {
                blobs.push(it.config);
                blobs.extend(it.layers.into_iter().filter(|it| !it.is_foreign()));
            }
            // An index may have something else in it than manifests: a build's cache does.
            Content::Index(index) => {
                (children, blobs) = index
                    .manifests
                    .into_iter()
                    .partition(|it| media_type::is_manifest(&it.media_type));
            }
        }
        let digests = children.iter().map(|it| it.digest).collect();
        let digest = *manifest.digest();
        self.claimed.insert(digest);
        self.nodes.insert(digest, Node { manifest, children: digests, blobs });
        Ok(children)
    }

    /// A manifest that was added.
    pub(super) fn manifest(&self, digest: &Digest) -> Option<&Manifest> {
        self.nodes.get(digest).map(|node| &node.manifest)
    }

    /// The blobs of all manifests, each once, the largest first.
    pub(super) fn blobs(&self) -> Vec<&Descriptor> {
        let mut seen = HashSet::new();
        let all = self.nodes.values().flat_map(|node| &node.blobs);
        let mut blobs: Vec<_> = all.filter(|it| seen.insert((it.digest, it.size))).collect();
        blobs.sort_by_key(|it| (std::cmp::Reverse(it.size), it.digest));
        blobs
    }

    /// A manifest and all in it, those that others need first; what was given out before is left
    /// out. A circle cannot be: nobody can write a digest into what it is the digest of.
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
