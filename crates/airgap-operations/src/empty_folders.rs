//! The folders that are empty after a file in them was removed.

use std::io::{self, ErrorKind};

use airgap_core::rooted::{RootedPath, is_absence};

/// Removes the folders of a file, as far as they are empty.
///
/// # Errors
/// Those of the file system.
pub(crate) fn remove_above(root: &RootedPath, path: &str) -> io::Result<()> {
    let above: Vec<_> = path.match_indices('/').map(|(end, _)| &path[..end]).collect();
    for folder in above.into_iter().rev() {
        let folder = root.join(folder);
        match folder.folder().and_then(|parent| parent.remove_folder(folder.name())) {
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => return Ok(()),
            Err(error) if !is_absence(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
