//! Helm templates, evaluated as far as they need neither a cluster nor a release.
//!
//! What is not known is a hole: a character that no file has. It goes through every function, so
//! that text with a hole in it is never taken for something that was told; where a condition has
//! one, both branches are evaluated. So what comes out is what Helm would write, or more, or says
//! that it does not know.

mod functions;
mod machine;
mod parse;

pub(super) use machine::{Machine, hole, mapping, text};

/// What stands for the unknown. It is no character, and is taken out of all input.
pub(super) const HOLE: char = '\u{fdd0}';

/// Why a template could not be read or evaluated, and in which line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) line: u32,
    pub(super) problem: String,
}

#[cfg(test)]
mod tests;
