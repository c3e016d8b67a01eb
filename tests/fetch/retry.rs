//! Busy servers, and the limit for waiting during a download.

use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use airgap_core::error::ErrorKind;
use airgap_core::report::Item;

use crate::server::{Reply, Server};
use crate::{BODY, Case, says};

/// Creates a server that is busy for this number of requests.
fn busy(times: usize, status: &'static str, retry_after: &str) -> Server {
    let value = retry_after.to_owned();
    Server::start(move |request| match request.nth {
        nth if nth < times => Reply::new(status, "").header("Retry-After", &value),
        _ => Reply::ok(BODY),
    })
}

#[test]
fn temporary_failures_are_retried() {
    for status in [
        "408 Request Timeout",
        "425 Too Early",
        "429 Too Many Requests",
        "500 Internal Server Error",
        "502 Bad Gateway",
        "503 Service Unavailable",
        "504 Gateway Timeout",
    ] {
        let server = busy(2, status, "");
        let case = Case::new();
        case.succeed(&[&server.url("/")]);
        assert_eq!((case.waits().len(), server.requests().len()), (2, 3), "{status}");
    }
}

#[test]
fn permanent_failures_are_not_retried() {
    for status in ["400 Bad Request", "401 Unauthorized", "404 Not Found", "501 Not Implemented"] {
        let server = busy(9, status, "1");
        let case = Case::new();
        says(&case.fail(&[&server.url("/")]), &[status]);
        assert_eq!((case.waits().len(), server.requests().len()), (0, 1), "{status}");
    }
}

#[test]
fn retry_after_is_heeded_in_seconds_and_as_a_date() {
    let case = Case::new();
    let date = httpdate::fmt_http_date(crate::clock::start() + Duration::from_secs(30));
    let server = busy(1, "503 Service Unavailable", &date);
    case.succeed(&[&server.url("/")]);
    assert_eq!(case.waits(), [30]);

    let server = busy(1, "429 Too Many Requests", "40");
    let case = Case::new();
    case.succeed(&[&server.url("/")]);
    assert_eq!(case.waits(), [40]);
}

#[test]
fn a_retry_after_that_is_past_or_garbage_is_ignored() {
    for value in ["Sun, 06 Nov 1994 08:49:37 GMT", "soon", "-5", "99999999999999999999999999"] {
        let server = busy(1, "429 Too Many Requests", value);
        let case = Case::new();
        case.succeed(&[&server.url("/")]);
        assert_eq!(case.waits(), [0], "{value}");
    }
}

#[test]
fn a_server_that_asks_for_more_than_is_left_is_given_up_at_once() {
    let server = busy(9, "429 Too Many Requests", "1000000000");
    let case = Case::new();
    let error = case.fail(&[&server.url("/")]);
    assert_eq!(error.kind(), ErrorKind::Network);
    says(
        &error,
        &[
            "429 Too Many Requests",
            "wait 1000000000 s",
            "only 120 s of the 120 s for waiting are left",
        ],
    );
    assert!(case.waits().is_empty());
}

#[test]
fn waits_for_all_sources_share_one_budget() {
    let server = busy(9, "503 Service Unavailable", "50");
    let second = busy(9, "503 Service Unavailable", "50");
    let case = Case::new();
    let error = case.fail(&[&server.url("/"), &second.url("/")]);
    assert_eq!(case.waits().len(), 2);
    assert!(case.waits().iter().sum::<u64>() <= 120);
    says(&error, &["wait 50 s, but only 1", "of the 120 s"]);
    assert_eq!((server.requests().len(), second.requests().len()), (3, 1));
}

#[test]
fn a_busy_mirror_is_followed_by_the_next_one() {
    let server = busy(9, "503 Service Unavailable", "500");
    let second = Server::start(|_| Reply::ok(BODY));
    Case::new().succeed(&[&server.url("/"), &second.url("/")]);
}

#[test]
fn a_source_that_is_always_cut_ends_with_the_budget() {
    // Each answer adds a byte, so only the time budget ends it.
    let body = vec![b'x'; 5000];
    let server = Server::start(move |request| Reply::file(request, &body, "\"1\"").cut_at(1));
    let case = Case::new();
    let error = case.fail(&[&server.url("/")]);
    says(&error, &["of 5000 bytes", "the 120 s for waiting are used up"]);
    assert!(server.requests().len() > 100);
}

/// Creates a server that needs this time for each answer, and cuts it after this many bytes.
fn slow(case: &Case, body: &[u8], seconds: u64, cut: usize) -> Server {
    let (clock, body) = (case.clock.clone(), body.to_vec());
    Server::start(move |request| {
        clock.pass(Duration::from_secs(seconds));
        Reply::file(request, &body, "\"1\"").cut_at(cut)
    })
}

#[test]
fn slow_attempts_with_few_bytes_use_up_the_budget() {
    let case = Case::new();
    let server = slow(&case, BODY, 50, 1);
    let error = case.fail(&[&server.url("/")]);
    says(&error, &["of 43 bytes", "the 120 s for waiting are used up"]);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn attempts_at_all_sources_share_one_budget() {
    let case = Case::new();
    let (first, second) = (slow(&case, BODY, 119, 1), slow(&case, BODY, 50, 1));
    let error = case.fail(&[&first.url("/"), &second.url("/")]);
    says(&error, &["the 120 s for waiting are used up"]);
    assert_eq!((first.requests().len(), second.requests().len()), (2, 1));
}

#[test]
fn a_slow_download_that_makes_progress_is_not_limited_in_time() {
    let case = Case::new();
    let body: Vec<_> = (0..60_000).map(|n| (n / 7) as u8).collect();
    let server = slow(&case, &body, 50, 6000);
    let verified = case.get_bytes(&[&server.url("/")], &body);
    assert_eq!(verified.unwrap_or_else(|error| panic!("{error}")).size(), 60_000);
    assert_eq!(server.requests().len(), 10);
}

#[test]
fn measuring_and_small_answers_have_the_same_budget() {
    for small in [false, true] {
        let case = Case::new();
        let server = slow(&case, BODY, 50, 1);
        let client = case.client().unwrap();
        let (url, item) = (server.url("/"), Item::hidden());
        let error = match small {
            true => client.get_small(&url, 1000, &item).map(drop).unwrap_err(),
            false => client.measure(&url, &item).map(drop).unwrap_err(),
        };
        says(&error, &["the 120 s for waiting are used up"]);
        assert_eq!(server.requests().len(), 3);
    }
}

#[test]
fn all_redirects_share_the_time_of_one_answer() {
    let server = Server::start(|request| {
        std::thread::sleep(Duration::from_millis(150));
        Reply::redirect(&format!("{}x", request.path))
    });
    let mut case = Case::new();
    case.network.answer = Duration::from_millis(400);
    case.network.retry_budget = Duration::ZERO;
    let error = case.fail(&[&server.url("/")]);
    says(&error, &["redirects, without an answer within 0.4 s in total"]);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_small_answer_must_be_there_as_a_whole_within_a_time() {
    // Fast enough for a file, for which no whole time is set.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n");
        while stream.write_all(&[b'x'; 100]).is_ok() {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let mut case = Case::new();
    case.network.answer = Duration::from_millis(300);
    case.network.retry_budget = Duration::ZERO;
    let error = case.client().unwrap().get_small(&url, 64 << 10, &Item::hidden()).unwrap_err();
    says(&error, &["did not send its whole answer within 0.3 s"]);
}
