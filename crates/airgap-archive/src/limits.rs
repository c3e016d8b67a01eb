//! The limits on the contents of an archive.

use airgap_core::error::{Error, Result};

use super::refusal;

/// The limits of one extraction, against archives that unpack to more than a disk holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest number of entries, and the largest number of files, folders and links.
    pub entries: u64,
    /// The number of bytes that any archive may unpack to, even the smallest one.
    pub bytes: u64,
    /// The number of unpacked bytes allowed for each byte of the archive. The size limit is the
    /// larger of this product and `bytes`.
    pub ratio: u64,
    /// The longest path in an archive, in bytes.
    pub path: usize,
    /// The largest depth of a folder. Open folders cost a file descriptor for each level.
    pub depth: usize,
    /// The memory that a decoder may take, in bytes; the rest of the process may use as much again.
    /// xz and zstd archives declare their need; `xz -9` takes 65 MiB.
    pub memory: u64,
}

impl Default for Limits {
    /// Returns limits with room for every known toolchain: the largest has a tenth of the entries,
    /// and compilers shrink to a fourth or a tenth of their size.
    fn default() -> Limits {
        Limits {
            entries: 200_000,
            bytes: 1 << 30,
            ratio: 20,
            path: 1024,
            depth: 64,
            memory: 128 << 20,
        }
    }
}

/// The largest number of bytes in all names and link targets together. The records of the entries
/// are held in memory, some of them several times.
const MOST_NAMES: u64 = 16 << 20;

/// The rest of the limits while an archive is read.
pub(super) struct Budget {
    entries: Account,
    bytes: Account,
    names: Account,
}

struct Account {
    used: u64,
    limit: u64,
}

impl Budget {
    pub(super) fn new(limits: &Limits, archive_size: u64) -> Budget {
        let bytes = limits.bytes.max(limits.ratio.saturating_mul(archive_size));
        Budget {
            entries: Account { used: 0, limit: limits.entries },
            bytes: Account { used: 0, limit: bytes },
            names: Account { used: 0, limit: MOST_NAMES },
        }
    }

    /// Counts an entry. Entries without a file count too: each has a header that must be read.
    pub(super) fn entry(&mut self) -> Result<()> {
        self.entries.take(1).map_err(too_many)
    }

    /// Checks the number of entries that an archive declares, before any of them is kept.
    pub(super) fn announced(&self, count: u64) -> Result<()> {
        if count > self.entries.limit { Err(too_many(self.entries.limit)) } else { Ok(()) }
    }

    /// Counts the bytes of a name or a link target.
    pub(super) fn names(&mut self, length: usize) -> Result<()> {
        self.names.take(length as u64).map_err(|limit| {
            refusal::archive(format!("its names and link targets have more than {limit} bytes"))
        })
    }

    /// Counts bytes before they are written.
    pub(super) fn bytes(&mut self, count: u64) -> Result<()> {
        self.bytes.take(count).map_err(|limit| too_large(limit, self.bytes.used, count))
    }
}

impl Account {
    fn take(&mut self, count: u64) -> std::result::Result<(), u64> {
        match self.used.checked_add(count) {
            Some(used) if used <= self.limit => {
                self.used = used;
                Ok(())
            }
            _ => Err(self.limit),
        }
    }
}

fn too_many(limit: u64) -> Error {
    refusal::archive(format!("it has more than {limit} entries"))
}

fn too_large(limit: u64, used: u64, count: u64) -> Error {
    refusal::archive(format!("it unpacks to more than {limit} bytes"))
        .fact("limit", format!("{limit} bytes"))
        .fact("found", format!("{} bytes or more", used.saturating_add(count)))
}
