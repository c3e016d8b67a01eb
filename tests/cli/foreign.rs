//! Untrusted names, settings and answers: none of their characters controls a terminal, and no
//! secret is printed.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::{Output, Stdio};

use crate::registry_files;
use crate::sandbox::{Run, Sandbox, sha256};
use crate::server::{Reply, Server};

/// One of each kind: a title, a colour, DEL, C1, text in another direction, zero width, tags.
const HOSTILE: &str = "\u{1b}]0;t\u{7}\u{9b}31m\u{7f}\u{85}\u{ad}\u{61c}\u{200b}\u{200e}\u{2028}\
                       \u{202e}\u{2060}\u{2066}\u{feff}\u{e0041}x";

/// Returns whether a character controls or deceives a terminal. Independent of the program's own
/// list.
fn is_forbidden(c: char) -> bool {
    let bidi = matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let unseen = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{e0000}'..='\u{e007f}');
    let control = c < ' ' && c != '\n' || ('\u{7f}'..='\u{9f}').contains(&c);
    control || bidi || unseen
}

/// Creates a workspace in which every name and value that can be hostile is hostile.
fn workspace(base: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    registry_files(&sandbox, base, &[b"AAAA"]);
    let name = |format: &str| format.replace("{}", HOSTILE);
    sandbox.write(&name("v/toolchains/{}"), "x");
    sandbox.write(&name("v/wit/a-b-1.0.0/{}.wit"), "x");
    sandbox.write("v/manifest.json", name(r#"{"schema_version": 1, "files": []}"#));
    let json = |text: &str| serde_json::to_string(&name(text)).unwrap();
    let file = format!(
        r#"{{"kind": "toolchain", "name": {0}, "version": {0}, "platform": {0}, "path": {0}, "size": 1,
            "sha256": "{1}", "url": {0}}}"#,
        json("{}"),
        sha256(b"x")
    );
    sandbox.write("w/manifest.json", format!(r#"{{"schema_version": 1, "files": [{file}]}}"#));
    // TOML and JSON have the same escapes in strings.
    let toml = |text: &str| toml_text(&name(text));
    sandbox.write(
        "config.toml",
        format!(
            "[overrides]\n\"a:b\" = {{ path = {0} }}\n[registry.{0}]\nlocal = {{ root = {0} }}\n",
            toml("/tmp/{}")
        ),
    );
    sandbox.write("hosts.toml", format!("default_registry = {}\n", toml("{}")));
    sandbox.write("auth.json", format!(r#"{{"auths": {{{}: {{"auth": "?"}}}}}}"#, json("{}")));
    sandbox.write("chart/Chart.yaml", format!("name: {}\nversion: 1.0.0\n", json("{}")));
    sandbox.write(
        "chart/values.yaml",
        format!("{0}:\n  image: r.example/a:1\n{1}:\n  image: {0}\nimage: {{repository: {0}, tag: {0}}}\n", json("{}"), json("{}2")),
    );
    sandbox.write(
        &name("manifests/{}.yaml"),
        format!("kind: Pod\nmetadata: {{name: {0}}}\nspec: {{containers: [{{name: {0}, image: {0}}}]}}\n", json("{}")),
    );
    sandbox.write("pod.yaml", format!("kind: Pod\nmetadata: {{name: {0}}}\nspec: {{containers: [{{name: {0}, image: a.b/c:1}}]}}\n", json("{}")));
    sandbox.write(
        "mirror.yaml",
        format!("# {0}\nimages:\n- source: {0}\n  destination: {0}\n", json("{}")),
    );
    sandbox.write("key.yaml", format!("images: []\n{}: 1\n", json("{}")));
    sandbox.write(
        "lock.yaml",
        format!("version: 1\nimages:\n- {{source: {0}, digest: {0}}}\n", json("{}")),
    );
    sandbox.write(
        "request.json",
        format!(r#"{{"schema_version": 1, {0}: {0}, "tools": [{{"tool": {0}}}]}}"#, json("{}")),
    );
    sandbox.write(
        "tool.json",
        format!(
            r#"{{"schema_version": 1, "tool": "t", "latest": {0}, "versions": {{{0}: {{}}}}}}"#,
            json("{}")
        ),
    );
    sandbox.write("a.wit", name("package a:b@1.0.0;\ninterface {} {}\n"));
    sandbox.write("folder/a.wit", name("package a:b@1.0.0;\nworld w { import c:d/{}@1.0.0; }\n"));
    sandbox.write("damaged.tar.gz", HOSTILE);
    sandbox.write("layout/oci-layout", format!(r#"{{"imageLayoutVersion": {}}}"#, json("{}")));
    sandbox.write("layout/index.json", format!(r#"{{"schemaVersion": 2, "mediaType": {0}, "manifests": [{{"mediaType": {0}, "digest": {0}, "size": 1, "annotations": {{{0}: {0}}}}}]}}"#, json("{}")));
    sandbox
}

fn toml_text(text: &str) -> String {
    let escape = |c: char| match c {
        c if is_forbidden(c) => format!("\\U{:08X}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

#[track_caller]
fn is_clean(command: &str, output: &Output) -> String {
    let mut all = String::new();
    for (stream, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let text = String::from_utf8(bytes.clone()).unwrap();
        if let Some(c) = text.chars().find(|c| is_forbidden(*c)) {
            panic!(
                "{c:?} on {stream} of {command}:\n{}",
                text.escape_debug().to_string().replace("\\n", "\n")
            );
        }
        all.push_str(&text);
    }
    let code = output.status.code();
    assert!(code.is_some_and(|code| code <= 5), "{command} ends with {code:?}: {all}");
    all
}

/// Returns each command, with the arguments that print as much untrusted text as possible.
fn commands() -> Vec<Vec<String>> {
    let lines = "
        {}
        --{}
        config show
        config {}
        verify v
        verify w
        verify {}
        verify v --jobs {}
        plan --tool {}
        plan --registry a.json --tool a --platform linux_amd64
        plan --registry a.json --tool a --platform linux_amd64 --workspace {}
        plan --registry tool.json --tool t
        plan --registry {} --tool t
        plan --request request.json
        plan --platform {}
        plan --bundle {}
        extract damaged.tar.gz out --sha256 {SHA}
        extract {} {} --sha256 {SHA} --type zip
        extract {} out --sha256 {}
        extract damaged.tar.gz out --sha256 {SHA} --strip-prefix {} --subject {}
        extract damaged.tar.gz out --sha256 {SHA} --type {}
        emit tool --tool t --version 1 --platform linux_amd64 --executable {} --rules {} .
        emit tool --tool {} --version 1 --platform linux_amd64 --executable e --rules @r//:d.bzl .
        emit wit --package a:b@1.0.0 --rules {} --dep c:d@1.0.0=//{}:d folder
        emit wit --package {} --rules @r//:d.bzl folder
        emit wit --package a:b@1.0.0 --rules @r//:d.bzl --folder {} folder
        wit inspect a.wit
        wit inspect folder
        wit inspect {}
        wit fetch {} out
        wit fetch a:b@1.0.0 {} --registry {}
        wit library --request request.json --out {}
        wit adopt --request {} out
        wit unpack {} out --request request.json
        component pull {} -o out
        component pull r.example/a:1 -o {} --offline
        component pin {}
        component pin r.example/{}:1
        toolchain pin {}
        toolchain pin file:///{}
        toolchain pin https://h.example/{} --tool t --version 1 --platform linux_amd64 --offline
        vendor toolchains --registry a.json --tool a --platform linux_amd64 --output-dir {} --no-helper --offline
        vendor toolchains --registry a.json --tool a --platform linux_amd64 --output-dir o --no-helper
        vendor toolchains --registry a.json --tool a --platform linux_amd64 --output-dir o --dry-run
        vendor wit {} --output-dir o
        vendor wit a:b@1.0.0 --output-dir v/wit --offline
        vendor wit a:b@1.0.0 --output-dir v/wit --locked --lock-file {}
        vendor components {} --output-dir o
        vendor components r.example/a:1 --output-dir {} --offline
        vendor all --output-dir {} --request request.json
        mirror list --why --registry r.example --chart chart
        mirror list --why --registry {} --chart chart
        mirror list --why --registry r.example pod.yaml
        mirror list --why --registry r.example manifests
        mirror list --registry r.example {}
        mirror list --registry r.example --chart chart --set {}=1
        mirror list --registry r.example --chart {}
        mirror lock -f mirror.yaml
        mirror lock -f key.yaml
        mirror lock -f {}
        mirror copy -f mirror.yaml
        mirror copy -f key.yaml --locked --lock-file lock.yaml
        mirror copy --from layout --to {}
        mirror copy --from {} --to o
        mirror values -f mirror.yaml --chart chart
        mirror values -f key.yaml --chart chart --pull-secret {}
        mirror kustomize -f mirror.yaml manifests
        mirror kustomize -f key.yaml pod.yaml
        mirror check --registry r.example manifests
        mirror check --registry r.example pod.yaml
        mirror check --registry r.example --chart chart
        mirror check --registry {} pod.yaml
    ";
    let digest = sha256(HOSTILE.as_bytes());
    let word = |word: &str| word.replace("{SHA}", &digest).replace("{}", HOSTILE);
    lines
        .lines()
        .map(|line| line.split_whitespace().map(word).collect())
        .filter(|words: &Vec<_>| !words.is_empty())
        .collect()
}

fn finished(mut run: Run) -> Output {
    run.command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
}

#[test]
fn no_command_prints_terminal_control_characters() {
    let server = Server::start(|_| {
        Reply::new("404 Not Found", HOSTILE.replace(char::is_control, ""))
            .header("X-Note", "\u{202e}")
    });
    let sandbox = workspace(&server.url(""));
    let mut seen = String::new();
    for words in commands() {
        for json in [None, Some("--json")] {
            let words: Vec<_> = words.iter().map(String::as_str).chain(json).collect();
            let run = sandbox.run(&words).env("BAZEL_WASM_RETRY_SECONDS", "0");
            let output = finished(run.env("BAZEL_WASM_COMPONENT_MIRROR", server.url("")));
            let all = is_clean(&format!("{words:?}"), &output);
            if json.is_some() && !output.stdout.is_empty() && output.status.code() != Some(2) {
                let text = String::from_utf8(output.stdout).unwrap();
                let _: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            }
            seen.push_str(&all);
        }
    }
    // The characters were present in the output, and replaced.
    assert!(seen.matches('\u{fffd}').count() > 500, "{}", seen.matches('\u{fffd}').count());
    assert!(seen.contains("\\u202e"));
}

#[test]
fn no_setting_prints_terminal_control_characters() {
    let sandbox = workspace("http://127.0.0.1:1");
    for (variable, value) in [
        ("WKG_CONFIG_FILE", "config.toml"),
        ("WKG_CONFIG_FILE", "hosts.toml"),
        ("WKG_CONFIG_FILE", HOSTILE),
        ("REGISTRY_AUTH_FILE", "auth.json"),
        ("BAZEL_WASM_OFFLINE", HOSTILE),
        ("BAZEL_WASM_MIRROR", HOSTILE),
        ("BAZEL_WASM_MIRROR", &format!("https://h.example/{HOSTILE}")),
        ("BAZEL_WASM_GITHUB_MIRROR", HOSTILE),
        ("BAZEL_WASM_COMPONENT_MIRROR", HOSTILE),
        ("BAZEL_WASM_VENDOR_DIR", HOSTILE),
        ("BAZEL_WASM_WIT_VENDOR_DIR", HOSTILE),
        ("BAZEL_WASM_RETRY_SECONDS", HOSTILE),
        ("HTTPS_PROXY", HOSTILE),
        ("HTTPS_PROXY", &format!("http://{HOSTILE}:1")),
        ("NO_PROXY", HOSTILE),
        ("SSL_CERT_FILE", HOSTILE),
        ("NETRC", HOSTILE),
        ("DOCKER_CONFIG", HOSTILE),
        ("HOME", HOSTILE),
        ("XDG_CONFIG_HOME", HOSTILE),
        ("BUILD_WORKSPACE_DIRECTORY", HOSTILE),
        ("WKG_REGISTRY_A_URL", HOSTILE),
    ] {
        for words in [
            &["config", "show"][..],
            &["--json", "config", "show"],
            &["plan", "--registry=a.json", "--tool=a", "--platform=linux_amd64"],
            &["component", "pull", "127.0.0.1:1/a:1", "-o", "o"],
        ] {
            let run = sandbox.run(words).env("BAZEL_WASM_RETRY_SECONDS", "0").env(variable, value);
            is_clean(&format!("{words:?} with {variable}={value:?}"), &finished(run));
        }
    }
    // A name that is not UTF-8.
    let mut run = sandbox.run(&["verify"]);
    run.command.arg(std::ffi::OsStr::from_bytes(b"\xff\x1b\x9b"));
    is_clean("no UTF-8", &finished(run));
}

/// Returns the forms in which a server may repeat a credential, by the header that sent it.
fn forms(header: &str) -> Vec<String> {
    let value = header.split_once(' ').map_or(header, |(_, value)| value);
    let every = |text: &str| text.bytes().map(|b| format!("%{b:02X}")).collect::<String>();
    vec![
        header.to_owned(),
        every(value),
        every(value).to_lowercase(),
        value.trim_end_matches('=').to_owned(),
        hex::encode(value),
        SECRET.to_owned(),
        every(SECRET),
        SECRET.replace('/', "%2F"),
        SECRET.replace('/', "\\/"),
        hex::encode(SECRET),
    ]
}

const SECRET: &str = "s3cr/t+passw0rd";

/// Tests every place of an answer in which a server can repeat a text, with a good credential and
/// with a bad one.
#[test]
fn no_answer_puts_a_secret_into_the_output() {
    type Place = fn(&str) -> Reply;
    let places: [(&str, Place); 9] = [
        ("status", |it| Reply::new(&format!("500 {it}"), "")),
        ("body", |it| Reply::json("403 Forbidden", &error_body(it))),
        ("limit", |it| Reply::json("429 Too Many", "{}").header("RateLimit-Limit", it)),
        ("retry", |it| Reply::json("429 Too Many", "{}").header("Retry-After", it)),
        ("location", |it| Reply::redirect(&format!("http://127.0.0.1:1/{it}?t={it}"))),
        ("host", |it| {
            Reply::redirect(&format!("http://{}.invalid/", it.replace(['/', ' ', '%', '\\'], "")))
        }),
        ("user", |it| {
            Reply::redirect(&format!("http://{}@127.0.0.1:1/a", it.replace(['/', ' '], "-")))
        }),
        ("challenge", |it| {
            Reply::new("401 Unauthorized", "").header(
                "WWW-Authenticate",
                &format!("Bearer realm=\"http://h.invalid/{it}\",scope=\"{it}\""),
            )
        }),
        ("media type", |it| {
            Reply::ok(
                serde_json::json!({"schemaVersion": 2, "mediaType": it, "layers": it}).to_string(),
            )
            .header("Content-Type", it)
            .header("ETag", &format!("\"{it}\""))
            .header("Docker-Content-Digest", it)
        }),
    ];
    for (place, reply) in places {
        for nth in 0..forms("").len() {
            let server = Server::start(move |request| match request.header("authorization") {
                None => Reply::new("401 Unauthorized", "")
                    .header("WWW-Authenticate", "Basic realm=\"x\""),
                Some(header) => reply(&forms(header)[nth]),
            });
            let sandbox = Sandbox::new();
            registry_files(&sandbox, &server.url(""), &[b"AAAA"]);
            let host = server.url("").replace("http://", "");
            sandbox.write("netrc", format!("machine 127.0.0.1 login robot password {SECRET}\n"));
            for words in [
                &["component", "pull", &format!("{host}/a/b:v1"), "-o", "o"][..],
                &["--json", "component", "pull", &format!("{host}/a/b:v1"), "-o", "o"],
                &[
                    "vendor",
                    "toolchains",
                    "--registry=a.json",
                    "--tool=a",
                    "--platform=linux_amd64",
                    "--output-dir=o",
                    "--no-helper",
                ],
            ] {
                let run = sandbox.run(words).env("NETRC", sandbox.path("netrc"));
                let output = finished(run.env("BAZEL_WASM_RETRY_SECONDS", "0"));
                let mut all = is_clean(&format!("{words:?}"), &output).to_ascii_lowercase();
                for (name, content) in sandbox.tree("o") {
                    all.push_str(&name);
                    all.push_str(&String::from_utf8_lossy(&content).to_ascii_lowercase());
                }
                let pair = base64("robot", SECRET);
                for form in forms(&format!("Basic {pair}")) {
                    let form = form.strip_prefix("Basic ").unwrap_or(&form).to_ascii_lowercase();
                    assert!(!all.contains(&form), "{form} by {place} {nth} of {words:?}:\n{all}");
                }
            }
            let _ = fs::remove_dir_all(sandbox.path("o"));
        }
    }
}

fn error_body(text: &str) -> String {
    serde_json::json!({"errors": [{"code": text, "message": text}]}).to_string()
}

/// Encodes a login in base64 without a library, as an independent check.
fn base64(user: &str, password: &str) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in format!("{user}:{password}").as_bytes().chunks(3) {
        let at = |nth: usize| u32::from(chunk.get(nth).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for nth in 0..4 {
            let letter = letters[(bits >> (18 - 6 * nth) & 63) as usize] as char;
            text.push(if nth <= chunk.len() { letter } else { '=' });
        }
    }
    text
}

/// Checks errors about arguments and variables, which repeat the user's text.
#[test]
fn no_password_in_an_address_is_repeated() {
    let sandbox = Sandbox::new();
    registry_files(&sandbox, "http://127.0.0.1:1", &[b"AAAA"]);
    let address = "https://robot:geheim-passwort@h.example/a b";
    for words in [
        &["mirror", "check", "--registry", address, "a.json"][..],
        &["component", "pull", address, "-o", "o"],
        &["toolchain", "pin", address],
        &["verify", address],
        &["vendor", "wit", address, "--output-dir", "o"],
        &["plan", "--platform", address],
        &[address],
        &["extract", "a", "b", "--sha256", address],
    ] {
        let printed = finished(sandbox.run(words));
        let all = is_clean(&format!("{words:?}"), &printed);
        assert!(!all.contains("geheim"), "{words:?}: {all}");
    }
    for name in ["BAZEL_WASM_MIRROR", "HTTPS_PROXY", "WKG_REGISTRY_A_URL", "BAZEL_WASM_VENDOR_DIR"]
    {
        let run = sandbox.run(&["config", "show"]).env(name, address);
        let all = is_clean(name, &finished(run));
        assert!(!all.contains("geheim"), "{name}: {all}");
    }
}
