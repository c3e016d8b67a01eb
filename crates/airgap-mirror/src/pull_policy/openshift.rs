//! The mirror sets of OpenShift, as in its API: ImageDigestMirrorSet
//! (<https://docs.redhat.com/en/documentation/openshift_container_platform/4.17/html/config_apis/imagedigestmirrorset-config-openshift-io-v1>)
//! and ImageTagMirrorSet.
//!
//! A set has whole repositories with their mirrors, so that a repository may have another name at
//! its mirror. ImageDigestMirrorSet applies only to images that are pulled by digest,
//! ImageTagMirrorSet only to those that are pulled by tag.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Unreached, reason};
use crate::{ImageReference, MirrorList};

/// The name of the resource.
const NAME: &str = "wasm-airgap";

/// The kind of a mirror set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MirrorSet {
    /// ImageDigestMirrorSet, for images that manifests name by digest.
    Digest,
    /// ImageTagMirrorSet, for images that manifests name by tag.
    Tag,
}

/// The mirror set of a list.
#[derive(Debug)]
pub struct Mirrors {
    /// The resource.
    pub resource: Value,
    /// Images that are not pulled from their destinations with the mirror set.
    pub unreached: Vec<Unreached>,
    /// The number of images for the other kind: those with a tag alone for [`MirrorSet::Digest`],
    /// those without a tag for [`MirrorSet::Tag`].
    pub others: usize,
}

/// Creates the mirror set of a list.
pub fn mirrors(list: &MirrorList, set: MirrorSet) -> Mirrors {
    let (kind, field) = match set {
        MirrorSet::Digest => ("ImageDigestMirrorSet", "imageDigestMirrors"),
        MirrorSet::Tag => ("ImageTagMirrorSet", "imageTagMirrors"),
    };
    let (mut sources, mut unreached): (Vec<(String, Vec<String>)>, _) = (Vec::new(), Vec::new());
    let (mut indexes, mut others) = (HashMap::new(), 0);
    for entry in list.entries() {
        let is_other = match set {
            MirrorSet::Digest => entry.source.digest().is_none(),
            MirrorSet::Tag => entry.source.tag().is_none(),
        };
        others += usize::from(is_other);
        if let Some(reason) = reason(entry) {
            unreached.push(Unreached::new(entry, reason));
            continue;
        }
        let name = |image: &ImageReference| format!("{}/{}", image.registry(), image.repository());
        let (source, mirror) = (name(&entry.source), name(&entry.destination));
        // A pull by digest also uses a repository that the list has with a tag.
        if source == mirror || (is_other && set == MirrorSet::Tag) {
            continue;
        }
        let index = *indexes.entry(source.clone()).or_insert(sources.len());
        match sources.get_mut(index) {
            Some((_, mirrors)) if mirrors.contains(&mirror) => {}
            Some((_, mirrors)) => mirrors.push(mirror),
            None => sources.push((source, vec![mirror])),
        }
    }
    let mirrors = sources.into_iter().map(|(source, mirrors)| {
        json!({ "source": source, "mirrors": mirrors, "mirrorSourcePolicy": "NeverContactSource" })
    });
    let resource = json!({
        "apiVersion": "config.openshift.io/v1",
        "kind": kind,
        "metadata": { "name": NAME },
        "spec": { field: mirrors.collect::<Vec<_>>() },
    });
    Mirrors { resource, unreached, others }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    #[test]
    fn repositories_have_their_mirrors_by_digest_and_by_tag() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let text = format!(
            "images:\n- {{source: 'nats:2', destination: 'r.io/nats:2'}}\n- {{source: 'g.io/a:1@{digest}', destination: 'r.io/x/a:1'}}\n- {{source: 'g.io/a:2', destination: 'r.io/y/a:2'}}\n- {{source: 'g.io/b@{digest}', destination: 'r.io/b@{digest}'}}\n- {{source: 'g.io/c:1', destination: 'r.io/c:9'}}\n"
        );
        let list = MirrorList::parse(&text, "mirror.yaml").unwrap();
        let made = mirrors(&list, MirrorSet::Digest);
        assert_eq!(
            yaml::block(&made.resource),
            "apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata:\n  name: wasm-airgap\nspec:\n  imageDigestMirrors:\n    - source: docker.io/library/nats\n      mirrors:\n        - r.io/nats\n      mirrorSourcePolicy: NeverContactSource\n    - source: g.io/a\n      mirrors:\n        - r.io/x/a\n        - r.io/y/a\n      mirrorSourcePolicy: NeverContactSource\n    - source: g.io/b\n      mirrors:\n        - r.io/b\n      mirrorSourcePolicy: NeverContactSource\n"
        );
        assert_eq!((made.others, made.unreached.len()), (3, 1));
        assert!(made.unreached[0].reason.contains("the tag `1`"));
        let made = mirrors(&list, MirrorSet::Tag);
        let text = yaml::block(&made.resource);
        assert!(text.contains("imageTagMirrors:") && !text.contains("g.io/b\n"), "{text}");
        assert_eq!(made.others, 1);
    }
}
