//! WIT packages: vendored online, built offline.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::registry::Registry;
use crate::sandbox::Sandbox;
use crate::workspace::{Mirror, Workspace, output};

const OFFLINE: [(&str, &str); 2] =
    [("BAZEL_WASM_OFFLINE", "1"), ("BAZEL_WASM_WIT_VENDOR_DIR", "vendor/wit")];

/// Creates a mirror with the tool and the published WASI archives, in the layout of a vendor
/// folder.
fn mirror() -> Mirror {
    let mirror = Mirror::new();
    for archive in crate::data::wasi_archives() {
        let place = format!("served/wit/{}/{}", archive.folder, archive.filename);
        mirror.folder.write(&place, fs::read(archive.path).unwrap());
    }
    mirror
}

/// Creates the example, vendored from the mirror, without files of the online machine.
fn vendored(mirror: &Mirror) -> Workspace {
    let mut workspace = Workspace::from_example("offline_wit", mirror);
    for (target, arguments) in [
        ("//tools/vendor:vendor_all_toolchains", &["--output-dir", "vendor/toolchains"] as &[&str]),
        ("//:vendor_wit_generate", &[]),
    ] {
        let words = [&["run", target, "--"], arguments].concat();
        let vendor = workspace.bazel(&words).env("BAZEL_WASM_MIRROR", mirror.server.url());
        let printed = vendor.succeeds();
        if let Some((_, pin)) = printed.stderr.split_once("wasm_helper = ") {
            let pin = pin.split_once("\n)").unwrap().0;
            workspace.add_to_module(&format!("wasm_helper = {pin}\n)"));
        }
    }
    workspace.fresh_output_root();
    workspace
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn published_archives_are_vendored_and_built_offline() {
    let mirror = mirror();
    let mut workspace = vendored(&mirror);

    let build = workspace.bazel_on_the_far_side(&["build", "--config=offline", "//..."]);
    build.succeeds();
    // An independent program reads the built packages, with both versions of the dependencies.
    for (name, export) in [
        ("service", "wasi:http/incoming-handler@0.2.6"),
        ("service_0_9", "wasi:http/incoming-handler@0.2.3"),
        ("service_async", "wasi:http/handler@0.3.0"),
    ] {
        let encoded = workspace.path(&format!("bazel-bin/{name}.wasm"));
        let text = output(Command::new("wasm-tools").args(["component", "wit"]).arg(encoded));
        assert!(text.contains(export), "{text}");
    }
    let folder = workspace.path("bazel-bin/service_wit/deps/wasi-http-0.2.6");
    assert!(folder.join("types.wit").is_file());
    workspace.is_proven();

    // The variables of the guide, with a folder outside of the workspace.
    workspace.fresh_output_root();
    let elsewhere = workspace.sandbox.path("elsewhere");
    fs::rename(workspace.path("vendor/wit"), &elsewhere).unwrap();
    workspace
        .bazel_on_the_far_side(&["build", "//..."])
        .env("BAZEL_WASM_OFFLINE", "1")
        .env("BAZEL_WASM_WIT_VENDOR_DIR", &elsewhere)
        .succeeds();
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn published_archives_that_changed_or_vanished_are_found() {
    let mirror = mirror();
    let mut workspace = vendored(&mirror);
    let words = ["test", "--config=offline", "--test_output=errors", "//:all"];
    workspace.bazel_on_the_far_side(&words).succeeds();

    // The finding of the test, and the command that it prints.
    let added = workspace.path("vendor/wit/wasi-io-0.2.6/added.wit");
    fs::write(&added, "package wasi:io@0.2.6;").unwrap();
    let found = workspace.bazel_on_the_far_side(&words).fails().stdout;
    for words in ["added.wit", "bazel run //:vendor_wit_generate"] {
        assert!(found.contains(words), "{found}");
    }
    fs::remove_file(&added).unwrap();

    // One changed byte of a published archive: the build names both digests, as for tools.
    let archive = workspace.path("vendor/wit/wasi-io-0.2.6/v0.2.6.tar.gz");
    let good = fs::read(&archive).unwrap();
    let mut bad = good.clone();
    bad[100] ^= 1;
    fs::write(&archive, &bad).unwrap();
    let (good, bad) = (crate::sandbox::sha256(&good), crate::sandbox::sha256(&bad));
    // A package fetched while it was right stays; a new machine fetches it again.
    workspace.fresh_output_root();
    let build = workspace.bazel_on_the_far_side(&["build", "//..."]);
    build.env(OFFLINE[0].0, OFFLINE[0].1).env(OFFLINE[1].0, OFFLINE[1].1).fails().says(&[
        &archive.display().to_string(),
        &good,
        &bad,
    ]);
    // Without the archive, the text beside it is used if its hash is that of the published text. If
    // it is not, the message names every place, and the command.
    fs::remove_file(&archive).unwrap();
    let text = workspace.path("vendor/wit/wasi-io-0.2.6/world.wit");
    let changed = fs::read_to_string(&text).unwrap() + "// A word.\n";
    fs::write(&text, changed).unwrap();
    let build = workspace.bazel_on_the_far_side(&["build", "//..."]);
    build.env(OFFLINE[0].0, OFFLINE[0].1).env(OFFLINE[1].0, OFFLINE[1].1).fails().says(&[
        "vendor/wit/wasi-io-0.2.6/v0.2.6.tar.gz (BAZEL_WASM_WIT_VENDOR_DIR): not there",
        "not asked: BAZEL_WASM_OFFLINE is on",
        "its text differs from the published one",
        "vendor wit wasi:io@0.2.6",
    ]);
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn published_archives_that_bazel_vendored_stay_valid_offline() {
    let mirror = mirror();
    let mut workspace = vendored(&mirror);
    let vendor = ["vendor", "--vendor_dir=bazel_vendor", "//:service"];
    workspace.command(&[], &vendor).env("BAZEL_WASM_VENDOR_DIR", "vendor").succeeds();
    // A second fetch of anything would need this.
    fs::rename(workspace.path("vendor"), workspace.path("gone")).unwrap();
    workspace.fresh_output_root();
    let build =
        ["build", "--vendor_dir=bazel_vendor", "--repository_disable_download", "//:service"];
    let printed =
        workspace.bazel_on_the_far_side(&build).env(OFFLINE[0].0, OFFLINE[0].1).succeeds();
    assert!(!printed.stderr.contains("out-of-date"), "{}", printed.stderr);
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn a_missing_dep_is_named_with_the_label_to_add() {
    let mirror = mirror();
    let workspace = Workspace::from_example("offline_wit", &mirror);
    let build = workspace.sandbox.read("ws/BUILD.bazel");
    let without = build.replace("        \"@wasi_wit//:wasi-http-0.2.6\",\n", "");
    assert_ne!(build, without);
    workspace.sandbox.write("ws/BUILD.bazel", without);
    let build = workspace.bazel(&["build", "//:service"]);
    build.env("BAZEL_WASM_MIRROR", mirror.server.url()).fails().says(&[
        "//:service",
        "wasi:http@0.2.6",
        "@wasi_wit//:wasi-http-0.2.6",
    ]);
}

/// Uses folders that a person unpacked from the archives, without the archives.
#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn published_archives_unpacked_by_hand_build_offline() {
    let mirror = Mirror::new();
    let mut workspace = Workspace::from_example("offline_wit", &mirror);
    for archive in crate::data::wasi_archives() {
        // In folders with any name.
        let (name, version) = archive.folder.rsplit_once('-').unwrap();
        if !["0.2.3", "0.2.6"].contains(&version) {
            continue;
        }
        let folder = workspace.path("vendor/wit").join(name.to_owned() + &version.replace('.', ""));
        fs::create_dir_all(&folder).unwrap();
        let mut tar = Command::new("tar");
        tar.arg("-xzf").arg(&archive.path).arg("-C").arg(&folder);
        output(tar.args([
            "--strip-components=2",
            "--wildcards",
            "*/wit/*.wit",
            "--no-wildcards-match-slash",
        ]));
    }
    let build = || workspace.bazel(&["build", "//:service", "//:service_0_9"]);
    build().env(OFFLINE[0].0, OFFLINE[0].1).env(OFFLINE[1].0, OFFLINE[1].1).succeeds();
    // With another text they do not count as the published packages.
    let changed = workspace.path("vendor/wit/wasi-io026/poll.wit");
    fs::write(&changed, fs::read_to_string(&changed).unwrap() + "\n").unwrap();
    workspace.fresh_output_root();
    let build = workspace.bazel(&["build", "//:service"]);
    build
        .env(OFFLINE[0].0, OFFLINE[0].1)
        .env(OFFLINE[1].0, OFFLINE[1].1)
        .fails()
        .says(&["wasi:io@0.2.6 was not found in any allowed source"]);
    // Except for a replacement in the config file.
    let config = workspace.sandbox.write(
        "wkg.toml",
        format!("[overrides]\n\"wasi:io\" = {{ path = {:?} }}\n", changed.parent().unwrap()),
    );
    let build = workspace.bazel(&["build", "//:service"]);
    build
        .env(OFFLINE[0].0, OFFLINE[0].1)
        .env(OFFLINE[1].0, OFFLINE[1].1)
        .env("WKG_CONFIG_FILE", config)
        .succeeds();
}

/// Builds the guide's own snippets, with hand-made folders and no network.
#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn hand_made_folders_build_offline() {
    let mirror = Mirror::new();
    let mut workspace = Workspace::from_example("offline_wit", &mirror);
    let api = "package myorg:custom-api@1.0.0;\ninterface api { hello: func() -> string; }\n";
    workspace.sandbox.write("ws/vendor/wit/custom-api/api.wit", api);
    workspace.sandbox.write(
        "ws/vendor/wit/BUILD.bazel",
        "load(\"@rules_wasm_airgap//wit:defs.bzl\", \"wit_library\")\n\
         wit_library(\n    name = \"custom_api\",\n    srcs = glob([\"custom-api/**/*.wit\"]),\n    \
         package_name = \"myorg:custom-api@1.0.0\",\n    visibility = [\"//visibility:public\"],\n)\n",
    );
    workspace.sandbox.write(
        "ws/vendor/BUILD.bazel",
        "load(\"@rules_wasm_airgap//wit:defs.bzl\", \"vendored_wit_library\")\n\
         vendored_wit_library(\n    name = \"local\",\n    path = \"mine\",\n    \
         package_name = \"myorg:custom-api@1.0.0\",\n)\n",
    );
    workspace.sandbox.write("ws/vendor/mine/api.wit", api);
    workspace.sandbox.write(
        "ws/BUILD.bazel",
        "load(\"@rules_wasm_airgap//wit:defs.bzl\", \"wit_library\")\n\
         wit_library(\n    name = \"my_interface\",\n    srcs = [\"my.wit\"],\n    \
         deps = [\"@custom_api//:myorg-custom-api\"],\n)\n\
         wit_library(\n    name = \"by_label\",\n    srcs = [\"my.wit\"],\n    \
         deps = [\"//vendor/wit:custom_api\"],\n)\n",
    );
    workspace.sandbox.write(
        "ws/my.wit",
        "package example:mine;\nworld mine { import myorg:custom-api/api@1.0.0; }\n",
    );
    workspace.add_to_module(
        "wit_package = use_repo_rule(\"@rules_wasm_airgap//wit:defs.bzl\", \"wit_package\")\n\
         wit_package(\n    name = \"custom_api\",\n    package = \"myorg:custom-api@1.0.0\",\n    \
         registry = \"registry.invalid/myorg\",\n)\n",
    );
    let build = workspace.bazel(&["build", "//...", "//vendor/..."]);
    build.env(OFFLINE[0].0, OFFLINE[0].1).env(OFFLINE[1].0, OFFLINE[1].1).succeeds();

    // Another version than the requested one is not used.
    let other = api.replace("@1.0.0", "@1.1.0");
    workspace.sandbox.write("ws/vendor/wit/custom-api/api.wit", other);
    workspace.fresh_output_root();
    let build = workspace.bazel(&["build", "//:my_interface"]);
    build.env(OFFLINE[0].0, OFFLINE[0].1).env(OFFLINE[1].0, OFFLINE[1].1).fails().says(&[
        "myorg:custom-api@1.0.0",
        "vendor/wit/custom-api",
        "1.1.0",
    ]);

    // A folder with a BUILD file is not a part of the package above it.
    workspace.sandbox.write("ws/vendor/mine/BUILD.bazel", "");
    let build = workspace.bazel(&["build", "//vendor:local"]);
    build.fails().says(&["it has a BUILD file", "//vendor/mine:NAME"]);
}

/// Uses `wasi_wit_dependencies()` and `wit_package` in a WORKSPACE, which Bazel 8 reads with
/// `--enable_workspace`, and Bazel 9 not at all.
#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn published_archives_in_a_workspace_without_modules() {
    let mirror = mirror();
    let workspace = Workspace::from_example("offline_wit", &mirror);
    fs::remove_file(workspace.path("MODULE.bazel")).unwrap();
    let build = workspace.sandbox.read("ws/BUILD.bazel");
    let build = build.split("# Encodes each package").next().unwrap();
    workspace.sandbox.write("ws/BUILD.bazel", build.replace(", \"wit_vendor_lock\"", ""));
    fs::remove_dir_all(workspace.path("tools")).unwrap();
    workspace.sandbox.write(
        "ws/WORKSPACE",
        format!(
            "load(\"@bazel_tools//tools/build_defs/repo:local.bzl\", \"local_repository\")\n\
             local_repository(name = \"rules_wasm_airgap\", path = {:?})\n\
             load(\"@rules_wasm_airgap//wit:defs.bzl\", \"wasi_wit_dependencies\")\n\
             load(\"@rules_wasm_airgap//wit:defs.bzl\", \"wit_package\")\n\
             wasi_wit_dependencies()\n\
             wit_package(\n    name = \"custom_api\",\n    \
             package = \"myorg:custom-api@1.0.0\",\n    registry = \"registry.invalid/myorg\",\n)\n",
            crate::workspace::REPOSITORY
        ),
    );
    workspace
        .sandbox
        .write("ws/vendor/wit/custom-api/api.wit", "package myorg:custom-api@1.0.0;\n");
    let build = workspace.bazel(&[
        "build",
        "--noenable_bzlmod",
        "--enable_workspace",
        // Bazel 9 has this flag and no WORKSPACE; the built-in part of WORKSPACE fails with it.
        "--noincompatible_disable_native_repo_rules",
        "//...",
        "@custom_api//...",
    ]);
    build.env("BAZEL_WASM_MIRROR", mirror.server.url()).succeeds();
    assert!(Path::new(&workspace.path("bazel-bin/service_wit/deps/wasi-http-0.2.6")).is_dir());
}

const TYPES: &str = "package myorg:types@1.0.0;\n/// About ids.\ninterface t { type id = u64; }\n";
const API: &str = "package myorg:custom-api@1.0.0;\n\
    interface api { use myorg:types/t@1.0.0.{id}; get: func() -> id; }\n\
    world plugin { import api; }\n";

/// Creates a registry with two packages, encoded by the real wasm-tools and pushed by oras; returns
/// it with the digests of their files.
pub fn packages(sandbox: &Sandbox) -> (Registry, [String; 2]) {
    let registry = Registry::open();
    sandbox.write("api/api.wit", API);
    sandbox.write("api/deps/types/t.wit", TYPES);
    sandbox.write("types/t.wit", TYPES);
    sandbox.write("config.json", WASM_CONFIG);
    let digest = |name: &str, repository: &str| {
        let file = format!("{name}.wasm");
        let mut encode = Command::new("wasm-tools");
        encode.args(["component", "wit", "--wasm", name, "-o", &file]);
        output(encode.current_dir(sandbox.root()));
        let reference = format!("{}/wit/myorg/{repository}:1.0.0", registry.host());
        let mut push = Command::new("oras");
        push.args(["push", "--plain-http", "--config", CONFIG, &reference]);
        output(push.arg(format!("{file}:application/wasm")).current_dir(sandbox.root()));
        crate::sandbox::sha256(&fs::read(sandbox.path(&file)).unwrap())
    };
    let digests = [digest("types", "types"), digest("api", "custom-api")];
    (registry, digests)
}

const CONFIG: &str = "config.json:application/vnd.wasm.config.v0+json";
const WASM_CONFIG: &str = r#"{"created":"2025-01-01T00:00:00Z","author":null,"architecture":"wasm",
    "os":"wasip2","layerDigests":[],"component":{"exports":[],"imports":[],"target":null}}"#;

/// Creates a workspace with a library that uses the packages, and with the guide's name of this
/// module.
fn user_of(mirror: &Mirror) -> Workspace {
    let workspace = Workspace::from_example("offline_wit", mirror);
    workspace.sandbox.write(
        "ws/BUILD.bazel",
        "load(\"@rules_wasm_component//wit:defs.bzl\", \"wit_library\", \"wit_vendor_lock\")\n\
         wit_library(\n    name = \"mine\",\n    srcs = [\"mine.wit\"],\n    \
         deps = [\"@custom_api//:myorg-custom-api\"],\n)\n\
         wit_vendor_lock(\n    name = \"vendor_wit\",\n    \
         packages = [\"myorg:custom-api@>=1.0, <2\"],\n    tags = [\"mine\"],\n)\n",
    );
    let mine = "package example:mine;\nworld mine { import myorg:custom-api/api@1.0.0; }\n";
    workspace.sandbox.write("ws/mine.wit", mine);
    let own = "name = \"rules_wasm_airgap\", version";
    let module = workspace.sandbox.read("ws/MODULE.bazel");
    let module = module.replace(
        own,
        "name = \"rules_wasm_airgap\", repo_name = \"rules_wasm_component\", version",
    );
    workspace
        .sandbox
        .write("ws/MODULE.bazel", module.replace("@rules_wasm_airgap", "@rules_wasm_component"));
    fs::remove_dir_all(workspace.path("tools")).unwrap();
    workspace
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn packages_from_a_registry_are_pinned_vendored_and_built_offline() {
    let mirror = Mirror::new();
    let mut workspace = user_of(&mirror);
    let (registry, [types, api]) = packages(&workspace.sandbox);
    let place = format!("{}/wit/myorg", registry.host());
    let tags = |api: &str| {
        format!(
            "wit.package(\n    name = \"custom_api\",\n    \
             package = \"myorg:custom-api@1.0.0\",\n    registry = {place:?},\n    \
             sha256 = {api:?},\n)\n\
             wit.package(\n    name = \"custom_types\",\n    \
             package = \"myorg:types@1.0.0\",\n    registry = {place:?},\n    \
             sha256 = {types:?},\n)\nuse_repo(wit, \"custom_api\")\n"
        )
    };
    let module = workspace.sandbox.read("ws/MODULE.bazel");
    // A wrong pin is enforced, and the error names both digests.
    workspace.add_to_module(&tags(&types));
    workspace.bazel(&["build", "//:mine"]).fails().says(&[&types, &api, "the rule's sha256"]);
    workspace.sandbox.write("ws/MODULE.bazel", format!("{module}\n{}", tags(&api)));
    workspace.bazel(&["build", "//:mine"]).succeeds();
    let text = workspace.path("bazel-bin/mine_wit/deps/myorg-types-1.0.0/package.wit");
    // The package itself, and not its stub in the package that uses it.
    assert!(fs::read_to_string(text).unwrap().contains("About ids"));

    // Vendored with a config file, as wkg has it.
    let config = format!(
        "[namespace_registries]\nmyorg = {{ registry = \"corp.example\", metadata = {{ \
         preferredProtocol = \"oci\", oci = {{ registry = {:?}, namespacePrefix = \"wit/\" }} }} }}\n",
        registry.host()
    );
    let config = workspace.sandbox.write("wkg.toml", config);
    workspace.bazel(&["run", "//:vendor_wit_generate"]).env("WKG_CONFIG_FILE", &config).succeeds();
    let lock = workspace.sandbox.read("ws/wit.lock");
    assert!(lock.contains(&types) && lock.contains(&api), "{lock}");
    // Without the registry, the config file and the network.
    drop(registry);
    workspace.fresh_output_root();
    let without_network = format!("{}/scripts/without-network", crate::workspace::REPOSITORY);
    let targets = ["test", "--test_output=errors", "//:all", "//vendor/wit/..."];
    let test = workspace.command(&[&without_network], &targets);
    let test = test.env("BAZEL_WASM_HELPER", crate::workspace::HELPER);
    test.env(OFFLINE[0].0, OFFLINE[0].1).env(OFFLINE[1].0, OFFLINE[1].1).succeeds();
}

#[test]
#[ignore = "needs a wkg on PATH"]
fn wkg_gets_equal_bytes_from_registry_and_vendor_folder() {
    let sandbox = Sandbox::new();
    sandbox.write("MODULE.bazel", "");
    let (registry, [_, api]) = packages(&sandbox);
    let config = format!(
        "[namespace_registries]\nmyorg = {{ registry = \"corp.example\", metadata = {{ \
         preferredProtocol = \"oci\", oci = {{ registry = {:?}, namespacePrefix = \"wit/\" }} }} }}\n\
         [registry.\"corp.example\".oci]\nprotocol = \"http\"\n",
        registry.host()
    );
    sandbox.write("remote.toml", config);
    let vendor = ["vendor", "wit", "myorg:custom-api@1.0.0", "--output-dir=vendor/wit"];
    sandbox.run(&vendor).env("WKG_CONFIG_FILE", sandbox.path("remote.toml")).succeeds();
    let root = sandbox.path("vendor/wit");
    let config = format!(
        "[namespace_registries]\nmyorg = \"corp.example\"\n\
         [registry.\"corp.example\".local]\nroot = {root:?}\n"
    );
    sandbox.write("local.toml", config);
    for source in ["remote", "local"] {
        let got = format!("./{source}.wasm");
        let mut get = Command::new("wkg");
        get.args(["get", "myorg:custom-api@1.0.0", "--format=wasm", "-o", &got]);
        get.arg("--config").arg(format!("{source}.toml")).args(["--cache", source]);
        output(get.current_dir(sandbox.root()).env("HOME", sandbox.root()));
        assert_eq!(crate::sandbox::sha256(&fs::read(sandbox.path(&got)).unwrap()), api, "{source}");
    }
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn a_package_without_a_pin_builds_online_and_the_warning_pins_it() {
    let mirror = Mirror::new();
    let workspace = user_of(&mirror);
    let (registry, [types, api]) = packages(&workspace.sandbox);
    let place = format!("{}/wit/myorg", registry.host());
    let rule = |more: &str| {
        format!(
            "wit_package = use_repo_rule(\"@rules_wasm_component//wit:defs.bzl\", \"wit_package\")\n\
             wit_package(\n    name = \"custom_api\",\n    \
             package = \"myorg:custom-api@1.0.0\",\n    registry = {place:?},\n{more})\n\
             wit_package(\n    name = \"custom_types\",\n    \
             package = \"myorg:types@1.0.0\",\n    registry = {place:?},\n    \
             sha256 = {types:?},\n)\n"
        )
    };
    let module = workspace.sandbox.read("ws/MODULE.bazel");
    workspace.add_to_module(&rule(""));
    // A package that the library uses must be named.
    workspace.bazel(&["build", "//:mine"]).fails().says(&["myorg:types@1.0.0", "wit_package"]);
    let deps = "    deps = {\"@custom_types//:myorg-types\": \"myorg:types@1.0.0\"},\n";
    workspace.sandbox.write("ws/MODULE.bazel", format!("{module}\n{}", rule(deps)));
    let printed = workspace.bazel(&["build", "//:mine"]).succeeds();
    assert!(printed.stderr.contains(&format!("sha256 = \"{api}\"")), "{}", printed.stderr);
    drop(registry);
    let missing = module + "\n" + &rule(deps).replace("custom-api@1.0.0", "custom-api@2.0.0");
    workspace.sandbox.write("ws/MODULE.bazel", missing);
    let build = workspace.bazel(&["build", "//:mine"]);
    build.env(OFFLINE[0].0, OFFLINE[0].1).fails().says(&[
        "myorg:custom-api@2.0.0",
        "not asked: BAZEL_WASM_OFFLINE is on",
        "vendor wit",
    ]);
}
