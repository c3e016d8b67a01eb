//! The registry files: the built-in ones against their schema, and a user's with errors in them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::golden::compare;
use crate::sandbox::Sandbox;

fn read(path: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("checksums").join(path);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Validates a file in checksums against its JSON schema, with an independent validator.
#[track_caller]
fn validate(schema: &str, document: &Value) -> Result<(), String> {
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("schema.json", read(schema)).unwrap();
    let index = compiler.compile("schema.json", &mut schemas).unwrap();
    schemas.validate(document, index).map_err(|error| error.to_string())
}

#[test]
fn every_builtin_file_is_valid() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("checksums/tools");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(tool) = name.strip_suffix(".json") {
            let file = read(&format!("tools/{name}"));
            validate("tool.schema.json", &file).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(file["tool"], tool);
            count += 1;
        }
    }
    assert_eq!(count, 21);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("checksums/wit");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(package) = name.strip_suffix(".json") {
            let file = read(&format!("wit/{name}"));
            validate("wit.schema.json", &file).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(file["package"].as_str().unwrap().replace(':', "-"), package);
            count += 1;
        }
    }
    assert_eq!(count, 12);
    validate("bundles.schema.json", &read("bundles.json")).unwrap();
}

#[test]
fn the_schema_and_the_program_refuse_the_same_files() {
    let good = read("tools/wac.json");
    let sandbox = Sandbox::new();
    for (field, value) in [
        ("sha256", Value::Null),
        ("sha256", "abc".into()),
        ("url", "ftp://x/y".into()),
        ("archive", "rar".into()),
        ("extra", 1.into()),
    ] {
        let mut bad = good.clone();
        let object = bad["versions"]["0.9.0"]["linux_amd64"].as_object_mut().unwrap();
        object.insert(field.to_owned(), value);
        assert!(validate("tool.schema.json", &bad).is_err(), "{field}");
        sandbox.write("bad.json", bad.to_string());
        sandbox
            .run(&["plan", "--registry=bad.json", "--tool=wac"])
            .ends_with(2)
            .says(&["bad.json` is not valid"]);
    }
}

/// Compares the Starlark table with the files: a WORKSPACE macro cannot read JSON.
#[test]
fn the_starlark_table_matches_the_registry_files() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("checksums/wit");
    let mut archives = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".json") {
            let file = read(&format!("wit/{name}"));
            for (version, published) in file["versions"].as_object().unwrap() {
                let package = file["package"].as_str().unwrap();
                if published.get("archive").is_some() {
                    let version: semver::Version = version.parse().unwrap();
                    archives.insert((package.to_owned(), version), published.clone());
                }
            }
        }
    }
    let mut text = String::from(
        "\"\"\"The WASI packages of `checksums/wit` as Starlark: a WORKSPACE macro cannot read JSON.

Written by a test from those files: `BLESS=1 cargo test --test cli registry`.
\"\"\"

# Package -> what the helper's request says of it.
WASI_WIT = {
",
    );
    for ((package, version), published) in archives {
        let package = format!("{package}@{version}");
        text.push_str(&format!("    \"{package}\": {{\n        \"archive\": {{\n"));
        let mut fields: Vec<_> = published["archive"].as_object().unwrap().iter().collect();
        fields.sort_by_key(|(name, _)| *name);
        for (name, value) in fields {
            text.push_str(&format!("            \"{name}\": {value},\n"));
        }
        text.push_str(&format!("        }},\n        \"package\": \"{package}\",\n"));
        for field in ["tree", "wit_dir"] {
            if let Some(value) = published.get(field) {
                text.push_str(&format!("        \"{field}\": {value},\n"));
            }
        }
        text.push_str("    },\n");
    }
    text.push_str("}\n");
    compare("bazel/private/wasi_table.bzl", &text);
}
