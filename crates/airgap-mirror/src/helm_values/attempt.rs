//! The chart as it is rendered with some values.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::goals::{Places, State};
use super::overlay::Overlay;

/// The values of one attempt, with what the chart renders with them.
#[derive(Clone)]
pub(super) struct Attempt {
    /// The text of each value, by its index.
    pub(super) values: BTreeMap<usize, String>,
    /// The values with all that is set in any case.
    pub(super) overlay: Overlay,
    /// The images that the chart renders.
    pub(super) places: Rc<Places>,
    /// The state of each image that must come from a destination.
    pub(super) states: Vec<State>,
}

impl Attempt {
    /// Whether every image is at its destination.
    pub(super) fn is_done(&self) -> bool {
        self.wrong() == 0
    }

    /// The number of images that are not at their destinations.
    pub(super) fn wrong(&self) -> usize {
        self.states.iter().filter(|state| **state != State::Done).count()
    }

    /// How far all images are from their destinations. One that is broken outweighs all others.
    pub(super) fn score(&self) -> (usize, usize) {
        let broken = self.places_in(&[State::Broken]).len();
        (broken, self.states.iter().map(|state| *state as usize).sum())
    }

    /// The indexes of the images in these states.
    pub(super) fn places_in(&self, states: &[State]) -> Vec<usize> {
        let all = self.states.iter().enumerate();
        all.filter(|(_, state)| states.contains(state)).map(|(index, _)| index).collect()
    }
}
