//! Modules of a crate import in one direction: no file is in a cycle of imports.
//!
//! The compiler separates the crates; this test separates the modules within a crate. A parent may
//! use its children by their names, so only paths that begin with `crate` or `super` count.

// The test reads the sources.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A map from a module path, such as `chart::files`, to the modules that the module imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn modules_import_in_one_direction() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut crates = vec![root.join("src")];
    let folders = fs::read_dir(root.join("crates")).unwrap();
    crates.extend(folders.map(|folder| folder.unwrap().path().join("src")));
    for folder in crates {
        let imports = imports_of(&folder);
        assert!(!imports.is_empty(), "{} has no modules", folder.display());
        let cycle = find_cycle(&imports);
        assert_eq!(cycle, None, "{}: modules import each other", folder.display());
    }
}

#[test]
fn a_cycle_is_found() {
    let text = "use crate::{a::b, c::{self, X}};\nuse super::d;\n// use crate::e;\n";
    let module = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let modules: BTreeSet<String> = module(&["a::b", "c", "e", "x::d", "x::y"]);
    let found = imports_in(text, "x::y", &modules);
    assert_eq!(found, module(&["a::b", "c", "x::d"]));
    let imports = Imports::from([
        ("a".to_owned(), module(&["b"])),
        ("b".to_owned(), module(&["c"])),
        ("c".to_owned(), module(&["b"])),
    ]);
    assert_eq!(find_cycle(&imports).unwrap(), ["b", "c", "b"]);
}

fn imports_of(folder: &Path) -> Imports {
    let mut files = Vec::new();
    list(folder, &mut files);
    let name = |file: &Path| {
        let path = file.strip_prefix(folder).unwrap().with_extension("");
        path.iter().map(|part| part.to_str().unwrap()).collect::<Vec<_>>().join("::")
    };
    let modules: BTreeSet<_> = files.iter().map(|file| name(file)).collect();
    let import = |file: &PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        (name(file), imports_in(code, &name(file), &modules))
    };
    files.iter().map(import).collect()
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
}

/// Returns the modules to which the paths in a text lead.
fn imports_in(text: &str, module: &str, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code: String = lines.collect::<Vec<_>>().join(" ");
    let parents: Vec<&str> = module.split("::").collect();
    let mut found = BTreeSet::new();
    for (at, word) in code.match_indices("crate::").chain(code.match_indices("super::")) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':')) {
            continue;
        }
        let (mut base, mut rest) = (Vec::new(), &code[at..]);
        if word == "super::" {
            base = parents.clone();
            while let Some(after) = rest.strip_prefix("super::") {
                base.pop();
                rest = after;
            }
        } else {
            rest = &rest[word.len()..];
        }
        for path in paths(rest) {
            let path = [&base[..], &path.iter().map(String::as_str).collect::<Vec<_>>()].concat();
            let prefixes = (1..=path.len()).rev().map(|length| path[..length].join("::"));
            found.extend(prefixes.into_iter().find(|it| modules.contains(it)));
        }
    }
    found.remove(module);
    found
}

/// Returns the paths at the beginning of a text: `a::{b, c::D}` has two.
fn paths(text: &str) -> Vec<Vec<String>> {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        return members(group).into_iter().flat_map(paths).collect();
    }
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    let (name, rest) = (text[..end].to_owned(), &text[end..]);
    match rest.strip_prefix("::") {
        Some(rest) if !name.is_empty() => {
            let below = paths(rest).into_iter();
            below.map(|path| [vec![name.clone()], path].concat()).collect()
        }
        _ => vec![vec![name]],
    }
}

/// Returns the members of a group, up to the brace that ends it.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            ',' | '}' if depth == 0 => {
                found.push(&group[start..at]);
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    found
}

/// Returns the first cycle, with its first module at both ends.
fn find_cycle(imports: &Imports) -> Option<Vec<String>> {
    fn visit(
        module: &str,
        imports: &Imports,
        path: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = path.iter().position(|above| above == module) {
            return Some([&path[start..], &[module.to_owned()]].concat());
        }
        if !done.insert(module.to_owned()) {
            return None;
        }
        path.push(module.to_owned());
        let below = imports.get(module).into_iter().flatten();
        let found = below.into_iter().find_map(|next| visit(next, imports, path, done));
        path.pop();
        found
    }
    let mut done = BTreeSet::new();
    imports.keys().find_map(|module| visit(module, imports, &mut Vec::new(), &mut done))
}
