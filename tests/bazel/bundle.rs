//! A bundle of the files that Bazel itself needs: fetched online, applied, and built from without a network.

use std::fs;
use std::process::Command;

use crate::later_bazels::own_repository;
use crate::sandbox::sha256;
use crate::workspace::{HELPER, Mirror, Workspace, output};

/// A file that another rule than ours downloads.
const GREETING: &str = "hello from upstream\n";

/// The files of a module in a registry, by their paths there.
const REGISTRY: [(&str, &str); 3] = [
    ("bazel_registry.json", "{}\n"),
    ("modules/greeter/1.0.0/MODULE.bazel", MODULE),
    ("modules/greeter/1.0.0/source.json", SOURCE),
];
const MODULE: &str = "module(name = \"greeter\", version = \"1.0.0\")\n";
const SOURCE: &str = r#"{"type": "archive", "url": "URL", "integrity": "INTEGRITY"}"#;

/// Adds a module from a registry, which the mirror serves. Returns its registry files.
pub fn add_module(workspace: &Workspace, mirror: &Mirror) -> Vec<(String, String)> {
    workspace.sandbox.write("greeter/MODULE.bazel", MODULE);
    workspace.sandbox.write("greeter/BUILD.bazel", "exports_files([\"MODULE.bazel\"])\n");
    let archive = mirror.folder.path("served/greeter.tar.gz");
    let mut tar = Command::new("tar");
    output(tar.arg("-C").arg(workspace.sandbox.path("greeter")).arg("-czf").arg(&archive).arg("."));
    let digest = Command::new("sh")
        .args(["-c", "openssl dgst -sha256 -binary \"$1\" | base64", "sh"])
        .arg(&archive)
        .output();
    let digest = String::from_utf8(digest.unwrap().stdout).unwrap();
    let source = SOURCE
        .replace("URL", &format!("{}/greeter.tar.gz", mirror.server.url()))
        .replace("INTEGRITY", &format!("sha256-{}", digest.trim()));
    let files = REGISTRY.map(|(path, text)| match text {
        SOURCE => (path.to_owned(), source.clone()),
        text => (path.to_owned(), text.to_owned()),
    });
    for (path, text) in &files {
        mirror.folder.write(&format!("served/registry/{path}"), text);
    }
    workspace.add_to_module("bazel_dep(name = \"greeter\", version = \"1.0.0\")\n");
    let rule = "genrule(name = \"module\", srcs = [\"@greeter//:MODULE.bazel\"], \
                outs = [\"module.txt\"], cmd = \"cat $(SRCS) > $@\")\n";
    workspace.sandbox.write("ws/module/BUILD.bazel", rule);
    files.to_vec()
}

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
    let registry = add_module(&workspace, &mirror);
    let own_rc = workspace.sandbox.read("ws/.bazelrc");
    let online = format!("common --registry={}/registry\n", mirror.server.url());
    workspace.sandbox.write("ws/.bazelrc", own_rc.clone() + &online);
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
    // The registry files are in the cache too. Debian's Bazel cannot read them from there: it knows
    // their digests from MODULE.bazel.lock, writes `{}` as that file, and crashes if it has another
    // content, because the adapters of its JSON library are missing ("Abstract classes can't be
    // instantiated ... BazelLockFileValue"). So the far side has a registry in the workspace.
    let cache = "vendor/bazel/repository_cache/content_addressable/sha256";
    for (path, text) in registry {
        assert!(workspace.path(cache).join(sha256(text.as_bytes())).is_dir(), "{path}");
        workspace.sandbox.write(&format!("ws/registry/{path}"), text);
    }
    let import = "common --registry=file://%workspace%/registry\n\
                  try-import %workspace%/vendor/bazel/airgap.bazelrc\n";
    workspace.sandbox.write("ws/.bazelrc", own_rc + import);
    for file in ["airgap.bazelrc", "airgap-7.0.bazelrc", "airgap-8.3.bazelrc"] {
        crate::rc::check(&workspace.sandbox.read(&format!("ws/vendor/bazel/{file}")), file);
    }
    let build = |workspace: &Workspace| {
        workspace.bazel_with_named_cache(&["build", "//..."]).env("BAZEL_WASM_HELPER", HELPER)
    };
    build(&workspace).succeeds();
    let both = workspace.sandbox.read("ws/bazel-bin/greeting/both.txt");
    assert!(both.starts_with(GREETING), "{both}");
    assert_eq!(workspace.sandbox.read("ws/bazel-bin/module/module.txt"), MODULE);
    let interface = workspace.sandbox.read("ws/bazel-bin/adder.interface.wit");
    assert!(interface.contains("export add: func(a: s32, b: s32) -> s32"), "{interface}");

    // The same without one of the files: the cache was used, and nothing else answers.
    fs::remove_dir_all(workspace.path(cache).join(sha256(GREETING.as_bytes()))).unwrap();
    workspace.fresh_output_root();
    let failed = build(&workspace).fails();
    assert!(failed.stderr.contains("download is disabled"), "{}", failed.stderr);
    assert!(failed.stderr.contains(&own_repository("one")), "{}", failed.stderr);

    // A registry is not asked either, also if it is there and the far side has none of its own.
    let mirror = Mirror::new();
    let online = format!("common --registry={}/registry\n", mirror.server.url());
    let rc = workspace.sandbox.read("ws/.bazelrc");
    workspace.sandbox.write("ws/.bazelrc", rc + &online);
    workspace.add_to_module("bazel_dep(name = \"another\", version = \"1.0.0\")\n");
    workspace.fresh_output_root();
    let build = ["build", "--repository_cache=vendor/bazel/repository_cache", "//greeting"];
    let failed = workspace.bazel(&build).fails();
    failed.says(&["no such file of a module registry", "modules/another/1.0.0/MODULE.bazel"]);
    assert_eq!(mirror.server.requests(), [""; 0]);
}
