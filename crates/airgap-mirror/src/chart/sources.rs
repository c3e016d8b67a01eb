//! The values that the images of a rendered chart are made of.

use std::collections::HashMap;

use super::Chart;
use super::image_paths::ends;
use super::images::{ChartImage, ValueForm};
use crate::image_parts;
use crate::image_text;
use crate::reference::ImageReference;
use crate::yaml::Node;

/// The longest value that is treated as a part of an image, in bytes.
const LONGEST: usize = 300;

/// The largest number of values with the path of one image that are searched.
const MOST_SAME: usize = 100;

/// A value that names an image, or a part of one.
pub(super) struct ValueSource {
    /// Its path and its position.
    pub(super) found: String,
    /// Its form, if it names the whole image.
    pub(super) form: ValueForm,
}

/// All values that may be a part of an image.
pub(super) struct ValueSources<'a> {
    /// The images that values name, by their paths.
    images: HashMap<&'a str, Vec<&'a ChartImage>>,
    /// Texts of values, each with its path and its position.
    texts: HashMap<&'a str, String>,
}

impl<'a> ValueSources<'a> {
    pub(super) fn new(chart: &'a Chart, images: &'a [ChartImage]) -> ValueSources<'a> {
        let mut sources = ValueSources { images: HashMap::new(), texts: HashMap::new() };
        for image in images {
            let same = sources.images.entry(image.image.path()).or_default();
            if same.len() < MOST_SAME {
                same.push(image);
            }
        }
        for chart in chart.all().into_iter().filter(|chart| chart.off.is_none()) {
            sources.add_texts(chart, chart.values(), &mut Vec::new());
        }
        sources
    }

    fn add_texts(&mut self, chart: &Chart, node: &'a Node, path: &mut Vec<String>) {
        for entry in node.entries() {
            if path.is_empty() && chart.has_inner(&entry.key) {
                continue;
            }
            path.push(entry.key.to_string());
            self.add_text(chart, &entry.key, &entry.value, path);
            self.add_texts(chart, &entry.value, path);
            path.pop();
        }
        for (index, item) in node.items().iter().enumerate() {
            path.push(format!("[{index}]"));
            self.add_texts(chart, item, path);
            path.pop();
        }
    }

    fn add_text(&mut self, chart: &Chart, key: &str, node: &'a Node, path: &[String]) {
        let Some(text) = node.text().filter(|text| text.len() <= LONGEST) else { return };
        let may_name_image =
            image_text::implies_image(key) || image_parts::names_image_in_values(key);
        if may_name_image || text.contains('/') {
            let place = &node.place;
            let path = chart.path_of(path).join(".").replace(".[", "[");
            let found = || format!("{path} in {}:{}", place.file, place.line);
            self.texts.entry(text).or_insert_with(found);
        }
    }

    /// Returns the value that names the largest part of an image.
    pub(super) fn find(&self, image: &ImageReference) -> Option<ValueSource> {
        let written = image.to_string();
        let whole =
            |it: &&&ChartImage| it.image.tag() == image.tag() && it.image.host() == image.host();
        let same_tag = |it: &&&ChartImage| it.image.tag() == image.tag();
        let named = ends(image.path()).find_map(|end| self.images.get(end)).and_then(|all| {
            let exact = all.iter().find(whole).or_else(|| all.iter().find(same_tag));
            exact.or(all.first())
        });
        if let Some(named) = named {
            return Some(ValueSource { found: named.found.clone(), form: named.form.clone() });
        }
        let name = image.name();
        let mut texts = [written.as_str(), name.as_str()].into_iter().chain(ends(image.path()));
        let found = texts.find_map(|text| self.texts.get(text))?;
        Some(ValueSource { found: found.clone(), form: ValueForm::Fixed })
    }
}
