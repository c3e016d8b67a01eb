//! Carrying out a plan into a vendor folder.
//!
//! The same plan as a build's, with another sink: what a build would unpack is kept as it is, in
//! the layout that builds and mirrors read.

mod components;
mod helper;
mod toolchains;
mod wit;

pub use components::{ComponentJob, unpinned, vendor_components};
pub use helper::Helper;
pub use toolchains::{Job, vendor};
pub use wit::{WitJob, WitSummary, check_wit, vendor_wit};

use crate::error::Error;
use crate::manifest::Entry;
use crate::outcome::Outcome;

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
