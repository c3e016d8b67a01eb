//! An image in parts: `registry`, `repository`, `tag` and `digest`, as charts and operators have it.

use std::rc::Rc;

use super::words;
use crate::yaml::Node;

/// The parts of an image, each where it stands.
#[derive(Clone, Debug)]
pub(super) struct Split {
    /// `repository`, or `name` where that is what it is called.
    pub(super) repository_key: &'static str,
    pub(super) registry: Option<String>,
    pub(super) repository: Rc<Node>,
    pub(super) tag: Option<String>,
    pub(super) digest: Option<String>,
}

/// The keys that [`Split`] reads.
pub(super) const KEYS: [&str; 5] = ["registry", "repository", "name", "tag", "digest"];

impl Split {
    /// The parts in a mapping that is the value of `key`, if it is an image.
    pub(super) fn of(node: &Node, key: &str) -> Option<Split> {
        let has = |key: &str| node.get(key).is_some();
        let says_image = words::says_image(key);
        let repository_key = match () {
            () if node.text_of("repository").is_some() => "repository",
            () if says_image && (has("tag") || has("digest")) && node.text_of("name").is_some() => {
                "name"
            }
            () => return None,
        };
        if !says_image && !has("registry") && !has("tag") && !has("digest") {
            return None;
        }
        let repository = node.get(repository_key)?.clone();
        if words::is_source(repository.text()?) {
            return None;
        }
        let text = |key: &str| node.text_of(key).map(str::to_owned);
        Some(Split {
            repository_key,
            registry: text("registry").map(|registry| registry.trim_end_matches('/').to_owned()),
            repository,
            tag: text("tag"),
            digest: text("digest"),
        })
    }

    /// The repository.
    pub(super) fn repository(&self) -> &str {
        self.repository.text().unwrap_or_default()
    }

    /// The reference that the parts come to.
    pub(super) fn reference(&self) -> String {
        let mut text = match &self.registry {
            Some(registry) => format!("{registry}/{}", self.repository()),
            None => self.repository().to_owned(),
        };
        if let Some(tag) = &self.tag {
            text.push_str(&format!(":{tag}"));
        }
        if let Some(digest) = &self.digest {
            text.push_str(&format!("@{digest}"));
        }
        text
    }
}
