//! The ground of `wasm-airgap`: names, digests and errors, paths that follow no link, files that are
//! whole or absent, and all printing.

#![warn(unreachable_pub)]
// Tests lay out their own folders.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod annex;
pub mod artifact;
pub mod bazel;
pub mod border;
pub mod bounded;
pub mod child;
pub mod digest;
pub mod environment;
pub mod error;
pub mod folder;
pub mod leftovers;
pub mod listing;
pub mod look;
pub mod network;
pub mod outcome;
pub mod package;
pub mod platform;
pub mod quantity;
pub mod read;
pub mod regular_file;
pub mod report;
pub mod rooted;
pub mod runfiles;
pub mod secrets;
pub mod segment;
pub mod settings;
pub mod stand_in;
pub mod store;
pub mod suggest;
pub mod verify;
pub mod version;
pub mod workers;
pub mod workspace;
