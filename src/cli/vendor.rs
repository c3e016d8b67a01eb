//! `vendor`: bring the inputs of a build into a folder for the offline machine.

mod all;
mod components;
mod helper;
mod toolchains;
mod wit;

use std::collections::HashSet;

use clap::Subcommand;

use super::Context;
use airgap_config::policy::Policy;
use airgap_core::error::{Error, Result};
use airgap_core::outcome::Tally;
use airgap_core::quantity::count;
use airgap_http::Client;
use airgap_vendor::manifest::{Entry, VendorDir};
use airgap_vendor::plan::Plan;
use airgap_vendor::vendor::Summary;

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(super) enum VendorCommand {
    /// Download toolchain archives into a vendor folder
    Toolchains(toolchains::ToolchainsArgs),
    /// Fetch WIT packages and their dependencies into a vendor folder, and write the lock
    Wit(wit::WitArgs),
    /// Vendor all toolchains, WIT packages and components requested in MODULE.bazel
    All(all::AllArgs),
    /// Pull components into a vendor folder, with a BUILD file for them
    Components(components::ComponentsArgs),
    /// Vendor this program alone, and print the lines that pin it in MODULE.bazel
    Helper(helper::HelperArgs),
}

pub(super) fn run(command: &VendorCommand, context: &Context) -> Result<()> {
    context.warn_of_unread_variables();
    match command {
        VendorCommand::All(args) => all::run(args, context),
        VendorCommand::Components(args) => components::run(args, context),
        VendorCommand::Helper(args) => helper::run(args, context),
        VendorCommand::Toolchains(args) => toolchains::run(args, context),
        VendorCommand::Wit(args) => wit::run(args, context),
    }
}

/// Returns the policy for a command that writes this folder, inside of its vendor folder.
fn policy_for(dir: &VendorDir, policy: Policy) -> Policy {
    policy.making([dir.folder().to_owned(), dir.root().to_owned()])
}

fn client(plan: &Plan, policy: &Policy) -> Result<Option<Client>> {
    match plan.items.iter().any(|item| !item.urls.is_empty()) {
        true => Ok(Some(Client::new(policy.network(|| "vendor".to_owned())?)?)),
        false => Ok(None),
    }
}

fn tell(summary: &Summary, dir: &VendorDir, context: &Context) -> Result<()> {
    let (tally, failed) = (Tally::from_outcomes(&summary.outcomes), summary.failures.len());
    if context.report.is_json() {
        let Tally { fetched, copied, kept, repaired } = tally;
        return context.report.json(&serde_json::json!({
            "manifest": dir.manifest(), "fetched": fetched, "copied": copied, "kept": kept,
            "repaired": repaired, "failed": failed, "files": summary.entries,
        }));
    }
    let manifest = dir.manifest();
    context.report.say(&format!("{tally}, {failed} failed; listed in {}", manifest.display()));
    Ok(())
}

/// Prints the lines that pin a helper that nothing pins yet, unless only the helper could be vendored:
/// then the folder is not usable yet, and the next run prints them.
fn tell_pin(summary: &Summary, context: &Context) {
    let (helpers, others): (Vec<_>, Vec<_>) =
        summary.entries.iter().partition(|entry| entry.kind == "helper" && entry.url.is_empty());
    if let Some(helper) =
        helpers.first().filter(|_| summary.failures.is_empty() || !others.is_empty())
    {
        context.report.say(&pin_lines(helper, &context.workspace.label("//bazel:helper.bzl")));
    }
}

fn pin_lines(helper: &Entry, extension: &str) -> String {
    format!(
        "to build without Rust on the offline machine, pin this helper in MODULE.bazel:\n\n\
         wasm_helper = use_extension(\"{extension}\", \"wasm_helper\")\n\
         wasm_helper.pin(\n    platform = \"{}\",\n    sha256 = \"{}\",\n    version = \"{}\",\n)\n",
        helper.platform, helper.sha256, helper.version
    )
}

/// Reports all failures; the gravest one decides the exit code.
fn conclude(summary: Summary) -> Result<()> {
    let mut failures = summary.failures;
    if failures.len() <= 1 {
        return failures.pop().map_or(Ok(()), Err);
    }
    let statement = format!("{} could not be vendored", count(failures.len(), "file"));
    let mut error = Error::from_many(&failures, statement);
    let mut said = HashSet::new();
    for failure in &failures {
        error = error.fact("failed", failure.one_of_many(&mut said));
    }
    Err(error.hint("run the same command again; it keeps the files that are already vendored"))
}
