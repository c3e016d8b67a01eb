//! The blobs of a copy, each with the repositories that need it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::endpoint::{ImageSource, ImageTarget};
use super::plan::{ImageState, PlannedImage};
use airgap_core::digest::Digest;
use airgap_oci::Repository;

/// A blob with the repositories that need it.
pub(super) struct Batch {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) needs: Vec<Need>,
}

/// A repository that needs a blob.
pub(super) struct Need {
    /// The indexes of the images that need it there.
    pub(super) images: Vec<usize>,
    pub(super) from: Arc<Repository>,
    pub(super) to: Arc<Repository>,
    /// A repository that has the blob, from which it can be mounted.
    pub(super) known: Option<Arc<Repository>>,
}

/// Returns every blob with the repositories that need it, in the order of the images, and the
/// number of blobs that each image needs.
pub(super) fn batches(
    images: &[PlannedImage],
    source: &dyn ImageSource,
    target: &dyn ImageTarget,
) -> (Vec<Batch>, Vec<usize>) {
    let mut builder = Builder::new(source, target);
    images.iter().for_each(|image| builder.add_known(&image.state()));
    let images = images.iter().enumerate();
    let counts = images.map(|(nth, image)| builder.add_image(nth, &image.state())).collect();
    (builder.batches, counts)
}

/// The batches so far, and the values that they share.
struct Builder<'a> {
    source: &'a dyn ImageSource,
    target: &'a dyn ImageTarget,
    batches: Vec<Batch>,
    /// The index of the batch for a blob in a mount scope.
    places: HashMap<(Arc<str>, Digest, u64), usize>,
    /// The index of the need in a batch: several images of one repository need a blob once.
    needs: HashMap<(usize, Arc<Repository>, Arc<Repository>), usize>,
    /// The repository at the target that has a blob, in a mount scope.
    known: HashMap<(Arc<str>, Digest), Arc<Repository>>,
    repositories: HashMap<Repository, Arc<Repository>>,
    mount_scopes: HashMap<String, Arc<str>>,
}

/// The way of the blobs of one image.
struct BlobRoute {
    from: Arc<Repository>,
    to: Arc<Repository>,
    mount_scope: Arc<str>,
    /// Whether the target can mount blobs of the source.
    in_mount_scope: bool,
}

impl<'a> Builder<'a> {
    fn new(source: &'a dyn ImageSource, target: &'a dyn ImageTarget) -> Builder<'a> {
        Builder {
            source,
            target,
            batches: Vec::new(),
            places: HashMap::new(),
            needs: HashMap::new(),
            known: HashMap::new(),
            repositories: HashMap::new(),
            mount_scopes: HashMap::new(),
        }
    }

    /// Remembers the blobs of an image that is at the destination.
    fn add_known(&mut self, state: &ImageState) {
        let (Some(to), None) = (&state.to, &state.error) else { return };
        let mount_scope = self.mount_scope(to.repository());
        let to = shared(&mut self.repositories, to.repository().clone());
        for digest in &state.there {
            self.known.entry((mount_scope.clone(), *digest)).or_insert_with(|| to.clone());
        }
    }

    /// Adds the blobs of an image that is to be copied; returns their number.
    fn add_image(&mut self, nth: usize, state: &ImageState) -> usize {
        let (true, Some(from), Some(to)) = (state.is_to_be_copied(), &state.from, &state.to) else {
            return 0;
        };
        let route = self.route(from, to.repository());
        let mut count = 0;
        for (digest, size) in state.tree.blobs() {
            let batch = self.batch(&route, digest, size);
            let need = self.need(&route, batch);
            self.batches[batch].needs[need].images.push(nth);
            count += 1;
        }
        count
    }

    fn route(&mut self, from: &Repository, to: &Repository) -> BlobRoute {
        let mount_scope = self.mount_scope(to);
        let from = shared(&mut self.repositories, from.clone());
        let to = shared(&mut self.repositories, to.clone());
        let in_mount_scope = self.source.is_in_mount_scope(&from, &mount_scope);
        BlobRoute { from, to, mount_scope, in_mount_scope }
    }

    fn mount_scope(&mut self, to: &Repository) -> Arc<str> {
        shared(&mut self.mount_scopes, self.target.mount_scope(to))
    }

    /// Returns the index of the batch for a blob.
    fn batch(&mut self, route: &BlobRoute, digest: Digest, size: u64) -> usize {
        let place = (route.mount_scope.clone(), digest, size);
        *self.places.entry(place).or_insert_with(|| {
            // Most blobs have one need, and there may be very many blobs: capacity for one saves
            // memory.
            self.batches.push(Batch { digest, size, needs: Vec::with_capacity(1) });
            self.batches.len() - 1
        })
    }

    /// Returns the index of the need for a blob on this way.
    fn need(&mut self, route: &BlobRoute, batch: usize) -> usize {
        let BlobRoute { from, to, mount_scope, in_mount_scope } = route;
        let Batch { digest, needs, .. } = &mut self.batches[batch];
        *self.needs.entry((batch, from.clone(), to.clone())).or_insert_with(|| {
            let known = match in_mount_scope {
                true => Some(from.clone()),
                false => self.known.get(&(mount_scope.clone(), *digest)).cloned(),
            };
            let (from, to) = (from.clone(), to.clone());
            needs.push(Need { images: Vec::with_capacity(1), from, to, known });
            needs.len() - 1
        })
    }
}

/// Returns the shared copy of equal values.
fn shared<K: Eq + Hash + Clone, T>(all: &mut HashMap<K, Arc<T>>, value: K) -> Arc<T>
where
    T: ?Sized,
    Arc<T>: From<K>,
{
    all.entry(value).or_insert_with_key(|it| Arc::from(it.clone())).clone()
}
