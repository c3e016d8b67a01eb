//! `inventory.jsonl`: the files of a vendor folder or a bundle, one JSON text in a line.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use airgap_core::bounded;
use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::path_component::PathComponent;
use airgap_core::read;
use airgap_core::report::shortened;

use super::line::Line;

/// The largest number of files, and of bytes in the text.
pub(super) const MOST_FILES: usize = 100_000;
pub(super) const MOST_BYTES: u64 = 48 << 20;

/// The longest path in bytes.
const MOST_PATH: usize = 1024;

/// The number of characters that are shown of an invalid path.
const MOST_SHOWN: usize = 200;

/// A hidden file that a vendor folder has by design: the attributes that keep git from changing
/// line ends.
pub(super) const ATTRIBUTES: &str = ".gitattributes";

/// A list of files, sorted by path. Every path stays below its folder, and no two paths are one
/// file on a file system that does not tell capitals from small letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    lines: Vec<Line>,
}

impl Inventory {
    /// Creates an inventory of these files. `shown` is its name in messages.
    ///
    /// # Errors
    /// Integrity, if a path could lead out of the folder or two paths collide; usage, if there are
    /// more than 100,000 files.
    pub fn new(mut lines: Vec<Line>, shown: &str) -> Result<Inventory> {
        lines.sort_by(|a, b| a.path.cmp(&b.path));
        check_count(lines.len(), shown)?;
        check_paths(&lines, shown)?;
        check_contents(&lines, shown)?;
        Ok(Inventory { lines })
    }

    /// Reads an inventory from a file of at most 48 MiB.
    ///
    /// # Errors
    /// The errors of [`Inventory::parse`], and those of reading the file.
    pub fn read(path: &Path) -> Result<Inventory> {
        let mut file = read::file(path)?;
        let bytes = read::rest(&mut file, path, MOST_BYTES)?;
        Inventory::parse(&bytes, &path.display().to_string())
    }

    /// Reads an inventory from its text.
    ///
    /// # Errors
    /// Usage, if a line is not the line of an inventory; the errors of [`Inventory::new`].
    pub fn parse(text: &[u8], shown: &str) -> Result<Inventory> {
        let mut lines = Vec::new();
        for (nth, line) in text.split(|&byte| byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            check_count(lines.len() + 1, shown)?;
            let parsed = bounded::json::<Line>(line);
            lines.push(parsed.map_err(|error| not_a_line(shown, nth + 1, &error))?);
        }
        let is_sorted = lines.is_sorted_by(|a: &Line, b: &Line| a.path <= b.path);
        match is_sorted {
            true => Inventory::new(lines, shown),
            false => Err(Error::integrity(format!("`{shown}` is not sorted by path"))
                .hint("write it again with `wasm-airgap bundle inventory`")),
        }
    }

    /// Returns the text of the file.
    ///
    /// # Errors
    /// Failed, if it cannot be written as JSON.
    pub fn text(&self) -> Result<String> {
        let mut text = String::new();
        for line in &self.lines {
            let json = serde_json::to_string(line).map_err(|error| {
                Error::new(ErrorKind::Failed, "cannot write an inventory").because(error)
            })?;
            text.push_str(&json);
            text.push('\n');
        }
        Ok(text)
    }

    /// Returns the digest of the list without the digests of ranges: the identity of a bundle, which
    /// each of its parts names and which is known before the parts are written.
    pub(super) fn identity(&self) -> Result<Digest> {
        let mut bare = self.clone();
        bare.lines.iter_mut().for_each(|line| line.ranges.clear());
        Ok(Digest::compute(bare.text()?.as_bytes()))
    }

    /// Returns the lines, sorted by path.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Returns the lines for changes of other fields than the path.
    pub(super) fn lines_mut(&mut self) -> &mut [Line] {
        &mut self.lines
    }

    /// Returns the line of a path.
    pub fn find(&self, path: &str) -> Option<&Line> {
        let index = self.lines.partition_point(|line| line.path.as_str() < path);
        self.lines.get(index).filter(|line| line.path == path)
    }
}

/// Checks the files that a bundle removes: their paths are sound, and it brings none of them.
///
/// # Errors
/// The errors of [`Inventory::new`].
pub(super) fn check_removed(lines: Vec<Line>, inventory: &Inventory, shown: &str) -> Result<()> {
    check_count(lines.len(), shown)?;
    // Where capitals and small letters are the same, both names are one file.
    let kept: HashSet<_> = inventory.lines.iter().map(|it| it.path.to_ascii_lowercase()).collect();
    let is_kept = |path: &str| kept.contains(&path.to_ascii_lowercase());
    match lines.iter().find(|line| !is_sound(&line.path) || is_kept(&line.path)) {
        None => Ok(()),
        Some(line) => Err(Error::integrity(format!("`{shown}` removes an invalid path"))
            .fact("path", shortened(&line.path, MOST_SHOWN))),
    }
}

fn check_count(count: usize, shown: &str) -> Result<()> {
    match count > MOST_FILES {
        false => Ok(()),
        true => Err(Error::usage(format!("`{shown}` lists too many files"))
            .fact("expected", format!("at most {MOST_FILES} files"))
            .hint("create several bundles, each of a part of the folders")),
    }
}

fn check_paths(sorted: &[Line], shown: &str) -> Result<()> {
    if let Some(line) = sorted.iter().find(|line| !is_sound(&line.path)) {
        return Err(Error::integrity(format!("`{shown}` lists an invalid path"))
            .fact("path", shortened(&line.path, MOST_SHOWN))
            .fact(
                "expected",
                "names of letters, digits and `. _ - + @ ~` that are not devices of Windows, with \
                 `/` between them",
            ));
    }
    check_collisions(sorted, shown)
}

/// Checks that no two paths are one file, and none is a folder of another one, where capitals and
/// small letters are the same. In the order of their names, such paths follow each other, and so no
/// list of all folders is needed.
fn check_collisions(lines: &[Line], shown: &str) -> Result<()> {
    let mut paths: Vec<_> = lines.iter().map(|line| line.path.as_str()).collect();
    paths.sort_by(|a, b| folded(a).cmp(folded(b)));
    for pair in paths.windows(2) {
        let (mut one, mut other) = (pair[0].split('/'), pair[1].split('/'));
        let is_collision = loop {
            match (one.next(), other.next()) {
                (Some(a), Some(b)) if a == b => {}
                (Some(a), Some(b)) => break a.eq_ignore_ascii_case(b),
                _ => break true,
            }
        };
        if is_collision {
            return Err(collision(shown, pair[0], pair[1]));
        }
    }
    Ok(())
}

/// Returns the bytes of a path in small letters; the end of a name comes before any letter.
fn folded(path: &str) -> impl Iterator<Item = u8> {
    path.bytes().map(|byte| if byte == b'/' { 0 } else { byte.to_ascii_lowercase() })
}

/// Checks that a digest has one size and one place.
fn check_contents(lines: &[Line], shown: &str) -> Result<()> {
    let empty = Digest::compute(b"");
    let mut known: HashMap<Digest, &Line> = HashMap::new();
    for line in lines {
        let other = known.entry(line.sha256).or_insert(line);
        let is_same = other.size == line.size
            && (other.part, other.offset, &other.ranges) == (line.part, line.offset, &line.ranges);
        let is_one_place = line.part.is_some() == line.offset.is_some();
        let first = line.ranges.first().map(|range| (Some(range.part), Some(range.offset)));
        let begins = first.is_none_or(|first| first == (line.part, line.offset));
        let sum = line.ranges.iter().try_fold(0_u64, |sum, range| sum.checked_add(range.size));
        let adds_up = line.ranges.is_empty() || sum == Some(line.size);
        let has_empty_range = line.ranges.iter().any(|range| range.size == 0);
        let is_size = (line.size == 0) == (line.sha256 == empty);
        if !(is_same && is_one_place && begins && adds_up && is_size) || has_empty_range {
            return Err(Error::integrity(format!("`{shown}` contradicts itself"))
                .fact("path", &line.path)
                .fact("found", "a size or place that does not fit the other fields"));
        }
    }
    Ok(())
}

/// Returns whether each part of a path is a name that is safe on every platform.
fn is_sound(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').map_or((None, path), |(a, b)| (Some(a), b));
    let is_name = |part: &str| part.parse::<PathComponent>().is_ok() && !is_device(part);
    path.len() <= MOST_PATH
        && (is_name(name) || name == ATTRIBUTES)
        && folders.is_none_or(|folders| folders.split('/').all(is_name))
}

/// Returns whether Windows takes a name for a device, with any ending ("Naming Files, Paths, and
/// Namespaces").
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    match stem.as_str() {
        "con" | "prn" | "aux" | "nul" => true,
        stem => {
            let number = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
            number.is_some_and(|it| it.len() == 1 && it.bytes().all(|byte| byte.is_ascii_digit()))
        }
    }
}

fn collision(shown: &str, one: &str, other: &str) -> Error {
    Error::integrity(format!("`{shown}` lists two paths that are the same file on some systems"))
        .fact("paths", format!("{one}, {other}"))
}

fn not_a_line(shown: &str, number: usize, error: &serde_json::Error) -> Error {
    Error::usage(format!("`{shown}` is not an inventory"))
        .fact("line", number)
        .because(error)
        .hint("write it with `wasm-airgap bundle inventory DIR -o inventory.jsonl`")
}

#[cfg(test)]
mod tests {
    use super::super::line::FileKind;
    use super::*;

    fn line(path: &str) -> Line {
        Line::new(path.to_owned(), (Digest::compute(path.as_bytes()), 1), FileKind::Tool)
    }

    fn text(paths: &[&str]) -> String {
        let json = |path: &&str| serde_json::to_string(&line(path)).unwrap() + "\n";
        paths.iter().map(json).collect()
    }

    #[test]
    fn an_inventory_is_written_and_read_back() {
        let written = text(&["a/.gitattributes", "a/b", "c"]);
        let inventory = Inventory::parse(written.as_bytes(), "i").unwrap();
        assert_eq!(inventory.text().unwrap(), written);
        assert_eq!(inventory.find("a/b").unwrap().path, "a/b");
        assert!(inventory.find("a").is_none());
    }

    #[test]
    fn paths_that_leave_the_folder_or_collide_are_refused() {
        for paths in [
            &["../a"][..],
            &["/a"],
            &["a/../b"],
            &["a//b"],
            &[".hidden"],
            &[".gitattributes/a"],
            &["a\\b"],
            &["c:"],
            &["a b"],
            &[""],
            &["A", "a"],
            &["A/x", "a/y"],
            &["a", "a"],
            &["a", "a/b"],
            &["a", "a-b", "a/b"],
            &["A/x", "a"],
            &["a-b/x", "a/X", "a/x"],
            &["con"],
            &["a/Nul.txt/b"],
            &["a/lpt1"],
        ] {
            let error = Inventory::parse(text(paths).as_bytes(), "i").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Integrity, "{paths:?}: {error}");
        }
        let error = Inventory::parse(text(&["b", "a"]).as_bytes(), "i").unwrap_err();
        assert!(error.to_string().contains("not sorted"), "{error}");
    }

    #[test]
    fn similar_paths_do_not_collide() {
        let written = text(&["A", "a-b/x", "a.b", "b/a/x", "b/ab", "b/console", "com10"]);
        assert!(Inventory::parse(written.as_bytes(), "i").is_ok());
    }

    #[test]
    fn sizes_and_ranges_that_carry_nothing_are_refused() {
        let mut none = line("a");
        none.size = 0;
        assert!(Inventory::new(vec![none], "i").is_err());
        let mut one = line("a");
        let range =
            |offset, size| super::super::line::Range { part: 1, offset, size, sha256: one.sha256 };
        let ranges = vec![range(0, 1), range(1, 0)];
        (one.part, one.offset, one.ranges) = (Some(1), Some(0), ranges);
        assert!(Inventory::new(vec![one], "i").is_err());
    }

    #[test]
    fn a_digest_has_one_place_and_one_size() {
        let (mut one, mut other) = (line("a"), line("b"));
        other.sha256 = one.sha256;
        assert!(Inventory::new(vec![one.clone(), other.clone()], "i").is_ok());
        (one.part, one.offset) = (Some(1), Some(512));
        assert!(Inventory::new(vec![one.clone(), other.clone()], "i").is_err());
        (other.part, other.offset, other.size) = (one.part, one.offset, 2);
        assert!(Inventory::new(vec![one, other], "i").is_err());
    }
}
