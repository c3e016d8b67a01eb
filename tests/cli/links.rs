//! Folders that come with the sources: git stores links, and a build can create pipes and devices.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::sandbox::Sandbox;
use crate::server::{Reply, Server};
use crate::{registry_files, vendor_words};

fn upstream() -> Server {
    Server::start(|_| Reply::ok("AAAA"))
}

/// Creates a sandbox with a folder `outside`, whose files must not change.
fn hostile() -> (Sandbox, BTreeMap<String, Vec<u8>>) {
    let sandbox = Sandbox::new();
    sandbox.write("outside/.git/HEAD", "ref");
    sandbox.write("outside/BUILD.bazel", "# wasm-airgap");
    sandbox.write("outside/precious", "precious");
    let outside = sandbox.tree("outside");
    (sandbox, outside)
}

/// Replaces a folder by a link to `outside`.
fn link(sandbox: &Sandbox, path: &str) {
    let path = sandbox.path(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    symlink(sandbox.path("outside"), path).unwrap();
}

#[test]
fn a_link_in_the_place_of_a_folder_is_refused_and_named() {
    let server = upstream();
    for place in ["toolchains", "toolchains/a", "toolchains/a/1.0", "toolchains/a/1.0/linux_amd64"]
    {
        let (sandbox, outside) = hostile();
        let files = registry_files(&sandbox, &server.url(""), &[b"AAAA"]);
        let place = format!("vendor/{place}");
        link(&sandbox, &place);
        let words = vendor_words(&files, &["--output-dir=vendor/toolchains", "--no-helper"]);
        sandbox.run(&words).ends_with(4).says(&[
            "a link is in the way",
            &format!("link:     {}", sandbox.path(&place).display()),
            &format!("leads to: {}", sandbox.path("outside").display()),
        ]);
        assert_eq!(sandbox.tree("outside"), outside, "{place}");
    }
}

#[test]
fn a_link_for_the_root_folder_is_followed() {
    let (sandbox, server) = (Sandbox::new(), upstream());
    let files = registry_files(&sandbox, &server.url(""), &[b"AAAA"]);
    std::fs::create_dir(sandbox.path("share")).unwrap();
    symlink("share", sandbox.path("vendor")).unwrap();
    let words = vendor_words(&files, &["--output-dir=vendor/toolchains", "--no-helper"]);
    sandbox.run(&words).succeeds();
    sandbox.run(&["verify", "vendor"]).succeeds();
    assert!(sandbox.path("share/toolchains/a/1.0/linux_amd64/a-linux.tar.gz").is_file());
}

#[test]
fn a_vendored_file_is_not_read_through_a_link() {
    let (sandbox, server) = (Sandbox::new(), upstream());
    let files = registry_files(&sandbox, &server.url(""), &[b"AAAA"]);
    sandbox.write("outside/1.0/linux_amd64/a-linux.tar.gz", "AAAA");
    link(&sandbox, "vendor/toolchains/a");
    let mut words = vendor_words(&files, &["--offline"]);
    words[0] = "plan";
    words.remove(1);
    let run = sandbox.run(&words).env("BAZEL_WASM_VENDOR_DIR", "vendor");
    run.ends_with(3).says(&["vendor/toolchains/a` is a link to", "links are not followed"]);
}

#[test]
fn a_leftover_or_its_note_that_is_a_link_is_not_written_through() {
    let (folder, part) =
        ("vendor/toolchains/a/1.0/linux_amd64", ".a-linux.tar.gz.abcdefghijkl.part");
    for note in [false, true] {
        let (sandbox, server) = (Sandbox::new(), upstream());
        let files = registry_files(&sandbox, &server.url(""), &[b"AAAA"]);
        let precious = sandbox.write("precious", "precious");
        let path = sandbox.path(&format!("{folder}/{part}"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match note {
            false => std::fs::hard_link(&precious, path).unwrap(),
            true => {
                sandbox.write(&format!("{folder}/{part}"), "AA");
                symlink(&precious, sandbox.path(&format!("{folder}/{part}.json"))).unwrap();
            }
        }
        let words = vendor_words(&files, &["--output-dir=vendor/toolchains", "--no-helper"]);
        sandbox.run(&words).succeeds();
        assert_eq!(sandbox.read("precious"), "precious");
        sandbox.run(&["verify", "vendor"]).succeeds();
    }
}

#[test]
fn a_link_for_a_kinds_folder_is_found_by_verify() {
    let (sandbox, _) = hostile();
    sandbox.write("vendor/manifest.json", r#"{"schema_version": 1, "files": []}"#);
    link(&sandbox, "vendor/wit");
    let printed = sandbox.run(&["verify", "vendor"]).ends_with(4);
    assert_eq!(printed.stdout, "unlisted  wit\n");
}

#[test]
fn an_endless_or_odd_file_is_refused_at_once() {
    let sandbox = Sandbox::new();
    for path in ["pipe", "v/manifest.json", "wit.lock", "pipe.json"] {
        sandbox.write(&format!("{path}.folder"), "");
        let made = Command::new("mkfifo").arg(sandbox.path(path)).status().unwrap();
        assert!(made.success());
    }
    symlink("/dev/zero", sandbox.path("zero")).unwrap();
    symlink("/dev/zero", sandbox.path("zero.json")).unwrap();
    sandbox.write("w/manifest.json.folder", "");
    symlink("/dev/zero", sandbox.path("w/manifest.json")).unwrap();
    let toolchains = ["vendor", "toolchains", "--output-dir=o", "--no-helper", "--offline"];
    let wit = ["vendor", "wit", "a:b@1.0.0", "--output-dir=o", "--offline"];
    for (words, code) in [
        (vec!["verify", "v"], 2),
        (vec!["verify", "w"], 4),
        ([&toolchains[..], &["--registry=pipe.json", "--tool=a"]].concat(), 2),
        ([&toolchains[..], &["--registry=zero.json", "--tool=a"]].concat(), 2),
        ([&wit[..], &[]].concat(), 2),
        ([&wit[..], &["--lock-file=l", "--from=zero"]].concat(), 2),
        (vec!["wit", "inspect", "pipe"], 2),
        (vec!["wit", "inspect", "zero"], 2),
        (vec!["mirror", "copy", "-f", "pipe", "--to=o"], 2),
        (vec!["mirror", "check", "--registry=r.corp", "zero"], 2),
        (vec!["toolchain", "pin", "--registry=zero.json", "file:///x"], 2),
    ] {
        let printed = sandbox.run(&words).ends_with(code);
        assert!(printed.stderr.contains("error:"), "{words:?}\n{}", printed.stderr);
    }
}

#[test]
fn a_folder_of_many_folders_needs_few_handles() {
    let sandbox = Sandbox::new();
    sandbox.write("vendor/manifest.json", r#"{"schema_version": 1, "files": []}"#);
    for n in 0..300 {
        sandbox.write(&format!("vendor/wit/a-b-1.0.{n}/BUILD.bazel"), "mine");
    }
    let run = sandbox.run(&["verify", "vendor"]);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "ulimit -n 64 && exec \"$@\"", "sh"]).arg(run.command.get_program());
    command.args(run.command.get_args()).current_dir(sandbox.root());
    let ended = command.output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert_eq!(ended.status.code(), Some(4), "{stderr}");
    assert_eq!(stdout.lines().count(), 300, "{stdout}");
}
