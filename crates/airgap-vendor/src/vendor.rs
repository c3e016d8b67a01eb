//! Executes a plan into a vendor folder.
//!
//! The plan is that of a build, with another destination: the files that a build would unpack are
//! kept packed, in the layout that builds and mirrors read.

mod components;
mod helper;
mod toolchains;
mod wit;

pub use components::{ComponentJob, unpinned, vendor_components};
pub use helper::Helper;
pub use toolchains::{Job, vendor};
pub use wit::{WitJob, WitSummary, check_wit, vendor_wit};

use crate::manifest::Entry;
use airgap_core::error::Error;
use airgap_core::outcome::Outcome;

/// The result of a run.
#[derive(Debug, Default)]
pub struct Summary {
    /// The outcome of each file that is available now, in no particular order.
    pub outcomes: Vec<Outcome>,
    /// One error for each file that is missing.
    pub failures: Vec<Error>,
    /// The manifest's entries for this run, the helper's first.
    pub entries: Vec<Entry>,
}
