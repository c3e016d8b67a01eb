//! Files that this program or its rules write and read: locks, manifests, registries and requests.

use std::fs;

use airgap_config::policy::Policy;
use airgap_core::environment::Environment;
use airgap_core::listing::FixedListing;
use airgap_core::path_component::is_path;
use airgap_vendor::catalog::{ComponentCatalog, Tool, WitCatalog};
use airgap_vendor::manifest::Manifest;
use airgap_vendor::plan::resolve;
use airgap_vendor::request::{Platforms, Request};
use airgap_wit::Lock;
use serde_json::Value;

use crate::{accepted, same_twice, text};

/// Parses `wit.lock`, and wkg's `wkg.lock`.
pub fn wit_lock(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let Some(lock) = same_twice(|| Lock::parse(text, "wit.lock"), Lock::text) else { return };
    let written = lock.text();
    match Lock::parse(&written, "wit.lock") {
        Ok(again) => {
            assert_eq!(again.text(), written, "a lock changes when it is written again");
            assert!(lock.differences(&again).is_empty(), "{:?}", lock.differences(&again));
        }
        Err(error) => panic!("the lock\n{written}\ncannot be read again: {error}"),
    }
}

/// Parses the manifest of a vendor folder.
pub fn vendor_manifest(input: &[u8]) {
    let sandbox = tempfile::tempdir().expect("create a sandbox");
    let root = sandbox.path();
    let file = root.join("manifest.json");
    fs::write(&file, input).expect("write the manifest");
    let read = || Manifest::read(root);
    let Some(Some(manifest)) = same_twice(read, |it| format!("{it:?}")) else { return };
    for entry in manifest.entries() {
        assert!(is_path(&entry.path), "the path {:?} may lead out", entry.path);
    }
    let written = serde_json::to_string(&manifest).expect("a manifest can be written");
    fs::write(&file, written).expect("write the manifest");
    let again = Manifest::read(root).expect("the written text parses").expect("it is there");
    assert_eq!(again.entries(), manifest.entries(), "a manifest changes when it is written again");
    for finding in manifest.check(root, 1).iter().flatten().take(50) {
        assert!(!finding.describe().is_empty());
    }
}

/// Parses a checksum registry file of one tool.
pub fn tool_registry(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let Some(tool) = same_twice(|| Tool::parse(text, "tool.json"), |it| format!("{it:?}")) else {
        return;
    };
    if let Some(choice) = accepted(tool.choose(None)) {
        let choice = serde_json::to_value(&choice).expect("a choice can be written");
        let request = serde_json::json!({ "schema_version": 1, "tools": [choice] });
        check_request(&request.to_string());
    }
}

/// Parses a checksum registry file of one component, or the list of all components.
pub fn component_registry(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let read = || {
        let mut catalog = ComponentCatalog::default();
        catalog.add(text, "component.json").map(|()| catalog)
    };
    let Some(catalog) = same_twice(read, |it| format!("{it:?}")) else { return };
    let fields: Value = serde_json::from_str(text).unwrap_or_default();
    let name = fields["component_name"].as_str().unwrap_or_default();
    for version in fields["versions"].as_object().into_iter().flatten() {
        assert!(catalog.component(name, version.0).is_ok(), "{name} {} is not there", version.0);
    }
    accepted(catalog.component("no-such", "1.0"));
}

/// Parses a checksum registry file of one WIT package.
pub fn wit_registry(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let read = || {
        let mut catalog = WitCatalog::default();
        catalog.add(text, "wit.json").map(|()| catalog)
    };
    same_twice(read, |it| format!("{it:?}"));
}

/// Parses a request of a repository rule, and creates its plan.
pub fn request(input: &[u8]) {
    if let Some(text) = text(input) {
        check_request(text);
    }
}

fn check_request(text: &str) {
    let Some(request) = accepted(Request::parse(text, "request.json")) else { return };
    let Some(_) = accepted(airgap_vendor::kinds::component::WantedComponent::of_request(&request))
        .or(Some(Vec::new()))
    else {
        return;
    };
    let wanted = request.artifacts(&Platforms::All);
    for artifact in &wanted.artifacts {
        let path = artifact.path();
        assert!(is_path(&path), "the path in a vendor folder is {path:?}");
    }
    for offline in ["0", "1"] {
        let environment = Environment::from_pairs(&[("BAZEL_WASM_OFFLINE", offline)], "/");
        let policy =
            Policy::from_environment(&environment, "/w".as_ref()).expect("a valid environment");
        let plan = || resolve(&wanted.artifacts, &policy, &FixedListing::default());
        let show = |plan: &_| serde_json::to_string(plan).expect("a plan can be written");
        let Some(plan) = same_twice(plan, show) else { continue };
        if offline == "1" {
            let written = show(&plan);
            let value: Value = serde_json::from_str(&written).expect("a plan is JSON");
            let items = value["items"].as_array().into_iter().flatten();
            for item in items {
                let urls = item["urls"].as_array().is_none_or(Vec::is_empty);
                assert!(urls, "an offline plan has addresses: {item}");
            }
        }
        accepted(plan.check());
    }
}
