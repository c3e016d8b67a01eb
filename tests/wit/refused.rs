//! Files that are not WIT packages, and the errors about them.

use std::fs::File;

use airgap_core::error::ErrorKind;
use airgap_wit::WitSource;

use crate::sandbox::Sandbox;

/// The text form is `(module)`.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// The text form is `(component)`.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

#[track_caller]
fn refused(bytes: &[u8], found: &str) {
    let error = WitSource::from_bytes(bytes.to_vec(), "lib/x.wasm").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
    let text = error.to_string();
    assert!(text.contains("lib/x.wasm") && text.contains(found), "{text}");
}

#[test]
fn other_files_are_named_by_their_kind() {
    refused(MODULE, "a core module");
    refused(COMPONENT, "a component");
    refused(b"\0asm\x0d\0", "cut short");
    refused(b"\0asm\x02\0\0\0", "unknown version 02000000");
    refused(b"\0asm\x0b\0\x01\0", "cannot be read as a WIT package");
    refused(&[0x1f, 0x8b, 8, 0, 0xff], "a gzip archive");
    refused(b"PK\x03\x04\xff\xff", "a zip archive");
    refused(b"\xff\xfe", "neither WebAssembly nor text, at byte 0");
    refused(b"<!DOCTYPE html><html>", "an HTML page");
    refused(b"{\"errors\": []}", "JSON");
    refused(b"(component)", "WebAssembly in its text format");
    refused(b" \n", "an empty file");
    refused(b"package a:b@1.0.0;\ninterface {}", "`lib/x.wasm:2:11` does not parse");
}

/// Checks a real component, with an import and an export, which has the same header as a package.
#[test]
fn a_component_is_not_a_wit_package() {
    let mut resolve = wit_parser::Resolve::default();
    let text = "package a:b; interface i { f: func(); } world w { import i; }";
    let package = resolve.push_str("x.wit", text).unwrap();
    let world = resolve.select_world(&[package], Some("w")).unwrap();
    let mut module = MODULE.to_vec();
    let encoding = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, encoding, false).unwrap();
    let encoded = wit_component::ComponentEncoder::default().module(&module).unwrap().encode();
    refused(&encoded.unwrap(), "a component");
}

/// Checks that damage gives an error with the file's name and never a panic.
#[test]
fn damaged_text_is_refused() {
    let whole = b"package a:b@1.0.0;\n/// x\ninterface i { @since(version = 1.0.0) resource r { constructor(a: list<u8>); } use c:d/e@0.1.0.{f as g}; }\nworld w { include x:y/z@2.0.0 with { k as l } }\n";
    assert!(WitSource::from_bytes(whole.to_vec(), "x").is_ok());
    for index in 0..whole.len() {
        let _ = WitSource::from_bytes(whole[..index].to_vec(), "x");
        for other in [0, b'{', b'}', b'@', b'.', b'%', b'/', b'-', b'9', b'\n', 0x80] {
            let mut bytes = whole.to_vec();
            bytes[index] = other;
            let _ = WitSource::from_bytes(bytes, "x");
        }
    }
}

#[test]
fn invalid_package_names_are_refused() {
    refused(b"package A:b@1.0.0;", "`A:b` is not the name of a WIT package");
    refused(b"package a:b@1.0.0;\nworld w { import X:y/z; }", "`X:y` is not the name");
}

#[test]
fn a_version_is_needed_only_where_it_is_asked_for() {
    let source = WitSource::from_bytes(b"package a:b;\n".to_vec(), "dir/a.wit").unwrap();
    assert_eq!(source.declared().to_string(), "a:b");
    let error = source.id().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let text = error.to_string();
    assert!(
        text.contains("a:b does not declare a version") && text.contains("dir/a.wit"),
        "{text}"
    );
    assert!(source.must_be(&"a:b@1.0.0".parse().unwrap(), "dir").is_err());
}

#[test]
fn files_over_the_size_limit_are_refused() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("huge.wasm");
    File::create(&path).unwrap().set_len(65 << 20).unwrap();
    let error = WitSource::from_unverified(&path).unwrap_err();
    assert!(error.to_string().contains("too large for a WIT package"), "{error}");
    // All files of a package share the limit.
    for name in ["wit/a.wit", "wit/b.wit"] {
        sandbox.write(name, "");
        File::options().write(true).open(sandbox.path(name)).unwrap().set_len(33 << 20).unwrap();
    }
    let error = WitSource::from_folder(&sandbox.path("wit")).unwrap_err();
    assert!(error.to_string().contains("too large for a WIT package"), "{error}");
}

#[test]
fn deeply_nested_types_are_refused() {
    for (open, close) in [("list<", ">"), ("tuple<", ">")] {
        let (open, close) = (open.repeat(100_000), close.repeat(100_000));
        let text = format!("package a:b; interface i {{ type t = {open}u8{close}; }}");
        refused(text.as_bytes(), "does not parse");
    }
}
