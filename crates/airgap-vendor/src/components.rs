//! Finds, fetches and verifies WebAssembly components, and checks that they are components.
//!
//! ```text
//! words --Wanted--> name, reference, pin --obtain--> vendored file, or a registry's --> Fetched
//! ```
//!
//! A component can be pinned by the digest of its content, which is its file's SHA-256, or by the
//! digest of its manifest, which names the content's. If a vendored file is pinned by its manifest,
//! the manifest lies beside it and is part of the proof.

mod expected;
mod folders;
mod held;
mod pull;
mod sources;
mod wanted;

pub use held::{Held, Named, PinKind, check, manifest_of};
pub use sources::{Components, Fetched, Purpose};
pub use wanted::{Pin, Wanted};

/// Returns the name of a component's file in vendor folders.
pub fn wasm_name(name: &airgap_core::path_component::PathComponent) -> String {
    format!("{name}.wasm")
}
