//! The file of one tool.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use airgap_core::artifact::{ArchiveType, Asset, Strip};
use airgap_core::digest::Digest;
use airgap_core::error::Result;
use airgap_core::path_component::PathComponent;
use airgap_core::platform::Platform;
use airgap_vendor::catalog::{self, SCHEMA_VERSION, ToolCatalog, unique};

use super::address::{self, Published};
use super::digest_check;
use super::entry::{self, Entry, Outcome, quoted};
use super::source::{self, MOVE_IT, file_text};

/// The longest description that is copied, in characters.
const LONGEST_DESCRIPTION: usize = 300;

/// The versions of tools that are there, by tool.
pub(super) type Versions = BTreeSet<(PathComponent, PathComponent)>;

/// The result of reading a file.
pub(super) struct ReadTool {
    pub(super) tool: PathComponent,
    /// The registry file of this program; `None` if it would add nothing to the built-in one.
    pub(super) file: Option<String>,
    pub(super) entries: Vec<Entry>,
    pub(super) versions: Versions,
}

#[derive(Deserialize)]
struct ToolFile {
    tool_name: PathComponent,
    github_repo: Option<String>,
    description: Option<String>,
    latest_version: Option<String>,
    #[serde(deserialize_with = "unique::map")]
    versions: BTreeMap<PathComponent, Version>,
}

#[derive(Deserialize)]
struct Version {
    #[serde(default, deserialize_with = "unique::map")]
    platforms: BTreeMap<String, Published>,
}

/// Returns the versions in the built-in registry.
pub(super) fn versions_in(catalog: &ToolCatalog) -> Versions {
    let versions = |tool: &catalog::Tool| -> Vec<_> {
        tool.versions.keys().map(|version| (tool.tool.clone(), version.clone())).collect()
    };
    catalog.tools().flat_map(versions).collect()
}

/// Reads the file of a tool.
///
/// # Errors
/// Usage, with the position, if it has another form.
pub(super) fn read(text: &str, origin: &str, catalog: &ToolCatalog) -> Result<ReadTool> {
    let file: ToolFile = source::parse(text, origin, "a registry file", MOVE_IT)?;
    let known = catalog.tools().find(|tool| tool.tool == file.tool_name);
    let mut reader =
        Reader { known, owners: owners(known), entries: Vec::new(), assets: BTreeMap::new() };
    let candidates = reader.candidates(&file);
    reader.refuse_shared_digests(&candidates);
    for candidate in candidates {
        reader.add(candidate);
    }
    let versions: Versions =
        reader.assets.keys().map(|version| (file.tool_name.clone(), version.clone())).collect();
    Ok(ReadTool {
        file: reader.written(&file)?,
        tool: file.tool_name,
        entries: reader.entries,
        versions,
    })
}

/// The reason for which an entry is not imported.
type Refusal = (Outcome, String);

/// An entry of the file, and the asset that it would be.
struct Candidate<'a> {
    name: String,
    version: &'a PathComponent,
    asset: std::result::Result<(Platform, Asset), Refusal>,
}

/// The work on one file.
struct Reader<'a> {
    known: Option<&'a catalog::Tool>,
    /// The file with each digest: its name and its address. An address of `None` is that of several
    /// files of the import.
    owners: HashMap<Digest, (String, Option<String>)>,
    entries: Vec<Entry>,
    assets: BTreeMap<PathComponent, BTreeMap<Platform, Asset>>,
}

impl Reader<'_> {
    fn candidates<'a>(&self, file: &'a ToolFile) -> Vec<Candidate<'a>> {
        let versions = file.versions.iter().flat_map(|(version, it)| {
            it.platforms.iter().map(move |(platform, published)| (version, platform, published))
        });
        let candidates = versions.map(|(version, platform, published)| Candidate {
            name: format!("{} {version} ({})", file.tool_name, entry::one_line(platform, 80)),
            version,
            asset: self.asset(file, version, platform, published),
        });
        candidates.collect()
    }

    fn add(&mut self, candidate: Candidate) {
        let Candidate { name, version, asset } = candidate;
        let entry = match asset.and_then(|(platform, asset)| self.unowned(platform, asset)) {
            Err((outcome, reason)) => Entry::new("tool", name, outcome, &reason),
            Ok((platform, asset)) => {
                self.assets.entry(version.clone()).or_default().insert(platform, asset);
                Entry::imported("tool", name)
            }
        };
        self.entries.push(entry);
    }

    /// Returns the asset of an entry that the built-in registry does not have.
    fn asset(
        &self,
        file: &ToolFile,
        version: &PathComponent,
        platform: &str,
        published: &Published,
    ) -> std::result::Result<(Platform, Asset), Refusal> {
        let refused = |outcome| move |reason: String| (outcome, reason);
        let Ok(platform) = platform.parse::<Platform>() else {
            let reason = format!("the platform {} is unknown", quoted(platform));
            return Err((Outcome::UnknownPlatform, reason));
        };
        let sha256 = digest_check::parse(published.sha256.as_deref())
            .map_err(refused(Outcome::InvalidDigest))?;
        if let Some(known) = self.built_in(version, platform) {
            return Err(entry::compared(&known.sha256, &sha256));
        }
        let repository = file.github_repo.as_deref();
        let url = address::derive(&file.tool_name, repository, version, platform, published)
            .map_err(refused(Outcome::NoAddress))?;
        let archive = ArchiveType::from_filename(url.filename().as_str());
        let strip_prefix = match archive {
            ArchiveType::Binary => Strip::TopFolder,
            _ => published.strip_prefix.as_deref().map_or(Strip::TopFolder, Strip::from),
        };
        Ok((platform, Asset { url, sha256, archive, strip_prefix }))
    }

    /// Returns an asset whose digest is that of no other file.
    fn unowned(
        &self,
        platform: Platform,
        asset: Asset,
    ) -> std::result::Result<(Platform, Asset), Refusal> {
        match self.owners.get(&asset.sha256) {
            Some((owner, known)) if known.as_deref() == Some(asset.url.as_str()) => {
                Err((Outcome::Known, format!("the built-in registry has it as {owner}")))
            }
            Some((owner, _)) => {
                let reason = format!("its SHA-256 is also that of {owner}, at another address");
                Err((Outcome::InvalidDigest, reason))
            }
            None => Ok((platform, asset)),
        }
    }

    fn built_in(&self, version: &PathComponent, platform: Platform) -> Option<&Asset> {
        self.known?.versions.get(version)?.get(&platform)
    }

    /// Marks digests that the file gives to two addresses. Two files never share one, so one entry
    /// was copied and not edited; which one is not known.
    fn refuse_shared_digests(&mut self, candidates: &[Candidate]) {
        let mut seen: HashMap<Digest, &Candidate> = HashMap::new();
        for candidate in candidates {
            let Ok((_, asset)) = &candidate.asset else { continue };
            let first = *seen.entry(asset.sha256).or_insert(candidate);
            let is_shared = first.asset.as_ref().is_ok_and(|(_, other)| other.url != asset.url);
            if is_shared && !self.owners.contains_key(&asset.sha256) {
                let names = format!("{} and {}", first.name, candidate.name);
                self.owners.insert(asset.sha256, (names, None));
            }
        }
    }

    /// Returns the text of the registry file, unless it would add nothing.
    fn written(&self, file: &ToolFile) -> Result<Option<String>> {
        let latest = file.latest_version.as_deref().filter(|latest| self.has(latest));
        let known_latest = self.known.and_then(|known| known.latest.as_ref());
        let changes_latest = latest.is_some() && latest != known_latest.map(PathComponent::as_str);
        if self.assets.is_empty() && !changes_latest {
            return Ok(None);
        }
        let mut fields = Map::new();
        fields.insert("schema_version".to_owned(), json!(SCHEMA_VERSION));
        fields.insert("tool".to_owned(), json!(file.tool_name));
        if let Some(description) = file.description.as_deref() {
            let short: String = description.chars().take(LONGEST_DESCRIPTION).collect();
            fields.insert("description".to_owned(), Value::String(short));
        }
        if let Some(latest) = latest {
            fields.insert("latest".to_owned(), json!(latest));
        }
        fields.insert("versions".to_owned(), json!(self.assets));
        let text = file_text(&fields)?;
        // The new text must pass the reader's checks before it is written.
        catalog::Tool::parse(&text, &format!("{}.json", file.tool_name))?;
        Ok(Some(text))
    }

    /// Returns whether a version can be requested after the import.
    fn has(&self, version: &str) -> bool {
        self.assets.contains_key(version)
            || self.known.is_some_and(|known| known.versions.contains_key(version))
    }
}

/// Returns the built-in files by digest.
fn owners(known: Option<&catalog::Tool>) -> HashMap<Digest, (String, Option<String>)> {
    let versions = known.into_iter().flat_map(|tool| {
        tool.versions.iter().map(move |(version, assets)| (&tool.tool, version, assets))
    });
    let owner = |(tool, version, assets): (&PathComponent, &PathComponent, &catalog::Assets)| {
        let named = |(platform, asset): (&Platform, &Asset)| {
            let name = format!("{tool} {version} ({platform})");
            (asset.sha256, (name, Some(asset.url.to_string())))
        };
        assets.iter().map(named).collect::<Vec<_>>()
    };
    versions.flat_map(owner).collect()
}
