//! The requested tools and WIT packages in their versions, with the facts needed to fetch and
//! unpack them, and the requested components by reference.

use serde::{Deserialize, Serialize};

use crate::catalog::{Choice, ComponentCatalog, SourceArchive};
use airgap_core::artifact::{ArchiveType, Artifact, Asset, AssetUrl, Identity, Strip};
use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::package::PackageId;
use airgap_core::path_component::PathComponent;
use airgap_core::platform::Platform;
use airgap_core::starlark_json;

/// The version of the request format.
pub const SCHEMA_VERSION: u32 = 1;

/// The largest number of files in one request. A plan holds all their places.
const MOST_FILES: usize = 5_000;

/// A list of the chosen versions.
///
/// The JSON form crosses the border from Starlark: the extensions read the registry files, choose
/// by the tags in MODULE.bazel and pass on the chosen versions.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    schema_version: u32,
    /// The tools, each in one version.
    #[serde(default)]
    pub tools: Vec<Choice>,
    /// The WIT packages whose sources are published as archives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<SourceArchive>,
    /// The WIT packages that registries serve.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wit: Vec<WitChoice>,
    /// The components.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<ComponentChoice>,
    /// The pinned helpers that have an address, one for each platform.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    helpers: Vec<PinnedHelper>,
    /// Files of a checksum registry of components, which resolves the names in the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    component_registry: Vec<serde_json::Value>,
}

/// This program for one platform, as MODULE.bazel or the release of the rules pins it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PinnedHelper {
    platform: Platform,
    version: PathComponent,
    sha256: Digest,
    url: AssetUrl,
}

/// One WIT package in one version, from a registry.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WitChoice {
    /// The package.
    pub package: PackageId,
    /// The registry; empty for the one that the settings name.
    #[serde(default)]
    pub registry: String,
    /// The SHA-256 of the published file; empty if it is not pinned.
    #[serde(default)]
    pub sha256: String,
}

/// One component.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentChoice {
    /// The name of its file in vendor folders.
    pub name: PathComponent,
    /// Its reference, or its name and version in a checksum registry.
    pub reference: String,
    /// The digest that pins it; empty if only the reference pins it.
    #[serde(default)]
    digest: String,
}

impl WitChoice {
    /// Returns the digest that pins it.
    ///
    /// # Errors
    /// Usage, if it is not a digest.
    pub fn digest(&self) -> Result<Option<Digest>> {
        digest(&self.sha256, &self.package)
    }
}

impl ComponentChoice {
    /// Returns the digest that pins it.
    ///
    /// # Errors
    /// Usage, if it is not a digest.
    pub fn digest(&self) -> Result<Option<Digest>> {
        digest(&self.digest, &self.reference)
    }
}

/// Parses a digest that may be empty.
fn digest(text: &str, of: &dyn std::fmt::Display) -> Result<Option<Digest>> {
    let parsed = (!text.is_empty()).then(|| text.parse()).transpose();
    parsed.map_err(|problem: String| {
        Error::usage(format!("the digest of `{of}` is not valid")).because(problem)
    })
}

/// The platforms of a request.
#[derive(Clone, Debug)]
pub enum Platforms {
    /// All for which the tool is published.
    All,
    /// These.
    Only(Vec<Platform>),
}

impl Request {
    /// Creates a request for these tools.
    pub fn new(tools: Vec<Choice>) -> Request {
        Request {
            schema_version: SCHEMA_VERSION,
            tools,
            packages: Vec::new(),
            wit: Vec::new(),
            components: Vec::new(),
            helpers: Vec::new(),
            component_registry: Vec::new(),
        }
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// Usage, if it is not valid, of another version, or asks for more than `MOST_FILES` files.
    pub fn parse(text: &str, origin: &str) -> Result<Request> {
        let request: Request = starlark_json::parse(text, origin, |request: &Request| {
            (request.schema_version, SCHEMA_VERSION)
        })?;
        let files = request.tools.iter().map(|choice| choice.assets.len()).sum::<usize>()
            + request.packages.len()
            + request.wit.len()
            + request.components.len()
            + request.helpers.len();
        match files > MOST_FILES {
            true => Err(Error::usage(format!("the request in `{origin}` has too many files"))
                .fact("expected", format!("at most {MOST_FILES} files"))
                .fact("found", files)
                .hint("request fewer tools, packages and components in one run")),
            false => Ok(request),
        }
    }

    /// Adds another request to this one.
    pub fn add(&mut self, other: Request) {
        self.tools.extend(other.tools);
        self.packages.extend(other.packages);
        self.wit.extend(other.wit);
        self.components.extend(other.components);
        self.helpers.extend(other.helpers);
        self.component_registry.extend(other.component_registry);
    }

    /// Returns the checksum registry of components, with the request's own files.
    ///
    /// # Errors
    /// Usage, if a file is not valid.
    pub fn component_catalog(&self) -> Result<ComponentCatalog> {
        let mut catalog = ComponentCatalog::builtin()?;
        for file in &self.component_registry {
            catalog.add(&file.to_string(), "component_registry of a request")?;
        }
        Ok(catalog)
    }

    /// Returns the requested files, and an error for each tool that is not published for a named
    /// platform.
    pub fn artifacts(&self, platforms: &Platforms) -> RequestedFiles {
        let mut wanted = RequestedFiles::default();
        wanted.artifacts.extend(self.packages.iter().map(SourceArchive::artifact));
        for choice in &self.tools {
            let published: Vec<_> = choice.assets.keys().copied().collect();
            let platforms = match platforms {
                Platforms::All => &published,
                Platforms::Only(named) => named,
            };
            for &platform in platforms {
                match choice.artifact(platform) {
                    Ok(artifact) => wanted.artifacts.push(artifact),
                    Err(error) if choice.is_native() => wanted.unpublished.push(error),
                    Err(error) => wanted.portable.push(error),
                }
            }
        }
        wanted
    }

    /// Returns the pinned helpers for these platforms and for this machine, which has one already and
    /// adds it to every vendor folder.
    pub fn helpers(&self, platforms: &Platforms) -> Vec<Artifact> {
        let is_wanted = |helper: &&PinnedHelper| match platforms {
            Platforms::All => true,
            Platforms::Only(named) => {
                named.contains(&helper.platform) || Platform::host() == Some(helper.platform)
            }
        };
        self.helpers.iter().filter(is_wanted).map(PinnedHelper::artifact).collect()
    }
}

impl PinnedHelper {
    fn artifact(&self) -> Artifact {
        let PinnedHelper { platform, version, sha256, url } = self.clone();
        let identity = Identity::Helper { version, platform };
        let (archive, strip_prefix) = (ArchiveType::Binary, Strip::Nothing);
        Artifact { identity, asset: Asset { url, sha256, archive, strip_prefix } }
    }
}

/// The files of a request.
#[derive(Debug, Default)]
pub struct RequestedFiles {
    /// The files.
    pub artifacts: Vec<Artifact>,
    /// One error for each tool that is not published for a platform that was named.
    pub unpublished: Vec<Error>,
    /// The same for tools that are published as WebAssembly only.
    pub portable: Vec<Error>,
}
