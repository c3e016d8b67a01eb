//! Starlark here uses nothing that Bazel 8 or 9 removed.
//!
//! `scripts/buildifier` finds the rules that those releases took out of Bazel, in the files of Bazel.
//! This test finds them also in the pages of the manual and in the texts that the program and the tests
//! write, and what buildifier does not look for.

// The test reads the sources.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]
use std::fs;
use std::path::{Path, PathBuf};

/// Texts of Starlark that a later Bazel refuses or announced to refuse, and what to write instead.
const REMOVED: [(&str, &str); 12] = [
    (".resolve_tools(", "8.0 (bazel#22249): `tools` of an action"),
    (".to_json()", "8.0: `json.encode`"),
    (".to_proto()", "8.0: `proto.encode_text`"),
    ("native.bind(", "9.0 (bazel#26131): an `alias`"),
    (
        "native.local_repository(",
        "9.0 (bazel#22080): @bazel_tools//tools/build_defs/repo:local.bzl",
    ),
    ("native.new_local_repository(", "9.0 (bazel#22080): the same file"),
    ("@bazel_tools//platforms", "7.0: @platforms"),
    (".build_file_path", "deprecated: `ctx.label.package`"),
    (".workspace_name", "deprecated (bazel#23144): `repo_name` of a label"),
    ("native.repository_name(", "deprecated (bazel#23144): `native.repo_name()`"),
    ("cfg = \"host\"", "announced (bazel#17032): `cfg = \"exec\"`"),
    ("bazel_version", "empty in a Bazel without a release: `hasattr` of what is new"),
];

/// Beginnings of the names of rules that have to be loaded since Bazel 9 (bazel#23043).
const LANGUAGES: [&str; 7] = ["android_", "cc_", "java_", "objc_", "proto_", "py_", "sh_"];

/// Ends of those names.
const RULES: [&str; 6] = ["binary", "import", "library", "runtime", "test", "toolchain"];

/// The text before the call of a rule, in Starlark or in a string of Rust.
const BEFORE_RULE: [&str; 5] = ["\n", "native.", "\"", "\\n", "    "];

/// The folders with files that are not ours, or not for Bazel: the root of the tests has a stand-in for
/// a module, which Bazel 7 alone loads.
const OTHERS: [&str; 4] = ["target", ".git", "fuzz", "debian-root"];

#[test]
fn starlark_uses_nothing_that_later_bazels_removed() {
    let mut checked = 0;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in files(root) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(!name.starts_with("WORKSPACE"), "{}: 9.0 reads no WORKSPACE", file.display());
        let kind = name.rsplit('.').next().unwrap();
        let is_own = file.ends_with("tests/starlark.rs");
        if is_own || !["bazel", "bzl", "md", "rs"].contains(&kind) && name != "BUILD" {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let found = if kind == "rs" { rule_without_load(&text) } else { removed(&text) };
        assert_eq!(found, None, "{}", file.display());
        checked += 1;
    }
    assert!(checked > 300, "only {checked} files");
}

#[test]
fn a_workspace_of_the_old_kind_is_in_one_test_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bazel");
    let uses = |file: &PathBuf| fs::read_to_string(file).unwrap().contains("ws/WORKSPACE");
    let found: Vec<_> = files(&root).into_iter().filter(uses).collect();
    assert_eq!(found, [root.join("wit.rs")]);
}

#[test]
fn removed_texts_are_found() {
    for text in [
        "load(\"//:a.bzl\", \"a\")\nsh_test(\n    name = \"b\",\n)\n",
        "def f():\n    native.cc_library(name = \"b\")\n",
        "if native.bazel_version:\n",
        "    n = Label(\"//:x\").workspace_name\n",
        "```python\npy_binary(name = \"b\")\n```\n",
    ] {
        assert!(removed(text).is_some(), "{text}");
    }
    assert!(rule_without_load("write(\"BUILD\", \"sh_binary(name = \\\"b\\\")\")").is_some());
    for text in [
        "load(\"@rules_shell//shell:sh_test.bzl\", \"sh_test\")\nsh_test(name = \"b\")\n",
        "my_sh_test(name = \"b\")\n",
        "A `cc_library` is not a tool.\n",
    ] {
        assert_eq!(removed(text), None);
    }
}

/// Returns what a later Bazel refuses in a text with Starlark, and the replacement.
fn removed(text: &str) -> Option<String> {
    let is_used = |(word, _): &&(&str, &str)| text.contains(word);
    let found = REMOVED.iter().find(is_used).map(|(word, reason)| format!("{word} {reason}"));
    found.or_else(|| rule_without_load(text))
}

/// Returns a call of a rule that the text does not load.
fn rule_without_load(text: &str) -> Option<String> {
    let mut names = LANGUAGES.iter().flat_map(|it| RULES.map(|rule| format!("{it}{rule}")));
    names.find(|name| {
        let call = format!("{name}(");
        let mut calls = text.match_indices(&call);
        let is_loaded =
            || text.contains(&format!(":{name}.bzl\"")) || text.contains("defs.bzl\", \"py_");
        let begins =
            |(at, _): (usize, &str)| BEFORE_RULE.iter().any(|before| text[..at].ends_with(before));
        calls.any(begins) && !is_loaded()
    })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_symlink() || OTHERS.contains(&&*name) || name.starts_with("bazel-") {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
