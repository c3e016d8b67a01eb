//! The real wkg as an independent check. scripts/wkg builds it.

use std::process::Command;

use airgap_wit::{Lock, Locked};

use crate::encoded;
use crate::sandbox::{Sandbox, sha256};

const BASE: &str = "package acme:base@1.2.3;\n\ninterface types {\n  type t = u32;\n}\n";
const OWN: &str = "package my:x@1.0.0;\n\nworld w {\n  import acme:base/types@1.2.3;\n}\n";

/// Returns the output of `wkg build` with this lock. It obeys its lock, unlike `wkg fetch`.
fn build(sandbox: &Sandbox, lock: &str) -> (bool, String) {
    let config = format!(
        "[namespace_registries]\nacme = \"acme.example\"\n\
         [registry.\"acme.example\".local]\nroot = \"{}\"\n",
        sandbox.path("registry").display()
    );
    sandbox.write("config.toml", config);
    sandbox.write("wit/x.wit", OWN);
    sandbox.write("wkg.lock", lock);
    let mut wkg = Command::new("wkg");
    wkg.args(["build", "--wit-dir=wit", "--config=config.toml", "--cache=cache"]);
    wkg.args(["--output=./x.wasm"]).current_dir(sandbox.root()).env("HOME", sandbox.root());
    let output = wkg.output().expect("there is no wkg on PATH");
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), messages)
}

#[test]
#[ignore = "needs a wkg on PATH"]
fn wkg_reads_our_lock_as_its_own() {
    let sandbox = Sandbox::new();
    let bytes = encoded(&[BASE]);
    sandbox.write("registry/acme/base/1.2.3.wasm", &bytes);
    let locked = Locked {
        package: "acme:base@1.2.3".parse().unwrap(),
        requirement: "=1.2.3".to_owned(),
        registry: Some("acme.example".to_owned()),
        url: None,
        digest: sha256(&bytes).parse().unwrap(),
        path: Some("acme-base-1.2.3".to_owned()),
        tree: Some(sha256(b"tree").parse().unwrap()),
        dependencies: vec!["acme:deep@0.1.0".parse().unwrap()],
    };
    // An indirect dependency, in two versions, and from an archive.
    let more = ["wasi:io@0.2.3", "wasi:io@0.2.6"].map(|package| Locked {
        package: package.parse().unwrap(),
        requirement: "*".to_owned(),
        registry: None,
        url: Some("https://x/a.tar.gz".to_owned()),
        ..locked.clone()
    });
    let lock = Lock::new(more.into_iter().chain([locked.clone()]));
    let (succeeded, messages) = build(&sandbox, &lock.text());
    assert!(succeeded, "{messages}");
    // The lock that wkg wrote again pins the same bytes.
    let rewritten = Lock::parse(&sandbox.read("wkg.lock"), "wkg.lock").unwrap();
    assert_eq!(rewritten.get(&locked.package).unwrap().digest, locked.digest);

    let wrong = Locked { digest: sha256(b"other").parse().unwrap(), ..locked };
    let (succeeded, messages) = build(&sandbox, &Lock::new([wrong]).text());
    assert!(!succeeded && messages.contains(&sha256(b"other")), "{messages}");
}
