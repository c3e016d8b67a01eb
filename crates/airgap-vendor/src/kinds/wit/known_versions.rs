//! The versions of a package at the places that may serve it.

use semver::Version;

use super::{folders, pull};
use crate::catalog::WitCatalog;
use crate::clients::{self, Clients};
use airgap_config::registries::{Source as Provider, SourceLocation};
use airgap_core::error::{Error, Result};
use airgap_core::package::{PackageId, PackageName};
use airgap_core::suggest;

/// The lists of versions that this machine can see.
pub(super) struct KnownVersions<'a> {
    /// The clients that list the versions in registries.
    pub(super) clients: &'a Clients,
    /// The versions that are published as archives.
    pub(super) catalog: &'a WitCatalog,
}

impl KnownVersions<'_> {
    /// Returns the versions of a package at a provider, in ascending order.
    ///
    /// # Errors
    /// Unavailable, if offline; network, if the registry fails.
    pub(super) fn at(&self, provider: &Provider, package: &PackageName) -> Result<Vec<Version>> {
        match &provider.place {
            SourceLocation::Path(_) => Ok(Vec::new()),
            SourceLocation::Versions(folder) => Ok(folders::versions(folder)),
            SourceLocation::Oci { registry, repository } => {
                let doing = || format!("list the versions of {package} at {registry}");
                let client = self.clients.oci(doing)?;
                pull::versions(client, &clients::repository(registry, repository)?)
            }
        }
    }

    /// Adds the available versions to an error, or the nearest of them if there are many.
    pub(super) fn explain(&self, error: Error, sources: &[Provider], package: &PackageId) -> Error {
        let archived = self.catalog.archived_versions(&package.name);
        let archived = (!archived.is_empty()).then(|| ("pinned archives".to_owned(), archived));
        let at = sources.iter().map(|provider| {
            let versions = self.at(provider, &package.name).unwrap_or_default();
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

/// Returns versions for people.
pub(super) fn shown(versions: &[Version]) -> String {
    match versions {
        [] => "none".to_owned(),
        versions => versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}
