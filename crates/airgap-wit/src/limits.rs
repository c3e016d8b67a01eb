//! Limits on WIT text, which are checked before it is parsed.
//!
//! The parser bounds the nesting of types and packages. It does not bound their number, takes up to
//! 2 kB for each item, and compares each parameter of a function with all others.

use std::collections::BTreeMap;

use airgap_core::error::{Error, Result};

/// The largest text of one package, in all its files, in bytes; its binary form has the same limit.
/// The largest package of WASI has a tenth of a megabyte.
pub(super) const MOST_BYTES: u64 = 4 << 20;

/// The largest number of files of one package.
pub(super) const MOST_FILES: usize = 1000;

/// The largest number of items of one package, and of a library with all its dependencies:
/// declarations and names in lists. The largest package of WASI has some thousand.
pub(super) const MOST_ITEMS: usize = 1 << 16;

/// The largest text of a library with all its dependencies, in bytes.
const MOST_LIBRARY_BYTES: u64 = 8 << 20;

/// The largest number of parameters of one function.
const MOST_PARAMETERS: usize = 1000;

/// The largest number of occurrences of interfaces and functions in all worlds of a library: each
/// world can include all others, and needs every interface that one of its own interfaces uses.
const MOST_WORLD_ITEMS: usize = 1_000_000;

/// The size of a package in the units of its limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TextSize {
    pub(super) bytes: u64,
    pub(super) items: usize,
    /// The number of declared worlds.
    pub(super) worlds: usize,
    /// The number of interfaces that are declared or used, and of items in worlds.
    pub(super) world_items: usize,
}

impl TextSize {
    /// Measures the files of a package; `origin` is their folder, for messages.
    ///
    /// # Errors
    /// Integrity, with the limit, if they exceed a limit of a package.
    pub(super) fn from_files(files: &BTreeMap<String, Vec<u8>>, origin: &str) -> Result<TextSize> {
        let bytes = files.values().map(|bytes| bytes.len() as u64).sum();
        within("bytes", bytes, MOST_BYTES, origin)?;
        within("files", files.len() as u64, MOST_FILES as u64, origin)?;
        let mut items = 0;
        for text in files.values() {
            items += count(text).map_err(|found| {
                let found = format!("a function with more than {found}");
                too_large(&found, MOST_PARAMETERS as u64, "parameters", origin)
            })?;
        }
        within("items", items as u64, MOST_ITEMS as u64, origin)?;
        Ok(TextSize { bytes, items, ..TextSize::default() })
    }

    /// Adds a package of a library, or one of its dependencies, to the library's size so far.
    ///
    /// # Errors
    /// Integrity, with the limit, if the sum exceeds a limit of a library.
    pub(super) fn add(&mut self, more: TextSize, label: &str) -> Result<()> {
        self.bytes += more.bytes;
        self.items += more.items;
        self.worlds += more.worlds;
        self.world_items += more.world_items;
        let origin = format!("{label} with its dependencies");
        within("bytes", self.bytes, MOST_LIBRARY_BYTES, &origin)?;
        within("items", self.items as u64, MOST_ITEMS as u64, &origin)?;
        let places = self.worlds.saturating_mul(self.world_items) as u64;
        within("items in all worlds in total", places, MOST_WORLD_ITEMS as u64, &origin)
    }
}

/// Fails if `found` exceeds the limit.
pub(super) fn within(unit: &str, found: u64, limit: u64, origin: &str) -> Result<()> {
    match found <= limit {
        true => Ok(()),
        false => Err(too_large(&found.to_string(), limit, unit, origin)),
    }
}

fn too_large(found: &str, limit: u64, unit: &str, origin: &str) -> Error {
    Error::integrity(format!("`{origin}` is too large for a WIT package"))
        .fact("found", format!("{found} {unit}"))
        .fact("limit", format!("{limit} {unit}"))
        .hint("divide it into several packages")
}

/// Counts the items of a text by the punctuation behind or around each, outside of comments and
/// strings. Fails with the number of parameters if a function has too many.
fn count(text: &[u8]) -> std::result::Result<usize, usize> {
    let (mut items, mut parentheses, mut parameters) = (0, 0_usize, 0);
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = match (byte, after.first()) {
            (b'/', Some(b'/')) => after_line_comment(after),
            (b'/', Some(b'*')) => after_block_comment(&after[1..]),
            (b'"', _) => after_string(after),
            _ => after,
        };
        match byte {
            b'(' => {
                parentheses += 1;
                parameters = 0;
            }
            b')' => parentheses = parentheses.saturating_sub(1),
            b',' if parentheses > 0 => parameters += 1,
            _ => {}
        }
        if parameters > MOST_PARAMETERS {
            return Err(MOST_PARAMETERS);
        }
        items += usize::from(b";,{(@".contains(byte));
    }
    Ok(items)
}

fn after_line_comment(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| *byte == b'\n');
    &text[end.unwrap_or(text.len())..]
}

/// Returns the text behind a comment. Comments can be nested.
fn after_block_comment(mut text: &[u8]) -> &[u8] {
    let mut depth = 1;
    while depth > 0 {
        text = match text {
            [b'/', b'*', rest @ ..] => {
                depth += 1;
                rest
            }
            [b'*', b'/', rest @ ..] => {
                depth -= 1;
                rest
            }
            [_, rest @ ..] => rest,
            [] => return text,
        };
    }
    text
}

fn after_string(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            [b'\\', _, rest @ ..] => rest,
            [b'"', rest @ ..] => return rest,
            [_, rest @ ..] => rest,
            [] => return text,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> BTreeMap<String, Vec<u8>> {
        BTreeMap::from([("a.wit".to_owned(), text.as_bytes().to_vec())])
    }

    #[test]
    fn items_are_counted_outside_of_comments_and_strings() {
        for (text, items) in [
            ("", 0),
            ("package a:b@1.0.0;", 2),
            ("interface i { f: func(a: list<u8>, b: u8); }", 4),
            ("// ;;;\n/* ;;; /* ; */ ; */ interface i {}", 1),
            ("/// ;;;\r\ninterface i {} /* never ends ;;;", 1),
            ("\"// \\\" ;\" ;", 1),
            ("/ ;", 1),
        ] {
            assert_eq!(count(text.as_bytes()), Ok(items), "{text}");
        }
    }

    #[test]
    fn each_limit_is_named_where_it_is_exceeded() {
        let parameters = |count: usize| format!("f: func({});", "a: u8,".repeat(count));
        let size = |text: &str| TextSize::from_files(&files(text), "x.wit");
        assert!(size(&parameters(MOST_PARAMETERS)).is_ok());
        assert!(size(&";".repeat(MOST_ITEMS)).is_ok());
        assert!(size(&" ".repeat(MOST_BYTES as usize)).is_ok());
        for (text, limit) in [
            (parameters(MOST_PARAMETERS + 1), "limit: 1000 parameters"),
            (";".repeat(MOST_ITEMS + 1), "limit: 65536 items"),
            (" ".repeat(MOST_BYTES as usize + 1), "limit: 4194304 bytes"),
        ] {
            let error = size(&text).unwrap_err().to_string().replace("limit:  ", "limit: ");
            assert!(error.contains("`x.wit` is too large"), "{error}");
            assert!(error.contains(limit), "{error}");
        }
        let many: BTreeMap<_, _> =
            (0..=MOST_FILES).map(|n| (format!("{n}.wit"), Vec::new())).collect();
        let error = TextSize::from_files(&many, "x").unwrap_err().to_string();
        assert!(error.contains("1000 files"), "{error}");
    }

    #[test]
    fn a_library_is_measured_with_all_that_it_needs() {
        let check = |sizes: [TextSize; 2]| {
            let mut all = TextSize::default();
            sizes.into_iter().try_for_each(|size| all.add(size, "//x:y"))
        };
        let half =
            TextSize { bytes: 4 << 20, items: MOST_ITEMS / 2, worlds: 500, world_items: 500 };
        assert!(check([half, half]).is_ok());
        for (more, limit) in [
            (TextSize { bytes: half.bytes + 1, ..half }, "8388608 bytes"),
            (TextSize { items: half.items + 1, ..half }, "65536 items"),
            (TextSize { worlds: half.worlds + 1, ..half }, "1000000 items in all worlds"),
        ] {
            let error = check([half, more]).unwrap_err().to_string();
            assert!(error.contains("//x:y") && error.contains(limit), "{error}");
        }
    }
}
