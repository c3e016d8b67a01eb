//! The images of a chart: from its values, its templates and its annotations.

use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;

use serde::Serialize;

use super::Chart;
use super::templates::{self, Written};
use crate::error::Result;
use crate::images::reference::ImageReference;
use crate::images::scan::scan;
use crate::images::split::Split;
use crate::images::words;
use crate::oci;
use crate::yaml::{Node, Place, Scalar};

/// What is said of an image without a tag of its own.
const CHART_TAG: &str = ", with the chart's appVersion";

/// What is known of a chart's images.
#[derive(Debug, Default)]
pub struct Images {
    /// The images, in the order of the values; then those that only templates name.
    pub images: Vec<ChartImage>,
    /// Images of parts that are disabled.
    pub left_out: Vec<LeftOut>,
    /// What may name images, and cannot be told without rendering.
    pub unresolved: Vec<Unresolved>,
    /// The bytes of all that was found, and of its places.
    bytes: usize,
    /// The images that no value names.
    fixed: HashSet<oci::Reference>,
}

/// An image of a chart.
#[derive(Clone, Debug)]
pub struct ChartImage {
    /// The image as the chart writes it.
    pub image: ImageReference,
    /// Where it was found.
    pub found: String,
    /// How the chart's values name it.
    pub form: Form,
    /// Whether its tag is that of the chart, as its own was not said.
    pub has_chart_tag: bool,
    /// Whether a value has only a word for it, such as `pilot`, which may be a part of a name.
    is_word: bool,
    /// What it is where the templates do not follow the global registry.
    without_global: Option<ImageReference>,
}

impl ChartImage {
    /// One that no value names.
    fn fixed(image: ImageReference, found: String) -> ChartImage {
        let form = Form::Fixed;
        ChartImage {
            image,
            found,
            form,
            has_chart_tag: false,
            is_word: false,
            without_global: None,
        }
    }

    /// Whether it may be a part of an image that the templates put together.
    fn may_be_a_part(&self) -> bool {
        let own = &self.image;
        let is_bare = || own.tag().is_none() && own.digest().is_none();
        let is_text = matches!(self.form, Form::Text { tag_key: None, .. });
        (self.is_word || (is_text && is_bare())) && own.host().is_none()
    }
}

/// How a chart's values name an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// By a mapping with a repository.
    Split {
        /// The path of the mapping.
        path: Vec<String>,
        /// The key of the repository.
        repository_key: &'static str,
        /// Whether it has a key for the registry.
        has_registry: bool,
    },
    /// By one text.
    Text {
        /// The path of the text.
        path: Vec<String>,
        /// The key of the tag beside it, where it has one.
        tag_key: Option<&'static str>,
    },
    /// Not by values.
    Fixed,
}

impl Form {
    /// The bytes of its path.
    fn size(&self) -> usize {
        match self {
            Form::Split { path, .. } | Form::Text { path, .. } => {
                path.iter().map(String::len).sum()
            }
            Form::Fixed => 0,
        }
    }
}

/// An image that was left out.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOut {
    /// The path of its values.
    pub path: String,
    /// What disables it.
    pub disabled_by: String,
}

/// Something that may name an image.
#[derive(Clone, Debug, Serialize)]
pub struct Unresolved {
    /// Where it stands.
    pub place: String,
    /// What stands there.
    pub text: String,
    /// Why it could not be told.
    pub reason: String,
}

impl Unresolved {
    /// The bytes of its words.
    pub(super) fn size(&self) -> usize {
        self.place.len() + self.text.len() + self.reason.len()
    }
}

impl Chart {
    /// The images that the chart and the charts in it use with their values.
    ///
    /// # Errors
    /// Usage, where there are too many.
    pub fn images(&self) -> Result<Images> {
        let mut images = Images::default();
        for chart in self.all() {
            let mut walk = Walk { chart, path: Vec::new(), off: None, images: &mut images };
            walk.node(chart.values(), "");
            chart.annotated(&mut images);
            chart.absent(&mut images);
            images.check()?;
        }
        images.add_written(templates::written(self)?);
        Ok(images)
    }

    /// The images that `Chart.yaml` lists for tools such as this one.
    fn annotated(&self, images: &mut Images) {
        let Some(annotations) = self.files.manifest.get("annotations") else { return };
        for mention in scan(annotations).unwrap_or_default() {
            match mention.image {
                Ok(image) => {
                    let place = &mention.place;
                    let found = format!("annotation in {}:{}", place.file, place.line);
                    if images.fixed.insert(image.with_defaults().meaning().clone()) {
                        images.add(ChartImage::fixed(image, found));
                    }
                }
                Err(reason) => images.add_unresolved(Unresolved {
                    place: mention.place.to_string(),
                    text: mention.written,
                    reason,
                }),
            }
        }
    }

    /// The charts in this one that are not there, or not installed.
    fn absent(&self, images: &mut Images) {
        for (key, switch) in &self.disabled {
            let path = self.path_of(std::slice::from_ref(key)).join(".");
            images.add_left_out(LeftOut { path, disabled_by: switch.clone() });
        }
        for name in &self.missing {
            images.add_unresolved(Unresolved {
                place: format!("{}/charts", self.files.origin),
                text: name.clone(),
                reason: "the chart names it as a dependency, and it is not there; run `helm dependency build`".to_owned(),
            });
        }
    }
}

impl Images {
    /// Adds what templates write. Where only they say which tag is the default, they are right.
    fn add_written(&mut self, written: Written) {
        self.follow(&written);
        let mut known = Known::default();
        let mut guesses: HashMap<_, VecDeque<usize>> = HashMap::new();
        for (index, found) in self.images.iter().enumerate() {
            known.add(&found.image);
            if found.has_chart_tag {
                let name = found.image.meaning().repository().clone();
                guesses.entry(name).or_default().push_back(index);
            }
        }
        for (image, place) in written.images {
            if known.has_one_with(&image) {
                continue;
            }
            known.add(&image);
            let same_name = guesses.get_mut(image.meaning().repository());
            let guess =
                same_name.and_then(VecDeque::pop_front).map(|index| &mut self.images[index]);
            match guess {
                Some(guess) => {
                    known.remove(&guess.image);
                    guess.found = format!("{}; {place}", guess.found.replace(CHART_TAG, ""));
                    guess.has_chart_tag = false;
                    guess.image = image;
                }
                None => self.images.push(ChartImage::fixed(image, place)),
            }
        }
        self.unresolved.extend(written.unresolved);
    }

    /// Makes of values what the templates make of them.
    fn follow(&mut self, written: &Written) {
        let mut known = Known::default();
        written.images.iter().for_each(|(image, _)| known.add(image));
        let writes = |image: &ImageReference, has_chart_tag: bool| {
            known.has_one_with(image) || (has_chart_tag && known.has_name(image))
        };
        for found in &mut self.images {
            let has_chart_tag = found.has_chart_tag;
            if let Some(own) = found.without_global.take()
                && !writes(&found.image, has_chart_tag)
                && writes(&own, has_chart_tag)
            {
                found.image = own;
            }
        }
        let wholes = Wholes::new(&self.images, &written.images);
        let is_part: Vec<_> = self.images.iter().map(|found| wholes.has_one_of(found)).collect();
        drop(wholes);
        let mut is_part = is_part.into_iter();
        self.images.retain(|found| {
            let is_part = is_part.next().unwrap_or_default();
            !is_part || writes(&found.image, false)
        });
        // No tag is written for these, and the templates write other images. Where they write none,
        // the values are all that is known.
        let is_open = |found: &ChartImage| {
            !written.images.is_empty()
                && found.is_word
                && !writes(&found.image, found.has_chart_tag)
        };
        let (open, images) = std::mem::take(&mut self.images).into_iter().partition(is_open);
        self.images = images;
        let open: Vec<ChartImage> = open;
        self.unresolved.extend(open.into_iter().map(|found| {
            Unresolved {
                place: found.found.replace(CHART_TAG, ""),
                text: found.image.name(),
                reason:
                    "no template that can be read here writes it as an image; it may be a part of \
                     the name of one"
                        .to_owned(),
            }
        }));
    }

    /// Adds an image.
    fn add(&mut self, image: ChartImage) {
        self.bytes += image.found.len() + image.form.size();
        self.images.push(image);
    }

    fn add_unresolved(&mut self, unresolved: Unresolved) {
        self.bytes += unresolved.size();
        self.unresolved.push(unresolved);
    }

    fn add_left_out(&mut self, left_out: LeftOut) {
        self.bytes += left_out.path.len() + left_out.disabled_by.len();
        self.left_out.push(left_out);
    }

    /// Fails where there is too much.
    fn check(&self) -> Result<()> {
        let count = self.images.len() + self.unresolved.len() + self.left_out.len();
        templates::check_size(count, self.bytes)
    }

    /// Whether nothing more is looked for, as there is too much already.
    fn is_full(&self) -> bool {
        self.check().is_err()
    }
}

/// Images by what makes two of them one: see [`ImageReference::is_one_with`].
#[derive(Default)]
struct Known {
    /// How many there are of each reference, with what a runtime adds to it.
    equal: HashMap<oci::Reference, usize>,
    /// How many there are of each name with a digest: all, and those without a tag.
    pinned: HashMap<(oci::Repository, String), [usize; 2]>,
    /// How many there are of each name.
    names: HashMap<oci::Repository, usize>,
}

impl Known {
    fn add(&mut self, image: &ImageReference) {
        self.change(image, |count| *count += 1);
    }

    fn remove(&mut self, image: &ImageReference) {
        self.change(image, |count| *count = count.saturating_sub(1));
    }

    fn change(&mut self, image: &ImageReference, change: impl Fn(&mut usize)) {
        change(self.equal.entry(image.with_defaults().meaning().clone()).or_default());
        change(self.names.entry(image.meaning().repository().clone()).or_default());
        if let Some(key) = pinned(image) {
            let [all, bare] = self.pinned.entry(key).or_default();
            change(all);
            if image.tag().is_none() {
                change(bare);
            }
        }
    }

    fn has_one_with(&self, image: &ImageReference) -> bool {
        let is_equal = self.equal.get(image.with_defaults().meaning()).is_some_and(|it| *it > 0);
        let same = pinned(image).and_then(|key| self.pinned.get(&key));
        is_equal
            || same.is_some_and(|[all, bare]| match image.tag() {
                None => *all > 0,
                Some(_) => *bare > 0,
            })
    }

    fn has_name(&self, image: &ImageReference) -> bool {
        self.names.get(image.meaning().repository()).is_some_and(|it| *it > 0)
    }
}

/// The name and the digest of an image that has one.
fn pinned(image: &ImageReference) -> Option<(oci::Repository, String)> {
    Some((image.meaning().repository().clone(), image.digest()?.to_owned()))
}

/// The images that templates put together, by the last parts of their paths.
struct Wholes<'a> {
    /// For each path that may be a part: one name that ends with it, and another one.
    names: HashMap<&'a str, [Option<&'a oci::Repository>; 2]>,
}

impl<'a> Wholes<'a> {
    fn new(parts: &'a [ChartImage], written: &'a [(ImageReference, String)]) -> Wholes<'a> {
        let parts = parts.iter().filter(|part| part.may_be_a_part());
        let mut names: HashMap<_, [Option<&oci::Repository>; 2]> =
            parts.map(|part| (part.image.path(), [None, None])).collect();
        for (image, _) in written {
            let (path, name) = (image.path(), image.meaning().repository());
            let starts = path.match_indices('/').map(|(at, _)| at + 1);
            for start in std::iter::once(0).chain(starts) {
                match names.get_mut(&path[start..]) {
                    Some([one @ None, _]) => *one = Some(name),
                    Some([Some(one), other @ None]) if *one != name => *other = Some(name),
                    _ => {}
                }
            }
        }
        Wholes { names }
    }

    /// Whether an image is a part of one of them, as `pilot` is of `istio/pilot:1.20`.
    fn has_one_of(&self, part: &ChartImage) -> bool {
        let own = part.image.meaning().repository();
        let names = self.names.get(part.image.path()).filter(|_| part.may_be_a_part());
        names.is_some_and(|names| names.iter().flatten().any(|name| *name != own))
    }
}

/// What is known of the tag of an image in values.
struct Tag {
    is_of_chart: bool,
    is_word: bool,
}

/// A tag that is a number which Helm writes in a form that no tag has.
struct NoTag;

/// A walk over the values of one chart.
struct Walk<'a> {
    chart: &'a Chart,
    path: Vec<String>,
    /// The switch that is off, above the current place.
    off: Option<String>,
    images: &'a mut Images,
}

impl Walk<'_> {
    fn node(&mut self, node: &Rc<Node>, key: &str) {
        if self.images.is_full() {
            return;
        }
        let outer = self.off.clone();
        if self.off.is_none()
            && node.get("enabled").is_some_and(|switch| !switch.is_true())
            && !self.path.is_empty()
        {
            self.off = Some(format!("{}.enabled", self.shown()));
        }
        match Split::of(node, key) {
            Some(split) => self.split(node, &split),
            None => self.inside(node, key),
        }
        self.off = outer;
    }

    fn inside(&mut self, node: &Rc<Node>, key: &str) {
        for entry in node.entries() {
            // The values of the charts in this one are theirs.
            let is_inner = self.path.is_empty() && self.chart.has_inner(&entry.key);
            let is_last = node.get(&entry.key).is_some_and(|last| Rc::ptr_eq(last, &entry.value));
            if is_inner || !is_last {
                continue;
            }
            self.path.push(entry.key.to_string());
            match entry.value.text() {
                Some(text) if words::says_image(&entry.key) => self.text(text, &entry.value, node),
                _ => self.node(&entry.value, &entry.key),
            }
            self.path.pop();
        }
        for (index, item) in node.items().iter().enumerate() {
            self.path.push(format!("[{index}]"));
            match item.text() {
                Some(text) if words::says_image(key) => self.text(text, item, item),
                _ => self.node(item, key),
            }
            self.path.pop();
        }
    }

    /// An image in parts.
    fn split(&mut self, node: &Rc<Node>, split: &Split) {
        let mut split = split.clone();
        if let Some(tag) = node.get("tag") {
            let Ok(tag) = self.tag(tag) else { return };
            split.tag = tag;
        }
        let has_chart_tag =
            split.tag.is_none() && split.digest.is_none() && self.chart.app_version.is_some();
        if has_chart_tag {
            split.tag.clone_from(&self.chart.app_version);
        }
        let form = Form::Split {
            path: self.chart.path_of(&self.path),
            repository_key: split.repository_key,
            has_registry: node.get("registry").is_some(),
        };
        // Whether the chart's templates follow the global registry, only they say.
        let own = split.reference();
        let global = self.chart.global_registry().map(|registry| {
            split.registry = Some(registry.trim_end_matches('/').to_owned());
            split.reference()
        });
        let place = &split.repository.place;
        let tag = Tag { is_of_chart: has_chart_tag, is_word: false };
        match global.filter(|global| global.parse::<ImageReference>().is_ok()) {
            Some(global) => self.add(&global, own.parse().ok(), place, form, tag),
            None => self.add(&own, None, place, form, tag),
        }
    }

    /// An image in one text, with a tag beside it where there is one.
    fn text(&mut self, text: &str, node: &Rc<Node>, around: &Node) {
        let Ok(image) = text.parse::<ImageReference>() else {
            // A picture, a switch, a template: only the last may be an image.
            if text.contains("{{") {
                self.unresolved(text, &node.place, "it is a template");
            }
            return;
        };
        let is_exact = self.path.last().is_some_and(|key| key == "image");
        let tag_key = ["tag", "imageTag"].into_iter().find(|key| around.get(key).is_some());
        let beside = tag_key.and_then(|key| around.get(key)).filter(|_| is_exact);
        if !is_exact && words::named_image(text).is_none() {
            return;
        }
        let (mut written, mut has_chart_tag, mut is_word) = (text.to_owned(), false, false);
        let registry = around.text_of("registry");
        if let Some(registry) = registry {
            written = format!("{registry}/{written}");
        }
        if image.tag().is_none() && image.digest().is_none() && is_exact {
            let Ok(tag) = beside.map_or(Ok(None), |tag| self.tag(tag)) else { return };
            is_word = tag.is_none() && image.host().is_none() && !image.path().contains('/');
            has_chart_tag = beside.is_some() && tag.is_none();
            if let Some(tag) = tag.or_else(|| beside.and(self.chart.app_version.clone())) {
                written = format!("{written}:{tag}");
            }
        }
        let form = Form::Text {
            path: self.chart.path_of(&self.path),
            tag_key: tag_key.filter(|_| is_exact),
        };
        let is_word = is_word && registry.is_none();
        let tag = Tag { is_of_chart: has_chart_tag, is_word };
        self.add(&written, None, &node.place, form, tag);
    }

    /// A tag. One without quotes that is a number is not what it looks like; the error is that Helm
    /// makes no tag of it.
    fn tag(&mut self, node: &Rc<Node>) -> std::result::Result<Option<String>, NoTag> {
        let Some(text) = node.text() else { return Ok(None) };
        let number = node.scalar().and_then(Scalar::helm_number);
        let Some(number) = number.filter(|number| number != text) else {
            return Ok(Some(text.to_owned()));
        };
        let is_tag = !number.contains('+') && !number.starts_with('-');
        let invalid = if is_tag { "" } else { ", which cannot be a tag" };
        let reason = format!("it is a number, which Helm writes as `{number}`{invalid}; quote it");
        self.unresolved(text, &node.place, &reason);
        if is_tag { Ok(Some(number)) } else { Err(NoTag) }
    }

    fn add(
        &mut self,
        written: &str,
        without_global: Option<ImageReference>,
        place: &Place,
        form: Form,
        tag: Tag,
    ) {
        let Tag { is_of_chart: has_chart_tag, is_word } = tag;
        if let Some(switch) = &self.off {
            let (path, disabled_by) = (self.shown(), switch.clone());
            return self.images.add_left_out(LeftOut { path, disabled_by });
        }
        match written.parse::<ImageReference>() {
            Err(reason) => self.unresolved(written, place, &reason),
            Ok(image) => {
                let mut found = format!("{} in {}:{}", self.shown(), place.file, place.line);
                if has_chart_tag {
                    found.push_str(CHART_TAG);
                }
                let image =
                    ChartImage { image, found, form, has_chart_tag, is_word, without_global };
                self.images.add(image);
            }
        }
    }

    fn unresolved(&mut self, text: &str, place: &Place, reason: &str) {
        if self.off.is_none() {
            let (place, text) = (place.to_string(), text.to_owned());
            self.images.add_unresolved(Unresolved { place, text, reason: reason.to_owned() });
        }
    }

    /// The path of the current value in those of the chart that is installed.
    fn shown(&self) -> String {
        self.chart.path_of(&self.path).join(".").replace(".[", "[")
    }
}
