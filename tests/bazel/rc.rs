//! The options in the `.bazelrc` files of the examples, of the manual and of bundles: this Bazel and
//! later ones know each of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::workspace::{REPOSITORY, output};

/// The options that a later Bazel refuses or ignores: the release and the reason.
const GONE: [(&str, &str); 6] = [
    ("enable_bzlmod", "9.0: does nothing, as modules are always on (bazel#26131)"),
    ("enable_workspace", "9.0: does nothing, as WORKSPACE is not read (bazel#26131)"),
    ("experimental_repository_resolved_file", "9.0: removed with WORKSPACE (bazel#26131)"),
    ("experimental_resolved_file_instead_of_workspace", "9.0: removed (bazel#26131)"),
    ("incompatible_remote_results_ignore_disk", "8.0: removed (bazel-lib#958)"),
    ("sandbox_network", "never was an option; --sandbox_default_allow_network is"),
];

/// The options that an earlier Bazel of those supported refuses: the first release that knows it.
const NEW: [(&str, &str); 2] = [
    ("downloader_config", "8.2 (bazel#25660); the old name stays accepted"),
    ("repo_contents_cache", "8.3 (bazel#26129)"),
];

/// The commands that a line of a `.bazelrc` may begin with.
const COMMANDS: [&str; 6] = ["always", "build", "common", "run", "startup", "test"];

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn options_of_the_examples_and_the_manual_are_those_of_each_bazel() {
    let mut checked = 0;
    let entries =
        ["docs", "examples"].map(|it| walkdir::WalkDir::new(Path::new(REPOSITORY).join(it)));
    for entry in entries.into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        checked += match name.as_str() {
            ".bazelrc" => check(&fs::read_to_string(path).unwrap(), &path.display().to_string()),
            _ if name.ends_with(".md") => check_page(path),
            _ => 0,
        };
    }
    assert!(checked > 25, "only {checked} options");
}

/// Checks the blocks of a page.
fn check_page(path: &Path) -> usize {
    let page = fs::read_to_string(path).unwrap();
    let blocks = page.split("```").skip(1).step_by(2);
    blocks.map(|block| check(block, &path.display().to_string())).sum()
}

/// Checks each option in the lines of a `.bazelrc`, and returns their number.
pub fn check(text: &str, place: &str) -> usize {
    let mut checked = 0;
    for line in text.lines().map(str::trim) {
        let mut words = line.split_whitespace();
        let command = words.next().unwrap_or_default().split(':').next().unwrap_or_default();
        if !COMMANDS.contains(&command) {
            continue;
        }
        for option in words.filter_map(|word| word.strip_prefix("--")) {
            let option = option.split('=').next().unwrap();
            check_option(option, &format!("{place}: {line}"));
            checked += 1;
        }
    }
    checked
}

fn check_option(option: &str, place: &str) {
    let is = |name: &str| option == name || option.strip_prefix("no") == Some(name);
    if let Some((_, reason)) = GONE.iter().find(|(name, _)| is(name)) {
        panic!("{place}: {reason}");
    }
    let of_later = NEW.iter().find(|(name, _)| is(name));
    // A file for a later Bazel says so in its name.
    match of_later {
        Some((_, release)) => assert!(place.contains("-8.3."), "{place}: only since {release}"),
        None => assert!(known().contains(option), "{place}: this Bazel does not know it"),
    }
}

/// Returns the options that this Bazel knows, with those that turn a switch off.
fn known() -> &'static BTreeSet<String> {
    static KNOWN: OnceLock<BTreeSet<String>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        // In a folder that is not a workspace, and without a server that stays.
        let mut help = Command::new("bazel");
        help.args(["--batch", "help", "completion"]).current_dir("/");
        let words = output(&mut help);
        let words = words.split(|c: char| c.is_whitespace() || c == '"');
        let options = words.filter_map(|word| word.strip_prefix("--"));
        options.map(|it| it.split('=').next().unwrap().to_owned()).collect()
    })
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn options_that_a_bazel_refuses_are_found() {
    let fails = |text: &str| {
        let text = text.to_owned();
        std::panic::catch_unwind(move || check(&text, "a.bazelrc")).is_err()
    };
    assert!(fails("build --sandbox_network=off"));
    assert!(fails("common:airgap --noenable_workspace"));
    assert!(fails("common --repo_contents_cache="));
    assert!(fails("common --no_bazel_has_this"));
    assert!(!fails(
        "common:x --lockfile_mode=off --nobuild --repo_env=A=1\n# build --sandbox_network"
    ));
}
