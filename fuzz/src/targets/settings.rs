//! Settings of a user or an administrator: variables, config files and credential files.

use std::fs;

use airgap_config::policy::Policy;
use airgap_config::registries::Registries;
use airgap_core::environment::Environment;
use airgap_core::package::PackageName;
use airgap_http::Client;
use airgap_oci::AccessProvider;

use crate::{accepted, same_twice, text};

/// Hosts to look up, which the seeds name.
const HOSTS: [&str; 4] = ["a.io", "ghcr.io", "docker.io", "a.io/team/app"];

/// A file that a variable names, alone in a folder.
struct Setting {
    _folder: tempfile::TempDir,
    environment: Environment,
}

impl Setting {
    /// Writes the file `name`. `variable` names the file, or its folder.
    fn new(input: &[u8], name: &str, variable: &str, is_folder: bool) -> Setting {
        let folder = tempfile::tempdir().expect("create a sandbox");
        let path = folder.path().join(name);
        fs::write(&path, input).expect("write the file");
        let named = if is_folder { folder.path() } else { path.as_path() };
        let named = named.to_str().expect("a sandbox has a plain name").to_owned();
        let environment = Environment::from_pairs(&[(variable, &named)], folder.path());
        Setting { _folder: folder, environment }
    }

    fn registries(&self) -> Option<Registries> {
        accepted(Registries::from_environment(&self.environment, self.environment.current_dir()))
    }
}

/// Reads a config file of wkg, with the fields that this program adds.
pub fn wkg_config(input: &[u8]) {
    let setting = Setting::new(input, "config.toml", "WKG_CONFIG_FILE", false);
    if let Some(registries) = setting.registries() {
        query_all(&registries);
    }
}

/// Reads a credential file of docker and podman.
pub fn docker_config(input: &[u8]) {
    let setting = Setting::new(input, "config.json", "DOCKER_CONFIG", true);
    if let Some(registries) = setting.registries() {
        query_all(&registries);
    }
}

/// Reads a netrc file.
pub fn netrc(input: &[u8]) {
    let setting = Setting::new(input, "netrc", "NETRC", false);
    if let Some(registries) = setting.registries() {
        query_all(&registries);
    }
}

/// Reads variables: `NAME=VALUE` in each line.
pub fn variables(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let folder = tempfile::tempdir().expect("create a sandbox");
    let lines = text.lines().take(32).filter_map(|line| line.split_once('='));
    // No file outside of the sandbox is read, and no program is started.
    let files = ["PATH", "HOME", "NETRC", "DOCKER_CONFIG", "CONFIG", "AUTH_FILE", "CERT", "_DIR"];
    let pairs: Vec<_> = lines
        .filter(|(name, _)| !files.iter().any(|it| name.to_uppercase().contains(it)))
        .collect();
    let environment = Environment::from_pairs(&pairs, folder.path());
    let policy = same_twice(
        || Policy::from_environment(&environment, folder.path()),
        |policy| format!("{:?} {:?} {:?}", policy.offline(), policy.mirrors(), policy.vendor_dir()),
    );
    if let Some(policy) = policy {
        let is_on = ["1", "true", "yes", "on"];
        let last = pairs.iter().rev().find(|(name, _)| *name == "BAZEL_WASM_OFFLINE");
        let wanted = last.is_some_and(|(_, value)| is_on.contains(&&*value.to_lowercase()));
        assert_eq!(policy.is_offline(), wanted, "offline differs from the setting");
        assert_eq!(policy.network(|| "fetch".to_owned()).is_err(), policy.is_offline());
        let _ = policy.upstream("https://github.com/a/b");
        // A client reads the proxies when it is created.
        if pairs.len() % 4 == 1
            && let Ok(network) = policy.network(|| "fetch".to_owned())
        {
            accepted(Client::new(network).map(drop));
        }
    }
    if let Some(registries) = accepted(Registries::from_environment(&environment, folder.path())) {
        query_all(&registries);
    }
}

/// Parses the metadata that a registry serves about itself.
pub fn metadata(input: &[u8]) {
    let folder = tempfile::tempdir().expect("create a sandbox");
    let environment = Environment::from_pairs(&[], folder.path());
    let Some(registries) = accepted(Registries::from_environment(&environment, folder.path()))
    else {
        return;
    };
    let package: PackageName = "my-org:app".parse().expect("a name");
    let route = || registries.route(&package, Some("registry.example.com")).expect("a route");
    let discovery = route().discovery.expect("nothing is known of it yet");
    if accepted(registries.discover(&discovery, |_| Ok(Some(input.to_vec())))).is_some() {
        assert!(route().discovery.is_none(), "an answered registry is asked again");
    }
}

/// Calls all functions of the settings.
fn query_all(registries: &Registries) {
    same_twice(|| registries.settings(), |rows| format!("{:?}", serde_json::to_value(rows).ok()));
    for name in ["wasi:http", "my-org:app"] {
        let package: PackageName = name.parse().expect("a name");
        for rule in [None, Some("a.io"), Some("a.io/team")] {
            same_twice(|| registries.route(&package, rule), |route| format!("{route:?}"));
        }
    }
    accepted(registries.component("ghcr.io", "my-org/app"));
    for host in HOSTS {
        same_twice(|| registries.access(host), |it| format!("{it:?}"));
    }
}
