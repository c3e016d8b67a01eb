//! Images as in a registry: platforms, indexes, signatures and referrers.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

#[path = "bytes.rs"]
mod bytes;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use airgap_core::digest::Digest;
use airgap_oci::media_type;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

pub use bytes::some_bytes;

/// The media type of a layer.
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The media type of the content that cosign signs.
const SIGNATURE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// The media type of a configuration.
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// The content of one repository.
#[derive(Clone, Default)]
pub struct Images {
    pub blobs: BTreeMap<Digest, Vec<u8>>,
    /// Digests, media types and bytes, in an order in which a registry accepts them.
    pub manifests: Vec<(Digest, String, Vec<u8>)>,
    pub tags: BTreeMap<String, Digest>,
}

/// Returns a valid layer: the tar of one file that does not compress.
pub fn layer(seed: u32, size: usize) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(size as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, format!("bin/{seed}"), &*some_bytes(seed, size)).unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

/// Returns the digest of the uncompressed content of a layer (OCI image-spec, DiffID).
fn diff_id(layer: &[u8]) -> String {
    let mut bytes = Vec::new();
    let unpacked = GzDecoder::new(layer).read_to_end(&mut bytes);
    let bytes = if unpacked.is_ok() { &*bytes } else { layer };
    format!("sha256:{}", Digest::compute(bytes))
}

impl Images {
    fn blob(&mut self, kind: &str, bytes: &[u8]) -> Value {
        let digest = Digest::compute(bytes);
        self.blobs.insert(digest, bytes.to_vec());
        json!({"mediaType": kind, "digest": format!("sha256:{digest}"), "size": bytes.len()})
    }

    fn manifest(&mut self, kind: &str, manifest: &Value) -> Value {
        let bytes = manifest.to_string().into_bytes();
        let (digest, size) = (Digest::compute(&bytes), bytes.len());
        self.manifests.push((digest, kind.to_owned(), bytes));
        json!({"mediaType": kind, "digest": format!("sha256:{digest}"), "size": size})
    }

    /// Adds an image for a platform with these layers; returns its descriptor.
    pub fn image(&mut self, platform: &str, layers: &[&[u8]]) -> Value {
        self.image_of(platform, LAYER, layers)
    }

    fn image_of(&mut self, platform: &str, kind: &str, layers: &[&[u8]]) -> Value {
        let (os, architecture) = platform.split_once('/').unwrap();
        let diffs: Vec<_> = layers.iter().map(|it| diff_id(it)).collect();
        let config = json!({
            "os": os, "architecture": architecture, "config": {},
            "rootfs": {"type": "layers", "diff_ids": diffs},
        });
        let config = self.blob(CONFIG, config.to_string().as_bytes());
        let layers: Vec<_> = layers.iter().map(|layer| self.blob(kind, layer)).collect();
        let mut descriptor = self.manifest(
            media_type::MANIFEST,
            &json!({
                "schemaVersion": 2, "mediaType": media_type::MANIFEST,
                "config": config, "layers": layers,
            }),
        );
        descriptor["platform"] = json!({"os": os, "architecture": architecture});
        descriptor
    }

    /// Adds an index of these manifests; returns its descriptor.
    pub fn index(&mut self, manifests: &[Value]) -> Value {
        let index = json!({
            "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": manifests,
        });
        self.manifest(media_type::INDEX, &index)
    }

    /// Adds a referrer of this subject.
    pub fn attached(&mut self, subject: &Value, text: &str) -> Value {
        let config = self.blob("application/vnd.oci.empty.v1+json", b"{}");
        let layer = self.blob("text/plain", text.as_bytes());
        let mut subject = subject.clone();
        subject.as_object_mut().unwrap().remove("platform");
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type::MANIFEST,
            "artifactType": "application/vnd.test.sbom", "config": config, "layers": [layer],
            "subject": subject,
        });
        let mut descriptor = self.manifest(media_type::MANIFEST, &manifest);
        descriptor["artifactType"] = "application/vnd.test.sbom".into();
        descriptor
    }

    /// Adds a signature under a tag, as cosign stores it.
    pub fn signed(&mut self, subject: &Value, text: &str) -> String {
        let signature = self.image_of("linux/amd64", SIGNATURE, &[text.as_bytes()]);
        let tag = format!("{}.sig", digest(subject).replace(':', "-"));
        self.tag(&tag, &signature);
        tag
    }

    /// Adds a tag for a descriptor.
    pub fn tag(&mut self, tag: &str, descriptor: &Value) {
        self.tags.insert(tag.to_owned(), digest(descriptor)[7..].parse().unwrap());
    }

    /// Returns an index of two platforms that have a layer in common.
    pub fn two_platforms(tag: &str, seed: u32, size: usize) -> (Images, Value) {
        let mut images = Images::default();
        let common = some_bytes(seed, size);
        let mut of = |platform: &str, seed: u32| {
            let own = some_bytes(seed, size);
            images.image(platform, &[&common, &own])
        };
        let all = [of("linux/amd64", seed + 1), of("linux/arm64", seed + 2)];
        let index = images.index(&all);
        images.tag(tag, &index);
        (images, index)
    }

    /// Returns the size of all blobs together, in bytes.
    pub fn size(&self) -> u64 {
        self.blobs.values().map(|it| it.len() as u64).sum()
    }

    /// Writes the images as a layout.
    pub fn write(&self, folder: &Path) {
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs).unwrap();
        let manifests = self.manifests.iter().map(|(digest, _, bytes)| (digest, bytes));
        for (digest, bytes) in self.blobs.iter().chain(manifests) {
            fs::write(blobs.join(digest.to_string()), bytes).unwrap();
        }
        let entry = |(digest, kind, bytes): &(Digest, String, Vec<u8>)| {
            let name = self.tags.iter().find(|(_, it)| *it == digest).map(|(tag, _)| tag);
            let mut entry = json!({
                "mediaType": kind, "digest": format!("sha256:{digest}"), "size": bytes.len(),
            });
            if let Some(name) = name {
                entry["annotations"] = json!({"org.opencontainers.image.ref.name": name});
            }
            entry
        };
        let index = json!({
            "schemaVersion": 2, "manifests": self.manifests.iter().map(entry).collect::<Vec<_>>(),
        });
        fs::write(folder.join("index.json"), index.to_string()).unwrap();
        fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    }
}

/// Returns the digest in a descriptor, with its algorithm.
pub fn digest(descriptor: &Value) -> &str {
    descriptor["digest"].as_str().unwrap()
}
