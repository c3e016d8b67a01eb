//! The errors for archives and entries that are not unpacked.

use std::fmt;
use std::io;

use airgap_core::error::{Error, ErrorKind};
use airgap_core::report::is_hidden;

/// The largest number of characters of a name in a message. A name in an archive can be megabytes
/// long or contain terminal control codes.
const SHOWN: usize = 200;

/// Refuses one entry. The reason continues the sentence after its name: "it climbs out of its
/// folder".
pub(super) fn entry(name: &[u8], reason: impl fmt::Display) -> Error {
    Error::integrity(format!("`{}` in the archive is refused: {reason}", shown(name)))
}

/// Refuses the archive as a whole.
pub(super) fn archive(reason: impl fmt::Display) -> Error {
    Error::integrity(format!("the archive is refused: {reason}"))
}

/// Returns the error for an archive that breaks the rules of its format.
pub(super) fn damaged(reason: impl fmt::Display) -> Error {
    Error::integrity(format!("the archive is damaged: {reason}"))
}

/// Returns the error for a failed read. An error of the system is not the archive's fault; an error
/// of a decoder is.
pub(super) fn reading(cause: &io::Error) -> Error {
    match cause.raw_os_error() {
        Some(_) => Error::new(ErrorKind::Failed, "cannot read the archive").because(cause),
        None => damaged(cause),
    }
}

/// Returns a name in a form that is safe to print.
pub(super) fn shown(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(&name[..name.len().min(SHOWN)]);
    let mut text: String = text.chars().flat_map(printable).collect();
    if name.len() > SHOWN {
        text.push_str("...");
    }
    text
}

/// Returns a character unchanged, or its escape if it is invisible or changes the text beside it.
fn printable(c: char) -> impl Iterator<Item = char> {
    let hostile = is_unseen(c);
    let escaped = hostile.then(|| c.escape_default());
    let plain = (!hostile).then_some(c);
    escaped.into_iter().flatten().chain(plain)
}

/// Returns whether a character makes a name read as another one: see [`is_hidden`], without the
/// variation selectors, which are in names of files with emoji.
pub(super) fn is_unseen(c: char) -> bool {
    is_hidden(c) && !matches!(c, '\u{fe00}'..='\u{fe0f}')
}
