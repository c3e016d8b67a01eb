//! The commands in messages: each runs as printed in a real Bazel, and then the failed build
//! passes.

use std::fs;

use crate::components::{APP, push};
use crate::registry::Registry;
use crate::sandbox::{Printed, Sandbox};
use crate::wit::packages;
use crate::workspace::{Mirror, Workspace};

/// Returns the commands of Bazel that are on separate lines.
fn commands(printed: &Printed) -> Vec<String> {
    let lines = printed.stderr.lines().chain(printed.stdout.lines()).map(str::trim);
    let lines = lines.map(|line| line.trim_start_matches("hint:").trim());
    lines.filter(|line| line.starts_with("bazel run ")).map(str::to_owned).collect()
}

/// A workspace that knows this module as `wasm` and uses everything; it has no vendored files.
struct Case {
    workspace: Workspace,
    mirror: Mirror,
    /// The registry of the packages and components, kept running.
    _registry: Registry,
}

impl Case {
    fn new() -> Case {
        let mirror = Mirror::new();
        for archive in crate::data::wasi_archives() {
            let place = format!("served/wit/{}/{}", archive.folder, archive.filename);
            mirror.folder.write(&place, fs::read(archive.path).unwrap());
        }
        let sandbox = Sandbox::new();
        let (registry, [types, api]) = packages(&sandbox);
        let app = push(&sandbox, &registry, "app", APP);
        let workspace = Workspace::from_example("offline_toolchains", &mirror);
        workspace.know_module_as("wasm");
        let (host, digest) = (registry.host(), app.content);
        workspace.add_to_module(&format!(
            r#"wit = use_extension("@wasm//bazel:wit.bzl", "wit_packages")
wit.package(name = "api", package = "myorg:custom-api@1.0.0", registry = "{host}/wit/myorg", sha256 = "{api}")
wit.package(name = "types", package = "myorg:types@1.0.0", registry = "{host}/wit/myorg", sha256 = "{types}")
use_repo(wit, "api", "wasi_wit")
wit_package = use_repo_rule("@wasm//wit:defs.bzl", "wit_package")
wit_package(name = "todo", package = "myorg:types@1.0.0", registry = "{host}/wit/myorg", sha256 = "abc123...")
components = use_extension("@wasm//bazel:components.bzl", "wasm_components")
components.oci(name = "app", reference = "{host}/example/app:1.0.0", digest = "sha256:{digest}")
use_repo(components, "app")
"#
        ));
        workspace.sandbox.write(
            "ws/BUILD.bazel",
            format!(
                r#"load("@wasm//wit:defs.bzl", "wit_library", "wit_vendor_lock")
load("@wasm//wkg:defs.bzl", "wasm_component_from_oci")
genrule(name = "tool", outs = ["tool.txt"], cmd = "$(execpath @wasm_toolchains//:wasm-tools) --version > $@", tools = ["@wasm_toolchains//:wasm-tools"])
wit_library(name = "wasi", srcs = ["wasi.wit"], deps = ["@wasi_wit//:wasi-io-0.2.6"])
wit_library(name = "package", srcs = ["package.wit"], deps = ["@api//:myorg-custom-api"])
wit_library(name = "todo", srcs = ["package.wit"], deps = ["@todo//:myorg-types"])
filegroup(name = "repository", srcs = ["@app"])
wasm_component_from_oci(name = "action", registry = "{host}", namespace = "example", component_name = "app", digest = "sha256:{digest}")
wit_vendor_lock(name = "lock", packages = ["wasi:io@0.2.6"])
"#
            ),
        );
        let wasi = "package a:b;\nworld w { import wasi:io/poll@0.2.6; }\n";
        workspace.sandbox.write("ws/wasi.wit", wasi);
        let package = "package a:b;\nworld w { import myorg:custom-api/api@1.0.0; }\n";
        workspace.sandbox.write("ws/package.wit", package);
        Case { workspace, mirror, _registry: registry }
    }

    /// Checks that a build fails without a network, and succeeds there after each command of the
    /// message was run with one.
    #[track_caller]
    fn mends(&self, words: &[&str], (name, value): (&str, &str)) {
        let offline =
            || self.workspace.bazel(words).env("BAZEL_WASM_OFFLINE", "1").env(name, value);
        self.run_all(&offline().fails());
        offline().succeeds();
    }

    /// Runs each command as printed, in the workspace root.
    #[track_caller]
    fn run_all(&self, printed: &Printed) -> Vec<Printed> {
        let commands = commands(printed);
        assert!(!commands.is_empty(), "{}", printed.stderr);
        let run = |command: &String| {
            let words: Vec<_> = command.split(' ').skip(1).collect();
            let run = self.workspace.bazel(&words);
            run.env("BAZEL_WASM_MIRROR", self.mirror.server.url()).succeeds()
        };
        commands.iter().map(run).collect()
    }
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn published_archives_and_other_files_come_by_printed_commands() {
    let case = Case::new();
    let none = ("WASM_AIRGAP_TEST", "");
    for target in ["//:tool", "//:wasi", "//:package", "//:action"] {
        case.mends(&["build", target], none);
    }
    // The command for the action has vendored the component; remove it.
    fs::remove_dir_all(case.workspace.path("vendor/components")).unwrap();
    case.mends(&["build", "//:repository"], none);
    case.mends(&["test", "--test_output=errors", "//:lock_test"], none);

    // A digest that is still a placeholder: the command prints the right one.
    let printed = case.workspace.bazel(&["build", "//:todo"]).fails();
    let pinned = case.run_all(&printed);
    assert!(pinned[0].stdout.contains("sha256 = \""), "{}", pinned[0].stdout);

    // A named folder that does not exist.
    let folder = case.workspace.sandbox.path("share").display().to_string();
    fs::remove_dir_all(case.workspace.path("vendor/toolchains")).unwrap();
    let mut case = case;
    case.workspace.fresh_output_root();
    case.mends(&["build", "//:tool"], ("BAZEL_WASM_VENDOR_DIR", &folder));
}
