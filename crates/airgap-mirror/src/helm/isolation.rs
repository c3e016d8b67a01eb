//! The environment of Helm.

use std::path::{Path, PathBuf};
use std::process::Command;

use airgap_core::environment::{self, Environment};
use airgap_core::error::Result;
use airgap_core::store::Scratch;

/// The variables that name Helm's files, each below its room. None of the files is there.
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

/// A proxy that is not there: nothing listens at the port that once was `discard`.
const NOWHERE: &str = "http://127.0.0.1:9";
const PROXIES: [&str; 6] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The memory at which Go's garbage collector works harder, half of the limit.
const MEMORY: (&str, &str) = ("GOMEMLIMIT", "1GiB");

/// The options of `unshare` for a network namespace. The superuser needs no other user namespace, in
/// which it could not read the files of others.
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

/// The parts of this machine that a program gets.
#[derive(Clone, Debug)]
pub(super) struct Isolation {
    /// The folders of programs: Helm may be a script.
    path: Option<String>,
    /// The program that runs another one without a network.
    unshare: Option<PathBuf>,
}

impl Isolation {
    /// Creates an isolation that cuts the network if there is a program for it.
    pub(super) fn new(environment: &Environment) -> Isolation {
        let unshare = cfg!(target_os = "linux").then(|| environment.program("unshare")).flatten();
        Isolation { path: environment.get(environment::PATH).map(str::to_owned), unshare }
    }

    /// The same without cutting the network, for systems that forbid it.
    pub(super) fn with_network(self) -> Isolation {
        Isolation { unshare: None, ..self }
    }

    pub(super) fn has_no_network(&self) -> bool {
        self.unshare.is_some()
    }

    /// A folder for the files of one run.
    pub(super) fn room(&self) -> Result<Scratch> {
        Scratch::new()
    }

    /// A command that has only this folder, and no variable that is not named here.
    pub(super) fn command(&self, program: &Path, room: &Path) -> Command {
        let mut command = match &self.unshare {
            None => Command::new(program),
            Some(unshare) => {
                let mut command = Command::new(unshare);
                // Replaces itself by the program, which therefore is the process that is watched.
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
