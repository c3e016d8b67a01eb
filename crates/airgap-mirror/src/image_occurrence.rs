//! An image in a manifest, with its position.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use airgap_oci as oci;
use serde::{Serialize, Serializer};

use super::image_text;
use super::reference::ImageReference;
use crate::yaml::Position;

/// An image that a manifest names.
#[derive(Clone, Debug, Serialize)]
pub struct ImageOccurrence {
    /// The text of the image, or the text that its parts form.
    #[serde(serialize_with = "serialize_shown")]
    pub written: String,
    /// The image, or the reason why the text is not one.
    #[serde(skip)]
    pub image: Result<ImageReference, String>,
    /// The kind of text that names it.
    pub named_by: OccurrenceKind,
    /// The resource that contains it, if there is one.
    pub resource: Option<Rc<Resource>>,
    /// The path of the field in the resource.
    pub field: String,
    /// Whether the image is the whole text of that field, as tools that rewrite fields need it.
    #[serde(skip)]
    pub is_whole: bool,
    /// The source position.
    #[serde(flatten)]
    pub place: Position,
}

impl ImageOccurrence {
    /// Returns the text without a user name and a password before its registry.
    pub fn shown(&self) -> Cow<'_, str> {
        shown(&self.written)
    }

    /// Returns the estimated size of its texts in bytes.
    pub(super) fn size(&self) -> usize {
        let reason = self.image.as_ref().err().map_or(0, String::len);
        let resource = self.resource.as_ref().map_or(0, |it| {
            it.name.len() + it.namespace.as_deref().unwrap_or_default().len() + it.kind.len()
        });
        let place = self.field.len() + self.place.file.len();
        3 * self.written.len() + reason + resource + place
    }
}

/// Returns a text that should be an image, without a user name and a password before its registry.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    match text.rsplit_once('@') {
        Some((_, rest)) if !image_text::has_placeholder(rest) => oci::without_login(text),
        _ => text.into(),
    }
}

fn serialize_shown<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&shown(text))
}

/// The kind of text by which a manifest names an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OccurrenceKind {
    /// The `image` of a container: the field that tools that rewrite images read.
    Container,
    /// Another field: an image volume, a custom resource, a registry and a repository.
    Field,
    /// A text: an argument, a variable, an annotation, a file in a ConfigMap.
    Text,
}

/// A Kubernetes resource by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Resource {
    /// The API version: `apps/v1`.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// The kind: `Deployment`.
    pub kind: String,
    /// The namespace, if the manifest has one.
    pub namespace: Option<String>,
    /// The name; empty if the manifest has none.
    pub name: String,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// The path of a field: `spec.containers[0].image`, `data["a.yaml"]`.
#[derive(Clone, Debug, Default)]
pub(super) struct FieldPath(String);

impl FieldPath {
    /// Appends a key; returns the length to pass to [`FieldPath::back`].
    pub(super) fn key(&mut self, key: &str) -> usize {
        let before = self.0.len();
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        match key.chars().all(is_word) && !key.is_empty() {
            true if before == 0 => self.0.push_str(key),
            true => self.0.extend([".", key]),
            false => self.0.push_str(&format!("[{key:?}]")),
        }
        before
    }

    /// Appends an index; returns the length to pass to [`FieldPath::back`].
    pub(super) fn item(&mut self, index: usize) -> usize {
        let before = self.0.len();
        self.0.push_str(&format!("[{index}]"));
        before
    }

    /// Removes the steps after a length.
    pub(super) fn back(&mut self, before: usize) {
        self.0.truncate(before);
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for ImageReference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_before_a_registry_is_not_shown() {
        let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for (text, expected) in [
            ("https://u:geheim@r.corp/a:1", "...@r.corp/a:1"),
            ("u:geheim@r.corp/a:1", "...@r.corp/a:1"),
            (&format!("u:geheim@r.corp/a@{digest}"), &format!("...@r.corp/a@{digest}")),
            (&format!("r.corp/a@{digest}"), &format!("r.corp/a@{digest}")),
            ("r.corp/a@$(DIGEST)", "r.corp/a@$(DIGEST)"),
            ("{{ .image }}", "{{ .image }}"),
        ] {
            assert_eq!(shown(text), *expected);
        }
        let text = "containers: [{image: 'u:geheim@r.corp/a:1'}]";
        let node = crate::yaml::document(text, "p.yaml", crate::yaml::Duplicates::Refused);
        let found = crate::scan::scan(&node.unwrap()).unwrap();
        let registry = "r.corp".parse().unwrap();
        let missing = crate::check::check(&found, &registry);
        let json = serde_json::to_string(&missing).unwrap();
        let mut list = crate::inventory::Inventory::default();
        list.add_occurrences(&found);
        for shown in [missing[0].describe(), json, format!("{:?}", list.unresolved)] {
            assert!(!shown.contains("geheim") && shown.contains("...@r.corp/a:1"), "{shown}");
        }
    }
}
