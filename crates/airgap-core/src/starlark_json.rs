//! The JSON documents that Starlark writes for this program.

use serde::de::DeserializeOwned;

use crate::bounded;
use crate::error::{Error, Result};

/// Parses a document. `versions` returns the document's format version and the version that this
/// program supports.
///
/// # Errors
/// Usage, if the document is not valid or has another version.
pub fn parse<T: DeserializeOwned>(
    text: &str,
    origin: &str,
    versions: impl Fn(&T) -> (u32, u32),
) -> Result<T> {
    let request = bounded::json(text).map_err(|error| {
        Error::usage(format!("the request in `{origin}` is not valid")).because(error)
    })?;
    match versions(&request) {
        (found, known) if found != known => {
            Err(Error::usage(format!("the request in `{origin}` has an unknown format"))
                .fact("expected", known)
                .fact("found", found)
                .hint(
                    "the helper and rules_wasm_airgap have different versions; use those of one \
                     release",
                ))
        }
        _ => Ok(request),
    }
}
