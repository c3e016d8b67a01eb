//! How much an archive may ask for.

use crate::error::{Error, Result};

use super::refusal;

/// The limits of one extraction, against archives that unpack to more than anybody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most entries, and the most files, folders and links.
    pub entries: u64,
    /// The bytes that any archive may unpack to, however small it is.
    pub bytes: u64,
    /// The bytes that an archive may unpack to for each of its own. The size limit is the larger
    /// of this and `bytes`.
    pub ratio: u64,
    /// The longest path in an archive, in bytes.
    pub path: usize,
    /// The deepest folder. Open folders cost a file descriptor for each level.
    pub depth: usize,
    /// The memory that a decoder may take, in bytes, which leaves as much for all else. xz and zstd
    /// archives say how much they need; `xz -9` takes 65 MiB.
    pub memory: u64,
}

impl Default for Limits {
    /// Room for every toolchain there is: the largest has a tenth of the entries, and compilers
    /// shrink to a fourth or a tenth of their size.
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

/// The most bytes in all names and link targets together. What is known of the entries is held in
/// memory, some of it several times.
const MOST_NAMES: u64 = 16 << 20;

/// What is left of the limits while an archive is read.
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

    /// Counts an entry. Those that hold no file count too: a million headers are a million headers.
    pub(super) fn entry(&mut self) -> Result<()> {
        self.entries.take(1).map_err(too_many)
    }

    /// Checks the count that an archive gives of its entries, before anything is kept of them.
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
