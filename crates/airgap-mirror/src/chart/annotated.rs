//! The images in the annotations of a chart: `artifacthub.io/images`, `images` of Bitnami.

use super::Chart;
use super::found::{ChartImage, Form, Guess, Images, Unresolved};
use crate::scan::scan;

impl Chart {
    /// Returns the images that annotations of `Chart.yaml` list.
    pub(super) fn annotated(&self) -> Images {
        let mut images = Images::default();
        let Some(annotations) = self.files.manifest.get("annotations") else { return images };
        for mention in scan(annotations).unwrap_or_default() {
            let place = &mention.place;
            match mention.image {
                Ok(image) => images.add(ChartImage {
                    image,
                    found: format!("annotation in {}:{}", place.file, place.line),
                    form: Form::Fixed,
                    how: None,
                    guess: Some(Guess::Annotation),
                }),
                Err(reason) => images.add_unresolved(Unresolved {
                    place: place.to_string(),
                    text: mention.written,
                    reason,
                }),
            }
        }
        images
    }
}
