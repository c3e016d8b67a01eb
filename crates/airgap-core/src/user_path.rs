//! Reads the kinds of paths that a person or a setting names, through links, and the content of
//! folders.
//!
//! [`Path::is_file`] and its like treat every error as absence: after a failed read of the disk or
//! with too few file handles, a component would be left out, and the run would succeed. Here only
//! absence is absence. For paths from untrusted data there is [`crate::rooted`], which follows no
//! link.

use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::error::{Context, Result};
use crate::folder::{EntryKind, Folder, Stat, uninterrupted};
use crate::rooted::is_absence;

/// The largest number of entries of a walk. Thirty folders, each with two links to the next, have a
/// thousand million paths.
const MOST_ENTRIES: usize = 100_000;

/// Returns whether a regular file is at `path`.
///
/// # Errors
/// Those of the system; a missing file is not an error.
pub fn is_file(path: &Path) -> Result<bool> {
    Ok(kind(path)? == Some(EntryKind::File))
}

/// Returns whether a folder is at `path`.
///
/// # Errors
/// The errors of [`is_file`].
pub fn is_folder(path: &Path) -> Result<bool> {
    Ok(kind(path)? == Some(EntryKind::Folder))
}

/// Returns whether `path` is `folder` or below it, through links. A part of `path` that does not exist
/// is below the folder above it.
pub fn is_within(path: &Path, folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else { return false };
    let real = path.ancestors().find_map(|it| it.canonicalize().ok());
    real.is_some_and(|real| real.starts_with(folder))
}

/// Returns whether an entry of any kind is at `path`, also a link to nothing.
///
/// # Errors
/// The errors of [`is_file`].
pub fn exists(path: &Path) -> Result<bool> {
    match uninterrupted(|| path.symlink_metadata()) {
        Ok(_) => Ok(true),
        Err(error) if is_absence(&error) => Ok(false),
        Err(error) => Err(error).doing(|| format!("read `{}`", path.display())),
    }
}

/// Returns the kind of the entry at `path`, or `None` if there is none.
///
/// # Errors
/// The errors of [`is_file`].
pub fn kind(path: &Path) -> Result<Option<EntryKind>> {
    match uninterrupted(|| path.metadata()) {
        Ok(found) => Ok(Some(Stat::from_metadata(&found).kind)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error).doing(|| format!("read `{}`", path.display())),
    }
}

/// Lists the paths of the entries of a folder, sorted.
pub fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = Folder::open(folder)?.list()?;
    Ok(entries.into_iter().map(|(name, _)| folder.join(name)).collect())
}

/// A path that a walk reached.
pub struct Walked {
    /// The path.
    pub path: PathBuf,
    /// The kind of the entry, through links, or the reason why it is unknown.
    pub kind: io::Result<EntryKind>,
}

/// Lists everything below a folder, sorted, with the folder itself. Links are followed; the walk
/// ends with an error after 100,000 entries.
pub fn walk(folder: &Path) -> Vec<Walked> {
    loop {
        let walked = walk_once(folder);
        let is_interrupted = |entry: &Walked| {
            entry.kind.as_ref().is_err_and(|it| it.kind() == io::ErrorKind::Interrupted)
        };
        if !walked.iter().any(is_interrupted) {
            return walked;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this module is the owner of walks")]
fn walk_once(folder: &Path) -> Vec<Walked> {
    let mut walked = Vec::new();
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        if walked.len() == MOST_ENTRIES {
            let why =
                format!("it has more than {MOST_ENTRIES} entries, including those behind links");
            let kind = Err(io::Error::new(io::ErrorKind::InvalidInput, why));
            walked.push(Walked { path: folder.to_owned(), kind });
            break;
        }
        walked.push(match entry {
            Ok(entry) => {
                let kind = match entry.file_type() {
                    kind if kind.is_dir() => EntryKind::Folder,
                    kind if kind.is_file() => EntryKind::File,
                    _ => EntryKind::Other,
                };
                Walked { path: entry.into_path(), kind: Ok(kind) }
            }
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                Walked { path, kind: Err(error.into()) }
            }
        });
    }
    walked
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_a_missing_path_counts_as_missing() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("f"), "").unwrap();
        symlink("loop", at("loop")).unwrap();
        symlink("f", at("link")).unwrap();
        assert!(is_file(&at("f")).unwrap() && is_file(&at("link")).unwrap());
        assert!(is_folder(folder.path()).unwrap() && !is_file(folder.path()).unwrap());
        for absent in ["none", "none/below", "f/below"] {
            assert_eq!(kind(&at(absent)).unwrap(), None, "{absent}");
        }
        symlink("none", at("dangling")).unwrap();
        assert!(exists(&at("dangling")).unwrap() && exists(&at("loop")).unwrap());
        assert!(!exists(&at("none")).unwrap() && !exists(&at("f/below")).unwrap());
        let error = is_file(&at("loop")).unwrap_err().to_string();
        assert!(error.contains("cannot read") && error.contains("symbolic links"), "{error}");
    }

    #[test]
    fn a_walk_of_many_links_ends() {
        let folder = tempfile::tempdir().unwrap();
        for level in 0..30 {
            let here = folder.path().join(level.to_string());
            fs::create_dir(&here).unwrap();
            for name in ["a", "b"] {
                symlink(format!("../{}", level + 1), here.join(name)).unwrap();
            }
        }
        fs::create_dir(folder.path().join("30")).unwrap();
        let walked = walk(folder.path());
        assert_eq!(walked.len(), MOST_ENTRIES + 1);
        let error = walked.last().unwrap().kind.as_ref().unwrap_err().to_string();
        assert!(error.contains("more than 100000 entries"), "{error}");
    }
}
