//! The options of `.bazelrc` that this Bazel does not accept.

use super::bazel::Bazel;
use super::rc::Placed;
use airgap_core::error::Result;

/// The largest number of options that are named.
const MOST: usize = 20;

/// An option that Bazel refuses.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) option: Placed,
    /// The message of Bazel.
    pub(super) because: String,
}

/// Splits the options into those that Bazel accepts for `build` and those that it refuses. Options
/// of lines for all commands may be for another command.
pub(super) fn checked(
    bazel: &mut Bazel<'_>,
    options: Vec<Placed>,
) -> Result<(Vec<Placed>, Vec<Refused>)> {
    let (mut accepted, mut refused) = (options, Vec::new());
    while refused.len() < MOST && !accepted.is_empty() {
        let Some((at, because)) = first_refused(bazel, "build", &accepted)? else { break };
        let option = accepted.remove(at);
        if option.command == "build" || !fits_other_command(bazel, &option)? {
            refused.push(Refused { option, because });
        }
    }
    Ok((accepted, refused))
}

fn fits_other_command(bazel: &mut Bazel<'_>, option: &Placed) -> Result<bool> {
    for command in ["query", "run", "test", "fetch", "mod"] {
        if first_refused(bazel, command, std::slice::from_ref(option))?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the first option that Bazel refuses, by its index, with the reason.
fn first_refused(
    bazel: &mut Bazel<'_>,
    command: &str,
    options: &[Placed],
) -> Result<Option<(usize, String)>> {
    let mut words = vec!["canonicalize-flags".to_owned(), format!("--for_command={command}")];
    words.push("--".to_owned());
    words.extend(options.iter().map(|it| it.word.clone()));
    let answer = bazel.run(&words)?;
    if answer.code == Some(0) {
        return Ok(None);
    }
    let words: Vec<_> = options.iter().map(|it| it.word.as_str()).collect();
    Ok(named(&answer.stderr, &words))
}

/// Finds the refused option in Bazel's message:
/// `ERROR: --sandbox_network=off :: Unrecognized option: --sandbox_network=off`.
fn named(stderr: &str, options: &[&str]) -> Option<(usize, String)> {
    let errors = stderr.lines().filter_map(|line| line.strip_prefix("ERROR: "));
    errors.into_iter().find_map(|error| {
        let fits = |option: &&str| {
            let end = error.strip_prefix(option).unwrap_or_default();
            end.starts_with(" ::") || error.ends_with(&format!(": {option}"))
        };
        let by_word = options.iter().position(fits);
        // Some messages name only the option, without its value.
        let by_name = || {
            let name = |option: &&str| option.split('=').next().unwrap_or_default().to_owned();
            options.iter().position(|it| error.split([' ', '=', '\'']).any(|word| word == name(it)))
        };
        by_word.or_else(by_name).map(|at| (at, error.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refused_option_is_found_in_the_message() {
        let options = ["--a=1", "--sandbox_network=off", "--jobs=x"];
        let message = "WARNING: x\nERROR: --sandbox_network=off :: Unrecognized option: \
                       --sandbox_network=off\n";
        assert_eq!(named(message, &options).unwrap().0, 1);
        let message = "ERROR: While parsing option --jobs=x: 'x' is not an int\n";
        assert_eq!(named(message, &options).unwrap().0, 2);
        assert_eq!(named("ERROR: no space left", &options), None);
    }
}
