//! Signatures and the like: what is attached to an image.

use serde_json::json;

use crate::oci::{Descriptor, Manifest, media_type};

/// What cosign appends to the tag that it makes of a digest.
pub(super) const SUFFIXES: [&str; 3] = [".sig", ".att", ".sbom"];

/// The index that lists these besides the old ones; nothing where the old ones have them all.
pub(super) fn merged(old: &[Descriptor], new: &[Descriptor]) -> Option<Manifest> {
    let mut all = old.to_vec();
    for descriptor in new {
        if !all.iter().any(|it| it.digest == descriptor.digest) {
            all.push(descriptor.clone());
        }
    }
    (all.len() > old.len()).then(|| {
        let index = json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": all });
        Manifest::new(index.to_string().into_bytes(), media_type::INDEX)
    })
}
