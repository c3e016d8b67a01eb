//! The registry of a WIT package or a component, and how it is reached.
//!
//! (The checksums of toolchains are in `airgap_vendor::catalog`; this module is about OCI registries and
//! the folders that replace them.)
//!
//! ```text
//! variables + config file --> Registries --route--> sources in order, each with its reason
//!                                 └───────access--> scheme, roots and credential of a host
//! ```
//!
//! Finding the sources is pure: the same variables, config file and package give the same route.
//! An unknown registry must be asked for the place of its packages: then the route has a
//! [`Discovery`], and no request is sent here.
//!
//! A more specific setting wins over a more general one, and a variable over the config file:
//!
//! | the registry that serves a package | the address of an OCI registry |
//! |---|---|
//! | `[overrides]` | `WKG_REGISTRY_<NAME>_URL` |
//! | the rule's `registry` | `BAZEL_WASM_COMPONENT_MIRROR` |
//! | `[package_registry_overrides]` | `[registry.NAME.mirror]` of the package's registry |
//! | `[namespace_registries]` | `[registry.HOST.mirror]` of its OCI registry |
//! | `default_registry` | the host itself |
//! | the built-in registries of `wasi` and `ba` | |
//!
//! The folder of a registry that is called `local` is searched before any other registry.

mod access;
mod certificates;
mod config;
mod document;
mod endpoint;
mod metadata;
mod named_path;
mod oci_endpoints;
mod route;
mod show;

pub use endpoint::is_loopback;
pub use metadata::Discovery;
pub use route::{Role, Route, Source, SourceLocation};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use crate::policy;
use airgap_core::credentials::stores::Stores;
use airgap_core::environment::{self as env, Environment};
use airgap_core::error::{Error, Result};
use airgap_core::network;
use airgap_core::package::PackageName;
use airgap_core::report::Item;
use airgap_core::workers::lock;
use airgap_http::Client;

use config::Config;
use endpoint::Endpoint;
use metadata::Metadata;

/// The settings about registries that are in force. Any number of threads can share one.
pub struct Registries {
    environment: Environment,
    config: Config,
    /// `WKG_REGISTRY_<NAME>_URL` by `<NAME>`.
    urls: BTreeMap<String, Endpoint>,
    /// `BAZEL_WASM_COMPONENT_MIRROR`.
    mirrors: Option<Vec<ComponentMirror>>,
    stores: Stores,
    netrc: Option<PathBuf>,
    discovered: Mutex<BTreeMap<String, Discovered>>,
}

/// The metadata that a registry sent.
struct Discovered {
    metadata: Metadata,
    /// Whether only the registry itself can have sent it: it came by https or from this machine,
    /// and not from the target of a redirect. Only then the credentials of the registry are sent to
    /// the OCI registry that it names.
    same_origin: bool,
}

/// An entry of `BAZEL_WASM_COMPONENT_MIRROR`.
enum ComponentMirror {
    Base(Endpoint),
    Direct,
}

impl Registries {
    /// Reads the variables and the config file. Credentials are read when they are needed. Relative
    /// paths in variables are relative to the workspace root, those in the file to its folder.
    ///
    /// # Errors
    /// Usage, with the variable or the place in the file, if a setting is invalid.
    pub fn from_environment(environment: &Environment, workspace: &Path) -> Result<Registries> {
        Registries::from_config(environment, Config::read(environment, workspace)?)
    }

    fn from_config(environment: &Environment, config: Config) -> Result<Registries> {
        let mut urls = BTreeMap::new();
        for (variable, name) in environment.between(env::REGISTRY, "_URL") {
            let value = environment.named(variable).unwrap_or_default();
            urls.insert(name.to_owned(), address(variable, value)?);
        }
        Ok(Registries {
            mirrors: mirrors(environment)?,
            stores: Stores::from_environment(environment, endpoint::canonical),
            netrc: network::netrc(environment),
            environment: environment.clone(),
            config,
            urls,
            discovered: Mutex::default(),
        })
    }

    /// Returns the sources of a package, in the order to try them. `rule` is the registry that a
    /// rule names: a host, a host with a path, the name of a registry or that of an entry in the
    /// config file.
    ///
    /// # Errors
    /// Usage, if no setting names a registry for the package, or one names an invalid registry, or
    /// a folder or file that is not there.
    pub fn route(&self, package: &PackageName, rule: Option<&str>) -> Result<Route> {
        let route = route::for_package(self, package, rule)?;
        self.check_paths(&route.sources)?;
        Ok(route)
    }

    /// Returns the source that `[overrides]` in the config file names for a package.
    ///
    /// # Errors
    /// Usage, if that folder or file does not exist.
    pub fn override_of(&self, package: &PackageName) -> Result<Option<Source>> {
        let source = route::override_of(self, package);
        self.check_paths(source.as_slice())?;
        Ok(source)
    }

    /// Returns whether a setting, or a built-in entry, names a registry for the package.
    pub fn has_registry_for(&self, package: &PackageName) -> bool {
        route::is_mapped(self, package)
    }

    /// Returns whether a setting names a registry for the package, rather than only a built-in one.
    pub fn is_configured_for(&self, package: &PackageName) -> bool {
        route::is_named(self, package)
    }

    /// Returns the same as `route`, after it has asked the registry where its packages are, if that
    /// is needed and was not done before.
    ///
    /// # Errors
    /// As `route` and `discover`.
    pub fn route_online(
        &self,
        package: &PackageName,
        rule: Option<&str>,
        client: &Client,
    ) -> Result<Route> {
        let route = self.route(package, rule)?;
        let Some(discovery) = &route.discovery else { return Ok(route) };
        let item = Item::hidden();
        let answer = client.get_small(&discovery.url, metadata::LARGEST, &item);
        let same_origin =
            answer.as_ref().is_ok_and(|it| it.as_ref().is_none_or(|it| it.same_origin));
        self.note(discovery, answer.map(|it| it.map(|it| it.bytes)), same_origin)?;
        self.route(package, rule)
    }

    /// Returns the sources of a component, in the order to try them: `registry` and `repository`
    /// are the two parts of a reference such as `ghcr.io/my-org/auth-service`. A folder registry
    /// has it as `my-org/auth-service/<version>.wasm`.
    ///
    /// # Errors
    /// Usage, if they are not a host and a repository, or if a setting names a folder or file that
    /// is not there.
    pub fn component(&self, registry: &str, repository: &str) -> Result<Vec<Source>> {
        let sources = route::for_component(self, registry, repository)?;
        self.check_paths(&sources)?;
        Ok(sources)
    }

    /// Checks that the folders and files of these sources which the config file names are there. A
    /// missing one would otherwise look like one without content.
    fn check_paths(&self, sources: &[Source]) -> Result<()> {
        let roots = self.config.registries.values().filter_map(|entry| entry.local.as_ref());
        let named: Vec<_> = roots.chain(self.config.overrides.values()).collect();
        let paths = sources.iter().filter_map(|source| match &source.place {
            SourceLocation::Path(path) | SourceLocation::Versions(path) => Some(path),
            SourceLocation::Oci { .. } => None,
        });
        for path in paths {
            named.iter().filter(|it| path.starts_with(&it.path)).try_for_each(|it| it.check())?;
        }
        Ok(())
    }

    /// Returns the sources of a repository, in the order to try them: the mirrors of the registry
    /// and the registry itself.
    ///
    /// # Errors
    /// Usage, if they are not a host and a repository.
    pub fn repository(&self, registry: &str, repository: &str) -> Result<Vec<Source>> {
        route::for_repository(self, registry, repository)
    }

    /// Requests the metadata of a registry, which names the place of its packages, and stores it.
    /// `get` returns the content at an address; `None` if there is none.
    ///
    /// # Errors
    /// The errors of `get`, or integrity if the metadata is invalid; with the lines for the config
    /// file that make the request unnecessary.
    pub fn discover(
        &self,
        discovery: &Discovery,
        get: impl FnOnce(&str) -> Result<Option<Vec<u8>>>,
    ) -> Result<()> {
        self.note(discovery, get(&discovery.url), true)
    }

    /// Stores the metadata of a registry; `same_origin` says that no other server sent it.
    fn note(
        &self,
        discovery: &Discovery,
        answer: Result<Option<Vec<u8>>>,
        same_origin: bool,
    ) -> Result<()> {
        let metadata = discovery.read(answer)?;
        let same_origin = same_origin && discovery.is_private();
        self.discovered().insert(discovery.registry.clone(), Discovered { metadata, same_origin });
        Ok(())
    }

    fn discovered(&self) -> MutexGuard<'_, BTreeMap<String, Discovered>> {
        lock(&self.discovered)
    }

    /// Returns the metadata of a registry by its name: from a mapping in the config file, from the
    /// built-in table, or from an earlier request.
    fn metadata(&self, name: &str) -> Option<Metadata> {
        self.told(name).or_else(|| self.discovered().get(name).map(|it| it.metadata.clone()))
    }

    /// Returns the same, except metadata that another server may have sent.
    fn own_metadata(&self, name: &str) -> Option<Metadata> {
        self.told(name).or_else(|| {
            let discovered = self.discovered();
            discovered.get(name).filter(|it| it.same_origin).map(|it| it.metadata.clone())
        })
    }

    /// Returns the metadata of a registry from the config file or the built-in table.
    fn told(&self, name: &str) -> Option<Metadata> {
        let mappings = self.config.packages.values().chain(self.config.namespaces.values());
        let written = mappings.filter(|it| it.registry == name).find_map(|it| it.metadata.clone());
        written.or_else(|| Metadata::known(name))
    }

    /// Returns the address of a registry from `WKG_REGISTRY_<NAME>_URL`.
    fn url(&self, name: &str) -> Option<&Endpoint> {
        self.urls.get(&env::registry_part(name))
    }
}

fn mirrors(environment: &Environment) -> Result<Option<Vec<ComponentMirror>>> {
    policy::mirror_list(environment, env::COMPONENT_MIRROR, |word| match word {
        "direct" => Ok(ComponentMirror::Direct),
        word => address(env::COMPONENT_MIRROR, word).map(ComponentMirror::Base),
    })
}

fn address(variable: &str, value: &str) -> Result<Endpoint> {
    Endpoint::parse(value).map_err(|problem| {
        let error = Error::usage(format!("`{variable}` does not contain the URL of a registry"))
            .because(&problem)
            .fact("expected", "a URL such as `https://registry.example.com/mirror`");
        if value.contains('@') {
            let token = "put the credentials into `WKG_REGISTRY_<NAME>_TOKEN` or the config file";
            return error.hint(token);
        }
        error
    })
}

#[cfg(test)]
mod tests;
