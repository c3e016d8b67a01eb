//! The only reader of environment variables.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::bazel::Settings;
use crate::secrets;

/// The variables with fixed names. Other names are derived from a registry's name, or are in a
/// config file; [`Environment::named`] reads those.
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
    RUNFILES_DIR,
    RUNFILES_MANIFEST_FILE,
    TEST_WORKSPACE,
    WORKING_DIRECTORY,
    BAZEL_WORKSPACE,
];

/// The prefix of the variables about a registry.
pub const REGISTRY: &str = "WKG_REGISTRY_";

/// The setting that forbids everything that needs the network.
pub const OFFLINE: &str = "BAZEL_WASM_OFFLINE";
/// The vendor folder.
pub const VENDOR_DIR: &str = "BAZEL_WASM_VENDOR_DIR";
/// The vendor folder for WIT packages.
pub const WIT_VENDOR_DIR: &str = "BAZEL_WASM_WIT_VENDOR_DIR";
/// The mirrors for toolchains.
pub const MIRROR: &str = "BAZEL_WASM_MIRROR";
/// The replacement for `https://github.com`.
pub const GITHUB_MIRROR: &str = "BAZEL_WASM_GITHUB_MIRROR";
/// The mirrors for components and WIT packages.
pub const COMPONENT_MIRROR: &str = "BAZEL_WASM_COMPONENT_MIRROR";
/// The file that maps packages to registries.
pub const WKG_CONFIG_FILE: &str = "WKG_CONFIG_FILE";
/// The time in seconds that all retries of one file together may wait.
pub const RETRY_SECONDS: &str = "BAZEL_WASM_RETRY_SECONDS";
/// The proxy for https.
pub const HTTPS_PROXY: &str = "HTTPS_PROXY";
/// The proxy for https.
pub const HTTPS_PROXY_LOWER: &str = "https_proxy";
/// The proxy for http. Only in lower case, as in curl: `HTTP_PROXY` can be set by a request's
/// header if a program runs under CGI.
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
/// The folder of the runfiles, set by `bazel test`.
pub const RUNFILES_DIR: &str = "RUNFILES_DIR";
/// The list of the runfiles, set by `bazel test`.
pub const RUNFILES_MANIFEST_FILE: &str = "RUNFILES_MANIFEST_FILE";
/// The name of the main repository in the runfiles, set by `bazel test`.
pub const TEST_WORKSPACE: &str = "TEST_WORKSPACE";
/// The folder in which a person ran `bazel run`.
pub const WORKING_DIRECTORY: &str = "BUILD_WORKING_DIRECTORY";
/// The workspace root, set by this module's repository rules.
pub const BAZEL_WORKSPACE: &str = "BAZEL_WASM_WORKSPACE";

/// A snapshot of the variables, and of the current folder. `Debug` shows no values: some are
/// secrets.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    current_dir: PathBuf,
    /// The workspace root that Bazel's settings name.
    workspace: Option<PathBuf>,
    /// The variables that Bazel's settings name without their values.
    withheld: Vec<String>,
    /// The variables whose values come from Bazel's settings.
    inherited: Vec<String>,
    /// Whether relative paths are relative to the current folder also under `bazel run`.
    typed: bool,
}

impl Environment {
    /// Reads the process's environment.
    #[expect(clippy::disallowed_methods, reason = "this is the module that reads the environment")]
    pub fn of_process() -> Environment {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let variables =
            std::env::vars_os().map(|(name, value)| (key(&text(name)), text(value))).collect();
        // A current folder that was deleted fails later, when a relative path is first used.
        let current_dir = std::env::current_dir().unwrap_or_default();
        Environment { variables, current_dir, ..Environment::default() }
    }

    /// Creates an environment with only these variables; for tests.
    pub fn of(pairs: &[(&str, &str)], current_dir: impl Into<PathBuf>) -> Environment {
        let own = |(name, value): &(&str, &str)| (key(name), (*value).to_owned());
        let variables = pairs.iter().map(own).collect();
        Environment { variables, current_dir: current_dir.into(), ..Environment::default() }
    }

    /// Adds Bazel's settings for variables that the environment does not set itself.
    #[must_use]
    pub fn with_settings(mut self, settings: Settings) -> Environment {
        for (name, value) in settings.variables {
            if self.named(&name).is_none() {
                self.variables.insert(key(&name), value);
                self.inherited.push(key(&name));
            }
        }
        let withheld = settings.withheld.into_iter();
        self.withheld = withheld.filter(|name| self.named(name).is_none()).collect();
        self.workspace = Some(settings.workspace);
        self
    }

    /// Returns the variables that the process itself does not have. Child processes may need them.
    pub fn inherited(&self) -> impl Iterator<Item = (&str, &str)> {
        self.inherited.iter().filter_map(|name| Some((name.as_str(), self.named(name)?)))
    }

    /// Returns the variables that are set in Bazel's repository rules and may be secrets, so that
    /// this program does not get them.
    pub fn withheld(&self) -> &[String] {
        &self.withheld
    }

    /// Returns the workspace root that Bazel's settings name.
    pub fn workspace(&self) -> Option<&Path> {
        self.workspace.as_deref()
    }

    /// Makes relative paths relative to the folder in which a person ran `bazel run`, for a command
    /// line that this person typed.
    #[must_use]
    pub fn as_typed(mut self) -> Environment {
        if let Some(here) = self.get(WORKING_DIRECTORY).map(PathBuf::from) {
            self.current_dir = here;
        }
        Environment { typed: true, ..self }
    }

    /// Returns a variable's value. An empty one counts as not set.
    pub fn get(&self, name: &'static str) -> Option<&str> {
        debug_assert!(VARIABLES.contains(&name), "{name} is missing in VARIABLES");
        self.named(name)
    }

    /// Returns the first of these variables that is set, with its name.
    pub fn first(&self, names: &[&'static str]) -> Option<(&'static str, &str)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    /// Returns the value of a variable whose name was derived or read, trimmed. An empty one counts
    /// as not set.
    pub fn named(&self, name: &str) -> Option<&str> {
        self.variables.get(&key(name)).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Returns every variable that is set, with its value.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.trim()))
    }

    /// Registers the secrets in the variables with [`secrets`]: tokens of registries, and addresses
    /// with a password.
    pub fn learn_secrets(&self) {
        for (name, value) in self.all() {
            if name.starts_with(REGISTRY)
                && (name.ends_with("_TOKEN") || name.ends_with("_AUTH_BEARER"))
            {
                match value.split_once(':') {
                    Some((user, password)) => secrets::learn_login(user, password),
                    None => secrets::learn(value),
                }
            }
            secrets::learn_addresses_in(value);
        }
    }

    /// Returns each variable that is set and has this prefix and suffix, with the part between
    /// them.
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

    /// Returns the home folder.
    pub fn home(&self) -> Option<&Path> {
        self.first(&[HOME, USERPROFILE]).map(|(_, home)| Path::new(home))
    }

    /// Returns the folder of a person's config files.
    pub fn config_home(&self) -> Option<PathBuf> {
        if cfg!(windows) {
            return self.get(APPDATA).map(PathBuf::from);
        }
        // The XDG Base Directory Specification says that a relative path must be ignored.
        let named = self.get(XDG_CONFIG_HOME).map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| Some(self.home()?.join(".config")))
    }

    /// Returns the program of this name on `PATH`. Relative folders are skipped: a program in the
    /// current folder must not be run.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        std::env::split_paths(self.get(PATH)?)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(&file))
            .find(|path| crate::look::is_file(path).unwrap_or(false))
    }

    /// Returns the base of a person's relative paths: the workspace root under `bazel run` of a
    /// target that vendors and in actions, the current folder otherwise.
    pub fn base_dir(&self) -> PathBuf {
        if self.typed {
            return self.current_dir.clone();
        }
        let named = self.get(WORKSPACE).map(Path::new);
        named.or(self.workspace()).unwrap_or(&self.current_dir).to_owned()
    }

    /// Returns the folder in which the process was started, or in which the person ran `bazel run`.
    pub fn current_dir(&self) -> &PathBuf {
        &self.current_dir
    }
}

/// Returns the key of a variable. Windows treats `Path` and `PATH` as one name.
fn key(name: &str) -> String {
    if cfg!(windows) { name.to_ascii_uppercase() } else { name.to_owned() }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

/// Returns the variable about a registry: `WKG_REGISTRY_GHCR_IO_TOKEN` for `ghcr.io` and `TOKEN`.
pub fn registry_variable(registry: &str, what: &str) -> String {
    format!("{REGISTRY}{}_{what}", registry_part(registry))
}

/// Returns the form of a registry's name in the names of variables: `GHCR_IO`.
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

    #[test]
    fn settings_hold_for_what_is_not_set() {
        let settings = r#"{"schema_version": 1, "workspace": "/ws", "withheld": ["T", "U"],
            "variables": {"BAZEL_WASM_OFFLINE": "1", "BAZEL_WASM_MIRROR": "https://a", "HOME": "/h"}}"#;
        let pairs = [("BAZEL_WASM_OFFLINE", " "), ("BAZEL_WASM_MIRROR", "https://b"), ("U", "x")];
        let environment = Environment::of(&pairs, "/cwd");
        assert_eq!(environment.base_dir(), Path::new("/cwd"));
        let environment = environment.with_settings(serde_json::from_str(settings).unwrap());
        assert_eq!(environment.get(OFFLINE), Some("1"));
        assert_eq!(environment.get(MIRROR), Some("https://b"));
        assert_eq!(environment.withheld(), ["T"]);
        let inherited: Vec<_> = environment.inherited().collect();
        assert_eq!(inherited, [("BAZEL_WASM_OFFLINE", "1"), ("HOME", "/h")]);
        assert_eq!(environment.base_dir(), Path::new("/ws"));
    }

    /// Checks the Starlark list, from which all of them are passed to actions and `bazel run`,
    /// except those that Bazel sets.
    #[test]
    fn starlark_knows_all_variables() {
        let starlark = include_str!("../../../bazel/private/settings.bzl");
        let list = starlark.split_once("VARIABLES = [").unwrap().1.split_once(']').unwrap().0;
        let names = list.split(',').map(|it| it.trim().trim_matches('"'));
        let names: Vec<_> = names.filter(|it| !it.is_empty()).collect();
        let own = [
            WORKSPACE,
            WORKING_DIRECTORY,
            BAZEL_WORKSPACE,
            RUNFILES_DIR,
            RUNFILES_MANIFEST_FILE,
            TEST_WORKSPACE,
        ];
        let mut expected: Vec<_> = VARIABLES.iter().filter(|it| !own.contains(it)).collect();
        expected.sort();
        assert_eq!(names.iter().collect::<Vec<_>>(), expected);
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
