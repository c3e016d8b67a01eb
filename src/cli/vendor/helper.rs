//! `vendor helper`: only this program, so that the offline machine needs no Rust.

use std::path::PathBuf;

use clap::Args;

use super::{tell, tell_pin};
use crate::cli::Context;
use airgap_core::artifact::VendoredKind;
use airgap_core::error::{Error, Result};
use airgap_core::listing::Disk;
use airgap_vendor::kinds::tool::{Helper, ToolJob, vendor_tools};
use airgap_vendor::manifest::VendorDir;
use airgap_vendor::plan::resolve;

/// Vendor this program alone, and print the lines that pin it in MODULE.bazel.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  bazel run @rules_wasm_airgap//tools/vendor:helper -- --output-dir vendor/toolchains")]
pub(in crate::cli) struct HelperArgs {
    /// The vendor folder, relative to the workspace root under `bazel run`, else to the current
    /// folder
    #[arg(long, value_name = "DIR")]
    output_dir: PathBuf,
}

pub(super) fn run(args: &HelperArgs, context: &Context) -> Result<()> {
    let Some(helper) = Helper::running()? else {
        return Err(Error::usage("a helper cannot be pinned for the platform of this machine")
            .hint("build it on the offline machine: `cargo build --release --locked`"));
    };
    let dir = VendorDir::of(&context.path(&args.output_dir), VendoredKind::Toolchain);
    let plan = resolve(&[], &super::policy_for(&dir, context.policy()?), &Disk)?;
    let job = ToolJob { plan: &plan, dir: &dir, helper: Some(&helper), client: None, jobs: 1 };
    let summary = vendor_tools(&job, &context.report)?;
    tell(&summary, &dir, context)?;
    tell_pin(&summary, context);
    Ok(())
}
