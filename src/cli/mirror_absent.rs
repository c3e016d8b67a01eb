//! `mirror` in a build without the feature of that name.

use std::ffi::OsString;

use clap::Subcommand;

use super::Context;
use airgap_core::error::{Error, Result};

/// The words of a command that this build does not have.
#[derive(Debug, Subcommand)]
pub(super) enum MirrorCommand {
    /// Any command below `mirror`.
    #[command(external_subcommand)]
    Any(Vec<OsString>),
}

/// Refuses the command, and names the build that has it.
///
/// # Errors
/// Usage, always.
pub(super) fn run(command: &MirrorCommand, _: &Context) -> Result<()> {
    let MirrorCommand::Any(words) = command;
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    Err(Error::usage("this build of wasm-airgap has no `mirror` command")
        .fact("found", "the helper that Bazel builds, which leaves out container images")
        .hint(format!("run it from the sources: cargo run --release -- mirror {}", words.join(" ")))
        .hint("or install the whole program: cargo install --locked --path ."))
}
