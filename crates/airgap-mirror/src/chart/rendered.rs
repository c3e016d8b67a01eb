//! The images of a rendered chart: those of its manifests, each with the value that it comes from.

use std::collections::{HashMap, HashSet};

use super::Chart;
use super::image_paths::Paths;
use super::images::{ChartImage, ChartImages, LeftOut, Unresolved, ValueForm};
use super::sources::ValueSources;
use crate::helm::Rendered;
use crate::image_occurrence::ImageOccurrence;
use crate::manifests::Manifests;
use airgap_core::error::Result;
use airgap_oci as oci;

/// The largest number of positions that are named for one image.
const MOST_PLACES: usize = 3;

impl Chart {
    /// Returns the images of the chart's manifests, with the values that name them. Images that
    /// only values or annotations name are left out.
    ///
    /// # Errors
    /// Usage, if there are too many.
    pub fn rendered(&self, rendered: &Rendered) -> Result<ChartImages> {
        let guessed = self.valued()?;
        let sources = ValueSources::new(self, &guessed.images);
        let mut images = ChartImages::rendered(rendered, &self.name)?;
        for image in &mut images.images {
            if let Some(source) = sources.find(&image.image) {
                image.found = format!("{}; {}", source.found, image.found);
                image.form = source.form;
            }
        }
        self.add_unused(&mut images, guessed);
        images.check()?;
        Ok(images)
    }

    /// Adds the images that no manifest uses: those of values and annotations.
    fn add_unused(&self, images: &mut ChartImages, guessed: ChartImages) {
        let own: Vec<_> = images.images.iter().map(|it| it.image.clone()).collect();
        let used: Paths = own.iter().collect();
        let mut known = HashSet::new();
        for mut part in guessed.left_out {
            let had_images = !part.images.is_empty();
            part.images.retain(|it| !used.has_one_with(&it.image));
            if !had_images || !part.images.is_empty() {
                known.extend(part.images.iter().map(|it| it.image.canonical_name()));
                images.add_left_out(part);
            }
        }
        let charts = self.all().into_iter().filter(|chart| chart.off.is_none());
        let annotated = charts.flat_map(|chart| chart.annotated().images);
        for image in guessed.images.into_iter().chain(annotated) {
            if used.has_one_with(&image.image) || !known.insert(image.image.canonical_name()) {
                continue;
            }
            let path = image.found.clone();
            images.add_left_out(LeftOut { path, disabled_by: None, images: vec![image] });
        }
    }
}

impl ChartImages {
    /// Returns the images of manifests that Helm has rendered. `name` is that of the chart.
    ///
    /// # Errors
    /// Usage, if there are too many.
    pub fn rendered(rendered: &Rendered, name: &str) -> Result<ChartImages> {
        let mut manifests = Manifests::default();
        manifests.add_rendered(&rendered.text, name);
        manifests.check_limits()?;
        let mut images = ChartImages::default();
        images.warnings.clone_from(&rendered.warnings);
        let mut index: HashMap<oci::Reference, (usize, usize)> = HashMap::new();
        for occurrence in manifests.occurrences {
            let place = place(&occurrence, rendered, name);
            let image = match occurrence.image {
                Ok(image) => image,
                Err(reason) => {
                    let text = occurrence.written;
                    images.add_unresolved(Unresolved { place, text, reason });
                    continue;
                }
            };
            let key = image.with_defaults().meaning().clone();
            let (position, count) = index.entry(key).or_insert((images.images.len(), 0));
            *count += 1;
            match images.images.get_mut(*position) {
                None => {
                    let (form, named_by) = (ValueForm::Fixed, Some(occurrence.named_by));
                    images.add(ChartImage {
                        image,
                        found: place,
                        form,
                        named_by,
                        uncertainty: None,
                    });
                }
                Some(there) => {
                    there.named_by = there.named_by.min(Some(occurrence.named_by));
                    if *count <= MOST_PLACES {
                        there.found = format!("{}; {place}", there.found);
                    }
                }
            }
        }
        for (position, count) in index.into_values().filter(|(_, count)| *count > MOST_PLACES) {
            let more = count - MOST_PLACES;
            images.images[position].found.push_str(&format!("; {more} more"));
        }
        for problem in manifests.problems {
            let template = rendered.template_at(problem.place.line).unwrap_or(name);
            images.add_unresolved(Unresolved {
                place: template.to_owned(),
                text: format!("line {} of the rendered chart", problem.place.line),
                reason: format!("the document cannot be read: {}", problem.problem),
            });
        }
        images.check()?;
        Ok(images)
    }
}

/// Returns the field, the resource and the template of an image.
fn place(occurrence: &ImageOccurrence, rendered: &Rendered, name: &str) -> String {
    let template = rendered.template_at(occurrence.place.line).unwrap_or(name);
    let resource = occurrence.resource.as_deref().map(|it| format!(" of {it}")).unwrap_or_default();
    format!("{}{resource} in {template}", occurrence.field)
}
