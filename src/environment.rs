//! The only reader of environment variables.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The variables whose names are fixed. The names of others are made from a registry's name, or
/// stand in a config file; [`Environment::named`] reads those.
pub const VARIABLES: &[&str] = &[
    OFFLINE,
    VENDOR_DIR,
    WIT_VENDOR_DIR,
    MIRROR,
    GITHUB_MIRROR,
    COMPONENT_MIRROR,
    WKG_CONFIG_FILE,
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
    DOCKER_CONFIG,
    DOCKER_AUTH_CONFIG,
    REGISTRY_AUTH_FILE,
    XDG_CONFIG_HOME,
    XDG_RUNTIME_DIR,
    APPDATA,
    HOME,
    USERPROFILE,
    PATH,
    WORKSPACE,
];

/// What the names of variables about a registry begin with.
pub const REGISTRY: &str = "WKG_REGISTRY_";

/// Use nothing that needs the network.
pub const OFFLINE: &str = "BAZEL_WASM_OFFLINE";
/// The vendor folder.
pub const VENDOR_DIR: &str = "BAZEL_WASM_VENDOR_DIR";
/// The vendor folder for WIT packages.
pub const WIT_VENDOR_DIR: &str = "BAZEL_WASM_WIT_VENDOR_DIR";
/// The mirrors for toolchains.
pub const MIRROR: &str = "BAZEL_WASM_MIRROR";
/// What stands in for `https://github.com`.
pub const GITHUB_MIRROR: &str = "BAZEL_WASM_GITHUB_MIRROR";
/// The mirrors for components and WIT packages.
pub const COMPONENT_MIRROR: &str = "BAZEL_WASM_COMPONENT_MIRROR";
/// The file that says which registry serves which package.
pub const WKG_CONFIG_FILE: &str = "WKG_CONFIG_FILE";
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
/// The folder of docker's `config.json`.
pub const DOCKER_CONFIG: &str = "DOCKER_CONFIG";
/// The content of a `config.json` of docker, as GitLab CI has it in a variable; a secret.
pub const DOCKER_AUTH_CONFIG: &str = "DOCKER_AUTH_CONFIG";
/// The credential file of podman, skopeo and buildah.
pub const REGISTRY_AUTH_FILE: &str = "REGISTRY_AUTH_FILE";
/// The folder of config files, instead of `~/.config`.
pub const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
/// The folder of files that live as long as a login.
pub const XDG_RUNTIME_DIR: &str = "XDG_RUNTIME_DIR";
/// The folder of config files on Windows.
pub const APPDATA: &str = "APPDATA";
/// The home folder.
pub const HOME: &str = "HOME";
/// The home folder on Windows.
pub const USERPROFILE: &str = "USERPROFILE";
/// The folders of programs.
pub const PATH: &str = "PATH";
/// The workspace root, set by `bazel run`.
pub const WORKSPACE: &str = "BUILD_WORKSPACE_DIRECTORY";

/// A snapshot of the variables, and of the current folder. `Debug` shows no values: some are
/// secrets.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    current_dir: PathBuf,
}

impl Environment {
    /// Reads the process's environment.
    #[expect(clippy::disallowed_methods, reason = "this is the module that reads the environment")]
    pub fn of_process() -> Environment {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let variables =
            std::env::vars_os().map(|(name, value)| (key(&text(name)), text(value))).collect();
        // A current folder that was deleted fails later, where a relative path is first used.
        Environment { variables, current_dir: std::env::current_dir().unwrap_or_default() }
    }

    /// An environment with just these variables; for tests.
    pub fn of(pairs: &[(&str, &str)], current_dir: impl Into<PathBuf>) -> Environment {
        let own = |(name, value): &(&str, &str)| (key(name), (*value).to_owned());
        Environment { variables: pairs.iter().map(own).collect(), current_dir: current_dir.into() }
    }

    /// A variable's value. One that is empty counts as not set.
    pub fn get(&self, name: &'static str) -> Option<&str> {
        debug_assert!(VARIABLES.contains(&name), "{name} is missing in VARIABLES");
        self.named(name)
    }

    /// The first of these variables that is set, with its name.
    pub fn first(&self, names: &[&'static str]) -> Option<(&'static str, &str)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    /// The value of a variable whose name was made or read, without the space around it. One that
    /// is empty counts as not set.
    pub fn named(&self, name: &str) -> Option<&str> {
        self.variables.get(&key(name)).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Every variable that is set, with its value.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.trim()))
    }

    /// Each variable that is set and whose name begins and ends so, with what is between.
    pub fn between<'a>(
        &'a self,
        prefix: &'a str,
        suffix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let names = self.variables.keys().filter(|name| self.named(name).is_some());
        names.filter_map(move |name| {
            let middle = name.strip_prefix(prefix)?.strip_suffix(suffix)?;
            (!middle.is_empty()).then_some((name.as_str(), middle))
        })
    }

    /// The home folder.
    pub fn home(&self) -> Option<&Path> {
        self.first(&[HOME, USERPROFILE]).map(|(_, home)| Path::new(home))
    }

    /// The folder of a person's config files.
    pub fn config_home(&self) -> Option<PathBuf> {
        if cfg!(windows) {
            return self.get(APPDATA).map(PathBuf::from);
        }
        // The specification wants one that is relative to be ignored.
        let named = self.get(XDG_CONFIG_HOME).map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| Some(self.home()?.join(".config")))
    }

    /// The program of this name on `PATH`. Folders that are relative are left out: what lies in the
    /// current folder must not be run.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        std::env::split_paths(self.get(PATH)?)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(&file))
            .find(|path| crate::look::is_file(path).unwrap_or(false))
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

/// Windows takes `Path` and `PATH` for one name.
fn key(name: &str) -> String {
    if cfg!(windows) { name.to_ascii_uppercase() } else { name.to_owned() }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

/// The variable about a registry: `WKG_REGISTRY_GHCR_IO_TOKEN` for `ghcr.io` and `TOKEN`.
pub fn registry_variable(registry: &str, what: &str) -> String {
    format!("{REGISTRY}{}_{what}", registry_part(registry))
}

/// What stands for a registry in the names of variables: `GHCR_IO`.
pub fn registry_part(registry: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    registry.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_made_are_found_and_values_are_not_shown() {
        let pairs = [
            ("WKG_REGISTRY_GHCR_IO_TOKEN", " geheim\n"),
            ("WKG_REGISTRY_TOKEN", "x"),
            ("WKG_REGISTRY__TOKEN", "x"),
            ("WKG_REGISTRY_A_TOKEN", "  "),
        ];
        let environment = Environment::of(&pairs, "/");
        assert_eq!(environment.named("WKG_REGISTRY_GHCR_IO_TOKEN"), Some("geheim"));
        assert_eq!(environment.named("WKG_REGISTRY_A_TOKEN"), None);
        let found: Vec<_> = environment.between("WKG_REGISTRY_", "_TOKEN").collect();
        assert_eq!(found, [("WKG_REGISTRY_GHCR_IO_TOKEN", "GHCR_IO")]);
        let shown = format!("{environment:?}");
        assert!(shown.contains("GHCR_IO") && !shown.contains("geheim"), "{shown}");
    }

    #[cfg(unix)]
    #[test]
    fn config_files_are_where_the_specification_says() {
        let home = |pairs: &[(&str, &str)]| Environment::of(pairs, "/").config_home();
        assert_eq!(home(&[("HOME", "/h")]), Some("/h/.config".into()));
        assert_eq!(home(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/c")]), Some("/c".into()));
        assert_eq!(home(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "c")]), Some("/h/.config".into()));
        assert_eq!(home(&[]), None);
    }
}
