//! Words of commands that a person copies into a shell.

/// Returns a word for a POSIX shell, in single quotes if it has a character with a meaning there.
pub(super) fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// Returns words for a POSIX shell, separated by spaces.
pub(super) fn words(all: &[String]) -> String {
    all.iter().map(|text| word(text)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_a_meaning_in_a_shell_are_quoted() {
        assert_eq!(word("//a/...:b"), "//a/...:b");
        assert_eq!(word("my cache"), "'my cache'");
        assert_eq!(word("a'$(b)"), "'a'\\''$(b)'");
        assert_eq!(words(&["a".to_owned(), String::new()]), "a ''");
    }
}
