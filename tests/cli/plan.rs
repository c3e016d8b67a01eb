//! `plan`.

use crate::registry_files;
use crate::sandbox::Sandbox;

#[test]
fn the_json_has_the_fields_that_starlark_reads() {
    let sandbox = Sandbox::new();
    let registry = registry_files(&sandbox, "https://upstream.invalid", &[b"AAAA"]).remove(0);
    let words = ["plan", "--json", &registry, "--tool=a", "--platform=linux_amd64"];
    let online = sandbox.run(&words).env("BAZEL_WASM_MIRROR", "https://m,direct").succeeds().json();
    let item = &online["items"][0];
    assert_eq!(online["schema_version"], 1);
    assert_eq!(
        item["urls"],
        serde_json::json!([
            "https://m/a/1.0/linux_amd64/a-linux.tar.gz",
            "https://upstream.invalid/a-linux.tar.gz"
        ])
    );
    assert_eq!((&item["path"], &item["archive"]), (&serde_json::Value::Null, &"tar.gz".into()));
    assert_eq!(item["filename"], "a-linux.tar.gz");

    let file = sandbox.write("vendor/toolchains/a/1.0/linux_amd64/a-linux.tar.gz", "AAAA");
    let vendored = sandbox.run(&words).env("BAZEL_WASM_OFFLINE", "1").succeeds().json();
    assert_eq!(vendored["items"][0]["path"], file.display().to_string());
    assert_eq!(vendored["items"][0]["urls"], serde_json::json!([]));
}

#[test]
fn a_request_chooses_as_a_registry_does() {
    let sandbox = Sandbox::new();
    let registry = registry_files(&sandbox, "https://upstream.invalid", &[b"AAAA"]).remove(0);
    let file: serde_json::Value = serde_json::from_str(&sandbox.read("a.json")).unwrap();
    let request = serde_json::json!({"schema_version": 1, "tools": [{
        "tool": "a", "version": "1.0", "executables": ["a"], "assets": file["versions"]["1.0"],
    }]});
    sandbox.write("request.json", request.to_string());
    let by_request = ["plan", "--json", "--request=request.json", "--platform=linux_amd64"];
    let by_registry = ["plan", "--json", &registry, "--tool=a", "--platform=linux_amd64"];
    let printed = sandbox.run(&by_request).succeeds().stdout;
    assert_eq!(printed, sandbox.run(&by_registry).succeeds().stdout);

    sandbox
        .run(&["plan", "--request=request.json", "--tool=a@2.0"])
        .ends_with(2)
        .says(&["MODULE.bazel requests another version"]);
    sandbox
        .run(&["plan", "--request=request.json", "--tool=b"])
        .ends_with(2)
        .says(&["no tool in MODULE.bazel called `b`"]);
    sandbox.write("newer.json", r#"{"schema_version": 2, "tools": []}"#);
    sandbox.run(&["plan", "--request=newer.json"]).ends_with(2).says(&["unknown format"]);
}

#[test]
fn an_unknown_name_gets_the_nearest_known_one() {
    let sandbox = Sandbox::new();
    for (words, message) in [
        (["--tool=wasmtools", "--platform=linux_amd64"], "`wasm-tools`"),
        (["--tool=wasm-tools@1.244", "--platform=linux_amd64"], "`1.244.0`"),
        (["--tool=wasm-tools", "--platform=linux"], "linux_amd64, linux_arm64"),
        (
            ["--tool=meld", "--platform=windows_amd64"],
            "meld 0.10.0 is not published for windows_amd64",
        ),
        (["--bundle=minimum", "--platform=linux_amd64"], "`minimal`"),
    ] {
        sandbox.run(&[&["plan"], &words[..]].concat()).ends_with(2).says(&[message]);
    }
}

#[test]
fn every_tool_has_a_plan_for_every_platform() {
    let sandbox = Sandbox::new();
    let plan = sandbox.run(&["plan", "--json", "--platform=all"]).succeeds().json();
    let items = plan["items"].as_array().unwrap();
    let tools: std::collections::BTreeSet<_> =
        items.iter().map(|item| item["tool"].to_string()).collect();
    assert_eq!(tools.len(), 21);
}

#[test]
fn an_unusable_vendor_folder_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "");
    for (dir, message) in [("nowhere", "does not exist"), ("file", "is a file")] {
        let run = sandbox.run(&["plan", "--tool=wasm-tools"]).env("BAZEL_WASM_VENDOR_DIR", dir);
        run.ends_with(2).says(&[dir, message, "BAZEL_WASM_VENDOR_DIR"]);
    }
}
