//! Registries that are asked for the location of their packages, and credentials from real files
//! and programs; with scripted servers on loopback.
// Tests create their own folders.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/server.rs"]
mod server;

use std::path::Path;
use std::time::Duration;

use airgap_config::registries::{Registries, Route};
use airgap_core::environment::Environment;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::network::Network;
use airgap_http::Client;
use airgap_oci::{AccessProvider, Credential};
use server::{Reply, Server};

fn client() -> Client {
    let network = Network {
        https_proxy: None,
        http_proxy: None,
        no_proxy: None,
        ca_file: None,
        ca_dir: None,
        netrc: None,
        retry_budget: Duration::ZERO,
        silence: Duration::from_secs(20),
        answer: Duration::from_secs(20),
    };
    Client::new(&network).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns empty settings.
fn registries() -> Registries {
    Registries::from_environment(&Environment::from_pairs(&[], "/"), Path::new("/")).unwrap()
}

fn query(registries: &Registries, server: &Server) -> Result<Route> {
    let name = format!("localhost:{}", server.port());
    registries.route_online(&"acme:api".parse().unwrap(), Some(&name), &client())
}

fn places(route: &Route) -> Vec<String> {
    route.sources.iter().map(|source| source.place.to_string()).collect()
}

#[test]
fn registry_metadata_is_requested_once_and_followed() {
    for json in [
        r#"{"preferredProtocol":"oci","oci":{"registry":"oci.example","namespacePrefix":"p/"}}"#,
        r#"{"ociRegistry":"oci.example","ociNamespacePrefix":"p/"}"#,
    ] {
        let server = Server::start(move |_| Reply::ok(json));
        let registries = registries();
        for _ in 0..2 {
            let route = query(&registries, &server).unwrap();
            assert_eq!(places(&route), ["oci.example/p/acme/api"]);
        }
        let paths: Vec<_> = server.requests().into_iter().map(|it| it.path).collect();
        assert_eq!(paths, ["/.well-known/wasm-pkg/registry.json"]);
    }
}

#[test]
fn a_registry_without_metadata_is_an_oci_registry_itself() {
    let server = Server::start(|_| Reply::new("404 Not Found", "no"));
    let route = query(&registries(), &server).unwrap();
    assert_eq!(places(&route), [format!("localhost:{}/acme/api", server.port())]);
}

#[test]
fn unusable_registry_metadata_is_an_error() {
    let refuse = |kind: ErrorKind, words: &[&str], reply: fn() -> Reply| {
        let server = Server::start(move |_| reply());
        let error: Error = query(&registries(), &server).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let name = format!("`localhost:{}`", server.port());
        for word in words.iter().copied().chain([name.as_str(), "metadata = {"]) {
            assert!(error.to_string().contains(word), "`{word}` is missing in: {error}");
        }
    };
    refuse(ErrorKind::Network, &["503"], || Reply::new("503 Service Unavailable", ""));
    refuse(ErrorKind::Network, &["401"], || Reply::new("401 Unauthorized", ""));
    refuse(ErrorKind::Network, &["closed the connection"], Reply::nothing);
    refuse(ErrorKind::Integrity, &["web page"], || {
        Reply::ok("<html>").header("Content-Type", "text/html")
    });
    refuse(ErrorKind::Integrity, &["more than"], || Reply::ok(vec![b' '; 70_000]));
    refuse(ErrorKind::Integrity, &["more than"], || Reply::ok(vec![b' '; 70_000]).without_length());
    refuse(ErrorKind::Integrity, &["line 1"], || Reply::ok("{"));
    refuse(ErrorKind::Integrity, &["only a config file"], || {
        Reply::ok(r#"{"preferredProtocol":"local","local":{"root":"/"}}"#)
    });
}

#[cfg(unix)]
#[test]
fn a_helper_on_path_is_run_for_the_host_that_is_asked_for() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    // The helper logs each request, knows one registry, and fails for another.
    let script = r#"#!/bin/sh
        server=$(cat); echo "$1 $server" >> "$0.log"
        case $server in
        a.corp) echo '{"ServerURL":"a.corp","Username":"me","Secret":"geheim"}' ;;
        b.corp) echo 'credentials not found in native keychain'; exit 1 ;;
        *) echo 'the keychain is locked'; exit 1 ;;
        esac
    "#;
    let program = path("docker-credential-fake");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(path("config.json"), r#"{"credsStore":"fake"}"#).unwrap();
    let root = folder.path().display().to_string();
    let in_path = format!("relative:{root}");
    let access = |search: &str, host: &str| {
        let variables = [("DOCKER_CONFIG", root.as_str()), ("PATH", search)];
        let environment = Environment::from_pairs(&variables, "/");
        Registries::from_environment(&environment, Path::new("/")).unwrap().access(host)
    };
    let found = access(&in_path, "a.corp/some/repository").unwrap();
    let basic = Credential::Basic { username: "me".into(), password: "geheim".into() };
    assert!(found.credential == basic);
    assert!(found.origin.contains("docker-credential-fake"), "{}", found.origin);
    assert!(!format!("{found:?}").contains("geheim"));
    assert!(access(&in_path, "b.corp").unwrap().credential == Credential::Anonymous);
    let error = access(&in_path, "c.corp").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    for word in ["docker-credential-fake", "the keychain is locked", "c.corp", "config.json"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    let log = std::fs::read_to_string(format!("{program}.log")).unwrap();
    assert_eq!(log, "get a.corp\nget b.corp\nget c.corp\n");
    let error = access("/nowhere", "a.corp").unwrap_err().to_string();
    assert!(error.contains("is not on PATH"), "{error}");
}

/// Returns the settings with these variables.
fn settings(variables: &[(&str, &str)]) -> Registries {
    Registries::from_environment(&Environment::from_pairs(variables, "/"), Path::new("/")).unwrap()
}

#[test]
fn a_redirect_does_not_choose_the_host_of_a_credential() {
    let metadata = r#"{"oci":{"registry":"oci.example"}}"#;
    let far = Server::start(move |_| Reply::ok(metadata));
    let to = far.url("/");
    for redirects in [false, true] {
        let to = to.clone();
        let near = Server::start(move |request| match request.path.as_str() {
            "/own" => Reply::ok(metadata),
            _ if redirects => Reply::redirect(&to),
            _ => Reply::redirect("/own"),
        });
        let variable = format!("WKG_REGISTRY_LOCALHOST_{}_TOKEN", near.port());
        let registries = settings(&[(&variable, "geheim")]);
        assert_eq!(places(&query(&registries, &near).unwrap()), ["oci.example/acme/api"]);
        let access = registries.access("oci.example").unwrap();
        assert_eq!(access.credential == Credential::Anonymous, redirects);
    }
}

#[test]
fn metadata_does_not_choose_a_port_for_a_netrc_entry() {
    let folder = tempfile::tempdir().unwrap();
    let netrc = folder.path().join("netrc").display().to_string();
    let entries = ["localhost", "oci.example"].map(|it| format!("machine {it} login a password p"));
    std::fs::write(&netrc, entries.join("\n")).unwrap();
    let mirror = ("BAZEL_WASM_COMPONENT_MIRROR", "https://oci.example:8443,direct");
    for (host, variables, expected) in [
        ("localhost:1", &[][..], false),
        ("oci.example:8443", &[], false),
        ("oci.example", &[], true),
        // The same mirror, named by the user.
        ("oci.example:8443", &[mirror], true),
    ] {
        let json = format!(r#"{{"oci":{{"registry":"{host}"}}}}"#);
        let server = Server::start(move |_| Reply::ok(json.as_str()));
        let variables: Vec<_> =
            variables.iter().copied().chain([("NETRC", netrc.as_str())]).collect();
        let registries = settings(&variables);
        query(&registries, &server).unwrap();
        let access = registries.access(host).unwrap();
        assert_eq!(access.credential != Credential::Anonymous, expected, "{host}");
    }
    // A reference to it comes from the user.
    assert!(
        settings(&[("NETRC", &netrc)]).access("localhost:1").unwrap().credential
            != Credential::Anonymous
    );
}
