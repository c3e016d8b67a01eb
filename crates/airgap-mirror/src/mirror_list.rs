//! `mirror.yaml`: the destination of each image.
//!
//! ```yaml
//! images:
//!   - source: ghcr.io/wasmcloud/wash:2.0.0-rc.7
//!     destination: registry.corp:5000/wasmcloud/wash:2.0.0-rc.7
//! ```
//!
//! Users edit this file: their text stays, comments and order included, and new images are added at
//! the end.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::Serialize;

use super::reference::ImageReference;
use super::registry_path::RegistryPath;
use crate::yaml::{self, BlockList, Duplicates, Node, Position, Value};
use airgap_core::error::{Error, Result};
use airgap_core::quantity;
use airgap_core::shell;
use airgap_core::suggest::unknown;
use airgap_core::user_path;

/// The largest number of images of a list.
const MOST_IMAGES: usize = 20_000;

/// The beginning of the first line of a list with images of an unrendered chart.
const NOT_RENDERED: &str = "# Not rendered:";

/// The images to mirror, in the order of the file.
#[derive(Clone, Debug)]
pub struct MirrorList {
    entries: Vec<MirrorEntry>,
    index: EntryIndex,
    text: String,
    name: String,
}

/// An image to mirror.
#[derive(Clone, Debug, Serialize)]
pub struct MirrorEntry {
    /// The source; it has a tag or a digest.
    pub source: ImageReference,
    /// The destination; it has a tag or a digest.
    pub destination: ImageReference,
    /// The source position of the entry.
    #[serde(skip)]
    pub place: Position,
}

/// An image to be added.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// The source.
    pub source: ImageReference,
    /// The destination.
    pub destination: ImageReference,
    /// Lines to write above it as comments.
    pub comments: Vec<String>,
}

impl MirrorList {
    /// Creates a list without images, for a file that does not exist yet.
    pub fn empty(name: &str) -> MirrorList {
        MirrorList {
            entries: Vec::new(),
            index: EntryIndex::default(),
            text: "images: []\n".to_owned(),
            name: name.to_owned(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// The errors of [`MirrorList::parse`]; usage, with the command that writes the file, if it
    /// does not exist.
    pub fn read(path: &Path, name: &str) -> Result<MirrorList> {
        if user_path::kind(path)?.is_none() {
            return Err(Error::usage(format!("there is no mirror list `{name}`"))
                .hint("name another one with `-f`")
                .hint(format!(
                    "to write it, run\nwasm-airgap mirror list --chart ./chart --registry registry.corp:5000 -o {}",
                    shell::path(Path::new(name))
                )));
        }
        MirrorList::parse(&yaml::read(path, name)?, name)
    }

    /// Parses the text of the file `name`.
    ///
    /// # Errors
    /// Usage, with the position: not YAML, an unknown key, an image without tag or digest, or one
    /// destination for images with different content.
    pub fn parse(text: &str, name: &str) -> Result<MirrorList> {
        let list = MirrorList::parse_unchecked(text, name)?;
        list.check_unique()?;
        Ok(list)
    }

    fn parse_unchecked(text: &str, name: &str) -> Result<MirrorList> {
        let root = yaml::document(text, name, Duplicates::Refused)?;
        let mut list = MirrorList { text: text.to_owned(), ..MirrorList::empty(name) };
        if root.is_null() {
            return Ok(list);
        }
        keys(&root, &["images"], "a mirror list has `images:`")?;
        let images = root.get("images").filter(|images| !images.is_null());
        let Some(images) = images else { return Ok(list) };
        if !matches!(images.value, Value::Sequence(_)) {
            return Err(wrong(&images.place, "`images` must be a list"));
        }
        let count = images.items().len();
        if count > MOST_IMAGES {
            return Err(wrong(&images.place, "the mirror list has too many images")
                .fact("found", quantity::count(count, "image"))
                .fact("limit", format!("{MOST_IMAGES} images"))
                .hint("divide it into several lists"));
        }
        for item in images.items() {
            list.entries.push(MirrorEntry::from_node(item)?);
        }
        list.index = EntryIndex::new(&list.entries);
        Ok(list)
    }

    /// Returns the images.
    pub fn entries(&self) -> &[MirrorEntry] {
        &self.entries
    }

    /// Returns the name of the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the text of the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the entry of an image in any spelling. An entry with the same spelling comes first.
    pub fn find(&self, image: &ImageReference) -> Option<&MirrorEntry> {
        self.position(image).map(|index| &self.entries[index])
    }

    /// Returns the index of that entry.
    pub(super) fn position(&self, image: &ImageReference) -> Option<usize> {
        self.index.find(&image.with_defaults())
    }

    /// Returns whether an image is in a repository that is a destination of the list.
    pub(super) fn has_destination(&self, image: &ImageReference) -> bool {
        self.index.destinations.contains(&image.canonical_name())
    }

    /// Fails if a destination is not in the registry.
    pub fn check_destinations(&self, registry: &RegistryPath) -> Result<()> {
        match self.entries.iter().find(|entry| !registry.holds(&entry.destination)) {
            None => Ok(()),
            Some(entry) => Err(Error::usage(format!(
                "the destination `{}` is not in `{registry}`",
                entry.destination
            ))
            .fact("at", &entry.place)
            .hint("change it in the file, or pass its registry with `--registry`")),
        }
    }

    /// Returns the list with these images added at the end.
    ///
    /// # Errors
    /// Usage, if an image would take the destination of another, or if the style of the file does
    /// not allow additions.
    pub fn with_entries(&self, new: &[NewEntry]) -> Result<MirrorList> {
        if new.is_empty() {
            return Ok(self.clone());
        }
        let sources = new.iter().map(|entry| (&entry.source, &entry.destination));
        let before = self.entries.iter().map(|entry| (&entry.source, &entry.destination));
        let expected: Vec<_> = before.chain(sources).collect();
        // The error of a wrong result is dropped: its position is in a text that the user has not
        // written.
        let list =
            MirrorList::parse_unchecked(&self.text_with(new), &self.name).ok().filter(|list| {
                let found = list.entries.iter().map(|entry| (&entry.source, &entry.destination));
                found.eq(expected.iter().copied())
            });
        let list = list.ok_or_else(|| {
            Error::usage(format!("cannot add to `{}` because of its layout", self.name)).hint(
                "write `images:` on its own line, and each image below it, starting with `- \
                 source:`",
            )
        })?;
        list.check_unique()?;
        Ok(list)
    }

    /// Returns the list with the first line that marks its images as guesses, or without that line.
    pub fn with_first_line(mut self, note: Option<&str>) -> MirrorList {
        if self.text.starts_with(NOT_RENDERED) {
            let end = self.text.find('\n').map_or(self.text.len(), |end| end + 1);
            self.text.drain(..end);
        }
        if let Some(note) = note {
            let note = airgap_core::report::printable_line(note);
            self.text.insert_str(0, &format!("{NOT_RENDERED} {note}\n"));
        }
        self
    }

    /// Returns the list without some of its images, and without the comments above them that say
    /// where they were found. Other comments stay.
    ///
    /// # Errors
    /// Usage, if the style of the file does not allow removals.
    pub fn without(&self, is_gone: impl Fn(&MirrorEntry) -> bool) -> Result<MirrorList> {
        let (gone, kept): (Vec<_>, Vec<_>) = self.entries.iter().partition(|entry| is_gone(entry));
        if gone.is_empty() {
            return Ok(self.clone());
        }
        let list = self.text_without(&is_gone).and_then(|text| {
            let list = MirrorList::parse_unchecked(&text, &self.name).ok()?;
            let sources = |entry: &MirrorEntry| (entry.source.clone(), entry.destination.clone());
            let found = list.entries.iter().map(sources);
            found.eq(kept.iter().map(|entry| sources(entry))).then_some(list)
        });
        list.ok_or_else(|| {
            Error::usage(format!("cannot remove images from `{}` because of its layout", self.name))
                .fact("not found any more", gone[0].source.to_string())
                .hint(
                    "write `images:` on its own line, and each image below it, starting with `- \
                     source:`; or remove them by hand",
                )
        })
    }

    fn text_without(&self, is_gone: &impl Fn(&MirrorEntry) -> bool) -> Option<String> {
        let block = self.block()?;
        let mut lines: Vec<_> = self.text.split_inclusive('\n').map(Some).collect();
        for (entry, item) in self.entries.iter().zip(block.items()) {
            if !is_gone(entry) {
                continue;
            }
            let above = (0..item.start).rev().take_while(|line| names_position(lines[*line]));
            let first = above.last().unwrap_or(item.start);
            lines[first..item.end].fill(None);
        }
        Some(lines.into_iter().flatten().collect())
    }

    fn text_with(&self, new: &[NewEntry]) -> String {
        let mut text = self.text.clone();
        // The end marker of the document stays at the end.
        let is_ended = text.lines().next_back().is_some_and(|line| line.trim_end() == "...");
        let end = match is_ended {
            true => text.split_off(text.trim_end().len() - "...".len()),
            false => String::new(),
        };
        if self.entries.is_empty() {
            text = with_empty_images(&text);
        }
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let indent = self.indent();
        let mut added = String::new();
        for NewEntry { source, destination, comments } in new {
            for comment in comments {
                added.push_str(&format!(
                    "{indent}# {}\n",
                    airgap_core::report::printable_line(comment)
                ));
            }
            added.push_str(&format!("{indent}- source: {}\n", yaml::scalar(&source.to_string())));
            let destination = yaml::scalar(&destination.to_string());
            added.push_str(&format!("{indent}  destination: {destination}\n"));
        }
        text.push_str(&added);
        text.push_str(&end);
        match self.text.contains("\r\n") {
            true => text.replace("\r\n", "\n").replace('\n', "\r\n"),
            false => text,
        }
    }

    /// Returns the indentation of the entries' dashes.
    fn indent(&self) -> String {
        self.block().map_or("  ".to_owned(), |block| block.indent())
    }

    /// Returns the lines of the entries.
    fn block(&self) -> Option<BlockList> {
        let root = yaml::document(&self.text, &self.name, Duplicates::Refused).ok()?;
        BlockList::find(&self.text, &root, "images")
    }

    fn check_unique(&self) -> Result<()> {
        let mut seen: HashMap<String, &MirrorEntry> = HashMap::new();
        for entry in &self.entries {
            let to = &entry.destination;
            let version = to.tag().or(to.digest()).unwrap_or_default();
            let key = format!("{} {} {version}", to.registry(), to.repository());
            if let Some(first) = seen.get(&key).filter(|first| !first.has_same_content(entry)) {
                return Err(Error::usage(format!("two images have the destination `{to}`"))
                    .fact("first", format!("{} at {}", first.source, first.place))
                    .fact("second", format!("{} at {}", entry.source, entry.place))
                    .hint(format!(
                        "give one of them another destination in `{}`; existing entries are kept",
                        self.name
                    )));
            }
            seen.entry(key).or_insert(entry);
        }
        Ok(())
    }
}

impl MirrorEntry {
    fn from_node(node: &Node) -> Result<MirrorEntry> {
        if !matches!(node.value, Value::Mapping(_)) {
            return Err(wrong(&node.place, "an image has a `source` and a `destination`"));
        }
        keys(node, &["source", "destination"], "an image has a `source` and a `destination`")?;
        let source = image(node, "source")?;
        let destination = image(node, "destination")?;
        if let (Some(from), Some(to)) = (source.digest(), destination.digest())
            && from != to
        {
            return Err(wrong(&node.place, "source and destination have different digests")
                .fact("source", from)
                .fact("destination", to));
        }
        Ok(MirrorEntry { source, destination, place: node.place.clone() })
    }

    fn has_same_content(&self, other: &MirrorEntry) -> bool {
        let digests = (self.source.digest(), other.source.digest());
        self.source.is_same_as(&other.source)
            || matches!(digests, (Some(one), Some(two)) if one == two)
    }
}

/// The entries of a list by their sources. If an image and an entry both have a digest, the digests
/// must be equal and the tags are ignored; otherwise the tags must be equal.
#[derive(Clone, Debug, Default)]
struct EntryIndex {
    /// The entries by name and tag.
    by_tag: HashMap<String, Spellings>,
    /// The entries without a digest, by name and tag.
    by_tag_alone: HashMap<String, Spellings>,
    /// The entries by name and digest.
    by_digest: HashMap<String, Spellings>,
    /// The names of all destinations.
    destinations: HashSet<String>,
}

/// The first entry for each spelling of a name. A name has few spellings.
type Spellings = Vec<(String, usize)>;

impl EntryIndex {
    fn new(entries: &[MirrorEntry]) -> EntryIndex {
        let mut all = EntryIndex::default();
        for (index, MirrorEntry { source, destination, .. }) in entries.iter().enumerate() {
            let name = source.with_defaults().name();
            let add = |map: &mut HashMap<String, Spellings>, key: String| {
                let spellings = map.entry(key).or_default();
                if spellings.iter().all(|(known, _)| *known != name) {
                    spellings.push((name.clone(), index));
                }
            };
            if let Some(tag) = source.tag() {
                add(&mut all.by_tag, EntryIndex::key(source, tag));
            }
            match (source.tag(), source.digest()) {
                (_, Some(digest)) => add(&mut all.by_digest, EntryIndex::key(source, digest)),
                (Some(tag), None) => add(&mut all.by_tag_alone, EntryIndex::key(source, tag)),
                (None, None) => {}
            }
            all.destinations.insert(destination.canonical_name());
        }
        all
    }

    /// Returns the first entry with the spelling of an image, or else the first one.
    fn find(&self, image: &ImageReference) -> Option<usize> {
        let of = |map: &'_ HashMap<String, Spellings>, version: Option<&str>| {
            version.and_then(|it| map.get(&EntryIndex::key(image, it)).cloned()).unwrap_or_default()
        };
        let found = match image.digest() {
            None => of(&self.by_tag, image.tag()),
            Some(digest) => {
                let tagged = of(&self.by_tag_alone, image.tag());
                [of(&self.by_digest, Some(digest)), tagged].concat()
            }
        };
        let name = image.name();
        let first = found.into_iter().min_by_key(|(known, index)| (*known != name, *index));
        first.map(|(_, index)| index)
    }

    fn key(image: &ImageReference, version: &str) -> String {
        format!("{} {version}", image.canonical_name())
    }
}

/// Returns the text of a list without images, with a bare `images:` key: a value such as `[]` or
/// `~` is removed, and a missing key is added at the end.
fn with_empty_images(text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let value = |line: &str| {
        let bare = line.replace(['"', '\''], "");
        bare.strip_prefix("images").is_some_and(|rest| rest.trim_start().starts_with(':'))
    };
    match lines.iter_mut().find(|line| value(line)) {
        None => lines.push("images:".to_owned()),
        Some(line) => {
            let (key, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.trim();
            let comment = match value.find('#') {
                Some(at) => format!("  {}", &value[at..]),
                None => String::new(),
            };
            *line = format!("{key}:{comment}");
        }
    }
    lines.join("\n")
}

/// Returns whether a line is a comment with the position of an image, as `--why` writes them:
/// `# operator.image in chart/values.yaml:11`.
fn names_position(line: Option<&str>) -> bool {
    let comment = line.and_then(|line| line.trim_start().strip_prefix("# "));
    let place = comment.and_then(|comment| comment.split_once(" in "));
    place.is_some_and(|(_, place)| {
        place
            .match_indices(':')
            .any(|(at, _)| place[at + 1..].starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// Fails if a key is not known.
pub(super) fn keys(node: &Node, known: &[&str], shape: &str) -> Result<()> {
    if !matches!(node.value, Value::Mapping(_)) {
        return Err(wrong(&node.place, shape));
    }
    match node.entries().iter().find(|entry| !known.contains(&&*entry.key)) {
        None => Ok(()),
        Some(entry) => Err(unknown("key in this file", &entry.key, known).fact("at", &entry.place)),
    }
}

fn image(node: &Node, key: &str) -> Result<ImageReference> {
    let Some(value) = node.get(key).filter(|value| !value.is_null()) else {
        return Err(wrong(&node.place, &format!("an image has no `{key}`")));
    };
    if value.scalar().is_none() {
        return Err(wrong(&value.place, &format!("`{key}` must be a text")));
    }
    let text = value.text().unwrap_or_default();
    let image: ImageReference =
        text.parse().map_err(|problem: String| wrong(&value.place, &problem))?;
    if image.tag().is_none() && image.digest().is_none() {
        return Err(wrong(&value.place, &format!("the {key} `{image}` has no tag and no digest"))
            .hint("add the tag, or better a digest: `@sha256:…`"));
    }
    Ok(image)
}

pub(super) fn wrong(place: &Position, statement: &str) -> Error {
    Error::usage(statement).fact("at", place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUIDE: &str = "\
images:
# wasmCloud runtime images
- source: ghcr.io/wasmcloud/wash:2.0.0-rc.7
  destination: myregistry/wasmcloud/wash:2.0.0-rc.7
# Third-party images
- source: docker.io/nats:2.11.3-alpine
  destination: myregistry/nats:2.11.3-alpine";

    fn refusal(text: &str) -> String {
        MirrorList::parse(text, "mirror.yaml").unwrap_err().to_string()
    }

    fn new(source: &str, destination: &str, comments: &[&str]) -> NewEntry {
        let comments = comments.iter().map(|comment| (*comment).to_owned()).collect();
        NewEntry {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            comments,
        }
    }

    #[test]
    fn the_mirror_list_of_the_guide_is_read() {
        let list = MirrorList::parse(GUIDE, "mirror.yaml").unwrap();
        assert_eq!(list.entries().len(), 2);
        for spelling in ["nats", "docker.io/nats", "docker.io/library/nats", "index.docker.io/nats"]
        {
            let image = format!("{spelling}:2.11.3-alpine").parse().unwrap();
            assert_eq!(list.find(&image).unwrap().destination.path(), "myregistry/nats");
        }
        assert!(list.find(&"nats:2.11".parse().unwrap()).is_none());
        list.check_destinations(&"myregistry".parse().unwrap()).unwrap();
        let error = list.check_destinations(&"myregistry/team".parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("mirror.yaml:3:3"), "{error}");
    }

    #[test]
    fn own_text_stays_and_new_images_are_appended() {
        let list = MirrorList::parse(GUIDE, "mirror.yaml").unwrap();
        let more = list
            .with_entries(&[new("quay.io/a:1", "myregistry/a:1", &["args in x.yaml"])])
            .unwrap();
        let added = "\n# args in x.yaml\n- source: quay.io/a:1\n  destination: myregistry/a:1\n";
        assert_eq!(more.text(), format!("{GUIDE}{added}"));
        assert_eq!(more.with_entries(&[]).unwrap().text(), more.text());
        for (text, expected) in [
            ("", "images:\n  - source: a:1\n    destination: r/a:1\n"),
            ("# mine\n", "# mine\nimages:\n  - source: a:1\n    destination: r/a:1\n"),
            ("images: []\n", "images:\n  - source: a:1\n    destination: r/a:1\n"),
            ("images:\n", "images:\n  - source: a:1\n    destination: r/a:1\n"),
        ] {
            let list = MirrorList::parse(text, "m").unwrap();
            assert_eq!(
                list.with_entries(&[new("a:1", "r/a:1", &[])]).unwrap().text(),
                expected,
                "{text:?}"
            );
        }
        let flow = "images: [{source: 'b:1', destination: 'r/b:1'}]\n";
        let error = MirrorList::parse(flow, "m").unwrap().with_entries(&[new("a:1", "r/a:1", &[])]);
        assert!(error.is_err());
    }

    #[test]
    fn images_are_removed_with_the_comment_of_their_place() {
        let text = "# mine\nimages:\n# group\n# x in v.yaml:3\n- source: a:1\n  destination: r/a:1\n# kept\n- source: b:1\n  destination: r/b:1\n# tail\n";
        let without = |text: &str, gone: &str| {
            let list = MirrorList::parse(text, "m").unwrap();
            let gone: ImageReference = gone.parse().unwrap();
            list.without(|entry| entry.source.is_same_as(&gone)).map(|list| list.text().to_owned())
        };
        let one = without(text, "a:1").unwrap();
        assert_eq!(
            one,
            "# mine\nimages:\n# group\n# kept\n- source: b:1\n  destination: r/b:1\n# tail\n"
        );
        let none = without(&one, "b:1").unwrap();
        assert_eq!(none, "# mine\nimages:\n# group\n# kept\n# tail\n");
        assert_eq!(without(text, "c:1").unwrap(), text);
        let list = MirrorList::parse(&none, "m").unwrap();
        assert_eq!(list.with_entries(&[new("n:1", "r/n:1", &[])]).unwrap().entries().len(), 1);
        let flow = "images: [{source: 'b:1', destination: 'r/b:1'}]\n";
        let error = without(flow, "b:1").unwrap_err().to_string();
        assert!(error.contains("cannot remove images from `m`"), "{error}");
    }

    #[test]
    fn images_are_added_to_each_style_of_list() {
        let add = |text: &str| {
            let list = MirrorList::parse(text, "m").unwrap();
            list.with_entries(&[new("n:1", "r/n:1", &[])]).map(|list| list.text().to_owned())
        };
        let entry = "  - source: n:1\n    destination: r/n:1\n";
        for (text, before) in [
            ("images: ~\n", "images:\n"),
            ("images: [ ]  # none\n", "images:  # none\n"),
            ("# images: [] is empty\nimages: []\n", "# images: [] is empty\nimages:\n"),
            ("\"images\": null", "\"images\":\n"),
            ("---\nimages: []\n", "---\nimages:\n"),
        ] {
            assert_eq!(add(text).unwrap(), format!("{before}{entry}"), "{text:?}");
        }
        assert_eq!(add("images: []\n...\n").unwrap(), format!("images:\n{entry}...\n"));
        let entry = "- source: n:1\n  destination: r/n:1\n";
        for text in [
            "images:\n-\n  source: a:1\n  destination: r/a:1\n",
            "images:\n- &a\n  source: a:1\n  destination: r/a:1\n",
        ] {
            assert_eq!(add(text).unwrap(), format!("{text}{entry}"));
        }
        let windows = "images:\r\n- source: a:1\r\n  destination: r/a:1\r\n";
        let expected = format!("{windows}{}", entry.replace('\n', "\r\n"));
        assert_eq!(add(windows).unwrap(), expected);
        for text in ["{images: []}\n", "images: [\n]\n"] {
            let error = add(text).unwrap_err().to_string();
            assert!(error.contains("cannot add to `m` because of its layout"), "{error}");
        }
    }

    #[test]
    fn a_comment_stays_one_line_with_hostile_text() {
        let list = MirrorList::parse(GUIDE, "mirror.yaml").unwrap();
        for hostile in
            ["a\nb", "a\r\n- source: x", "\u{85}b", "\u{2028}b", "\n", "a\n...\n", "\u{feff}"]
        {
            let more = list.with_entries(&[new("MyHost/a:1", "r/a:1", &[hostile])]).unwrap();
            assert_eq!(more.text().lines().count(), GUIDE.lines().count() + 3, "{hostile:?}");
            assert_eq!(MirrorList::parse(more.text(), "m").unwrap().entries().len(), 3);
        }
    }

    #[test]
    fn an_invalid_list_is_refused_with_line_and_column() {
        for (text, says) in [
            ("image:\n- source: a:1\n", vec!["`image`", "`images`", "mirror.yaml:1:1"]),
            (
                "images:\n- source: a:1\n  destinaton: r/a:1\n",
                vec!["`destinaton`", "`destination`", "mirror.yaml:3:3"],
            ),
            (
                "images:\n- source: a\n  destination: r/a:1\n",
                vec!["no tag and no digest", "mirror.yaml:2:11"],
            ),
            (
                "images:\n- source: a:1\n  destination: r/a\n",
                vec!["the destination `r/a` has no tag"],
            ),
            ("images:\n- source: a:1\n", vec!["no `destination`", "mirror.yaml:2:3"]),
            ("images:\n- source: a:1\n  destination: null\n", vec!["no `destination`"]),
            ("images:\n- source: A:1\n  destination: r/a:1\n", vec!["upper-case"]),
            ("images:\n- a:1\n", vec!["`source` and a `destination`"]),
            ("images: a\n", vec!["must be a list"]),
            ("images:\n- source: [a]\n", vec!["`source` must be a text", "mirror.yaml:2:11"]),
            ("- a\n", vec!["a mirror list has `images:`"]),
            (
                "images:\n- source: a:1\n   destination: x\n",
                vec!["cannot read `mirror.yaml` as YAML", "line"],
            ),
            (
                "images:\n- source: a:1\n  source: b:1\n  destination: r/a:1\n",
                vec!["`source` is already in line 2"],
            ),
            (
                "images:\n- {source: 'ghcr.io/a:1', destination: 'r/a:1'}\n- {source: 'quay.io/a:1', destination: 'r/a:1'}\n",
                vec!["two images", "ghcr.io/a:1", "quay.io/a:1", "mirror.yaml:3:3"],
            ),
        ] {
            let error = refusal(text);
            for word in says {
                assert!(error.contains(word), "{text:?}: {word} is missing in\n{error}");
            }
        }
        let digest = |c: char| format!("sha256:{}", c.to_string().repeat(64));
        let (a, b) = (digest('a'), digest('b'));
        let error = refusal(&format!("images:\n- {{source: 'a@{a}', destination: 'r/a@{b}'}}\n"));
        assert!(error.contains("different digests"), "{error}");
        // Two sources may have the same content.
        let text = format!(
            "images:\n- {{source: 'g.io/a@{a}', destination: 'r/a:1'}}\n- {{source: 'q.io/a@{a}', destination: 'r/a:1'}}\n- {{source: 'nats:1', destination: 'r/n:1'}}\n- {{source: 'docker.io/nats:1', destination: 'r/n:1'}}\n"
        );
        MirrorList::parse(&text, "mirror.yaml").unwrap();
    }
}
