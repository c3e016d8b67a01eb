//! Lists the versions of a package that this machine can see.

use semver::Version;

use super::Sources;
use crate::packages::{folders, pull};
use crate::reach;
use airgap_config::registries::{Place, Source as Provider};
use airgap_core::error::{Error, Kind, Result};
use airgap_core::package::{PackageId, PackageName, PackageRequest, Wanted};
use airgap_core::suggest;

impl Sources {
    /// Returns the package that a request selects: the highest available version that it allows.
    ///
    /// # Errors
    /// Unavailable, with the available versions, if none fits.
    pub fn newest(&self, request: &PackageRequest, rule: Option<&str>) -> Result<PackageId> {
        let rule = rule.or_else(|| self.registry_of(&request.name));
        let mut versions = self.versions(&request.name, rule)?;
        versions.sort();
        let fits = |version: &&Version| match &request.version {
            Wanted::Exactly(wanted) => *version == wanted,
            Wanted::Matching(range) => range.matches(version),
            Wanted::Latest => version.pre.is_empty(),
        };
        match versions.iter().filter(fits).max() {
            Some(version) => Ok(PackageId { name: request.name.clone(), version: version.clone() }),
            None => Err(Error::new(
                Kind::Unavailable,
                format!("no version of {} fits `{request}`", request.name),
            )
            .fact("versions", format!("{} of {}", shown(&versions), request.name))),
        }
    }

    /// Returns every version that this machine can see.
    fn versions(&self, package: &PackageName, rule: Option<&str>) -> Result<Vec<Version>> {
        let configured = self.reach.registries().is_configured_for(package);
        if rule.is_none() && (self.archives_first || !configured) {
            let archived = self.pinned.archived_versions(package);
            if !archived.is_empty() {
                return Ok(archived);
            }
        }
        let route = match self.policy().is_offline() {
            true => self.reach.registries().route(package, rule)?,
            false => self.reach.registries().route_online(package, rule, self.reach.http()?)?,
        };
        let mut failure = None;
        for provider in &route.sources {
            match self.versions_at(provider, package) {
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

    fn versions_at(&self, provider: &Provider, package: &PackageName) -> Result<Vec<Version>> {
        match &provider.place {
            Place::Path(_) => Ok(Vec::new()),
            Place::Versions(folder) => Ok(folders::versions(folder)),
            Place::Oci { registry, repository } => {
                let what = || format!("list the versions of {package} at {registry}");
                let client = self.reach.oci(what)?;
                pull::versions(client, &reach::repository(registry, repository)?)
            }
        }
    }

    /// Adds the available versions to an error, or the nearest of them if there are many.
    pub(super) fn with_versions(
        &self,
        error: Error,
        sources: &[Provider],
        package: &PackageId,
    ) -> Error {
        let archived = self.pinned.archived_versions(&package.name);
        let archived = (!archived.is_empty()).then(|| ("pinned archives".to_owned(), archived));
        let at = sources.iter().map(|provider| {
            let versions = self.versions_at(provider, &package.name).unwrap_or_default();
            (provider.to_string(), versions)
        });
        let known = archived.into_iter().chain(at).filter(|(_, versions)| !versions.is_empty());
        known.fold(error, |error, (place, versions)| {
            let near = nearest(&package.version, versions);
            error.fact("versions", format!("{} of {}, in {place}", shown(&near), package.name))
        })
    }
}

/// Returns the versions that are like this one in ascending order; all of them if none is.
fn nearest(version: &Version, mut versions: Vec<Version>) -> Vec<Version> {
    let names: Vec<_> = versions.iter().map(ToString::to_string).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let near = suggest::nearest(&version.to_string(), &names);
    if !near.is_empty() {
        versions = near.iter().filter_map(|name| name.parse().ok()).collect();
    }
    versions.sort();
    versions.dedup();
    versions
}

fn shown(versions: &[Version]) -> String {
    match versions {
        [] => "none".to_owned(),
        versions => versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}
