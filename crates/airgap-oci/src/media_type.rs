//! The media types that this program distinguishes.

/// The manifest of an image or artifact.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An index: one manifest for each platform.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Docker's manifest of an image.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's index.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// Docker's first manifest format (schema 1), which does not pin layers.
pub(super) const DOCKER_FIRST: &str = "application/vnd.docker.distribution.manifest.v1+json";

/// The manifests and indexes that a copy understands.
pub const ALL_MANIFESTS: [&str; 4] = [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_LIST];

/// The configurations of images that run in containers.
pub const IMAGE_CONFIGS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

/// The prefixes of the media types of layers of such images: archives of files.
pub const IMAGE_LAYERS: [&str; 2] =
    ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."];

/// Returns whether it is the media type of a manifest or an index.
pub fn is_manifest(media_type: &str) -> bool {
    ALL_MANIFESTS.contains(&media_type)
}

/// Returns whether it is the media type of an index.
pub fn is_index(media_type: &str) -> bool {
    matches!(media_type, INDEX | DOCKER_LIST)
}

/// Returns whether a media type does not say which kind of JSON it is. Those of vendors do.
pub(super) fn is_generic(media_type: &str) -> bool {
    !media_type.contains("/vnd.")
}

/// Returns a media type without its parameters, in lower case.
pub(super) fn bare(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
