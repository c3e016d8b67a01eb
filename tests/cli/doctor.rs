//! `doctor`, with a Bazel that cannot answer or without one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bundles;
use crate::sandbox::{Sandbox, sha256};

fn workspace() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("MODULE.bazel", "module(name = \"ws\")\n");
    sandbox
}

/// Writes a script that stands for Bazel.
fn bazel(sandbox: &Sandbox, script: &str) {
    let program = sandbox.write("bazel", format!("#!/bin/sh\n{script}"));
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The start of a script with a server, which is in a session of its own and writes to `beats` as
/// long as it runs. It has the standard output of the first command open. Without the rights for
/// namespaces, each command has `--batch`, and the script starts no server.
const SERVER: &str = "case \" $* \" in *' --batch '*) exit 7 ;; esac
if ! [ -e server ]; then
    setsid sh -c 'echo $$ >server; while :; do echo >>beats; sleep 0.02; done' 3>&1 >/dev/null 2>&1 &
    while ! [ -s server ]; do sleep 0.02; done
fi
kill -0 \"$(cat server)\" && echo \"$*\" >>commands
";

/// Returns the number of the server's signs of life.
fn beats(sandbox: &Sandbox) -> u64 {
    fs::metadata(sandbox.path("beats")).map_or(0, |beats| beats.len())
}

/// Fails if the server still runs.
fn server_has_ended(sandbox: &Sandbox) {
    let before = beats(sandbox);
    thread::sleep(Duration::from_millis(500));
    assert_eq!(beats(sandbox), before);
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
    bazel(&sandbox, "echo 'ERROR: /ws/BUILD.bazel:1:1: syntax error' >&2\nexit 7\n");
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

/// The search path of the tests, on which `unshare` is.
fn search_path() -> String {
    std::env::var("PATH").unwrap()
}

#[test]
fn one_server_answers_all_commands_and_ends_with_them() {
    let sandbox = workspace();
    bazel(&sandbox, &format!("{SERVER}echo 'ERROR: it failed' >&2\nexit 7\n"));
    let arguments = ["--json", "doctor", "--bazel", "bazel"];
    let diagnosis = sandbox.run(&arguments).env("PATH", search_path()).ends_with(3).json();
    if !sandbox.path("server").exists() {
        return;
    }
    assert!(diagnosis.to_string().contains("it failed"), "{diagnosis:#}");
    let commands = sandbox.read("commands");
    for command in ["query", "build --nobuild"] {
        assert!(commands.contains(&format!(" {command} ")), "{commands}");
    }
    // With other startup options, Bazel starts another server.
    let startup = |line: &str| line.split_once(" --output_base=").unwrap().0.to_owned();
    let options: Vec<_> = commands.lines().map(startup).collect();
    assert!(options.windows(2).all(|pair| pair[0] == pair[1]), "{options:#?}");
    server_has_ended(&sandbox);
}

#[test]
fn the_server_ends_with_a_killed_doctor() {
    // A shell that starts the tests in the background lets them ignore SIGINT.
    for signal in ["KILL", "TERM"] {
        let sandbox = workspace();
        bazel(&sandbox, &format!("{SERVER}exec sleep 600\n"));
        let arguments = ["doctor", "--bazel", "bazel"];
        let run = sandbox.run(&arguments).env("PATH", search_path());
        let mut run = run.env("TMPDIR", sandbox.root());
        run.command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut doctor = run.command.spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(60);
        while beats(&sandbox) == 0 {
            if doctor.try_wait().unwrap().is_some() {
                return; // There are no namespaces here.
            }
            assert!(Instant::now() < end, "the server did not start");
            thread::sleep(Duration::from_millis(20));
        }
        let number = doctor.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &number]).status().unwrap().success());
        doctor.wait().unwrap();
        // The kernel closes the pipe to the first process of the namespace, which then ends.
        thread::sleep(Duration::from_millis(500));
        server_has_ended(&sandbox);
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
