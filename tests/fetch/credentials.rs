//! The recipients of credentials, checked in the requests that the servers received.

use std::sync::{Arc, OnceLock};

use airgap_core::error::ErrorKind;
use airgap_core::network::ProxySetting;

use crate::authority::Authority;
use crate::server::{Reply, Server};
use crate::{BODY, Case, says};

const ALICE: &str = "Basic YWxpY2U6cDE="; // alice:p1

fn authorization(server: &Server) -> Vec<Option<String>> {
    server.headers("authorization")
}

/// Creates a server that redirects every request to the other one, which it knows as `localhost`.
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
fn a_server_that_only_a_redirect_names_gets_no_netrc_credential() {
    let both = "machine 127.0.0.1 login alice password p1 machine localhost login bob password p2";
    // Another host, and the same host with another port.
    for host in ["localhost", "127.0.0.1"] {
        let far = Server::start(|_| Reply::ok(BODY));
        let to = far.url_as(host, "/stolen");
        let near = Server::start(move |_| Reply::redirect(&to));
        let mut case = Case::new();
        case.netrc(both);
        case.succeed(&[&near.url("/")]);
        assert_eq!(authorization(&near), [Some(ALICE.to_owned())], "{host}");
        assert_eq!(authorization(&far), [None], "{host}");
    }
}

#[test]
fn a_redirect_from_http_to_https_is_one_to_another_server() {
    let authority = Authority::new();
    let far = Server::start_tls(authority.server("localhost"), |_| Reply::ok(BODY));
    let to = far.url_as("localhost", "/");
    let near = Server::start({
        let to = to.clone();
        move |_| Reply::redirect(&to)
    });
    let case = || {
        let mut case = Case::new();
        case.network.ca_file = Some(authority.write_to(case.folder.path()));
        case.netrc("machine localhost login alice password p1");
        case
    };
    case().succeed(&[&near.url_as("localhost", "/")]);
    assert_eq!(authorization(&far), [None]);
    // The same address, given by the user.
    case().succeed(&[&to]);
    assert_eq!(authorization(&far), [None, Some(ALICE.to_owned())]);
}

#[test]
fn a_way_back_to_the_first_server_keeps_its_credential_there() {
    let (near, far) = (Arc::new(OnceLock::<String>::new()), Arc::new(OnceLock::<String>::new()));
    let (back, to) = (near.clone(), far.clone());
    let far_server = Server::start(move |_| Reply::redirect(back.get().unwrap()));
    let near_server = Server::start(move |request| match request.path.as_str() {
        "/" => Reply::redirect(to.get().unwrap()),
        _ => Reply::ok(BODY),
    });
    near.set(near_server.url("/back")).unwrap();
    far.set(far_server.url("/")).unwrap();
    let mut case = Case::new();
    case.netrc("machine 127.0.0.1 login alice password p1");
    case.succeed(&[&near_server.url("/")]);
    let alice = Some(ALICE.to_owned());
    assert_eq!(authorization(&near_server), [alice.clone(), alice]);
    assert_eq!(authorization(&far_server), [None]);
}

#[test]
fn no_credential_leaves_this_machine_by_plain_http() {
    // A proxy leads every host name to this machine, which stands in for a server beyond loopback.
    let proxy = Server::start(|_| Reply::tunnel());
    let server = Server::start(|_| Reply::new("401 Unauthorized", ""));
    let mut case = Case::new();
    let address = proxy.url("");
    case.network.http_proxy = Some(ProxySetting { variable: "http_proxy", address });
    let url = server.url_as("mirror.corp", "/");
    let machine = server.url_as("localhost", "/");
    for (netrc, url, words) in [
        ("machine mirror.corp login a password geheim", &url, ["netrc` was not sent", "by https"]),
        ("default login a password geheim", &url, ["netrc` was not sent", "by https"]),
        ("", &url.replace("://", "://a:geheim@"), ["in the address were not sent", "by https"]),
        ("", &url, ["credentials are never sent to mirror.corp", "by https"]),
        // Behind a proxy, this name means the proxy's own machine.
        ("machine localhost login a password geheim", &machine, ["not sent", "in no_proxy"]),
    ] {
        case.netrc(netrc);
        let error = case.fail(&[url]);
        says(&error, &["401 Unauthorized", "plain http"]);
        says(&error, &words);
        assert!(!error.to_string().contains("geheim"), "{error}");
    }
    assert!(authorization(&server).iter().chain(&authorization(&proxy)).all(Option::is_none));
    assert_eq!(server.requests().len(), 5);
}

#[test]
fn a_refusal_says_which_credential_was_withheld_and_why() {
    for (status, netrc, words) in [
        ("401 Unauthorized", "machine localhost login a password geheim", "for localhost in"),
        ("403 Forbidden", "machine localhost login a password geheim", "was not sent"),
        ("404 Not Found", "machine localhost login a password geheim", "was not sent"),
        ("401 Unauthorized", "", "credentials are never sent to localhost"),
    ] {
        let far = Server::start(move |_| Reply::new(status, ""));
        let to = far.url_as("localhost", "/file");
        let near = Server::start(move |_| Reply::redirect(&to));
        let mut case = Case::new();
        case.netrc(netrc);
        let error = case.fail(&[&near.url("/")]);
        says(&error, &[status, words, "only a redirect named this server", "use a URL of"]);
        assert!(!error.to_string().contains("geheim"), "{error}");
    }
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
fn refusals_name_a_remedy_and_no_secret() {
    for (status, netrc, words) in [
        ("401 Unauthorized", "", "requires a credential: write `machine 127.0.0.1"),
        ("401 Unauthorized", "machine 127.0.0.1 login a password geheim", "does not accept"),
        ("403 Forbidden", "", "refuses requests without a credential"),
        ("403 Forbidden", "machine 127.0.0.1 login a password geheim", "accepted the credential"),
    ] {
        let server = Server::start(move |_| Reply::new(status, ""));
        let mut case = Case::new();
        case.netrc(netrc);
        let error = case.fail(&[&server.url("/")]);
        assert_eq!(error.kind(), ErrorKind::Network);
        let path = case.network.netrc.as_ref().unwrap().display().to_string();
        says(&error, &[status, words, &path]);
        assert!(!error.to_string().contains("geheim"), "{error}");
    }
}

#[test]
fn partial_files_do_not_contain_the_credential() {
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
