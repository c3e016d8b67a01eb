//! YAML: reading, and writing text that is read as the same value.

use airgap_mirror::yaml::{self, Documents, Duplicates, Node, Scalar, Value};
use serde_json::Value as Json;

use crate::{accepted, text};

/// Parses a text with any number of documents.
pub fn yaml(input: &[u8]) {
    let Some(text) = text(input) else { return };
    for duplicates in [Duplicates::Refused, Duplicates::LastCounts] {
        let tell = || {
            let mut lines = Vec::new();
            for document in Documents::new(text, "a.yaml", duplicates) {
                match document {
                    Ok(node) => {
                        let mut budget = 10_000;
                        visit_part(&node, text, &mut budget);
                        lines.push(format!("{} {}", node.place, node.is_true()));
                    }
                    Err(problem) => {
                        assert!(!problem.problem.is_empty());
                        lines.push(format!("{} {}", problem.place, problem.problem));
                    }
                }
            }
            lines
        };
        assert_eq!(tell(), tell(), "two runs do not agree");
        accepted(yaml::document(text, "a.yaml", duplicates));
    }
}

/// Visits a part of a document; aliases can make the whole much larger than the text.
fn visit_part(node: &Node, text: &str, budget: &mut u32) {
    if *budget == 0 {
        return;
    }
    *budget -= 1;
    let lines = u32::try_from(text.len() + 2).expect("inputs are short");
    assert!(node.place.line <= lines, "{} is behind the end", node.place);
    let _ = (node.is_null(), node.is_true(), node.text());
    match &node.value {
        Value::Scalar(scalar) => drop(scalar.number()),
        Value::Sequence(items) => items.iter().for_each(|item| visit_part(item, text, budget)),
        Value::Mapping(entries) => {
            if let Some(last) = entries.last() {
                assert!(node.get(&last.key).is_some());
            }
            entries.iter().for_each(|entry| visit_part(&entry.value, text, budget));
        }
    }
}

/// The length of the longest key that needs no `?` before it (YAML 1.2.2, section 8.2.2).
const LONGEST_KEY: usize = 1024;

/// Parses JSON, or else takes the input as text; writes it as YAML and reads it again.
pub fn writing(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let value = match serde_json::from_str::<Json>(text) {
        Ok(value) if value.is_object() && depth(&value) < 100 => value,
        _ => {
            let end = (0..=text.len().min(100)).rev().find(|&end| text.is_char_boundary(end));
            let key = &text[..end.unwrap_or(0)];
            serde_json::json!({ key: [text, {"key": text}], "other": text })
        }
    };
    if longest_key(&value) > LONGEST_KEY {
        return;
    }
    let written = yaml::block(&value);
    let read = yaml::document(&written, "a.yaml", Duplicates::LastCounts);
    match read {
        Ok(node) => assert!(is_same(&node, &value), "{value} is written as\n{written}"),
        Err(error) => panic!("{value} is written as\n{written}\nwhich cannot be read: {error}"),
    }
}

fn depth(value: &Json) -> usize {
    match value {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Json::Object(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
        _ => 1,
    }
}

fn longest_key(value: &Json) -> usize {
    match value {
        Json::Array(items) => items.iter().map(longest_key).max().unwrap_or(0),
        Json::Object(entries) => {
            let of = |(key, value): (&String, &Json)| {
                yaml::scalar(key).chars().count().max(longest_key(value))
            };
            entries.iter().map(of).max().unwrap_or(0)
        }
        _ => 0,
    }
}

fn is_same(node: &Node, value: &Json) -> bool {
    match (value, &node.value) {
        (Json::Object(entries), Value::Mapping(found)) => {
            entries.len() == found.len()
                && entries.iter().zip(found).all(|((key, value), entry)| {
                    *entry.key == **key && is_same(&entry.value, value)
                })
        }
        (Json::Array(items), Value::Sequence(found)) => {
            items.len() == found.len()
                && items.iter().zip(found).all(|(value, node)| is_same(node, value))
        }
        (Json::Null, Value::Scalar(scalar)) => scalar.is_null(),
        (Json::String(text), Value::Scalar(scalar)) => {
            scalar.text == *text && !scalar.is_null() && !is_other(scalar)
        }
        (other, Value::Scalar(scalar)) => {
            // The text of a number or a boolean, which is not a string in JSON.
            let written = other.to_string();
            scalar.text == written
        }
        _ => false,
    }
}

/// Returns whether a reader may take a scalar that should be text for a number or a boolean.
fn is_other(scalar: &Scalar) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off", "y", "n"];
    scalar.style == yaml::Style::Plain
        && (scalar.number().is_some() || words.contains(&&*scalar.text.to_lowercase()))
}
