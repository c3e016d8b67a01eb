//! The kinds of vendored things: tools, WIT packages and components.
//!
//! A kind is a module here with its search (`Resolvable` in `resolver`), its vendor folder and its
//! BUILD file. A kind that is one published file is searched by `pinned_file`. The row in
//! [`VendoredKind`](airgap_core::kind::VendoredKind) registers it: its name, its folders and the
//! command that fills them.

pub mod component;
pub(crate) mod pinned_file;
pub mod tool;
mod wasm_artifact;
pub mod wit;
