//! Guesses facts about a release file from its address.

use crate::catalog::ToolCatalog;
use airgap_core::platform::Platform;

/// The facts that an address contains; each unknown one is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guess {
    /// The tool, if the registry has a file of that name from that server.
    pub tool: Option<String>,
    /// The version.
    pub version: Option<String>,
    /// The platform.
    pub platform: Option<Platform>,
}

impl Guess {
    /// Reads the facts from an address.
    pub fn of(url: &str, catalog: &ToolCatalog) -> Guess {
        let filename = filename(url);
        Guess {
            tool: tool(url, catalog),
            version: tag(url).and_then(version_in_tag).or_else(|| version_in_name(filename)),
            platform: platform(filename),
        }
    }
}

fn filename(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

/// Returns everything before the first digit: `wasm-tools-` or `wac-cli-x`.
fn stem(url: &str) -> &str {
    let name = filename(url);
    name.split(|c: char| c.is_ascii_digit()).next().unwrap_or(name)
}

fn tool(url: &str, catalog: &ToolCatalog) -> Option<String> {
    let of_same_kind = |known: &str| stem(known) == stem(url) && host(known) == host(url);
    catalog
        .tools()
        .find(|tool| {
            tool.versions.values().flatten().any(|(_, asset)| of_same_kind(asset.url.as_str()))
        })
        .map(|tool| tool.tool.to_string())
}

fn host(url: &str) -> Option<&str> {
    url.split('/').nth(2)
}

/// Returns the release's tag in an address of GitHub's form.
fn tag(url: &str) -> Option<&str> {
    url.split_once("/releases/download/")?.1.split('/').next()
}

/// Returns the version in a tag: from the first digit on, as in `v1.244.0`, `version_123` or
/// `wasi-sdk-29`; or the word itself, as in `canary`.
fn version_in_tag(tag: &str) -> Option<String> {
    let start = tag.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
    (!tag.is_empty()).then(|| tag[start..].to_owned())
}

/// Returns the first run of numbers with dots between: `go1.25.3.linux-amd64.tar.gz`.
fn version_in_name(name: &str) -> Option<String> {
    let runs =
        name.split(|c: char| !c.is_ascii_digit() && c != '.').map(|run| run.trim_matches('.'));
    runs.filter(|run| run.contains('.')).map(str::to_owned).next()
}

fn platform(filename: &str) -> Option<Platform> {
    let lower = filename.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if lower.ends_with(".wasm") {
        return Some(Platform::Wasm);
    }
    let is_arm = has(&["aarch64", "arm64"]);
    let is_intel = has(&["x86_64", "amd64", "x64", "x86-64"]);
    match () {
        () if has(&["darwin", "macos", "apple"]) && is_arm => Some(Platform::DarwinArm64),
        () if has(&["darwin", "macos", "apple"]) && is_intel => Some(Platform::DarwinAmd64),
        () if has(&["windows", "-win-", "win64", "win32"]) && !is_arm => {
            Some(Platform::WindowsAmd64)
        }
        () if has(&["linux"]) && is_arm => Some(Platform::LinuxArm64),
        () if has(&["linux"]) && is_intel => Some(Platform::LinuxAmd64),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_address_is_read_right() {
        let catalog = ToolCatalog::builtin().unwrap();
        for tool in catalog.tools() {
            for (version, assets) in &tool.versions {
                for (&platform, asset) in assets {
                    let guess = Guess::of(asset.url.as_str(), &catalog);
                    assert_eq!(guess.tool.as_deref(), Some(tool.tool.as_str()), "{}", asset.url);
                    assert_eq!(guess.version.as_deref(), Some(version.as_str()), "{}", asset.url);
                    // An address does not tell a component from a module.
                    let wanted =
                        if platform == Platform::WasmComponent { Platform::Wasm } else { platform };
                    assert_eq!(guess.platform, Some(wanted), "{}", asset.url);
                }
            }
        }
    }

    #[test]
    fn nothing_is_guessed_from_an_address_without_facts() {
        let catalog = ToolCatalog::builtin().unwrap();
        assert_eq!(Guess::of("https://files.corp/latest.zip", &catalog), Guess::default());
    }
}
