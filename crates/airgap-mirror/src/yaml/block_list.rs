//! The lines of a list in a file, so that the list can be changed and everything else in the file
//! stays.

use std::ops::Range;

use super::Node;

/// A list in block style, which is the value of a key at the top level of a document.
pub(crate) struct BlockList {
    /// The lines of each item, from 0, without the comments above it.
    items: Vec<Range<usize>>,
    /// The indentation of the dashes.
    indent: usize,
}

impl BlockList {
    /// Finds the list under `key` in a document with this text; `None` if there is no list, or if
    /// it is empty or in another style. An alias may make the lines wrong, so that a changed text
    /// must be read again and compared.
    pub(crate) fn find(text: &str, root: &Node, key: &str) -> Option<BlockList> {
        if !has_plain_lines(text) {
            return None;
        }
        let lines: Vec<_> = text.lines().collect();
        let entry = root.entries().iter().find(|entry| &*entry.key == key)?;
        let first = entry.place.line as usize;
        let starts: Vec<_> = entry
            .value
            .items()
            .iter()
            .map(|item| dash(&lines, first, item))
            .collect::<Option<_>>()?;
        let later = root.entries().iter().map(|entry| entry.place.line as usize - 1);
        let is_end = |line: &str| ["...", "---"].contains(&line.trim_end());
        let end = later.filter(|line| *line >= first).min().unwrap_or(lines.len());
        let end = (first..end).find(|line| is_end(lines[*line])).unwrap_or(end);
        let ends = starts.iter().skip(1).copied().chain([end]);
        let items = starts.iter().zip(ends).map(|(start, end)| {
            let is_content = |line: &usize| !is_between(lines[*line]);
            *start..(*start..end).rev().find(is_content).map_or(*start, |last| last + 1)
        });
        let indent = lines.get(*starts.first()?).map_or(0, |line| indent_of(line));
        Some(BlockList { items: items.collect(), indent })
    }

    /// Returns the lines of each item, from 0, without the comments above it.
    pub(crate) fn items(&self) -> &[Range<usize>] {
        &self.items
    }

    /// Returns the indentation of each dash.
    pub(crate) fn indent(&self) -> String {
        " ".repeat(self.indent)
    }
}

/// Returns whether line feeds alone end the lines of the YAML text: a carriage return alone ends a
/// line too, and some readers end one at other characters.
pub(crate) fn has_plain_lines(text: &str) -> bool {
    let is_alone = |(at, _): (usize, &str)| !text[at + 1..].starts_with('\n');
    !text.match_indices('\r').any(is_alone) && !text.contains(['\u{85}', '\u{2028}', '\u{2029}'])
}

/// Returns the line of the dash before an item, which may be some lines above its first key.
fn dash(lines: &[&str], first: usize, item: &Node) -> Option<usize> {
    let (line, column) = (item.place.line as usize, item.place.column as usize);
    let is_dash = |line: &usize| {
        let text = lines.get(*line).copied().unwrap_or_default();
        // An inner list begins with a dash of its own.
        text.trim_start().starts_with('-') && indent_of(text) + 1 < column
    };
    (first..line).rev().find(is_dash)
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Returns whether a line is a comment or blank.
fn is_between(line: &str) -> bool {
    line.trim().is_empty() || line.trim_start().starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Duplicates, document};

    fn find(text: &str) -> Option<(Vec<Range<usize>>, String)> {
        let root = document(text, "a.yaml", Duplicates::Refused).unwrap();
        BlockList::find(text, &root, "b").map(|list| (list.items().to_vec(), list.indent()))
    }

    #[test]
    fn items_have_their_lines_and_no_comments_around_them() {
        let text = "a: [x]\n# b\nb:\n  # one\n  - k: 1\n    # in\n    l: 2\n  # two\n  -\n    k: 3\n\n# c\nc: 1\n";
        assert_eq!(find(text), Some((vec![4..7, 8..10], "  ".to_owned())));
        assert_eq!(find("b:\n-\n  - x\n- - y\n"), Some((vec![1..3, 3..4], String::new())));
        let text = "b:\n- x\n- y\n# end\n...\n";
        assert_eq!(find(text), Some((vec![1..2, 2..3], String::new())));
        let text = "b:\r\n- x: |\r\n    t\r\n- y\r\n";
        assert_eq!(find(text), Some((vec![1..3, 3..4], String::new())));
    }

    #[test]
    fn other_list_styles_are_not_block_lists() {
        for text in [
            "b: []\n",
            "b: [x]\n",
            "b:\n",
            "c: 1\n",
            "b: [\n x]\n",
            "a:\n- x\nb: [y]\n",
            "b:\r- x\n",
        ] {
            assert_eq!(find(text), None, "{text:?}");
        }
    }
}
