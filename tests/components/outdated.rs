//! `outdated`: each pin is compared with its source.

use serde_json::{Value, json};

use crate::fake_registry::{ALICE, Door, Fake, error};
#[cfg(target_os = "linux")]
use crate::memory_limit::with_memory_limit;
use crate::sandbox::{Sandbox, sha256};
use crate::server::{Reply, Server};
use crate::{Pushed, component, manifest, push, push_as, run};

/// Returns a file of the manual.
fn manual(path: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(path);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Checks a document against the published schema, with an independent validator.
#[track_caller]
fn is_valid(document: &Value) {
    let schema = manual("reference/outdated.schema.json");
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("schema.json", schema).unwrap();
    let index = compiler.compile("schema.json", &mut schemas).unwrap();
    if let Err(error) = schemas.validate(document, index) {
        panic!("{error}\n{document:#}");
    }
}

/// Writes a request of a module extension.
fn request(sandbox: &Sandbox, mut request: Value) {
    request["schema_version"] = 1.into();
    sandbox.write("request.json", request.to_string());
}

/// Writes a request for one component.
fn component_request(sandbox: &Sandbox, reference: &str, digest: &str) {
    let component = json!({"name": "app", "reference": reference, "digest": digest});
    request(sandbox, json!({ "components": [component] }));
}

/// Returns the comparison, which must be valid.
#[track_caller]
fn compared(sandbox: &Sandbox, words: &[&str], code: i32) -> Value {
    let words = [&["--json", "outdated"], words].concat();
    let found = run(sandbox, &words).ends_with(code).json();
    is_valid(&found);
    found
}

/// Returns the row of a kind.
#[track_caller]
fn row<'a>(found: &'a Value, kind: &str) -> &'a Value {
    let mut rows = found["rows"].as_array().unwrap().iter().filter(|row| row["kind"] == kind);
    rows.next().unwrap_or_else(|| panic!("no {kind} in {found:#}"))
}

/// Returns a WIT package as a registry serves it.
fn package(version: &str) -> Vec<u8> {
    format!("package my:api@{version};\n\ninterface a {{}}\n").into_bytes()
}

/// A registry with newer versions of a WIT package, a component and an image, and a workspace that
/// pins the older ones.
fn everything() -> (Sandbox, Fake) {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let host = fake.host();
    for tag in ["1.0.0", "1.1.0", "2.0.0-rc.1"] {
        push(&fake, "wit/my/api", tag, &package(tag));
    }
    let old = push(&fake, "org/app", "v1.2.0", &component("old"));
    for tag in ["v1.10.0", "1.11.0", "latest"] {
        push(&fake, "org/app", tag, &component(tag));
    }
    for tag in ["2.11.3-alpine", "2.11.4-alpine", "2.12.0"] {
        push(&fake, "nats", tag, &component(tag));
    }
    request(
        &sandbox,
        json!({
            "tools": [{"tool": "wasm-tools", "version": "1.244.0", "executables": [], "assets": {}}],
            "wit": [{"package": "my:api@1.0.0", "registry": format!("{host}/wit"),
                     "sha256": sha256(&package("1.0.0"))}],
            "components": [{"name": "app", "reference": format!("{host}/org/app:v1.2.0"),
                            "digest": old.content}],
        }),
    );
    let list = format!(
        "images:\n  - source: {host}/nats:2.11.3-alpine\n    destination: r.corp/nats:2.11.3-alpine\n"
    );
    sandbox.write("mirror.yaml", list);
    run(&sandbox, &["mirror", "lock"]).succeeds();
    (sandbox, fake)
}

/// Pushes a component to a registry, and writes the credential for that.
fn signed_in(fake: &Fake) -> (Sandbox, Pushed) {
    let app = push(fake, "org/app", "v1.0.0", &component("app"));
    let sandbox = Sandbox::new();
    let auths = json!({"auths": {fake.host(): {"auth": ALICE.trim_start_matches("Basic ")}}});
    sandbox.write("config.json", auths.to_string());
    (sandbox, app)
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

const FILES: [&str; 4] = ["--request", "request.json", "--images", "mirror.yaml"];

#[test]
fn each_kind_is_compared_with_its_source() {
    let (sandbox, fake) = everything();
    let host = fake.host();
    let before = sandbox.tree(".");
    let found = compared(&sandbox, &FILES, 0);
    assert_eq!(found["rows"].as_array().unwrap().len(), 4, "{found:#}");
    for (kind, name, current, newest, newer) in [
        ("wit", "my:api".to_owned(), "1.0.0", "1.1.0", 1),
        ("component", format!("{host}/org/app"), "v1.2.0", "v1.10.0", 1),
        ("image", format!("{host}/nats"), "2.11.3-alpine", "2.11.4-alpine", 1),
    ] {
        let row = row(&found, kind);
        assert_eq!(row["status"], "outdated", "{row:#}");
        let facts = (&row["name"], &row["current"], &row["newest"]);
        assert_eq!(facts, (&json!(name), &json!(current), &json!(newest)), "{row:#}");
        assert_eq!(row["newer"].as_array().unwrap().len(), newer, "{row:#}");
        assert_ne!(row["newest_digest"], row["current_digest"], "{row:#}");
    }
    // The digest of the newest version is of the same kind as the pinned one.
    let content = |bytes: &[u8]| json!(format!("sha256:{}", sha256(bytes)));
    assert_eq!(row(&found, "component")["newest_digest"], content(&component("v1.10.0")));
    assert_eq!(row(&found, "wit")["newest_digest"], content(&package("1.1.0")));
    let image = fake.store().manifest("nats", "2.11.4-alpine").map(sha256).unwrap();
    assert_eq!(row(&found, "image")["newest_digest"], json!(format!("sha256:{image}")));
    assert_eq!(row(&found, "image")["line"], 2);
    assert_eq!(row(&found, "tool")["status"], "outdated");
    let pin = format!("wasm-airgap component pin {host}/org/app:v1.10.0");
    assert_eq!(row(&found, "component")["fix"], json!(pin));

    // The commands run as they are printed.
    for kind in ["wit", "component", "image"] {
        let row = row(&found, kind);
        let words: Vec<_> = row["fix"].as_str().unwrap().split(' ').skip(1).collect();
        run(&sandbox, &words).succeeds();
    }
    assert_eq!(sandbox.tree("."), before);

    let text = run(&sandbox, &[&["outdated"][..], &FILES].concat()).succeeds().stdout;
    for says in ["-> 2.11.4-alpine\n  in: mirror.yaml:2\n", &pin, "current: 0 of 4 pins"] {
        assert!(text.contains(says), "{says} in {text}");
    }
    compared(&sandbox, &[&FILES[..], &["--exit-code"]].concat(), 1);
}

#[test]
fn current_pins_are_a_count_and_a_moved_tag_is_named() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let app = push(&fake, "org/app", "v1.0.0", &component("app"));
    let reference = format!("{}/org/app:v1.0.0", fake.host());
    for digest in [&app.manifest, &app.content] {
        component_request(&sandbox, &reference, digest);
        let found = compared(&sandbox, &["--request", "request.json", "--exit-code"], 0);
        assert_eq!(row(&found, "component")["status"], "current", "{found:#}");
        let own = json!(format!("sha256:{digest}"));
        assert_eq!(row(&found, "component")["newest_digest"], own);
        let text = run(&sandbox, &["outdated", "--request", "request.json"]).succeeds().stdout;
        assert_eq!(text, "current: 1 of 1 pin\n");
    }
    let other = push(&fake, "org/app", "v1.0.0", &component("other"));
    let found = compared(&sandbox, &["--request", "request.json"], 0);
    let moved = row(&found, "component");
    assert_eq!((&moved["status"], &moved["newest"]), (&json!("moved"), &json!("v1.0.0")));
    assert_eq!(moved["newest_digest"], json!(format!("sha256:{}", other.content)));
    assert!(moved["reason"].as_str().unwrap().contains(&other.content), "{moved:#}");
    compared(&sandbox, &["--request", "request.json", "--exit-code"], 1);

    // The digests of a moved and of a newer tag are of the same kind as the pinned one.
    push(&fake, "org/app", "v1.1.0", &component("newer"));
    component_request(&sandbox, &reference, &app.manifest);
    let found = compared(&sandbox, &["--request", "request.json"], 0);
    let moved = row(&found, "component");
    assert!(moved["reason"].as_str().unwrap().contains(&other.manifest), "{moved:#}");
    let newer = fake.store().manifest("org/app", "v1.1.0").map(sha256).unwrap();
    assert_eq!(moved["newest_digest"], json!(format!("sha256:{newer}")), "{moved:#}");
}

#[test]
fn offline_no_registry_is_asked_and_tools_are_still_compared() {
    let (sandbox, fake) = everything();
    let before = fake.connections();
    for offline in [run(&sandbox, &["--json", "--offline", "outdated"]), {
        run(&sandbox, &["--json", "outdated"]).env("BAZEL_WASM_OFFLINE", "1")
    }] {
        let mut offline = offline;
        offline.command.args(FILES);
        let found = offline.ends_with(3).json();
        is_valid(&found);
        for kind in ["wit", "component", "image"] {
            let row = row(&found, kind);
            assert_eq!(row["status"], "unknown", "{row:#}");
            assert!(row["reason"].as_str().unwrap().contains("offline"), "{row:#}");
        }
        assert_eq!(row(&found, "tool")["status"], "outdated");
    }
    assert_eq!(fake.connections(), before);
}

#[test]
fn a_failing_registry_makes_only_its_own_pins_unknown() {
    let (sandbox, fake) = everything();
    let mut list = sandbox.read("mirror.yaml");
    list += "  - source: 127.0.0.1:9/gone:1.0\n    destination: r.corp/gone:1.0\n";
    list += &format!("  - source: {}/none:1.0\n    destination: r.corp/none:1.0\n", fake.host());
    sandbox.write("mirror.yaml", list);
    let found = compared(&sandbox, &FILES, 5);
    let rows = found["rows"].as_array().unwrap();
    let unknown: Vec<_> = rows.iter().filter(|row| row["status"] == "unknown").collect();
    assert_eq!((rows.len(), unknown.len()), (6, 2), "{found:#}");
    assert!(unknown.iter().all(|row| row["reason"] != ""), "{found:#}");
    assert_eq!(row(&found, "component")["status"], "outdated");
}

#[test]
fn a_hostile_list_of_tags_is_bounded_and_prints_no_escapes() {
    // A component, so that only the list of tags is wrong.
    let pages = |reply: fn(&str) -> Reply| {
        let fake = Fake::with(Door::Open, move |request, _| {
            request.path.contains("/tags/").then(|| reply(&request.path))
        });
        let app = push(&fake, "org/app", "v1.0.0", &component("app"));
        let sandbox = Sandbox::new();
        component_request(&sandbox, &format!("{}/org/app:v1.0.0", fake.host()), &app.content);
        (sandbox, fake)
    };
    let (sandbox, endless) = pages(|path| {
        let page: u32 = path.rsplit('=').next().unwrap().parse().unwrap_or(0) + 1;
        let link = format!("</v2/org/app/tags/list?last={page}>; rel=\"next\"");
        Reply::json("200 OK", r#"{"tags": ["v1.0.0"]}"#).header("Link", &link)
    });
    let found = compared(&sandbox, &["--request", "request.json"], 4);
    assert!(row(&found, "component")["reason"].as_str().unwrap().contains("1000 pages"));
    assert!(endless.request_lines().len() < 1100);

    let (sandbox, _fake) = pages(|_| {
        let tags =
            json!({"tags": ["v1.0.0", "v9.0.0\u{1b}[2J", "v1.1.0\n", "v2.0.0`; rm x", "v1.0.1"]});
        Reply::json("200 OK", &tags.to_string())
    });
    let found = compared(&sandbox, &["--request", "request.json"], 0);
    assert_eq!(row(&found, "component")["newer"], json!(["v1.0.1"]), "{found:#}");
    let text = run(&sandbox, &["outdated", "--request", "request.json"]).succeeds().stdout;
    assert!(!text.contains('\u{1b}') && !text.contains("rm x"), "{text}");

    let (sandbox, _fake) = pages(|_| Reply::json("200 OK", &" ".repeat(8 << 20)));
    let found = compared(&sandbox, &["--request", "request.json"], 4);
    assert_eq!(row(&found, "component")["status"], "unknown", "{found:#}");
}

#[test]
fn a_hostile_registry_makes_its_pins_unknown_and_gets_no_credential_elsewhere() {
    let other = Server::start(|_| Reply::json("200 OK", r#"{"tags": ["v9.0.0"]}"#));
    let elsewhere = other.url("/v2/org/app/tags/list");
    let tags = || Reply::json("200 OK", r#"{"tags": ["v9.0.0"]}"#);
    let next = |to: &str| tags().header("Link", &format!("<{to}>; rel=\"next\""));
    let page = Reply::ok("<html>\u{1b}[2J").header("Content-Type", "text/html");
    for (reply, says) in [
        (Reply::redirect("file:///etc/passwd"), "redirects to file:///etc/passwd"),
        (Reply::redirect("/v2/org/app/tags/list"), "redirects in a circle"),
        (next("/v2/org/app/tags/list"), "the list does not end after 1 page"),
        (next("file:///etc/passwd"), "the next page is on another server"),
        (next(&elsewhere), "the next page is on another server"),
        (page, "a web page instead of JSON"),
        (error("403 Forbidden", "DENIED", "\u{1b}[2J"), "403 Forbidden"),
    ] {
        let fake = Fake::with(Door::Basic, move |request, _| {
            request.path.contains("/tags/").then(|| reply.clone())
        });
        let (sandbox, app) = signed_in(&fake);
        component_request(&sandbox, &format!("{}/org/app:v1.0.0", fake.host()), &app.content);
        let words = ["--json", "outdated", "--request", "request.json"];
        let output = run(&sandbox, &words).env("DOCKER_CONFIG", sandbox.root()).command.output();
        let output = output.unwrap();
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let row = row(&found, "component");
        assert_eq!(row["status"], "unknown", "{row:#}");
        assert!(row["reason"].as_str().unwrap().contains(says), "{says} in {row:#}");
        assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b));
        assert!(![&output.stdout, &output.stderr].iter().any(|text| contains(text, "YWxpY2U6cDE")));
    }
    // A redirect within HTTP is followed, without the credential.
    let to = elsewhere.clone();
    let fake = Fake::with(Door::Basic, move |request, _| {
        request.path.contains("/tags/").then(|| Reply::redirect(&to))
    });
    let (sandbox, app) = signed_in(&fake);
    component_request(&sandbox, &format!("{}/org/app:v1.0.0", fake.host()), &app.content);
    let words = ["--json", "outdated", "--request", "request.json"];
    run(&sandbox, &words).env("DOCKER_CONFIG", sandbox.root()).succeeds();
    assert_eq!(other.headers("authorization"), [None]);
}

#[cfg(target_os = "linux")]
#[test]
fn long_lists_of_tags_take_little_memory() {
    for (prefix, says) in [("1.", "more than 20000 tags"), ("x", "the list does not end")] {
        // Each page has 25,000 tags of 128 bytes, and there is always another one.
        let tags: Vec<_> =
            (1..=25_000).map(|nth| format!("{prefix}{nth:0>18}-{:a>100}", "")).collect();
        let body = json!({ "tags": tags }).to_string();
        let fake = Fake::with(Door::Open, move |request, _| {
            let (path, query) = request.path.split_once('?').unwrap_or((&request.path, "0"));
            let next = query.rsplit('=').next()?.parse::<u32>().ok()? + 1;
            let link = format!("<{path}?last={next}>; rel=\"next\"");
            let list = path.ends_with("/tags/list");
            list.then(|| Reply::json("200 OK", &body).header("Link", &link))
        });
        let sandbox = Sandbox::new();
        let mut list = "images:\n".to_owned();
        for name in ["a", "b", "c", "d"] {
            let tag = format!("1.0-{:a>100}", "");
            push(&fake, name, &tag, &component(name));
            let source = format!("{}/{name}:{tag}", fake.host());
            list += &format!("  - source: {source}\n    destination: r.corp/{name}:{tag}\n");
        }
        sandbox.write("mirror.yaml", list);
        let compare = run(&sandbox, &["--json", "outdated", "--images", "mirror.yaml"]);
        let found = with_memory_limit(compare).ends_with(4).json();
        for row in found["rows"].as_array().unwrap() {
            assert!(row["reason"].as_str().unwrap().contains(says), "{row:#}");
        }
    }
}

#[test]
fn a_moved_image_with_an_index_and_pins_without_a_version_are_told() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let bytes = component("app");
    push_as(&fake, "app", "latest", &bytes, &manifest(&bytes, "application/wasm"));
    let host = fake.host();
    let list =
        format!("images:\n  - source: {host}/app:latest\n    destination: r.corp/app:latest\n");
    sandbox.write("mirror.yaml", list);
    // Without a digest, `latest` says nothing.
    let found = compared(&sandbox, &["--images", "mirror.yaml"], 3);
    assert!(row(&found, "image")["reason"].as_str().unwrap().contains("neither"), "{found:#}");
    run(&sandbox, &["mirror", "lock"]).succeeds();
    let found = compared(&sandbox, &["--images", "mirror.yaml"], 0);
    assert_eq!(row(&found, "image")["status"], "current", "{found:#}");
    push(&fake, "app", "latest", &component("other"));
    let found = compared(&sandbox, &["--images", "mirror.yaml"], 0);
    let moved = row(&found, "image");
    assert_eq!((&moved["status"], &moved["change"]), (&json!("moved"), &json!("")), "{moved:#}");
    assert_eq!(moved["fix"], "wasm-airgap mirror lock --update");
    run(&sandbox, &["mirror", "lock", "--update"]).succeeds();
    let found = compared(&sandbox, &["--images", "mirror.yaml", "--exit-code"], 0);
    assert_eq!(row(&found, "image")["status"], "current", "{found:#}");
}

#[cfg(unix)]
#[test]
fn the_pins_of_a_workspace_come_from_bazel_and_from_its_files() {
    use std::os::unix::fs::PermissionsExt;
    let (sandbox, fake) = everything();
    let host = fake.host();
    let lock = format!(
        "version = 1\n\n[[packages]]\nname = \"my:api\"\nregistry = \"{host}\"\n\n\
         [[packages.versions]]\nrequirement = \"^1\"\nversion = \"1.0.0\"\ndigest = \"sha256:{}\"\n",
        sha256(&package("1.0.0"))
    );
    sandbox.write("wkg.lock", lock);
    sandbox.write("MODULE.bazel", "module(name = \"x\")\n");
    let root = sandbox.root().display().to_string();
    let attributes = json!([
        {"name": "registry", "stringValue": host}, {"name": "namespace", "stringValue": "org"},
        {"name": "component_name", "stringValue": "app"}, {"name": "tag", "stringValue": "v1.10.0"},
    ]);
    let lines = [
        json!({"sourceFile": {"location": format!("{root}/request.json:1:1")}}),
        json!({"rule": {"name": "//a:app", "ruleClass": "wasm_component_from_oci",
               "location": format!("{root}/a/BUILD.bazel:7:24"), "attribute": attributes}}),
    ];
    let answer = lines.map(|line| line.to_string()).join("\n");
    sandbox.write("answer", answer);
    let script = format!(
        "#!/bin/sh\necho \"$@\" > {root}/asked\necho > {root}/MODULE.bazel.lock\n/bin/cat {root}/answer\nexit 3\n"
    );
    let bazel = sandbox.write("bazel", script);
    std::fs::set_permissions(&bazel, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!(
        "[namespace_registries]\nmy = {{ registry = \"{host}\", metadata = {{ preferredProtocol = \
         \"oci\", oci = {{ registry = \"{host}\", namespacePrefix = \"wit/\" }} }} }}\n"
    );
    sandbox.write("wkg.toml", config);
    let words = ["--json", "outdated", "--bazel=bazel", "//a/..."];
    let found = run(&sandbox, &words).env("WKG_CONFIG_FILE", "wkg.toml").succeeds().json();
    is_valid(&found);
    let rows = found["rows"].as_array().unwrap();
    let files: Vec<_> = rows.iter().map(|row| row["file"].as_str().unwrap()).collect();
    for file in ["MODULE.bazel", "a/BUILD.bazel", "mirror.yaml", "wkg.lock"] {
        assert!(files.contains(&file), "{file} in {files:?}");
    }
    let rule = rows.iter().find(|row| row["file"] == "a/BUILD.bazel").unwrap();
    assert_eq!((&rule["status"], &rule["line"]), (&json!("current"), &json!(7)), "{rule:#}");
    let locked = rows.iter().find(|row| row["file"] == "wkg.lock").unwrap();
    let facts = (&locked["newest"], &locked["fix"]);
    assert_eq!(facts, (&json!("1.1.0"), &json!("wkg wit update")), "{locked:#}");
    assert!(!sandbox.path("MODULE.bazel.lock").exists());
    let asked = sandbox.read("asked");
    assert!(asked.starts_with("query --keep_going") && asked.contains("//a/..."), "{asked}");

    // Offline, Bazel is told so; a Bazel that fails hides no other pin.
    sandbox.write("answer", "");
    let found = compared(&sandbox, &["--bazel=bazel", "--offline"], 1);
    assert!(sandbox.read("asked").contains("--repository_disable_download"));
    assert!(found["not_looked_up"].to_string().contains("MODULE.bazel"), "{found:#}");
    assert_eq!(found["rows"].as_array().unwrap().len(), 2, "{found:#}");
}

#[cfg(unix)]
#[test]
fn locks_and_lists_that_are_not_files_are_named() {
    let (sandbox, _fake) = everything();
    let pipe = |path: &std::path::Path| {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    let folder = |path: &std::path::Path| std::fs::create_dir(path).unwrap();
    let link = |path: &std::path::Path| std::os::unix::fs::symlink("none", path).unwrap();
    let kinds: [&dyn Fn(&std::path::Path); 3] = [&pipe, &folder, &link];
    for name in ["wit.lock", "wkg.lock", "mirror.yaml", "mirror.lock", "MODULE.bazel"] {
        let path = sandbox.path(name);
        let saved = std::fs::read(&path).ok();
        for make in kinds {
            std::fs::remove_file(&path).ok();
            make(&path);
            let output = run(&sandbox, &["--json", "outdated", "--bazel=none"]).command.output();
            let output = output.unwrap();
            let found: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert!(!output.status.success(), "{name}: {found:#}");
            let named = found["not_looked_up"].to_string();
            let list = if name == "mirror.lock" { "mirror.yaml" } else { name };
            assert!(named.contains(&format!("the pins in {list}")), "{name}: {found:#}");
            std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir(&path)).unwrap();
        }
        if let Some(saved) = saved {
            std::fs::write(&path, saved).unwrap();
        }
    }
}

#[test]
fn a_folder_without_pins_is_refused() {
    let sandbox = Sandbox::new();
    run(&sandbox, &["outdated"]).ends_with(2).says(&["no pins", "--request"]);
}

/// Renovate's own validator needs a large installation, so the rules for a custom manager are
/// checked here.
#[test]
fn the_example_for_renovate_uses_the_fields_of_the_schema() {
    let (config, schema) =
        (manual("guides/renovate.json"), manual("reference/outdated.schema.json"));
    let row = &schema["properties"]["rows"]["items"]["properties"];
    let datasources = config["customDatasources"].as_object().unwrap();
    for datasource in datasources.values() {
        assert_eq!(datasource["format"], "json");
        let template = datasource["transformTemplates"][0].as_str().unwrap();
        assert!(template.contains("'{{{packageName}}}'"), "{template}");
        let fields = ["kind", "name", "newest", "newest_digest", "newer"];
        let words: Vec<_> = template.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let known = ["releases", "rows", "packageName", "version", "digest", "and", "null"];
        let functions = ["substringAfter", "exists", "sha256"];
        for word in words.iter().filter(|word| !word.is_empty()) {
            let is_field = fields.contains(word) && row.get(word).is_some();
            let is_known = known.contains(word) || functions.contains(word);
            assert!(is_field || is_known, "{word} in {template}");
        }
    }
    let kinds = row["kind"]["enum"].as_array().unwrap();
    for manager in config["customManagers"].as_array().unwrap() {
        assert_eq!(manager["customType"], "regex");
        assert!(manager["managerFilePatterns"][0].as_str().unwrap().starts_with('/'));
        let source = manager["datasourceTemplate"].as_str().unwrap();
        let name = source.strip_prefix("custom.").unwrap();
        assert!(datasources.contains_key(name), "{source}");
        let matched = manager["matchStrings"][0].as_str().unwrap();
        for group in ["(?<depName>", "(?<currentValue>"] {
            assert!(matched.contains(group), "{group} in {matched}");
        }
        assert_eq!(matched.contains("(?<currentDigest>"), name.ends_with("digests"), "{matched}");
        let package = manager["packageNameTemplate"].as_str().unwrap();
        let (kind, rest) = package.split_once(':').unwrap();
        assert!(kinds.contains(&json!(kind)) && rest == "{{{depName}}}", "{package}");
    }
}

/// Splits a command as a shell does.
#[cfg(unix)]
fn words_of(command: &str) -> Vec<String> {
    let script = format!("for word in {command}; do printf '%s\\n' \"$word\"; done");
    let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[cfg(unix)]
#[test]
fn printed_commands_quote_the_names_of_files() {
    let (sandbox, _fake) = everything();
    let (list, lock) = ("the team's $(images) list.yaml", "a \"lock\".lock");
    std::fs::rename(sandbox.path("mirror.yaml"), sandbox.path(list)).unwrap();
    std::fs::rename(sandbox.path("mirror.lock"), sandbox.path(lock)).unwrap();
    let found = compared(&sandbox, &["--images", list, "--images-lock", lock], 0);
    let fix = row(&found, "image")["fix"].as_str().unwrap();
    let words = words_of(fix);
    assert_eq!(words[..3], ["wasm-airgap", "mirror", "lock"], "{fix}");
    assert!(
        words.iter().any(|word| word == list) && words.iter().any(|word| word == lock),
        "{fix}"
    );
    let words: Vec<_> = words[1..].iter().map(String::as_str).collect();
    run(&sandbox, &words).succeeds();
}
