//! The `wit.lock` that rules_wasm_component writes, which is not a lock of this program.
//!
//! It has a table `[wasi:cli@0.2.6]` for each package, which is not TOML, with a hash that depends
//! on the paths of the files, and no dependencies.

use std::path::Path;

use airgap_core::error::Error;
use airgap_core::package::PackageId;
use airgap_core::shell;

/// The most packages in the command of a message.
const MOST_PACKAGES: usize = 50;

/// Returns the packages of such a lock; `None` if the text is not one.
pub(super) fn packages(text: &str) -> Option<Vec<PackageId>> {
    let names = text.lines().filter_map(|line| line.trim().strip_prefix('[')?.strip_suffix(']'));
    let names: Vec<_> = names.take(MOST_PACKAGES).collect();
    let packages: Result<Vec<PackageId>, _> = names.iter().map(|name| name.parse()).collect();
    packages.ok().filter(|packages| !packages.is_empty())
}

/// Returns the error for such a lock, with the commands that write one of this program.
pub(super) fn refusal(origin: &str, packages: &[PackageId]) -> Error {
    let file = shell::path(Path::new(origin));
    let packages = shell::words(packages);
    Error::usage(format!("`{origin}` is a lock of rules_wasm_component"))
        .fact("expected", "a lock in TOML, with `version` and `[[packages]]`")
        .fact("found", "a table for each package, which is not TOML")
        .hint(format!(
            "its hashes cannot be checked; delete it and write a new one\nrm {file}\nwasm-airgap vendor wit \
             {packages} --lock-file {file} --output-dir vendor/wit"
        ))
        .hint("with a `wit_vendor_lock`, delete it and run the target `_generate`")
}

#[cfg(test)]
mod tests {
    use super::super::Lock;

    #[test]
    fn a_lock_of_rules_wasm_component_is_named_with_the_command_for_another() {
        let text = "\
# WIT Dependency Lock File
# Do not edit manually

[wasi:cli@0.2.6]
checksum = \"9fb313813d3409ad4cfae2f8c3c0b5eec76a3b0571386b15f05893223ee63618\"
path = \"vendor/wit/wasi-cli\"

[myorg:custom-api@1.0.0]
checksum = \"1\"
";
        let error = Lock::parse(text, "some dir/wit.lock").unwrap_err().to_string();
        for words in [
            "is a lock of rules_wasm_component",
            "not TOML",
            "rm 'some dir/wit.lock'",
            "wasm-airgap vendor wit wasi:cli@0.2.6 myorg:custom-api@1.0.0 --lock-file 'some dir/wit.lock'",
        ] {
            assert!(error.contains(words), "{words} is missing in\n{error}");
        }
        for text in ["[wasi:cli]\n", "[[packages]]\n", "[a]\n", "{\"packages\": []}"] {
            let error = Lock::parse(text, "wit.lock").unwrap_err().to_string();
            assert!(!error.contains("rules_wasm_component"), "{error}");
        }
    }
}
