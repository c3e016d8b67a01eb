//! The BUILD files of an archive. Bazel would treat the folder of each as a package of its own, and
//! hide everything below it from the repository's one package.

use std::collections::HashMap;

use super::entry_path::EntryPath;
use super::links::{End, Link};
use super::names::{NameNode, NameTree};

/// A file or a link with a name that Bazel reads as a BUILD file.
pub(super) struct BuildFile {
    pub(super) path: EntryPath,
    /// The number of the folder that contains it.
    pub(super) folder: usize,
    pub(super) node: NameNode,
}

impl BuildFile {
    /// Returns whether Bazel reads files of this name.
    pub(super) fn is_name(name: &str) -> bool {
        matches!(name, "BUILD" | "BUILD.bazel")
    }
}

/// Chooses unused names for the BUILD files: `BUILD.upstream`, then `BUILD.upstream.1` and so on.
/// Links are changed here, both those that are BUILD files and those that lead to one; files are
/// returned with their new names. A link to a folder keeps its name, as Bazel does not read it as a
/// BUILD file.
pub(super) fn hide(
    build_files: Vec<BuildFile>,
    names: &mut NameTree,
    links: &mut [Link],
    ends: &[End],
) -> Vec<(EntryPath, EntryPath)> {
    let mut renamed: HashMap<(usize, String), String> = HashMap::new();
    let mut files = Vec::new();
    for BuildFile { path, folder, node } in build_files {
        if let NameNode::Link(link) = node
            && ends[link].node != NameNode::File
        {
            continue;
        }
        let numbered = (1..).map(|number| format!("{}.upstream.{number}", path.name()));
        let choices = std::iter::once(format!("{}.upstream", path.name())).chain(numbered);
        let Some(free) = names.rename_to_free_name(folder, choices, node) else { continue };
        let hidden = path.sibling(&free);
        renamed.insert((folder, path.name().to_owned()), free);
        match node {
            NameNode::Link(link) => links[link].path = hidden,
            _ => files.push((path, hidden)),
        }
    }
    for (link, end) in links.iter_mut().zip(ends) {
        let at = link.target.rfind('/').map_or(0, |slash| slash + 1);
        if let Some(hidden) = renamed.get(&(end.folder, link.target[at..].to_owned())) {
            link.target.replace_range(at.., hidden);
        }
    }
    files
}
