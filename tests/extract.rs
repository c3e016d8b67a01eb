//! Extraction: what comes out of an archive, what is refused, and that a refusal leaves no trace.

// Tests lay out their own folders.
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
