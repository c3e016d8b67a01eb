//! Actions on a real remote executor, which has neither a network nor the helper.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::buildbox::Executor;
use crate::components::{APP, push, rule};
use crate::registry::Registry;
use crate::sandbox::{Sandbox, sha256, tree};
use crate::workspace::{HELPER, Mirror, Workspace};

/// The platforms differ from each other in one constraint, or in the processor that they claim.
const PLATFORMS: &str = "\
constraint_setting(name = \"site\")
constraint_value(name = \"office\", constraint_setting = \":site\")
constraint_value(name = \"cluster\", constraint_setting = \":site\")
platform(
    name = \"laptop\",
    constraint_values = [\"@platforms//os:linux\", \"@platforms//cpu:x86_64\", \":office\"],
)
platform(
    name = \"worker\",
    constraint_values = [\"@platforms//os:linux\", \"@platforms//cpu:x86_64\", \":cluster\"],
    exec_properties = {\"OSFamily\": \"linux\"},
)
platform(
    name = \"other_worker\",
    constraint_values = [\"@platforms//os:linux\", \"@platforms//cpu:aarch64\", \":cluster\"],
    exec_properties = {\"OSFamily\": \"linux\"},
)
";

/// Libraries, components, a genrule with a tool, and one that lists what a worker should not have:
/// routes to a network, programs, folders and variables of the machine that builds.
const TARGETS: &str = "\
load(\"@rules_wasm_airgap//wit:defs.bzl\", \"wit_library\")
load(\"@rules_wasm_airgap//wkg:defs.bzl\", \"wasm_component_from_oci\")
wit_library(name = \"library\", srcs = [\"adder.wit\"])
wit_library(name = \"user\", srcs = [\"user.wit\"], deps = [\":library\"])
wasm_component_from_oci(name = \"vendored\", vendored_component = \"a.wasm\")
genrule(
    name = \"encoded\",
    srcs = [\":user\"],
    outs = [\"encoded.wasm\"],
    cmd = \"$(execpath @wasm_toolchains//:wasm-tools) component wit --wasm $(execpath :user) -o $@\",
    tools = [\"@wasm_toolchains//:wasm-tools\"],
)
genrule(
    name = \"surroundings\",
    outs = [\"surroundings.txt\"],
    cmd = \"\"\"
        tail -n +2 /proc/net/route > $@
        for name in cargo rustc wasm-airgap; do command -v $$name >> $@ || true; done
        ls -d /home /root /tmp/* >> $@ 2> errors || true
        env | grep -v -E '^(PATH|PWD|SHLVL|TMPDIR|_)=' >> $@ || true
    \"\"\",
)
";

/// Creates a workspace with all kinds of actions, and these further targets.
fn workspace(mirror: &Mirror, targets: &str) -> Workspace {
    let workspace = Workspace::from_example("offline_toolchains", mirror);
    let example = workspace.sandbox.read("ws/BUILD.bazel");
    let (loads, libraries) = TARGETS.split_at(TARGETS.find("wit_library(name").unwrap());
    let build = [loads, &example, PLATFORMS, libraries, targets].concat();
    workspace.sandbox.write("ws/BUILD.bazel", build);
    workspace.sandbox.write("ws/a.wasm", b"\0asm\x0d\0\x01\0");
    let user = "package my:user@1.0.0;\n\nworld w { include example:adder/adder@1.0.0; }\n";
    workspace.sandbox.write("ws/user.wit", user);
    workspace.add_to_module("bazel_dep(name = \"platforms\", version = \"0.0.10\")");
    workspace
}

/// Runs `bazel` with these words and the executor, and returns the executed actions.
fn actions(
    workspace: &Workspace,
    mirror: &Mirror,
    executor: &Executor,
    words: &[&str],
) -> Vec<Value> {
    let log = workspace.sandbox.path("execution.json");
    let log_flag = format!("--execution_log_json_file={}", log.display());
    let flags = [&executor.flag(), "--host_platform=//:laptop", &log_flag];
    let command = workspace.bazel(&[words, &flags].concat());
    command.env("BAZEL_WASM_MIRROR", mirror.server.url()).succeeds();
    let text = fs::read_to_string(log).unwrap();
    let actions: Vec<Value> =
        serde_json::Deserializer::from_str(&text).into_iter().map(Result::unwrap).collect();

    // Neither keys nor outputs may depend on the place of the workspace.
    let place = workspace.sandbox.root().display().to_string();
    for action in &actions {
        assert!(!action.to_string().contains(&place), "{action}");
    }
    actions
}

/// Returns the mnemonics of the actions that this runner executed.
fn executed_by<'a>(actions: &'a [Value], runner: &str) -> BTreeSet<&'a str> {
    let of_runner = actions.iter().filter(|action| action["runner"] == runner);
    of_runner.map(|action| action["mnemonic"].as_str().unwrap()).collect()
}

/// The actions of a workspace, except those that pull a component.
const REMOTE: [&str; 6] =
    ["Genrule", "TestRunner", "WasmComponent", "WasmComponentCheck", "WasmEmbed", "WitLibrary"];

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn actions_run_on_a_worker_and_other_machines_use_the_results() {
    let mirror = Mirror::new();
    let (sandbox, registry) = (Sandbox::new(), Registry::open());
    let app = push(&sandbox, &registry, "app", APP);
    let digest = format!("digest = \"sha256:{}\"", app.content);
    let pulled = rule("pulled", &registry.host(), &digest);
    let executor = Executor::start();
    let test = ["test", "//...", "--extra_execution_platforms=//:worker"];

    let first = workspace(&mirror, &pulled);
    let executed = actions(&first, &mirror, &executor, &test);
    assert_eq!(executed_by(&executed, "remote"), BTreeSet::from(REMOTE));
    // Only pulling needs a network, and stays on the machine that builds.
    assert_eq!(executed_by(&executed, "linux-sandbox"), BTreeSet::from(["WasmComponentFetch"]));
    for action in &executed {
        let mnemonic = action["mnemonic"].as_str().unwrap();
        if ["WasmComponentCheck", "WitLibrary"].contains(&mnemonic) {
            assert_eq!(action["environmentVariables"], serde_json::json!([]), "{mnemonic}");
            let inputs = action["inputs"].to_string();
            assert!(inputs.contains("wasm_airgap_helper/wasm-airgap\""), "{inputs}");
        }
    }
    assert_eq!(first.sandbox.read("ws/bazel-bin/surroundings.txt"), "");

    // Another workspace in another folder, with a new output base.
    let second = workspace(&mirror, &pulled);
    let hits = actions(&second, &mirror, &executor, &test);
    let all: BTreeSet<_> = REMOTE.into_iter().chain(["WasmComponentFetch"]).collect();
    assert_eq!(executed_by(&hits, "remote cache hit"), all);
    assert_eq!(hits.len(), executed.len());
    for output in ["user_wit", "library_wit", "vendored.wasm", "pulled.wasm", "encoded.wasm"] {
        let path = format!("bazel-bin/{output}");
        let files = tree(&second.path(&path));
        assert!(!files.is_empty(), "{output}");
        assert_eq!(tree(&first.path(&path)), files, "{output}");
    }

    // A worker cannot pull: the error says how to do it here.
    let forced = "--modify_execution_info=WasmComponentFetch=-no-remote-exec";
    let words = ["build", "//:pulled", "--noremote_accept_cached", forced, &executor.flag()];
    second.bazel(&words).fails().says(&["the settings", "--strategy=WasmComponentFetch=sandboxed"]);
}

/// The worker claims another processor, and gets the helper and the tool that are pinned for it. The
/// machine that builds keeps its own.
#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn a_worker_of_another_platform_gets_its_own_helper_and_tools() {
    let mirror = Mirror::new();
    let tool = "@wasm_toolchains//:wasm-tools";
    let local = format!(
        "genrule(name = \"local\", outs = [\"local.txt\"], tools = [\"{tool}\"],\n    \
         cmd = \"$(execpath {tool}) --version > $@\",\n    \
         exec_compatible_with = [\"//:office\"], tags = [\"no-remote-exec\"])\n"
    );
    let workspace = workspace(&mirror, &local);
    let helper = fs::read(HELPER).unwrap();
    workspace.add_to_module(&format!(
        "helper = use_extension(\"@rules_wasm_airgap//bazel:helper.bzl\", \"wasm_helper\")\n\
         helper.pin(platform = \"linux_arm64\", sha256 = \"{}\", version = \"1.2.3\")",
        sha256(&helper)
    ));
    let vendored = "ws/vendor/toolchains/wasm-airgap/1.2.3/linux_arm64/wasm-airgap";
    workspace.sandbox.write(vendored, helper);
    // The same archive again, as that of the other processor.
    let pins = workspace.sandbox.read("ws/wasm-tools.json");
    let mut pins: Value = serde_json::from_str(&pins).unwrap();
    let version = &mut pins["versions"][&mirror.version];
    version["linux_arm64"] = version["linux_amd64"].clone();
    workspace.sandbox.write("ws/wasm-tools.json", pins.to_string());
    let archive = fs::read(mirror.folder.path("served").join(mirror.path())).unwrap();
    let place = mirror.path().replace("linux_amd64", "linux_arm64");
    workspace.sandbox.write(&format!("ws/vendor/toolchains/{place}"), archive);

    let executor = Executor::start();
    let words = ["build", "//:encoded", "//:vendored", "//:adder", "//:local", tool];
    let words = [&words[..], &["--extra_execution_platforms=//:other_worker"]].concat();
    let executed = actions(&workspace, &mirror, &executor, &words);
    for action in &executed {
        let remote = action["targetLabel"] != "//:local";
        assert_eq!(action["runner"] == "remote", remote, "{action}");
        let inputs = action["inputs"].to_string();
        assert_eq!(inputs.contains("_linux_arm64/"), remote, "{action}");
        let host = ["wasm_airgap_helper/", "wasm-tools_linux_amd64/"];
        assert!(!remote || !host.iter().any(|part| inputs.contains(part)), "{action}");
    }
    assert!(!executed_by(&executed, "linux-sandbox").is_empty());
    assert!(workspace.sandbox.read("ws/bazel-bin/local.txt").contains(&mirror.version));
}
