//! The examples in the help of the commands that operate offline builds, run as they are printed.

use std::process::Command;

use crate::bundles;
use crate::sandbox::{Sandbox, sha256};

/// The commands in the order in which their examples work: a bundle is created before it is applied.
const COMMANDS: [&str; 12] = [
    "bundle create",
    "bundle inspect",
    "bundle apply",
    "bundle diff",
    "bundle inventory",
    "prune",
    "sbom",
    "outdated",
    "completions",
    "man-pages",
    "doctor",
    "prove",
];

/// The commands whose examples need a Bazel, which the tests of Bazel run.
const BY_BAZEL: [&str; 2] = ["doctor", "prove"];

/// Returns the command lines in the help of a command.
fn examples(sandbox: &Sandbox, command: &str) -> Vec<String> {
    let words: Vec<_> = command.split(' ').chain(["--help"]).collect();
    let help = sandbox.run(&words).succeeds().stdout;
    let lines = help.lines().filter_map(|line| line.strip_prefix("  "));
    let is_command = |line: &&str| line.starts_with("wasm-airgap ") || line.starts_with("mkdir ");
    lines.filter(is_command).map(str::to_owned).collect()
}

/// Writes the files that the examples name.
fn files(sandbox: &Sandbox) {
    bundles::vendor(sandbox, "vendor", &[("old", b"old tool"), ("new", b"new tool")]);
    bundles::layout(sandbox, "images", &[("r.example/x:1", b"layer")]);
    let asset = format!(
        r#"{{"url": "https://e.example/new.tar.gz", "sha256": "{}", "archive": "tar.gz"}}"#,
        sha256(b"new tool")
    );
    let tool = format!(
        r#"{{"tool": "new", "version": "1.0", "executables": ["new"], "assets": {{"linux_amd64": {asset}}}}}"#
    );
    let registry = format!(
        r#"{{"schema_version": 1, "tool": "new", "latest": "1.0", "versions": {{"1.0": {{"linux_amd64": {asset}}}}}}}"#
    );
    sandbox.write("request.json", format!(r#"{{"schema_version": 1, "tools": [{tool}]}}"#));
    sandbox.write("new.json", registry);
    sandbox.write("wit.lock", "version = 1\n");
    sandbox.write("mirror.yaml", "images: []\n");
    sandbox.write("media/usb/x", "");
}

/// Runs a command line in the sandbox, whose folder `media` is `/media`.
fn run(sandbox: &Sandbox, line: &str) {
    let program = env!("CARGO_BIN_EXE_wasm-airgap");
    let media = format!("{}/media/", sandbox.root().display());
    let folder = std::path::Path::new(program).parent().unwrap().display();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-ec", &line.replace("/media/", &media)]).current_dir(sandbox.root()).env_clear();
    shell.env("PATH", format!("{folder}:/usr/bin:/bin")).env("HOME", sandbox.path("home"));
    let output = shell.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {}\n{stderr}", output.status);
}

#[test]
fn the_examples_of_operations_run_as_printed() {
    let sandbox = Sandbox::new();
    files(&sandbox);
    for command in COMMANDS {
        let all = examples(&sandbox, command);
        assert!(!all.is_empty(), "{command} has no example");
        let needs_bazel = |line: &str| {
            BY_BAZEL.contains(&command)
                || line.contains("--bazel")
                || line == "wasm-airgap outdated"
        };
        for line in all.iter().filter(|line| !needs_bazel(line)) {
            // The far side has no vendor folder before the first bundle.
            if command == "bundle apply" {
                std::fs::remove_dir_all(sandbox.path("vendor")).unwrap();
            }
            let line =
                line.replace("wasm-airgap outdated", "wasm-airgap outdated --registry new.json");
            run(&sandbox, &line);
        }
    }
    for written in [
        "media/usb/bundle/SHA256SUMS",
        "vendor/images/index.json",
        "inventory.jsonl",
        "vendor.cdx.json",
        "home/.zfunc/_wasm-airgap",
        "home/.local/share/man/man1/wasm-airgap.1",
    ] {
        assert!(sandbox.path(written).exists(), "{written}");
    }
}
