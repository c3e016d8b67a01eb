//! A Bazel command line, with folders of our own.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::{Rc, Roots};
use airgap_core::error::{Error, Result};

/// The commands that build, fetch or read packages.
const COMMANDS: &[&str] = &[
    "aquery",
    "build",
    "coverage",
    "cquery",
    "fetch",
    "mobile-install",
    "mod",
    "query",
    "run",
    "sync",
    "test",
    "vendor",
];

/// The options for folders that the proof must choose, because they must be empty.
const OURS: &[&str] = &["--output_base", "--output_user_root", "--repository_cache"];

/// A Bazel command in its parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BazelCommand {
    program: OsString,
    startup: Vec<OsString>,
    command: OsString,
    /// All words before the first `--`.
    options: Vec<OsString>,
    /// The first `--` and all after it.
    rest: Vec<OsString>,
}

impl BazelCommand {
    /// Splits a command; `None` if it is a command of another program.
    ///
    /// # Errors
    /// Usage, if it names an output root or a repository cache.
    pub(super) fn parse(words: &[OsString]) -> Result<Option<BazelCommand>> {
        let Some((program, words)) = words.split_first() else { return Ok(None) };
        if !is_bazel(program) {
            return Ok(None);
        }
        let Some(at) = words.iter().position(|word| COMMANDS.iter().any(|it| word == it)) else {
            return Err(Error::usage(
                "this Bazel command does not build anything, so nothing can be proven",
            )
            .fact("expected", COMMANDS.join(", "))
            .hint("name a build: wasm-airgap prove -- bazel build //..."));
        };
        let (options, rest) = words[at + 1..].split_at(
            words[at + 1..].iter().position(|word| word == "--").unwrap_or(words.len() - at - 1),
        );
        for word in words[..at].iter().chain(options) {
            check_free(word)?;
        }
        Ok(Some(BazelCommand {
            program: program.clone(),
            startup: words[..at].to_vec(),
            command: words[at].clone(),
            options: options.to_vec(),
            rest: rest.to_vec(),
        }))
    }

    /// Returns the command with empty folders, without caches of results, and without a server,
    /// which would outlive the namespace.
    pub(super) fn with_roots(&self, roots: &Roots<'_>, rc: Rc) -> Vec<OsString> {
        let mut words = vec![self.program.clone()];
        words.extend(self.startup.iter().cloned());
        let unread = [(rc.home, "--nohome_rc"), (rc.system, "--nosystem_rc")];
        words.extend(unread.iter().filter(|(reads, _)| !reads).map(|(_, option)| option.into()));
        words.push("--batch".into());
        words.push(option("--output_user_root=", &roots.output_user_root()));
        words.push(option("--output_base=", &roots.output_base()));
        words.push(self.command.clone());
        words.extend(self.options.iter().cloned());
        // The last option has priority, also over the options of a --config.
        words.push(option("--repository_cache=", &roots.repository_cache()));
        if !matches!(self.command.to_str(), Some("fetch" | "mod" | "query" | "sync" | "vendor")) {
            // A result from a cache proves nothing.
            words.extend(["--disk_cache=".into(), "--remote_cache=".into()]);
            // `bazel-bin` and the like would lead to folders that are removed afterwards.
            words.push("--experimental_convenience_symlinks=ignore".into());
        }
        words.extend(self.rest.iter().cloned());
        words
    }
}

/// Returns whether a program is Bazel: `bazel`, `bazelisk`, or `bazel-7.7.1`.
fn is_bazel(program: &OsStr) -> bool {
    let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = name.strip_suffix(".exe").unwrap_or(&name).to_owned();
    name == "bazel" || name == "bazelisk" || name.starts_with("bazel-")
}

fn check_free(word: &OsStr) -> Result<()> {
    let word = word.to_string_lossy();
    let taken = OURS.iter().find(|it| word.split('=').next() == Some(**it));
    match taken {
        Some(taken) => Err(Error::usage(format!("`{taken}` cannot be used with `prove`"))
            .fact("because", "a proof starts from empty folders, which it creates itself")
            .hint("leave it out; the folders are in TMPDIR")),
        None => Ok(()),
    }
}

fn option(name: &str, path: &Path) -> OsString {
    let mut word = OsString::from(name);
    word.push(path);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    fn proven(text: &str) -> String {
        let command = BazelCommand::parse(&words(text)).unwrap().unwrap();
        let words = command.with_roots(&Roots(Path::new("/r")), Rc::default());
        words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn own_folders_are_added_and_targets_stay() {
        let roots = "--nohome_rc --nosystem_rc --batch --output_user_root=/r/output_user_root \
                     --output_base=/r/output_base";
        let caches = "--repository_cache=/r/repository_cache --disk_cache= --remote_cache= \
                      --experimental_convenience_symlinks=ignore";
        assert_eq!(
            proven("/x/bazel --host_jvm_args=-Xmx1g build --config=a //... -- -//b"),
            format!(
                "/x/bazel --host_jvm_args=-Xmx1g {roots} build --config=a //... {caches} -- -//b"
            )
        );
        assert_eq!(
            proven("bazelisk query //..."),
            format!("bazelisk {roots} query //... --repository_cache=/r/repository_cache")
        );
    }

    #[test]
    fn other_programs_are_unchanged_and_own_folders_are_refused() {
        assert_eq!(BazelCommand::parse(&words("make all")).unwrap(), None);
        assert_eq!(BazelCommand::parse(&[]).unwrap(), None);
        for refused in ["bazel --output_base=/x build //a", "bazel build --repository_cache /x //a"]
        {
            let error = BazelCommand::parse(&words(refused)).unwrap_err().to_string();
            assert!(error.contains("cannot be used with `prove`"), "{error}");
        }
        assert!(BazelCommand::parse(&words("bazel version")).is_err());
    }
}
