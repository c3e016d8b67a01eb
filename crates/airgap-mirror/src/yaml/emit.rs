//! Writes YAML that every reader reads as the same data.

use serde_json::Value;

/// Returns data in block style, its keys in their order.
pub fn block(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, &mut text);
    if text.is_empty() { format!("{value}\n") } else { text }
}

fn write(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                match scalar(key) {
                    // A key before its colon has at most 1024 characters (YAML 1.2, implicit keys).
                    long if long.len() > 1024 => {
                        text.push_str(&format!("{indent}? {long}\n{indent}:"))
                    }
                    key => text.push_str(&format!("{indent}{key}:")),
                }
                below(value, depth, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                if is_inline(item) {
                    text.push_str(&format!("{indent}- {}\n", inline(item)));
                    continue;
                }
                // An item's first key follows the dash on its line.
                let mut inner = String::new();
                write(item, depth + 1, &mut inner);
                text.push_str(&format!("{indent}- {}", inner.trim_start()));
            }
        }
        _ => text.push_str(&format!("{indent}{}\n", inline(value))),
    }
}

fn below(value: &Value, depth: usize, text: &mut String) {
    match is_inline(value) {
        true => text.push_str(&format!(" {}\n", inline(value))),
        false => {
            text.push('\n');
            write(value, depth + 1, text);
        }
    }
}

/// Returns whether a value is written on one line: it is a scalar or empty.
fn is_inline(value: &Value) -> bool {
    match value {
        Value::Object(entries) => entries.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// Returns a scalar for a text: plain if that cannot be misread, quoted otherwise.
pub fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    airgap_core::report::yaml_string(text)
}

/// Returns whether the text has no YAML syntax, and no reader takes it for a number, truth value or
/// date.
fn is_plain(text: &str) -> bool {
    let starts_as_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/@+:".contains(c);
    let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    starts_as_word
        && text.chars().all(allowed)
        && !text.ends_with(':')
        && !words.contains(&text.to_ascii_lowercase().as_str())
}
