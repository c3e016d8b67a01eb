//! Packages as WIT names them: with a version or without one.

use std::fmt;

use semver::Version;
use serde::{Serialize, Serializer};

use airgap_core::error::{Error, Result};
use airgap_core::package::{PackageId, PackageName};

/// A package as WIT text declares or uses it: `wasi:http@0.2.6`, or `local:shapes`.
///
/// A package that is only used by its neighbours needs no version; one that is published or
/// vendored does, and is a [`PackageId`]. A use without a version means a package without one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeclaredPackage {
    /// The package.
    pub name: PackageName,
    /// The version, if one is written.
    pub version: Option<Version>,
}

impl DeclaredPackage {
    /// Returns the package with its version, if it has one.
    pub fn id(&self) -> Option<PackageId> {
        let version = self.version.clone()?;
        Some(PackageId { name: self.name.clone(), version })
    }

    /// Returns `wasi-http-0.2.6`, or `local-shapes`: the name of its folder among the dependencies
    /// of another package.
    pub fn folder(&self) -> String {
        match &self.version {
            Some(version) => format!("{}-{version}", self.name.hyphened()),
            None => self.name.hyphened(),
        }
    }

    /// Converts the parser's name. `origin` is the file it was read from, for messages.
    pub(super) fn from_parser(
        name: &wit_parser::PackageName,
        origin: &str,
    ) -> Result<DeclaredPackage> {
        let parsed = format!("{}:{}", name.namespace, name.name).parse();
        let parsed = parsed.map_err(|problem: String| {
            Error::integrity(format!("`{origin}` has a package name that registries do not accept"))
                .because(problem)
        })?;
        Ok(DeclaredPackage { name: parsed, version: name.version.clone() })
    }
}

impl From<PackageId> for DeclaredPackage {
    fn from(id: PackageId) -> DeclaredPackage {
        DeclaredPackage { name: id.name, version: Some(id.version) }
    }
}

impl fmt::Display for DeclaredPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => f.pad(&format!("{}@{version}", self.name)),
            None => self.name.fmt(f),
        }
    }
}

impl Serialize for DeclaredPackage {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
