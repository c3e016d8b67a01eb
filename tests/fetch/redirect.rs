//! Redirects.

use airgap_core::error::ErrorKind;

use crate::server::{Reply, Server};
use crate::{BODY, Case, says};

#[test]
fn redirects_are_followed_relative_ones_too() {
    let server = Server::start(|request| match request.path.as_str() {
        "/a/b" => Reply::redirect("../c?x=1"),
        "/c?x=1" => Reply::new("308 Permanent Redirect", "moved").header("Location", "/d"),
        _ => Reply::ok(BODY),
    });
    Case::new().succeed(&[&server.url("/a/b")]);
    let paths: Vec<_> = server.requests().into_iter().map(|it| it.path).collect();
    assert_eq!(paths, ["/a/b", "/c?x=1", "/d"]);
}

#[test]
fn a_range_survives_a_redirect() {
    let server = Server::start(|request| match (request.path.as_str(), request.nth) {
        ("/", _) => Reply::redirect("/file"),
        (_, 0) => Reply::file(request, BODY, "\"1\"").cut_at(9),
        _ => Reply::file(request, BODY, "\"1\""),
    });
    Case::new().succeed(&[&server.url("/")]);
    assert_eq!(server.headers("range")[3].as_deref(), Some("bytes=9-"));
}

#[test]
fn redirect_loops_and_long_chains_end() {
    let server = Server::start(|request| match request.path.as_str() {
        "/self" => Reply::redirect("/self"),
        "/one" => Reply::redirect("/two"),
        "/two" => Reply::redirect("/one"),
        path => Reply::redirect(&format!("{path}x")),
    });
    for (path, requests, words) in
        [("/self", 1, "in a circle"), ("/one", 2, "in a circle"), ("/x", 11, "more than 10 times")]
    {
        let before = server.requests().len();
        let error = Case::new().fail(&[&server.url(path)]);
        assert_eq!(error.kind(), ErrorKind::Network);
        says(&error, &[words]);
        assert_eq!(server.requests().len() - before, requests, "{path}");
    }
}

#[test]
fn other_schemes_are_not_followed() {
    let case = Case::new();
    let secret = case.folder.path().join("secret");
    std::fs::write(&secret, BODY).unwrap();
    let to = url::Url::from_file_path(&secret).unwrap();
    for to in [to.as_str(), "ftp://host/a", "http://", "data:,x"] {
        let to = to.to_owned();
        let server = Server::start(move |_| Reply::redirect(&to));
        let error = case.fail(&[&server.url("/")]);
        assert_eq!(error.kind(), ErrorKind::Network);
        says(&error, &["redirects to"]);
    }
}

#[test]
fn wrong_bytes_name_where_they_came_from() {
    let target = Server::start(|_| Reply::ok("wrong"));
    let to = target.url("/signed?signature=geheim");
    let server = Server::start(move |_| Reply::redirect(&to));
    let error = Case::new().fail(&[&server.url("/")]);
    says(&error, &[&server.url("/"), &target.url("/signed?signature=...")]);
    assert!(!error.to_string().contains("geheim"), "{error}");
}
