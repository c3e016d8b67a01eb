//! Proofs that a build used no network, and a hidden download that is caught.

use std::process::Command;

use crate::workspace::{HELPER, Mirror, Workspace};

/// A genrule that reaches for the network, and builds without it too.
const HIDDEN: &str = r#"
genrule(
    name = "hidden",
    outs = ["hidden.txt"],
    cmd = "(exec 3<>/dev/tcp/192.0.2.7/443) 2>/dev/null || true; echo https://upstream.invalid > $@",
)
"#;

/// Runs `prove`, and returns its verdict.
fn verdict(workspace: &Workspace, arguments: &[&str], code: i32) -> serde_json::Value {
    let mut prove = workspace.prove(arguments);
    let output = prove.env("BAZEL_WASM_HELPER", HELPER).output().unwrap();
    let (stdout, stderr) = (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    let verdict: serde_json::Value = serde_json::from_slice(&stdout).unwrap();
    assert!(verdict["exit_code"] == 0 || code == 5, "{stderr}");
    verdict
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn a_hidden_download_is_caught_and_named() {
    let mirror = Mirror::new();
    let workspace = Workspace::from_example("offline_toolchains", &mirror);
    workspace.sandbox.write("ws/BUILD.bazel", HIDDEN);
    let build = ["--", "bazel", "build", "//:all"];
    let found = verdict(&workspace, &build, 5);
    assert_eq!(
        (&found["verdict"], &found["exit_code"]),
        (&"network_tried".into(), &0.into()),
        "{found}"
    );
    let blocked = &found["blocked"][0];
    assert_eq!(blocked["address"], "192.0.2.7:443", "{found}");
    assert_eq!(blocked["process"], "bash", "{found}");

    // Without strace, and in a sandbox that lets actions use the network of the namespace.
    let counted = verdict(&workspace, &[&["--no-trace"], &build[..]].concat(), 5);
    assert_eq!(counted["verdict"], "network_tried");
    assert_eq!(counted["blocked"], serde_json::json!([]));
    assert!(counted["counters"]["without_route"].as_u64() > Some(0), "{counted}");

    // The same without the line that reaches for the network.
    let quiet = HIDDEN.replace("(exec 3<>/dev/tcp/192.0.2.7/443) 2>/dev/null || true; ", "");
    workspace.sandbox.write("ws/BUILD.bazel", quiet);
    let proven = verdict(&workspace, &build, 0);
    assert_eq!(proven["verdict"], "proven");
    assert_eq!(proven["repository_cache_files"], 0);

    // A build that needs the network fails, and Bazel's own downloader is named.
    let toolchain = ["--", "bazel", "build", "@wasm_toolchains//:wasm-tools"];
    let failed = verdict(&workspace, &toolchain, 5);
    assert_eq!(failed["verdict"], "network_tried");
    assert!(!failed["blocked"].as_array().unwrap().is_empty(), "{failed}");
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn other_programs_can_be_proven_and_a_failure_proves_nothing() {
    let run = |words: &[&str]| {
        let output = Command::new(HELPER).args(words).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, messages) = run(&["prove", "--", "true"]);
    assert_eq!(code, Some(0), "{messages}");
    assert!(messages.contains("proven: the command used no network"), "{messages}");
    assert!(messages.contains("caches of this program were not replaced"), "{messages}");
    let (code, messages) = run(&["prove", "--", "false"]);
    assert_eq!(code, Some(1), "{messages}");
    assert!(
        messages.contains("nothing is proven") && messages.contains("exit code 1"),
        "{messages}"
    );
    let (code, messages) = run(&["prove", "--", "bazel", "--output_base=/x", "build", "//..."]);
    assert_eq!(code, Some(2), "{messages}");
    // A user who may not create a namespace gets no verdict.
    let script = format!("PATH= {HELPER} prove -- /bin/true");
    let (code, messages) = match Command::new("/bin/sh").args(["-c", &script]).output() {
        Ok(output) => (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(code, Some(1), "{messages}");
    assert!(messages.contains("cannot take the network away"), "{messages}");
}
