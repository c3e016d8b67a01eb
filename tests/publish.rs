//! The files of a release: the source archive, the versions in the documents, and the workflow.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[allow(dead_code, reason = "the tests of Bazel use more of it")]
#[path = "support/release.rs"]
mod release;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/sandbox.rs"]
mod sandbox;

#[path = "publish/source_archive.rs"]
mod source_archive;
#[path = "publish/versions.rs"]
mod versions;
#[path = "publish/workflow.rs"]
mod workflow;

use std::process::Command;

/// Returns the stdout of a command, which must succeed.
#[track_caller]
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
