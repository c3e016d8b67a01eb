//! An image in a manifest, with its position.

use std::fmt;
use std::rc::Rc;

use serde::{Serialize, Serializer};

use super::reference::ImageReference;
use crate::yaml::Position;

/// An image that a manifest names.
#[derive(Clone, Debug, Serialize)]
pub struct ImageOccurrence {
    /// The text of the image, or the text that its parts form.
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
