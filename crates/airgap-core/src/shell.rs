//! Words of commands that a message prints, so that a shell reads them as they are meant.

use std::fmt::{Display, Write as _};
use std::path::Path;

use crate::report::printable::is_hidden;

/// Returns a text as one word of a POSIX shell. A text of letters, digits and `_ @ % + = : , . / -`
/// is unchanged; any other one is in single quotes, or in `$'...'` if a terminal would not show it.
pub fn word(text: impl Display) -> String {
    let text = text.to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "_@%+=:,./-".contains(c);
    if text.chars().any(is_hidden) {
        return escaped(&text);
    }
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Returns a path as one word, which no program takes for an option.
pub fn path(path: &Path) -> String {
    let text = path.display().to_string();
    match text.starts_with('-') {
        true => word(format!("./{text}")),
        false => word(text),
    }
}

/// Returns texts as words with blanks between them.
pub fn words<T: Display>(texts: impl IntoIterator<Item = T>) -> String {
    texts.into_iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Returns a word in `$'...'` (POSIX.1-2024, section 2.2.4), with its hidden characters as octal
/// numbers.
fn escaped(text: &str) -> String {
    let mut out = "$'".to_owned();
    for c in text.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            c if is_hidden(c) => {
                for byte in c.to_string().bytes() {
                    let _ = write!(out, "\\{byte:03o}");
                }
            }
            c => out.push(c),
        }
    }
    out + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_shell_would_change_is_quoted() {
        for (text, expected) in [
            ("wit.lock", "wit.lock"),
            ("//a/...:b@1", "//a/...:b@1"),
            ("", "''"),
            ("a b", "'a b'"),
            ("a'$(b)", r"'a'\''$(b)'"),
            ("it's", r"'it'\''s'"),
            ("$(x);`y`*\"~", "'$(x);`y`*\"~'"),
            ("a\n\u{1b}'\\", r"$'a\012\033\'\\'"),
        ] {
            assert_eq!(word(text), expected);
        }
        assert_eq!(path(Path::new("-rf")), "./-rf");
        assert_eq!(words(["a", "b c"]), "a 'b c'");
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_the_words_back() {
        for text in ["", "a b", "it's", "$(x);`y`*\"~!#&|<>\\", "é 日本", "'", "{a,b}", "[a]?"] {
            let script = format!("printf %s {}", word(text));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), text);
        }
    }
}
