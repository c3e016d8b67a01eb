//! Recognizes the files of an unpacked archive in the place of the archive. The exporter of
//! rules_wasm_component writes such folders, `{tool}/{version}/{platform}/` with the files in it.
//!
//! A registry has the digest of the archive only, so unpacked files cannot be checked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use airgap_core::folder::EntryKind;
use airgap_core::listing::{Disk, Listing};
use airgap_core::platform::Platform;
use airgap_core::rooted::RootedPath;
use airgap_core::shell;

/// The finding at a place, in words.
pub(crate) const FINDING: &str = "the folder has the unpacked files and not the archive";

/// The most folders that are opened in the search for one.
const MOST_FOLDERS: usize = 1_000;

/// Returns whether the folder for an archive has unpacked files: a folder, or a file without an
/// ending, as executables are.
pub(crate) fn is_unpacked(folder: &RootedPath, listing: &dyn Listing) -> bool {
    listing.entries(folder).iter().any(|(name, kind)| match kind {
        EntryKind::Folder => !name.starts_with('.'),
        EntryKind::File => !name.contains('.') || name.ends_with(".exe"),
        EntryKind::Link | EntryKind::Other => false,
    })
}

/// Returns the remedy for a folder with unpacked files.
pub fn remedy(folder: &Path) -> String {
    format!(
        "remove the unpacked files, because only an archive can be checked\nrm -r -- {}",
        shell::path(folder)
    )
}

/// Returns the folders of tools with unpacked files, of the unlisted files of a vendor folder.
pub fn folders_of<'a>(unlisted: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    unlisted.into_iter().filter_map(folder_of).collect()
}

/// Returns `{tool}/{version}/{platform}` of a file in a folder below it, and the folders above.
fn folder_of(path: &str) -> Option<&str> {
    let ends = path.match_indices('/').map(|(end, _)| end);
    let platforms = ends.filter(|end| {
        let mut above = path[..*end].rsplit('/');
        let is_platform = above.next().is_some_and(|name| name.parse::<Platform>().is_ok());
        is_platform && above.count() >= 2 && path[*end + 1..].contains('/')
    });
    platforms.map(|end| &path[..end]).next()
}

/// Returns the first folder of a tool with unpacked files in a folder of tools, or in a vendor
/// folder.
pub fn find(root: &Path) -> Option<PathBuf> {
    let root = RootedPath::from_trusted(root);
    let mut opened = 0;
    let mut folders_in = |folder: &RootedPath| -> Vec<RootedPath> {
        opened += 1;
        let entries = if opened > MOST_FOLDERS { Vec::new() } else { Disk.entries(folder) };
        let folders = entries.into_iter().filter(|(_, kind)| *kind == EntryKind::Folder);
        folders.map(|(name, _)| folder.join(&name)).collect()
    };
    for tools in [root.join("toolchains"), root] {
        for tool in folders_in(&tools) {
            for version in folders_in(&tool) {
                let platforms = folders_in(&version).into_iter().filter(|folder| {
                    folder.name().to_str().is_some_and(|it| it.parse::<Platform>().is_ok())
                });
                let mut unpacked = platforms.filter(|folder| is_unpacked(folder, &Disk));
                if let Some(folder) = unpacked.next() {
                    return Some(folder.path().to_owned());
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_unpacked_files_is_found_in_their_paths() {
        let of = |path| folder_of(path);
        let folder = "toolchains/wkg/1.0/linux_amd64";
        assert_eq!(of("toolchains/wkg/1.0/linux_amd64/wkg-1.0/bin/wkg"), Some(folder));
        assert_eq!(of("wkg/1.0/linux_amd64/bin/wkg"), Some("wkg/1.0/linux_amd64"));
        for path in ["wkg/1.0/linux_amd64/wkg.zip", "linux_amd64/a/b", "wit/a/1/b.wit", ""] {
            assert_eq!(of(path), None, "{path}");
        }
    }
}
