//! Users of rules_wasm_component: the page for them, and its rules beside these.

use std::fs;
use std::process::Command;

use crate::workspace::{HELPER, Mirror, REPOSITORY, Workspace, output};

/// Opens a vendored archive as the published resolver of rules_wasm_component does: by the variable,
/// in `{tool}/{version}/{platform}/{file}`.
const THEIRS: &str = r#"
def _theirs_impl(rctx):
    path = rctx.path(rctx.os.environ["BAZEL_WASM_VENDOR_DIR"])
    name = "wasm-tools-{}-x86_64-linux".format(rctx.attr.version)
    for part in ["wasm-tools", rctx.attr.version, "linux_amd64", name + ".tar.gz"]:
        path = path.get_child(part)
    rctx.extract(str(path), stripPrefix = name)
    rctx.delete("doc")
    rctx.file("BUILD.bazel", "exports_files([\"wasm-tools\"])")

theirs = repository_rule(_theirs_impl, attrs = {"version": attr.string()})
"#;

const BOTH: &str = r#"
genrule(
    name = "both",
    outs = ["both.txt"],
    cmd = "$(execpath @theirs//:wasm-tools) --version > $@; $(execpath @wasm_toolchains//:wasm-tools) --version >> $@",
    tools = ["@theirs//:wasm-tools", "@wasm_toolchains//:wasm-tools"],
)
"#;

/// Returns the block of Starlark in the page that is for this file.
fn block<'a>(page: &'a str, file: &str) -> &'a str {
    let start = format!("```starlark\n# {file}\n");
    page.split_once(&start).unwrap().1.split_once("```").unwrap().0
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn the_page_for_users_of_rules_wasm_component_loads_and_one_vendor_folder_serves_both() {
    let mirror = Mirror::new();
    let workspace = Workspace::from_example("offline_toolchains", &mirror);
    let page = format!("{REPOSITORY}/docs/guides/from-rules-wasm-component.md");
    let page = fs::read_to_string(page).unwrap().replace("1.246.2", &mirror.version);
    // The hub, whose targets need no registry.
    let page = page.replace("\"auth_service\")", "\"auth_service\", \"wasm_components\")");
    let module = format!(
        "module(name = \"both\")\nbazel_dep(name = \"rules_wasm_airgap\", version = \"0.1.0\")\n\
         local_path_override(module_name = \"rules_wasm_airgap\", path = {REPOSITORY:?})\n{}\
         wasm.registry(file = \"//:wasm-tools.json\")\n\
         theirs = use_repo_rule(\"//:theirs.bzl\", \"theirs\")\n\
         theirs(name = \"theirs\", version = \"{}\")\n",
        block(&page, "MODULE.bazel"),
        mirror.version,
    );
    workspace.sandbox.write("ws/MODULE.bazel", module);
    workspace.sandbox.write("ws/BUILD.bazel", block(&page, "BUILD.bazel").to_owned() + BOTH);
    workspace.sandbox.write("ws/my.wit", "package example:mine@1.0.0;\n");
    workspace.sandbox.write("ws/theirs.bzl", THEIRS);
    let loaded = ["query", "//:all + @wasm_components//:all + @wasi_wit//:all"];
    workspace.bazel(&loaded).succeeds();

    let wanted = format!("--tool=wasm-tools@{}", mirror.version);
    let folder = workspace.path("vendor/toolchains");
    output(
        Command::new(HELPER)
            .args(["vendor", "toolchains", "--no-helper", "--registry=wasm-tools.json", &wanted])
            .arg(format!("--output-dir={}", folder.display()))
            .current_dir(workspace.path(""))
            .env("BAZEL_WASM_MIRROR", mirror.server.url()),
    );
    let build = workspace.bazel(&["build", "//:both"]).env("BAZEL_WASM_OFFLINE", "1");
    build.env("BAZEL_WASM_VENDOR_DIR", &folder).succeeds();
    let versions = fs::read_to_string(workspace.path("bazel-bin/both.txt")).unwrap();
    assert_eq!(versions.matches(&mirror.version).count(), 2, "{versions}");
}
