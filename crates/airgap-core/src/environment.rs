//! The only reader of environment variables.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::bazel::Settings;
use crate::secrets;

/// A variable of the environment, for the page of the manual.
#[derive(Debug)]
pub struct Variable {
    /// The name.
    pub name: &'static str,
    /// The heading of its table in the manual.
    pub group: &'static str,
    /// The meaning in Markdown.
    pub meaning: &'static str,
}

/// Declares variables, and lists them in [`VARIABLES`]. The text above each one is also its meaning
/// in the manual, so it is for readers of both.
macro_rules! variables {
    ($($group:literal: $($(#[doc = $meaning:literal])+ $constant:ident = $name:literal;)+)+) => {
        $($($(#[doc = $meaning])+ pub const $constant: &str = $name;)+)+

        /// The variables with fixed names. Other names are derived from a registry's name, or are
        /// in a config file; [`Environment::named`] reads those.
        pub const VARIABLES: &[Variable] = &[$($(Variable {
            name: $name,
            group: $group,
            meaning: concat!($($meaning),+),
        },)+)+];
    };
}

variables! {
"Sources":
/// Forbids everything that needs the network: `1`, `true`, `yes` or `on`, in any case of letters.
/// `0`, `false`, `no`, `off` and an empty value allow it. Any other value is an error.
OFFLINE = "BAZEL_WASM_OFFLINE";
/// A vendor folder, or the folder `toolchains` in it. A folder that does not exist is an error,
/// unless the command creates it.
VENDOR_DIR = "BAZEL_WASM_VENDOR_DIR";
/// A vendor folder, or the folder `wit` in it, for WIT packages only. It is searched before
/// `BAZEL_WASM_VENDOR_DIR`.
WIT_VENDOR_DIR = "BAZEL_WASM_WIT_VENDOR_DIR";
/// Mirrors of published files, separated by commas and tried in order:
/// `https://a.example,https://b.example,direct`. `direct` is the upstream server. Without `direct`,
/// the upstream server is not asked.
MIRROR = "BAZEL_WASM_MIRROR";
/// The address that replaces `https://github.com` in upstream addresses.
GITHUB_MIRROR = "BAZEL_WASM_GITHUB_MIRROR";
/// Mirrors of OCI registries for components and WIT packages, in the form of `BAZEL_WASM_MIRROR`.
/// `direct` is the registry itself.
COMPONENT_MIRROR = "BAZEL_WASM_COMPONENT_MIRROR";
/// The config file, which names the registry of each package. It replaces
/// `wasm-pkg/config.toml` in the folder of config files.
WKG_CONFIG_FILE = "WKG_CONFIG_FILE";

"Network":
/// The most seconds that all retries of one file, one upload or one list of a registry may take in
/// total: the waits, and failed attempts that received less than 100 bytes per second. The default
/// is 120; 0 means no retries.
RETRY_SECONDS = "BAZEL_WASM_RETRY_SECONDS";
/// The proxy for https addresses. The name in lower case wins.
HTTPS_PROXY_LOWER = "https_proxy";
/// The proxy for https addresses. The name in lower case wins.
HTTPS_PROXY = "HTTPS_PROXY";
/// The proxy for http addresses. Only this name in lower case is read, as in curl: in a CGI program
/// a request can set the one in capitals.
HTTP_PROXY_LOWER = "http_proxy";
/// The proxy for addresses without a proxy of their own. The name in lower case wins.
ALL_PROXY_LOWER = "all_proxy";
/// The proxy for addresses without a proxy of their own. The name in lower case wins.
ALL_PROXY = "ALL_PROXY";
/// Hosts that are reached without a proxy, separated by commas. `example.com` and `.example.com` are
/// the host and all hosts below it; `*.example.com` is only the hosts below it. An entry may have a
/// port. Addresses (`10.0.0.1`), ranges (`10.0.0.0/8`) and `*` for every host are possible too. The
/// name in lower case wins.
NO_PROXY_LOWER = "no_proxy";
/// Hosts that are reached without a proxy, separated by commas. `example.com` and `.example.com` are
/// the host and all hosts below it; `*.example.com` is only the hosts below it. An entry may have a
/// port. Addresses (`10.0.0.1`), ranges (`10.0.0.0/8`) and `*` for every host are possible too. The
/// name in lower case wins.
NO_PROXY = "NO_PROXY";
/// A PEM file with certificate roots that replace the system's.
SSL_CERT_FILE = "SSL_CERT_FILE";
/// A folder with certificate roots that replace the system's.
SSL_CERT_DIR = "SSL_CERT_DIR";

"Credentials":
/// The netrc file that replaces `~/.netrc`.
NETRC = "NETRC";
/// The content of a `config.json` of docker, as GitLab CI sets it. It is a secret.
DOCKER_AUTH_CONFIG = "DOCKER_AUTH_CONFIG";
/// The folder of docker's `config.json`, which replaces `~/.docker`.
DOCKER_CONFIG = "DOCKER_CONFIG";
/// The credential file of podman, skopeo and buildah.
REGISTRY_AUTH_FILE = "REGISTRY_AUTH_FILE";

"The system's folders":
/// The folder of config files, which replaces `~/.config`. A relative path is ignored.
XDG_CONFIG_HOME = "XDG_CONFIG_HOME";
/// The folder of files that exist while a user is logged in, where podman has credentials.
XDG_RUNTIME_DIR = "XDG_RUNTIME_DIR";
/// The folder of config files on Windows.
APPDATA = "APPDATA";
/// The home folder.
HOME = "HOME";
/// The home folder on Windows.
USERPROFILE = "USERPROFILE";
/// The folders of programs: Helm and credential helpers. Relative folders are ignored.
PATH = "PATH";

"Set by Bazel":
/// The workspace root. `bazel run` sets it.
WORKSPACE = "BUILD_WORKSPACE_DIRECTORY";
/// The folder in which the user typed `bazel run`.
WORKING_DIRECTORY = "BUILD_WORKING_DIRECTORY";
/// The workspace root. The repository rules set it.
BAZEL_WORKSPACE = "BAZEL_WASM_WORKSPACE";
/// The folder of the runfiles. `bazel test` sets it.
RUNFILES_DIR = "RUNFILES_DIR";
/// The list of the runfiles. `bazel test` sets it.
RUNFILES_MANIFEST_FILE = "RUNFILES_MANIFEST_FILE";
/// The name of the main repository in the runfiles. `bazel test` sets it.
TEST_WORKSPACE = "TEST_WORKSPACE";
}

/// The prefix of the variables about a registry.
pub const REGISTRY: &str = "WKG_REGISTRY_";

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
    pub fn from_process() -> Environment {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let variables =
            std::env::vars_os().map(|(name, value)| (key(&text(name)), text(value))).collect();
        // A current folder that was deleted fails later, when a relative path is first used.
        let current_dir = std::env::current_dir().unwrap_or_default();
        Environment { variables, current_dir, ..Environment::default() }
    }

    /// Creates an environment with only these variables; for tests.
    pub fn from_pairs(pairs: &[(&str, &str)], current_dir: impl Into<PathBuf>) -> Environment {
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

    /// Sets these variables, also those that the process has: `--repo_env` does so in Bazel.
    #[must_use]
    pub fn with_overrides(mut self, variables: Vec<(String, String)>) -> Environment {
        self.variables.extend(variables.into_iter().map(|(name, value)| (key(&name), value)));
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
        debug_assert!(
            VARIABLES.iter().any(|variable| variable.name == name),
            "{name} is missing in VARIABLES"
        );
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
    pub fn register_secrets(&self) {
        for (name, value) in self.all() {
            if name.starts_with(REGISTRY)
                && (name.ends_with("_TOKEN") || name.ends_with("_AUTH_BEARER"))
            {
                match value.split_once(':') {
                    Some((user, password)) => secrets::register_login(user, password),
                    None => secrets::register(value),
                }
            }
            secrets::register_addresses_in(value);
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
            .find(|path| crate::user_path::is_file(path).unwrap_or(false))
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
    fn composed_names_are_found_and_values_are_not_shown() {
        let pairs = [
            ("WKG_REGISTRY_GHCR_IO_TOKEN", " geheim\n"),
            ("WKG_REGISTRY_TOKEN", "x"),
            ("WKG_REGISTRY__TOKEN", "x"),
            ("WKG_REGISTRY_A_TOKEN", "  "),
        ];
        let environment = Environment::from_pairs(&pairs, "/");
        assert_eq!(environment.named("WKG_REGISTRY_GHCR_IO_TOKEN"), Some("geheim"));
        assert_eq!(environment.named("WKG_REGISTRY_A_TOKEN"), None);
        let found: Vec<_> = environment.between("WKG_REGISTRY_", "_TOKEN").collect();
        assert_eq!(found, [("WKG_REGISTRY_GHCR_IO_TOKEN", "GHCR_IO")]);
        let shown = format!("{environment:?}");
        assert!(shown.contains("GHCR_IO") && !shown.contains("geheim"), "{shown}");
    }

    #[test]
    fn settings_apply_to_unset_variables() {
        let settings = r#"{"schema_version": 1, "workspace": "/ws", "withheld": ["T", "U"],
            "variables": {"BAZEL_WASM_OFFLINE": "1", "BAZEL_WASM_MIRROR": "https://a", "HOME": "/h"}}"#;
        let pairs = [("BAZEL_WASM_OFFLINE", " "), ("BAZEL_WASM_MIRROR", "https://b"), ("U", "x")];
        let environment = Environment::from_pairs(&pairs, "/cwd");
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
        let all = VARIABLES.iter().map(|variable| &variable.name);
        let mut expected: Vec<_> = all.filter(|name| !own.contains(name)).collect();
        expected.sort();
        assert_eq!(names.iter().collect::<Vec<_>>(), expected);
    }

    #[cfg(unix)]
    #[test]
    fn config_files_are_where_the_specification_says() {
        let home = |pairs: &[(&str, &str)]| Environment::from_pairs(pairs, "/").config_home();
        assert_eq!(home(&[("HOME", "/h")]), Some("/h/.config".into()));
        assert_eq!(home(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/c")]), Some("/c".into()));
        assert_eq!(home(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "c")]), Some("/h/.config".into()));
        assert_eq!(home(&[]), None);
    }
}
