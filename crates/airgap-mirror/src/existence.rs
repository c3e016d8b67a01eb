//! Asks the registry for the images that manifests name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use super::check::MissingImage;
use super::image_occurrence::ImageOccurrence;
use super::registry_path::RegistryPath;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::workers::{self, lock};
use airgap_oci::{Client, Reference, media_type};

/// The result of asking the registry.
pub struct ExistenceReport<'a> {
    /// The number of different images that were requested.
    pub asked: usize,
    /// Images that do not exist, in the order of the occurrences.
    pub findings: Vec<MissingImage<'a>>,
    /// Errors of requests without an answer: one for each image.
    pub errors: Vec<Error>,
}

/// Asks the registry once for each image that belongs there: by its digest if it has one, otherwise
/// by its tag.
pub fn check_existence<'a>(
    occurrences: &'a [ImageOccurrence],
    registry: &RegistryPath,
    client: &Client,
    jobs: usize,
) -> ExistenceReport<'a> {
    let key = |occurrence: &ImageOccurrence| {
        let image = occurrence.image.as_ref().ok().filter(|image| registry.holds(image))?;
        Some(image.with_defaults().meaning().clone())
    };
    let images: Vec<_> =
        occurrences.iter().filter_map(key).collect::<BTreeSet<_>>().into_iter().collect();
    let problems = Mutex::new(BTreeMap::new());
    let answers = workers::each(&images, jobs, |image| {
        if let Some(problem) = problem(client, image)? {
            let mut problems = lock(&problems);
            problems.insert(image.clone(), problem);
        }
        Ok(())
    });
    let problems = problems.into_inner().unwrap_or_else(PoisonError::into_inner);
    let finding = |occurrence: &'a ImageOccurrence| {
        let problem = problems.get(&key(occurrence)?)?.clone();
        Some(MissingImage { occurrence, problem })
    };
    let errors = answers.into_iter().filter_map(Result::err).collect();
    ExistenceReport {
        asked: images.len(),
        findings: occurrences.iter().filter_map(finding).collect(),
        errors,
    }
}

/// Returns the problem of an image, if the registry answers that it does not exist.
fn problem(client: &Client, image: &Reference) -> Result<Option<String>> {
    match client.head_manifest(image, &media_type::ALL_MANIFESTS) {
        Ok(Some(_)) => Ok(None),
        Ok(None) => Ok(Some(match (image.digest(), image.tag()) {
            (Some(digest), _) => {
                format!("the registry does not have the image with sha256:{digest}")
            }
            (None, Some(tag)) => {
                format!("the registry does not have the image with the tag `{tag}`")
            }
            (None, None) => "the registry does not have the image".to_owned(),
        })),
        // The registry has other content under this digest.
        Err(error) if error.kind() == ErrorKind::Integrity => Ok(Some(error.one_line())),
        Err(error) => Err(error),
    }
}
