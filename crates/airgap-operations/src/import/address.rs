//! The addresses that rules_wasm_component composes for the files of tools.
//!
//! Its registry files have only the end of a file's name; the rest is in its rules, a pattern for
//! each tool. Without the pattern, a file has an address only if its suffix is the whole name.

use serde::Deserialize;

use airgap_core::artifact::AssetUrl;
use airgap_core::path_component::PathComponent;
use airgap_core::platform::Platform;

use super::entry::quoted;

/// The facts about a published file in a registry file.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Published {
    pub(super) sha256: Option<String>,
    url: Option<String>,
    url_suffix: Option<String>,
    platform_name: Option<String>,
    binary_name: Option<String>,
    pub(super) strip_prefix: Option<String>,
}

/// A pattern: the tool, the folder of its files, and their name. `TAG` is the release's page at
/// GitHub, `V` the version and `S` the suffix.
struct Pattern {
    tool: &'static str,
    folder: &'static str,
    name: &'static str,
}

const fn pattern(tool: &'static str, folder: &'static str, name: &'static str) -> Pattern {
    Pattern { tool, folder, name }
}

/// The tools whose suffix is not the whole name of a file.
const PATTERNS: [Pattern; 15] = [
    pattern("binaryen", "{releases}/version_{version}", "binaryen-version_{version}-{suffix}"),
    pattern("componentize-py", "{releases}/{version}", "componentize-py-{version}-{suffix}"),
    pattern("go", "https://go.dev/dl", "go{version}.{suffix}"),
    pattern("loom", "{releases}/v{version}", "loom-v{version}-{suffix}"),
    pattern("nodejs", "https://nodejs.org/dist/v{version}", "node-v{version}-{suffix}"),
    pattern("spar", "{releases}/v{version}", "spar-v{version}-{suffix}"),
    pattern("synth", "{releases}/v{version}", "synth-v{version}-{suffix}"),
    pattern("tinygo", "{releases}/v{version}", "tinygo{version}.{suffix}"),
    pattern("wac", "{releases}/v{version}", "wac-cli-{suffix}"),
    pattern("wasi-sdk", "{releases}/wasi-sdk-{version}", "wasi-sdk-{version}.0-{suffix}"),
    pattern("wasm-tools", "{releases}/v{version}", "wasm-tools-{version}-{suffix}"),
    pattern("wasmtime", "{releases}/v{version}", "wasmtime-v{version}-{suffix}"),
    pattern("wit-bindgen", "{releases}/v{version}", "wit-bindgen-{version}-{suffix}"),
    pattern("witness", "{releases}/v{version}", "witness-v{version}-{suffix}"),
    pattern("wizer", "{releases}/v{version}", "wizer-v{version}-{suffix}"),
];

/// The folder of a tool without a pattern.
const ANY_TOOL: &str = "{releases}/v{version}";

/// Returns the address of a published file.
///
/// # Errors
/// The reason in words, if it cannot be derived.
pub(super) fn derive(
    tool: &PathComponent,
    repository: Option<&str>,
    version: &PathComponent,
    platform: Platform,
    published: &Published,
) -> Result<AssetUrl, String> {
    if let Some(url) = stated(&published.url) {
        return url.parse();
    }
    let suffix = [&published.binary_name, &published.url_suffix, &published.platform_name]
        .into_iter()
        .find_map(stated)
        .ok_or("it has neither `url` nor `url_suffix`")?;
    let suffix: PathComponent = suffix.parse()?;
    let pattern = PATTERNS.iter().find(|pattern| pattern.tool == tool.as_str());
    let is_whole = published.binary_name.is_some()
        || matches!(platform, Platform::Wasm | Platform::WasmComponent)
        || is_name_of(tool, suffix.as_str());
    let (folder, name) = match pattern {
        Some(pattern) if is_whole => (pattern.folder, "{suffix}"),
        Some(pattern) => (pattern.folder, pattern.name),
        None if is_whole => (ANY_TOOL, "{suffix}"),
        None => return Err(format!("the name of the file that ends in `{suffix}` is unknown")),
    };
    let releases = match folder.contains("{releases}") {
        true => releases(repository)?,
        false => String::new(),
    };
    let address = format!("{folder}/{name}")
        .replace("{releases}", &releases)
        .replace("{version}", version.as_str())
        .replace("{suffix}", suffix.as_str());
    address.parse()
}

/// Returns a text that is there and not empty.
fn stated(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

/// Returns whether a suffix begins with the tool's name, and so is a whole name.
fn is_name_of(tool: &PathComponent, suffix: &str) -> bool {
    suffix.strip_prefix(tool.as_str()).is_some_and(|rest| rest.starts_with(['-', '.', '_']))
}

/// Returns the address of the releases of a repository at GitHub.
fn releases(repository: Option<&str>) -> Result<String, String> {
    let repository = repository.ok_or("its file has no `github_repo`")?;
    let is_valid = |part: &str| part.parse::<PathComponent>().is_ok();
    match repository.split_once('/') {
        Some((owner, name)) if is_valid(owner) && is_valid(name) => {
            Ok(format!("https://github.com/{owner}/{name}/releases/download"))
        }
        _ => Err(format!("{} is not an owner and a repository at GitHub", quoted(repository))),
    }
}
