//! Values that are guessed from a chart's own, without rendering it.

use serde_json::{Map, Value, json};

use super::{ValuesOptions, pull_secrets};
use crate::chart::{Chart, ChartImage, ValueForm};
use crate::mirror_list::MirrorList;
use crate::reference::ImageReference;
use airgap_core::error::{Error, Result};

/// Values with which the chart was not rendered.
#[derive(Debug)]
pub struct UnprovenValues {
    /// The values.
    pub values: Value,
    /// Sentences about images that no value changes.
    pub unchanged: Vec<String>,
}

/// Guesses the values with which `chart` takes its images from their destinations in `list`, by the
/// chart's own values: its templates may use them in another way.
///
/// A global registry is used if the chart has one that brings every image to its destination.
///
/// # Errors
/// Usage, if an image of the chart is not in the list, or if the chart has no value for pull
/// secrets.
pub fn unproven(
    chart: &Chart,
    list: &MirrorList,
    options: ValuesOptions<'_>,
) -> Result<UnprovenValues> {
    let mut components = Vec::new();
    let mut unchanged = Vec::new();
    for image in &chart.images()?.images {
        match ChartComponent::from_image(image, list)? {
            Ok(component) => components.push(component),
            Err(why) => unchanged.push(why),
        }
    }
    let mut values = Map::new();
    for switch in chart.switches() {
        insert(&mut values, &switch, json!(false));
    }
    let global = chart.global_registry_path().filter(|_| !options.per_component);
    if let (Some(path), Some(registry)) = (global, common_registry(&components)) {
        insert(&mut values, &keys(path), json!(registry));
        components.retain(|component| component.registry.as_ref() != Some(&registry));
    }
    for component in &components {
        component.insert(&mut values);
    }
    if let Some((path, names)) = pull_secrets(chart, options.pull_secrets)? {
        insert(&mut values, &keys(path), names);
    }
    Ok(UnprovenValues { values: Value::Object(values), unchanged })
}

/// An image that values determine.
#[derive(Clone, Debug)]
struct ChartComponent {
    source: ImageReference,
    destination: ImageReference,
    form: ValueForm,
    /// The registry that suffices to bring it to its destination.
    registry: Option<String>,
}

impl ChartComponent {
    /// Creates the component of an image; the inner error is the reason why it has none.
    fn from_image(
        image: &ChartImage,
        list: &MirrorList,
    ) -> Result<std::result::Result<ChartComponent, String>> {
        let source = &image.image.with_defaults();
        let destination = match list.find(source) {
            Some(entry) => entry.destination.clone(),
            None if list.has_destination(&image.image) => source.clone(),
            None => {
                return Err(Error::usage(format!("`{source}` is not in `{}`", list.name()))
                    .fact("found", &image.found)
                    .hint("add it with `wasm-airgap mirror list`")
                    .hint("or leave its part out here too, with the same `--disable`"));
            }
        };
        let in_list = |path: &[String]| path.iter().any(|key| key.starts_with('['));
        match &image.form {
            ValueForm::Fixed => {
                return Ok(Err(format!(
                    "no value of the chart changes `{source}` ({})",
                    image.found
                )));
            }
            ValueForm::ImageParts { path, .. } | ValueForm::Text { path, .. } if in_list(path) => {
                return Ok(Err(format!(
                    "`{source}` is in a list, and values can replace only the whole list ({})",
                    image.found
                )));
            }
            _ => {}
        }
        let name = destination.name();
        let prefix = name.strip_suffix(source.path()).and_then(|prefix| prefix.strip_suffix('/'));
        let has_registry = matches!(image.form, ValueForm::ImageParts { has_registry: true, .. });
        let same_tag = destination.tag() == source.tag();
        let registry = prefix.filter(|_| has_registry && same_tag).map(str::to_owned);
        Ok(Ok(ChartComponent {
            source: source.clone(),
            destination,
            form: image.form.clone(),
            registry,
        }))
    }

    /// Writes the component's own values.
    fn insert(&self, values: &mut Map<String, Value>) {
        let name = self.destination.name();
        let tag = self.destination.tag().filter(|tag| self.source.tag() != Some(tag));
        match &self.form {
            ValueForm::ImageParts { path, repository_key, has_registry } => {
                let mut put = |key: &str, text: &str| {
                    insert(values, &[&path[..], &[key.to_owned()]].concat(), json!(text));
                };
                match (&self.registry, name.split_once('/')) {
                    (Some(registry), _) => put("registry", registry),
                    (None, Some((registry, repository))) if *has_registry => {
                        put("registry", registry);
                        put(repository_key, repository);
                    }
                    _ => put(repository_key, &name),
                }
                if let Some(tag) = tag {
                    put("tag", tag);
                }
            }
            ValueForm::Text { path, tag_key: None } => {
                insert(values, path, json!(self.destination.to_string()))
            }
            ValueForm::Text { path, tag_key: Some(key) } => {
                insert(values, path, json!(name));
                if let (Some(tag), Some((_, around))) = (tag, path.split_last()) {
                    insert(values, &[around, &[(*key).to_owned()]].concat(), json!(tag));
                }
            }
            ValueForm::Fixed => {}
        }
    }
}

/// Returns the registry that suffices for every component with a registry key, if it is the same
/// one.
fn common_registry(components: &[ChartComponent]) -> Option<String> {
    let mut registries: Vec<_> =
        components.iter().filter_map(|component| component.registry.clone()).collect();
    let split = components.iter().filter(|component| {
        matches!(component.form, ValueForm::ImageParts { has_registry: true, .. })
    });
    let count = split.count();
    registries.dedup();
    let all = components.iter().filter(|component| component.registry.is_some()).count();
    registries.pop().filter(|_| registries.is_empty() && all == count)
}

fn keys(path: &[&str]) -> Vec<String> {
    path.iter().map(|key| (*key).to_owned()).collect()
}

/// Sets a value at a path.
fn insert(values: &mut Map<String, Value>, path: &[String], value: Value) {
    let Some((last, leading)) = path.split_last() else { return };
    let mut map = values;
    for key in leading {
        let next = map.entry(key.clone()).or_insert_with(|| json!({}));
        if !next.is_object() {
            *next = json!({});
        }
        match next {
            Value::Object(inner) => map = inner,
            _ => return,
        }
    }
    map.insert(last.clone(), value);
}
