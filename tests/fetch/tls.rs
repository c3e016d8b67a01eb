//! Certificates, with a private authority.

use airgap_core::error::ErrorKind;
use rcgen::{CertificateParams, date_time_ymd};

use crate::authority::Authority;
use crate::server::{Reply, Server};
use crate::{BODY, Case, says};

#[test]
fn a_private_authority_is_trusted_by_file_and_by_folder() {
    let authority = Authority::new();
    let server = Server::start_tls(authority.server("localhost"), |_| Reply::ok(BODY));
    let url = server.url_as("localhost", "/");

    let mut case = Case::new();
    case.network.ca_file = Some(authority.write_to(case.folder.path()));
    case.succeed(&[&url]);

    let mut case = Case::new();
    let folders = case.folder.path().join("empty").display().to_string();
    std::fs::create_dir(&folders).unwrap();
    authority.write_to(case.folder.path());
    let folders = format!("{folders}:{}", case.folder.path().display());
    case.network.ca_dir = Some(folders.into());
    case.succeed(&[&url]);
}

#[test]
fn an_unknown_authority_is_refused_with_the_remedy() {
    let (ours, other) = (Authority::new(), Authority::new());
    let server = Server::start_tls(ours.server("localhost"), |_| Reply::ok(BODY));
    let mut case = Case::new();
    case.network.ca_file = Some(other.write_to(case.folder.path()));
    let error = case.fail(&[&server.url_as("localhost", "/")]);
    assert_eq!(error.kind(), ErrorKind::Network);
    says(&error, &["authority that this machine does not trust", "SSL_CERT_FILE"]);
    assert!(case.waits().is_empty(), "it would be refused again");
}

#[test]
fn certificates_with_a_wrong_name_or_time_are_explained() {
    let authority = Authority::new();
    let mut expired = CertificateParams::new(["localhost".to_owned()]).unwrap();
    expired.not_after = date_time_ymd(2001, 1, 1);
    let mut early = CertificateParams::new(["localhost".to_owned()]).unwrap();
    early.not_before = date_time_ymd(2200, 1, 1);
    early.not_after = date_time_ymd(2201, 1, 1);
    let nameless = CertificateParams::new(Vec::new()).unwrap();
    for (config, words) in [
        (authority.server("other.example"), "for another name"),
        (authority.server("other.example"), "-addext subjectAltName=DNS:localhost"),
        (authority.server_with(nameless), "(CN) is ignored"),
        (authority.server_with(expired), "has expired"),
        (authority.server_with(early), "not valid yet"),
    ] {
        let server = Server::start_tls(config, |_| Reply::ok(BODY));
        let mut case = Case::new();
        case.network.ca_file = Some(authority.write_to(case.folder.path()));
        let error = case.fail(&[&server.url_as("localhost", "/")]);
        assert_eq!(error.kind(), ErrorKind::Network);
        says(&error, &[words]);
    }
}

#[test]
fn a_server_without_tls_is_named() {
    let authority = Authority::new();
    let server = Server::start(|_| Reply::ok(BODY));
    let tls = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}/", tls.local_addr().unwrap().port());
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = tls.accept().unwrap();
        let _ = stream.read(&mut [0; 100]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let mut case = Case::new();
    case.network.ca_file = Some(authority.write_to(case.folder.path()));
    says(&case.fail(&[&url]), &["does not speak TLS"]);
    drop(server);
}

#[test]
fn invalid_roots_are_a_usage_error_for_https_only() {
    let server = Server::start(|_| Reply::ok(BODY));
    for (file, words) in [("no such file", "No such file"), ("empty", "SSL_CERT_FILE")] {
        let mut case = Case::new();
        let path = case.folder.path().join(file);
        if file == "empty" {
            std::fs::write(&path, "nothing").unwrap();
        }
        case.network.ca_file = Some(path.clone());
        let error = case.fail(&["https://localhost:1/"]);
        assert_eq!(error.kind(), ErrorKind::Usage);
        says(&error, &[words, &path.display().to_string()]);
        case.succeed(&[&server.url("/")]);
    }
}

#[test]
fn https_is_not_redirected_to_http() {
    let plain = Server::start(|_| Reply::ok(BODY));
    let to = plain.url("/");
    let authority = Authority::new();
    let server = Server::start_tls(authority.server("localhost"), move |_| Reply::redirect(&to));
    let mut case = Case::new();
    case.network.ca_file = Some(authority.write_to(case.folder.path()));
    let error = case.fail(&[&server.url_as("localhost", "/")]);
    says(&error, &["redirects from https to http://127.0.0.1"]);
    assert!(plain.requests().is_empty());
}

#[test]
fn a_cut_download_over_tls_resumes() {
    let authority = Authority::new();
    let server = Server::start_tls(authority.server("localhost"), |request| match request.nth {
        0 => Reply::file(request, BODY, "\"1\"").cut_at(20),
        _ => Reply::file(request, BODY, "\"1\""),
    });
    let mut case = Case::new();
    case.network.ca_file = Some(authority.write_to(case.folder.path()));
    case.succeed(&[&server.url_as("localhost", "/")]);
    assert_eq!(server.headers("range")[1].as_deref(), Some("bytes=20-"));
}

#[cfg(unix)]
#[test]
fn a_device_as_the_file_of_an_authority_is_refused_at_once() {
    let mut case = Case::new();
    case.network.ca_file = Some("/dev/zero".into());
    let error = case.fail(&["https://127.0.0.1:1/"]);
    assert_eq!(error.kind(), ErrorKind::Usage);
    says(&error, &["SSL_CERT_FILE", "/dev/zero", "not a regular file"]);
}
