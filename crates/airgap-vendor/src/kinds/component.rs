//! WebAssembly components: found, fetched, verified, vendored, and checked to be components.
//!
//! ```text
//! words --WantedComponent--> name, reference, pin --resolve--> vendored file or a registry's --> Fetched
//! ```
//!
//! A component can be pinned by the digest of its content, which is its file's SHA-256, or by the
//! digest of its manifest, which names the content's. If a vendored file is pinned by its manifest,
//! the manifest lies beside it and is part of the proof.

mod components;
mod expected;
mod fetched;
mod folders;
mod local;
mod pull;
mod search;
mod vendor;
mod vendored;
mod wanted;

pub use components::Components;
pub use fetched::{Fetched, Purpose};
pub use local::{LocalComponent, Named, PinKind, check, manifest_of};
pub use vendor::{ComponentJob, unpinned, vendor_components, write_component_build};
pub use wanted::{Pin, WantedComponent};

/// Returns the name of a component's file in vendor folders.
pub fn wasm_name(name: &airgap_core::path_component::PathComponent) -> String {
    format!("{name}.wasm")
}
