//! The order in which values are tried.

use super::goals::GoalState;
use super::leaf::Leaf;
use crate::image_parts::PartRole;

/// Values that are tried together.
pub(super) struct Round {
    /// The states of the images that the values may change.
    pub(super) states: &'static [GoalState],
    /// Returns whether a value with this role is tried.
    pub(super) is_in: fn(&Leaf, PartRole) -> bool,
    /// Whether a value must bring all images of which it is a part to their destinations.
    pub(super) for_all: bool,
}

const NAME: &[GoalState] = &[GoalState::Registry, GoalState::Name];
const VERSION: &[GoalState] = &[GoalState::Version];

/// The registries for all images.
pub(super) const GLOBAL: Round = Round {
    states: NAME,
    is_in: |leaf, role| role == PartRole::Registry && leaf.is_global(),
    for_all: true,
};

/// The other parts of names, in the order in which they are tried.
pub(super) const NAMES: [Round; 6] = [
    round(NAME, |leaf, role| role == PartRole::Registry && !leaf.is_global() && !leaf.is_in_list()),
    // Setting an empty value may hide another value.
    round(NAME, |leaf, role| {
        role == PartRole::Registry
            && !leaf.is_global()
            && !leaf.is_in_list()
            && !leaf.text.is_empty()
    }),
    round(NAME, |leaf, role| role == PartRole::Name && !leaf.is_in_list() && !leaf.text.is_empty()),
    round(NAME, |leaf, _| !leaf.is_in_list() && !leaf.text.is_empty()),
    round(NAME, |leaf, role| role == PartRole::Name && !leaf.is_in_list() && leaf.text.is_empty()),
    round(NAME, |leaf, role| {
        matches!(role, PartRole::Registry | PartRole::Name)
            && leaf.is_in_list()
            && !leaf.text.is_empty()
    }),
];

/// The parts of names that are not among the chart's own values. Two such parts in one image hide
/// each other's default.
pub(super) const ABSENT: [Round; 2] = [
    round(NAME, |_, role| role == PartRole::Registry),
    round(NAME, |_, role| role == PartRole::Name),
];

/// The tags and digests.
pub(super) const VERSIONS: [Round; 4] = [
    round(VERSION, |leaf, role| role.is_version() && !leaf.is_in_list() && !leaf.text.is_empty()),
    round(VERSION, |leaf, role| {
        role == PartRole::Tag && !leaf.is_in_list() && leaf.text.is_empty()
    }),
    round(VERSION, |leaf, role| {
        role == PartRole::Digest && !leaf.is_in_list() && leaf.text.is_empty()
    }),
    round(VERSION, |leaf, role| role.is_version() && leaf.is_in_list()),
];

/// The tags that are not among the chart's own values.
pub(super) const ABSENT_TAGS: [Round; 1] = [round(VERSION, |_, role| role == PartRole::Tag)];

const fn round(states: &'static [GoalState], is_in: fn(&Leaf, PartRole) -> bool) -> Round {
    Round { states, is_in, for_all: false }
}
