//! JSON patches (RFC 6902) that bring images in texts to their destinations: in arguments, in files
//! in ConfigMaps, in images that are written in parts.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use super::field_path::{self, FieldStep};
use super::image_occurrence::{ImageOccurrence, Resource};
use super::image_parts;
use super::mirror_list::MirrorList;
use super::reference::ImageReference;
use crate::yaml::{self, Documents, Duplicates, Node};
use airgap_core::error::{Error, Result};

/// The first line of each patch, by which a later run recognizes patches to replace.
pub const MARK: &str = "# written by `wasm-airgap mirror kustomize`";

/// A patch of one resource, in the form of Kustomize and RFC 6902.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPatch {
    /// The resource.
    pub resource: Resource,
    /// The new texts of fields, by their JSON pointers.
    pub values: BTreeMap<String, String>,
}

impl JsonPatch {
    /// Returns the patch and its target as an item of `patches` in a kustomization.
    pub fn text(&self) -> String {
        let Resource { api_version, kind, namespace, name } = &self.resource;
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        // The name in a target is a regular expression.
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

/// The largest size of all patches in bytes, which is that of a file that is read again.
const MOST_BYTES: usize = 16 << 20;

/// The largest number of bytes that are searched for images, each text once for each of its images.
const MOST_SEARCHED: usize = 1 << 30;

/// The patches of all files, which share the limits.
#[derive(Debug, Default)]
pub struct JsonPatches<'a> {
    /// The patches, in the order of the resources.
    pub patches: Vec<JsonPatch>,
    /// Images that no patch can change.
    pub left: Vec<&'a ImageOccurrence>,
    searched: usize,
    made: usize,
}

impl<'a> JsonPatches<'a> {
    /// Adds the patches for images in a file with this text.
    ///
    /// # Errors
    /// Usage, if all patches together exceed 16 MiB, or the searched texts 1 GiB.
    pub fn add(
        &mut self,
        text: &str,
        name: &str,
        occurrences: &[&'a ImageOccurrence],
        list: &MirrorList,
    ) -> Result<()> {
        let mut open: HashMap<&Resource, Vec<&'a ImageOccurrence>> = HashMap::new();
        for occurrence in occurrences {
            match occurrence.resource.as_deref() {
                Some(resource) => open.entry(resource).or_default().push(occurrence),
                None => self.left.push(occurrence),
            }
        }
        for document in Documents::new(text, name, Duplicates::Refused).flatten() {
            for node in resources(&document) {
                let Some(resource) = resource_of(node) else { continue };
                let Some(occurrences) = open.remove(&resource) else { continue };
                let mut values = Values::default();
                for occurrence in occurrences {
                    if change(node, occurrence, list, &mut values).is_none() {
                        self.left.push(occurrence);
                    }
                }
                self.count(&values)?;
                if !values.by_pointer.is_empty() {
                    self.patches.push(JsonPatch { resource, values: values.by_pointer });
                }
            }
        }
        let left = occurrences
            .iter()
            .filter(|it| it.resource.as_ref().is_some_and(|it| open.contains_key(&**it)));
        self.left.extend(left);
        Ok(())
    }

    fn count(&mut self, values: &Values) -> Result<()> {
        self.searched = self.searched.saturating_add(values.searched);
        self.made += values.by_pointer.values().map(String::len).sum::<usize>();
        let exceeded = match () {
            () if values.exceeds_limits || self.made > MOST_BYTES => {
                format!("{MOST_BYTES} bytes of patches")
            }
            () if self.searched > MOST_SEARCHED => {
                format!("{MOST_SEARCHED} bytes that are searched for images")
            }
            () => return Ok(()),
        };
        Err(Error::usage("the texts with images are too long for patches")
            .fact("limit", exceeded)
            .hint("pass fewer files to each run, and write a kustomization for each"))
    }
}

/// The new texts of a resource.
#[derive(Default)]
struct Values {
    by_pointer: BTreeMap<String, String>,
    /// The replaced images, with the pointers of their texts.
    replaced: HashSet<(String, String)>,
    /// The number of searched bytes.
    searched: usize,
    /// Whether a text exceeded the limit of all patches.
    exceeds_limits: bool,
}

/// Returns the resources in a document: the document itself, or the items of a list.
fn resources(document: &Rc<Node>) -> Vec<&Rc<Node>> {
    let is_list = document.text_of("kind").is_some_and(|kind| kind.ends_with("List"));
    match document.get("items") {
        Some(items) if is_list => items.items().iter().collect(),
        _ => vec![document],
    }
}

/// Returns the resource of a node, if it has a name.
fn resource_of(node: &Node) -> Option<Resource> {
    let metadata = |key: &str| node.get("metadata").and_then(|it| it.text_of(key));
    Some(Resource {
        api_version: node.text_of("apiVersion")?.to_owned(),
        kind: node.text_of("kind")?.to_owned(),
        namespace: metadata("namespace").map(str::to_owned),
        name: metadata("name")?.to_owned(),
    })
}

/// Adds the new texts that bring an image to its destination; `None` if there are none.
fn change(
    resource: &Rc<Node>,
    occurrence: &ImageOccurrence,
    list: &MirrorList,
    values: &mut Values,
) -> Option<()> {
    let image = occurrence.image.as_ref().ok()?;
    let destination = destination(image, list)?;
    let steps = field_path::steps(&occurrence.field)?;
    let (scalar, depth, around) = field_path::follow(resource, &steps)?;
    let pointer = field_path::pointer(&steps[..depth]);
    // All occurrences of an image in a text are replaced, and several images one after the other.
    let key = (pointer.clone(), occurrence.written.clone());
    if values.replaced.contains(&key) {
        return Some(());
    }
    if values.exceeds_limits || values.searched > MOST_SEARCHED {
        return None;
    }
    let text = values.by_pointer.get(&pointer).map_or(&*scalar.scalar()?.text, |it| it);
    values.searched += text.len();
    if let Some(text) = replaced(text, &occurrence.written, &destination.to_string()) {
        values.exceeds_limits |= text.len() > MOST_BYTES;
        values.by_pointer.insert(pointer, text);
        values.replaced.insert(key);
        return Some(());
    }
    match (depth == steps.len(), steps.split_last()?) {
        (true, (FieldStep::Key(key), above)) => {
            let parts = image_parts::moved(around, key, image, &destination)?;
            for (key, text) in parts {
                let steps = [above, &[FieldStep::Key(key)]].concat();
                values.by_pointer.insert(field_path::pointer(&steps), text);
            }
            Some(())
        }
        _ => None,
    }
}

/// Returns the destination of an image, with the digest that is written.
fn destination(image: &ImageReference, list: &MirrorList) -> Option<ImageReference> {
    let destination = &list.entries()[list.position(image)?].destination;
    match (image.digest(), destination.digest()) {
        (Some(digest), None) => format!("{destination}@{digest}").parse().ok(),
        _ => Some(destination.clone()),
    }
}

/// Returns the text with each whole occurrence of an image replaced; `None` if there is no
/// occurrence.
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
        if result.len() > MOST_BYTES {
            // The text is too long already, which the caller reports.
            return Some(result);
        }
        rest = behind;
    }
    result.push_str(rest);
    found.then_some(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::Manifests;

    const LIST: &str = "images:\n- {source: 'g.io/a:1', destination: 'r.io/m/a:1'}\n- {source: 'nginx:1', destination: 'r.io/m/nginx:1'}\n- {source: 'g.io/b/c:2', destination: 'r.io/c:2-x'}\n";

    fn made(resource: &str) -> (Vec<(String, String)>, usize) {
        let text = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\n{resource}\n");
        let mut manifests = Manifests::default();
        manifests.add(&text, "a.yaml");
        let list = MirrorList::parse(LIST, "mirror.yaml").unwrap();
        let occurrences: Vec<_> = manifests.occurrences.iter().collect();
        let mut made = JsonPatches::default();
        made.add(&text, "a.yaml", &occurrences, &list).unwrap();
        let values = made.patches.into_iter().flat_map(|it| it.values).collect();
        (values, made.left.len())
    }

    #[test]
    fn images_in_text_are_replaced() {
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
            // Images that are not in the list stay.
            let others = if text.contains("a:10") { 2 } else { 0 };
            let expected = (vec![(pointer.to_owned(), text.to_owned())], others);
            assert_eq!(made(resource), expected, "{resource}");
        }
    }

    #[test]
    fn split_image_fields_are_replaced_part_by_part() {
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
        // A patch cannot express another tag.
        assert_eq!(made("i: {repository: g.io/b/c, tag: '2'}"), (vec![], 1));
    }

    #[test]
    fn texts_that_grow_too_long_are_refused() {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nx: 'image {}'\n",
            "g.io/a:1 ".repeat(300_000)
        );
        let mut manifests = Manifests::default();
        manifests.add(&text, "a.yaml");
        let to = "a".repeat(80);
        let list = format!("images:\n- {{source: 'g.io/a:1', destination: 'r.io/{to}:1'}}\n");
        let list = MirrorList::parse(&list, "mirror.yaml").unwrap();
        let occurrences: Vec<_> = manifests.occurrences.iter().collect();
        let error = JsonPatches::default().add(&text, "a.yaml", &occurrences, &list).unwrap_err();
        assert!(error.to_string().contains("16777216 bytes of patches"), "{error}");
    }
}
