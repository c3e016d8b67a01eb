//! Valid and invalid answers.

use std::time::Duration;

use airgap_core::digest::Digest;
use airgap_core::error::ErrorKind;
use airgap_core::report::Item;

use crate::server::{Reply, Server};
use crate::{BODY, Case, says};

#[test]
fn a_file_with_the_pinned_digest_arrives() {
    let server = Server::start(|_| Reply::ok(BODY));
    let case = Case::new();
    case.succeed(&[&server.url("/tool.tar.gz")]);
    assert_eq!(server.headers("accept-encoding"), [Some("identity".to_owned())]);
    assert_eq!(server.headers("range"), [None]);
}

#[test]
fn a_file_without_length_arrives() {
    let server = Server::start(|_| Reply::ok(BODY).without_length());
    Case::new().succeed(&[&server.url("/")]);
}

#[test]
fn a_local_file_arrives() {
    let case = Case::new();
    let source = case.folder.path().join("a b.tar.gz");
    std::fs::write(&source, BODY).unwrap();
    case.succeed(&[url::Url::from_file_path(&source).unwrap().as_str()]);
}

#[cfg(unix)]
#[test]
fn a_local_source_that_is_not_a_regular_file_is_an_error_at_once() {
    let case = Case::new();
    let pipe = case.folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let large = case.folder.path().join("large");
    std::fs::File::create(&large).unwrap().set_len(17 << 30).unwrap();
    for (path, words) in [
        (pipe.as_path(), "not a regular file"),
        (std::path::Path::new("/dev/zero"), "not a regular file"),
        (case.folder.path(), "not a regular file"),
        (&large, "bytes; the limit is"),
    ] {
        let error = case.fail(&[url::Url::from_file_path(path).unwrap().as_str()]);
        assert_eq!(error.kind(), ErrorKind::Network);
        says(&error, &[words]);
    }
}

#[test]
fn wrong_bytes_are_an_integrity_error_and_end_the_search() {
    let server = Server::start(|_| Reply::ok("something else"));
    let second = Server::start(|_| Reply::ok(BODY));
    let case = Case::new();
    let url = server.url("/tool.tar.gz?token=geheim").replace("://", "://user:geheim@");
    let error = case.fail(&[&url, &second.url("/")]);
    assert_eq!(error.kind(), ErrorKind::Integrity);
    says(&error, &["tool 1.0 (linux_amd64)", "14 bytes", "/tool.tar.gz?token=...", "mirror"]);
    says(
        &error,
        &[&Digest::compute(BODY).to_string(), &Digest::compute(b"something else").to_string()],
    );
    assert!(!error.to_string().contains("geheim"), "{error}");
    assert!(second.requests().is_empty());
    assert_eq!(case.names(), [""; 0]);
}

#[test]
fn the_cause_of_wrong_bytes_is_guessed() {
    for (reply, hint) in [
        (Reply::ok("<!DOCTYPE html>Log in").header("Content-Type", "text/plain"), "login page"),
        (Reply::ok("Log in").header("Content-Type", "text/html; charset=utf-8"), "login page"),
        (Reply::ok(""), "empty"),
        (Reply::ok("xx").header("Content-Encoding", "gzip"), "encoding `gzip`"),
        (Reply::ok(&BODY[..20]).without_length(), "cut short"),
        (Reply::ok([BODY, b"more"].concat()), "47 bytes"),
    ] {
        let server = Server::start(move |_| reply.clone());
        let error = Case::new().fail(&[&server.url("/")]);
        assert_eq!(error.kind(), ErrorKind::Integrity);
        says(&error, &[hint]);
    }
}

#[test]
fn an_encoding_does_no_harm_where_the_bytes_are_right() {
    // Apache sends this header for every .tar.gz that it serves unchanged.
    let server = Server::start(|_| Reply::ok(BODY).header("Content-Encoding", "x-gzip"));
    Case::new().succeed(&[&server.url("/")]);
}

#[test]
fn contradicting_headers_give_the_right_bytes_or_an_error() {
    let chunked = format!("{:x}\r\n{}\r\n0\r\n\r\n", BODY.len(), String::from_utf8_lossy(BODY));
    let length = BODY.len().to_string();
    let right = |reply: Reply| {
        let server = Server::start(move |_| reply.clone());
        Case::new().succeed(&[&server.url("/")]);
    };
    let wrong = |reply: Reply, words: &str| {
        let server = Server::start(move |_| reply.clone());
        let mut case = Case::new();
        case.network.retry_budget = Duration::ZERO;
        says(&case.fail(&[&server.url("/")]), &[words]);
    };
    // A Content-Length beside a Transfer-Encoding has no meaning (RFC 9112 section 6.3).
    right(Reply::ok(chunked.clone()).header("Transfer-Encoding", "chunked").claiming(7));
    right(Reply::ok(chunked.clone()).header("Transfer-Encoding", "chunked").claiming(9999));
    right(Reply::ok(BODY).header("Content-Length", &length));
    right(Reply::ok(BODY).header("X-Name", "caf\u{e9}").header("ETag", "\"\u{e9}\""));
    right(Reply::ok(BODY).header("Content-Range", "bytes 5-9/10"));
    right(Reply::ok(BODY).header("Content-Encoding", "identity"));
    wrong(Reply::ok(BODY).header("Content-Length", "7"), "the answer is not valid HTTP");
    wrong(Reply::ok(BODY).claiming(7), "not the pinned ones");
    let endless = Reply::ok(BODY).header("Content-Length", "99999999999999999999");
    wrong(endless.without_length(), "the answer is not valid HTTP");
    let minus = Reply::ok(BODY).header("Content-Length", "-1");
    wrong(minus.without_length(), "the answer is not valid HTTP");
    wrong(Reply::new("206 Partial Content", BODY), "206 Partial Content");
    wrong(Reply::new("204 No Content", ""), "204 No Content");
    wrong(Reply::new("600 Odd", BODY), "600");
    wrong(Reply::new("099 Odd", BODY), "the answer is not valid HTTP");
    wrong(Reply::ok("ff\r\nx").header("Transfer-Encoding", "chunked").cut_at(5), "ended");
}

#[test]
fn a_range_over_the_size_limit_is_refused() {
    for range in ["bytes 9-99999999999999/*", "bytes 9-99999999999999/99999999999999999"] {
        let server = Server::start(move |request| match request.nth {
            0 => Reply::file(request, BODY, "\"1\"").cut_at(9),
            _ => Reply::new("206 Partial Content", vec![1; 100_000])
                .header("Content-Range", range)
                .without_length(),
        });
        let case = Case::new();
        fails_with_the_limit(&case, &server.url("/"));
        assert!(!case.destination().exists());
    }
}

#[test]
fn interim_answers_are_skipped_before_an_answer_of_any_size() {
    let interim = [
        "100 Continue",
        "100 Continue\r\nServer: x",
        "102 Processing",
        "103 Early Hints\r\nLink: </a>; rel=preload",
        "100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 103 Early Hints",
    ];
    for body in [BODY.to_vec(), vec![7; 3_000_000]] {
        for interim in interim {
            let answer = body.clone();
            let status = format!("{interim}\r\n\r\nHTTP/1.1 200 OK");
            let server = Server::start(move |_| Reply::new(&status, answer.clone()));
            let case = Case::new();
            // Twice, because the second download uses the same connection.
            let client = case.client().unwrap();
            for _ in 0..2 {
                let found = client.measure(&server.url("/"), &Item::hidden());
                assert_eq!(
                    found.unwrap(),
                    (Digest::compute(&body), body.len() as u64),
                    "{interim}"
                );
            }
            assert_eq!((server.requests().len(), server.connections()), (2, 1), "{interim}");
        }
    }
}

#[test]
fn long_headers_are_an_error_also_after_an_interim_answer() {
    let long = |length| Reply::ok(BODY).header("X-Long", &"x".repeat(length));
    let early = "100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-Long: ";
    let early = format!("{early}{}", "x".repeat(70_000));
    let many = (0..200).fold(Reply::ok(BODY), |reply, n| reply.header(&format!("X-{n}"), "x"));
    for (reply, words) in [
        (long(70_000), "the headers of the answer are too long"),
        (long(3_000_000), "the headers of the answer are too long"),
        (Reply::new(&early, BODY), "the headers of the answer are too long"),
        (many, "the answer is not valid HTTP"),
    ] {
        let server = Server::start(move |_| reply.clone());
        let error = Case::new().fail(&[&server.url("/")]);
        assert_eq!(error.kind(), ErrorKind::Network);
        says(&error, &[words]);
        assert_eq!(server.requests().len(), 1, "the next answer would be the same");
    }
    let server = Server::start(move |_| long(60_000));
    Case::new().succeed(&[&server.url("/")]);
}

#[test]
fn bytes_after_the_end_are_not_read_as_the_next_answer() {
    let server = Server::start(|request| match request.path.as_str() {
        "/long" => Reply::ok([BODY, b"more"].concat()).claiming(BODY.len()),
        _ => Reply::ok(BODY),
    });
    let case = Case::new();
    case.succeed(&[&server.url("/long")]);
    case.succeed(&[&server.url("/other")]);
}

/// Downloads with a limit of 999 bytes, and checks that the error names it.
#[track_caller]
fn fails_with_the_limit(case: &Case, url: &str) {
    let client = case.client().unwrap().with_largest(999);
    let request = airgap_http::Download {
        subject: "tool",
        urls: &[url.to_owned()],
        expected: &Digest::compute(BODY),
        destination: &case.place(),
    };
    let Err(error) = client.download(&request, &Item::hidden()) else { panic!() };
    says(&error, &["999", "limit"]);
}

#[test]
fn a_file_over_the_size_limit_is_refused() {
    for reply in [Reply::ok(vec![1; 1000]), Reply::ok(vec![1; 1000]).without_length()] {
        let server = Server::start(move |_| reply.clone());
        let case = Case::new();
        fails_with_the_limit(&case, &server.url("/"));
        assert_eq!(case.names(), [""; 0]);
    }
}

#[test]
fn missing_everywhere_is_unavailable_and_lists_every_place() {
    let server = Server::start(|request| match request.path.as_str() {
        "/a" => Reply::new("404 Not Found", "no"),
        _ => Reply::new("410 Gone", "no"),
    });
    let case = Case::new();
    let urls = [server.url("/a"), server.url("/b"), "file:///does/not/exist".to_owned()];
    let error = case.fail(&urls.each_ref().map(String::as_str));
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    says(&error, &["/a: 404 Not Found", "/b: 410 Gone", "the file does not exist"]);
    assert_eq!(server.requests().len(), 2, "404 is never tried again");
    assert!(case.waits().is_empty());
    assert_eq!(case.names(), [""; 0]);
}

#[test]
fn a_failed_source_makes_it_a_network_error() {
    let server = Server::start(|request| match request.path.as_str() {
        "/a" => Reply::new("404 Not Found", ""),
        _ => Reply::new("418 I'm a teapot", ""),
    });
    let error = Case::new().fail(&[&server.url("/a"), &server.url("/b")]);
    assert_eq!(error.kind(), ErrorKind::Network);
    says(&error, &["404 Not Found", "418 I'm a teapot"]);
}

#[test]
fn a_failed_source_is_followed_by_the_next() {
    let server = Server::start(|request| match request.path.as_str() {
        "/none" => Reply::new("404 Not Found", ""),
        "/denied" => Reply::new("403 Forbidden", ""),
        "/broken" => Reply::new("500 Internal Server Error", ""),
        _ => Reply::ok(BODY),
    });
    let closed = format!("http://127.0.0.1:{}/", free_port());
    let urls = ["/none", "/denied", "/broken", "/good"].map(|path| server.url(path));
    let case = Case::new();
    case.succeed(&[&closed, &urls[0], &urls[1], &urls[2], &urls[3]]);
}

#[test]
fn a_server_that_sends_no_answer_is_named() {
    let server = Server::start(|_| Reply::nothing());
    let error = Case::new().fail(&[&server.url("/")]);
    assert_eq!(error.kind(), ErrorKind::Network);
    says(&error, &["closed the connection without an answer", "(6 times)"]);
    let error = Case::new().fail(&[&format!("http://127.0.0.1:{}/", free_port())]);
    assert_eq!(error.kind(), ErrorKind::Network);
    says(&error, &["refused", "(4 times)"]);
}

#[test]
fn a_bad_address_is_a_usage_error() {
    for url in ["ftp://host/a", "nonsense", "https://"] {
        assert_eq!(Case::new().fail(&[url]).kind(), ErrorKind::Usage);
    }
}

#[test]
fn measuring_gives_digest_and_size_of_a_file_only() {
    let server = Server::start(|request| match (request.path.as_str(), request.nth) {
        ("/busy", 0) => Reply::new("503 Service Unavailable", ""),
        ("/cut", 0) => Reply::ok(BODY).cut_at(5),
        ("/page", _) => Reply::ok("<html>"),
        ("/empty", _) => Reply::ok(""),
        ("/gzip", _) => Reply::ok("x").header("Content-Encoding", "gzip"),
        ("/none", _) => Reply::new("404 Not Found", ""),
        _ => Reply::ok(BODY),
    });
    let case = Case::new();
    let client = case.client().unwrap();
    let right = (Digest::compute(BODY), BODY.len() as u64);
    for path in ["/good", "/busy", "/cut"] {
        assert_eq!(client.measure(&server.url(path), &Item::hidden()).unwrap(), right, "{path}");
    }
    for (path, kind) in [
        ("/page", ErrorKind::Integrity),
        ("/empty", ErrorKind::Network),
        ("/gzip", ErrorKind::Network),
        ("/none", ErrorKind::Unavailable),
    ] {
        let error = client.measure(&server.url(path), &Item::hidden()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        says(&error, &[path]);
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
