//! Symbolic links. Toolchains need them: `bin/npm` is one, and `clang` is one to `clang-20`.
//!
//! A link is made only where following it, in every later step, ends at something that this same
//! archive put into this same tree. All are judged when everything else is known and made after
//! everything else, so that while files are written there is no link that one could go through.

use super::entry_path::{EntryPath, check_component, check_text};
use super::limits::Limits;
use super::names::{Names, Node};

/// `libx.so` to `libx.so.1` to `libx.so.1.2` is two. More than this is a loop or a joke.
const MOST_STEPS: usize = 8;

/// A symbolic link of an archive.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) path: EntryPath,
    /// Relative to the folder that the link is in.
    pub(super) target: String,
}

impl Link {
    /// Parses the target; the error is the reason for refusing it.
    pub(super) fn new(path: EntryPath, target: &[u8], limits: &Limits) -> Result<Link, String> {
        let target = parse_target(target, limits).map_err(|reason| {
            format!("it is a link to `{}`, and {reason}", super::refusal::shown(target))
        })?;
        Ok(Link { path, target })
    }
}

/// Follows a link to its end; the error is the reason for refusing it.
///
/// `base` is the folder that will be the root of the tree.
pub(super) fn follow(
    start: &Link,
    links: &[Link],
    names: &Names,
    base: &str,
) -> Result<(), String> {
    let mut link = start;
    for _ in 0..MOST_STEPS {
        match step(link, names, base) {
            Ok(Node::File | Node::Folder(_)) => return Ok(()),
            Ok(Node::Link(next)) => link = &links[next],
            Err(reason) => {
                return Err(format!("it is a link to `{}`, which {reason}", link.target));
            }
        }
    }
    Err(format!("it is a link to `{}`, which leads in a circle", start.target))
}

/// What a link points to. Each folder on the way must be one: if a link could be among them, then
/// `..` after it would lead somewhere else than it says.
fn step(link: &Link, names: &Names, base: &str) -> Result<Node, &'static str> {
    let depth = |path: &[&str]| path.len() < base.split('/').filter(|c| !c.is_empty()).count();
    let mut at: Vec<&str> = link.path.parent().split('/').filter(|c| !c.is_empty()).collect();
    let mut node = Node::Folder(0);
    for component in link.target.split('/') {
        match component {
            "." => {}
            ".." => {
                if at.pop().is_none() {
                    return Err("leads out of the tree");
                }
            }
            name => at.push(name),
        }
        if depth(&at) {
            return Err("leads out of the tree");
        }
        if !matches!(node, Node::Folder(_)) {
            return Err("goes through something that is no folder");
        }
        node = names.find(&at.join("/")).ok_or("is not in the archive")?;
    }
    Ok(node)
}

fn parse_target<'a>(raw: &'a [u8], limits: &Limits) -> Result<String, String> {
    let text: &'a str = check_text(raw, limits)?;
    let text = text.strip_suffix('/').unwrap_or(text);
    for component in text.split('/').filter(|component| !matches!(*component, "." | "..")) {
        check_component(component)?;
    }
    Ok(text.to_owned())
}
