//! The layout of help: paragraphs that fit any width, and no line with a single word.

use std::ffi::OsString;

use clap::Command;
use clap::builder::{Resettable, StyledStr};
use clap::error::ErrorKind;

use airgap_core::error::Result;
use airgap_core::report::Report;

/// A space at which no line is broken.
const UNBROKEN: char = '\u{a0}';

/// Returns the help that clap printed, laid out for the terminal; any other error unchanged.
pub(super) fn laid_out(command: Command, words: &[OsString], error: clap::Error) -> clap::Error {
    let kinds = [ErrorKind::DisplayHelp, ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand];
    match kinds.contains(&error.kind()) {
        true => lay_out(whole(command)).try_get_matches_from(words).err().unwrap_or(error),
        false => error,
    }
}

/// Returns the command line with the arguments of all commands. Without this, it has only their
/// names and texts: a run uses one of them, and to create the others takes a fifth of its start.
pub(super) fn whole(command: Command) -> Command {
    let mut built = command.clone();
    built.build();
    with_texts_of(&command, built)
}

/// Returns the command with the texts of another one. The type of a command's arguments has a text
/// too, which takes the place of the command's own when the arguments are created.
fn with_texts_of(told: &Command, command: Command) -> Command {
    let own = |text: Option<&StyledStr>| Resettable::from(text.cloned());
    command.mut_subcommands(|subcommand| match told.find_subcommand(subcommand.get_name()) {
        Some(told) => with_texts_of(told, subcommand)
            .about(own(told.get_about()))
            .long_about(own(told.get_long_about())),
        None => subcommand,
    })
}

/// Prints the text of clap: help and the version to stdout, an error to stderr. The arguments in an
/// error are untrusted text.
pub(super) fn print(error: &clap::Error, report: &Report) -> Result<()> {
    if error.use_stderr() {
        report.say(error.to_string().trim_end());
        return Ok(());
    }
    let broken = |text: String| text.replace(UNBROKEN, " ");
    let text = error.render();
    report.help(&broken(text.to_string()), &broken(text.ansi().to_string()))
}

fn lay_out(command: Command) -> Command {
    let command = command
        .mut_args(|arg| match arg.get_help().map(|help| keep_end(&help.to_string())) {
            Some(help) => arg.help(help),
            None => arg,
        })
        .mut_subcommands(lay_out);
    let text = |text: Option<&StyledStr>| text.map(|it| flowing(&it.to_string()));
    let about = command.get_about().map(|it| keep_end(&it.to_string()));
    let after = text(command.get_after_help());
    let long = text(command.get_long_about());
    let command = about.into_iter().fold(command, Command::about);
    let command = after.into_iter().fold(command, Command::after_help);
    long.into_iter().fold(command, Command::long_about)
}

/// Keeps the last two words in one line, or the last word and the brackets after it.
fn keep_end(text: &str) -> String {
    let bracket = text.ends_with(']').then(|| text.rfind(" [")).flatten();
    let bracket = bracket.filter(|at| text.len() - at < 30);
    let Some(at) = bracket.or_else(|| text.rfind(' ')) else { return text.to_owned() };
    let (start, end) = text.split_at(at);
    format!("{start}{}", end.replace(' ', &UNBROKEN.to_string()))
}

/// Joins the lines of each paragraph, so that they break at the terminal's width. Lines that start
/// with a space are examples and tables, and stay.
fn flowing(text: &str) -> String {
    let mut flowing = String::new();
    let mut joins = false;
    for line in text.lines() {
        let is_prose = !line.is_empty() && !line.starts_with(' ');
        if !flowing.is_empty() {
            flowing.push(if joins && is_prose { ' ' } else { '\n' });
        }
        flowing.push_str(line);
        joins = is_prose && !line.ends_with(':');
    }
    let paragraphs = flowing.split('\n');
    let kept = paragraphs.map(|line| match line.starts_with(' ') && !line.ends_with(" \\") {
        true => line.to_owned(),
        false => keep_end(line),
    });
    kept.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds the help of a command and of all its subcommands.
    fn all(command: &mut Command, texts: &mut Vec<String>) {
        texts.push(command.render_help().to_string());
        texts.push(command.render_long_help().to_string());
        command.get_subcommands_mut().for_each(|it| all(it, texts));
    }

    #[test]
    fn no_line_has_a_single_word() {
        use clap::CommandFactory as _;

        for width in [80, 100] {
            let mut command = lay_out(whole(super::super::Arguments::command().term_width(width)));
            let mut texts = Vec::new();
            all(&mut command, &mut texts);
            assert!(texts.len() > 40);
            for line in texts.iter().flat_map(|text| text.lines()) {
                let is_broken = line.starts_with("            ") && !line.contains("https://");
                let word = line.trim();
                let is_word = word.chars().all(char::is_alphabetic) && !word.is_empty();
                assert!(!(is_broken && is_word), "{width}: {line}");
            }
        }
    }

    #[test]
    fn paragraphs_flow_and_examples_stay() {
        let text = flowing("Example:\n  a b \\\n      c\n\nOne two\nthree four.\nFive.");
        assert_eq!(text, "Example:\n  a b\u{a0}\\\n      c\n\nOne two three four.\u{a0}Five.");
        assert_eq!(keep_end("a b [default: c d]"), "a b\u{a0}[default:\u{a0}c\u{a0}d]");
        assert_eq!(keep_end("one"), "one");
    }
}
