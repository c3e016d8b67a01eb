//! An index with fewer platforms.

use std::collections::HashSet;

use serde_json::Value;

use airgap_core::bounded;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_oci::{ATTESTS, Descriptor, Index, Manifest, Platform, media_type};

/// The largest number of JSON values in an index that is narrowed. An index with a thousand
/// manifests has 20,000.
const VALUES: usize = 200_000;

/// The result of narrowing an index.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Narrowed {
    /// The whole index.
    Whole,
    /// One manifest, which replaces the index.
    Manifest(Box<Descriptor>),
    /// An index with fewer manifests. The manifests keep their bytes.
    Index(Manifest),
}

/// Selects the manifests for these platforms, and their attestations.
///
/// # Errors
/// Unavailable, with the platforms of the index, if a platform is not among them.
pub(super) fn narrow(
    manifest: &Manifest,
    index: &Index,
    platforms: &[Platform],
    image: &str,
) -> Result<Narrowed> {
    let mut wanted = HashSet::new();
    for platform in platforms {
        let found = of_platform(index, platform);
        if found.is_empty() {
            return Err(missing(index, platform, image));
        }
        wanted.extend(found.into_iter().map(|it| it.digest));
    }
    let attests = |descriptor: &Descriptor| {
        let subject = descriptor.annotations.get(ATTESTS).and_then(|it| it.parse().ok());
        subject.is_some_and(|subject| wanted.contains(&subject))
    };
    let is_left: Vec<_> =
        index.manifests.iter().map(|it| wanted.contains(&it.digest) || attests(it)).collect();
    let mut left = index.manifests.iter().zip(&is_left).filter(|(_, left)| **left);
    match (left.next(), left.next()) {
        _ if is_left.iter().all(|left| *left) => Ok(Narrowed::Whole),
        (Some((only, _)), None) => Ok(Narrowed::Manifest(Box::new(only.clone()))),
        _ => rewritten(manifest, &is_left).map(Narrowed::Index),
    }
}

/// Returns the manifests of a platform. A request without a variant matches any: `linux/arm64`
/// matches `linux/arm64/v8`.
fn of_platform<'a>(index: &'a Index, wanted: &Platform) -> Vec<&'a Descriptor> {
    let found = index.for_platform(wanted);
    if !found.is_empty() || wanted.variant.is_some() {
        return found;
    }
    let is_same = |it: &&Descriptor| {
        let platform = it.platform.as_ref();
        platform.is_some_and(|it| it.os == wanted.os && it.architecture == wanted.architecture)
    };
    index.manifests.iter().filter(is_same).collect()
}

fn rewritten(manifest: &Manifest, is_left: &[bool]) -> Result<Manifest> {
    let unreadable = |error| Error::integrity("an index cannot be narrowed").because(error);
    // A value takes up to thirty times as much memory as its text. Each follows one of these bytes.
    let values = manifest.bytes().iter().filter(|it| matches!(it, b',' | b'[' | b'{')).count();
    if values > VALUES {
        return Err(Error::integrity("an index is too large for leaving out manifests")
            .fact("expected", format!("at most {VALUES} JSON values"))
            .fact("found", format!("up to {values}"))
            .hint("copy all its platforms: leave out `--platform`"));
    }
    let mut index: Value = bounded::json(manifest.bytes()).map_err(unreadable)?;
    if let Some(manifests) = index.get_mut("manifests").and_then(Value::as_array_mut) {
        let mut is_left = is_left.iter();
        manifests.retain(|_| is_left.next().copied().unwrap_or_default());
    }
    Ok(Manifest::new(index.to_string().into_bytes(), manifest.media_type()))
}

fn missing(index: &Index, platform: &Platform, image: &str) -> Error {
    let there = index.manifests.iter().filter_map(|it| it.platform.as_ref());
    let mut there: Vec<_> =
        there.map(ToString::to_string).filter(|it| it != "unknown/unknown").collect();
    there.dedup();
    let there = match there.is_empty() {
        true => "no platform at all".to_owned(),
        false => there.join(", "),
    };
    let error =
        Error::new(ErrorKind::Unavailable, format!("{image} is not available for {platform}"))
            .fact("it is there for", there);
    if index.manifests.iter().any(|it| media_type::is_index(&it.media_type)) {
        return error
            .fact("beside them", "an index in the index, whose platforms are not read")
            .hint("leave out `--platform`, which copies all of them");
    }
    error.hint("ask for another `--platform`, or leave it out for all of them")
}

#[cfg(test)]
mod tests {
    use super::*;
    use airgap_oci::Content;

    #[test]
    fn a_nested_index_is_named() {
        let kind = media_type::INDEX;
        let inner = format!(r#"{{"mediaType":"{kind}","digest":"sha256:{:0>64}","size":3}}"#, 1);
        let text = format!(r#"{{"schemaVersion":2,"mediaType":"{kind}","manifests":[{inner}]}}"#);
        let manifest = Manifest::new(text.into_bytes(), "");
        let Content::Index(index) = manifest.content("it").unwrap() else { panic!() };
        let wanted = ["linux/amd64".parse().unwrap()];
        let error = narrow(&manifest, &index, &wanted, "`a`").unwrap_err().to_string();
        assert!(error.contains("an index in the index") && error.contains("leave out"), "{error}");
    }

    fn index() -> (Manifest, Index) {
        let entry = |digit: &str, platform: &str, attests: &str| {
            let mut parts = platform.split('/');
            let mut entry = serde_json::json!({
                "mediaType": airgap_oci::media_type::MANIFEST,
                "digest": format!("sha256:{}", digit.repeat(64)), "size": 3,
                "platform": {"os": parts.next(), "architecture": parts.next()},
            });
            if let Some(variant) = parts.next() {
                entry["platform"]["variant"] = variant.into();
            }
            if !attests.is_empty() {
                entry["annotations"][ATTESTS] = format!("sha256:{}", attests.repeat(64)).into();
            }
            entry
        };
        let json = serde_json::json!({
            "schemaVersion": 2, "mediaType": airgap_oci::media_type::INDEX, "zz": 1,
            "manifests": [
                entry("1", "linux/amd64", ""), entry("2", "linux/arm64/v8", ""),
                entry("3", "linux/arm/v6", ""), entry("4", "linux/arm/v7", ""),
                entry("5", "unknown/unknown", "1"),
            ],
        });
        let manifest = Manifest::new(json.to_string().into_bytes(), "");
        let Content::Index(index) = manifest.content("it").unwrap() else { panic!() };
        (manifest, index)
    }

    fn left(platforms: &[&str]) -> Result<String> {
        let (manifest, index) = index();
        let platforms: Vec<_> = platforms.iter().map(|it| it.parse().unwrap()).collect();
        let first = |it: &Descriptor| it.digest.to_string()[..1].to_owned();
        Ok(match narrow(&manifest, &index, &platforms, "`a`")? {
            Narrowed::Whole => "whole".to_owned(),
            Narrowed::Manifest(it) => first(&it),
            Narrowed::Index(it) => {
                assert!(it.is_index() && it.digest() != manifest.digest());
                assert!(it.bytes().ends_with(b"]}"), "the order of the keys stays");
                let Content::Index(index) = it.content("it").unwrap() else { panic!() };
                let fields: Value = serde_json::from_slice(it.bytes()).unwrap();
                assert_eq!(fields["zz"], 1);
                format!("[{}]", index.manifests.iter().map(first).collect::<String>())
            }
        })
    }

    #[test]
    fn the_filter_keeps_the_requested_platforms() {
        for (platforms, expected) in [
            (&["linux/amd64"][..], "[15]"),
            (&["linux/arm64"], "2"),
            (&["linux/arm64/v8"], "2"),
            (&["linux/arm"], "[34]"),
            (&["linux/arm/v7"], "4"),
            (&["linux/arm64", "linux/arm/v7"], "[24]"),
            (&["linux/amd64", "linux/arm64", "linux/arm"], "whole"),
        ] {
            assert_eq!(left(platforms).unwrap(), expected, "{platforms:?}");
        }
        let error = left(&["linux/amd64", "windows/amd64"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let text = error.to_string();
        let there = "linux/amd64, linux/arm64/v8, linux/arm/v6, linux/arm/v7";
        assert!(text.contains("not available for windows/amd64") && text.contains(there), "{text}");
        assert!(left(&["linux/arm/v8"]).is_err());
    }
}
