//! Bundles: a vendor folder, image layouts and files of Bazel in one folder for the transfer over
//! the gap.
//!
//! ```text
//! bundle/bundle.json         the identity of the bundle, its parts, and the files that it removes
//! bundle/inventory.jsonl     one line for each file: path, size, digest, kind, purl, place
//! bundle/data.0001.tar       the content, each digest once; the second part is data.0002.tar
//! bundle/sbom.cdx.json       the list of its content for scanners
//! bundle/transfer.tsv        the same list, for the people who approve a transfer
//! bundle/SHA256SUMS          for `sha256sum -c`
//! ```
//!
//! The bytes of a bundle depend on its files alone. A bundle that was made with the inventory of the
//! far side lists all files and carries those that the far side lacks.
//!
//! A bundle comes from another machine and is hostile until its bytes are hashed: paths are checked
//! when the inventory is read, a file is staged under its digest while it is hashed, and no file
//! gets its name before every part was verified.

mod apply;
mod arrangement;
mod bazel_fetch;
mod bazel_options;
pub(crate) mod content;
mod create;
mod delta;
mod difference;
mod index;
mod inventory;
pub(crate) mod line;
mod merge;
mod opened;
mod part_writer;
mod publish;
mod removed;
pub(crate) mod source;
mod split_size;
mod staged;
mod sums;
mod tar;
mod transfer_list;
mod waiting;

pub use apply::{Applied, apply};
pub use bazel_fetch::{BazelFetch, Fetched};
pub use create::{Created, Order, create};
pub use difference::{Difference, difference};
pub use inventory::Inventory;
pub use line::{FileKind, Line, Range};
pub use opened::{Bundle, PartFinding};
pub use source::{LAYOUT_FOLDER, inventory_of};
pub use split_size::SplitSize;

/// The version of the format of a bundle.
const SCHEMA_VERSION: u32 = 1;

/// The names of the files in a bundle.
const BUNDLE_FILE: &str = "bundle.json";
const INVENTORY_FILE: &str = "inventory.jsonl";
const TRANSFER_FILE: &str = "transfer.tsv";
const SBOM_FILE: &str = "sbom.cdx.json";
const SUMS_FILE: &str = "SHA256SUMS";

/// Returns the name of a part, counted from 1.
fn part_name(number: u32) -> String {
    format!("data.{number:04}.tar")
}
