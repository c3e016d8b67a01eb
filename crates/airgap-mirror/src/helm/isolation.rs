//! The environment of Helm.

use std::path::{Path, PathBuf};
use std::process::Command;

use airgap_core::environment::{self, Environment};
use airgap_core::error::Result;
use airgap_core::store::Scratch;

/// The variables that name Helm's files, each below the run's folder. None of the files exists.
const FOLDERS: [(&str, &str); 11] = [
    ("APPDATA", "config"),
    ("XDG_CACHE_HOME", "cache"),
    ("XDG_CONFIG_HOME", "config"),
    ("XDG_DATA_HOME", "data"),
    ("HELM_CACHE_HOME", "cache/helm"),
    ("HELM_CONFIG_HOME", "config/helm"),
    ("HELM_DATA_HOME", "data/helm"),
    ("HELM_PLUGINS", "data/helm/plugins"),
    ("HELM_REGISTRY_CONFIG", "config/helm/registry.json"),
    ("HELM_REPOSITORY_CONFIG", "config/helm/repositories.yaml"),
    ("KUBECONFIG", "kubeconfig"),
];

/// A proxy that does not exist: nothing listens at port 9, which was once `discard`.
const NOWHERE: &str = "http://127.0.0.1:9";
const PROXIES: [&str; 6] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The soft memory limit of Go's garbage collector, half of the limit of the process.
const MEMORY: (&str, &str) = ("GOMEMLIMIT", "1GiB");

/// Returns the options of `unshare` for a network namespace. The superuser needs no new user
/// namespace, in which it could not read the files of others.
#[cfg(unix)]
fn cut() -> &'static [&'static str] {
    match rustix::process::geteuid().is_root() {
        true => &["--net", "--"],
        false => &["--user", "--map-current-user", "--net", "--"],
    }
}

#[cfg(not(unix))]
fn cut() -> &'static [&'static str] {
    &[]
}

/// The parts of this machine that a program can use.
#[derive(Clone, Debug)]
pub(super) struct Isolation {
    /// The `PATH` of a program: Helm may be a script.
    path: Option<String>,
    /// The `unshare` program, which runs another program without a network.
    unshare: Option<PathBuf>,
}

impl Isolation {
    /// Creates an isolation that cuts the network if `unshare` is available.
    pub(super) fn new(environment: &Environment) -> Isolation {
        let unshare = cfg!(target_os = "linux").then(|| environment.program("unshare")).flatten();
        Isolation { path: environment.get(environment::PATH).map(str::to_owned), unshare }
    }

    /// Returns the same isolation without cutting the network, for systems that forbid it.
    pub(super) fn with_network(self) -> Isolation {
        Isolation { unshare: None, ..self }
    }

    pub(super) fn has_no_network(&self) -> bool {
        self.unshare.is_some()
    }

    /// Creates a folder for the files of one run.
    pub(super) fn room(&self) -> Result<Scratch> {
        Scratch::new()
    }

    /// Creates a command with this folder alone, and only the environment variables that are named
    /// here.
    pub(super) fn command(&self, program: &Path, room: &Path) -> Command {
        let mut command = match &self.unshare {
            None => Command::new(program),
            Some(unshare) => {
                let mut command = Command::new(unshare);
                // `unshare` replaces itself by the program, so that the program is the watched
                // process.
                command.args(cut()).arg(program);
                command
            }
        };
        command.current_dir(room).env_clear();
        command.envs(["HOME", "USERPROFILE", "TMPDIR"].map(|name| (name, room)));
        command.envs(FOLDERS.map(|(name, below)| (name, room.join(below))));
        command.envs(PROXIES.map(|name| (name, NOWHERE))).env(MEMORY.0, MEMORY.1);
        command.envs(self.path.iter().map(|path| (environment::PATH, path)));
        command
    }
}
