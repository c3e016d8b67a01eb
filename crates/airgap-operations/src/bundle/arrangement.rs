//! The places of contents in the parts of a bundle. They depend on names and sizes alone.

use super::split_size::SplitSize;
use super::tar;
use airgap_core::error::{Error, Result};

/// The largest number of parts.
pub(super) const MOST_PARTS: usize = 99_999;

/// The largest file in bytes, 16 TiB: a manifest may list any size.
const MOST_BYTES: u64 = 1 << 44;

/// A content to place.
pub(super) struct Body<'a> {
    /// The path of its first file, which is the name of its entry.
    pub(super) path: &'a str,
    /// Its length in bytes.
    pub(super) size: u64,
}

/// One part: its pieces in their order, and its size.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) pieces: Vec<Piece>,
    pub(super) size: u64,
}

/// A content, or a range of one, in a part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The number of the content.
    pub(super) body: usize,
    /// The name of the entry.
    pub(super) name: String,
    /// The position of the first byte in the part.
    pub(super) offset: u64,
    /// Its length in bytes.
    pub(super) size: u64,
}

/// Places the contents in their order, in parts of at most this size. A content that fits into one
/// part is not cut.
///
/// # Errors
/// Usage, if there would be more than 99,999 parts, or a content is larger than 16 TiB.
pub(super) fn arrange(bodies: &[Body<'_>], split: Option<SplitSize>) -> Result<Vec<Part>> {
    let limit = split.map_or(u64::MAX, SplitSize::bytes);
    let mut parts = Parts { parts: Vec::new(), limit };
    for (nth, body) in bodies.iter().enumerate() {
        if body.size > MOST_BYTES {
            return Err(Error::usage(format!("`{}` is too large for a bundle", body.path))
                .fact("expected", format!("at most {MOST_BYTES} bytes"))
                .fact("found", format!("{} bytes, as its list says", body.size))
                .hint("check the whole folder with `wasm-airgap verify`"));
        }
        parts.place(nth, body);
        if parts.parts.len() > MOST_PARTS {
            return Err(Error::usage("the bundle would have too many parts")
                .fact("expected", format!("at most {MOST_PARTS} parts"))
                .hint("choose a larger --split-size"));
        }
    }
    parts.parts.iter_mut().for_each(|part| part.size += tar::END);
    Ok(parts.parts)
}

struct Parts {
    parts: Vec<Part>,
    limit: u64,
}

impl Parts {
    fn place(&mut self, nth: usize, body: &Body<'_>) {
        let whole = tar::header_size(body.path, body.size) + tar::padded(body.size);
        if whole > self.room() {
            self.begin();
        }
        match whole <= self.room() {
            true => self.put(nth, body.path.to_owned(), body.size),
            false => self.cut(nth, body),
        }
    }

    /// Cuts a content that is larger than a part into ranges that fill the parts.
    fn cut(&mut self, nth: usize, body: &Body<'_>) {
        let (mut left, mut range) = (body.size, 1);
        while left > 0 && self.parts.len() <= MOST_PARTS {
            let name = format!("{}.range-{range:05}", body.path);
            // The header of the largest size is the longest one.
            let room = self.room().saturating_sub(tar::header_size(&name, u64::MAX / 2));
            let size = left.min(room / tar::BLOCK * tar::BLOCK);
            if size == 0 {
                self.begin();
                continue;
            }
            self.put(nth, name, size);
            left -= size;
            range += 1;
        }
    }

    fn begin(&mut self) {
        // An empty part would be followed by another one.
        if self.parts.last().is_none_or(|part| !part.pieces.is_empty()) {
            self.parts.push(Part { pieces: Vec::new(), size: tar::BEGINNING });
        }
    }

    fn put(&mut self, body: usize, name: String, size: u64) {
        let Some(part) = self.parts.last_mut() else { return };
        let offset = part.size + tar::header_size(&name, size);
        part.size = offset + tar::padded(size);
        part.pieces.push(Piece { body, name, offset, size });
    }

    /// Returns the number of bytes that the last part may still take.
    fn room(&self) -> u64 {
        match self.parts.last() {
            Some(part) => self.limit.saturating_sub(part.size + tar::END),
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(sizes: &[u64], split: &str) -> Vec<Part> {
        let bodies: Vec<_> = sizes.iter().map(|&size| Body { path: "a/b", size }).collect();
        arrange(&bodies, split.parse().ok()).unwrap()
    }

    #[test]
    fn contents_fill_the_parts_in_their_order() {
        assert_eq!(parts(&[], "64KiB"), []);
        let one = parts(&[0, 1, 100_000], "none");
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].size, 1024 + 512 + (512 + 512) + (512 + 100_352) + 1024);
        let two = parts(&[40_000, 40_000], "64KiB");
        assert_eq!(two.len(), 2);
        assert_eq!(two[1].pieces[0].name, "a/b");
    }

    #[test]
    fn sizes_that_no_file_has_are_refused() {
        let refused =
            |size, split: Option<SplitSize>| arrange(&[Body { path: "a", size }], split).is_err();
        assert!(refused(u64::MAX, None) && refused(u64::MAX, "64KiB".parse().ok()));
        assert!(refused(1 << 44, "64KiB".parse().ok()) && !refused(1 << 44, None));
    }

    #[test]
    fn a_large_content_is_cut_and_no_part_is_too_large() {
        let cut = parts(&[10, 200_000, 10], "64KiB");
        assert!(cut.iter().all(|part| part.size <= 65536), "{cut:?}");
        let ranges: Vec<_> = cut.iter().flat_map(|part| &part.pieces).collect();
        let sum: u64 = ranges.iter().filter(|piece| piece.body == 1).map(|piece| piece.size).sum();
        assert_eq!(sum, 200_000);
        assert_eq!(ranges[1].name, "a/b.range-00001");
        assert_eq!((ranges[0].name.as_str(), ranges.last().unwrap().body), ("a/b", 2));
    }
}
