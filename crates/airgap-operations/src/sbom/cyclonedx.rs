//! CycloneDX 1.6 as JSON (ECMA-424).

use serde_json::{Value, json};

use airgap_core::digest::Digest;

use super::auditable::Crate;
use super::part::Part;
use super::time::Time;
use crate::bundle::line::FileKind;

/// The reference of the folder, on which all parts depend.
const ROOT: &str = "vendor-folder";

/// Returns the document.
pub(super) fn document(parts: &[Part], identity: &Digest, time: Option<Time>) -> Value {
    let mut metadata = json!({
        "tools": {"components": [{
            "type": "application", "name": "wasm-airgap", "version": env!("CARGO_PKG_VERSION"),
        }]},
        "component": {"type": "application", "bom-ref": ROOT, "name": "vendor folder"},
    });
    if let Some(time) = time {
        metadata["timestamp"] = time.to_string().into();
    }
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", uuid(identity)),
        "version": 1,
        "metadata": metadata,
        "components": parts.iter().map(component).collect::<Vec<_>>(),
        "dependencies": dependencies(parts),
        "compositions": compositions(parts),
    })
}

/// Returns a UUID that is derived from a digest (RFC 9562 section 5.8: version 8).
pub(super) fn uuid(identity: &Digest) -> String {
    let mut digits: Vec<char> = identity.to_string().chars().take(32).collect();
    digits[12] = '8';
    digits[16] = 'a';
    let text = |range: std::ops::Range<usize>| digits[range].iter().collect::<String>();
    [text(0..8), text(8..12), text(12..16), text(16..20), text(20..32)].join("-")
}

fn component(part: &Part) -> Value {
    let (line, about) = (&part.line, &part.about);
    let mut value = json!({
        "type": kind(part),
        "bom-ref": line.path,
        "name": about.name,
        "hashes": [{"alg": "SHA-256", "content": line.sha256}],
        "properties": properties(part),
    });
    if !about.version.is_empty() {
        value["version"] = about.version.as_str().into();
    }
    if !line.purl.is_empty() {
        value["purl"] = line.purl.as_str().into();
    }
    if is_address(&about.url) {
        let hashes = value["hashes"].clone();
        value["externalReferences"] =
            json!([{"type": "distribution", "url": about.url, "hashes": hashes}]);
    }
    if let Some(crates) = part.crates.as_ref().filter(|crates| !crates.list.is_empty()) {
        value["components"] = crates
            .list
            .iter()
            .enumerate()
            .map(|(nth, it)| crate_component(&crate_ref(part, nth), it))
            .collect();
    }
    value
}

fn kind(part: &Part) -> &'static str {
    match part.line.kind {
        _ if part.is_generated() && part.line.kind != FileKind::Image => "file",
        FileKind::Image => "container",
        FileKind::Tool | FileKind::Component => "application",
        FileKind::Wit => "library",
        FileKind::Bazel | FileKind::Manifest => "file",
    }
}

fn properties(part: &Part) -> Vec<Value> {
    let property =
        |name: &str, value: &str| json!({"name": format!("wasm-airgap:{name}"), "value": value});
    let mut properties = vec![
        property("kind", part.line.kind.name()),
        property("path", &part.line.path),
        property("size", &part.line.size.to_string()),
    ];
    if !part.about.platform.is_empty() {
        properties.push(property("platform", &part.about.platform));
    }
    properties
}

/// Returns whether an address can be written as a URL.
pub(super) fn is_address(url: &str) -> bool {
    let is_plain =
        url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
    is_plain && (url.starts_with("https://") || url.starts_with("http://"))
}

fn crate_component(reference: &str, it: &Crate) -> Value {
    let mut value = json!({
        "type": "library", "bom-ref": reference, "name": it.name, "version": it.version,
        "scope": if it.is_build_only { "excluded" } else { "required" },
    });
    if !it.purl.is_empty() {
        value["purl"] = it.purl.as_str().into();
    }
    value
}

/// Returns the reference of a crate. One component may have a crate twice, in two builds.
pub(super) fn crate_ref(part: &Part, nth: usize) -> String {
    let crates = part.crates.as_ref().map(|crates| &crates.list);
    let name =
        crates.map_or(String::new(), |list| format!("{}@{}", list[nth].name, list[nth].version));
    format!("{}#crate-{nth}-{name}", part.line.path)
}

fn dependencies(parts: &[Part]) -> Vec<Value> {
    let paths: Vec<_> = parts.iter().map(|part| part.line.path.as_str()).collect();
    let mut all = vec![json!({"ref": ROOT, "dependsOn": paths})];
    for part in parts {
        let Some(crates) = &part.crates else {
            all.push(json!({"ref": part.line.path}));
            continue;
        };
        let refs = |numbers: &[usize]| -> Vec<String> {
            numbers.iter().map(|&nth| crate_ref(part, nth)).collect()
        };
        all.push(json!({"ref": part.line.path, "dependsOn": refs(&crates.roots)}));
        for (nth, it) in crates.list.iter().enumerate() {
            all.push(json!({"ref": crate_ref(part, nth), "dependsOn": refs(&it.needs)}));
        }
    }
    all
}

/// Returns the statements of completeness: the parts of the folder are all known, those of the
/// archives in it are not. A component with a list of its crates may have code of other languages.
fn compositions(parts: &[Part]) -> Vec<Value> {
    let paths: Vec<_> = parts.iter().map(|part| part.line.path.as_str()).collect();
    let mut all = vec![json!({"aggregate": "complete", "assemblies": [ROOT]})];
    if !paths.is_empty() {
        all.push(json!({"aggregate": "incomplete", "assemblies": paths, "dependencies": paths}));
    }
    all
}
