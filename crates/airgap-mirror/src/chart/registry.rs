//! A chart in an OCI registry, as `helm push` stores it.

use semver::Version;

use crate::copy::registry::{first_available, within};
use airgap_config::registries::Registries;
use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::report::Report;
use airgap_core::rooted::RootedPath;
use airgap_oci::{Client, Content, Reference, Repository, media_type};

/// The media type of a chart's layer, the `.tgz`.
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// A chart that was found.
pub struct PulledChart {
    /// Its reference.
    pub reference: Reference,
    /// The digest of its manifest.
    pub digest: Digest,
}

/// Downloads a chart's archive: by the tag or digest in the reference, in the given version, or in
/// the highest stable version. Uses the places that the settings name for the registry.
///
/// # Errors
/// Unavailable, if no place has it; integrity, if it is not a chart; usage, if the reference is not
/// valid or has another version.
pub fn pull(
    client: &Client,
    registries: &Registries,
    reference: &str,
    version: Option<&str>,
    destination: &RootedPath,
    report: &Report,
) -> Result<PulledChart> {
    let reference = Reference::parse(reference)?;
    let wanted = match (version, reference.digest(), reference.tag()) {
        (Some(version), None, None) => Some(reference.repository().tagged(tag(version)?)),
        (Some(version), _, Some(said)) if tag(version)? == *said => Some(reference.clone()),
        (Some(version), ..) => {
            return Err(Error::usage(format!(
                "`{reference}` and `--version {version}` are two versions"
            ))
            .hint("leave out one of them"));
        }
        (None, None, None) => None,
        (None, ..) => Some(reference.clone()),
    };
    let subject = format!("the chart `{reference}`");
    first_available(registries, reference.repository(), &subject, |place| {
        pull_from(client, place, wanted.as_ref(), &reference, destination, report)
    })
    .map(|(pulled, _)| pulled)
}

fn pull_from(
    client: &Client,
    place: &Repository,
    wanted: Option<&Reference>,
    asked: &Reference,
    destination: &RootedPath,
    report: &Report,
) -> Result<PulledChart> {
    let wanted = match wanted {
        Some(wanted) => wanted.clone(),
        None => asked.repository().tagged(tag(&newest(client, place)?)?),
    };
    let there = within(place, &wanted);
    let accept = [media_type::MANIFEST, media_type::DOCKER_MANIFEST];
    let manifest = client.manifest(&there, &accept)?;
    let layers = match manifest.content(&format!("`{there}`"))? {
        Content::Image(image) => image.layers,
        Content::Index(_) => Vec::new(),
    };
    // The manifest may also have a layer for the chart's provenance.
    let Some(layer) = layers.iter().find(|layer| layer.media_type == CHART) else {
        let found: Vec<_> = layers.iter().map(|layer| layer.media_type.as_str()).collect();
        return Err(Error::integrity(format!("`{there}` is not a Helm chart"))
            .fact("expected", format!("a layer that is {CHART}"))
            .fact("found", airgap_core::report::printable(&found.join(", ")))
            .hint("check the name of the chart"));
    };
    let item = report.item(there.to_string());
    client.blob(place, layer, destination, &item)?;
    Ok(PulledChart { reference: wanted, digest: *manifest.digest() })
}

/// Returns the highest stable version among the tags.
fn newest(client: &Client, place: &Repository) -> Result<String> {
    let tags = client.tags(place)?;
    let versions = tags.iter().filter_map(|tag| tag.replace('_', "+").parse::<Version>().ok());
    let newest = versions.filter(|version| version.pre.is_empty()).max();
    newest.map(|version| version.to_string()).ok_or_else(|| {
        Error::new(ErrorKind::Unavailable, format!("`{place}` has no stable version"))
            .fact("there are", airgap_core::report::printable(&tags.join(", ")))
            .hint("name one: `--version 1.0.0-rc.1`")
    })
}

/// Returns a version as a tag. A tag cannot have a plus, so it becomes an underscore, as in Helm.
fn tag(version: &str) -> Result<airgap_oci::Tag> {
    version.replace('+', "_").parse().map_err(Error::usage)
}
