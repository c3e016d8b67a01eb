//! What is asked for: tools in versions, with everything that is needed to get and unpack them.

use serde::{Deserialize, Serialize};

use crate::artifact::Artifact;
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::registry::Assets;
use crate::segment::Segment;

/// The version of the request format.
pub const SCHEMA_VERSION: u32 = 1;

/// A list of chosen tools.
///
/// The JSON form crosses the border from Starlark: the toolchain extension reads the registry
/// files, chooses by the tags in MODULE.bazel and hands over what it chose.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    schema_version: u32,
    /// The tools, each in one version.
    pub tools: Vec<Choice>,
}

/// One tool in one version.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The tool.
    pub tool: Segment,
    /// The version.
    pub version: Segment,
    /// The executables, the main one first.
    pub executables: Vec<String>,
    /// The published file for each platform.
    pub assets: Assets,
}

/// The platforms for which something is wanted.
#[derive(Clone, Debug)]
pub enum Platforms {
    /// All for which the tool is published.
    All,
    /// These.
    Only(Vec<Platform>),
}

impl Request {
    /// A request for these tools.
    pub fn new(tools: Vec<Choice>) -> Request {
        Request { schema_version: SCHEMA_VERSION, tools }
    }

    /// Reads the JSON form.
    pub fn parse(text: &str, origin: &str) -> Result<Request> {
        let request: Request = serde_json::from_str(text).map_err(|error| {
            Error::usage(format!("the request in `{origin}` is not valid")).because(error)
        })?;
        if request.schema_version != SCHEMA_VERSION {
            return Err(Error::usage(format!(
                "the request in `{origin}` has a format that this program does not know"
            ))
            .fact("expected", SCHEMA_VERSION)
            .fact("found", request.schema_version)
            .hint("the helper and rules_wasm_airgap differ in version; use those of one release"));
        }
        Ok(request)
    }

    /// The files that are wanted, and what is not published for a platform that was named.
    pub fn artifacts(&self, platforms: &Platforms) -> Wanted {
        let mut wanted = Wanted::default();
        for choice in &self.tools {
            let published: Vec<_> = choice.assets.keys().copied().collect();
            let platforms = match platforms {
                Platforms::All => &published,
                Platforms::Only(named) => named,
            };
            for &platform in platforms {
                match choice.artifact(platform) {
                    Ok(artifact) => wanted.artifacts.push(artifact),
                    Err(error) => wanted.unpublished.push(error),
                }
            }
        }
        wanted
    }
}

/// The files that a request comes down to.
#[derive(Debug, Default)]
pub struct Wanted {
    /// The files.
    pub artifacts: Vec<Artifact>,
    /// One error for each tool that is not published for a platform that was named.
    pub unpublished: Vec<Error>,
}

impl Choice {
    /// The published file for a platform.
    ///
    /// # Errors
    /// Usage, where the tool is not published for it.
    pub fn artifact(&self, platform: Platform) -> Result<Artifact> {
        let Choice { tool, version, assets, .. } = self;
        let asset = assets.get(&platform).ok_or_else(|| {
            let names: Vec<_> = assets.keys().map(|platform| platform.name()).collect();
            Error::usage(format!("{tool} {version} is not published for {platform}"))
                .fact("published", names.join(", "))
        })?;
        Ok(Artifact {
            tool: tool.clone(),
            version: version.clone(),
            platform,
            asset: asset.clone(),
        })
    }
}
