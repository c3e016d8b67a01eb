//! Finds the images that a manifest names, by its structure and not by a list of kinds.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::mention::{FieldPath, How, Mention, Resource};
use super::purpose::Purpose;
use super::reference::ImageReference;
use super::split::Split;
use super::words;
use crate::yaml::{Documents, Duplicates, Entry, Node, Place, Problem, Style, Value};

/// The keys of lists of containers.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Annotations whose value is a list of images.
const IMAGE_LISTS: [&str; 2] = ["helm.sh/images", "artifacthub.io/images"];

/// Texts about other things: documentation, and what was applied before.
const IGNORED: [&str; 2] = ["description", "kubectl.kubernetes.io/last-applied-configuration"];

/// How deep manifests in texts in manifests are followed.
const MOST_NESTED: u8 = 3;

/// How often values may be looked at again and images found again because of aliases, in steps: so
/// many in each document, and so many more for each of its values.
const MOST_AGAIN: usize = 1 << 16;
const AGAIN_BY_VALUE: usize = 64;

/// The most values in all texts of a document that are YAML or JSON themselves.
const MOST_NESTED_VALUES: u32 = 250_000;

/// The most images in a document, and the most bytes of their texts and fields.
const MOST_MENTIONS: usize = 50_000;
const MOST_BYTES: usize = 16 << 20;

/// The longest text that is searched again instead of being remembered, in bytes.
const SHORT: usize = 64;

/// The images in a document.
///
/// # Errors
/// The problem, where the document has more than a limit, as one that is nothing but aliases of
/// itself has.
pub fn scan(document: &Node) -> Result<Vec<Mention>, Problem> {
    let mut scan = Scan::default();
    scan.value(document, "");
    match scan.too_much() {
        None => Ok(scan.mentions),
        Some(problem) => Err(Problem { place: document.place.clone(), problem }),
    }
}

#[derive(Default)]
struct Scan {
    mentions: Vec<Mention>,
    resource: Option<Rc<Resource>>,
    purpose: Purpose,
    field: FieldPath,
    /// The texts that this is in.
    within: Vec<Within>,
    again: Again,
    /// How many values the texts had that were YAML or JSON.
    nested: u32,
    /// How many bytes the images take with their fields.
    bytes: usize,
}

/// A text that is itself YAML.
struct Within {
    place: Place,
    /// Whether its lines are those of the file.
    has_lines: bool,
}

/// What aliases bring again. A value is known by its address: all of them live as long as the scan.
#[derive(Default)]
struct Again {
    /// Values that several places share.
    seen: HashSet<*const Node>,
    /// Those in which nothing was found, under which key.
    fruitless: HashSet<(*const Node, Under)>,
    /// What was found in a text, with the fields in it.
    texts: HashMap<(*const Node, Search, usize), Rc<[Mention]>>,
    /// The documents in texts.
    kept: Vec<Rc<Node>>,
    /// Whether the current value was looked at before.
    is_again: bool,
    values: usize,
    steps: usize,
}

/// The key above a value, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Under {
    Containers,
    /// `image`, `images`: a bare word is an image too.
    Image,
    /// `sidecarImage`
    Images,
    NamedImage,
    Other,
}

impl Under {
    fn of(key: &str) -> Under {
        match key {
            "image" | "images" => Under::Image,
            _ if CONTAINERS.contains(&key) => Under::Containers,
            _ if words::says_images(key) => Under::Images,
            _ if words::says_image(key) => Under::NamedImage,
            _ => Under::Other,
        }
    }
}

/// What is expected of a text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Search {
    /// Images: the value of a flag or a variable that says so.
    Images,
    /// Maybe images: the value of a key that says so.
    NamedImages,
    /// Anything.
    Text,
}

impl Scan {
    /// Looks at a value that may be shared; `key` is the nearest one above it.
    fn node(&mut self, node: &Rc<Node>, key: &str) {
        if Rc::strong_count(node) == 1 {
            return self.value(node, key);
        }
        let address: *const Node = Rc::as_ptr(node);
        let under = (address, Under::of(key));
        if self.again.fruitless.contains(&under) {
            return;
        }
        let (was_again, before) = (self.again.is_again, self.mentions.len());
        self.again.is_again |= !self.again.seen.insert(address);
        self.value(node, key);
        self.again.is_again = was_again;
        if self.mentions.len() == before && !self.has_too_much() {
            self.again.fruitless.insert(under);
        }
    }

    fn value(&mut self, node: &Node, key: &str) {
        if self.has_too_much() {
            return;
        }
        match self.again.is_again {
            true => self.again.steps += 1,
            false => self.again.values += 1,
        }
        match &node.value {
            Value::Scalar(_) => self.text(node),
            Value::Sequence(items) => self.each(items, |scan, item| match item.text() {
                Some(text) if words::says_image(key) => scan.item(text, item, key),
                _ => scan.node(item, key),
            }),
            Value::Mapping(entries) => {
                let outer = self.purpose;
                let entered = self.enter(node);
                self.purpose = self.purpose.of_metadata(node);
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
        self.again.steps > MOST_AGAIN + AGAIN_BY_VALUE * self.again.values
            || self.nested > MOST_NESTED_VALUES
            || self.mentions.len() > MOST_MENTIONS
            || self.bytes > MOST_BYTES
    }

    /// The limit that is exceeded, in words.
    fn too_much(&self) -> Option<String> {
        if self.nested > MOST_NESTED_VALUES {
            let limit = format!("more than {MOST_NESTED_VALUES} values");
            Some(format!("the texts of the document that are YAML themselves have {limit}"))
        } else if self.mentions.len() > MOST_MENTIONS {
            Some(format!("the document names images more than {MOST_MENTIONS} times"))
        } else if self.bytes > MOST_BYTES {
            let limit = format!("more than {MOST_BYTES} bytes");
            Some(format!("the images of the document and their fields take {limit}"))
        } else {
            let problem = "with its aliases followed, the document has too many images";
            self.has_too_much().then(|| problem.to_owned())
        }
    }

    /// Begins a resource, if this is one; gives what it is in.
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
        self.purpose = self.purpose.of_resource(&resource);
        let outer = self.resource.replace(Rc::new(resource));
        Some((outer, std::mem::take(&mut self.field)))
    }

    fn mapping(&mut self, node: &Node, entries: &[Entry], key: &str) {
        let split = Split::in_folder(node)
            .or_else(|| Split::of(node, key))
            .or_else(|| Split::in_other_words(node, key))
            .filter(|split| self.is_told(split, key));
        if let Some(split) = &split {
            let before = self.field.key(split.repository_key);
            self.add(&split.reference(), How::Field, &split.repository);
            self.field.back(before);
        }
        self.flat(entries, node);
        // A variable, a parameter: `{name: SIDECAR_IMAGE, value: …}`.
        let name = node.text_of("name").or_else(|| node.text_of("key")).unwrap_or_default();
        for entry in entries {
            let is_part = split.as_ref().is_some_and(|split| {
                &*entry.key == split.repository_key || split.parts.contains(&&*entry.key)
            });
            if (is_part && entry.value.text().is_some()) || self.purpose.is_rule(&entry.key) {
                continue;
            }
            let before = self.field.key(&entry.key);
            for (word, _) in words::images_in(&entry.key) {
                self.add_at(word, How::Text, &entry.place, false);
            }
            match (&*entry.key, entry.value.text()) {
                ("value" | "default", Some(text)) if words::says_image(name) => {
                    self.images(text, &entry.value);
                }
                ("value" | "default", None) => self.node(&entry.value, name),
                _ => self.entry(entry, node, key),
            }
            self.field.back(before);
        }
    }

    /// Adds the images in parts whose keys begin alike: `operator.repository` and `operator.tag`, as
    /// ConfigMaps have them.
    fn flat(&mut self, entries: &[Entry], node: &Node) {
        for entry in entries {
            let Some(split) = Split::flat(node, &entry.key) else { continue };
            let before = self.field.key(&entry.key);
            self.add(&split.reference(), How::Field, &split.repository);
            self.field.back(before);
        }
    }

    /// Whether parts come to an image, or were meant to and do not.
    fn is_told(&self, split: &Split, key: &str) -> bool {
        let text = split.reference();
        let is_meant = words::says_image(key) || split.registry.is_some();
        text.parse::<ImageReference>().is_ok()
            || (is_meant && !(self.is_within() && words::has_hole(&text)))
    }

    fn is_within(&self) -> bool {
        !self.within.is_empty()
    }

    /// Looks at the value of a key in the mapping `around`, which is itself the value of `parent`.
    fn entry(&mut self, entry: &Entry, around: &Node, parent: &str) {
        let (key, value) = (&*entry.key, &entry.value);
        let above = Under::of(parent);
        match (key, value.text()) {
            (_, Some(_)) if IGNORED.contains(&key) => {}
            ("image", Some(_)) if is_of_a_disk(around) => {}
            ("image", Some(text)) if above == Under::Containers && !self.is_within() => {
                self.add(words::resolved(text), How::Container, value);
            }
            ("image", Some(text)) => self.image(text, value, around),
            ("reference", Some(text)) if parent == "image" => {
                self.add(text, How::Field, value);
            }
            (_, Some(text)) if IMAGE_LISTS.contains(&key) => self.images(text, value),
            (_, Some(text)) if words::says_image(key) => self.named(text, value, key),
            (_, Some(text)) if words::says_images(parent) && is_one_of_several(text) => {
                self.add(text, How::Field, value);
            }
            ("default", Some(text)) if above != Under::Other && is_one_of_several(text) => {
                self.add(text, How::Field, value);
            }
            ("args" | "command", None) if !value.items().is_empty() => self.words(value.items()),
            _ => self.node(value, key),
        }
    }

    /// The `image` of something that is no container: an address of a picture is none.
    fn image(&mut self, text: &str, node: &Node, around: &Node) {
        let text = words::bare(text);
        let is_other = text.contains("://")
            || text.starts_with(['/', '.', '#'])
            || text.starts_with("data:")
            || text.contains(char::is_whitespace)
            || words::is_other(text);
        let is_one = match self.is_within() {
            false => !is_other || words::has_hole(text),
            true => !is_other && text.parse::<ImageReference>().is_ok(),
        };
        match is_one {
            true => self.add(&with_parts(text, around), How::Field, node),
            false => self.text(node),
        }
    }

    /// The value of a key that ends in `image`.
    fn named(&mut self, text: &str, node: &Node, key: &str) {
        let text = words::bare(text);
        let is_hole =
            !self.is_within() && words::has_hole(text) && !text.contains(char::is_whitespace);
        match is_hole || words::named_image(text).is_some() {
            true => self.add(text, How::Field, node),
            false => self.once(node, Search::NamedImages, text.len(), |scan| {
                let mut parts = words::parts_of(text);
                match parts.all(|part| words::named_image(part).is_some()) {
                    true => scan.parts(text, node),
                    false if scan.nested(text, node, key) => {}
                    false => scan.text(node),
                }
            }),
        }
    }

    /// An item of a list under a key that says `image`.
    fn item(&mut self, text: &str, node: &Node, key: &str) {
        let text = words::bare(text);
        let is_short = Under::of(key) == Under::Image
            && text.parse::<ImageReference>().is_ok()
            && !words::is_other(text);
        match is_short {
            true => self.add(text, How::Field, node),
            false => self.named(text, node, key),
        }
    }

    /// A command line: flags that say `image`, and whatever names one anywhere.
    fn words(&mut self, items: &[Rc<Node>]) {
        let mut says_image = false;
        self.each(items, |scan, item| {
            let Some(text) = item.text() else { return scan.node(item, "") };
            let was_flag = std::mem::take(&mut says_image);
            match flag(text) {
                Some((name, Some(""))) if words::says_image(name) => says_image = true,
                Some((name, Some(value))) if words::says_image(name) => scan.images(value, item),
                Some((name, None)) if words::says_image(name) => says_image = true,
                None if was_flag => scan.images(text, item),
                _ => scan.text(item),
            }
        });
    }

    /// The value of a flag or a variable that says `image`.
    fn images(&mut self, text: &str, node: &Node) {
        self.once(node, Search::Images, text.len(), |scan| {
            if !scan.nested(text, node, "images") {
                scan.parts(text, node);
            }
        });
    }

    /// A list of images in a text, or one of them.
    fn parts(&mut self, text: &str, node: &Node) {
        let mut found = HashSet::new();
        for (part, _) in words::images_of(text) {
            found.insert(part);
            self.add(part, How::Text, node);
        }
        for (word, _) in words::images_in(text).chain(words::images_said(text)) {
            if found.insert(word) {
                self.add(word, How::Text, node);
            }
        }
        let is_hole =
            |part: &&str| words::has_hole(part) && part.parse::<ImageReference>().is_err();
        if self.is_within() {
            return;
        }
        match text.contains("{{") {
            true => self.add(text, How::Text, node),
            false => {
                for part in words::parts_of(text).filter(is_hole) {
                    self.add(part, How::Text, node);
                }
            }
        }
    }

    /// A text anywhere: it may be YAML or JSON itself, or name images among other words.
    fn text(&mut self, node: &Node) {
        let Some(scalar) = node.scalar() else { return };
        let text = scalar.text.as_str();
        // Whatever names an image has a tag or a digest, or stands behind a key or a flag.
        if !text.contains([':', '@', '=']) && !text.contains("--") {
            return;
        }
        self.once(node, Search::Text, text.len(), |scan| {
            if scan.nested(text, node, "") {
                return;
            }
            let mut found = HashSet::new();
            for (word, _) in words::images_in(text).chain(words::images_said(text)) {
                if found.insert(word) {
                    scan.add(word, How::Text, node);
                }
            }
        });
    }

    /// Looks into a text that is YAML or JSON; gives whether it is.
    fn nested(&mut self, text: &str, node: &Node, key: &str) -> bool {
        if self.within.len() >= usize::from(MOST_NESTED) || !is_collection(text) {
            return false;
        }
        let Some(scalar) = node.scalar() else { return false };
        let is_whole = scalar.text.trim() == text.trim();
        // With what stands before its first line, for the sake of its lines.
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
        self.again.kept.extend(documents);
        true
    }

    /// Searches a text, or finds again what was found in it.
    fn once(&mut self, node: &Node, how: Search, length: usize, search: impl FnOnce(&mut Scan)) {
        let address = (std::ptr::from_ref(node), how, length);
        if let Some(found) = self.again.texts.get(&address).cloned() {
            self.again.steps += found.len() * AGAIN_BY_VALUE;
            if self.has_too_much() {
                return;
            }
            let again = |mention: &Mention| Mention {
                resource: self.resource.clone(),
                field: format!("{}{}", self.field.as_str(), mention.field),
                ..mention.clone()
            };
            let again: Vec<_> = found.iter().map(again).collect();
            return again.into_iter().for_each(|mention| self.push(mention));
        }
        let (before, field) = (self.mentions.len(), self.field.as_str().len());
        search(self);
        if length <= SHORT && self.mentions.len() == before {
            return;
        }
        let found = self.mentions[before..].iter().map(|mention| Mention {
            field: mention.field.get(field..).unwrap_or_default().to_owned(),
            ..mention.clone()
        });
        self.again.texts.insert(address, found.collect());
    }

    fn each(&mut self, items: &[Rc<Node>], mut visit: impl FnMut(&mut Scan, &Rc<Node>)) {
        for (index, item) in items.iter().enumerate() {
            let before = self.field.item(index);
            visit(self, item);
            self.field.back(before);
        }
    }

    /// Adds the image that a value is or has in it.
    fn add(&mut self, written: &str, how: How, node: &Node) {
        let is_whole = !self.is_within() && node.text() == Some(written);
        self.add_at(written, how, &node.place, is_whole);
    }

    fn add_at(&mut self, written: &str, how: How, place: &Place, is_whole: bool) {
        if self.again.is_again {
            self.again.steps += AGAIN_BY_VALUE;
        }
        if self.has_too_much() || self.purpose.is_open(written) {
            return;
        }
        self.push(Mention {
            written: written.to_owned(),
            image: written.parse(),
            how: if self.within.is_empty() { how } else { How::Text },
            resource: self.resource.clone(),
            field: self.field.as_str().to_owned(),
            is_whole,
            place: self.place(place),
        });
    }

    fn push(&mut self, mention: Mention) {
        if !self.has_too_much() {
            self.bytes += mention.size();
            self.mentions.push(mention);
        }
    }

    /// Where a value stands in the file, also where it is in a text in the file.
    fn place(&self, place: &Place) -> Place {
        let mut place = place.clone();
        for within in self.within.iter().rev() {
            let outer = &within.place;
            place = match within.has_lines {
                true => Place {
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

/// An `image` with the registry and the tag beside it, where it has none itself.
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

/// Whether the image beside is one of a disk: a volume of Ceph, which always has its monitors.
fn is_of_a_disk(around: &Node) -> bool {
    around.get("monitors").is_some()
}

/// Whether a text is an image for sure, where some of its kind are expected.
fn is_one_of_several(text: &str) -> bool {
    words::named_image(text).is_some_and(|image| {
        image.tag().is_some() || image.digest().is_some() || image.host().is_some()
    })
}

/// Whether a text can be YAML or JSON with something in it.
fn is_collection(text: &str) -> bool {
    let start = text.trim_start();
    start.starts_with(['{', '['])
        || start.starts_with("- ")
        || (text.trim_end().contains('\n') && text.contains([':', '-']))
}

/// A flag and its value, where that is in the same word.
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
