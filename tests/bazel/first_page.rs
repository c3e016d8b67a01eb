//! The first page of the manual: its blocks, in their order, in an empty workspace.

use std::fs;

use crate::components::{APP, push};
use crate::registry::Registry;
use crate::sandbox::Sandbox;
use crate::workspace::{Mirror, REPOSITORY, Workspace};

/// The blocks of code in a page, each with its language.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let fenced = page.split("```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').unwrap()).collect()
}

/// The mirror has the tool and the WASI archives, and the registry has the component; the page
/// itself is for the published ones.
#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn published_archives_serve_each_block_of_the_first_page() {
    let mirror = Mirror::new();
    for archive in crate::data::wasi_archives() {
        let place = format!("served/wit/{}/{}", archive.folder, archive.filename);
        mirror.folder.write(&place, fs::read(archive.path).unwrap());
    }
    let (sandbox, registry) = (Sandbox::new(), Registry::open());
    let app = push(&sandbox, &registry, "app", APP);
    let workspace = Workspace::from_example("offline_toolchains", &mirror);
    let own = format!(
        "module(name = \"first\")\nlocal_path_override(\n    \
         module_name = \"rules_wasm_airgap\",\n    path = {REPOSITORY:?},\n)\n"
    );
    workspace.sandbox.write("ws/MODULE.bazel", own);
    // The registry file of the mirror's tool is in this package.
    workspace.sandbox.write("ws/BUILD.bazel", "");
    for file in [".bazelrc", "component.bzl", "tools/vendor/BUILD.bazel"] {
        fs::remove_file(workspace.path(file)).unwrap();
    }

    let page = fs::read_to_string(format!("{REPOSITORY}/docs/README.md")).unwrap();
    let page = page
        .replace("1.246.2", &mirror.version)
        .replace("registry.example.com", &registry.host())
        .replace("sha256:...", &format!("sha256:{}", app.content));
    let commands: Vec<_> =
        blocks(&page).iter().flat_map(|it| run(&workspace, &mirror, it)).collect();
    assert_eq!(commands.len(), 6, "{commands:?}");
    let printed = |index: usize, words: &str| {
        assert!(commands[index].contains(words), "{index}: {}", commands[index]);
    };
    printed(1, &mirror.version);
    printed(3, &app.content);
    for made in [
        "bazel-bin/service_wit/deps/wasi-clocks-0.2.6",
        "vendor/components/app.wasm",
        "vendor/wit/wasi-clocks-0.2.6",
    ] {
        assert!(workspace.path(made).exists(), "{made}");
    }
}

/// Does what a block says, and returns the output of its Bazel commands.
fn run(workspace: &Workspace, mirror: &Mirror, (language, block): &(&str, &str)) -> Vec<String> {
    if let Some((_, lines)) = block.split_once("# MODULE.bazel\n") {
        workspace.add_to_module(lines);
        // The mirror has one tool, and not all of WASI.
        let own = [
            ("wasm = ", "wasm.registry(file = \"//:wasm-tools.json\")"),
            ("wit = ", "wit.vendor(packages = [\"wasi:clocks@0.2.6\"])"),
        ];
        let own = own.iter().filter(|(first, _)| lines.starts_with(first));
        own.for_each(|(_, line)| workspace.add_to_module(line));
        return Vec::new();
    }
    if let Some((_, lines)) = block.split_once("# BUILD.bazel\n") {
        workspace.sandbox.write("ws/BUILD.bazel", lines);
        return Vec::new();
    }
    assert_eq!(*language, "sh", "{block}");
    let mut printed = Vec::new();
    for line in block.lines() {
        if let Some((text, file)) = line.strip_prefix("echo '").and_then(|it| it.split_once("' > "))
        {
            workspace.sandbox.write(&format!("ws/{file}"), text);
            continue;
        }
        let words: Vec<_> = line.strip_prefix("bazel ").unwrap().split(' ').collect();
        let bazel = workspace.bazel(&words).env("BAZEL_WASM_MIRROR", mirror.server.url());
        let output = bazel.succeeds();
        printed.push(format!("{}{}", output.stdout, output.stderr));
    }
    printed
}
