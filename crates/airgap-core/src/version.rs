//! The order of versions.

use std::cmp::Ordering;

/// Compares two versions of one tool as a person would: numbers as numbers, a pre-release before
/// its release, words (`canary`) before numbers.
///
/// Tools here are not all in semantic versioning: `29` and `0.2.0-rc-2024-06-25` occur.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (parts(a), parts(b));
    let longest = a.len().max(b.len());
    let pad = |parts: &[VersionPart]| {
        parts
            .iter()
            .cloned()
            .chain(std::iter::repeat(VersionPart::End))
            .take(longest)
            .collect::<Vec<_>>()
    };
    pad(&a).cmp(&pad(&b))
}

/// A piece of a version; the variants are in their order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum VersionPart {
    Word(String),
    End,
    Number(u64),
}

fn parts(version: &str) -> Vec<VersionPart> {
    version
        .split(['.', '-', '_', '+', '~'])
        .map(|part| {
            part.parse().map_or_else(|_| VersionPart::Word(part.to_owned()), VersionPart::Number)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_parts_are_ordered_by_number() {
        let sorted =
            ["canary", "0.2.0-rc-2024-06-25", "0.2.0", "0.9.3", "0.10.0", "1.0", "1.0.1", "29"];
        for pair in sorted.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(compare("1.0", "1.0"), Ordering::Equal);
    }
}
