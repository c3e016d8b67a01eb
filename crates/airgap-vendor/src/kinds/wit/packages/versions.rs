//! Lists the versions of a package that this machine can see.

use semver::Version;

use super::Packages;
use crate::kinds::wit::known_versions::{self, KnownVersions};
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::package::{AllowedVersions, PackageId, PackageName, PackageRequest};

impl Packages {
    /// Returns the package that a request selects: the highest available version that it allows.
    ///
    /// # Errors
    /// Unavailable, with the available versions, if none fits.
    pub fn newest(&self, request: &PackageRequest, rule: Option<&str>) -> Result<PackageId> {
        let rule = rule.or_else(|| self.registry_of(&request.name));
        let mut versions = self.versions(&request.name, rule)?;
        versions.sort();
        let fits = |version: &&Version| match &request.version {
            AllowedVersions::Exactly(wanted) => *version == wanted,
            AllowedVersions::Matching(range) => range.matches(version),
            AllowedVersions::Latest => version.pre.is_empty(),
        };
        match versions.iter().filter(fits).max() {
            Some(version) => Ok(PackageId { name: request.name.clone(), version: version.clone() }),
            None => Err(Error::new(
                ErrorKind::Unavailable,
                format!("no version of {} matches `{request}`", request.name),
            )
            .fact("versions", format!("{} of {}", known_versions::shown(&versions), request.name))),
        }
    }

    pub(super) fn known_versions(&self) -> KnownVersions<'_> {
        KnownVersions { clients: &self.clients, catalog: &self.catalog }
    }

    /// Returns every version that this machine can see.
    fn versions(&self, package: &PackageName, rule: Option<&str>) -> Result<Vec<Version>> {
        let configured = self.clients.registries().is_configured_for(package);
        if rule.is_none() && (self.archives_first || !configured) {
            let archived = self.catalog.archived_versions(package);
            if !archived.is_empty() {
                return Ok(archived);
            }
        }
        let route = match self.policy().is_offline() {
            true => self.clients.registries().route(package, rule)?,
            false => self.clients.registries().route_online(package, rule, self.clients.http()?)?,
        };
        let mut failure = None;
        for provider in &route.sources {
            match self.known_versions().at(provider, package) {
                Ok(versions) if versions.is_empty() => {}
                Ok(versions) => return Ok(versions),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(Vec::new()),
        }
    }
}
