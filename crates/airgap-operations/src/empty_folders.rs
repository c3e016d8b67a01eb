//! The folders that are empty after a file in them was removed.

use airgap_core::rooted::RootedPath;

/// Removes the folders of a file, as far as they are empty.
pub(crate) fn remove_above(root: &RootedPath, path: &str) {
    let above: Vec<_> = path.match_indices('/').map(|(end, _)| &path[..end]).collect();
    for folder in above.into_iter().rev() {
        let folder = root.join(folder);
        let removed = folder.folder().and_then(|parent| parent.remove_folder(folder.name()));
        if removed.is_err_and(|error| error.kind() != std::io::ErrorKind::NotFound) {
            break;
        }
    }
}
