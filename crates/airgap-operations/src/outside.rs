//! The rule that an output is not inside the folder that is read.

use std::path::Path;

use airgap_core::error::{Error, Result};
use airgap_core::user_path;

/// Checks that an output is neither this folder nor inside it, through links.
///
/// # Errors
/// Usage, if it is: the output would change the files that are read, or make the folder one with
/// unlisted files.
pub fn check(output: &Path, folder: &Path) -> Result<()> {
    match user_path::is_within(output, folder) {
        false => Ok(()),
        true => Err(Error::usage(format!(
            "the output `{}` is inside the folder that is read",
            output.display()
        ))
        .fact("folder", folder.display())
        .hint("name a path outside that folder with --output")),
    }
}
