//! Registries, images and layouts as other programs make them.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use airgap_core::digest::Digest;
use airgap_oci::media_type;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::fake_registry::{Fake, error};
use crate::images::Images;
use crate::server::{Reply, Server};
use crate::{Case, fill};

/// The layer whose owner forbids to distribute it.
const BASE: &[u8] = b"the base layer of another company";

/// Pushes an image with such a layer to a registry, and names an address for the layer.
fn add_foreign(fake: &Fake, url: &str) -> Digest {
    let mut store = fake.store();
    let layer = |bytes: &[u8], kind: &str| {
        let digest = format!("sha256:{}", Digest::compute(bytes));
        json!({"mediaType": kind, "digest": digest, "size": bytes.len()})
    };
    let config = b"{}";
    let top = b"the layer on top";
    store.add_blob("a", config);
    store.add_blob("a", top);
    let mut base = layer(BASE, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
    base["urls"] = json!([url]);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::DOCKER_MANIFEST,
        "config": layer(config, "application/vnd.docker.container.image.v1+json"),
        "layers": [base, layer(top, "application/vnd.docker.image.rootfs.diff.tar.gzip")],
    });
    store.add_manifest("a", "1", media_type::DOCKER_MANIFEST, &manifest.to_string())
}

#[test]
fn non_distributable_layers_are_skipped_counted_or_included() {
    let case = Case::new();
    case.to.store().strict = false;
    let (digest, base) = (add_foreign(&case.from, "https://x.invalid/base"), Digest::compute(BASE));
    case.from.store().add_blob("a", BASE);
    case.list(&["a:1"]);
    for to in ["--to=images", "--to=images.tar", ""] {
        let words: Vec<_> = [to].into_iter().filter(|it| !it.is_empty()).collect();
        let printed = case.copy(&words).succeeds();
        let base = base.to_string();
        printed.says(&[&base, "--include-non-distributable", "1 layer not copied"]);
    }
    assert_eq!(case.to.store().blob("a", &base), None);
    let json = case.copy(&["--recheck", "--json"]).succeeds().json();
    assert_eq!(json["left_behind"], 1);
    let left = json!([{"digest": format!("sha256:{base}"), "size": BASE.len()}]);
    assert_eq!(json["images"][0]["left_behind"], left);
    // The image exists at the destination by now, and the layer is still copied.
    let json = case.copy(&["--include-non-distributable", "--json"]).succeeds().json();
    assert_eq!((&json["left_behind"], &json["blobs"]["moved"]), (&json!(0), &json!(1)));
    assert_eq!(case.to.store().blob("a", &base), Some(BASE));
    assert!(case.to.store().manifest("a", &format!("sha256:{digest}")).is_some());
    // Through a layout and a tar too.
    for layout in ["images", "images.tar"] {
        let far = Case::new();
        far.to.store().strict = true;
        let to = format!("--to={layout}");
        case.copy(&[&to, "--include-non-distributable"]).succeeds();
        let (from, list) = (case.sandbox.path(layout), case.from.host());
        far.sandbox.write(
            "mirror.yaml",
            format!("images:\n- source: {list}/a:1\n  destination: {}/a:1\n", far.to.host()),
        );
        let from = format!("--from={}", from.display());
        far.copy(&[&from, "--include-non-distributable"]).succeeds();
        assert_eq!(far.to.store().blob("a", &base), Some(BASE), "{layout}");
    }
}

#[test]
fn a_foreign_layer_is_downloaded_from_its_own_url() {
    for (bytes, code) in [(BASE, 0), (b"something else of that length...." as &[u8], 4)] {
        let outer = Server::start(move |_| Reply::ok(bytes));
        let case = Case::new();
        case.to.store().strict = false;
        add_foreign(&case.from, &outer.url("/base"));
        case.list(&["a:1"]);
        let run = case.copy(&["--include-non-distributable"]);
        if code == 0 {
            run.succeeds();
            assert_eq!(case.to.store().blob("a", &Digest::compute(BASE)), Some(BASE));
        } else {
            run.ends_with(code);
            assert_eq!(case.to.store().blob("a", &Digest::compute(BASE)), None);
        }
        assert!(outer.headers("authorization").iter().all(Option::is_none));
        let printed = case.copy(&["--include-non-distributable", "--to=images"]);
        if code == 0 { drop(printed.succeeds()) } else { drop(printed.ends_with(code)) }
    }
    // An address that is not http or https is not opened.
    let case = Case::new();
    let file = case.sandbox.write("base", BASE);
    add_foreign(&case.from, &format!("file://{}", file.display()));
    case.list(&["a:1"]);
    case.copy(&["--include-non-distributable"]).ends_with(3).says(&["no https URL"]);
}

#[test]
fn a_refused_referrer_is_named_with_a_remedy() {
    let refuse = |request: &crate::Request| {
        let put = request.method == "PUT" && request.path.contains("/manifests/");
        let body = String::from_utf8_lossy(&request.body);
        let is_attached = body.contains("simplesigning") || body.contains("vnd.test.sbom");
        (put && is_attached).then(|| {
            error("415 Unsupported Media Type", "MANIFEST_INVALID", "artifacts are not supported")
        })
    };
    for signed in [true, false] {
        let case = Case::with(|_, _| None, move |request, _| refuse(request));
        let (mut images, index) = Images::two_platforms("1", 3, 500);
        let referrer = match signed {
            true => format!("a cosign signature (tag `{}`)", images.signed(&index, "it is mine")),
            false => {
                let sbom = images.attached(&index, "what is in it");
                format!("the referrer {}", &crate::images::digest(&sbom)[7..19])
            }
        };
        fill(&case.from, "a", &images);
        case.list(&["a:1"]);
        let source = format!("of `{}/a:1`", case.from.host());
        let printed = case.copy(&[]).ends_with(5);
        printed.says(&[&referrer, &source, "without its referrers, add `--no-attached`"]);
        case.copy(&["--no-attached"]).succeeds();
        assert!(case.to.store().manifest("a", "1").is_some());
    }
}

#[test]
fn a_referrer_that_cannot_be_read_or_pushed_is_named() {
    // A blob of a referrer that the destination refuses, and a signature that the source does not
    // give.
    for (at_source, words) in [(true, "a cosign signature"), (false, "a cosign signature")] {
        let on = Arc::new(AtomicBool::new(true));
        let fault = move |request: &crate::Request, mine: bool| {
            let get = request.method != "PUT" && request.path.ends_with(".sig") && at_source;
            let put =
                request.method == "PUT" && request.body.starts_with(b"it is mine") && !at_source;
            let here = (mine && get) || (!mine && put);
            (here && on.load(SeqCst)).then(|| error("403 Forbidden", "DENIED", "denied"))
        };
        let other = fault.clone();
        let case = Case::with(
            move |request, _| fault(request, true),
            move |request, _| other(request, false),
        );
        let (mut images, index) = Images::two_platforms("1", 3, 500);
        images.signed(&index, "it is mine");
        fill(&case.from, "a", &images);
        case.list(&["a:1"]);
        let printed = case.copy(&[]).ends_with(5);
        printed.says(&[words, "--no-attached"]);
    }
}

#[test]
fn a_compressed_layout_is_named_with_the_command_to_unpack_it() {
    let case = Case::new();
    case.list(&["a:1"]);
    let gzip = || {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        std::io::Write::write_all(&mut gzip, b"anything").unwrap();
        gzip.finish().unwrap()
    };
    for (name, bytes, says) in [
        ("l.tar.gz", gzip(), ["with gzip", "`gzip -dc ", "l.tar`"]),
        ("l.tgz", gzip(), ["with gzip", "`gzip -dc ", "l.tar`"]),
        ("l.tar.zst", b"\x28\xb5\x2f\xfd\xa0".to_vec(), ["with Zstandard", "`zstd -dc ", "l.tar`"]),
        ("l.tar.xz", b"\xfd7zXZ\0".to_vec(), ["with xz", "`xz -dc ", "l.tar`"]),
        ("l.tar.bz2", b"BZh91AY".to_vec(), ["with bzip2", "`bzip2 -dc ", "l.tar`"]),
        ("l", b"BZh91AY".to_vec(), ["with bzip2", "`bzip2 -dc ", "l.tar`"]),
    ] {
        case.sandbox.write(name, bytes);
        case.copy(&[&format!("--from=oci-archive:{name}")]).ends_with(2).says(&says);
    }
    // No untrusted byte reaches the terminal.
    let mut bytes = vec![0xff; 1024];
    bytes[..4].copy_from_slice(b"\x1b[2J");
    case.sandbox.write("l.tar", bytes);
    let printed = case.copy(&["--from=l.tar"]).ends_with(4);
    assert!(!printed.stderr.contains('\x1b'), "{}", printed.stderr);
}

#[test]
fn a_layout_without_the_image_says_which_ones_it_has() {
    let case = Case::new();
    let mut images = Images::default();
    for nth in 0..8u8 {
        let image = images.image("linux/amd64", &[&[nth]]);
        images.tag(&format!("{nth}"), &image);
    }
    let image = images.image("linux/amd64", &[b"unnamed"]);
    images.attached(&image, "what is in it");
    images.write(&case.sandbox.path("layout"));
    case.list(&["a:1"]);
    let printed = case.copy(&["--from=layout"]).ends_with(3);
    printed.says(&[
        "`0`, `1`, `2`, `3`, `4`, 3 more, 2 without a name",
        "copy oci:layout:1 oci:named:",
    ]);
    case.list(&["a:9"]);
    case.copy(&["--from=layout"]).ends_with(3).says(&["`0`, `1`", "those of the list"]);
}

#[test]
fn a_docker_archive_is_named() {
    let case = Case::new();
    case.list(&["a:1"]);
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(2);
    header.set_mode(0o644);
    tar.append_data(&mut header, "manifest.json", &b"[]"[..]).unwrap();
    case.sandbox.write("saved.tar", tar.into_inner().unwrap());
    case.sandbox.write("saved/manifest.json", "[]");
    for name in ["saved", "saved.tar"] {
        let printed = case.copy(&[&format!("--from={name}")]).ends_with(2);
        printed.says(&["is not an OCI image layout", "`docker save`", "oci-archive:"]);
    }
    assert!(fs::read_dir(case.sandbox.path("saved")).unwrap().count() == 1);
}
