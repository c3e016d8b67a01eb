//! The artifacts that can be components.

use crate::kinds::wasm_artifact::Expected;

/// The demand on an artifact: one layer that may be a component.
pub(super) const EXPECTED: Expected =
    Expected { what: "a component", hint: "check the name, the tag and the digest", accepts };

/// Returns whether a layer of this type can be a component. The bytes decide.
fn accepts(media_type: &str) -> bool {
    // The last one is the type that oras writes by default.
    media_type.contains("wasm")
        || media_type == "application/octet-stream"
        || media_type == "application/vnd.oci.image.layer.v1.tar"
}
