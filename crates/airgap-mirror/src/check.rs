//! Checks that every image is in the private registry.

use serde::Serialize;

use super::mention::Mention;
use super::registry_path::RegistryPath;

/// An image that is not in the registry.
#[derive(Debug, Serialize)]
pub struct Finding<'a> {
    /// The mention of the image.
    #[serde(flatten)]
    pub mention: &'a Mention,
    /// The problem with it.
    pub problem: String,
}

impl Finding<'_> {
    /// Returns the finding in a few lines for a person.
    pub fn describe(&self) -> String {
        let Mention { written, resource, field, place, .. } = self.mention;
        let mut text = format!("{place}  {written}\n");
        if let Some(resource) = resource {
            text.push_str(&format!("  resource: {resource}\n"));
        }
        text + &format!("  field:    {field}\n  problem:  {}\n", self.problem)
    }
}

/// Returns the images that are not in the registry, in the order of the mentions.
pub fn check<'a>(mentions: &'a [Mention], registry: &RegistryPath) -> Vec<Finding<'a>> {
    let problem = |mention: &Mention| match &mention.image {
        Err(problem) => Some(problem.clone()),
        Ok(image) if registry.holds(image) => None,
        // Both paths are in one registry, so the message names the paths.
        Ok(image) if registry.is_on(image.registry()) => {
            Some(format!("it comes from `{}`, which is not in `{registry}`", image.name()))
        }
        Ok(image) => Some(format!("it comes from `{}`, not from `{registry}`", image.registry())),
    };
    mentions
        .iter()
        .filter_map(|mention| Some(Finding { mention, problem: problem(mention)? }))
        .collect()
}
