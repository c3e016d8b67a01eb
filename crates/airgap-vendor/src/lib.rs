//! Tools, WIT packages and components, from a request to a vendor folder or a build.
//!
//! ```text
//! request + policy --plan--> Plan --fetch--> Unverified --verify--> Verified --extract, emit-->
//! ```

#![warn(unreachable_pub)]
// Tests lay out their own folders.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod build_file;
pub mod catalog;
pub mod clients;
pub mod guess;
pub mod kinds;
pub mod manifest;
pub mod plan;
pub mod request;
mod resolver;
pub mod unpacked;
pub mod vendor;
