//! A strict walk over a tar.
//!
//! The crate reads headers; the walk is our own. The crate's stops at the end of the data as if
//! that were the end of the archive, and at the first empty block whatever comes after it.

use std::fs::File;
use std::io::Write;

use tar::{EntryType, Header};

use crate::error::{Context, Result};

use super::catalog::Catalog;
use super::pax::{self, Overrides};
use super::pipe::Stream;
use super::refusal;
use super::small_files::{self, SMALL, SmallFiles};
use super::tree::TreeWriter;

const BLOCK: usize = 512;

/// The longest description of one entry. Extended attributes can be long, names cannot.
const MOST_DESCRIPTION: u64 = 1 << 20;

/// The most padding after the end. `tar` fills up records, mostly of 10 KiB.
const MOST_PADDING: usize = 1 << 20;

/// Makes what is in the archive.
pub(super) fn extract(
    stream: &mut Stream,
    catalog: &mut Catalog<'_>,
    tree: &mut TreeWriter,
) -> Result<()> {
    small_files::with(tree.again()?, |small| walk(Walk { stream, catalog, tree, small }))
}

fn walk(mut walk: Walk<'_, '_>) -> Result<()> {
    let mut overrides = Overrides::default();
    while let Some(header) = walk.header()? {
        match describes(&header) {
            true => walk.description(&header, &mut overrides)?,
            false => walk.entry(&header, std::mem::take(&mut overrides))?,
        }
    }
    if overrides.any {
        return Err(refusal::damaged("it ends where an entry was announced"));
    }
    walk.end()?;
    walk.small.finish(walk.tree)
}

struct Walk<'a, 'b> {
    stream: &'a mut Stream,
    catalog: &'a mut Catalog<'b>,
    tree: &'a mut TreeWriter,
    small: &'a mut SmallFiles,
}

impl Walk<'_, '_> {
    /// The next header; `None` at the empty block that ends an archive.
    fn header(&mut self) -> Result<Option<Header>> {
        let mut header = Header::new_old();
        let block = header.as_mut_bytes();
        if self.stream.read(block)? < BLOCK {
            return Err(refusal::damaged("it is cut short, as the mark of its end is missing"));
        }
        if block.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        match header.cksum() {
            Ok(expected) if expected == checksum(header.as_bytes()) => Ok(Some(header)),
            _ => Err(refusal::damaged("the checksum of a header is wrong")),
        }
    }

    /// Takes what stands before an entry and describes it, or all that follow.
    fn description(&mut self, header: &Header, overrides: &mut Overrides) -> Result<()> {
        let size = size(header)?;
        self.catalog.description(size)?;
        if size > MOST_DESCRIPTION {
            return Err(refusal::archive(format!(
                "a description of an entry is {size} bytes long, and the limit is {MOST_DESCRIPTION}"
            )));
        }
        let mut content = vec![0; size as usize];
        if self.stream.read(&mut content)? < content.len() {
            return Err(cut_short());
        }
        self.skip_padding(size)?;
        match header.entry_type() {
            EntryType::GNULongName => overrides.gnu_path(content),
            EntryType::GNULongLink => overrides.gnu_link(content),
            EntryType::XHeader => overrides.pax(&content),
            _ => pax::check_global(&content),
        }
    }

    fn entry(&mut self, header: &Header, overrides: Overrides) -> Result<()> {
        let size = size(header)?;
        let path = overrides.path.unwrap_or_else(|| header.path_bytes().into_owned());
        if overrides.size.is_some_and(|said| said != size) {
            return Err(refusal::entry(&path, "its two headers give two sizes"));
        }
        let target = || overrides.link.or_else(|| header.link_name_bytes().map(Into::into));
        let kind = header.entry_type();
        if size != 0 && !matches!(kind, EntryType::Regular) {
            return Err(refusal::entry(&path, format!("it is {}, yet has content", noun(kind))));
        }
        match kind {
            // Before there was a type for folders, a file whose name ends in `/` was one.
            EntryType::Regular if header.as_bytes()[156] == 0 && path.ends_with(b"/") => {
                self.folder(&path)
            }
            EntryType::Regular => self.file(&path, size, is_executable(header)),
            EntryType::Directory => self.folder(&path),
            EntryType::Symlink => self.catalog.symlink(&path, &target().unwrap_or_default()),
            EntryType::Link => {
                let target = target().unwrap_or_default();
                let (path, existing) = self.catalog.hard_link(&path, &target)?;
                // The file may still be in a batch.
                self.small.finish(self.tree)?;
                self.tree.hard_link(&path, &existing)
            }
            EntryType::GNUSparse => Err(pax::sparse()),
            _ => Err(refusal::entry(&path, format!("it is {}", noun(kind)))),
        }
    }

    fn folder(&mut self, raw: &[u8]) -> Result<()> {
        match self.catalog.folder(raw)? {
            Some(path) => self.tree.folder(&path),
            None => Ok(()),
        }
    }

    fn file(&mut self, raw: &[u8], size: u64, executable: bool) -> Result<()> {
        let path = self.catalog.file(raw, size)?;
        if size <= SMALL {
            self.small.file(path, executable, size, self.stream, self.tree)?;
        } else {
            let mut file = self.tree.file(&path, executable)?;
            self.copy(size, &mut file, path.as_str())?;
        }
        self.skip_padding(size)
    }

    /// Writes straight from the decoder's buffers.
    fn copy(&mut self, size: u64, file: &mut File, path: &str) -> Result<()> {
        let mut left = size;
        while left > 0 {
            let there = self.stream.fill()?;
            if there.is_empty() {
                return Err(cut_short());
            }
            let count = there.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            file.write_all(&there[..count]).doing(|| format!("write `{path}`"))?;
            self.stream.consume(count);
            left -= count as u64;
        }
        Ok(())
    }

    fn skip_padding(&mut self, size: u64) -> Result<()> {
        let mut padding = [0; BLOCK];
        let padding = &mut padding[..(size.wrapping_neg() % BLOCK as u64) as usize];
        match self.stream.read(padding)? == padding.len() {
            true => Ok(()),
            false => Err(cut_short()),
        }
    }

    /// After the mark of the end only zeros may come, and not many: what stands there is seen by
    /// some programs and not by others, and inflating it for nothing takes time.
    fn end(&mut self) -> Result<()> {
        let mut padding = 0;
        loop {
            let there = self.stream.fill()?;
            let count = there.len();
            if count == 0 {
                return Ok(());
            }
            padding += count;
            if there.iter().any(|&byte| byte != 0) || padding > MOST_PADDING {
                return Err(refusal::archive("something follows after the mark of its end"));
            }
            self.stream.consume(count);
        }
    }
}

fn describes(header: &Header) -> bool {
    matches!(
        header.entry_type(),
        EntryType::GNULongName
            | EntryType::GNULongLink
            | EntryType::XHeader
            | EntryType::XGlobalHeader
    )
}

fn size(header: &Header) -> Result<u64> {
    header
        .entry_size()
        .map_err(|_| refusal::entry(&header.path_bytes(), "the size in its header is no number"))
}

/// Who may execute a file is the owner's business; of all the bits, only this one matters.
fn is_executable(header: &Header) -> bool {
    header.mode().is_ok_and(|mode| mode & 0o100 != 0)
}

fn checksum(header: &[u8; BLOCK]) -> u32 {
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    // The field itself counts as spaces.
    sum(&header[..148]) + sum(&header[156..]) + 8 * u32::from(b' ')
}

fn noun(kind: EntryType) -> String {
    match kind {
        EntryType::Directory => "a folder".to_owned(),
        EntryType::Symlink => "a symbolic link".to_owned(),
        EntryType::Link => "a hard link".to_owned(),
        EntryType::Char | EntryType::Block => "a device".to_owned(),
        EntryType::Fifo => "a named pipe".to_owned(),
        EntryType::GNUSparse => "a sparse file".to_owned(),
        other => format!("of the unknown type `{}`", other.as_byte().escape_ascii()),
    }
}

fn cut_short() -> crate::error::Error {
    refusal::damaged("it is cut short")
}
