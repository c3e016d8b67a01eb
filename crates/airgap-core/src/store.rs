//! Puts files at their destination: whole and durable, or not at all.
//!
//! ```text
//! folder/.{filename}.{random}.part        the unfinished file, locked by its writer
//! folder/.{filename}.{random}.part.json   the origin of a download's bytes
//! folder/{filename}                       appears by one rename, after fsync
//! ```
//!
//! A folder is made in a hidden one beside its destination, and appears by one rename too.
//!
//! Any number of processes, on any number of machines, may write the same file at once: each has a
//! `.part` of its own, and renames it when it is complete. The next process that writes the same
//! file continues or removes the leftovers of a killed one. A file that is read, changed and
//! written is changed under a lock, see `change`.
//!
//! Every path here is a [`RootedPath`]: no link below a root is followed.

mod change;
mod file_lock;
mod partial;
mod staging;
mod write_lock;

pub use change::{change, change_slowly};
pub use file_lock::FileLock;
pub use partial::{Mode, Origin, Partial};
pub use staging::{Scratch, Staging};

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::digest::{Digest, Hasher};
use crate::error::{Context, Error, Result};
use crate::folder::uninterrupted;
use crate::rooted::RootedPath;
use crate::verify::Verified;

/// The number of bytes that are copied at a time.
const BUFFER: usize = 256 * 1024;

/// Writes a file with this content. A file that has it already is not touched, so that the
/// modification time that build tools remember stays.
pub fn write_atomically(path: &RootedPath, bytes: &[u8]) -> Result<()> {
    if holds(path, bytes) {
        remove_leftovers(path);
        return Ok(());
    }
    filled(path, bytes)?.place(Mode::Plain)?;
    Ok(())
}

/// Creates an unfinished file with this content.
fn filled(path: &RootedPath, bytes: &[u8]) -> Result<Partial> {
    let mut partial = Partial::create(path)?;
    match partial.file().write_all(bytes) {
        Ok(()) => Ok(partial),
        Err(error) => {
            partial.discard();
            Err(error).doing(|| format!("write `{path}`"))
        }
    }
}

/// Returns the file to write for a file that a person edits: if it is a link, its target is written
/// and the link stays.
///
/// # Errors
/// Usage, if the link leads out of its own folder: it may have come with the sources, and its
/// target could be any file of the user.
pub fn through_link(path: &Path) -> Result<RootedPath> {
    let Ok(target) = std::fs::read_link(path) else { return Ok(RootedPath::beside(path)) };
    let folder = path.parent().unwrap_or(Path::new(""));
    let leads_below =
        target.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if leads_below {
        let below: PathBuf = target.iter().collect();
        return Ok(RootedPath::from_trusted(folder).join(&below.to_string_lossy()));
    }
    Err(Error::usage(format!(
        "cannot write `{}`: it is a link to a path outside its folder",
        path.display()
    ))
    .fact("leads to", target.display())
    .hint("name the target of the link, or remove the link"))
}

/// Removes the leftovers of killed runs for a finished file.
pub fn remove_leftovers(path: &RootedPath) {
    partial::remove_leftovers(path);
}

/// Copies verified bytes to `destination`, which appears only after they arrived there unchanged,
/// and returns the copy.
///
/// # Errors
/// Integrity, if the source was changed since it was verified.
pub fn place_copy(
    source: &Verified,
    destination: &RootedPath,
    executable: bool,
) -> Result<Verified> {
    let mut reader = source.reader()?;
    let mut partial = Partial::create(destination)?;
    let found = match copy(&mut reader, &mut partial, source.path(), destination.path()) {
        Ok(found) => found,
        Err(error) => {
            partial.discard();
            return Err(error);
        }
    };
    if found != *source.digest() {
        partial.discard();
        return Err(Error::integrity(format!(
            "`{}` was changed while it was copied",
            source.path().display()
        ))
        .fact("expected", format!("sha256:{}", source.digest()))
        .fact("found", format!("sha256:{found}"))
        .hint("find out which program writes to that file, then run the same command again"));
    }
    let mode = if executable { Mode::Executable } else { Mode::Plain };
    let file = partial.place_pinned(mode, &found)?;
    let from = source.path().display().to_string();
    let (subject, size) = (source.subject(), source.size());
    Verified::from_hashed(
        (file, destination.path()),
        (subject, &from),
        source.digest(),
        (found, size),
    )
}

/// Copies and hashes in one pass.
fn copy(reader: &mut impl Read, to: &mut Partial, from: &Path, path: &Path) -> Result<Digest> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = uninterrupted(|| reader.read(&mut buffer))
            .doing(|| format!("read `{}`", from.display()))?;
        if count == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&buffer[..count]);
        to.file().write_all(&buffer[..count]).doing(|| format!("write `{}`", path.display()))?;
    }
}

/// Returns whether a file with exactly this content exists. A link to one does not count: other
/// programs may write its target.
pub fn holds(path: &RootedPath, bytes: &[u8]) -> bool {
    let Ok(file) = path.read() else { return false };
    let size = bytes.len() as u64;
    let same_size = file.metadata().is_ok_and(|found| found.len() == size);
    let mut found = Vec::new();
    same_size && file.take(size + 1).read_to_end(&mut found).is_ok() && found == bytes
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::verify::Unverified;

    fn at(path: &Path) -> RootedPath {
        RootedPath::beside(path)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn writes_into_a_new_folder_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/manifest.json");
        let rooted = RootedPath::from_trusted(folder.path()).join("a/b/manifest.json");
        write_atomically(&rooted, b"one").unwrap();
        write_atomically(&at(&path), b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(path.parent().unwrap()), ["manifest.json"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_made_by_the_user_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("link"), folder.path().join("target"));
        std::os::unix::fs::symlink("target", &link).unwrap();
        for text in ["not there yet", "there"] {
            write_atomically(&through_link(&link).unwrap(), text.as_bytes()).unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert_eq!(fs::read_to_string(&target).unwrap(), text);
        }
        assert_eq!(names(folder.path()), ["link", "target"]);
        for target in ["../target", "/etc/hosts", "a/../../target"] {
            fs::remove_file(&link).unwrap();
            std::os::unix::fs::symlink(target, &link).unwrap();
            let error = through_link(&link).unwrap_err();
            assert_eq!(error.kind(), crate::error::ErrorKind::Usage);
            assert!(error.to_string().contains(target), "{error}");
        }
    }

    #[test]
    fn does_not_rewrite_equal_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("BUILD.bazel");
        write_atomically(&at(&path), b"same").unwrap();
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        let old = before - std::time::Duration::from_secs(100);
        fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        write_atomically(&at(&path), b"same").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), old);
    }

    #[test]
    fn leftovers_of_a_killed_run_beside_a_file_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("BUILD.bazel");
        write_atomically(&at(&path), b"same").unwrap();
        drop(Partial::create(&at(&path)).unwrap());
        assert_eq!(names(folder.path()).len(), 2);
        write_atomically(&at(&path), b"same").unwrap();
        assert_eq!(names(folder.path()), ["BUILD.bazel"]);
    }

    #[cfg(unix)]
    #[test]
    fn replaces_a_link_instead_of_writing_through_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("link"), folder.path().join("other"));
        fs::write(&other, "same").unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        write_atomically(&at(&path), b"same").unwrap();
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
    }

    #[test]
    fn an_error_names_the_path_and_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("busy");
        fs::create_dir(&path).unwrap();
        let error = write_atomically(&at(&path), b"x").unwrap_err();
        assert!(error.statement().contains("busy"), "{error}");
        assert!(path.is_dir());
        assert_eq!(names(folder.path()), ["busy"]);
    }

    #[cfg(unix)]
    #[test]
    fn copies_with_the_mode_that_is_asked_for() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source");
        fs::write(&source, "tool").unwrap();
        let verified =
            Unverified::open(&source, "tool").unwrap().verify(&Digest::compute(b"tool")).unwrap();
        for (executable, mode) in [(true, 0o755), (false, 0o644)] {
            let path = folder.path().join("bin/tool");
            place_copy(&verified, &at(&path), executable).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"tool");
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        }
    }

    #[test]
    fn a_source_that_changed_since_is_not_copied() {
        let folder = tempfile::tempdir().unwrap();
        let (source, path) = (folder.path().join("source"), folder.path().join("copy"));
        fs::write(&source, "right").unwrap();
        let verified =
            Unverified::open(&source, "tool").unwrap().verify(&Digest::compute(b"right")).unwrap();
        fs::write(&source, "wrong").unwrap();
        let error = place_copy(&verified, &at(&path), false).err().unwrap();
        assert_eq!(error.kind(), crate::error::ErrorKind::Integrity);
        assert_eq!(names(folder.path()), ["source"]);
    }
}
