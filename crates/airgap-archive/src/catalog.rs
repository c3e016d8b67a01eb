//! The rules for the contents of an archive that need no access to the disk.

use std::borrow::Cow;

use airgap_core::artifact::Strip;
use airgap_core::error::{Error, Result};
use airgap_core::system_files;

use super::build_files::{self, BuildFile};
use super::entry_path::EntryPath;
use super::limits::{Budget, Limits};
use super::links::{self, Link};
use super::names::{NameNode, NameTree};
use super::refusal;
use super::{BuildFiles, EntryNames};

/// The entries admitted so far. Each entry is checked here before anything of it is created.
pub(super) struct Catalog<'a> {
    limits: &'a Limits,
    budget: Budget,
    /// The folders that each path must begin with.
    prefix: EntryPath,
    strips_top_folder: bool,
    entry_names: EntryNames,
    names: NameTree,
    links: Vec<Link>,
    build_files: Vec<BuildFile>,
    bytes: u64,
    /// The names at the top before the prefix is removed, for the error that lists them.
    tops: NameTree,
}

/// The contents of an archive after its last entry.
pub(super) struct Contents {
    /// Files to be renamed, with their new paths.
    pub(super) renamed: Vec<(EntryPath, EntryPath)>,
    /// Symbolic links, to be created after the renames.
    pub(super) links: Vec<Link>,
    /// The folder that is to become the root.
    pub(super) top_folder: Option<String>,
    pub(super) entries: u64,
    pub(super) bytes: u64,
}

impl<'a> Catalog<'a> {
    pub(super) fn new(
        limits: &'a Limits,
        strip: &Strip,
        archive_size: u64,
        entry_names: EntryNames,
    ) -> Result<Catalog<'a>> {
        let prefix = match strip {
            Strip::Prefix(prefix) => prefix.as_str(),
            Strip::Nothing | Strip::TopFolder => ".",
        };
        let prefix = EntryPath::parse(prefix.as_bytes(), limits).map_err(|reason| {
            Error::usage(format!("`{prefix}` is not a valid strip prefix: {reason}"))
        })?;
        Ok(Catalog {
            limits,
            budget: Budget::new(limits, archive_size),
            prefix,
            strips_top_folder: *strip == Strip::TopFolder,
            entry_names,
            names: NameTree::new(limits.entries),
            links: Vec::new(),
            build_files: Vec::new(),
            bytes: 0,
            tops: NameTree::new(limits.entries),
        })
    }

    /// Returns the limits of this extraction.
    pub(super) fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// Returns the name of an entry as it is read, or `None` if the entry is skipped.
    pub(super) fn named<'n>(&self, raw: &'n [u8]) -> Option<Cow<'n, [u8]>> {
        if self.entry_names == EntryNames::Exact {
            return Some(Cow::Borrowed(raw));
        }
        let name = match raw.contains(&b'\\') {
            true => raw.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect(),
            false => Cow::Borrowed(raw),
        };
        let is_left = |part: &[u8]| system_files::is_archiver_file(&String::from_utf8_lossy(part));
        (!name.split(|byte| *byte == b'/').any(is_left)).then_some(name)
    }

    /// Checks the number of entries that an archive declares.
    pub(super) fn announce(&self, entries: u64) -> Result<()> {
        self.budget.announced(entries)
    }

    /// Counts the bytes of a name that is kept for later.
    pub(super) fn name(&mut self, length: usize) -> Result<()> {
        self.budget.names(length)
    }

    /// Counts an entry that only describes others, and its bytes.
    pub(super) fn description(&mut self, size: u64) -> Result<()> {
        self.budget.entry()?;
        self.budget.bytes(size)
    }

    /// Admits a folder. Returns `None` for a folder of the removed prefix.
    pub(super) fn folder(&mut self, raw: &[u8]) -> Result<Option<EntryPath>> {
        self.budget.entry()?;
        let path = self.parse(raw)?;
        // The folders that lead to the prefix are not below it.
        if path.is_root() || self.prefix.below(&path).is_some() {
            return Ok(None);
        }
        let path = self.strip(raw, &path)?;
        self.names.folder(path.as_str()).map_err(|reason| refusal::entry(raw, reason))?;
        Ok(Some(path))
    }

    /// Admits a file of this size.
    pub(super) fn file(&mut self, raw: &[u8], size: u64) -> Result<EntryPath> {
        self.budget.entry()?;
        self.budget.bytes(size)?;
        let (path, _) = self.place(raw, NameNode::File)?;
        self.bytes += size;
        Ok(path)
    }

    /// Admits a symbolic link for now; [`Catalog::finish`] checks its target.
    pub(super) fn symlink(&mut self, raw: &[u8], target: &[u8]) -> Result<()> {
        self.budget.entry()?;
        self.budget.bytes(target.len() as u64)?;
        self.add_link(raw, target)
    }

    fn add_link(&mut self, raw: &[u8], target: &[u8]) -> Result<()> {
        self.budget.names(target.len())?;
        let (path, folder) = self.place(raw, NameNode::Link(self.links.len()))?;
        let link = Link::parse(path, folder, target, self.limits)
            .map_err(|reason| refusal::entry(raw, reason))?;
        self.links.push(link);
        Ok(())
    }

    /// Admits a second name for a file that already exists, and returns both. The second name of a
    /// symbolic link is another link with the same target, which is not created now.
    pub(super) fn hard_link(
        &mut self,
        raw: &[u8],
        target: &[u8],
    ) -> Result<Option<(EntryPath, EntryPath)>> {
        self.budget.entry()?;
        let shown = refusal::shown(target);
        let refuse =
            |reason: &str| refusal::entry(raw, format!("it is a hard link to `{shown}`, {reason}"));
        let existing = EntryPath::parse_target(target, self.limits)
            .ok()
            .and_then(|path| path.below(&self.prefix))
            .ok_or_else(|| refuse("which is not a path in the tree"))?;
        match self.names.find(existing.as_str()) {
            Some(NameNode::File) => Ok(Some((self.place(raw, NameNode::File)?.0, existing))),
            Some(NameNode::Link(link)) => {
                let target = self.links[link].target.clone();
                self.add_link(raw, target.as_bytes())?;
                Ok(None)
            }
            Some(NameNode::Folder(_)) => Err(refuse("which is not a regular file")),
            None => Err(refuse("which does not come before it in the archive")),
        }
    }

    /// Checks the links and the archive as a whole.
    pub(super) fn finish(mut self, build_files: BuildFiles) -> Result<Contents> {
        if self.names.count() == 0 {
            return Err(refusal::archive("it is empty"));
        }
        let top_folder = self.names.top_folder().filter(|_| self.strips_top_folder);
        let base = top_folder.map_or(0, |(_, number)| number);
        let ends = links::follow(&self.links, &self.names, base).map_err(|refused| {
            let path = &self.links[refused.link].path;
            refusal::entry(path.as_str().as_bytes(), refused.reason)
        })?;
        let top_folder = top_folder.map(|(name, _)| name.to_owned());
        let entries = self.names.count() - u64::from(top_folder.is_some());
        let renamed = match build_files {
            BuildFiles::Kept => Vec::new(),
            BuildFiles::Hidden => {
                build_files::hide(self.build_files, &mut self.names, &mut self.links, &ends)
            }
        };
        Ok(Contents { renamed, links: self.links, top_folder, entries, bytes: self.bytes })
    }

    /// Adds a file or a link, and returns its path and the number of its folder.
    fn place(&mut self, raw: &[u8], node: NameNode) -> Result<(EntryPath, usize)> {
        if raw.ends_with(b"/") {
            return Err(refusal::entry(
                raw,
                "its name is that of a folder, but it is not a folder",
            ));
        }
        let path = self.parse(raw)?;
        let path = self.strip(raw, &path)?;
        if path.is_root() {
            return Err(refusal::entry(raw, "it has the path of the top folder"));
        }
        let folder = self.names.add(&path, node).map_err(|reason| refusal::entry(raw, reason))?;
        if BuildFile::is_name(path.name()) {
            self.build_files.push(BuildFile { path: path.clone(), folder, node });
        }
        Ok((path, folder))
    }

    fn parse(&mut self, raw: &[u8]) -> Result<EntryPath> {
        self.budget.names(raw.len())?;
        EntryPath::parse(raw, self.limits).map_err(|reason| refusal::entry(raw, reason))
    }

    fn strip(&mut self, raw: &[u8], path: &EntryPath) -> Result<EntryPath> {
        if self.prefix.is_root() {
            return Ok(path.clone());
        }
        let top = path.as_str().split('/').next().unwrap_or_default();
        // Only for the message, so a collision here is not an error; it is one below the prefix.
        let _ = self.tops.folder(top);
        path.below(&self.prefix).ok_or_else(|| {
            let tops = self.tops.top_names();
            refusal::entry(raw, "it is not below the strip prefix")
                .fact("expected", format!("{}/...", self.prefix.as_str()))
                .fact("found", format!("{}/...", tops.join("/..., ")))
        })
    }
}
