//! `vendor toolchains`.

use std::fs;

use crate::sandbox::{Sandbox, sha256};
use crate::server::{Reply, Server};
use crate::{registry_files, vendor_words};

/// Starts a server with `A` and `B` as the tools a and b.
fn upstream() -> Server {
    Server::start(|request| match request.path.as_str() {
        "/a-linux.tar.gz" => Reply::ok("AAAA"),
        "/b-linux.tar.gz" => Reply::ok("BB"),
        _ => Reply::new("404 Not Found", ""),
    })
}

const OUT: [&str; 2] = ["--output-dir=vendor/toolchains", "--no-helper"];
const A: &str = "vendor/toolchains/a/1.0/linux_amd64/a-linux.tar.gz";
const B: &str = "vendor/toolchains/b/1.0/linux_amd64/b-linux.tar.gz";

#[test]
fn a_second_run_keeps_the_bytes_and_fetches_nothing() {
    let (sandbox, server) = (Sandbox::new(), upstream());
    let files = registry_files(&sandbox, &server.url(""), &[b"AAAA", b"BB"]);
    sandbox.run(&vendor_words(&files, &OUT)).succeeds().says(&["2 fetched, 0 copied, 0 kept"]);
    let first = sandbox.tree("vendor");
    assert_eq!(server.requests().len(), 2);
    let names: Vec<_> = first.keys().map(String::as_str).collect();
    let attributes = "toolchains/.gitattributes";
    assert_eq!(names, ["manifest.json", attributes, &A["vendor/".len()..], &B["vendor/".len()..]]);
    assert_eq!(first[attributes], b"* -text\n");

    sandbox.run(&vendor_words(&files, &OUT)).succeeds().says(&["0 fetched, 0 copied, 2 kept"]);
    assert_eq!(sandbox.tree("vendor"), first);
    assert_eq!(server.requests().len(), 2);

    // Another machine behind a mirror writes the same files.
    let other = Sandbox::new();
    let files = registry_files(&other, &server.url(""), &[b"AAAA", b"BB"]);
    let mirror = Server::start(|request| match request.path.as_str() {
        "/t/a/1.0/linux_amd64/a-linux.tar.gz" => Reply::ok("AAAA"),
        "/t/b/1.0/linux_amd64/b-linux.tar.gz" => Reply::ok("BB"),
        _ => Reply::new("404 Not Found", ""),
    });
    other.run(&vendor_words(&files, &OUT)).env("BAZEL_WASM_MIRROR", mirror.url("/t")).succeeds();
    assert_eq!(other.tree("vendor"), first);
}

#[test]
fn the_manifest_lists_the_vendored_files() {
    let (sandbox, server) = (Sandbox::new(), upstream());
    let files = registry_files(&sandbox, &server.url(""), &[b"AAAA"]);
    sandbox.run(&vendor_words(&files, &OUT)).succeeds();
    let manifest: serde_json::Value =
        serde_json::from_str(&sandbox.read("vendor/manifest.json")).unwrap();
    let entry = serde_json::json!({
        "kind": "toolchain", "name": "a", "version": "1.0", "platform": "linux_amd64",
        "path": &A["vendor/".len()..], "size": 4, "sha256": sha256(b"AAAA"),
        "url": server.url("/a-linux.tar.gz"),
    });
    assert_eq!(manifest, serde_json::json!({"schema_version": 1, "files": [entry]}));
    // Vendoring another tool adds to the folder.
    let files = registry_files(&sandbox, &server.url(""), &[b"AAAA", b"BB"]);
    sandbox.run(&vendor_words(&files[3..], &OUT)).succeeds();
    assert_eq!(sandbox.read("vendor/manifest.json").matches("\"sha256\"").count(), 2);
}

#[test]
fn a_damaged_file_is_repaired() {
    let (sandbox, server) = (Sandbox::new(), upstream());
    let files = registry_files(&sandbox, &server.url(""), &[b"AAAA", b"BB"]);
    sandbox.run(&vendor_words(&files, &OUT)).succeeds();
    sandbox.write(A, "AXAA");
    sandbox.run(&vendor_words(&files, &OUT)).succeeds().says(&["1 kept, 1 repaired"]);
    assert_eq!(sandbox.read(A), "AAAA");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_damaged_file_without_a_source_is_named() {
    let (sandbox, server) = (Sandbox::new(), upstream());
    let files = registry_files(&sandbox, &server.url(""), &[b"AAAA", b"BB"]);
    sandbox.run(&vendor_words(&files, &OUT)).succeeds();
    sandbox.write(A, "AXAA");
    let offline = sandbox.run(&vendor_words(&files, &OUT)).env("BAZEL_WASM_OFFLINE", "1");
    offline.ends_with(4).says(&[&sha256(b"AAAA"), &sha256(b"AXAA"), "no allowed source"]);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn files_in_another_vendor_folder_are_copied() {
    let sandbox = Sandbox::new();
    let files = registry_files(&sandbox, "https://upstream.invalid", &[b"AAAA"]);
    sandbox.write("share/toolchains/a/1.0/linux_amd64/a-linux.tar.gz", "AAAA");
    sandbox
        .run(&vendor_words(&files, &OUT))
        .env("BAZEL_WASM_VENDOR_DIR", "share")
        .env("BAZEL_WASM_OFFLINE", "1")
        .succeeds()
        .says(&["0 fetched, 1 copied"]);
    assert_eq!(sandbox.read(A), "AAAA");
}

#[test]
fn a_failure_stops_no_other_file_and_no_wrong_file_stays() {
    let sandbox = Sandbox::new();
    let server = Server::start(|request| match request.path.as_str() {
        "/a-linux.tar.gz" => {
            Reply::ok("<html>please log in</html>").header("Content-Type", "text/html")
        }
        "/b-linux.tar.gz" => Reply::ok("BB"),
        _ => Reply::new("404 Not Found", ""),
    });
    let files = registry_files(&sandbox, &server.url(""), &[b"AAAA", b"BB"]);
    sandbox.run(&vendor_words(&files, &OUT)).ends_with(4).says(&[
        "1 fetched",
        "1 failed",
        "the bytes of a 1.0 (linux_amd64) are not the pinned ones",
        &sha256(b"AAAA"),
        &sha256(b"<html>please log in</html>"),
        "login",
    ]);
    let names: Vec<_> = sandbox.tree("vendor").into_keys().collect();
    assert_eq!(names, ["manifest.json", "toolchains/.gitattributes", &B["vendor/".len()..]]);

    // A program reads one JSON document, with the results and each failure.
    let files = registry_files(&sandbox, &server.url(""), &[b"AAAA", b"BB", b"CC"]);
    let json = sandbox.run(&[&vendor_words(&files, &OUT)[..], &["--json"]].concat());
    let json = json.ends_with(4).json();
    assert_eq!((&json["kept"], &json["failed"]), (&1.into(), &2.into()));
    let facts = json["facts"].as_array().unwrap();
    assert!(facts.iter().all(|it| it["label"] == "failed") && facts.len() == 2, "{json}");
}

#[test]
fn the_most_severe_failure_decides_the_exit_code() {
    for wrong in ["/a-linux.tar.gz", "/b-linux.tar.gz"] {
        let sandbox = Sandbox::new();
        let server = Server::start(move |request| match request.path == wrong {
            true => Reply::ok("something else"),
            false => Reply::new("403 Forbidden", ""),
        });
        let files = registry_files(&sandbox, &server.url(""), &[b"AAAA", b"BB"]);
        for jobs in ["--jobs=1", "--jobs=2"] {
            let words = [&OUT[..], &[jobs]].concat();
            let printed = sandbox.run(&vendor_words(&files, &words)).ends_with(4);
            printed.says(&["2 files could not be vendored", "403", "not the pinned ones"]);
        }
    }
}

#[test]
fn each_bad_answer_has_its_exit_code_and_leaves_nothing() {
    for (reply, code, words) in [
        (Reply::new("404 Not Found", ""), 3, "404"),
        (Reply::new("403 Forbidden", ""), 5, "403"),
        (Reply::ok("AAAAA"), 4, "not the pinned ones"),
        (Reply::ok("AAA"), 4, "not the pinned ones"),
        (Reply::redirect("http://127.0.0.1:1/x"), 5, "refused"),
    ] {
        let sandbox = Sandbox::new();
        let server = Server::start(move |_| reply.clone());
        let files = registry_files(&sandbox, &server.url(""), &[b"AAAA"]);
        sandbox
            .run(&vendor_words(&files, &OUT))
            .env("BAZEL_WASM_RETRY_SECONDS", "0")
            .ends_with(code)
            .says(&[words, "a 1.0 (linux_amd64)"]);
        assert!(!sandbox.path(A).exists());
    }
}

#[test]
fn offline_without_the_file_is_unavailable() {
    let (sandbox, server) = (Sandbox::new(), upstream());
    let files = registry_files(&sandbox, &server.url(""), &[b"AAAA"]);
    for word in ["1", "true", "ON"] {
        sandbox
            .run(&vendor_words(&files, &OUT))
            .env("BAZEL_WASM_OFFLINE", word)
            .env("BAZEL_WASM_MIRROR", server.url(""))
            .ends_with(3)
            .says(&["not found in any allowed source", "vendor/toolchains/a/1.0", "not asked"]);
    }
    // The error names the flag or variable that forbids it, and the remedy.
    let by_flag = vendor_words(&files, &["--output-dir=vendor/toolchains", "--offline"]);
    let printed = sandbox.run(&by_flag).ends_with(3).says(&["not asked: --offline is on"]);
    assert!(
        printed.stderr.contains("leave out --offline to use the network"),
        "{}",
        printed.stderr
    );
    assert!(server.requests().is_empty());
}

#[test]
fn dry_run_prints_the_plan_and_does_nothing() {
    let (sandbox, server) = (Sandbox::new(), upstream());
    let files = registry_files(&sandbox, &server.url(""), &[b"AAAA"]);
    let before = sandbox.tree("");
    let words = vendor_words(&files, &["--output-dir=vendor/toolchains", "--dry-run"]);
    let printed = sandbox.run(&words).succeeds();
    assert!(printed.stdout.contains(&server.url("/a-linux.tar.gz")), "{}", printed.stdout);
    // A size that only the network knows is not requested.
    assert!(printed.stdout.contains("size             unknown\n"), "{}", printed.stdout);
    assert!(printed.stdout.ends_with("total: 1 file, sizes unknown\n"), "{}", printed.stdout);
    assert_eq!(sandbox.tree(""), before);
    assert!(server.requests().is_empty());
    // The manifest has the sizes, also of a missing file.
    let vendor = vendor_words(&files, &["--output-dir=vendor/toolchains", "--no-helper"]);
    sandbox.run(&vendor).succeeds();
    for file in sandbox.tree("vendor/toolchains").into_keys() {
        let printed = sandbox.run(&words).succeeds();
        assert!(printed.stdout.ends_with("total: 1 file, 1 kB\n"), "{}", printed.stdout);
        std::fs::remove_file(sandbox.path(&format!("vendor/toolchains/{file}"))).unwrap();
    }
    let json = sandbox.run(&[&words[..], &["--json"]].concat()).succeeds().json();
    assert_eq!(json["items"][0]["size"], 4);
}

#[test]
fn a_missing_output_folder_is_created_but_not_by_a_dry_run() {
    let (sandbox, server) = (Sandbox::new(), upstream());
    let files = registry_files(&sandbox, &server.url(""), &[b"AAAA"]);
    let dry = vendor_words(&files, &["--output-dir=vendor/toolchains", "--dry-run"]);
    let before = sandbox.tree("");
    for folder in ["vendor", "vendor/toolchains"] {
        sandbox.run(&dry).env("BAZEL_WASM_VENDOR_DIR", folder).succeeds();
        assert!(!sandbox.path("vendor").exists());
        // A command that only compares does not request them either.
        let locked = ["vendor", "wit", "wasi:io@0.2.6", "--output-dir=vendor/wit", "--locked"];
        sandbox.write("wit.lock", "version = 1\n");
        let mut run = sandbox.run(&locked).env("BAZEL_WASM_WIT_VENDOR_DIR", "vendor/wit");
        assert!(!run.command.status().unwrap().success());
        assert!(!sandbox.path("vendor").exists());
        std::fs::remove_file(sandbox.path("wit.lock")).unwrap();
    }
    assert_eq!(sandbox.tree(""), before);
    // Another missing folder is still a missing mount.
    let run = sandbox.run(&dry).env("BAZEL_WASM_VENDOR_DIR", "mnt");
    run.ends_with(2).says(&["mnt` does not exist"]);
    let real = vendor_words(&files, &OUT);
    sandbox.run(&real).env("BAZEL_WASM_VENDOR_DIR", "vendor").succeeds();
    assert_eq!(sandbox.read(A), "AAAA");
}

#[test]
fn under_bazel_run_relative_means_the_workspace() {
    let (sandbox, server) = (Sandbox::new(), upstream());
    let files = registry_files(&sandbox, &server.url(""), &[b"AAAA"]);
    fs::create_dir(sandbox.path("runfiles")).unwrap();
    let mut run = sandbox.run(&vendor_words(&files, &OUT));
    run.command.current_dir(sandbox.path("runfiles"));
    run.env("BUILD_WORKSPACE_DIRECTORY", sandbox.root()).succeeds();
    assert_eq!(sandbox.read(A), "AAAA");
}

#[test]
fn the_helper_goes_along_and_prints_its_pin() {
    let (sandbox, server) = (Sandbox::new(), upstream());
    let files = registry_files(&sandbox, &server.url(""), &[b"AAAA"]);
    let printed = sandbox.run(&vendor_words(&files, &["--output-dir=v"])).succeeds();
    let helper = sandbox.tree("v").into_iter().find(|(name, _)| name.starts_with("wasm-airgap/"));
    let (name, bytes) = helper.unwrap();
    assert!(sandbox.read("v/manifest.json").contains(&name));
    printed.says(&["wasm_helper.pin(", &sha256(&bytes)]);
    sandbox.run(&["verify", "v"]).succeeds();
}

#[test]
fn a_foreign_manifest_is_not_overwritten() {
    let (sandbox, server) = (Sandbox::new(), upstream());
    let files = registry_files(&sandbox, &server.url(""), &[b"AAAA"]);
    sandbox.write("manifest.json", "{\"name\": \"my web app\"}");
    let words = vendor_words(&files, &["--output-dir=toolchains", "--no-helper"]);
    sandbox.run(&words).ends_with(2).says(&["manifest.json` is not a manifest of a vendor folder"]);
    assert_eq!(sandbox.read("manifest.json"), "{\"name\": \"my web app\"}");
    assert!(!sandbox.path("toolchains").exists());
}

#[test]
fn an_unwritable_folder_is_named() {
    let (sandbox, server) = (Sandbox::new(), upstream());
    let files = registry_files(&sandbox, &server.url(""), &[b"AAAA"]);
    sandbox.write("taken", "a file");
    let words = vendor_words(&files, &["--output-dir=taken/toolchains", "--no-helper"]);
    sandbox.run(&words).ends_with(1).says(&["cannot create", "taken"]);
}

/// A checkout of the rules pins no helper.
#[test]
fn platforms_without_a_pinned_helper_are_named() {
    let sandbox = Sandbox::new();
    sandbox.write("request.json", serde_json::json!({"schema_version": 1}).to_string());
    let vendor = |more: &[&str]| {
        let words = ["vendor", "helper", "--request=request.json", "--output-dir=v/toolchains"];
        sandbox.run(&[&words, more].concat()).succeeds()
    };
    vendor(&["--platform=darwin_arm64"]).says(&[
        "no helper is pinned for darwin_arm64",
        "run this command on a machine of that platform",
    ]);
    vendor(&["--platform=all"]).says(&["no helper is pinned for another platform"]);
    let printed = vendor(&[]);
    assert!(!printed.stderr.contains("no helper is pinned"), "{}", printed.stderr);
}

/// The helper of another platform is fetched. This program is the helper of its own platform, unless
/// another one is pinned.
#[test]
fn pinned_helpers_are_vendored() {
    let (sandbox, server) = (Sandbox::new(), Server::start(|_| Reply::ok("released")));
    let program = fs::read(env!("CARGO_BIN_EXE_wasm-airgap")).unwrap();
    let request = |host_sha256: &str| {
        let helper = |platform: &str, sha256: &str| {
            let url = server.url(&format!("/v1/wasm-airgap-1.2.3-{platform}"));
            serde_json::json!({
                "platform": platform, "version": "1.2.3", "sha256": sha256, "url": url,
            })
        };
        let arm = helper("linux_arm64", &sha256(b"released"));
        let helpers = [helper("linux_amd64", host_sha256), arm];
        serde_json::json!({"schema_version": 1, "helpers": helpers}).to_string()
    };
    let vendor = |words: &[&str]| {
        let words = [&["vendor", "helper", "--request=request.json"], words].concat();
        sandbox.run(&words).succeeds()
    };
    let (host, arm) = ["linux_amd64", "linux_arm64"]
        .map(|platform| format!("vendor/toolchains/wasm-airgap/1.2.3/{platform}/wasm-airgap"))
        .into();

    sandbox.write("request.json", request(&sha256(&program)));
    let printed = vendor(&["--output-dir=vendor/toolchains"]);
    assert!(!printed.stderr.contains("use_extension"), "{}", printed.stderr);
    assert!(fs::read(sandbox.path(&host)).unwrap() == program);
    assert!(!sandbox.path(&arm).exists());
    assert_eq!(server.requests().len(), 0);

    vendor(&["--output-dir=vendor/toolchains", "--platform=linux_arm64"]);
    assert_eq!(sandbox.read(&arm), "released");
    assert_eq!(server.requests()[0].path, "/v1/wasm-airgap-1.2.3-linux_arm64");
    let manifest = sandbox.read("vendor/manifest.json");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    for (entry, platform) in [(0, "linux_amd64"), (1, "linux_arm64")] {
        let entry = &manifest["files"][entry];
        assert_eq!(entry["kind"], "helper");
        assert_eq!(entry["platform"], platform);
        assert_eq!(entry["url"], server.url(&format!("/v1/wasm-airgap-1.2.3-{platform}")));
    }
    sandbox.run(&["verify", "vendor"]).succeeds();

    // A build that nothing pins is not what the rules will use.
    fs::remove_dir_all(sandbox.path("vendor")).unwrap();
    sandbox.write("request.json", request(&sha256(b"released")));
    let printed = vendor(&["--output-dir=other/toolchains", "--platform=all"]);
    assert!(!printed.stderr.contains("use_extension"), "{}", printed.stderr);
    assert_eq!(sandbox.read(&host.replace("vendor/", "other/")), "released");
    assert_eq!(sandbox.read(&arm.replace("vendor/", "other/")), "released");
}
