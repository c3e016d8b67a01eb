//! The words for what is not unpacked.

use std::fmt;
use std::io;

use crate::error::{Error, Kind};
use crate::report::is_hidden;

/// Names come from strangers and can be megabytes long or drive a terminal.
const SHOWN: usize = 200;

/// Refuses one entry. The reason reads on from its name: "it climbs out of its folder".
pub(super) fn entry(name: &[u8], reason: impl fmt::Display) -> Error {
    Error::integrity(format!("`{}` in the archive is refused: {reason}", shown(name)))
}

/// Refuses the archive as a whole.
pub(super) fn archive(reason: impl fmt::Display) -> Error {
    Error::integrity(format!("the archive is refused: {reason}"))
}

/// An archive that breaks the rules of its format.
pub(super) fn damaged(reason: impl fmt::Display) -> Error {
    Error::integrity(format!("the archive is damaged: {reason}"))
}

/// Reading failed. What the system says is not the archive's fault; what a decoder says is.
pub(super) fn reading(cause: &io::Error) -> Error {
    match cause.raw_os_error() {
        Some(_) => Error::new(Kind::Failed, "cannot read the archive").because(cause),
        None => damaged(cause),
    }
}

/// A name that is safe to print.
pub(super) fn shown(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(&name[..name.len().min(SHOWN)]);
    let mut text: String = text.chars().flat_map(printable).collect();
    if name.len() > SHOWN {
        text.push_str("...");
    }
    text
}

/// Returns a character as it is, or its escape if it is not seen or changes the text beside it.
fn printable(c: char) -> impl Iterator<Item = char> {
    let hostile = is_unseen(c);
    let escaped = hostile.then(|| c.escape_default());
    let plain = (!hostile).then_some(c);
    escaped.into_iter().flatten().chain(plain)
}

/// Returns whether a character makes a name read as another one: see [`is_hidden`], without the
/// selectors of a form, which stand in names of files with pictures.
pub(super) fn is_unseen(c: char) -> bool {
    is_hidden(c) && !matches!(c, '\u{fe00}'..='\u{fe0f}')
}
