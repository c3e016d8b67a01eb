//! The flags with which this Bazel behaves like later ones: the table in `later.bazelrc`.
//!
//! With `WASM_AIRGAP_LATER_BAZELS=1`, `scripts/with-bazel` gives them to each Bazel, also to those that
//! `bazel run` and the helper start.

use std::fs;
use std::process::Command;

use crate::workspace::{HELPER, Mirror, REPOSITORY, Workspace, output};

/// The beginning of each line of the table.
const LINE: &str = "common:later ";

/// A line of the table.
struct Flag {
    /// The flag with its dashes.
    text: String,
    /// The release, `announced` or `-`.
    release: String,
    /// The number of an issue or change, a commit, or `release notes`.
    source: String,
}

/// Returns whether each Bazel has the flags.
pub fn are_tested() -> bool {
    std::env::var_os("WASM_AIRGAP_LATER_BAZELS").is_some_and(|it| !it.is_empty())
}

/// Returns the character between the parts of a canonical name.
pub fn separator() -> char {
    if are_tested() { '+' } else { '~' }
}

/// Returns the canonical name of a repository that MODULE.bazel of the workspace makes by
/// `use_repo_rule`.
pub fn own_repository(name: &str) -> String {
    let main = if are_tested() { "" } else { "_main" };
    format!("@@{main}{0}_repo_rules{0}{name}", separator())
}

/// Returns the lines of the table.
fn flags() -> Vec<Flag> {
    let table = fs::read_to_string(format!("{REPOSITORY}/tests/bazel/later.bazelrc")).unwrap();
    let lines = table.lines().filter(|it| !it.is_empty() && !it.starts_with('#'));
    lines.map(flag).collect()
}

fn flag(line: &str) -> Flag {
    let (text, comment) = line.split_once('#').unwrap_or_else(|| panic!("no source: {line}"));
    let text = text.strip_prefix(LINE).unwrap_or_else(|| panic!("not a flag: {line}"));
    let (release, source) = comment.trim().split_once(' ').unwrap();
    let words = [text, release, source].map(|it| it.trim().to_owned());
    let [text, release, source] = words;
    Flag { text, release, source }
}

/// Returns the value that this Bazel uses without the flag, by the output of `bazel help`.
fn default_of<'a>(help: &'a str, flag: &str) -> Option<&'a str> {
    let name = flag.trim_start_matches("--").split('=').next().unwrap();
    let name = name.strip_prefix("no").unwrap_or(name);
    let beginnings = [format!("  --[no]{name} ("), format!("  --{name} (")];
    let line = help.lines().find(|line| beginnings.iter().any(|it| line.starts_with(it)))?;
    line.split("default: \"").nth(1)?.split('"').next()
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn each_flag_of_later_bazels_has_a_source_and_changes_this_one() {
    let mut help = Command::new("bazel");
    // The options of all commands, in a folder that is not a workspace and without a server that stays.
    help.args(["--batch", "help", "test", "--long"]).current_dir("/");
    let help = output(&mut help);
    for Flag { text, release, source } in flags() {
        let is_release = release.split_once('.').is_some_and(|(major, minor)| {
            minor == "0" && major.parse::<u32>().is_ok_and(|major| (8..=10).contains(&major))
        });
        assert!(is_release || ["announced", "-"].contains(&&*release), "{text}: {release}");
        let is_issue = source.strip_prefix('#').is_some_and(|it| it.parse::<u32>().is_ok());
        let is_other = source == "release notes" || source.starts_with("commit ");
        assert!(is_issue || is_other, "{text}: {source}");
        let now = if text.starts_with("--no") { "true" } else { "false" };
        let now = if text.contains('=') { "none" } else { now };
        assert_eq!(default_of(&help, &text), Some(now), "{text}: the default of this Bazel");
    }
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn each_bazel_has_the_flags_if_they_are_tested() {
    let workspace = Workspace::from_example("offline_toolchains", &Mirror::new());
    let printed = workspace.bazel(&["info", "starlark-semantics"]).succeeds().stdout;
    let is_set = |name: &str| printed.contains(&format!("{name}=true"));
    assert_eq!(is_set("incompatible_disallow_empty_glob"), are_tested(), "{printed}");
    assert_eq!(is_set("incompatible_use_plus_in_repo_names"), are_tested(), "{printed}");
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn the_defaults_of_later_bazels_are_fine() {
    let mirror = Mirror::new();
    let workspace = Workspace::from_example("offline_toolchains", &mirror);
    let later: Vec<String> = flags().into_iter().map(|it| it.text).collect();
    let later: Vec<&str> = later.iter().map(String::as_str).collect();
    let with = |flags: &[&'static str]| [&["build", "--nobuild"], &later[..], flags].concat();
    workspace.bazel(&with(&["//..."])).env("BAZEL_WASM_MIRROR", mirror.server.url()).succeeds();
    // The files that the rules for C load fail with this flag, so no tool is in it.
    add_all_rules(&workspace);
    let labels = "--noincompatible_enable_deprecated_label_apis";
    let targets = [labels, "//all:adder", "//all:locked", "//all:pulled", "//all:vendored"];
    workspace.bazel(&with(&targets)).succeeds();
    // A test finds the source tree without a tree of runfiles, because it reads the lock in place.
    let test = ["test", "--noenable_runfiles", "--test_output=errors", "//all:locked_test"];
    let printed = workspace.bazel(&test).fails();
    assert!(printed.stdout.contains("wit.lock"), "{}", printed.stdout);
    assert!(!printed.stdout.contains("cannot find"), "{}", printed.stdout);
}

/// A flag that hides an error of another one is seen here.
#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn each_flag_of_later_bazels_is_fine_alone() {
    if are_tested() {
        return;
    }
    let mirror = Mirror::new();
    let workspace = Workspace::from_example("offline_toolchains", &mirror);
    add_all_rules(&workspace);
    // One server for all of them, which loads again what a flag changes.
    let script = r#"own="--nohome_rc --output_user_root=$1"; shift
        trap 'bazel $own shutdown' EXIT
        for flag in --keep_going "$@"; do
            echo "trying $flag" >&2
            bazel $own build --nobuild "$flag" //... || exit
        done"#;
    let mut command = Command::new("bash");
    command.args(["-c", script, "bash"]).arg(workspace.output_root());
    command.args(flags().into_iter().map(|it| it.text)).current_dir(workspace.path(""));
    command.env("BAZEL_WASM_HELPER", HELPER).env("BAZEL_WASM_MIRROR", mirror.server.url());
    output(&mut command);
}

/// `--experimental_strict_repo_env` of Bazel 8.6 and later gives repository rules no more than this.
#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn repository_rules_need_no_more_than_path_and_repo_env() {
    let mirror = Mirror::new();
    let workspace = Workspace::from_example("offline_toolchains", &mirror);
    let helper = format!("--repo_env=BAZEL_WASM_HELPER={HELPER}");
    let from = format!("--repo_env=BAZEL_WASM_MIRROR={}", mirror.server.url());
    let path = format!("PATH={}", std::env::var("PATH").unwrap());
    let build = ["build", &helper, &from, "//..."];
    workspace.command(&["env", "-i", &path], &build).succeeds();
}

/// Adds targets of the rules that the example does not use.
fn add_all_rules(workspace: &Workspace) {
    workspace.sandbox.write("ws/all/adder.wit", workspace.sandbox.read("ws/adder.wit"));
    workspace.sandbox.write(
        "ws/all/BUILD.bazel",
        "load(\"@rules_wasm_airgap//wit:defs.bzl\", \"wit_library\", \"wit_vendor_lock\")\n\
         load(\"@rules_wasm_airgap//wkg:defs.bzl\", \"wasm_component_from_oci\")\n\
         wit_library(name = \"adder\", srcs = [\"adder.wit\"])\n\
         wit_vendor_lock(name = \"locked\", packages = [\"wasi:io@0.2.6\"])\n\
         wasm_component_from_oci(name = \"pulled\", component_name = \"a\", registry = \"b\", tag = \"1\")\n\
         wasm_component_from_oci(name = \"vendored\", vendored_component = \"a.wasm\")\n",
    );
}
