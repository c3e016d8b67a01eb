//! Carrying out a plan into a vendor folder.
//!
//! The same plan as a build's, with another sink: what a build would unpack is kept as it is, in
//! the layout that builds and mirrors read.

mod components;
mod helper;
mod item;
mod toolchains;
mod wit;

pub use components::{ComponentJob, unpinned, vendor_components};
pub use helper::Helper;
pub(crate) use item::bring;
pub use toolchains::{Job, vendor};
pub use wit::{WitJob, WitSummary, check_wit, vendor_wit};

use std::fmt;

use serde::Serialize;

use crate::error::Error;
use crate::manifest::Entry;

/// How one file came to be in the vendor folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was there already and is right.
    Kept,
    /// It was copied from another folder.
    Copied,
    /// It was downloaded.
    Fetched,
    /// It was there and wrong, and was downloaded or copied again.
    Repaired,
}

impl Outcome {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Outcome::Kept => "kept",
            Outcome::Copied => "copied",
            Outcome::Fetched => "fetched",
            Outcome::Repaired => "repaired",
        }
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Summary {
    /// The outcome of each file that is there now, in no particular order.
    pub outcomes: Vec<Outcome>,
    /// One error for each file that is not.
    pub failures: Vec<Error>,
    /// The manifest's entries for this run, the helper's first.
    pub entries: Vec<Entry>,
}

/// How many files or packages had each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Downloaded.
    pub fetched: usize,
    /// Copied from another folder.
    pub copied: usize,
    /// There already.
    pub kept: usize,
    /// There and wrong, and brought anew.
    pub repaired: usize,
}

impl Tally {
    /// Counts outcomes.
    pub fn of(outcomes: &[Outcome]) -> Tally {
        let mut tally = Tally::default();
        for outcome in outcomes {
            *match outcome {
                Outcome::Fetched => &mut tally.fetched,
                Outcome::Copied => &mut tally.copied,
                Outcome::Kept => &mut tally.kept,
                Outcome::Repaired => &mut tally.repaired,
            } += 1;
        }
        tally
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { fetched, copied, kept, repaired } = self;
        write!(f, "{fetched} fetched, {copied} copied, {kept} kept, {repaired} repaired")
    }
}
