//! SPDX 2.3 as JSON (ISO/IEC 5962 in its later version 2.3).

use serde_json::{Value, json};

use airgap_core::digest::Digest;

use super::auditable::Crate;
use super::cyclonedx::{is_address, uuid};
use super::part::Part;
use super::time::Time;

/// The identifiers of the document and of the folder.
const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const ROOT: &str = "SPDXRef-vendor-folder";

/// The value of an unknown field.
const UNKNOWN: &str = "NOASSERTION";

/// Returns the document.
pub(super) fn document(parts: &[Part], identity: &Digest, time: Option<Time>) -> Value {
    let mut packages = vec![package(ROOT, "vendor folder", "")];
    let mut relationships = vec![relationship(DOCUMENT, "DESCRIBES", ROOT)];
    for (nth, part) in parts.iter().enumerate() {
        let id = format!("SPDXRef-part-{nth}");
        packages.push(of_part(&id, part));
        relationships.push(relationship(ROOT, "CONTAINS", &id));
        add_crates(&id, part, &mut packages, &mut relationships);
    }
    json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": "vendor folder",
        "documentNamespace": format!("https://spdx.org/spdxdocs/vendor-folder-{}", uuid(identity)),
        "creationInfo": {
            "created": time.unwrap_or_default().to_string(),
            "creators": [format!("Tool: wasm-airgap-{}", env!("CARGO_PKG_VERSION"))],
        },
        "packages": packages,
        "relationships": relationships,
    })
}

fn package(id: &str, name: &str, version: &str) -> Value {
    let mut value = json!({
        "SPDXID": id,
        "name": name,
        "downloadLocation": UNKNOWN,
        "filesAnalyzed": false,
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": UNKNOWN,
        "copyrightText": UNKNOWN,
    });
    if !version.is_empty() {
        value["versionInfo"] = version.into();
    }
    value
}

fn of_part(id: &str, part: &Part) -> Value {
    let (line, about) = (&part.line, &part.about);
    let mut value = package(id, &about.name, &about.version);
    value["packageFileName"] = line.path.as_str().into();
    value["checksums"] = json!([{"algorithm": "SHA256", "checksumValue": line.sha256}]);
    if is_address(&about.url) {
        value["downloadLocation"] = about.url.as_str().into();
    }
    name_by_purl(&mut value, &line.purl);
    value
}

fn name_by_purl(package: &mut Value, purl: &str) {
    if !purl.is_empty() {
        package["externalRefs"] = json!([{
            "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
            "referenceLocator": purl,
        }]);
    }
}

/// Adds the crates of a component.
fn add_crates(id: &str, part: &Part, packages: &mut Vec<Value>, relationships: &mut Vec<Value>) {
    let Some(crates) = &part.crates else { return };
    let crate_id = |nth: usize| format!("{id}-crate-{nth}");
    for (nth, it) in crates.list.iter().enumerate() {
        packages.push(of_crate(&crate_id(nth), it));
        relationships.push(relationship(id, "CONTAINS", &crate_id(nth)));
        for &need in &it.needs {
            relationships.push(relationship(&crate_id(nth), "DEPENDS_ON", &crate_id(need)));
        }
    }
}

fn of_crate(id: &str, it: &Crate) -> Value {
    let mut value = package(id, &it.name, &it.version);
    name_by_purl(&mut value, &it.purl);
    value
}

fn relationship(from: &str, kind: &str, to: &str) -> Value {
    json!({"spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to})
}
