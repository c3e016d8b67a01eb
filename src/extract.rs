//! Unpacking: a verified file in, a tree of files out, or nothing at all.
//!
//! ```text
//! <parent>/.<name>.XXXXXX/tree/   where everything is made; hidden, and only the owner can enter
//! <parent>/<name>/                the finished tree, put there by one rename at the end
//! ```
//!
//! Archives are hostile even when their digest is right: a pin says which bytes were published, not
//! that they are kind. So nobody's `unpack` is used. `catalog` decides, from names, kinds and
//! sizes alone, whether an entry may exist; `tree` makes it, relative to open folders and never
//! through a link. What is refused, and why, is said where it is refused.
//!
//! Memory is flat: data goes from a decoder through a few buffers to the disk. What grows with an
//! archive is its list of names, and [`Limits`] bounds that.

mod binary;
mod build_files;
mod catalog;
mod decoder;
mod detect;
mod entry_path;
mod executables;
mod input;

mod limits;
mod links;
mod names;
mod pax;
mod pipe;
mod read_at;
mod refusal;
mod small_files;
mod tar;
pub(crate) mod tar_entries;
mod threads;
mod tree;
mod ungz;
mod unxz;
mod unzstd;
mod zip;
mod zip_end;
mod zip_list;
mod zip_member;

use std::path::{Path, PathBuf};

use crate::artifact::{ArchiveType, Strip};
use crate::error::{Kind, Result};
use crate::segment::Segment;
use crate::store::Staging;
use crate::verify::Verified;

use catalog::Catalog;
use tree::TreeWriter;

pub(crate) use executables::places as executable_places;
pub use limits::Limits;

/// What a file is, and what of it is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The format. The file's first bytes must agree.
    pub archive: ArchiveType,
    /// What to take off the front of each path.
    pub strip: Strip,
    /// The name that the file gets where it is no archive.
    pub filename: Segment,
}

/// What becomes of BUILD files in an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildFiles {
    /// They keep their names.
    Kept,
    /// They get names that Bazel does not read, `BUILD.upstream` or one with a number, as each
    /// would be a package of its own. Links to them lead to the new names.
    Hidden,
}

/// What is done to a tree before it is at its destination.
#[derive(Clone, Copy, Debug)]
pub struct Adjustments<'a> {
    /// What becomes of BUILD files.
    pub build_files: BuildFiles,
    /// The executables, as a registry file names them: each that is there can be executed in the
    /// tree, whatever the archive says. Zips from Windows do not record it.
    pub executables: &'a [String],
    /// How the names of entries are read.
    pub names: EntryNames,
}

/// How the names of an archive's entries are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryNames {
    /// As they are.
    Exact,
    /// As Helm reads a chart's: a backslash separates folders too. What operating systems and
    /// archivers leave behind is passed over.
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
    /// Its folder.
    pub root: PathBuf,
    /// How many files, folders and links are in it.
    pub entries: u64,
    /// The bytes in its files.
    pub bytes: u64,
}

/// Unpacks `archive` to `destination`, which must not exist or be an empty folder.
///
/// Files are executable or not, as the archive says, and otherwise have the permissions that the umask leaves; owners,
/// times and special bits are not kept.
///
/// # Errors
/// Usage, where the destination is taken. Integrity, where the archive is damaged, hostile or of
/// another type; the statement names the entry and the reason. Whatever the error: the destination
/// is as it was before.
pub fn extract(
    archive: &Verified,
    layout: &Layout,
    destination: &Path,
    limits: &Limits,
) -> Result<Tree> {
    extract_with(archive, layout, &Adjustments::NONE, destination, limits)
}

/// Unpacks like [`extract`], and adjusts the tree before it is at its destination.
///
/// # Errors
/// As for [`extract`].
pub fn extract_with(
    archive: &Verified,
    layout: &Layout,
    adjustments: &Adjustments<'_>,
    destination: &Path,
    limits: &Limits,
) -> Result<Tree> {
    described(archive, unpack(archive, layout, adjustments, destination, limits)).map_err(|error| {
        let refused = error.kind() == Kind::Integrity;
        let error = error.fact("to", destination.display());
        match refused {
            true => error.hint(
                "the file has the pinned SHA-256, so it is what somebody published or pinned: \
                 check the entry in the checksum registry, and tell the publisher",
            ),
            false => error,
        }
    })
}

/// Unpacks a file that nobody pinned: its digest is only what it was when it was opened.
///
/// # Errors
/// As for [`extract`].
pub fn extract_unpinned(
    archive: &Verified,
    layout: &Layout,
    destination: &Path,
    limits: &Limits,
) -> Result<Tree> {
    described(archive, unpack(archive, layout, &Adjustments::NONE, destination, limits))
}

/// Unpacks the archive of a chart, which nobody pinned.
///
/// # Errors
/// As for [`extract`].
pub fn extract_chart(
    archive: &Verified,
    layout: &Layout,
    destination: &Path,
    limits: &Limits,
) -> Result<Tree> {
    let adjustments = Adjustments { names: EntryNames::Chart, ..Adjustments::NONE };
    described(archive, unpack(archive, layout, &adjustments, destination, limits))
}

/// Adds to an error which archive it is about.
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
            pipe::through(decoder, |stream| tar::extract(stream, &mut catalog, &mut tree))?;
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
