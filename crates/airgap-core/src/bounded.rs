//! JSON and TOML with limits on the number of values: a text that is bounded in bytes could
//! otherwise take fifty times as much memory.

use serde::Deserialize;
use serde::de::Error as _;

use crate::secrets;

/// The largest number of values in one JSON text, the keys of objects not counted: about 300 bytes
/// of memory each.
const MOST_VALUES: usize = 250_000;

/// The largest number of separators in one TOML text, and of dots in one of its lines: each may be
/// another table in a table.
const MOST_SEPARATORS: usize = 500_000;
const MOST_DOTS: usize = 1_000;

/// The longest message about JSON in characters. It may quote the text, which is of any length.
const LONGEST_MESSAGE: usize = 500;

/// A byte order mark, which editors of Windows put before a text (RFC 8259 section 8.1 lets readers
/// pass it over).
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads JSON with at most 250 000 values.
///
/// # Errors
/// The errors of `serde_json::from_slice`.
pub fn json<'a, T: Deserialize<'a>>(text: &'a (impl AsRef<[u8]> + ?Sized)) -> Parsed<T> {
    json_within(text.as_ref(), MOST_VALUES)
}

/// Reads JSON with at most `most` values.
///
/// # Errors
/// The errors of `serde_json::from_slice`.
pub fn json_within<'a, T: Deserialize<'a>>(text: &'a [u8], most: usize) -> Parsed<T> {
    let text = text.strip_prefix(MARK).unwrap_or(text);
    if values(text) > most {
        return Err(serde_json::Error::custom(format!("it has more than {most} values")));
    }
    serde_json::from_slice(text).map_err(brief)
}

type Parsed<T> = serde_json::Result<T>;

/// Cuts a message, and keeps the position at its end. Secrets are removed before, as half of one
/// would not be found afterwards.
fn brief(error: serde_json::Error) -> serde_json::Error {
    let text = error.to_string();
    let text = secrets::hide(&text);
    match text.char_indices().nth(LONGEST_MESSAGE) {
        None => error,
        Some((end, _)) => serde_json::Error::custom(format!(
            "{}... at line {} column {}",
            &text[..end],
            error.line(),
            error.column()
        )),
    }
}

/// Counts the values of a JSON text: each is the first one in a collection or follows a comma.
fn values(text: &[u8]) -> usize {
    let (mut count, mut in_text, mut is_escaped) = (1, false, false);
    for &byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => count += 1,
            _ => {}
        }
    }
    count
}

/// Checks that a TOML text may be passed to its parser.
///
/// # Errors
/// The words for the limit that it exceeds.
pub fn check_toml(text: &str) -> Result<(), String> {
    let is_separator = |byte: &u8| matches!(byte, b'\n' | b',' | b'=' | b'[' | b'{' | b'.');
    let separators = text.bytes().filter(|byte| is_separator(byte)).count();
    if separators > MOST_SEPARATORS {
        return Err(format!("it has more than {MOST_SEPARATORS} keys and values"));
    }
    let has_many_dots =
        |line: &&str| line.len() > MOST_DOTS && line.matches('.').count() > MOST_DOTS;
    match text.lines().position(|line| has_many_dots(&line)) {
        Some(line) => Err(format!("line {} has more than {MOST_DOTS} dots", line + 1)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_short_and_has_the_position() {
        let long = format!("\n\"{}\"", "é".repeat(100_000));
        let message = json::<bool>(&long).unwrap_err().to_string();
        assert!(message.starts_with("invalid type: string \"éé"), "{message}");
        assert!(message.ends_with("é... at line 2 column 200002"), "{message}");
        assert!(message.chars().count() < LONGEST_MESSAGE + 50, "{message}");
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert_eq!(json::<u8>("\u{feff}1").unwrap(), 1);
        assert!(json::<u8>("\u{feff}\u{feff}1").is_err());
    }

    #[test]
    fn values_are_counted_outside_of_texts() {
        for (text, count) in [
            ("1", 1),
            ("[1,2]", 3),
            (r#"{"a":1,"b":[{"c":{}}]}"#, 6),
            (r#""a,[{\",\\""#, 1),
            (r#"["\\",","]"#, 3),
        ] {
            assert_eq!(values(text.as_bytes()), count, "{text}");
        }
        assert!(json_within::<Vec<u8>>(b"[1,2]", 3).is_ok());
        let error = json_within::<Vec<u8>>(b"[1,2,3]", 3).unwrap_err().to_string();
        assert!(error.contains("more than 3 values"), "{error}");
    }

    #[test]
    fn keys_with_many_dots_are_refused() {
        assert!(check_toml(&"a.b = 1\n".repeat(100)).is_ok());
        let error = check_toml(&format!("a = 1\n{} = 1\n", "a.".repeat(2000))).unwrap_err();
        assert_eq!(error, "line 2 has more than 1000 dots");
        assert!(check_toml(&"a=1\n".repeat(250_001)).is_err());
    }
}
