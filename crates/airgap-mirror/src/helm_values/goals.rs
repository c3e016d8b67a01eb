//! The images that a chart renders, and the destination of each.

use std::collections::{HashMap, HashSet};

use crate::image_occurrence::{ImageOccurrence, OccurrenceKind};
use crate::manifests::Manifests;
use crate::mirror_list::MirrorList;
use crate::reference::ImageReference;
use crate::yaml::Problem;
use airgap_core::error::{Error, Result};

/// The name of Helm's output, for messages.
const RENDERED: &str = "the rendered chart";

/// The largest number of images of one field that are searched for a resource with a new name.
const MOST_ALIKE: usize = 100;

/// The largest number of images that an error names.
const MOST_NAMED: usize = 10;

/// The images of one render, each with the key of its position.
#[derive(Clone, Debug)]
pub(super) struct RenderedImages {
    occurrences: Vec<(String, ImageOccurrence)>,
    by_key: HashMap<String, usize>,
    /// The first images of each field of a kind of resources.
    by_field: HashMap<String, Vec<usize>>,
    /// The documents that cannot be read.
    pub(super) problems: Vec<Problem>,
}

/// An image that must come from a destination.
#[derive(Debug)]
pub(super) struct Goal {
    /// The key of its position.
    key: String,
    /// The image as it is without the values.
    pub(super) occurrence: ImageOccurrence,
    /// The destination.
    pub(super) wanted: ImageReference,
}

/// The images of a chart with their destinations.
#[derive(Debug)]
pub(super) struct Goals {
    pub(super) all: Vec<Goal>,
    /// Images in texts that are not in the list, and texts that were meant as images.
    pub(super) unlisted: Vec<ImageOccurrence>,
    keys: HashSet<String>,
}

/// The state of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GoalState {
    /// It is at its destination.
    Done,
    /// It has the name of its destination with another tag or digest.
    Version,
    /// It has the registry of its destination with another path.
    Registry,
    /// It is unchanged.
    Name,
    /// It is another image, or does not exist.
    Broken,
}

impl RenderedImages {
    /// Parses manifests.
    pub(super) fn read(manifests: &str) -> Result<RenderedImages> {
        let mut read = Manifests::default();
        read.add_rendered(manifests, RENDERED);
        read.check_limits()?;
        let Manifests { occurrences, problems, .. } = read;
        let mut times: HashMap<String, usize> = HashMap::new();
        let key = |occurrence: ImageOccurrence| {
            let resource =
                occurrence.resource.as_ref().map(|it| it.to_string()).unwrap_or_default();
            let field = format!("{resource} {}", occurrence.field);
            let time = times.entry(field.clone()).or_default();
            *time += 1;
            (format!("{field} {time}"), occurrence)
        };
        let occurrences: Vec<_> = occurrences.into_iter().map(key).collect();
        let by_key =
            occurrences.iter().enumerate().map(|(at, (key, _))| (key.clone(), at)).collect();
        let mut by_field: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, (_, occurrence)) in occurrences.iter().enumerate() {
            let first = by_field.entry(field_of_kind(occurrence)).or_default();
            if first.len() < MOST_ALIKE {
                first.push(index);
            }
        }
        Ok(RenderedImages { occurrences, by_key, by_field, problems })
    }
}

impl Goals {
    /// Determines the destination of each image.
    ///
    /// # Errors
    /// Usage, if the image of a container or a field is not in the list.
    pub(super) fn new(places: &RenderedImages, list: &MirrorList) -> Result<Goals> {
        let mut goals = Goals { all: Vec::new(), unlisted: Vec::new(), keys: HashSet::new() };
        let mut missing = Vec::new();
        for (key, occurrence) in places.occurrences.clone() {
            goals.keys.insert(key.clone());
            let wanted = occurrence.image.as_ref().ok().and_then(|image| destination(image, list));
            match wanted {
                Some(wanted) => goals.all.push(Goal { key, occurrence, wanted }),
                None if occurrence.image.is_err()
                    || occurrence.named_by == OccurrenceKind::Text =>
                {
                    goals.unlisted.push(occurrence);
                }
                None => missing.push(occurrence),
            }
        }
        match missing.is_empty() {
            true => Ok(goals),
            false => Err(not_listed(&missing, list)),
        }
    }

    /// Returns the state of each image in a render.
    pub(super) fn states(&self, places: &RenderedImages) -> Vec<GoalState> {
        self.all.iter().map(|goal| self.state(goal, places)).collect()
    }

    fn state(&self, goal: &Goal, places: &RenderedImages) -> GoalState {
        // A resource name with a slash is not valid: a value that is in one as well cannot be a
        // registry.
        let is_named = |occurrence: &ImageOccurrence| {
            let name = occurrence.resource.as_ref().map(|it| it.name.as_str()).unwrap_or_default();
            name.contains('/') && occurrence.resource != goal.occurrence.resource
        };
        let state = |occurrence: &ImageOccurrence| match &occurrence.image {
            _ if is_named(occurrence) => GoalState::Broken,
            Ok(image) if is_at(image, &goal.wanted) => GoalState::Done,
            Ok(image) if image.has_same_name(&goal.wanted) => GoalState::Version,
            Ok(image) if image.registry() == goal.wanted.registry() => GoalState::Registry,
            Ok(image) if goal.occurrence.image.as_ref() == Ok(image) => GoalState::Name,
            _ => GoalState::Broken,
        };
        self.find(goal, places).map_or(GoalState::Broken, state)
    }

    /// Returns the image of a goal in another render. The name of its resource may have changed
    /// too.
    pub(super) fn find<'a>(
        &self,
        goal: &Goal,
        places: &'a RenderedImages,
    ) -> Option<&'a ImageOccurrence> {
        if let Some(index) = places.by_key.get(&goal.key) {
            return Some(&places.occurrences[*index].1);
        }
        let alike = places.by_field.get(&field_of_kind(&goal.occurrence)).into_iter().flatten();
        let alike = alike.map(|index| &places.occurrences[*index]);
        let new =
            alike.filter(|(key, _)| !self.keys.contains(key)).map(|(_, occurrence)| occurrence);
        let like: Vec<_> = new.collect();
        let is_done = |occurrence: &&&ImageOccurrence| {
            occurrence.image.as_ref().is_ok_and(|image| is_at(image, &goal.wanted))
        };
        like.iter().find(is_done).or(like.first().filter(|_| like.len() == 1)).copied()
    }

    /// Returns the images of a render that are neither at the position of a goal nor at a
    /// destination.
    pub(super) fn unexpected_images<'a>(
        &self,
        places: &'a RenderedImages,
        list: &MirrorList,
    ) -> Vec<&'a ImageOccurrence> {
        let is_new = |(key, _): &&(String, ImageOccurrence)| !self.keys.contains(key);
        let is_listed = |occurrence: &&ImageOccurrence| {
            occurrence.image.as_ref().is_ok_and(|image| list.has_destination(image))
        };
        let new = places.occurrences.iter().filter(is_new).map(|(_, occurrence)| occurrence);
        new.filter(|occurrence| !is_listed(occurrence)).collect()
    }
}

impl Goal {
    /// Returns the image as it is without the values.
    pub(super) fn source(&self) -> &str {
        &self.occurrence.written
    }
}

fn field_of_kind(occurrence: &ImageOccurrence) -> String {
    let kind = occurrence.resource.as_ref().map(|it| it.kind.as_str()).unwrap_or_default();
    format!("{kind} {}", occurrence.field)
}

/// Returns the destination of an image; the image itself, if it is at a destination already.
fn destination(image: &ImageReference, list: &MirrorList) -> Option<ImageReference> {
    match list.find(image) {
        Some(entry) => Some(entry.destination.clone()),
        None => list.has_destination(image).then(|| image.with_defaults()),
    }
}

/// Returns whether an image is the one at a destination. If it has a digest, its tag is ignored.
fn is_at(image: &ImageReference, destination: &ImageReference) -> bool {
    let (image, destination) = (image.with_defaults(), destination.with_defaults());
    let has_version = match destination.digest() {
        Some(digest) => image.digest() == Some(digest),
        None => image.tag() == destination.tag(),
    };
    has_version && image.has_same_name(&destination)
}

fn not_listed(missing: &[ImageOccurrence], list: &MirrorList) -> Error {
    let first = &missing[0];
    let statement = match missing.len() {
        1 => format!("`{}` is not in `{}`", first.written, list.name()),
        many => format!("{many} images of the chart are not in `{}`", list.name()),
    };
    let found = |error: Error, occurrence: &ImageOccurrence| {
        error.fact("found", format!("`{}` in {}", occurrence.written, place(occurrence)))
    };
    missing
        .iter()
        .take(MOST_NAMED)
        .fold(Error::usage(statement), found)
        .hint("add it with `wasm-airgap mirror list` and the same options")
        .hint("or leave its part out here too, with the same `--disable`")
}

/// Returns the field and the resource of an image, for a person.
pub(super) fn place(occurrence: &ImageOccurrence) -> String {
    match &occurrence.resource {
        Some(resource) => format!("{} of {resource}", occurrence.field),
        None => occurrence.field.clone(),
    }
}
