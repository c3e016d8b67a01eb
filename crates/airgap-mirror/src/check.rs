//! Whether every image is in the private registry.

use serde::Serialize;

use super::mention::Mention;
use super::registry_path::RegistryPath;

/// An image that is not where it must be.
#[derive(Debug, Serialize)]
pub struct Finding<'a> {
    /// The image and where it stands.
    #[serde(flatten)]
    pub mention: &'a Mention,
    /// What is wrong with it.
    pub problem: String,
}

impl Finding<'_> {
    /// The finding in a few lines for a person.
    pub fn describe(&self) -> String {
        let Mention { written, resource, field, place, .. } = self.mention;
        let mut text = format!("{place}  {written}\n");
        if let Some(resource) = resource {
            text.push_str(&format!("  resource: {resource}\n"));
        }
        text + &format!("  field:    {field}\n  problem:  {}\n", self.problem)
    }
}

/// The images that are not in the registry, in the order of the mentions.
pub fn check<'a>(mentions: &'a [Mention], registry: &RegistryPath) -> Vec<Finding<'a>> {
    let problem = |mention: &Mention| match &mention.image {
        Err(problem) => Some(problem.clone()),
        Ok(image) if registry.holds(image) => None,
        // Of two paths in one registry the paths tell what is wrong.
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
