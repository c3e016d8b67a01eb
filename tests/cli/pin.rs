//! `toolchain pin`.

use crate::sandbox::{Sandbox, sha256};
use crate::server::{Reply, Server};

const FILE: &str = "/o/tool/releases/download/v1.10.0/tool-1.10.0-x86_64-linux.tar.gz";
const OLDER: &str = "/o/tool/releases/download/v1.9.0/tool-1.9.0-aarch64-macos.zip";

fn server() -> Server {
    Server::start(|request| match request.path.as_str() {
        FILE => Reply::ok("new"),
        OLDER => Reply::ok("old"),
        _ => Reply::new("404 Not Found", ""),
    })
}

#[test]
fn a_pinned_tool_can_be_vendored() {
    let (sandbox, server) = (Sandbox::new(), server());
    let (new, old) = (server.url(FILE), server.url(OLDER));
    let words = ["toolchain", "pin", "--registry=tool.json", "--tool=tool", &new, &old];
    sandbox.run(&words).succeeds().says(&["tool 1.10.0 (linux_amd64)", &sha256(b"new")]);
    let expected = serde_json::json!({
        "schema_version": 1, "tool": "tool", "latest": "1.10.0",
        "versions": {
            "1.10.0": {"linux_amd64": {"url": new, "sha256": sha256(b"new"), "archive": "tar.gz"}},
            "1.9.0": {"darwin_arm64": {"url": old, "sha256": sha256(b"old"), "archive": "zip"}},
        },
    });
    let written = sandbox.read("tool.json");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), expected);
    // A second run writes the same entry in the same words.
    sandbox.run(&words).succeeds();
    assert_eq!(sandbox.read("tool.json"), written);

    let vendor = ["vendor", "toolchains", "--output-dir=v", "--no-helper", "--registry=tool.json"];
    sandbox.run(&[&vendor[..], &["--tool=tool", "--platform=linux_amd64"]].concat()).succeeds();
    assert_eq!(sandbox.read("v/tool/1.10.0/linux_amd64/tool-1.10.0-x86_64-linux.tar.gz"), "new");
}

#[test]
fn a_changed_file_is_pinned_again_only_with_update() {
    let (sandbox, server) = (Sandbox::new(), server());
    let url = server.url(FILE);
    let words = ["toolchain", "pin", "--registry=tool.json", "--tool=tool", &*url];
    sandbox.run(&words).succeeds();
    let other = sandbox.read("tool.json").replace(&sha256(b"new"), &sha256(b"older"));
    let mut other: serde_json::Value = serde_json::from_str(&other).unwrap();
    other["versions"]["1.10.0"]["linux_amd64"]["strip_prefix"] = "tool-1.10.0".into();
    sandbox.write("tool.json", other.to_string());
    sandbox.run(&words).ends_with(4).says(&[
        "tool 1.10.0 (linux_amd64) is already pinned",
        &sha256(b"older"),
        &sha256(b"new"),
        "--update",
    ]);
    assert_eq!(sandbox.read("tool.json"), other.to_string());
    // A user's fields beside the digest stay.
    sandbox.run(&[&words[..], &["--update"]].concat()).succeeds();
    other["versions"]["1.10.0"]["linux_amd64"]["sha256"] = sha256(b"new").into();
    let written: serde_json::Value = serde_json::from_str(&sandbox.read("tool.json")).unwrap();
    assert_eq!(written, other);
}

#[test]
fn a_known_tool_needs_no_flags_and_without_a_file_it_is_printed() {
    let (sandbox, server) = (Sandbox::new(), server());
    let printed = sandbox
        .run(&["toolchain", "pin", "--tool=tool", "--executable=bin/tool", &server.url(FILE)])
        .succeeds();
    assert_eq!(printed.json()["executables"], serde_json::json!(["bin/tool"]));
    assert_eq!(sandbox.tree("").len(), 0);
}

#[test]
fn facts_missing_in_the_address_must_be_given() {
    let (sandbox, server) = (Sandbox::new(), server());
    for (words, message) in [
        (vec![server.url(FILE)], "--tool"),
        (vec!["--tool=t".to_owned(), server.url("/t.zip")], "--version"),
        (vec!["--tool=t".to_owned(), "--version=1".to_owned(), server.url("/t.zip")], "--platform"),
    ] {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        sandbox.run(&[&["toolchain", "pin"], &words[..]].concat()).ends_with(2).says(&[message]);
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_file_of_another_tool_or_a_missing_release_changes_nothing() {
    let (sandbox, server) = (Sandbox::new(), server());
    sandbox.write("other.json", r#"{"schema_version": 1, "tool": "other", "versions": {}}"#);
    let before = sandbox.tree("");
    let pin = ["toolchain", "pin", "--registry=other.json", "--tool=tool"];
    sandbox
        .run(&[&pin[..], &[&server.url(FILE)]].concat())
        .ends_with(2)
        .says(&["describes one tool"]);
    let missing = server.url("/o/r/releases/download/v1.0/t-linux-x86_64.zip");
    sandbox
        .run(&["toolchain", "pin", "--tool=t", "--registry=t.json", &missing])
        .ends_with(3)
        .says(&["404"]);
    assert_eq!(sandbox.tree(""), before);
}

#[test]
fn offline_nothing_is_pinned() {
    let (sandbox, server) = (Sandbox::new(), server());
    sandbox
        .run(&["toolchain", "pin", "--tool=tool", "--offline", &server.url(FILE)])
        .ends_with(3)
        .says(&["offline"]);
    assert!(server.requests().is_empty());
}

#[test]
fn the_content_decides_the_pinned_archive_type() {
    const ZIP: &[u8] = b"PK\x03\x04 and so on";
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    let page = b"<!DOCTYPE html><p>Sign in".to_vec();
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n".to_vec();
    let words = ["toolchain", "pin", "--tool=tool", "--registry=t.json"];
    let sandbox = Sandbox::new();
    let serve = |bytes: Vec<u8>| Server::start(move |_| Reply::ok(bytes.clone()));
    for (bytes, found) in [
        (page, "a web page"),
        (pointer, "a Git LFS pointer"),
        (tar, "a tar without compression"),
        (b"BZh91AY".to_vec(), "a bzip2 file"),
    ] {
        let server = serve(bytes);
        let url = server.url(FILE);
        sandbox.run(&[&words[..], &[&url]].concat()).ends_with(4).says(&[found]);
        assert!(!sandbox.path("t.json").exists(), "{found}");
    }
    let server = serve(ZIP.to_vec());
    let url = server.url(FILE);
    let printed = sandbox.run(&[&words[..], &[&url]].concat()).succeeds();
    printed.says(&["is a zip; its name says tar.gz"]);
    assert!(sandbox.read("t.json").contains(r#""archive": "zip""#));
    let server = serve(br#"{"message":"Not Found"}"#.to_vec());
    let url = server.url(FILE);
    let printed = sandbox.run(&[&words[..3], &[&url]].concat()).succeeds();
    printed.says(&["does not start like a tar.gz"]);
}
