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

/// The keys that [`Split`] reads beside that of the repository.
pub(super) const PARTS: [&str; 3] = ["registry", "tag", "digest"];

/// Other keys of a repository, where the key above them says that it is an image's.
const NAMES: [&str; 4] = ["name", "repo", "uri", "ref"];

/// Whether a text can be the name of an image and is no address or path.
fn is_name(text: &str) -> bool {
    !text.contains("://") && !text.starts_with(['/', '.', '#']) && !words::is_other(text)
}

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

    /// The parts in a mapping that is the value of `key`, which says that it is an image, in other
    /// words: `{name: ghcr.io/org/app}`, `{repo: org/app, version: 1.0}`.
    pub(super) fn in_other_words(node: &Node, key: &str) -> Option<Split> {
        if !words::says_image(key) || node.get("repository").is_some() {
            return None;
        }
        let repository_key =
            NAMES.into_iter().find(|key| node.text_of(key).is_some_and(is_name))?;
        let repository = node.get(repository_key)?.clone();
        let text = |key: &str| node.text_of(key).map(str::to_owned);
        let (registry, digest) = (text("registry"), text("digest"));
        let tag = text("tag").or_else(|| text("version"));
        let is_alone = registry.is_none() && tag.is_none() && digest.is_none();
        if is_alone && words::named_image(repository.text()?).is_none() {
            return None;
        }
        Some(Split { repository_key, registry, repository, tag, digest })
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
        match &self.tag {
            Some(tag) if tag.starts_with('@') => text.push_str(tag),
            Some(tag) => text.push_str(&format!(":{tag}")),
            None => {}
        }
        if let Some(digest) = &self.digest {
            let is_bare = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
            let algorithm = if is_bare { "sha256:" } else { "" };
            text.push_str(&format!("@{algorithm}{digest}"));
        }
        text
    }
}
