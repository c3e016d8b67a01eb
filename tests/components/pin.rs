//! `component pin`: the digests, the lines that use them, and the checksum registry.

use serde_json::{Value, json};

use crate::fake_registry::{Door, Fake};
use crate::sandbox::Sandbox;
use crate::{bytes, component, exporting, push, run};

/// Validates a file against a schema of the repository, with an independent validator.
fn validate(schema: &str, document: &Value) -> Result<(), String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("checksums").join(schema);
    let schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("schema.json", schema).unwrap();
    let index = compiler.compile("schema.json", &mut schemas).unwrap();
    schemas.validate(document, index).map_err(|error| error.to_string())
}

fn read(sandbox: &Sandbox, path: &str) -> Value {
    serde_json::from_str(&sandbox.read(path)).unwrap()
}

#[test]
fn pin_prints_both_digests_and_the_lines_that_use_them() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let app = push(&fake, "my-org/auth-service", "v1.2.0", &component("auth"));
    let name = format!("{}/my-org/auth-service", fake.host());
    let printed = run(&sandbox, &["component", "pin", &format!("{name}:v1.2.0")]).succeeds();
    for text in [
        format!("manifest  sha256:{}", app.manifest),
        format!("content   sha256:{}", app.content),
        format!(
            "\ncomponents = use_extension(\"@rules_wasm_airgap//bazel:components.bzl\", \
             \"wasm_components\")\n\
             components.oci(\n    name = \"auth_service\",\n    digest = \"sha256:{}\",\n    \
             reference = \"{name}:v1.2.0\",\n)\nuse_repo(components, \"auth_service\")\n",
            app.content
        ),
        format!(
            "\nload(\"@rules_wasm_airgap//wkg:defs.bzl\", \"wasm_component_from_oci\")\n\n\
             wasm_component_from_oci(\n    name = \"auth_service\",\n    \
             component_name = \"auth-service\",\n    digest = \"sha256:{}\",\n    \
             namespace = \"my-org\",\n    registry = \"{}\",\n)",
            app.content,
            fake.host()
        ),
    ] {
        assert!(printed.stdout.contains(&text), "{text} in {}", printed.stdout);
    }
    // A workspace may know the module by another name.
    let module = "bazel_dep(name = \"rules_wasm_airgap\", repo_name = \"wasm\")\n";
    let elsewhere = Sandbox::new();
    elsewhere.write("MODULE.bazel", module);
    let printed = run(&elsewhere, &["component", "pin", &format!("{name}:v1.2.0")]).succeeds();
    for line in ["use_extension(\"@wasm//bazel:components.bzl\"", "load(\"@wasm//wkg:defs.bzl\""] {
        assert!(printed.stdout.contains(line), "{}", printed.stdout);
    }
    let by_content = format!("{name}@sha256:{}", app.content);
    let json = run(&sandbox, &["--json", "component", "pin", &by_content]).succeeds().json();
    assert_eq!(json["manifest"], Value::Null);
    assert_eq!(json["exports"], json!(["my-org:auth/api@1.0.0"]));
    // The pin is of the registry's content, whatever is vendored.
    sandbox.write("vendor/components/auth-service.wasm", component("old"));
    run(&sandbox, &["component", "pin", &format!("{name}:v1.2.0")]).succeeds();
    run(&sandbox, &["--offline", "component", "pin", &format!("{name}:v1.2.0")]).ends_with(3);
    let wrong = format!("--digest=sha256:{}", "0".repeat(64));
    run(&sandbox, &["component", "pin", &format!("{name}:v1.2.0"), &wrong]).ends_with(3);
    assert_eq!(sandbox.tree(".").len(), 1);
}

#[test]
fn pin_writes_the_registry_files_and_twice_the_same() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let proxy = exporting(&["wasi:http/incoming-handler@0.2.6"], 10);
    let app = push(&fake, "my-org/auth-service", "v1.2.0", &proxy);
    let name = format!("{}/my-org/auth-service", fake.host());
    let pin = |reference: &str, more: &[&str]| {
        let words = ["component", "pin", reference, "--registry=checksums/components"];
        run(&sandbox, &[&words, more].concat())
    };
    pin(&format!("{name}:v1.2.0"), &[]).succeeds().says(&["auth-service@1.2.0", "registry.json"]);
    let (file, index) =
        ("checksums/components/auth-service.json", "checksums/components/registry.json");
    assert_eq!(
        read(&sandbox, file),
        json!({
            "schema_version": 1, "component_name": "auth-service", "reference": name,
            "versions": {"1.2.0": {
                "digest": format!("sha256:{}", app.content),
                "manifest_digest": format!("sha256:{}", app.manifest),
                "wit_world": "wasi:http/proxy@0.2.6",
            }},
        })
    );
    let listed = json!({"auth-service": {"file": "auth-service.json"}});
    assert_eq!(read(&sandbox, index), json!({"schema_version": 1, "components": listed}));
    let before = sandbox.tree("checksums");
    pin(&format!("{name}:v1.2.0"), &[]).succeeds();
    assert_eq!(sandbox.tree("checksums"), before);

    // A pin detects a tag that was moved.
    let moved = push(&fake, "my-org/auth-service", "v1.2.0", &component("moved"));
    let again = || pin(&format!("{name}:v1.2.0"), &[]);
    let says = ["auth-service@1.2.0 is already pinned", &app.content, &moved.content, "--update"];
    again().ends_with(4).says(&says);
    assert_eq!(sandbox.tree("checksums"), before);
    pin(&format!("{name}:v1.2.0"), &["--update"]).succeeds();
    again().succeeds();
    let written = read(&sandbox, file)["versions"]["1.2.0"]["digest"].clone();
    assert_eq!(written, format!("sha256:{}", moved.content));
    push(&fake, "my-org/auth-service", "v1.2.0", &proxy);
    pin(&format!("{name}:v1.2.0"), &["--update"]).succeeds();
    assert_eq!(sandbox.tree("checksums"), before);

    // Another version from another repository, and another component.
    let next = push(&fake, "other/auth-service", "2", &component("next"));
    pin(&format!("{}/other/auth-service:2", fake.host()), &["--version=2.0.0"]).succeeds();
    push(&fake, "my-org/app", "v1", &component("app"));
    pin(&format!("{}/my-org/app:v1", fake.host()), &[]).succeeds();
    let json = read(&sandbox, file);
    let elsewhere = format!("{}/other/auth-service", fake.host());
    assert_eq!(json["versions"]["2.0.0"]["reference"], elsewhere);
    assert_eq!(json["versions"]["1.2.0"].get("reference"), None);
    let names: Vec<_> =
        read(&sandbox, index)["components"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["app", "auth-service"]);
    for (schema, path) in [("component.schema.json", file), ("components.schema.json", index)] {
        validate(schema, &read(&sandbox, path)).unwrap();
    }

    // By name and version: the digest and the place come from the checksum registry.
    for registry in [file, index] {
        let words =
            ["component", "pull", "auth-service@2.0.0", "-o", "a.wasm", "--registry", registry];
        run(&sandbox, &words).succeeds().says(&[&next.content, "is the digest of the content"]);
        assert_eq!(bytes(&sandbox, "a.wasm"), component("next"));
        std::fs::remove_file(sandbox.path("a.wasm")).unwrap();
    }
    run(&sandbox, &["component", "pull", "auth-service@2.0.0", "-o", "a.wasm"])
        .ends_with(2)
        .says(&["with `--registry`", "in the attribute `registries` of a rule"]);
    let registry = format!("--registry={index}");
    let vendor =
        ["vendor", "components", "auth-service@1.2.0", "--output-dir=vendor/components", &registry];
    run(&sandbox, &vendor).succeeds();
    let fetch = ["component", "fetch", "--reference=auth-service@1.2.0", &registry, "b.wasm"];
    run(&sandbox, &fetch).env("BAZEL_WASM_OFFLINE", "1").succeeds();
    assert_eq!(bytes(&sandbox, "b.wasm"), proxy);
}

#[test]
fn a_registry_without_references_serves_vendored_files_only() {
    let sandbox = Sandbox::new();
    let app = component("app");
    let guide = json!({
        "component_name": "wasi-http-proxy",
        "versions": {"0.2.6": {
            "digest": format!("sha256:{}", crate::sha256(&app)),
            "wit_world": "wasi:http/proxy@0.2.6",
        }},
    });
    validate("component.schema.json", &guide).unwrap();
    sandbox.write("p.json", guide.to_string());
    let words =
        ["component", "fetch", "--reference=wasi-http-proxy@0.2.6", "--registry=p.json", "a.wasm"];
    run(&sandbox, &words).ends_with(3).says(&["has no `reference`", "vendor/components"]);
    sandbox.write("vendor/components/wasi-http-proxy.wasm", &app);
    run(&sandbox, &words).succeeds();
    assert_eq!(bytes(&sandbox, "a.wasm"), app);
}

#[test]
fn invalid_names_are_refused_before_any_request() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let app = push(&fake, "my-org/app", "v1", &component("app"));
    push(&fake, "my-org/registry", "v1", &component("reg"));
    let name = format!("{}/my-org/app", fake.host());
    let (tag, digest) = (format!("{name}:v1"), format!("{name}@sha256:{}", app.content));
    let list = format!("{}/my-org/registry:v1", fake.host());
    for (words, says) in [
        (vec![digest.as_str(), "--registry=r"], "--version"),
        (vec![&list, "--registry=r"], "cannot have the name `registry`"),
        (vec![&tag, "--registry=r", "--version=a/b"], "cannot be a name"),
    ] {
        run(&sandbox, &[&["component", "pin"], &words[..]].concat()).ends_with(2).says(&[says]);
    }
    assert!(fake.server.requests().is_empty());
    sandbox.write("r/app.json", r#"{"component_name": "other", "versions": {}}"#);
    run(&sandbox, &["component", "pin", &tag, "--registry=r/app.json"])
        .ends_with(2)
        .says(&["a registry file describes one component", "other"]);
    sandbox.write("r/app.json", "[]");
    run(&sandbox, &["component", "pin", &tag, "--registry=r"]).ends_with(2).says(&["app.json"]);
    assert_eq!(sandbox.tree("r").len(), 1);
}

#[test]
fn the_built_in_files_are_valid() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("checksums/components");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension() != Some("json".as_ref()) {
            continue;
        }
        let schema = match path.file_name().unwrap().to_str().unwrap() {
            "registry.json" => "components.schema.json",
            _ => "component.schema.json",
        };
        let json = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        validate(schema, &json).unwrap();
    }
}
