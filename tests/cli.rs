//! The program as a user runs it: arguments in; files, text and exit codes out.

// Tests create their own folders.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "the tests of extraction use more of it")]
#[path = "support/archives.rs"]
mod archives;
#[path = "support/bundles.rs"]
mod bundles;
#[path = "support/golden.rs"]
mod golden;
#[path = "support/sandbox.rs"]
mod sandbox;
#[path = "support/server.rs"]
mod server;

#[path = "cli/bundle.rs"]
mod bundle;
#[path = "cli/bundle_refused.rs"]
mod bundle_refused;
#[path = "cli/config.rs"]
mod config;
#[cfg(target_os = "linux")]
#[path = "cli/doctor.rs"]
mod doctor;
#[path = "cli/emit.rs"]
mod emit;
#[cfg(all(unix, feature = "operations"))]
#[path = "cli/examples.rs"]
mod examples;
#[path = "cli/extract.rs"]
mod extract;
#[cfg(target_os = "linux")]
#[path = "cli/foreign.rs"]
mod foreign;
#[path = "cli/hints.rs"]
mod hints;
#[path = "cli/import.rs"]
mod import;
#[path = "cli/interrupted.rs"]
mod interrupted;
#[cfg(target_os = "linux")]
#[path = "cli/limits.rs"]
mod limits;
#[path = "cli/links.rs"]
mod links;
#[cfg(target_os = "linux")]
#[path = "support/memory_limit.rs"]
mod memory_limit;
#[path = "cli/mirror.rs"]
mod mirror;
#[path = "cli/mirror_list.rs"]
mod mirror_list;
#[path = "cli/mirror_policy.rs"]
mod mirror_policy;
#[cfg(target_os = "linux")]
#[path = "cli/output.rs"]
mod output;
#[path = "cli/pin.rs"]
mod pin;
#[path = "cli/plan.rs"]
mod plan;
#[path = "cli/prune.rs"]
mod prune;
#[path = "cli/registry.rs"]
mod registry;
#[cfg(unix)]
#[path = "cli/sbom.rs"]
mod sbom;
#[path = "cli/vendor.rs"]
mod vendor;
#[path = "cli/verify.rs"]
mod verify;
#[path = "cli/workspace.rs"]
mod workspace;

use sandbox::{Sandbox, sha256};

/// Writes a registry file for each of these contents, for invented tools `a`, `b`, ... in version
/// 1.0. Upstream is `{base}/{tool}-linux.tar.gz`.
fn registry_files(sandbox: &Sandbox, base: &str, contents: &[&[u8]]) -> Vec<String> {
    let mut arguments = Vec::new();
    for (content, letter) in contents.iter().zip('a'..) {
        let file = format!("{letter}.json");
        let registry = serde_json::json!({
            "schema_version": 1, "tool": letter.to_string(), "latest": "1.0",
            "versions": {"1.0": {"linux_amd64": {
                "url": format!("{base}/{letter}-linux.tar.gz"),
                "sha256": sha256(content), "archive": "tar.gz",
            }}},
        });
        sandbox.write(&file, registry.to_string());
        arguments.extend([
            format!("--registry={file}"),
            format!("--tool={letter}"),
            "--platform=linux_amd64".to_owned(),
        ]);
    }
    arguments
}

/// Returns the command line of `vendor toolchains` for these registry files.
fn vendor_words<'a>(files: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["vendor", "toolchains"];
    words.extend(files.iter().map(String::as_str).filter(|word| !word.is_empty()));
    words.extend(more);
    let mut seen = std::collections::HashSet::new();
    words.retain(|word| seen.insert(*word));
    words
}
