//! The bundles, as lines for MODULE.bazel: this program has its own bundles, and a workspace
//! chooses other versions by a tag for each tool.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use airgap_core::error::Result;
use airgap_core::path_component::PathComponent;
use airgap_vendor::catalog::{ToolCatalog, unique};

use super::entry::{Entry, Outcome};
use super::source::{self, MOVE_IT};
use super::tool::Versions;

/// The bundles with the tools that are there.
#[derive(Clone, Debug, Default)]
pub(super) struct Bundles {
    chosen: Option<PathComponent>,
    bundles: BTreeMap<PathComponent, BTreeMap<PathComponent, Availability>>,
}

/// A version of a tool, and whether it can be requested.
#[derive(Clone, Debug)]
struct Availability {
    version: PathComponent,
    is_available: bool,
}

#[derive(Deserialize)]
struct BundleFile {
    #[serde(deserialize_with = "unique::map")]
    bundles: BTreeMap<PathComponent, Bundle>,
    default_bundle: Option<PathComponent>,
}

#[derive(Deserialize)]
struct Bundle {
    #[serde(deserialize_with = "unique::map")]
    tools: BTreeMap<PathComponent, PathComponent>,
}

/// Reads the file of bundles.
///
/// # Errors
/// Usage, with the position, if it has another form.
pub(super) fn read(
    text: &str,
    origin: &str,
    available: &Versions,
    catalog: &ToolCatalog,
) -> Result<(Vec<Entry>, Bundles)> {
    let file: BundleFile = source::parse(text, origin, "a file of bundles", MOVE_IT)?;
    let mut bundles = Bundles { chosen: file.default_bundle, ..Bundles::default() };
    let mut entries = Vec::new();
    for (name, bundle) in file.bundles {
        entries.push(entry(&name, &bundle, available, catalog));
        let tools = bundle.tools.into_iter().map(|(tool, version)| {
            let is_available = available.contains(&(tool.clone(), version.clone()));
            (tool, Availability { version, is_available })
        });
        bundles.bundles.insert(name, tools.collect());
    }
    Ok((entries, bundles))
}

fn entry(
    name: &PathComponent,
    bundle: &Bundle,
    available: &Versions,
    catalog: &ToolCatalog,
) -> Entry {
    if catalog.bundles().any(|(known, it)| known == name.as_str() && it.tools == bundle.tools) {
        let reason = "this program has the same bundle";
        return Entry::new("bundle", name.to_string(), Outcome::Known, reason);
    }
    let missing: Vec<_> = bundle
        .tools
        .iter()
        .filter(|(tool, version)| !available.contains(&((*tool).clone(), (*version).clone())))
        .map(|(tool, version)| format!("{tool} {version}"))
        .collect();
    match missing.is_empty() {
        true => Entry::imported("bundle", name.to_string()),
        false => {
            let reason = format!("no registry file has {}", missing.join(", "));
            Entry::new("bundle", name.to_string(), Outcome::Incomplete, &reason)
        }
    }
}

impl Bundles {
    /// Returns whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.bundles.is_empty()
    }

    /// Returns the lines for MODULE.bazel: all registry files, and the tools of the default bundle.
    /// The tools of the other bundles are comments.
    pub(super) fn fragment(&self, package: &str, files: &[String]) -> String {
        let mut out =
            "# Written by `wasm-airgap import rules_wasm_component`: lines for MODULE.bazel.\n"
                .to_owned();
        let (components, tools): (Vec<_>, Vec<_>) =
            files.iter().partition(|file| file.starts_with("components/"));
        if !tools.is_empty() || !self.is_empty() {
            out.push_str("\nwasm = use_extension(\"@rules_wasm_airgap//bazel:toolchains.bzl\", \"wasm_toolchains\")\n");
            for file in tools {
                let _ = writeln!(out, "wasm.registry(file = \"//{package}:{file}\")");
            }
            self.bundles.iter().for_each(|(name, tools)| self.write_bundle(name, tools, &mut out));
            out.push_str("use_repo(wasm, \"wasm_toolchains\")\n");
        }
        if components.iter().any(|file| file.as_str() == "components/registry.json") {
            out.push_str("\ncomponents = use_extension(\"@rules_wasm_airgap//bazel:components.bzl\", \"wasm_components\")\n");
            let _ = writeln!(
                out,
                "components.registry(file = \"//{package}:components/registry.json\")"
            );
        }
        out
    }

    fn write_bundle(
        &self,
        name: &PathComponent,
        tools: &BTreeMap<PathComponent, Availability>,
        out: &mut String,
    ) {
        let is_chosen = self.chosen.as_ref() == Some(name);
        let word = if is_chosen { "The default bundle" } else { "The bundle" };
        let _ = writeln!(out, "\n# {word} {name}:");
        for (tool, it) in tools {
            let version = &it.version;
            let line = format!("wasm.tool(name = \"{tool}\", version = \"{version}\")");
            let _ = match (is_chosen, it.is_available) {
                (true, true) => writeln!(out, "{line}"),
                (false, true) => writeln!(out, "# {line}"),
                (_, false) => {
                    writeln!(out, "# {tool} {version}: no registry file has this version")
                }
            };
        }
    }
}
