//! Pushes: the sent bytes, the number of requests, and the content left in the registry.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::report::Item;
use airgap_core::verify::Unverified;
use airgap_oci::{Client, Credential, Descriptor, MountResult, Readable, media_type};

use crate::fake_registry::{Door, Fake, error};
use crate::server::{Reply, Request, Server};
use crate::{BODY, Case, HOME, alice, body, filled, home, manifest, reference, repository, says};

fn push(client: &Client, fake: &Fake, bytes: &dyn Readable) -> Result<()> {
    client.push_blob(&home(fake), &body(), bytes, None, &Item::hidden())
}

/// Returns the number of bytes of each body that a server reads: all, except for the first request
/// with this method.
fn cutting(method: &'static str, at: usize) -> impl Fn(&Request) -> usize + Send + Sync {
    let first = AtomicBool::new(true);
    move |request| {
        if request.method == method && first.swap(false, SeqCst) { at } else { usize::MAX }
    }
}

fn large() -> Vec<u8> {
    (0..3_000_000u32).map(|i| (i * 7 + i / 251) as u8).collect()
}

#[test]
fn a_blob_takes_a_post_and_a_put() {
    let fake = Fake::new(Door::AliceToken);
    let case = Case::by(&fake, alice());
    let client = case.client();
    push(&client, &fake, &BODY).unwrap();
    assert_eq!(fake.store().blob(HOME, &Digest::compute(BODY)), Some(BODY));
    let traffic = client.traffic();
    assert_eq!((traffic.post, traffic.put, traffic.patch, traffic.sent), (1, 1, 0, 43));
    assert_eq!(fake.scopes(), [["repository:ns/name:pull,push"]]);
    assert_eq!(fake.store().uploads(), [0; 0]);
}

#[test]
fn bytes_files_and_other_registries_can_be_pushed() {
    let (from, case) = (filled(Fake::new(Door::Token)), Case::new());
    let client = case.client();
    case.succeeded(case.pull(&client, &from));
    let file = Unverified::open(&case.destination(), "it").unwrap();
    let file = file.verify(&Digest::compute(BODY)).unwrap();
    let (source, blob) = (home(&from), body());
    let remote_blob = client.remote_blob(&source, &blob);
    let sources: [&dyn Readable; 3] = [&BODY.to_vec(), &file, &remote_blob];
    for bytes in sources {
        let fake = Fake::new(Door::Open);
        push(&client, &fake, bytes).unwrap();
        assert_eq!(fake.store().blob(HOME, &Digest::compute(BODY)), Some(BODY));
    }
}

#[test]
fn an_empty_blob_is_pushed() {
    let fake = Fake::new(Door::Open);
    let empty = Descriptor::new("application/wasm", Digest::compute(b""), 0);
    let client = Case::new().client();
    client.push_blob(&home(&fake), &empty, &Vec::new(), None, &Item::hidden()).unwrap();
    assert_eq!(fake.store().blob(HOME, &Digest::compute(b"")), Some(&b""[..]));
}

#[test]
fn a_mount_moves_no_byte() {
    let fake = Fake::new(Door::AliceToken);
    fake.store().add_blob("ns/from", BODY);
    let case = Case::by(&fake, alice());
    let client = case.client();
    let mounted = client.mount(&repository(&fake, "ns/from"), &home(&fake), &Digest::compute(BODY));
    assert!(matches!(mounted.unwrap(), MountResult::Mounted));
    assert_eq!(fake.store().blob(HOME, &Digest::compute(BODY)), Some(BODY));
    let traffic = client.traffic();
    assert_eq!((traffic.post, traffic.put, traffic.sent), (1, 0, 0));
    assert_eq!(fake.scopes(), [["repository:ns/name:pull,push", "repository:ns/from:pull"]]);
}

#[test]
fn a_blob_that_cannot_be_mounted_uses_the_opened_upload() {
    let fake = Fake::new(Door::Open);
    let client = Case::new().client();
    let mount = client.mount(&repository(&fake, "ns/from"), &home(&fake), &Digest::compute(BODY));
    let MountResult::Upload(place) = mount.unwrap() else { panic!("there is nothing to mount") };
    client.push_blob(&home(&fake), &body(), &BODY, Some(place), &Item::hidden()).unwrap();
    let traffic = client.traffic();
    assert_eq!((traffic.post, traffic.put), (1, 1));
}

#[test]
fn a_refused_mount_becomes_an_upload() {
    let fake = Fake::with(Door::Open, |request, _| {
        request.path.contains("mount=").then(|| error("403 Forbidden", "DENIED", "no"))
    });
    let client = Case::new().client();
    let mount = client.mount(&repository(&fake, "ns/from"), &home(&fake), &Digest::compute(BODY));
    assert!(matches!(mount.unwrap(), MountResult::Upload(_)));
    let other = Fake::new(Door::Open);
    let mount = client.mount(&home(&other), &home(&fake), &Digest::compute(BODY));
    assert!(matches!(mount.unwrap(), MountResult::Upload(_)));
    assert!(other.server.requests().is_empty());
}

#[test]
fn wrong_bytes_never_end_an_upload() {
    for (bytes, words) in [
        (BODY.to_ascii_uppercase(), "are not the pinned ones"),
        (BODY[..42].to_vec(), "42 bytes"),
        (Vec::new(), "0 bytes"),
    ] {
        let fake = Fake::new(Door::Open);
        let error = push(&Case::new().client(), &fake, &bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
        says(&error, &[words]);
        assert_eq!(fake.store().blob(HOME, &Digest::compute(BODY)), None);
        assert!(fake.request_lines().iter().filter(|it| it.starts_with("PUT")).count() == 0);
    }
}

#[test]
fn a_lost_upload_starts_over() {
    for at in [0, 1, 42] {
        let fake = Fake::gated(Door::Open, cutting("PUT", at), |request, _| {
            let cut = request.method == "PUT" && request.body.len() < BODY.len();
            cut.then(Reply::nothing)
        });
        let client = Case::new().client();
        push(&client, &fake, &BODY).unwrap();
        assert_eq!(fake.store().blob(HOME, &Digest::compute(BODY)), Some(BODY));
    }
}

#[test]
fn an_upload_resumes_at_the_offset_of_the_registry() {
    let bytes = large();
    let digest = Digest::compute(&bytes);
    let fake = Fake::gated(Door::Open, cutting("PUT", 1_000_000), |request, store| {
        (request.method == "PUT" && request.body.len() == 1_000_000).then(|| {
            store.keep(request);
            Reply::nothing()
        })
    });
    let client = Case::new().client();
    let blob = Descriptor::new("application/wasm", digest, bytes.len() as u64);
    client.push_blob(&home(&fake), &blob, &bytes, None, &Item::hidden()).unwrap();
    assert!(fake.store().blob(HOME, &digest) == Some(&bytes));
    let part = fake.server.requests().into_iter().find(|it| it.method == "PATCH").unwrap();
    assert_eq!(part.header("content-range"), Some("1000000-2999999"));
}

#[test]
fn a_lost_answer_causes_no_second_upload() {
    let fake = Fake::with(Door::Open, |request, store| {
        (request.method == "PUT").then(|| {
            store.answer(request);
            Reply::nothing()
        })
    });
    let client = Case::new().client();
    push(&client, &fake, &BODY).unwrap();
    let traffic = client.traffic();
    assert_eq!((traffic.put, traffic.post, traffic.head, traffic.sent), (1, 1, 1, 43));
}

#[test]
fn a_blob_that_is_too_large_is_sent_in_smaller_parts() {
    let bytes = large();
    let digest = Digest::compute(&bytes);
    let fake = Fake::with(Door::Open, |request, _| {
        let large = request.body.len() > 800_000;
        large.then(|| Reply::new("413 Request Entity Too Large", "<html>"))
    });
    let client = Case::new().client();
    let blob = Descriptor::new("application/wasm", digest, bytes.len() as u64);
    client.push_blob(&home(&fake), &blob, &bytes, None, &Item::hidden()).unwrap();
    assert!(fake.store().blob(HOME, &digest) == Some(&bytes));
    let parts: Vec<_> = fake.server.requests().iter().map(|it| it.body.len()).collect();
    assert_eq!(parts.iter().filter(|it| **it == 750_000).count(), 4);
}

#[test]
fn no_part_is_smaller_than_the_registry_wants() {
    let bytes = large();
    let fake = Fake::with(Door::Open, |request, store| match request.method.as_str() {
        "POST" => Some(store.answer(request).header("OCI-Chunk-Min-Length", "1000000")),
        _ if request.body.len() > 100 => Some(Reply::new("413 Request Entity Too Large", "")),
        _ => None,
    });
    let client = Case::new().client();
    let blob = Descriptor::new("application/wasm", Digest::compute(&bytes), bytes.len() as u64);
    let pushed = client.push_blob(&home(&fake), &blob, &bytes, None, &Item::hidden());
    says(&pushed.unwrap_err(), &["413"]);
    let requests = fake.server.requests();
    assert!(requests.iter().all(|it| it.body.is_empty() || it.body.len() >= 1_000_000));
}

#[test]
fn a_part_accepted_in_part_continues_from_there() {
    let bytes = large();
    let digest = Digest::compute(&bytes);
    let fake = Fake::with(Door::Open, |request, store| {
        if request.method == "PUT" && !request.body.is_empty() {
            return Some(Reply::new("413 Request Entity Too Large", ""));
        }
        if request.method == "PATCH" && request.body.len() > 500_000 {
            let mut some = request.clone();
            some.body.truncate(500_000);
            return Some(store.answer(&some));
        }
        None
    });
    let client = Case::new().client();
    let blob = Descriptor::new("application/wasm", digest, bytes.len() as u64);
    client.push_blob(&home(&fake), &blob, &bytes, None, &Item::hidden()).unwrap();
    assert!(fake.store().blob(HOME, &digest) == Some(&bytes));
    assert_eq!(client.traffic().patch, 6);
}

#[test]
fn a_busy_registry_is_retried_and_a_token_renewed() {
    let busy = AtomicBool::new(true);
    let fake = Fake::with(Door::AliceToken, move |request, store| {
        (request.method == "PUT" && busy.swap(false, SeqCst)).then(|| {
            store.expire();
            Reply::new("429 Too Many Requests", "").header("Retry-After", "13")
        })
    });
    let case = Case::by(&fake, alice());
    let client = case.client();
    push(&client, &fake, &BODY).unwrap();
    assert_eq!(case.clock.waits(), [13]);
    assert_eq!(fake.store().blob(HOME, &Digest::compute(BODY)), Some(BODY));
    assert_eq!(client.traffic().tokens, 2);
}

#[test]
fn a_token_that_expires_before_the_bytes_go_is_renewed() {
    let fresh = AtomicBool::new(true);
    let fake = Fake::with(Door::AliceToken, move |request, store| {
        (request.method == "POST" && fresh.swap(false, SeqCst)).then(|| {
            let reply = store.answer(request);
            store.expire();
            reply
        })
    });
    let case = Case::by(&fake, alice());
    let client = case.client();
    push(&client, &fake, &BODY).unwrap();
    assert_eq!(fake.store().blob(HOME, &Digest::compute(BODY)), Some(BODY));
    assert_eq!(client.traffic().tokens, 2);
    assert!(case.clock.waits().is_empty());
}

#[test]
fn a_failure_of_the_source_is_reported() {
    struct Broken;
    impl Readable for Broken {
        fn read_from(&self, _: u64) -> Result<Box<dyn Read + '_>> {
            Ok(Box::new(self))
        }
    }
    impl Read for &Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other(Error::new(ErrorKind::Unavailable, "the source is gone")))
        }
    }
    let fake = Fake::new(Door::Open);
    let case = Case::new();
    let error = push(&case.client(), &fake, &Broken).unwrap_err();
    assert_eq!((error.kind(), error.statement()), (ErrorKind::Unavailable, "the source is gone"));
    assert!(case.clock.waits().is_empty());
    assert_eq!(fake.store().blob(HOME, &Digest::compute(BODY)), None);
}

#[test]
fn a_copy_resumes_its_source_in_the_middle() {
    let from = filled(Fake::with(Door::Open, |request, _| {
        let first = request.path.contains("/blobs/") && request.nth == 0;
        first.then(|| Reply::file(request, BODY, "\"1\"").cut_at(20))
    }));
    let fake = Fake::new(Door::Open);
    let client = Case::new().client();
    let (source, blob) = (home(&from), body());
    push(&client, &fake, &client.remote_blob(&source, &blob)).unwrap();
    let traffic = client.traffic();
    // The destination received each byte once.
    assert_eq!((traffic.post, traffic.put, traffic.sent, traffic.received), (1, 1, 43, 43));
}

#[test]
fn a_whole_copy_takes_one_connection_to_each_side() {
    let (from, fake) = (filled(Fake::new(Door::Token)), Fake::new(Door::AliceToken));
    let case = Case::by(&fake, alice());
    let client = case.client();
    let (source, blob) = (home(&from), body());
    for name in ["one", "two", "three"] {
        let to = repository(&fake, name);
        assert!(!client.has_blob(&to, &blob.digest).unwrap());
        let remote_blob = client.remote_blob(&source, &blob);
        client.push_blob(&to, &blob, &remote_blob, None, &Item::hidden()).unwrap();
    }
    client.manifest(&reference(&from, "ns/name:1"), &[media_type::MANIFEST]).unwrap_err();
    client.has_blob(&source, &blob.digest).unwrap();
    assert_eq!((from.server.connections(), fake.server.connections()), (1, 1));
    assert_eq!(fake.tokens.as_ref().unwrap().connections(), 1);
}

#[test]
fn a_damaged_source_leaves_nothing_behind() {
    let from = Fake::with(Door::Open, |request, _| {
        request.path.contains("/blobs/").then(|| Reply::ok(BODY.to_ascii_uppercase()))
    });
    let fake = Fake::new(Door::Open);
    let client = Case::new().client();
    let (source, blob) = (home(&from), body());
    let error = push(&client, &fake, &client.remote_blob(&source, &blob)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert_eq!(fake.store().blob(HOME, &Digest::compute(BODY)), None);
}

#[test]
fn locations_of_all_forms_are_followed() {
    let elsewhere = Server::start(|_| Reply::new("201 Created", ""));
    let far = elsewhere.url("/store?x=1");
    for (location, put) in [
        (
            "/v2/ns/name/blobs/uploads/1?state=a%2Fb",
            "/v2/ns/name/blobs/uploads/1?state=a%2Fb&digest=".to_owned(),
        ),
        ("HOST/v2/up?a=b&c", "/v2/up?a=b&c&digest=".to_owned()),
        ("2", "/v2/ns/name/blobs/uploads/2?digest=".to_owned()),
    ] {
        let fake = Fake::with(Door::Basic, move |request, _| {
            let host = format!("http://{}", request.header("host").unwrap());
            match request.method.as_str() {
                "POST" => Some(
                    Reply::new("202 Accepted", "")
                        .header("Location", &location.replace("HOST", &host)),
                ),
                "PUT" => Some(Reply::new("201 Created", "")),
                _ => None,
            }
        });
        let case = Case::by(&fake, alice());
        push(&case.client(), &fake, &BODY).unwrap();
        let put_to = fake.request_lines().pop().unwrap();
        assert!(put_to.starts_with(&format!("PUT {put}sha256%3A")), "{put_to}");
    }
    // A request to another server has no credential.
    let fake = Fake::with(Door::Basic, move |request, _| {
        let there = || Reply::new("202 Accepted", "").header("Location", &far);
        (request.method == "POST").then(there)
    });
    let case = Case::by(&fake, alice());
    push(&case.client(), &fake, &BODY).unwrap();
    assert_eq!(elsewhere.headers("authorization"), [None]);
}

#[test]
fn a_location_without_encryption_gets_no_byte() {
    for (location, words) in [
        ("http://storage.invalid/up", "by plain http, which is not encrypted"),
        ("ftp://storage.invalid/up", "redirects to ftp:"),
    ] {
        let fake = Fake::with(Door::Open, move |request, _| {
            let there = || Reply::new("202 Accepted", "").header("Location", location);
            (request.method == "POST").then(there)
        });
        let error = push(&Case::new().client(), &fake, &BODY).unwrap_err();
        says(&error, &[words]);
    }
    let fake = Fake::with(Door::Open, |request, _| {
        (request.method == "POST").then(|| Reply::new("202 Accepted", ""))
    });
    says(&push(&Case::new().client(), &fake, &BODY).unwrap_err(), &["does not send the location"]);
}

#[test]
fn a_redirected_upload_is_sent_again_there() {
    let fake = Fake::with(Door::Open, |request, _| {
        let put = request.method == "PUT" && !request.path.contains("moved");
        let to = request.path.replace("?state", "?moved=1&state");
        put.then(|| {
            Reply::new("307 Temporary Redirect", "")
                .header("Location", to.split("&digest").next().unwrap())
        })
    });
    let client = Case::new().client();
    push(&client, &fake, &BODY).unwrap();
    assert_eq!(client.traffic().put, 2);
    let redirecting = Fake::with(Door::Open, |request, _| {
        let to = || Reply::new("307 Temporary Redirect", "").header("Location", &request.path);
        (request.method == "PUT").then(to)
    });
    says(&push(&client, &redirecting, &BODY).unwrap_err(), &["307"]);
}

#[test]
fn refused_uploads_are_explained() {
    for (status, code, message) in [
        ("403 Forbidden", "DENIED", "quota exceeded"),
        ("400 Bad Request", "DIGEST_INVALID", "no"),
        ("500 Internal Server Error", "UNKNOWN", "disk full"),
    ] {
        let fake = Fake::with(Door::Open, move |request, _| {
            (request.method == "PUT").then(|| error(status, code, message))
        });
        let failed = push(&Case::new().client(), &fake, &BODY).unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::Network);
        says(&failed, &["cannot push", status, message]);
    }
}

#[test]
fn manifests_are_pushed_by_tag_or_digest() {
    let fake = Fake::new(Door::AliceToken);
    let case = Case::by(&fake, alice());
    let client = case.client();
    let (json, digest) = (manifest(), Digest::compute(manifest().as_bytes()));
    let kind = media_type::MANIFEST;
    for rest in [
        "ns/name:1".to_owned(),
        format!("ns/name:2@sha256:{digest}"),
        format!("ns/name@sha256:{digest}"),
    ] {
        assert_eq!(
            client.put_manifest(&reference(&fake, &rest), json.as_bytes(), kind).unwrap(),
            digest
        );
    }
    for name in ["1".to_owned(), "2".to_owned(), format!("sha256:{digest}")] {
        assert_eq!(fake.store().manifest(HOME, &name), Some(json.as_bytes()));
    }
    let other = reference(&fake, &format!("ns/name:3@sha256:{}", Digest::compute(b"x")));
    let error = client.put_manifest(&other, json.as_bytes(), kind).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert_eq!(client.traffic().put, 3);
}

#[test]
fn a_registry_that_stores_another_manifest_is_detected() {
    let digest_header = format!("sha256:{}", Digest::compute(b"x"));
    let fake = Fake::with(Door::Open, move |request, _| {
        let wrong_digest =
            || Reply::new("201 Created", "").header("Docker-Content-Digest", &digest_header);
        (request.method == "PUT").then(wrong_digest)
    });
    let client = Case::new().client();
    let error = client.put_manifest(&reference(&fake, "ns/name:1"), b"{}", media_type::MANIFEST);
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    says(&error, &["stores another manifest", &Digest::compute(b"x").to_string()]);
}

#[test]
fn manifests_too_are_put_again_after_a_wait() {
    let fake = Fake::with(Door::Open, |request, _| match (request.method.as_str(), request.nth) {
        ("PUT", 0) => Some(Reply::new("429 Too Many Requests", "").header("Retry-After", "3")),
        ("PUT", 1) => Some(Reply::nothing()),
        _ => None,
    });
    let case = Case::by(&fake, Credential::Anonymous);
    let client = case.client();
    client.put_manifest(&reference(&fake, "ns/name:1"), b"{}", media_type::MANIFEST).unwrap();
    assert_eq!((client.traffic().put, case.clock.waits()[0]), (3, 3));
    assert_eq!(fake.store().manifest(HOME, "1"), Some(&b"{}"[..]));
}

/// Bytes that count how many of them are read.
struct Counting<'a>(&'a [u8], std::sync::atomic::AtomicUsize);

impl Readable for Counting<'_> {
    fn read_from(&self, position: u64) -> Result<Box<dyn Read + '_>> {
        let bytes = &self.0[position as usize..];
        Ok(Box::new(CountingReader { bytes, count: &self.1 }))
    }
}

struct CountingReader<'a> {
    bytes: &'a [u8],
    count: &'a std::sync::atomic::AtomicUsize,
}

impl Read for CountingReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        self.count.fetch_add(count, SeqCst);
        Ok(count)
    }
}

/// Pushes to a registry that keeps the push running: it must fail after a few requests and waits,
/// and must not read its source again and again.
#[track_caller]
fn push_must_end(
    name: &str,
    fault: impl Fn(&Request, &mut crate::fake_registry::Store) -> Option<Reply> + Send + Sync + 'static,
) -> Error {
    let fake = Fake::with(Door::Open, fault);
    let case = Case::new();
    let client = case.client();
    let bytes = large();
    let blob = Descriptor::new("application/wasm", Digest::compute(&bytes), bytes.len() as u64);
    let source = Counting(&bytes, Default::default());
    let error = client.push_blob(&home(&fake), &blob, &source, None, &Item::hidden()).unwrap_err();
    let (requests, waits) = (fake.server.requests().len(), case.clock.waits().len());
    assert!(requests < 50, "{name}: {requests} requests");
    // The client does not wait before a redirect, and follows at most ten.
    assert!(waits >= 5 || error.to_string().contains("307"), "{name}: {waits} waits");
    let read = source.1.load(SeqCst);
    assert!(read < 12 * bytes.len(), "{name}: {read} bytes were read");
    error
}

/// Refuses a whole blob in one request, so that the client sends it in parts.
fn in_parts(request: &Request) -> Option<Reply> {
    let whole = request.method == "PUT" && !request.body.is_empty();
    whole.then(|| Reply::new("413 Content Too Large", ""))
}

#[test]
fn a_registry_that_accepts_one_byte_of_each_part_is_given_up() {
    let error = push_must_end("one byte", |request, store| {
        in_parts(request).or_else(|| {
            (request.method == "PATCH").then(|| {
                let mut some = request.clone();
                some.body.truncate(1);
                store.answer(&some)
            })
        })
    });
    says(&error, &["accepts 1 of the", "6 times"]);
}

#[test]
fn parts_that_are_accepted_by_half_become_smaller() {
    let bytes = large();
    let digest = Digest::compute(&bytes);
    let fake = Fake::with(Door::Open, |request, store| {
        in_parts(request).or_else(|| {
            (request.method == "PATCH" && request.body.len() > 400_000).then(|| {
                let mut some = request.clone();
                some.body.truncate(request.body.len() / 2);
                store.answer(&some)
            })
        })
    });
    let case = Case::new();
    let client = case.client();
    let blob = Descriptor::new("application/wasm", digest, bytes.len() as u64);
    let source = Counting(&bytes, Default::default());
    client.push_blob(&home(&fake), &blob, &source, None, &Item::hidden()).unwrap();
    assert!(fake.store().blob(HOME, &digest) == Some(&bytes));
    // No part is cut twice, and the upload continues at the registry's offset.
    assert!(client.traffic().patch < 16, "{}", client.traffic().patch);
    assert!(source.1.load(SeqCst) < 3 * bytes.len());
    assert!(case.clock.waits().is_empty());
}

#[test]
fn an_upload_without_progress_is_given_up() {
    // A registry that accepts parts and then has only some of them.
    push_must_end("loses parts", |request, _| {
        let range = |last: &str| Reply::new("204 No Content", "").header("Range", last);
        in_parts(request).or(match request.method.as_str() {
            "PATCH" if request.header("content-range").unwrap().starts_with("15") => {
                Some(error("416 Range Not Satisfiable", "RANGE_INVALID", "no"))
            }
            "PATCH" => Some(Reply::new("202 Accepted", "")),
            "GET" => Some(range("0-99")),
            _ => None,
        })
    });
    // A registry that accepts all parts, and then does not know the upload.
    push_must_end("forgets", |request, _| match request.method.as_str() {
        "PUT" if request.body.is_empty() => {
            Some(error("404 Not Found", "BLOB_UPLOAD_UNKNOWN", "unknown"))
        }
        _ => in_parts(request),
    });
    // A registry that always moves the upload.
    push_must_end("moves", |request, _| {
        (request.method == "PUT").then(|| {
            let to = format!("/v2/ns/name/blobs/uploads/{}", request.path.len());
            Reply::new("307 Temporary Redirect", "").header("Location", &to)
        })
    });
    // A registry that is always busy, and requests no wait.
    push_must_end("busy", |request, _| {
        (request.method == "PUT")
            .then(|| Reply::new("429 Too Many Requests", "").header("Retry-After", "0"))
    });
    // A registry that requires another credential for each part.
    let nth = std::sync::atomic::AtomicUsize::new(0);
    let fake = Fake::with(Door::Open, move |request, _| {
        (request.method == "PUT").then(|| {
            let challenge = format!("Basic realm=\"{}\"", nth.fetch_add(1, SeqCst));
            Reply::new("401 Unauthorized", "").header("WWW-Authenticate", &challenge)
        })
    });
    let client = Case::new().client();
    says(&push(&client, &fake, &BODY).unwrap_err(), &["401"]);
    assert!(fake.server.requests().len() < 100, "{}", fake.server.requests().len());
}

#[test]
fn all_requests_of_an_upload_share_one_retry_budget() {
    // Each status request succeeds at the second attempt, and the upload never ends.
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let fake = Fake::with(Door::Open, move |request, _| {
        let busy = || Reply::new("503 Service Unavailable", "").header("Retry-After", "30");
        match request.method.as_str() {
            "PUT" => Some(busy()),
            "GET" if request.path.contains("/uploads/") => {
                turn.fetch_add(1, SeqCst).is_multiple_of(2).then(busy)
            }
            _ => None,
        }
    });
    let mut case = Case::new();
    case.network.retry_budget = std::time::Duration::from_secs(100);
    push(&case.client(), &fake, &BODY).unwrap_err();
    let waited: u64 = case.clock.waits().iter().sum();
    assert!(waited <= 100, "{waited} s");
}
