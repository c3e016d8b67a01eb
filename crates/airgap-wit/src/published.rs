//! A published file: a WIT package in the binary format, or text in its place as wkg's local
//! registry allows. The error for any other file names its type.

use super::binary;
use super::file_type;
use airgap_core::error::{Error, Result};
use airgap_core::wrong_content::{self, BEGINNING, WrongContent};

/// Returns the text of a published package. For one in the binary format it is the text that
/// `wasm-tools component wit` prints for the package itself.
///
/// The binary format contains the parts of the dependencies that the package uses, without
/// documentation. They are left out, as they are not the whole packages.
///
/// # Errors
/// Integrity, if the file is something else, which the error names.
pub(super) fn text(bytes: Vec<u8>, shown: &str) -> Result<String> {
    if let Some(found) = WrongContent::pointer(&bytes[..bytes.len().min(BEGINNING)]) {
        return Err(found.explain(refused(shown, found.noun())));
    }
    if !file_type::is_wasm(&bytes) {
        return text_form(bytes, shown);
    }
    match file_type::other_wasm(&bytes) {
        None => binary::text(&bytes, shown)?.ok_or_else(|| refused(shown, "a component")),
        Some(found) => Err(refused(shown, &found)),
    }
}

fn text_form(bytes: Vec<u8>, shown: &str) -> Result<String> {
    let text = utf8(bytes, shown)?;
    match file_type::other_text(&text) {
        Some(found) => Err(refused(shown, found)),
        None => Ok(text),
    }
}

/// Returns the text in these bytes.
pub(super) fn utf8(bytes: Vec<u8>, shown: &str) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        match file_type::other_binary(error.as_bytes()) {
            Some(found) => refused(shown, found),
            None => {
                let refused = refused(
                    shown,
                    &format!("data that is neither WebAssembly nor text, at byte {at}"),
                );
                wrong_content::explain_utf16(refused, error.as_bytes(), shown)
            }
        }
    })
}

fn refused(shown: &str, found: &str) -> Error {
    Error::integrity(format!("`{shown}` is not a WIT package"))
        .fact("expected", "a WIT package in the binary format, or its text")
        .fact("found", found)
        .hint("check the name of the package and the registry that serves it")
}
