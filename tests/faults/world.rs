//! The servers for all runs: they answer correctly, and no run changes their content.

use std::sync::OnceLock;

use airgap_oci::media_type;
use serde_json::{Value, json};

use crate::archives::{Tar, Zip};
use crate::fake_registry::{Door, Fake};
use crate::images::{Images, some_bytes};
use crate::sandbox::sha256;
use crate::server::{Reply, Server};

/// The text of a WIT package without dependencies.
pub const IO: &str = "package a:io@1.0.0;\n\ninterface streams {\n  type token = u32;\n}\n";

/// The text of a WIT package that needs the other.
pub const HTTP: &str = "package a:http@1.0.0;\n\ninterface types {\n  \
                        use a:io/streams@1.0.0.{token};\n\n  get: func() -> token;\n}\n";

/// The number of tools, components and images for the tests with many processes.
pub const MANY: usize = 16;

/// A registry and a server with release files.
pub struct World {
    upstream: Server,
    registry: Fake,
}

/// The digests of a component.
pub struct Digests {
    pub content: String,
    pub manifest: String,
}

impl World {
    /// Returns the servers of this test program.
    pub fn get() -> &'static World {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(World::new)
    }

    fn new() -> World {
        let upstream = Server::start(|request| match file(request.path.trim_start_matches('/')) {
            Some(bytes) => Reply::file(request, &bytes, "\"1\""),
            None => Reply::new("404 Not Found", ""),
        });
        let registry = Fake::new(Door::Open);
        for nth in 0..MANY {
            push(&registry, &format!("my-org/c{nth}"), &component(nth));
            fill(&registry, &format!("images/i{nth}"), &image(nth));
        }
        push(&registry, "packages/my/io", &package());
        World { upstream, registry }
    }

    /// Returns the address of a release file.
    pub fn url(&self, name: &str) -> String {
        self.upstream.url(&format!("/{name}"))
    }

    /// Returns the registry's host and port.
    pub fn host(&self) -> String {
        self.registry.host()
    }
}

/// Returns a release file: the archive of a tool, or of a WIT package.
pub fn file(name: &str) -> Option<Vec<u8>> {
    let wit = |text: &str| {
        let stub = "package stub:stub;\n";
        let tar = Tar::new().folder("top/").file("top/wit/types.wit", text);
        Some(tar.file("top/wit/deps/stub/stub.wit", stub).file("top/README.md", "not WIT\n").gz())
    };
    match name {
        "a-io-1.0.0.tar.gz" => wit(IO),
        "a-http-1.0.0.tar.gz" => wit(HTTP),
        "tool.zip" => Some(zip()),
        name => {
            let nth = name.strip_prefix("tool-1.")?.strip_suffix(".0-x86_64-linux.tar.gz")?;
            Some(tool(nth.parse().ok()?))
        }
    }
}

/// Returns the name of a release file of a tool.
pub fn tool_name(nth: usize) -> String {
    format!("tool-1.{nth}.0-x86_64-linux.tar.gz")
}

/// Returns the archive of a tool in one of its versions.
pub fn tool(nth: usize) -> Vec<u8> {
    Tar::new()
        .folder("tool-1.0/")
        .folder("tool-1.0/bin/")
        .executable("tool-1.0/bin/tool", "#!/bin/sh\n")
        .symlink("tool-1.0/bin/link", "tool")
        .hard_link("tool-1.0/bin/same", "tool-1.0/bin/tool")
        .folder("tool-1.0/doc/")
        .file("tool-1.0/doc/BUILD", "not for Bazel\n")
        .file("tool-1.0/doc/BUILD.bazel", "nor this\n")
        .file("tool-1.0/data", some_bytes(nth as u32 + 1, 100_000))
        .gz()
}

/// Returns a zip with such an archive's content.
pub fn zip() -> Vec<u8> {
    Zip::new()
        .with("tool-1.0/bin/tool", 0o100_755, "#!/bin/sh\n", |_| {})
        .file("tool-1.0/doc/BUILD", "not for Bazel\n")
        .file("tool-1.0/data", some_bytes(99, 100_000))
        .bytes()
}

/// Returns a component with a custom section that does not compress.
pub fn component(nth: usize) -> Vec<u8> {
    let noise: Vec<u8> = [1, b'x'].into_iter().chain(some_bytes(nth as u32 + 1, 100)).collect();
    [b"\0asm\x0d\0\x01\0".as_slice(), &[0, noise.len() as u8], &noise].concat()
}

/// Returns the WIT package `my:io@1.0.0` in the binary format.
pub fn package() -> Vec<u8> {
    let mut resolve = wit_parser::Resolve::default();
    let text = "package my:io@1.0.0;\n\ninterface i {\n  f: func();\n}\n";
    let id = resolve.push_str("io.wit", text).unwrap();
    wit_component::encode(&resolve, id, false).unwrap()
}

/// Returns an image of two platforms, with a referrer.
fn image(nth: usize) -> Images {
    let (mut images, index) = Images::two_platforms("1", 10 * nth as u32 + 1, 3000);
    images.signed(&index, &format!("the signature of {nth}"));
    images.attached(&index, &format!("what is in {nth}"));
    images
}

/// Returns the manifest of an artifact with one layer.
fn manifest(bytes: &[u8]) -> Value {
    json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST,
        "config": {"mediaType": "application/vnd.wasm.config.v0+json", "size": 2,
                   "digest": format!("sha256:{}", sha256(b"{}"))},
        "layers": [{"mediaType": "application/wasm", "size": bytes.len(),
                    "digest": format!("sha256:{}", sha256(bytes))}],
    })
}

/// Returns the digests by which a component or package of the registry can be pinned.
pub fn digests(bytes: &[u8]) -> Digests {
    let manifest = sha256(manifest(bytes).to_string().as_bytes());
    Digests { content: sha256(bytes), manifest }
}

fn push(registry: &Fake, repository: &str, bytes: &[u8]) {
    let mut store = registry.store();
    store.add_blob(repository, b"{}");
    store.add_blob(repository, bytes);
    let json = manifest(bytes).to_string();
    for tag in ["v1.0.0", "1.0.0"] {
        store.add_manifest(repository, tag, media_type::MANIFEST, &json);
    }
}

fn fill(registry: &Fake, repository: &str, images: &Images) {
    let mut store = registry.store();
    store.referrers = true;
    for bytes in images.blobs.values() {
        store.add_blob(repository, bytes);
    }
    for (digest, kind, bytes) in &images.manifests {
        let json = std::str::from_utf8(bytes).unwrap();
        store.add_manifest(repository, &format!("sha256:{digest}"), kind, json);
        for (tag, _) in images.tags.iter().filter(|(_, it)| *it == digest) {
            store.add_manifest(repository, tag, kind, json);
        }
    }
}
