//! Charts in a repository: an `index.yaml` and archives on a web server.

use crate::archives::Tar;
use crate::sandbox::{Run, Sandbox, sha256};
use crate::server::{Reply, Server};

/// Returns the archive of a chart with one image in its values.
fn archive() -> Vec<u8> {
    Tar::new()
        .file("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.2.0\n")
        .file("web/values.yaml", "image: r.io/web:1\n")
        .gz()
}

/// Creates a repository with this index, in which `{digest}` is that of the archive.
fn repository(index: &str) -> Server {
    let index = index.replace("{digest}", &sha256(&archive()));
    Server::start(move |request| match &*request.path {
        "/charts/index.yaml" => Reply::new("200 OK", index.as_str()),
        "/charts/web-1.2.0.tgz" => Reply::new("200 OK", archive()),
        _ => Reply::new("404 Not Found", ""),
    })
}

fn list(sandbox: &Sandbox, server: &Server, words: &[&str]) -> Run {
    let repo = format!("--repo={}", server.url("/charts/"));
    let all = [&["mirror", "list", "--registry=r.corp", "--why", &repo], words].concat();
    sandbox.run(&all).env("BAZEL_WASM_RETRY_SECONDS", "0")
}

const INDEX: &str = "\
apiVersion: v1
entries:
  web:
  - {version: 2.0.0-rc.1, digest: {digest}, urls: [web-2.0.0-rc.1.tgz]}
  - {version: 1.10.0, digest: {digest}, urls: ['oci://r.io/charts/web:1.10.0']}
  - {version: 1.2.0, digest: {digest}, urls: [web-1.2.0.tgz]}
  - {version: 1.1.0, urls: [web-1.2.0.tgz]}
  - {version: 1.0.0, digest: 'sha256:0000000000000000000000000000000000000000000000000000000000000000', urls: [web-1.2.0.tgz]}
";

#[test]
fn a_chart_is_the_one_of_the_index() {
    let (sandbox, server) = (Sandbox::new(), repository(INDEX));
    let printed = list(&sandbox, &server, &["--chart=web", "--version=1.2.0"]).succeeds();
    let why = format!("# image in {}/values.yaml:1\n", server.url("/charts/web-1.2.0.tgz"));
    assert!(printed.stdout.contains(&why), "{}", printed.stdout);
    printed.says(&[&format!("web-1.2.0.tgz  sha256:{}", sha256(&archive()))]);
    // An absolute address, and the highest stable version.
    let absolute = server.url("/charts/web-1.2.0.tgz");
    let index = format!(
        "entries:\n  web:\n  - {{version: 1.0.0}}\n  - {{version: v1.2.0, digest: '{{digest}}', urls: ['{absolute}']}}\n"
    );
    list(&sandbox, &repository(&index), &["--chart=web"]).succeeds();
}

#[test]
fn a_chart_that_cannot_be_downloaded_is_explained() {
    let (sandbox, server) = (Sandbox::new(), repository(INDEX));
    for (words, code, message) in [
        (&["--chart=wbe"][..], 2, &["called `wbe`", "`web`"][..]),
        (&["--chart=web"], 2, &["--chart oci://r.io/charts/web:1.10.0"]),
        (&["--chart=web", "--version=9.0.0"], 3, &["no `9.0.0`", "1.10.0, 1.2.0"]),
        (&["--chart=web", "--version=1.1.0"], 4, &["no SHA-256"]),
        (&["--chart=web", "--version=1.0.0"], 4, &["0000000000", &sha256(&archive())[..10]]),
        (&["--chart=web", "--version=2.0.0-rc.1"], 3, &["404"]),
        (&["--chart=web", "--version=1.2.0", "--offline"], 3, &["--offline"]),
    ] {
        list(&sandbox, &server, words).ends_with(code).says(message);
    }
    let nowhere = Server::start(|_| Reply::new("404 Not Found", ""));
    list(&sandbox, &nowhere, &["--chart=web"])
        .ends_with(3)
        .says(&["is not a repository of charts"]);
    let endless = Server::start(|_| Reply::new("200 OK", "a".repeat(17 << 20)));
    list(&sandbox, &endless, &["--chart=web"]).ends_with(4).says(&["index.yaml"]);
}
