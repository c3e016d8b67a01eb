//! Blobs: resumed, checked, counted.

use airgap_core::digest::Digest;
use airgap_core::error::{ErrorKind, Result};
use airgap_core::report::Item;
use airgap_oci::{Client, Credential, Descriptor, Repository};

use crate::fake_registry::{Door, Fake};
use crate::server::{Reply, Request, Server};
use crate::{BODY, Case, HOME, alice, body, filled, home, says};

fn is_blob(request: &Request) -> bool {
    request.method == "GET" && request.path.contains("/blobs/")
}

#[test]
fn a_blob_takes_one_ping_and_one_request() {
    let fake = filled(Fake::new(Door::Open));
    let case = Case::new();
    let client = case.client();
    case.succeeded(case.pull(&client, &fake));
    let traffic = client.traffic();
    assert_eq!((traffic.pings, traffic.get, traffic.received), (1, 1, BODY.len() as u64));
    assert_eq!(fake.server.requests().len(), 2);
}

#[test]
fn a_complete_partial_file_takes_no_request() {
    let fake = filled(Fake::new(Door::Open));
    let case = Case::new();
    let folder = case.destination().parent().unwrap().to_owned();
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(".blob.wasm.abcdefghijkl.part"), BODY).unwrap();
    let client = case.client();
    case.succeeded(case.pull(&client, &fake));
    assert_eq!(fake.server.requests().len(), 0);
}

#[test]
fn a_blob_cut_at_any_byte_resumes_there() {
    for cut in 0..BODY.len() {
        let fake = filled(Fake::with(Door::Open, move |request, _| {
            let first = is_blob(request) && request.nth == 0;
            first.then(|| Reply::file(request, BODY, "\"1\"").cut_at(cut))
        }));
        let case = Case::new();
        let client = case.client();
        case.succeeded(case.pull(&client, &fake));
        let ranges: Vec<_> = fake.server.requests().iter().filter_map(Request::range).collect();
        assert_eq!(ranges, if cut == 0 { vec![] } else { vec![cut] });
        assert_eq!(client.traffic().received, BODY.len() as u64);
    }
}

#[test]
fn the_next_run_resumes_where_the_last_one_failed() {
    let fake = filled(Fake::with(Door::Open, |request, _| match request.nth {
        0 if is_blob(request) => Some(Reply::file(request, BODY, "\"1\"").cut_at(20)),
        1 if is_blob(request) => Some(Reply::new("403 Forbidden", "")),
        _ => None,
    }));
    let case = Case::new();
    case.failed(case.pull(&case.client(), &fake));
    let client = case.client();
    case.succeeded(case.pull(&client, &fake));
    assert_eq!(client.traffic().received, BODY.len() as u64 - 20);
}

#[test]
fn a_token_that_expires_midway_is_renewed_and_the_blob_resumed() {
    let fake = filled(Fake::with(Door::AliceToken, |request, store| {
        (is_blob(request) && request.nth == 0).then(|| {
            store.expire();
            Reply::file(request, BODY, "\"1\"").cut_at(20)
        })
    }));
    let case = Case::by(&fake, alice());
    let client = case.client();
    case.succeeded(case.pull(&client, &fake));
    // The first request, the one with the old token, the one with the new token.
    let ranges: Vec<_> = fake.server.requests().iter().map(Request::range).collect();
    assert_eq!(ranges, [None, None, Some(20), Some(20)]);
    let traffic = client.traffic();
    assert_eq!((traffic.tokens, traffic.received), (2, BODY.len() as u64));
}

#[test]
fn wrong_bytes_are_refused_with_both_digests() {
    let fake = Fake::with(Door::Open, |request, _| {
        is_blob(request).then(|| Reply::ok(BODY.to_ascii_uppercase()))
    });
    let case = Case::new();
    let error = case.failed(case.pull(&case.client(), &fake));
    assert_eq!(error.kind(), ErrorKind::Integrity);
    let found = Digest::compute(&BODY.to_ascii_uppercase()).to_string();
    says(&error, &["are not the pinned ones", &body().digest.to_string(), &found]);
    says(&error, &["the blob of a digest never changes"]);
    assert_eq!(case.names(), [""; 0]);
}

#[test]
fn a_blob_of_another_size_is_refused_with_both_sizes() {
    for (served, unsized_, found) in [
        (&BODY[..40], false, "40 bytes"),
        (&BODY[..40], true, "40 bytes"),
        (&[BODY, b"!!"].concat()[..], false, "45 bytes"),
        (&[BODY, b"!!"].concat()[..], true, "at least 44 bytes"),
    ] {
        let bytes = served.to_vec();
        let fake = Fake::with(Door::Open, move |request, _| {
            let reply = is_blob(request).then(|| Reply::file(request, &bytes, "\"1\""))?;
            Some(if unsized_ && request.range().is_none() { reply.without_length() } else { reply })
        });
        let case = Case::new();
        let error = case.failed(case.pull(&case.client(), &fake));
        assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
        says(&error, &["43 bytes", found]);
        assert_eq!(case.names(), [""; 0], "{found}");
    }
}

#[test]
fn a_blob_with_a_wrong_size_in_its_descriptor_is_refused() {
    let fake = filled(Fake::new(Door::Open));
    let case = Case::new();
    let wrong = Descriptor::new("application/wasm", Digest::compute(BODY), 44);
    let pulled = case.client().blob(&home(&fake), &wrong, &case.place(), &Item::hidden());
    let error = case.failed(pulled);
    assert_eq!(error.kind(), ErrorKind::Integrity);
    says(&error, &["44 bytes", "43 bytes"]);
}

#[test]
fn a_blob_is_pulled_by_digest_alone() {
    let fake = filled(Fake::new(Door::Open));
    let case = Case::new();
    let (digest, to) = (Digest::compute(BODY), case.place());
    let any = |_: std::fs::File| Ok(());
    let client = case.client();
    case.succeeded(client.blob_checked(&home(&fake), &digest, None, &to, &any, &Item::hidden()));
}

#[test]
fn a_web_page_instead_of_a_blob_is_named() {
    let fake = Fake::with(Door::Open, |request, _| {
        is_blob(request)
            .then(|| Reply::ok("<html>log in</html>").header("Content-Type", "text/html"))
    });
    let case = Case::new();
    let error = case.failed(case.pull(&case.client(), &fake));
    assert_eq!(error.kind(), ErrorKind::Integrity);
    says(&error, &["the answer is a web page"]);
}

#[test]
fn a_redirect_to_storage_carries_no_credential() {
    let storage = Server::start(|request| Reply::file(request, BODY, "\"1\""));
    for door in [Door::Basic, Door::AliceToken] {
        let to = storage.url("/storage?signature=abc");
        let fake =
            Fake::with(door, move |request, _| is_blob(request).then(|| Reply::redirect(&to)));
        let case = Case::by(&fake, alice());
        let client = case.client();
        case.succeeded(case.pull(&client, &fake));
        assert_eq!(client.traffic().redirects, 1);
    }
    assert_eq!(storage.headers("authorization"), [None, None]);
}

#[test]
fn a_failure_of_the_storage_is_told_from_the_registry() {
    let storage = Server::start(|_| Reply::new("403 Forbidden", ""));
    let to = storage.url("/storage?signature=geheim");
    let fake =
        Fake::with(Door::Open, move |request, _| is_blob(request).then(|| Reply::redirect(&to)));
    let case = Case::new();
    let error = case.failed(case.pull(&case.client(), &fake));
    says(&error, &["to which the registry redirects, answers 403 Forbidden"]);
    assert!(!error.to_string().contains("geheim"), "{error}");
}

/// Pushes a blob from one registry to another one, as a copy of images does.
fn pass_on(client: &Client, from: &Repository, blob: &Descriptor, to: &Fake) -> Result<()> {
    client.push_blob(&home(to), blob, &client.remote_blob(from, blob), None, &Item::hidden())
}

#[test]
fn a_streamed_blob_resumes_and_is_verified() {
    for ranges in [true, false] {
        let fake = filled(Fake::with(Door::Open, move |request, _| {
            let reply = |bytes| {
                if ranges { Reply::file(request, bytes, "\"1\"") } else { Reply::ok(bytes) }
            };
            is_blob(request).then(|| match request.nth {
                0 => reply(BODY).cut_at(10),
                1 => Reply::new("503 Service Unavailable", "").header("Retry-After", "7"),
                2 => reply(BODY).cut_at(20),
                _ => reply(BODY),
            })
        }));
        let case = Case::new();
        let client = case.client();
        let (from, to) = (home(&fake), Fake::new(Door::Open));
        pass_on(&client, &from, &body(), &to).unwrap();
        assert_eq!(to.store().blob(HOME, &Digest::compute(BODY)), Some(BODY));
        assert_eq!(case.clock.waits()[1], 7);
    }
}

#[test]
fn wrong_bytes_are_never_passed_on_whole() {
    let mut long = BODY.to_vec();
    long.push(b'!');
    for (served, words) in [
        (BODY.to_ascii_uppercase(), "are not the pinned ones"),
        (BODY[..42].to_vec(), "does not have the size"),
        (long, "does not have the size"),
    ] {
        for sized in [true, false] {
            let served = served.clone();
            let fake = Fake::with(Door::Open, move |request, _| {
                let reply = is_blob(request).then(|| Reply::file(request, &served, "\"1\""))?;
                Some(if sized || request.range().is_some() {
                    reply
                } else {
                    reply.without_length()
                })
            });
            let case = Case::new();
            let client = case.client();
            let (from, to) = (home(&fake), Fake::new(Door::Open));
            let error = pass_on(&client, &from, &body(), &to).unwrap_err();
            assert_eq!(to.store().blob(HOME, &Digest::compute(BODY)), None);
            assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
            says(&error, &[words]);
        }
    }
}

#[test]
fn an_empty_blob_is_pulled_and_streamed() {
    let fake = Fake::new(Door::Open);
    let digest = fake.store().add_blob(HOME, b"");
    let case = Case::new();
    let empty = Descriptor::new("application/wasm", digest, 0);
    let client = case.client();
    let pulled = client.blob(&home(&fake), &empty, &case.place(), &Item::hidden());
    assert_eq!(pulled.unwrap_or_else(|error| panic!("{error}")).size(), 0);
    let (from, to) = (home(&fake), Fake::new(Door::Open));
    pass_on(&client, &from, &empty, &to).unwrap();
    assert_eq!(to.store().blob(HOME, &digest), Some(&b""[..]));
}

#[test]
fn has_blob_tells_whether_a_blob_exists() {
    let fake = filled(Fake::new(Door::Token));
    let case = Case::by(&fake, Credential::Anonymous);
    let client = case.client();
    assert!(client.has_blob(&home(&fake), &Digest::compute(BODY)).unwrap());
    assert!(!client.has_blob(&home(&fake), &Digest::compute(b"other")).unwrap());
    let traffic = client.traffic();
    assert_eq!((traffic.head, traffic.get, traffic.tokens), (2, 0, 1));
}
