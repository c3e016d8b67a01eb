//! WIT packages: their declarations, their dependencies, and the check that they fit together.
//!
//! The Bytecode Alliance's own parser, decoder and printer do the work, so that a package that
//! passes here passes in every other tool.
//!
//! A package comes as a published file in the binary format, as text in its place, or as a folder
//! of `.wit` files. All three become a [`WitSource`], which is text. Declarations and uses of a
//! package are always read from the text, so that the result does not depend on the form.

#![warn(unreachable_pub)]
// Tests lay out their own folders.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod binary;
mod catch_panic;
mod component;
mod cycle;
mod declared;
mod file_type;
mod files;
mod library;
mod limits;
mod lock;
mod published;
mod source;

pub use component::Component;
pub use cycle::find_cycle;
pub use declared::DeclaredPackage;
pub use files::{Files, tree_hash};
pub use library::{Dep, File, Library, Made};
pub use lock::{Lock, Locked};
pub use source::WitSource;
