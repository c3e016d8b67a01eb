//! `sbom`: lists for scanners.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::Command;

use serde_json::{Value, json};

use crate::bundles::{layout, vendor};
use crate::sandbox::{Sandbox, sha256};

/// The crates of an invented component, as cargo-auditable lists them.
const CRATES: &str = r#"{"packages": [
    {"name": "app", "version": "0.1.0", "source": "local", "dependencies": [1, 2], "root": true},
    {"name": "cc", "version": "1.2.3", "source": "crates.io", "kind": "build"},
    {"name": "log", "version": "0.4.22", "source": "crates.io"}]}"#;

/// Returns a component with a core module in it, which has a list of crates.
fn component(crates: &[u8]) -> Vec<u8> {
    let section = |kind: u8, content: &[u8]| {
        let mut size = content.len();
        let mut bytes = vec![kind];
        loop {
            let more = if size >= 0x80 { 0x80 } else { 0 };
            bytes.push((size & 0x7f) as u8 | more);
            size >>= 7;
            if more == 0 {
                break;
            }
        }
        bytes.extend(content);
        bytes
    };
    let list = section(0, &[b"\x07.dep-v0", crates].concat());
    let module = [b"\0asm\x01\0\0\0".as_slice(), &list].concat();
    [b"\0asm\x0d\0\x01\0".as_slice(), &section(1, &module)].concat()
}

fn packed(text: &str) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap()
}

/// Writes a vendor folder with a tool, a component, a generated file and an image.
fn folder(component: &[u8]) -> Sandbox {
    let sandbox = Sandbox::new();
    vendor(&sandbox, "v", &[("a", b"tool a")]);
    layout(&sandbox, "v/images", &[("docker.io/library/nats:2.11", b"layer")]);
    let mut manifest: Value = serde_json::from_str(&sandbox.read("v/manifest.json")).unwrap();
    let mut add = |path: &str, content: &[u8], url: &str| {
        sandbox.write(&format!("v/{path}"), content);
        let name = path.rsplit('/').next().unwrap().trim_end_matches(".wasm");
        manifest["files"].as_array_mut().unwrap().push(json!({
            "kind": "component", "name": name, "version": "1.0.0", "path": path,
            "size": content.len(), "sha256": sha256(content), "url": url,
        }));
    };
    let digest = sha256(b"manifest");
    add("components/app.wasm", component, &format!("ghcr.io/org/app:1.0.0@sha256:{digest}"));
    add("components/BUILD.bazel", b"# wasm-airgap", "");
    sandbox.write("v/manifest.json", manifest.to_string());
    sandbox
}

fn document(sandbox: &Sandbox, format: &str) -> Value {
    let words = ["sbom", "v", "--format", format];
    let printed = sandbox.run(&words).succeeds();
    let again = sandbox.run(&words).succeeds();
    assert_eq!(printed.stdout, again.stdout);
    printed.json()
}

#[test]
fn an_sbom_lists_the_files_of_the_manifest() {
    let sandbox = folder(&component(&packed(CRATES)));
    let manifest: Value = serde_json::from_str(&sandbox.read("v/manifest.json")).unwrap();
    let listed: BTreeSet<_> = manifest["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (it["path"].as_str().unwrap().to_owned(), it["sha256"].as_str().unwrap().to_owned())
        })
        .collect();
    let cyclonedx = document(&sandbox, "cyclonedx");
    let components = cyclonedx["components"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (images, files): (Vec<_>, Vec<_>) =
        components.iter().partition(|it| it["type"] == "container");
    let found: BTreeSet<_> =
        files.iter().map(|it| (text(&it["bom-ref"]), text(&it["hashes"][0]["content"]))).collect();
    assert_eq!(found, listed);
    assert_eq!(images.len(), 1);
    assert_eq!(images[0]["name"], "docker.io/library/nats");
    assert!(text(&images[0]["purl"]).starts_with("pkg:oci/nats@sha256:"), "{}", images[0]);
    let tool = components.iter().find(|it| it["name"] == "a").unwrap();
    assert_eq!(tool["externalReferences"][0]["type"], "distribution");
    assert!(cyclonedx["metadata"].get("timestamp").is_none());

    let spdx = document(&sandbox, "spdx");
    let packages = spdx["packages"].as_array().unwrap();
    let files = packages.iter().filter(|it| it["packageFileName"].is_string());
    let found: BTreeSet<_> = files
        .map(|it| (text(&it["packageFileName"]), text(&it["checksums"][0]["checksumValue"])))
        .filter(|(path, _)| !path.starts_with("images/"))
        .collect();
    assert_eq!(found, listed);
}

#[test]
fn crates_are_nested_with_their_dependencies() {
    let sandbox = folder(&component(&packed(CRATES)));
    let document = document(&sandbox, "cyclonedx");
    let components = document["components"].as_array().unwrap();
    let app = components.iter().find(|it| it["name"] == "app").unwrap();
    let crates = app["components"].as_array().unwrap();
    let purls: Vec<_> = crates.iter().map(|it| it["purl"].as_str().unwrap_or("none")).collect();
    assert_eq!(purls, ["none", "pkg:cargo/cc@1.2.3", "pkg:cargo/log@0.4.22"]);
    let dependencies: BTreeMap<_, _> = document["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["ref"].as_str().unwrap(), it["dependsOn"].as_array()))
        .collect();
    let root = crates[0]["bom-ref"].as_str().unwrap();
    assert_eq!(dependencies["components/app.wasm"].unwrap(), &[root]);
    assert_eq!(dependencies[root].unwrap().len(), 2);
    // Every reference is that of a component.
    let refs: BTreeSet<_> = components
        .iter()
        .chain(crates)
        .map(|it| it["bom-ref"].as_str().unwrap())
        .chain(["vendor-folder"])
        .collect();
    assert_eq!(dependencies.keys().copied().collect::<BTreeSet<_>>(), refs);
    assert_eq!(document["compositions"][1]["aggregate"], "incomplete");
}

#[test]
fn content_sets_the_serial_number_and_source_date_epoch_the_time() {
    let (one, other) =
        (folder(&component(&packed(CRATES))), folder(&component(&packed("{\"packages\": []}"))));
    let serial = |sandbox: &Sandbox| document(sandbox, "cyclonedx")["serialNumber"].clone();
    assert_eq!(serial(&one), serial(&folder(&component(&packed(CRATES)))));
    assert_ne!(serial(&one), serial(&other));
    let run = |format: &str, time: &str| {
        one.run(&["sbom", "v", "--format", format]).env("SOURCE_DATE_EPOCH", time)
    };
    let time = "2026-01-01T00:00:00Z";
    assert_eq!(run("cyclonedx", "1767225600").succeeds().json()["metadata"]["timestamp"], time);
    assert_eq!(run("spdx", "1767225600").succeeds().json()["creationInfo"]["created"], time);
    run("spdx", "yesterday").ends_with(2).says(&["SOURCE_DATE_EPOCH", "yesterday"]);
}

#[test]
fn hostile_lists_of_crates_end_the_run() {
    let bomb = packed(&" ".repeat(10 << 20));
    for wrong in [b"no zlib".to_vec(), packed("[1"), bomb, vec![0; 2 << 20]] {
        let sandbox = folder(&component(&wrong));
        let printed = sandbox.run(&["sbom", "v"]).ends_with(4);
        printed.says(&["the list of crates", "app.wasm"]);
    }
    let sandbox = folder(&component(&packed(CRATES)));
    sandbox.write("v/components/app.wasm", "other");
    sandbox.run(&["sbom", "v"]).ends_with(4).says(&["are not the pinned ones"]);
    sandbox.write("v/toolchains/extra", "");
    sandbox.run(&["sbom", "v"]).ends_with(4).says(&["does not list"]);
    sandbox.run(&["sbom", "nothing"]).ends_with(2);
}

#[test]
fn a_bundle_has_an_sbom() {
    let sandbox = folder(&component(&packed(CRATES)));
    sandbox.run(&["bundle", "create", "v", "--output=b"]).succeeds();
    assert_eq!(sandbox.read("b/sbom.cdx.json"), sandbox.run(&["sbom", "v"]).succeeds().stdout);
}

#[test]
#[ignore = "needs Python packages: scripts/test runs it"]
fn the_projects_of_both_formats_accept_them() {
    let sandbox = folder(&component(&packed(CRATES)));
    sandbox.run(&["sbom", "v", "-o", "one.json"]).succeeds();
    sandbox.run(&["sbom", "v", "--format=spdx", "-o", "two.json"]).succeeds();
    vendor(&sandbox, "empty", &[]);
    sandbox.run(&["sbom", "empty", "-o", "three.json"]).succeeds();
    sandbox.run(&["sbom", "empty", "--format=spdx", "-o", "four.json"]).succeeds();
    assert!(sandbox.read("one.json").contains("\"specVersion\": \"1.6\""));
    let check = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/sbom-check");
    let run = |files: &[&str]| {
        Command::new(check).args(files).current_dir(sandbox.root()).output().unwrap()
    };
    let output = run(&["one.json", "two.json", "three.json", "four.json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The witness finds what is wrong.
    let wrong = sandbox.read("one.json").replace("\"application\"", "\"applications\"");
    sandbox.write("wrong.json", wrong);
    assert!(!run(&["wrong.json"]).status.success());
}
