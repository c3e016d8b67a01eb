//! The choice among values that change images.

use std::collections::{BTreeMap, HashSet};

use super::goals::{Goal, GoalState, Goals, RenderedImages};
use super::leaf::Leaf;
use super::marker::{self, Marker};

/// The characters of an image reference besides letters and digits.
const INSIDE: &str = "._-/:@";

/// The largest number of pairs of a marker and an image that are compared after one render.
const MOST_COMPARED: usize = 20_000_000;

/// A value that is a part of an image.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    /// The index of the value.
    leaf: usize,
    /// The index of the image's goal.
    goal: usize,
    /// The text with which the image is at its destination.
    exact: Option<String>,
    /// The text with which it is in the registry of its destination.
    pub(super) registry: Option<String>,
}

/// A value with the text that it gets.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// The index of the value.
    pub(super) leaf: usize,
    /// Its text.
    pub(super) value: String,
    /// The images that it moves.
    pub(super) moves: HashSet<usize>,
    /// The images of which it is a part.
    pub(super) feeds: HashSet<usize>,
}

/// Returns the parts of the rendered images in which markers occur.
pub(super) fn feeds(markers: &[Marker], goals: &Goals, places: &RenderedImages) -> Vec<Feed> {
    let (mut feeds, mut left) = (Vec::new(), MOST_COMPARED);
    for (goal, wanted) in goals.all.iter().enumerate() {
        let Some(occurrence) = goals.find(wanted, places) else { continue };
        if occurrence.written == wanted.source() {
            continue;
        }
        left = left.saturating_sub(markers.len());
        if left == 0 {
            break;
        }
        let found: Vec<_> =
            markers.iter().filter(|marker| marker.is_in(&occurrence.written)).collect();
        for marker in &found {
            let others = found.iter().filter(|other| other.leaf != marker.leaf);
            let written =
                others.fold(occurrence.written.clone(), |text, other| other.removed_from(&text));
            feeds.push(Feed {
                leaf: marker.leaf,
                goal,
                exact: marker.solve(&written, &wanted.wanted),
                registry: marker.solve_registry(&written, &wanted.wanted),
            });
        }
    }
    feeds
}

/// Returns the assumption that a value is the part of an image that has its text.
pub(super) fn assumed(leaf: usize, value: &Leaf, index: usize, goal: &Goal) -> Option<Feed> {
    let text = value.text.trim();
    let core = text.trim_end_matches('/');
    let (before, after) = split_around(goal.source(), core)?;
    let exact = marker::solve(before, core, after, &goal.wanted)?;
    let exact = Some(format!("{exact}{}", &text[core.len()..]));
    Some(Feed { leaf, goal: index, exact, registry: None })
}

/// Splits an image around one of its parts.
pub(super) fn split_around<'a>(image: &'a str, part: &str) -> Option<(&'a str, &'a str)> {
    if part.is_empty() {
        return None;
    }
    let mut found =
        image.match_indices(part).map(|(at, _)| (&image[..at], &image[at + part.len()..]));
    found.find(|(before, after)| {
        (before.is_empty() || before.ends_with(['/', ':']))
            && (after.is_empty() || after.starts_with(['/', ':', '@']))
    })
}

/// Returns the value with the images of some goals replaced by their destinations.
pub(super) fn replaced(
    leaf: usize,
    value: &Leaf,
    wrong: &[usize],
    goals: &[Goal],
) -> Option<Candidate> {
    let mut candidate =
        Candidate { leaf, value: value.text.clone(), moves: HashSet::new(), feeds: HashSet::new() };
    for index in wrong {
        let goal = &goals[*index];
        let text = replace(&value.text, goal.source(), "");
        if text != value.text {
            candidate.moves.insert(*index);
            let wanted = goal.wanted.to_string();
            candidate.value = replace(&candidate.value, goal.source(), &wanted);
        }
    }
    (!candidate.moves.is_empty()).then_some(candidate)
}

/// Replaces each whole occurrence of an image.
fn replace(text: &str, image: &str, new: &str) -> String {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || INSIDE.contains(c);
    let (mut done, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(image).filter(|_| !image.is_empty()) {
        let (before, after) = (&rest[..at], &rest[at + image.len()..]);
        let is_whole = !before.ends_with(is_inside) && !after.starts_with(is_inside);
        done.push_str(before);
        done.push_str(if is_whole { new } else { image });
        rest = after;
    }
    done + rest
}

/// Chooses the fewest values that move images to their destinations, and those of many images
/// before those of few. With `for_all` a value must be right for each image of which it is a part;
/// also returns whether a value was left out because of that.
pub(super) fn choose(
    feeds: &[Feed],
    states: &[GoalState],
    for_all: bool,
) -> (Vec<Candidate>, bool) {
    let mut by_leaf: BTreeMap<usize, Vec<&Feed>> = BTreeMap::new();
    for feed in feeds {
        by_leaf.entry(feed.leaf).or_default().push(feed);
    }
    let mut all = Vec::new();
    let mut has_conflict = false;
    for (leaf, feeds) in by_leaf {
        let Some(candidate) = best(leaf, &feeds, states) else { continue };
        let is_right = |feed: &&Feed| feed.exact.as_ref() == Some(&candidate.value);
        if for_all && !feeds.iter().all(is_right) {
            has_conflict = true;
            continue;
        }
        all.push(candidate);
    }
    all.sort_by_key(|candidate| std::cmp::Reverse(candidate.moves.len()));
    let (mut chosen, mut moved) = (Vec::new(), HashSet::new());
    for candidate in all {
        if !candidate.moves.is_subset(&moved) {
            moved.extend(candidate.moves.iter().copied());
            chosen.push(candidate);
        }
    }
    (chosen, has_conflict)
}

/// Returns the text of a value that is right for the most images.
fn best(leaf: usize, feeds: &[&Feed], states: &[GoalState]) -> Option<Candidate> {
    let mut by_value: BTreeMap<&str, (usize, HashSet<usize>)> = BTreeMap::new();
    for feed in feeds {
        let is_wrong = states[feed.goal] != GoalState::Done;
        let value = feed.exact.as_ref().or(feed.registry.as_ref());
        if let Some(value) = value.filter(|_| is_wrong) {
            let (weight, moves) = by_value.entry(value).or_default();
            // A registry alone needs another value for the rest of the image.
            *weight += if feed.exact.is_some() { 2 } else { 1 };
            moves.insert(feed.goal);
        }
    }
    let (value, (_, moves)) = by_value
        .into_iter()
        .max_by_key(|(value, (weight, _))| (*weight, std::cmp::Reverse(*value)))?;
    let is_lost = |feed: &&&Feed| {
        states[feed.goal] == GoalState::Done && feed.exact.as_deref() != Some(value)
    };
    let lost = feeds.iter().filter(is_lost).count();
    let all = feeds.iter().map(|feed| feed.goal).collect();
    (moves.len() > lost).then(|| Candidate { leaf, value: value.to_owned(), moves, feeds: all })
}
