//! The images of a chart and of manifests together, without duplicates.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::chart::{ChartImages, LeftOut, Unresolved};
use super::image_occurrence::{ImageOccurrence, OccurrenceKind};
use super::mirror_list::{MirrorList, NewEntry};
use super::reference::ImageReference;
use super::registry_path::RegistryPath;
use airgap_core::error::{Error, Result};
use airgap_oci as oci;

/// All images that were found.
#[derive(Debug, Default)]
pub struct Inventory {
    /// The images, in the order in which they were found.
    pub images: Vec<InventoryImage>,
    /// Images of disabled parts.
    pub left_out: Vec<LeftOut>,
    /// Texts that may name images that cannot be determined.
    pub unresolved: Vec<Unresolved>,
    /// Notes for the user about images without a tag.
    pub notes: Vec<String>,
    /// Sentences about images of a chart that are uncertain.
    pub guesses: Vec<String>,
    index: NameIndex,
}

/// The images of an inventory by their identity: see [`ImageReference::is_one_with`].
#[derive(Debug, Default)]
struct NameIndex {
    /// The images by their references with a runtime's defaults.
    by_reference: HashMap<oci::Reference, usize>,
    /// The first image with each digest, by its name and digest.
    by_digest: HashMap<String, usize>,
    /// The image with a digest and no tag, by its name and digest.
    bare: HashMap<String, usize>,
}

impl NameIndex {
    /// Returns the first image that is identical to this one.
    fn find(&self, image: &ImageReference) -> Option<usize> {
        let same = self.by_reference.get(image.with_defaults().meaning()).copied();
        let by_digest = if image.tag().is_none() { &self.by_digest } else { &self.bare };
        let digest = pinned(image).and_then(|key| by_digest.get(&key).copied());
        same.into_iter().chain(digest).min()
    }

    /// Adds an image, or the tagged image that replaces one without a tag.
    fn insert(&mut self, image: &ImageReference, index: usize) {
        self.by_reference.entry(image.meaning().clone()).or_insert(index);
        let Some(key) = pinned(image) else { return };
        if image.tag().is_none() {
            self.bare.insert(key.clone(), index);
        } else if self.bare.get(&key) == Some(&index) {
            self.bare.remove(&key);
        }
        self.by_digest.entry(key).or_insert(index);
    }
}

/// Returns the name and the digest of an image that has a digest.
fn pinned(image: &ImageReference) -> Option<String> {
    image.digest().map(|digest| format!("{}@{digest}", image.canonical_name()))
}

/// An image and the positions where it was found.
#[derive(Clone, Debug, Serialize)]
pub struct InventoryImage {
    /// The image, with its registry and a tag or digest.
    pub image: ImageReference,
    /// The positions where it was found.
    pub found: Vec<String>,
    /// The kind of field that names it in a manifest: a container's before all others.
    pub named_by: Option<OccurrenceKind>,
    /// Its spellings.
    #[serde(skip)]
    written: Vec<ImageReference>,
}

impl Inventory {
    /// Adds the images of a chart.
    pub fn add_chart(&mut self, images: ChartImages) {
        for image in images.images {
            if image.image.tag().is_none() && image.image.digest().is_none() {
                let note =
                    format!("`{}` has no tag, which means `latest` ({})", image.image, image.found);
                self.notes.push(note);
            }
            if let Some(uncertainty) = image.uncertainty {
                let (name, reason) = (image.image.with_defaults(), uncertainty.reason());
                self.guesses.push(format!("`{name}` is a guess: {reason} ({})", image.found));
            }
            self.add(&image.image, image.found, image.named_by);
        }
        self.left_out.extend(images.left_out);
        self.unresolved.extend(images.unresolved);
    }

    /// Adds the images of manifests.
    pub fn add_occurrences(&mut self, occurrences: &[ImageOccurrence]) {
        for occurrence in occurrences {
            let ImageOccurrence { written, image, resource, field, place, .. } = occurrence;
            let image = match image {
                Ok(image) => image,
                Err(reason) => {
                    let (place, text) = (place.to_string(), occurrence.shown().into_owned());
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
            self.add(image, found, Some(occurrence.named_by));
        }
    }

    fn add(&mut self, image: &ImageReference, found: String, named_by: Option<OccurrenceKind>) {
        let index = self.index.find(image).unwrap_or(self.images.len());
        if index == self.images.len() {
            let image = image.with_defaults();
            self.index.insert(&image, index);
            let named_by = None;
            self.images.push(InventoryImage {
                image,
                found: Vec::new(),
                named_by,
                written: Vec::new(),
            });
        }
        let there = &mut self.images[index];
        if there.image.tag().is_none() {
            there.image = image.with_defaults();
            self.index.insert(&there.image, index);
        }
        there.named_by = there.named_by.into_iter().chain(named_by).min();
        there.found.push(found);
        there.written.push(image.clone());
    }

    /// Returns whether an image was found.
    pub fn has(&self, image: &ImageReference) -> bool {
        self.index.find(image).is_some()
    }

    /// Returns the images that are not in a registry, or all of them.
    pub fn outside_of<'a>(
        &'a self,
        registry: Option<&'a RegistryPath>,
    ) -> impl Iterator<Item = &'a ImageReference> {
        let is_there = |found: &InventoryImage, registry: &RegistryPath| {
            found.written.iter().all(|image| registry.holds(image))
        };
        let images = self.images.iter();
        images
            .filter(move |found| !registry.is_some_and(|it| is_there(found, it)))
            .map(|found| &found.image)
    }

    /// Returns the entries that a mirror list lacks. Images that are in the registry already need
    /// none.
    ///
    /// Each image keeps its path, unless another image would have the same destination: then its
    /// path begins with its source registry. That applies to all tags of such an image, because
    /// tools that rewrite names treat all tags of a name alike.
    ///
    /// # Errors
    /// Usage, if an image cannot have its name in the registry.
    pub fn missing_in(
        &self,
        list: &MirrorList,
        registry: &RegistryPath,
        why: bool,
    ) -> Result<Vec<NewEntry>> {
        let is_new = |found: &&InventoryImage| {
            let is_there = found.written.iter().all(|image| registry.holds(image));
            !is_there && list.find(&found.image).is_none()
        };
        let new: Vec<_> = self.images.iter().filter(is_new).collect();
        let plain = |image: &ImageReference| registry.destination(image).map_err(Error::usage);
        let mut taken = SourcesByDestination::default();
        for entry in list.entries() {
            taken.insert(&entry.source, &entry.destination);
        }
        for found in &new {
            taken.insert(&found.image, &plain(&found.image)?);
        }
        let mut crowded = HashSet::new();
        for found in &new {
            if taken.at(&plain(&found.image)?).is_some_and(|there| there.len() > 1) {
                crowded.insert(found.image.canonical_name());
            }
        }
        let entry = |found: &&InventoryImage| {
            let image = &found.image;
            let own = plain(image)?;
            let mut destination = match crowded.contains(&image.canonical_name()) {
                true => registry.destination_by_host(image).map_err(Error::usage)?,
                false => own.clone(),
            };
            // If one tag has several contents, their digests distinguish them.
            let same = taken.at(&own).and_then(|there| there.get(&image.canonical_name()));
            if same.is_some_and(|references| references.len() > 1) {
                destination = destination.by_digest();
            }
            let comments = if why { found.found.clone() } else { Vec::new() };
            Ok(NewEntry { source: image.clone(), destination, comments })
        };
        new.iter().map(entry).collect()
    }
}

/// The sources of each destination: their names, with all references of each name.
#[derive(Default)]
struct SourcesByDestination(HashMap<String, Sources>);

type Sources = HashMap<String, HashSet<oci::Reference>>;

impl SourcesByDestination {
    fn insert(&mut self, source: &ImageReference, destination: &ImageReference) {
        let sources = self.0.entry(SourcesByDestination::key(destination)).or_default();
        sources.entry(source.canonical_name()).or_default().insert(source.meaning().clone());
    }

    fn at(&self, destination: &ImageReference) -> Option<&Sources> {
        self.0.get(&SourcesByDestination::key(destination))
    }

    /// Returns the key of a place that holds only one image: see
    /// [`ImageReference::has_same_place`].
    fn key(destination: &ImageReference) -> String {
        let version = destination.tag().or(destination.digest()).unwrap_or_default();
        format!("{} {version}", destination.canonical_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::Manifests;

    fn destinations(images: &[&str], list: &MirrorList) -> Vec<String> {
        let lines: String = images.iter().map(|image| format!("- image: {image}\n")).collect();
        let mut manifests = Manifests::default();
        manifests.add(&format!("containers:\n{lines}"), "a.yaml");
        let mut inventory = Inventory::default();
        inventory.add_occurrences(&manifests.occurrences);
        let new = inventory.missing_in(list, &"r.io".parse().unwrap(), false).unwrap();
        list.with_entries(&new).unwrap();
        let mut all: Vec<_> = new.iter().map(|entry| entry.destination.to_string()).collect();
        all.sort();
        all
    }

    #[test]
    fn equal_paths_of_two_registries_get_other_destinations() {
        let empty = MirrorList::empty("mirror.yaml");
        let images = ["quay.io/p/n:1", "p/n:1", "p/n:2", "quay.io/q:1", "h.io:5000/p/n:1"];
        let expected = [
            "r.io/docker.io/p/n:1",
            "r.io/docker.io/p/n:2",
            "r.io/h.io-5000/p/n:1",
            "r.io/q:1",
            "r.io/quay.io/p/n:1",
        ];
        assert_eq!(destinations(&images, &empty), expected);
        let mut backwards = images;
        backwards.reverse();
        assert_eq!(destinations(&backwards, &empty), expected);
        // Existing entries of the file stay.
        let text = "images:\n- source: quay.io/p/n:1\n  destination: r.io/p/n:1\n";
        let old = MirrorList::parse(text, "mirror.yaml").unwrap();
        assert_eq!(destinations(&["quay.io/p/n:1", "p/n:1"], &old), ["r.io/docker.io/p/n:1"]);
    }

    #[test]
    fn equal_digests_are_merged_and_a_tag_may_have_two_digests() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let image = |rest: &str, digest: &str| format!("q.io/x{rest}@sha256:{digest}");
        let list = |images: &[String]| {
            let images: Vec<_> = images.iter().map(String::as_str).collect();
            destinations(&images, &MirrorList::empty("mirror.yaml"))
        };
        let at = |rest: &str, digest: &str| format!("r.io/x{rest}@sha256:{digest}");
        assert_eq!(list(&[image("", &a), image(":1", &a)]), [at(":1", &a)]);
        assert_eq!(list(&[image(":1", &a), image(":1", &b)]), [at("", &a), at("", &b)]);
        assert_eq!(
            list(&["q.io/x:1".to_owned(), image(":1", &b)]),
            ["r.io/x:1".to_owned(), at("", &b)]
        );
    }
}
