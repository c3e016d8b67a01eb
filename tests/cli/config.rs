//! `config show`, and the settings themselves.

use std::path::Path;

use crate::sandbox::{Run, Sandbox};

/// Compares with a golden file, in which `$ROOT` stands for the sandbox; `BLESS=1` writes it again.
#[track_caller]
fn compare(golden: &str, sandbox: &Sandbox, run: Run) {
    let text = run.succeeds().stdout.replace(&sandbox.root().display().to_string(), "$ROOT");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/config").join(golden);
    #[expect(clippy::disallowed_methods, reason = "a switch of the tests, not of the program")]
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), text, "{}", path.display());
}

/// The config file of the guide, both parts.
const GUIDE: &str = r#"[registry."ghcr.io"]
auth = { type = "basic", username = "user", password_env = "GHCR_TOKEN" }

[registry."ghcr.io".mirror]
url = "https://registry.internal.example.com"
fallback = true  # Fall back to primary if mirror fails

[registry."local"]
local = { root = "/path/to/local/registry" }

[overrides]
"wasi:cli" = { path = "/path/to/local/wasi-cli" }
"wasi:http" = { path = "/path/to/local/wasi-http" }
"#;

/// A config file with fields of wkg only.
const WKG: &str = r#"default_registry = "acme.registry.com"

[namespace_registries]
wasi = "wasi.dev"
acme = { registry = "acme.example", metadata = { oci = { registry = "oci.corp:5000", namespacePrefix = "acme/" } } }

[package_registry_overrides]
"acme:vendored" = "vendored.example"

[registry."acme.example".oci]
auth = { username = "u", password = "hunter2" }

[registry."vendored.example".local]
root = "vendor"
"#;

#[test]
fn registries_without_a_config_file() {
    let sandbox = Sandbox::new();
    compare("nothing.txt", &sandbox, sandbox.run(&["config", "show"]));
}

#[test]
fn registries_by_the_files_of_the_guide_and_of_wkg() {
    let sandbox = Sandbox::new();
    sandbox.write("guide.toml", GUIDE);
    sandbox.write("wkg.toml", WKG);
    for file in ["guide", "wkg"] {
        let run = sandbox.run(&["config", "show"]).env("WKG_CONFIG_FILE", format!("{file}.toml"));
        compare(&format!("{file}.txt"), &sandbox, run);
        let run = sandbox.run(&["config", "show", "--json"]);
        compare(
            &format!("{file}.json"),
            &sandbox,
            run.env("WKG_CONFIG_FILE", format!("{file}.toml")),
        );
    }
}

#[test]
fn the_config_files_in_the_manual_are_valid() {
    for page in ["guides/registry.md", "reference/config.md"] {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
        let page = std::fs::read_to_string(page).unwrap();
        let files = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        assert!(files.clone().count() > 0);
        for file in files {
            let sandbox = Sandbox::new();
            sandbox.write("config.toml", file);
            sandbox.write("vendor/wit/.gitattributes", "");
            let run = sandbox.run(&["config", "show"]).env("WKG_CONFIG_FILE", "config.toml");
            run.succeeds();
        }
    }
}

#[test]
fn variables_win_over_files_and_no_secret_is_shown() {
    let sandbox = Sandbox::new();
    sandbox.write("guide.toml", GUIDE);
    let auth = r#"{"auths":{"mirror.corp":{"auth":"dTpodW50ZXIy"}},"credsStore":"pass"}"#;
    sandbox.write("docker/config.json", auth);
    sandbox.write("netrc", "machine wasi.corp login me password hunter2");
    let run = sandbox
        .run(&["config", "show"])
        .env("WKG_CONFIG_FILE", "guide.toml")
        .env("BAZEL_WASM_COMPONENT_MIRROR", "https://mirror.corp/wasm,direct")
        .env("WKG_REGISTRY_WASI_DEV_URL", "http://wasi.corp")
        .env("WKG_REGISTRY_OTHER_IO_URL", "https://other.corp")
        .env("WKG_REGISTRY_GHCR_IO_TOKEN", "hunter2")
        .env("GHCR_TOKEN", "hunter2")
        .env("DOCKER_CONFIG", sandbox.path("docker"))
        .env("NETRC", sandbox.path("netrc"));
    compare("variables.txt", &sandbox, run);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/config/variables.txt");
    assert!(!std::fs::read_to_string(golden).unwrap().contains("hunter2"));
}

#[test]
fn a_config_file_without_a_meaning_is_an_error() {
    let sandbox = Sandbox::new();
    sandbox.write("a.toml", "\n[registry.\"ghcr.io\".miror]\nurl = \"https://hunter2\"\n");
    let run = sandbox.run(&["config", "show"]).env("WKG_CONFIG_FILE", "a.toml");
    let printed = run.ends_with(2).says(&["`miror`", "a.toml:2", "nearest", "`mirror`"]);
    assert!(!printed.stderr.contains("hunter2"), "{}", printed.stderr);
    let run = sandbox.run(&["config", "show"]).env("WKG_CONFIG_FILE", "none.toml");
    run.ends_with(2).says(&["none.toml", "WKG_CONFIG_FILE", "correct the path"]);
    let run = sandbox.run(&["config", "show"]).env("BAZEL_WASM_COMPONENT_MIRROR", "Direct");
    run.ends_with(2).says(&["BAZEL_WASM_COMPONENT_MIRROR", "direct"]);
}

#[test]
fn each_setting_has_its_value_and_its_source_and_no_secret() {
    let sandbox = Sandbox::new();
    let run = sandbox
        .run(&["config", "show", "--json"])
        .env("BAZEL_WASM_OFFLINE", "Yes")
        .env("BAZEL_WASM_VENDOR_DIR", "v")
        .env("BAZEL_WASM_MIRROR", "https://a/,direct")
        .env("https_proxy", "http://user:hunter2@proxy:3128");
    let printed = run.succeeds();
    assert!(!printed.stdout.contains("hunter2"), "{}", printed.stdout);
    let settings = printed.json();
    let setting = |name: &str| {
        let settings = settings.as_array().unwrap();
        let row = settings.iter().find(|row| row["name"] == name).unwrap();
        (row["value"].as_str().unwrap().to_owned(), row["from"].as_str().unwrap().to_owned())
    };
    let text = |value: &str, from: &str| (value.to_owned(), from.to_owned());
    assert_eq!(setting("offline"), text("true", "BAZEL_WASM_OFFLINE"));
    assert_eq!(setting("mirrors"), text("https://a,direct", "BAZEL_WASM_MIRROR"));
    assert_eq!(setting("vendor folder").0, sandbox.path("v").display().to_string());
    assert_eq!(setting("GitHub"), text("https://github.com", "default"));
    assert_eq!(setting("proxy for https").1, "https_proxy");
    let flag = sandbox.run(&["config", "show", "--offline"]).succeeds();
    assert!(flag.stdout.starts_with("offline              true  [--offline]\n"), "{}", flag.stdout);
}

#[test]
fn a_setting_without_a_meaning_is_an_error() {
    let sandbox = Sandbox::new();
    for (name, value) in [
        ("BAZEL_WASM_OFFLINE", "perhaps"),
        ("BAZEL_WASM_MIRROR", "mirror.corp"),
        ("BAZEL_WASM_GITHUB_MIRROR", "ftp://"),
        ("BAZEL_WASM_RETRY_SECONDS", "soon"),
    ] {
        let run = sandbox.run(&["config", "show"]).env(name, value);
        run.ends_with(2).says(&[name, value]);
    }
}

#[test]
fn help_has_an_example_for_each_command_and_the_exit_codes() {
    let sandbox = Sandbox::new();
    let help = sandbox.run(&["--help"]).succeeds().stdout;
    assert!(help.contains("Exit codes:"), "{help}");
    for command in [
        &["vendor", "toolchains"][..],
        &["plan"],
        &["extract"],
        &["emit", "tool"],
        &["toolchain", "pin"],
        &["verify"],
        &["mirror", "list"],
        &["mirror", "values"],
        &["mirror", "kustomize"],
        &["mirror", "check"],
    ] {
        let help = sandbox.run(&[command, &["--help"]].concat()).succeeds().stdout;
        assert!(help.contains("Example:"), "{command:?}");
    }
    sandbox.run(&["vendor", "nothing"]).ends_with(2);
}

#[test]
fn variables_of_other_rules_that_nothing_reads_are_named() {
    let sandbox = Sandbox::new();
    let run =
        sandbox.run(&["config", "show"]).env("BAZEL_NPM_REGISTRY", "https://npm.corp.example");
    let printed =
        run.env("BAZEL_GOPROXY", "https://go.corp.example").env("WKG_PATH", "").succeeds();
    let printed = printed.says(&[
        "BAZEL_NPM_REGISTRY is set, and nothing reads it: npm packages such as jco",
        "BAZEL_GOPROXY is set, and nothing reads it: Go modules",
    ]);
    assert!(!printed.stderr.contains("WKG_PATH") && !printed.stderr.contains("corp.example"));
    let run = sandbox.run(&["config", "show"]).env("BAZEL_WASM_OFFLINE", "prefer");
    run.ends_with(2).says(&["`prefer`", "unset BAZEL_WASM_OFFLINE: vendor folders are always"]);
}
