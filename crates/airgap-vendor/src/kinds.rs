//! The kinds of vendored things: tools, WIT packages and components.
//!
//! A kind is a module here with its search (`Resolvable` in `resolver`), its vendor folder
//! and its BUILD file. It is registered by its row in [`Kind`](airgap_core::artifact::Kind), which
//! gives its name, its folders and the command that fills them.

pub mod component;
pub(crate) mod pinned_file;
pub mod tool;
mod wasm_artifact;
pub mod wit;
