//! Output for a terminal or a document, and the text that must not be in it.

use std::fmt::Write;

use airgap_core::report::{is_hidden, pretty, printable, printable_line, shortened};
use airgap_core::secrets;

use crate::text;

/// Writes untrusted text for people and as JSON.
pub fn output(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let shown = printable(text);
    assert!(!shown.chars().any(|c| c != '\n' && is_hidden(c)), "{shown:?} has hidden characters");
    assert_eq!(printable(&shown), shown, "printable text was changed");
    assert_eq!(shown.chars().count(), text.chars().count());
    let line = printable_line(text);
    assert!(!line.chars().any(is_hidden), "{line:?} has hidden characters");
    let start = shortened(text, 10);
    assert!(start.chars().count() <= 13, "{start:?} is not short");
    let value = serde_json::json!({ "key": [text], text: text });
    let json = pretty(&value).expect("a value can be written");
    assert!(!json.chars().any(|c| c != '\n' && is_hidden(c)), "{json:?} has hidden characters");
    let again: serde_json::Value = serde_json::from_str(&json).expect("the output is JSON");
    assert_eq!(again, value, "JSON changes by its escapes");
}

/// The length from which a secret is hidden also within words, in bytes.
const ANYWHERE: usize = 8;

/// The length from which a secret is hidden in data, in bytes.
const IN_DATA: usize = 12;

/// Hides a token, which is the first line of the input, in the text after it.
pub fn secrets(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let (token, text) = text.split_once('\n').unwrap_or((text, ""));
    let token = token.trim();
    secrets::register_token(token);
    for hidden in [secrets::hide(text), secrets::hide_in_data(text)] {
        assert!(hidden.len() <= text.len() + text.len() / 2 + 16, "hiding makes a text longer");
    }
    // A form is kept up to 48 bytes. Dots replace hidden text.
    if token.len() < ANYWHERE || token.len() > 48 || token.contains("...") {
        return;
    }
    let mut percent = String::new();
    let mut hex = String::new();
    for byte in token.bytes() {
        let _ = write!(percent, "%{byte:02X}");
        let _ = write!(hex, "{byte:02x}");
    }
    let json = serde_json::to_string(token).expect("a text can be written");
    let middle = (0..=text.len() / 2).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let (before, behind) = text.split_at(middle);
    for form in [token, &percent, &hex, &json[1..json.len() - 1]] {
        let whole = format!("{before}{form}{behind}");
        let hidden = secrets::hide(&whole);
        assert!(!hidden.contains(form), "{form:?} is not hidden in {whole:?}: {hidden:?}");
        if token.len() >= IN_DATA {
            let hidden = secrets::hide_in_data(&whole);
            assert!(!hidden.contains(form), "{form:?} is not hidden in data: {hidden:?}");
        }
    }
}
