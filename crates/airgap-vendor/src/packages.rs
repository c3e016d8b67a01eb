//! Finds, fetches and verifies WIT packages, one at a time.
//!
//! ```text
//! PackageId --routes--> allowed places --fetch--> Published (verified) --source--> WIT
//! ```
//!
//! The published file stays beside the files that were made from it, so that the pinned digest can
//! be checked at every use: the text of a package is always taken from its verified file.

mod fetched;
mod folders;
mod listed;
mod order;
mod published;
mod pull;
mod sources;

pub use fetched::{Content, Fetched};
pub use folders::{Adopted, Found, Looked, Pinned, look};
pub use published::{Form, Published, wasm_name};
pub use sources::{Held, Sources};
