//! Creates a bundle.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::Serialize;

use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::free_space;
use airgap_core::quantity::megabytes;
use airgap_core::report;
use airgap_core::rooted::RootedPath;
use airgap_core::store::{self, Staging};

use super::arrangement::{Body, Part, arrange};
use super::delta;
use super::inventory::{Inventory, MOST_BYTES};
use super::line::Line;
use super::opened::{Description, PartDescription};
use super::part_writer::{self, Written};
use super::removed::Removed;
use super::source::{Source, sources};
use super::split_size::SplitSize;
use super::sums::{self, Sums};
use super::{
    BUNDLE_FILE, INVENTORY_FILE, SBOM_FILE, SCHEMA_VERSION, SUMS_FILE, TRANSFER_FILE, part_name,
    transfer_list,
};
use crate::outside;
use crate::sbom::{Format, Sbom};

/// A bundle to create.
pub struct Order {
    /// The vendor folders and image layouts.
    pub folders: Vec<PathBuf>,
    /// The folder of the bundle, which does not exist yet or is empty.
    pub output: PathBuf,
    /// The largest size of a part; `None` for a single part.
    pub split: Option<SplitSize>,
    /// The inventory of the far side.
    pub since: Option<Inventory>,
    /// Whether files stay on the far side although the folders do not have them any more.
    pub keeps_removed: bool,
}

/// A created bundle.
#[derive(Clone, Debug, Serialize)]
pub struct Created {
    /// Its identity.
    pub id: Digest,
    /// The number of files that it lists.
    pub files: usize,
    /// The number of files that it carries.
    pub carried: usize,
    /// The number of files that it removes on the far side.
    pub removed: usize,
    /// The number of its parts.
    pub parts: usize,
    /// The number of bytes of its parts.
    pub bytes: u64,
    /// The SHA-256 of `SHA256SUMS`, which identifies all files of the bundle.
    pub sha256sums: Digest,
}

/// Creates a bundle. Its folder appears with everything in it, or not at all.
///
/// # Errors
/// Usage, if a folder is neither a vendor folder nor an image layout, or the output is not empty;
/// integrity, if a file has another digest or size than its list; those of the file system.
pub fn create(order: &Order) -> Result<Created> {
    for folder in &order.folders {
        outside::check(&order.output, folder)?;
    }
    let sources = sources(&order.folders)?;
    let mut bundle = Planned::new(&sources, order)?;
    let staging = Staging::beside(&order.output)?;
    check_space(order, &bundle.parts)?;
    let folder = RootedPath::from_trusted(staging.root());
    let id = bundle.inventory.identity()?;
    let written = part_writer::write(&folder, &id, &bundle.parts, &bundle.bodies)?;
    bundle.enter_ranges(&written);
    let sbom = Sbom::new(&sources)?.text(Format::Cyclonedx, None)?;
    let created = bundle.write_lists(&folder, (id, sbom), &written, order.since.as_ref())?;
    staging.publish(None)?;
    Ok(created)
}

/// The lists of a bundle before its parts are written.
struct Planned<'a> {
    inventory: Inventory,
    removed: Vec<Removed>,
    bodies: Vec<&'a Source>,
    parts: Vec<Part>,
}

impl<'a> Planned<'a> {
    fn new(sources: &'a [Source], order: &Order) -> Result<Planned<'a>> {
        let empty = Inventory::default();
        let far = order.since.as_ref().unwrap_or(&empty);
        let bodies = bodies(sources, far);
        let body = |source: &&'a Source| Body { path: &source.line.path, size: source.line.size };
        let parts = arrange(&bodies.iter().map(body).collect::<Vec<_>>(), order.split)?;
        let mut lines: Vec<Line> = sources.iter().map(|source| source.line.clone()).collect();
        lines.iter_mut().for_each(|line| line.replaces = delta::replaced(line, far));
        enter_places(&mut lines, &bodies, &parts);
        let removed = match order.keeps_removed {
            true => Vec::new(),
            false => delta::removed(sources, far),
        };
        let inventory = Inventory::new(lines, INVENTORY_FILE)?;
        Ok(Planned { inventory, removed, bodies, parts })
    }

    fn enter_ranges(&mut self, written: &Written) {
        let by_digest: HashMap<Digest, _> = written
            .ranges
            .iter()
            .map(|(body, ranges)| (self.bodies[*body].line.sha256, ranges))
            .collect();
        for line in self.inventory.lines_mut() {
            if let Some(ranges) = by_digest.get(&line.sha256).filter(|_| line.is_carried()) {
                line.ranges = (*ranges).clone();
            }
        }
    }

    /// Writes the files beside the parts.
    fn write_lists(
        &self,
        folder: &RootedPath,
        (id, sbom): (Digest, String),
        written: &Written,
        since: Option<&Inventory>,
    ) -> Result<Created> {
        let inventory = self.inventory.text()?;
        let description = Description {
            schema_version: SCHEMA_VERSION,
            id,
            inventory: Digest::compute(inventory.as_bytes()),
            files: self.inventory.lines().len(),
            since: since.map(Inventory::identity).transpose()?,
            removed: self.removed.clone(),
            parts: self.describe_parts(written),
        };
        let bundle = report::json_file(&description)
            .map_err(|error| Error::new(ErrorKind::Failed, "cannot write JSON").because(error))?;
        let transfer = transfer_list::text(&self.inventory, &self.removed, since);
        let parts = description.parts.iter().map(|part| (part.name.clone(), part.sha256));
        let mut sums: Sums = parts.collect();
        let files = [
            (BUNDLE_FILE, bundle),
            (INVENTORY_FILE, inventory),
            (SBOM_FILE, sbom),
            (TRANSFER_FILE, transfer),
        ];
        for (name, text) in &files {
            check_length(name, text)?;
            store::write_atomically(&folder.join(name), text.as_bytes())?;
            sums.insert((*name).to_owned(), Digest::compute(text.as_bytes()));
        }
        let sums = sums::text(&sums);
        store::write_atomically(&folder.join(SUMS_FILE), sums.as_bytes())?;
        let carried = self.inventory.lines().iter().filter(|line| line.is_carried());
        Ok(Created {
            id,
            files: description.files,
            carried: carried.count(),
            removed: self.removed.len(),
            parts: self.parts.len(),
            bytes: self.parts.iter().map(|part| part.size).sum(),
            sha256sums: Digest::compute(sums.as_bytes()),
        })
    }

    fn describe_parts(&self, written: &Written) -> Vec<PartDescription> {
        let describe = |((part, sha256), number): ((&Part, &Digest), u32)| PartDescription {
            name: part_name(number),
            size: part.size,
            sha256: *sha256,
        };
        self.parts.iter().zip(&written.parts).zip(1..).map(describe).collect()
    }
}

/// Checks that a list can be read again.
fn check_length(name: &str, text: &str) -> Result<()> {
    match text.len() as u64 <= MOST_BYTES {
        true => Ok(()),
        false => Err(Error::usage(format!("`{name}` would be too long"))
            .fact("expected", format!("at most {}", megabytes(MOST_BYTES)))
            .fact("found", megabytes(text.len() as u64))
            .hint("create several bundles, each of a part of the folders")),
    }
}

/// Returns the contents to carry, each digest once, in the order of their first paths.
fn bodies<'a>(sources: &'a [Source], far: &Inventory) -> Vec<&'a Source> {
    let mut seen = std::collections::HashSet::new();
    let is_carried =
        |source: &&Source| delta::must_carry(&source.line, far) && seen.insert(source.line.sha256);
    sources.iter().filter(is_carried).collect()
}

/// Enters the places into the lines. A line has one too if the bundle carries its content for
/// another path only: then the far side may lack it without harm.
fn enter_places(lines: &mut [Line], bodies: &[&Source], parts: &[Part]) {
    let mut places = HashMap::new();
    for (part, number) in parts.iter().zip(1_u32..) {
        for piece in &part.pieces {
            let digest = bodies[piece.body].line.sha256;
            places.entry(digest).or_insert((number, piece.offset));
        }
    }
    for line in lines {
        let place = places.get(&line.sha256);
        (line.part, line.offset) = (place.map(|it| it.0), place.map(|it| it.1));
    }
}

fn check_space(order: &Order, parts: &[Part]) -> Result<()> {
    let needed: u64 = parts.iter().map(|part| part.size).sum();
    match free_space::available(&order.output).filter(|free| *free < needed) {
        None => Ok(()),
        Some(free) => Err(not_enough(&order.output.display(), needed, free)),
    }
}

/// Returns the error for a disk that is too small.
pub(super) fn not_enough(path: &dyn std::fmt::Display, needed: u64, free: u64) -> Error {
    Error::new(ErrorKind::Failed, format!("`{path}` has not enough free space"))
        .fact("needed", megabytes(needed))
        .fact("free", megabytes(free))
        .because("No space left on device")
        .hint("free some space and run the same command again, or choose another disk")
}
