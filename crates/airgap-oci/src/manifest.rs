//! Manifests and indexes. They are passed on as the bytes that were received, because the digest of
//! the bytes is the name. Their fields are read and never written again.

mod fields;
mod parse;

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::error_response::SHOWN;
use crate::media_type;
use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::report::{printable, shortened};

pub use fields::{Annotations, OtherFields};
pub use parse::ATTESTS;
use parse::Outline;
pub(super) use parse::{Items, Keep};

/// The most bytes of a manifest; registries have the same limit.
pub const MANIFEST_LIMIT: u64 = 4 << 20;

/// The most descriptors in one manifest. A large index has a thousand.
pub(super) const MANIFEST_ITEMS: usize = 10_000;

/// A manifest or index, as its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    bytes: Vec<u8>,
    media_type: String,
    digest: Digest,
}

/// The content of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The manifest of one image or artifact.
    Image(ImageManifest),
    /// An index of several manifests by platform.
    Index(Index),
}

/// A descriptor (OCI image-spec "Content Descriptors"): the media type, digest and size of some
/// content.
///
/// A descriptor in a manifest keeps only the fields that this program needs. A descriptor in the
/// index of a layout or in a list of referrers is written again, and keeps all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The media type of the content.
    pub media_type: String,
    /// The SHA-256 of the content.
    pub digest: Digest,
    /// The size of the content in bytes.
    pub size: u64,
    /// The artifact type of a manifest.
    pub artifact_type: Option<String>,
    /// The annotations.
    pub annotations: Annotations,
    /// The platform of a manifest in an index.
    pub platform: Option<Box<Platform>>,
    /// Whether it has addresses of its own, under `urls`.
    pub has_urls: bool,
    /// The fields that this program does not know.
    pub other: OtherFields,
}

/// The manifest of one image or artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageManifest {
    /// The artifact type.
    pub artifact_type: Option<String>,
    /// The configuration.
    pub config: Descriptor,
    /// The layers.
    pub layers: Vec<Descriptor>,
    /// The manifest that it refers to.
    pub subject: Option<Descriptor>,
}

/// An index: manifests by platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The artifact type.
    pub artifact_type: Option<String>,
    /// The manifests.
    pub manifests: Vec<Descriptor>,
    /// The manifest that it refers to.
    pub subject: Option<Descriptor>,
}

/// The platform of an image: `linux/arm64/v8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// The operating system.
    pub os: String,
    /// The processor architecture.
    pub architecture: String,
    /// The variant of the processor architecture.
    pub variant: Option<String>,
    /// The fields that this program does not know.
    pub other: OtherFields,
}

impl Manifest {
    /// Creates a manifest from these bytes. Its media type is the one in its field `mediaType`,
    /// otherwise the one that the sender says, and otherwise the one that its fields show: the
    /// field is optional (OCI image specification, "Image Manifest"), and a server of static files
    /// says `application/json`.
    pub fn new(bytes: Vec<u8>, said: &str) -> Manifest {
        /// The one field that is needed; an empty one if the bytes are not JSON.
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Head {
            media_type: String,
        }
        let head: Head = serde_json::from_slice(&bytes).unwrap_or_default();
        let media_type = match (head.media_type.is_empty(), media_type::bare(said)) {
            (false, _) => head.media_type,
            (true, said) if media_type::is_generic(&said) => {
                Outline::read(&bytes).ok().and_then(|it| it.media_type()).map_or(said, String::from)
            }
            (true, said) => said,
        };
        let digest = Digest::compute(&bytes);
        Manifest { bytes, media_type, digest }
    }

    /// Returns the bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the media type.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Returns the SHA-256 of the bytes.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Returns the descriptor of this manifest.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(&self.media_type, self.digest, self.bytes.len() as u64)
    }

    /// Returns the addresses of a layer, from `urls` of its descriptor.
    pub fn urls(&self, layer: &Digest) -> Vec<String> {
        #[derive(Deserialize)]
        struct Image {
            layers: Vec<Layer>,
        }
        #[derive(Deserialize)]
        struct Layer {
            digest: String,
            #[serde(default)]
            urls: Vec<String>,
        }
        let Ok(image) = serde_json::from_slice::<Image>(&self.bytes) else { return Vec::new() };
        let is_it = |it: &Layer| it.digest == format!("sha256:{layer}");
        image.layers.into_iter().find(is_it).map(|it| it.urls).unwrap_or_default()
    }

    /// Returns whether it is JSON that names layers or other manifests.
    pub fn names_others(&self) -> bool {
        Outline::read(&self.bytes).is_ok_and(|it| it.layers || it.manifests)
    }

    /// Returns whether it is empty, or JSON without layers and manifests, and so not an index.
    pub(super) fn has_no_list(&self) -> bool {
        let names_nothing = |it: Outline| !(it.layers || it.manifests);
        self.bytes.is_empty() || Outline::read(&self.bytes).is_ok_and(names_nothing)
    }

    /// Returns whether its media type is that of an index.
    pub fn is_index(&self) -> bool {
        media_type::is_index(&self.media_type)
    }

    /// Parses the fields that this program needs. `subject` is the name of the manifest in
    /// messages.
    ///
    /// # Errors
    /// Integrity, if it is not of a known kind, could be read as two kinds, or has more than
    /// `MANIFEST_ITEMS` descriptors.
    pub fn content(&self, subject: &str) -> Result<Content> {
        self.content_within(subject, Keep::Needed, &mut Items::new(MANIFEST_ITEMS))
    }

    /// Parses one of several manifests that share a limit of descriptors.
    pub(super) fn content_within(
        &self,
        subject: &str,
        keep: Keep,
        items: &mut Items,
    ) -> Result<Content> {
        let refuse = |problem: &str| {
            Error::integrity(format!("the manifest of {subject} cannot be used: {problem}"))
                .fact("media type", shortened(&self.media_type, SHOWN))
                .fact("digest", format!("sha256:{}", self.digest))
        };
        let unreadable = |error: serde_json::Error| {
            let cause = shortened(&error.to_string(), SHOWN);
            refuse("it is not valid").because(cause)
        };
        let outline = Outline::read(&self.bytes).map_err(|error| {
            let page = self.bytes.trim_ascii_start().starts_with(b"<");
            let error = refuse("it is not a JSON object").because(error);
            if page {
                error.hint("it is a web page: a login page or a proxy's notice")
            } else {
                error
            }
        })?;
        let (image, index) = (outline.layers, outline.manifests);
        if image && index {
            return Err(refuse(
                "it has both layers and manifests, so that readers disagree on its content",
            ));
        }
        match self.media_type.as_str() {
            media_type::MANIFEST | media_type::DOCKER_MANIFEST if !index => {
                ImageManifest::parse(&self.bytes, keep, items)
                    .map(Content::Image)
                    .map_err(unreadable)
            }
            media_type::INDEX | media_type::DOCKER_LIST if !image => {
                Index::parse(&self.bytes, keep, items).map(Content::Index).map_err(unreadable)
            }
            kind if ALL.contains(&kind) => Err(refuse("its fields do not match its media type")),
            kind if kind.contains("distribution.manifest.v1") => {
                Err(refuse("it has Docker's schema 1, which does not pin its layers")
                    .hint("push the image again with a current tool"))
            }
            _ => Err(refuse("its media type is unknown").hint(
                "push it again with a current tool, with a media type of OCI or Docker; or leave \
                 it out",
            )),
        }
    }
}

use media_type::ALL_MANIFESTS as ALL;

impl Descriptor {
    /// Creates a descriptor with the required fields only.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Descriptor {
        Descriptor {
            media_type: media_type.to_owned(),
            digest,
            size,
            artifact_type: None,
            annotations: Annotations::default(),
            platform: None,
            has_urls: false,
            other: OtherFields::default(),
        }
    }
}

/// The annotation in which containerd keeps the name of an image.
const CONTAINERD_NAME: &str = "io.containerd.image.name";
/// The annotation with the name of a manifest.
pub(super) const NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation with the digest of the index that a manifest is a part of, if the layout has only
/// some of its platforms. The index itself is kept among the blobs as proof.
pub(super) const NARROWED_FROM: &str = "wasm-airgap.narrowed-from";

impl Descriptor {
    /// Returns the name that it has in the index of an OCI image layout.
    pub fn layout_name(&self) -> Option<&str> {
        let texts = [CONTAINERD_NAME, NAME].into_iter();
        texts.filter_map(|key| self.annotations.get(key)).map(String::as_str).next()
    }

    /// Returns the digest of the index that it is a part of, if a layout has only some of its
    /// platforms.
    pub fn narrowed_from(&self) -> Option<Digest> {
        self.annotations.get(NARROWED_FROM)?.parse().ok()
    }

    /// Returns the approximate memory in bytes that it takes besides its fixed fields.
    pub fn extra(&self) -> usize {
        self.annotations.size() + self.other.size()
    }

    /// Returns whether it is a layer that its owner does not allow to be passed on. Clients fetch
    /// it from its `urls`, and registries accept the image without it.
    pub fn is_nondistributable(&self) -> bool {
        let kind = self.media_type.as_str();
        let restricted = kind.contains(".nondistributable.") || kind.contains(".foreign.");
        restricted && self.has_urls
    }
}

impl Index {
    /// Returns the manifests for a platform: those of the same variant, otherwise those without a
    /// variant.
    pub fn for_platform(&self, wanted: &Platform) -> Vec<&Descriptor> {
        let of = |descriptor: &&Descriptor, variant: Option<&String>| {
            descriptor.platform.as_ref().is_some_and(|found| {
                found.os == wanted.os
                    && found.architecture == wanted.architecture
                    && found.variant.as_ref() == variant
            })
        };
        let exact: Vec<_> =
            self.manifests.iter().filter(|it| of(it, wanted.variant.as_ref())).collect();
        if exact.is_empty() {
            self.manifests.iter().filter(|it| of(it, None)).collect()
        } else {
            exact
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", printable(&self.os), printable(&self.architecture))?;
        match &self.variant {
            Some(variant) => write!(f, "/{}", printable(variant)),
            None => Ok(()),
        }
    }
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Platform, String> {
        let mut parts = text.split('/').map(str::to_owned);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(os), Some(architecture), variant, None)
                if !text.split('/').any(str::is_empty) =>
            {
                Ok(Platform { os, architecture, variant, other: OtherFields::default() })
            }
            _ => Err(format!("`{text}` is not a platform such as `linux/amd64` or `linux/arm/v7`")),
        }
    }
}
