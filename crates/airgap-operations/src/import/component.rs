//! The components: the list of their files, and the file of one.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use airgap_core::error::{Error, Result};
use airgap_core::path_component::PathComponent;
use airgap_oci::Reference;
use airgap_vendor::catalog::{COMPONENTS_FILE, ComponentCatalog, SCHEMA_VERSION, unique};

use super::digest_check;
use super::entry::{self, Entry, Outcome};
use super::source::{self, file_text};

/// The longest name of a world in bytes; a longer one is left out.
const LONGEST_WORLD: usize = 300;

/// The result of reading a file.
pub(super) struct ReadComponent {
    /// The registry file of this program; `None` if no version was imported.
    pub(super) file: Option<String>,
    pub(super) entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct List {
    components: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    name: PathComponent,
    package_file: PathComponent,
}

#[derive(Deserialize)]
struct ComponentFile {
    component_name: PathComponent,
    oci_repository: Option<String>,
    #[serde(deserialize_with = "unique::map")]
    versions: BTreeMap<PathComponent, Version>,
}

#[derive(Deserialize)]
struct Version {
    digest: Option<String>,
    wit_world: Option<String>,
}

/// Returns the components of a list, each with its file.
///
/// # Errors
/// Usage, with the position, if it has another form.
pub(super) fn list(text: &str, origin: &str) -> Result<Vec<(PathComponent, PathComponent)>> {
    let list: List = parse(text, origin)?;
    Ok(list.components.into_iter().map(|listed| (listed.name, listed.package_file)).collect())
}

/// Reads the file of a component.
///
/// # Errors
/// Usage, with the position, if it has another form; or if it describes another component.
pub(super) fn read(
    text: &str,
    origin: &str,
    name: &PathComponent,
    known: &ComponentCatalog,
) -> Result<ReadComponent> {
    let file: ComponentFile = parse(text, origin)?;
    if file.component_name != *name {
        return Err(Error::usage(format!(
            "the registry file `{origin}` describes another component"
        ))
        .fact("expected", name)
        .fact("found", &file.component_name));
    }
    let mut versions = Map::new();
    let mut entries = Vec::new();
    for (version, it) in &file.versions {
        let label = format!("{name}@{version}");
        entries.push(match version_fields(&file, version, it, known) {
            Err((outcome, reason)) => Entry::new("component", label, outcome, &reason),
            Ok(fields) => {
                versions.insert(version.to_string(), fields);
                Entry::imported("component", label)
            }
        });
    }
    let file = match versions.is_empty() {
        true => None,
        false => Some(written(&file, versions)?),
    };
    Ok(ReadComponent { file, entries })
}

/// Returns the name of the file that is written for a component.
pub(super) fn file_name(component: &PathComponent) -> String {
    match format!("{component}.json") {
        taken if taken.eq_ignore_ascii_case(COMPONENTS_FILE) => {
            format!("{component}.component.json")
        }
        name => name,
    }
}

/// Returns the list of the written files, by component.
pub(super) fn written_list(files: &BTreeMap<PathComponent, String>) -> Result<String> {
    let components: Map<_, _> =
        files.iter().map(|(name, file)| (name.to_string(), json!({ "file": file }))).collect();
    file_text(&json!({ "schema_version": SCHEMA_VERSION, "components": components }))
}

fn version_fields(
    file: &ComponentFile,
    version: &PathComponent,
    it: &Version,
    known: &ComponentCatalog,
) -> std::result::Result<Value, (Outcome, String)> {
    let digest = digest_check::parse(it.digest.as_deref())
        .map_err(|reason| (Outcome::InvalidDigest, reason))?;
    if let Ok(pinned) = known.component(file.component_name.as_str(), version.as_str()) {
        return Err(entry::compared(&pinned.digest, &digest));
    }
    if let Some(repository) = file.oci_repository.as_deref() {
        Reference::parse(repository).map_err(|error| (Outcome::NoAddress, error.one_line()))?;
    }
    let mut fields = Map::new();
    fields.insert("digest".to_owned(), json!(format!("sha256:{digest}")));
    if let Some(world) = it.wit_world.as_deref().filter(|world| world.len() <= LONGEST_WORLD) {
        fields.insert("wit_world".to_owned(), json!(world));
    }
    Ok(Value::Object(fields))
}

fn written(file: &ComponentFile, versions: Map<String, Value>) -> Result<String> {
    let mut fields = Map::new();
    fields.insert("schema_version".to_owned(), json!(SCHEMA_VERSION));
    fields.insert("component_name".to_owned(), json!(file.component_name));
    if let Some(repository) = file.oci_repository.as_deref() {
        fields.insert("reference".to_owned(), json!(repository));
    }
    fields.insert("versions".to_owned(), Value::Object(versions));
    let text = file_text(&fields)?;
    // The new text must pass the reader's checks before it is written.
    ComponentCatalog::default().add(&text, &file_name(&file.component_name))?;
    Ok(text)
}

fn parse<T: for<'de> Deserialize<'de>>(text: &str, origin: &str) -> Result<T> {
    source::parse(
        text,
        origin,
        "a component registry",
        "correct it, or move the folder `components` away and import again",
    )
}
