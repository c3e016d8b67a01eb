//! `vendor all`: tools, WIT packages and components, from the requests of the module extensions.

use serde_json::json;

use std::process::Stdio;

use crate::fake_registry::{Door, Fake};
use crate::sandbox::{Run, Sandbox, sha256};
use crate::server::{Reply, Server};
use crate::{bytes, component, manifest, push_as, run};

const IO: &str = "package my:io@1.0.0;\n\ninterface i {\n  f: func();\n}\n";
const TOOL: &[u8] = b"a tool";

struct Case {
    sandbox: Sandbox,
    fake: Fake,
    upstream: Server,
}

/// Creates a request of each extension.
fn case() -> Case {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let upstream = Server::start(|request| match request.path.as_str() {
        "/a-linux" => Reply::ok(TOOL),
        _ => Reply::new("404 Not Found", ""),
    });
    let app = component("app");
    let app = push_as(&fake, "my-org/app", "v1", &app, &manifest(&app, crate::WASM));
    let package = {
        let mut resolve = wit_parser::Resolve::default();
        let id = resolve.push_str("io.wit", IO).unwrap();
        wit_component::encode(&resolve, id, false).unwrap()
    };
    push_as(&fake, "packages/my/io", "1.0.0", &package, &manifest(&package, crate::WASM));
    let tools = json!({"schema_version": 1, "tools": [{
        "tool": "a", "version": "1.0", "executables": ["a"], "assets": {"linux_amd64": {
            "url": upstream.url("/a-linux"), "sha256": sha256(TOOL), "archive": "none",
        }},
    }]});
    let wit = json!({"schema_version": 1, "wit": [{
        "package": "my:io@1.0.0", "registry": format!("{}/packages", fake.host()),
        "sha256": sha256(&package),
    }]});
    let components = json!({"schema_version": 1, "components": [{
        "name": "app", "reference": format!("{}/my-org/app:v1", fake.host()),
        "digest": format!("sha256:{}", app.manifest),
    }]});
    for (name, request) in [("tools", tools), ("wit", wit), ("components", components)] {
        sandbox.write(&format!("{name}.json"), request.to_string());
    }
    sandbox.write("ws/MODULE.bazel", "");
    Case { sandbox, fake, upstream }
}

impl Case {
    fn run(&self, more: &[&str]) -> Run {
        let words = [
            "vendor",
            "all",
            "--output-dir=vendor",
            "--platform=linux_amd64",
            "--request=tools.json",
            "--request=wit.json",
            "--request=components.json",
        ];
        let words = [&words[..], more].concat();
        run(&self.sandbox, &words).env("BUILD_WORKSPACE_DIRECTORY", self.sandbox.path("ws"))
    }

    fn requests(&self) -> usize {
        self.fake.request_lines().len() + self.upstream.requests().len()
    }
}

#[test]
fn all_kinds_share_a_folder_and_a_manifest_with_the_helper() {
    let case = case();
    let printed = case.run(&[]).succeeds();
    printed.says(&["3 fetched, 0 copied, 0 kept", "wasm_helper.pin("]);
    let tree = case.sandbox.tree("ws/vendor");
    let names: Vec<_> =
        tree.keys().map(String::as_str).filter(|it| !it.contains("airgap")).collect();
    assert_eq!(
        names,
        [
            "components/.gitattributes",
            "components/BUILD.bazel",
            "components/app.manifest.json",
            "components/app.wasm",
            "manifest.json",
            "toolchains/.gitattributes",
            "toolchains/a/1.0/linux_amd64/a-linux",
            "wit/.gitattributes",
            "wit/my-io-1.0.0/BUILD.bazel",
            "wit/my-io-1.0.0/my-io-1.0.0.wasm",
            "wit/my-io-1.0.0/package.wit",
            "wit/my/io/1.0.0.wasm",
        ]
    );
    case.sandbox.run(&["verify", "ws/vendor"]).succeeds();

    let asked = case.requests();
    case.run(&[]).succeeds().says(&["0 fetched, 0 copied, 3 kept"]);
    assert_eq!(case.requests(), asked);
    assert_eq!(case.sandbox.tree("ws/vendor"), tree);
    case.run(&[]).env("BAZEL_WASM_OFFLINE", "1").succeeds();
    let json = case.run(&["--json", "--no-helper"]).succeeds().json();
    assert_eq!((json["kept"].as_u64(), json["failed"].as_u64()), (Some(3), Some(0)));

    // Each kind is among the verified files.
    for path in [
        "components/app.wasm",
        "components/app.manifest.json",
        "wit/my/io/1.0.0.wasm",
        "toolchains/a/1.0/linux_amd64/a-linux",
    ] {
        let path = format!("ws/vendor/{path}");
        let mut bad = bytes(&case.sandbox, &path);
        bad[0] ^= 1;
        case.sandbox.write(&path, &bad);
        case.sandbox.run(&["verify", "ws/vendor"]).ends_with(4);
        case.run(&["--no-helper"]).succeeds();
        case.sandbox.run(&["verify", "ws/vendor"]).succeeds();
    }
}

#[test]
fn a_failed_kind_does_not_stop_the_others() {
    for (name, code) in [("tools", 4), ("wit", 4), ("components", 3)] {
        let case = case();
        let file = format!("{name}.json");
        let request: String = case.sandbox.read(&file);
        let digest = match name {
            "tools" => sha256(TOOL),
            _ => request.rsplit_once("sha256").unwrap().1[1..]
                .chars()
                .filter(char::is_ascii_hexdigit)
                .collect(),
        };
        case.sandbox.write(&file, request.replace(&digest[..64], &"0".repeat(64)));
        let printed = case.run(&["--no-helper"]).ends_with(code);
        printed.says(&["2 fetched", "1 failed", &"0".repeat(64)]);
        case.sandbox.run(&["verify", "ws/vendor"]).succeeds();
        case.sandbox.write(&file, request);
        case.run(&["--no-helper"]).succeeds().says(&["1 fetched, 0 copied, 2 kept"]);
    }
}

#[test]
fn a_dry_run_and_a_plan_name_the_place_of_each_item() {
    let case = case();
    let printed = case.run(&["--dry-run"]).succeeds();
    for text in ["a 1.0 (linux_amd64)", "my:io@1.0.0", "/packages", "my-org/app:v1", "app.wasm"] {
        assert!(printed.stdout.contains(text), "{text} in {}", printed.stdout);
    }
    let json = case.run(&["--dry-run", "--json"]).succeeds().json();
    assert_eq!(json["files"]["items"][0]["tool"], "a");
    assert_eq!(json["wit"][0]["package"], "my:io@1.0.0");
    assert_eq!(json["components"][0]["name"], "app");
    assert_eq!(case.requests(), 0);
    assert!(!case.sandbox.path("ws/vendor").exists());

    // A vendor folder that a variable names need not exist, as the real run creates it.
    for folder in ["vendor", "vendor/toolchains", "vendor/components"] {
        let folder = case.sandbox.path(&format!("ws/{folder}")).display().to_string();
        case.run(&["--dry-run"]).env("BAZEL_WASM_VENDOR_DIR", &folder).succeeds();
    }
    assert!(!case.sandbox.path("ws/vendor").exists());

    let plan = |words: &[&str]| {
        let words = [&["plan", "--request=components.json"], words].concat();
        run(&case.sandbox, &words)
    };
    assert!(plan(&[]).succeeds().stdout.contains("needs the network"));
    plan(&["--offline"]).ends_with(3).says(&["vendor components", "is on"]);
    assert_eq!(plan(&["--json"]).succeeds().json()["components"][0]["name"], "app");
    case.run(&[]).succeeds();
    let vendored = plan(&["--offline"]).env("BAZEL_WASM_VENDOR_DIR", "ws/vendor").succeeds();
    assert!(vendored.stdout.contains("app.wasm (BAZEL_WASM_VENDOR_DIR): found"));
}

#[test]
fn without_a_request_there_is_nothing_to_vendor() {
    let sandbox = Sandbox::new();
    run(&sandbox, &["vendor", "all", "--output-dir=v"]).ends_with(2).says(&["--request"]);
    sandbox.write("r.json", r#"{"schema_version": 1, "component": []}"#);
    run(&sandbox, &["vendor", "all", "--output-dir=v", "--request=r.json"])
        .ends_with(2)
        .says(&["r.json", "component"]);
    assert!(!sandbox.path("v").exists());
}

#[test]
fn parallel_runs_keep_all_entries_of_the_manifest() {
    let case = case();
    case.run(&["--no-helper"]).succeeds();
    let whole = case.sandbox.read("ws/vendor/manifest.json");
    for _ in 0..10 {
        std::fs::remove_file(case.sandbox.path("ws/vendor/manifest.json")).unwrap();
        let start = || {
            let mut run = case.run(&["--no-helper"]);
            run.command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        };
        for mut child in [start(), start(), start()] {
            assert!(child.wait().unwrap().success());
        }
        assert_eq!(case.sandbox.read("ws/vendor/manifest.json"), whole);
    }
}
