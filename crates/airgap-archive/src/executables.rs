//! The executables of a tool: their places in its tree, and their permission to execute.

use std::fs;
use std::path::Path;

use airgap_core::error::{Context, Result};
use airgap_core::folder::Folder;

/// Returns the paths at which an executable may be in a tree, with `/` on every platform. A name
/// without a folder may also be in `bin`.
pub fn places(wanted: &str, is_windows: bool) -> Vec<String> {
    let file = format!("{wanted}{}", if is_windows { ".exe" } else { "" });
    match wanted.contains('/') {
        true => vec![file],
        false => vec![file.clone(), format!("bin/{file}")],
    }
}

/// Makes the named files executable if they are in the tree. Every link in a tree ends inside the
/// tree, and no other user can write to a tree that is still hidden.
pub(super) fn allow(tree: &Path, executables: &[String]) -> Result<()> {
    for wanted in executables {
        let places = [false, true].map(|is_windows| places(wanted, is_windows)).concat();
        for place in places {
            let path = tree.join(place);
            if !airgap_core::user_path::is_file(&path)? {
                continue;
            }
            let doing = || format!("make `{}` executable", path.display());
            let end = fs::canonicalize(&path).doing(doing)?;
            let (Some(parent), Some(name)) = (end.parent(), end.file_name()) else { continue };
            Folder::open(parent).and_then(|folder| folder.allow_execution(name)).doing(doing)?;
        }
    }
    Ok(())
}
