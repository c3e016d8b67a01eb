//! `doctor`, with a Bazel that cannot answer or without one.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::bundles;
use crate::sandbox::{Sandbox, sha256};

fn workspace() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("MODULE.bazel", "module(name = \"ws\")\n");
    sandbox
}

/// Returns the subjects that could not be checked.
fn unseen(diagnosis: &Value) -> Vec<String> {
    let all = diagnosis["not_looked_at"].as_array().unwrap().iter();
    all.map(|it| it["what"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_workspace_without_a_bazel_is_not_called_fine() {
    let sandbox = workspace();
    sandbox.write("bin/none", "");
    let run = sandbox.run(&["--json", "doctor"]).env("PATH", sandbox.path("bin"));
    assert_eq!(unseen(&run.ends_with(3).json()), ["everything that Bazel knows"]);
}

#[test]
fn a_workspace_with_a_failing_query_is_not_called_fine() {
    let sandbox = workspace();
    let program = "#!/bin/sh\necho 'ERROR: /ws/BUILD.bazel:1:1: syntax error' >&2\nexit 7\n";
    let program = sandbox.write("bazel", program);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    sandbox.write("MODULE.bazel.lock", "{\"lockFileVersion\": 999}");
    let diagnosis = sandbox.run(&["--json", "doctor", "--bazel", "bazel"]).ends_with(3).json();
    assert!(!unseen(&diagnosis).is_empty(), "{diagnosis:#}");
    let text = diagnosis.to_string();
    // Without namespaces, nothing of Bazel is asked.
    if !text.contains("everything that Bazel knows") {
        assert!(unseen(&diagnosis).contains(&"MODULE.bazel.lock".to_owned()), "{diagnosis:#}");
        assert!(text.contains("syntax error"), "{diagnosis:#}");
    }
}

/// Returns the subject and the status of each image.
fn images(diagnosis: &Value, list: &str) -> Vec<(String, String)> {
    let items = diagnosis[list].as_array().unwrap().iter().filter(|it| it["kind"] == "image");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    items.map(|it| (text(&it["subject"]), text(&it["status"]))).collect()
}

#[test]
fn images_of_the_mirror_list_are_sought_in_layouts() {
    let sandbox = workspace();
    sandbox.write("bin/none", "");
    let (nats, app) = ("docker.io/library/nats:2", "r.example/app:1");
    bundles::layout(&sandbox, "the images", &[(nats, b"the layer of nats"), (app, b"of app")]);
    let index: Value = serde_json::from_str(&sandbox.read("the images/index.json")).unwrap();
    let digest = index["manifests"][0]["digest"].as_str().unwrap();
    let list = format!(
        "images:\n- source: {nats}@{digest}\n  destination: corp/nats:2\n\
         - source: {app}\n  destination: corp/app:1\n"
    );
    sandbox.write("mirror.yaml", list);
    let run = |arguments: &[&str], code| {
        let arguments = [&["--json", "doctor"], arguments].concat();
        sandbox.run(&arguments).env("PATH", sandbox.path("bin")).ends_with(code).json()
    };
    let pair = |name: &str, status: &str| (name.to_owned(), status.to_owned());
    let pinned = format!("{nats}@{digest}");
    let found = run(&[], 3);
    assert_eq!(images(&found, "items"), [pair(app, "unpinned")]);
    assert_eq!(images(&found, "not_asked_for"), [pair(&pinned, "missing")]);
    let expected = |status| [pair(&pinned, status), pair(app, "unpinned")];
    let layout = ["--layout", "oci:the images"];
    assert_eq!(images(&run(&layout, 3), "items"), expected("ok"));
    let blob = |bytes: &[u8]| sandbox.path(&format!("the images/blobs/sha256/{}", sha256(bytes)));
    let layer = blob(b"the layer of nats");
    fs::write(&layer, "the layer of mats").unwrap();
    let found = run(&layout, 4);
    assert_eq!(images(&found, "items"), expected("wrong"));
    assert_eq!(
        found["items"][0]["fix"],
        "wasm-airgap mirror copy -f mirror.yaml --to='the images'"
    );
    // Neither a link nor a pipe is read.
    fs::remove_file(&layer).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &layer).unwrap();
    assert_eq!(images(&run(&layout, 4), "items"), expected("wrong"));
    fs::remove_file(&layer).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&layer).status().unwrap().success());
    assert_eq!(images(&run(&layout, 3), "items"), expected("missing"));
    fs::remove_file(&layer).unwrap();
    assert_eq!(images(&run(&layout, 3), "items"), expected("missing"));
    let layout = ["doctor", "--layout", "the images"];
    let printed = sandbox.run(&layout).env("PATH", sandbox.path("bin")).ends_with(3).stdout;
    for text in ["missing  image", "unpinned image", "--to='the images'"] {
        assert!(printed.contains(text), "{printed}");
    }
}
