//! The archives of tools, and this program itself.

use super::{Helper, Summary};
use crate::manifest::{Manifest, VendorDir};
use crate::plan::{Item, Plan};
use crate::vendored_file::{VendoredFile, vendor_file};
use airgap_core::error::Result;
use airgap_core::report::Report;
use airgap_core::workers;
use airgap_http::Client;

/// The work to do.
pub struct Job<'a> {
    /// The wanted tools, and their sources.
    pub plan: &'a Plan,
    /// The destination.
    pub dir: &'a VendorDir,
    /// The helper to add.
    pub helper: Option<&'a Helper>,
    /// The HTTP client; absent when offline.
    pub client: Option<&'a Client>,
    /// The number of files at a time.
    pub jobs: usize,
}

/// Brings every item of the plan into the folder, several at a time, and lists it in the manifest.
///
/// One failure does not stop the rest: finished files are listed, so that the next run fetches only
/// the missing ones.
pub fn vendor(job: &Job<'_>, report: &Report) -> Result<Summary> {
    let Job { plan, dir, .. } = job;
    // Read first: a manifest that belongs to another program must stop the run before it starts.
    Manifest::read(dir.root())?;
    dir.create()?;

    let mut summary = Summary::default();
    summary.entries.extend(job.helper.map(|helper| helper.vendor(dir)).transpose()?);
    let total = report.total(plan.items.len(), "file", None);
    let bring = |item: &Item| {
        let brought = vendor_file(item, dir, job.client, report);
        total.done();
        brought
    };
    for result in workers::each(&plan.items, job.jobs, bring) {
        match result {
            Ok(VendoredFile { outcome, entry, .. }) => {
                summary.outcomes.push(outcome);
                summary.entries.push(entry);
            }
            Err(error) => summary.failures.push(error),
        }
    }
    debug_assert_eq!(summary.outcomes.len() + summary.failures.len(), plan.items.len());
    // If the disk is full, this fails too, and must not hide the files that failed.
    summary.failures.extend(Manifest::change(dir.root(), &[], &summary.entries).err());
    Ok(summary)
}
