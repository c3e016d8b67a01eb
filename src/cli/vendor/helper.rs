//! `vendor helper`: only this program, so that the offline machine needs no Rust.

use std::path::PathBuf;

use clap::Args;

use super::{conclude, tell, tell_pin};
use crate::cli::{Context, selection};
use airgap_core::artifact::VendoredKind;
use airgap_core::error::{Error, Result};
use airgap_core::listing::Disk;
use airgap_vendor::kinds::tool::{Helper, ToolJob, vendor_tools};
use airgap_vendor::manifest::VendorDir;
use airgap_vendor::plan::resolve;

/// Vendor this program alone. If nothing pins it, print the lines that do so in MODULE.bazel.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  bazel run @rules_wasm_airgap//tools/vendor:helper -- --output-dir vendor/toolchains")]
pub(in crate::cli) struct HelperArgs {
    /// The vendor folder, relative to the workspace root under `bazel run`, else to the current
    /// folder
    #[arg(long, value_name = "DIR")]
    output_dir: PathBuf,
    /// A request with the pinned helpers, relative to the current folder; may be repeated
    #[arg(long = "request", value_name = "FILE")]
    requests: Vec<PathBuf>,
    /// A platform with a pinned helper, or `all`; may be repeated [default: this one]
    #[arg(long = "platform", value_name = "PLATFORM")]
    platforms: Vec<String>,
}

pub(super) fn run(args: &HelperArgs, context: &Context) -> Result<()> {
    let Some(helper) = Helper::running()? else {
        return Err(Error::usage("a helper cannot be pinned for the platform of this machine")
            .hint("build it on the offline machine: `cargo build --release --locked`"));
    };
    let dir = VendorDir::of(&context.path(&args.output_dir), VendoredKind::Toolchain);
    let request = selection::read_all(&args.requests, context)?;
    let platforms = selection::platforms(&args.platforms)?;
    let pinned = request.map(|request| request.helpers(&platforms)).unwrap_or_default();
    let policy = super::policy_for(&dir, context.policy()?);
    let plan = resolve(&pinned, &policy, &Disk)?;
    let client = super::client(&plan, &policy)?;
    let (helper, client) = (Some(&helper), client.as_ref());
    let job = ToolJob { plan: &plan, dir: &dir, helper, client, jobs: 4 };
    let summary = vendor_tools(&job, &context.report)?;
    tell(&summary, &dir, context)?;
    tell_pin(&summary, context);
    conclude(summary)
}
