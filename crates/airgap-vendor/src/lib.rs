//! Tools, WIT packages and components, from a request to a vendor folder or a build.
//!
//! ```text
//! request + policy --plan--> Plan --fetch--> Unverified --verify--> Verified --extract, emit-->
//! ```

#![warn(unreachable_pub)]
// Tests lay out their own folders.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod components;
pub mod emit;
pub mod guess;
pub mod manifest;
pub mod packages;
pub mod plan;
pub mod reach;
pub mod registry;
pub mod request;
pub mod vendor;
pub mod vendored_file;
