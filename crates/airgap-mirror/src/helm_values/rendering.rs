//! A rendering of the chart with some values.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::goals::{GoalState, RenderedImages};
use super::overlay::Overlay;

/// The values of one attempt, and the rendered images.
#[derive(Clone)]
pub(super) struct Attempt {
    /// The text of each value, by its index.
    pub(super) values: BTreeMap<usize, String>,
    /// The values with all values that are set in any case.
    pub(super) overlay: Overlay,
    /// The images that the chart renders.
    pub(super) places: Rc<RenderedImages>,
    /// The state of each image that must come from a destination.
    pub(super) states: Vec<GoalState>,
}

impl Attempt {
    /// Returns whether every image is at its destination.
    pub(super) fn is_done(&self) -> bool {
        self.wrong() == 0
    }

    /// Returns the number of images that are not at their destinations.
    pub(super) fn wrong(&self) -> usize {
        self.states.iter().filter(|state| **state != GoalState::Done).count()
    }

    /// Returns the distance of all images from their destinations. A broken image outweighs all
    /// others.
    pub(super) fn score(&self) -> (usize, usize) {
        let broken = self.places_in(&[GoalState::Broken]).len();
        (broken, self.states.iter().map(|state| *state as usize).sum())
    }

    /// Returns the indexes of the images in these states.
    pub(super) fn places_in(&self, states: &[GoalState]) -> Vec<usize> {
        let all = self.states.iter().enumerate();
        all.filter(|(_, state)| states.contains(state)).map(|(index, _)| index).collect()
    }
}
