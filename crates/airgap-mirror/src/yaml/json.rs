//! YAML nodes as JSON data.

use serde_json::Value as Json;

use super::{Node, Scalar, Value};

/// Returns a node as JSON data. `scalar` decides the type of each scalar: programs that read YAML
/// differ in it.
pub fn to_json(node: &Node, scalar: fn(&Scalar) -> Json) -> Json {
    match &node.value {
        Value::Scalar(text) => scalar(text),
        Value::Sequence(items) => items.iter().map(|item| to_json(item, scalar)).collect(),
        Value::Mapping(entries) => {
            let entry = |it: &super::MappingEntry| (it.key.to_string(), to_json(&it.value, scalar));
            Json::Object(entries.iter().map(entry).collect())
        }
    }
}
