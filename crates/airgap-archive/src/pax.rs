//! PAX records and GNU long names: headers that stand before an entry and change it.
//!
//! The tar crate reads them too, but holds any length of them in memory, takes the first of two
//! contradicting ones, and splits at line ends, which may occur inside a value. If programs
//! disagree on a name, an archive can show one thing to a reviewer and another to this program.

use airgap_core::error::{Error, Result};

use super::refusal;

/// The values that headers before the next entry set for it.
#[derive(Default)]
pub(super) struct PaxOverrides {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    /// Whether any such header was read, even one that changes nothing here.
    pub(super) any: bool,
    /// Whether one of them was a PAX header.
    has_pax: bool,
}

impl PaxOverrides {
    /// Takes the content of a GNU `L` entry.
    pub(super) fn gnu_path(&mut self, content: Vec<u8>) -> Result<()> {
        self.any = true;
        once(&mut self.path, until_nul(content), "name")
    }

    /// Takes the content of a GNU `K` entry.
    pub(super) fn gnu_link(&mut self, content: Vec<u8>) -> Result<()> {
        self.any = true;
        once(&mut self.link, until_nul(content), "link target")
    }

    /// Takes the content of a PAX `x` entry.
    pub(super) fn pax(&mut self, content: &[u8]) -> Result<()> {
        self.any = true;
        for (key, value) in records(content)? {
            match key {
                b"path" => once(&mut self.path, value.to_vec(), "name")?,
                b"linkpath" => once(&mut self.link, value.to_vec(), "link target")?,
                b"size" => once(&mut self.size, number(value)?, "size")?,
                _ if is_sparse(key) => return Err(sparse()),
                _ => {}
            }
        }
        // GNU tar forgets the first one, and others add the second one to it.
        match std::mem::replace(&mut self.has_pax, true) {
            false => Ok(()),
            true => Err(refusal::archive("an entry has two PAX headers")),
        }
    }
}

/// Checks a PAX `g` entry. Git writes one with a commit's hash. One that renames or resizes all
/// later entries is refused, as its only use is to confuse.
pub(super) fn check_global(content: &[u8]) -> Result<()> {
    for (key, _) in records(content)? {
        if matches!(key, b"path" | b"linkpath" | b"size") || is_sparse(key) {
            return Err(refusal::archive(format!(
                "a global header sets `{}` for all entries",
                refusal::shown(key)
            )));
        }
    }
    Ok(())
}

/// Returns whether a key belongs to a sparse file, as GNU tar or star writes it.
fn is_sparse(key: &[u8]) -> bool {
    key.starts_with(b"GNU.sparse.") || key == b"SCHILY.realsize"
}

/// Returns the error for a sparse file.
pub(super) fn sparse() -> Error {
    refusal::archive("it is a sparse file, whose size is not that of its bytes")
}

/// Splits `LENGTH KEY=VALUE\n` records; the length counts the whole record.
fn records(content: &[u8]) -> Result<Vec<(&[u8], &[u8])>> {
    let mut found = Vec::new();
    let mut rest = content;
    // Some writers pad with zeros.
    while !rest.is_empty() && rest[0] != 0 {
        let (record, after) =
            record(rest).ok_or_else(|| refusal::damaged("a PAX header is malformed"))?;
        found.push(record);
        rest = after;
    }
    Ok(found)
}

type Record<'a> = (&'a [u8], &'a [u8]);

fn record(rest: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let space = rest.iter().take(20).position(|&byte| byte == b' ')?;
    let length = usize::try_from(decimal(&rest[..space])?).ok()?;
    let line = rest.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = line.iter().position(|&byte| byte == b'=')?;
    Some(((&line[..equals], &line[equals + 1..]), &rest[length..]))
}

fn number(value: &[u8]) -> Result<u64> {
    decimal(value)
        .ok_or_else(|| refusal::damaged("the size in a PAX header is not a decimal number"))
}

/// Parses digits without a sign and without leading zeros: programs disagree on other forms.
fn decimal(text: &[u8]) -> Option<u64> {
    let is_plain =
        text.iter().all(u8::is_ascii_digit) && (text.len() == 1 || text.first() != Some(&b'0'));
    if !is_plain {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn once<T>(slot: &mut Option<T>, value: T, what: &str) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(refusal::archive(format!("the {what} of an entry is given twice"))),
    }
}

fn until_nul(mut content: Vec<u8>) -> Vec<u8> {
    let end = content.iter().position(|&byte| byte == 0).unwrap_or(content.len());
    content.truncate(end);
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_records_by_their_length() {
        let content = b"12 path=abc\n16 comment=a\nb=c\n".to_vec();
        let content = [&content[..12], b"17 comment=a\nb=c\n"].concat();
        let found = records(&content).unwrap();
        assert_eq!(found, [(&b"path"[..], &b"abc"[..]), (b"comment", b"a\nb=c")]);
    }

    #[test]
    fn refuses_ambiguous_records() {
        for content in [
            &b"x"[..],
            b"99 path=a\n",
            b"5 a=b",
            b"0 a=b\n",
            b"6 abc\n",
            b" a=b\n",
            b"\n",
            b"2 \n",
            b"+7 a=b\n",
            b"07 a=b\n",
        ] {
            assert!(records(content).is_err(), "{content:?}");
        }
        let mut twice = PaxOverrides::default();
        assert!(twice.pax(b"9 path=a\n9 path=b\n").is_err());
        let mut both = PaxOverrides::default();
        both.gnu_path(b"a\0".to_vec()).unwrap();
        assert!(both.pax(b"9 path=a\n").is_err());
        assert!(check_global(b"9 path=a\n").is_err());
        assert!(check_global(b"13 comment=x\n").is_ok());
    }
}
