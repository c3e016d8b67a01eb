//! Vendor folders of any kind: things are brought several at a time, and listed in the manifest.
//!
//! The plan is that of a build, with another destination: the files that a build would unpack are
//! kept packed, in the layout that builds and mirrors read.

use crate::manifest::{Entry, Manifest, VendorDir};
use airgap_core::error::{Error, Result};
use airgap_core::outcome::Outcome;
use airgap_core::report::Report;
use airgap_core::workers;

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

/// The things to bring into one vendor folder.
pub(crate) struct Batch<'a, T> {
    /// The things.
    pub(crate) wanted: &'a [T],
    /// The word for one of them in the progress: `file`.
    pub(crate) noun: &'static str,
    /// The number of things at a time.
    pub(crate) jobs: usize,
}

/// Fails if the folder's manifest belongs to another program, and creates the folder. Runs before
/// anything is written.
///
/// # Errors
/// Usage, if the manifest is something else.
pub(crate) fn begin(dir: &VendorDir) -> Result<()> {
    Manifest::read(dir.root())?;
    dir.create()
}

/// Brings each thing into the folder. One failure does not stop the rest: finished files are
/// listed, so that the next run fetches only the missing ones.
pub(crate) fn bring_all<T: Sync>(
    batch: &Batch<'_, T>,
    report: &Report,
    bring: impl Fn(&T) -> Result<(Outcome, Vec<Entry>)> + Sync,
) -> Summary {
    let mut summary = Summary::default();
    let total = report.total(batch.wanted.len(), batch.noun, None);
    let bring = |wanted: &T| {
        let brought = bring(wanted);
        total.done();
        brought
    };
    for result in workers::each(batch.wanted, batch.jobs, bring) {
        match result {
            Ok((outcome, entries)) => {
                summary.outcomes.push(outcome);
                summary.entries.extend(entries);
            }
            Err(error) => summary.failures.push(error),
        }
    }
    summary
}
