//! The commands that a build without the features `mirror` and `operations` leaves out.

use std::ffi::OsString;

use clap::Args;

use airgap_core::error::Error;
use airgap_core::shell;

/// The arguments of a command that this build does not have.
#[derive(Args, Debug)]
#[command(disable_help_flag = true)]
pub(super) struct Absent {
    /// All words after the command
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    words: Vec<OsString>,
}

impl Absent {
    /// Returns the refusal of the command of this name, which names the build that contains it.
    pub(super) fn refusal(&self, command: &str) -> Error {
        let mut words = vec![command.into()];
        words.extend(self.words.iter().map(|word| word.to_string_lossy()));
        Error::usage(format!("the command `{command}` is not in this build of wasm-airgap"))
            .fact("reason", "the helper that Bazel builds contains only the commands of its rules")
            .hint(format!(
                "in a checkout of rules_wasm_airgap, run\ncargo run --release -- {}",
                shell::words(words)
            ))
            .hint("or install the whole program there: `cargo install --locked --path .`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_that_has_the_command_is_named() {
        let words = ["list", "--chart", "c"].map(OsString::from).to_vec();
        let shown = Absent { words }.refusal("mirror").to_string();
        assert!(shown.contains("cargo run --release -- mirror list --chart c"), "{shown}");
        assert!(shown.contains("cargo install"), "{shown}");
    }
}
