//! The lowest crate of `wasm-airgap`: names, digests and errors, paths that follow no link, files
//! that are whole or absent, and all printing.

#![warn(unreachable_pub)]
// Tests lay out their own folders.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

// Names and values: no input or output.
pub mod artifact;
pub mod bounded;
pub mod digest;
pub mod git_annex;
pub mod kind;
pub mod outcome;
pub mod package;
pub mod path_component;
pub mod platform;
pub mod quantity;
pub mod settings;
pub mod system_files;
pub mod version;

// Errors, the rule by which one ends a search, and the secrets that no output may show.
pub mod error;
pub mod search;
pub mod secrets;
pub mod suggest;
pub mod wrong_content;

// Files: folders by their handles, reading with limits, and writing that completes or leaves nothing.
pub mod folder;
pub mod free_space;
pub mod listing;
pub mod read;
pub mod regular_file;
pub mod rooted;
pub mod store;
pub mod user_path;
pub mod verify;

// Stored credentials, in the files of other programs.
pub mod credentials;

// The process and its surroundings: variables, Bazel, the network, threads and other programs.
pub mod bazel;
pub mod child;
pub mod environment;
pub mod network;
pub mod runfiles;
pub mod starlark_json;
pub mod workers;
pub mod workspace;

// The output.
pub mod report;
pub mod shell;
