//! An image in parts: `registry`, `repository`, `tag` and `digest`, as in charts and operators.
//!
//! With [`image_text`], which knows the keys and texts of whole images, this is the one grammar of
//! fields that name images. Scans of manifests, charts, Helm values and Kustomize patches use it: all
//! but the patches read parts here, and the patches write the same parts by [`moved`].

use std::rc::Rc;

use super::image_text;
use super::reference::ImageReference;
use crate::yaml::Node;

/// The parts of an image with their positions.
#[derive(Clone, Debug)]
pub(super) struct ImageParts {
    /// The key of the repository: `repository`, or another one such as `name`.
    pub(super) repository_key: &'static str,
    /// The keys of the other parts.
    pub(super) parts: &'static [&'static str],
    pub(super) registry: Option<String>,
    pub(super) repository: Rc<Node>,
    pub(super) tag: Option<String>,
    pub(super) digest: Option<String>,
}

/// The keys that are read beside that of the repository.
const PARTS: [&str; 3] = ["registry", "tag", "digest"];

/// Other keys of a repository, if the key above them says that it is an image's.
const NAMES: [&str; 4] = ["name", "repo", "uri", "ref"];

/// Keys of the repository or the registry in the values of charts, also if no key above them says
/// that they are an image's.
const NAMES_IN_VALUES: [&str; 6] = ["repository", "repo", "name", "hub", "registry", "ref"];

/// The parts that templates of charts may read although the values do not have them.
pub(super) const USUAL_PARTS: [&str; 3] = ["registry", "repository", "tag"];

/// Keys of the tag beside a key `image` with the rest.
pub(super) const TAGS_BESIDE: [&str; 2] = ["tag", "imageTag"];

/// Words in keys of an image's other settings.
const SETTINGS: [&str; 8] =
    ["pull", "secret", "policy", "credential", "enabled", "password", "user", "annotation"];

/// The key of the values that every chart gets.
pub(super) const GLOBAL: &str = "global";

const GLOBAL_IMAGE_REGISTRY: &[&str] = &[GLOBAL, "imageRegistry"];
const GLOBAL_REGISTRY_OF_IMAGE: &[&str] = &[GLOBAL, "image", "registry"];

/// The usual paths of a registry for all images of a chart, in the order in which Helm values are
/// tried.
pub(super) const GLOBAL_REGISTRIES: [&[&str]; 3] =
    [GLOBAL_IMAGE_REGISTRY, GLOBAL_REGISTRY_OF_IMAGE, &[GLOBAL, "registry"]];

/// The paths among [`GLOBAL_REGISTRIES`] that a guess relies on, in its order of preference. The
/// third path may be another registry.
pub(super) const RELIABLE_GLOBAL_REGISTRIES: [&[&str]; 2] =
    [GLOBAL_REGISTRY_OF_IMAGE, GLOBAL_IMAGE_REGISTRY];

/// The endings of keys with the parts of an image, in their usual spellings: those of the
/// repository, the registry, the tag and the digest.
const FLAT: [[&str; 4]; 4] = [
    [".repository", ".registry", ".tag", ".digest"],
    ["_repository", "_registry", "_tag", "_digest"],
    ["Repository", "Registry", "Tag", "Digest"],
    ["_REPOSITORY", "_REGISTRY", "_TAG", "_DIGEST"],
];

/// The part of an image that a value of a chart is, judged by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartRole {
    /// The registry, possibly with the first parts of the path.
    Registry,
    /// The path in the registry, or the whole image.
    Name,
    /// The tag.
    Tag,
    /// The digest.
    Digest,
    /// Something else.
    Other,
}

impl PartRole {
    /// Returns the role of the value of `key`. `is_in_image` says whether a key in the path of the
    /// value has the word `image`.
    pub(super) fn from_key(key: &str, is_in_image: impl FnOnce() -> bool) -> PartRole {
        let key = key.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| key.contains(word));
        match () {
            () if has(&SETTINGS) => PartRole::Other,
            () if has(&["digest", "sha"]) => PartRole::Digest,
            () if has(&["tag"]) => PartRole::Tag,
            () if has(&["registry"]) || key == "hub" => PartRole::Registry,
            () if has(&["image", "repository", "repo"]) => PartRole::Name,
            () if has(&["version"]) => PartRole::Tag,
            () if matches!(&*key, "name" | "path" | "org" | "project") && is_in_image() => {
                PartRole::Name
            }
            () => PartRole::Other,
        }
    }

    /// Returns whether it is a tag or a digest.
    pub(super) fn is_version(self) -> bool {
        matches!(self, PartRole::Tag | PartRole::Digest)
    }
}

/// Returns whether the value of a key in the values of a chart may be the repository or the
/// registry of an image.
pub(super) fn names_image_in_values(key: &str) -> bool {
    NAMES_IN_VALUES.contains(&key)
}

/// Returns whether a mapping under this key may have the parts of an image.
pub(super) fn may_have_parts(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.contains("image") && !SETTINGS.iter().any(|word| key.contains(word))
}

/// Returns whether a text can be the name of an image and is not an address or a path.
fn is_name(text: &str) -> bool {
    !text.contains("://") && !text.starts_with(['/', '.', '#']) && !image_text::is_other(text)
}

impl ImageParts {
    /// Returns the parts in a mapping that is the value of `key`, if it is an image.
    pub(super) fn from_mapping(node: &Node, key: &str) -> Option<ImageParts> {
        let has = |key: &str| node.get(key).is_some();
        let implies_image = image_text::implies_image(key);
        let repository_key = match () {
            () if node.text_of("repository").is_some() => "repository",
            () if implies_image
                && (has("tag") || has("digest"))
                && node.text_of("name").is_some() =>
            {
                "name"
            }
            () => return None,
        };
        if !implies_image && !has("registry") && !has("tag") && !has("digest") {
            return None;
        }
        let repository = node.get(repository_key)?.clone();
        if image_text::is_source(repository.text()?) {
            return None;
        }
        let text = |key: &str| node.text_of(key).map(str::to_owned);
        Some(ImageParts {
            repository_key,
            parts: &PARTS,
            registry: text("registry").map(|registry| registry.trim_end_matches('/').to_owned()),
            repository,
            tag: text("tag"),
            digest: text("digest"),
        })
    }

    /// Returns the parts in a mapping that is the value of `key`, which says that it is an image,
    /// with other keys: `{name: ghcr.io/org/app}`, `{repo: org/app, version: 1.0}`.
    pub(super) fn with_other_keys(node: &Node, key: &str) -> Option<ImageParts> {
        if !image_text::implies_image(key) || node.get("repository").is_some() {
            return None;
        }
        let repository_key =
            NAMES.into_iter().find(|key| node.text_of(key).is_some_and(is_name))?;
        let repository = node.get(repository_key)?.clone();
        let text = |key: &str| node.text_of(key).map(str::to_owned);
        let (registry, digest) = (text("registry"), text("digest"));
        let tag = text("tag").or_else(|| text("version"));
        let is_alone = registry.is_none() && tag.is_none() && digest.is_none();
        if is_alone && image_text::named_image(repository.text()?).is_none() {
            return None;
        }
        Some(ImageParts { repository_key, parts: &PARTS, registry, repository, tag, digest })
    }

    /// Returns the parts in a mapping whose `repository` is a registry with a folder, and whose
    /// `image` is the last part of the name:
    /// `{repository: nvcr.io/nvidia, image: driver, version: "570.1"}`.
    pub(super) fn in_folder(node: &Node) -> Option<ImageParts> {
        let image = node.get("image")?;
        let is_last = |text: &&str| is_name(text) && !text.contains(['/', ':', '@']);
        image.text().filter(is_last)?;
        let folder = node.text_of("repository").filter(|it| !image_text::is_source(it))?;
        let text = |key: &str| node.text_of(key).map(str::to_owned);
        let (tag, digest) = (text("tag").or_else(|| text("version")), text("digest"));
        if tag.is_none() && digest.is_none() {
            return None;
        }
        let folder = folder.trim_end_matches('/');
        Some(ImageParts {
            repository_key: "image",
            parts: &["registry", "repository", "tag", "version", "digest"],
            registry: Some(match text("registry") {
                Some(registry) => format!("{}/{folder}", registry.trim_end_matches('/')),
                None => folder.to_owned(),
            }),
            repository: image.clone(),
            tag,
            digest,
        })
    }

    /// Returns the parts whose keys have the same prefix as this one, which ends in `repository`:
    /// `operator.repository` with `operator.tag`, `IMAGE_REPOSITORY` with `IMAGE_TAG`.
    pub(super) fn flat(node: &Node, key: &str) -> Option<ImageParts> {
        let [stem, registry, tag, digest] =
            FLAT.into_iter().find_map(|[repository, rest @ ..]| {
                let stem = key.strip_suffix(repository).filter(|stem| !stem.is_empty())?;
                Some([stem, rest[0], rest[1], rest[2]])
            })?;
        let text = |end: &str| node.text_of(&format!("{stem}{end}")).map(str::to_owned);
        let repository = node.get(key)?;
        let name = repository.text().filter(|it| is_name(it) && !image_text::is_source(it))?;
        let (registry, tag, digest) = (text(registry), text(tag), text(digest));
        let has_host = registry.is_some()
            || name.parse::<ImageReference>().is_ok_and(|image| image.host().is_some());
        let is_meant = has_host || stem.to_ascii_lowercase().contains("image");
        let names_image = is_meant && (tag.is_some() || digest.is_some());
        let repository = repository.clone();
        names_image.then_some(ImageParts {
            repository_key: "",
            parts: &[],
            registry,
            repository,
            tag,
            digest,
        })
    }

    /// Returns the repository.
    pub(super) fn repository(&self) -> &str {
        self.repository.text().unwrap_or_default()
    }

    /// Returns the reference that the parts form.
    pub(super) fn reference(&self) -> String {
        let mut text = match &self.registry {
            Some(registry) => format!("{registry}/{}", self.repository()),
            None => self.repository().to_owned(),
        };
        match &self.tag {
            Some(tag) if tag.starts_with('@') => text.push_str(tag),
            Some(tag) if tag.starts_with("sha256:") => text.push_str(&format!("@{tag}")),
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

/// Returns the parts of an image that is written in several fields, with their new texts. The tag
/// and the digest must stay.
pub(super) fn moved(
    around: &Node,
    key: &str,
    image: &ImageReference,
    destination: &ImageReference,
) -> Option<Vec<(String, String)>> {
    let from = image.with_defaults();
    if (from.tag(), from.digest()) != (destination.tag(), destination.digest()) {
        return None;
    }
    let (host, path) = (destination.host()?.to_owned(), destination.path().to_owned());
    let has = |key: &str| around.text_of(key).is_some();
    let part = |key: &str, text: String| (key.to_owned(), text);
    if key == "image" && has("repository") {
        let (folder, last) = path.rsplit_once('/').unwrap_or(("", &path));
        let folder = match has("registry") {
            true => folder.to_owned(),
            false => format!("{host}/{folder}").trim_end_matches('/').to_owned(),
        };
        let registry = has("registry").then(|| part("registry", host));
        let names = [part("repository", folder), part("image", last.to_owned())];
        return Some(registry.into_iter().chain(names).collect());
    }
    let registry = match key.to_ascii_lowercase().strip_suffix("repository") {
        Some(stem) => {
            let end = &key[stem.len()..];
            let own = match end.chars().next() {
                Some('R') if end.ends_with('Y') => "REGISTRY",
                Some('R') => "Registry",
                _ => "registry",
            };
            format!("{}{own}", &key[..stem.len()])
        }
        None => "registry".to_owned(),
    };
    Some(match has(&registry) {
        true => vec![(registry, host), part(key, path)],
        false => vec![part(key, format!("{host}/{path}"))],
    })
}
