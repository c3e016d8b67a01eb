//! `verify`.

use std::fs;

use crate::sandbox::{Sandbox, sha256};
use crate::server::{Reply, Server};
use crate::{registry_files, vendor_words};

fn vendored() -> Sandbox {
    let sandbox = Sandbox::new();
    let server = Server::start(|request| Reply::ok(request.path.clone()));
    let contents: [&[u8]; 3] = [b"/a-linux.tar.gz", b"/b-linux.tar.gz", b"/c-linux.tar.gz"];
    let files = registry_files(&sandbox, &server.url(""), &contents);
    sandbox
        .run(&vendor_words(&files, &["--output-dir=vendor/toolchains", "--no-helper"]))
        .succeeds();
    sandbox
}

#[test]
fn a_whole_folder_passes_by_each_of_its_names() {
    let sandbox = vendored();
    for dir in ["vendor", "vendor/toolchains"] {
        sandbox.run(&["verify", dir]).succeeds().says(&["3 files are as listed in the manifest"]);
    }
    sandbox.run(&["verify"]).succeeds();
    sandbox.run(&["verify"]).env("BAZEL_WASM_VENDOR_DIR", "vendor/toolchains").succeeds();
    // A file beside the tools belongs to another program.
    sandbox.write("vendor/notes.txt", "");
    sandbox.run(&["verify"]).succeeds();
}

#[test]
fn each_finding_is_named() {
    let sandbox = vendored();
    let file = |tool: &str| format!("toolchains/{tool}/1.0/linux_amd64/{tool}-linux.tar.gz");
    fs::remove_file(sandbox.path("vendor").join(file("a"))).unwrap();
    sandbox.write(&format!("vendor/{}", file("b")), "other");
    sandbox.write("vendor/toolchains/extra", "");
    let printed = sandbox.run(&["verify", "vendor"]).ends_with(4);
    let expected = format!(
        "changed   {}\n  expected: sha256:{}\n  found:    sha256:{}\n  it is:    too short: 5 of \
         15 bytes, as after an interrupted download\nmissing   {}\nunlisted  toolchains/extra\n",
        file("b"),
        sha256(b"/b-linux.tar.gz"),
        sha256(b"other"),
        file("a")
    );
    assert_eq!(printed.stdout, expected);
    // One JSON document, with the failure in it.
    let json = sandbox.run(&["verify", "vendor", "--json"]).ends_with(4).json();
    let found: Vec<_> =
        json["findings"].as_array().unwrap().iter().map(|it| it["finding"].clone()).collect();
    assert_eq!(found, ["changed", "missing", "unlisted"]);
    assert_eq!(json["kind"], "integrity");
    assert_eq!(json["facts"], serde_json::json!([{"label": "findings", "value": "3"}]));
}

#[test]
fn system_files_are_ignored() {
    let sandbox = vendored();
    for name in ["._a", ".DS_Store", "a/Thumbs.db", "wit/desktop.ini", "a/.nfs0000000000001"] {
        sandbox.write(&format!("vendor/toolchains/{name}"), "x");
    }
    sandbox.run(&["verify", "vendor"]).succeeds().says(&["3 files are as listed in the manifest"]);
}

#[test]
fn a_finding_names_the_kind_of_the_file() {
    let sandbox = vendored();
    let file = "vendor/toolchains/b/1.0/linux_amd64/b-linux.tar.gz";
    let pointer = |digest: &str| {
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 15\n")
    };
    for (bytes, words, remedy) in [
        (
            pointer(&sha256(b"/b-linux.tar.gz")),
            "a Git LFS pointer to the pinned file",
            "git lfs pull",
        ),
        (pointer(&sha256(b"")), "a Git LFS pointer", "git lfs pull"),
        ("/annex/objects/MD5-s1--0\n".to_owned(), "a git-annex pointer", "git annex get"),
        ("<html>\n".to_owned(), "an HTML page", "in a browser"),
        (String::new(), "an empty file", "run the `vendor` command again"),
        ("/b-lin".to_owned(), "too short: 6 of 15 bytes", "run the `vendor` command again"),
    ] {
        sandbox.write(file, bytes);
        let printed = sandbox.run(&["verify", "vendor"]).ends_with(4).says(&[remedy]);
        assert!(printed.stdout.contains(&format!("\n  it is:    {words}")), "{}", printed.stdout);
        let json = sandbox.run(&["verify", "vendor", "--json"]).ends_with(4).json();
        assert!(json["findings"][0]["it_is"].as_str().unwrap().starts_with(words), "{json}");
    }
}

#[test]
fn unlisted_files_of_an_unlisted_kind_are_found() {
    let sandbox = vendored();
    for file in ["components/app.wasm", "wit/wasi-cli/world.wit"] {
        sandbox.write(&format!("vendor/{file}"), "");
        let printed = sandbox.run(&["verify", "vendor"]).ends_with(4);
        assert_eq!(printed.stdout, format!("unlisted  {file}\n"));
        fs::remove_file(sandbox.path("vendor").join(file)).unwrap();
    }
    sandbox.run(&["verify", "vendor"]).succeeds();
}

#[test]
fn a_wrong_size_in_the_manifest_is_found() {
    let sandbox = vendored();
    let manifest = sandbox.read("vendor/manifest.json");
    let altered = manifest.replacen("\"size\": 15", "\"size\": 999", 1);
    assert_ne!(manifest, altered);
    sandbox.write("vendor/manifest.json", altered);
    let printed = sandbox.run(&["verify", "vendor"]).ends_with(4);
    assert!(printed.stdout.ends_with("  expected: 999 bytes\n  found:    15 bytes\n"));
}

#[test]
#[cfg(unix)]
fn a_name_does_not_steer_the_terminal() {
    let sandbox = vendored();
    sandbox.write("vendor/toolchains/x\x1b[31m\ny", "");
    let printed = sandbox.run(&["verify", "vendor"]).ends_with(4);
    assert_eq!(printed.stdout, "unlisted  toolchains/x\u{fffd}[31m\u{fffd}y\n");
}

#[test]
fn a_flipped_byte_in_any_file_is_found() {
    let sandbox = vendored();
    for (name, bytes) in sandbox.tree("vendor/toolchains") {
        if name == ".gitattributes" {
            continue;
        }
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x80;
            let path = format!("vendor/toolchains/{name}");
            sandbox.write(&path, flipped);
            let printed = sandbox.run(&["verify", "vendor"]).ends_with(4);
            assert!(printed.stdout.starts_with(&format!("changed   toolchains/{name}\n")));
            assert_eq!(printed.stdout.lines().count(), 3);
            sandbox.write(&path, &bytes);
        }
    }
}

#[test]
#[cfg(unix)]
fn a_link_is_not_the_file() {
    let sandbox = vendored();
    let path = sandbox.path("vendor/toolchains/a/1.0/linux_amd64/a-linux.tar.gz");
    let elsewhere = sandbox.path("elsewhere");
    fs::copy(&path, &elsewhere).unwrap();
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(elsewhere, path).unwrap();
    let printed = sandbox.run(&["verify", "vendor"]).ends_with(4);
    assert!(printed.stdout.contains("not a regular file"), "{}", printed.stdout);
}

#[test]
fn a_manifest_cannot_lead_out_of_its_folder() {
    let sandbox = vendored();
    let manifest = sandbox.read("vendor/manifest.json");
    let hostile = manifest.replacen("toolchains/a/1.0", "../../1.0", 1);
    assert_ne!(manifest, hostile);
    sandbox.write("vendor/manifest.json", hostile);
    sandbox.run(&["verify", "vendor"]).ends_with(4).says(&["lists an invalid path", "../"]);
}

#[test]
fn no_manifest_is_a_usage_error() {
    let sandbox = Sandbox::new();
    sandbox
        .run(&["verify", "nowhere"])
        .ends_with(2)
        .says(&["has no manifest", "nowhere/manifest.json"]);
    sandbox.write("v/manifest.json", r#"{"schema_version": 9, "files": []}"#);
    sandbox.run(&["verify", "v"]).ends_with(2).says(&["schema_version 9"]);
}

/// The folder is as the exporter of rules_wasm_component leaves it.
#[test]
fn unpacked_files_in_the_place_of_an_archive_are_named() {
    let sandbox = Sandbox::new();
    sandbox.write("third_party/toolchains/wkg/1.0/linux_amd64/wkg-1.0/bin/wkg", "");
    sandbox.run(&["verify", "third_party/toolchains"]).ends_with(2).says(&[
        "has no manifest",
        "unpacked files of a tool, in",
        "toolchains/wkg/1.0/linux_amd64`",
        "vendor toolchains --output-dir vendor/toolchains",
    ]);
    let sandbox = vendored();
    for name in ["bin/a", "lib/b.txt"] {
        sandbox.write(&format!("vendor/toolchains/a/1.0/linux_amd64/a-1.0/{name}"), "");
    }
    let printed = sandbox.run(&["verify", "vendor"]).ends_with(4);
    let command =
        format!("rm -r -- {}", sandbox.path("vendor/toolchains/a/1.0/linux_amd64").display());
    assert_eq!(printed.stderr.matches(&command).count(), 1, "{}", printed.stderr);
}
