//! Manifests and indexes. They are passed on as the bytes that came, for their digest is the name;
//! what is in them is read and never written back.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::oci::media_type;
use crate::oci::refusal::SHOWN;
use crate::report::{printable, shortened};

/// No manifest is longer; registries have the same limit.
pub(crate) const MANIFEST_LIMIT: u64 = 4 << 20;

/// A manifest or index, as its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    bytes: Vec<u8>,
    media_type: String,
    digest: Digest,
}

/// What is in a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nobody has more than a few of them")]
pub enum Content {
    /// One image or artifact.
    Image(ImageManifest),
    /// Several of them, by platform.
    Index(Index),
}

/// Names some bytes: what they are, their digest, their size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What they are.
    pub media_type: String,
    /// Their SHA-256.
    #[serde(serialize_with = "write_digest", deserialize_with = "read_digest")]
    pub digest: Digest,
    /// How many they are.
    pub size: u64,
    /// What kind of artifact a manifest is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Where a manifest in an index runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Whatever else stands there.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The manifest of one image or artifact.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    /// What kind of artifact it is.
    pub artifact_type: Option<String>,
    /// Its configuration.
    pub config: Descriptor,
    /// Its layers.
    pub layers: Vec<Descriptor>,
    /// What it is attached to.
    pub subject: Option<Descriptor>,
    /// Notes.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// Whatever else stands there.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// An index: manifests by platform.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// What kind of artifact it is.
    pub artifact_type: Option<String>,
    /// The manifests.
    pub manifests: Vec<Descriptor>,
    /// What it is attached to.
    pub subject: Option<Descriptor>,
    /// Notes.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// Whatever else stands there.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Where an image runs: `linux/arm64/v8`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// The operating system.
    pub os: String,
    /// The processor.
    pub architecture: String,
    /// Which of its kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Whatever else stands there.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Manifest {
    /// A manifest of these bytes. Its media type is the one that stands in it, otherwise the one
    /// that whoever sent it says.
    pub fn new(bytes: Vec<u8>, said: &str) -> Manifest {
        /// The one field that matters; an empty one for what is no JSON.
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Head {
            media_type: String,
        }
        let head: Head = serde_json::from_slice(&bytes).unwrap_or_default();
        let media_type = match head.media_type.is_empty() {
            true => media_type::bare(said),
            false => head.media_type,
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

    /// Whether there is JSON in it that names layers or other manifests.
    pub fn names_others(&self) -> bool {
        let fields: Map<String, Value> = serde_json::from_slice(&self.bytes).unwrap_or_default();
        fields.contains_key("layers") || fields.contains_key("manifests")
    }

    /// Whether it says that it is an index.
    pub fn is_index(&self) -> bool {
        media_type::is_index(&self.media_type)
    }

    /// What is in it. `subject` is what it belongs to, for messages.
    ///
    /// # Errors
    /// Integrity, where it is none of the known kinds, or could be read as two of them.
    pub fn content(&self, subject: &str) -> Result<Content> {
        let refuse = |problem: &str| {
            Error::integrity(format!("the manifest of {subject} cannot be used: {problem}"))
                .fact("media type", shortened(&self.media_type, SHOWN))
                .fact("digest", format!("sha256:{}", self.digest))
        };
        let unreadable = |error: serde_json::Error| {
            let cause = shortened(&error.to_string(), SHOWN);
            refuse("it is not as it should be").because(cause)
        };
        let fields: Map<String, Value> = serde_json::from_slice(&self.bytes).map_err(|error| {
            let page = self.bytes.trim_ascii_start().starts_with(b"<");
            let error = refuse("it is no JSON object").because(error);
            if page {
                error.hint("it is a web page: a login page or a proxy's notice")
            } else {
                error
            }
        })?;
        let (image, index) = (fields.contains_key("layers"), fields.contains_key("manifests"));
        if image && index {
            return Err(refuse("it has both layers and manifests, and each reader sees another"));
        }
        match self.media_type.as_str() {
            media_type::MANIFEST | media_type::DOCKER_MANIFEST if !index => {
                Ok(Content::Image(serde_json::from_slice(&self.bytes).map_err(unreadable)?))
            }
            media_type::INDEX | media_type::DOCKER_LIST if !image => {
                Ok(Content::Index(serde_json::from_slice(&self.bytes).map_err(unreadable)?))
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
            annotations: BTreeMap::new(),
            platform: None,
            other: Map::new(),
        }
    }
}

impl Descriptor {
    /// The name that it has in the index of an OCI image layout.
    pub fn layout_name(&self) -> Option<&str> {
        super::layout::name(self)
    }

    /// The digest of the index that it is a part of, where a layout has only some of its platforms.
    pub fn narrowed_from(&self) -> Option<Digest> {
        super::layout::narrowed_from(self)
    }

    /// Whether it is a layer that its owner lets nobody pass on: clients fetch it from the addresses
    /// that stand here, and registries take the image without it.
    pub fn is_foreign(&self) -> bool {
        let kind = self.media_type.as_str();
        let restricted = kind.contains(".nondistributable.") || kind.contains(".foreign.");
        restricted
            && self.other.get("urls").and_then(Value::as_array).is_some_and(|it| !it.is_empty())
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
                Ok(Platform { os, architecture, variant, other: Map::new() })
            }
            _ => Err(format!("`{text}` is no platform such as `linux/amd64` or `linux/arm/v7`")),
        }
    }
}

fn write_digest<S: Serializer>(
    digest: &Digest,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("sha256:{digest}"))
}

/// Unlike elsewhere, the kind must stand there: OCI knows other ones.
fn read_digest<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Digest, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.split_once(':') {
        Some(("sha256", _)) => text.parse().map_err(serde::de::Error::custom),
        _ => Err(serde::de::Error::custom(format!("`{text}` is no SHA-256 digest"))),
    }
}
