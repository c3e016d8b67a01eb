//! One tool in one version, chosen from the checksum registry.

use serde::{Deserialize, Serialize};

use super::Assets;
use airgap_core::artifact::{Artifact, Identity};
use airgap_core::error::{Error, Result};
use airgap_core::path_component::PathComponent;
use airgap_core::platform::Platform;

/// One tool in one version.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The tool.
    pub tool: PathComponent,
    /// The version.
    pub version: PathComponent,
    /// The executables, the main one first.
    pub executables: Vec<String>,
    /// The published file for each platform.
    pub assets: Assets,
}

impl Choice {
    /// Returns the published file for a platform.
    ///
    /// # Errors
    /// Usage, if the tool is not published for it.
    pub fn artifact(&self, platform: Platform) -> Result<Artifact> {
        let Choice { tool, version, assets, .. } = self;
        let asset = assets.get(&platform).ok_or_else(|| {
            let names: Vec<_> = assets.keys().map(|platform| platform.name()).collect();
            Error::usage(format!("{tool} {version} is not published for {platform}"))
                .fact("published", names.join(", "))
        })?;
        let identity = Identity::Tool { tool: tool.clone(), version: version.clone(), platform };
        Ok(Artifact { identity, asset: asset.clone() })
    }

    /// Returns whether it is published for a machine, and not as WebAssembly only.
    pub fn is_native(&self) -> bool {
        let is_wasm =
            |platform: &Platform| matches!(platform, Platform::Wasm | Platform::WasmComponent);
        !self.assets.keys().all(is_wasm)
    }
}
