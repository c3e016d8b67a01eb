//! Detects the format of a file by its first bytes and compares it with the declared format.

use std::fs::File;
use std::io::{Read, Seek};

use airgap_core::artifact::ArchiveType;
use airgap_core::error::{Context, Error, Result};
use airgap_core::wrong_content::WrongContent;

use super::zip_end;

/// The offset, in bytes, at which the magic of an uncompressed tar ends.
const ENOUGH: u64 = 262;

/// Refuses a file that does not have the declared format, and names both formats. Leaves the file
/// at its beginning.
pub(super) fn check(file: &mut File, expected: ArchiveType) -> Result<()> {
    let mut start = Vec::new();
    file.by_ref().take(ENOUGH).read_to_end(&mut start).doing(|| "read the archive".to_owned())?;
    file.rewind().doing(|| "read the archive".to_owned())?;
    let expected_as = describe(expected);
    match detect_format(&start) {
        DetectedFormat::Type(found) if found == expected => Ok(()),
        DetectedFormat::Unknown if expected == ArchiveType::Binary => Ok(()),
        // A zip is found from its end, and one that unpacks itself begins with a program.
        DetectedFormat::Unknown if expected == ArchiveType::Zip && zip_end::is_there(file)? => {
            Ok(())
        }
        DetectedFormat::Type(found) => Err(another_type(expected_as, describe(found))
            .hint(format!("in the checksum registry, set \"archive\" to \"{found}\""))),
        DetectedFormat::Other(what) => Err(another_type(expected_as, what)),
        DetectedFormat::WrongContent(found) => {
            let error = another_type(expected_as, found.noun());
            Err(found.remedy().into_iter().fold(error, Error::hint))
        }
        DetectedFormat::Unknown => {
            let bytes = hex::encode(&start[..start.len().min(8)]);
            Err(another_type(expected_as, "something else").fact("first bytes", bytes))
        }
    }
}

/// Returns the format of an archive by its first bytes; `None` if they do not identify it.
///
/// # Errors
/// Integrity, if it is a format that this program does not unpack.
pub fn archive_of(beginning: &[u8], shown: &str) -> Result<Option<ArchiveType>> {
    let refuse = |what: &str| {
        Error::integrity(format!("`{shown}` cannot be unpacked: it is {what}")).hint(
            "name another file of the same release: a .tar.gz, .tar.xz, .tar.zst, .zip or an executable",
        )
    };
    match detect_format(beginning) {
        DetectedFormat::Type(found) => Ok(Some(found)),
        DetectedFormat::Unknown => Ok(None),
        DetectedFormat::Other(what) => Err(refuse(what)),
        DetectedFormat::WrongContent(found) => Err(refuse(found.noun())),
    }
}

fn another_type(expected: &str, found: &str) -> Error {
    Error::integrity(format!("the file is not {expected}: it is {found}"))
}

enum DetectedFormat {
    Type(ArchiveType),
    Other(&'static str),
    WrongContent(WrongContent),
    Unknown,
}

fn detect_format(start: &[u8]) -> DetectedFormat {
    let is = |magic: &[u8]| start.starts_with(magic);
    match () {
        () if start.is_empty() => DetectedFormat::Other("empty"),
        () if is(b"\x1f\x8b") => DetectedFormat::Type(ArchiveType::TarGz),
        () if is(b"\xfd7zXZ\0") => DetectedFormat::Type(ArchiveType::TarXz),
        () if is(b"\x28\xb5\x2f\xfd") || is_skippable_zstd(start) => {
            DetectedFormat::Type(ArchiveType::TarZst)
        }
        () if is(b"PK\x03\x04") || is(b"PK\x05\x06") => DetectedFormat::Type(ArchiveType::Zip),
        () if is(b"BZh") => DetectedFormat::Other("a bzip2 file"),
        () if is(b"7z\xbc\xaf\x27\x1c") => DetectedFormat::Other("a 7z archive"),
        () if start.get(257..262) == Some(b"ustar") => {
            DetectedFormat::Other("a tar without compression")
        }
        () => WrongContent::from_beginning(start)
            .map_or(DetectedFormat::Unknown, DetectedFormat::WrongContent),
    }
}

fn is_skippable_zstd(start: &[u8]) -> bool {
    matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
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
