//! The index of an image layout, as JSON: fields that this program does not know stay.

use std::collections::BTreeMap;

use serde_json::Value;

use airgap_core::bounded;
use airgap_core::error::{Error, ErrorKind, Result};

/// The annotation with the name of an entry (OCI image-spec, "Pre-Defined Annotation Keys").
const NAME: &str = "org.opencontainers.image.ref.name";

/// The largest index in bytes.
pub(super) const LIMIT: u64 = 64 << 20;

/// Merges two indexes: the entries of `new` replace those of `old` with the same name, or with the
/// same digest if they have no name. Entries of `old` for which `is_gone` holds are left out.
///
/// # Errors
/// Integrity, if one of them is not an index.
pub(super) fn merged(old: &[u8], new: &[u8], is_gone: impl Fn(&str) -> bool) -> Result<Vec<u8>> {
    let (old, mut index) = (parse(old)?, parse(new)?);
    let mut by_key = BTreeMap::new();
    let kept = entries(&old)?.iter().filter(|entry| !is_gone(digest(entry)));
    for entry in kept.chain(entries(&index)?) {
        by_key.insert(key(entry), entry.clone());
    }
    index["manifests"] = by_key.into_values().collect();
    serde_json::to_vec(&index)
        .map_err(|error| Error::new(ErrorKind::Failed, "cannot write an index").because(error))
}

/// Checks that these bytes are an index.
///
/// # Errors
/// The errors of [`merged`].
pub(super) fn check(bytes: &[u8]) -> Result<()> {
    entries(&parse(bytes)?).map(drop)
}

fn parse(bytes: &[u8]) -> Result<Value> {
    let parsed = bounded::json::<Value>(bytes);
    let value = parsed.map_err(|error| invalid().because(error))?;
    match value.is_object() {
        true => Ok(value),
        false => Err(invalid()),
    }
}

fn entries(index: &Value) -> Result<&Vec<Value>> {
    index["manifests"].as_array().ok_or_else(invalid)
}

/// Returns the identity of an entry: its name, then its digest if it has no name.
fn key(entry: &Value) -> (String, String) {
    match entry["annotations"][NAME].as_str() {
        Some(name) => (name.to_owned(), String::new()),
        None => (String::new(), entry["digest"].to_string()),
    }
}

fn digest(entry: &Value) -> &str {
    entry["digest"].as_str().unwrap_or_default()
}

fn invalid() -> Error {
    Error::integrity("the index of an image layout is invalid")
        .fact("expected", "an object with a list `manifests`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(entries: &[(&str, &str)]) -> Vec<u8> {
        let entry = |(name, digest): &(&str, &str)| serde_json::json!({"digest": digest, "annotations": {NAME: name}});
        let entries: Vec<_> = entries.iter().map(entry).collect();
        serde_json::to_vec(&serde_json::json!({"schemaVersion": 2, "manifests": entries})).unwrap()
    }

    #[test]
    fn a_moved_tag_is_replaced_and_other_names_stay() {
        let old = index(&[("a:1", "sha256:1"), ("b:1", "sha256:2"), ("c:1", "sha256:3")]);
        let new = index(&[("a:1", "sha256:4"), ("d:1", "sha256:5")]);
        let found = merged(&old, &new, |digest| digest == "sha256:3").unwrap();
        let expected = index(&[("a:1", "sha256:4"), ("b:1", "sha256:2"), ("d:1", "sha256:5")]);
        assert_eq!(String::from_utf8(found.clone()).unwrap(), String::from_utf8(expected).unwrap());
        assert!(check(&found).is_ok());
        assert!(merged(b"[]", &new, |_| false).is_err());
        assert!(merged(b"{}", &new, |_| false).is_err());
    }
}
