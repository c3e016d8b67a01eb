//! `prove`: run a command without a network, and report whether it tried to use one.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::Context;
use airgap_core::child::Streams;
use airgap_core::error::Result;
use airgap_operations::prove::{Proof, Rc};

/// Prove that a build uses no network.
///
/// Runs the command in a network namespace in which the only network is loopback. Bazel starts with
/// an empty output root and an empty repository cache, without a disk cache or a remote cache, and
/// reads neither the .bazelrc of the home folder nor that of the system. Each attempt to reach a
/// network is counted; with `strace` on PATH, the verdict names the process.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap prove -- bazel build --config=offline //...

If Bazel itself needs files of an applied bundle, such as modules:
  wasm-airgap prove --repository-cache vendor/bazel/repository_cache -- bazel build --config=offline //...

The folders are in TMPDIR and are removed afterwards. Linux only; needs root or user namespaces.

Exits with 0 if the command succeeded and did not try to use a network, with 5 if it tried, and with 1 if it
failed or if no network namespace can be created: then nothing is proven.")]
pub(super) struct ProveArgs {
    /// Let Bazel read the .bazelrc of the home folder
    #[arg(long)]
    home_rc: bool,
    /// Let Bazel read the bazelrc of the system, which some distributions' Bazel needs
    #[arg(long)]
    system_rc: bool,
    /// Start with a copy of this repository cache instead of an empty one
    #[arg(long, value_name = "DIR")]
    repository_cache: Option<PathBuf>,
    /// Use only the counters of the kernel, which is faster and names no process
    #[arg(long)]
    no_trace: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(super) fn run(args: &ProveArgs, context: &Context) -> Result<()> {
    let here = context.environment.current_dir();
    let cache = args.repository_cache.as_ref().map(|cache| here.join(cache));
    let proof = Proof {
        command: &args.command,
        folder: here,
        rc: Rc { home: args.home_rc, system: args.system_rc },
        repository_cache: cache.as_deref(),
        with_trace: !args.no_trace,
        // With --json, stdout is for the verdict.
        streams: if context.report.is_json() { Streams::Error } else { Streams::Own },
        environment: &context.environment,
    };
    let verdict = proof.run()?;
    if context.report.is_json() {
        context.report.json(&verdict)?;
    }
    let remarks = verdict.remarks().into_iter().map(|remark| format!("  {remark}"));
    let remarks = remarks.collect::<Vec<_>>().join("\n");
    match verdict.failure() {
        None => {
            context.report.say(&format!("proven: the command used no network\n{remarks}"));
            Ok(())
        }
        Some(error) => {
            context.report.say(&format!("not proven\n{remarks}"));
            Err(error)
        }
    }
}
