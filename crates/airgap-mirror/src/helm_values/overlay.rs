//! Values over those of a chart, in the order of the chart's own.

use std::rc::Rc;

use serde_json::{Value, json};

use super::leaf::LeafStep;
use crate::yaml::{self, Node, Scalar, Style};

/// Values that override those of a chart. A list is replaced as a whole.
#[derive(Clone, Debug)]
pub(super) struct Overlay {
    values: Value,
    chart: Rc<Node>,
}

impl Overlay {
    /// Creates an overlay without values.
    pub(super) fn new(chart: &Rc<Node>) -> Overlay {
        Overlay { values: json!({}), chart: chart.clone() }
    }

    /// Sets a value.
    pub(super) fn set(&mut self, path: &[LeafStep], value: Value) {
        set(&mut self.values, Some(&self.chart), path, value);
    }

    /// Sets a value at a path of keys.
    pub(super) fn set_keys(&mut self, path: &[impl AsRef<str>], value: Value) {
        let path: Vec<_> = path.iter().map(|key| LeafStep::Key(key.as_ref().into())).collect();
        self.set(&path, value);
    }

    /// Returns the values, with their keys in the order of the chart's own.
    pub(super) fn values(&self) -> Value {
        ordered(&self.values, Some(&self.chart))
    }

    /// Returns the text of a values file with them.
    pub(super) fn text(&self) -> String {
        yaml::block(&self.values())
    }
}

fn set(slot: &mut Value, chart: Option<&Rc<Node>>, path: &[LeafStep], value: Value) {
    match path.split_first() {
        None => *slot = value,
        Some((LeafStep::Key(key), rest)) => {
            if !slot.is_object() {
                *slot = json!({});
            }
            let Value::Object(entries) = slot else { return };
            let below = entries.entry(key.to_string()).or_insert(Value::Null);
            set(below, chart.and_then(|node| node.get(key)), rest, value);
        }
        Some((LeafStep::Item(index), rest)) => {
            if !slot.is_array() {
                *slot = chart.map_or_else(|| json!([]), |node| yaml::to_json(node, scalar_data));
            }
            let item = slot.as_array_mut().and_then(|items| items.get_mut(*index));
            let below = chart.and_then(|node| node.items().get(*index));
            if let Some(item) = item {
                set(item, below, rest, value);
            }
        }
    }
}

fn ordered(value: &Value, chart: Option<&Rc<Node>>) -> Value {
    let Value::Object(entries) = value else { return value.clone() };
    let keys: Vec<_> = chart.map(|node| node.entries()).unwrap_or_default().iter().collect();
    let place = |key: &str| keys.iter().position(|entry| *entry.key == *key).unwrap_or(keys.len());
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_by_key(|(key, _)| place(key));
    let below = |key: &str| chart.and_then(|node| node.get(key));
    let entry = |(key, value): (&String, &Value)| (key.clone(), ordered(value, below(key)));
    Value::Object(sorted.into_iter().map(entry).collect())
}

/// Returns a scalar in the type that Helm reads.
fn scalar_data(scalar: &Scalar) -> Value {
    let text = || Value::String(scalar.text.clone());
    match scalar.style {
        _ if scalar.is_null() => Value::Null,
        Style::Text | Style::Literal => text(),
        Style::Plain => match (scalar.truth(), scalar.text.parse::<i64>(), scalar.number()) {
            (Some(truth), _, _) => json!(truth),
            (_, Ok(number), Some(same)) if same == number as f64 => json!(number),
            (_, _, Some(number)) if number.is_finite() => json!(number),
            _ => text(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Duplicates;

    fn overlay(chart: &str) -> Overlay {
        Overlay::new(&yaml::document(chart, "values.yaml", Duplicates::LastCounts).unwrap())
    }

    #[test]
    fn keys_have_the_order_of_the_chart() {
        let mut over = overlay("b: {w: 1, x: 2}\na: 1\n");
        over.set_keys(&["new"], json!(1));
        over.set_keys(&["a"], json!("r.io"));
        over.set_keys(&["b", "x"], json!("r.io"));
        over.set_keys(&["b", "w"], json!("r.io"));
        assert_eq!(over.text(), "b:\n  w: r.io\n  x: r.io\na: r.io\nnew: 1\n");
    }

    #[test]
    fn a_list_is_written_whole_with_its_numbers_and_truth_values() {
        let mut over = overlay(
            "l:\n- {v: 0.10, o: 07, t: yes, s: '1', e: ~, i: a:1}\n- {i: b:1, d: 12345678901, m: {}}\n",
        );
        over.set(
            &[LeafStep::Key("l".into()), LeafStep::Item(1), LeafStep::Key("i".into())],
            json!("r.io/b:1"),
        );
        assert_eq!(
            over.text(),
            "l:\n  - v: 0.1\n    o: 7\n    t: true\n    s: \"1\"\n    e: null\n    i: a:1\n  - i: r.io/b:1\n    d: 12345678901\n    m: {}\n"
        );
    }
}
