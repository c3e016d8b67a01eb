//! Runs that are killed at any moment and started again; many runs at once; a full disk.

use std::process::{Child, Stdio};
use std::time::Duration;

use crate::sandbox::{Sandbox, sha256};
use crate::server::{Reply, Server};
use crate::{registry_files, vendor_words};

const SIZE: usize = 3_000_000;

fn content(letter: u8) -> Vec<u8> {
    (0..SIZE).map(|at| letter ^ (at % 251) as u8 ^ (at / 65_536) as u8).collect()
}

fn server() -> Server {
    Server::start(|request| {
        let body = content(request.path.as_bytes()[1]);
        Reply::file(request, &body, "\"v1\"")
    })
}

const OUT: [&str; 2] = ["--output-dir=vendor/toolchains", "--no-helper"];

fn start(sandbox: &Sandbox, words: &[&str]) -> Child {
    let mut run = sandbox.run(words);
    run.command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Kills the program after increasing times, and lets the last run finish.
#[test]
fn runs_after_kills_complete_and_fetch_only_missing_files() {
    let (sandbox, server) = (Sandbox::new(), server());
    let contents = [content(b'a'), content(b'b'), content(b'c')];
    let contents: Vec<_> = contents.iter().map(Vec::as_slice).collect();
    let files = registry_files(&sandbox, &server.url(""), &contents);
    let words = vendor_words(&files, &OUT);
    for milliseconds in (0..60).step_by(3) {
        let mut child = start(&sandbox, &words);
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        // Each file with its final name is right.
        for (name, bytes) in sandbox.tree("vendor/toolchains") {
            if name.ends_with("-linux.tar.gz") {
                assert!(contents.contains(&bytes.as_slice()), "{name} is half written");
            }
        }
    }
    sandbox.run(&words).succeeds();
    let whole = sandbox.tree("vendor");
    assert_eq!(whole.len(), 5, "{:?}", whole.keys());
    sandbox.run(&["verify", "vendor"]).succeeds();

    // The result of an undisturbed run.
    let other = Sandbox::new();
    let files = registry_files(&other, &server.url(""), &contents);
    other.run(&vendor_words(&files, &OUT)).succeeds();
    assert_eq!(other.tree("vendor"), whole);
}

#[test]
fn a_run_continues_where_a_killed_one_stopped() {
    let sandbox = Sandbox::new();
    let body = content(b'a');
    let server = Server::start(move |request| {
        let reply = Reply::file(request, &content(b'a'), "\"v1\"");
        if request.nth == 0 { reply.stalling_at(SIZE / 2) } else { reply }
    });
    let files = registry_files(&sandbox, &server.url(""), &[&body]);
    let words = vendor_words(&files, &OUT);
    let mut child = start(&sandbox, &words);
    // Waits until the first half is on disk.
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !sandbox.path("vendor").exists()
        || sandbox.tree("vendor").values().map(Vec::len).max().unwrap_or(0) < SIZE / 2 - 300_000
    {
        assert!(std::time::Instant::now() < deadline, "nothing arrives");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    sandbox.run(&words).succeeds();
    let ranges: Vec<_> = server.requests().iter().map(|request| request.range()).collect();
    let continued = ranges[1].expect("the second run must ask for the rest");
    assert!(continued > SIZE / 4 && continued <= SIZE / 2, "{continued}");
    assert_eq!(server.headers("if-range")[1].as_deref(), Some("\"v1\""));
}

#[test]
fn leftovers_of_a_killed_run_beside_a_file_are_removed() {
    let (sandbox, server) = (Sandbox::new(), server());
    let files = registry_files(&sandbox, &server.url(""), &[&content(b'a')]);
    let words = vendor_words(&files, &OUT);
    sandbox.run(&words).succeeds();
    let tree = sandbox.tree("vendor");
    for (name, _) in tree.iter().filter(|(name, _)| name.ends_with("-linux.tar.gz")) {
        let (folder, file) = name.rsplit_once('/').unwrap();
        sandbox.write(&format!("vendor/{folder}/.{file}.s828tB5mlP2P.part"), "half");
    }
    assert_ne!(sandbox.tree("vendor"), tree);
    sandbox.run(&words).succeeds();
    assert_eq!(sandbox.tree("vendor"), tree);
}

#[test]
fn sixteen_processes_vendor_into_one_folder_at_once() {
    let (sandbox, server) = (Sandbox::new(), server());
    let contents = [content(b'a'), content(b'b')];
    let contents: Vec<_> = contents.iter().map(Vec::as_slice).collect();
    let files = registry_files(&sandbox, &server.url(""), &contents);
    let words = vendor_words(&files, &OUT);
    let children: Vec<_> = (0..16).map(|_| start(&sandbox, &words)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    sandbox.run(&["verify", "vendor"]).succeeds();
    assert_eq!(sandbox.tree("vendor").len(), 4);
}

/// Uses a file system that is too small; only root can create one.
#[test]
#[ignore = "needs root, to mount a small file system: scripts/test runs it"]
fn a_full_disk_is_reported_and_the_next_run_continues() {
    let (sandbox, server) = (Sandbox::new(), server());
    let body = content(b'a');
    let files = registry_files(&sandbox, &server.url(""), &[&body]);
    std::fs::create_dir(sandbox.path("vendor")).unwrap();
    let mount = |words: &[&str]| {
        let status =
            std::process::Command::new("mount").args(words).arg(sandbox.path("vendor")).status();
        assert!(status.unwrap().success(), "cannot mount a tmpfs: not root?");
    };
    mount(&["-t", "tmpfs", "-o", "size=1m", "tmpfs"]);
    let words = vendor_words(&files, &OUT);
    let full = sandbox.run(&words).ends_with(1);
    let complete = || sandbox.path("vendor/toolchains/a/1.0/linux_amd64/a-linux.tar.gz").exists();
    let was_complete = complete();
    mount(&["-o", "remount,size=20m"]);
    let again = sandbox.run(&words).succeeds();
    let bytes = std::fs::read(sandbox.path("vendor/toolchains/a/1.0/linux_amd64/a-linux.tar.gz"));
    std::process::Command::new("umount").arg(sandbox.path("vendor")).status().unwrap();
    full.says(&["a-linux.tar.gz", "No space left", "free some space"]);
    assert!(!was_complete);
    again.says(&["1 fetched"]);
    assert_eq!(sha256(&bytes.unwrap()), sha256(&body));
}
