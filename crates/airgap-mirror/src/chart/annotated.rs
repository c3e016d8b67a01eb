//! The images in the annotations of a chart: `artifacthub.io/images`, `images` of Bitnami.

use super::Chart;
use super::images::{ChartImage, ChartImages, Uncertainty, Unresolved, ValueForm};
use crate::scan::scan;

impl Chart {
    /// Returns the images that annotations of `Chart.yaml` list.
    pub(super) fn annotated(&self) -> ChartImages {
        let mut images = ChartImages::default();
        let Some(annotations) = self.files.manifest.get("annotations") else { return images };
        for occurrence in scan(annotations).unwrap_or_default() {
            let place = &occurrence.place;
            match occurrence.image {
                Ok(image) => images.add(ChartImage {
                    image,
                    found: format!("annotation in {}:{}", place.file, place.line),
                    form: ValueForm::Fixed,
                    named_by: None,
                    uncertainty: Some(Uncertainty::Annotation),
                }),
                Err(reason) => images.add_unresolved(Unresolved {
                    place: place.to_string(),
                    text: occurrence.written,
                    reason,
                }),
            }
        }
        images
    }
}
