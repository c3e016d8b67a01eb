//! WIT packages: what they declare, what they need, and whether they fit together.
//!
//! The Bytecode Alliance's own parser, decoder and printer do the work, so that what passes here
//! passes in every other tool.
//!
//! A package comes as a published file in the binary format, as text in its place, or as a folder
//! of `.wit` files. All three become a [`Source`], which is text: what a package declares and uses
//! is always read out of the text, so that there is one answer, whatever it came as.

mod binary;
mod component;
mod cycle;
mod declared;
mod files;
mod guarded;
mod kind;
mod library;
mod limits;
mod lock;
mod published;
mod source;

pub use component::Component;
pub(crate) use cycle::find_cycle;
pub use declared::Declared;
pub use files::{Files, tree_hash};
pub use library::{Dep, File, Library, Made};
pub use lock::{Lock, Locked};
pub use source::Source;
