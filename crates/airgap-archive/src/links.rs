//! Symbolic links. Toolchains need them: `bin/npm` is one, and `clang` is one to `clang-20`.
//!
//! A link is created only if every path that follows it, in every later step, ends at an entry of
//! this same archive in this same tree. All links are checked after all other entries are known and
//! created after all other entries, so that no link exists while files are written.

use super::entry_path::{EntryPath, check_component, check_text};
use super::limits::Limits;
use super::names::{NameNode, NameTree};

/// The largest number of names that are looked up to follow all links of an archive. A toolchain
/// with 200,000 links needs about a million.
const MOST_STEPS: u64 = 4_000_000;

/// A symbolic link of an archive.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) path: EntryPath,
    /// The number of the folder that contains it.
    pub(super) folder: usize,
    /// The target, relative to the folder that contains the link.
    pub(super) target: String,
}

impl Link {
    /// Parses the target; the error is the reason for refusing it.
    pub(super) fn parse(
        path: EntryPath,
        folder: usize,
        target: &[u8],
        limits: &Limits,
    ) -> Result<Link, String> {
        let target = parse_target(target, limits).map_err(|reason| {
            format!("it is a link to `{}`, and {reason}", super::refusal::shown(target))
        })?;
        Ok(Link { path, folder, target })
    }
}

/// A refused link and the reason.
pub(super) struct Refused {
    /// The number of the link.
    pub(super) link: usize,
    pub(super) reason: String,
}

/// The end of a link: the entry that it leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) node: NameNode,
    /// The number of the folder that contains the last name of the target.
    pub(super) folder: usize,
}

/// Follows each link to its end, through other links as a system would, and returns the ends.
///
/// `base` is the number of the folder that becomes the root of the tree, which no link may leave.
/// Each link is followed once: if another link leads through it, its known end is used.
pub(super) fn follow(links: &[Link], names: &NameTree, base: usize) -> Result<Vec<End>, Refused> {
    let mut resolver =
        Resolver { links, names, base, ends: vec![LinkState::Unknown; links.len()], steps: 0 };
    (0..links.len()).map(|link| resolver.end(link)).collect()
}

#[derive(Clone, Copy)]
enum LinkState {
    Unknown,
    /// The link is being followed; a link that leads to it closes a cycle.
    Pending,
    Known(End),
}

/// A link that is being followed.
struct LinkWalk {
    link: usize,
    /// The number of bytes of the target that were read.
    position: usize,
    at: NameNode,
    /// The folder of the last name so far.
    folder: usize,
}

struct Resolver<'a> {
    links: &'a [Link],
    names: &'a NameTree,
    base: usize,
    ends: Vec<LinkState>,
    steps: u64,
}

impl Resolver<'_> {
    /// Follows one link. The stack is a list of its own, as a chain can have 200,000 links.
    fn end(&mut self, start: usize) -> Result<End, Refused> {
        let mut stack: Vec<LinkWalk> = Vec::new();
        let mut next = start;
        loop {
            match self.ends[next] {
                LinkState::Pending => return Err(self.refuse(start, start, "leads in a circle")),
                LinkState::Unknown => {
                    self.ends[next] = LinkState::Pending;
                    let folder = self.links[next].folder;
                    stack.push(LinkWalk {
                        link: next,
                        position: 0,
                        at: NameNode::Folder(folder),
                        folder,
                    });
                }
                LinkState::Known(end) => match stack.last_mut() {
                    None => return Ok(end),
                    // A link inside a target stands for its end.
                    Some(walk) => walk.at = end.node,
                },
            }
            let Some(walk) = stack.last_mut() else { continue };
            let link = walk.link;
            next = match self.walk(walk).map_err(|reason| self.refuse(start, link, reason))? {
                Some(next) => next,
                None => {
                    self.ends[link] = LinkState::Known(End { node: walk.at, folder: walk.folder });
                    stack.pop();
                    link
                }
            };
        }
    }

    /// Goes on to the end of the target, or to the next link inside it, which is returned.
    fn walk(&mut self, walk: &mut LinkWalk) -> Result<Option<usize>, &'static str> {
        let target = self.links[walk.link].target.as_str();
        while walk.position <= target.len() {
            let rest = &target[walk.position..];
            let length = rest.find('/').unwrap_or(rest.len());
            walk.position += length + 1;
            let NameNode::Folder(folder) = walk.at else {
                return Err("goes through an entry that is not a folder");
            };
            walk.at = match &rest[..length] {
                "" | "." => continue,
                ".." if folder == self.base => return Err("leads out of the tree"),
                ".." => NameNode::Folder(self.names.parent(folder)),
                name => self.names.child_of(folder, name).ok_or("is not in the archive")?,
            };
            walk.folder = folder;
            self.steps += 1;
            if self.steps > MOST_STEPS {
                return Err("takes too many steps to follow, together with all other links");
            }
            if let NameNode::Link(link) = walk.at {
                return Ok(Some(link));
            }
        }
        Ok(None)
    }

    fn refuse(&self, start: usize, failed: usize, reason: &str) -> Refused {
        let target = &self.links[failed].target;
        let limit = match self.steps > MOST_STEPS {
            true => format!("; the limit is {MOST_STEPS} for the archive"),
            false => String::new(),
        };
        Refused {
            link: start,
            reason: format!("it is a link to `{target}`, which {reason}{limit}"),
        }
    }
}

/// Checks a target. One `/` at its end is removed; `.` and empty components change nothing.
fn parse_target<'a>(raw: &'a [u8], limits: &Limits) -> Result<String, String> {
    let text: &'a str = check_text(raw, limits)?;
    let text = text.strip_suffix('/').unwrap_or(text);
    for component in text.split('/').filter(|component| !matches!(*component, "" | "." | "..")) {
        check_component(component)?;
    }
    Ok(text.to_owned())
}
