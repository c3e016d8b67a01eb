//! The version of this module is the same in all files that name it.

use std::fs;
use std::path::Path;

use crate::release::VERSION;

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// The texts before a version of this module.
const BEFORE: [&str; 3] = [
    "bazel_dep(name = \"rules_wasm_airgap\", version = \"",
    "--tag v",
    "name = \"rules_wasm_airgap\",\n    version = \"",
];

#[test]
fn documents_and_examples_name_the_version_of_the_module() {
    let mut named = 0;
    let folders = ["docs", "examples", "README.md", "MODULE.bazel"];
    for folder in folders.map(|it| Path::new(REPOSITORY).join(it)) {
        let entries = walkdir::WalkDir::new(folder).into_iter();
        let entries = entries.filter_entry(|it| it.path_is_symlink() || !is_output(it));
        for entry in entries.flatten().filter(|it| it.file_type().is_file()) {
            let Ok(text) = fs::read_to_string(entry.path()) else { continue };
            for before in BEFORE {
                for rest in text.split(before).skip(1) {
                    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap();
                    assert_eq!(&rest[..end], VERSION, "{}", entry.path().display());
                    named += 1;
                }
            }
        }
    }
    assert!(named >= 7, "only {named} places");
}

/// Returns whether this is a folder that Bazel made.
fn is_output(entry: &walkdir::DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with("bazel-")
}
