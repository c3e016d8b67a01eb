//! What a plan looks like, for a person and for a program.

use crate::components::Wanted;
use crate::plan::{Item, Place, Plan};

/// The plan for a person: each file, the places in order, and the one that is taken.
pub(super) fn plan(plan: &Plan) -> String {
    plan.items.iter().map(item_text).collect()
}

fn item_text(item: &Item) -> String {
    let mut text = format!("{}\n  sha256 {}\n", item.artifact(), item.asset.sha256);
    text.push_str(&places(&item.places));
    text
}

/// The places for a person, in order.
fn places(places: &[Place]) -> String {
    places.iter().map(|it| format!("  {:16} {}\n", it.source, it.describe())).collect()
}

/// What a plan says of a component, for a program.
pub(super) fn component_json(wanted: &Wanted, at: &[Place]) -> serde_json::Value {
    serde_json::json!({
        "name": wanted.name, "reference": wanted.words,
        "digest": wanted.pin.as_ref().map(|pin| format!("sha256:{}", pin.digest)),
        "places": at,
    })
}

/// What a plan says of a component, for a person.
pub(super) fn component(wanted: &Wanted, at: &[Place]) -> String {
    let pin = match &wanted.pin {
        Some(pin) => format!("sha256 {}", pin.digest),
        None => "not pinned".to_owned(),
    };
    let mut text = format!("{}\n  {pin}\n", wanted.words);
    text.push_str(&places(at));
    text
}
