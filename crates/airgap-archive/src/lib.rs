//! Unpacks a verified archive into a tree of files, completely or not at all.
//!
//! ```text
//! <parent>/.<name>.XXXXXX/tree/   the unfinished tree; hidden, and only the owner can enter
//! <parent>/<name>/                the finished tree, put there by one rename at the end
//! ```
//!
//! An archive can be hostile even if its digest is right: a pin identifies the published bytes and
//! does not make them safe. So no library's `unpack` is used. `catalog` decides, from names, kinds
//! and sizes alone, whether an entry may exist; `tree` creates it, relative to open folders and
//! never through a link. Each check states the reason for its refusal.
//!
//! Memory is flat: data goes from a decoder through a few buffers to the disk. The list of names
//! grows with the archive, and [`Limits`] bounds that list.

#![warn(unreachable_pub)]
// Tests lay out their own folders.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod binary;
mod build_files;
mod catalog;
mod decoder;
mod detect;
mod entry_path;
mod executables;
mod input;

mod decoder_thread;
mod gzip;
mod limits;
mod links;
mod names;
mod pax;
mod read_at;
mod refusal;
mod small_files;
mod tar;
pub mod tar_entries;
mod threads;
mod tree;
mod xz;
mod zip;
mod zip_end;
mod zip_list;
mod zip_member;
mod zstd;

use std::path::{Path, PathBuf};

use airgap_core::artifact::{ArchiveType, Strip};
use airgap_core::error::{ErrorKind, Result};
use airgap_core::path_component::PathComponent;
use airgap_core::store::Staging;
use airgap_core::verify::Verified;

use catalog::Catalog;
use tree::TreeWriter;

pub use detect::archive_of;
pub use executables::places as executable_places;
pub use limits::Limits;

/// The format of a file and the part of it to unpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The format. The file's first bytes must agree.
    pub archive: ArchiveType,
    /// The folders to remove from the front of each path.
    pub strip: Strip,
    /// The name of the file if it is not an archive.
    pub filename: PathComponent,
}

/// The treatment of BUILD files in an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildFiles {
    /// The files keep their names.
    Kept,
    /// They get names that Bazel does not read, `BUILD.upstream` or one with a number, as each
    /// would be a package of its own. Links to them lead to the new names.
    Hidden,
}

/// Changes to a tree before the rename to its destination.
#[derive(Clone, Copy, Debug)]
pub struct Adjustments<'a> {
    /// The treatment of BUILD files.
    pub build_files: BuildFiles,
    /// The executables, as a registry file names them. Each that exists in the tree is made
    /// executable, whatever the archive records. Zips from Windows do not record it.
    pub executables: &'a [String],
    /// The rule for reading the names of entries.
    pub names: EntryNames,
}

/// The rule for reading the names of an archive's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryNames {
    /// Names are read unchanged.
    Exact,
    /// Names are read as Helm reads a chart's: a backslash separates folders too. Files that
    /// operating systems and archivers leave behind are skipped.
    Chart,
}

impl Adjustments<'_> {
    /// No adjustments.
    pub const NONE: Adjustments<'static> =
        Adjustments { build_files: BuildFiles::Kept, executables: &[], names: EntryNames::Exact };
}

/// A finished tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The folder of the tree.
    pub root: PathBuf,
    /// The number of files, folders and links in it.
    pub entries: u64,
    /// The number of bytes in its files.
    pub bytes: u64,
}

/// Unpacks `archive` to `destination`, which must not exist or must be an empty folder.
///
/// Files are executable or not, as the archive says, and otherwise have the permissions that the
/// umask leaves. Owners, times and special bits are not kept.
///
/// # Errors
/// Usage, if the destination is taken. Integrity, if the archive is damaged, hostile or of another
/// type; the statement names the entry and the reason. After any error the destination is as it was
/// before.
pub fn extract(
    archive: &Verified,
    layout: &Layout,
    destination: &Path,
    limits: &Limits,
) -> Result<Tree> {
    extract_with(archive, layout, &Adjustments::NONE, destination, limits)
}

/// Unpacks like [`extract`], and adjusts the tree before the rename to its destination.
///
/// # Errors
/// The errors of [`extract`].
pub fn extract_with(
    archive: &Verified,
    layout: &Layout,
    adjustments: &Adjustments<'_>,
    destination: &Path,
    limits: &Limits,
) -> Result<Tree> {
    described(archive, unpack(archive, layout, adjustments, destination, limits)).map_err(|error| {
        let refused = error.kind() == ErrorKind::Integrity;
        let error = error.fact("to", destination.display());
        match refused {
            true => error.hint(
                "the file has the pinned SHA-256, so it was published or pinned this way: check \
                 the entry in the checksum registry, and tell the publisher",
            ),
            false => error,
        }
    })
}

/// Unpacks a file without a pin: its digest is the one computed when it was opened.
///
/// # Errors
/// The errors of [`extract`].
pub fn extract_unpinned(
    archive: &Verified,
    layout: &Layout,
    destination: &Path,
    limits: &Limits,
) -> Result<Tree> {
    described(archive, unpack(archive, layout, &Adjustments::NONE, destination, limits))
}

/// Unpacks the archive of a chart, which has no pin.
///
/// # Errors
/// The errors of [`extract`].
pub fn extract_chart(
    archive: &Verified,
    layout: &Layout,
    destination: &Path,
    limits: &Limits,
) -> Result<Tree> {
    let adjustments = Adjustments { names: EntryNames::Chart, ..Adjustments::NONE };
    described(archive, unpack(archive, layout, &adjustments, destination, limits))
}

/// Adds the description of the archive to an error.
fn described(archive: &Verified, result: Result<Tree>) -> Result<Tree> {
    result.map_err(|error| {
        error.fact("extracting", archive.subject()).fact("archive", archive.path().display())
    })
}

fn unpack(
    archive: &Verified,
    layout: &Layout,
    adjustments: &Adjustments<'_>,
    destination: &Path,
    limits: &Limits,
) -> Result<Tree> {
    let staging = Staging::beside(destination)?;
    let mut file = archive.reader()?;
    detect::check(&mut file, layout.archive)?;
    let strip = match layout.archive {
        ArchiveType::Binary => &Strip::Nothing,
        _ => &layout.strip,
    };
    let mut catalog = Catalog::new(limits, strip, archive.size(), adjustments.names)?;
    let mut tree = TreeWriter::new(staging.root())?;
    match layout.archive {
        ArchiveType::Binary => binary::copy(file, layout, &mut catalog, &mut tree)?,
        ArchiveType::Zip => zip::extract(&file, &mut catalog, &mut tree)?,
        ArchiveType::TarGz | ArchiveType::TarXz | ArchiveType::TarZst => {
            let decoder = decoder::decoder(layout.archive, file, limits);
            decoder_thread::decode_in_thread(decoder, |stream| {
                tar::extract(stream, &mut catalog, &mut tree)
            })?;
        }
    }
    let contents = catalog.finish(adjustments.build_files)?;
    for (path, hidden) in &contents.renamed {
        tree.rename(path, hidden)?;
    }
    for link in &contents.links {
        tree.symlink(link)?;
    }
    let top = contents.top_folder.as_deref().unwrap_or_default();
    executables::allow(&staging.root().join(top), adjustments.executables)?;
    archive.check_unchanged()?;
    staging.publish(contents.top_folder.as_deref())?;
    Ok(Tree { root: destination.to_owned(), entries: contents.entries, bytes: contents.bytes })
}
