//! A repository that holds a tool.

use std::path::{Path, PathBuf};

use crate::build_file::{BuildFile, Call, Value};
use airgap_archive::executable_places;
use airgap_core::error::{Context, Error, Result};
use airgap_core::path_component::PathComponent;
use airgap_core::platform::Platform;
use airgap_core::user_path;

/// The folder of a tool repository that contains the unpacked tool.
pub const TOOL_FOLDER: &str = "tool";

/// A repository that holds one tool for one platform.
#[derive(Clone, Debug)]
pub struct ToolRepository {
    /// The tool.
    pub tool: PathComponent,
    /// Its version.
    pub version: PathComponent,
    /// The platform that it runs on.
    pub platform: Platform,
    /// The executables, the main one first, as in a registry file.
    pub executables: Vec<String>,
    /// The label of the file with the `wasm_tool` rule.
    pub rules: String,
}

impl ToolRepository {
    /// Returns the BUILD file for the repository in `root`, whose folder `tool` holds the unpacked
    /// tool.
    ///
    /// # Errors
    /// Usage, if an executable is not in the tree; the error lists the existing ones.
    pub fn build_file(&self, root: &Path) -> Result<BuildFile> {
        let ToolRepository { tool, version, platform, .. } = self;
        let mut executables = Vec::new();
        for wanted in &self.executables {
            let path = self.find(&root.join(TOOL_FOLDER), wanted)?;
            executables.push((format!("{TOOL_FOLDER}/{path}"), target_name(wanted)));
        }
        let main = self.executables.first().map(|path| target_name(path)).unwrap_or_default();
        let call = Call::new("wasm_tool", "toolchain")
            .with("executables", Value::Dict(executables))
            .with("files", Value::Glob(vec![format!("{TOOL_FOLDER}/**")]))
            .with("main", Value::Text(main))
            .with("tool", Value::Text(tool.to_string()))
            .with("version", Value::Text(version.to_string()));
        Ok(BuildFile {
            header: vec![format!("Written by wasm-airgap for {tool} {version} ({platform}).")],
            loads: vec![(self.rules.clone(), "wasm_tool".to_owned())],
            exports: Vec::new(),
            calls: vec![call],
        })
    }

    /// Returns the path of an executable in the tree, with `/` on every platform.
    fn find(&self, tree: &Path, wanted: &str) -> Result<String> {
        let places = executable_places(wanted, self.platform.is_windows());
        for place in &places {
            if user_path::is_file(&tree.join(place.split('/').collect::<PathBuf>()))? {
                return Ok(place.clone());
            }
        }
        let ToolRepository { tool, version, platform, .. } = self;
        Err(Error::usage(format!(
            "{tool} {version} ({platform}) does not contain the executable `{wanted}`"
        ))
        .fact("looked at", places.join(", "))
        .fact("there are", top_entries(tree)?)
        .hint("set `executables` to the right path in your own registry file"))
    }
}

/// Returns the target name of an executable: the last part of its path.
fn target_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

fn top_entries(tree: &Path) -> Result<String> {
    let entries = user_path::list(tree).doing(|| format!("list `{}`", tree.display()))?;
    let names = entries.iter().take(20).filter_map(|path| path.file_name());
    let names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    Ok(names.join(", "))
}
