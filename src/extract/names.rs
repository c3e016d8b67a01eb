//! Every name of an archive, so that none comes twice, not even for a file system that takes two
//! of them for one.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use icu_normalizer::ComposingNormalizerBorrowed;

use super::entry_path::EntryPath;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// A folder, by its number.
    Folder(usize),
    /// A regular file.
    File,
    /// A symbolic link, by its number among the links.
    Link(usize),
}

impl Node {
    fn noun(self) -> &'static str {
        match self {
            Node::Folder(_) => "folder",
            Node::File => "file",
            Node::Link(_) => "link",
        }
    }
}

/// The names of an archive as a tree of folders.
pub(super) struct Names {
    folders: Vec<HashMap<Box<str>, Named>>,
    /// The folder that was asked for last. Archives come sorted by folder.
    recent: (String, usize),
    count: u64,
    limit: u64,
}

struct Named {
    name: Box<str>,
    node: Node,
}

impl Names {
    /// No names. The limit counts folders that no entry names, too: a short archive can imply many.
    pub(super) fn new(limit: u64) -> Names {
        Names { folders: vec![HashMap::new()], recent: (String::new(), 0), count: 0, limit }
    }

    /// How many files, folders and links there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Adds a file or a link; the error is the reason for refusing it.
    pub(super) fn add(&mut self, path: &EntryPath, node: Node) -> Result<(), String> {
        let folder = self.folder(path.parent())?;
        match self.child(folder, path.name(), node)? {
            None => Ok(()),
            Some(Node::Folder(_)) => {
                Err(format!("a folder of this name comes before this {}", node.noun()))
            }
            Some(_) => Err("it comes twice".to_owned()),
        }
    }

    /// Adds a folder, and those that it is in. One that is there already is fine.
    pub(super) fn folder(&mut self, path: &str) -> Result<usize, String> {
        if self.recent.0 == path {
            return Ok(self.recent.1);
        }
        let mut folder = 0;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let new = self.folders.len();
            folder = match self.child(folder, name, Node::Folder(new))? {
                None => {
                    self.folders.push(HashMap::new());
                    new
                }
                Some(Node::Folder(there)) => there,
                Some(node) => {
                    return Err(format!("`{name}` in its path is a {}, not a folder", node.noun()));
                }
            };
        }
        self.recent = (path.to_owned(), folder);
        Ok(folder)
    }

    /// What stands at a path; the root is a folder.
    pub(super) fn find(&self, path: &str) -> Option<Node> {
        let mut node = Node::Folder(0);
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let Node::Folder(folder) = node else { return None };
            let named = self.folders[folder].get(fold(name).as_ref())?;
            if *named.name != *name {
                return None;
            }
            node = named.node;
        }
        Some(node)
    }

    /// The one folder at the top, if nothing else is there.
    pub(super) fn top_folder(&self) -> Option<&str> {
        let mut top = self.folders[0].values();
        match (top.next(), top.next()) {
            (Some(Named { name, node: Node::Folder(_) }), None) => Some(name),
            _ => None,
        }
    }

    /// The names at the top, sorted.
    pub(super) fn top_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.folders[0].values().map(|named| &*named.name).collect();
        names.sort_unstable();
        names
    }

    /// Adds a name to a folder, unless the same name is there, which is returned.
    fn child(&mut self, folder: usize, name: &str, node: Node) -> Result<Option<Node>, String> {
        match self.folders[folder].entry(fold(name).into()) {
            Entry::Occupied(there) if *there.get().name == *name => Ok(Some(there.get().node)),
            Entry::Occupied(there) => Err(format!(
                "`{name}` and `{}` are one name where the case of letters or the composition of \
                 accents does not count, as on macOS and Windows",
                there.get().name
            )),
            Entry::Vacant(free) => {
                if self.count == self.limit {
                    return Err(format!(
                        "with it there are more than {} files, folders and links",
                        self.limit
                    ));
                }
                free.insert(Named { name: name.into(), node });
                self.count += 1;
                Ok(None)
            }
        }
    }
}

/// The form in which names are compared. By way of upper case, as `ß`, `ſ` and `ς` have no upper
/// case of their own; composed on both sides, as letters change case differently without accents.
fn fold(name: &str) -> Cow<'_, str> {
    if name.is_ascii() {
        return match name.bytes().any(|b| b.is_ascii_uppercase()) {
            true => Cow::Owned(name.to_ascii_lowercase()),
            false => Cow::Borrowed(name),
        };
    }
    let composed = ComposingNormalizerBorrowed::new_nfc();
    let folded = composed.normalize(name).to_uppercase().to_lowercase();
    Cow::Owned(composed.normalize(&folded).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::Limits;

    fn names(paths: &[&str]) -> Result<Names, String> {
        let mut names = Names::new(100);
        for path in paths {
            let parsed = EntryPath::parse(path.as_bytes(), &Limits::default())?;
            match path.ends_with('/') {
                true => names.folder(parsed.as_str()).map(drop)?,
                false => names.add(&parsed, Node::File)?,
            }
        }
        Ok(names)
    }

    #[test]
    fn folders_may_come_again_and_files_may_not() {
        assert!(names(&["a/", "a/b", "a/", "c/d/e", "c/d/", "c/"]).is_ok());
        assert!(names(&["a", "a"]).is_err_and(|reason| reason.contains("twice")));
        assert!(names(&["a/b", "a"]).is_err_and(|reason| reason.contains("folder")));
        assert!(names(&["a", "a/b"]).is_err_and(|reason| reason.contains("not a folder")));
        assert!(names(&["a", "a/"]).is_err_and(|reason| reason.contains("not a folder")));
    }

    #[test]
    fn names_that_are_one_name_elsewhere_collide() {
        for pair in [
            ["readme", "README"],
            ["A/x", "a/y"],
            ["caf\u{e9}", "cafe\u{301}"],
            ["CAF\u{c9}", "cafe\u{301}"],
            ["stra\u{df}e", "STRASSE"],
            ["\u{3c3}", "\u{3c2}"],
            ["\u{212a}", "k"],
        ] {
            let reason = names(&pair).err();
            assert!(reason.is_some_and(|reason| reason.contains("one name")), "{pair:?}");
        }
        assert!(names(&["a", "ä", "b"]).is_ok());
    }

    #[test]
    fn finds_exact_names_and_the_top() {
        let names = names(&["top/bin/tool", "top/README"]).unwrap();
        assert_eq!(names.find("top/bin/tool"), Some(Node::File));
        assert!(matches!(names.find(""), Some(Node::Folder(0))));
        assert_eq!(names.find("top/readme"), None);
        assert_eq!(names.top_folder(), Some("top"));
        assert_eq!(names.count(), 4);
    }
}
