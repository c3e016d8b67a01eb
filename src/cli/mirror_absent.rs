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

/// Refuses the command, and names the build that contains it.
///
/// # Errors
/// Usage, always.
pub(super) fn run(command: &MirrorCommand, _: &Context) -> Result<()> {
    Err(refusal(command))
}

fn refusal(MirrorCommand::Any(words): &MirrorCommand) -> Error {
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    Error::usage("this build of wasm-airgap has no `mirror` command")
        .fact("reason", "the helper that Bazel builds leaves out container images")
        .hint(format!(
            "in a checkout of rules_wasm_airgap, run\ncargo run --release -- mirror {}",
            words.join(" ")
        ))
        .hint("or install the whole program there: `cargo install --locked --path .`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_that_has_the_command_is_named() {
        let words = ["list", "--chart", "c"].map(OsString::from).to_vec();
        let shown = refusal(&MirrorCommand::Any(words)).to_string();
        assert!(shown.contains("cargo run --release -- mirror list --chart c"), "{shown}");
        assert!(shown.contains("cargo install"), "{shown}");
    }
}
