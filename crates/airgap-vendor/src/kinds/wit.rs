//! WIT packages: found, fetched, verified and vendored with all their dependencies.
//!
//! ```text
//! PackageId --Packages--> WantedPackage --resolve--> Published (verified) --source--> WIT
//! ```
//!
//! The published file stays beside the files that were made from it, so that the pinned digest can
//! be checked at every use: the text of a package is always taken from its verified file.

mod build_file;
mod fetched;
mod folders;
mod known_versions;
mod listed;
mod packages;
mod published;
mod pull;
mod search;
mod vendor;
mod wanted;

pub use build_file::WitRepository;
pub use fetched::{Content, Fetched};
pub use folders::{Adopted, FolderPackage, FolderSearch, Pinned, find_in_folders};
pub use packages::{Available, PackageState, Packages};
pub use published::{Form, Published, wasm_name};
pub use vendor::{WitJob, WitSummary, check_wit, vendor_wit};
