//! The free space of a file system, so that a full disk is found before the first byte is written.

use std::path::Path;

/// Returns the number of bytes that this user may still write to the file system of a path; `None`
/// if the system does not provide it. A path that does not exist yet counts as the nearest folder
/// above it.
#[cfg(unix)]
pub fn available(path: &Path) -> Option<u64> {
    let of = |path: &Path| {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        rustix::fs::statvfs(path).ok()
    };
    let found = path.ancestors().find_map(of)?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Returns `None`: this system does not provide it.
#[cfg(not(unix))]
pub fn available(_: &Path) -> Option<u64> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_missing_path_counts_as_the_folder_above() {
        let folder = tempfile::tempdir().unwrap();
        assert!(available(&folder.path().join("a/b/c")).unwrap() > 0);
    }
}
