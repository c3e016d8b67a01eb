//! Components: pulled by digest, by tag and from folders, vendored and pinned.

// Tests create their own folders.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]

#[path = "support/authority.rs"]
mod authority;
#[path = "support/fake_registry.rs"]
mod fake_registry;
#[path = "support/golden.rs"]
mod golden;
#[path = "support/memory_limit.rs"]
mod memory_limit;
#[path = "support/reference_programs.rs"]
mod reference_programs;
#[allow(dead_code, reason = "the tests of the OCI client use more of it")]
#[path = "support/registry.rs"]
mod registry;
#[path = "support/sandbox.rs"]
mod sandbox;
#[path = "support/server.rs"]
mod server;

#[path = "components/all.rs"]
mod all;
#[path = "components/check.rs"]
mod check;
#[path = "components/hostile.rs"]
mod hostile;
#[path = "components/limits.rs"]
mod limits;
#[path = "components/outdated.rs"]
mod outdated;
#[path = "components/pin.rs"]
mod pin;
#[path = "components/pull.rs"]
mod pull;
#[path = "components/real.rs"]
mod real;
#[path = "components/vendor.rs"]
mod vendor;
#[path = "components/wkg.rs"]
mod wkg;

use fake_registry::Fake;
use sandbox::{Run, Sandbox, sha256};
use serde_json::json;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const WASM: &str = "application/wasm";

/// A pushed component.
struct Pushed {
    /// The SHA-256 of the file.
    content: String,
    /// The SHA-256 of the manifest.
    manifest: String,
}

/// Returns the bytes of a section.
fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &size(content.len()), content].concat()
}

fn size(mut size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while size > 0x7f {
        bytes.push(size as u8 | 0x80);
        size >>= 7;
    }
    bytes.push(size as u8);
    bytes
}

/// Returns a component with a core module, this many bytes that do not compress, and exports of
/// these interfaces.
fn exporting(names: &[&str], more: usize) -> Vec<u8> {
    let mut state = 1u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    let custom: Vec<u8> = [1, b'x'].into_iter().chain(noise.take(more)).collect();
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    bytes.extend(section(1, b"\0asm\x01\0\0\0"));
    bytes.extend(section(0, &custom));
    let mut exports = size(names.len());
    for name in names {
        exports.push(0);
        exports.extend(size(name.len()));
        exports.extend(name.as_bytes());
        exports.extend([5, 0, 0]);
    }
    bytes.extend(section(11, &exports));
    bytes
}

/// Returns a component that differs from others by its name.
fn component(name: &str) -> Vec<u8> {
    exporting(&[&format!("my-org:{name}/api@1.0.0")], 100)
}

/// Returns the manifest of an artifact with this layer.
fn manifest(bytes: &[u8], kind: &str) -> serde_json::Value {
    json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.wasm.config.v0+json", "size": 2,
                   "digest": format!("sha256:{}", sha256(b"{}"))},
        "layers": [{"mediaType": kind, "size": bytes.len(),
                    "digest": format!("sha256:{}", sha256(bytes))}],
    })
}

/// Pushes a component as wkg does.
fn push(fake: &Fake, repository: &str, tag: &str, bytes: &[u8]) -> Pushed {
    push_as(fake, repository, tag, bytes, &manifest(bytes, WASM))
}

fn push_as(
    fake: &Fake,
    repository: &str,
    tag: &str,
    bytes: &[u8],
    manifest: &serde_json::Value,
) -> Pushed {
    let mut store = fake.store();
    store.add_blob(repository, b"{}");
    let content = store.add_blob(repository, bytes).to_string();
    let manifest = store.add_manifest(repository, tag, MANIFEST, &manifest.to_string()).to_string();
    Pushed { content, manifest }
}

/// Returns the program with a settings file that knows no registry.
fn run(sandbox: &Sandbox, words: &[&str]) -> Run {
    sandbox.run(words).env("BAZEL_WASM_RETRY_SECONDS", "0")
}

fn bytes(sandbox: &Sandbox, path: &str) -> Vec<u8> {
    std::fs::read(sandbox.path(path)).unwrap()
}
