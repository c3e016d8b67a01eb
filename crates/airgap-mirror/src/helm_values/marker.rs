//! Marker texts that show which value a part of an image comes from.
//!
//! A marker has the shape of the value that it replaces, so that templates treat both alike:
//! `quay.io/org/app` becomes `m0007x.invalid/org/app`, and the tag `v2.10.3-alpine` becomes
//! `v2.10.990007-alpine`.

use super::leaf::Leaf;
use crate::image_parts::PartRole;
use crate::reference::ImageReference;

/// The largest number of markers of one render.
pub(super) const MOST: usize = 2000;

/// A value with the marker that replaces it.
#[derive(Clone, Debug)]
pub(super) struct Marker {
    /// The index of the value.
    pub(super) leaf: usize,
    /// The text that is set.
    pub(super) text: String,
    /// The part of the text that templates write, without slashes around it.
    core: String,
    /// The same part of the replaced value.
    before: String,
    /// The slash at the end of the value.
    end: &'static str,
}

impl Marker {
    /// Creates the marker with a number.
    pub(super) fn new(leaf: usize, value: &Leaf, role: PartRole, number: usize) -> Marker {
        let before = value.text.trim().trim_end_matches('/').to_owned();
        let end = if value.text.trim().ends_with('/') { "/" } else { "" };
        let core = match role {
            PartRole::Tag => tag(&before, number),
            PartRole::Digest => digest(&before, number),
            PartRole::Registry if before.is_empty() => format!("m{number:04}x.invalid"),
            _ if before.is_empty() => format!("m{number:04}x.invalid/x"),
            _ => name(&before, number),
        };
        Marker { leaf, text: format!("{core}{end}"), core, before, end }
    }

    /// Returns whether a text contains the marker.
    pub(super) fn is_in(&self, text: &str) -> bool {
        text.contains(&self.core)
    }

    /// Returns the text with the original value in place of the marker.
    pub(super) fn removed_from(&self, text: &str) -> String {
        text.replace(&self.core, &self.before)
    }

    /// Returns the value that turns the image `written`, which has the marker, into `wanted`.
    pub(super) fn solve(&self, written: &str, wanted: &ImageReference) -> Option<String> {
        let (before, after) = written.split_once(&self.core)?;
        solve(before, &self.core, after, wanted).map(|value| format!("{value}{}", self.end))
    }

    /// Returns the registry of `wanted`, if the marker replaces a registry alone. Other values set
    /// the rest.
    pub(super) fn solve_registry(&self, written: &str, wanted: &ImageReference) -> Option<String> {
        let rest = written.strip_prefix(&self.core)?;
        let host = wanted.host().filter(|_| rest.starts_with('/') && !self.core.contains('/'))?;
        Some(format!("{host}{}", self.end))
    }
}

/// Returns the value that turns the image `before` + `core` + `after` into `wanted` if it replaces
/// `core`.
pub(super) fn solve(
    before: &str,
    core: &str,
    after: &str,
    wanted: &ImageReference,
) -> Option<String> {
    let (name, whole) = (wanted.name(), wanted.to_string());
    let version_at = |text: &str| {
        let start = text.rfind('/').map_or(0, |at| at + 1);
        text[start..].find([':', '@']).map(|at| start + at)
    };
    let has_version = !after.contains('/') && version_at(core).is_some();
    let after_name = &after[..version_at(after).unwrap_or(after.len())];
    let is_without_version = after_name == after && !has_version;
    let value = if has_version || version_at(before).is_some() {
        whole.strip_prefix(before)?.strip_suffix(after)?
    } else if is_without_version && after.is_empty() && wanted.tag() != Some("latest") {
        whole.strip_prefix(before)?
    } else {
        name.strip_prefix(before)?.strip_suffix(after_name)?
    };
    let is_whole = !value.starts_with('/') && !value.ends_with('/') && !value.is_empty();
    is_whole.then(|| value.to_owned())
}

/// Returns a name with another first part.
fn name(text: &str, number: usize) -> String {
    let (first, rest) = match text.split_once('/') {
        Some((first, rest)) => (first, format!("/{rest}")),
        None => (text, String::new()),
    };
    let is_host =
        first.contains('.') || first == "localhost" || !rest.is_empty() && first.contains(':');
    match first.split_once(':') {
        Some((name, tag)) if rest.is_empty() && !name.contains('.') => {
            format!("m{number:04}x:{tag}")
        }
        _ if is_host => format!("m{number:04}x.invalid{rest}"),
        _ => format!("m{number:04}x{rest}"),
    }
}

/// Returns a digest with another beginning.
fn digest(text: &str, number: usize) -> String {
    let is_bare = !text.is_empty() && !text.contains(':');
    let algorithm = if is_bare { "" } else { "sha256:" };
    format!("{algorithm}{number:08x}{}", "0".repeat(56))
}

/// Returns a tag with another last number, or with another ending.
fn tag(text: &str, number: usize) -> String {
    if text.is_empty() {
        return format!("{}.0.0", 990_000 + number);
    }
    let is_numeric = |c: char| c.is_ascii_digit() || c == '.';
    let start = text.find(|c: char| c.is_ascii_digit()).filter(|start| *start <= 1);
    let Some(start) = start else { return format!("{text}-m{number:04}x") };
    let end = text[start..].find(|c| !is_numeric(c)).map_or(text.len(), |at| start + at);
    let leading = text[..end].trim_end_matches('.');
    let last = leading.rfind('.').map_or(start, |at| at + 1);
    format!("{}{}{}", &text[..last], 990_000 + number, &text[leading.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(text: &str, role: PartRole) -> Marker {
        let leaf = Leaf { path: Vec::new(), text: text.to_owned() };
        Marker::new(0, &leaf, role, 7)
    }

    #[test]
    fn a_marker_has_the_shape_of_its_value() {
        for (text, role, expected) in [
            ("", PartRole::Registry, "m0007x.invalid"),
            ("docker.io", PartRole::Registry, "m0007x.invalid"),
            ("quay.io/", PartRole::Registry, "m0007x.invalid/"),
            ("host:5000/a/b", PartRole::Registry, "m0007x.invalid/a/b"),
            ("", PartRole::Name, "m0007x.invalid/x"),
            ("nats", PartRole::Name, "m0007x"),
            ("nats:2.10", PartRole::Name, "m0007x:2.10"),
            ("org/app:1", PartRole::Name, "m0007x/app:1"),
            ("v2.10.3-alpine", PartRole::Tag, "v2.10.990007-alpine"),
            ("1.5", PartRole::Tag, "1.990007"),
            ("8", PartRole::Tag, "990007"),
            ("latest", PartRole::Tag, "latest-m0007x"),
            ("", PartRole::Tag, "990007.0.0"),
        ] {
            assert_eq!(marker(text, role).text, expected, "{text:?}");
        }
    }

    #[test]
    fn a_value_is_solved_from_the_place_of_its_marker() {
        let solve = |text: &str, role: PartRole, written: &str, wanted: &str| {
            marker(text, role).solve(written, &wanted.parse().unwrap())
        };
        let wanted = "r.io:5000/org/app:1.0";
        for (text, role, written, expected) in [
            ("docker.io", PartRole::Registry, "m0007x.invalid/org/app:1.0", Some("r.io:5000")),
            ("quay.io/", PartRole::Registry, "m0007x.invalid/org/app:1.0", Some("r.io:5000/")),
            (
                "quay.io/org",
                PartRole::Registry,
                "m0007x.invalid/org/app:1.0",
                Some("r.io:5000/org"),
            ),
            ("org/app", PartRole::Name, "m0007x/app:1.0", Some("r.io:5000/org/app")),
            ("org/app:1.0", PartRole::Name, "m0007x/app:1.0", Some(wanted)),
            ("org/app", PartRole::Name, "m0007x/app", Some(wanted)),
            ("org/app", PartRole::Name, "docker.io/m0007x/app:1.0", None),
            ("app", PartRole::Name, "r.io:5000/org/m0007x:1.0", Some("app")),
            ("1.0", PartRole::Tag, "r.io:5000/org/app:1.990007", Some("1.0")),
        ] {
            let solved = solve(text, role, written, wanted);
            assert_eq!(solved.as_deref(), expected, "{text} in {written}");
        }
        let digest = format!("r.io/a:1@sha256:{}", "a".repeat(64));
        let solved = solve("2", PartRole::Tag, "r.io/a:990007", &digest);
        assert_eq!(solved, Some(digest["r.io/a:".len()..].to_owned()));
    }
}
