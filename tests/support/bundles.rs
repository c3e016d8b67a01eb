//! Vendor folders and image layouts, written without the code under test.

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, sha256};

/// Writes a vendor folder of these tools, each with its content.
pub fn vendor(sandbox: &Sandbox, root: &str, tools: &[(&str, &[u8])]) {
    let mut files = Vec::new();
    for (tool, content) in tools {
        let path = format!("toolchains/{tool}/1.0/linux_amd64/{tool}.tar.gz");
        sandbox.write(&format!("{root}/{path}"), content);
        files.push(json!({
            "kind": "toolchain", "name": tool, "version": "1.0", "platform": "linux_amd64",
            "path": path, "size": content.len(), "sha256": sha256(content),
            "url": format!("https://github.com/Org/{tool}/releases/download/v1.0/{tool}.tar.gz"),
        }));
    }
    files.sort_by_key(|entry| entry["path"].as_str().unwrap().to_owned());
    sandbox.write(&format!("{root}/toolchains/.gitattributes"), "* -text\n");
    let manifest = json!({"schema_version": 1, "files": files});
    let text = serde_json::to_string_pretty(&manifest).unwrap() + "\n";
    sandbox.write(&format!("{root}/manifest.json"), text);
}

/// Writes an image layout of these names, each an image with one layer.
pub fn layout(sandbox: &Sandbox, root: &str, images: &[(&str, &[u8])]) {
    let blob = |content: &[u8]| {
        sandbox.write(&format!("{root}/blobs/sha256/{}", sha256(content)), content);
        json!({"digest": format!("sha256:{}", sha256(content)), "size": content.len()})
    };
    let typed = |kind: &str, mut descriptor: Value| {
        descriptor["mediaType"] = format!("application/vnd.oci.image.{kind}").into();
        descriptor
    };
    let mut manifests = Vec::new();
    for (name, layer) in images {
        let config = typed("config.v1+json", blob(b"{}"));
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": [typed("layer.v1.tar", blob(layer))],
        });
        let mut entry = typed("manifest.v1+json", blob(manifest.to_string().as_bytes()));
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        manifests.push(entry);
    }
    sandbox.write(&format!("{root}/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
    let index = json!({"schemaVersion": 2, "manifests": manifests});
    sandbox.write(&format!("{root}/index.json"), index.to_string());
}

/// Returns bytes that do not repeat, of this length.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
