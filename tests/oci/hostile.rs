//! Hostile registries, and registries that cause much work by mistake.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use airgap_core::digest::Digest;
use airgap_core::error::ErrorKind;
use airgap_core::report::Item;
use airgap_oci::{Credential, Descriptor, Reference, media_type};

use crate::fake_registry::{Door, Fake, error};
use crate::server::{Reply, Server};
use crate::{BODY, Case, HOME, access, alice, filled, home, manifest, reference, says};

const ACCEPT: [&str; 1] = [media_type::MANIFEST];

fn secret() -> Credential {
    Credential::Basic { username: "user".into(), password: "geheim".into() }
}

fn refused(challenge: &str) -> Reply {
    Reply::new("401 Unauthorized", "").header("WWW-Authenticate", challenge)
}

#[test]
fn a_redirected_ping_does_not_choose_the_token_server() {
    let other_server = Server::start(|request| match request.path.as_str() {
        "/steal" => Reply::json("200 OK", r#"{"token":"t"}"#),
        _ => {
            let host = request.header("host").unwrap();
            refused(&format!("Bearer realm=\"http://{host}/steal\""))
        }
    });
    let to = other_server.url("/v2/");
    let fake = filled(Fake::with(Door::Open, move |request, _| {
        (request.path == "/v2/").then(|| Reply::redirect(&to))
    }));
    let case = Case::by(&fake, secret());
    case.succeeded(case.pull(&case.client(), &fake));
    assert!(
        other_server.requests().iter().all(|it| it.path == "/v2/"),
        "{:?}",
        other_server.requests()
    );
    assert!(other_server.headers("authorization").iter().all(Option::is_none));
}

/// The headers of an answer in chunks (RFC 9112 section 7.1).
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The same headers with a whole body, which trailers may follow.
const TRAILERS: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n";

/// Starts a server that sends `head`, and then `more` every few milliseconds without end.
fn trickling(head: &'static str, more: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(head.as_bytes());
                while stream.write_all(more.as_bytes()).is_ok() {
                    thread::sleep(Duration::from_millis(20));
                }
            });
        }
    });
    port
}

#[test]
fn a_server_that_sends_slowly_is_given_up() {
    for (head, more, words) in [
        ("HTTP/1.1 200 OK\r\nX: ", "a", "no answer within 0.2 s"),
        ("", "HTTP/1.1 102 Processing\r\n\r\n", "no answer within 0.2 s"),
        ("HTTP/1.1 500 X\r\nContent-Length: 100000\r\n\r\n", "a", "500"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "a", "its whole answer within"),
        // Frames of a body that never arrives: a size, an extension, trailers.
        (CHUNKED, "0", "its whole answer within"),
        (CHUNKED, "1;a=b", "its whole answer within"),
        (TRAILERS, "X: y\r\n", "its whole answer within"),
    ] {
        let port = trickling(head, more);
        let mut case = Case::new();
        case.network.answer = Duration::from_millis(200);
        let began = Instant::now();
        let at = Reference::parse(&format!("127.0.0.1:{port}/ns/name:1")).unwrap();
        let error = case.client().manifest(&at, &ACCEPT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network);
        says(&error, &[words]);
        assert!(began.elapsed() < Duration::from_secs(20), "{error}");
    }
}

#[test]
fn a_blob_that_arrives_slowly_is_resumed_and_given_up() {
    let port = trickling("HTTP/1.1 200 OK\r\nContent-Length: 43\r\n\r\n", "a");
    let to = format!("http://127.0.0.1:{port}/blob");
    let fake = Fake::with(Door::Open, move |request, _| {
        request.path.contains("/blobs/").then(|| Reply::redirect(&to))
    });
    let mut case = Case::new();
    case.network.answer = Duration::from_millis(200);
    let error = case.failed(case.pull(&case.client(), &fake));
    assert_eq!(error.kind(), ErrorKind::Network);
    says(&error, &["the server is too slow"]);
    assert_eq!(case.clock.waits().len(), 5);
}

#[test]
fn a_blob_whose_frame_never_ends_is_given_up() {
    for (head, more) in [(CHUNKED, "0"), (CHUNKED, ";"), (TRAILERS, "X: y\r\n")] {
        let port = trickling(head, more);
        let to = format!("http://127.0.0.1:{port}/blob");
        let fake = Fake::with(Door::Open, move |request, _| {
            request.path.contains("/blobs/").then(|| Reply::redirect(&to))
        });
        let mut case = Case::new();
        case.network.answer = Duration::from_millis(200);
        case.network.retry_budget = Duration::ZERO;
        let error = case.failed(case.pull(&case.client(), &fake));
        assert_eq!(error.kind(), ErrorKind::Network);
        says(&error, &["no data, only the chunk headers of its answer"]);
    }
}

#[test]
fn a_huge_size_is_refused_before_any_request() {
    let fake = filled(Fake::new(Door::Open));
    let case = Case::new();
    let descriptor = Descriptor { size: 1 << 62, ..crate::body() };
    let home = home(&fake);
    let pulled = case.client().blob(&home, &descriptor, &case.place(), &Item::hidden());
    let error = case.failed(pulled);
    assert_eq!(error.kind(), ErrorKind::Integrity);
    says(&error, &["is too large", "4611686018427387904 bytes"]);
    assert!(fake.server.requests().is_empty());
}

#[test]
fn a_secret_that_comes_back_is_not_shown() {
    let tokens = Server::start(|request| {
        let shown = request.header("authorization").unwrap_or_default();
        let words = format!("got {shown} user:geheim");
        error("403 Forbidden", "DENIED", &words)
    });
    let challenge = format!("Bearer realm=\"{}\"", tokens.url("/token"));
    let fake = Fake::with(Door::Open, move |_, _| Some(refused(&challenge)));
    let case = Case::by(&fake, secret());
    let found = case.client().has_blob(&home(&fake), &Digest::compute(BODY)).unwrap_err();
    says(&found, &["got Basic ... user:..."]);
    assert!(!found.to_string().contains("geheim"), "{found}");

    for status in ["403 Forbidden", "401 Unauthorized"] {
        let tokens = Server::start(|_| Reply::json("200 OK", r#"{"token":"eyGEHEIM"}"#));
        let challenge = format!("Bearer realm=\"{}\"", tokens.url("/token"));
        let fake = Fake::with(Door::Open, move |request, _| {
            Some(match request.header("authorization") {
                Some(shown) => error(status, "DENIED", &format!("not for {shown}")),
                None => refused(&challenge),
            })
        });
        let case = Case::by(&fake, secret());
        let found = case.client().manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap_err();
        says(&found, &["not for Bearer ..."]);
        assert!(!found.to_string().contains("GEHEIM"), "{found}");
    }
}

/// Returns a port without a listener.
fn dead() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn the_host_that_failed_is_named() {
    let (blobs, tokens) = (dead(), dead());
    let to = format!("http://127.0.0.1:{blobs}/blob");
    let fake = Fake::with(Door::Open, move |request, _| {
        request.path.contains("/blobs/").then(|| Reply::redirect(&to))
    });
    let case = Case::new();
    let error = case.failed(case.pull(&case.client(), &fake));
    let words = format!("redirects to http://127.0.0.1:{blobs}/blob: ");
    says(&error, &[&words, "Connection refused"]);

    let challenge = format!("Bearer realm=\"http://127.0.0.1:{tokens}/token\"");
    let fake = Fake::with(Door::Open, move |_, _| Some(refused(&challenge)));
    let error = case.client().has_blob(&home(&fake), &Digest::compute(BODY)).unwrap_err();
    let words = format!("the token server `http://127.0.0.1:{tokens}/token`: ");
    says(&error, &[&words, "Connection refused"]);
}

#[test]
fn an_unknown_challenge_is_named() {
    for (challenge, words) in [
        (Some("Bearer service=\"x\""), "unknown scheme: `Bearer service=\"x\"`"),
        (Some("Bearer realm='http://127.0.0.1/t'"), "unknown scheme"),
        (Some("Bearer realm=\"http://127.0.0.1/t\";service=\"x\""), "unknown scheme"),
        (Some("Digest realm=\"x\", nonce=\"1\""), "unknown scheme: `Digest"),
        (Some("Bearer realm=\"http://127.0.0.1/\u{e4}"), "unknown scheme"),
        (None, "no WWW-Authenticate"),
    ] {
        let fake = Fake::with(Door::Open, move |_, _| {
            let reply = Reply::new("401 Unauthorized", "");
            Some(match challenge {
                Some(challenge) => reply.header("WWW-Authenticate", challenge),
                None => reply,
            })
        });
        let case = Case::by(&fake, alice());
        let error = case.client().manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap_err();
        // Without a challenge the credential was sent, as after 403 and 404.
        let became = match challenge {
            Some(_) => "the credential from the settings of the test was not sent",
            None => "did not accept the credential from the settings of the test, which was sent",
        };
        says(&error, &[words, became]);
        assert!(!error.to_string().contains("requires a credential: set"), "{error}");
    }
}

#[test]
fn long_token_answers_are_refused() {
    let long = format!(r#"{{"token":"{}"}}"#, "a".repeat(500_000));
    for (body, words) in [
        (long, "sends a token of 500000 bytes"),
        (" ".repeat(2 << 20), "sends more than 1048576 bytes"),
    ] {
        let tokens = Server::start(move |_| Reply::json("200 OK", &body));
        let challenge = format!("Bearer realm={}", tokens.url("/token"));
        let fake = Fake::with(Door::Open, move |_, _| Some(refused(&challenge)));
        let case = Case::by(&fake, alice());
        let error = case.client().has_blob(&home(&fake), &Digest::compute(BODY)).unwrap_err();
        says(&error, &[words, "the token server"]);
    }
}

#[test]
fn a_small_answer_that_is_cut_off_names_its_length() {
    let fake = Fake::with(Door::Open, |request, _| {
        (request.path != "/v2/").then(|| Reply::ok(manifest()).cut_at(50))
    });
    let error = Case::new().client().manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap_err();
    says(&error, &["the connection ended after 50 of "]);
}

#[test]
fn long_headers_are_refused() {
    let fake = Fake::with(Door::Open, |_, _| Some(Reply::ok("").header("X", &"a".repeat(140_000))));
    let error = Case::new().client().manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap_err();
    says(&error, &["the headers of the answer are too long", "would fail again"]);
}

#[test]
fn a_long_manifest_makes_no_long_error() {
    let kind = "x".repeat(3 << 20);
    let fake = Fake::with(Door::Open, move |request, _| {
        let json = format!(r#"{{"mediaType":"{kind}"}}"#);
        (request.path != "/v2/").then(|| Reply::ok(json))
    });
    let client = Case::new().client();
    let found = client.manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap();
    let error = found.content("it").unwrap_err();
    assert!(error.to_string().len() < 2000);
}

#[test]
fn a_manifest_that_its_headers_call_an_index_is_refused() {
    let fake = Fake::new(Door::Open);
    fake.store().add_manifest(HOME, "1", media_type::INDEX, &manifest());
    let error = Case::new().client().manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    says(&error, &[media_type::INDEX, media_type::MANIFEST, "Content-Type"]);
}

#[test]
fn tls_that_was_asked_for_is_tls_on_loopback_too() {
    let fake = filled(Fake::new(Door::Basic));
    let mut case = Case::new();
    case.network.silence = Duration::from_millis(200);
    case.network.answer = Duration::from_millis(200);
    let access = airgap_oci::Access { tls: true, ..access(secret()) };
    case.accesses.set(&fake.host(), access);
    case.client().has_blob(&home(&fake), &Digest::compute(BODY)).unwrap_err();
    assert!(fake.server.requests().is_empty());
}

#[test]
fn permanent_errors_do_not_say_try_again_later() {
    for status in ["400 Bad Request", "405 Method Not Allowed", "501 Not Implemented"] {
        let fake = Fake::with(Door::Open, move |request, _| {
            (request.path != "/v2/").then(|| Reply::new(status, ""))
        });
        let client = Case::new().client();
        let error = client.manifest(&reference(&fake, "ns/name:1"), &ACCEPT).unwrap_err();
        says(&error, &[status, "would fail again"]);
        assert!(!error.to_string().contains("try again later"), "{error}");
    }
}
