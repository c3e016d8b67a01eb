//! The OCI client against a real registry, compared with oras, skopeo and crane.
//!
//! These tests need the programs; `scripts/test` provides them and runs these tests.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/access.rs"]
mod access;
#[path = "support/authority.rs"]
mod authority;
#[path = "support/bytes.rs"]
mod bytes;
#[path = "support/clock.rs"]
mod clock;
#[allow(dead_code, reason = "the tests of Bazel use more of it")]
#[path = "support/nginx.rs"]
mod nginx;
#[path = "support/reference_programs.rs"]
mod reference_programs;
#[path = "support/registry.rs"]
mod registry;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airgap_core::digest::Digest;
use airgap_core::error::ErrorKind;
use airgap_core::network::Network;
use airgap_core::report::Item;
use airgap_core::rooted::RootedPath;
use airgap_oci::{
    Access, Client, Content, Credential, Descriptor, Manifest, MountResult, Readable, Reference,
    Repository, media_type,
};

use access::TestAccess;
use authority::Authority;
use bytes::some_bytes;
use nginx::Nginx;
use reference_programs::run_reference;
use registry::Registry;

/// A folder for one test, with the settings of all programs.
struct Case {
    folder: tempfile::TempDir,
    accesses: Arc<TestAccess>,
    network: Network,
}

impl Case {
    fn new() -> Case {
        let folder = tempfile::tempdir().unwrap();
        Case { folder, accesses: Arc::default(), network: clock::network() }
    }

    fn client(&self) -> Client {
        Client::new(&self.network, self.accesses.clone()).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// Writes the credential for this registry, for us and the other programs.
    fn log_in(&self, host: &str, password: &str) {
        let credential =
            Credential::Basic { username: "alice".into(), password: password.to_owned() };
        let access = Access { credential, origin: "the test".into(), ..Access::default() };
        self.accesses.set(host, access);
        use base64::Engine as _;
        let pair = base64::prelude::BASE64_STANDARD.encode(format!("alice:{password}"));
        let config = format!(r#"{{"auths":{{"{host}":{{"auth":"{pair}"}}}}}}"#);
        self.write("config.json", config.as_bytes());
    }

    /// Returns the output of a program in the folder, which must succeed.
    #[track_caller]
    fn run(&self, words: &[&str]) -> String {
        run_reference(self.folder.path(), words)
    }

    /// Returns the digest of a manifest in plain http, from each of the other programs.
    #[track_caller]
    fn witnesses(&self, reference: &Reference) -> Vec<String> {
        let (name, url) = (reference.to_string(), format!("docker://{reference}"));
        let descriptor =
            self.run(&["oras", "manifest", "fetch", "--descriptor", "--plain-http", &name]);
        let descriptor: serde_json::Value = serde_json::from_str(&descriptor).unwrap();
        let raw = self.run(&["skopeo", "inspect", "--raw", "--tls-verify=false", &url]);
        vec![
            descriptor["digest"].as_str().unwrap().to_owned(),
            self.run(&["crane", "digest", "--insecure", &name]),
            format!("sha256:{}", Digest::compute(raw.as_bytes())),
        ]
    }
}

fn reference(registry: &Registry, rest: &str) -> Reference {
    Reference::parse(&format!("{}/{rest}", registry.host())).unwrap()
}

fn repository(host: &str, name: &str) -> Repository {
    Repository::new(host.parse().unwrap(), name).unwrap()
}

fn descriptor(kind: &str, bytes: &[u8]) -> Descriptor {
    Descriptor::new(kind, Digest::compute(bytes), bytes.len() as u64)
}

const CONFIG: &[u8] = br#"{"architecture":"wasm","os":"wasip2"}"#;

/// Pushes an artifact with one layer, and returns its manifest.
fn push(client: &Client, to: &Reference, layer: &[u8]) -> Manifest {
    let repository = to.repository();
    let config = descriptor("application/vnd.wasm.config.v0+json", CONFIG);
    let blob = descriptor("application/wasm", layer);
    client.push_blob(repository, &config, &CONFIG, None, &Item::hidden()).unwrap();
    client.push_blob(repository, &blob, &layer, None, &Item::hidden()).unwrap();
    let json = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST,
        "config": config, "layers": [blob],
    });
    let manifest = Manifest::new(json.to_string().into_bytes(), "");
    client.put_manifest(to, manifest.bytes(), manifest.media_type()).unwrap();
    manifest
}

/// Pulls the only layer of an artifact.
fn pull(client: &Client, from: &Reference, to: &Path) -> Manifest {
    let manifest = client.manifest(from, &media_type::ALL_MANIFESTS).unwrap();
    let Content::Image(image) = manifest.content("it").unwrap() else { panic!("an image") };
    client
        .blob(from.repository(), &image.layers[0], &RootedPath::beside(to), &Item::hidden())
        .unwrap();
    manifest
}

/// Pulls a blob by its digest, without its size.
fn pull_blob(
    client: &Client,
    from: &Repository,
    digest: &Digest,
    to: &Path,
) -> airgap_core::error::Result<()> {
    client
        .blob_checked(from, digest, None, &RootedPath::beside(to), &|_| Ok(()), &Item::hidden())
        .map(drop)
}

/// Returns the whole content of a blob.
fn bytes_of(client: &Client, from: &Repository, blob: &Descriptor) -> Vec<u8> {
    let mut bytes = Vec::new();
    client.remote_blob(from, blob).read_from(0).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
#[ignore = "needs docker-registry and its friends: scripts/test runs it"]
fn an_artifact_pushed_by_oras_is_pulled() {
    let (registry, case) = (Registry::open(), Case::new());
    let bytes = some_bytes(1, 300_000);
    case.write("adder.wasm", &bytes);
    let name = reference(&registry, "ns/adder:1.0");
    let text = name.to_string();
    case.run(&["oras", "push", "--plain-http", &text, "adder.wasm:application/wasm"]);
    let client = case.client();
    let manifest = pull(&client, &name, &case.path("out.wasm"));
    assert!(fs::read(case.path("out.wasm")).unwrap() == bytes);
    let digest = format!("sha256:{}", manifest.digest());
    assert_eq!(case.witnesses(&name), [&*digest; 3]);
    let head = client.head_manifest(&name, &media_type::ALL_MANIFESTS).unwrap().unwrap();
    assert_eq!(head, manifest.descriptor());
    assert_eq!(client.tags(name.repository()).unwrap(), ["1.0"]);
    // The same by the manifest's digest, and the blob by its own digest.
    let pinned = name.repository().at(*manifest.digest());
    assert_eq!(pull(&client, &pinned, &case.path("again.wasm")), manifest);
    let (to, content) = (case.path("content.wasm"), Digest::compute(&bytes));
    pull_blob(&client, name.repository(), &content, &to).unwrap();
    assert!(fs::read(to).unwrap() == bytes);
}

#[test]
#[ignore = "needs docker-registry and its friends: scripts/test runs it"]
fn a_pushed_component_is_pulled_by_other_programs() {
    let (registry, case) = (Registry::open(), Case::new());
    let bytes = some_bytes(2, 300_000);
    let name = reference(&registry, "ns/adder:1.0");
    let manifest = push(&case.client(), &name, &bytes);
    let digest = format!("sha256:{}", manifest.digest());
    assert_eq!(case.witnesses(&name), [&*digest; 3]);

    let text = name.to_string();
    let blob = format!("{}@sha256:{}", name.repository(), Digest::compute(&bytes));
    case.run(&["oras", "blob", "fetch", "--plain-http", "--output", "oras.wasm", &blob]);
    assert!(fs::read(case.path("oras.wasm")).unwrap() == bytes);
    case.run(&["crane", "pull", "--insecure", "--format", "oci", &text, "crane"]);
    let url = format!("docker://{name}");
    case.run(&["skopeo", "copy", "--src-tls-verify=false", &url, "oci:skopeo:1.0"]);
    for layout in ["crane", "skopeo"] {
        let path = case.path(layout).join(format!("blobs/sha256/{}", Digest::compute(&bytes)));
        assert!(fs::read(path).unwrap() == bytes, "{layout}");
        let path = case.path(layout).join(format!("blobs/sha256/{}", manifest.digest()));
        assert_eq!(fs::read(path).unwrap(), manifest.bytes(), "{layout}");
    }
}

#[test]
#[ignore = "needs docker-registry and its friends: scripts/test runs it"]
fn images_of_crane_and_skopeo_are_pulled_in_both_formats() {
    let (registry, case) = (Registry::open(), Case::new());
    case.write("file", b"content");
    case.run(&["tar", "-cf", "layer.tar", "file"]);
    let one = reference(&registry, "crane/image:1");
    case.run(&["crane", "append", "--insecure", "-f", "layer.tar", "-t", &one.to_string()]);
    for (format, kind) in [("v2s2", media_type::DOCKER_MANIFEST), ("oci", media_type::MANIFEST)] {
        let two = reference(&registry, &format!("skopeo/image:{format}"));
        let (from, to) = (format!("docker://{one}"), format!("docker://{two}"));
        let all = ["--src-tls-verify=false", "--dest-tls-verify=false", "--format", format];
        case.run(&[&["skopeo", "copy"], &all[..], &[&from, &to]].concat());
        let client = case.client();
        let manifest = pull(&client, &two, &case.path(format));
        assert_eq!(manifest.media_type(), kind);
        assert_eq!(case.witnesses(&two), [&*format!("sha256:{}", manifest.digest()); 3]);
        let Content::Image(image) = manifest.content("it").unwrap() else { panic!("an image") };
        let config = bytes_of(&client, two.repository(), &image.config);
        assert_eq!(Digest::compute(&config), image.config.digest);
    }
    // An index of two of them, created by crane.
    let index = reference(&registry, "crane/index:1");
    let (text, image) = (index.to_string(), one.to_string());
    let make = ["crane", "index", "append", "--insecure", "-t", &text, "-m", &image];
    case.run(&make);
    let manifest = case.client().manifest(&index, &media_type::ALL_MANIFESTS).unwrap();
    assert!(manifest.is_index(), "{}", manifest.media_type());
    let Content::Index(found) = manifest.content("it").unwrap() else { panic!("an index") };
    assert_eq!(found.manifests.len(), 1);
    assert_eq!(case.witnesses(&index), [&*format!("sha256:{}", manifest.digest()); 3]);
}

#[test]
#[ignore = "needs docker-registry and its friends: scripts/test runs it"]
fn a_registry_with_a_password_is_used() {
    let (registry, case) = (Registry::for_alice(), Case::new());
    case.log_in(&registry.host(), "p1");
    let name = reference(&registry, "ns/adder:1.0");
    let bytes = some_bytes(3, 100_000);
    let manifest = push(&case.client(), &name, &bytes);
    assert_eq!(case.witnesses(&name), [&*format!("sha256:{}", manifest.digest()); 3]);
    assert_eq!(pull(&case.client(), &name, &case.path("out.wasm")), manifest);
    assert!(fs::read(case.path("out.wasm")).unwrap() == bytes);

    for (case, words) in [
        (Case::new(), "requires a credential"),
        (
            {
                let case = Case::new();
                case.log_in(&registry.host(), "geheim");
                case
            },
            "from the test",
        ),
    ] {
        let error = case.client().manifest(&name, &[media_type::MANIFEST]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network);
        let text = error.to_string();
        assert!(text.contains("401 Unauthorized: authentication required"), "{text}");
        assert!(text.contains(words) && !text.contains("geheim"), "{text}");
    }
}

#[test]
#[ignore = "needs docker-registry and its friends: scripts/test runs it"]
fn a_registry_with_a_private_authority_is_used() {
    let authority = Authority::new();
    let (registry, mut case) = (Registry::with_tls(&authority), Case::new());
    let name = reference(&registry, "ns/adder:1.0");
    let other = Authority::new();
    case.network.ca_file = Some(other.write_to(case.folder.path()));
    let error = case.client().tags(name.repository()).unwrap_err();
    assert!(error.to_string().contains("this machine does not trust"), "{error}");

    let trusted = authority.write_to(case.folder.path());
    case.network.ca_file = Some(trusted.clone());
    let bytes = some_bytes(4, 100_000);
    let manifest = push(&case.client(), &name, &bytes);
    let text = name.to_string();
    let authority = trusted.display().to_string();
    let trusting = ["--plain-http=false", "--ca-file", &authority, &text];
    let fetched = case.run(&[&["oras", "manifest", "fetch"], &trusting[..]].concat());
    assert_eq!(fetched.as_bytes(), manifest.bytes());
    assert_eq!(pull(&case.client(), &name, &case.path("out.wasm")), manifest);
}

#[test]
#[ignore = "needs docker-registry and its friends: scripts/test runs it"]
fn missing_repositories_tags_and_blobs_are_told_apart() {
    let (registry, case) = (Registry::open(), Case::new());
    let name = reference(&registry, "ns/adder:1.0");
    let client = case.client();
    push(&client, &name, b"x");
    let error = |error: airgap_core::error::Error| {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        error.to_string()
    };
    let tag = reference(&registry, "ns/adder:2.0");
    let text = error(client.manifest(&tag, &[media_type::MANIFEST]).unwrap_err());
    assert!(text.contains("there is no tag `2.0`"), "{text}");
    let text = error(client.tags(&repository(&registry.host(), "no/such")).unwrap_err());
    assert!(text.contains("there is no repository `no/such`"), "{text}");
    let digest = Digest::compute(b"other");
    let text =
        error(pull_blob(&client, name.repository(), &digest, &case.path("out")).err().unwrap());
    assert!(text.contains("there is no blob with the digest"), "{text}");
    assert!(client.head_manifest(&tag, &[media_type::MANIFEST]).unwrap().is_none());
    assert!(!client.has_blob(name.repository(), &digest).unwrap());
}

#[test]
#[ignore = "needs docker-registry and its friends: scripts/test runs it"]
fn blobs_are_mounted_in_a_registry_and_copied_between_two() {
    let (one, two, case) = (Registry::open(), Registry::open(), Case::new());
    let name = reference(&one, "ns/adder:1.0");
    let bytes = some_bytes(5, 2_000_000);
    let manifest = push(&case.client(), &name, &bytes);
    let digest = Digest::compute(&bytes);

    let client = case.client();
    let other = repository(&one.host(), "other/place");
    assert!(matches!(
        client.mount(name.repository(), &other, &digest).unwrap(),
        MountResult::Mounted
    ));
    assert!(client.has_blob(&other, &digest).unwrap());
    assert_eq!((client.traffic().sent, client.traffic().put), (0, 0));
    let nothing = Digest::compute(b"nothing");
    let mount = client.mount(name.repository(), &other, &nothing).unwrap();
    assert!(matches!(mount, MountResult::Upload(_)));

    let client = case.client();
    let copy = reference(&two, "copy/adder:1.0");
    let Content::Image(image) = manifest.content("it").unwrap() else { panic!("an image") };
    for blob in [&image.config, &image.layers[0]] {
        let source = client.remote_blob(name.repository(), blob);
        client.push_blob(copy.repository(), blob, &source, None, &Item::hidden()).unwrap();
    }
    client.put_manifest(&copy, manifest.bytes(), manifest.media_type()).unwrap();
    assert_eq!(case.witnesses(&copy), [&*format!("sha256:{}", manifest.digest()); 3]);
    let traffic = client.traffic();
    let moved = (bytes.len() + CONFIG.len()) as u64;
    assert_eq!((traffic.received, traffic.sent), (moved, moved));
    assert_eq!((traffic.get, traffic.post, traffic.put, traffic.pings), (2, 2, 3, 2));
}

#[test]
#[ignore = "needs docker-registry and its friends: scripts/test runs it"]
fn a_blob_is_pushed_in_parts_through_an_nginx_with_a_limit() {
    let (registry, case) = (Registry::open(), Case::new());
    let nginx = Nginx::before(registry.port());
    let to = repository(&format!("127.0.0.1:{}", nginx.port()), "ns/large");
    let bytes = some_bytes(6, 3_000_000);
    let blob = descriptor("application/wasm", &bytes);
    let client = case.client();
    client.push_blob(&to, &blob, &bytes, None, &Item::hidden()).unwrap();
    assert_eq!(client.traffic().patch, 4);
    // From registry to registry, byte for byte.
    let from = repository(&registry.host(), "ns/large");
    let (path, client) = (case.path("out"), case.client());
    client.blob(&from, &blob, &RootedPath::beside(&path), &Item::hidden()).unwrap();
    assert!(fs::read(path).unwrap() == bytes);
}

#[test]
#[ignore = "needs docker-registry and its friends: scripts/test runs it"]
fn a_broken_push_is_resumed() {
    let (registry, case) = (Registry::open(), Case::new());
    let cut = cut_once(registry.port(), 1_000_000);
    let to = repository(&format!("127.0.0.1:{cut}"), "ns/large");
    let bytes = some_bytes(7, 3_000_000);
    let blob = descriptor("application/wasm", &bytes);
    let client = case.client();
    client.push_blob(&to, &blob, &bytes, None, &Item::hidden()).unwrap();
    assert!(client.traffic().sent > 3_000_000);
    let from = repository(&registry.host(), "ns/large");
    assert_eq!(bytes_of(&client, &from, &blob).len(), bytes.len());
}

#[test]
#[ignore = "needs docker-registry and its friends: scripts/test runs it"]
fn a_broken_pull_is_resumed() {
    let (registry, case) = (Registry::open(), Case::new());
    let name = reference(&registry, "ns/adder:1.0");
    let bytes = some_bytes(8, 3_000_000);
    push(&case.client(), &name, &bytes);
    // The registry's answers through this port are cut in the middle.
    let cut = cut_answers_once(registry.port(), 1_000_000);
    let from = repository(&format!("127.0.0.1:{cut}"), "ns/adder");
    let (client, path) = (case.client(), case.path("out"));
    client
        .blob(&from, &descriptor("", &bytes), &RootedPath::beside(&path), &Item::hidden())
        .unwrap();
    assert!(fs::read(path).unwrap() == bytes);
    let traffic = client.traffic();
    assert_eq!((traffic.get, traffic.received), (2, 3_000_000));
}

#[test]
#[ignore = "needs docker-registry and its friends: scripts/test runs it"]
fn referrers_attached_by_oras_are_found() {
    let (registry, case) = (Registry::open(), Case::new());
    let name = reference(&registry, "ns/adder:1.0");
    let client = case.client();
    let manifest = push(&client, &name, &some_bytes(9, 1000));
    assert!(client.referrers(name.repository(), manifest.digest()).unwrap().is_empty());
    case.write("signature", b"signed");
    let text = name.to_string();
    let kind = ["--artifact-type", "application/x-signature"];
    case.run(&[&["oras", "attach", "--plain-http"], &kind[..], &[&text, "signature"]].concat());
    let found = client.referrers(name.repository(), manifest.digest()).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].artifact_type.as_deref(), Some("application/x-signature"));
    let attached = name.repository().at(found[0].digest);
    let attached = client.manifest(&attached, &media_type::ALL_MANIFESTS).unwrap();
    let Content::Image(image) = attached.content("it").unwrap() else { panic!("an image") };
    assert_eq!(image.subject.unwrap().digest, *manifest.digest());
}

/// Returns a port that leads to another port, and once cuts the requests after this many bytes.
fn cut_once(port: u16, bytes: usize) -> u16 {
    way(port, move |nth| if nth == 0 { (bytes, usize::MAX) } else { (usize::MAX, usize::MAX) })
}

/// Returns a port that leads to another port, and once cuts the answers after this many bytes.
fn cut_answers_once(port: u16, bytes: usize) -> u16 {
    way(port, move |nth| if nth == 0 { (usize::MAX, bytes) } else { (usize::MAX, usize::MAX) })
}

/// Returns a port that leads to another port. `limits` gives the bytes in both directions for each
/// connection.
fn way(port: u16, limits: impl Fn(usize) -> (usize, usize) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (nth, near) in listener.incoming().enumerate() {
            let (near, far) = (near.unwrap(), TcpStream::connect(("127.0.0.1", port)).unwrap());
            let (there, back) = limits(nth);
            for (mut from, mut to, limit) in
                [(near.try_clone().unwrap(), far.try_clone().unwrap(), there), (far, near, back)]
            {
                std::thread::spawn(move || {
                    let mut buffer = vec![0; 64 * 1024];
                    let mut left = limit;
                    while left > 0 {
                        let most = left.min(buffer.len());
                        let Ok(count @ 1..) = from.read(&mut buffer[..most]) else { break };
                        if to.write_all(&buffer[..count]).is_err() {
                            break;
                        }
                        left -= count;
                    }
                    for stream in [from, to] {
                        let _ = stream.shutdown(Shutdown::Both);
                    }
                });
            }
        }
    });
    here
}
