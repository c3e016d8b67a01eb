//! Several modules, each with its own tags.

use crate::later_bazels::separator;
use crate::workspace::{Mirror, Workspace};

/// Adds a module, on which the workspace depends, with its own tags.
fn add_dependency(workspace: &Workspace, tags: &str) {
    let module = format!(
        "module(name = \"lib\", version = \"1.0\")\n\
         bazel_dep(name = \"rules_wasm_airgap\", version = \"0.1.0\")\n{tags}\n"
    );
    workspace.sandbox.write("lib/MODULE.bazel", module);
    workspace.sandbox.write("lib/BUILD.bazel", "");
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn modules_that_want_different_things_by_one_name_are_named() {
    let mirror = Mirror::new();
    let workspace = Workspace::from_example("offline_toolchains", &mirror);
    workspace.add_to_module(
        "bazel_dep(name = \"lib\", version = \"1.0\")\n\
         local_path_override(module_name = \"lib\", path = \"../lib\")\n",
    );
    let uses = |file: &str, extension: &str, tag: &str| {
        format!(
            "x = use_extension(\"@rules_wasm_airgap//bazel:{file}\", \"{extension}\")\nx.{tag}\n"
        )
    };
    let component = |digit: &str| {
        let digest = digit.repeat(64);
        let tag = format!(
            "oci(name = \"service\", reference = \"a.invalid/x:1\", digest = \"sha256:{digest}\")"
        );
        uses("components.bzl", "wasm_components", &tag)
    };
    let package = |name: &str| {
        let tag = format!(
            "package(name = \"api\", package = \"{name}\", sha256 = \"{}\")",
            "a".repeat(64)
        );
        uses("wit.bzl", "wit_packages", &tag)
    };
    let module = workspace.sandbox.read("ws/MODULE.bazel");
    for (own, others, target, words) in [
        (component("a"), component("b"), "@wasm_components//:all", ["`service`", "aaaa", "bbbb"]),
        (
            package("a:b@1.0.0"),
            package("a:c@1.0.0"),
            "@wasi_wit//:all",
            ["`api`", "a:b@1.0.0", "a:c@1.0.0"],
        ),
    ] {
        add_dependency(&workspace, &others);
        let hub = "use_repo(x, \"wasm_components\")\n";
        let hub = if target.contains("wasi_wit") { "use_repo(x, \"wasi_wit\")\n" } else { hub };
        workspace.sandbox.write("ws/MODULE.bazel", format!("{module}{own}{hub}"));
        let printed = workspace.bazel(&["query", target]).fails();
        printed.says(&words).says(&["`offline_toolchains`", "`lib`"]);
        // Two tags that ask for the same thing share it.
        add_dependency(&workspace, &own);
        workspace.bazel(&["query", target]).succeeds();
    }
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn a_dependencys_tags_take_no_tool_away() {
    let mirror = Mirror::new();
    let workspace = Workspace::from_example("offline_toolchains", &mirror);
    add_dependency(
        &workspace,
        "wasm = use_extension(\"@rules_wasm_airgap//bazel:toolchains.bzl\", \"wasm_toolchains\")\n\
         wasm.tool(name = \"wasm-tools\", version = \"1.244.0\")\n",
    );
    // The error about a missing tool names the tag to add, by name and by type.
    let tool = ["build", "--nobuild", "@wasm_toolchains//:wasmtime"];
    let words = ["asks for the tool `wasmtime`", "wasm.tool(name = \"wasmtime\")"];
    workspace.bazel(&tool).fails().says(&words);

    let module = workspace.sandbox.read("ws/MODULE.bazel");
    let start = module.find("wasm.tool(").unwrap();
    let end = start + module[start..].find("\n)\n").unwrap() + 3;
    workspace.sandbox.write("ws/MODULE.bazel", module.replacen(&module[start..end], "", 1));
    workspace.add_to_module(
        "bazel_dep(name = \"lib\", version = \"1.0\")\n\
         local_path_override(module_name = \"lib\", path = \"../lib\")\n",
    );
    let tools = workspace.bazel(&["query", "@wasm_toolchains//:all"]).succeeds();
    for name in ["wasmtime_linux_amd64", "wasm-tools_linux_amd64"] {
        assert!(tools.stdout.contains(name), "{}", tools.stdout);
    }
}

/// The built-in files pin the bytes of a version; a dependency may add versions but not change one.
#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn a_dependencys_registry_files_change_no_pin() {
    let mirror = Mirror::new();
    let workspace = Workspace::from_example("offline_toolchains", &mirror);
    workspace.add_to_module(
        "bazel_dep(name = \"lib\", version = \"1.0\")\n\
         local_path_override(module_name = \"lib\", path = \"../lib\")\n\
         wit = use_extension(\"@rules_wasm_airgap//bazel:wit.bzl\", \"wit_packages\")\n\
         use_repo(wit, \"wasi_wit\")\n",
    );
    let registry = |file: &str, extension: &str| {
        add_dependency(
            &workspace,
            &format!(
                "x = use_extension(\"@rules_wasm_airgap//bazel:{file}\", \"{extension}\")\n\
                 x.registry(file = \"//:pins.json\")\n"
            ),
        );
        workspace.sandbox.write("lib/BUILD.bazel", "exports_files([\"pins.json\"])\n");
    };
    let digest = "e".repeat(64);
    let asset = serde_json::json!({
        "url": "https://x.invalid/a.tar.gz", "sha256": &digest, "archive": "tar.gz",
    });
    let tool = |version: &str| {
        serde_json::json!({
            "schema_version": 1, "tool": "wasmtime", "latest": version,
            "versions": {version: {"linux_amd64": asset}},
        })
    };
    let package = serde_json::json!({
        "schema_version": 1, "package": "wasi:io", "versions": {"0.2.6": {"archive": asset}},
    });
    for (file, extension, pins, target, name) in [
        (
            "toolchains.bzl",
            "wasm_toolchains",
            tool("45.0.1"),
            "@wasm_toolchains//:all",
            "wasmtime 45.0.1 (linux_amd64)",
        ),
        ("wit.bzl", "wit_packages", package, "@wasi_wit//:all", "wasi:io@0.2.6"),
    ] {
        registry(file, extension);
        workspace.sandbox.write("lib/pins.json", pins.to_string());
        let printed = workspace.bazel(&["query", target]).fails();
        printed.says(&[name, "`lib`", "`rules_wasm_airgap`", &digest]);
    }
    // A new version is added, and the latest version stays.
    registry("toolchains.bzl", "wasm_toolchains");
    workspace.sandbox.write("lib/pins.json", tool("99.0.0").to_string());
    workspace.add_to_module("wasm.tool(name = \"wasmtime\")\n");
    let request = ["build", "@wasm_toolchains//:request.json"];
    workspace.bazel(&request).succeeds();
    let hub = format!("wasm_toolchains{}wasm_toolchains/request.json", separator());
    let requests = walkdir::WalkDir::new(workspace.sandbox.root()).into_iter().flatten();
    let mut requests = requests.filter(|it| it.path().to_string_lossy().ends_with(&hub));
    let request = std::fs::read_to_string(requests.next().unwrap().path()).unwrap();
    assert!(request.contains("45.0.1") && !request.contains("99.0.0"), "{request}");
}
