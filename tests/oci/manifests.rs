//! Manifests: by tag and by digest, verified, limited.

use airgap_core::digest::Digest;
use airgap_core::error::ErrorKind;
use airgap_oci::{Content, Manifest, media_type};

use crate::fake_registry::{Door, Fake};
use crate::server::{Reply, Request};
use crate::{BODY, Case, HOME, manifest, reference, says};

const ACCEPT: [&str; 1] = [media_type::MANIFEST];

fn with_manifest(fake: Fake) -> (Fake, Digest) {
    let digest = fake.store().add_manifest(HOME, "1.0", media_type::MANIFEST, &manifest());
    (fake, digest)
}

fn is_manifest(request: &Request) -> bool {
    request.path.contains("/manifests/")
}

/// Creates a registry that sends this answer to each request for a manifest.
fn answering(reply: Reply) -> Fake {
    Fake::with(Door::Open, move |request, _| is_manifest(request).then(|| reply.clone()))
}

#[test]
fn a_manifest_is_found_by_tag_by_digest_and_by_both() {
    let (fake, digest) = with_manifest(Fake::new(Door::Open));
    let client = Case::new().client();
    let other = fake.store().add_manifest(HOME, "2.0", media_type::MANIFEST, "{}");
    for (name, found) in [
        ("ns/name:1.0".to_owned(), digest),
        (format!("ns/name@sha256:{digest}"), digest),
        // The digest decides, whatever the tag points to now.
        (format!("ns/name:2.0@sha256:{digest}"), digest),
        ("ns/name:2.0".to_owned(), other),
    ] {
        let manifest = client.manifest(&reference(&fake, &name), &ACCEPT).unwrap();
        assert_eq!(*manifest.digest(), found, "{name}");
        assert_eq!(manifest.media_type(), media_type::MANIFEST);
        let head = client.head_manifest(&reference(&fake, &name), &ACCEPT).unwrap().unwrap();
        assert_eq!(head, manifest.descriptor(), "{name}");
    }
    let traffic = client.traffic();
    assert_eq!((traffic.pings, traffic.get, traffic.head), (1, 4, 4));
    let accepted = fake.server.headers("accept");
    assert_eq!(accepted[1].as_deref(), Some(media_type::MANIFEST));
    let missing = client.head_manifest(&reference(&fake, "ns/name:3"), &ACCEPT).unwrap();
    assert_eq!(missing, None);
}

#[test]
fn the_bytes_of_a_manifest_are_kept() {
    let odd = format!("{}\n \n", manifest().replace(',', " ,\t"));
    let fake = Fake::new(Door::Open);
    fake.store().add_manifest(HOME, "1.0", media_type::MANIFEST, &odd);
    let manifest =
        Case::new().client().manifest(&reference(&fake, "ns/name:1.0"), &ACCEPT).unwrap();
    assert_eq!(manifest.bytes(), odd.as_bytes());
    let Content::Image(image) = manifest.content("it").unwrap() else { panic!("an image") };
    assert_eq!((image.layers.len(), image.layers[0].size), (1, BODY.len() as u64));
}

#[test]
fn a_manifest_with_another_digest_is_refused() {
    let (fake, digest) = (answering(Reply::ok("{}")), Digest::compute(b"x"));
    let wanted = reference(&fake, &format!("ns/name:1@sha256:{digest}"));
    let error = Case::new().client().manifest(&wanted, &ACCEPT).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    let found = Digest::compute(b"{}").to_string();
    says(
        &error,
        &["are not the pinned ones", &digest.to_string(), &found, "/v2/ns/name/manifests/"],
    );
}

#[test]
fn a_manifest_that_differs_from_its_digest_header_is_refused() {
    let digest_header = format!("sha256:{}", Digest::compute(b"x"));
    let fake = answering(Reply::ok("{}").header("Docker-Content-Digest", &digest_header));
    let client = Case::new().client();
    let error = client.manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    says(
        &error,
        &[
            "differs from the registry's headers",
            &digest_header,
            &Digest::compute(b"{}").to_string(),
        ],
    );

    let pinned = reference(&fake, &format!("ns/name@sha256:{}", Digest::compute(b"{}")));
    let error = client.head_manifest(&pinned, &ACCEPT).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
}

#[test]
fn a_digest_header_of_another_algorithm_is_ignored() {
    let fake = answering(Reply::ok("{}").header("Docker-Content-Digest", "sha512:abc"));
    let client = Case::new().client();
    client.manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap();
}

#[test]
fn head_without_a_digest_becomes_a_get() {
    let fake = answering(Reply::ok("{}"));
    let client = Case::new().client();
    let found = client.head_manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap().unwrap();
    assert_eq!((found.digest, found.size), (Digest::compute(b"{}"), 2));
    assert_eq!(client.traffic().get, 1);
}

#[test]
fn a_manifest_over_4_mib_is_refused() {
    let limit = 4 << 20;
    for (length, sized) in [(limit, true), (limit + 1, true), (limit + 1, false)] {
        let reply = Reply::ok(vec![b' '; length]);
        let fake = answering(if sized { reply } else { reply.without_length() });
        let found = Case::new().client().manifest(&reference(&fake, "ns/name:1"), &ACCEPT);
        match found {
            Ok(manifest) => assert_eq!(manifest.bytes().len(), limit),
            Err(error) => {
                assert!(length > limit, "{error}");
                assert_eq!(error.kind(), ErrorKind::Integrity);
                says(&error, &["the answer is too long", "at most 4194304 bytes"]);
            }
        }
    }
}

#[test]
fn a_cut_manifest_is_asked_for_again() {
    let (fake, digest) = with_manifest(Fake::with(Door::Open, |request, _| {
        let first = is_manifest(request) && request.nth == 0;
        first.then(|| Reply::ok(manifest()).cut_at(50))
    }));
    let client = Case::new().client();
    let found = client.manifest(&reference(&fake, "ns/name:1.0"), &ACCEPT).unwrap();
    assert_eq!(*found.digest(), digest);
    assert_eq!(client.traffic().get, 2);
}

#[test]
fn a_reference_without_tag_and_digest_is_refused() {
    let fake = Fake::new(Door::Open);
    let error = Case::new().client().manifest(&reference(&fake, "ns/name"), &ACCEPT).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    says(&error, &["names neither tag nor digest"]);
    assert!(fake.server.requests().is_empty());
}

#[test]
fn the_media_type_decides_how_a_manifest_is_read() {
    let image = manifest();
    let untyped = image.replace(&format!("\"mediaType\":\"{}\",", media_type::MANIFEST), "");
    let index = r#"{"schemaVersion":2,"manifests":[]}"#;
    let both = untyped.replace("\"layers\"", "\"manifests\":[],\"layers\"");
    let v1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    let sha512 = image.replace("sha256:", "sha512:");
    for (json, media_type_header, expected) in [
        (image.as_str(), "text/plain", "image"),
        (&untyped, media_type::MANIFEST, "image"),
        (&untyped, "application/vnd.docker.distribution.manifest.v2+json; charset=utf-8", "image"),
        (index, media_type::INDEX, "index"),
        (index, media_type::DOCKER_LIST, "index"),
        (index, media_type::MANIFEST, "its fields do not match its media type"),
        (&untyped, media_type::INDEX, "its fields do not match its media type"),
        (&both, media_type::MANIFEST, "both layers and manifests"),
        ("{}", v1, "Docker's schema 1"),
        (&untyped, "application/json", "image"),
        (index, "application/json", "index"),
        (&both, "application/json", "both layers and manifests"),
        ("{}", "application/json", "media type is unknown"),
        (&untyped, "application/vnd.other.thing.v1+json", "media type is unknown"),
        ("{}", media_type::MANIFEST, "is not valid"),
        (&sha512, media_type::MANIFEST, "is not a SHA-256 digest"),
        ("<html>", media_type::MANIFEST, "it is a web page"),
        ("[]", media_type::MANIFEST, "not a JSON object"),
    ] {
        let manifest = Manifest::new(json.as_bytes().to_vec(), media_type_header);
        let found = match manifest.content("`it`") {
            Ok(Content::Image(_)) => "image".to_owned(),
            Ok(Content::Index(_)) => "index".to_owned(),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Integrity);
                error.to_string()
            }
        };
        assert!(found.contains(expected), "{media_type_header} with {json} gives {found}");
    }
}

#[test]
fn platforms_with_the_exact_variant_are_preferred() {
    let entry = |digest: char, platform: &str| {
        let digest = digest.to_string().repeat(64);
        let kind = media_type::MANIFEST;
        format!(
            r#"{{"mediaType":"{kind}","digest":"sha256:{digest}","size":1,"platform":{platform}}}"#
        )
    };
    let json = [
        entry('a', r#"{"os":"linux","architecture":"arm","variant":"v6"}"#),
        entry('b', r#"{"os":"linux","architecture":"arm","variant":"v7","os.version":"1"}"#),
        entry('c', r#"{"os":"linux","architecture":"arm64"}"#),
        entry('d', r#"{"os":"unknown","architecture":"unknown"}"#),
    ];
    let json = format!(r#"{{"manifests":[{}]}}"#, json.join(","));
    let manifest = Manifest::new(json.into_bytes(), media_type::INDEX);
    let Content::Index(index) = manifest.content("it").unwrap() else { panic!("an index") };
    for (platform, digests) in [
        ("linux/arm/v6", "a"),
        ("linux/arm/v7", "b"),
        ("linux/arm64", "c"),
        ("linux/arm64/v8", "c"),
        ("linux/arm", ""),
        ("windows/arm64", ""),
    ] {
        let platform = platform.parse().unwrap();
        let found = index.for_platform(&platform);
        let found: String = found.iter().map(|it| it.digest.to_string()[..1].to_owned()).collect();
        assert_eq!(found, digests, "{platform}");
    }
    for text in ["linux", "linux/", "a/b/c/d", "", "/amd64"] {
        assert!(text.parse::<airgap_oci::Platform>().is_err(), "{text}");
    }
}
