//! Finds the images that a manifest names, by its structure and not by a list of kinds.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::image_occurrence::{FieldPath, ImageOccurrence, OccurrenceKind, Resource};
use super::image_parts::ImageParts;
use super::image_text;
use super::purpose::Purpose;
use super::reference::ImageReference;
use crate::yaml::{Documents, Duplicates, MappingEntry, Node, Position, Problem, Style, Value};

/// The keys of lists of containers.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// The key that says that all items of a list are images.
const IMAGES: &str = "images";

/// Keys of texts that are not configuration: documentation, and the last applied manifest.
const IGNORED: [&str; 2] = ["description", "kubectl.kubernetes.io/last-applied-configuration"];

/// The largest depth at which manifests in texts in manifests are followed.
const MOST_NESTED: u8 = 3;

/// The limit on repeated visits of values and images because of aliases, in steps: this number for
/// each document, plus this number for each of its values.
const MOST_REPEATED: usize = 1 << 16;
const REPEATED_BY_VALUE: usize = 64;

/// The largest number of values in all texts of a document that are YAML or JSON themselves.
const MOST_NESTED_VALUES: u32 = 250_000;

/// The largest number of images in a document, and of the bytes of their texts and fields.
const MOST_OCCURRENCES: usize = 50_000;
const MOST_BYTES: usize = 16 << 20;

/// The longest text that is searched again instead of being cached, in bytes.
const SHORT: usize = 64;

/// Returns the images in a document.
///
/// # Errors
/// The problem, if the document exceeds a limit, as a document of nested aliases does.
pub fn scan(document: &Node) -> Result<Vec<ImageOccurrence>, Problem> {
    let mut scan = Scan::default();
    scan.value(document, if is_image_list(document) { IMAGES } else { "" });
    match scan.too_much() {
        None => Ok(scan.occurrences),
        Some(problem) => Err(Problem { place: document.place.clone(), problem }),
    }
}

#[derive(Default)]
struct Scan {
    occurrences: Vec<ImageOccurrence>,
    resource: Option<Rc<Resource>>,
    purpose: Purpose,
    field: FieldPath,
    /// The texts that contain the current value.
    within: Vec<Within>,
    shared: SharedValues,
    /// The number of values in texts that are YAML or JSON.
    nested: u32,
    /// The size of the images and their fields, in bytes.
    bytes: usize,
}

/// A text that is itself YAML.
struct Within {
    place: Position,
    /// Whether its lines equal the lines of the file.
    has_lines: bool,
}

/// The state for values that aliases repeat. A value is identified by its address: all of them live
/// as long as the scan.
#[derive(Default)]
struct SharedValues {
    /// Values that several places share.
    seen: HashSet<*const Node>,
    /// Values without images, each with the kind of key above it.
    without_images: HashSet<(*const Node, ParentKey)>,
    /// The images of a text, with their fields within it.
    texts: HashMap<(*const Node, SearchMode, usize), Rc<[ImageOccurrence]>>,
    /// The documents in texts.
    kept: Vec<Rc<Node>>,
    /// Whether the current value was scanned before.
    is_repeated: bool,
    values: usize,
    steps: usize,
}

/// The kind of key above a value, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum ParentKey {
    Containers,
    /// `image`, `images`: a bare word is an image too.
    Image,
    /// A key for several images, such as `sidecarImages`.
    Images,
    NamedImage,
    Other,
}

impl ParentKey {
    fn from_key(key: &str) -> ParentKey {
        match key {
            "image" | "images" => ParentKey::Image,
            _ if CONTAINERS.contains(&key) => ParentKey::Containers,
            _ if image_text::implies_images(key) => ParentKey::Images,
            _ if image_text::implies_image(key) => ParentKey::NamedImage,
            _ => ParentKey::Other,
        }
    }
}

/// The expected content of a text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum SearchMode {
    /// Images: the value of a flag or a variable whose name says `image`.
    Images,
    /// Possibly images: the value of a key whose name says `image`.
    NamedImages,
    /// Any content.
    Text,
}

impl Scan {
    /// Scans a value that may be shared; `key` is the nearest one above it.
    fn node(&mut self, node: &Rc<Node>, key: &str) {
        if Rc::strong_count(node) == 1 {
            return self.value(node, key);
        }
        let address: *const Node = Rc::as_ptr(node);
        let shared = (address, ParentKey::from_key(key));
        if self.shared.without_images.contains(&shared) {
            return;
        }
        let (was_repeated, before) = (self.shared.is_repeated, self.occurrences.len());
        self.shared.is_repeated |= !self.shared.seen.insert(address);
        self.value(node, key);
        self.shared.is_repeated = was_repeated;
        if self.occurrences.len() == before && !self.has_too_much() {
            self.shared.without_images.insert(shared);
        }
    }

    fn value(&mut self, node: &Node, key: &str) {
        if self.has_too_much() {
            return;
        }
        match self.shared.is_repeated {
            true => self.shared.steps += 1,
            false => self.shared.values += 1,
        }
        match &node.value {
            Value::Scalar(_) => self.text(node),
            Value::Sequence(items) => self.each(items, |scan, item| match item.text() {
                Some(text) if image_text::implies_image(key) => scan.item(text, item, key),
                _ => scan.node(item, key),
            }),
            Value::Mapping(entries) => {
                let outer = self.purpose;
                let entered = self.enter(node);
                self.purpose = self.purpose.with_metadata(node);
                if !self.purpose.judges {
                    self.mapping(node, entries, key);
                }
                self.purpose = outer;
                if let Some((resource, field)) = entered {
                    (self.resource, self.field) = (resource, field);
                }
            }
        }
    }

    fn has_too_much(&self) -> bool {
        self.shared.steps > MOST_REPEATED + REPEATED_BY_VALUE * self.shared.values
            || self.nested > MOST_NESTED_VALUES
            || self.occurrences.len() > MOST_OCCURRENCES
            || self.bytes > MOST_BYTES
    }

    /// Returns the limit that is exceeded, in words.
    fn too_much(&self) -> Option<String> {
        if self.nested > MOST_NESTED_VALUES {
            let limit = format!("more than {MOST_NESTED_VALUES} values");
            Some(format!("the texts of the document that are YAML themselves have {limit}"))
        } else if self.occurrences.len() > MOST_OCCURRENCES {
            Some(format!("the document names images more than {MOST_OCCURRENCES} times"))
        } else if self.bytes > MOST_BYTES {
            let limit = format!("more than {MOST_BYTES} bytes");
            Some(format!("the images of the document and their fields take {limit}"))
        } else {
            let problem = "with its aliases followed, the document has too many images";
            self.has_too_much().then(|| problem.to_owned())
        }
    }

    /// Enters a resource, if the node is one; returns the outer resource and path.
    fn enter(&mut self, node: &Node) -> Option<(Option<Rc<Resource>>, FieldPath)> {
        let (kind, api_version) = (node.text_of("kind")?, node.text_of("apiVersion")?);
        if !self.within.is_empty() {
            return None;
        }
        let metadata = node.get("metadata");
        let text = |key: &str| Some(metadata?.text_of(key)?.to_owned());
        let resource = Resource {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: text("namespace"),
            name: text("name").or_else(|| text("generateName")).unwrap_or_default(),
        };
        self.purpose = self.purpose.with_resource(&resource);
        let outer = self.resource.replace(Rc::new(resource));
        Some((outer, std::mem::take(&mut self.field)))
    }

    fn mapping(&mut self, node: &Node, entries: &[MappingEntry], key: &str) {
        let split = ImageParts::in_folder(node)
            .or_else(|| ImageParts::from_mapping(node, key))
            .or_else(|| ImageParts::with_other_keys(node, key))
            .filter(|split| self.names_image(split, key));
        if let Some(split) = &split {
            let before = self.field.key(split.repository_key);
            self.add(&split.reference(), OccurrenceKind::Field, &split.repository);
            self.field.back(before);
        }
        self.flat(entries, node);
        // A variable or a parameter: `{name: SIDECAR_IMAGE, value: …}`.
        let name = node.text_of("name").or_else(|| node.text_of("key")).unwrap_or_default();
        for entry in entries {
            let is_part = split.as_ref().is_some_and(|split| {
                &*entry.key == split.repository_key || split.parts.contains(&&*entry.key)
            });
            if (is_part && entry.value.text().is_some()) || self.purpose.is_rule(&entry.key) {
                continue;
            }
            let before = self.field.key(&entry.key);
            for (word, _) in image_text::images_in(&entry.key) {
                self.add_at(word, OccurrenceKind::Text, &entry.place, false);
            }
            match (&*entry.key, entry.value.text()) {
                ("value" | "default", Some(text)) if image_text::implies_image(name) => {
                    self.images(text, &entry.value);
                }
                ("value" | "default", None) => self.node(&entry.value, name),
                _ => self.entry(entry, node, key),
            }
            self.field.back(before);
        }
    }

    /// Adds the images in parts whose keys have a common prefix: `operator.repository` and
    /// `operator.tag`, as in ConfigMaps.
    fn flat(&mut self, entries: &[MappingEntry], node: &Node) {
        for entry in entries {
            let Some(split) = ImageParts::flat(node, &entry.key) else { continue };
            let before = self.field.key(&entry.key);
            self.add(&split.reference(), OccurrenceKind::Field, &split.repository);
            self.field.back(before);
        }
    }

    /// Returns whether the parts form an image, or were meant to form one and do not.
    fn names_image(&self, split: &ImageParts, key: &str) -> bool {
        let text = split.reference();
        let is_meant = image_text::implies_image(key) || split.registry.is_some();
        text.parse::<ImageReference>().is_ok()
            || (is_meant && !(self.is_within() && image_text::has_placeholder(&text)))
    }

    fn is_within(&self) -> bool {
        !self.within.is_empty()
    }

    /// Scans the value of a key in the mapping `around`, which is itself the value of `parent`.
    fn entry(&mut self, entry: &MappingEntry, around: &Node, parent: &str) {
        let (key, value) = (&*entry.key, &entry.value);
        let above = ParentKey::from_key(parent);
        match (key, value.text()) {
            (_, Some(_)) if IGNORED.contains(&key) => {}
            ("image", Some(_)) if is_of_a_disk(around) => {}
            ("image", Some(text)) if above == ParentKey::Containers && !self.is_within() => {
                self.add(image_text::resolved(text), OccurrenceKind::Container, value);
            }
            ("image", Some(text)) => self.image(text, value, around),
            (_, Some(text)) if image_text::is_volume_image(key, parent) => {
                self.add(text, OccurrenceKind::Field, value);
            }
            (_, Some(text)) if image_text::is_image_list(key) => self.images(text, value),
            (_, Some(text)) if image_text::implies_image(key) => self.named(text, value, key),
            (_, Some(text)) if image_text::implies_images(parent) && is_one_of_several(text) => {
                self.add(text, OccurrenceKind::Field, value);
            }
            ("default", Some(text)) if above != ParentKey::Other && is_one_of_several(text) => {
                self.add(text, OccurrenceKind::Field, value);
            }
            ("args" | "command", None) if !value.items().is_empty() => self.words(value.items()),
            _ => self.node(value, key),
        }
    }

    /// Adds the `image` of a mapping that is not a container: the address of a picture is not an
    /// image.
    fn image(&mut self, text: &str, node: &Node, around: &Node) {
        let text = image_text::bare(text);
        let is_other = text.contains("://")
            || text.starts_with(['/', '.', '#'])
            || text.starts_with("data:")
            || text.contains(char::is_whitespace)
            || image_text::is_other(text);
        let is_one = match self.is_within() {
            false => !is_other || image_text::has_placeholder(text),
            true => !is_other && text.parse::<ImageReference>().is_ok(),
        };
        match is_one {
            true => self.add(&with_parts(text, around), OccurrenceKind::Field, node),
            false => self.text(node),
        }
    }

    /// Adds the value of a key that ends in `image`.
    fn named(&mut self, text: &str, node: &Node, key: &str) {
        let text = image_text::bare(text);
        let is_placeholder = !self.is_within()
            && image_text::has_placeholder(text)
            && !text.contains(char::is_whitespace);
        match is_placeholder || image_text::named_image(text).is_some() {
            true => self.add(text, OccurrenceKind::Field, node),
            false => self.once(node, SearchMode::NamedImages, text.len(), |scan| {
                let mut parts = image_text::parts_of(text);
                match parts.all(|part| image_text::named_image(part).is_some()) {
                    true => scan.parts(text, node),
                    false if scan.nested(text, node, key) => {}
                    false => scan.text(node),
                }
            }),
        }
    }

    /// Adds an item of a list under a key whose name says `image`.
    fn item(&mut self, text: &str, node: &Node, key: &str) {
        let text = image_text::bare(text);
        let is_short = ParentKey::from_key(key) == ParentKey::Image
            && text.parse::<ImageReference>().is_ok()
            && !image_text::is_other(text);
        match is_short {
            true => self.add(text, OccurrenceKind::Field, node),
            false => self.named(text, node, key),
        }
    }

    /// Scans a command line: flags whose names say `image`, and images in any other word.
    fn words(&mut self, items: &[Rc<Node>]) {
        let mut implies_image = false;
        self.each(items, |scan, item| {
            let Some(text) = item.text() else { return scan.node(item, "") };
            let was_flag = std::mem::take(&mut implies_image);
            match flag(text) {
                Some((name, Some(""))) if image_text::implies_image(name) => implies_image = true,
                Some((name, Some(value))) if image_text::implies_image(name) => {
                    scan.images(value, item)
                }
                Some((name, None)) if image_text::implies_image(name) => implies_image = true,
                None if was_flag => scan.images(text, item),
                _ => scan.text(item),
            }
        });
    }

    /// Adds the value of a flag or a variable whose name says `image`.
    fn images(&mut self, text: &str, node: &Node) {
        self.once(node, SearchMode::Images, text.len(), |scan| {
            if !scan.nested(text, node, "images") {
                scan.parts(text, node);
            }
        });
    }

    /// Adds the images of a text that is a list of images, or a single one.
    fn parts(&mut self, text: &str, node: &Node) {
        let mut found = HashSet::new();
        for (part, _) in image_text::images_of(text) {
            found.insert(part);
            self.add(part, OccurrenceKind::Text, node);
        }
        for word in image_text::images_anywhere(text) {
            if !found.contains(&*word) {
                self.add(&word, OccurrenceKind::Text, node);
            }
        }
        let is_placeholder = |part: &&str| {
            image_text::has_placeholder(part) && part.parse::<ImageReference>().is_err()
        };
        if self.is_within() {
            return;
        }
        match text.contains("{{") {
            true => self.add(text, OccurrenceKind::Text, node),
            false => {
                for part in image_text::parts_of(text).filter(is_placeholder) {
                    self.add(part, OccurrenceKind::Text, node);
                }
            }
        }
    }

    /// Scans any text: it may be YAML or JSON itself, or name images among other words.
    fn text(&mut self, node: &Node) {
        let Some(scalar) = node.scalar() else { return };
        let text = scalar.text.as_str();
        // An image in a text has a tag or a digest, or follows a key or a flag.
        if !text.contains([':', '@', '=']) && !text.contains("--") {
            return;
        }
        self.once(node, SearchMode::Text, text.len(), |scan| {
            if scan.nested(text, node, "") {
                return;
            }
            for word in image_text::images_anywhere(text) {
                scan.add(&word, OccurrenceKind::Text, node);
            }
        });
    }

    /// Scans a text that is YAML or JSON; returns whether it is.
    fn nested(&mut self, text: &str, node: &Node, key: &str) -> bool {
        if self.within.len() >= usize::from(MOST_NESTED) || !is_collection(text) {
            return false;
        }
        let Some(scalar) = node.scalar() else { return false };
        let is_whole = scalar.text.trim() == text.trim();
        // The text before its first line is included, so that line numbers are right.
        let text = if is_whole { scalar.text.as_str() } else { text };
        let left = MOST_NESTED_VALUES.saturating_sub(self.nested);
        let mut reader =
            Documents::new(text, &node.place.file, Duplicates::LastCounts).at_most(left);
        let documents: Result<Vec<_>, _> = reader.by_ref().collect();
        self.nested = self.nested.saturating_add(reader.values());
        let Ok(mut documents) = documents else { return false };
        documents.retain(|document| !document.is_null());
        let is_data = |node: &Rc<Node>| !matches!(node.value, Value::Scalar(_));
        if documents.is_empty() || !documents.iter().all(is_data) {
            return false;
        }
        let has_lines = is_whole
            && scalar.style == Style::Literal
            && self.within.iter().all(|within| within.has_lines);
        self.within.push(Within { place: node.place.clone(), has_lines });
        documents.iter().for_each(|document| self.value(document, key));
        self.within.pop();
        self.shared.kept.extend(documents);
        true
    }

    /// Searches a text, or adds the cached images of an earlier search.
    fn once(
        &mut self,
        node: &Node,
        how: SearchMode,
        length: usize,
        search: impl FnOnce(&mut Scan),
    ) {
        let address = (std::ptr::from_ref(node), how, length);
        if let Some(found) = self.shared.texts.get(&address).cloned() {
            self.shared.steps += found.len() * REPEATED_BY_VALUE;
            if self.has_too_much() {
                return;
            }
            let again = |occurrence: &ImageOccurrence| ImageOccurrence {
                resource: self.resource.clone(),
                field: format!("{}{}", self.field.as_str(), occurrence.field),
                ..occurrence.clone()
            };
            let again: Vec<_> = found.iter().map(again).collect();
            return again.into_iter().for_each(|occurrence| self.push(occurrence));
        }
        let (before, field) = (self.occurrences.len(), self.field.as_str().len());
        search(self);
        if length <= SHORT && self.occurrences.len() == before {
            return;
        }
        let found = self.occurrences[before..].iter().map(|occurrence| ImageOccurrence {
            field: occurrence.field.get(field..).unwrap_or_default().to_owned(),
            ..occurrence.clone()
        });
        self.shared.texts.insert(address, found.collect());
    }

    fn each(&mut self, items: &[Rc<Node>], mut visit: impl FnMut(&mut Scan, &Rc<Node>)) {
        for (index, item) in items.iter().enumerate() {
            let before = self.field.item(index);
            visit(self, item);
            self.field.back(before);
        }
    }

    /// Adds the image that a value is or contains.
    fn add(&mut self, written: &str, named_by: OccurrenceKind, node: &Node) {
        let is_whole = !self.is_within() && node.text() == Some(written);
        self.add_at(written, named_by, &node.place, is_whole);
    }

    fn add_at(
        &mut self,
        written: &str,
        named_by: OccurrenceKind,
        place: &Position,
        is_whole: bool,
    ) {
        if self.shared.is_repeated {
            self.shared.steps += REPEATED_BY_VALUE;
        }
        if self.has_too_much() || self.purpose.is_open(written) {
            return;
        }
        self.push(ImageOccurrence {
            written: written.to_owned(),
            image: written.parse(),
            named_by: if self.within.is_empty() { named_by } else { OccurrenceKind::Text },
            resource: self.resource.clone(),
            field: self.field.as_str().to_owned(),
            is_whole,
            place: self.place(place),
        });
    }

    fn push(&mut self, occurrence: ImageOccurrence) {
        if !self.has_too_much() {
            self.bytes += occurrence.size();
            self.occurrences.push(occurrence);
        }
    }

    /// Returns the position of a value in the file, also for a value in a text in the file.
    fn place(&self, place: &Position) -> Position {
        let mut place = place.clone();
        for within in self.within.iter().rev() {
            let outer = &within.place;
            place = match within.has_lines {
                true => Position {
                    file: outer.file.clone(),
                    line: outer.line + place.line - 1,
                    column: outer.column + place.column - 1,
                },
                false => outer.clone(),
            };
        }
        place
    }
}

/// Returns an `image` with the registry and the tag beside it, if it has none itself.
fn with_parts(text: &str, around: &Node) -> String {
    let Ok(image) = text.parse::<ImageReference>() else { return text.to_owned() };
    let mut whole = text.to_owned();
    if let (None, Some(registry)) = (image.host(), around.text_of("registry")) {
        whole = format!("{}/{whole}", registry.trim_end_matches('/'));
    }
    if let (None, None, Some(tag)) = (image.tag(), image.digest(), around.text_of("tag")) {
        whole = format!("{whole}:{tag}");
    }
    whole
}

/// Returns whether the image beside is that of a disk: a Ceph volume, which always has monitors.
fn is_of_a_disk(around: &Node) -> bool {
    around.get("monitors").is_some()
}

/// Returns whether a text is certainly an image: it has a tag, a digest or a registry.
fn is_one_of_several(text: &str) -> bool {
    image_text::named_image(text).is_some_and(|image| {
        image.tag().is_some() || image.digest().is_some() || image.host().is_some()
    })
}

/// Returns whether a document is only a list of texts, at least half of which are images with a part
/// that only images have: a plain list of images, as YAML or JSON.
fn is_image_list(document: &Node) -> bool {
    let Value::Sequence(items) = &document.value else { return false };
    let is_named = |text: &str| image_text::named_image(image_text::bare(text)).is_some();
    let named = items.iter().filter(|item| item.text().is_some_and(is_named)).count();
    named * 2 >= items.len() && items.iter().all(|item| item.text().is_some())
}

/// Returns whether a text can be YAML or JSON with content.
fn is_collection(text: &str) -> bool {
    let start = text.trim_start();
    start.starts_with(['{', '['])
        || start.starts_with("- ")
        || (text.trim_end().contains('\n') && text.contains([':', '-']))
}

/// Returns a flag and its value, if the value is in the same word.
pub(super) fn flag(word: &str) -> Option<(&str, Option<&str>)> {
    let name = word.strip_prefix('-')?.trim_start_matches('-');
    match name.split_once('=') {
        Some((name, value)) => Some((name, Some(value))),
        None if name.contains(char::is_whitespace) => None,
        None => Some((name, None)),
    }
}

#[cfg(test)]
mod tests;
