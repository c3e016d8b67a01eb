//! The commands in messages: each runs as printed, in the folder of its reader.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use crate::sandbox::{Printed, Sandbox};

/// Returns the commands of this program in a text: those between backticks, and those on separate
/// lines.
fn commands(text: &str) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2).map(str::to_owned);
    let lines = text.lines().map(|line| line.trim().trim_start_matches("hint:").trim().to_owned());
    let ours = |it: &String| it.starts_with("wasm-airgap ") || it.starts_with("bazel run ");
    quoted.chain(lines).filter(ours).collect()
}

/// Returns the words of a command line that has quotes only around whole words.
fn words(command: &str) -> Vec<String> {
    let command = command.split_whitespace().map(|word| word.trim_matches(['\'', '"']).to_owned());
    command.collect()
}

/// Returns the arguments with which Bazel starts a command: the target's own, and those after `--`.
fn started(words: &[String]) -> Vec<String> {
    if words[0] == "wasm-airgap" {
        return words[1..].to_vec();
    }
    let (target, typed) = (words[2].as_str(), words[4..].to_vec());
    assert!(target.starts_with("@wasm//") && words[3] == "--", "{words:?}");
    let own: &[&str] = match target.split_once("//").unwrap().1 {
        ":wasm-airgap" => &["--as-typed"],
        "tools/vendor:vendor_all" => &["vendor", "all", "--request=request.json"],
        "tools/vendor:vendor_all_components" => &["vendor", "components", "--request=request.json"],
        "tools/vendor:vendor_all_toolchains" => &["vendor", "toolchains", "--request=request.json"],
        other => panic!("there is no target {other}"),
    };
    own.iter().map(|word| (*word).to_owned()).chain(typed).collect()
}

/// Runs each command of a message in the folder of its reader. Its result may differ, but it must
/// be a valid command.
#[track_caller]
fn all_run(sandbox: &Sandbox, printed: &Printed, at_least: usize) {
    let commands = commands(&printed.stderr);
    assert!(commands.len() >= at_least, "{}", printed.stderr);
    for command in commands {
        let started = started(&words(&command));
        let started: Vec<_> = started.iter().map(String::as_str).collect();
        let mut run = sandbox.run(&started).env("BUILD_WORKSPACE_DIRECTORY", sandbox.root());
        run.command.env("WKG_CONFIG_FILE", "wkg.toml").env("BAZEL_WASM_RETRY_SECONDS", "0");
        let output = run.command.output().unwrap();
        let messages = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() != Some(2), "`{command}` is wrong usage:\n{messages}");
    }
}

const MODULE: &str = "bazel_dep(name = \"rules_wasm_airgap\", repo_name = \"wasm\")\n";

fn workspace() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("MODULE.bazel", MODULE);
    sandbox.write("wkg.toml", "");
    let request = ["plan", "--json", "--tool=wasm-tools@1.244.0", "--platform=linux_amd64"];
    let plan = sandbox.run(&request).succeeds().json();
    let asset = |key: &str| plan["items"][0][key].clone();
    let url = "http://127.0.0.1:1/wasm-tools.tar.gz";
    let assets = serde_json::json!({
        "linux_amd64": {"url": url, "sha256": asset("sha256"), "archive": "tar.gz"},
    });
    let tool = serde_json::json!({
        "tool": "wasm-tools", "version": "1.244.0", "executables": ["wasm-tools"], "assets": assets,
    });
    let request = serde_json::json!({"schema_version": 1, "tools": [tool]});
    sandbox.write("request.json", request.to_string());
    sandbox
}

#[test]
fn a_missing_file_offline_names_a_command_that_runs() {
    let sandbox = workspace();
    let tool = ["plan", "--tool=wasm-tools@1.244.0", "--platform=linux_amd64"];
    let package = ["wit", "fetch", "a:types@1.0.0", "--registry=127.0.0.1:1/a", "out"];
    let component = ["component", "fetch", "--reference=127.0.0.1:1/a/b:1", "--name=b", "out.wasm"];
    let pinned = [&component[..], &["--workspace=."]].concat();
    for words in [&tool[..], &package[..], &pinned[..]] {
        for by_bazel in [false, true] {
            let run = sandbox.run(words).env("BAZEL_WASM_OFFLINE", "1");
            let run = match by_bazel {
                true => run.env("BAZEL_WASM_WORKSPACE", sandbox.root()),
                false => run,
            };
            let printed = run.ends_with(3);
            let program = printed.stderr.contains("@wasm//:wasm-airgap -- vendor");
            assert_eq!(program, by_bazel && words != tool, "{}", printed.stderr);
            all_run(&sandbox, &printed, 1);
        }
    }
    // The registry in the rule is a part of the command.
    let run = sandbox.run(&package).env("BAZEL_WASM_OFFLINE", "1");
    run.ends_with(3).says(&["--package-registry a:types=127.0.0.1:1/a"]);
}

#[test]
fn hints_name_the_program_when_bazel_is_not_used() {
    let sandbox = Sandbox::new();
    let words = ["plan", "--tool=wasm-tools@1.244.0", "--platform=linux_amd64", "--offline"];
    let printed = sandbox
        .run(&words)
        .ends_with(3)
        .says(&["wasm-airgap vendor toolchains --output-dir vendor/toolchains --tool"]);
    assert!(!printed.stderr.contains("bazel run"), "{}", printed.stderr);
    all_run(&sandbox, &printed, 1);
}

#[test]
fn a_missing_path_gets_a_hint() {
    let sandbox = Sandbox::new();
    for words in [&["mirror", "copy"][..], &["mirror", "lock"], &["mirror", "kustomize"]] {
        let printed = sandbox
            .run(words)
            .ends_with(2)
            .says(&["there is no mirror list `mirror.yaml`", "mirror list --chart"]);
        all_run(&sandbox, &printed, 1);
    }
    for words in [
        &["wit", "inspect", "none"][..],
        &["mirror", "check", "none", "--registry=r.corp"],
        &["mirror", "list", "--chart=none", "--registry=r.corp"],
        &["plan", "--registry=none.json"],
    ] {
        sandbox.run(words).ends_with(1).says(&["none", "check the path"]);
    }
    sandbox.write("file", "");
    let words = ["vendor", "toolchains", "--output-dir=file", "--tool=wasm-tools", "--offline"];
    sandbox.run(&words).ends_with(1).says(&["there is a file at this path"]);
    let words = ["toolchain", "pin", "./a.tar.gz", "--tool=a", "--version=1"];
    let words = [&words[..], &["--platform=linux_amd64"]].concat();
    sandbox.run(&words).ends_with(2).says(&["`file://` before the absolute path"]);
}

#[test]
fn a_missing_vendor_folder_names_the_command_that_makes_it() {
    let sandbox = workspace();
    let tool = ["plan", "--tool=wasm-tools@1.244.0", "--platform=linux_amd64"];
    let package = ["wit", "fetch", "a:types@1.0.0", "--registry=127.0.0.1:1/a", "out"];
    let component =
        ["component", "fetch", "--reference=127.0.0.1:1/a/b:1", "--workspace=.", "out.wasm"];
    for (variable, folder, words, command) in [
        ("BAZEL_WASM_VENDOR_DIR", "a/toolchains", &tool[..], "vendor_all_toolchains -- "),
        ("BAZEL_WASM_WIT_VENDOR_DIR", "b/wit", &package, "vendor_all -- "),
        ("BAZEL_WASM_VENDOR_DIR", "c/components", &component, "vendor_all_components -- "),
    ] {
        let path = sandbox.path(folder);
        let run = || sandbox.run(words).env(variable, &path).env("BAZEL_WASM_OFFLINE", "1");
        let printed = run().ends_with(2);
        assert!(printed.stderr.contains(command), "{}", printed.stderr);
        all_run(&sandbox, &printed, 1);
    }
}

/// Creates a server that has no content and speaks plain http, and answers TLS with an error in
/// http.
fn plain_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut asked = [0; 4096];
            let _ = connection.read(&mut asked);
            let status = if asked[0] == 0x16 { "400 Bad Request" } else { "404 Not Found" };
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    host
}

#[test]
fn the_hint_for_a_registry_without_tls_ends_the_error() {
    let sandbox = workspace();
    let host = plain_server();
    let pull = |name: &str, value: &str, code: i32| {
        let words = ["component", "pull", "r.invalid/a/b:1", "-o", "b.wasm"];
        let run = sandbox.run(&words).env(name, value).env("BAZEL_WASM_RETRY_SECONDS", "0");
        run.ends_with(code)
    };
    let config = |url: &str| {
        let text = format!("[registry.\"r.invalid\".mirror]\nurl = \"{url}\"\n");
        sandbox.write("mirror.toml", text).display().to_string()
    };
    let protocol = |protocol: &str| {
        let text = format!(
            "[registry.\"r.invalid\".mirror]\nurl = \"{host}\"\n\
             [registry.\"{host}\".oci]\nprotocol = \"{protocol}\"\n"
        );
        sandbox.write("protocol.toml", text).display().to_string()
    };
    let url = |scheme: &str| format!("{scheme}://{host}");
    for variable in ["BAZEL_WASM_COMPONENT_MIRROR", "WKG_REGISTRY_R_INVALID_URL"] {
        let hint = format!("the URL in {variable} says https");
        pull(variable, &url("https"), 5).says(&[&hint, &format!("write `http://{host}` there")]);
        pull(variable, &url("http"), 3);
    }
    let config_file = "WKG_CONFIG_FILE";
    pull(config_file, &config(&url("https")), 5).says(&["the URL in ", "mirror.toml"]);
    pull(config_file, &config(&url("http")), 3);
    pull(config_file, &protocol("https"), 5).says(&["`protocol` in", "protocol = \"http\""]);
    pull(config_file, &protocol("http"), 3);
}

/// Returns the text of every Rust file of the program.
fn sources(folder: &Path) -> Vec<String> {
    let files = walkdir::WalkDir::new(folder).into_iter().flatten();
    let rust = files.filter(|it| it.path().extension().is_some_and(|it| it == "rs"));
    rust.map(|it| fs::read_to_string(it.path()).unwrap()).collect()
}

#[test]
fn each_command_in_the_sources_is_one_and_has_its_options() {
    let sandbox = Sandbox::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = std::collections::BTreeSet::new();
    for text in sources(&folder) {
        // The tests at the end of a file contain commands of other programs.
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        // A string may continue in the next line of the source.
        let joined = text.split("\\\n").map(str::trim_start).collect::<String>();
        seen.extend(commands(&joined.replace("\\\"", "\"")));
    }
    assert!(seen.len() > 20, "{seen:?}");
    for command in seen.iter().filter(|it| it.starts_with("wasm-airgap ")) {
        let words = words(command);
        let is_word = |it: &&String| it.starts_with(|c: char| c.is_ascii_lowercase());
        let mut path: Vec<_> = words[1..].iter().take_while(is_word).take(2).cloned().collect();
        if ["plan", "verify", "extract"].contains(&path[0].as_str()) {
            path.truncate(1);
        }
        let help: Vec<_> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let help = sandbox.run(&help).succeeds().stdout;
        // The words after `--` are a command of another program.
        let ours = words.iter().take_while(|it| *it != "--");
        for option in ours.filter(|it| it.starts_with("--")) {
            let option = option.split('=').next().unwrap();
            let is_there =
                help.split(|c: char| c.is_whitespace() || c == ',').any(|it| it == option);
            assert!(is_there, "`{command}`: {option} is not in\n{help}");
        }
    }
}
