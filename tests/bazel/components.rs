//! Components: pulled by digest, vendored, and built offline.

use std::fs;
use std::process::Command;

use crate::registry::Registry;
use crate::sandbox::{Sandbox, sha256};
use crate::workspace::{HELPER, Mirror, Workspace, output};

/// The components of the example.
pub const GREETER: &str = include_str!("../../examples/offline_components/components/greeter.wat");
pub const APP: &str = include_str!("../../examples/offline_components/components/app.wat");

/// A pushed component.
pub struct Pushed {
    /// The repository, as in `127.0.0.1:5000/example/app`.
    repository: String,
    /// The digest of the file, as the recipe in the guide computes it.
    pub content: String,
    /// The digest of the manifest, as oras prints it.
    manifest: String,
}

/// Creates a component from text with the real wasm-tools, and pushes it with oras.
pub fn push(sandbox: &Sandbox, registry: &Registry, name: &str, text: &str) -> Pushed {
    sandbox.write(&format!("{name}.wat"), text);
    let file = format!("{name}.wasm");
    let mut parse = Command::new("wasm-tools");
    parse.args(["parse", &format!("{name}.wat"), "-o", &file]).current_dir(sandbox.root());
    output(&mut parse);
    let bytes = fs::read(sandbox.path(&file)).unwrap();
    let content = sha256(&bytes);
    sandbox.write(
        "config.json",
        format!(
            r#"{{"created":"2025-01-01T00:00:00Z","author":null,"architecture":"wasm","os":"wasip2",
            "layerDigests":["sha256:{content}"],"component":{{"exports":[],"imports":[],"target":null}}}}"#
        ),
    );
    let repository = format!("{}/example/{name}", registry.host());
    let reference = format!("{repository}:1.0.0");
    let mut push = Command::new("oras");
    push.args(["push", "--plain-http", "--format", "go-template={{.digest}}", "--config"]);
    push.args(["config.json:application/vnd.wasm.config.v0+json", &reference]);
    push.arg(format!("{file}:application/wasm")).current_dir(sandbox.root());
    let manifest = output(&mut push).trim().to_owned();
    assert!(manifest.starts_with("sha256:"), "{manifest}");
    Pushed { repository, content, manifest }
}

/// Creates a workspace with one target, in a BUILD file that uses the guide's name of this module.
pub fn workspace_of(build: &str, mirror: &Mirror) -> Workspace {
    let workspace = Workspace::from_example("offline_toolchains", mirror);
    let load = "load(\"@rules_wasm_component//wkg:defs.bzl\", \"wasm_component_from_oci\")\n\n";
    workspace.sandbox.write("ws/BUILD.bazel", format!("{load}{build}"));
    let own = "name = \"rules_wasm_airgap\", version";
    let module = workspace.sandbox.read("ws/MODULE.bazel");
    let named = "name = \"rules_wasm_airgap\", repo_name = \"rules_wasm_component\", version";
    let module = module.replace(own, named).replace("@rules_wasm_airgap", "@rules_wasm_component");
    workspace.sandbox.write("ws/MODULE.bazel", module);
    fs::remove_dir_all(workspace.path("tools")).unwrap();
    workspace
}

/// Returns the rule of the guide with these last lines.
pub fn rule(name: &str, host: &str, last: &str) -> String {
    format!(
        "wasm_component_from_oci(\n    name = {name:?},\n    registry = {:?},\n    \
         namespace = \"example\",\n    component_name = \"app\",\n    {last},\n)\n\n",
        host
    )
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn a_component_is_pulled_by_either_digest_and_by_tag() {
    let mirror = Mirror::new();
    let (sandbox, registry) = (Sandbox::new(), Registry::open());
    let app = push(&sandbox, &registry, "app", APP);
    let build =
        rule("by_content", &registry.host(), &format!("digest = \"sha256:{}\"", app.content))
            + &rule("by_manifest", &registry.host(), &format!("digest = {:?}", app.manifest))
            + &rule("by_tag", &registry.host(), "tag = \"1.0.0\"");
    let workspace = workspace_of(&build, &mirror);
    let printed = workspace.bazel(&["build", "//..."]).succeeds();
    for name in ["by_content", "by_manifest", "by_tag"] {
        let built = fs::read(workspace.path(&format!("bazel-bin/{name}.wasm"))).unwrap();
        assert_eq!(sha256(&built), app.content, "{name}");
    }
    // A tag alone does not pin the component, and the warning names the digest that does.
    assert!(printed.stderr.contains(&app.content), "{}", printed.stderr);

    // A digest that no component has, and a tag when offline.
    let none = format!("digest = \"sha256:{}\"", "0".repeat(64));
    let build = rule("none", &registry.host(), &none)
        + &rule("by_tag", &registry.host(), "tag = \"1.0.0\"");
    let load = "load(\"@rules_wasm_component//wkg:defs.bzl\", \"wasm_component_from_oci\")\n";
    workspace.sandbox.write("ws/BUILD.bazel", format!("{load}{build}"));
    workspace.bazel(&["build", "//:none"]).fails().says(&[&"0".repeat(64), &registry.host()]);
    workspace
        .bazel(&["build", "--action_env=BAZEL_WASM_OFFLINE=1", "//:by_tag"])
        .fails()
        .says(&["BAZEL_WASM_OFFLINE is on", &app.repository]);
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn a_vendored_component_needs_no_network_and_its_digest_holds() {
    let mirror = Mirror::new();
    let (sandbox, registry) = (Sandbox::new(), Registry::open());
    let app = push(&sandbox, &registry, "app", APP);
    drop(registry);
    let build = |digest: &str| {
        format!(
            "load(\"@rules_wasm_component//wkg:defs.bzl\", \"wasm_component_from_oci\")\n\
             wasm_component_from_oci(\n    name = \"auth_service\",\n    \
             vendored_component = \"//vendor/components:app.wasm\",\n    {digest}\n)\n"
        )
    };
    let workspace = workspace_of("", &mirror);
    workspace.sandbox.write("ws/BUILD.bazel", build(""));
    workspace.sandbox.write("ws/vendor/components/BUILD.bazel", "exports_files([\"app.wasm\"])\n");
    let bytes = fs::read(sandbox.path("app.wasm")).unwrap();
    workspace.sandbox.write("ws/vendor/components/app.wasm", &bytes);
    // As in the guide, with the digest that sha256sum printed.
    let offline = ["build", "--spawn_strategy=linux-sandbox", "//:auth_service"];
    let no_network = [
        "build",
        "--spawn_strategy=linux-sandbox",
        "--sandbox_default_allow_network=false",
        "//:auth_service",
    ];
    workspace.bazel(&offline).succeeds();
    let digest = format!("digest = \"sha256:{}\",", app.content);
    workspace.sandbox.write("ws/BUILD.bazel", build(&digest));
    workspace.bazel(&no_network).succeeds();
    let built = fs::read(workspace.path("bazel-bin/auth_service.wasm")).unwrap();
    assert_eq!(built, bytes);

    // Cacheable: a second machine gets it from any HTTP cache, and runs no action.
    let cache = crate::nginx::Nginx::for_writing(&workspace.sandbox.path("cache"));
    let remote = format!("--remote_cache={}", cache.url());
    let mut other = workspace;
    // An action result that this machine has already would not go to the cache.
    other.fresh_output_root();
    other.bazel(&["build", &remote, "//:auth_service"]).succeeds();
    other.fresh_output_root();
    let printed = other.bazel(&["build", &remote, "//:auth_service"]).succeeds();
    assert!(printed.stderr.contains("1 remote cache hit"), "{}", printed.stderr);

    // One changed byte, and a core module instead of a component.
    let mut bad = bytes.clone();
    *bad.last_mut().unwrap() ^= 1;
    other.sandbox.write("ws/vendor/components/app.wasm", &bad);
    other.bazel(&offline).fails().says(&["app.wasm", &app.content, &sha256(&bad)]);
    other.sandbox.write("ws/BUILD.bazel", build(""));
    other.sandbox.write("ws/vendor/components/app.wasm", b"\0asm\x01\0\0\0");
    other.bazel(&offline).fails().says(&["a core module"]);
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn bazel_vendor_includes_components_of_the_checksum_registry() {
    let mirror = Mirror::new();
    let (sandbox, registry) = (Sandbox::new(), Registry::open());
    let app = push(&sandbox, &registry, "app", APP);
    let mut workspace = workspace_of("", &mirror);
    let exported = "exports_files([\"app.json\", \"registry.json\"])\n";
    workspace.sandbox.write("ws/pins/BUILD.bazel", exported);
    let mut pin = Command::new(HELPER);
    pin.args(["component", "pin", &format!("{}:1.0.0", app.repository), "--registry", "pins"]);
    output(pin.current_dir(workspace.path("")));
    workspace.sandbox.write(
        "ws/BUILD.bazel",
        "load(\"@rules_wasm_component//wkg:defs.bzl\", \"wasm_component_from_oci\")\n\
         wasm_component_from_oci(\n    name = \"by_action\",\n    component_name = \"app\",\n    \
         registries = [\"//pins:app.json\"],\n    version = \"1.0.0\",\n)\n\
         filegroup(\n    name = \"by_repository\",\n    srcs = [\"@app\"],\n)\n\
         wasm_component_from_oci(\n    name = \"copy\",\n    \
         vendored_component = \"@app//:app.wasm\",\n)\n",
    );
    workspace.add_to_module(
        "components = use_extension(\"@rules_wasm_component//bazel:components.bzl\", \"wasm_components\")\n\
         components.registry(file = \"//pins:registry.json\")\n\
         components.oci(name = \"app\", reference = \"app@1.0.0\")\n\
         use_repo(components, \"app\")\n",
    );
    workspace.bazel(&["build", "//..."]).succeeds();
    let built = fs::read(workspace.path("bazel-bin/by_action.wasm")).unwrap();
    assert_eq!(sha256(&built), app.content);

    // Another pin gives another component, also if the named file only lists its file.
    let copy = || sha256(&fs::read(workspace.path("bazel-bin/copy.wasm")).unwrap());
    assert_eq!(copy(), app.content);
    let pins = workspace.sandbox.read("ws/pins/app.json");
    let next = push(&sandbox, &registry, "app", GREETER);
    let repinned = pins.replace(&app.content, &next.content).replace(&app.manifest, &next.manifest);
    workspace.sandbox.write("ws/pins/app.json", repinned);
    workspace.bazel(&["build", "//:copy"]).succeeds();
    assert_eq!(copy(), next.content);
    workspace.sandbox.write("ws/pins/app.json", pins);
    workspace.bazel(&["build", "//:copy"]).succeeds();
    assert_eq!(copy(), app.content);

    let target = "@rules_wasm_component//tools/vendor:vendor_all_components";
    workspace.bazel(&["run", target, "--", "--output-dir", "elsewhere"]).succeeds();
    let vendored = fs::read(workspace.path("elsewhere/app.wasm")).unwrap();
    assert_eq!(sha256(&vendored), app.content);

    let vendor = ["vendor", "--vendor_dir=bazel_vendor", "//:by_repository"];
    workspace.bazel(&vendor).succeeds();
    drop(registry);
    workspace.fresh_output_root();
    let offline = [
        "build",
        "--vendor_dir=bazel_vendor",
        "--repository_disable_download",
        "--repo_env=BAZEL_WASM_OFFLINE=1",
        "//:by_repository",
    ];
    let build = workspace.bazel_on_the_far_side(&offline).env("BAZEL_WASM_HELPER", HELPER);
    let printed = build.succeeds();
    assert!(!printed.stderr.contains("out-of-date"), "{}", printed.stderr);

    // A machine without vendored files: the message names the missing file and the command.
    workspace.fresh_output_root();
    let offline = ["build", "--repo_env=BAZEL_WASM_OFFLINE=1", "//:by_repository"];
    let build = workspace.bazel_on_the_far_side(&offline).env("BAZEL_WASM_HELPER", HELPER);
    build.fails().says(&[
        "app@1.0.0",
        "vendor/components/app.wasm: not there",
        "BAZEL_WASM_OFFLINE is on",
        "-- vendor components",
    ]);
}

/// Creates the example with all three levels, vendored from the mirror and a registry, without files
/// of the online machine. Returns its components too.
pub fn vendored(mirror: &Mirror) -> (Workspace, [Pushed; 2]) {
    for (package, version) in [("clocks", "0.2.6"), ("io", "0.2.6")] {
        let folder = format!("wasi-{package}-{version}");
        let archives = crate::data::wasi_archives();
        let archive = archives.iter().find(|it| it.folder == folder).unwrap();
        let place = format!("served/wit/{folder}/{}", archive.filename);
        mirror.folder.write(&place, fs::read(&archive.path).unwrap());
    }
    let (sandbox, registry) = (Sandbox::new(), Registry::open());
    let app = push(&sandbox, &registry, "app", APP);
    let greeter = push(&sandbox, &registry, "greeter", GREETER);
    let mut workspace = Workspace::from_example("offline_components", mirror);
    let module = workspace.sandbox.read("ws/MODULE.bazel");
    let module = module
        .replace("registry.example.com", &registry.host())
        .replace(&format!("sha256:{}", "a".repeat(64)), &format!("sha256:{}", app.content))
        .replace(&format!("sha256:{}", "b".repeat(64)), &greeter.manifest);
    workspace.sandbox.write("ws/MODULE.bazel", module);

    let vendor =
        workspace.bazel(&["run", "//tools/vendor:vendor_all", "--", "--output-dir", "vendor"]);
    let printed = vendor.env("BAZEL_WASM_MIRROR", mirror.server.url()).succeeds();
    let pin = printed.stderr.split_once("wasm_helper = ").unwrap().1;
    workspace.add_to_module(&format!("wasm_helper = {}\n)", pin.split_once("\n)").unwrap().0));
    for kind in ["toolchains", "wit", "components"] {
        assert!(workspace.path("vendor").join(kind).is_dir(), "{kind}");
    }
    drop(registry);
    workspace.fresh_output_root();
    (workspace, [app, greeter])
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn everything_is_vendored_and_built_with_no_network() {
    let mirror = Mirror::new();
    let (mut workspace, [app, greeter]) = vendored(&mirror);
    workspace.bazel_on_the_far_side(&["test", "--config=offline", "//..."]).succeeds();
    let interface = workspace.sandbox.read("ws/bazel-bin/composed.interface.wit");
    assert!(interface.contains("export run: func() -> u32"), "{interface}");
    assert!(!interface.contains("import"), "{interface}");
    // A rule also accepts a vendored component by the digest of its manifest, with the manifest as
    // proof.
    let by_manifest = format!(
        "load(\"@rules_wasm_airgap//wkg:defs.bzl\", \"wasm_component_from_oci\")\n\
         wasm_component_from_oci(\n    name = \"by_manifest\",\n    digest = {:?},\n    \
         vendored_component = \"//vendor/components:greeter.wasm\",\n    \
         vendored_manifest = \"//vendor/components:greeter.manifest.json\",\n)\n",
        greeter.manifest
    );
    workspace.sandbox.write("ws/rule/BUILD.bazel", &by_manifest);
    workspace.bazel_on_the_far_side(&["build", "--config=offline", "//rule:all"]).succeeds();
    let other = by_manifest.replace(&greeter.manifest, &app.manifest);
    workspace.sandbox.write("ws/rule/BUILD.bazel", other);
    let build = workspace.bazel_on_the_far_side(&["build", "--config=offline", "//rule:all"]);
    build.fails().says(&[&app.manifest, "greeter"]);
    fs::remove_dir_all(workspace.path("rule")).unwrap();
    workspace.is_proven();
    let verify = Command::new(HELPER).args(["verify"]).arg(workspace.path("vendor")).status();
    assert!(verify.unwrap().success());

    // One changed byte of a vendored component.
    let file = workspace.path("vendor/components/app.wasm");
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, &bytes).unwrap();
    let test = ["test", "--config=offline", "--test_output=errors", "//:vendor_test"];
    let found = workspace.bazel_on_the_far_side(&test).fails().stdout;
    assert!(found.contains("components/app.wasm") && found.contains(&app.content), "{found}");
    workspace.fresh_output_root();
    workspace.bazel_on_the_far_side(&["build", "--config=offline", "//..."]).fails().says(&[
        "app.wasm",
        &app.content,
        &sha256(&bytes),
    ]);
}
