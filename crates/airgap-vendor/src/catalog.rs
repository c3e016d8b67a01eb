//! The checksum registry: the published files of tools, WIT packages and components, with their
//! SHA-256.
//!
//! Each tool has one JSON file, of the form in `checksums/tool.schema.json`. The files in
//! `checksums/tools` are inside the binary; a user's own files are added and win.

mod choice;
mod component;
mod foreign;
pub mod unique;
mod wit;

pub use choice::Choice;
pub use component::{COMPONENTS_FILE, ComponentCatalog, PinnedComponent};
pub use wit::{SourceArchive, WitCatalog};

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use airgap_core::artifact::Asset;
use airgap_core::bounded;
use airgap_core::error::{Error, Result};
use airgap_core::path_component::PathComponent;
use airgap_core::platform::Platform;
use airgap_core::read;
use airgap_core::suggest::unknown;

static TOOLS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../checksums/tools");
const BUNDLES: &str = include_str!("../../../checksums/bundles.json");

/// The version of the registry format that this program reads and writes.
pub const SCHEMA_VERSION: u32 = 1;

/// Every known tool and bundle.
#[derive(Clone, Debug, Default)]
pub struct ToolCatalog {
    tools: BTreeMap<PathComponent, Tool>,
    bundles: BTreeMap<String, Bundle>,
}

/// The published versions of one tool; the JSON form is a registry file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    #[serde(rename = "$schema", default)]
    _schema: Option<String>,
    schema_version: u32,
    /// Its name, as in `wasm-tools`.
    pub tool: PathComponent,
    /// Its purpose, in one line.
    #[serde(default)]
    pub description: String,
    /// The address of its website.
    #[serde(default)]
    pub homepage: String,
    /// Its executables, the main one first: paths in the unpacked tool. One without a slash is
    /// searched at the top and in `bin`.
    #[serde(default)]
    pub executables: Vec<String>,
    /// The default version.
    #[serde(default)]
    pub latest: Option<PathComponent>,
    /// The published files by version and platform.
    #[serde(deserialize_with = "unique::maps")]
    pub versions: BTreeMap<PathComponent, Assets>,
}

/// The published files of one version by platform.
pub type Assets = BTreeMap<Platform, Asset>;

/// Versions of several tools that are used together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Its purpose, in one line.
    pub description: String,
    /// The version of each tool.
    pub tools: BTreeMap<PathComponent, PathComponent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bundles {
    #[serde(rename = "$schema", default)]
    _schema: Option<String>,
    schema_version: u32,
    bundles: BTreeMap<String, Bundle>,
}

impl ToolCatalog {
    /// Returns the registry that is inside the binary.
    ///
    /// # Errors
    /// Usage, if a built-in file is invalid; a test prevents that.
    pub fn builtin() -> Result<ToolCatalog> {
        let mut catalog = ToolCatalog::default();
        for file in TOOLS.files().filter(|file| file.path().extension() == Some("json".as_ref())) {
            let name = file.path().display().to_string();
            catalog.add(&String::from_utf8_lossy(file.contents()), &name)?;
        }
        let bundles: Bundles = parse(BUNDLES, "bundles.json")?;
        check_schema(bundles.schema_version, "bundles.json")?;
        catalog.bundles = bundles.bundles;
        Ok(catalog)
    }

    /// Adds a user's registry file. Its entries win for the same version and platform.
    pub fn add_file(&mut self, path: &Path) -> Result<()> {
        self.add(&read(path)?, &path.display().to_string())
    }

    /// Adds the text of a registry file that came from `origin`.
    ///
    /// # Errors
    /// Usage, with the position and the reason, if the file is invalid.
    pub fn add(&mut self, text: &str, origin: &str) -> Result<()> {
        let added = Tool::parse(text, origin)?;
        match self.tools.get_mut(&added.tool) {
            Some(known) => known.overlay(added),
            None => {
                self.tools.insert(added.tool.clone(), added);
            }
        }
        Ok(())
    }

    /// Returns every tool.
    pub fn tools(&self) -> impl Iterator<Item = &Tool> {
        self.tools.values()
    }

    /// Returns every bundle with its name.
    pub fn bundles(&self) -> impl Iterator<Item = (&str, &Bundle)> {
        self.bundles.iter().map(|(name, bundle)| (name.as_str(), bundle))
    }

    /// Returns the tool of this name.
    ///
    /// # Errors
    /// Usage, with the nearest name, if there is none.
    pub fn tool(&self, name: &str) -> Result<&Tool> {
        self.tools.get(name).ok_or_else(|| {
            let names: Vec<_> = self.tools.keys().map(PathComponent::as_str).collect();
            unknown("tool", name, &names)
                .hint("add your own tool with a registry file: `wasm-airgap toolchain pin --help`")
        })
    }

    /// Returns the tool and version for `name` or `name@version`.
    pub fn choose(&self, wanted: &str) -> Result<Choice> {
        match wanted.split_once('@') {
            Some((name, version)) => self.tool(name)?.choose(Some(version)),
            None => self.tool(wanted)?.choose(None),
        }
    }

    /// Returns the tools for the arguments of a command line: named tools, and the tools of
    /// bundles; every tool in its latest version if there are no arguments.
    pub fn choices(&self, tools: &[String], bundles: &[String]) -> Result<Vec<Choice>> {
        let mut choices = BTreeMap::new();
        for bundle in bundles {
            for (tool, version) in &self.bundle(bundle)?.tools {
                choices.insert(
                    tool.clone(),
                    self.tool(tool.as_str())?.choose(Some(version.as_str()))?,
                );
            }
        }
        let named: Vec<_> =
            tools.iter().map(|wanted| self.choose(wanted)).collect::<Result<_>>()?;
        if bundles.is_empty() && named.is_empty() {
            for tool in self.tools.values().filter(|tool| tool.latest.is_some()) {
                choices.insert(tool.tool.clone(), tool.choose(None)?);
            }
        }
        // Naming a tool twice asks for two versions; naming one that a bundle also has does not.
        for choice in &named {
            choices.remove(&choice.tool);
        }
        let mut all: Vec<_> = choices.into_values().chain(named).collect();
        all.sort_by(|a, b| (&a.tool, &a.version).cmp(&(&b.tool, &b.version)));
        all.dedup_by(|a, b| (&a.tool, &a.version) == (&b.tool, &b.version));
        Ok(all)
    }

    fn bundle(&self, name: &str) -> Result<&Bundle> {
        self.bundles.get(name).ok_or_else(|| {
            let names: Vec<_> = self.bundles.keys().map(String::as_str).collect();
            unknown("bundle", name, &names)
        })
    }
}

impl Tool {
    /// Reads a registry file.
    pub fn parse(text: &str, origin: &str) -> Result<Tool> {
        let tool: Tool = parse(text, origin)?;
        check_schema(tool.schema_version, origin)?;
        tool.check_digests(origin)?;
        Ok(tool)
    }

    /// Returns this tool in a version, or in the latest one.
    ///
    /// # Errors
    /// Usage, with the nearest versions, if there is none.
    pub fn choose(&self, version: Option<&str>) -> Result<Choice> {
        let name = &self.tool;
        let version = match (version, &self.latest) {
            (Some(version), _) => version,
            (None, Some(latest)) => latest.as_str(),
            (None, None) => {
                return Err(Error::usage(format!(
                    "no version of `{name}` is marked as its latest"
                ))
                .fact("known", self.known_versions())
                .hint(format!("name one: `{name}@VERSION`")));
            }
        };
        let Some((version, assets)) = self.versions.get_key_value(version) else {
            let names: Vec<_> = self.versions.keys().map(PathComponent::as_str).collect();
            return Err(unknown(&format!("version of {name}"), version, &names).hint(format!(
                "pin another version yourself: `wasm-airgap toolchain pin --tool {name} URL`"
            )));
        };
        Ok(Choice {
            tool: name.clone(),
            version: version.clone(),
            executables: self.executables(),
            assets: assets.clone(),
        })
    }

    fn executables(&self) -> Vec<String> {
        match self.executables.as_slice() {
            [] => vec![self.tool.to_string()],
            named => named.to_vec(),
        }
    }

    fn known_versions(&self) -> String {
        self.versions.keys().map(PathComponent::as_str).collect::<Vec<_>>().join(", ")
    }

    /// Adds the entries of another file for the same tool, which win.
    fn overlay(&mut self, other: Tool) {
        for (version, assets) in other.versions {
            self.versions.entry(version).or_default().extend(assets);
        }
        if !other.executables.is_empty() {
            self.executables = other.executables;
        }
        if other.latest.is_some() {
            self.latest = other.latest;
        }
    }

    /// Refuses one digest for two different files. Two files never share a digest, so one entry was
    /// copied and not edited.
    fn check_digests(&self, origin: &str) -> Result<()> {
        let mut seen: BTreeMap<_, &Asset> = BTreeMap::new();
        for asset in self.versions.values().flat_map(BTreeMap::values) {
            if let Some(other) =
                seen.insert(asset.sha256, asset).filter(|other| other.url != asset.url)
            {
                return Err(Error::usage(format!(
                    "the registry file `{origin}` gives two files the same SHA-256"
                ))
                .fact("sha256", asset.sha256)
                .fact("first", &other.url)
                .fact("second", &asset.url)
                .hint("compute both again with `wasm-airgap toolchain pin URL`"));
            }
        }
        Ok(())
    }
}

/// Reads the text of a registry file.
fn read(path: &Path) -> Result<String> {
    read::text(path, read::LIMIT)
}

fn parse<T: for<'de> Deserialize<'de>>(text: &str, origin: &str) -> Result<T> {
    bounded::json(text).map_err(|error| {
        let error = Error::usage(format!("the registry file `{origin}` is not valid")).because(error);
        if foreign::is_foreign(text) {
            return foreign::explain(error, origin);
        }
        error.hint("its format is in checksums/*.schema.json; `wasm-airgap toolchain pin` writes that of a tool, and \
                   `component pin` that of a component")
    })
}

fn check_schema(found: u32, origin: &str) -> Result<()> {
    if found == SCHEMA_VERSION {
        return Ok(());
    }
    Err(Error::usage(format!("the registry file `{origin}` has an unknown format"))
        .fact("expected", format!("schema_version {SCHEMA_VERSION}"))
        .fact("found", format!("schema_version {found}"))
        .hint("use the wasm-airgap of the same release"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use airgap_core::error::ErrorKind;
    use std::cmp::Ordering;

    const URL: &str = "https://example.com/a-1.0-linux.tar.gz";

    fn tool_file(versions: &str) -> String {
        format!(r#"{{"schema_version": 1, "tool": "a", "versions": {versions}}}"#)
    }

    fn asset(url: &str, digit: char) -> String {
        let sha256 = digit.to_string().repeat(64);
        format!(r#"{{"url": "{url}", "sha256": "{sha256}", "archive": "tar.gz"}}"#)
    }

    fn refusal(text: &str) -> String {
        let error = Tool::parse(text, "a.json").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.statement().contains("`a.json`"), "{error}");
        error.to_string()
    }

    #[test]
    fn the_builtin_registry_is_whole() {
        let catalog = ToolCatalog::builtin().unwrap();
        let assets: Vec<_> =
            catalog.tools().flat_map(|tool| tool.versions.values()).flatten().collect();
        assert_eq!((catalog.tools().count(), assets.len()), (21, 194));
        for tool in catalog.tools() {
            let highest = tool
                .versions
                .keys()
                .max_by(|a, b| airgap_core::version::compare(a.as_str(), b.as_str()));
            assert_eq!(tool.latest.as_ref(), highest, "{}", tool.tool);
            assert!(!tool.description.is_empty() && !tool.homepage.is_empty(), "{}", tool.tool);
        }
        for (name, bundle) in catalog.bundles() {
            catalog.choices(&[], &[name.to_owned()]).unwrap();
            assert!(!bundle.description.is_empty());
        }
    }

    #[test]
    fn a_missing_digest_is_refused() {
        let text = tool_file(&format!(
            r#"{{"1.0": {{"linux_amd64": {{"url": "{URL}", "archive": "tar.gz"}}}}}}"#
        ));
        assert!(refusal(&text).contains("missing field `sha256`"));
    }

    #[test]
    fn a_file_of_rules_wasm_component_is_named_with_the_command_that_converts_it() {
        let text = r#"{"tool_name": "a", "github_repo": "o/a", "versions": {}}"#;
        let error = Tool::parse(text, "my dir/checksums/tools/a.json").unwrap_err().to_string();
        let command =
            "wasm-airgap import rules_wasm_component 'my dir/checksums' --output registry";
        assert!(error.contains(command), "{error}");
        let text = r#"{"components": [{"name": "a", "package_file": "a.json"}]}"#;
        let error = ComponentCatalog::default().add(text, "components/registry.json").unwrap_err();
        assert!(error.to_string().contains("import rules_wasm_component . --output"), "{error}");
    }

    #[test]
    fn a_short_digest_is_refused() {
        let text = tool_file(&format!(
            r#"{{"1.0": {{"linux_amd64": {{"url": "{URL}", "sha256": "abc", "archive": "tar.gz"}}}}}}"#
        ));
        assert!(refusal(&text).contains("`abc` has 3"));
    }

    #[test]
    fn a_digest_of_two_files_is_refused() {
        let text = tool_file(&format!(
            r#"{{"1.0": {{"linux_amd64": {}}}, "2.0": {{"linux_amd64": {}}}}}"#,
            asset(URL, 'a'),
            asset("https://example.com/other.tar.gz", 'a')
        ));
        assert!(refusal(&text).contains("the same SHA-256"));
    }

    #[test]
    fn a_key_that_occurs_twice_is_refused() {
        let one = asset(URL, 'a');
        let text =
            tool_file(&format!(r#"{{"1.0": {{"linux_amd64": {one}, "linux_amd64": {one}}}}}"#));
        assert!(refusal(&text).contains("`linux_amd64` occurs twice"));
    }

    #[test]
    fn a_newer_format_is_refused() {
        let text = r#"{"schema_version": 2, "tool": "a", "versions": {}}"#;
        assert!(refusal(text).contains("schema_version 2"));
    }

    #[test]
    fn an_unknown_platform_is_named_with_the_known_ones() {
        let text = tool_file(&format!(r#"{{"1.0": {{"linux_riscv": {}}}}}"#, asset(URL, 'a')));
        let error = refusal(&text);
        assert!(error.contains("linux_riscv") && error.contains("linux_amd64"), "{error}");
    }

    #[test]
    fn a_users_file_wins() {
        let mut catalog = ToolCatalog::builtin().unwrap();
        let ours = asset("https://example.com/private.tar.gz", 'b');
        catalog
            .add(
                &format!(
                    r#"{{"schema_version": 1, "tool": "wasm-tools", "latest": "9.0",
                    "versions": {{"9.0": {{"linux_amd64": {ours}}}, "1.244.0": {{"linux_amd64": {ours}}}}}}}"#
                ),
                "mine.json",
            )
            .unwrap();
        let latest = catalog.choose("wasm-tools").unwrap();
        assert_eq!(latest.version.as_str(), "9.0");
        let old = catalog.choose("wasm-tools@1.244.0").unwrap();
        assert_eq!(old.assets[&Platform::LinuxAmd64].filename().as_str(), "private.tar.gz");
        assert!(old.assets[&Platform::LinuxArm64].url.as_str().contains("github.com"));
    }

    #[test]
    fn misspelt_names_get_the_nearest() {
        let catalog = ToolCatalog::builtin().unwrap();
        let tool = catalog.choose("wasmtools").unwrap_err().to_string();
        assert!(tool.contains("`wasm-tools`"), "{tool}");
        let version = catalog.choose("wasm-tools@1.244.1").unwrap_err().to_string();
        assert!(version.contains("`1.244.0`"), "{version}");
        let bundle = catalog.choices(&[], &["minimum".to_owned()]).unwrap_err().to_string();
        assert!(bundle.contains("`minimal`"), "{bundle}");
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert_eq!(airgap_core::version::compare("0.9.3", "0.10.0"), Ordering::Less);
    }
}
