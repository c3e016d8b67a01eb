//! An image in a manifest, and where in it.

use std::fmt;
use std::rc::Rc;

use serde::{Serialize, Serializer};

use super::reference::ImageReference;
use crate::yaml::Place;

/// An image that a manifest names.
#[derive(Clone, Debug, Serialize)]
pub struct Mention {
    /// What stands there, or what its parts come to.
    pub written: String,
    /// The image, or why that is none.
    #[serde(skip)]
    pub image: Result<ImageReference, String>,
    /// How it is named.
    #[serde(rename = "named_by")]
    pub how: How,
    /// The resource that it is in, where it is in one.
    pub resource: Option<Rc<Resource>>,
    /// The path of the field in the resource.
    pub field: String,
    /// Whether the image is the whole text of that field, which tools that rewrite fields need.
    #[serde(skip)]
    pub is_whole: bool,
    /// Where it stands.
    #[serde(flatten)]
    pub place: Place,
}

impl Mention {
    /// About how many bytes its texts take.
    pub(super) fn size(&self) -> usize {
        let reason = self.image.as_ref().err().map_or(0, String::len);
        let resource = self.resource.as_ref().map_or(0, |it| {
            it.name.len() + it.namespace.as_deref().unwrap_or_default().len() + it.kind.len()
        });
        let place = self.field.len() + self.place.file.len();
        3 * self.written.len() + reason + resource + place
    }
}

/// How a manifest names an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// By the `image` of a container: what tools that rewrite images look at.
    Container,
    /// By another field: an image volume, a custom resource, a registry and a repository.
    Field,
    /// By a text: an argument, a variable, an annotation, a file in a ConfigMap.
    Text,
}

/// A Kubernetes resource by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Resource {
    /// `apps/v1`
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// `Deployment`
    pub kind: String,
    /// The namespace, where the manifest says one.
    pub namespace: Option<String>,
    /// The name; empty where the manifest says none.
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
    /// Goes to a key; gives what [`FieldPath::back`] takes.
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

    /// Goes to an item.
    pub(super) fn item(&mut self, index: usize) -> usize {
        let before = self.0.len();
        self.0.push_str(&format!("[{index}]"));
        before
    }

    /// Goes back to where it was.
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
