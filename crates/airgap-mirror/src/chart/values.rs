//! Merging of values, with Helm's rules.

use std::rc::Rc;

use crate::yaml::{MappingEntry, Node, Value};

/// The key of the values that every chart gets.
const GLOBAL: &str = "global";

/// Returns `base` with `over` applied: mappings are merged, a null removes the entry, and anything
/// else is replaced.
pub(super) fn merge(base: &Rc<Node>, over: &Rc<Node>) -> Rc<Node> {
    if !is_mapping(base) || !is_mapping(over) {
        return over.clone();
    }
    let mut entries: Vec<MappingEntry> = Vec::new();
    for entry in last_duplicates(base) {
        match over.get(&entry.key) {
            Some(value) if value.is_null() => {}
            Some(value) => {
                entries.push(MappingEntry { value: merge(&entry.value, value), ..entry.clone() })
            }
            None => entries.push(entry.clone()),
        }
    }
    // A null without an entry in `base` stays: it may remove a value of a subchart.
    entries.extend(last_duplicates(over).filter(|entry| base.get(&entry.key).is_none()).cloned());
    Rc::new(Node::new(Value::Mapping(entries), over.place.clone()))
}

/// Returns the values of a subchart: its own defaults, then the parent's values under its key, then
/// the parent's global values.
pub(super) fn for_inner(outer: &Rc<Node>, defaults: &Rc<Node>, key: &str) -> Rc<Node> {
    let empty = Rc::new(Node::new(Value::Mapping(Vec::new()), defaults.place.clone()));
    let defaults = if is_mapping(defaults) { defaults } else { &empty };
    let values = match outer.get(key).filter(|own| is_mapping(own)) {
        Some(own) => merge(defaults, own),
        None => defaults.clone(),
    };
    let Some(global) = outer.get(GLOBAL).filter(|global| is_mapping(global)) else { return values };
    let entry =
        MappingEntry { key: GLOBAL.into(), place: global.place.clone(), value: global.clone() };
    merge(&values, &Rc::new(Node::new(Value::Mapping(vec![entry]), values.place.clone())))
}

/// Returns the values of a chart with those of a subchart, which has the global values as its own
/// too.
pub(super) fn with_inner(outer: &Rc<Node>, inner: &Rc<Node>, key: &str) -> Rc<Node> {
    let mut entries: Vec<MappingEntry> = last_duplicates(outer).cloned().collect();
    let mut put = |key: &str, value: Rc<Node>| match entries.iter_mut().find(|it| *it.key == *key) {
        Some(entry) => entry.value = value,
        None => entries.push(MappingEntry { key: key.into(), place: value.place.clone(), value }),
    };
    let is_own = |entry: &&MappingEntry| &*entry.key != GLOBAL;
    let own = last_duplicates(inner).filter(is_own).cloned().collect();
    put(key, Rc::new(Node::new(Value::Mapping(own), inner.place.clone())));
    if let Some(global) = inner.get(GLOBAL).filter(|global| is_mapping(global)) {
        let known = outer.get(GLOBAL).filter(|global| is_mapping(global));
        put(GLOBAL, known.map_or_else(|| global.clone(), |known| behind(known, global)));
    }
    Rc::new(Node::new(Value::Mapping(entries), outer.place.clone()))
}

/// Returns `first` followed by the entries that only `second` has.
fn behind(first: &Rc<Node>, second: &Rc<Node>) -> Rc<Node> {
    if !is_mapping(first) || !is_mapping(second) {
        return first.clone();
    }
    let both = |entry: &MappingEntry| match second.get(&entry.key) {
        Some(other) => MappingEntry { value: behind(&entry.value, other), ..entry.clone() },
        None => entry.clone(),
    };
    let mut entries: Vec<_> = last_duplicates(first).map(both).collect();
    entries.extend(last_duplicates(second).filter(|it| first.get(&it.key).is_none()).cloned());
    Rc::new(Node::new(Value::Mapping(entries), first.place.clone()))
}

/// Returns the entries of a mapping, each key once: the last one counts.
fn last_duplicates(node: &Rc<Node>) -> impl Iterator<Item = &MappingEntry> {
    let is_last = |entry: &&MappingEntry| {
        node.get(&entry.key).is_some_and(|last| Rc::ptr_eq(last, &entry.value))
    };
    node.entries().iter().filter(is_last)
}

fn is_mapping(node: &Rc<Node>) -> bool {
    matches!(node.value, Value::Mapping(_))
}
