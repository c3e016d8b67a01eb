//! JSON documents without hidden characters.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, PrettyFormatter, Serializer};

use super::printable::escaped;

/// Returns a value as indented JSON. Hidden characters are `\u` escapes, which readers of JSON
/// decode.
///
/// # Errors
/// The errors of `serde_json::to_string_pretty`.
pub fn pretty(value: &impl Serialize) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    let formatter = Visible(PrettyFormatter::new());
    value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns the text of a JSON file that this program writes, without secrets.
///
/// # Errors
/// The errors of [`pretty`].
pub fn file(value: &impl Serialize) -> serde_json::Result<String> {
    let mut value = serde_json::to_value(value)?;
    crate::secrets::hide_in_json(&mut value);
    Ok(pretty(&value)? + "\n")
}

/// Appends the JSON escape for a character: two of them if it takes two UTF-16 units.
pub(super) fn json_escape(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        out.push_str(&format!("\\u{unit:04x}"));
    }
}

/// The usual format, with hidden characters escaped.
struct Visible(PrettyFormatter<'static>);

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        self.0.write_string_fragment(writer, &escaped(fragment, json_escape))
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        self.0.write_char_escape(writer, escape)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

/// Returns a text as a double-quoted scalar of YAML 1.2, whose escapes are those of JSON and `\U`.
pub fn yaml_string(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let escape = |c: char, out: &mut String| match u32::from(c) {
        wide @ 0x1_0000.. => out.push_str(&format!("\\U{wide:08x}")),
        narrow => out.push_str(&format!("\\u{narrow:04x}")),
    };
    escaped(&quoted, escape).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::is_hidden;

    fn is_visible(text: &str) -> bool {
        !text.contains(|c| c != '\n' && is_hidden(c))
    }

    #[test]
    fn every_character_is_visible_and_read_back() {
        let text: String =
            ('\0'..='\u{3000}').chain(['\u{feff}', '\u{1f600}', '\u{e0041}']).collect();
        let value = serde_json::json!({text.clone(): [text.clone(), 1, {}], "empty": []});
        let written = pretty(&value).unwrap();
        assert!(is_visible(&written));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), value);
        let plain = serde_json::json!({"a": [1, {"b": "\u{e4}\\\""}], "c": {}});
        assert_eq!(pretty(&plain).unwrap(), format!("{plain:#}"));
        assert!(is_visible(&yaml_string(&text)));
    }
}
