//! The lock as TOML.

use std::collections::BTreeMap;
use std::fmt::Write;

use semver::{Version, VersionReq};
use serde::Deserialize;

use super::{Lock, Locked, foreign};
use airgap_core::bounded;
use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::package::{PackageId, PackageName};

/// The version of wkg's format.
const VERSION: u64 = 1;

/// The version of the additions. A lock without it was written by wkg.
const AIRGAP_VERSION: u64 = 1;

const HEADER: &str = "\
# Written by `wasm-airgap vendor wit`, or by the `_generate` target of a `wit_vendor_lock`; run it
# again instead of editing this file.
# `digest` is the SHA-256 of the published file, `tree` that of the list of its .wit files.
";

/// The fields that are read first, as the rest of a newer format may differ.
#[derive(Deserialize)]
struct Versions {
    version: u64,
    #[serde(default)]
    airgap_version: u64,
}

#[derive(Deserialize)]
struct LockFile {
    #[serde(alias = "package", default)]
    packages: Vec<LockedPackage>,
}

#[derive(Deserialize)]
struct LockedPackage {
    name: PackageName,
    registry: Option<String>,
    #[serde(alias = "version", default)]
    versions: Vec<LockedVersion>,
}

#[derive(Deserialize)]
struct LockedVersion {
    requirement: Requirement,
    version: Version,
    digest: Digest,
    url: Option<String>,
    path: Option<String>,
    tree: Option<Digest>,
    #[serde(default)]
    dependencies: Vec<PackageId>,
}

/// A requirement as it is written. The parsed one has no build metadata, and would be written
/// differently from what was read.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Requirement(String);

impl TryFrom<String> for Requirement {
    type Error = semver::Error;

    fn try_from(text: String) -> std::result::Result<Requirement, semver::Error> {
        text.parse::<VersionReq>()?;
        Ok(Requirement(text))
    }
}

pub(super) fn read(text: &str, origin: &str) -> Result<Vec<Locked>> {
    let refuse = |problem: &str| {
        Error::usage(format!("`{origin}` is not a lock of WIT packages"))
            .because(problem)
            .hint("correct it, or delete it and vendor again")
    };
    if let Some(packages) = foreign::packages(text) {
        return Err(foreign::refusal(origin, &packages));
    }
    bounded::check_toml(text).map_err(|problem| refuse(&problem))?;
    let refuse = |error: toml::de::Error| refuse(error.to_string().trim_end());
    let versions: Versions = toml::from_str(text).map_err(refuse)?;
    check("version", versions.version, VERSION..=VERSION, origin)?;
    check("airgap_version", versions.airgap_version, 0..=AIRGAP_VERSION, origin)?;
    let file: LockFile = toml::from_str(text).map_err(refuse)?;
    Ok(file.packages.into_iter().flat_map(LockedPackage::flat).collect())
}

fn check(name: &str, found: u64, known: std::ops::RangeInclusive<u64>, origin: &str) -> Result<()> {
    if known.contains(&found) {
        return Ok(());
    }
    Err(Error::usage(format!("the lock `{origin}` has an unknown format"))
        .fact("expected", format!("{name} = {}", known.end()))
        .fact("found", format!("{name} = {found}"))
        .hint("it was written by a newer program; use that one"))
}

impl LockedPackage {
    fn flat(self) -> impl Iterator<Item = Locked> {
        let LockedPackage { name, registry, versions } = self;
        versions.into_iter().map(move |it| Locked {
            package: PackageId { name: name.clone(), version: it.version },
            requirement: it.requirement.0,
            registry: registry.clone(),
            url: it.url,
            digest: it.digest,
            path: it.path,
            tree: it.tree,
            dependencies: it.dependencies,
        })
    }
}

pub(super) fn write(lock: &Lock) -> String {
    let mut out = format!("{HEADER}version = {VERSION}\nairgap_version = {AIRGAP_VERSION}\n");
    // Wkg reads the packages into a set by name and registry, and would lose one of two tables.
    let mut groups: BTreeMap<_, Vec<&Locked>> = BTreeMap::new();
    for locked in &lock.packages {
        groups.entry((&locked.package.name, &locked.registry)).or_default().push(locked);
    }
    if groups.is_empty() {
        out.push_str("packages = []\n");
    }
    for ((name, registry), versions) in groups {
        let _ = write!(out, "\n[[packages]]\nname = {}\n", quoted(name));
        if let Some(registry) = registry {
            let _ = writeln!(out, "registry = {}", quoted(registry));
        }
        for locked in versions {
            write_version(locked, &mut out);
        }
    }
    out
}

fn write_version(locked: &Locked, out: &mut String) {
    let Locked { package, requirement, digest, url, path, tree, dependencies, .. } = locked;
    let mut line = |key: &str, value: String| {
        let _ = writeln!(out, "{key} = {value}");
    };
    line("\n[[packages.versions]]\nrequirement", quoted(requirement));
    line("version", quoted(&package.version));
    line("digest", format!("\"sha256:{digest}\""));
    if let Some(url) = url {
        line("url", quoted(url));
    }
    if let Some(path) = path {
        line("path", quoted(path));
    }
    if let Some(tree) = tree {
        line("tree", format!("\"sha256:{tree}\""));
    }
    match dependencies.as_slice() {
        [] => {}
        [one] => line("dependencies", format!("[{}]", quoted(one))),
        many => {
            let lines: String = many.iter().map(|it| format!("    {},\n", quoted(it))).collect();
            line("dependencies", format!("[\n{lines}]"));
        }
    }
}

/// Returns a TOML string.
fn quoted(text: &impl ToString) -> String {
    toml::Value::String(text.to_string()).to_string()
}
