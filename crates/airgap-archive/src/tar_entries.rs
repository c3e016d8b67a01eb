//! The headers of a tar, read by the same rules for every tar.
//!
//! The tar crate treats the end of the data as the end of the archive, takes numbers with a sign,
//! and holds any length of a name in memory. This module refuses an archive in which GNU tar and
//! bsdtar would see different entries.

use airgap_core::error::{Error, Result};

use super::pax::{self, PaxOverrides};
use super::refusal;

pub(crate) const BLOCK: usize = 512;

/// The largest number of bytes in the description of one entry. Extended attributes can be long,
/// names cannot.
const MOST_DESCRIPTION: u64 = 1 << 20;

/// The bytes of a tar, from its beginning.
pub trait TarSource {
    /// Fills `bytes`, and returns the number of bytes that were filled before the end.
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize>;

    /// Counts a header of `size` bytes that describes other entries, before it is read.
    fn description(&mut self, size: u64) -> Result<()>;
}

/// An entry, with the values of the headers before it.
pub struct TarEntry {
    /// The path, in the bytes of the archive.
    pub path: Vec<u8>,
    /// The target of a link, empty if the entry is not a link.
    pub(crate) target: Vec<u8>,
    /// The number of content bytes that follow, without the padding after them. Only files have
    /// content.
    pub size: u64,
    /// The type.
    pub kind: TarEntryKind,
    /// Whether the owner may execute it.
    pub(crate) executable: bool,
}

/// The type of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TarEntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// A hard link.
    HardLink,
    /// Any other type, by the byte in its header.
    Other(u8),
}

impl TarEntryKind {
    /// Returns the noun for this type that completes "it is ...".
    pub fn noun(self) -> String {
        match self {
            TarEntryKind::File => "a file".to_owned(),
            TarEntryKind::Folder => "a folder".to_owned(),
            TarEntryKind::Symlink => "a symbolic link".to_owned(),
            TarEntryKind::HardLink => "a hard link".to_owned(),
            TarEntryKind::Other(b'3' | b'4') => "a device".to_owned(),
            TarEntryKind::Other(b'6') => "a named pipe".to_owned(),
            TarEntryKind::Other(other) => format!("of the unknown type `{}`", other.escape_ascii()),
        }
    }
}

/// Reads up to the next entry. Returns `None` at the empty block that ends a tar, or at its last
/// byte if it has no such block.
pub fn next(source: &mut impl TarSource) -> Result<Option<TarEntry>> {
    let mut overrides = PaxOverrides::default();
    while let Some(header) = header(source)? {
        match header.kind() {
            b'L' => overrides.gnu_path(content(&header, source)?)?,
            b'K' => overrides.gnu_link(content(&header, source)?)?,
            // Sun's tar wrote `X` before POSIX chose `x`.
            b'x' | b'X' => overrides.pax(&content(&header, source)?)?,
            b'g' => pax::check_global(&content(&header, source)?)?,
            _ => return entry(&header, overrides).map(Some),
        }
    }
    match overrides.any {
        true => Err(refusal::damaged("it is cut short before an announced entry")),
        false => Ok(None),
    }
}

/// Returns the number of padding bytes after content of this size, to fill up its last block.
pub fn padding(size: u64) -> usize {
    (size.wrapping_neg() % BLOCK as u64) as usize
}

/// Reads the padding after content of this size.
pub(crate) fn skip_padding(source: &mut impl TarSource, size: u64) -> Result<()> {
    let mut block = [0; BLOCK];
    let padding = &mut block[..padding(size)];
    match source.read(padding)? == padding.len() {
        true => Ok(()),
        false => Err(cut_short()),
    }
}

/// Returns the error for a tar that ends within an entry.
pub fn cut_short() -> Error {
    refusal::damaged("it is cut short")
}

fn header(source: &mut impl TarSource) -> Result<Option<Header>> {
    let mut block = [0; BLOCK];
    match source.read(&mut block)? {
        0 => return Ok(None),
        BLOCK => {}
        _ => return Err(refusal::damaged("it is cut short within a header")),
    }
    if block == [0; BLOCK] {
        return Ok(None);
    }
    let header = Header(block);
    match header.has_its_checksum() {
        true => Ok(Some(header)),
        false => Err(refusal::damaged("the checksum of a header is wrong")),
    }
}

/// Reads the content of a header that describes one entry or all later ones.
fn content(header: &Header, source: &mut impl TarSource) -> Result<Vec<u8>> {
    let size = header.size()?;
    source.description(size)?;
    if size > MOST_DESCRIPTION {
        return Err(refusal::archive(format!(
            "the extended header of an entry is {size} bytes long; the limit is {MOST_DESCRIPTION}"
        )));
    }
    let mut content = vec![0; size as usize];
    if source.read(&mut content)? < content.len() {
        return Err(cut_short());
    }
    skip_padding(source, size)?;
    Ok(content)
}

fn entry(header: &Header, overrides: PaxOverrides) -> Result<TarEntry> {
    let size = header.size()?;
    let path = match overrides.path {
        Some(path) => path,
        None => header.path()?,
    };
    // Writers put 0 into the field of the header if a PAX record has the size.
    let size = match overrides.size {
        Some(said) if size != 0 && said != size => {
            return Err(refusal::entry(&path, "its two headers give two sizes"));
        }
        Some(said) => said,
        None => size,
    };
    let kind = match header.kind() {
        // Before there was a type for folders, a file whose name ends in `/` was one.
        0 | b'0' | b'7' if size == 0 && path.ends_with(b"/") => TarEntryKind::Folder,
        0 | b'0' | b'7' => TarEntryKind::File,
        b'1' => TarEntryKind::HardLink,
        b'2' => TarEntryKind::Symlink,
        b'5' => TarEntryKind::Folder,
        b'S' => return Err(pax::sparse()),
        other => TarEntryKind::Other(other),
    };
    if size != 0 && kind != TarEntryKind::File {
        return Err(refusal::entry(&path, format!("it is {}, but has content", kind.noun())));
    }
    let target = overrides.link.unwrap_or_else(|| header.target().to_vec());
    Ok(TarEntry { path, target, size, kind, executable: header.is_executable() })
}

/// One block that is a header: POSIX.1 pax, "ustar Interchange Format", with GNU's numbers.
struct Header([u8; BLOCK]);

impl Header {
    fn kind(&self) -> u8 {
        self.0[156]
    }

    fn size(&self) -> Result<u64> {
        let field = &self.0[124..136];
        // Some writers leave the field empty if there is no content.
        let size = if field.iter().all(|&byte| byte == 0) { Some(0) } else { number(field) };
        size.ok_or_else(|| {
            let name = until_nul(&self.0[..100]);
            refusal::entry(name, "the size in its header is not a number")
        })
    }

    /// Returns the name, with the prefix field that POSIX has for long names.
    fn path(&self) -> Result<Vec<u8>> {
        let name = until_nul(&self.0[..100]);
        let prefix = until_nul(&self.0[345..500]);
        match &self.0[257..263] {
            b"ustar\0" if prefix.ends_with(b"/") => Ok([prefix, name].concat()),
            b"ustar\0" if !prefix.is_empty() => Ok([prefix, b"/", name].concat()),
            b"ustar\0" | b"ustar " => Ok(name.to_vec()),
            // bsdtar would add the prefix, and GNU tar would not.
            magic if magic.starts_with(b"ustar") && !prefix.is_empty() => {
                Err(refusal::entry(name, "its header is that of an unknown tar format"))
            }
            _ => Ok(name.to_vec()),
        }
    }

    fn target(&self) -> &[u8] {
        until_nul(&self.0[157..257])
    }

    /// Returns whether the owner may execute the file. All other permission bits are ignored.
    fn is_executable(&self) -> bool {
        number(&self.0[100..108]).is_some_and(|mode| mode & 0o100 != 0)
    }

    /// Returns whether the checksum is the sum of all bytes, in which its own field counts as
    /// spaces. Some old writers took bytes as signed numbers.
    fn has_its_checksum(&self) -> bool {
        let fields = self.0[..148].iter().chain(&self.0[156..]);
        let spaces = 8 * u64::from(b' ');
        let sum = fields.clone().map(|&byte| u64::from(byte)).sum::<u64>() + spaces;
        let Some(expected) = number(&self.0[148..156]) else { return false };
        let above = || fields.filter(|&&byte| byte >= 0x80).count() as u64 * 256;
        expected == sum || sum.checked_sub(above()) == Some(expected)
    }
}

/// Parses octal digits, or GNU's binary form of large numbers.
fn number(field: &[u8]) -> Option<u64> {
    if let [0x80, digits @ ..] = field {
        return digits
            .iter()
            .try_fold(0_u64, |number, &digit| Some(number.checked_mul(256)? | u64::from(digit)));
    }
    let field = &field[field.iter().take_while(|&&byte| byte == b' ').count()..];
    let digits = field.iter().take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    let ends = field.get(digits).is_none_or(|byte| matches!(byte, 0 | b' '));
    if digits == 0 || !ends {
        return None;
    }
    field[..digits]
        .iter()
        .try_fold(0_u64, |number, &digit| Some(number.checked_mul(8)? | u64::from(digit - b'0')))
}

fn until_nul(field: &[u8]) -> &[u8] {
    &field[..field.iter().position(|&byte| byte == 0).unwrap_or(field.len())]
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn reads_the_numbers_of_all_writers() {
        for (field, value) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"   644 \0", Some(0o644)),
            (b"00000644", Some(0o644)),
            (b"644\0garb", Some(0o644)),
            (b"\x80\0\0\0\0\0\x01\0", Some(256)),
            (b"+000644\0", None),
            (b"-000644\0", None),
            (b"0x00644\0", None),
            (b"\0\0\0\0\0\0\0\0", None),
            (b"        ", None),
            (b"0000648\0", None),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff", None),
            (b"\x80\x01\0\0\0\0\0\0\0\0\0\0", None),
        ] {
            assert_eq!(number(field), value, "{field:?}");
        }
    }
}
