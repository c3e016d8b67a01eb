//! Inputs and outputs that are FIFOs, devices, folders or far too large.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use crate::for_each_scenario;
use crate::run::{Case, Findings, Scenario};

/// The memory that a command may use, besides the mapped program and its threads' stacks, in bytes.
const MEMORY: u64 = 256 << 20;

/// Replacements for a file. The large file is sparse and larger than the memory, and small enough
/// to be hashed in time if the command hashes a file of any size.
const KINDS: [&str; 5] = ["FIFO", "/dev/zero", "folder", "400 MB", "link to itself"];

fn put(kind: &str, path: &Path) {
    match kind {
        "FIFO" => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        "/dev/zero" => std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
        "folder" => fs::create_dir(path).unwrap(),
        "400 MB" => File::create(path).unwrap().set_len(400 << 20).unwrap(),
        _ => std::os::unix::fs::symlink(path.file_name().unwrap(), path).unwrap(),
    }
}

/// Returns the regular files of a case.
fn files(case: &Case) -> Vec<String> {
    let state = case.state();
    let mut names: Vec<_> = state
        .iter()
        .filter(|(name, what)| what.starts_with("file") && case.sandbox.path(name).exists())
        .map(|(name, _)| name.clone())
        .collect();
    // All blobs of a layout are alike, so one is enough.
    let blobs: Vec<_> = names.iter().filter(|it| it.contains("/blobs/")).skip(2).cloned().collect();
    names.retain(|it| !blobs.contains(it));
    names
}

/// Replaces each input file of the command, and then each output file, by each kind.
fn replaced(scenario: &Scenario) {
    let program = fs::metadata(env!("CARGO_BIN_EXE_wasm-airgap")).unwrap().len();
    let limit = format!("--as={}", MEMORY + program);
    let before = ["prlimit", limit.as_str(), "env", "MALLOC_ARENA_MAX=1"];
    let mut findings = Findings::new(scenario);
    // The same limit without a replacement.
    let case = scenario.case();
    case.command(&before, &scenario.words).succeeds();
    let made = files(&case);
    let inputs = files(&scenario.case());
    for name in &made {
        for kind in KINDS {
            let case = scenario.case();
            if !inputs.contains(name) {
                case.command(&[], &scenario.words).succeeds();
            }
            let path = case.sandbox.path(name);
            fs::remove_file(&path).unwrap();
            put(kind, &path);
            let ended = case.command(&before, &scenario.words).run();
            let result = ended.keeps_the_rules(case.sandbox.root());
            findings.note(&format!("{name} is a {kind}"), result.map(drop));
        }
    }
    findings.end();
}

for_each_scenario!(replaced, "takes long: scripts/test runs it");
