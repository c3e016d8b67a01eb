//! The outcomes of placing files in a folder, and the number of files with each outcome.

use std::fmt;

use serde::Serialize;

/// The outcome for one file of the vendor folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The file was there and is right.
    Kept,
    /// The file was copied from another folder.
    Copied,
    /// The file was downloaded.
    Fetched,
    /// The file was there and wrong, and was downloaded or copied again.
    Repaired,
}

impl Outcome {
    /// Returns the word that is printed for the outcome.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Kept => "kept",
            Outcome::Copied => "copied",
            Outcome::Fetched => "fetched",
            Outcome::Repaired => "repaired",
        }
    }
}

/// The number of files or packages with each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// The number of downloaded ones.
    pub fetched: usize,
    /// The number copied from another folder.
    pub copied: usize,
    /// The number that were there and right.
    pub kept: usize,
    /// The number that were there and wrong, and were downloaded or copied again.
    pub repaired: usize,
}

impl Tally {
    /// Counts outcomes.
    pub fn from_outcomes(outcomes: &[Outcome]) -> Tally {
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
