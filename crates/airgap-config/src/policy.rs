//! The rules for the sources of bytes, from the environment.
//!
//! The rules are one table, highest first; offline removes every row that needs the network, and no
//! setting adds one again.
//!
//! | source | from |
//! |---|---|
//! | a path in the rule | attribute |
//! | the vendor folders | `BAZEL_WASM_WIT_VENDOR_DIR` for WIT, `BAZEL_WASM_VENDOR_DIR` |
//! | the workspace's own folders | `third_party/toolchains`, `vendor/{toolchains,wit,components}` |
//! | mirrors (network) | `BAZEL_WASM_MIRROR`; for OCI see [`crate::registries`] |
//! | upstream (network) | the registry's URL, with `BAZEL_WASM_GITHUB_MIRROR` for GitHub |

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use serde::Serialize;

use airgap_core::artifact::VendoredKind;
use airgap_core::environment::{self as env, Environment};
use airgap_core::error::{self, Error, Result};
use airgap_core::network::Network;

/// The rules that are in force, and their sources.
#[derive(Clone, Debug)]
pub struct Policy {
    offline: Option<Offline>,
    workspace: PathBuf,
    in_action: bool,
    vendor_dir: Option<PathBuf>,
    /// The vendor folders for one kind alone, each with the variable that names it.
    own_vendor_dirs: Vec<(VendoredKind, &'static str, PathBuf)>,
    making: Vec<PathBuf>,
    mirrors: Vec<Mirror>,
    github: Option<String>,
    network: Network,
}

/// The variable or the flag that forbids the network. `Display` writes `BAZEL_WASM_OFFLINE is on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Offline(&'static str);

/// An entry of `BAZEL_WASM_MIRROR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mirror {
    /// A server with the layout of a vendor folder, without a slash at its end.
    Base(String),
    /// The word `direct`: the upstream address.
    Direct,
}

impl Policy {
    /// Reads the rules from an environment. Relative folders are relative to the workspace root.
    ///
    /// # Errors
    /// Usage, with the variable, if a value is invalid. A variable with an invalid value never
    /// silently means online.
    pub fn from_environment(environment: &Environment, workspace: &Path) -> Result<Policy> {
        Ok(Policy {
            offline: is_true(environment, env::OFFLINE)?.then_some(Offline(env::OFFLINE)),
            workspace: workspace.to_owned(),
            in_action: false,
            vendor_dir: environment.get(env::VENDOR_DIR).map(|dir| workspace.join(dir)),
            own_vendor_dirs: own_vendor_dirs(environment, workspace),
            making: Vec::new(),
            mirrors: mirrors(environment)?,
            github: environment
                .get(env::GITHUB_MIRROR)
                .map(|value| base_url(env::GITHUB_MIRROR, value))
                .transpose()?,
            network: Network::from_environment(environment)?,
        })
    }

    /// Returns whether the network is forbidden.
    pub fn is_offline(&self) -> bool {
        self.offline.is_some()
    }

    /// Returns the variable or flag that forbids the network, if there is one.
    pub fn offline(&self) -> Option<Offline> {
        self.offline
    }

    /// Returns the workspace root.
    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// Returns the vendor folder, if one is named.
    pub fn vendor_dir(&self) -> Option<&Path> {
        self.vendor_dir.as_deref()
    }

    /// Returns the vendor folder for a kind alone, if one is named, with the variable that names it.
    pub fn own_vendor_dir(&self, kind: VendoredKind) -> Option<(&'static str, &Path)> {
        let own = self.own_vendor_dirs.iter().find(|(of, ..)| *of == kind);
        own.map(|(_, variable, dir)| (*variable, dir.as_path()))
    }

    /// Returns the vendor folders for a kind, highest first, each with the variable that names it.
    pub fn vendor_dirs(&self, kind: VendoredKind) -> Vec<(&'static str, &Path)> {
        let for_all = self.vendor_dir().map(|dir| (env::VENDOR_DIR, dir));
        self.own_vendor_dir(kind).into_iter().chain(for_all).collect()
    }

    /// Returns the mirrors in order; without any, upstream.
    pub fn mirrors(&self) -> &[Mirror] {
        &self.mirrors
    }

    /// Returns the same rules with a flag that forbids the network if it is given, as in
    /// `--offline`.
    #[must_use]
    pub fn or_offline(mut self, flag: &'static str, is_given: bool) -> Policy {
        self.offline = self.offline.or(is_given.then_some(Offline(flag)));
        self
    }

    /// Returns the same rules for a command that creates these folders: they may be missing, even
    /// if a variable names them already.
    #[must_use]
    pub fn making(mut self, folders: impl IntoIterator<Item = PathBuf>) -> Policy {
        self.making.extend(folders);
        self
    }

    /// Returns the same rules for an action of Bazel, which sees only its inputs of the workspace.
    #[must_use]
    pub fn in_action(mut self, is_action: bool) -> Policy {
        self.in_action = is_action;
        self
    }

    /// Returns whether a folder is in the workspace and this is an action, which does not see it
    /// there.
    pub fn is_hidden(&self, folder: &Path) -> bool {
        self.in_action && folder.starts_with(&self.workspace)
    }

    /// Returns whether the command creates this folder.
    pub fn makes(&self, folder: &Path) -> bool {
        self.making.iter().any(|it| it == folder)
    }

    /// Returns the permission to use the network. `what` is the action for messages: "fetch `a`".
    ///
    /// # Errors
    /// Unavailable, if offline.
    pub fn network(&self, what: impl FnOnce() -> String) -> Result<&Network> {
        match self.offline {
            Some(offline) => {
                Err(Error::new(error::ErrorKind::Unavailable, format!("cannot {} offline", what()))
                    .hint(format!("{offline}; on a machine with a network, {}", offline.remedy())))
            }
            None => Ok(&self.network),
        }
    }

    /// Returns the settings of the network for display; they permit nothing.
    pub fn settings(&self) -> &Network {
        &self.network
    }

    /// Returns an upstream address, with the GitHub mirror in place of GitHub if there is one.
    pub fn upstream(&self, url: &str) -> String {
        match (&self.github, url.strip_prefix("https://github.com/")) {
            (Some(base), Some(path)) => format!("{base}/{path}"),
            _ => url.to_owned(),
        }
    }

    /// Returns the variable that changes an upstream address: that of the GitHub mirror or none.
    pub fn upstream_setting(&self, url: &str) -> Option<&'static str> {
        (self.upstream(url) != url).then_some(env::GITHUB_MIRROR)
    }
}

impl Offline {
    /// Returns the name of the variable or flag.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// Returns the hint for a user who needs the network.
    pub fn remedy(self) -> String {
        let verb = if self.0.starts_with('-') { "leave out" } else { "unset" };
        format!("{verb} {}", self.0)
    }
}

impl Display for Offline {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} is on", self.0)
    }
}

/// Parses a variable that is on or off.
///
/// # Errors
/// Usage, for any other word: a guess would often be wrong, and online by mistake is dangerous.
fn is_true(environment: &Environment, name: &'static str) -> Result<bool> {
    let Some(value) = environment.get(name) else { return Ok(false) };
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        other => {
            let error = Error::usage(format!("`{name}` must be on or off"))
                .fact("found", format!("`{value}`"))
                .fact("expected", "1, true, yes or on; or 0, false, no, off or empty");
            // The manual of rules_wasm_component has this value.
            Err(match other {
                "prefer" => error.hint(format!(
                    "unset {name}: vendor folders are always searched first, and the network is used \
                     for the rest"
                )),
                _ => error,
            })
        }
    }
}

fn mirrors(environment: &Environment) -> Result<Vec<Mirror>> {
    let named = mirror_list(environment, env::MIRROR, |word| match word {
        "direct" => Ok(Mirror::Direct),
        word => base_url(env::MIRROR, word).map(Mirror::Base),
    })?;
    Ok(named.unwrap_or_else(|| vec![Mirror::Direct]))
}

/// Parses a list of mirrors, if the variable is set. `read` parses an entry: an address, or the
/// word `direct`.
///
/// # Errors
/// Usage, if the list is empty; the errors of `read`.
pub(crate) fn mirror_list<T>(
    environment: &Environment,
    name: &'static str,
    read: impl Fn(&str) -> Result<T>,
) -> Result<Option<Vec<T>>> {
    let Some(value) = environment.get(name) else { return Ok(None) };
    let words = value.split(',').map(str::trim).filter(|word| !word.is_empty());
    let mirrors: Vec<_> = words.map(read).collect::<Result<_>>()?;
    if mirrors.is_empty() {
        return Err(Error::usage(format!("`{name}` does not name a mirror"))
            .fact("found", format!("`{value}`"))
            .fact("expected", "URLs separated by commas, optionally with `direct` at the end"));
    }
    Ok(Some(mirrors))
}

/// Checks an address to which paths are appended.
fn base_url(name: &'static str, value: &str) -> Result<String> {
    let refuse = |problem: String| {
        Error::usage(format!("`{name}` does not contain a usable URL: {problem}"))
            .fact("expected", "a URL such as `https://mirror.example.com/tools`")
    };
    // An address may have a password in it and must not be repeated, even in the error for it.
    let url = url::Url::parse(value)
        .map_err(|error| refuse(format!("`{}`: {error}", airgap_http::redacted(value))))?;
    if !matches!(url.scheme(), "https" | "http" | "file") {
        return Err(refuse(format!(
            "it starts with `{}://`, not with https://, http:// or file://",
            url.scheme()
        )));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse(
            "it contains a user name or password, which would be printed and stored".into(),
        )
        .hint(
            "put the credentials into your netrc file: `machine HOST login USER password SECRET`",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse(format!(
            "`{}` has a query or fragment, so no path can be added to it",
            airgap_http::redacted(value)
        )));
    }
    Ok(value.trim_end_matches('/').to_owned())
}

/// Returns the vendor folders that variables name for one kind alone.
fn own_vendor_dirs(
    environment: &Environment,
    workspace: &Path,
) -> Vec<(VendoredKind, &'static str, PathBuf)> {
    let own = |kind: VendoredKind| {
        let variable = kind.variable()?;
        Some((kind, variable, workspace.join(environment.get(variable)?)))
    };
    VendoredKind::ALL.into_iter().filter_map(own).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use airgap_core::artifact;
    use airgap_core::error::ErrorKind;

    fn policy(pairs: &[(&'static str, &str)]) -> Result<Policy> {
        Policy::from_environment(&Environment::from_pairs(pairs, "/cwd"), Path::new("/ws"))
    }

    /// Parses the vectors in a file for Starlark.
    fn vectors<T: serde::de::DeserializeOwned>(starlark: &str) -> BTreeMap<String, T> {
        let (_, json) = starlark.split_once(" = ").unwrap();
        // Starlark ends the last line with a comma, which JSON does not allow.
        serde_json::from_str(&json.replace(",\n}", "\n}")).unwrap()
    }

    /// Uses the same values as the Starlark tests of bazel/tests.
    #[test]
    fn mirror_lists_match_the_shared_vectors() {
        let vectors =
            vectors::<serde_json::Value>(include_str!("../../../tests/vectors/mirrors.bzl"));
        for (value, meaning) in vectors {
            match policy(&[(env::MIRROR, &value)]) {
                Ok(policy) => {
                    let word = |mirror: &Mirror| match mirror {
                        Mirror::Base(base) => base.clone(),
                        Mirror::Direct => "direct".to_owned(),
                    };
                    let found: Vec<_> = policy.mirrors().iter().map(word).collect();
                    assert_eq!(serde_json::json!(found), meaning, "`{value}`");
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Usage);
                    assert_eq!("error", meaning, "`{value}`: {error}");
                }
            }
        }
    }

    /// Uses the same words as the Starlark tests of bazel/tests.
    #[test]
    fn offline_values_match_the_shared_vectors() {
        let vectors = vectors::<String>(include_str!("../../../tests/vectors/offline.bzl"));
        for (word, meaning) in vectors {
            let found = policy(&[(env::OFFLINE, &word)]).map(|policy| policy.is_offline());
            match meaning.as_str() {
                "error" => {
                    let error = found.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Usage);
                    assert!(error.to_string().contains(&word), "{error}");
                }
                meaning => assert_eq!(found.unwrap().to_string(), meaning, "`{word}`"),
            }
        }
    }

    #[test]
    fn the_value_prefer_gets_its_remedy() {
        let error = policy(&[(env::OFFLINE, "prefer")]).unwrap_err().to_string();
        assert!(error.contains("unset BAZEL_WASM_OFFLINE: vendor folders are always"), "{error}");
    }

    #[test]
    fn offline_gives_no_network_even_with_mirrors_set() {
        let all = [
            (env::OFFLINE, "on"),
            (env::MIRROR, "https://m,direct"),
            (env::GITHUB_MIRROR, "https://g"),
        ];
        let error = policy(&all).unwrap().network(|| "fetch `a`".into()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("unset BAZEL_WASM_OFFLINE"), "{error}");
    }

    #[test]
    fn the_setting_that_forbids_the_network_is_named() {
        let of = |pairs, given| policy(pairs).unwrap().or_offline("--offline", given).offline();
        let words = |it: Offline| format!("{it}; {}", it.remedy());
        let by_flag = of(&[], true).map(words);
        assert_eq!(by_flag.as_deref(), Some("--offline is on; leave out --offline"));
        // Without the flag the variable would still forbid the network.
        let by_both = of(&[(env::OFFLINE, "1")], true).map(Offline::name);
        assert_eq!(by_both, Some(env::OFFLINE));
        assert_eq!(of(&[(env::OFFLINE, "0")], false), None);
    }

    #[test]
    fn mirrors_are_a_list_with_direct() {
        let mirrors = policy(&[(env::MIRROR, "https://a/, http://b/x/ ,direct")]).unwrap();
        let base = |text: &str| Mirror::Base(text.to_owned());
        assert_eq!(mirrors.mirrors(), [base("https://a"), base("http://b/x"), Mirror::Direct]);
        assert_eq!(policy(&[]).unwrap().mirrors(), [Mirror::Direct]);
    }

    #[test]
    fn invalid_mirrors_are_refused_without_repeating_secrets() {
        for value in ["mirror", "ftp://a", "https://", ",", "https://a?x=1", "Direct"] {
            let error = policy(&[(env::MIRROR, value)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{value}");
            assert!(error.to_string().contains("BAZEL_WASM_MIRROR"), "{error}");
        }
        for value in [
            "https://u:hunter2@a/b",
            "u:hunter2@a",
            "https://u:hunter2@ a",
            "https://a/t?sig=hunter2",
            "https://a/t#hunter2",
            "a/t?sig=hunter2",
        ] {
            let error = policy(&[(env::GITHUB_MIRROR, value)]).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn only_urls_of_github_are_replaced() {
        let policy = policy(&[(env::GITHUB_MIRROR, "https://ghe.corp/gh/")]).unwrap();
        assert_eq!(policy.upstream("https://github.com/a/b.zip"), "https://ghe.corp/gh/a/b.zip");
        for other in ["https://github.com.evil.org/a", "https://go.dev/dl/go.zip"] {
            assert_eq!(policy.upstream(other), other);
        }
    }

    #[test]
    fn folders_are_relative_to_the_workspace() {
        let dir =
            |value| policy(&[(env::VENDOR_DIR, value)]).unwrap().vendor_dir().unwrap().to_owned();
        assert_eq!(dir("vendor"), Path::new("/ws/vendor"));
        assert_eq!(dir("/mnt/shared"), Path::new("/mnt/shared"));
    }

    #[test]
    fn only_wit_has_a_folder_of_its_own() {
        let policy =
            policy(&[(env::VENDOR_DIR, "/v"), (env::WIT_VENDOR_DIR, "vendor/wit")]).unwrap();
        let dirs = |kind| policy.vendor_dirs(kind).into_iter().map(|(_, dir)| dir).collect();
        let wit: Vec<_> = dirs(artifact::VendoredKind::Wit);
        assert_eq!(wit, [Path::new("/ws/vendor/wit"), Path::new("/v")]);
        let toolchains: Vec<_> = dirs(artifact::VendoredKind::Toolchain);
        assert_eq!(toolchains, [Path::new("/v")]);
    }
}
