//! Extraction: the extracted tree, refused archives, and that a refusal leaves no file.

// Tests create their own folders.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used, unreachable_pub)]

#[path = "support/archives.rs"]
mod archives;

#[path = "extract/accepted.rs"]
mod accepted;
#[path = "extract/damaged.rs"]
mod damaged;
#[path = "extract/links.rs"]
mod links;
#[path = "extract/published.rs"]
mod published;
#[path = "extract/refused.rs"]
mod refused;
#[path = "extract/unpacking.rs"]
mod unpacking;
#[path = "extract/zips.rs"]
mod zips;
