//! A bundle that is read. All of it is hostile until it is compared with its digests.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use airgap_core::bounded;
use airgap_core::digest::Digest;
use airgap_core::error::{Context, Error, Result};
use airgap_core::folder::EntryKind;
use airgap_core::read;
use airgap_core::report::{printable_line, shortened};
use airgap_core::rooted::RootedPath;
use airgap_core::system_files;
use airgap_core::verify;
use airgap_core::workers;

use super::inventory::{self, Inventory};
use super::line::{Line, Range};
use super::merge;
use super::removed::Removed;
use super::sums::{self, Sums};
use super::{
    BUNDLE_FILE, INVENTORY_FILE, SBOM_FILE, SCHEMA_VERSION, SUMS_FILE, TRANSFER_FILE, part_name,
    tar,
};

/// The names of the files beside the parts that every bundle has.
const LISTS: [&str; 4] = [BUNDLE_FILE, INVENTORY_FILE, SBOM_FILE, TRANSFER_FILE];

/// The largest list in bytes, and the most values in `bundle.json`.
const MOST_BYTES: u64 = inventory::MOST_BYTES;
const MOST_VALUES: usize = 1_000_000;

/// `bundle.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Description {
    pub(super) schema_version: u32,
    /// The identity, which each part names.
    pub(super) id: Digest,
    /// The SHA-256 of `inventory.jsonl`.
    pub(super) inventory: Digest,
    /// The number of lines in it.
    pub(super) files: usize,
    /// The identity of the inventory of the far side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<Digest>,
    /// The files to remove on the far side.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) removed: Vec<Removed>,
    /// The parts.
    pub(super) parts: Vec<PartDescription>,
}

/// One part in `bundle.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartDescription {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) sha256: Digest,
}

/// A bundle whose lists were compared with their digests. Its parts were not read yet.
pub struct Bundle {
    root: RootedPath,
    pub(super) description: Description,
    inventory: Inventory,
}

/// The result of the check of one part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartFinding {
    /// The name of the part.
    pub name: String,
    /// The defect; `None` if the part is right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl PartFinding {
    /// Returns the finding on one line.
    pub fn describe(&self) -> String {
        match &self.problem {
            None => format!("ok     {}", self.name),
            Some(problem) => format!("wrong  {}: {problem}", self.name),
        }
    }
}

/// A range of a content in a part.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    /// The digest and the size of the whole content.
    pub(super) content: (Digest, u64),
    /// The range.
    pub(super) range: Range,
    /// Whether it is the last range of the content.
    pub(super) is_last: bool,
}

impl Bundle {
    /// Opens a bundle, and compares its lists with `SHA256SUMS` and with each other.
    ///
    /// # Errors
    /// Usage, if the folder is not a bundle or has a newer format; integrity, if a list is not the
    /// one that was written or contradicts another one, or the folder has a file that is not listed.
    pub fn open(folder: &Path) -> Result<Bundle> {
        let root = RootedPath::from_trusted(folder);
        let text = list_text(&root, BUNDLE_FILE)?.ok_or_else(|| not_a_bundle(&root))?;
        check_version(&text, &root)?;
        let sums = list_text(&root, SUMS_FILE)?.ok_or_else(|| missing(&root, SUMS_FILE))?;
        let sums = sums::parse(&sums)?;
        check_lists(&root, &sums)?;
        let description: Description = bounded::json_within(text.as_bytes(), MOST_VALUES)
            .map_err(|error| contradicts(&root, BUNDLE_FILE).because(error))?;
        check_parts_of(&root, &sums, &description)?;
        check_unlisted(&root, &sums)?;
        let shown = root.join(INVENTORY_FILE).to_string();
        let text = list_text(&root, INVENTORY_FILE)?.unwrap_or_default();
        let inventory = Inventory::parse(text.as_bytes(), &shown)?;
        check_inventory(&root, &description, &inventory, &text)?;
        Ok(Bundle { root, description, inventory })
    }

    /// Returns the identity.
    pub fn id(&self) -> &Digest {
        &self.description.id
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// Returns the inventory.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// Returns the number and the total size of the parts.
    pub fn parts(&self) -> (usize, u64) {
        let parts = &self.description.parts;
        (parts.len(), parts.iter().fold(0, |sum, part| part.size.saturating_add(sum)))
    }

    /// Returns the paths that the bundle removes on the far side.
    pub fn removed(&self) -> impl Iterator<Item = &str> {
        self.description.removed.iter().map(|removed| removed.path.as_str())
    }

    /// Returns whether the bundle was made for a far side with files.
    pub fn is_delta(&self) -> bool {
        self.description.since.is_some()
    }

    /// Hashes every part, several at a time.
    ///
    /// # Errors
    /// Those of reading a part, whose state is then unknown.
    pub fn check_parts(&self, jobs: usize) -> Result<Vec<PartFinding>> {
        let checked = workers::each(&self.description.parts, jobs, |part| {
            let problem = self.problem(part)?;
            Ok(PartFinding { name: part.name.clone(), problem })
        });
        checked.into_iter().collect()
    }

    /// Returns whether every part exists and has its size.
    ///
    /// # Errors
    /// Those of reading the folder.
    pub(super) fn has_all_parts(&self) -> Result<bool> {
        for part in &self.description.parts {
            if self.size_problem(part)?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn problem(&self, part: &PartDescription) -> Result<Option<String>> {
        if let Some(problem) = self.size_problem(part)? {
            return Ok(Some(problem));
        }
        let doing = || format!("read `{}`", self.root.join(&part.name));
        let (found, _) = verify::hash(&mut self.part(part)?).doing(doing)?;
        Ok(self.digest_problem(part, &found))
    }

    fn size_problem(&self, part: &PartDescription) -> Result<Option<String>> {
        let path = self.root.join(&part.name);
        Ok(match path.stat().doing(|| format!("read `{path}`"))? {
            None => Some("missing".to_owned()),
            Some(stat) if stat.kind != EntryKind::File => Some("not a regular file".to_owned()),
            Some(stat) if stat.size == part.size => None,
            Some(stat) => Some(match self.stranger(part) {
                Some(words) => words,
                None => format!("{} bytes instead of {}", stat.size, part.size),
            }),
        })
    }

    /// Returns the defect of a part with this digest.
    pub(super) fn digest_problem(&self, part: &PartDescription, found: &Digest) -> Option<String> {
        (*found != part.sha256).then(|| {
            self.stranger(part)
                .unwrap_or_else(|| format!("sha256:{found} instead of sha256:{}", part.sha256))
        })
    }

    /// Returns the description of a part of another bundle, or of another part of this bundle.
    fn stranger(&self, part: &PartDescription) -> Option<String> {
        let mut bytes = Vec::new();
        let file = self.root.join(&part.name).read().ok()?;
        file.take(tar::BEGINNING).read_to_end(&mut bytes).ok()?;
        match tar::read_beginning(&bytes)? {
            (id, _) if id != self.description.id => {
                Some(format!("a part of another bundle, {}", id.short()))
            }
            (_, number) if part_name(number) != part.name => {
                Some(format!("this is {} of the bundle", part_name(number)))
            }
            _ => None,
        }
    }

    /// Opens a part.
    pub(super) fn part(&self, part: &PartDescription) -> Result<std::fs::File> {
        let path = self.root.join(&part.name);
        path.read().doing(|| format!("read `{path}`"))
    }

    /// Returns the slices of the contents for which `is_needed` holds, by part and in their order.
    pub(super) fn slices(&self, is_needed: impl Fn(&Digest) -> bool) -> Vec<Vec<Slice>> {
        let mut slices = vec![Vec::new(); self.description.parts.len()];
        for slice in all_slices(&self.inventory) {
            if is_needed(&slice.content.0) && slice.content.1 > 0 {
                slices[slice.range.part as usize - 1].push(slice);
            }
        }
        slices
    }

    /// Returns the error that names the wrong parts, so that only those are sent again.
    pub(super) fn wrong_parts(&self, findings: &[PartFinding]) -> Error {
        let wrong: Vec<_> = findings.iter().filter(|it| it.problem.is_some()).collect();
        let names: Vec<_> = wrong.iter().map(|finding| finding.name.as_str()).collect();
        let mut error = Error::integrity(format!("`{}` has parts that are wrong", self.root))
            .fact("wrong", format!("{} of {}", wrong.len(), self.description.parts.len()));
        for finding in wrong.iter().take(MOST_NAMED) {
            let problem = finding.problem.clone().unwrap_or_default();
            error = error.fact("part", format!("{}: {}", finding.name, printable_line(&problem)));
        }
        let more = names.len().saturating_sub(MOST_NAMED);
        if more > 0 {
            error =
                error.fact("and", format!("{more} more: `wasm-airgap bundle inspect` lists all"));
        }
        error.hint("send only these parts again, then run the same command again")
    }
}

/// The number of wrong parts that one error names, and of characters of an unknown name.
const MOST_NAMED: usize = 10;
const MOST_SHOWN: usize = 200;

/// Returns the slices of each content once, sorted by part and offset.
fn all_slices(inventory: &Inventory) -> Vec<Slice> {
    let mut seen = HashSet::new();
    let mut slices = Vec::new();
    for line in inventory.lines().iter().filter(|line| seen.insert(line.sha256)) {
        let places = line.places();
        let count = places.len();
        slices.extend(places.into_iter().enumerate().map(|(nth, range)| Slice {
            content: (line.sha256, line.size),
            range,
            is_last: nth + 1 == count,
        }));
    }
    slices.sort_by_key(|slice| (slice.range.part, slice.range.offset));
    slices
}

fn list_text(root: &RootedPath, name: &str) -> Result<Option<String>> {
    read::rooted_text(&root.join(name), MOST_BYTES)
}

fn check_version(text: &str, root: &RootedPath) -> Result<()> {
    #[derive(Deserialize)]
    struct Version {
        schema_version: u32,
    }
    let parsed = bounded::json_within::<Version>(text.as_bytes(), MOST_VALUES);
    let found = parsed.map_err(|error| not_a_bundle(root).because(error))?.schema_version;
    match found == SCHEMA_VERSION {
        true => Ok(()),
        false => {
            Err(Error::usage(format!("`{root}` has a format that this program does not know"))
                .fact("expected", format!("schema_version {SCHEMA_VERSION}"))
                .fact("found", format!("schema_version {found}"))
                .hint("use the version of wasm-airgap that created the bundle"))
        }
    }
}

/// Compares the lists with their digests.
fn check_lists(root: &RootedPath, sums: &Sums) -> Result<()> {
    for name in LISTS {
        let Some(expected) = sums.get(name) else { return Err(missing(root, name)) };
        let path = root.join(name);
        let text = read::rooted_bytes(&path, MOST_BYTES)?.ok_or_else(|| missing(root, name))?;
        let found = Digest::compute(&text);
        if found != *expected {
            return Err(Error::integrity(format!(
                "`{path}` has another digest than `{SUMS_FILE}` lists"
            ))
            .fact("expected", format!("sha256:{expected}"))
            .fact("found", format!("sha256:{found}"))
            .hint(format!("send `{name}` and `{SUMS_FILE}` again")));
        }
    }
    Ok(())
}

/// Compares the parts in `bundle.json` with those in `SHA256SUMS`.
fn check_parts_of(root: &RootedPath, sums: &Sums, description: &Description) -> Result<()> {
    for (part, number) in description.parts.iter().zip(1..) {
        if part.name != part_name(number) || sums.get(&part.name) != Some(&part.sha256) {
            return Err(Error::integrity(format!(
                "`{BUNDLE_FILE}` and `{SUMS_FILE}` in `{root}` disagree on a part"
            ))
            .fact("part", printable_line(&part.name))
            .hint(format!("send `{BUNDLE_FILE}` and `{SUMS_FILE}` again")));
        }
    }
    let count = description.parts.len();
    let is_part = |name: &str| {
        let number =
            name.strip_prefix("data.").and_then(|it| it.strip_suffix(".tar")?.parse().ok());
        number.is_some_and(|it| (1..=count as u32).contains(&it) && part_name(it) == name)
    };
    match sums.keys().find(|name| !LISTS.contains(&name.as_str()) && !is_part(name)) {
        None => Ok(()),
        Some(name) => Err(Error::integrity(format!(
            "`{}` lists a file that is not part of the bundle",
            root.join(SUMS_FILE)
        ))
        .fact("file", shortened(name, MOST_SHOWN))
        .hint(format!("send `{SUMS_FILE}` again"))),
    }
}

/// Refuses files that no list names: they are not approved for the transfer, and are parts of another
/// bundle if two bundles were copied into one folder.
fn check_unlisted(root: &RootedPath, sums: &Sums) -> Result<()> {
    let entries = root.open_folder().and_then(|folder| folder.list());
    let entries = entries.doing(|| format!("list `{root}`"))?;
    let is_known = |name: &str| {
        sums.contains_key(name) || name == SUMS_FILE || system_files::is_system_file(name)
    };
    let names = entries.iter().map(|(name, _)| name.to_string_lossy());
    match names.into_iter().find(|name| !is_known(name)) {
        None => Ok(()),
        Some(name) => {
            Err(Error::integrity(format!("`{root}` has a file that is not part of the bundle"))
                .fact("file", printable_line(&name))
                .hint("remove it, or copy the bundle into a folder of its own"))
        }
    }
}

fn check_inventory(
    root: &RootedPath,
    description: &Description,
    inventory: &Inventory,
    text: &str,
) -> Result<()> {
    let is_listed = Digest::compute(text.as_bytes()) == description.inventory;
    let is_identity = inventory.identity()? == description.id;
    if !is_listed || !is_identity || inventory.lines().len() != description.files {
        return Err(contradicts(root, BUNDLE_FILE));
    }
    let removed = description.removed.iter().map(|removed| {
        Line::new(removed.path.clone(), (removed.sha256, 0), super::line::FileKind::Tool)
    });
    inventory::check_removed(removed.collect(), inventory, BUNDLE_FILE)?;
    // Every bundle brings the lists that are merged, and none removes them.
    let is_removed = description.removed.iter().any(|removed| merge::is_merged(&removed.path));
    let lists = inventory.lines().iter().filter(|line| merge::is_merged(&line.path));
    if is_removed || !lists.clone().all(Line::is_carried) {
        return Err(contradicts(root, INVENTORY_FILE));
    }
    check_slices(root, &description.parts, &all_slices(inventory))
}

/// Checks that every range is in its part, that no two overlap, and that the ranges of a content
/// follow each other.
fn check_slices(root: &RootedPath, parts: &[PartDescription], slices: &[Slice]) -> Result<()> {
    let wrong = || contradicts(root, INVENTORY_FILE);
    let mut end = (0, 0);
    let mut open: HashMap<Digest, u64> = HashMap::new();
    let mut last: Option<&Slice> = None;
    for slice in slices {
        let Range { part, offset, size, .. } = slice.range;
        let within = (part as usize).checked_sub(1).and_then(|nth| parts.get(nth));
        let stop = offset
            .checked_add(size)
            .filter(|stop| within.is_some_and(|within| *stop <= within.size));
        let Some(stop) = stop else { return Err(wrong()) };
        let follows = (part, offset) >= end || size == 0;
        let continues = last.is_none_or(|last| last.is_last || last.content == slice.content);
        if !follows || !continues {
            return Err(wrong());
        }
        *open.entry(slice.content.0).or_default() += size;
        let is_whole = open.get(&slice.content.0) == Some(&slice.content.1);
        if slice.is_last && !is_whole {
            return Err(wrong());
        }
        end = end.max((part, stop));
        last = Some(slice);
    }
    match last.is_none_or(|last| last.is_last) {
        true => Ok(()),
        false => Err(wrong()),
    }
}

fn not_a_bundle(root: &RootedPath) -> Error {
    Error::usage(format!("`{root}` is not a bundle"))
        .fact("looked for", root.join(BUNDLE_FILE))
        .hint("name the folder that `wasm-airgap bundle create` wrote")
}

fn missing(root: &RootedPath, name: &str) -> Error {
    Error::integrity(format!("`{root}` is not complete"))
        .fact("missing", name)
        .hint(format!("send `{name}` again"))
}

fn contradicts(root: &RootedPath, name: &str) -> Error {
    Error::integrity(format!("`{}` contradicts the other lists of the bundle", root.join(name)))
        .hint("create the bundle again with `wasm-airgap bundle create`")
}
