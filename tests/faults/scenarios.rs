//! The commands of the tests: their input files, and their arguments.

use std::fs;

use serde_json::{Value, json};

use crate::bundles;
use crate::run::{Case, Scenario};
use crate::sandbox::sha256;
use crate::world::{self, HTTP, IO, World};

/// The chart of the guide.
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/charts/runtime-operator");

/// Creates a scenario without files, which may run several times.
fn scenario(name: &'static str, words: &[&str]) -> Scenario {
    Scenario {
        name,
        words: words.iter().map(|&word| word.to_owned()).collect(),
        lay: Box::new(|_| {}),
        vendor: None,
        out: None,
        target: false,
        holds: |_| Ok(()),
    }
}

/// Writes a registry file of the tool with these versions.
pub fn tool_registry(case: &Case, versions: &[usize]) {
    let world = World::get();
    let mut registry = json!({"schema_version": 1, "tool": "tool", "versions": {}});
    for &nth in versions {
        let asset = json!({
            "url": world.url(&world::tool_name(nth)), "sha256": sha256(&world::tool(nth)),
            "archive": "tar.gz",
        });
        registry["versions"][format!("1.{nth}.0")] = json!({"linux_amd64": asset});
        registry["latest"] = format!("1.{nth}.0").into();
    }
    case.sandbox.write("tool.json", registry.to_string());
}

pub fn vendor_toolchains() -> Scenario {
    let words = [
        "vendor",
        "toolchains",
        "--output-dir=vendor/toolchains",
        "--no-helper",
        "--jobs=1",
        "--registry=tool.json",
        "--tool=tool@1.0.0",
        "--tool=tool@1.1.0",
        "--platform=linux_amd64",
    ];
    Scenario {
        lay: Box::new(|case| tool_registry(case, &[0, 1])),
        vendor: Some("vendor"),
        ..scenario("vendor toolchains", &words)
    }
}

/// Writes the registry files of the two WIT packages.
fn wit_registries(case: &Case) {
    for (package, file) in [("a:io", "a-io"), ("a:http", "a-http")] {
        let name = format!("{file}-1.0.0.tar.gz");
        let archive = json!({
            "url": World::get().url(&name), "sha256": sha256(&world::file(&name).unwrap()),
            "archive": "tar.gz",
        });
        let registry = json!({
            "schema_version": 1, "package": package, "versions": {"1.0.0": {"archive": archive}},
        });
        case.sandbox.write(&format!("{file}.json"), registry.to_string());
    }
    case.sandbox.write("MODULE.bazel", "");
}

pub fn vendor_wit() -> Scenario {
    let words = [
        "vendor",
        "wit",
        "--output-dir=vendor/wit",
        "--jobs=1",
        "--registry=a-io.json",
        "--registry=a-http.json",
        "a:http@1.0.0",
    ];
    Scenario {
        lay: Box::new(wit_registries),
        vendor: Some("vendor"),
        ..scenario("vendor wit", &words)
    }
}

/// Returns the reference of a component, pinned by its manifest or by its content.
fn reference(nth: usize, by_manifest: bool) -> String {
    let digests = world::digests(&world::component(nth));
    let digest = if by_manifest { digests.manifest } else { digests.content };
    format!("{}/my-org/c{nth}:v1.0.0@sha256:{digest}", World::get().host())
}

pub fn vendor_components() -> Scenario {
    let words = [
        "vendor",
        "components",
        "--output-dir=vendor/components",
        "--jobs=1",
        &reference(0, true),
        &reference(1, false),
    ];
    Scenario { vendor: Some("vendor"), ..scenario("vendor components", &words) }
}

pub fn vendor_all() -> Scenario {
    let words = [
        "vendor",
        "all",
        "--output-dir=vendor",
        "--no-helper",
        "--jobs=1",
        "--platform=linux_amd64",
        "--request=tools.json",
        "--request=wit.json",
        "--request=components.json",
    ];
    let lay = |case: &Case| {
        let world = World::get();
        let tools = json!({"schema_version": 1, "tools": [{
            "tool": "tool", "version": "1.0.0", "executables": ["tool"], "assets": {"linux_amd64": {
                "url": world.url(&world::tool_name(0)), "sha256": sha256(&world::tool(0)),
                "archive": "tar.gz",
            }},
        }]});
        let wit = json!({"schema_version": 1, "wit": [{
            "package": "my:io@1.0.0", "registry": format!("{}/packages", world.host()),
            "sha256": sha256(&world::package()),
        }]});
        let digest = world::digests(&world::component(0)).manifest;
        let components = json!({"schema_version": 1, "components": [{
            "name": "app", "reference": format!("{}/my-org/c0:v1.0.0", world.host()),
            "digest": format!("sha256:{digest}"),
        }]});
        for (name, request) in [("tools", tools), ("wit", wit), ("components", components)] {
            case.sandbox.write(&format!("{name}.json"), request.to_string());
        }
        case.sandbox.write("MODULE.bazel", "");
    };
    Scenario { lay: Box::new(lay), vendor: Some("vendor"), ..scenario("vendor all", &words) }
}

fn extract(name: &'static str, archive: &'static str, bytes: Vec<u8>, more: &[&str]) -> Scenario {
    let words = ["extract", "--sha256", &sha256(&bytes), archive, "out"];
    Scenario {
        lay: Box::new(move |case| drop(case.sandbox.write(archive, &bytes))),
        out: Some("out"),
        ..scenario(name, &[&words, more].concat())
    }
}

pub fn extract_tar() -> Scenario {
    extract("extract of a tar.gz", "tool.tar.gz", world::tool(0), &[])
}

pub fn extract_zip() -> Scenario {
    extract("extract of a zip", "tool.zip", world::zip(), &[])
}

pub fn extract_for_bazel() -> Scenario {
    extract("extract --for-bazel", "tool.tar.gz", world::tool(0), &["--for-bazel"])
}

pub fn component_pull() -> Scenario {
    scenario("component pull", &["component", "pull", &reference(0, true), "-o", "c.wasm"])
}

pub fn component_pin() -> Scenario {
    let reference = format!("{}/my-org/c0:v1.0.0", World::get().host());
    let words = ["component", "pin", &reference, "--registry=checksums/components"];
    scenario("component pin", &words)
}

pub fn toolchain_pin() -> Scenario {
    let url = World::get().url(&world::tool_name(2));
    let words = ["toolchain", "pin", "--registry=tool.json", "--tool=tool", &url];
    Scenario {
        lay: Box::new(|case| tool_registry(case, &[0, 1])),
        ..scenario("toolchain pin", &words)
    }
}

pub fn wit_fetch() -> Scenario {
    let registry = format!("--registry={}/packages", World::get().host());
    let sha256 = format!("--sha256={}", sha256(&world::package()));
    let words = ["wit", "fetch", "my:io@1.0.0", &registry, &sha256, "out"];
    Scenario { out: Some("out"), ..scenario("wit fetch", &words) }
}

pub fn wit_library() -> Scenario {
    let lay = |case: &Case| {
        case.sandbox.write("io/streams.wit", IO);
        let request = json!({
            "schema_version": 1, "label": "//x:io", "package": "a:io", "interfaces": [],
            "srcs": [{"path": "io/streams.wit", "short_path": "io/streams.wit"}],
            "deps": [], "known": {},
        });
        case.sandbox.write("request.json", request.to_string());
    };
    let words = ["wit", "library", "--request=request.json", "--out=out"];
    Scenario { lay: Box::new(lay), out: Some("out"), ..scenario("wit library", &words) }
}

fn wit_folder(case: &Case) {
    case.sandbox.write("w/types.wit", HTTP);
}

pub fn wit_inspect() -> Scenario {
    Scenario { lay: Box::new(wit_folder), ..scenario("wit inspect", &["wit", "inspect", "w"]) }
}

pub fn emit_wit() -> Scenario {
    let words = [
        "emit",
        "wit",
        "--package=a:http@1.0.0",
        "--rules=@rules//wit:defs.bzl",
        "--dep=a:io@1.0.0=//io",
        "w",
    ];
    Scenario { lay: Box::new(wit_folder), ..scenario("emit wit", &words) }
}

pub fn emit_tool() -> Scenario {
    let words = [
        "emit",
        "tool",
        "--tool=tool",
        "--version=1",
        "--platform=linux_amd64",
        "--rules=@rules//bazel:toolchain.bzl",
        "--executable=tool",
        ".",
    ];
    let lay = |case: &Case| drop(case.sandbox.write("tool/bin/tool", "x"));
    Scenario { lay: Box::new(lay), ..scenario("emit tool", &words) }
}

/// Copies the chart.
fn chart(case: &Case) {
    for (name, content) in crate::sandbox::tree(CHART.as_ref()) {
        case.sandbox.write(&format!("chart/{name}"), content);
    }
}

const LIST: [&str; 6] =
    ["mirror", "list", "--registry=r.example", "--chart=chart", "-o", "mirror.yaml"];

pub fn mirror_list_new() -> Scenario {
    Scenario { lay: Box::new(chart), ..scenario("mirror list into a new file", &LIST) }
}

pub fn mirror_list_more() -> Scenario {
    let lay = |case: &Case| {
        chart(case);
        let old = "# mine\nimages:\n  - source: r.other/x:1\n    destination: r.example/x:1\n";
        case.sandbox.write("mirror.yaml", old);
    };
    Scenario { lay: Box::new(lay), ..scenario("mirror list into a file", &LIST) }
}

fn chart_and_list(case: &Case) {
    chart(case);
    fs::create_dir(case.sandbox.path("tmp")).ok();
    case.command(&[], &LIST.map(str::to_owned)).succeeds();
}

pub fn mirror_values() -> Scenario {
    let words = ["mirror", "values", "--chart=chart"];
    Scenario { lay: Box::new(chart_and_list), ..scenario("mirror values", &words) }
}

pub fn mirror_kustomize() -> Scenario {
    let lay = |case: &Case| {
        let pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: r.other/x:1\n";
        case.sandbox.write("manifests/pod.yaml", pod);
        let list = "images:\n  - source: r.other/x:1\n    destination: r.example/x:1\n";
        case.sandbox.write("mirror.yaml", list);
    };
    let words = ["mirror", "kustomize", "manifests"];
    Scenario { lay: Box::new(lay), ..scenario("mirror kustomize", &words) }
}

/// Writes a list of images to copy to the target registry.
pub fn images(case: &Case, file: &str, which: &[usize]) {
    let (from, to) = (World::get().host(), case.target());
    let line = |nth: &usize| {
        format!("  - source: {from}/images/i{nth}:1\n    destination: {to}/i{nth}:1\n")
    };
    let lines: String = which.iter().map(line).collect();
    case.sandbox.write(file, format!("images:\n{lines}"));
}

fn two_images(case: &Case) {
    images(case, "mirror.yaml", &[0, 1]);
}

pub fn mirror_lock() -> Scenario {
    let words = ["mirror", "lock", "--jobs=1"];
    Scenario { lay: Box::new(two_images), ..scenario("mirror lock", &words) }
}

pub fn copy_to_folder() -> Scenario {
    let words = ["mirror", "copy", "--jobs=1", "--to=images"];
    Scenario { lay: Box::new(two_images), ..scenario("mirror copy to a folder", &words) }
}

pub fn copy_to_tar() -> Scenario {
    let words = ["mirror", "copy", "--jobs=1", "--to=images.tar"];
    Scenario { lay: Box::new(two_images), ..scenario("mirror copy to a tar", &words) }
}

/// Copies the two images into a folder.
fn layout(case: &Case) {
    two_images(case);
    fs::create_dir(case.sandbox.path("tmp")).ok();
    case.command(&[], &copy_to_folder().words).succeeds();
}

pub fn copy_folder_to_tar() -> Scenario {
    let words = ["mirror", "copy", "--jobs=1", "--from=images", "--to=images.tar"];
    Scenario { lay: Box::new(layout), ..scenario("mirror copy from a folder to a tar", &words) }
}

pub fn copy_folder_to_registry() -> Scenario {
    let words = ["mirror", "copy", "--jobs=1", "--from=images"];
    Scenario {
        lay: Box::new(layout),
        target: true,
        ..scenario("mirror copy from a folder to a registry", &words)
    }
}

pub fn verify() -> Scenario {
    let lay = |case: &Case| {
        let all = vendor_all();
        (all.lay)(case);
        fs::create_dir(case.sandbox.path("tmp")).ok();
        case.command(&[], &all.words).succeeds();
    };
    Scenario { lay: Box::new(lay), ..scenario("verify", &["verify", "vendor"]) }
}

/// Writes a vendor folder and an image layout.
fn bundled_folders(case: &Case) {
    let large = bundles::noise(5, 150_000);
    let tools: [(&str, &[u8]); 3] = [("a", b"tool a"), ("copy", b"tool a"), ("large", &large)];
    bundles::vendor(&case.sandbox, "v", &tools);
    bundles::layout(&case.sandbox, "v/images", &[("r.example/x:1", b"layer")]);
}

/// Writes an older state of the vendor folder.
fn older_folders(case: &Case) {
    bundles::vendor(&case.sandbox, "old", &[("a", b"older tool a"), ("gone", b"gone")]);
    bundles::layout(&case.sandbox, "old/images", &[("r.example/x:1", b"older layer")]);
}

/// Runs commands that prepare a scenario.
fn prepare(case: &Case, commands: &[&[&str]]) {
    fs::create_dir_all(case.sandbox.path("tmp")).unwrap();
    for words in commands {
        let words: Vec<_> = words.iter().map(|&word| word.to_owned()).collect();
        case.command(&[], &words).succeeds();
    }
}

pub fn bundle_create() -> Scenario {
    Scenario {
        lay: Box::new(bundled_folders),
        out: Some("b"),
        ..scenario("bundle create", &["bundle", "create", "v", "--output=b"])
    }
}

pub fn bundle_create_split() -> Scenario {
    let words = ["bundle", "create", "v", "--output=b", "--split-size=64KiB"];
    Scenario {
        lay: Box::new(bundled_folders),
        out: Some("b"),
        ..scenario("bundle create --split-size", &words)
    }
}

pub fn bundle_inventory() -> Scenario {
    let words = ["bundle", "inventory", "v", "--output=v.jsonl"];
    Scenario { lay: Box::new(bundled_folders), ..scenario("bundle inventory", &words) }
}

const SPLIT: [&str; 5] = ["bundle", "create", "v", "--output=b", "--split-size=64KiB"];

pub fn bundle_apply() -> Scenario {
    let lay = |case: &Case| {
        bundled_folders(case);
        prepare(case, &[&SPLIT]);
    };
    Scenario {
        lay: Box::new(lay),
        vendor: Some("far"),
        ..scenario("bundle apply", &["bundle", "apply", "b", "--output=far"])
    }
}

pub fn bundle_apply_delta() -> Scenario {
    let lay = |case: &Case| {
        bundled_folders(case);
        older_folders(case);
        prepare(
            case,
            &[
                &["bundle", "create", "old", "--output=base"],
                &["bundle", "apply", "base", "--output=far"],
                &["bundle", "inventory", "far", "--output=far.jsonl"],
                &["bundle", "create", "v", "--output=b", "--since=far.jsonl"],
            ],
        );
    };
    Scenario {
        lay: Box::new(lay),
        vendor: Some("far"),
        ..scenario("bundle apply of a delta", &["bundle", "apply", "b", "--output=far"])
    }
}

pub fn sbom() -> Scenario {
    let words = ["sbom", "v", "--output=v.cdx.json"];
    Scenario { lay: Box::new(bundled_folders), ..scenario("sbom --output", &words) }
}

pub fn prune() -> Scenario {
    let lay = |case: &Case| {
        bundled_folders(case);
        let asset = json!({"url": "https://e.example/a.tar.gz", "sha256": sha256(b"tool a"), "archive": "tar.gz"});
        let tool = json!({
            "tool": "a", "version": "1.0", "executables": ["a"], "assets": {"linux_amd64": asset},
        });
        let request = json!({"schema_version": 1, "tools": [tool]});
        case.sandbox.write("request.json", request.to_string());
    };
    let words = ["prune", "v", "--to=request.json"];
    Scenario { lay: Box::new(lay), vendor: Some("v"), ..scenario("prune", &words) }
}

pub fn import_registries() -> Scenario {
    let words = ["import", "rules_wasm_component", "theirs", "--output=registry"];
    Scenario {
        lay: Box::new(foreign_registries),
        holds: lists_name_files,
        ..scenario("import rules_wasm_component", &words)
    }
}

/// Writes registry files of rules_wasm_component: two tools, two components and a bundle.
fn foreign_registries(case: &Case) {
    let write = |name: &str, value: Value| {
        case.sandbox.write(&format!("theirs/{name}"), value.to_string());
    };
    for tool in ["a", "b"] {
        let file =
            json!({"sha256": sha256(tool.as_bytes()), "url_suffix": format!("{tool}-x.zip")});
        let versions = json!({"1.0.0": {"platforms": {"linux_amd64": file}}});
        let tool_file = json!({"tool_name": tool, "github_repo": "o/r", "versions": versions});
        write(&format!("tools/{tool}.json"), tool_file);
    }
    // One component is before, and one after the list of both in the order of names.
    let mut listed = Vec::new();
    for component in ["c", "z"] {
        let file = format!("{component}.json");
        let digest = format!("sha256:{}", sha256(component.as_bytes()));
        let component_file = json!({
            "component_name": component, "oci_repository": format!("r.example/o/{component}"),
            "versions": {"1.0.0": {"digest": digest}},
        });
        write(&format!("components/{file}"), component_file);
        listed.push(json!({"name": component, "package_file": file}));
    }
    write("components/registry.json", json!({"components": listed}));
    let bundles = json!({"all": {"tools": {"a": "1.0.0", "b": "1.0.0"}}});
    write("toolchain_bundles.json", json!({"bundles": bundles, "default_bundle": "all"}));
}

/// Checks that each file in the lists of an import exists.
fn lists_name_files(case: &Case) -> Result<(), String> {
    for (list, before, after, folder) in [
        ("components/registry.json", "\"file\": \"", "\"", "components/"),
        ("BUILD.bazel", "    \"", "\",\n", ""),
        ("import.MODULE.bazel", "\"//registry:", "\")\n", ""),
    ] {
        let path = case.sandbox.path("registry").join(list);
        let Ok(text) = fs::read_to_string(path) else { continue };
        let names = text.split(before).skip(1).map(|rest| rest.split(after).next().unwrap());
        for name in names {
            let file = format!("registry/{folder}{name}");
            if !case.sandbox.path(&file).is_file() {
                return Err(format!("{list} names `{file}`, which does not exist"));
            }
        }
    }
    Ok(())
}
