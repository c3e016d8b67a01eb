//! Finds the images that a manifest names, by its structure and not by a list of kinds.

use std::rc::Rc;

use super::mention::{FieldPath, How, Mention, Resource};
use super::reference::ImageReference;
use super::split::{self, Split};
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

/// The most images in one document, and the most text that is searched for them. Only aliases reach
/// either.
const MOST_MENTIONS: usize = 100_000;
const MOST_TEXT: usize = 256 << 20;

/// The images in a document.
///
/// # Errors
/// The problem, where the document is nothing but aliases of itself.
pub fn scan(document: &Node) -> Result<Vec<Mention>, Problem> {
    let mut scan = Scan::default();
    scan.node(document, "");
    let problem = match () {
        () if scan.mentions.len() > MOST_MENTIONS => "images",
        () if scan.text > MOST_TEXT => "bytes of text",
        () => return Ok(scan.mentions),
    };
    let problem = format!("with its aliases followed, the document has too many {problem}");
    Err(Problem { place: document.place.clone(), problem })
}

#[derive(Default)]
struct Scan {
    mentions: Vec<Mention>,
    resource: Option<Rc<Resource>>,
    field: FieldPath,
    /// The texts that this is in.
    within: Vec<Within>,
    /// How much text was searched.
    text: usize,
}

/// A text that is itself YAML.
struct Within {
    place: Place,
    /// Whether its lines are those of the file.
    has_lines: bool,
}

impl Scan {
    /// Looks at a value; `key` is the nearest one above it.
    fn node(&mut self, node: &Node, key: &str) {
        if self.mentions.len() > MOST_MENTIONS || self.text > MOST_TEXT {
            return;
        }
        match &node.value {
            Value::Scalar(_) => self.text(node),
            Value::Sequence(items) => self.each(items, |scan, item| scan.node(item, key)),
            Value::Mapping(entries) => match self.enter(node) {
                None => self.mapping(node, entries, key),
                Some((resource, field)) => {
                    self.mapping(node, entries, key);
                    (self.resource, self.field) = (resource, field);
                }
            },
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
        let outer = self.resource.replace(Rc::new(resource));
        Some((outer, std::mem::take(&mut self.field)))
    }

    fn mapping(&mut self, node: &Node, entries: &[Entry], key: &str) {
        let split = Split::of(node, key)
            .filter(|split| split.reference().parse::<ImageReference>().is_ok());
        if let Some(split) = &split {
            let before = self.field.key(split.repository_key);
            self.add(&split.reference(), How::Field, &split.repository);
            self.field.back(before);
        }
        for entry in entries {
            if split.is_some() && split::KEYS.contains(&&*entry.key) {
                continue;
            }
            let before = self.field.key(&entry.key);
            self.entry(entry, key);
            self.field.back(before);
        }
    }

    /// Looks at the value of a key in a mapping that is itself the value of `parent`.
    fn entry(&mut self, entry: &Entry, parent: &str) {
        let (key, value) = (&*entry.key, &entry.value);
        let text = value.text();
        match (key, text) {
            (_, Some(_)) if IGNORED.contains(&key) => {}
            ("image", Some(text)) if CONTAINERS.contains(&parent) && self.within.is_empty() => {
                self.add(text, How::Container, value);
            }
            ("image", Some(text)) => self.image(text, value),
            ("reference", Some(text)) if parent == "image" => self.add(text, How::Field, value),
            (_, Some(text)) if IMAGE_LISTS.contains(&key) && !is_collection(text) => {
                for (part, _) in words::images_of(text) {
                    self.add(part, How::Text, value);
                }
            }
            (_, Some(text)) if words::says_image(key) && words::named_image(text).is_some() => {
                self.add(text, How::Field, value);
            }
            ("args" | "command", None) if !value.items().is_empty() => self.words(value.items()),
            ("env", None) if !value.items().is_empty() => {
                self.each(value.items(), Scan::variable);
            }
            _ => self.node(value, key),
        }
    }

    /// The `image` of something that is no container: an address of a picture is none.
    fn image(&mut self, text: &str, node: &Node) {
        let bare = ["docker://", "oci://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let text = bare.unwrap_or(text);
        let is_other = text.contains("://") || text.starts_with(['/', '.', '#']);
        let is_one = match self.within.is_empty() {
            true => !is_other && !text.contains(char::is_whitespace) && !text.starts_with("data:"),
            false => words::named_image(text).is_some(),
        };
        if is_one {
            self.add(text, How::Field, node);
        }
    }

    /// A command line: flags that say `image`, and whatever names one anywhere.
    fn words(&mut self, items: &[Rc<Node>]) {
        let mut says_image = false;
        self.each(items, |scan, item| {
            let Some(text) = item.text() else { return scan.node(item, "") };
            let was_flag = std::mem::take(&mut says_image);
            match flag(text) {
                Some((name, Some(value))) if words::says_image(name) => scan.images(value, item),
                Some((name, None)) if words::says_image(name) => says_image = true,
                None if was_flag => scan.images(text, item),
                _ => scan.text(item),
            }
        });
    }

    /// A variable of a container.
    fn variable(&mut self, item: &Rc<Node>) {
        let (Some(name), Some(value)) = (item.text_of("name"), item.get("value")) else { return };
        let before = self.field.key("value");
        match value.text() {
            Some(text) if words::says_image(name) => self.images(text, value),
            _ => self.text(value),
        }
        self.field.back(before);
    }

    /// The value of a flag or a variable that says `image`.
    fn images(&mut self, text: &str, node: &Node) {
        let before = self.mentions.len();
        for (part, _) in words::images_of(text) {
            self.add(part, How::Text, node);
        }
        if self.mentions.len() == before {
            self.text(node);
        }
    }

    /// A text anywhere: it may be YAML or JSON itself, or name images among other words.
    fn text(&mut self, node: &Node) {
        let Some(scalar) = node.scalar() else { return };
        let text = scalar.text.as_str();
        self.text = self.text.saturating_add(text.len());
        // Whatever names an image has a tag or a digest, or stands behind a key with a colon.
        let may_name = text.contains(':') || text.contains('@');
        if !may_name || self.text > MOST_TEXT {
            return;
        }
        let nested = usize::from(MOST_NESTED) > self.within.len();
        if nested && is_collection(text) {
            let whole: Result<Vec<_>, _> =
                Documents::new(text, &node.place.file, Duplicates::LastCounts).collect();
            let is_data = |node: &Rc<Node>| !matches!(node.value, Value::Scalar(_));
            if let Ok(documents) = whole
                && documents.iter().all(is_data)
            {
                let has_lines =
                    scalar.style == Style::Literal && self.within.iter().all(|w| w.has_lines);
                self.within.push(Within { place: node.place.clone(), has_lines });
                documents.iter().for_each(|document| self.node(document, ""));
                self.within.pop();
                return;
            }
        }
        for (word, _) in words::images_in(text) {
            self.add(word, How::Text, node);
        }
    }

    fn each(&mut self, items: &[Rc<Node>], mut visit: impl FnMut(&mut Scan, &Rc<Node>)) {
        for (index, item) in items.iter().enumerate() {
            let before = self.field.item(index);
            visit(self, item);
            self.field.back(before);
        }
    }

    fn add(&mut self, written: &str, how: How, node: &Node) {
        self.mentions.push(Mention {
            written: written.to_owned(),
            image: written.parse(),
            how: if self.within.is_empty() { how } else { How::Text },
            resource: self.resource.clone(),
            field: self.field.as_str().to_owned(),
            place: self.place(node),
        });
    }

    /// Where a value stands in the file, also where it is in a text in the file.
    fn place(&self, node: &Node) -> Place {
        let mut place = node.place.clone();
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
