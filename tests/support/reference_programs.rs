//! Other programs, whose output the tests compare with ours.

use std::path::Path;
use std::process::Command;

/// Returns the output of a program in this folder, where its credentials are in `config.json` too.
/// It must succeed.
#[track_caller]
pub fn run_reference(folder: &Path, words: &[&str]) -> String {
    let output = Command::new(words[0])
        .args(&words[1..])
        .current_dir(folder)
        .env("HOME", folder)
        .env("DOCKER_CONFIG", folder)
        .env("REGISTRY_AUTH_FILE", folder.join("config.json"))
        .output()
        .unwrap_or_else(|error| panic!("{words:?}: {error}"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {error}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
