//! A bundle of the files that Bazel itself needs: fetched online, applied, and built from without a network.

use std::fs;
use std::process::Command;

use crate::sandbox::sha256;
use crate::workspace::{HELPER, Mirror, Workspace, output};

/// A file that another rule than ours downloads.
const GREETING: &str = "hello from upstream\n";

/// Adds a package with a target that needs the file, and another one for the same file name.
fn add_downloads(workspace: &Workspace, mirror: &Mirror) {
    let mut module = "http_file = use_repo_rule(\"@bazel_tools//tools/build_defs/repo:http.bzl\", \
                      \"http_file\")\n"
        .to_owned();
    for (name, text) in [("one", GREETING), ("two", "another file with this name\n")] {
        mirror.folder.write(&format!("served/{name}/greeting.txt"), text);
        let url = format!("{}/{name}/greeting.txt", mirror.server.url());
        let sha256 = sha256(text.as_bytes());
        module
            .push_str(&format!("http_file(name = {name:?}, url = {url:?}, sha256 = {sha256:?})\n"));
    }
    workspace.add_to_module(&module);
    let rule = "genrule(name = \"both\", srcs = [\"@one//file\", \"@two//file\"], \
                outs = [\"both.txt\"], cmd = \"cat $(SRCS) > $@\")\n";
    workspace.sandbox.write("ws/greeting/BUILD.bazel", rule);
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn an_applied_bundle_has_all_that_bazel_needs() {
    let mirror = Mirror::new();
    let mut workspace = Workspace::from_example("offline_toolchains", &mirror);
    add_downloads(&workspace, &mirror);
    let bundle = workspace.sandbox.path("bundle").display().to_string();
    let bazel = output(Command::new("sh").args(["-c", "readlink -f $(command -v bazel)"]));
    let create = ["bundle", "create", "--bazel-target", "//...", "--output", &bundle];
    let mut create = workspace.helper(&[&create[..], &["--bazel-binary", bazel.trim()]].concat());
    create.env("BAZEL_WASM_HELPER", HELPER).env("BAZEL_WASM_MIRROR", mirror.server.url());
    output(&mut create);
    assert!(!workspace.path("bazel-bin").exists());
    drop(mirror);

    output(&mut workspace.helper(&["bundle", "apply", &bundle, "--output", "vendor"]));
    let sums = ["-c", "cd vendor/bazel && sha256sum -c bazel.sha256"];
    output(Command::new("sh").args(sums).current_dir(workspace.path("")));
    let rc = workspace.sandbox.read("ws/.bazelrc");
    let import = "try-import %workspace%/vendor/bazel/airgap.bazelrc\n";
    workspace.sandbox.write("ws/.bazelrc", rc + import);
    let build = |workspace: &Workspace| {
        workspace.bazel_with_named_cache(&["build", "//..."]).env("BAZEL_WASM_HELPER", HELPER)
    };
    build(&workspace).succeeds();
    let both = workspace.sandbox.read("ws/bazel-bin/greeting/both.txt");
    assert!(both.starts_with(GREETING), "{both}");
    let interface = workspace.sandbox.read("ws/bazel-bin/adder.interface.wit");
    assert!(interface.contains("export add: func(a: s32, b: s32) -> s32"), "{interface}");

    // The same without one of the files: the cache was used, and nothing else answers.
    let cache = "vendor/bazel/repository_cache/content_addressable/sha256";
    fs::remove_dir_all(workspace.path(cache).join(sha256(GREETING.as_bytes()))).unwrap();
    workspace.fresh_output_root();
    let failed = build(&workspace).fails();
    assert!(failed.stderr.contains("the bundle has no such file"), "{}", failed.stderr);
}
