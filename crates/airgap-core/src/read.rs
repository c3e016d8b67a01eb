//! Reads small files whole: the one reader of manifests, locks, registry files, requests and
//! settings.
//!
//! Such a file is checked out with the sources or comes from another machine, and so it is
//! untrusted: a link to `/dev/zero` would take all memory and a pipe would never end. It must be a
//! regular file, and it has a limit.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::{Context, Error, ErrorKind, Result};
use crate::regular_file;
use crate::rooted::{RootedPath, is_absence};
use crate::wrong_content;

/// The largest manifest, lock, registry file or request in bytes.
pub const LIMIT: u64 = 16 << 20;

/// Reads a text file of at most `limit` bytes.
///
/// # Errors
/// Failed, if it cannot be read; usage, if it is not a regular file, is longer, or is not UTF-8.
pub fn text(path: &Path, limit: u64) -> Result<String> {
    utf8(bytes(path, limit)?, path)
}

/// Reads standard input of at most `limit` bytes.
///
/// # Errors
/// The errors of [`text`].
pub fn stdin(limit: u64) -> Result<String> {
    let path = Path::new("standard input");
    utf8(rest(&mut io::stdin(), path, limit)?, path)
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// The errors of [`text`].
pub(crate) fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>> {
    rest(&mut file(path)?, path, limit)
}

/// Opens a regular file for reading.
///
/// # Errors
/// Failed, if it cannot be opened; usage, if it is not a regular file.
pub fn file(path: &Path) -> Result<File> {
    file_known_as(path, &path.display())
}

/// Opens a regular file that has another name in messages.
///
/// # Errors
/// The errors of [`file()`].
pub fn file_known_as(path: &Path, name: &dyn Display) -> Result<File> {
    opened(regular_file::open(path), name)
}

/// Reads a text file below a root, of at most `limit` bytes, or `None` if it does not exist.
///
/// # Errors
/// The errors of [`text`]; integrity, if a folder on the path is a link.
pub fn rooted_text(path: &RootedPath, limit: u64) -> Result<Option<String>> {
    let bytes = rooted_bytes(path, limit)?;
    bytes.map(|bytes| utf8(bytes, path.path())).transpose()
}

/// Reads a file below a root, of at most `limit` bytes, or `None` if it does not exist.
///
/// # Errors
/// The errors of [`rooted_text`].
pub fn rooted_bytes(path: &RootedPath, limit: u64) -> Result<Option<Vec<u8>>> {
    match path.read() {
        Err(error) if is_absence(&error) => Ok(None),
        file => rest(&mut opened(file, path)?, path.path(), limit).map(Some),
    }
}

/// Reads the rest of an open file, at most `limit` bytes.
pub fn rest(file: &mut impl Read, path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).doing(|| format!("read `{}`", path.display()))?;
    if bytes.len() as u64 <= limit {
        wrong_content::refuse_pointer(&bytes, path.display())?;
        return Ok(bytes);
    }
    Err(Error::usage(format!("cannot read `{}`: it is too long", path.display()))
        .fact("expected", format!("at most {limit} bytes"))
        .hint("check that this is the right file"))
}

/// Converts the failure to open a file into an error with a message.
fn opened(file: io::Result<File>, path: &dyn Display) -> Result<File> {
    match file {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            Err(Error::usage(format!("`{path}` is not a file"))
                .because(error)
                .hint("name a regular file; commands that read standard input take it as `-`"))
        }
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            Err(Error::usage(format!("`{path}` is not a file")).fact("found", "a folder"))
        }
        file => file.doing(|| format!("read `{path}`")),
    }
}

/// Returns the text in these bytes. A web page is refused, as this program reads none as a file.
fn utf8(bytes: Vec<u8>, path: &Path) -> Result<String> {
    wrong_content::refuse_page(&bytes, path.display())?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let path = path.display();
        let wrong = Error::new(ErrorKind::Usage, format!("cannot read `{path}`: it is not text"))
            .fact("expected", "UTF-8")
            .fact("found", format!("a byte that is not UTF-8, at {at}"));
        wrong_content::explain_utf16(wrong, error.as_bytes(), path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_limit_holds_and_a_missing_file_is_not_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        assert_eq!(rooted_text(&RootedPath::beside(&path), 5).unwrap(), None);
        assert_eq!(text(&path, 5).unwrap_err().kind(), ErrorKind::Failed);
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(text(&path, 5).unwrap(), "12345");
        assert!(text(&path, 4).unwrap_err().to_string().contains("at most 4 bytes"));
        std::fs::write(&path, [b'a', 0xff]).unwrap();
        assert!(text(&path, 5).unwrap_err().to_string().contains("a byte that is not UTF-8, at 1"));
    }

    #[cfg(unix)]
    #[test]
    fn devices_pipes_and_folders_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        for path in [&pipe, Path::new("/dev/zero"), folder.path()] {
            let error = text(path, 5).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
            assert!(error.to_string().contains("is not a file"), "{error}");
        }
    }
}
