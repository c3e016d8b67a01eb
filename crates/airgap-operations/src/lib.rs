//! Operating offline builds: a diagnosis before the build, the proof that a build used no network,
//! transfers over the gap, and lists of the content of a vendor folder.

#![warn(unreachable_pub)]
// Tests create folders directly.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod announced;
mod asked;
pub mod bundle;
pub mod doctor;
mod empty_folders;
pub mod import;
mod kept;
pub mod network_namespace;
pub mod outdated;
pub mod outside;
pub mod prove;
pub mod prune;
mod purl;
mod repository_cache;
pub mod sbom;
