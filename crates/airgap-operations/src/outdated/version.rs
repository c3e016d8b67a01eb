//! Versions and tags of one form: `1.2.3`, `v1.2`, `2.11.3-alpine`, `129`.

use semver::Version;

/// The largest number of newer versions that are returned.
const MOST: usize = 100;

/// The smallest first number of a date, such as 20240131, which is not newer than version 3.
const DATE: u64 = 100_000;

/// The words before the number of a preview.
const PREVIEWS: [&str; 8] = ["alpha", "beta", "rc", "pre", "preview", "dev", "snapshot", "nightly"];

/// A version in its parts.
struct Parts<'a> {
    has_v: bool,
    numbers: Vec<u64>,
    suffix: &'a str,
}

impl<'a> Parts<'a> {
    /// Splits a version; `None` if it has no number at its beginning.
    fn parse(text: &'a str) -> Option<Parts<'a>> {
        let plain = text.strip_prefix('v');
        let (has_v, mut rest) = (plain.is_some(), plain.unwrap_or(text));
        let mut numbers = Vec::new();
        loop {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            numbers.push(rest[..end].parse().ok()?);
            rest = &rest[end..];
            match rest.strip_prefix('.') {
                Some(more) if more.starts_with(|c: char| c.is_ascii_digit()) => rest = more,
                _ => return Some(Parts { has_v, numbers, suffix: rest }),
            }
        }
    }

    /// Returns whether the version is before the one without its suffix.
    fn is_preview(&self) -> bool {
        let word = self.suffix.trim_start_matches(['-', '.', '_']);
        let end = word.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(word.len());
        PREVIEWS.contains(&word[..end].to_ascii_lowercase().as_str())
    }

    fn is_date(&self) -> bool {
        self.numbers[0] >= DATE
    }
}

/// Returns whether a version has a form in which versions can be compared.
pub(super) fn is_comparable(version: &str) -> bool {
    Parts::parse(version).is_some()
}

/// Returns whether a version is the current one, or newer and of its form.
pub(super) fn is_same_or_newer(text: &str, current: &str) -> bool {
    let is_newer = |other: Parts<'_>, parts: Parts<'_>| is_newer(text, &other, current, &parts);
    text == current
        || Parts::parse(text).zip(Parts::parse(current)).is_some_and(|(a, b)| is_newer(a, b))
}

/// Returns the versions that are newer than the current one and have its form, in ascending order,
/// at most the 100 highest. A preview is newer only than another preview.
pub(super) fn newer<'a>(current: &str, versions: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let Some(parts) = Parts::parse(current) else { return Vec::new() };
    let others = versions.into_iter().filter_map(|text| Some((text, Parts::parse(text)?)));
    let mut newer: Vec<_> =
        others.filter(|(text, other)| is_newer(text, other, current, &parts)).collect();
    newer.sort_by(|(a, one), (b, other)| {
        let stable = |parts: &Parts<'_>| !parts.is_preview();
        let by_numbers = one.numbers.cmp(&other.numbers).then(stable(one).cmp(&stable(other)));
        by_numbers.then_with(|| semantic(a).cmp(&semantic(b))).then(a.cmp(b))
    });
    let skipped = newer.len().saturating_sub(MOST);
    newer.into_iter().skip(skipped).map(|(text, _)| text.to_owned()).collect()
}

fn is_newer(text: &str, other: &Parts<'_>, current: &str, parts: &Parts<'_>) -> bool {
    let same_form = other.has_v == parts.has_v
        && other.numbers.len() == parts.numbers.len()
        && other.is_date() == parts.is_date();
    if !same_form {
        return false;
    }
    if other.suffix == parts.suffix {
        return other.numbers > parts.numbers;
    }
    if !parts.is_preview() {
        return false;
    }
    match (other.suffix, semantic(text), semantic(current)) {
        ("", _, _) => other.numbers >= parts.numbers,
        (_, Some(one), Some(current)) => other.is_preview() && one > current,
        _ => false,
    }
}

fn semantic(text: &str) -> Option<Version> {
    Version::parse(text.strip_prefix('v').unwrap_or(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_of_the_same_form_are_newer() {
        let alpine: &[&str] = &["2.11.4-alpine", "2.12.0-alpine"];
        for (current, versions, expected) in [
            (
                "1.2.3",
                &["1.2.4", "1.10.0", "1.2.3", "1.2.2", "v2.0.0", "2", "2.0.0-rc.1"][..],
                &["1.2.4", "1.10.0"][..],
            ),
            ("v1.2.0", &["1.3.0", "v1.3.0", "v1.3"], &["v1.3.0"]),
            (
                "2.11.3-alpine",
                &["2.12.0-alpine", "2.12.0", "2.11.4-alpine", "2.12.0-scratch"],
                alpine,
            ),
            ("129", &["130", "128", "20240101", "130.1"], &["130"]),
            ("20240101", &["20240201", "3"], &["20240201"]),
            (
                "1.0.0-rc.2",
                &["1.0.0-rc.10", "1.0.0-rc.1", "1.0.0", "1.0.0-alpine"],
                &["1.0.0-rc.10", "1.0.0"],
            ),
            ("latest", &["1.0.0", "latest"], &[]),
            ("1.0", &["99999999999999999999.0", "\u{1b}[2J1.1", "1.1"], &["1.1"]),
        ] {
            assert_eq!(newer(current, versions.iter().copied()), expected, "{current}");
        }
        assert!(!is_comparable("latest") && is_comparable("v1"));
    }

    #[test]
    fn at_most_100_are_returned() {
        let versions: Vec<_> = (0..500).map(|nth| format!("1.{nth}")).collect();
        let found = newer("1.0", versions.iter().map(String::as_str));
        assert_eq!((found.len(), found[99].as_str()), (100, "1.499"));
    }
}
