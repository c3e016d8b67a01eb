//! `mirror policy`: the URLs that containerd requests, by its own rules, from the registry to which
//! the images were copied.

use std::io::{Read, Write};

use crate::images::Images;
use crate::{Case, fill};

/// Returns the status of a GET, sent with a plain socket.
fn status(url: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut socket = std::net::TcpStream::connect(host).unwrap();
    let accept = "application/vnd.oci.image.index.v1+json";
    write!(
        socket,
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    // The registry in memory keeps the connection: only the status line is read.
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[9..]).into_owned()
}

#[test]
fn containerd_finds_the_copied_images() {
    let case = Case::new();
    fill(&case.from, "team/a", &Images::two_platforms("1", 10, 500).0);
    fill(&case.from, "b", &Images::two_platforms("1", 20, 500).0);
    let (from, to) = (case.from.host(), case.to.host());
    let entry = |name: &str, path: &str| {
        format!("- source: {from}/{name}:1\n  destination: {to}{path}/{name}:1\n")
    };
    let list = format!("images:\n{}{}", entry("team/a", "/one"), entry("b", "/two"));
    case.sandbox.write("mirror.yaml", list);
    case.copy(&[]).succeeds();
    case.run("policy", &["--format=containerd", "-o", "certs.d"]).succeeds();
    let (host, port) = from.split_once(':').unwrap();
    let file = case.sandbox.read(&format!("certs.d/{host}_{port}_/hosts.toml"));
    let file: toml::Table = file.parse().unwrap();
    let places: Vec<_> = file["host"].as_table().unwrap().iter().collect();
    assert_eq!(places.len(), 2);
    assert_eq!(file["server"].as_str().unwrap(), places[1].0);
    for (repository, expected) in [("team/a", ["200", "404"]), ("b", ["404", "200"])] {
        let found: Vec<_> = places
            .iter()
            .map(|(url, settings)| {
                assert_eq!(settings["override_path"].as_bool(), Some(true));
                status(&format!("{url}/{repository}/manifests/1"))
            })
            .collect();
        assert_eq!(found, expected, "{repository}");
    }
}
