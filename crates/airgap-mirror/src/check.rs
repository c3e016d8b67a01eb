//! Checks that every image is in the private registry.

use serde::Serialize;

use super::image_occurrence::ImageOccurrence;
use super::registry_path::RegistryPath;

/// An image that is not in the registry.
#[derive(Debug, Serialize)]
pub struct MissingImage<'a> {
    /// The occurrence of the image.
    #[serde(flatten)]
    pub occurrence: &'a ImageOccurrence,
    /// The problem with it.
    pub problem: String,
}

impl MissingImage<'_> {
    /// Returns the finding in a few lines for a person.
    pub fn describe(&self) -> String {
        let ImageOccurrence { resource, field, place, .. } = self.occurrence;
        let mut text = format!("{place}  {}\n", self.occurrence.shown());
        if let Some(resource) = resource {
            text.push_str(&format!("  resource: {resource}\n"));
        }
        text + &format!("  field:    {field}\n  problem:  {}\n", self.problem)
    }
}

/// Returns the images that are not in the registry, in the order of the occurrences.
pub fn check<'a>(
    occurrences: &'a [ImageOccurrence],
    registry: &RegistryPath,
) -> Vec<MissingImage<'a>> {
    let problem = |occurrence: &ImageOccurrence| match &occurrence.image {
        Err(problem) => Some(problem.clone()),
        Ok(image) if registry.holds(image) => None,
        // Both paths are in one registry, so the message names the paths.
        Ok(image) if registry.is_on(image.registry()) => {
            Some(format!("it comes from `{}`, which is not in `{registry}`", image.name()))
        }
        Ok(image) => Some(format!("it comes from `{}`, not from `{registry}`", image.registry())),
    };
    occurrences
        .iter()
        .filter_map(|occurrence| Some(MissingImage { occurrence, problem: problem(occurrence)? }))
        .collect()
}
