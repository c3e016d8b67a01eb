//! Signatures and the like: what is attached to an image.

use std::collections::HashSet;

use serde::Serialize;

use airgap_core::error::{Error, Result};
use airgap_core::report::printable;
use airgap_oci::{Descriptor, MANIFEST_LIMIT, Manifest, Tag, media_type};

/// What cosign appends to the tag that it makes of a digest.
pub(super) const SUFFIXES: [&str; 3] = [".sig", ".att", ".sbom"];

/// Says of an error that it is about something which is attached to an image, and how to copy the
/// image without it.
pub(super) fn blame(error: Error, image: &str, what: &str) -> Error {
    error
        .fact("concerns", format!("{what}, attached to `{image}`"))
        .first_hint("to copy the image without what is attached to it, add `--no-attached`")
}

/// Names a referrer for a message.
pub(super) fn by_descriptor(descriptor: &Descriptor) -> String {
    let digest = descriptor.digest.short();
    match &descriptor.artifact_type {
        Some(kind) => format!("the referrer {digest} (`{}`)", printable(kind)),
        None => format!("the referrer {digest}"),
    }
}

/// Names something that is attached by its tag, as cosign makes it, for a message.
pub(super) fn by_tag(tag: &Tag) -> String {
    let noun = match tag.as_str().rsplit_once('.') {
        Some((_, "sig")) => "a cosign signature",
        Some((_, "att")) => "an attestation",
        Some((_, "sbom")) => "an SBOM",
        _ => "a manifest",
    };
    format!("{noun} (tag `{tag}`)")
}

/// The list of referrers of a manifest, for a message.
pub(super) const LIST: &str = "the list of referrers";

/// Returns the index that lists these besides the old ones; nothing where the old ones have them all.
///
/// # Errors
/// Integrity, where the index would be longer than a manifest may be.
pub(super) fn merged(old: &[Descriptor], new: &[Descriptor]) -> Result<Option<Manifest>> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct List<'a> {
        schema_version: u8,
        media_type: &'a str,
        manifests: Vec<&'a Descriptor>,
    }
    let mut known: HashSet<_> = old.iter().map(|it| it.digest).collect();
    let added: Vec<_> = new.iter().filter(|it| known.insert(it.digest)).collect();
    if added.is_empty() {
        return Ok(None);
    }
    let manifests: Vec<_> = old.iter().chain(added).collect();
    let count = manifests.len();
    let list = List { schema_version: 2, media_type: media_type::INDEX, manifests };
    let unwritable =
        |error| Error::integrity("a list of referrers cannot be written").because(error);
    let bytes = serde_json::to_vec(&list).map_err(unwritable)?;
    if bytes.len() as u64 > MANIFEST_LIMIT {
        return Err(Error::integrity(format!("a list of {count} referrers is too long"))
            .fact("expected", format!("at most {MANIFEST_LIMIT} bytes"))
            .fact("found", format!("{} bytes", bytes.len()))
            .hint("use a registry that lists referrers itself, or `--no-attached`"));
    }
    Ok(Some(Manifest::new(bytes, media_type::INDEX)))
}
