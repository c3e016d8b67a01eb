//! Images by the ends of their paths.

use std::collections::HashSet;

use crate::reference::ImageReference;

/// The paths of a set of images, with each of their ends: `istio/pilot` and `pilot`.
#[derive(Default)]
pub(super) struct Paths<'a>(HashSet<&'a str>);

impl<'a> Paths<'a> {
    /// Returns whether the path of an image equals or ends a path in the set, with any registry and
    /// tag: a template may put a prefix before a value.
    pub(super) fn has_one_with(&self, image: &ImageReference) -> bool {
        self.0.contains(image.path())
    }
}

impl<'a> FromIterator<&'a ImageReference> for Paths<'a> {
    fn from_iter<I: IntoIterator<Item = &'a ImageReference>>(images: I) -> Paths<'a> {
        Paths(images.into_iter().flat_map(|image| ends(image.path())).collect())
    }
}

/// Returns a path and each of its ends, from the longest to the shortest.
pub(super) fn ends(path: &str) -> impl Iterator<Item = &str> {
    let starts = path.match_indices('/').map(|(at, _)| at + 1);
    std::iter::once(0).chain(starts).map(|start| &path[start..])
}
