//! Attached manifests of an image, such as signatures: referrers, and tags that cosign makes.

use std::collections::HashSet;

use serde::Serialize;

use airgap_core::error::{Error, Result};
use airgap_core::report::printable;
use airgap_oci::{Descriptor, MANIFEST_LIMIT, Manifest, Tag, media_type};

/// The suffixes that cosign appends to the tag that it makes of a digest.
pub(super) const SUFFIXES: [&str; 3] = [".sig", ".att", ".sbom"];

/// Adds to an error the attached manifest that it concerns, and the option to copy the image
/// without it.
pub(super) fn with_attached_context(error: Error, image: &str, what: &str) -> Error {
    error
        .fact("concerns", format!("{what} of `{image}`"))
        .first_hint("to copy the image without its referrers, add `--no-attached`")
}

/// Returns the name of a referrer for a message.
pub(super) fn referrer_name(descriptor: &Descriptor) -> String {
    let digest = descriptor.digest.short();
    match &descriptor.artifact_type {
        Some(kind) => format!("the referrer {digest} (`{}`)", printable(kind)),
        None => format!("the referrer {digest}"),
    }
}

/// Returns the name of a manifest that is attached by a tag of cosign, for a message.
pub(super) fn attached_tag_name(tag: &Tag) -> String {
    let noun = match tag.as_str().rsplit_once('.') {
        Some((_, "sig")) => "a cosign signature",
        Some((_, "att")) => "an attestation",
        Some((_, "sbom")) => "an SBOM",
        _ => "a manifest",
    };
    format!("{noun} (tag `{tag}`)")
}

/// The name of a manifest's list of referrers, for a message.
pub(super) const LIST: &str = "the list of referrers";

/// Returns the index that adds `new` to the `old` referrers; `None` if `old` has them all.
///
/// # Errors
/// Integrity, if the index would exceed the size limit of a manifest.
pub(super) fn merge_referrers(old: &[Descriptor], new: &[Descriptor]) -> Result<Option<Manifest>> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct ReferrersIndex<'a> {
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
    let list = ReferrersIndex { schema_version: 2, media_type: media_type::INDEX, manifests };
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
