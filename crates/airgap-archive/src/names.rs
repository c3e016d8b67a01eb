//! All names of an archive, to find duplicates, including names that some file system treats as
//! equal.
//!
//! A duplicate file is refused, although tar, bsdtar and unzip all keep the last one. Readers that
//! look up one name (bsdtar with `--fast-read`, file systems in a zip, a listing that a reviewer
//! searches) take the first one, so the reviewed file would not be the unpacked one.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use icu_normalizer::ComposingNormalizerBorrowed;

use super::entry_path::EntryPath;

/// The kind of entry that a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameNode {
    /// A folder, by its number.
    Folder(usize),
    /// A regular file.
    File,
    /// A symbolic link, by its number among the links.
    Link(usize),
}

impl NameNode {
    fn noun(self) -> &'static str {
        match self {
            NameNode::Folder(_) => "folder",
            NameNode::File => "file",
            NameNode::Link(_) => "link",
        }
    }
}

/// The names of an archive as a tree of folders.
pub(super) struct NameTree {
    folders: Vec<NameFolder>,
    /// The folder of the last lookup. Archives are sorted by folder.
    recent: (String, usize),
    count: u64,
    limit: u64,
}

/// The names in one folder, by the form in which they are compared.
#[derive(Default)]
struct NameFolder {
    /// The number of the folder that contains it; the root is in itself.
    parent: usize,
    names: HashMap<Box<str>, KnownName>,
}

struct KnownName {
    /// The name as it is written, if it is not the form in which it is compared.
    written: Option<Box<str>>,
    node: NameNode,
}

impl KnownName {
    fn name<'a>(&'a self, folded: &'a str) -> &'a str {
        self.written.as_deref().unwrap_or(folded)
    }
}

impl NameTree {
    /// Creates an empty set of names. The limit also counts folders that no entry names: a short
    /// archive can imply many.
    pub(super) fn new(limit: u64) -> NameTree {
        NameTree {
            folders: vec![NameFolder::default()],
            recent: (String::new(), 0),
            count: 0,
            limit,
        }
    }

    /// Returns the number of files, folders and links.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Adds a file or a link, and returns the number of the folder that contains it; the error is
    /// the reason for refusing it.
    pub(super) fn add(&mut self, path: &EntryPath, node: NameNode) -> Result<usize, String> {
        let folder = self.folder(path.parent())?;
        match self.child(folder, path.name(), node)? {
            None => Ok(folder),
            Some(NameNode::Folder(_)) => {
                Err(format!("a folder of this name comes before this {}", node.noun()))
            }
            Some(_) => Err("it occurs twice".to_owned()),
        }
    }

    /// Adds a folder and the folders that contain it. An existing folder is not an error.
    pub(super) fn folder(&mut self, path: &str) -> Result<usize, String> {
        if self.recent.0 == path {
            return Ok(self.recent.1);
        }
        let mut folder = 0;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let new = self.folders.len();
            folder = match self.child(folder, name, NameNode::Folder(new))? {
                None => {
                    self.folders.push(NameFolder { parent: folder, names: HashMap::new() });
                    new
                }
                Some(NameNode::Folder(there)) => there,
                Some(node) => {
                    return Err(format!("`{name}` in its path is a {}, not a folder", node.noun()));
                }
            };
        }
        self.recent = (path.to_owned(), folder);
        Ok(folder)
    }

    /// Returns the entry at a path; the root is a folder.
    pub(super) fn find(&self, path: &str) -> Option<NameNode> {
        let mut node = NameNode::Folder(0);
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let NameNode::Folder(folder) = node else { return None };
            node = self.child_of(folder, name)?;
        }
        Some(node)
    }

    /// Returns the entry with exactly this name in a folder.
    pub(super) fn child_of(&self, folder: usize, name: &str) -> Option<NameNode> {
        let folded = fold(name);
        let named = self.folders[folder].names.get(folded.as_ref())?;
        (named.name(&folded) == name).then_some(named.node)
    }

    /// Gives a file or link in a folder a second name beside its own: the first of `choices` that
    /// is unused there.
    pub(super) fn rename_to_free_name(
        &mut self,
        folder: usize,
        mut choices: impl Iterator<Item = String>,
        node: NameNode,
    ) -> Option<String> {
        let names = &mut self.folders[folder].names;
        let free = choices.find(|name| !names.contains_key(fold(name).as_ref()))?;
        let folded = fold(&free);
        let written = (*folded != *free).then(|| free.as_str().into());
        names.insert(folded.into(), KnownName { written, node });
        Some(free)
    }

    /// Returns the folder that contains a folder; the root is in itself.
    pub(super) fn parent(&self, folder: usize) -> usize {
        self.folders[folder].parent
    }

    /// Returns the one folder at the top and its number, if nothing else is there.
    pub(super) fn top_folder(&self) -> Option<(&str, usize)> {
        let mut top = self.folders[0].names.iter();
        match (top.next(), top.next()) {
            (Some((folded, named)), None) => match named.node {
                NameNode::Folder(number) => Some((named.name(folded), number)),
                NameNode::File | NameNode::Link(_) => None,
            },
            _ => None,
        }
    }

    /// Returns the names at the top, sorted.
    pub(super) fn top_names(&self) -> Vec<&str> {
        let top = self.folders[0].names.iter();
        let mut names: Vec<_> = top.map(|(folded, named)| named.name(folded)).collect();
        names.sort_unstable();
        names
    }

    /// Adds a name to a folder, unless an equal name is there, which is returned.
    fn child(
        &mut self,
        folder: usize,
        name: &str,
        node: NameNode,
    ) -> Result<Option<NameNode>, String> {
        let folded = fold(name);
        let written = (*folded != *name).then(|| name.into());
        match self.folders[folder].names.entry(folded.into()) {
            Entry::Occupied(there) => match there.get().name(there.key()) {
                same if same == name => Ok(Some(there.get().node)),
                other => Err(format!(
                    "`{name}` and `{other}` are the same name on macOS and Windows, which ignore \
                     the case of letters and the composition of accents"
                )),
            },
            Entry::Vacant(free) => {
                if self.count == self.limit {
                    return Err(format!(
                        "with it there are more than {} files, folders and links",
                        self.limit
                    ));
                }
                free.insert(KnownName { written, node });
                self.count += 1;
                Ok(None)
            }
        }
    }
}

/// Returns the form in which names are compared. It goes through upper case, as `ß`, `ſ` and `ς`
/// have no upper case of their own. Both sides are composed, as letters change case differently
/// without accents.
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
    use crate::Limits;

    fn names(paths: &[&str]) -> Result<NameTree, String> {
        let mut names = NameTree::new(100);
        for path in paths {
            let parsed = EntryPath::parse(path.as_bytes(), &Limits::default())?;
            match path.ends_with('/') {
                true => names.folder(parsed.as_str()).map(drop)?,
                false => names.add(&parsed, NameNode::File).map(drop)?,
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
    fn names_equal_on_some_file_system_collide() {
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
            assert!(reason.is_some_and(|reason| reason.contains("the same name")), "{pair:?}");
        }
        assert!(names(&["a", "ä", "b"]).is_ok());
    }

    #[test]
    fn finds_exact_names_and_the_top() {
        let names = names(&["top/bin/tool", "top/README"]).unwrap();
        assert_eq!(names.find("top/bin/tool"), Some(NameNode::File));
        assert!(matches!(names.find(""), Some(NameNode::Folder(0))));
        assert_eq!(names.find("top/readme"), None);
        assert_eq!(names.top_folder(), Some(("top", 1)));
        assert_eq!(names.count(), 4);
    }
}
