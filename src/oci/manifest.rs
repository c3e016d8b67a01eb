//! Manifests and indexes. They are passed on as the bytes that came, for their digest is the name;
//! what is in them is read and never written back.

mod fields;
mod parse;

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::oci::media_type;
use crate::oci::refusal::SHOWN;
use crate::report::{printable, shortened};

pub use fields::{Annotations, OtherFields};
pub(crate) use parse::ATTESTS;
use parse::Outline;
pub(super) use parse::{Items, Keep};

/// No manifest is longer; registries have the same limit.
pub(crate) const MANIFEST_LIMIT: u64 = 4 << 20;

/// The most descriptors in one manifest. A large index has a thousand.
pub(super) const MANIFEST_ITEMS: usize = 10_000;

/// A manifest or index, as its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    bytes: Vec<u8>,
    media_type: String,
    digest: Digest,
}

/// What is in a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// One image or artifact.
    Image(ImageManifest),
    /// Several of them, by platform.
    Index(Index),
}

/// Names some bytes: what they are, their digest, their size.
///
/// Those in a manifest keep only what this program needs of them. Those in the index of a layout and
/// in a list of referrers are written again, and keep everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// What they are.
    pub media_type: String,
    /// Their SHA-256.
    pub digest: Digest,
    /// How many they are.
    pub size: u64,
    /// What kind of artifact a manifest is.
    pub artifact_type: Option<String>,
    /// Notes.
    pub annotations: Annotations,
    /// Where a manifest in an index runs.
    pub platform: Option<Box<Platform>>,
    /// Whether it has addresses of its own, under `urls`.
    pub has_urls: bool,
    /// The other fields.
    pub other: OtherFields,
}

/// The manifest of one image or artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageManifest {
    /// What kind of artifact it is.
    pub artifact_type: Option<String>,
    /// Its configuration.
    pub config: Descriptor,
    /// Its layers.
    pub layers: Vec<Descriptor>,
    /// What it is attached to.
    pub subject: Option<Descriptor>,
}

/// An index: manifests by platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// What kind of artifact it is.
    pub artifact_type: Option<String>,
    /// The manifests.
    pub manifests: Vec<Descriptor>,
    /// What it is attached to.
    pub subject: Option<Descriptor>,
}

/// Where an image runs: `linux/arm64/v8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// The operating system.
    pub os: String,
    /// The processor.
    pub architecture: String,
    /// Which of its kinds.
    pub variant: Option<String>,
    /// The other fields.
    pub other: OtherFields,
}

impl Manifest {
    /// A manifest of these bytes. Its media type is the one that stands in it, otherwise the one
    /// that the sender says, and otherwise the one that its fields show: the field `mediaType` is
    /// optional (OCI image specification, "Image Manifest"), and a server of static files says
    /// `application/json`.
    pub fn new(bytes: Vec<u8>, said: &str) -> Manifest {
        /// The one field that matters; an empty one for what is no JSON.
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
        let digest = Digest::of(&bytes);
        Manifest { bytes, media_type, digest }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What they are.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Their SHA-256.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The descriptor of this manifest.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(&self.media_type, self.digest, self.bytes.len() as u64)
    }

    /// Returns the addresses that it names for a layer, under `urls`.
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

    /// Whether there is JSON in it that names layers or other manifests.
    pub fn names_others(&self) -> bool {
        Outline::read(&self.bytes).is_ok_and(|it| it.layers || it.manifests)
    }

    /// Whether it says that it is an index.
    pub fn is_index(&self) -> bool {
        media_type::is_index(&self.media_type)
    }

    /// Returns what is in it, as far as this program needs it. `subject` is what it belongs to, for
    /// messages.
    ///
    /// # Errors
    /// Integrity, where it is none of the known kinds, could be read as two of them, or has more
    /// than `MANIFEST_ITEMS` descriptors.
    pub fn content(&self, subject: &str) -> Result<Content> {
        self.content_within(subject, Keep::Needed, &mut Items::new(MANIFEST_ITEMS))
    }

    /// Does the same for one of several manifests that are limited together.
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
            refuse("it is not as it should be").because(cause)
        };
        let outline = Outline::read(&self.bytes).map_err(|error| {
            let page = self.bytes.trim_ascii_start().starts_with(b"<");
            let error = refuse("it is no JSON object").because(error);
            if page {
                error.hint("it is a web page: a login page or a proxy's notice")
            } else {
                error
            }
        })?;
        let (image, index) = (outline.layers, outline.manifests);
        if image && index {
            return Err(refuse("it has both layers and manifests, and each reader sees another"));
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
            kind if ALL.contains(&kind) => Err(refuse("what is in it is not what it says it is")),
            kind if kind.contains("distribution.manifest.v1") => {
                Err(refuse("it is of Docker's first kind, which does not pin its layers")
                    .hint("push the image again with a current tool"))
            }
            _ => Err(refuse("it is of an unknown kind")),
        }
    }
}

use media_type::ALL_MANIFESTS as ALL;

impl Descriptor {
    /// A descriptor with nothing but what it needs.
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

/// The annotation in which containerd keeps it.
const CONTAINERD_NAME: &str = "io.containerd.image.name";
/// The annotation with the name of a manifest.
pub(super) const NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation with the digest of the index that a manifest is a part of, where the layout has only
/// some of its platforms. The index itself is among the blobs, as a witness.
pub(super) const NARROWED_FROM: &str = "wasm-airgap.narrowed-from";

impl Descriptor {
    /// The name that it has in the index of an OCI image layout.
    pub fn layout_name(&self) -> Option<&str> {
        let texts = [CONTAINERD_NAME, NAME].into_iter();
        texts.filter_map(|key| self.annotations.get(key)).map(String::as_str).next()
    }

    /// The digest of the index that it is a part of, where a layout has only some of its platforms.
    pub fn narrowed_from(&self) -> Option<Digest> {
        self.annotations.get(NARROWED_FROM)?.parse().ok()
    }

    /// Returns about how much memory it takes besides that of its fixed fields.
    pub(crate) fn extra(&self) -> usize {
        self.annotations.size() + self.other.size()
    }

    /// Whether it is a layer that its owner lets nobody pass on: clients fetch it from the addresses
    /// that stand here, and registries take the image without it.
    pub fn is_foreign(&self) -> bool {
        let kind = self.media_type.as_str();
        let restricted = kind.contains(".nondistributable.") || kind.contains(".foreign.");
        restricted && self.has_urls
    }
}

impl Index {
    /// The manifests for a platform: those of its very variant, otherwise those that name none.
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
            _ => Err(format!("`{text}` is no platform such as `linux/amd64` or `linux/arm/v7`")),
        }
    }
}
