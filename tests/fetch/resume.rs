//! Downloads that stop in the middle and continue.

use std::fs;
use std::time::Duration;

use airgap_core::error::ErrorKind;

use crate::server::{Reply, Server};
use crate::{BODY, Case, says};

const TAG: &str = "\"v1\"";

/// Creates the partial file of an earlier run, with these bytes.
fn left_behind(case: &Case, bytes: &[u8]) {
    let server = Server::start({
        let bytes = bytes.to_vec();
        move |request| match request.nth {
            0 => Reply::file(request, &[&bytes, &[0; 100][..]].concat(), TAG).cut_at(bytes.len()),
            _ => Reply::new("404 Not Found", ""),
        }
    });
    case.fail(&[&server.url("/")]);
    let part = case.names().into_iter().find(|name| name.ends_with(".part")).unwrap();
    let path = case.destination().with_file_name(part);
    assert_eq!(fs::read(path).unwrap(), bytes);
}

#[test]
fn a_download_cut_at_any_byte_resumes_there() {
    for cut in 0..=BODY.len() {
        let server = Server::start(move |request| match request.nth {
            0 => Reply::file(request, BODY, TAG).cut_at(cut),
            _ => Reply::file(request, BODY, TAG),
        });
        let case = Case::new();
        case.succeed(&[&server.url("/")]);
        let (first, rest) = (None, (cut > 0).then(|| format!("bytes={cut}-")));
        match cut {
            43 => assert_eq!(server.headers("range"), [first]),
            _ => assert_eq!(server.headers("range"), [first, rest.clone()]),
        }
        let tag = rest.map(|_| TAG.to_owned());
        assert_eq!(*server.headers("if-range").last().unwrap(), tag.filter(|_| cut < 43));
    }
}

#[test]
fn a_download_cut_after_each_byte_arrives() {
    let server = Server::start(|request| Reply::file(request, BODY, TAG).cut_at(1));
    let case = Case::new();
    case.succeed(&[&server.url("/")]);
    assert_eq!(server.requests().len(), BODY.len());
}

#[test]
fn the_next_run_resumes_where_the_last_one_failed() {
    let server = Server::start(|request| match request.nth {
        0 => Reply::file(request, BODY, TAG).cut_at(20),
        1 => Reply::new("404 Not Found", ""),
        _ => Reply::file(request, BODY, TAG),
    });
    let case = Case::new();
    let error = case.fail(&[&server.url("/")]);
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(case.names().len(), 2, "the file and the note beside it: {:?}", case.names());
    case.succeed(&[&server.url("/")]);
    let range = Some("bytes=20-".to_owned());
    assert_eq!(server.headers("range"), [None, range.clone(), range]);
    assert_eq!(server.headers("if-range")[2].as_deref(), Some(TAG));
}

#[test]
fn another_source_continues_without_the_validator_of_the_first() {
    let first = Server::start(|request| match request.nth {
        0 => Reply::file(request, BODY, TAG).cut_at(20),
        _ => Reply::new("404 Not Found", ""),
    });
    let second = Server::start(|request| Reply::file(request, BODY, "\"other\""));
    Case::new().succeed(&[&first.url("/"), &second.url("/")]);
    assert_eq!(second.headers("range"), [Some("bytes=20-".to_owned())]);
    assert_eq!(second.headers("if-range"), [None]);
}

#[test]
fn a_complete_file_of_a_killed_run_needs_no_request() {
    let case = Case::new();
    left_behind(&case, BODY);
    let server = Server::start(|_| Reply::new("404 Not Found", ""));
    case.succeed(&[&server.url("/")]);
    assert!(server.requests().is_empty());
}

#[test]
fn a_partial_file_that_is_too_long_starts_over() {
    let case = Case::new();
    left_behind(&case, &[BODY, b"more"].concat());
    let server = Server::start(|request| Reply::file(request, BODY, TAG));
    case.succeed(&[&server.url("/")]);
    assert_eq!(server.headers("range"), [Some("bytes=47-".to_owned()), None]);
}

#[test]
fn a_partial_file_with_wrong_bytes_starts_over_once() {
    let case = Case::new();
    left_behind(&case, b"garbage");
    let server = Server::start(|request| Reply::file(request, BODY, TAG));
    case.succeed(&[&server.url("/")]);
    assert_eq!(server.headers("range"), [Some("bytes=7-".to_owned()), None]);
}

#[test]
fn wrong_bytes_after_starting_over_are_an_integrity_error() {
    let case = Case::new();
    left_behind(&case, b"garbage");
    let server = Server::start(|request| Reply::file(request, b"something else", TAG));
    let error = case.fail(&[&server.url("/")]);
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert_eq!(server.requests().len(), 2);
    assert_eq!(case.names(), [""; 0], "wrong bytes are not kept");
}

#[test]
fn a_server_that_ignores_ranges_starts_over() {
    let server = Server::start(|request| match request.nth {
        0 => Reply::ok(BODY).cut_at(20),
        _ => Reply::ok(BODY),
    });
    Case::new().succeed(&[&server.url("/")]);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_wrong_part_is_asked_for_again_from_the_beginning() {
    for wrong in [0, 10, 21] {
        let server = Server::start(move |request| match request.nth {
            0 => Reply::ok(BODY).cut_at(20),
            1 => Reply::part(BODY, wrong),
            _ => Reply::ok(BODY),
        });
        Case::new().succeed(&[&server.url("/")]);
        assert_eq!(server.headers("range"), [None, Some("bytes=20-".to_owned()), None]);
    }
}

#[test]
fn a_file_that_changed_meanwhile_is_fetched_anew() {
    // Of two versions, only the second is the pinned one.
    let old = vec![b'x'; 100];
    let server = Server::start(move |request| match request.nth {
        0 => Reply::file(request, &old, "\"old\"").cut_at(20),
        _ => Reply::file(request, BODY, TAG),
    });
    let case = Case::new();
    case.succeed(&[&server.url("/")]);
    assert_eq!(server.headers("if-range")[1].as_deref(), Some("\"old\""));
}

#[test]
fn a_server_that_does_not_know_if_range_is_found_out_by_its_tag() {
    let old = vec![b'x'; 100];
    let server = Server::start(move |request| match request.nth {
        0 => Reply::file(request, &old, "\"old\"").cut_at(20),
        1 => Reply::part(BODY, 20).header("ETag", TAG),
        _ => Reply::file(request, BODY, TAG),
    });
    Case::new().succeed(&[&server.url("/")]);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_part_that_is_longer_than_it_says_is_refused() {
    let server = Server::start(|request| match request.nth {
        0 => Reply::ok(BODY).cut_at(20),
        _ => {
            let range = format!("bytes 20-29/{}", BODY.len());
            Reply::new("206 Partial Content", &BODY[20..]).header("Content-Range", &range)
        }
    });
    let error = Case::new().fail(&[&server.url("/")]);
    says(&error, &["more than the announced 30 bytes"]);
}

#[test]
fn a_part_of_a_part_is_taken_and_the_rest_asked_for() {
    let server = Server::start(|request| match request.range() {
        None => Reply::ok(BODY).cut_at(5),
        Some(first) => {
            let last = (first + 9).min(BODY.len() - 1);
            let range = format!("bytes {first}-{last}/{}", BODY.len());
            Reply::new("206 Partial Content", &BODY[first..=last]).header("Content-Range", &range)
        }
    });
    Case::new().succeed(&[&server.url("/")]);
    assert_eq!(server.requests().len(), 5);
}

#[test]
fn answers_that_are_always_cut_short_are_reported() {
    let server = Server::start(|_| Reply::ok(BODY).claiming(1000).cut_at(43));
    let case = Case::new();
    let error = case.get_bytes(&[&server.url("/")], b"longer").err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Network);
    says(&error, &["the connection ended after 43 of 1000 bytes"]);
}

#[test]
fn a_server_that_falls_silent_is_left_and_continued() {
    let server = Server::start(|request| match request.nth {
        0 => Reply::file(request, BODY, TAG).stalling_at(20),
        _ => Reply::file(request, BODY, TAG),
    });
    let mut case = Case::new();
    case.network.silence = Duration::from_millis(200);
    case.succeed(&[&server.url("/")]);
    assert_eq!(server.headers("range")[1].as_deref(), Some("bytes=20-"));

    let server = Server::start(|_| Reply::ok(BODY).stalling_at(20));
    let mut case = Case::new();
    case.network.silence = Duration::from_millis(50);
    let error = case.fail(&[&server.url("/")]);
    assert_eq!(error.kind(), ErrorKind::Network);
    says(&error, &["sent nothing for 0.05 s, after 20 of 43 bytes"]);
}
