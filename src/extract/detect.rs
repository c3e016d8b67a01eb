//! What a file is by its first bytes, against what it is said to be.

use std::fs::File;
use std::io::{Read, Seek};

use crate::artifact::ArchiveType;
use crate::error::{Context, Error, Result};

use super::zip_end;

/// Where the magic of an uncompressed tar ends.
const ENOUGH: u64 = 262;

/// Refuses a file that is not what it is said to be, and names both. Leaves it at its beginning.
pub(super) fn check(file: &mut File, expected: ArchiveType) -> Result<()> {
    let mut start = Vec::new();
    file.by_ref().take(ENOUGH).read_to_end(&mut start).doing(|| "read the archive".to_owned())?;
    file.rewind().doing(|| "read the archive".to_owned())?;
    let expected_as = describe(expected);
    match found(&start) {
        Found::Type(found) if found == expected => Ok(()),
        Found::Unknown if expected == ArchiveType::Binary => Ok(()),
        // A zip is found from its end, and one that unpacks itself begins with a program.
        Found::Unknown if expected == ArchiveType::Zip && zip_end::is_there(file)? => Ok(()),
        Found::Type(found) => Err(another_type(expected_as, describe(found))
            .hint(format!("in the checksum registry, set \"archive\" to \"{found}\""))),
        Found::Other(what) => Err(another_type(expected_as, what)),
        Found::Unknown => {
            let bytes = hex::encode(&start[..start.len().min(8)]);
            Err(another_type(expected_as, "something else").fact("first bytes", bytes))
        }
    }
}

fn another_type(expected: &str, found: &str) -> Error {
    Error::integrity(format!("the file is not {expected}, as it should be: it is {found}"))
}

enum Found {
    Type(ArchiveType),
    Other(&'static str),
    Unknown,
}

fn found(start: &[u8]) -> Found {
    let is = |magic: &[u8]| start.starts_with(magic);
    match () {
        () if start.is_empty() => Found::Other("empty"),
        () if is(b"\x1f\x8b") => Found::Type(ArchiveType::TarGz),
        () if is(b"\xfd7zXZ\0") => Found::Type(ArchiveType::TarXz),
        () if is(b"\x28\xb5\x2f\xfd") || is_skippable_zstd(start) => {
            Found::Type(ArchiveType::TarZst)
        }
        () if is(b"PK\x03\x04") || is(b"PK\x05\x06") => Found::Type(ArchiveType::Zip),
        () if is(b"BZh") => Found::Other("a bzip2 file"),
        () if is(b"7z\xbc\xaf\x27\x1c") => Found::Other("a 7z archive"),
        () if start.get(257..262) == Some(b"ustar") => Found::Other("a tar without compression"),
        () if is_html(start) => Found::Other("an HTML page, such as a login or an error page"),
        () => Found::Unknown,
    }
}

fn is_skippable_zstd(start: &[u8]) -> bool {
    matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

fn is_html(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start).to_ascii_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    ["<!doctype html", "<html", "<head", "<!--"].iter().any(|tag| text.starts_with(tag))
}

fn describe(archive: ArchiveType) -> &'static str {
    match archive {
        ArchiveType::TarGz => "a tar.gz",
        ArchiveType::TarXz => "a tar.xz",
        ArchiveType::TarZst => "a tar.zst",
        ArchiveType::Zip => "a zip",
        ArchiveType::Binary => "a bare executable",
    }
}
