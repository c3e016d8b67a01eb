//! The `.wit` files of a package: reads them from a folder, and computes their common hash.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use super::limits::{self, MOST_BYTES, MOST_FILES};
use airgap_core::digest::Digest;
use airgap_core::error::{Context, Error, Result};
use airgap_core::folder::EntryKind;
use airgap_core::read;
use airgap_core::rooted::RootedPath;
use airgap_core::user_path;
use airgap_core::wrong_content;

/// The files of a package: name -> content. A package is flat, so that names have no folders.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Computes a SHA-256 over the text of the package in a folder. Its input has one line for each
/// file, in the order of the names, as `LC_ALL=C sha256sum *.wit | sha256sum` computes it there.
///
/// Only the package's own `.wit` files count. A BUILD file is generated again from them, the
/// published file has a digest of its own, hidden files belong to editors and file managers, and a
/// folder `deps` belongs to other packages.
pub fn tree_hash(folder: &Path) -> Result<Digest> {
    Ok(hash(&in_folder(folder)?))
}

/// Computes the hash of [`tree_hash`] over files in memory.
pub(super) fn hash(files: &Files) -> Digest {
    let line = |(name, bytes): (&String, &Vec<u8>)| format!("{}  {name}\n", Digest::compute(bytes));
    let lines: String = files.iter().map(line).collect();
    Digest::compute(lines.as_bytes())
}

/// Reads the `.wit` files in a folder, without those in folders below it.
pub(super) fn in_folder(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    let mut left = MOST_BYTES;
    for path in user_path::list(folder).doing(|| format!("list `{}`", folder.display()))? {
        // Links are followed: Bazel's sandbox is made of them.
        if !is_wit(&path) || user_path::is_folder(&path)? {
            continue;
        }
        let bytes = read(&path, &mut left)?;
        files.insert(name_of(&path)?, bytes);
        let shown = folder.display().to_string();
        limits::within("files", files.len() as u64, MOST_FILES as u64, &shown)?;
    }
    if files.is_empty() {
        return Err(Error::usage(format!("there are no `.wit` files in `{}`", folder.display())));
    }
    Ok(files)
}

/// Reads the `.wit` files in a folder below a root.
///
/// # Errors
/// Integrity, if the folder or one of the files is a link.
pub(super) fn in_rooted(path: &RootedPath) -> Result<Files> {
    let folder = path.open_folder().doing(|| format!("read `{path}`"))?;
    let mut files = Files::new();
    let mut left = MOST_BYTES;
    for (name, kind) in folder.list().doing(|| format!("list `{path}`"))? {
        let shown = path.path().join(&name);
        if !is_wit(&shown) || kind == EntryKind::Folder {
            continue;
        }
        let file = folder.read(&name).doing(|| format!("read `{}`", shown.display()))?;
        let bytes = take(file, left, &shown.display().to_string())?;
        left -= bytes.len() as u64;
        files.insert(name_of(&shown)?, bytes);
        let shown = path.path().display().to_string();
        limits::within("files", files.len() as u64, MOST_FILES as u64, &shown)?;
    }
    match files.is_empty() {
        false => Ok(files),
        true => Err(Error::usage(format!("there are no `.wit` files in `{path}`"))),
    }
}

/// Returns whether a path is that of a file in WIT's text form, by its name.
pub(super) fn is_wit(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.ends_with(b".wit") && !name.starts_with(b".")
}

/// Reads a file of at most `left` bytes, and subtracts its size from `left`.
pub(super) fn read(path: &Path, left: &mut u64) -> Result<Vec<u8>> {
    let file = read::file(path)?;
    let bytes = take(file, *left, &path.display().to_string())?;
    *left -= bytes.len() as u64;
    Ok(bytes)
}

/// Reads the rest of `reader`, which must not exceed `most` bytes.
pub(super) fn take(reader: impl Read, most: u64, shown: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(most + 1).read_to_end(&mut bytes).doing(|| format!("read `{shown}`"))?;
    if bytes.len() as u64 > most {
        return Err(Error::integrity(format!("`{shown}` is too large for a WIT package"))
            .fact("limit", format!("{MOST_BYTES} bytes for all files of a package")));
    }
    wrong_content::refuse_pointer(&bytes, shown)?;
    Ok(bytes)
}

/// Returns the name of a file, as it is written in a tree hash and elsewhere.
pub(super) fn name_of(path: &Path) -> Result<String> {
    let name = path.file_name().and_then(|name| name.to_str());
    match name {
        Some(name) if !name.contains(|c: char| c.is_control() || c == '\\') => Ok(name.to_owned()),
        _ => Err(Error::usage(format!(
            "the name of `{}` is not valid on every system",
            path.display()
        ))
        .hint("rename the file; its name has no meaning in WIT")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_hash_equals_sha256sum_of_the_wit_files_alone() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("b.wit", "b\n");
        write("a.wit", "a\n");
        let before = tree_hash(folder.path()).unwrap();
        // The output of `sha256sum a.wit b.wit | sha256sum`.
        let expected = "801eb3a4e5afbc2891581eeb7d2665cfcf877328bc298492d413b3134d3201f1";
        assert_eq!(before.to_string(), expected);
        for other in ["BUILD.bazel", "a-1.0.0.wasm", ".hidden.wit", "deps.lock"] {
            write(other, "x");
        }
        fs::create_dir(folder.path().join("deps")).unwrap();
        fs::write(folder.path().join("deps/c.wit"), "c").unwrap();
        assert_eq!(tree_hash(folder.path()).unwrap(), before);
        for (name, text) in [("a.wit", "a\r\n"), ("c.wit", ""), ("a.wit", "a\n")] {
            write(name, text);
            assert_ne!(tree_hash(folder.path()).unwrap(), before, "{name}");
        }
        fs::remove_file(folder.path().join("c.wit")).unwrap();
        assert_eq!(tree_hash(folder.path()).unwrap(), before);
        fs::remove_file(folder.path().join("a.wit")).unwrap();
        write("c.wit", "a\n");
        assert_ne!(tree_hash(folder.path()).unwrap(), before);
    }

    #[test]
    fn a_file_over_the_limit_is_refused() {
        assert_eq!(take(&b"1234"[..], 4, "x").unwrap(), b"1234");
        let error = take(&b"12345"[..], 4, "x.wit").unwrap_err();
        assert!(error.to_string().contains("`x.wit` is too large"), "{error}");
    }
}
