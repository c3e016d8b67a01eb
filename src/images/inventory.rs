//! The images of a chart and of manifests together, each once.

use serde::Serialize;

use super::chart::{Images, LeftOut, Unresolved};
use super::mention::Mention;
use super::mirror_list::{MirrorList, NewEntry};
use super::reference::ImageReference;
use super::registry_path::RegistryPath;
use crate::error::{Error, Result};

/// Every image that was found.
#[derive(Debug, Default)]
pub struct Inventory {
    /// The images, in the order in which they were found.
    pub images: Vec<Found>,
    /// Images of parts that are disabled.
    pub left_out: Vec<LeftOut>,
    /// What may name images, and cannot be told.
    pub unresolved: Vec<Unresolved>,
    /// Notes for the person: tags that were not said.
    pub notes: Vec<String>,
}

/// An image and where it was found.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The image, with its registry and a tag or digest.
    pub image: ImageReference,
    /// Where.
    pub found: Vec<String>,
    /// How it is written there.
    #[serde(skip)]
    written: Vec<ImageReference>,
}

impl Inventory {
    /// Adds the images of a chart.
    pub fn add_chart(&mut self, images: Images) {
        for image in images.images {
            if image.image.tag().is_none() && image.image.digest().is_none() {
                let note =
                    format!("`{}` has no tag, which means `latest` ({})", image.image, image.found);
                self.notes.push(note);
            }
            self.add(&image.image, image.found);
        }
        self.left_out.extend(images.left_out);
        self.unresolved.extend(images.unresolved);
    }

    /// Adds the images of manifests.
    pub fn add_mentions(&mut self, mentions: &[Mention]) {
        for mention in mentions {
            let Mention { written, image, resource, field, place, .. } = mention;
            let image = match image {
                Ok(image) => image,
                Err(reason) => {
                    let (place, text) = (place.to_string(), written.clone());
                    self.unresolved.push(Unresolved { place, text, reason: reason.clone() });
                    continue;
                }
            };
            if image.tag().is_none() && image.digest().is_none() {
                let note = format!("`{written}` has no tag, which means `latest` ({place})");
                self.notes.push(note);
            }
            let of = resource.as_ref().map(|it| format!(" of {it}")).unwrap_or_default();
            let found = format!("{field}{of} in {}:{}", place.file, place.line);
            self.add(image, found);
        }
    }

    fn add(&mut self, image: &ImageReference, found: String) {
        let index = self.images.iter().position(|other| other.image.is_equal_to(image));
        let there = match index {
            Some(index) => &mut self.images[index],
            None => {
                let image = image.with_defaults();
                self.images.push(Found { image, found: Vec::new(), written: Vec::new() });
                let last = self.images.len() - 1;
                &mut self.images[last]
            }
        };
        there.found.push(found);
        there.written.push(image.clone());
    }

    /// The entries that a mirror list lacks. Images that are in the registry already need none.
    ///
    /// # Errors
    /// Usage, where an image cannot have its name in the registry.
    pub fn missing_in(
        &self,
        list: &MirrorList,
        registry: &RegistryPath,
        why: bool,
    ) -> Result<Vec<NewEntry>> {
        let is_new = |found: &&Found| {
            let is_there = found.written.iter().all(|image| registry.holds(image));
            !is_there && list.find(&found.image).is_none()
        };
        let entry = |found: &Found| {
            Ok(NewEntry {
                source: found.image.clone(),
                destination: registry.destination(&found.image).map_err(Error::usage)?,
                comments: if why { found.found.clone() } else { Vec::new() },
            })
        };
        self.images.iter().filter(is_new).map(entry).collect()
    }
}
