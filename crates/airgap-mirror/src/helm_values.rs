//! The values that make a chart use a private registry.
//!
//! With Helm, the values are proven: the chart is rendered with them, and each image of the
//! manifests is compared with its destination. Without Helm, they are guessed from the chart's own
//! values.

mod candidates;
mod goals;
mod leaf;
mod marker;
mod overlay;
mod rendering;
mod required_switch;
mod search;
#[cfg(test)]
mod tests;
mod trial_order;
mod unproven;

use std::collections::HashSet;

use serde_json::{Value, json};

use super::chart::Chart;
use super::image_occurrence::ImageOccurrence;
use super::kustomize;
use super::mirror_list::MirrorList;
use crate::yaml::Problem;
use airgap_core::error::Result;
use airgap_core::suggest::unknown;
use goals::{GoalState, Goals, RenderedImages};
use overlay::Overlay;
use rendering::Attempt;
use search::Search;

pub use unproven::{UnprovenValues, unproven};

/// The usual paths of the pull secrets for all images of a chart.
const PULL_SECRETS: [&[&str]; 4] = [
    &["global", "image", "pullSecrets"],
    &["global", "imagePullSecrets"],
    &["image", "pullSecrets"],
    &["imagePullSecrets"],
];

/// The options of the values.
#[derive(Clone, Copy, Debug)]
pub struct ValuesOptions<'a> {
    /// The names of the pull secrets.
    pub pull_secrets: &'a [String],
    /// Whether each component gets its own registry, even if a global one suffices.
    pub per_component: bool,
}

/// Values with which the chart was rendered.
#[derive(Debug)]
pub struct ProvenValues {
    /// The values.
    pub values: Value,
    /// The number of different images that the chart renders.
    pub images: usize,
    /// The images that are not at their destinations with the values.
    pub unmoved: Vec<Unmoved>,
    /// Sentences about texts for which nothing can be proven.
    pub notes: Vec<String>,
}

impl ProvenValues {
    /// Returns the number of different images that are not at their destinations.
    pub fn unmoved_images(&self) -> usize {
        self.unmoved.iter().map(|unmoved| unmoved.image.as_str()).collect::<HashSet<_>>().len()
    }
}

/// An image that no value brings to its destination.
#[derive(Clone, Debug)]
pub struct Unmoved {
    /// The image as the chart renders it with the values.
    pub image: String,
    /// The field and the resource that name it.
    pub place: String,
    /// The destination, if the chart renders the image without the values too.
    pub destination: Option<String>,
    /// Whether the images transformer of Kustomize can change it.
    pub kustomize_can: bool,
}

/// Finds the values with which `chart` takes its images from their destinations in `list`, and
/// proves them: `render` renders the chart with more values over its own. It is called at most 81
/// times.
///
/// # Errors
/// Usage, if an image of a container or a field is not in the list, if the chart has no value for
/// pull secrets, or if it does not render at all.
pub fn proven<'a>(
    chart: &Chart,
    list: &MirrorList,
    options: ValuesOptions<'_>,
    render: &'a mut (dyn FnMut(&str) -> Result<String> + 'a),
) -> Result<ProvenValues> {
    let values = chart.whole_values();
    let mut base = Overlay::new(&values);
    for switch in chart.switches() {
        base.set_keys(&switch, json!(false));
    }
    if let Some((path, names)) = pull_secrets(chart, options.pull_secrets)? {
        base.set_keys(path, names);
    }
    let plain = RenderedImages::read(&render(&base.text())?)?;
    let goals = Goals::new(&plain, list)?;
    let mut notes: Vec<_> = goals.unlisted.iter().map(note).collect();
    notes.extend(plain.problems.iter().map(unread));
    let attempt = Search::new(&values, base, &goals, render).run(plain, options.per_component)?;
    let images: HashSet<_> = goals.all.iter().map(|goal| goal.source()).collect();
    Ok(ProvenValues {
        values: attempt.overlay.values(),
        images: images.len(),
        unmoved: unmoved(&goals, &attempt, list),
        notes,
    })
}

/// Returns the images that are not at their destinations.
fn unmoved(goals: &Goals, attempt: &Attempt, list: &MirrorList) -> Vec<Unmoved> {
    let states = goals.all.iter().zip(&attempt.states);
    let wrong = states.filter(|(_, state)| **state != GoalState::Done).map(|(goal, _)| goal);
    let mut all: Vec<_> = wrong
        .map(|goal| {
            let occurrence = goals.find(goal, &attempt.places).unwrap_or(&goal.occurrence);
            Unmoved {
                image: occurrence.written.clone(),
                place: goals::place(occurrence),
                destination: Some(goal.wanted.to_string()),
                kustomize_can: kustomize_can(occurrence, list),
            }
        })
        .collect();
    all.extend(goals.unexpected_images(&attempt.places, list).into_iter().map(|occurrence| {
        Unmoved {
            image: occurrence.written.clone(),
            place: goals::place(occurrence),
            destination: None,
            kustomize_can: kustomize_can(occurrence, list),
        }
    }));
    all
}

/// Returns whether the images transformer brings an image to its destination.
fn kustomize_can(occurrence: &ImageOccurrence, list: &MirrorList) -> bool {
    let transformer = kustomize::for_manifests(list, std::slice::from_ref(occurrence));
    transformer.is_ok_and(|it| it.unreached.is_empty() && !it.images.is_empty())
}

fn note(occurrence: &ImageOccurrence) -> String {
    let place = goals::place(occurrence);
    match &occurrence.image {
        Ok(image) => format!("`{image}` in {place} is not in the mirror list, and is not changed"),
        Err(reason) => format!("`{}` in {place} is not compared: {reason}", occurrence.written),
    }
}

fn unread(problem: &Problem) -> String {
    let Problem { place, problem } = problem;
    format!("{place}: the document is not compared, because it cannot be read: {problem}")
}

/// Returns the path of the chart's pull secrets, and the value for these names.
fn pull_secrets(
    chart: &Chart,
    names: &[String],
) -> Result<Option<(&'static [&'static str], Value)>> {
    if names.is_empty() {
        return Ok(None);
    }
    let path = PULL_SECRETS.into_iter().find(|path| chart.has_value(path)).ok_or_else(|| {
        let known: Vec<_> = PULL_SECRETS.iter().map(|path| path.join(".")).collect();
        let known: Vec<_> = known.iter().map(String::as_str).collect();
        unknown("value for pull secrets in the chart", "pullSecrets", &known)
            .hint("add the pull secret to the service accounts instead")
    })?;
    Ok(Some((path, names.iter().map(|name| json!({"name": name})).collect())))
}
