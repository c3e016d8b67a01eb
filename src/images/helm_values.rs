//! The values that make a chart use a private registry.

use serde_json::{Map, Value, json};

use super::chart::{Chart, ChartImage, Form, Override};
use super::inventory::Inventory;
use super::mirror_list::MirrorList;
use super::reference::ImageReference;
use crate::error::{Error, Result};
use crate::suggest::unknown;

/// Where charts have the pull secrets of all their images.
const PULL_SECRETS: [&[&str]; 4] = [
    &["global", "image", "pullSecrets"],
    &["global", "imagePullSecrets"],
    &["image", "pullSecrets"],
    &["imagePullSecrets"],
];

/// What is wanted of the values.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The names of the pull secrets.
    pub pull_secrets: &'a [String],
    /// Whether each component gets its own registry, even where a global one would do.
    pub per_component: bool,
}

/// The values, and what they do not change.
#[derive(Debug)]
pub struct HelmValues {
    /// The values.
    pub values: Value,
    /// Sentences about images that no value changes.
    pub unchanged: Vec<String>,
    /// Images that the global registry does not bring along, though the chart has one.
    pub deaf: Vec<ImageReference>,
}

/// The values that make `chart` take its images from where `list` puts them.
///
/// A global registry is used where the chart has one, it brings every image to its destination,
/// and the chart's templates listen to it.
///
/// # Errors
/// Usage, where an image of the chart is not in the list, or where the chart has no value for pull
/// secrets.
pub fn helm_values(chart: &Chart, list: &MirrorList, wanted: Wanted<'_>) -> Result<HelmValues> {
    let images = chart.images()?.images;
    let mut components = Vec::new();
    let mut unchanged = Vec::new();
    for image in &images {
        match Component::of(image, list)? {
            Ok(component) => components.push(component),
            Err(why) => unchanged.push(why),
        }
    }
    let mut values = Map::new();
    for switch in chart.switches() {
        insert(&mut values, &switch, json!(false));
    }
    let global = chart.global_registry_path().filter(|_| !wanted.per_component);
    let (mut own, rest): (Vec<_>, Vec<_>) = match (global, common_registry(&components)) {
        (Some(path), Some(registry)) => {
            insert(&mut values, &keys(path), json!(registry));
            components
                .into_iter()
                .partition(|component| component.registry != Some(registry.clone()))
        }
        _ => (components, Vec::new()),
    };
    let mut unheard = Vec::new();
    if let Some(path) = global.filter(|_| !rest.is_empty()) {
        // A chart may have the value and not use it, or only where a component has none.
        let deaf = still_written(chart, &values, &rest)?;
        if deaf.len() == rest.len() {
            remove(&mut values, &keys(path));
        }
        unheard = deaf.iter().map(|component| component.source.clone()).collect();
        own.extend(deaf);
    }
    for component in &own {
        component.insert(&mut values);
    }
    unchanged.extend(still_written(chart, &values, &own)?.iter().map(|component| {
        format!("the templates of the chart still write `{}` with these values", component.source)
    }));
    insert_pull_secrets(chart, wanted.pull_secrets, &mut values)?;
    Ok(HelmValues { values: Value::Object(values), unchanged, deaf: unheard })
}

/// An image that values decide.
#[derive(Clone, Debug)]
struct Component {
    source: ImageReference,
    destination: ImageReference,
    form: Form,
    /// The registry that brings it to its destination without any other change.
    registry: Option<String>,
}

impl Component {
    /// The component, or why there is none.
    fn of(image: &ChartImage, list: &MirrorList) -> Result<std::result::Result<Component, String>> {
        let source = &image.image.with_defaults();
        let destination = match list.find(source) {
            Some(entry) => entry.destination.clone(),
            None if list.has_destination(&image.image) => source.clone(),
            None => {
                return Err(Error::usage(format!("`{source}` is not in `{}`", list.name()))
                    .fact("found", &image.found)
                    .hint("add it with `wasm-airgap mirror list`")
                    .hint("or leave its part out here as well, with the same `--disable`"));
            }
        };
        let in_list = |path: &[String]| path.iter().any(|key| key.starts_with('['));
        match &image.form {
            Form::Fixed => {
                return Ok(Err(format!(
                    "no value of the chart changes `{source}` ({})",
                    image.found
                )));
            }
            Form::Split { path, .. } | Form::Text { path, .. } if in_list(path) => {
                return Ok(Err(format!(
                    "`{source}` is in a list, which values can only replace as a whole ({})",
                    image.found
                )));
            }
            _ => {}
        }
        let name = destination.name();
        let prefix = name.strip_suffix(source.path()).and_then(|prefix| prefix.strip_suffix('/'));
        let has_registry = matches!(image.form, Form::Split { has_registry: true, .. });
        let same_tag = destination.tag() == source.tag();
        let registry = prefix.filter(|_| has_registry && same_tag).map(str::to_owned);
        Ok(Ok(Component {
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
            Form::Split { path, repository_key, has_registry } => {
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
            Form::Text { path, tag_key: None } => {
                insert(values, path, json!(self.destination.to_string()))
            }
            Form::Text { path, tag_key: Some(key) } => {
                insert(values, path, json!(name));
                if let (Some(tag), Some((_, around))) = (tag, path.split_last()) {
                    insert(values, &[around, &[(*key).to_owned()]].concat(), json!(tag));
                }
            }
            Form::Fixed => {}
        }
    }
}

/// The registry that most components need and that none with a registry of its own contradicts.
fn common_registry(components: &[Component]) -> Option<String> {
    let mut registries: Vec<_> =
        components.iter().filter_map(|component| component.registry.clone()).collect();
    let split = components
        .iter()
        .filter(|component| matches!(component.form, Form::Split { has_registry: true, .. }));
    let count = split.count();
    registries.dedup();
    let all = components.iter().filter(|component| component.registry.is_some()).count();
    registries.pop().filter(|_| registries.is_empty() && all == count)
}

/// The components whose image the chart's templates write as before.
fn still_written(
    chart: &Chart,
    values: &Map<String, Value>,
    components: &[Component],
) -> Result<Vec<Component>> {
    let text = crate::yaml::block(&Value::Object(values.clone()));
    let written = chart.with(&Override::parse(&text, "values")?)?.written()?;
    let written = Inventory::new(&written);
    let is_written = |component: &&Component| {
        component.source.name() != component.destination.name() && written.has(&component.source)
    };
    Ok(components.iter().filter(is_written).cloned().collect())
}

fn insert_pull_secrets(
    chart: &Chart,
    names: &[String],
    values: &mut Map<String, Value>,
) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let path = PULL_SECRETS.into_iter().find(|path| chart.has_value(path)).ok_or_else(|| {
        let known: Vec<_> = PULL_SECRETS.iter().map(|path| path.join(".")).collect();
        let known: Vec<_> = known.iter().map(String::as_str).collect();
        unknown("value for pull secrets in the chart", "pullSecrets", &known)
            .hint("give the pull secret to the service accounts instead")
    })?;
    let list: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
    insert(values, &keys(path), Value::Array(list));
    Ok(())
}

fn keys(path: &[&str]) -> Vec<String> {
    path.iter().map(|key| (*key).to_owned()).collect()
}

/// Puts a value at a path.
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

/// Takes a value away, and what is empty without it.
fn remove(values: &mut Map<String, Value>, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    if let Some(Value::Object(inner)) = values.get_mut(first).filter(|_| !rest.is_empty()) {
        remove(inner, rest);
        if !inner.is_empty() {
            return;
        }
    }
    values.shift_remove(first);
}
