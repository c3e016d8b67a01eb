//! The workspace around a command: its root, its name of this module, and the arguments of a target
//! that a user overrides.

use std::fs;

use crate::sandbox::Sandbox;
use crate::server::{Reply, Server};
use crate::{registry_files, vendor_words};

const MODULE: &str = "module(name = 'app')\nbazel_dep(\n    # The guide's labels.\n    \
    repo_name = 'rules_wasm_component',\n    name = 'rules_wasm_airgap',\n)\n";

/// Creates a workspace with one package that was made by hand.
fn workspace() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("MODULE.bazel", MODULE);
    sandbox.write("made/a/api/1.0.0.wit", "");
    sandbox.write("api/api.wit", "package a:api@1.0.0;\ninterface api {}\n");
    let config = format!("[overrides]\n\"a:api\" = {{ path = {:?} }}\n", sandbox.path("api"));
    sandbox.write("wkg.toml", config);
    fs::create_dir_all(sandbox.path("below/here")).unwrap();
    sandbox
}

#[test]
fn help_uses_the_module_name_of_the_workspace() {
    let sandbox = workspace();
    for words in [&["vendor", "all", "--help"][..], &["vendor", "helper", "--help"]] {
        let help = sandbox.run(words).succeeds().stdout;
        assert!(help.contains("bazel run @rules_wasm_component//tools/vendor:"), "{help}");
        assert!(!help.contains("@rules_wasm_airgap"), "{help}");
    }
}

#[test]
fn files_and_commands_use_the_module_name_of_the_workspace() {
    let sandbox = workspace();
    let vendor = |words: &[&str]| {
        let all = [&["vendor", "wit", "a:api@1.0.0"], words].concat();
        sandbox.run(&all).env("WKG_CONFIG_FILE", "wkg.toml")
    };
    vendor(&["--output-dir=vendor/wit"]).succeeds();
    let build = sandbox.read("vendor/wit/a-api-1.0.0/BUILD.bazel");
    assert!(build.contains("load(\"@rules_wasm_component//wit:defs.bzl\""), "{build}");

    // In another workspace: the one around the folder counts, and a named one wins.
    sandbox.write("other/MODULE.bazel", MODULE.replace("_component", "_other"));
    vendor(&["--output-dir=other/wit"]).succeeds();
    let build = sandbox.read("other/wit/a-api-1.0.0/BUILD.bazel");
    assert!(build.contains("load(\"@rules_wasm_other//wit:defs.bzl\""), "{build}");

    let helper = ["vendor", "helper", "--output-dir=vendor/toolchains"];
    sandbox.run(&helper).succeeds().says(&[
        "use_extension(\"@rules_wasm_component//bazel:helper.bzl\", \"wasm_helper\")",
        "sha256 = ",
    ]);
    let missing = ["plan", "--tool=wasm-tools@1.244.0", "--platform=linux_amd64"];
    let offline = |words: &[&str]| sandbox.run(words).env("BAZEL_WASM_OFFLINE", "1");
    offline(&missing).ends_with(3).says(&[
        "bazel run @rules_wasm_component//tools/vendor:vendor_all_toolchains -- --output-dir",
    ]);
    // Bazel runs the program for a user who has no `wasm-airgap` on PATH.
    let fetch = ["wit", "fetch", "b:none@1.0.0", "--registry=r.invalid/b", "out"];
    let asked = offline(&fetch).env("BAZEL_WASM_WORKSPACE", sandbox.root());
    asked.ends_with(3).says(&["bazel run @rules_wasm_component//:wasm-airgap -- vendor wit"]);
    offline(&fetch).ends_with(3).says(&["run\n", " wasm-airgap vendor wit"]);
}

#[test]
fn typed_paths_are_relative_to_the_current_folder() {
    let sandbox = workspace();
    let here = sandbox.path("below/here");
    let run = |words: &[&str]| {
        let mut run = sandbox.run(words);
        run.command.current_dir(&here);
        run.env("WKG_CONFIG_FILE", "wkg.toml")
    };
    let shown = run(&["config", "show", "--json"]).succeeds().json().to_string();
    assert!(shown.contains(&format!("\"{}\"", sandbox.root().display())), "{shown}");
    run(&["vendor", "wit", "a:api@1.0.0", "--output-dir=wit"]).succeeds();
    let build = sandbox.read("below/here/wit/a-api-1.0.0/BUILD.bazel");
    assert!(build.contains("@rules_wasm_component//") && here.join("wit.lock").is_file());
    // By `bazel run`, a target that vendors uses the root; the program itself uses the current
    // folder.
    let bazel = |words: &[&str]| {
        let run = run(words).env("BUILD_WORKSPACE_DIRECTORY", sandbox.root());
        run.env("BUILD_WORKING_DIRECTORY", sandbox.path("below"))
    };
    let words = ["vendor", "wit", "a:api@1.0.0", "--output-dir=by_bazel"];
    bazel(&words).succeeds();
    bazel(&[&["--as-typed"], &words[..]].concat()).succeeds();
    for folder in ["by_bazel", "below/by_bazel"] {
        assert!(sandbox.path(folder).join("a-api-1.0.0/api.wit").is_file(), "{folder}");
    }
}

#[test]
fn later_options_override_those_of_a_target() {
    let sandbox = workspace();
    let target =
        ["vendor", "wit", "a:api@1.0.0", "--lock-file=a.lock", "--output-dir=a", "--rules=//a"];
    let typed = ["--jobs=2", "--jobs=3", "--rules", "//b", "--lock-file=b.lock", "--output-dir=b"];
    let words = [&target[..], &typed[..], &["--archives", "--archives"]].concat();
    sandbox.run(&words).env("WKG_CONFIG_FILE", "wkg.toml").succeeds();
    assert!(sandbox.path("b.lock").is_file() && !sandbox.path("a.lock").exists());
    assert!(sandbox.read("b/a-api-1.0.0/BUILD.bazel").contains("load(\"//b\","));

    // Arguments that may occur several times are added.
    let server = Server::start(|request| match request.path.as_str() {
        "/a-linux.tar.gz" => Reply::ok("AAAA"),
        "/b-linux.tar.gz" => Reply::ok("BB"),
        _ => Reply::new("404 Not Found", ""),
    });
    let files = registry_files(&sandbox, &server.url(""), &[b"AAAA", b"BB"]);
    let words = ["--no-helper", "--output-dir=a", "--no-helper", "--output-dir=c"];
    sandbox.run(&vendor_words(&files, &words)).succeeds().says(&["2 fetched"]);
    assert!(sandbox.path("c").is_dir() && !sandbox.path("a").exists());
}

#[test]
fn a_helper_that_was_not_vendored_is_not_pinned() {
    let sandbox = workspace();
    let server = Server::start(|request| match request.path.as_str() {
        "/a-linux.tar.gz" => Reply::ok("AAAA"),
        _ => Reply::new("404 Not Found", ""),
    });
    let run = |tools: &[&[u8]], code: i32| {
        let files = registry_files(&sandbox, &server.url(""), tools);
        sandbox.run(&vendor_words(&files, &["--output-dir=vendor/toolchains"])).ends_with(code)
    };
    let printed = run(&[b"other"], 4).stderr;
    assert!(!printed.contains("wasm_helper"), "{printed}");
    let printed = run(&[b"AAAA"], 0).stderr;
    assert!(printed.contains("wasm_helper.pin"), "{printed}");
}
