//! `vendor helper`: only this program, so that the offline machine needs no Rust.

use std::path::PathBuf;

use clap::Args;

use super::{conclude, tell, tell_pin};
use crate::cli::{Context, selection};
use airgap_core::artifact::{Artifact, Identity, VendoredKind};
use airgap_core::error::{Error, Result};
use airgap_core::listing::Disk;
use airgap_core::platform::Platform;
use airgap_vendor::kinds::tool::{Helper, ToolJob, vendor_tools};
use airgap_vendor::manifest::VendorDir;
use airgap_vendor::plan::resolve;
use airgap_vendor::request::Platforms;

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
    warn_unpinned(&platforms, &pinned, context);
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

/// Warns of each named platform without a pinned helper: the vendor folder gets none for it.
fn warn_unpinned(platforms: &Platforms, pinned: &[Artifact], context: &Context) {
    let is_pinned = |named: &Platform| {
        let is_its = |it: &Artifact| matches!(&it.identity, Identity::Helper { platform, .. } if platform == named);
        Platform::host() == Some(*named) || pinned.iter().any(is_its)
    };
    let unpinned: Vec<&str> = match platforms {
        Platforms::All if pinned.is_empty() => vec!["another platform"],
        Platforms::All => Vec::new(),
        Platforms::Only(named) => {
            named.iter().filter(|it| !is_pinned(it)).map(|it| it.name()).collect()
        }
    };
    for platform in unpinned {
        context.report.warn(&format!(
            "no helper is pinned for {platform}, so none is vendored for it; use a release of the \
             rules, or run this command on a machine of that platform"
        ));
    }
}
