//! The images of a chart, and those that it names and does not use.

use serde::{Serialize, Serializer};

use crate::image_occurrence::{self, OccurrenceKind};
use crate::reference::ImageReference;
use airgap_core::error::{Error, Result};

/// The largest number of images and other findings of a chart, and of the bytes of them with their
/// positions.
const MOST_FOUND: usize = 50_000;
const MOST_BYTES: usize = 16 << 20;

/// The findings in a chart.
#[derive(Debug, Default)]
pub struct ChartImages {
    /// The images, in the order in which they were found.
    pub images: Vec<ChartImage>,
    /// Images that are not installed: of disabled parts, or only in annotations.
    pub left_out: Vec<LeftOut>,
    /// Texts that may name images that cannot be determined.
    pub unresolved: Vec<Unresolved>,
    /// Helm's warnings from rendering the chart.
    pub warnings: Vec<String>,
    /// The size of all findings and their positions, in bytes.
    bytes: usize,
}

/// An image of a chart.
#[derive(Clone, Debug)]
pub struct ChartImage {
    /// The image as the chart writes it.
    pub image: ImageReference,
    /// The value and the templates that name it.
    pub found: String,
    /// The form in which the chart's values name it.
    pub form: ValueForm,
    /// The field of a manifest that names it, if the chart was rendered.
    pub named_by: Option<OccurrenceKind>,
    /// The reason why the chart may use another image.
    pub uncertainty: Option<Uncertainty>,
}

/// The reason why an image is uncertain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncertainty {
    /// Its tag is the chart's `appVersion`, because it has none of its own.
    ChartTag,
    /// It has no registry, and a template may add one.
    NoRegistry,
    /// Its registry is the global one, which a template may ignore.
    GlobalRegistry,
    /// Only an annotation of the chart names it.
    Annotation,
    /// The chart does not install it with these values.
    LeftOut,
}

impl Uncertainty {
    /// Returns the reason as a part of a sentence.
    pub fn reason(self) -> &'static str {
        match self {
            Uncertainty::ChartTag => "its tag is taken from the chart's appVersion",
            Uncertainty::NoRegistry => "it has no registry, and a template may add one",
            Uncertainty::GlobalRegistry => {
                "its registry is the chart's global one, which a template may ignore"
            }
            Uncertainty::Annotation => "only an annotation of the chart names it",
            Uncertainty::LeftOut => "the chart does not install it with these values",
        }
    }
}

/// The form in which a chart's values name an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueForm {
    /// A mapping with a repository.
    ImageParts {
        /// The path of the mapping.
        path: Vec<String>,
        /// The key of the repository.
        repository_key: &'static str,
        /// Whether it has a key for the registry.
        has_registry: bool,
    },
    /// One text.
    Text {
        /// The path of the text.
        path: Vec<String>,
        /// The key of the tag beside it, if it has one.
        tag_key: Option<&'static str>,
    },
    /// No value names it.
    Fixed,
}

impl ValueForm {
    /// Returns the size of its path in bytes.
    fn size(&self) -> usize {
        match self {
            ValueForm::ImageParts { path, .. } | ValueForm::Text { path, .. } => {
                path.iter().map(String::len).sum()
            }
            ValueForm::Fixed => 0,
        }
    }
}

/// A part of a chart, or an annotation, whose images were left out.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOut {
    /// The path of its values, or the position of the annotation.
    pub path: String,
    /// The switch that is off, if it is known.
    pub disabled_by: Option<String>,
    /// Its images.
    #[serde(serialize_with = "references")]
    pub images: Vec<ChartImage>,
}

impl LeftOut {
    /// Returns the line for a person, without the words `left out`.
    pub fn describe(&self) -> String {
        let images: Vec<_> =
            self.images.iter().map(|it| it.image.with_defaults().to_string()).collect();
        let images = match images.len() {
            0 => String::new(),
            1..=3 => format!(" ({})", images.join(", ")),
            more => format!(" ({more} images)"),
        };
        match &self.disabled_by {
            Some(switch) => format!("{}{images}, because `{switch}` is off", self.path),
            None => format!("{}{images}, which no manifest uses", self.path),
        }
    }
}

fn references<S: Serializer>(
    images: &[ChartImage],
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_seq(images.iter().map(|image| image.image.with_defaults()))
}

/// A text that may name an image.
#[derive(Clone, Debug, Serialize)]
pub struct Unresolved {
    /// Its position.
    pub place: String,
    /// Its text.
    pub text: String,
    /// The reason why the image could not be determined.
    pub reason: String,
}

impl ChartImages {
    /// Adds the images that were left out, each as a guess.
    pub fn with_all_parts(mut self) -> ChartImages {
        for part in std::mem::take(&mut self.left_out) {
            let uncertainty = Some(Uncertainty::LeftOut);
            let images = part.images.into_iter();
            self.images.extend(images.map(|image| ChartImage { uncertainty, ..image }));
        }
        self
    }

    pub(super) fn add(&mut self, image: ChartImage) {
        self.bytes += image.found.len() + image.form.size();
        self.images.push(image);
    }

    pub(super) fn add_unresolved(&mut self, mut unresolved: Unresolved) {
        unresolved.text = image_occurrence::shown(&unresolved.text).into_owned();
        self.bytes += unresolved.place.len() + unresolved.text.len() + unresolved.reason.len();
        self.unresolved.push(unresolved);
    }

    pub(super) fn add_left_out(&mut self, left_out: LeftOut) {
        let images = left_out.images.iter().map(|it| it.found.len() + it.form.size());
        self.bytes += left_out.path.len() + images.sum::<usize>();
        self.left_out.push(left_out);
    }

    /// Checks the limits on findings.
    ///
    /// # Errors
    /// Usage, if there are over 50,000 findings, or over 16 MiB of them.
    pub(super) fn check(&self) -> Result<()> {
        let parts = self.left_out.iter().map(|part| part.images.len() + 1);
        let count = self.images.len() + self.unresolved.len() + parts.sum::<usize>();
        if count > MOST_FOUND || self.bytes > MOST_BYTES {
            return Err(Error::usage("the chart names images too often")
                .fact("found", format!("{count} times, {} bytes", self.bytes))
                .fact("limit", format!("{MOST_FOUND} times, {MOST_BYTES} bytes")));
        }
        Ok(())
    }

    /// Returns whether a limit is exceeded, so that the search can stop.
    pub(super) fn is_full(&self) -> bool {
        self.check().is_err()
    }
}
