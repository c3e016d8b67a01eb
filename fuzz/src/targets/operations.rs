//! Files of bundles, lists of crates in components, and the output of strace.

use std::fs;

use airgap_core::digest::Digest;
use airgap_core::path_component::is_path;
use airgap_operations::bundle::{self, Bundle, Inventory};
use airgap_operations::import::Import;
use airgap_operations::network_namespace::trace;
use airgap_operations::sbom::{Format, Sbom};
use airgap_vendor::catalog::{ComponentCatalog, ToolCatalog};
use serde_json::json;

use crate::{accepted, same_twice};

/// Parses the inventory of a bundle.
pub fn inventory(input: &[u8]) {
    let read = || Inventory::parse(input, "inventory.jsonl");
    let Some(inventory) = same_twice(read, |it| format!("{it:?}")) else { return };
    for line in inventory.lines() {
        let path = line.path.strip_suffix(".gitattributes").map(|it| format!("{it}x"));
        assert!(is_path(path.as_ref().unwrap_or(&line.path)), "{:?} may lead out", line.path);
        assert_eq!(inventory.find(&line.path), Some(line), "a line is not found");
    }
    let written = accepted(inventory.text()).expect("an inventory can be written");
    let again = accepted(Inventory::parse(written.as_bytes(), "inventory.jsonl"));
    assert_eq!(again.as_ref(), Some(&inventory), "an inventory changes when it is written again");
}

/// Opens a bundle with an empty inventory and this `bundle.json`, and checks its parts.
pub fn description(input: &[u8]) {
    let sandbox = tempfile::tempdir().expect("create a sandbox");
    let files: [(&str, &[u8]); 5] = [
        ("bundle.json", input),
        ("inventory.jsonl", b""),
        ("sbom.cdx.json", b""),
        ("transfer.tsv", b""),
        ("data.0001.tar", b""),
    ];
    let mut sums = String::new();
    for (name, bytes) in files {
        fs::write(sandbox.path().join(name), bytes).expect("write a file");
        sums += &format!("{}  {name}\n", Digest::compute(bytes));
    }
    fs::write(sandbox.path().join("SHA256SUMS"), sums).expect("write the sums");
    let Some(bundle) = accepted(Bundle::open(sandbox.path())) else { return };
    let _ = (bundle.parts(), bundle.is_delta());
    for path in bundle.removed() {
        let path =
            path.strip_suffix(".gitattributes").map_or(path.to_owned(), |it| format!("{it}x"));
        assert!(is_path(&path), "{path:?} may lead out");
    }
    for finding in accepted(bundle.check_parts(1)).into_iter().flatten() {
        assert!(!finding.describe().is_empty());
    }
    accepted(bundle::difference(sandbox.path(), sandbox.path()));
}

/// Describes a vendor folder with this component.
pub fn crates(input: &[u8]) {
    let sandbox = tempfile::tempdir().expect("create a sandbox");
    let write = |name: &str, bytes: &[u8]| {
        fs::write(sandbox.path().join(name), bytes).expect("write a file");
    };
    let manifest = json!({"schema_version": 1, "files": [{
        "kind": "component", "name": "a", "version": "1", "path": "components/a.wasm",
        "size": input.len(), "sha256": Digest::compute(input), "url": "a.io/a:1",
    }]});
    fs::create_dir(sandbox.path().join("components")).expect("create a folder");
    write("components/a.wasm", input);
    write("manifest.json", manifest.to_string().as_bytes());
    let Some(sbom) = accepted(Sbom::of_folder(sandbox.path())) else { return };
    for format in [Format::Cyclonedx, Format::Spdx] {
        let text = same_twice(|| sbom.text(format, None), String::clone);
        let text = text.expect("an SBOM can be written");
        serde_json::from_str::<serde_json::Value>(&text).expect("an SBOM is JSON");
    }
}

/// Reads the output of strace.
pub fn strace(input: &[u8]) {
    let read = || trace::attempts(input).expect("bytes in memory can be read");
    let attempts = read();
    assert_eq!(attempts, read(), "two runs do not agree");
    for (attempt, times) in &attempts {
        assert!(*times > 0 && attempt.hosts.len() <= 8, "{attempt:?}");
        assert!(attempt.process.chars().count() <= 128, "{attempt:?}");
        let (ip, port) = attempt.address.rsplit_once(':').expect("an address has a port");
        assert!(!ip.is_empty() && port.parse::<u16>().is_ok(), "{attempt:?}");
    }
}

/// Imports this file of rules_wasm_component as that of a tool, of a component, as the list of
/// components, and as the file of bundles.
pub fn import(input: &[u8]) {
    let list = br#"{"components":[{"name":"a","package_file":"a.json"}]}"#;
    let folders: [&[(&str, &[u8])]; 4] = [
        &[("tools/a.json", input)],
        &[("components/registry.json", list), ("components/a.json", input)],
        &[("components/registry.json", input)],
        &[("toolchain_bundles.json", input)],
    ];
    for files in folders {
        let sandbox = tempfile::tempdir().expect("create a sandbox");
        for (name, bytes) in files {
            let path = sandbox.path().join(name);
            fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("create it");
            fs::write(path, bytes).expect("write a file");
        }
        let read = || Import::read(sandbox.path());
        let Some(import) = same_twice(read, |it| format!("{it:?}")) else { continue };
        check_import(&import);
    }
}

fn check_import(import: &Import) {
    for (path, text) in import.files("p") {
        assert!(is_path(&path), "{path:?} may lead out");
        let checked = match path.split_once('/') {
            Some(("tools", _)) => ToolCatalog::default().add(&text, &path),
            Some((_, "registry.json")) | None => Ok(()),
            Some(_) => ComponentCatalog::default().add(&text, &path),
        };
        checked.unwrap_or_else(|error| panic!("{path} cannot be read: {error}\n{text}"));
    }
    let lines = &import.files("p").remove("import.MODULE.bazel").unwrap_or_default();
    let starts = ["#", "wasm = ", "wasm.", "use_repo(", "components = ", "components."];
    for line in lines.lines().filter(|line| !line.is_empty()) {
        assert!(starts.iter().any(|start| line.starts_with(start)), "{line:?} is not a line");
    }
}
