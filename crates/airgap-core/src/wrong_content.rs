//! Recognizes the wrong content of a file: a pointer of Git LFS or git-annex, a web page, nothing,
//! or the same text with other line ends.
//!
//! Errors about wrong bytes name it, for files of every kind. It only changes messages: a pointer
//! in the place of a file is wrong in any case.

use std::fs::File;
use std::io::{self, Read, Seek};

use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result};
use crate::folder::uninterrupted;
use crate::git_annex;

/// The number of bytes from which a file is recognized.
pub const BEGINNING: usize = 512;

/// The largest text, in bytes, whose line ends are compared.
const MOST_TEXT: u64 = 64 << 20;

/// The first line of a Git LFS pointer, without the version. The second form is that of its
/// predecessor (Git LFS specification, "The Pointer").
const LFS: [&str; 2] =
    ["version https://git-lfs.github.com/spec/", "version https://hawser.github.com/spec/"];

const LFS_REMEDY: &str = "run `git lfs pull` in the checkout that the file comes from, to download \
    its content; then copy it here again";
const PAGE_REMEDY: &str = "it is a login page, an error page or the notice of a proxy; open the \
     address that it was downloaded from in a browser";
const LINE_ENDS_REMEDY: &str = "git changed the line ends: put `* -text` into `.gitattributes` in \
     that folder, then delete the file and check it out again";

/// The wrong content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongContent {
    noun: String,
    remedy: Option<&'static str>,
}

impl WrongContent {
    fn new(noun: impl Into<String>, remedy: Option<&'static str>) -> WrongContent {
        WrongContent { noun: noun.into(), remedy }
    }

    /// Recognizes a pointer, which is never the content of a file that this program reads.
    pub fn pointer(beginning: &[u8]) -> Option<WrongContent> {
        let text = String::from_utf8_lossy(beginning);
        let first = text.lines().next().unwrap_or_default().trim_end();
        if LFS.iter().any(|it| first.starts_with(it)) {
            return Some(WrongContent::new("a Git LFS pointer", Some(LFS_REMEDY)));
        }
        // The pointer of an unlocked file; or a link, on a file system without links.
        let is_annex = first.starts_with("/annex/objects/")
            || (first.starts_with(['.', '/']) && git_annex::holds(first));
        is_annex.then(|| WrongContent::new("a git-annex pointer", Some(git_annex::REMEDY)))
    }

    /// Recognizes a pointer, a web page and an empty file by the first bytes.
    pub fn from_beginning(beginning: &[u8]) -> Option<WrongContent> {
        if beginning.is_empty() {
            return Some(WrongContent::new("an empty file", None));
        }
        let page =
            || is_page(beginning).then(|| WrongContent::new("an HTML page", Some(PAGE_REMEDY)));
        WrongContent::pointer(beginning).or_else(page)
    }

    /// Recognizes the bytes in the place of the file with this digest.
    pub fn from_bytes(bytes: &[u8], expected: &Digest) -> Option<WrongContent> {
        let mut rest = bytes;
        WrongContent::recognize(&bytes[..bytes.len().min(BEGINNING)], expected, || Ok(&mut rest))
    }

    /// Recognizes an open file in the place of the file with this digest, from its first byte on.
    pub fn from_file(file: &mut File, expected: &Digest) -> Option<WrongContent> {
        let mut beginning = Vec::new();
        file.rewind().ok()?;
        file.by_ref().take(BEGINNING as u64).read_to_end(&mut beginning).ok()?;
        WrongContent::recognize(&beginning, expected, || file.rewind().map(|()| file))
    }

    fn recognize<R: Read>(
        beginning: &[u8],
        expected: &Digest,
        whole: impl FnOnce() -> io::Result<R>,
    ) -> Option<WrongContent> {
        if let Some(found) = WrongContent::from_beginning(beginning) {
            let names_it = String::from_utf8_lossy(beginning).contains(&expected.to_string());
            let noun = match names_it {
                true => format!("{} to the pinned file", found.noun),
                false => found.noun,
            };
            return Some(WrongContent { noun, ..found });
        }
        if !is_text_with_crlf(beginning) {
            return None;
        }
        let same = whole().and_then(with_line_feeds).is_ok_and(|found| found == Some(*expected));
        Some(match same {
            true => {
                WrongContent::new("the pinned text with CRLF line ends", Some(LINE_ENDS_REMEDY))
            }
            false => WrongContent::new("a text with CRLF line ends", None),
        })
    }

    /// Returns the words for it, such as `an HTML page`.
    pub fn noun(&self) -> &str {
        &self.noun
    }

    /// Returns the remedy, if it is known.
    pub fn remedy(&self) -> Option<&'static str> {
        self.remedy
    }

    /// Adds the type of the content and the remedy to an error.
    pub fn explain(&self, error: Error) -> Error {
        let error = error.fact("it is", &self.noun);
        match self.remedy {
            Some(remedy) => error.hint(remedy),
            None => error,
        }
    }
}

/// Fails for a pointer in the place of a file with this name.
///
/// # Errors
/// Integrity, with the command that brings the file.
pub fn refuse_pointer(bytes: &[u8], shown: impl std::fmt::Display) -> Result<()> {
    match WrongContent::pointer(&bytes[..bytes.len().min(BEGINNING)]) {
        None => Ok(()),
        Some(found) => {
            let error = Error::integrity(format!("`{shown}` does not contain the file itself"));
            Err(found.explain(error))
        }
    }
}

/// Fails for a pointer or a web page in the place of a text with this name.
///
/// # Errors
/// Integrity, with hints.
pub fn refuse_page(bytes: &[u8], shown: impl std::fmt::Display) -> Result<()> {
    let beginning = &bytes[..bytes.len().min(BEGINNING)];
    match WrongContent::from_beginning(beginning).filter(|_| !bytes.is_empty()) {
        None => Ok(()),
        Some(found) => {
            let error = Error::integrity(format!("`{shown}` does not contain the file itself"));
            Err(found.explain(error))
        }
    }
}

/// Adds to an error about bytes that are not UTF-8 that they are UTF-16, and how to change them.
pub fn explain_utf16(error: Error, bytes: &[u8], shown: impl std::fmt::Display) -> Error {
    // The byte order marks of Unicode, section 23.8.
    match bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        false => error,
        true => error.fact("it is", "text in UTF-16, as `>` in Windows PowerShell writes it").hint(
            format!(
                "convert it with `iconv -f UTF-16 -t UTF-8 '{shown}' > new-file`, and use the new \
                 file"
            ),
        ),
    }
}

/// Returns whether bytes begin like an HTML page.
pub(crate) fn is_page(beginning: &[u8]) -> bool {
    let text = String::from_utf8_lossy(beginning).to_ascii_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    ["<!doctype html", "<html", "<head", "<!--"].iter().any(|tag| text.starts_with(tag))
}

fn is_text_with_crlf(beginning: &[u8]) -> bool {
    let is_text = |byte: &u8| *byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r');
    beginning.iter().all(is_text) && beginning.windows(2).any(|pair| pair == b"\r\n")
}

/// Returns the digest of a text after each CRLF became a line feed; `None` if it is too long.
fn with_line_feeds(source: impl Read) -> io::Result<Option<Digest>> {
    let mut source = source.take(MOST_TEXT + 1);
    let (mut hasher, mut buffer) = (Hasher::default(), vec![0; 64 << 10]);
    let mut held = false;
    loop {
        let count = uninterrupted(|| source.read(&mut buffer))?;
        let mut text = Vec::with_capacity(count + 1);
        for &byte in &buffer[..count] {
            if std::mem::take(&mut held) && byte != b'\n' {
                text.push(b'\r');
            }
            match byte {
                b'\r' => held = true,
                byte => text.push(byte),
            }
        }
        hasher.update(&text);
        if count == 0 {
            break;
        }
    }
    if held {
        hasher.update(b"\r");
    }
    Ok((source.limit() > 0).then(|| hasher.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noun(bytes: &[u8], expected: &Digest) -> Option<String> {
        WrongContent::from_bytes(bytes, expected).map(|found| found.noun)
    }

    #[test]
    fn each_pointer_and_placeholder_file_is_recognized() {
        let expected = Digest::compute(b"a\nb\r\r\nc\n");
        let lfs = |digest: &Digest| {
            format!("version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 9\n")
        };
        let (pinned, other) = (lfs(&expected), lfs(&Digest::compute(b"")));
        let rows: [(&[u8], Option<&str>); 11] = [
            (pinned.as_bytes(), Some("a Git LFS pointer to the pinned file")),
            (other.as_bytes(), Some("a Git LFS pointer")),
            (b"/annex/objects/SHA256E-s1--00.wasm\n", Some("a git-annex pointer")),
            (b"../.git/annex/objects/a/b/c", Some("a git-annex pointer")),
            (b"\n<!DOCTYPE html><p>", Some("an HTML page")),
            (b"", Some("an empty file")),
            (b"a\r\nb\r\r\r\nc\r\n", Some("the pinned text with CRLF line ends")),
            (b"a\r\nc", Some("a text with CRLF line ends")),
            (b"a\r\n\0", None),
            (b"a\n", None),
            (b"\0asm", None),
        ];
        for (bytes, words) in rows {
            assert_eq!(noun(bytes, &expected).as_deref(), words, "{bytes:?}");
        }
        assert!(refuse_page(b"<html>", "f").unwrap_err().to_string().contains("an HTML page"));
        assert!(refuse_page(b"", "f").is_ok() && refuse_page(b"a: 1\n", "f").is_ok());
        assert!(refuse_pointer(pinned.as_bytes(), "f").is_err());
        assert!(refuse_pointer(b"version: https://git-lfs.github.com", "f").is_ok());
    }
}
