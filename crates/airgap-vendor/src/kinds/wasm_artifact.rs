//! Artifacts with one layer, as WIT packages and components are published: the CNCF's "Wasm OCI
//! Artifact layout". Errors name the kind of any other content.

use airgap_core::error::{Error, Result};
use airgap_core::quantity;
use airgap_core::report::shortened;
use airgap_oci::{Client, Content, Descriptor, ImageManifest, Manifest, Reference, media_type};

/// An artifact with the descriptor of its only layer.
pub(crate) struct Artifact {
    /// The manifest.
    pub(crate) manifest: Manifest,
    /// The layer.
    pub(crate) layer: Descriptor,
}

/// The expected content of an artifact.
pub(crate) struct Expected {
    /// The content with its article: `a WIT package`.
    pub(crate) what: &'static str,
    /// The hint if it has other content.
    pub(crate) hint: &'static str,
    /// Whether a layer of this media type can be the content.
    pub(crate) accepts: fn(&str) -> bool,
}

impl Artifact {
    /// Downloads the manifest of an artifact by its reference.
    ///
    /// # Errors
    /// Unavailable, if there is no manifest; integrity, if it has other content, with its kind.
    pub(crate) fn of(
        client: &Client,
        reference: &Reference,
        expected: &Expected,
    ) -> Result<Artifact> {
        let manifest = client.manifest(reference, &media_type::ALL_MANIFESTS)?;
        Artifact::read(manifest, &format!("`{reference}`"), expected)
    }

    /// Parses a manifest as that of an artifact. `shown` is its name in messages.
    ///
    /// # Errors
    /// Integrity, if it has other content, with its kind.
    pub(crate) fn read(manifest: Manifest, shown: &str, expected: &Expected) -> Result<Artifact> {
        let refuse = |found: &str| {
            Error::integrity(format!("{shown} is not {}", expected.what))
                .fact("expected", format!("an artifact with one layer, {}", expected.what))
                .fact("found", found)
                .hint(expected.hint)
        };
        let image = match manifest.content(shown)? {
            Content::Image(image) => image,
            Content::Index(index) => {
                let count = index.manifests.len();
                return Err(refuse(&format!(
                    "an index of {}, one a platform",
                    quantity::count(count, "manifest")
                )));
            }
        };
        if is_container(&image) {
            return Err(refuse(&format!("a container image; {}", layers(&image))));
        }
        if let Some(other) = other(&image) {
            return Err(refuse(&format!("{other}; {}", layers(&image))));
        }
        match image.layers.as_slice() {
            [layer] if (expected.accepts)(&layer.media_type) => {
                Ok(Artifact { layer: layer.clone(), manifest })
            }
            [layer] => {
                let kind = short(&layer.media_type);
                let kind = match image.artifact_type.as_deref() {
                    Some(whole) => format!("{kind}, in an artifact of type {}", short(whole)),
                    None => kind,
                };
                Err(refuse(&format!("a layer of type {kind}")))
            }
            _ => Err(refuse(&format!("an artifact with {}", layers(&image)))),
        }
    }
}

/// The most characters that are shown of a text from a registry.
const SHOWN: usize = 500;

/// Other content of registries, by the prefix of its media types.
const OTHERS: [(&str, &str); 9] = [
    ("application/vnd.cncf.helm.", "a Helm chart"),
    ("application/vnd.dev.cosign.", "a signature"),
    ("application/vnd.cncf.notary.", "a signature"),
    ("application/vnd.dev.sigstore.", "a signature"),
    ("application/vnd.dsse.", "an attestation"),
    ("application/vnd.in-toto", "an attestation"),
    ("application/spdx", "a list of what is in a program"),
    ("text/spdx", "a list of what is in a program"),
    ("application/vnd.cyclonedx", "a list of what is in a program"),
];

/// Returns the kind of other content, if a media type shows it.
fn other(image: &ImageManifest) -> Option<&'static str> {
    let layers = image.layers.iter().map(|layer| layer.media_type.as_str());
    let whole = image.artifact_type.as_deref();
    let mut kinds = whole.into_iter().chain([image.config.media_type.as_str()]).chain(layers);
    kinds.find_map(|kind| OTHERS.iter().find(|(it, _)| kind.starts_with(it))).map(|(_, it)| *it)
}

/// Returns whether it is a container image, by the media types of its configuration and layers.
fn is_container(image: &ImageManifest) -> bool {
    let files = |kind: &str| media_type::IMAGE_LAYERS.iter().any(|it| kind.starts_with(it));
    media_type::IMAGE_CONFIGS.contains(&image.config.media_type.as_str())
        && image.layers.iter().all(|layer| files(&layer.media_type))
}

/// Returns a text from a registry, safe and not too long to show.
fn short(text: &str) -> String {
    shortened(text, SHOWN)
}

/// Returns the number of layers, and their media types.
fn layers(image: &ImageManifest) -> String {
    let mut kinds: Vec<_> = image.layers.iter().map(|it| it.media_type.as_str()).collect();
    kinds.sort();
    kinds.dedup();
    let count = image.layers.len();
    let layers = if count == 1 { "layer" } else { "layers" };
    match kinds.as_slice() {
        [] => "0 layers".to_owned(),
        kinds => format!("{count} {layers} of type {}", short(&kinds.join(", "))),
    }
}
