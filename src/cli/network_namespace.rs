//! `network-namespace`: the process inside a network namespace, for `prove` and `doctor`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use airgap_core::error::Result;
use airgap_operations::network_namespace::{Inside, inside, serve};

/// Run a command where this process is, and report what the kernel counted.
#[derive(Args, Debug)]
pub(super) struct NetworkNamespaceArgs {
    /// The network namespace outside; - if this process stays in it
    #[arg(long, value_name = "NAMESPACE")]
    outside: String,
    /// Check the namespace only
    #[arg(long)]
    probe: bool,
    /// Run the commands that standard input names, until it ends
    #[arg(long)]
    session: bool,
    /// The file of the report
    #[arg(long, value_name = "FILE", required_unless_present_any = ["probe", "session"])]
    report: Option<PathBuf>,
    /// The command
    #[arg(last = true)]
    command: Vec<OsString>,
}

pub(super) fn run(args: &NetworkNamespaceArgs) -> Result<()> {
    if args.session {
        return serve(&args.outside);
    }
    let report = args.report.as_deref();
    inside(&Inside { outside: &args.outside, report, command: &args.command })
}
