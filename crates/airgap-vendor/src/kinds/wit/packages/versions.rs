//! Lists the versions of a package that this machine can see.

use semver::Version;

use super::Packages;
use crate::clients;
use crate::kinds::wit::known_versions::{self, KnownVersions};
use crate::kinds::wit::pull;
use airgap_config::registries::{Route, SourceLocation};
use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::package::{AllowedVersions, PackageId, PackageName, PackageRequest};

/// The versions of a package, with the place that has them.
#[derive(Clone, Debug, Default)]
pub struct Available {
    /// The versions.
    pub versions: Vec<Version>,
    /// The registry or folder that has them; `None` if they are pinned archives, or if no place has
    /// the package.
    pub registry: Option<String>,
}

impl Packages {
    /// Returns the package that a request selects: the highest available version that it allows.
    ///
    /// # Errors
    /// Unavailable, with the available versions, if none fits.
    pub fn newest(&self, request: &PackageRequest, rule: Option<&str>) -> Result<PackageId> {
        let rule = rule.or_else(|| self.registry_of(&request.name));
        let mut versions = self.available(&request.name, rule)?.versions;
        versions.sort();
        let fits = |version: &&Version| match &request.version {
            AllowedVersions::Exactly(wanted) => *version == wanted,
            AllowedVersions::Matching(range) => range.matches(version),
            AllowedVersions::Latest => version.pre.is_empty(),
        };
        match versions.iter().filter(fits).max() {
            Some(version) => Ok(PackageId { name: request.name.clone(), version: version.clone() }),
            None => Err(no_match(request, &versions)),
        }
    }

    pub(super) fn known_versions(&self) -> KnownVersions<'_> {
        KnownVersions { clients: &self.clients, catalog: &self.catalog }
    }

    /// Returns every version that this machine can see. `rule` is the registry that a rule or a
    /// tag in MODULE.bazel names for the package.
    ///
    /// # Errors
    /// Unavailable, if offline; usage, if no setting names a registry; network, if the registry
    /// fails.
    pub fn available(&self, package: &PackageName, rule: Option<&str>) -> Result<Available> {
        if self.prefers_archives(package, rule) {
            let versions = self.catalog.archived_versions(package);
            if !versions.is_empty() {
                return Ok(Available { versions, registry: None });
            }
        }
        let mut failure = None;
        for provider in &self.route(package, rule)?.sources {
            match self.known_versions().at(provider, package) {
                Ok(versions) if versions.is_empty() => {}
                Ok(versions) => {
                    return Ok(Available { versions, registry: Some(provider.to_string()) });
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(Available::default()),
        }
    }

    /// Returns the digest of the file that a registry serves now for a package, or that of its
    /// pinned archive; `None` if a folder serves it. Downloads the manifest only.
    ///
    /// # Errors
    /// Unavailable, if offline or if no registry has the version; network, if a registry fails.
    pub fn served(&self, package: &PackageId, rule: Option<&str>) -> Result<Option<Digest>> {
        if self.prefers_archives(&package.name, rule)
            && let Some(archive) = self.catalog.archive(package)
        {
            return Ok(Some(archive.archive.sha256));
        }
        let mut failure = None;
        for provider in &self.route(&package.name, rule)?.sources {
            let SourceLocation::Oci { registry, repository } = &provider.place else { continue };
            let client = self.clients.oci(|| format!("read the digest of {package}"))?;
            match pull::digest(client, &clients::repository(registry, repository)?, package) {
                Ok(digest) => return Ok(Some(digest)),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(None), Err)
    }

    /// Returns whether pinned archives come before registries.
    fn prefers_archives(&self, package: &PackageName, rule: Option<&str>) -> bool {
        let configured = self.clients.registries().is_configured_for(package);
        rule.is_none() && (self.archives_first || !configured)
    }

    fn route(&self, package: &PackageName, rule: Option<&str>) -> Result<Route> {
        match self.policy().is_offline() {
            true => self.clients.registries().route(package, rule),
            false => self.clients.registries().route_online(package, rule, self.clients.http()?),
        }
    }
}

/// Returns the error for a request that no available version fits.
fn no_match(request: &PackageRequest, versions: &[Version]) -> Error {
    let name = &request.name;
    let statement = format!("no version of {name} matches `{request}`");
    let error = Error::new(ErrorKind::Unavailable, statement)
        .fact("versions", format!("{} of {name}", known_versions::shown(versions)));
    match versions.last() {
        Some(highest) => error.hint(format!("request one of these, as in `{name}@{highest}`")),
        None => error,
    }
}
