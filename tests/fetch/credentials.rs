//! Who gets to see which credential: looked up in what the servers really received.

use wasm_airgap::error::Kind;

use crate::server::{Reply, Server};
use crate::{BODY, Case, says};

const ALICE: &str = "Basic YWxpY2U6cDE="; // alice:p1
const BOB: &str = "Basic Ym9iOnAy"; // bob:p2

fn authorization(server: &Server) -> Vec<Option<String>> {
    server.headers("authorization")
}

/// A server that sends everybody on to the other one, which it knows as `localhost`.
fn two_hosts() -> (Server, Server) {
    let far = Server::start(|_| Reply::ok(BODY));
    let to = far.url_as("localhost", "/file");
    (Server::start(move |_| Reply::redirect(&to)), far)
}

#[test]
fn netrc_serves_the_host_it_names() {
    let server = Server::start(|request| match request.header("authorization") {
        Some(ALICE) => Reply::ok(BODY),
        _ => Reply::new("401 Unauthorized", ""),
    });
    let mut case = Case::new();
    case.netrc("machine 127.0.0.1 login alice password p1");
    case.succeed(&[&server.url("/")]);
}

#[test]
fn no_credential_goes_to_another_host() {
    for netrc in [
        "machine 127.0.0.1 login alice password p1",
        "machine 127.0.0.1 login alice password p1 default login bob password p2",
        "default login alice password p1",
    ] {
        let (near, far) = two_hosts();
        let mut case = Case::new();
        case.netrc(netrc);
        case.succeed(&[&near.url("/")]);
        assert_eq!(authorization(&near), [Some(ALICE.to_owned())], "{netrc}");
        assert_eq!(authorization(&far), [None], "{netrc}");
    }
}

#[test]
fn another_host_gets_its_own_credential() {
    let (near, far) = two_hosts();
    let mut case = Case::new();
    case.netrc("machine 127.0.0.1 login alice password p1 machine localhost login bob password p2");
    case.succeed(&[&near.url("/")]);
    assert_eq!(authorization(&near), [Some(ALICE.to_owned())]);
    assert_eq!(authorization(&far), [Some(BOB.to_owned())]);
}

#[test]
fn a_credential_in_the_address_goes_to_that_server_only() {
    // The same host with another port is another server.
    let far = Server::start(|_| Reply::ok(BODY));
    let to = far.url("/file");
    let near = Server::start(move |request| match request.path.as_str() {
        "/" => Reply::redirect("/again"),
        _ => Reply::redirect(&to),
    });
    let url = near.url("/").replace("://", "://alice:p1@");
    Case::new().succeed(&[&url]);
    assert_eq!(authorization(&near), [Some(ALICE.to_owned()), Some(ALICE.to_owned())]);
    assert_eq!(authorization(&far), [None]);
}

#[test]
fn a_credential_in_a_redirect_is_not_used() {
    let far = Server::start(|_| Reply::ok(BODY));
    let to = far.url("/").replace("://", "://alice:p1@");
    let near = Server::start(move |_| Reply::redirect(&to));
    Case::new().succeed(&[&near.url("/")]);
    assert_eq!(authorization(&far), [None]);
}

#[test]
fn the_next_source_does_not_see_the_credential_of_the_first() {
    let first = Server::start(|_| Reply::new("404 Not Found", ""));
    let second = Server::start(|_| Reply::ok(BODY));
    let url = first.url("/").replace("://", "://alice:p1@");
    Case::new().succeed(&[&url, &second.url("/")]);
    assert_eq!(authorization(&second), [None]);
}

#[test]
fn refusals_say_what_would_help_and_tell_no_secret() {
    for (status, netrc, words) in [
        ("401 Unauthorized", "", "wants to know who asks: write `machine 127.0.0.1"),
        ("401 Unauthorized", "machine 127.0.0.1 login a password geheim", "does not accept"),
        ("403 Forbidden", "", "refuses those it does not know"),
        ("403 Forbidden", "machine 127.0.0.1 login a password geheim", "knows who asks"),
    ] {
        let server = Server::start(move |_| Reply::new(status, ""));
        let mut case = Case::new();
        case.netrc(netrc);
        let error = case.fail(&[&server.url("/")]);
        assert_eq!(error.kind(), Kind::Network);
        let path = case.network.netrc.as_ref().unwrap().display().to_string();
        says(&error, &[status, words, &path]);
        assert!(!error.to_string().contains("geheim"), "{error}");
    }
}

#[test]
fn nothing_on_disk_tells_the_credential() {
    let server = Server::start(|request| match request.nth {
        0 => Reply::file(request, BODY, "\"1\"").cut_at(5),
        _ => Reply::new("404 Not Found", ""),
    });
    let case = Case::new();
    let url = server.url("/?token=geheim").replace("://", "://a:geheim@");
    case.fail(&[&url]);
    let folder = case.destination().parent().unwrap().to_owned();
    assert_eq!(case.names().len(), 2);
    for name in case.names() {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        assert!(!text.contains("geheim"), "{text}");
    }
}
