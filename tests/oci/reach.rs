//! Reaching a registry: schemes, certificates, and hosts that do not exist.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind};
use airgap_core::network::ProxySetting;
use airgap_http::Identity;
use airgap_oci::{Access, Credential, Repository};
use rcgen::CertificateParams;

use crate::authority::Authority;
use crate::fake_registry::{Door, Fake};
use crate::server::{Reply, Server};
use crate::{BODY, Case, access, alice, filled, home, says};

/// Asks for the blob in a registry on this host.
fn query_blob(case: &Case, host: &str) -> Result<bool, Error> {
    let repository = Repository::new(host.parse().unwrap(), "ns/name").unwrap();
    case.client().has_blob(&repository, &Digest::compute(BODY))
}

fn plain() -> Access {
    Access { plain_http: true, ..Access::default() }
}

#[test]
fn tls_on_loopback_is_detected() {
    let authority = Authority::new();
    let server = Server::start_tls(authority.server("localhost"), |_| Reply::ok(""));
    let mut case = Case::new();
    case.network.ca_file = Some(authority.write_to(case.folder.path()));
    let host = format!("localhost:{}", server.port());
    case.accesses.set(&host, access(alice()));
    assert!(query_blob(&case, &host).unwrap());
}

#[test]
fn an_untrusted_authority_is_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = Server::start_tls(authority.server("localhost"), |_| Reply::ok(""));
    let mut case = Case::new();
    case.network.ca_file = Some(other.write_to(case.folder.path()));
    let error = query_blob(&case, &format!("localhost:{}", server.port())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    says(
        &error,
        &["reach the registry `localhost:", "this machine does not trust", "SSL_CERT_FILE"],
    );
}

#[test]
fn a_certificate_that_is_itself_a_named_root_is_accepted() {
    let params = || CertificateParams::new(["localhost".to_owned()]).unwrap();
    let (pem, config) = Authority::self_signed(params());
    let server = Server::start_tls(config, |_| Reply::ok(""));
    let host = format!("localhost:{}", server.port());
    let other = Authority::new();
    let named = |text: &str| {
        let mut case = Case::new();
        let path = case.folder.path().join("named.pem");
        std::fs::write(&path, text).unwrap();
        case.network.ca_file = Some(path);
        case
    };
    // By SSL_CERT_FILE, and for this registry alone.
    assert!(query_blob(&named(&pem), &host).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(other.write_to(folder.path())).unwrap();
    let case = named(&text);
    case.accesses.set(&host, Access { roots: vec![pem.clone()], ..Access::default() });
    assert!(query_blob(&case, &host).unwrap());
    // A certificate that is not named is not trusted, however similar it is.
    let (twin, _) = Authority::self_signed(params());
    for text in [text, twin] {
        let error = query_blob(&named(&text), &host).unwrap_err();
        says(&error, &["CA:TRUE", "SSL_CERT_FILE", "basicConstraints=critical,CA:FALSE"]);
    }
    // The name and the dates of the certificate are checked.
    let error = query_blob(&named(&pem), &format!("127.0.0.1:{}", server.port())).unwrap_err();
    says(&error, &["for another name"]);
    let mut old = params();
    old.not_after = rcgen::date_time_ymd(2001, 1, 1);
    let (pem, config) = Authority::self_signed(old);
    let server = Server::start_tls(config, |_| Reply::ok(""));
    let error = query_blob(&named(&pem), &format!("localhost:{}", server.port())).unwrap_err();
    says(&error, &["has expired"]);
}

#[test]
fn a_client_certificate_is_shown_to_its_registry_alone() {
    let authority = Authority::new();
    let start = || Server::start_tls(authority.server_for_clients("localhost"), |_| Reply::ok(""));
    let (known, other) = (start(), start());
    let host = |server: &Server| format!("localhost:{}", server.port());
    let mut case = Case::new();
    case.network.ca_file = Some(authority.write_to(case.folder.path()));
    let (certificate, key) = authority.client();
    let identity = |certificate: &str, key: &str| {
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        let identity = Identity { certificate, key, origin: "client.cert".into() };
        Access { identity: Some(Arc::new(identity)), tls: true, ..Access::default() }
    };
    let without = || Access { tls: true, ..Access::default() };
    case.accesses.set(&host(&known), identity(&certificate, &key));
    case.accesses.set(&host(&other), without());
    assert!(query_blob(&case, &host(&known)).unwrap());
    let error = query_blob(&case, &host(&other)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    // A redirect does not lead to another host.
    let to = other.url("/v2/ns/name");
    let leads =
        Server::start_tls(authority.server_for_clients("localhost"), move |request| match request
            .path
            .as_str()
        {
            "/v2/" => Reply::ok(""),
            _ => Reply::new("307 Temporary Redirect", "").header("Location", &to),
        });
    case.accesses.set(&host(&leads), identity(&certificate, &key));
    assert!(query_blob(&case, &host(&leads)).is_err());
    assert!(other.requests().is_empty());
    for (certificate, key) in [(&*certificate, "no key"), ("nothing", &*key), (&*key, &*key)] {
        case.accesses.set(&host(&known), identity(certificate, key));
        let error = query_blob(&case, &host(&known)).unwrap_err();
        says(&error, &["client certificate `client.cert` cannot be used"]);
        assert!(!error.to_string().contains("PRIVATE"), "{error}");
    }
}

/// Checks `extra_root_certificates` of a config file: it applies to this registry, and to no other.
#[test]
fn an_authority_of_one_registry_is_used_for_it() {
    let (authority, other) = (Authority::new(), Authority::new());
    let start = || Server::start_tls(authority.server("localhost"), |_| Reply::ok(""));
    let (trusted, untrusted) = (start(), start());
    let mut case = Case::new();
    case.network.ca_file = Some(other.write_to(case.folder.path()));
    let folder = tempfile::tempdir().unwrap();
    let pem = std::fs::read_to_string(authority.write_to(folder.path())).unwrap();
    let host = format!("localhost:{}", trusted.port());
    case.accesses.set(&host, Access { roots: vec![pem], ..Access::default() });
    assert!(query_blob(&case, &host).unwrap());
    let error = query_blob(&case, &format!("localhost:{}", untrusted.port())).unwrap_err();
    says(&error, &["this machine does not trust"]);

    let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_owned();
    case.accesses.set(&host, Access { roots: vec![broken], ..Access::default() });
    let error = query_blob(&case, &host).unwrap_err();
    says(&error, &["extra_root_certificates"]);
}

/// Creates a proxy through which a name beyond loopback leads to this server.
fn through_proxy(case: &mut Case) -> Server {
    let proxy = Server::start(|_| Reply::tunnel());
    let set = ProxySetting { variable: "all_proxy", address: proxy.url("") };
    case.network.http_proxy = Some(set.clone());
    case.network.https_proxy = Some(set);
    proxy
}

#[test]
fn other_hosts_than_loopback_need_tls() {
    let server = Server::start(|_| Reply::ok(""));
    let mut case = Case::new();
    let proxy = through_proxy(&mut case);
    case.network.silence = Duration::from_millis(200);
    let host = format!("registry.invalid:{}", server.port());
    query_blob(&case, &host).unwrap_err();
    // No request in plain text reached the server.
    assert!(server.requests().is_empty());
    assert!(!proxy.requests().is_empty());
}

#[test]
fn plain_http_is_used_off_loopback_if_configured() {
    let server = Server::start(|_| Reply::ok(""));
    let mut case = Case::new();
    let _proxy = through_proxy(&mut case);
    let host = format!("registry.invalid:{}", server.port());
    case.accesses.set(&host, plain());
    assert!(query_blob(&case, &host).unwrap());
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn no_credential_leaves_this_machine_by_plain_http() {
    for (door, credential) in [
        (Door::Basic, alice()),
        (Door::AliceToken, alice()),
        (Door::AliceToken, Credential::Refresh("geheim".into())),
        (Door::Basic, Credential::Bearer("geheim".into())),
    ] {
        let fake = filled(Fake::new(door));
        let mut case = Case::new();
        let _proxy = through_proxy(&mut case);
        let host = format!("registry.invalid:{}", fake.server.port());
        case.accesses.set(&host, Access { plain_http: true, ..access(credential) });
        let error = query_blob(&case, &host).unwrap_err();
        says(&error, &["the settings of the test was not sent", "plain http", "by https"]);
        let tokens = fake.tokens.iter().flat_map(|it| it.requests());
        for request in fake.server.requests().into_iter().chain(tokens) {
            assert_eq!(request.header("authorization"), None);
            assert!(request.body.is_empty(), "a refresh token is sent in a form");
        }
    }
}

#[test]
fn a_server_without_tls_gets_the_hint_to_allow_plain_http() {
    // A server that answers in plain text to every request.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            use std::io::{Read, Write};
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let mut case = Case::new();
    let _proxy = through_proxy(&mut case);
    let error = query_blob(&case, &format!("registry.invalid:{port}")).unwrap_err();
    says(&error, &["does not speak TLS", "protocol = \"http\"", "registry.invalid"]);
}

#[test]
fn loopback_registries_use_no_proxy() {
    let fake = filled(Fake::new(Door::Basic));
    let mut case = Case::by(&fake, alice());
    let proxy = through_proxy(&mut case);
    assert!(query_blob(&case, &fake.host()).unwrap());
    assert!(proxy.requests().is_empty());
}

#[test]
fn slow_failures_use_up_the_retry_budget() {
    for (ping, requests) in [("503 Service Unavailable", 3), ("200 OK", 4)] {
        let case = Case::new();
        let clock = case.clock.clone();
        let server = Server::start(move |request| match request.path.as_str() {
            "/v2/" if ping == "200 OK" => Reply::new(ping, ""),
            _ => {
                clock.pass(Duration::from_secs(50));
                Reply::new("503 Service Unavailable", "")
            }
        });
        let error = query_blob(&case, &format!("127.0.0.1:{}", server.port())).unwrap_err();
        says(&error, &["503", "the 120 s for waiting are used up"]);
        assert_eq!(server.requests().len(), requests);
    }
}

#[test]
fn refused_connections_and_unknown_hosts_are_reported() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let case = Case::new();
    let error = query_blob(&case, &format!("127.0.0.1:{port}")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    says(&error, &["reach the registry `127.0.0.1:", "refused", "(4 times)"]);
    let error = query_blob(&case, "registry.invalid").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    says(&error, &["reach the registry `registry.invalid`"]);
}

#[test]
fn later_requests_do_not_wait_for_a_registry_that_is_down() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let host = format!("127.0.0.1:{port}");
    let repository = Repository::new(host.parse().unwrap(), "a").unwrap();
    let case = Case::new();
    let client = case.client();
    client.has_blob(&repository, &Digest::compute(BODY)).unwrap_err();
    let waits = case.clock.waits().len();
    client.has_blob(&repository, &Digest::compute(BODY)).unwrap_err();
    assert_eq!((waits, case.clock.waits().len()), (3, 3));
}

#[test]
fn a_registry_that_is_busy_at_first_is_retried() {
    let fake = filled(Fake::with(Door::Open, |request, _| match request.nth {
        0 => Some(Reply::new("503 Service Unavailable", "").header("Retry-After", "9")),
        _ => None,
    }));
    let case = Case::new();
    assert!(case.client().has_blob(&home(&fake), &Digest::compute(BODY)).unwrap());
    assert_eq!(case.clock.waits(), [9, 9]);
}

#[test]
fn a_web_site_is_not_a_registry() {
    let fake = Fake::with(Door::Open, |_, _| {
        Some(Reply::ok("<html>").header("Content-Type", "text/html; charset=utf-8"))
    });
    let error = query_blob(&Case::new(), &fake.host()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    says(&error, &["web page instead of JSON", "that host is not a registry"]);
}

#[test]
fn bad_redirects_are_refused() {
    for (location, words) in [
        ("http://storage.invalid/x", "by plain http, which is not encrypted"),
        ("ftp://127.0.0.1/x", "redirects to ftp://"),
        ("/v2/ns/name/blobs/again", "redirects in a circle"),
    ] {
        let fake = Fake::with(Door::Open, move |request, _| {
            (request.path != "/v2/").then(|| Reply::redirect(location))
        });
        let error = query_blob(&Case::new(), &fake.host()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network);
        says(&error, &[words]);
    }
}
