//! `prune`.

use serde_json::{Value, json};

use crate::bundles::vendor;
use crate::sandbox::{Sandbox, sha256};

/// Writes a vendor folder with two tools, three WIT packages of which `a:http` needs `a:io`, and two
/// components.
fn folder() -> Sandbox {
    let sandbox = Sandbox::new();
    vendor(&sandbox, "v", &[("old", b"old tool"), ("new", b"new tool")]);
    let mut manifest: Value = serde_json::from_str(&sandbox.read("v/manifest.json")).unwrap();
    let mut add = |kind: &str, name: &str, version: &str, path: &str, content: &str| {
        sandbox.write(&format!("v/{path}"), content);
        manifest["files"].as_array_mut().unwrap().push(json!({
            "kind": kind, "name": name, "version": version, "path": path,
            "size": content.len(), "sha256": sha256(content.as_bytes()), "url": "",
        }));
    };
    let wit = [
        ("io", "interface streams { type token = u32; }"),
        ("http", "interface types { use a:io/streams@1.0.0.{token}; get: func() -> token; }"),
        ("other", "interface x { y: func(); }"),
    ];
    for (name, text) in wit {
        let text = format!("package a:{name}@1.0.0;\n{text}\n");
        let id = format!("a:{name}");
        add("wit", &id, "1.0.0", &format!("wit/a-{name}-1.0.0/a.wit"), &text);
        add("wit", &id, "1.0.0", &format!("wit/a-{name}-1.0.0/BUILD.bazel"), "# wasm-airgap\n");
    }
    for name in ["one", "two"] {
        add("component", name, "1.0.0", &format!("components/{name}.wasm"), name);
    }
    let build = "# Written by `wasm-airgap vendor components`.\n";
    add("component", "BUILD.bazel", "", "components/BUILD.bazel", build);
    sandbox.write("v/manifest.json", manifest.to_string());
    sandbox.write("v/notes.txt", "mine");
    sandbox.run(&["verify", "v"]).succeeds();
    sandbox
}

fn request(sandbox: &Sandbox, name: &str, request: Value) {
    let mut request = request;
    request["schema_version"] = 1.into();
    sandbox.write(name, request.to_string());
}

/// Writes requests for the new tool, `a:http` and the first component.
fn requests(sandbox: &Sandbox) {
    let asset =
        json!({"url": "https://e.example/new.tar.gz", "sha256": sha256(b"x"), "archive": "tar.gz"});
    let tool = json!({"tool": "new", "version": "1.0", "executables": ["new"], "assets": {"linux_amd64": asset}});
    request(sandbox, "tools.json", json!({"tools": [tool]}));
    request(sandbox, "wit.json", json!({"wit": [{"package": "a:http@1.0.0"}]}));
    let reference = format!("r.example/one:1@sha256:{}", sha256(b"one"));
    request(
        sandbox,
        "components.json",
        json!({"components": [{"name": "one", "reference": reference}]}),
    );
}

fn paths(sandbox: &Sandbox) -> Vec<String> {
    sandbox.tree("v").into_keys().collect()
}

#[test]
fn requested_items_stay_with_their_dependencies() {
    let sandbox = folder();
    requests(&sandbox);
    let before = paths(&sandbox);
    let words = ["prune", "v", "--to=tools.json", "--to=wit.json", "--to=components.json"];
    let dry = sandbox.run(&[&words[..], &["--dry-run"]].concat()).succeeds();
    assert!(dry.stdout.contains("toolchains/old/"), "{}", dry.stdout);
    dry.says(&["4 files would be removed"]);
    assert_eq!(paths(&sandbox), before);
    sandbox.run(&words).succeeds().says(&["4 files removed"]);
    let after = paths(&sandbox);
    for kept in [
        "toolchains/new/",
        "wit/a-http-1.0.0/",
        "wit/a-io-1.0.0/",
        "components/one.wasm",
        "notes.txt",
    ] {
        assert!(after.iter().any(|path| path.starts_with(kept)), "{kept}: {after:?}");
    }
    for gone in ["toolchains/old", "wit/a-other-1.0.0", "components/two.wasm"] {
        assert!(!sandbox.path(&format!("v/{gone}")).exists(), "{gone}");
    }
    assert!(sandbox.read("v/components/BUILD.bazel").contains("one.wasm"));
    sandbox.run(&["verify", "v"]).succeeds();
    let again = sandbox.run(&[&words[..], &["--json"]].concat()).succeeds().json();
    assert_eq!(again["pruned"]["removed"], json!([]));
    assert_eq!(paths(&sandbox), after);
}

#[test]
fn a_manifest_that_lists_itself_is_refused() {
    let sandbox = folder();
    requests(&sandbox);
    let original = sandbox.read("v/manifest.json");
    for path in ["manifest.json", "Manifest.JSON"] {
        let mut manifest: Value = serde_json::from_str(&original).unwrap();
        manifest["files"].as_array_mut().unwrap().push(json!({
            "kind": "toolchain", "name": "unused", "version": "1.0", "platform": "linux_amd64",
            "path": path, "size": 1, "sha256": sha256(b"x"), "url": "",
        }));
        sandbox.write("v/manifest.json", manifest.to_string());
        let before = sandbox.tree("v");
        let printed = sandbox.run(&["prune", "v", "--to=tools.json"]).ends_with(4);
        printed.says(&["lists an invalid path", path]);
        assert_eq!(sandbox.tree("v"), before);
    }
}

#[test]
fn a_kind_that_no_request_names_is_left_alone() {
    let sandbox = folder();
    requests(&sandbox);
    let printed = sandbox.run(&["prune", "v", "--to=tools.json"]).succeeds();
    printed.says(&["wit: left unchanged", "component: left unchanged", "1 file removed"]);
    assert!(sandbox.path("v/wit/a-other-1.0.0/a.wit").exists());
    sandbox.run(&["verify", "v"]).succeeds();
}

#[test]
fn empty_requests_and_unreadable_wit_remove_nothing() {
    let sandbox = folder();
    requests(&sandbox);
    let before = sandbox.tree("v");
    request(&sandbox, "empty.json", json!({}));
    sandbox
        .run(&["prune", "v", "--to=empty.json"])
        .ends_with(2)
        .says(&["the requests and locks are empty"]);
    sandbox.run(&["prune", "v"]).ends_with(2);
    sandbox.run(&["prune", "nothing", "--to=tools.json"]).ends_with(2).says(&["no manifest"]);
    assert_eq!(sandbox.tree("v"), before);
    sandbox.write("v/wit/a-http-1.0.0/a.wit", "package a:http@1.0.0;\ninterface {");
    let printed = sandbox.run(&["prune", "v", "--to=tools.json", "--to=wit.json"]).ends_with(4);
    printed.says(&["a.wit"]);
    assert!(sandbox.path("v/toolchains/old").exists());
}

#[cfg(unix)]
#[test]
fn a_dry_run_stops_where_the_real_one_would() {
    use std::os::unix::fs::symlink;
    type Change = fn(&Sandbox);
    let linked_folder: Change = |sandbox| {
        std::fs::rename(sandbox.path("v/toolchains/old"), sandbox.path("elsewhere")).unwrap();
        symlink("../../elsewhere", sandbox.path("v/toolchains/old")).unwrap();
    };
    let folder_for_file: Change = |sandbox| {
        std::fs::remove_file(sandbox.path("v/components/two.wasm")).unwrap();
        std::fs::create_dir(sandbox.path("v/components/two.wasm")).unwrap();
    };
    let linked_build: Change = |sandbox| {
        std::fs::rename(sandbox.path("v/components/BUILD.bazel"), sandbox.path("build")).unwrap();
        symlink("../../build", sandbox.path("v/components/BUILD.bazel")).unwrap();
    };
    let words = ["prune", "v", "--to=tools.json", "--to=wit.json", "--to=components.json"];
    for (change, code, named) in [
        (linked_folder, 4, "toolchains/old"),
        (folder_for_file, 1, "components/two.wasm"),
        (linked_build, 4, "components/BUILD.bazel"),
    ] {
        let sandbox = folder();
        requests(&sandbox);
        change(&sandbox);
        let manifest = sandbox.read("v/manifest.json");
        let dry = sandbox.run(&[&words[..], &["--dry-run"]].concat()).ends_with(code);
        let real = sandbox.run(&words).ends_with(code);
        assert!(dry.stderr.contains(named) && dry.stderr == real.stderr, "{}", dry.stderr);
        assert!(sandbox.path("v/wit/a-other-1.0.0/a.wit").exists());
        assert!(sandbox.path("v/components/two.wasm").exists());
        assert_eq!(sandbox.read("v/manifest.json"), manifest);
    }
}

#[test]
fn a_lock_keeps_its_packages() {
    let sandbox = folder();
    let lock = format!(
        "version = 1\n\n[[packages]]\nname = \"a:other\"\nregistry = \"wasi.dev\"\n\n\
         [[packages.versions]]\nrequirement = \"=1.0.0\"\nversion = \"1.0.0\"\ndigest = \"sha256:{}\"\n",
        sha256(b"x")
    );
    sandbox.write("wit.lock", lock);
    sandbox.run(&["prune", "v", "--lock-file=wit.lock"]).succeeds();
    assert!(sandbox.path("v/wit/a-other-1.0.0").exists());
    assert!(!sandbox.path("v/wit/a-http-1.0.0").exists());
    sandbox.run(&["verify", "v"]).succeeds();
}
