//! `doctor`, with a Bazel that cannot answer.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::sandbox::Sandbox;

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
