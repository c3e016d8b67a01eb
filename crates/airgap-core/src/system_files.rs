//! The files that operating systems and archivers leave behind in folders, which are not content.

/// Returns whether an operating system leaves files or folders of this name behind. They are
/// skipped in every folder and archive that is searched.
pub fn is_system_file(name: &str) -> bool {
    // AppleDouble files, and files that are open on NFS and have been removed.
    let starts = ["._", ".nfs"];
    let names = [".DS_Store", "Thumbs.db", "ehthumbs.db", "desktop.ini", "__MACOSX"];
    starts.iter().any(|start| name.starts_with(start))
        || names.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Returns whether a path component in an archive is left behind by the program that packed it, or
/// by a system: old archivers unpack the headers of PAX as files.
pub fn is_archiver_file(component: &str) -> bool {
    component == "PaxHeader"
        || component.starts_with("PaxHeaders.")
        || component == "pax_global_header"
        || is_system_file(component)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_left_by_systems_and_archivers_are_ignored() {
        for name in ["._a.yaml", ".DS_Store", "thumbs.db", ".nfs000000000123", "Desktop.ini"] {
            assert!(is_system_file(name) && is_archiver_file(name), "{name}");
        }
        for name in ["PaxHeader", "PaxHeaders.12", "pax_global_header"] {
            assert!(!is_system_file(name) && is_archiver_file(name), "{name}");
        }
        for name in [".gitattributes", "_helpers.tpl", ".hidden", "a._b", "nfs", "thumbs.db.yaml"] {
            assert!(!is_archiver_file(name), "{name}");
        }
    }
}
