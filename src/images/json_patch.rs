//! Patches that bring images in texts to their destinations: in arguments, in files in ConfigMaps,
//! in images that are written in parts.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use super::field::{self, Step};
use super::mention::{Mention, Resource};
use super::mirror_list::MirrorList;
use super::reference::ImageReference;
use crate::yaml::{self, Documents, Duplicates, Node};

/// The first line of each patch, by which a later run knows those that it replaces.
pub const MARK: &str = "# written by `wasm-airgap mirror kustomize`";

/// A patch of one resource, as Kustomize and RFC 6902 have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPatch {
    /// The resource.
    pub resource: Resource,
    /// The JSON pointers of fields, and the texts that they get.
    pub values: BTreeMap<String, String>,
}

impl JsonPatch {
    /// Returns the patch and its target as an item of `patches` in a kustomization.
    pub fn text(&self) -> String {
        let Resource { api_version, kind, namespace, name } = &self.resource;
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        // A name in a target is a regular expression.
        let name = name.replace('.', "\\.");
        let fields = [
            ("group", group),
            ("version", version),
            ("kind", kind),
            ("name", &name),
            ("namespace", namespace.as_deref().unwrap_or_default()),
        ];
        let mut text = "target:\n".to_owned();
        for (key, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            text.push_str(&format!("  {key}: {}\n", yaml::scalar(value)));
        }
        text.push_str(&format!("patch: |-\n  {MARK}\n"));
        for (pointer, value) in &self.values {
            let (pointer, value) = (yaml::scalar(pointer), yaml::scalar(value));
            text.push_str(&format!("  - op: replace\n    path: {pointer}\n    value: {value}\n"));
        }
        text
    }
}

/// Makes the patches for images in a file with this text, and returns the images that no patch can
/// change.
pub fn patches<'a>(
    text: &str,
    name: &str,
    mentions: &[&'a Mention],
    list: &MirrorList,
) -> (Vec<JsonPatch>, Vec<&'a Mention>) {
    let mut open: Vec<_> = mentions.to_vec();
    let mut patches = Vec::new();
    for document in Documents::new(text, name, Duplicates::Refused).flatten() {
        for resource in resources(&document) {
            let mut values = Values::default();
            let mut of = None;
            open.retain(|mention| {
                let is_here = mention.resource.as_deref().is_some_and(|it| is_of(resource, it));
                let is_changed = is_here && change(resource, mention, list, &mut values).is_some();
                if is_changed {
                    of = mention.resource.clone();
                }
                !is_changed
            });
            if let Some(resource) = of {
                patches
                    .push(JsonPatch { resource: (*resource).clone(), values: values.by_pointer });
            }
        }
    }
    (patches, open)
}

/// The new texts of a resource.
#[derive(Default)]
struct Values {
    by_pointer: BTreeMap<String, String>,
    /// The images that were replaced, with the pointers of their texts.
    replaced: HashSet<(String, String)>,
}

/// The resources in a document: itself, or the items of a list.
fn resources(document: &Rc<Node>) -> Vec<&Rc<Node>> {
    let is_list = document.text_of("kind").is_some_and(|kind| kind.ends_with("List"));
    match document.get("items") {
        Some(items) if is_list => items.items().iter().collect(),
        _ => vec![document],
    }
}

/// Whether a node is the resource with this name.
fn is_of(node: &Node, resource: &Resource) -> bool {
    let metadata = |key: &str| node.get("metadata").and_then(|it| it.text_of(key));
    node.text_of("apiVersion") == Some(&*resource.api_version)
        && node.text_of("kind") == Some(&*resource.kind)
        && metadata("name").is_some_and(|name| name == resource.name)
        && metadata("namespace") == resource.namespace.as_deref()
}

/// Adds what brings an image to its destination; none where that cannot be said.
fn change(
    resource: &Rc<Node>,
    mention: &Mention,
    list: &MirrorList,
    values: &mut Values,
) -> Option<()> {
    let image = mention.image.as_ref().ok()?;
    let destination = destination(image, list)?;
    let steps = field::steps(&mention.field)?;
    let (scalar, depth, around) = field::follow(resource, &steps)?;
    let pointer = field::pointer(&steps[..depth]);
    // An image is replaced everywhere in a text, and several images one after the other.
    let key = (pointer.clone(), mention.written.clone());
    if values.replaced.contains(&key) {
        return Some(());
    }
    let text = values.by_pointer.get(&pointer).map_or(&*scalar.scalar()?.text, |it| it);
    if let Some(text) = replaced(text, &mention.written, &destination.to_string()) {
        values.by_pointer.insert(pointer, text);
        values.replaced.insert(key);
        return Some(());
    }
    match (depth == steps.len(), steps.split_last()?) {
        (true, (Step::Key(key), above)) => {
            let parts = parts(around, key, image, &destination)?;
            for (key, text) in parts {
                let steps = [above, &[Step::Key(key)]].concat();
                values.by_pointer.insert(field::pointer(&steps), text);
            }
            Some(())
        }
        _ => None,
    }
}

/// The destination of an image, with the digest that is written.
fn destination(image: &ImageReference, list: &MirrorList) -> Option<ImageReference> {
    let destination = &list.entries()[list.position(image)?].destination;
    match (image.digest(), destination.digest()) {
        (Some(digest), None) => format!("{destination}@{digest}").parse().ok(),
        _ => Some(destination.clone()),
    }
}

/// The text with an image replaced wherever it stands as a whole; none where it does not.
fn replaced(text: &str, image: &str, destination: &str) -> Option<String> {
    let inside = |c: char| c.is_ascii_alphanumeric() || "._-/@".contains(c);
    let mut result = String::new();
    let (mut rest, mut found) = (text, false);
    while let Some(at) = rest.find(image) {
        let (before, behind) = (&rest[..at], &rest[at + image.len()..]);
        let starts = before.ends_with("://") || !before.ends_with(inside);
        let mut next = behind.chars();
        let ends = match next.next() {
            Some('.') => !next.next().is_some_and(|c| inside(c) || c == ':'),
            Some(c) => !inside(c) && c != ':',
            None => true,
        };
        result.push_str(before);
        result.push_str(if starts && ends { destination } else { image });
        found |= starts && ends;
        rest = behind;
    }
    result.push_str(rest);
    found.then_some(result)
}

/// The parts of an image that is written in several fields, with their new texts. The tag and the
/// digest must stay.
fn parts(
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::manifests::Manifests;

    const LIST: &str = "images:\n- {source: 'g.io/a:1', destination: 'r.io/m/a:1'}\n- {source: 'nginx:1', destination: 'r.io/m/nginx:1'}\n- {source: 'g.io/b/c:2', destination: 'r.io/c:2-x'}\n";

    fn made(resource: &str) -> (Vec<(String, String)>, usize) {
        let text = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\n{resource}\n");
        let mut manifests = Manifests::default();
        manifests.add(&text, "a.yaml");
        let list = MirrorList::parse(LIST, "mirror.yaml").unwrap();
        let mentions: Vec<_> = manifests.mentions.iter().collect();
        let (patches, left) = patches(&text, "a.yaml", &mentions, &list);
        let values = patches.into_iter().flat_map(|it| it.values).collect();
        (values, left.len())
    }

    #[test]
    fn texts_get_their_images_replaced() {
        for (resource, pointer, text) in [
            ("args: ['--a-image=g.io/a:1']", "/args/0", "--a-image=r.io/m/a:1"),
            (
                "args: ['x docker://g.io/a:1, g.io/a:1.']",
                "/args/0",
                "x docker://r.io/m/a:1, r.io/m/a:1.",
            ),
            ("x: 'g.io/a:1 g.io/a:10 y.g.io/a:1'", "/x", "r.io/m/a:1 g.io/a:10 y.g.io/a:1"),
            (
                "data: {a: \"- image: nginx:1\\n- image: nginx:1\\n\"}",
                "/data/a",
                "- image: r.io/m/nginx:1\n- image: r.io/m/nginx:1\n",
            ),
            (
                "data: {a.b: \"image: nginx:1\\nother: g.io/a:1\\n\"}",
                "/data/a.b",
                "image: r.io/m/nginx:1\nother: r.io/m/a:1\n",
            ),
        ] {
            // What is not in the list is left.
            let others = if text.contains("a:10") { 2 } else { 0 };
            let expected = (vec![(pointer.to_owned(), text.to_owned())], others);
            assert_eq!(made(resource), expected, "{resource}");
        }
    }

    #[test]
    fn parts_get_theirs() {
        let pair = |key: &str, text: &str| (format!("/i/{key}"), text.to_owned());
        let cases = [
            (
                "{registry: g.io, repository: a, tag: '1'}",
                vec![pair("registry", "r.io"), pair("repository", "m/a")],
            ),
            ("{repository: g.io/a, tag: '1'}", vec![pair("repository", "r.io/m/a")]),
            (
                "{repository: docker.io/library, image: nginx, version: '1'}",
                vec![pair("image", "nginx"), pair("repository", "r.io/m")],
            ),
            ("{x.repository: g.io/a, x.tag: '1'}", vec![pair("x.repository", "r.io/m/a")]),
            (
                "{IMAGE_REGISTRY: g.io, IMAGE_REPOSITORY: a, IMAGE_TAG: '1'}",
                vec![pair("IMAGE_REGISTRY", "r.io"), pair("IMAGE_REPOSITORY", "m/a")],
            ),
        ];
        for (parts, expected) in cases {
            assert_eq!(made(&format!("i: {parts}")), (expected, 0), "{parts}");
        }
        // Another tag cannot be said here.
        assert_eq!(made("i: {repository: g.io/b/c, tag: '2'}"), (vec![], 1));
    }
}
