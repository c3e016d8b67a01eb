//! The search for the values that bring each image of a chart to its destination.
//!
//! Some values of the chart are replaced by markers. The images of one render then show which value
//! is which part of which image, for any templates, and so the text that the value needs.
//! Registries for all images come first, then those of components, then names, then lists, then
//! tags; a value is kept if a render with it has more images at their destinations.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::candidates::{self, Candidate, Feed};
use super::goals::{GoalState, Goals, RenderedImages};
use super::leaf::Leaf;
use super::marker::{self, Marker};
use super::overlay::Overlay;
use super::rendering::Attempt;
use super::required_switch;
use super::trial_order::{ABSENT, ABSENT_TAGS, GLOBAL, NAMES, Round, VERSIONS};
use crate::yaml::Node;
use airgap_core::error::{Error, ErrorKind, Result};

/// The largest number of renders of one search, and its time limit. A usual chart takes 2 to 6
/// renders.
const MOST_RENDERS: usize = 80;
const MOST_TIME: Duration = Duration::from_secs(180);

/// The largest number of different images that are compared with each value before it gets a
/// marker. Beyond it, each value gets one.
const MOST_SOURCES: usize = 500;

/// The largest number of renders with values that are not among the chart's own.
const MOST_GUESSES: usize = 12;

/// A renderer of the chart with more values over its own.
pub(super) type Render<'a> = dyn FnMut(&str) -> Result<String> + 'a;

/// A search.
pub(super) struct Search<'a> {
    chart: Rc<Node>,
    /// The chart's own values, followed by those that templates may read.
    leaves: Vec<Leaf>,
    /// The number of the chart's own values.
    own: usize,
    /// The values that are set in any case.
    base: Overlay,
    goals: &'a Goals,
    render: &'a mut Render<'a>,
    renders: usize,
    /// The limit on renders of the current step.
    most: usize,
    end: Instant,
    /// The paths of switches that the chart requires.
    switches: Vec<Vec<String>>,
    /// Values with whose markers the chart does not render.
    refused: HashSet<usize>,
    /// Registries whose path another value must change.
    unfinished: BTreeSet<usize>,
    /// Whether a registry for all images was skipped because it is wrong for some of them.
    has_conflict: bool,
}

impl<'a> Search<'a> {
    /// Creates a search in the values of a chart, over which `base` is set in any case.
    pub(super) fn new(
        chart: &Rc<Node>,
        base: Overlay,
        goals: &'a Goals,
        render: &'a mut Render<'a>,
    ) -> Search<'a> {
        let mut leaves = leaves(chart);
        let own = leaves.len();
        leaves.extend(Leaf::absent(chart));
        Search {
            leaves,
            own,
            chart: chart.clone(),
            base,
            goals,
            render,
            renders: 0,
            most: MOST_RENDERS,
            end: Instant::now() + MOST_TIME,
            switches: Vec::new(),
            refused: HashSet::new(),
            unfinished: BTreeSet::new(),
            has_conflict: false,
        }
    }

    /// Finds values that bring as many images as possible to their destinations. `plain` has the
    /// images without the values.
    ///
    /// # Errors
    /// Errors of a Helm that cannot be run.
    pub(super) fn run(mut self, plain: RenderedImages, per_component: bool) -> Result<Attempt> {
        let states = self.goals.states(&plain);
        let (values, overlay) = (BTreeMap::new(), self.base.clone());
        let plain = Attempt { values, overlay, places: Rc::new(plain), states };
        let global = (!per_component).then_some(GLOBAL);
        let mut best = self.pass(global, plain.clone())?;
        if !best.is_done() && self.has_conflict {
            let again = self.pass(Some(Round { for_all: false, ..GLOBAL }), plain)?;
            best = if again.wrong() < best.wrong() { again } else { best };
        }
        if !best.is_done() && per_component {
            best = self.round(&GLOBAL, false, best)?;
        }
        let best = self.without_useless(best)?;
        self.without_switches(best)
    }

    /// Runs all rounds once.
    fn pass(&mut self, global: Option<Round>, from: Attempt) -> Result<Attempt> {
        let mut attempt = from;
        for round in global.iter().chain(&NAMES) {
            attempt = self.round(round, false, attempt)?;
        }
        for round in &NAMES {
            attempt = self.round(round, true, attempt)?;
        }
        attempt = self.absent(&ABSENT, attempt)?;
        for round in &VERSIONS {
            attempt = self.round(round, false, attempt)?;
        }
        attempt = self.absent(&ABSENT_TAGS, attempt)?;
        self.texts(attempt)
    }

    /// Tries values that are not among the chart's own, with at most 12 renders: a schema may
    /// refuse each of them.
    fn absent(&mut self, rounds: &[Round], from: Attempt) -> Result<Attempt> {
        let most = std::mem::replace(&mut self.most, MOST_RENDERS.min(self.renders + MOST_GUESSES));
        let mut attempt = from;
        for round in rounds {
            let is_in = |leaf: &usize| {
                let value = &self.leaves[*leaf];
                (round.is_in)(value, value.role())
            };
            let leaves = (self.own..self.leaves.len()).filter(is_in).collect();
            attempt = self.parts(leaves, round, false, attempt)?;
        }
        self.most = most;
        Ok(attempt)
    }

    /// Tries the values of a round. With `in_two` a value may be a registry whose path another value
    /// changes.
    fn round(&mut self, round: &Round, in_two: bool, from: Attempt) -> Result<Attempt> {
        let sources = self.sources(&from.places_in(round.states));
        let is_part = |value: &Leaf| sources.iter().any(|source| is_part(value, source));
        let is_in = |leaf: &usize| {
            let value = &self.leaves[*leaf];
            (round.is_in)(value, value.role())
                && !from.values.contains_key(leaf)
                && (value.text.is_empty() || sources.len() > MOST_SOURCES || is_part(value))
        };
        let leaves = (0..self.own).filter(is_in).collect();
        self.parts(leaves, round, in_two, from)
    }

    /// Tries some values, and keeps those that help.
    fn parts(
        &mut self,
        leaves: Vec<usize>,
        round: &Round,
        in_two: bool,
        from: Attempt,
    ) -> Result<Attempt> {
        let wrong = from.places_in(round.states);
        if wrong.is_empty() || leaves.is_empty() {
            return Ok(from);
        }
        let mut feeds = Vec::new();
        for some in leaves.chunks(marker::MOST) {
            self.probe(some, &from.values, &mut feeds)?;
        }
        feeds.extend(self.assumed(&leaves, &wrong));
        if !in_two {
            feeds.iter_mut().for_each(|feed| feed.registry = None);
        }
        let (chosen, has_conflict) = candidates::choose(&feeds, &from.states, round.for_all);
        self.has_conflict |= has_conflict;
        if in_two {
            self.unfinished.extend(chosen.iter().map(|one| one.leaf));
        }
        self.add(from, &chosen)
    }

    /// Returns the different images of goals.
    fn sources(&self, goals: &[usize]) -> BTreeSet<&'a str> {
        goals.iter().map(|goal| self.goals.all[*goal].source()).collect()
    }

    /// Adds the values that help: all together, or else one by one.
    fn add(&mut self, from: Attempt, chosen: &[Candidate]) -> Result<Attempt> {
        if chosen.is_empty() || self.is_over() {
            return Ok(from);
        }
        let all = self.attempt(&with(&from.values, chosen))?;
        if let Ok(attempt) = all {
            if attempt.score() < from.score() {
                return Ok(attempt);
            }
            let broken = attempt.places_in(&[GoalState::Broken]);
            let is_right = |one: &&Candidate| broken.iter().all(|goal| !one.feeds.contains(goal));
            let right: Vec<_> = chosen.iter().filter(is_right).cloned().collect();
            if right.len() < chosen.len() {
                return self.add(from, &right);
            }
        }
        let mut best = from;
        for one in chosen.iter().filter(|_| chosen.len() > 1) {
            if self.is_over() {
                break;
            }
            match self.attempt(&with(&best.values, std::slice::from_ref(one)))? {
                Ok(attempt) if attempt.score() < best.score() => best = attempt,
                _ => {}
            }
        }
        Ok(best)
    }

    /// Renders with markers for these values, and adds the images that have them. If the chart does
    /// not render, each half of the values is tried.
    fn probe(
        &mut self,
        leaves: &[usize],
        values: &BTreeMap<usize, String>,
        feeds: &mut Vec<Feed>,
    ) -> Result<()> {
        let leaves: Vec<_> =
            leaves.iter().copied().filter(|leaf| !self.refused.contains(leaf)).collect();
        if leaves.is_empty() || self.is_over() {
            return Ok(());
        }
        let marker = |(number, leaf): (usize, &usize)| {
            let value = &self.leaves[*leaf];
            Marker::new(*leaf, value, value.role(), number)
        };
        let markers: Vec<_> = leaves.iter().enumerate().map(marker).collect();
        let mut marked = values.clone();
        marked.extend(markers.iter().map(|marker| (marker.leaf, marker.text.clone())));
        let error = match self.attempt(&marked)? {
            Ok(attempt) => {
                feeds.extend(candidates::feeds(&markers, self.goals, &attempt.places));
                return Ok(());
            }
            Err(error) => error.to_string(),
        };
        let named: Vec<_> =
            leaves.iter().copied().filter(|leaf| names(&error, &self.leaves[*leaf])).collect();
        if leaves.len() == 1 || (!named.is_empty() && named.len() < leaves.len()) {
            self.refused.extend(if leaves.len() == 1 { &leaves } else { &named });
            return self.probe(&leaves, values, feeds);
        }
        let (first, second) = leaves.split_at(leaves.len() / 2);
        self.probe(first, values, feeds)?;
        self.probe(second, values, feeds)
    }

    /// Returns the assumption that a value whose marker the chart refuses is the part of an image
    /// that has its text.
    fn assumed(&self, leaves: &[usize], wrong: &[usize]) -> Vec<Feed> {
        let mut feeds = Vec::new();
        for leaf in leaves.iter().filter(|leaf| self.refused.contains(leaf)) {
            let value = &self.leaves[*leaf];
            for goal in wrong {
                feeds.extend(candidates::assumed(*leaf, value, *goal, &self.goals.all[*goal]));
            }
        }
        feeds
    }

    /// Replaces images in texts, such as arguments and files.
    fn texts(&mut self, from: Attempt) -> Result<Attempt> {
        let wrong = from.places_in(&[
            GoalState::Version,
            GoalState::Registry,
            GoalState::Name,
            GoalState::Broken,
        ]);
        if wrong.is_empty() {
            return Ok(from);
        }
        let mut replaced = Vec::new();
        for (leaf, value) in self.leaves.iter().enumerate() {
            if self.is_over() {
                break;
            }
            if !from.values.contains_key(&leaf) {
                replaced.extend(candidates::replaced(leaf, value, &wrong, &self.goals.all));
            }
        }
        let before: Vec<_> = from.values.keys().copied().collect();
        let all = self.add(from, &replaced)?;
        let helps =
            |one: &&Candidate| one.moves.iter().any(|it| all.states[*it] == GoalState::Done);
        let helping: HashSet<_> = replaced.iter().filter(helps).map(|one| one.leaf).collect();
        let mut values = all.values.clone();
        values.retain(|leaf, _| before.contains(leaf) || helping.contains(leaf));
        if values.len() == all.values.len() {
            return Ok(all);
        }
        match self.attempt(&values)? {
            Ok(fewer) if fewer.score() <= all.score() => Ok(fewer),
            _ => Ok(all),
        }
    }

    /// Removes the registries whose path no other value has changed.
    fn without_useless(&mut self, from: Attempt) -> Result<Attempt> {
        let mut best = from;
        if best.is_done() {
            return Ok(best);
        }
        for leaf in self.unfinished.clone() {
            if self.is_over() {
                break;
            }
            let mut values = best.values.clone();
            if values.remove(&leaf).is_some()
                && let Ok(attempt) = self.attempt(&values)?
                && attempt.wrong() <= best.wrong()
            {
                best = attempt;
            }
        }
        Ok(best)
    }

    /// Removes the switches that only markers needed: first all, then each.
    fn without_switches(&mut self, from: Attempt) -> Result<Attempt> {
        let all = self.switches.clone();
        let mut best = from;
        for removed in std::iter::once(&all[..]).chain(all.chunks(1)) {
            let before = self.switches.clone();
            self.switches.retain(|switch| !removed.contains(switch));
            if before.len() == self.switches.len() || self.is_over() {
                continue;
            }
            let values = best.values.clone();
            match self.attempt_once(&values)? {
                Ok(attempt) if attempt.score() <= best.score() => best = attempt,
                _ => self.switches = before,
            }
        }
        Ok(best)
    }

    /// Returns whether the limit on renders or time is reached.
    fn is_over(&self) -> bool {
        self.renders >= self.most || Instant::now() >= self.end
    }

    /// Renders with these values, and with the switches that the chart then requires. The inner
    /// error is that of a chart that does not render.
    fn attempt(
        &mut self,
        values: &BTreeMap<usize, String>,
    ) -> Result<std::result::Result<Attempt, Error>> {
        let error = match self.attempt_once(values)? {
            Ok(attempt) => return Ok(Ok(attempt)),
            Err(error) => error,
        };
        let before = self.switches.len();
        for switch in required_switch::switches(&error.to_string(), &self.chart) {
            if !self.switches.contains(&switch) {
                self.switches.push(switch);
            }
        }
        if self.switches.len() == before || self.is_over() {
            return Ok(Err(error));
        }
        let again = self.attempt_once(values)?;
        if again.is_err() {
            self.switches.truncate(before);
        }
        Ok(again)
    }

    /// Renders with these values.
    fn attempt_once(
        &mut self,
        values: &BTreeMap<usize, String>,
    ) -> Result<std::result::Result<Attempt, Error>> {
        if self.renders >= MOST_RENDERS {
            return Ok(Err(Error::usage("the chart was rendered often enough")));
        }
        let mut overlay = self.base.clone();
        for (leaf, text) in values {
            overlay.set(&self.leaves[*leaf].path, json!(text));
        }
        for switch in &self.switches {
            overlay.set_keys(switch, json!(true));
        }
        self.renders += 1;
        let rendered = match (self.render)(&overlay.text()) {
            Ok(text) => RenderedImages::read(&text),
            Err(error) => Err(error),
        };
        match rendered {
            Ok(places) => {
                let states = self.goals.states(&places);
                let places = Rc::new(places);
                Ok(Ok(Attempt { values: values.clone(), overlay, places, states }))
            }
            Err(error) if error.kind() == ErrorKind::Usage => Ok(Err(error)),
            Err(error) => Err(error),
        }
    }
}

/// Returns the values of a chart, with those that override its defaults.
fn leaves(chart: &Rc<Node>) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    let all = Leaf::all(chart);
    let known: HashSet<_> = all.iter().map(Leaf::name).collect();
    for leaf in all {
        let over = leaf.over_default().filter(|over| !known.contains(&over.name()));
        let is_hidden = over.is_some() && leaf.name().starts_with('_');
        leaves.extend(over);
        if !is_hidden {
            leaves.push(leaf);
        }
    }
    leaves
}

/// Returns whether a value may be a part of an image.
fn is_part(value: &Leaf, image: &str) -> bool {
    let text = value.text.trim().trim_end_matches('/');
    match value.role().is_version() {
        true => image.contains(text),
        false => candidates::split_around(image, text).is_some(),
    }
}

/// Returns the values with the candidates' values over them.
fn with(values: &BTreeMap<usize, String>, more: &[Candidate]) -> BTreeMap<usize, String> {
    let mut values = values.clone();
    values.extend(more.iter().map(|one| (one.leaf, one.value.clone())));
    values
}

/// Returns whether a message names a value: by its path, or by its JSON pointer as in a schema
/// error.
fn names(message: &str, leaf: &Leaf) -> bool {
    let name = leaf.name();
    let pointer = name.replace(['.', '['], "/").replace(']', "");
    let is_inside = |c: char| c.is_ascii_alphanumeric() || "._/[".contains(c);
    let is_whole = |(at, found): (usize, &str)| {
        let before = message[..at].strip_suffix(".Values.").unwrap_or(&message[..at]);
        let after = message[at + found.len()..].trim_start_matches(['.', ':']);
        !before.ends_with(is_inside) && !after.starts_with(is_inside)
    };
    let is_path = name.contains('.');
    message.contains(&format!("/{pointer}'"))
        || (is_path && message.match_indices(&name).any(is_whole))
}
