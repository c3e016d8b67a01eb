//! The images of a chart that was not rendered, guessed from its values and annotations.

use std::collections::HashSet;
use std::rc::Rc;

use super::Chart;
use super::image_paths::ends;
use super::images::{ChartImage, ChartImages, LeftOut, Uncertainty, Unresolved, ValueForm};
use crate::image_parts::{ImageParts, TAGS_BESIDE};
use crate::image_text;
use crate::reference::ImageReference;
use crate::yaml::{Node, Position, Scalar};
use airgap_core::error::Result;

/// The suffix of the position of an image without a tag of its own.
const CHART_TAG: &str = ", with the chart's appVersion";

/// The reason why a word such as `proxyv2` is not listed.
const PART_OF_A_NAME: &str = "it has no registry, folder or tag, so that it may be a part of a \
    name; render the chart with Helm to know";

impl Chart {
    /// Returns the images that the values of the chart and of its subcharts name, and the images of
    /// its annotations that no value names. Only Helm can tell which of them the templates use, and
    /// with which registry: see [`Chart::rendered`].
    ///
    /// # Errors
    /// Usage, if there are too many.
    pub fn images(&self) -> Result<ChartImages> {
        let mut images = self.valued()?;
        let paths = images.images.iter().chain(images.off()).map(|it| it.image.path().to_owned());
        let paths: HashSet<_> = paths.collect();
        for chart in self.all().into_iter().filter(|chart| chart.off.is_none()) {
            let annotated = chart.annotated();
            // For an image that the values name, the values win over an annotation with another
            // tag.
            let is_new = |it: &ChartImage| ends(it.image.path()).all(|end| !paths.contains(end));
            annotated.images.into_iter().filter(is_new).for_each(|it| images.add(it));
            annotated.unresolved.into_iter().for_each(|it| images.add_unresolved(it));
            images.check()?;
        }
        Ok(images)
    }

    /// Returns the images that the values name.
    pub(super) fn valued(&self) -> Result<ChartImages> {
        let mut images = ChartImages::default();
        self.add_valued(&mut images)?;
        Ok(images)
    }

    fn add_valued(&self, images: &mut ChartImages) -> Result<()> {
        let mut walk = ValuesWalk { chart: self, path: Vec::new(), off: None, images };
        walk.node(self.values(), "");
        self.add_missing(images);
        images.check()?;
        for chart in &self.charts {
            match &chart.off {
                Some(switch) if self.off.is_none() => {
                    let mut all = ChartImages::default();
                    chart.add_valued(&mut all)?;
                    let path = chart.path.join(".");
                    let disabled_by = Some(switch.clone());
                    let images_of = all.with_all_parts().images;
                    images.add_left_out(LeftOut { path, disabled_by, images: images_of });
                }
                _ => chart.add_valued(images)?,
            }
        }
        images.check()
    }

    /// Adds the missing dependencies.
    fn add_missing(&self, images: &mut ChartImages) {
        for name in &self.missing {
            images.add_unresolved(Unresolved {
                place: format!("{}/charts", self.files.origin),
                text: name.clone(),
                reason: "the dependency is missing in the chart; run `helm dependency build`"
                    .to_owned(),
            });
        }
    }
}

impl ChartImages {
    /// Returns the images that were left out.
    pub(super) fn off(&self) -> impl Iterator<Item = &ChartImage> {
        self.left_out.iter().flat_map(|part| &part.images)
    }
}

/// A tag that is a number which Helm writes in a form that is not a valid tag.
struct NoTag;

/// A walk over the values of one chart.
struct ValuesWalk<'a> {
    chart: &'a Chart,
    path: Vec<String>,
    /// The false switch above the current value.
    off: Option<String>,
    images: &'a mut ChartImages,
}

impl ValuesWalk<'_> {
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
        match ImageParts::from_mapping(node, key) {
            Some(split) => self.image_parts(node, &split),
            None => self.inside(node, key),
        }
        self.off = outer;
    }

    fn inside(&mut self, node: &Rc<Node>, key: &str) {
        for entry in node.entries() {
            // The values of a subchart are read with the subchart.
            let is_inner = self.path.is_empty() && self.chart.has_inner(&entry.key);
            let is_last = node.get(&entry.key).is_some_and(|last| Rc::ptr_eq(last, &entry.value));
            if is_inner || !is_last {
                continue;
            }
            self.path.push(entry.key.to_string());
            match entry.value.text() {
                Some(text) if image_text::implies_image(&entry.key) => {
                    self.text(text, &entry.value, node)
                }
                _ => self.node(&entry.value, &entry.key),
            }
            self.path.pop();
        }
        for (index, item) in node.items().iter().enumerate() {
            self.path.push(format!("[{index}]"));
            match item.text() {
                Some(text) if image_text::implies_image(key) => self.text(text, item, item),
                _ => self.node(item, key),
            }
            self.path.pop();
        }
    }

    /// Adds an image in parts.
    fn image_parts(&mut self, node: &Rc<Node>, parts: &ImageParts) {
        let mut parts = parts.clone();
        if let Some(tag) = node.get("tag") {
            let Ok(tag) = self.tag(tag) else { return };
            parts.tag = tag;
        }
        let has_chart_tag =
            parts.tag.is_none() && parts.digest.is_none() && self.chart.app_version.is_some();
        if has_chart_tag {
            parts.tag.clone_from(&self.chart.app_version);
        }
        let form = ValueForm::ImageParts {
            path: self.chart.path_of(&self.path),
            repository_key: parts.repository_key,
            has_registry: node.get("registry").is_some(),
        };
        let global = self.chart.global_registry().map(|registry| {
            parts.registry = Some(registry.trim_end_matches('/').to_owned());
            parts.reference()
        });
        let global = global.filter(|global| global.parse::<ImageReference>().is_ok());
        let uncertainty = match () {
            () if global.is_some() => Some(Uncertainty::GlobalRegistry),
            () if has_chart_tag => Some(Uncertainty::ChartTag),
            () => None,
        };
        let written = global.unwrap_or_else(|| parts.reference());
        self.add(&written, &parts.repository.place, form, uncertainty, has_chart_tag);
    }

    /// Adds an image in one text, with the tag beside it if there is one.
    fn text(&mut self, text: &str, node: &Rc<Node>, around: &Node) {
        let Ok(image) = text.parse::<ImageReference>() else {
            // The text is a picture, a switch or a template; only a template may be an image.
            if text.contains("{{") {
                self.unresolved(text, &node.place, "it is a template");
            }
            return;
        };
        let is_exact = self.path.last().is_some_and(|key| key == "image");
        let tag_key = TAGS_BESIDE.into_iter().find(|key| around.get(key).is_some());
        let beside = tag_key.and_then(|key| around.get(key)).filter(|_| is_exact);
        if !is_exact && image_text::named_image(text).is_none() {
            return;
        }
        let (mut written, mut has_chart_tag) = (text.to_owned(), false);
        if let Some(registry) = around.text_of("registry") {
            written = format!("{registry}/{written}");
        }
        if image.tag().is_none() && image.digest().is_none() && is_exact {
            let Ok(tag) = beside.map_or(Ok(None), |tag| self.tag(tag)) else { return };
            if tag.is_none() && !written.contains('/') {
                return self.unresolved(text, &node.place, PART_OF_A_NAME);
            }
            has_chart_tag = beside.is_some() && tag.is_none();
            if let Some(tag) = tag.or_else(|| beside.and(self.chart.app_version.clone())) {
                written = format!("{written}:{tag}");
            }
        }
        let form = ValueForm::Text {
            path: self.chart.path_of(&self.path),
            tag_key: tag_key.filter(|_| is_exact),
        };
        let uncertainty = has_chart_tag.then_some(Uncertainty::ChartTag);
        self.add(&written, &node.place, form, uncertainty, has_chart_tag);
    }

    /// Returns a tag as Helm writes it. An unquoted number may get another form; the error is that
    /// this form is not a valid tag.
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
        place: &Position,
        form: ValueForm,
        uncertainty: Option<Uncertainty>,
        has_chart_tag: bool,
    ) {
        let image = match written.parse::<ImageReference>() {
            Ok(image) => image,
            Err(reason) => return self.unresolved(written, place, &reason),
        };
        let tag = if has_chart_tag { CHART_TAG } else { "" };
        let found = format!("{} in {}:{}{tag}", self.shown(), place.file, place.line);
        let uncertainty =
            uncertainty.or_else(|| image.host().is_none().then_some(Uncertainty::NoRegistry));
        let image = ChartImage { image, found, form, named_by: None, uncertainty };
        match &self.off {
            Some(switch) => {
                let (path, disabled_by) = (self.shown(), Some(switch.clone()));
                self.images.add_left_out(LeftOut { path, disabled_by, images: vec![image] });
            }
            None => self.images.add(image),
        }
    }

    fn unresolved(&mut self, text: &str, place: &Position, reason: &str) {
        if self.off.is_none() {
            let (place, text) = (place.to_string(), text.to_owned());
            self.images.add_unresolved(Unresolved { place, text, reason: reason.to_owned() });
        }
    }

    /// Returns the path of the current value in those of the root chart.
    fn shown(&self) -> String {
        self.chart.path_of(&self.path).join(".").replace(".[", "[")
    }
}
