//! Errors for names that do not exist, with the names that are like them.

use crate::error::Error;

/// Returns the error for an unknown name, with up to three similar names.
pub fn unknown(what: &str, name: &str, known: &[&str]) -> Error {
    let mut near: Vec<_> = nearest(name, known).into_iter().take(3).collect();
    let mut known = known.to_vec();
    if what.starts_with("version") {
        near.sort_by(|a, b| crate::version::compare(a, b));
        known.sort_by(|a, b| crate::version::compare(a, b));
    }
    let near: Vec<_> = near.iter().map(|name| format!("`{name}`")).collect();
    let error = Error::usage(format!("there is no {what} called `{name}`"));
    match near.as_slice() {
        [] if known.is_empty() => error.fact("known", "none"),
        [] => error.fact("known", known.join(", ")),
        near => error.fact("nearest", near.join(", ")),
    }
}

/// Returns the names that are similar to this one, the most similar first.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Vec<&'a str> {
    let mut near: Vec<_> = known
        .iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(name, candidate), *candidate))
        .filter(|(likeness, candidate)| *likeness > 0.4 || candidate.contains(name))
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter().map(|(_, name)| name).collect()
}
