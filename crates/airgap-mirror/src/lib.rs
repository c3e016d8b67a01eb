//! Container images: the images of a chart or of manifests, and their destinations for a cluster
//! that reaches only a private registry.

#![warn(unreachable_pub)]
// Tests create folders directly.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod allow_list;
pub mod chart;
pub mod check;
pub mod copy;
pub mod existence;
pub mod helm;
pub mod helm_values;
pub mod image_occurrence;
pub mod inventory;
pub mod json_patch;
pub mod kustomization;
pub mod kustomize;
pub mod list_format;
pub mod manifests;
pub mod mirror_list;
pub mod mirror_lock;
pub mod pull_policy;
pub mod reference;
pub mod registry_path;
pub mod scan;
pub mod yaml;

mod field_path;
mod image_parts;
mod image_text;
mod plain_list;
mod purpose;

pub use allow_list::AllowList;
pub use chart::Chart;
pub use image_occurrence::{ImageOccurrence, OccurrenceKind, Resource};
pub use list_format::ListFormat;
pub use mirror_list::{MirrorEntry, MirrorList, NewEntry};
pub use mirror_lock::MirrorLock;
pub use reference::ImageReference;
pub use registry_path::RegistryPath;
