//! The way in which files came into a folder, and how many came in each.

use std::fmt;

use serde::Serialize;

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
    /// Returns the word that is printed for it.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Kept => "kept",
            Outcome::Copied => "copied",
            Outcome::Fetched => "fetched",
            Outcome::Repaired => "repaired",
        }
    }
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
