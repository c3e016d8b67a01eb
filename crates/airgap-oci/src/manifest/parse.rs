//! A parser of manifests that keeps only the fields that are needed: a document within its limit of
//! bytes could otherwise take thirty times as much memory.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{Annotations, Descriptor, ImageManifest, Index, OtherFields, Platform};
use crate::media_type;
use airgap_core::digest::Digest;

/// The longest media type or name of a platform in bytes; RFC 6838 allows 255.
const NAME_LIMIT: usize = 255;

/// The most descriptors and annotations in the index of a layout: a hundred thousand images with
/// four annotations each.
const LAYOUT_ITEMS: usize = 500_000;

/// The annotation in which BuildKit names the image that an attestation belongs to.
pub const ATTESTS: &str = "vnd.docker.reference.digest";

/// The fields of a descriptor that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The fields that this program needs to copy or check the content.
    Needed,
    /// All fields, to write them again.
    All,
}

/// The number of descriptors and annotations that may still follow.
#[derive(Debug)]
pub(crate) struct Items {
    most: usize,
    left: usize,
}

impl Items {
    /// Creates a limit of `most`.
    pub(crate) fn new(most: usize) -> Items {
        Items { most, left: most }
    }

    /// Counts one descriptor or annotation.
    fn take<E: Error>(&mut self) -> Result<(), E> {
        let most = self.most;
        let more = || E::custom(format!("more than {most} descriptors and annotations"));
        self.left = self.left.checked_sub(1).ok_or_else(more)?;
        Ok(())
    }
}

/// The presence of the fields that distinguish the kinds of manifests.
#[derive(Default)]
pub(super) struct Outline {
    pub(super) config: bool,
    pub(super) layers: bool,
    pub(super) manifests: bool,
    /// The field of the layers in Docker's first manifest format (schema 1).
    pub(super) fs_layers: bool,
}

impl Outline {
    /// Parses which of the fields are present.
    pub(super) fn read(bytes: &[u8]) -> serde_json::Result<Outline> {
        serde_json::from_slice(bytes)
    }

    /// Returns the media type that these fields show.
    pub(super) fn media_type(&self) -> Option<&'static str> {
        match self {
            Outline { layers: false, manifests: true, .. } => Some(media_type::INDEX),
            Outline { config: true, layers: true, manifests: false, .. } => {
                Some(media_type::MANIFEST)
            }
            Outline { fs_layers: true, layers: false, .. } => Some(media_type::DOCKER_FIRST),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Outline, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Outline;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Outline, A::Error> {
                let mut outline = Outline::default();
                while let Some((key, IgnoredAny)) = fields.next_entry::<String, _>()? {
                    outline.config |= key == "config";
                    outline.layers |= key == "layers";
                    outline.fs_layers |= key == "fsLayers";
                    outline.manifests |= key == "manifests";
                }
                Ok(outline)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl ImageManifest {
    /// Parses a manifest of one image.
    pub(super) fn parse(
        bytes: &[u8],
        keep: Keep,
        items: &mut Items,
    ) -> serde_json::Result<ImageManifest> {
        let fields = Document { is_index: false, keep, items };
        let Fields { artifact_type, config, list, subject } = whole(bytes, fields)?;
        let config = config.ok_or_else(|| serde_json::Error::missing_field("config"))?;
        let layers = list.ok_or_else(|| serde_json::Error::missing_field("layers"))?;
        Ok(ImageManifest { artifact_type, config, layers, subject })
    }
}

impl Index {
    /// Parses an index.
    pub(super) fn parse(bytes: &[u8], keep: Keep, items: &mut Items) -> serde_json::Result<Index> {
        whole(bytes, Document { is_index: true, keep, items }).and_then(Index::from_fields)
    }

    fn from_fields<E: Error>(fields: Fields) -> Result<Index, E> {
        let Fields { artifact_type, list, subject, .. } = fields;
        let manifests = list.ok_or_else(|| E::missing_field("manifests"))?;
        Ok(Index { artifact_type, manifests, subject })
    }
}

/// Parses the index of a layout, which is written again.
impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Index, D::Error> {
        let items = &mut Items::new(LAYOUT_ITEMS);
        let document = Document { is_index: true, keep: Keep::All, items };
        document.deserialize(deserializer).and_then(Index::from_fields)
    }
}

/// Parses one JSON document; nothing may follow it.
fn whole<'de, S: DeserializeSeed<'de>>(bytes: &'de [u8], seed: S) -> serde_json::Result<S::Value> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = seed.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// A seed for a manifest or an index.
struct Document<'a> {
    is_index: bool,
    keep: Keep,
    items: &'a mut Items,
}

/// The fields of a manifest and of an index.
#[derive(Default)]
struct Fields {
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    /// The layers or the manifests.
    list: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = Fields;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Fields, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a manifest or an index")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let Document { is_index, keep, items } = self;
        let list = if is_index { "manifests" } else { "layers" };
        let mut fields = Fields::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "artifactType" => {
                    let value = map.next_value::<Option<Name>>()?;
                    once(&mut fields.artifact_type, &key, value.map(|name| name.0))?;
                }
                "config" if !is_index => {
                    let value = map.next_value_seed(One { keep, items })?;
                    once(&mut fields.config, &key, Some(value))?;
                }
                "subject" => {
                    let value = map.next_value_seed(Maybe(One { keep, items }))?;
                    once(&mut fields.subject, &key, value)?;
                }
                other if other == list => {
                    let value = map.next_value_seed(Many { keep, items })?;
                    once(&mut fields.list, &key, Some(value))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(fields)
    }
}

/// Sets a field that may be there only once: readers differ about which one of two counts.
fn once<T, E: Error>(slot: &mut Option<T>, key: &str, value: Option<T>) -> Result<(), E> {
    if slot.is_some() {
        return Err(E::custom(format!("duplicate field `{key}`")));
    }
    *slot = value;
    Ok(())
}

/// A seed for a descriptor.
struct One<'a> {
    keep: Keep,
    items: &'a mut Items,
}

/// A seed for a descriptor or `null`.
struct Maybe<'a>(One<'a>);

/// A seed for a list of descriptors, or `null` for an empty one, as programs in Go write it.
struct Many<'a> {
    keep: Keep,
    items: &'a mut Items,
}

impl<'de> DeserializeSeed<'de> for Maybe<'_> {
    type Value = Option<Descriptor>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Maybe<'_> {
    type Value = Option<Descriptor>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a descriptor")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(deserializer).map(Some)
    }
}

impl<'de> DeserializeSeed<'de> for Many<'_> {
    type Value = Vec<Descriptor>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Many<'_> {
    type Value = Vec<Descriptor>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of descriptors")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let Many { keep, items } = self;
        let mut all = Vec::new();
        while let Some(one) = list.next_element_seed(One { keep, items })? {
            all.push(one);
        }
        all.shrink_to_fit();
        Ok(all)
    }
}

impl<'de> DeserializeSeed<'de> for One<'_> {
    type Value = Descriptor;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Descriptor, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for One<'_> {
    type Value = Descriptor;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a descriptor")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Descriptor, A::Error> {
        let One { keep, items } = self;
        items.take()?;
        let (mut media_type, mut digest, mut size) = (None, None, None);
        let (mut artifact_type, mut annotations, mut platform) = (None, None, None);
        let (mut has_urls, mut other) = (false, String::new());
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "mediaType" => once(&mut media_type, &key, Some(map.next_value::<Name>()?.0))?,
                "digest" => once(&mut digest, &key, Some(map.next_value::<Pinned>()?.0))?,
                "size" => once(&mut size, &key, Some(map.next_value()?))?,
                "artifactType" => {
                    let value = map.next_value::<Option<Name>>()?;
                    let value = value.filter(|_| keep == Keep::All);
                    once(&mut artifact_type, &key, value.map(|name| name.0))?;
                }
                "annotations" => {
                    let value = map.next_value_seed(Notes { keep, items })?;
                    once(&mut annotations, &key, Some(value))?;
                }
                "platform" => {
                    let value = map.next_value_seed(Runs(keep))?;
                    once(&mut platform, &key, value)?;
                }
                key => {
                    let value = map.next_value::<Box<RawValue>>()?;
                    if key == "urls" {
                        let urls = value.get().strip_prefix('[');
                        has_urls = urls.is_some_and(|it| it.trim_start() != "]");
                    }
                    if keep == Keep::All {
                        OtherFields::push(&mut other, key, &value);
                    }
                }
            }
        }
        Ok(Descriptor {
            media_type: media_type.ok_or_else(|| A::Error::missing_field("mediaType"))?,
            digest: digest.ok_or_else(|| A::Error::missing_field("digest"))?,
            size: size.ok_or_else(|| A::Error::missing_field("size"))?,
            artifact_type,
            annotations: annotations.unwrap_or_default(),
            platform,
            has_urls,
            other: OtherFields::closed(other),
        })
    }
}

/// A seed for annotations, or `null` for none.
struct Notes<'a> {
    keep: Keep,
    items: &'a mut Items,
}

impl<'de> DeserializeSeed<'de> for Notes<'_> {
    type Value = Annotations;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Annotations, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Notes<'_> {
    type Value = Annotations;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("annotations, a map of texts")
    }

    fn visit_unit<E: Error>(self) -> Result<Annotations, E> {
        Ok(Annotations::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
        let mut pairs = Vec::new();
        while let Some((mut key, mut value)) = map.next_entry::<String, String>()? {
            if self.keep == Keep::All || key == ATTESTS {
                self.items.take()?;
                key.shrink_to_fit();
                value.shrink_to_fit();
                pairs.push((key, value));
            }
        }
        Ok(Annotations::from_pairs(pairs))
    }
}

/// A seed for a platform or `null`.
struct Runs(Keep);

impl<'de> DeserializeSeed<'de> for Runs {
    type Value = Option<Box<Platform>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Runs {
    type Value = Option<Box<Platform>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a platform")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut os, mut architecture, mut variant) = (None, None, None);
        let mut other = String::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "os" => once(&mut os, &key, Some(map.next_value::<Name>()?.0))?,
                "architecture" => once(&mut architecture, &key, Some(map.next_value::<Name>()?.0))?,
                "variant" => {
                    let value = map.next_value::<Option<Name>>()?;
                    once(&mut variant, &key, value.map(|name| name.0))?;
                }
                key => {
                    let value = map.next_value::<Box<RawValue>>()?;
                    if self.0 == Keep::All {
                        OtherFields::push(&mut other, key, &value);
                    }
                }
            }
        }
        Ok(Some(Box::new(Platform {
            os: os.ok_or_else(|| A::Error::missing_field("os"))?,
            architecture: architecture.ok_or_else(|| A::Error::missing_field("architecture"))?,
            variant,
            other: OtherFields::closed(other),
        })))
    }
}

/// A text of at most `NAME_LIMIT` bytes.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
        let mut text = String::deserialize(deserializer)?;
        text.shrink_to_fit();
        match text.len() {
            0..=NAME_LIMIT => Ok(Name(text)),
            found => Err(D::Error::custom(format!(
                "a media type or a part of a platform has {found} bytes; the limit is {NAME_LIMIT}"
            ))),
        }
    }
}

/// A digest that must name its algorithm, because OCI allows others than SHA-256.
struct Pinned(Digest);

impl<'de> Deserialize<'de> for Pinned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pinned, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.split_once(':') {
            Some(("sha256", _)) => text.parse().map(Pinned).map_err(D::Error::custom),
            _ => Err(D::Error::custom(format!("`{text}` is not a SHA-256 digest"))),
        }
    }
}

impl Serialize for Descriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("mediaType", &self.media_type)?;
        map.serialize_entry("digest", &format_args!("sha256:{}", self.digest))?;
        map.serialize_entry("size", &self.size)?;
        if let Some(artifact_type) = &self.artifact_type {
            map.serialize_entry("artifactType", artifact_type)?;
        }
        if !self.annotations.is_empty() {
            map.serialize_entry("annotations", &self.annotations)?;
        }
        if let Some(platform) = &self.platform {
            map.serialize_entry("platform", platform)?;
        }
        self.other.write(&mut map)?;
        map.end()
    }
}

impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("os", &self.os)?;
        map.serialize_entry("architecture", &self.architecture)?;
        if let Some(variant) = &self.variant {
            map.serialize_entry("variant", variant)?;
        }
        self.other.write(&mut map)?;
        map.end()
    }
}
