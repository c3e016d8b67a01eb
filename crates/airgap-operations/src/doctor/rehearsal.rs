//! The errors of Bazel's rehearsal of a build: the repositories that could not be fetched.

use std::collections::BTreeSet;

/// The largest number of lines that are repeated.
const MOST_LINES: usize = 12;

/// Returns the error messages, without the duplicates and the traces of Starlark.
pub(super) fn errors(stderr: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let is_error = |line: &&str| {
        let line = line.to_ascii_lowercase();
        line.starts_with("error: ")
            || line.starts_with("error in fail")
            || line.starts_with("fatal: ")
    };
    let lines = stderr.lines().filter(is_error).map(str::to_owned);
    lines.filter(|line| seen.insert(line.clone())).take(MOST_LINES).collect()
}

/// Returns the canonical names of the repositories whose fetch failed.
pub(super) fn failed_repositories(stderr: &str) -> BTreeSet<String> {
    let mut failed = BTreeSet::new();
    for line in stderr.lines() {
        for part in line.split("no such package '@@").skip(1) {
            failed.extend(part.split("//").next().map(str::to_owned));
        }
        if let Some((_, rest)) =
            line.split_once("An error occurred during the fetch of repository '")
        {
            failed.extend(
                rest.split('\'').next().map(|name| name.trim_start_matches('@').to_owned()),
            );
        }
    }
    failed.retain(|name| !name.is_empty());
    failed
}

/// Returns whether a text names a subject as a whole, and not as the start of a longer version.
pub(super) fn names(text: &str, subject: &str) -> bool {
    let goes_on = |rest: &str| {
        let mut next = rest.chars();
        match next.next() {
            Some('.') => next.next().is_some_and(|c| c.is_ascii_alphanumeric()),
            Some(c) => c.is_ascii_alphanumeric() || c == '-' || c == '_',
            None => false,
        }
    };
    text.match_indices(subject).any(|(at, _)| !goes_on(&text[at + subject.len()..]))
}

/// Returns the words of a message, as a set of URLs can be compared with.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| c.is_whitespace() || "[]()<>,'\"`".contains(c);
    text.split(ends).map(|word| word.trim_end_matches(['.', ':', ';'])).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_repositories_are_found() {
        let text = "INFO: x\nERROR: /x/BUILD:1:1: no such package '@@a~b~c//': no such package \
                    '@@h//x': it failed\nError in fail: it failed\nError in fail: it failed\n\
                    ERROR: An error occurred during the fetch of repository 'd~e':\n";
        // Bazel separates the parts of a canonical name by `~` in version 7, later by `+`.
        for separator in ["~", "+"] {
            let text = text.replace('~', separator);
            assert_eq!(errors(&text).len(), 3);
            let failed: Vec<_> = failed_repositories(&text).into_iter().collect();
            assert_eq!(failed, ["a~b~c", "d~e", "h"].map(|it| it.replace('~', separator)));
        }
    }

    #[test]
    fn words_are_urls_without_the_marks_around_them() {
        let text = "Error downloading [https://a/x.zip, https://b/y] to /o: GET 'https://c/z'.";
        let found: Vec<_> = words(text).filter(|it| it.contains("://")).collect();
        assert_eq!(found, ["https://a/x.zip", "https://b/y", "https://c/z"]);
    }

    #[test]
    fn a_subject_is_matched_as_a_whole_word() {
        assert!(names("cannot find wasi:io@0.2.6.", "wasi:io@0.2.6"));
        assert!(names("wasi:io@0.2.6", "wasi:io@0.2.6"));
        assert!(!names("wasi:io@0.2.60 wasi:io@0.2.6-rc wasi:io@0.2.6.1", "wasi:io@0.2.6"));
    }
}
