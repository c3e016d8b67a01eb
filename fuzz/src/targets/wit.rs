//! WIT packages in both forms, and components.

use std::fs;
use std::io::Cursor;

use airgap_wit::{Component, Files, Library, WitSource};
use serde_json::json;

use crate::{accepted, same_twice};

/// Parses the text of one or more `.wit` files of one package.
pub fn text(input: &[u8]) {
    let files = |input: &[u8]| -> Files {
        let parts = bundle(input);
        parts.into_iter().enumerate().map(|(n, it)| (format!("{n}.wit"), it)).collect()
    };
    let source = same_twice(|| WitSource::from_files(files(input), "origin"), tell);
    if let Some(source) = source {
        check_source(&source);
    }
}

/// Parses a published file: the binary format, or text.
pub fn binary(input: &[u8]) {
    let source = same_twice(|| WitSource::from_bytes(input.to_vec(), "a.wasm"), tell);
    let Some(source) = source else { return };
    check_source(&source);
    // All facts are read from the text, so the text alone must give the same package.
    let again = accepted(WitSource::from_files(source.files.clone(), "a"));
    let again = again.expect("the text of a package that was read is read again");
    assert_eq!(tell(&source), tell(&again), "the text says something else");
}

/// Parses a component.
pub fn component(input: &[u8]) {
    let read = || Component::read(Cursor::new(input), "a.wasm");
    let found = same_twice(read, |it| format!("{it:?} {:?}", it.world()));
    if let Some(found) = found {
        let most: usize = found.imports.iter().chain(&found.exports).map(String::len).sum();
        assert!(most <= input.len(), "more names than bytes");
    }
}

/// Checks a library: its own files, and those of a second one that it may use.
pub fn library(input: &[u8]) {
    let sandbox = tempfile::tempdir().expect("create a sandbox");
    let root = sandbox.path();
    let mut files = Vec::new();
    for (n, part) in bundle(input).into_iter().take(8).enumerate() {
        // The first two are the library's own; the others are bundled with it.
        let place = match n {
            0 | 1 => format!("{n}.wit"),
            _ => format!("deps/{n}/a.wit"),
        };
        let path = root.join(&place);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("create a folder");
        fs::write(&path, part).expect("write a source");
        files.push(json!({"path": path, "short_path": place}));
    }
    let request = json!({
        "schema_version": 1, "label": "//:a", "package": "", "interfaces": [], "srcs": files,
        "deps": [], "known": {},
    });
    let library = Library::parse(&request.to_string(), "request").expect("a valid request");
    let made = same_twice(
        || {
            let out = root.join("out");
            let made = library.make(&out);
            assert_eq!(made.is_ok(), out.exists(), "half a library, or none of a whole one");
            if out.exists() {
                fs::remove_dir_all(&out).expect("remove the library");
            }
            made
        },
        |made| format!("{} {:?} {:?}", made.package, made.deps, made.remarks),
    );
    drop(made);
}

/// Splits an input into files at lines of `===`.
fn bundle(input: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    for line in input.split_inclusive(|&byte| byte == b'\n') {
        match line {
            b"===\n" => parts.push(Vec::new()),
            _ => parts.last_mut().expect("there is one").extend(line),
        }
    }
    parts
}

fn tell(source: &WitSource) -> String {
    let WitSource { dependencies, unversioned, nested, interfaces, worlds, .. } = source;
    format!(
        "{} {dependencies:?} {unversioned:?} {nested:?} {interfaces:?} {worlds:?}",
        source.declared()
    )
}

fn check_source(source: &WitSource) {
    assert_eq!(source.declared().id(), accepted(source.id()), "two answers to one question");
    let folder = source.declared().folder();
    assert!(!folder.contains(['/', '\\']) && !folder.starts_with('.'), "the folder is {folder:?}");
    assert_eq!(source.tree_hash(), source.tree_hash());
    assert!(source.files.keys().all(|name| !name.contains('/')), "a file in a folder");
}
