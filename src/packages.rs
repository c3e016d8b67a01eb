//! WIT packages on their way here: found, fetched and verified, one at a time.
//!
//! ```text
//! PackageId --routes--> where it may come from --fetch--> Published (verified) --source--> WIT
//! ```
//!
//! What was published stays beside what was made of it, so that the pinned digest can be checked at
//! every use: the text of a package is never taken from anywhere but its verified file.

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
