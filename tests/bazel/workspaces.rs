//! This module as a workspace and its user see it: its name, its failures, and the helper's build.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::workspace::{HELPER, Mirror, Workspace};

/// Creates a workspace that knows this module as `wasm`, and whose config file replaces a published
/// package.
fn renamed(mirror: &Mirror) -> Workspace {
    let workspace = Workspace::from_example("offline_toolchains", mirror);
    workspace.know_module_as("wasm");
    workspace.sandbox.write(
        "ws/BUILD.bazel",
        "load(\"@wasm//wit:defs.bzl\", \"wit_library\", \"wit_vendor_lock\")\n\
         wit_vendor_lock(name = \"vendor_wit\", packages = [\"a:api@1.0.0\"])\n",
    );
    workspace.sandbox.write("api/api.wit", "package a:api@1.0.0;\ninterface api {}\n");
    let api = workspace.sandbox.path("api");
    let config = format!("[overrides]\n\"a:api\" = {{ path = {api:?} }}\n");
    workspace.sandbox.write("ws/wkg.toml", config);
    workspace
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn generated_files_load_with_a_renamed_module() {
    let mirror = Mirror::new();
    let workspace = renamed(&mirror);
    let run = |words: &[&str]| {
        workspace.bazel(&[&["run"], words].concat()).env("WKG_CONFIG_FILE", "wkg.toml")
    };
    run(&["//:vendor_wit_generate"]).succeeds();
    workspace.bazel(&["build", "//..."]).succeeds();
    let test = workspace.bazel(&["test", "--test_env=WKG_CONFIG_FILE", "//:vendor_wit_test"]);
    test.env("WKG_CONFIG_FILE", workspace.path("wkg.toml")).succeeds();

    // Arguments after `--` win.
    let typed = ["--lock-file", "b.lock", "--output-dir=b", "--rules", "//:b.bzl"];
    run(&[&["//:vendor_wit_generate", "--"], &typed[..]].concat()).succeeds();
    assert!(workspace.path("b.lock").is_file());
    let build = workspace.sandbox.read("ws/b/a-api-1.0.0/BUILD.bazel");
    assert!(build.contains("load(\"//:b.bzl\","), "{build}");

    // The program itself uses the current folder, and so do the lines that it prints.
    let vendor = ["vendor", "wit", "a:api@1.0.0", "--output-dir=c"];
    let below = workspace.path("tools");
    let program = [&["@wasm//:wasm-airgap", "--"], &vendor[..]].concat();
    run(&program).in_folder(&below).succeeds();
    assert!(below.join("c/a-api-1.0.0/BUILD.bazel").is_file());
    run(&["@wasm//tools/vendor:helper", "--", "--output-dir=vendor/toolchains"])
        .succeeds()
        .says(&["use_extension(\"@wasm//bazel:helper.bzl\""]);

    // Messages of rules do the same, and those about a missing helper.
    let missing = workspace.bazel(&["build", "@wasm_toolchains//:wasmtime"]).fails();
    missing.says(&["use_extension(\"@wasm//bazel:toolchains.bzl\""]);
    let none = workspace
        .bazel(&["build", "@wasm//:wasm-airgap"])
        .env("BAZEL_WASM_HELPER", "nowhere")
        .fails();
    none.says(&["bazel run @wasm//tools/vendor:helper"]);
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn a_failure_is_printed_once_and_its_command_runs_as_printed() {
    let mirror = Mirror::new();
    let workspace = renamed(&mirror);
    workspace.sandbox.write(
        "ws/BUILD.bazel",
        "genrule(\n    name = \"version\",\n    outs = [\"version.txt\"],\n    \
         cmd = \"$(execpath @wasm_toolchains//:wasm-tools) --version > $@\",\n    \
         tools = [\"@wasm_toolchains//:wasm-tools\"],\n)\n",
    );
    let build = ["build", "--noshow_progress", "--color=no", "//:version"];
    let printed = workspace.bazel(&build).env("BAZEL_WASM_OFFLINE", "1").fails().stderr;
    let times = |text: &str| printed.matches(text).count();
    assert_eq!(times("third_party/toolchains"), 1, "{printed}");
    assert_eq!(times("on a machine with a network"), 1, "{printed}");
    // The cause is printed before Bazel's own text.
    assert!(printed.find("third_party/toolchains") < printed.find("Traceback"), "{printed}");
    let lines = printed.lines().filter(|line| !line.trim().is_empty()).count();
    assert!(lines <= 32, "{lines} lines:\n{printed}");

    let (_, command) = printed.split_once("bazel run ").unwrap();
    let words: Vec<_> = command.lines().next().unwrap().split(' ').collect();
    let words = [&["run"], &words[..]].concat();
    workspace.bazel(&words).env("BAZEL_WASM_MIRROR", mirror.server.url()).succeeds();
    workspace.bazel(&build).env("BAZEL_WASM_OFFLINE", "1").succeeds();
}

/// Writes a program that replaces another one.
fn write_program(path: &std::path::Path, script: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn one_build_of_the_helper_serves_all_workspaces_of_a_user() {
    let mirror = Mirror::new();
    let mut workspace = Workspace::from_example("offline_toolchains", &mirror);
    // A fast compiler that counts its runs.
    let (programs, count) = (workspace.sandbox.path("programs"), workspace.sandbox.path("count"));
    let cargo = format!(
        "for word; do case $word in --target-dir=*) dir=${{word#*=}}/helper;; esac; done\n\
         echo built >> {count:?}; mkdir -p \"$dir\"; cp {HELPER:?} \"$dir/wasm-airgap\""
    );
    write_program(&programs.join("cargo"), &cargo);
    write_program(&programs.join("rustc"), "echo rustc 1.0.0");
    let path = format!("{}:/usr/bin:/bin", programs.display());
    let build = |workspace: &Workspace| {
        let build = workspace.bazel(&["build", "@rules_wasm_airgap//:wasm-airgap"]);
        build.without("BAZEL_WASM_HELPER").env("PATH", &path)
    };
    let built = || fs::read_to_string(&count).unwrap().lines().count();
    build(&workspace).succeeds();
    assert_eq!(built(), 1);
    // Bazel's own folders are removed, as after `clean --expunge` and in another workspace.
    workspace.fresh_output_root();
    build(&workspace).succeeds();
    assert_eq!(built(), 1);
    // Another compiler gives another helper; without a home folder no helper is kept.
    write_program(&programs.join("rustc"), "echo rustc 2.0.0");
    workspace.fresh_output_root();
    build(&workspace).succeeds();
    assert_eq!(built(), 2);
    workspace.fresh_output_root();
    build(&workspace).without("XDG_CACHE_HOME").without("HOME").succeeds();
    assert_eq!(built(), 3);
}
