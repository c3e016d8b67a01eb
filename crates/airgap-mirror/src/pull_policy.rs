//! Configurations of container runtimes that pull the images of a mirror list from their
//! destinations, while manifests keep the names of the sources.

pub mod containerd;
pub mod openshift;

use serde::Serialize;

use super::mirror_list::MirrorEntry;

/// An image that the configuration cannot redirect.
#[derive(Clone, Debug, Serialize)]
pub struct Unreached {
    /// The source.
    pub source: String,
    /// The destination.
    pub destination: String,
    /// The reason why the runtime does not find it there.
    pub reason: String,
}

impl Unreached {
    fn new(entry: &MirrorEntry, reason: impl Into<String>) -> Unreached {
        Unreached {
            source: entry.source.to_string(),
            destination: entry.destination.to_string(),
            reason: reason.into(),
        }
    }
}

/// Returns the reason why no runtime can be redirected to an entry's destination.
fn reason(entry: &MirrorEntry) -> Option<String> {
    let (source, destination) = (&entry.source, &entry.destination);
    if destination.host().is_none() {
        return Some("the destination has no registry with a dot or a port".to_owned());
    }
    match (source.digest(), source.tag(), destination.tag()) {
        (None, Some(tag), Some(other)) if tag != other => Some(format!(
            "runtimes ask a mirror for the tag `{tag}`, and the destination has `{other}`"
        )),
        _ => None,
    }
}
