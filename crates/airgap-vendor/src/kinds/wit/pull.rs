//! A package in an OCI registry, as wkg publishes it: an artifact with one layer, the `.wasm`.
//!
//! The layout is the CNCF's "Wasm OCI Artifact"; a version is a tag.

use semver::Version;

use crate::kinds::wasm_artifact::{Artifact, Expected};
use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::package::PackageId;
use airgap_core::report::Item;
use airgap_core::rooted::RootedPath;
use airgap_core::verify::Verified;
use airgap_oci::{Client, Repository};

const EXPECTED: Expected = Expected {
    what: "a WIT package",
    hint: "check the name of the package and the registry that serves it",
    accepts: |_| true,
};

/// The digest that a package must have, and its origin.
#[derive(Clone, Debug)]
pub(super) struct Pin {
    pub(super) digest: Digest,
    pub(super) from: String,
}

/// Downloads a package. Returns `None` if the registry does not have it.
///
/// # Errors
/// Integrity, if the version has other bytes than are pinned, or is not a package.
pub(super) fn package(
    client: &Client,
    repository: &Repository,
    package: &PackageId,
    pin: Option<&Pin>,
    destination: &RootedPath,
    item: &Item,
) -> Result<Option<Verified>> {
    let reference = repository.tagged(tag(&package.version)?);
    let layer = match Artifact::of(client, &reference, &EXPECTED) {
        Ok(artifact) => artifact.layer,
        Err(error) if error.kind() == ErrorKind::Unavailable => return Ok(None),
        Err(error) => return Err(error),
    };
    if let Some(pin) = pin.filter(|pin| pin.digest != layer.digest) {
        return Err(Error::integrity(format!(
            "`{reference}` is not the pinned {package}"
        ))
        .fact("expected", format!("sha256:{} ({})", pin.digest, pin.from))
        .fact("found", format!("sha256:{}", layer.digest))
        .hint("the version was published again, or its tag was moved; find out why")
        .hint(
            "to accept the present file, pin it: `sha256` in the rule, or `--update` for the lock",
        ));
    }
    client.blob(repository, &layer, destination, item).map(Some)
}

/// Returns the digest of the file that a registry serves for a package.
///
/// # Errors
/// Unavailable, if the registry does not have it; integrity, if it is not a package.
pub(super) fn digest(
    client: &Client,
    repository: &Repository,
    package: &PackageId,
) -> Result<Digest> {
    let reference = repository.tagged(tag(&package.version)?);
    Artifact::of(client, &reference, &EXPECTED).map(|artifact| artifact.layer.digest)
}

/// Returns the versions in a repository: the tags that are semantic versions, in ascending order.
pub(super) fn versions(client: &Client, repository: &Repository) -> Result<Vec<Version>> {
    let tags = match client.tags(repository) {
        Ok(tags) => tags,
        Err(error) if error.kind() == ErrorKind::Unavailable => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut versions: Vec<Version> =
        tags.iter().filter_map(|tag| tag.replace('_', "+").parse().ok()).collect();
    versions.sort();
    Ok(versions)
}

/// Returns the tag of a version. A tag cannot contain a plus, so it is an underscore there, as in
/// Helm's charts.
fn tag(version: &Version) -> Result<airgap_oci::Tag> {
    version.to_string().replace('+', "_").parse().map_err(Error::usage)
}
