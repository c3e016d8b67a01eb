//! `vendor toolchains`: bring archives into a vendor folder.

use std::path::PathBuf;

use clap::Args;

use super::{client, conclude, policy_for, tell, tell_pin};
use crate::cli::plan_output::DryRun;
use crate::cli::selection::{self, Selected};
use crate::cli::{Context, SelectionArgs};
use airgap_core::artifact::VendoredKind;
use airgap_core::error::Result;
use airgap_core::listing::Disk;
use airgap_vendor::kinds::tool::{Helper, ToolJob, vendor_tools};
use airgap_vendor::manifest::VendorDir;
use airgap_vendor::plan::resolve;

/// Download toolchain archives into a vendor folder.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap vendor toolchains --output-dir vendor/toolchains --bundle minimal --platform all

Use the folder with BAZEL_WASM_VENDOR_DIR, or serve it with any static file server as a mirror for
BAZEL_WASM_MIRROR.")]
pub(in crate::cli) struct ToolchainsArgs {
    /// The vendor folder, relative to the workspace root under `bazel run`, else to the current
    /// folder
    #[arg(long, value_name = "DIR")]
    output_dir: PathBuf,
    #[command(flatten)]
    selection: SelectionArgs,
    /// The number of files to fetch in parallel
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Show the source of each file, without fetching any
    #[arg(long)]
    dry_run: bool,
    /// Do not vendor this program itself
    #[arg(long)]
    no_helper: bool,
}

pub(super) fn run(args: &ToolchainsArgs, context: &Context) -> Result<()> {
    let Selected { mut artifacts, helpers, .. } = selection::selected(&args.selection, context)?;
    if !args.no_helper {
        artifacts.extend(helpers);
    }
    let output_dir = context.path(&args.output_dir);
    let dir = VendorDir::of(&output_dir, VendoredKind::Toolchain);
    let policy = policy_for(&dir, context.policy()?);
    let mut plan = resolve(&artifacts, &policy, &Disk)?;
    if args.dry_run {
        let mut listing = DryRun::new(&dir);
        listing.add_plan(&mut plan);
        return match context.report.is_json() {
            true => context.report.json(&plan),
            false => context.report.data(&listing.text()),
        };
    }
    let helper = if args.no_helper { None } else { Helper::running()? };
    let client = client(&plan, &policy)?;
    let job = ToolJob {
        plan: &plan,
        dir: &dir,
        helper: helper.as_ref(),
        client: client.as_ref(),
        jobs: args.jobs.into(),
    };
    let summary = vendor_tools(&job, &context.report)?;
    tell(&summary, &dir, context)?;
    tell_pin(&summary, context);
    conclude(summary)
}
