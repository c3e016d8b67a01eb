//! The only reader of environment variables.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The variables that this program knows, in the order in which `config show` lists them.
pub const VARIABLES: [&str; 18] = [
    OFFLINE,
    VENDOR_DIR,
    MIRROR,
    GITHUB_MIRROR,
    RETRY_SECONDS,
    HTTPS_PROXY,
    HTTPS_PROXY_LOWER,
    HTTP_PROXY_LOWER,
    ALL_PROXY,
    ALL_PROXY_LOWER,
    NO_PROXY,
    NO_PROXY_LOWER,
    SSL_CERT_FILE,
    SSL_CERT_DIR,
    NETRC,
    HOME,
    USERPROFILE,
    WORKSPACE,
];

/// Use nothing that needs the network.
pub const OFFLINE: &str = "BAZEL_WASM_OFFLINE";
/// The vendor folder.
pub const VENDOR_DIR: &str = "BAZEL_WASM_VENDOR_DIR";
/// The mirrors for toolchains.
pub const MIRROR: &str = "BAZEL_WASM_MIRROR";
/// What stands in for `https://github.com`.
pub const GITHUB_MIRROR: &str = "BAZEL_WASM_GITHUB_MIRROR";
/// How long retries of one file may wait altogether.
pub const RETRY_SECONDS: &str = "BAZEL_WASM_RETRY_SECONDS";
/// The proxy for https.
pub const HTTPS_PROXY: &str = "HTTPS_PROXY";
/// The proxy for https.
pub const HTTPS_PROXY_LOWER: &str = "https_proxy";
/// The proxy for http. Only in lower case, as in curl: `HTTP_PROXY` can be set by a request's
/// header where a program runs under CGI.
pub const HTTP_PROXY_LOWER: &str = "http_proxy";
/// The proxy for everything else.
pub const ALL_PROXY: &str = "ALL_PROXY";
/// The proxy for everything else.
pub const ALL_PROXY_LOWER: &str = "all_proxy";
/// Hosts that are reached without a proxy.
pub const NO_PROXY: &str = "NO_PROXY";
/// Hosts that are reached without a proxy.
pub const NO_PROXY_LOWER: &str = "no_proxy";
/// A PEM file with the certificate roots, instead of the system's.
pub const SSL_CERT_FILE: &str = "SSL_CERT_FILE";
/// A folder with certificate roots, instead of the system's.
pub const SSL_CERT_DIR: &str = "SSL_CERT_DIR";
/// The netrc file, instead of the one in the home folder.
pub const NETRC: &str = "NETRC";
/// The home folder.
pub const HOME: &str = "HOME";
/// The home folder on Windows.
pub const USERPROFILE: &str = "USERPROFILE";
/// The workspace root, set by `bazel run`.
pub const WORKSPACE: &str = "BUILD_WORKSPACE_DIRECTORY";

/// A snapshot of the variables that matter, and of the current folder.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<&'static str, String>,
    current_dir: PathBuf,
}

impl Environment {
    /// Reads the process's environment.
    #[expect(clippy::disallowed_methods, reason = "this is the module that reads the environment")]
    pub fn of_process() -> Environment {
        let variables = VARIABLES
            .into_iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?.to_string_lossy().into_owned())))
            .collect();
        // A current folder that was deleted fails later, where a relative path is first used.
        Environment { variables, current_dir: std::env::current_dir().unwrap_or_default() }
    }

    /// An environment with just these variables; for tests.
    pub fn of(pairs: &[(&'static str, &str)], current_dir: impl Into<PathBuf>) -> Environment {
        let variables = pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Environment { variables, current_dir: current_dir.into() }
    }

    /// A variable's value. One that is empty counts as not set.
    pub fn get(&self, name: &'static str) -> Option<&str> {
        debug_assert!(VARIABLES.contains(&name), "{name} is missing in VARIABLES");
        self.variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The first of these variables that is set, with its name.
    pub fn first(&self, names: &[&'static str]) -> Option<(&'static str, &str)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    /// The workspace root under `bazel run`, the current folder otherwise: what a person's
    /// relative paths are relative to.
    pub fn base_dir(&self) -> PathBuf {
        self.get(WORKSPACE).map_or_else(|| self.current_dir.clone(), PathBuf::from)
    }

    /// The folder in which the process was started.
    pub fn current_dir(&self) -> &PathBuf {
        &self.current_dir
    }
}
