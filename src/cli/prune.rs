//! `prune`: remove unused files from a vendor folder.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Context, selection};
use airgap_core::error::Result;
use airgap_core::quantity::{count, megabytes};
use airgap_core::read;
use airgap_operations::prune::{self, Pruned, Requirements};
use airgap_vendor::manifest;
use airgap_wit::Lock;

/// Remove the files of a vendor folder that no request and no lock needs.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap prune vendor --to request.json --lock-file wit.lock --dry-run

A request is the request.json of a module extension. A file stays if a request or a lock needs it, and so do
the dependencies of a needed WIT package. A kind that no request or lock mentions is left unchanged: a
request for tools leaves WIT packages and components. Only files that the manifest lists are removed.")]
pub(super) struct PruneArgs {
    /// The vendor folder [default: BAZEL_WASM_VENDOR_DIR, or vendor]
    dir: Option<PathBuf>,
    /// A request of a module extension, relative to the current folder; may be repeated
    #[arg(long = "to", value_name = "REQUEST", required_unless_present = "locks")]
    requests: Vec<PathBuf>,
    /// A lock of WIT packages, whose packages stay; may be repeated
    #[arg(long = "lock-file", id = "locks", value_name = "FILE")]
    locks: Vec<PathBuf>,
    /// List the files that would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &PruneArgs, context: &Context) -> Result<()> {
    let dir = match &args.dir {
        Some(dir) => context.path(dir),
        None => super::verify::default_dir(context)?,
    };
    let mut requirements = Requirements::default();
    for file in &args.requests {
        requirements.add_request(&selection::read(file, context)?);
    }
    for file in &args.locks {
        let path = context.path(file);
        let text = read::text(&path, read::LIMIT)?;
        requirements.add_lock(&Lock::parse(&text, &path.display().to_string())?);
    }
    let pruned =
        prune::prune(manifest::root_of(&dir), requirements, args.dry_run, &context.report)?;
    match context.report.is_json() {
        true => context.report.json(&json!({"dry_run": args.dry_run, "pruned": pruned})),
        false => tell(&pruned, args.dry_run, context),
    }
}

fn tell(pruned: &Pruned, is_dry: bool, context: &Context) -> Result<()> {
    for gone in &pruned.removed {
        context.report.data(&format!("{:>10}  {}\n", megabytes(gone.size), gone.path))?;
    }
    for kind in &pruned.left_alone {
        context.report.say(&format!("{kind}: left unchanged, because no request names one"));
    }
    let done = if is_dry { "would be removed" } else { "removed" };
    let files = count(pruned.removed.len(), "file");
    let bytes = megabytes(pruned.bytes);
    context.report.say(&format!("{files} {done}, {bytes}; {} kept", count(pruned.kept, "file")));
    Ok(())
}
