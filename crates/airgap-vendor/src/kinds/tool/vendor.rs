//! The archives of tools in a vendor folder, and this program itself.

use super::Helper;
use crate::kinds::pinned_file::vendor_file;
use crate::manifest::{Manifest, VendorDir};
use crate::plan::{Plan, PlannedArtifact};
use crate::vendor::{self, Batch, Summary};
use airgap_core::error::Result;
use airgap_core::report::Report;
use airgap_http::Client;

/// The work to do.
pub struct ToolJob<'a> {
    /// The wanted tools and pinned helpers, and their sources.
    pub plan: &'a Plan,
    /// The destination.
    pub dir: &'a VendorDir,
    /// The running program, which is added unless the plan has a pinned helper for its platform.
    pub helper: Option<&'a Helper>,
    /// The HTTP client; absent when offline.
    pub client: Option<&'a Client>,
    /// The number of files at a time.
    pub jobs: usize,
}

/// Brings every item of the plan into the folder, several at a time, and lists it in the manifest.
///
/// # Errors
/// Usage, if the folder's manifest is something else. The failures of single files are in the
/// summary.
pub fn vendor_tools(job: &ToolJob<'_>, report: &Report) -> Result<Summary> {
    let ToolJob { plan, dir, client, jobs, .. } = *job;
    vendor::begin(dir)?;
    let helper = job.helper.map(|helper| helper.vendor(plan, dir)).transpose()?.flatten();
    let batch = Batch { wanted: &plan.items, noun: "file", jobs };
    let mut summary = vendor::bring_all(&batch, report, |item: &PlannedArtifact| {
        let file = vendor_file(item, dir, client, report)?;
        Ok((file.outcome, vec![file.entry]))
    });
    summary.entries.splice(..0, helper);
    debug_assert_eq!(summary.outcomes.len() + summary.failures.len(), plan.items.len());
    // If the disk is full, this fails too, and must not hide the files that failed.
    summary.failures.extend(Manifest::change(dir.root(), &[], &summary.entries).err());
    Ok(summary)
}
