//! Values over values, as Helm lays them.

use std::rc::Rc;

use crate::yaml::{Entry, Node, Value};

/// The key of the values that every chart sees.
const GLOBAL: &str = "global";

/// `base` with what `over` says: mappings are merged, anything else is replaced, and nothing takes
/// away what is there.
pub(super) fn merge(base: &Rc<Node>, over: &Rc<Node>) -> Rc<Node> {
    if !is_mapping(base) || !is_mapping(over) {
        return over.clone();
    }
    let mut entries: Vec<Entry> = Vec::new();
    for entry in last_of_each(base) {
        match over.get(&entry.key) {
            Some(value) if value.is_null() => {}
            Some(value) => {
                entries.push(Entry { value: merge(&entry.value, value), ..entry.clone() })
            }
            None => entries.push(entry.clone()),
        }
    }
    // What takes away nothing here may take it away from a chart in this one.
    entries.extend(last_of_each(over).filter(|entry| base.get(&entry.key).is_none()).cloned());
    Rc::new(Node::new(Value::Mapping(entries), over.place.clone()))
}

/// The values of a chart that is in another one: its own defaults, then what the outer one says
/// under its name, and the global ones of the outer one.
pub(super) fn for_inner(outer: &Rc<Node>, defaults: &Rc<Node>, key: &str) -> Rc<Node> {
    let empty = Rc::new(Node::new(Value::Mapping(Vec::new()), defaults.place.clone()));
    let defaults = if is_mapping(defaults) { defaults } else { &empty };
    let values = match outer.get(key).filter(|own| is_mapping(own)) {
        Some(own) => merge(defaults, own),
        None => defaults.clone(),
    };
    let Some(global) = outer.get(GLOBAL).filter(|global| is_mapping(global)) else { return values };
    let entry = Entry { key: GLOBAL.into(), place: global.place.clone(), value: global.clone() };
    merge(&values, &Rc::new(Node::new(Value::Mapping(vec![entry]), values.place.clone())))
}

/// The values of a chart with those of a chart in it, whose global ones are its own as well.
pub(super) fn with_inner(outer: &Rc<Node>, inner: &Rc<Node>, key: &str) -> Rc<Node> {
    let mut entries: Vec<Entry> = last_of_each(outer).cloned().collect();
    let mut put = |key: &str, value: Rc<Node>| match entries.iter_mut().find(|it| *it.key == *key) {
        Some(entry) => entry.value = value,
        None => entries.push(Entry { key: key.into(), place: value.place.clone(), value }),
    };
    let is_own = |entry: &&Entry| &*entry.key != GLOBAL;
    let own = last_of_each(inner).filter(is_own).cloned().collect();
    put(key, Rc::new(Node::new(Value::Mapping(own), inner.place.clone())));
    if let Some(global) = inner.get(GLOBAL).filter(|global| is_mapping(global)) {
        let known = outer.get(GLOBAL).filter(|global| is_mapping(global));
        put(GLOBAL, known.map_or_else(|| global.clone(), |known| behind(known, global)));
    }
    Rc::new(Node::new(Value::Mapping(entries), outer.place.clone()))
}

/// `first` with what only `second` has behind it.
fn behind(first: &Rc<Node>, second: &Rc<Node>) -> Rc<Node> {
    if !is_mapping(first) || !is_mapping(second) {
        return first.clone();
    }
    let both = |entry: &Entry| match second.get(&entry.key) {
        Some(other) => Entry { value: behind(&entry.value, other), ..entry.clone() },
        None => entry.clone(),
    };
    let mut entries: Vec<_> = last_of_each(first).map(both).collect();
    entries.extend(last_of_each(second).filter(|it| first.get(&it.key).is_none()).cloned());
    Rc::new(Node::new(Value::Mapping(entries), first.place.clone()))
}

/// The entries of a mapping, each key once: the last one counts.
fn last_of_each(node: &Rc<Node>) -> impl Iterator<Item = &Entry> {
    let is_last =
        |entry: &&Entry| node.get(&entry.key).is_some_and(|last| Rc::ptr_eq(last, &entry.value));
    node.entries().iter().filter(is_last)
}

fn is_mapping(node: &Rc<Node>) -> bool {
    matches!(node.value, Value::Mapping(_))
}
