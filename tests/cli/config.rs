//! `config show`, and the settings themselves.

use crate::sandbox::Sandbox;

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
    assert!(flag.stdout.starts_with("offline            true  [--offline]\n"), "{}", flag.stdout);
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
    ] {
        let help = sandbox.run(&[command, &["--help"]].concat()).succeeds().stdout;
        assert!(help.contains("Example:"), "{command:?}");
    }
    sandbox.run(&["vendor", "nothing"]).ends_with(2);
}
