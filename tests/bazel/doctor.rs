//! The diagnosis of a workspace, in both directions: `doctor` is content exactly if the offline build
//! works.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::components::vendored;
use crate::workspace::{Mirror, Workspace};

/// Runs `doctor`, and returns its diagnosis.
fn diagnosis(workspace: &Workspace, arguments: &[&str], code: i32) -> Value {
    let output = workspace.helper(&[&["--json", "doctor"], arguments].concat()).output().unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    let found: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{messages}"));
    assert_eq!(output.status.code(), Some(code), "{messages}\n{found:#}");
    found
}

/// Returns the subjects of the items that are not fine, with their states.
fn named(diagnosis: &Value) -> Vec<String> {
    let items = diagnosis["items"].as_array().unwrap().iter();
    let bad = items.filter(|item| item["status"] != "ok");
    bad.map(|item| format!("{} {}", item["status"], item["subject"]).replace('"', "")).collect()
}

/// The artifacts of the example: the path that is taken away, the subject that is named, and the exit
/// code. Without its manifest, a component cannot be told from a wrong one.
fn artifacts(mirror: &Mirror) -> [(String, String, i32); 7] {
    let component = |name: &str| format!("/example/{name}:1.0.0");
    let tool = format!("wasm-tools {} (linux_amd64)", mirror.version);
    [
        ("components/app.wasm".to_owned(), component("app"), 3),
        ("components/greeter.wasm".to_owned(), component("greeter"), 3),
        ("components/greeter.manifest.json".to_owned(), component("greeter"), 4),
        (format!("toolchains/{}", mirror.path()), tool, 3),
        ("toolchains/wasm-airgap".to_owned(), "the helper wasm-airgap".to_owned(), 3),
        ("wit/wasi-clocks-0.2.6".to_owned(), "wasi:clocks@0.2.6".to_owned(), 3),
        ("wit/wasi-io-0.2.6".to_owned(), "wasi:io@0.2.6".to_owned(), 3),
    ]
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn published_archives_tools_and_components_are_named_if_missing() {
    let mirror = Mirror::new();
    let (mut workspace, _) = vendored(&mirror);
    let module = workspace.sandbox.read("ws/MODULE.bazel");
    let fine = diagnosis(&workspace, &["--config=offline"], 0);
    let items = fine["items"].as_array().unwrap();
    assert_eq!(items.len(), 6, "{fine:#}");
    for item in items {
        assert_eq!(item["status"], "ok", "{item}");
        assert!(item["looked_in"].to_string().contains("sha256:"), "{item} was not hashed");
    }
    let build = ["build", "--config=offline", "//..."];
    workspace.bazel_on_the_far_side(&build).succeeds();

    for (path, subject, code) in artifacts(&mirror) {
        let (place, gone) = (workspace.path("vendor").join(&path), workspace.sandbox.path("gone"));
        fs::rename(&place, &gone).unwrap();
        let found = diagnosis(&workspace, &["--config=offline"], code);
        let named = named(&found);
        assert!(named.len() == 1 && named[0].ends_with(&subject), "{path}: {named:?}\n{found:#}");
        let state = if code == 4 { "wrong " } else { "missing " };
        assert!(named[0].starts_with(state), "{named:?}");
        workspace.fresh_output_root();
        workspace.bazel_on_the_far_side(&build).fails();
        fs::rename(&gone, &place).unwrap();
    }
    assert_eq!(workspace.sandbox.read("ws/MODULE.bazel"), module);
    assert!(!workspace.path("MODULE.bazel.lock").exists());
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn published_archives_wrong_files_and_ineffective_options_are_named() {
    let mirror = Mirror::new();
    let (workspace, _) = vendored(&mirror);
    let file = workspace.path("vendor/components/app.wasm");
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, &bytes).unwrap();
    let rc = workspace.sandbox.read("ws/.bazelrc");
    let own =
        "build:offline --sandbox_network=off\nbuild --action_env=BAZEL_WASM_RETRY_SECONDS=5\n";
    workspace.sandbox.write("ws/.bazelrc", rc + own);
    let rule = "load(\"@rules_wasm_airgap//wkg:defs.bzl\", \"wasm_component_from_oci\")\n\
                wasm_component_from_oci(\n    name = \"by_tag\",\n    component_name = \"other\",\n    \
                registry = \"registry.example.com\",\n    tag = \"1.0.0\",\n)\n";
    workspace.sandbox.write("ws/rule/BUILD.bazel", rule);
    let found = diagnosis(&workspace, &["--config=offline"], 4);
    let named = named(&found);
    assert_eq!(named.len(), 2, "{found:#}");
    assert!(
        named.iter().any(|it| it.starts_with("wrong") && it.contains("/app:1.0.0")),
        "{named:?}"
    );
    let by_tag = "unpinned registry.example.com/other:1.0.0 (//rule:by_tag)";
    assert!(named.iter().any(|it| it == by_tag), "{named:?}");
    let machine = found["machine"].as_array().unwrap();
    let check = |name: &str| machine.iter().find(|it| it["check"] == name).unwrap().to_string();
    assert!(
        check("option").contains(".bazelrc:") && check("option").contains("sandbox_network=off")
    );
    assert!(check("setting").contains("BAZEL_WASM_RETRY_SECONDS"), "{machine:?}");

    // `outdated` finds the same pins, with the place of the rule; offline it asks no registry.
    let output = workspace.helper(&["--json", "--offline", "outdated"]).output().unwrap();
    let pins: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{pins:#}");
    let rows = pins["rows"].as_array().unwrap();
    let rule = rows.iter().find(|row| row["file"] == "rule/BUILD.bazel").unwrap();
    assert_eq!((&rule["status"], &rule["line"]), (&"unknown".into(), &2.into()), "{rule:#}");
    for kind in ["tool", "wit", "component"] {
        let is_module = |row: &&Value| row["kind"] == kind && row["file"] == "MODULE.bazel";
        assert!(rows.iter().any(|row| is_module(&row)), "{kind} in {pins:#}");
    }
    let groups = pins["not_looked_up"].as_array().unwrap();
    assert_eq!(groups.len(), 1, "{pins:#}");

    // A workspace of which nothing can be asked is never called fine.
    workspace.add_to_module("bazel_dep(name = \"nowhere\", version = \"1.0.0\")");
    let blind = diagnosis(&workspace, &["--config=offline"], 3);
    assert!(!blind["not_looked_at"].as_array().unwrap().is_empty(), "{blind:#}");
}

/// Returns the command lines of the processes that name a folder.
fn processes(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let all = fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(folder)).collect()
}

/// Waits until the processes that name a folder are as they should be.
fn wait_for(folder: &Path, fits: impl Fn(&[String]) -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !fits(&processes(folder)) {
        assert!(Instant::now() < end, "{:#?}", processes(folder));
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn the_server_of_a_killed_doctor_ends() {
    let mirror = Mirror::new();
    let workspace = Workspace::from_example("offline_toolchains", &mirror);
    let scratch = workspace.sandbox.path("scratch");
    fs::create_dir(&scratch).unwrap();
    let mut doctor = workspace.helper(&["doctor"]);
    doctor.env("TMPDIR", &scratch).stdout(Stdio::null()).stderr(Stdio::null());
    let mut doctor = doctor.spawn().unwrap();
    let is_server = |line: &String| line.starts_with("bazel(");
    let is_client = |line: &String| line.contains(" query ");
    wait_for(&scratch, |all| all.iter().any(is_server) && all.iter().any(is_client));
    doctor.kill().unwrap();
    doctor.wait().unwrap();
    wait_for(&scratch, <[String]>::is_empty);
}
