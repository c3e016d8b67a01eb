//! `completions` and `man-pages`: the command line for shells and for `man`.

use std::path::PathBuf;

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use super::{Arguments, Context, help};
use airgap_core::error::{Context as _, Result};
use airgap_core::rooted::RootedPath;
use airgap_core::store;

/// The shells for which there are completions.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Completed {
    Bash,
    Fish,
    Zsh,
}

/// Print a script with which a shell completes commands and options.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  mkdir -p ~/.local/share/bash-completion/completions ~/.config/fish/completions ~/.zfunc
  wasm-airgap completions bash > ~/.local/share/bash-completion/completions/wasm-airgap
  wasm-airgap completions fish > ~/.config/fish/completions/wasm-airgap.fish
  wasm-airgap completions zsh > ~/.zfunc/_wasm-airgap

For zsh, ~/.zfunc must be in $fpath before compinit runs.")]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Completed,
}

/// Write a man page for each command.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap man-pages ~/.local/share/man/man1")]
pub(super) struct ManPagesArgs {
    /// The folder for the pages; it is created if it does not exist
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(super) fn completions(args: &CompletionsArgs, context: &Context) -> Result<()> {
    let shell = match args.shell {
        Completed::Bash => Shell::Bash,
        Completed::Fish => Shell::Fish,
        Completed::Zsh => Shell::Zsh,
    };
    let mut script = Vec::new();
    generate(shell, &mut help::whole(Arguments::command()), "wasm-airgap", &mut script);
    context.report.content(&String::from_utf8_lossy(&script))
}

pub(super) fn man_pages(args: &ManPagesArgs, context: &Context) -> Result<()> {
    let dir = RootedPath::from_trusted(context.path(&args.dir));
    dir.make().doing(|| format!("create the folder `{dir}`"))?;
    let command = help::whole(Arguments::command().disable_help_subcommand(true));
    let mut pages = 0;
    write_pages(command, &dir, &mut pages)?;
    context.report.say(&format!("{pages} man pages in {dir}"));
    if context.report.is_json() {
        context.report.json(&serde_json::json!({"dir": dir.to_string(), "pages": pages}))?;
    }
    Ok(())
}

/// Writes the page of a command, and those of its subcommands: `wasm-airgap-vendor-all.1`.
fn write_pages(command: clap::Command, dir: &RootedPath, pages: &mut usize) -> Result<()> {
    for subcommand in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        write_pages(subcommand.clone(), dir, pages)?;
    }
    let page = Man::new(command);
    let (name, mut text) = (page.get_filename(), Vec::new());
    page.render(&mut text).doing(|| format!("render the man page `{name}`"))?;
    *pages += 1;
    store::write_atomically(&dir.join(&name), &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_gets_a_script_with_the_commands() {
        for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
            let mut script = Vec::new();
            generate(shell, &mut help::whole(Arguments::command()), "wasm-airgap", &mut script);
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("toolchains") && script.contains("doctor"), "{shell}");
        }
    }

    #[test]
    fn each_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        let command = help::whole(Arguments::command().disable_help_subcommand(true));
        let mut pages = 0;
        write_pages(command, &RootedPath::from_trusted(folder.path()), &mut pages).unwrap();
        for name in ["wasm-airgap.1", "wasm-airgap-vendor-all.1", "wasm-airgap-doctor.1"] {
            let page = std::fs::read_to_string(folder.path().join(name)).unwrap();
            assert!(page.starts_with(".") && page.contains("SYNOPSIS"), "{name}");
        }
        assert!(pages > 20);
        assert!(!folder.path().join("wasm-airgap-stamp.1").exists());
    }
}
