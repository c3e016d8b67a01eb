//! Reads a tar strictly and unpacks it.

use std::fs::File;
use std::io::Write;

use airgap_core::error::{Context, Result};

use super::catalog::Catalog;
use super::decoder_thread::DecodedStream;
use super::refusal;
use super::small_files::{self, SMALL, SmallFiles};
use super::tar_entries::{self, TarEntry, TarEntryKind, TarSource, skip_padding};
use super::tree::TreeWriter;

/// The largest number of bytes of padding after the end. `tar` fills up records, mostly of 10 KiB.
const MOST_PADDING: usize = 1 << 20;

/// Creates the entries of the archive.
pub(super) fn extract(
    stream: &mut DecodedStream<'_>,
    catalog: &mut Catalog<'_>,
    tree: &mut TreeWriter,
) -> Result<()> {
    small_files::with(tree.reopen()?, |small| walk(TarWalk { stream, catalog, tree, small }))
}

fn walk(mut walk: TarWalk<'_, '_, '_>) -> Result<()> {
    while let Some(entry) = tar_entries::next(&mut walk)? {
        walk.entry(entry)?;
    }
    walk.end()?;
    walk.small.finish(walk.tree)
}

struct TarWalk<'a, 'b, 'c> {
    stream: &'a mut DecodedStream<'c>,
    catalog: &'a mut Catalog<'b>,
    tree: &'a mut TreeWriter,
    small: &'a mut SmallFiles,
}

impl TarSource for TarWalk<'_, '_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        self.stream.read(bytes)
    }

    fn description(&mut self, size: u64) -> Result<()> {
        self.catalog.description(size)
    }
}

impl TarWalk<'_, '_, '_> {
    fn entry(&mut self, entry: TarEntry) -> Result<()> {
        let TarEntry { path, target, size, kind, executable } = entry;
        let Some(path) = self.catalog.named(&path) else { return self.skip_entry(size) };
        match kind {
            TarEntryKind::File => self.file(&path, size, executable),
            TarEntryKind::Folder => self.folder(&path),
            TarEntryKind::Symlink => self.catalog.symlink(&path, &target),
            TarEntryKind::HardLink => match self
                .catalog
                .hard_link(&path, &self.catalog.named(&target).unwrap_or_default())?
            {
                Some((path, existing)) => {
                    // The file may still be in a batch.
                    self.small.finish(self.tree)?;
                    self.tree.hard_link(&path, &existing)
                }
                None => Ok(()),
            },
            TarEntryKind::Other(_) => Err(refusal::entry(&path, format!("it is {}", kind.noun()))),
        }
    }

    /// Skips an entry and its content.
    fn skip_entry(&mut self, size: u64) -> Result<()> {
        self.catalog.description(size)?;
        self.stream.pass(size, |_| Ok(()))?;
        skip_padding(self, size)
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
        skip_padding(self, size)
    }

    fn copy(&mut self, size: u64, file: &mut File, path: &str) -> Result<()> {
        self.stream.pass(size, |chunk| file.write_all(chunk).doing(|| format!("write `{path}`")))
    }

    /// Checks that only zeros follow after the end mark, and at most [`MOST_PADDING`]. Some
    /// programs read data there and others do not, and inflating it takes time.
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
                return Err(refusal::archive("data follows after its end marker"));
            }
            self.stream.consume(count);
        }
    }
}
