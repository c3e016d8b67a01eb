//! The helper of actions, which Bazel resolves for the exec platform.

use crate::sandbox::sha256;
use crate::workspace::{Mirror, Workspace};

const LIBRARY: &str = "\
load(\"@rules_wasm_airgap//wit:defs.bzl\", \"wit_library\")
load(\"@rules_wasm_airgap//wkg:defs.bzl\", \"wasm_component_from_oci\")
platform(
    name = \"mac\",
    constraint_values = [\"@platforms//os:macos\", \"@platforms//cpu:aarch64\"],
)
wit_library(name = \"library\", srcs = [\"adder.wit\"])
wit_library(
    name = \"here\",
    srcs = [\"adder.wit\"],
    exec_compatible_with = [\"@platforms//os:linux\"],
)
wit_library(name = \"user\", srcs = [\"user.wit\"], deps = [\":library\"])
wasm_component_from_oci(name = \"vendored\", vendored_component = \"a.wasm\")
wasm_component_from_oci(name = \"pulled\", component_name = \"a\", registry = \"b\", tag = \"1\")
";

/// Creates a workspace with libraries, components and a platform `//:mac`.
fn workspace(mirror: &Mirror) -> Workspace {
    let workspace = Workspace::from_example("offline_toolchains", mirror);
    workspace.sandbox.write("ws/BUILD.bazel", LIBRARY);
    workspace.sandbox.write("ws/a.wasm", b"\0asm\x0d\0\x01\0");
    workspace.add_to_module("bazel_dep(name = \"platforms\", version = \"0.0.10\")");
    workspace
}

/// Returns the command lines of the actions of a target.
fn actions(workspace: &Workspace, flags: &[&str], target: &str) -> String {
    workspace.bazel(&[&["aquery", target], flags].concat()).succeeds().stdout
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn actions_run_the_helper_of_the_exec_platform() {
    let mirror = Mirror::new();
    let workspace = workspace(&mirror);
    let mac = ["--extra_execution_platforms=//:mac", "--host_platform=//:mac"];

    // The helper of this machine is for this machine, and the message says what to add.
    for target in ["//:library", "//:vendored"] {
        let build = [&["build", "--nobuild", target], &mac as &[&str]].concat();
        workspace.bazel(&build).fails().says(&[
            target,
            "use_extension(\"@rules_wasm_airgap//bazel:helper.bzl\", \"wasm_helper\")",
            "wasm_helper.pin(platform = \"",
            "bazel run @rules_wasm_airgap//tools/vendor:helper",
        ]);
    }
    // Pulling runs on this machine, with the helper of this machine.
    let pulled = actions(&workspace, &mac, "//:pulled");
    assert!(pulled.contains("wasm_airgap_settings/wasm-airgap"), "{pulled}");

    // The first exec platform is used, unless the target names the constraints of another one.
    let first = ["--extra_execution_platforms=//:mac"];
    let build = [&["build", "--nobuild", "//:library"], &first as &[&str]].concat();
    workspace.bazel(&build).fails().says(&["//:library", "`exec_compatible_with`"]);
    let library = actions(&workspace, &first, "//:here");
    assert!(library.contains("wasm_airgap_helper/wasm-airgap"), "{library}");

    // A pinned helper is used for its platform only, and comes from the vendor folder.
    let program = "a program for another machine";
    workspace.add_to_module(&format!(
        "helper = use_extension(\"@rules_wasm_airgap//bazel:helper.bzl\", \"wasm_helper\")\n\
         helper.pin(platform = \"darwin_arm64\", sha256 = \"{}\", version = \"1.2.3\")",
        sha256(program.as_bytes())
    ));
    let build = [&["build", "--nobuild", "//:library"], &mac as &[&str]].concat();
    let place = "wasm-airgap/1.2.3/darwin_arm64/wasm-airgap";
    workspace.bazel(&build).env("BAZEL_WASM_OFFLINE", "1").fails().says(&[place, "darwin_arm64"]);
    workspace.sandbox.write(&format!("ws/vendor/toolchains/{place}"), program);
    for (flags, helper) in [
        (&mac as &[&str], "wasm_airgap_helper_darwin_arm64/wasm-airgap"),
        (&[], "wasm_airgap_helper/wasm-airgap"),
    ] {
        for target in ["//:library", "//:vendored"] {
            let commands = actions(&workspace, flags, target);
            assert!(commands.contains(helper), "{target} {flags:?}: {commands}");
        }
    }
}

/// A tool in `tools` is for the exec platform of the genrule, and with `bazel run` for the target
/// platform, although another exec platform comes first.
#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn executables_of_tools_are_for_the_platform_that_runs_them() {
    let mirror = Mirror::new();
    let workspace = workspace(&mirror);
    let tool = "@wasm_toolchains//:wasm-tools";
    let targets = format!(
        "genrule(name = \"made_here\", outs = [\"made_here.txt\"], tools = [\"{tool}\"],\n    \
         cmd = \"$(execpath {tool}) --version > $@\",\n    \
         exec_compatible_with = [\"@platforms//os:linux\"])\n\
         platform(name = \"wasm\", constraint_values = [\"@platforms//cpu:wasm32\"])\n"
    );
    workspace.sandbox.write("ws/BUILD.bazel", format!("{LIBRARY}{targets}"));
    let mac = "--extra_execution_platforms=//:mac";
    let bazel =
        |words: &[&str]| workspace.bazel(words).env("BAZEL_WASM_MIRROR", mirror.server.url());

    // The archive for that platform is not on the mirror.
    bazel(&["build", mac, tool, "//:made_here"]).succeeds();
    let version = workspace.sandbox.read("ws/bazel-bin/made_here.txt");
    assert!(version.contains(&mirror.version), "{version}");
    // Nothing runs on this target platform, so the tool is for the exec platform.
    bazel(&["run", "--platforms=//:wasm", tool, "--", "--version"]).succeeds();
    // A query loads no repository of another platform.
    bazel(&["query", &format!("deps({tool})")]).succeeds();
}

/// The request lists the libraries, direct and indirect, and not what the helper knows itself.
#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn the_request_of_a_library_has_its_dependencies_only() {
    let mirror = Mirror::new();
    let workspace = workspace(&mirror);
    let package = |name: &str, uses: &str| {
        let text = format!("package my:{name}@1.0.0;\n\nworld w {{ include {uses}@1.0.0; }}\n");
        workspace.sandbox.write(&format!("ws/{name}.wit"), text);
    };
    package("user", "example:adder/adder");
    package("top", "my:user/w");
    let top = "wit_library(name = \"top\", srcs = [\"top.wit\"], deps = [\":user\"])\n";
    workspace.sandbox.write("ws/BUILD.bazel", format!("{LIBRARY}{top}"));
    workspace.bazel(&["build", "//:top"]).succeeds();
    let request = workspace.sandbox.read("ws/bazel-bin/top_wit.request.json");
    assert!(!request.contains("wasi:"), "{request}");
    let request: serde_json::Value = serde_json::from_str(&request).unwrap();
    let deps: Vec<_> = request["deps"].as_array().unwrap().iter().collect();
    let labels: Vec<_> = deps.iter().map(|dep| (&dep["label"], &dep["direct"])).collect();
    let expected = serde_json::json!([["//:library", false], ["//:user", true]]);
    assert_eq!(serde_json::json!(labels), expected);
    assert!(workspace.path("bazel-bin/top_wit/deps/example-adder-1.0.0/adder.wit").is_file());
}
