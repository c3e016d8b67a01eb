//! Air-gapped WebAssembly builds: fetch once, pin by SHA-256, carry across, build with no network.
//!
//! ```text
//! request + environment --resolve--> Plan --fetch--> Unverified --verify--> Verified
//!                                                     --extract--> Tree --emit--> repository
//! ```
//!
//! The stages are modules and the arrows are types: what was not verified cannot be extracted,
//! because that does not compile. The groups of modules stand here in the order of the way.

#![warn(unreachable_pub)]
// Tests lay out their own folders.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

// Vocabulary: parsed types, and the secrets that no output may show; no input or output.
pub(crate) mod annex;
pub mod artifact;
pub(crate) mod bounded;
pub mod digest;
pub mod error;
pub mod package;
pub mod platform;
pub(crate) mod quantity;
pub mod secrets;
pub mod segment;
pub(crate) mod suggest;
pub mod version;
pub mod yaml;

// Resolve: what is wanted and what is allowed, made into a plan.
pub mod bazel;
pub(crate) mod border;
pub mod environment;
pub mod guess;
pub mod listing;
pub mod plan;
pub mod policy;
pub mod registry;
pub mod request;
pub(crate) mod runfiles;
pub mod settings;
pub mod workspace;

// Resolve what OCI registries have; one of them may have to be asked where its packages are.
pub mod registries;

// Fetch: bytes from files, servers and registries into files that are whole or not there.
pub mod fetch;
pub(crate) mod folder;
pub(crate) mod leftovers;
pub(crate) mod look;
pub mod network;
pub mod oci;
pub mod reach;
pub(crate) mod read;
pub(crate) mod regular_file;
pub mod rooted;
pub(crate) mod stand_in;
pub mod store;

// Verify: the only way to bytes that may be used.
pub mod verify;

// Extract: trees out of archives, text out of WIT packages.
pub mod extract;
pub mod wit;

// Emit: BUILD files.
pub mod emit;

// A WIT package and a component the whole way, from wherever they are.
pub mod components;
pub mod packages;

// The other sink of a plan: a folder that goes across the gap.
pub(crate) mod child;
pub mod manifest;
pub mod outcome;
pub mod vendor;
pub(crate) mod vendored_file;
pub mod workers;

// Container images: the other thing that a cluster without a network needs.
pub mod images;

// The person at the terminal.
pub mod cli;
pub mod report;

/// The version of the border between Starlark and this program.
///
/// Repository rules depend on this text and not on the binary: it changes when what they get from
/// the binary for the same input changes, and only then are tools fetched again.
pub const STAMP: &str = "wasm-airgap border 1\n";
