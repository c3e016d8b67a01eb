//! The images transformer of Kustomize, and its configuration for fields that it does not know.
//!
//! The transformer compares names as text, so that `nats`, `docker.io/nats` and
//! `docker.io/library/nats` each need an entry of their own.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Serialize;

use super::field_path::{self, FieldStep};
use super::image_occurrence::{ImageOccurrence, OccurrenceKind, Resource};
use super::image_text;
use super::mirror_list::{MirrorEntry, MirrorList};
use super::reference::ImageReference;
use airgap_core::error::{Error, Result};

/// The transformer, and the images that it does not change.
#[derive(Debug, Default)]
pub struct Transformer<'a> {
    /// Its entries, in the order of the mirror list.
    pub images: Vec<ImageEntry>,
    /// The fields that must be configured.
    pub fields: Vec<FieldSpec>,
    /// Images in fields that the transformer does not read.
    pub unreached: Vec<&'a ImageOccurrence>,
    /// Images that are not in the mirror list.
    pub unlisted: Vec<&'a ImageOccurrence>,
}

/// A field of a kind of resource whose text is an image, as in the `configurations` of Kustomize
/// (<https://github.com/kubernetes-sigs/kustomize/tree/master/examples/transformerconfigs>).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FieldSpec {
    /// The path: `spec/list[]/image`.
    pub path: String,
    /// The API group, empty for the core group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The kind.
    pub kind: String,
}

/// The change of one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageEntry {
    /// The name as it is written in manifests.
    pub name: String,
    /// The new name.
    pub new_name: String,
    /// The new tag, if it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_tag: Option<String>,
    /// The new digest, if it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl ImageEntry {
    fn new(image: &ImageReference, destination: &ImageReference) -> ImageEntry {
        let changed =
            |to: Option<&str>, from: Option<&str>| to.filter(|_| to != from).map(str::to_owned);
        let from = image.with_defaults();
        ImageEntry {
            name: image.name(),
            new_name: destination.name(),
            new_tag: changed(destination.tag(), from.tag()),
            // A digest in the manifest stays; a digest that only the list has is added.
            digest: changed(destination.digest(), from.digest()),
        }
    }
}

/// Creates the transformer for these manifests, with an entry for each spelling that occurs.
///
/// # Errors
/// Usage, if one name would need two new names, which Kustomize cannot express.
pub fn for_manifests<'a>(
    list: &MirrorList,
    occurrences: &'a [ImageOccurrence],
) -> Result<Transformer<'a>> {
    transformer(list, occurrences, |_| None)
}

/// Creates the same transformer, with the fields of custom resources that can be configured.
///
/// # Errors
/// The errors of [`for_manifests`].
pub fn with_fields<'a>(
    list: &MirrorList,
    occurrences: &'a [ImageOccurrence],
) -> Result<Transformer<'a>> {
    let collections: HashSet<_> = occurrences.iter().flat_map(collections).collect();
    // Kustomize fails if a field is a text in one resource and has another type in another
    // resource.
    transformer(list, occurrences, |occurrence| {
        field_of(occurrence).filter(|field| !collections.contains(field))
    })
}

fn transformer<'a>(
    list: &MirrorList,
    occurrences: &'a [ImageOccurrence],
    field_of: impl Fn(&ImageOccurrence) -> Option<FieldSpec>,
) -> Result<Transformer<'a>> {
    let (mut transformer, mut fields) = (Transformer::default(), BTreeSet::new());
    let mut found: BTreeMap<usize, Vec<ImageEntry>> = BTreeMap::new();
    for occurrence in occurrences {
        let Ok(image) = &occurrence.image else {
            transformer.unlisted.push(occurrence);
            continue;
        };
        let Some(index) = list.position(image) else {
            if !list.has_destination(image) {
                transformer.unlisted.push(occurrence);
            }
            continue;
        };
        if !is_reached(occurrence) {
            let Some(field) = field_of(occurrence) else {
                transformer.unreached.push(occurrence);
                continue;
            };
            fields.insert(field);
        }
        let destination = &list.entries()[index].destination;
        found.entry(index).or_default().push(ImageEntry::new(image, destination));
    }
    transformer.images = unique(found.into_values().flatten())?;
    transformer.fields = fields.into_iter().collect();
    Ok(transformer)
}

/// Returns entries without manifests: one for each usual spelling.
pub fn for_list(list: &MirrorList) -> Result<Vec<ImageEntry>> {
    let entries = list.entries().iter().flat_map(|MirrorEntry { source, destination, .. }| {
        let names = source.spellings().into_iter();
        names.map(|name| ImageEntry { name, ..ImageEntry::new(source, destination) })
    });
    unique(entries)
}

/// Returns the entries, each name once.
///
/// # Errors
/// Usage, if one name would need two new names, which Kustomize cannot express.
fn unique(entries: impl Iterator<Item = ImageEntry>) -> Result<Vec<ImageEntry>> {
    let (mut all, mut by_name) = (Vec::<ImageEntry>::new(), HashMap::new());
    for entry in entries {
        if entry.name == entry.new_name && entry.new_tag.is_none() && entry.digest.is_none() {
            continue;
        }
        match by_name.get(&entry.name).map(|index: &usize| &all[*index]) {
            None => {
                by_name.insert(entry.name.clone(), all.len());
                all.push(entry);
            }
            Some(other) if *other == entry => {}
            Some(other) => {
                return Err(Error::usage(format!(
                    "Kustomize gives every tag of `{}` the same new name and tag",
                    entry.name
                ))
                .fact("first", shown(other))
                .fact("second", shown(&entry))
                .hint("give both tags the same repository in the mirror list, and keep the tags"));
            }
        }
    }
    // Kustomize applies entries in order, each to the result of the ones before.
    let again =
        all.iter().find(|one| one.new_name != one.name && by_name.contains_key(&one.new_name));
    match again {
        None => Ok(all),
        Some(entry) => Err(Error::usage(format!(
            "`{}` would become `{}`, which is the name of another image and would change again",
            entry.name, entry.new_name
        ))),
    }
}

fn shown(entry: &ImageEntry) -> String {
    let tag = entry.new_tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
    let digest = entry.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
    format!("{}{tag}{digest}", entry.new_name)
}

/// Returns whether the transformer changes the image: it reads containers and init containers at
/// any depth, and the image volumes of a pod or a pod's template. Kustomize 5.8 does that; older
/// ones leave volumes alone, which `mirror check` finds.
fn is_reached(occurrence: &ImageOccurrence) -> bool {
    let field = occurrence.field.split('[').next().unwrap_or_default();
    let is_volume = ["spec.volumes", "spec.template.spec.volumes"].contains(&field)
        && occurrence.field.ends_with("].image.reference");
    let in_list = occurrence.field.rsplit(['.', '[']).nth(2);
    let is_container = in_list.is_some_and(|list| list != "ephemeralContainers");
    occurrence.is_whole
        && (is_volume || (occurrence.named_by == OccurrenceKind::Container && is_container))
}

/// Returns the field of an image, if the image is its whole text and its name says `image`.
fn field_of(occurrence: &ImageOccurrence) -> Option<FieldSpec> {
    let resource = occurrence.resource.as_ref().filter(|_| occurrence.is_whole)?;
    let steps = field_path::steps(&occurrence.field)?;
    let implies_image = match steps.last()? {
        FieldStep::Key(key) => image_text::may_be_image(key),
        FieldStep::Item(_) => false,
    };
    let path = field_path::field_spec(&steps).filter(|_| implies_image)?;
    Some(FieldSpec { path, ..kind_of(resource) })
}

/// Returns the fields of a resource that contain the field of an image.
fn collections(occurrence: &ImageOccurrence) -> Vec<FieldSpec> {
    let steps = field_path::steps(&occurrence.field).unwrap_or_default();
    let Some(resource) = &occurrence.resource else { return Vec::new() };
    let path = |length: usize| field_path::field_spec(&steps[..length]);
    let paths = (1..steps.len()).filter_map(path);
    paths.map(|path| FieldSpec { path, ..kind_of(resource) }).collect()
}

fn kind_of(resource: &Resource) -> FieldSpec {
    let group = resource.api_version.split_once('/').map_or("", |(group, _)| group);
    FieldSpec { path: String::new(), group: group.to_owned(), kind: resource.kind.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::Manifests;

    fn list(pairs: &[(&str, &str)]) -> MirrorList {
        let entries: String = pairs
            .iter()
            .map(|(source, destination)| {
                format!("- {{source: '{source}', destination: '{destination}'}}\n")
            })
            .collect();
        MirrorList::parse(&format!("images:\n{entries}"), "mirror.yaml").unwrap()
    }

    fn names(entries: &[ImageEntry]) -> Vec<(&str, &str)> {
        entries.iter().map(|entry| (&*entry.name, &*entry.new_name)).collect()
    }

    fn occurrences(images: &[&str]) -> Vec<ImageOccurrence> {
        let containers: String =
            images.iter().map(|image| format!("  - image: {image}\n")).collect();
        let mut manifests = Manifests::default();
        manifests.add(&format!("spec:\n  containers:\n{containers}"), "a.yaml");
        manifests.occurrences
    }

    #[test]
    fn each_spelling_that_occurs_gets_an_entry() {
        let list = list(&[("ghcr.io/a/b:1", "r.io/a/b:1"), ("docker.io/nats:2", "r.io/nats:2")]);
        let occurrences = occurrences(&[
            "docker.io/library/nats:2",
            "nats:2",
            "ghcr.io/a/b:1",
            "nats:2",
            "r.io/nats:2",
            "x:1",
        ]);
        let transformer = for_manifests(&list, &occurrences).unwrap();
        assert_eq!(
            names(&transformer.images),
            [
                ("ghcr.io/a/b", "r.io/a/b"),
                ("docker.io/library/nats", "r.io/nats"),
                ("nats", "r.io/nats")
            ]
        );
        assert!(transformer.images.iter().all(|entry| entry.new_tag.is_none()));
        let unlisted: Vec<_> =
            transformer.unlisted.iter().map(|occurrence| &*occurrence.written).collect();
        assert_eq!(unlisted, ["x:1"]);
        assert_eq!(
            names(&for_list(&list).unwrap()),
            [
                ("ghcr.io/a/b", "r.io/a/b"),
                ("nats", "r.io/nats"),
                ("docker.io/nats", "r.io/nats"),
                ("docker.io/library/nats", "r.io/nats")
            ]
        );
    }

    #[test]
    fn changed_tags_and_digests_are_written() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let pinned = format!("r.io/c:1@{digest}");
        let list = list(&[
            ("g.io/a:1", "r.io/a:1-mirrored"),
            ("g.io/c:1", &pinned),
            ("nginx:latest", "r.io/nginx:latest"),
        ]);
        let occurrences = occurrences(&["g.io/a:1", "g.io/c:1", "nginx"]);
        let images = for_manifests(&list, &occurrences).unwrap().images;
        assert_eq!(images[0].new_tag.as_deref(), Some("1-mirrored"));
        assert_eq!(
            (images[1].new_tag.as_deref(), images[1].digest.as_deref()),
            (None, Some(&*digest))
        );
        assert_eq!(
            images[2],
            ImageEntry {
                name: "nginx".into(),
                new_name: "r.io/nginx".into(),
                new_tag: None,
                digest: None
            }
        );
    }

    #[test]
    fn redirects_that_kustomize_cannot_express_are_refused() {
        let two = list(&[("g.io/a:1", "r.io/a:1"), ("g.io/a:2", "r.io/b:2")]);
        let error = for_list(&two).unwrap_err().to_string();
        assert!(error.contains("r.io/a") && error.contains("r.io/b"), "{error}");
        let again = list(&[("g.io/a:1", "q.io/b:1"), ("q.io/b:1", "r.io/b:1")]);
        assert!(for_list(&again).unwrap_err().to_string().contains("change again"));
        assert!(
            for_list(&list(&[("g.io/a:1", "r.io/a:1"), ("g.io/a:2", "r.io/a:2")])).unwrap().len()
                == 1
        );
    }

    #[test]
    fn fields_of_custom_resources_get_field_specs() {
        let mut manifests = Manifests::default();
        for (name, spec) in [
            ("a", "image: g.io/a:1, list: [{sideImage: 'g.io/a:1'}], images: ['g.io/a:1']"),
            ("b", "other: {image: g.io/a:1}, args: ['--image=g.io/a:1']"),
            ("c", "other: {image: {repository: g.io/a, tag: '1'}}"),
        ] {
            let text = format!(
                "apiVersion: x.io/v1\nkind: K\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"
            );
            manifests.add(&text, "a.yaml");
        }
        let list = list(&[("g.io/a:1", "r.io/a:1")]);
        let transformer = with_fields(&list, &manifests.occurrences).unwrap();
        let paths: Vec<_> = transformer.fields.iter().map(|field| &*field.path).collect();
        // `other/image` is a text in one resource and a mapping in another.
        assert_eq!(paths, ["spec/image", "spec/list[]/sideImage"]);
        assert_eq!((transformer.images.len(), transformer.unreached.len()), (1, 4));
        assert_eq!((&*transformer.fields[0].group, &*transformer.fields[0].kind), ("x.io", "K"));
    }

    #[test]
    fn fields_that_the_transformer_does_not_change_are_named() {
        let mut manifests = Manifests::default();
        manifests.add(
            "spec:\n  containers:\n  - image: g.io/a:1\n    args: [--x=g.io/a:1]\n  ephemeralContainers:\n  - image: g.io/a:1\n  initContainers:\n  - image: g.io/a:1\n  volumes:\n  - image: {reference: 'g.io/a:1'}\n  x:\n    volumes:\n    - image: {reference: 'g.io/a:1'}\n  image: g.io/a:1\n",
            "a.yaml",
        );
        let list = list(&[("g.io/a:1", "r.io/a:1")]);
        let transformer = for_manifests(&list, &manifests.occurrences).unwrap();
        assert_eq!(transformer.images.len(), 1);
        let fields: Vec<_> =
            transformer.unreached.iter().map(|occurrence| &*occurrence.field).collect();
        assert_eq!(
            fields,
            [
                "spec.containers[0].args[0]",
                "spec.ephemeralContainers[0].image",
                "spec.x.volumes[0].image.reference",
                "spec.image"
            ]
        );
    }
}
