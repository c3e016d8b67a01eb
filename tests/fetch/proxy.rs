//! Proxies.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use airgap_core::error::ErrorKind;
use airgap_core::network::ProxySetting;

use crate::authority::Authority;
use crate::server::{Reply, Server};
use crate::{BODY, Case, says};

/// Creates a proxy that accepts every request.
fn proxy() -> Server {
    Server::start(|_| Reply::tunnel())
}

/// Returns the setting of a proxy by this variable.
fn set(variable: &'static str, address: &str) -> Option<ProxySetting> {
    Some(ProxySetting { variable, address: address.to_owned() })
}

#[test]
fn http_goes_through_its_proxy() {
    let (proxy, server) = (proxy(), Server::start(|_| Reply::ok(BODY)));
    let mut case = Case::new();
    case.network.http_proxy = set("http_proxy", &proxy.url(""));
    // A name that only the proxy can resolve.
    let url = server.url_as("inside.invalid", "/file");
    case.succeed(&[&url]);
    let seen: Vec<_> = proxy.requests().into_iter().map(|it| (it.method, it.path)).collect();
    assert_eq!(seen, [("CONNECT".to_owned(), format!("inside.invalid:{}", server.port()))]);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn https_goes_through_its_own_proxy() {
    let authority = Authority::new();
    let server = Server::start_tls(authority.server("localhost"), |_| Reply::ok(BODY));
    let (proxy, other) = (proxy(), proxy());
    let mut case = Case::new();
    case.network.ca_file = Some(authority.write_to(case.folder.path()));
    case.network.https_proxy = set("https_proxy", &proxy.url(""));
    case.network.http_proxy = set("http_proxy", &other.url(""));
    case.succeed(&[&server.url_as("localhost", "/")]);
    assert_eq!((proxy.requests().len(), other.requests().len()), (1, 0));
}

#[test]
fn no_proxy_goes_past_it() {
    let (proxy, server) = (proxy(), Server::start(|_| Reply::ok(BODY)));
    for no_proxy in ["127.0.0.1", "example.com,127.0.0.0/8", "*"] {
        let mut case = Case::new();
        case.network.http_proxy = set("http_proxy", &proxy.url(""));
        case.network.no_proxy = Some(no_proxy.to_owned());
        case.succeed(&[&server.url("/")]);
    }
    assert!(proxy.requests().is_empty());
}

#[test]
fn a_proxy_gets_its_own_credential_and_no_other() {
    let (proxy, server) = (proxy(), Server::start(|_| Reply::ok(BODY)));
    let mut case = Case::new();
    case.network.http_proxy = set("http_proxy", &proxy.url("").replace("://", "://alice:p1@"));
    case.netrc("default login bob password p2");
    case.succeed(&[&server.url("/")]);
    let alice = Some("Basic YWxpY2U6cDE=".to_owned());
    assert_eq!(proxy.headers("proxy-authorization"), [alice]);
    assert_eq!(proxy.headers("authorization"), [None]);
    assert_eq!(server.headers("proxy-authorization"), [None]);
}

#[test]
fn a_proxy_that_refuses_is_named() {
    for (status, words) in [
        ("407 Proxy Authentication Required", "user and password into http_proxy"),
        ("403 Forbidden", "does not allow this host or port"),
    ] {
        let proxy = Server::start(move |_| Reply::new(status, ""));
        let mut case = Case::new();
        case.network.http_proxy =
            set("http_proxy", &proxy.url("").replace("://", "://alice:geheim@"));
        let error = case.fail(&["http://host.invalid/"]);
        assert_eq!(error.kind(), ErrorKind::Network);
        says(&error, &[status, words, &proxy.url("")]);
        assert!(!error.to_string().contains("geheim"), "{error}");
        assert_eq!(proxy.requests().len(), 1);
    }
}

#[test]
fn a_dead_proxy_is_named_with_its_variable() {
    let url = { Server::start(|_| Reply::nothing()).url("") };
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut case = Case::new();
    case.network.http_proxy = set("ALL_PROXY", &format!("http://127.0.0.1:{port}"));
    let error = case.fail(&["http://host.invalid/"]);
    says(&error, &["through the proxy http://127.0.0.1", "the proxy is set by ALL_PROXY;"]);
    drop(url);
}

/// Waits in real time, because the limit for a connection is real time.
#[test]
fn a_proxy_that_never_comes_to_an_answer_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let _ = stream.read(&mut [0; 4096]);
        while stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let mut case = Case::new();
    case.network.http_proxy = set("http_proxy", &proxy);
    case.network.retry_budget = Duration::ZERO;
    let error = case.fail(&["http://host.invalid/"]);
    assert_eq!(error.kind(), ErrorKind::Network);
    says(&error, &["could not connect within 15 s", &format!("through the proxy {proxy}")]);
}

#[test]
fn a_malformed_proxy_is_a_usage_error_that_names_the_variable() {
    let mut case = Case::new();
    case.network.https_proxy = set("HTTPS_PROXY", "ftp://u:geheim@proxy");
    let Err(error) = case.client() else { panic!("it should have failed") };
    assert_eq!(error.kind(), ErrorKind::Usage);
    says(&error, &["HTTPS_PROXY"]);
    assert!(!error.to_string().contains("geheim"), "{error}");
}
