//! Settings: a variable applies wherever the program runs, and offline no server is asked.

use std::fs;

use crate::components::{APP, push, rule, workspace_of};
use crate::nginx::Nginx;
use crate::registry::Registry;
use crate::sandbox::{Sandbox, sha256};
use crate::workspace::{Mirror, Workspace};

const VENDOR: &str = "@rules_wasm_airgap//tools/vendor:vendor_all_toolchains";

fn bazelrc(workspace: &Workspace, lines: &str) {
    workspace.sandbox.write("ws/.bazelrc", lines);
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn an_action_uses_no_network_if_any_setting_is_offline() {
    let mirror = Mirror::new();
    let (sandbox, registry) = (Sandbox::new(), Registry::open());
    let app = push(&sandbox, &registry, "app", APP);
    // A server in front of the registry, which counts requests.
    let front = Nginx::before(registry.port());
    let host = front.url().replace("http://", "");
    let build = rule("pinned", &host, &format!("digest = \"sha256:{}\"", app.content))
        + &rule("by_tag", &host, "tag = \"1.0.0\"");
    let mut workspace = workspace_of(&build, &mirror);
    let is_off = ["not asked: BAZEL_WASM_OFFLINE is on"];

    // The lines and the command of the guide, and the flags of the examples.
    bazelrc(&workspace, "common --repo_env=BAZEL_WASM_OFFLINE=1\n");
    workspace.bazel(&["build", "//..."]).fails().says(&is_off);
    bazelrc(
        &workspace,
        "common:offline --repo_env=BAZEL_WASM_OFFLINE=1\n\
         common:offline --repository_disable_download\n\
         build:offline --spawn_strategy=linux-sandbox\n\
         build:offline --sandbox_default_allow_network=false\n",
    );
    workspace.bazel(&["build", "--config=offline", "//:pinned"]).fails().says(&is_off);
    let by_shell = workspace.bazel(&["build", "//:pinned"]).env("BAZEL_WASM_OFFLINE", "true");
    by_shell.fails().says(&is_off);
    let by_flag = ["build", "--action_env=BAZEL_WASM_OFFLINE=1", "//:pinned"];
    workspace.bazel(&by_flag).fails().says(&is_off);
    // The flags of the sandbox alone: the registry is out of reach.
    let sandboxed =
        ["build", "--spawn_strategy=linux-sandbox", "--sandbox_default_allow_network=false"];
    let sandboxed =
        [&sandboxed as &[&str], &["--repo_env=BAZEL_WASM_RETRY_SECONDS=0", "//:pinned"]];
    workspace.bazel(&sandboxed.concat()).fails().says(&[&host]);
    assert_eq!(front.requests(), [""; 0]);

    // A pinned component fetched online stays, whatever is set later; one with only a tag does not.
    workspace.bazel(&["build", "//..."]).succeeds();
    let asked = front.requests().len();
    assert_ne!(asked, 0);
    let by_flag = ["build", "--action_env=BAZEL_WASM_OFFLINE=1", "//:pinned"];
    let by_flag =
        workspace.bazel(&by_flag).env("BAZEL_WASM_COMPONENT_MIRROR", "http://127.0.0.1:1");
    by_flag.succeeds();
    let offline = ["build", "--config=offline", "--keep_going", "//..."];
    let printed = workspace.bazel(&offline).fails();
    let printed = printed.says(&is_off);
    assert!(!printed.stderr.contains("//:pinned failed"), "{}", printed.stderr);
    assert_eq!(front.requests().len(), asked);

    // The snippet for CI: both come from the vendor folder.
    workspace.fresh_output_root();
    let file = fs::read(sandbox.path("app.wasm")).unwrap();
    workspace.sandbox.write("ws/brought/components/app.wasm", file);
    let build = workspace.bazel(&["build", "//..."]).env("BAZEL_WASM_OFFLINE", "true");
    build.env("BAZEL_WASM_VENDOR_DIR", "brought").succeeds();
    assert_eq!(front.requests().len(), asked);
    let built = fs::read(workspace.path("bazel-bin/pinned.wasm")).unwrap();
    assert_eq!(sha256(&built), app.content);
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn an_action_is_not_run_again_for_another_place() {
    let mirror = Mirror::new();
    let (sandbox, registry) = (Sandbox::new(), Registry::open());
    let app = push(&sandbox, &registry, "app", APP);
    let front = Nginx::before(registry.port());
    let name = "registry.invalid";
    let digest = format!("digest = \"sha256:{}\"", app.content);
    let build = rule("pinned", "REGISTRY", &digest).replace("REGISTRY", name);
    let workspace = workspace_of(&build, &mirror);
    let url = format!("WKG_REGISTRY_REGISTRY_INVALID_URL={}", front.url());
    let mirrored = format!("BAZEL_WASM_COMPONENT_MIRROR={}", front.url());
    let action_env = format!("--action_env={url}");
    let repo_env = format!("--repo_env={mirrored}");
    let target = "//:pinned";
    // No file contains the token.
    let build = workspace.bazel(&["build", &repo_env, target]);
    build.env("WKG_REGISTRY_GHCR_IO_TOKEN", "a-secret-token").succeeds();
    let settings = walkdir::WalkDir::new(workspace.sandbox.root());
    let mut settings = settings.into_iter().flatten();
    let settings = settings.find(|it| it.file_name() == "settings.json").unwrap();
    let settings = fs::read_to_string(settings.path()).unwrap();
    assert!(settings.contains("WKG_REGISTRY_GHCR_IO_TOKEN"), "{settings}");
    assert!(settings.contains(&front.url()), "{settings}");
    assert!(!settings.contains("a-secret-token"), "{settings}");

    let asked = front.requests().len();
    assert_ne!(asked, 0);
    for flags in [
        &[&action_env as &str] as &[&str],
        &["--action_env=BAZEL_WASM_OFFLINE=1", &action_env],
        &["--action_env=BAZEL_WASM_OFFLINE=1"],
        &["--repo_env=BAZEL_WASM_COMPONENT_MIRROR=http://127.0.0.1:1"],
    ] {
        workspace.bazel(&[&["build"], flags, &[target]].concat()).succeeds();
        assert_eq!(front.requests().len(), asked, "{flags:?}");
    }
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn bazel_run_of_vendor_obeys_the_same_settings() {
    let mirror = Mirror::new();
    let workspace = Workspace::from_example("offline_toolchains", &mirror);
    let mirrored = format!("common --repo_env=BAZEL_WASM_MIRROR={}\n", mirror.server.url());
    bazelrc(&workspace, &mirrored);
    // As on Windows, which has no tree of runfiles.
    let vendor = ["run", "--noenable_runfiles", VENDOR, "--", "--output-dir", "vendor/toolchains"];
    workspace.bazel(&vendor).succeeds();
    assert!(workspace.path("vendor/toolchains").join(mirror.path()).is_file());
    let asked = mirror.server.requests().len();

    bazelrc(&workspace, &format!("{mirrored}common --repo_env=BAZEL_WASM_OFFLINE=1\n"));
    let other = ["run", VENDOR, "--", "--output-dir", "other"];
    fs::remove_dir_all(workspace.path("vendor")).unwrap();
    workspace.bazel(&other).fails().says(&["BAZEL_WASM_OFFLINE is on"]);
    assert_eq!(mirror.server.requests().len(), asked);
    // In the command itself, the variable of the shell wins.
    workspace.bazel(&other).env("BAZEL_WASM_OFFLINE", "0").succeeds();
}
