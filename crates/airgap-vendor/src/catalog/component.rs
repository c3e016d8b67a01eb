//! The pinned components, by name and version.
//!
//! Each component has one JSON file, of the form in `checksums/component.schema.json`, and
//! `registry.json` beside them lists the files. Those in `checksums/components` are inside the
//! binary; a user's own files are added and win.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use super::{SCHEMA_VERSION, check_schema, parse, read, unique, unknown};
use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::path_component::PathComponent;
use airgap_oci::Reference;

static COMPONENTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../checksums/components");

/// The name of the file that lists the others.
pub const COMPONENTS_FILE: &str = "registry.json";

/// Every pinned component.
#[derive(Clone, Debug, Default)]
pub struct ComponentCatalog {
    components: BTreeMap<PathComponent, BTreeMap<PathComponent, PinnedComponent>>,
}

/// One version of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedComponent {
    /// The digest of its content, or of its manifest.
    pub digest: Digest,
    /// The digest of its manifest, if that is known too.
    pub manifest: Option<Digest>,
    /// Its reference; `None` if the file does not give one.
    pub reference: Option<Reference>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ComponentFile {
    #[serde(rename = "$schema", default)]
    _schema: Option<String>,
    /// The version of the format. A file that a user wrote by the guide has none.
    #[serde(default = "known_schema")]
    schema_version: u32,
    component_name: PathComponent,
    #[serde(rename = "description", default)]
    _description: String,
    #[serde(default)]
    reference: Option<String>,
    #[serde(deserialize_with = "unique::map")]
    versions: BTreeMap<PathComponent, Version>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    digest: Digest,
    #[serde(default)]
    manifest_digest: Option<Digest>,
    #[serde(default)]
    reference: Option<String>,
    #[serde(rename = "wit_world", default)]
    _wit_world: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    #[serde(rename = "$schema", default)]
    _schema: Option<String>,
    #[serde(default = "known_schema")]
    schema_version: u32,
    #[serde(deserialize_with = "unique::map")]
    components: BTreeMap<PathComponent, Listed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    file: PathComponent,
}

fn known_schema() -> u32 {
    SCHEMA_VERSION
}

impl ComponentCatalog {
    /// Returns the registry that is inside the binary.
    ///
    /// # Errors
    /// Usage, if a built-in file is invalid; a test prevents that.
    pub fn builtin() -> Result<ComponentCatalog> {
        let mut catalog = ComponentCatalog::default();
        for file in COMPONENTS.files().filter(|it| it.path().extension() == Some("json".as_ref())) {
            let (name, text) = (file.path().display().to_string(), file.contents());
            if file.path() != Path::new(COMPONENTS_FILE) {
                catalog.add(&String::from_utf8_lossy(text), &name)?;
            }
        }
        Ok(catalog)
    }

    /// Adds a user's file: that of a component, or a `registry.json` with the files it lists. Its
    /// entries win for the same version.
    ///
    /// # Errors
    /// Usage, with the position and the reason, if the file is invalid.
    pub fn add_file(&mut self, path: &Path) -> Result<()> {
        let (text, origin) = (read(path)?, path.display().to_string());
        let Some(index) = index(&text, &origin)? else { return self.add(&text, &origin) };
        let folder = path.parent().unwrap_or(Path::new(""));
        for (name, file) in index {
            let path = folder.join(file.as_str());
            let origin = path.display().to_string();
            let added = ComponentFile::parse(&read(&path)?, &origin)?;
            if added.component_name != name {
                return Err(Error::usage(format!(
                    "the registry file `{origin}` describes another"
                ))
                .fact("expected", &name)
                .fact("found", &added.component_name));
            }
            self.overlay(added, &origin)?;
        }
        Ok(())
    }

    /// Adds the text of a component's file that came from `origin`.
    ///
    /// # Errors
    /// Usage, with the position and the reason, if the file is invalid.
    pub fn add(&mut self, text: &str, origin: &str) -> Result<()> {
        self.overlay(ComponentFile::parse(text, origin)?, origin)
    }

    fn overlay(&mut self, file: ComponentFile, origin: &str) -> Result<()> {
        let common = reference(file.reference.as_deref(), origin)?;
        let versions = self.components.entry(file.component_name).or_default();
        for (version, it) in file.versions {
            let own = reference(it.reference.as_deref(), origin)?;
            let (digest, manifest) = (it.digest, it.manifest_digest);
            let reference = own.or_else(|| common.clone());
            versions.insert(version, PinnedComponent { digest, manifest, reference });
        }
        Ok(())
    }

    /// Returns a component by name and version.
    ///
    /// # Errors
    /// Usage, with the nearest names or versions, if there is none.
    pub fn component(&self, name: &str, version: &str) -> Result<&PinnedComponent> {
        let pin = "pin it with `wasm-airgap component pin REFERENCE --registry FOLDER`, and name \
            the file: with `--registry`, with `components.registry` in MODULE.bazel, or in the attribute \
            `registries` of a rule";
        let versions = self.components.get(name).ok_or_else(|| {
            let names: Vec<_> = self.components.keys().map(PathComponent::as_str).collect();
            unknown("component in the checksum registry", name, &names).hint(pin)
        })?;
        versions.get(version).ok_or_else(|| {
            let names: Vec<_> = versions.keys().map(PathComponent::as_str).collect();
            unknown(&format!("version of the component {name}"), version, &names).hint(pin)
        })
    }

    /// Returns the name and version of the component with this digest.
    pub fn known_as(&self, digest: &Digest) -> Option<String> {
        let all = self.components.iter().flat_map(|(name, versions)| {
            versions.iter().map(move |(version, it)| (name, version, it))
        });
        let mut same = all.filter(|(_, _, it)| it.digest == *digest);
        same.next().map(|(name, version, _)| format!("{name}@{version}"))
    }
}

impl ComponentFile {
    fn parse(text: &str, origin: &str) -> Result<ComponentFile> {
        let file: ComponentFile = parse(text, origin)?;
        check_schema(file.schema_version, origin)?;
        Ok(file)
    }
}

/// Returns the files by component, if this is a `registry.json`.
fn index(text: &str, origin: &str) -> Result<Option<BTreeMap<PathComponent, PathComponent>>> {
    let fields: serde_json::Map<String, serde_json::Value> = parse(text, origin)?;
    if !fields.contains_key("components") {
        return Ok(None);
    }
    let index: Index = parse(text, origin)?;
    check_schema(index.schema_version, origin)?;
    Ok(Some(index.components.into_iter().map(|(name, listed)| (name, listed.file)).collect()))
}

fn reference(text: Option<&str>, origin: &str) -> Result<Option<Reference>> {
    let parsed = text.map(Reference::parse).transpose();
    parsed.map_err(|error| error.fact("in", format!("the registry file `{origin}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in the guide.
    const GUIDE: &str = r#"{
      "component_name": "wasi-http-proxy",
      "versions": {
        "0.2.6": {
          "digest": "sha256:DIGEST",
          "wit_world": "wasi:http/proxy@0.2.6"
        }
      }
    }"#;

    fn guide() -> String {
        GUIDE.replace("DIGEST", &"a".repeat(64))
    }

    #[test]
    fn the_builtin_files_and_their_list_agree() {
        let catalog = ComponentCatalog::builtin().unwrap();
        let text = COMPONENTS.get_file(COMPONENTS_FILE).unwrap().contents_utf8().unwrap();
        let index = index(text, COMPONENTS_FILE).unwrap().unwrap();
        assert_eq!(index.keys().collect::<Vec<_>>(), catalog.components.keys().collect::<Vec<_>>());
    }

    #[test]
    fn the_file_of_the_guide_is_read() {
        let mut catalog = ComponentCatalog::default();
        catalog.add(&guide(), "a.json").unwrap();
        let pinned = catalog.component("wasi-http-proxy", "0.2.6").unwrap();
        assert_eq!((pinned.digest.to_string(), &pinned.reference), ("a".repeat(64), &None));
        assert_eq!(catalog.known_as(&pinned.digest).unwrap(), "wasi-http-proxy@0.2.6");
        let error = catalog.component("wasi-http-prox", "0.2.6").unwrap_err().to_string();
        assert!(error.contains("nearest: `wasi-http-proxy`"), "{error}");
        let error = catalog.component("wasi-http-proxy", "0.2.7").unwrap_err().to_string();
        assert!(error.contains("nearest: `0.2.6`"), "{error}");
    }

    #[test]
    fn a_version_overrides_the_reference_of_its_component() {
        let mut catalog = ComponentCatalog::default();
        let text = guide()
            .replacen('{', r#"{"schema_version": 1, "reference": "ghcr.io/a/b","#, 1)
            .replace(
                r#""0.2.6": {"#,
                r#""1": {"digest": "DD"}, "0.2.6": {"reference": "x.io/c:1","#,
            )
            .replace("DD", &"b".repeat(64));
        catalog.add(&text, "a.json").unwrap();
        let place = |version: &str| {
            let found = catalog.component("wasi-http-proxy", version).unwrap();
            found.reference.as_ref().unwrap().to_string()
        };
        assert_eq!((place("1"), place("0.2.6")), ("ghcr.io/a/b".into(), "x.io/c:1".into()));
    }

    #[test]
    fn an_invalid_catalog_file_is_explained() {
        for (from, to, words) in [
            ("\"digest\"", "\"digset\"", "digset"),
            ("\"versions\"", "\"schema_version\": 2, \"versions\"", "schema_version 2"),
            ("wasi-http-proxy", "../x", "cannot be a name"),
            ("\"versions\"", "\"reference\": \"a\", \"versions\"", "does not name a registry"),
            ("sha256:", "sha512:", "64 hexadecimal digits"),
        ] {
            let text = guide().replacen(from, to, 1);
            let error = ComponentCatalog::default().add(&text, "a.json").unwrap_err();
            assert_eq!(error.kind(), airgap_core::error::ErrorKind::Usage);
            let error = error.to_string();
            assert!(error.contains(words) && error.contains("`a.json`"), "{error}");
        }
    }
}
