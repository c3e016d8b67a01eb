//! `import rules_wasm_component`.
//!
//! The files have the form of the published ones, and some of their facts.

use serde_json::{Value, json};

use crate::sandbox::{Printed, Sandbox, sha256};

/// A digest of wasm-tools 1.240.0, which the built-in registry does not have.
const NEW: &str = "b6ad301b8ac65e283703d1a5cf79280058a5f5699f8ff1fcaf66dbcf80a9efae";
/// The digest that the built-in registry has for wasm-tools 1.244.0 on linux_amd64.
const BUILT_IN: &str = "c3bf279c10e8ca37262773c829efd45423b5efeeb93ba1dc17baf25d9479074c";

fn published(sha256: &str, suffix: &str) -> Value {
    json!({ "sha256": sha256, "url_suffix": suffix })
}

fn tool(name: &str, repository: &str, versions: &Value) -> String {
    json!({
        "tool_name": name, "github_repo": repository, "latest_version": "1.240.0",
        "last_checked": "2025-10-09T00:00:00.000000Z", "supported_platforms": ["linux_amd64"],
        "versions": versions,
    })
    .to_string()
}

/// Returns the versions of a tool with one file.
fn one(version: &str, platform: &str, file: &Value) -> Value {
    json!({ version: { "release_date": "2025-10-08", "platforms": { platform: file } } })
}

fn wasm_tools(versions: &Value) -> String {
    tool("wasm-tools", "bytecodealliance/wasm-tools", versions)
}

fn import(sandbox: &Sandbox, code: i32) -> Printed {
    sandbox.run(&["import", "rules_wasm_component", "theirs", "--output=registry"]).ends_with(code)
}

#[test]
fn imported_tools_can_be_planned_and_keep_the_default_version() {
    let sandbox = Sandbox::new();
    let file = wasm_tools(&json!({
        "1.240.0": { "platforms": { "linux_amd64": published(NEW, "x86_64-linux.tar.gz") } },
        "1.244.0": { "platforms": { "linux_amd64": published(BUILT_IN, "x86_64-linux.tar.gz") } },
    }));
    sandbox.write("theirs/checksums/tools/wasm-tools.json", file);
    let printed = import(&sandbox, 0).says(&["1 imported, 1 known, 0 refused"]);
    assert_eq!(
        printed.stdout,
        "imported    tool wasm-tools 1.240.0 (linux_amd64)\n\
         known       tool wasm-tools 1.244.0 (linux_amd64): the built-in registry has it\n"
    );
    let plan = sandbox
        .run(&[
            "plan",
            "--json",
            "--registry=registry/tools/wasm-tools.json",
            "--tool=wasm-tools",
            "--platform=linux_amd64",
        ])
        .succeeds()
        .json();
    let text = plan.to_string();
    let url = "https://github.com/bytecodealliance/wasm-tools/releases/download/v1.240.0/\
               wasm-tools-1.240.0-x86_64-linux.tar.gz";
    assert!(text.contains(url) && text.contains(NEW), "{text}");
    let lines = sandbox.read("registry/import.MODULE.bazel");
    let line = "wasm.registry(file = \"//registry:tools/wasm-tools.json\")\n";
    assert!(lines.contains(line), "{lines}");
    assert!(sandbox.read("registry/BUILD.bazel").contains("\"tools/wasm-tools.json\""));
}

#[test]
fn the_address_of_each_tool_is_that_of_its_release() {
    let github = "https://github.com";
    let cases = [
        (
            "wac",
            "bytecodealliance/wac",
            "linux_arm64",
            json!({"url_suffix": "", "platform_name": "aarch64-unknown-linux-musl"}),
            "releases/download/v9.9.9/wac-cli-aarch64-unknown-linux-musl",
        ),
        (
            "wkg",
            "bytecodealliance/wasm-pkg-tools",
            "linux_amd64",
            json!({"binary_name": "wkg-x86_64-unknown-linux-gnu"}),
            "releases/download/v9.9.9/wkg-x86_64-unknown-linux-gnu",
        ),
        (
            "wkg",
            "bytecodealliance/wasm-pkg-tools",
            "windows_amd64",
            json!({"url_suffix": "wkg-x86_64-pc-windows-gnu.exe"}),
            "releases/download/v9.9.9/wkg-x86_64-pc-windows-gnu.exe",
        ),
        (
            "wasmtime",
            "bytecodealliance/wasmtime",
            "linux_amd64",
            json!({"url_suffix": "x86_64-linux.tar.xz"}),
            "releases/download/v9.9.9/wasmtime-v9.9.9-x86_64-linux.tar.xz",
        ),
        (
            "wasi-sdk",
            "WebAssembly/wasi-sdk",
            "darwin_arm64",
            json!({"url_suffix": "arm64-macos.tar.gz"}),
            "releases/download/wasi-sdk-9.9.9/wasi-sdk-9.9.9.0-arm64-macos.tar.gz",
        ),
        (
            "binaryen",
            "WebAssembly/binaryen",
            "linux_amd64",
            json!({"url_suffix": "x86_64-linux.tar.gz"}),
            "releases/download/version_9.9.9/binaryen-version_9.9.9-x86_64-linux.tar.gz",
        ),
        (
            "tinygo",
            "tinygo-org/tinygo",
            "linux_amd64",
            json!({"url_suffix": "linux-amd64.tar.gz"}),
            "releases/download/v9.9.9/tinygo9.9.9.linux-amd64.tar.gz",
        ),
        (
            "componentize-py",
            "bytecodealliance/componentize-py",
            "linux_amd64",
            json!({"url_suffix": "linux-amd64.tar.gz"}),
            "releases/download/9.9.9/componentize-py-9.9.9-linux-amd64.tar.gz",
        ),
        (
            "loom",
            "pulseengine/loom",
            "darwin_amd64",
            json!({"url_suffix": "loom-macos-x64.tar.gz"}),
            "releases/download/v9.9.9/loom-macos-x64.tar.gz",
        ),
        (
            "loom",
            "pulseengine/loom",
            "darwin_amd64",
            json!({"url_suffix": "x86_64-apple-darwin.tar.gz"}),
            "releases/download/v9.9.9/loom-v9.9.9-x86_64-apple-darwin.tar.gz",
        ),
        (
            "wizer",
            "bytecodealliance/wizer",
            "windows_amd64",
            json!({"url_suffix": "x86_64-windows.zip", "strip_prefix": "wizer-v9.9.9-x86_64-windows"}),
            "releases/download/v9.9.9/wizer-v9.9.9-x86_64-windows.zip",
        ),
        (
            "a-component",
            "o/r",
            "wasm_component",
            json!({"url_suffix": "other_name.wasm"}),
            "releases/download/v9.9.9/other_name.wasm",
        ),
    ];
    for (name, repository, platform, mut file, path) in cases {
        file["sha256"] = sha256(b"new").into();
        let sandbox = Sandbox::new();
        let text = tool(name, repository, &one("9.9.9", platform, &file));
        sandbox.write(&format!("theirs/tools/{name}.json"), text);
        import(&sandbox, 0).says(&["1 imported"]);
        let written = sandbox.read(&format!("registry/tools/{name}.json"));
        let written: Value = serde_json::from_str(&written).unwrap();
        let url = &written["versions"]["9.9.9"][platform]["url"];
        assert_eq!(*url, format!("{github}/{repository}/{path}"), "{name}");
    }
    for (name, path) in [
        ("go", "go.dev/dl/go9.9.9.linux.tar.gz"),
        ("nodejs", "nodejs.org/dist/v9.9.9/node-v9.9.9-linux.tar.gz"),
    ] {
        let sandbox = Sandbox::new();
        let file = published(&sha256(b"new"), "linux.tar.gz");
        sandbox.write(
            &format!("theirs/tools/{name}.json"),
            tool(name, "", &one("9.9.9", "linux_amd64", &file)),
        );
        import(&sandbox, 0);
        assert!(sandbox.read(&format!("registry/tools/{name}.json")).contains(path), "{name}");
    }
}

#[test]
fn placeholders_and_other_unusable_entries_are_refused_by_name() {
    let sandbox = Sandbox::new();
    let not_found = "0019dfc4b32d63c1392aa264aed2253c1e0c2fb09216f8e2cc269bbfb8bb49b5";
    sandbox.write(
        "theirs/checksums/tools/wasm-tools.json",
        wasm_tools(&json!({
            "1.240.0": { "platforms": {
                "linux_amd64": published(NEW, "x86_64-linux.tar.gz"),
                "linux_arm64": published("PLACEHOLDER_NEEDS_REAL_CHECKSUM", "aarch64-linux.tar.gz"),
                "darwin_amd64": published(&"0".repeat(64), "x86_64-macos.tar.gz"),
                "darwin_arm64": published("abc123", "aarch64-macos.tar.gz"),
                "windows_amd64": published(not_found, "x86_64-windows.tar.gz"),
                "plan9\u{1b}[2J": published(NEW, "plan9.tar.gz"),
            } },
        })),
    );
    sandbox.write(
        "theirs/checksums/tools/own.json",
        tool(
            "own",
            "o/own",
            &json!({
                "1.0": { "platforms": {
                    "linux_amd64": published(&sha256(b"a"), "x86_64.tar.gz"),
                    "linux_arm64": published(&sha256(b"b"), "../../own-x.tar.gz"),
                    "darwin_arm64": published(&sha256(b"c"), ""),
                    "darwin_amd64": published(&sha256(b"twice"), "own-1.tar.gz"),
                    "windows_amd64": published(&sha256(b"twice"), "own-2.tar.gz"),
                } },
            }),
        ),
    );
    sandbox.write(
        "theirs/checksums/tools/nonexistent-tool.json",
        tool("nonexistent-tool", "o/r", &json!({})),
    );
    let printed = import(&sandbox, 0).says(&["1 imported, 0 known, 10 refused, 0 in conflict"]);
    for line in [
        "refused     tool wasm-tools 1.240.0 (linux_arm64): its SHA-256 is a placeholder: `PLACEHOLDER_NEEDS",
        "(darwin_amd64): its SHA-256 is a placeholder, because all its digits are the same",
        "(darwin_arm64): its SHA-256 has 6 hexadecimal digits instead of 64: `abc123`",
        "(windows_amd64): its SHA-256 is that of the error page `Not Found`",
        "refused     tool own 1.0 (linux_amd64): the name of the file that ends in `x86_64.tar.gz` is unknown",
        "own 1.0 (linux_arm64): `../../own-x.tar.gz` cannot be a name",
        "own 1.0 (darwin_arm64): it has neither `url` nor `url_suffix`",
        "own 1.0 (windows_amd64): its SHA-256 is also that of own 1.0 (darwin_amd64) and own 1.0 (windows_amd64)",
    ] {
        assert!(printed.stdout.contains(line), "{line} is missing in\n{}", printed.stdout);
    }
    assert!(printed.stdout.contains("the platform `plan9"), "{}", printed.stdout);
    assert!(!printed.stdout.contains('\u{1b}'), "{}", printed.stdout);
    let files: Vec<_> = sandbox.tree("registry").into_keys().collect();
    assert_eq!(files, ["BUILD.bazel", "import.MODULE.bazel", "tools/wasm-tools.json"]);
}

#[test]
fn a_conflict_ends_with_4_and_the_rest_is_written() {
    let sandbox = Sandbox::new();
    let file = wasm_tools(&json!({
        "1.240.0": { "platforms": { "linux_amd64": published(NEW, "x86_64-linux.tar.gz") } },
        "1.244.0": { "platforms": { "linux_amd64": published(&sha256(b"x"), "x86_64-linux.tar.gz") } },
    }));
    sandbox.write("theirs/tools/wasm-tools.json", file);
    let printed = import(&sandbox, 4).says(&[BUILT_IN, &sha256(b"x"), "1 in conflict"]);
    let line = "CONFLICT    tool wasm-tools 1.244.0 (linux_amd64): ";
    assert!(printed.stdout.contains(line), "{}", printed.stdout);
    let written: Value =
        serde_json::from_str(&sandbox.read("registry/tools/wasm-tools.json")).unwrap();
    let versions: Vec<_> = written["versions"].as_object().unwrap().keys().collect();
    assert_eq!(versions, ["1.240.0"]);
}

#[test]
fn components_are_imported_with_their_repository() {
    let sandbox = Sandbox::new();
    let list = json!({ "version": "1.0.0", "components": [
        { "name": "wasi-http-proxy", "package_file": "wasi-http-proxy.json" },
        { "name": "auth", "package_file": "auth.json" },
        { "name": "gone", "package_file": "gone.json" },
    ] });
    let component = |name: &str, repository: &str, versions: Value| {
        json!({ "component_name": name, "oci_repository": repository, "latest_version": "0.2.6", "versions": versions }).to_string()
    };
    sandbox.write("theirs/checksums/components/registry.json", list.to_string());
    let placeholder = json!({ "0.2.6": { "digest": "sha256:placeholder_add_real_digest_here", "size_bytes": 0 } });
    sandbox.write(
        "theirs/checksums/components/wasi-http-proxy.json",
        component("wasi-http-proxy", "ghcr.io/b/wasi-http-proxy", placeholder),
    );
    let digest = format!("sha256:{}", sha256(b"auth"));
    let real = json!({ "1.2.0": { "digest": digest, "wit_world": "wasi:http/proxy@0.2.6" } });
    sandbox.write(
        "theirs/checksums/components/auth.json",
        component("auth", "ghcr.io/my-org/auth", real),
    );
    let printed =
        import(&sandbox, 0).says(&["1 imported, 0 known, 1 refused, 0 in conflict, 1 incomplete"]);
    let refused = "refused     component wasi-http-proxy@0.2.6: its SHA-256 is a placeholder: `sha256:placeholder";
    assert!(printed.stdout.contains(refused), "{}", printed.stdout);
    let lines = sandbox.read("registry/import.MODULE.bazel");
    assert!(
        lines.contains("components.registry(file = \"//registry:components/registry.json\")"),
        "{lines}"
    );
    // The command that takes the file finds the component by name.
    sandbox
        .run(&[
            "--offline",
            "component",
            "pull",
            "auth@1.2.0",
            "-oauth.wasm",
            "--registry=registry/components/registry.json",
        ])
        .ends_with(3)
        .says(&["ghcr.io/my-org/auth", &digest]);
}

#[test]
fn bundles_become_tags_for_tools_that_are_there() {
    let sandbox = Sandbox::new();
    let file = wasm_tools(&one("1.240.0", "linux_amd64", &published(NEW, "x86_64-linux.tar.gz")));
    sandbox.write("theirs/checksums/tools/wasm-tools.json", file);
    sandbox.write("theirs/checksums/toolchain_bundles.json", json!({
        "bundles": {
            "old": { "status": "stable", "tools": { "wasm-tools": "1.240.0", "wasmtime": "39.0.1", "jco": "1.4.0" } },
            "small": { "tools": { "wasmtime": "39.0.1" } },
        },
        "default_bundle": "old",
    }).to_string());
    let printed = import(&sandbox, 0);
    let line = "incomplete  bundle old: no registry file has jco 1.4.0\nimported    bundle small\n";
    assert!(printed.stdout.contains(line), "{}", printed.stdout);
    let lines = sandbox.read("registry/import.MODULE.bazel");
    for line in [
        "\nwasm.tool(name = \"wasm-tools\", version = \"1.240.0\")\n",
        "\nwasm.tool(name = \"wasmtime\", version = \"39.0.1\")\n",
        "\n# jco 1.4.0: no registry file has this version\n",
        "\n# wasm.tool(name = \"wasmtime\", version = \"39.0.1\")\n",
    ] {
        assert!(lines.contains(line), "{line} is missing in\n{lines}");
    }
}

#[test]
fn a_second_run_changes_nothing_and_another_file_is_not_replaced() {
    let sandbox = Sandbox::new();
    let file = wasm_tools(&one("1.240.0", "linux_amd64", &published(NEW, "x86_64-linux.tar.gz")));
    sandbox.write("theirs/tools/wasm-tools.json", file);
    import(&sandbox, 0);
    let before = sandbox.tree("registry");
    import(&sandbox, 0);
    assert_eq!(sandbox.tree("registry"), before);
    sandbox.write("registry/tools/wasm-tools.json", "{}");
    import(&sandbox, 2)
        .says(&["registry/tools/wasm-tools.json` exists and has another content", "--output"]);
    assert_eq!(sandbox.read("registry/tools/wasm-tools.json"), "{}");
}

#[test]
fn without_an_output_the_outcomes_are_only_printed() {
    let sandbox = Sandbox::new();
    let file = wasm_tools(&one("1.240.0", "linux_amd64", &published(NEW, "x86_64-linux.tar.gz")));
    sandbox.write("theirs/tools/wasm-tools.json", file);
    let words = ["import", "rules_wasm_component", "theirs"];
    sandbox.run(&words).succeeds().says(&["name a folder with --output for the 3 files"]);
    let json = sandbox.run(&[&words[..], &["--json"]].concat()).succeeds().json();
    assert_eq!(
        json["entries"],
        json!([{
            "kind": "tool", "name": "wasm-tools 1.240.0 (linux_amd64)", "outcome": "imported",
        }])
    );
    assert_eq!(json["output"], Value::Null);
    assert_eq!(std::fs::read_dir(sandbox.root()).unwrap().count(), 1);
}

#[test]
fn files_of_another_form_are_refused() {
    let deep = "[".repeat(100_000);
    let twice = wasm_tools(&json!({})).replace("\"versions\":{", "\"versions\":{\"1\":{},\"1\":{}");
    let long = tool(&"x".repeat(900_000), "o/r", &json!({}));
    let listed = |names: &[String]| {
        let listed: Vec<_> =
            names.iter().map(|name| json!({ "name": name, "package_file": "a.json" })).collect();
        json!({ "components": listed }).to_string()
    };
    let names: Vec<_> = (0..501).map(|nth| format!("c{nth}")).collect();
    let many = listed(&names);
    let same = listed(&["auth".to_owned(), "Auth".to_owned()]);
    let list = listed(&["registry".to_owned(), "registry.component".to_owned()]);
    for (file, text, words) in [
        ("tools/a.json", "{}", "missing field `tool_name`"),
        ("tools/a.json", deep.as_str(), "a.json` is not a registry file of rules_wasm_component"),
        ("tools/a.json", &twice, "`1` occurs twice"),
        ("tools/a.json", r#"{"tool_name": "../x", "versions": {}}"#, "cannot be a name"),
        ("tools/a.json", r#"{"tool_name": "x", "versions": {"../1": {}}}"#, "cannot be a name"),
        (
            "components/registry.json",
            r#"{"components": [{"name": "a", "package_file": "../../a.json"}]}"#,
            "cannot be a name",
        ),
        (
            "toolchain_bundles.json",
            r#"{"bundles": {"a\nwasm.tool()": {"tools": {}}}}"#,
            "cannot be a name",
        ),
        ("tools/a.json", &long, "xxx... at line 1 column "),
        ("components/registry.json", &many, "has too many components"),
        ("components/registry.json", &same, "lists two components for one output file"),
        ("components/registry.json", &list, "lists two components for one output file"),
        ("readme.md", "", "has no registry files of rules_wasm_component"),
        ("tools/a.json", &" ".repeat((1 << 20) + 1), "at most 1048576 bytes"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(&format!("theirs/{file}"), text);
        let printed = import(&sandbox, 2).says(&[words]);
        assert!(printed.stderr.len() < 2_000, "{}", printed.stderr);
        assert!(sandbox.tree("registry").is_empty());
    }
}

#[test]
fn tools_whose_names_differ_in_case_are_refused() {
    let sandbox = Sandbox::new();
    for name in ["tool", "Tool"] {
        let file = published(&sha256(name.as_bytes()), &format!("{name}-1.zip"));
        let text = tool(name, "o/r", &one("1", "linux_amd64", &file));
        sandbox.write(&format!("theirs/tools/{name}-file.json"), text);
    }
    import(&sandbox, 2).says(&["tool-file.json` describes a tool again", "the other: Tool.json"]);
}

#[test]
fn too_many_entries_end_the_import_in_the_file_that_has_them() {
    let sandbox = Sandbox::new();
    let platforms: serde_json::Map<_, _> =
        (0..20_001).map(|nth| (nth.to_string(), json!({}))).collect();
    for name in ["a", "b"] {
        let text = tool(name, "o/r", &json!({ "1": { "platforms": platforms } }));
        sandbox.write(&format!("theirs/tools/{name}.json"), text);
    }
    import(&sandbox, 2).says(&["has too many entries", "found:    20001"]);
}

#[test]
fn outcomes_are_short_lines() {
    let sandbox = Sandbox::new();
    let sha256 = sha256(b"new");
    let long = json!({ "sha256": sha256, "url": format!("https://h/{}", "x".repeat(100_000)) });
    let lines = json!({ "sha256": sha256, "url": "https://h/x.zip\n" });
    let versions = json!({
        "1": { "platforms": { "linux_amd64": long } },
        "2": { "platforms": { "linux_amd64": lines } },
        "3": { "platforms": { "plan9\nimported    tool y": {} } },
    });
    sandbox.write("theirs/tools/x.json", tool("x", "o/r", &versions));
    let printed = import(&sandbox, 0).says(&["3 refused"]);
    assert!(printed.stdout.len() < 2_000, "{}", printed.stdout);
    assert_eq!(printed.stdout.lines().count(), 3, "{}", printed.stdout);
    assert!(printed.stdout.contains("is not a URL: `\\n` is in it"), "{}", printed.stdout);
}

#[cfg(unix)]
#[test]
fn a_link_in_the_folder_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("secret.json", wasm_tools(&json!({})));
    sandbox.write("theirs/tools/a.txt", "");
    std::os::unix::fs::symlink(sandbox.path("secret.json"), sandbox.path("theirs/tools/a.json"))
        .unwrap();
    import(&sandbox, 4).says(&["theirs/tools/a.json", "link"]);
}

/// Returns the name of a vendored file that the resolver of rules_wasm_component opens.
fn name_there(tool: &str, version: &str, suffix: &str) -> String {
    match tool {
        "wasm-tools" | "wit-bindgen" | "componentize-py" => format!("{tool}-{version}-{suffix}"),
        "wasmtime" | "spar" | "witness" | "synth" => format!("{tool}-v{version}-{suffix}"),
        "wac" => format!("wac-cli-{suffix}"),
        "wasi-sdk" => format!("wasi-sdk-{version}.0-{suffix}"),
        "nodejs" => format!("node-v{version}-{suffix}"),
        "tinygo" | "go" => format!("{tool}{version}.{suffix}"),
        "binaryen" => format!("binaryen-version_{version}-{suffix}"),
        _ => suffix.to_owned(),
    }
}

/// The suffixes are the published ones of linux_amd64, linux_arm64, darwin_amd64, darwin_arm64 and
/// windows_amd64; one without a file there is empty.
#[test]
fn vendored_files_are_where_rules_wasm_component_reads_them() {
    let tar = |words: &[&str; 5], end: &str, windows: &str| -> Vec<String> {
        let ends = [end, end, end, end, windows];
        words.iter().zip(ends).map(|(word, end)| format!("{word}{end}")).collect()
    };
    let bytecode =
        ["x86_64-linux", "aarch64-linux", "x86_64-macos", "aarch64-macos", "x86_64-windows"];
    let arm64_mac =
        ["x86_64-linux", "aarch64-linux", "x86_64-macos", "arm64-macos", "x86_64-windows"];
    let arm64 = ["x86_64-linux", "arm64-linux", "x86_64-macos", "arm64-macos", "x86_64-windows"];
    let go = ["linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64", "windows-amd64"];
    let python = ["linux-amd64", "linux-aarch64", "macos-amd64", "macos-aarch64", "windows-amd64"];
    let rust = [
        "x86_64-unknown-linux-gnu",
        "aarch64-unknown-linux-gnu",
        "x86_64-apple-darwin",
        "aarch64-apple-darwin",
        "x86_64-pc-windows-msvc",
    ];
    let musl = [
        "x86_64-unknown-linux-musl",
        "aarch64-unknown-linux-musl",
        "x86_64-apple-darwin",
        "aarch64-apple-darwin",
        "x86_64-pc-windows-gnu",
    ];
    let named = |names: [&str; 5]| names.map(str::to_owned).to_vec();
    let rows = [
        ("wasm-tools", "1.244.0", tar(&bytecode, ".tar.gz", ".zip")),
        ("wit-bindgen", "0.49.0", tar(&bytecode, ".tar.gz", ".zip")),
        ("wasmtime", "45.0.1", tar(&bytecode, ".tar.xz", ".zip")),
        ("wac", "0.9.0", tar(&musl, "", "")),
        (
            "wkg",
            "0.13.0",
            named([
                "wkg-x86_64-unknown-linux-gnu",
                "wkg-aarch64-unknown-linux-gnu",
                "wkg-x86_64-apple-darwin",
                "wkg-aarch64-apple-darwin",
                "wkg-x86_64-pc-windows-gnu",
            ]),
        ),
        ("wasi-sdk", "32", tar(&arm64, ".tar.gz", ".tar.gz")),
        ("binaryen", "128", tar(&arm64_mac, ".tar.gz", ".tar.gz")),
        ("tinygo", "0.40.1", tar(&go, ".tar.gz", ".zip")),
        ("go", "1.25.3", tar(&go, ".tar.gz", ".zip")),
        ("componentize-py", "canary", tar(&python, ".tar.gz", ".tar.gz")),
        ("spar", "0.9.3", tar(&rust, ".tar.gz", ".zip")),
        ("witness", "0.22.0", tar(&rust, ".tar.gz", ".zip")),
        ("wit-bindgen-wrpc", "0.16.0", musl.map(|it| format!("wit-bindgen-wrpc-{it}")).to_vec()),
        (
            "wsc",
            "0.7.0",
            named([
                "wsc-linux-x86_64",
                "wsc-linux-aarch64",
                "wsc-macos-x86_64",
                "wsc-macos-aarch64",
                "wsc-windows-x86_64.exe",
            ]),
        ),
    ];
    let platforms = ["linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64", "windows_amd64"];
    let sandbox = Sandbox::new();
    for (tool, version, suffixes) in rows {
        let wanted = format!("--tool={tool}@{version}");
        let plan = sandbox.run(&["plan", "--json", "--platform=all", &wanted]).succeeds().json();
        let text = plan.to_string();
        for (platform, suffix) in platforms.iter().zip(suffixes) {
            let windows = tool == "wit-bindgen-wrpc" && *platform == "windows_amd64";
            let suffix = if windows { suffix + ".exe" } else { suffix };
            let name = name_there(tool, version, &suffix);
            let path = format!("/third_party/toolchains/{tool}/{version}/{platform}/{name}\"");
            assert!(text.contains(&path), "{path} is missing in\n{text}");
        }
    }
}
