//! `vendor toolchains`: bring archives into a vendor folder.

use super::{Context, VendorToolchainsArgs, plan, selection};
use crate::error::{Context as _, Error, Result};
use crate::fetch::Client;
use crate::listing::Disk;
use crate::manifest::{Entry, VendorDir};
use crate::plan::{Plan, resolve};
use crate::policy::Policy;
use crate::vendor::{self, Helper, Job, Outcome, Summary};

pub(super) fn run(args: &VendorToolchainsArgs, context: &Context) -> Result<()> {
    let artifacts = selection::artifacts(&args.selection, context)?;
    let output_dir = context.path(&args.output_dir);
    let policy = policy(&output_dir, context)?;
    let plan = resolve(&artifacts, &policy, &Disk)?;
    if args.dry_run {
        return match context.report.is_json() {
            true => context.report.json(&plan),
            false => context.report.data(&plan::text(&plan)),
        };
    }
    let dir = VendorDir::of(&output_dir);
    let helper = if args.no_helper { None } else { Helper::running()? };
    let client = client(&plan, &policy)?;
    let job = Job {
        plan: &plan,
        dir: &dir,
        helper: helper.as_ref(),
        client: client.as_ref(),
        jobs: args.jobs.into(),
    };
    let summary = vendor::vendor(&job, &context.report)?;
    tell(&summary, &dir, context)?;
    if helper.is_some() {
        context.report.say(&pin_lines(&summary.entries[0]));
    }
    conclude(summary)
}

/// The folder that is being made need not exist, even where the variable names it already.
fn policy(output_dir: &std::path::Path, context: &Context) -> Result<Policy> {
    let policy = context.policy()?;
    let vendor_dir = VendorDir::of(output_dir);
    if policy.vendor_dir().is_some_and(|dir| dir == output_dir || dir == vendor_dir.root()) {
        std::fs::create_dir_all(output_dir)
            .doing(|| format!("create `{}`", output_dir.display()))?;
    }
    Ok(policy)
}

fn client(plan: &Plan, policy: &Policy) -> Result<Option<Client>> {
    match plan.items.iter().any(|item| !item.urls.is_empty()) {
        true => Ok(Some(Client::new(policy.network(|| "vendor".to_owned())?)?)),
        false => Ok(None),
    }
}

fn tell(summary: &Summary, dir: &VendorDir, context: &Context) -> Result<()> {
    let count = |outcome| summary.count(outcome);
    if context.report.is_json() {
        return context.report.json(&serde_json::json!({
            "manifest": dir.manifest(),
            "fetched": count(Outcome::Fetched), "copied": count(Outcome::Copied),
            "kept": count(Outcome::Kept), "repaired": count(Outcome::Repaired),
            "failed": summary.failures.len(), "files": summary.entries,
        }));
    }
    context.report.say(&format!(
        "{} fetched, {} copied, {} kept, {} repaired, {} failed; listed in {}",
        count(Outcome::Fetched),
        count(Outcome::Copied),
        count(Outcome::Kept),
        count(Outcome::Repaired),
        summary.failures.len(),
        dir.manifest().display()
    ));
    Ok(())
}

fn pin_lines(helper: &Entry) -> String {
    format!(
        "to build without Rust on the far side, pin this helper in MODULE.bazel:\n\n\
         wasm_helper = use_extension(\"@rules_wasm_airgap//bazel:helper.bzl\", \"wasm_helper\")\n\
         wasm_helper.pin(\n    platform = \"{}\",\n    sha256 = \"{}\",\n    version = \"{}\",\n)\n",
        helper.platform, helper.sha256, helper.version
    )
}

/// All failures are told; the first decides the exit code.
fn conclude(summary: Summary) -> Result<()> {
    let mut failures = summary.failures;
    if failures.len() <= 1 {
        return failures.pop().map_or(Ok(()), Err);
    }
    let count = failures.len();
    let mut error = Error::new(failures[0].kind(), format!("{count} files could not be vendored"));
    for failure in &failures {
        error = error.fact("failed", failure);
    }
    Err(error.hint("run the same command again; what is there already is kept"))
}
