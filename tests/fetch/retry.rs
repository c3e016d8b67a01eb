//! Busy servers, and the time that a download may wait.

use std::time::Duration;

use wasm_airgap::error::Kind;

use crate::server::{Reply, Server};
use crate::{BODY, Case, says};

/// Busy until it was asked so often.
fn busy(times: usize, status: &'static str, retry_after: &str) -> Server {
    let value = retry_after.to_owned();
    Server::start(move |request| match request.nth {
        nth if nth < times => Reply::new(status, "").header("Retry-After", &value),
        _ => Reply::ok(BODY),
    })
}

#[test]
fn every_passing_failure_is_tried_again() {
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
fn what_cannot_pass_is_not_tried_again() {
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
    assert_eq!(error.kind(), Kind::Network);
    says(&error, &["429 Too Many Requests", "wait 1000000000 s", "120 s are left of the 120 s"]);
    assert!(case.waits().is_empty());
}

#[test]
fn one_budget_holds_for_all_waits_and_all_sources() {
    let server = busy(9, "503 Service Unavailable", "50");
    let second = busy(9, "503 Service Unavailable", "50");
    let case = Case::new();
    let error = case.fail(&[&server.url("/"), &second.url("/")]);
    assert_eq!(case.waits().len(), 2);
    assert!(case.waits().iter().sum::<u64>() <= 120);
    says(&error, &["wait 50 s, and 1", "of the 120 s"]);
    assert_eq!((server.requests().len(), second.requests().len()), (3, 1));
}

#[test]
fn a_busy_mirror_is_followed_by_the_next_one() {
    let server = busy(9, "503 Service Unavailable", "500");
    let second = Server::start(|_| Reply::ok(BODY));
    Case::new().succeed(&[&server.url("/"), &second.url("/")]);
}

#[test]
fn a_source_that_is_cut_over_and_over_ends_with_the_budget() {
    // Each answer gains a byte, so only the budget ends it.
    let body = vec![b'x'; 5000];
    let server = Server::start(move |request| Reply::file(request, &body, "\"1\"").cut_at(1));
    let case = Case::new();
    let error = case.fail(&[&server.url("/")]);
    says(&error, &["of 5000 bytes", "the 120 s for waiting are used up"]);
    assert!(server.requests().len() > 100);
}
