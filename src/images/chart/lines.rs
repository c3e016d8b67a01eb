//! Images in text that is nearly YAML: what a template writes, with unknown things in it.

use super::template::HOLE;
use crate::images::reference::ImageReference;
use crate::images::{scan, words};

/// What a word is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Find {
    /// An image.
    Image(ImageReference),
    /// An image that is not known.
    Unknown,
    /// A part of an image; the others stand elsewhere.
    Part,
    /// Something that should be an image; with the reason why it is none.
    Problem(String),
}

/// What the next word is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Anything,
    /// The value of `image`.
    Image,
    /// The value of a key that ends in `image`.
    Named,
    /// The value of a flag or a variable that says `image`.
    Value,
    /// The name of something that may be a variable.
    Name,
    /// The repository of an image.
    Repository,
    /// The tag, the registry or the digest of what may be an image.
    Other,
}

/// What the lines name, each with the number of its line, from 0.
pub(super) fn find<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<(usize, Find)> {
    let mut walk =
        Walk { next: Next::Anything, variable: false, repository: None, found: Vec::new() };
    for (index, line) in lines.enumerate() {
        // JSON needs no space behind its keys.
        let line = line.replace("\":", "\": ");
        for word in line.split(|c: char| c.is_whitespace() || ",()[]{}`".contains(c)) {
            if word.starts_with('#') {
                break;
            }
            if !matches!(word, "" | "-" | "|" | "|-" | "|+" | ">" | ">-" | ">+" | "---")
                && !word.starts_with(['&', '!'])
            {
                walk.word(word, index);
            }
        }
    }
    walk.found
}

struct Walk {
    next: Next,
    /// Whether the last name was that of a variable that says `image`.
    variable: bool,
    /// Where the last repository is.
    repository: Option<usize>,
    found: Vec<(usize, Find)>,
}

/// How far the parts of an image are from its repository.
const NEAR: usize = 4;

impl Walk {
    fn word(&mut self, word: &str, index: usize) {
        let bare = word.trim_matches(['"', '\'']);
        if let Some(key) = word.strip_suffix(':') {
            let key = key.trim_matches(['"', '\'']);
            return self.next = self.after(key, index);
        }
        let next = std::mem::replace(&mut self.next, Next::Anything);
        match (next, scan::flag(bare)) {
            (Next::Anything | Next::Value, Some((name, value))) if words::says_image(name) => {
                match value {
                    Some(value) => self.value(value, index),
                    None => self.next = Next::Value,
                }
            }
            (Next::Name, _) => self.variable = words::says_image(bare),
            (Next::Anything, _) => self.anywhere(bare, index),
            (Next::Repository, _) => self.found.push((index, part(bare))),
            (Next::Other, _) => {
                let is_near = self.repository.is_some_and(|line| index - line <= NEAR);
                if bare.contains(HOLE) && is_near {
                    self.found.push((index, Find::Unknown));
                }
            }
            (_, _) if bare.contains(HOLE) => self.found.push((index, Find::Unknown)),
            (Next::Image, _) => {
                let found = bare.parse().map_or_else(Find::Problem, Find::Image);
                self.found.push((index, found));
            }
            (Next::Named, _) => match words::named_image(bare) {
                Some(image) => self.found.push((index, Find::Image(image))),
                None => self.anywhere(bare, index),
            },
            (Next::Value, _) => self.value(bare, index),
        }
    }

    /// What stands behind a key.
    fn after(&mut self, key: &str, index: usize) -> Next {
        match key {
            "image" => Next::Image,
            "reference" if self.next == Next::Image => Next::Image,
            "repository" => {
                self.repository = Some(index);
                Next::Repository
            }
            "tag" | "digest" | "registry" => Next::Other,
            "value" if self.variable => Next::Value,
            "name" => Next::Name,
            _ if words::says_image(key) => Next::Named,
            _ => Next::Anything,
        }
    }

    fn value(&mut self, value: &str, index: usize) {
        if value.contains(HOLE) {
            return self.found.push((index, Find::Unknown));
        }
        let before = self.found.len();
        let images = words::images_of(value).map(|(_, image)| (index, Find::Image(image)));
        self.found.extend(images);
        if self.found.len() == before {
            self.anywhere(value, index);
        }
    }

    fn anywhere(&mut self, word: &str, index: usize) {
        if !word.contains(HOLE) {
            let images = words::images_in(word).map(|(_, image)| (index, Find::Image(image)));
            self.found.extend(images);
        }
    }
}

fn part(word: &str) -> Find {
    if word.contains(HOLE) { Find::Unknown } else { Find::Part }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_found_without_the_structure() {
        for (text, image) in [
            ("containers: [{name: a, image: org/a}]", "org/a"),
            ("image: &x\n  'org/a:1'", "org/a:1"),
            ("image: >-\n  org/a:1", "org/a:1"),
            ("- name: A_IMAGE\n  value: a:1", "a:1"),
            ("- --a-image\n- a:1", "a:1"),
            ("--a-image=a:1", "a:1"),
            ("image:\n  reference: a:1", "a:1"),
            ("sidecarImage: a:1", "a:1"),
            ("{\"image\":\"a:1\"}", "a:1"),
        ] {
            let found = find(text.lines());
            let expected = (text.lines().count() - 1, Find::Image(image.parse().unwrap()));
            assert_eq!(found, [expected], "{text}");
        }
        for text in ["image: HOLE", "repository: a\ntag: HOLE", "- --image=HOLE", "image:\n HOLE"] {
            let text = text.replace("HOLE", &HOLE.to_string());
            let found = find(text.lines());
            assert!(found.iter().any(|(_, find)| *find == Find::Unknown), "{text} {found:?}");
        }
        assert_eq!(find("image:\n  repository: a\n".lines()), [(1, Find::Part)]);
        assert!(matches!(find("image: *a".lines())[..], [(0, Find::Problem(_))]));
        for text in [
            "image:\n  type: string",
            "# image: a:1",
            "imagePullPolicy: a:1",
            "name: a\nvalue: b:1",
        ] {
            assert_eq!(find(text.lines()), [], "{text}");
        }
    }
}
