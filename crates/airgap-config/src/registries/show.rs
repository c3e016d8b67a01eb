//! The settings about registries as rows for `config show`: the value in force, its source, and the
//! settings that it overrides. No secret is read for it.

use std::collections::BTreeSet;

use super::access::CredentialOrigin;
use super::config::{Auth, AuthMethod, Secret};
use super::metadata::NAMESPACES;
use super::oci_endpoints::OciEndpoint;
use super::route::{LOCAL, Role, Route, SourceLocation, for_package};
use super::{ComponentMirror, Registries};
use airgap_core::credentials::stores::StoredCredential;
use airgap_core::environment as env;
use airgap_core::error::Result;
use airgap_core::package::PackageName;
use airgap_core::settings::{DEFAULT, Setting};
use airgap_oci::is_host;

impl Registries {
    /// Returns every setting about registries.
    ///
    /// # Errors
    /// Usage, if settings contradict each other or a credential file is invalid.
    pub fn settings(&self) -> Result<Vec<Setting>> {
        let mut rows = self.sources();
        rows.extend(self.packages());
        let hosts = self.shown_hosts();
        rows.extend(hosts.iter().map(|(host, is_name)| self.registry(host, *is_name)));
        rows.extend(self.unknown_urls());
        let asked: BTreeSet<_> = hosts
            .iter()
            .flat_map(|(host, is_name)| self.endpoints_of(host, *is_name))
            .map(|oci_endpoint| super::endpoint::canonical(&oci_endpoint.endpoint.host))
            .filter(|host| is_host(host))
            .collect();
        for host in asked {
            rows.push(self.credentials(&host)?);
        }
        Ok(rows)
    }

    fn sources(&self) -> Vec<Setting> {
        let file = self.config.path.as_ref().map(|path| path.display().to_string());
        let named = self.environment.get(env::WKG_CONFIG_FILE).map(|_| env::WKG_CONFIG_FILE);
        let mirrors = self.mirrors.iter().flatten().map(|mirror| match mirror {
            ComponentMirror::Base(base) => base.to_string(),
            ComponentMirror::Direct => "direct".to_owned(),
        });
        let mirrors: Vec<_> = mirrors.collect();
        let by_variable = self.mirrors.as_ref().map(|_| env::COMPONENT_MIRROR);
        vec![
            Setting::new("config file", file.unwrap_or_default(), named.unwrap_or(DEFAULT)),
            Setting::new("component mirrors", mirrors.join(","), by_variable.unwrap_or(DEFAULT)),
            Setting::new(
                "credential files",
                self.environment
                    .get(env::DOCKER_AUTH_CONFIG)
                    .map(|_| env::DOCKER_AUTH_CONFIG.to_owned())
                    .into_iter()
                    .chain(self.stores.files().map(|file| file.display().to_string()))
                    .collect::<Vec<_>>()
                    .join(", "),
                self.environment
                    .first(&[env::DOCKER_AUTH_CONFIG, env::DOCKER_CONFIG, env::REGISTRY_AUTH_FILE])
                    .map_or(DEFAULT, |(name, _)| name),
            ),
        ]
    }

    /// Returns the rows for the registries of namespaces and packages.
    fn packages(&self) -> Vec<Setting> {
        let config = &self.config;
        let mut rows = Vec::new();
        if let Some(entry) = config.registries.get(LOCAL)
            && let Some(root) = &entry.local
        {
            rows.push(Setting::new("folder for all", root.shown(), &entry.place));
        }
        for (package, found) in &config.overrides {
            let row = Setting::new(format!("override {package}"), found.shown(), &found.place);
            rows.push(row.over(self.mapping_places(package)));
        }
        for package in config.packages.keys().filter(|it| !config.overrides.contains_key(it)) {
            rows.extend(self.mapping(format!("package {package}"), package));
        }
        let built_in = NAMESPACES.iter().map(|(namespace, _)| (*namespace).to_owned());
        let namespaces: BTreeSet<_> = config.namespaces.keys().cloned().chain(built_in).collect();
        for namespace in namespaces {
            if let Some(package) = sample(&namespace, self) {
                rows.extend(self.mapping(format!("namespace {namespace}"), &package));
            }
        }
        if let Some((name, place)) = &config.default_registry {
            rows.push(Setting::new("other namespaces", name.clone(), place));
        }
        rows
    }

    /// Returns the row of a package, or of the namespace that the package is an example of.
    fn mapping(&self, name: String, package: &PackageName) -> Option<Setting> {
        let mut places = self.mapping_places(package).into_iter();
        let from = places.next()?;
        let value = match for_package(self, package, None) {
            Ok(route) => {
                let value = shown_route(&route, package, name.starts_with("namespace"));
                match self.folder_problem(&route) {
                    Some(problem) => format!("{value}, in {problem}"),
                    None => value,
                }
            }
            Err(error) => error.one_line(),
        };
        Some(Setting::new(name, value, from).over(places.collect()))
    }

    /// Returns the folder of the folder registry that serves a package, if the folder is not there.
    /// The folder that is searched for every package has its own row.
    fn folder_problem(&self, route: &Route) -> Option<String> {
        let name = route.registry.as_deref().filter(|name| *name != LOCAL && self.is_folder(name));
        let root = self.config.registries.get(name?)?.local.as_ref()?;
        root.problem().map(|_| root.shown())
    }

    /// Returns the places of the settings for the registry of a package: the one in force first.
    fn mapping_places(&self, package: &PackageName) -> Vec<String> {
        let config = &self.config;
        let mapping = config.packages.get(package).into_iter();
        let mappings = mapping.chain(config.namespaces.get(package.namespace()));
        let default = config.default_registry.iter().map(|(_, place)| place.clone());
        let built_in = NAMESPACES.iter().filter(|(known, _)| *known == package.namespace());
        let places = mappings.map(|it| it.place.clone()).chain(default);
        places.chain(built_in.map(|_| DEFAULT.to_owned())).collect()
    }

    /// Returns the registries that have a row: OCI registries, and names with their own setting.
    fn shown_hosts(&self) -> Vec<(String, bool)> {
        let names = self.names();
        let mut hosts: BTreeSet<(String, bool)> = BTreeSet::new();
        for name in names.iter().filter(|name| !self.is_folder(name)) {
            hosts.extend(
                self.hosts(name).into_iter().filter(|it| is_host(it)).map(|it| (it, false)),
            );
            let mirror = self.config.registries.get(name).is_some_and(|it| it.mirror.is_some());
            if mirror || self.url(name).is_some() {
                hosts.insert((name.clone(), true));
            }
        }
        // A host that is a name too has one row.
        hosts
            .iter()
            .filter(|(host, is_name)| *is_name || !hosts.contains(&(host.clone(), true)))
            .cloned()
            .collect()
    }

    /// Returns whether a registry is a folder only.
    fn is_folder(&self, name: &str) -> bool {
        let entry = self.config.registries.get(name);
        entry.is_some_and(|it| it.local.is_some() && !it.has_oci && it.default != Some("oci"))
    }

    fn endpoints_of(&self, registry: &str, is_name: bool) -> Vec<OciEndpoint> {
        if !is_name {
            return self.oci_endpoints(None, registry);
        }
        let hosts = self.hosts(registry);
        let host = hosts.first().map_or(registry, String::as_str);
        let mut oci_endpoints = self.oci_endpoints(Some(registry), host);
        oci_endpoints.retain(|oci_endpoint| oci_endpoint.role == Role::Mirror || is_host(host));
        oci_endpoints
    }

    fn registry(&self, registry: &str, is_name: bool) -> Setting {
        let oci_endpoints = self.endpoints_of(registry, is_name);
        let value: Vec<_> =
            oci_endpoints.iter().map(|oci_endpoint| oci_endpoint.endpoint.to_string()).collect();
        let url = self.url(registry).map(|_| env::registry_variable(registry, "URL"));
        let mirrors = self.mirrors.as_ref().map(|_| env::COMPONENT_MIRROR.to_owned());
        let entry = self.config.registries.get(registry);
        let mirror = entry.and_then(|entry| entry.mirror.as_ref()).map(|it| it.place.clone());
        let mut places = url.into_iter().chain(mirrors).chain(mirror);
        let from = places.next().unwrap_or_else(|| DEFAULT.to_owned());
        Setting::new(format!("registry {registry}"), value.join(", then "), from)
            .over(places.collect())
    }

    /// Returns variables about registries that no other setting mentions; a rule may.
    fn unknown_urls(&self) -> Vec<Setting> {
        let names = self.names();
        let known: BTreeSet<_> = names
            .iter()
            .flat_map(|name| self.hosts(name).into_iter().chain([name.clone()]))
            .map(|name| env::registry_part(&name))
            .collect();
        let unknown = self.urls.iter().filter(|(part, _)| !known.contains(*part));
        unknown
            .map(|(part, url)| {
                let from = format!("{}{part}_URL", env::REGISTRY);
                Setting::new(format!("registry {part}"), url.to_string(), from)
            })
            .collect()
    }

    fn credentials(&self, host: &str) -> Result<Setting> {
        let origins = self.origins(host, "")?;
        let name = format!("credentials {host}");
        let mut places = origins.iter().map(|origin| self.shown(origin));
        let Some(from) = places.next() else {
            return Ok(Setting::new(name, "anonymous", DEFAULT));
        };
        let value = match &origins[0] {
            CredentialOrigin::Variable { bearer: true, .. } => "bearer token".to_owned(),
            CredentialOrigin::Variable { .. } => "token".to_owned(),
            CredentialOrigin::Config(auth) => self.kind(auth),
            CredentialOrigin::Store(StoredCredential::Helper(_)) => {
                "from a helper program".to_owned()
            }
            CredentialOrigin::Store(StoredCredential::Stored { .. }) => "stored".to_owned(),
            CredentialOrigin::Netrc => "user and password".to_owned(),
        };
        Ok(Setting::new(name, value, from).over(places.collect()))
    }

    fn kind(&self, auth: &Auth) -> String {
        let (kind, secret) = match &auth.method {
            AuthMethod::Basic { password, .. } => ("user and password", password),
            AuthMethod::Bearer(secret) => ("bearer token", secret),
            AuthMethod::Token(secret) => ("token", secret),
        };
        match secret {
            Secret::Variable(name) if self.environment.named(name).is_none() => {
                format!("{kind}, but {name} is not set")
            }
            _ => kind.to_owned(),
        }
    }
}

/// Returns a package of this namespace without its own setting.
fn sample(namespace: &str, registries: &Registries) -> Option<PackageName> {
    let config = &registries.config;
    let special =
        |it: &PackageName| config.packages.contains_key(it) || config.overrides.contains_key(it);
    let words = ["name", "some-name", "any-other-name"];
    let packages = words.iter().filter_map(|word| format!("{namespace}:{word}").parse().ok());
    packages.into_iter().find(|it| !special(it))
}

/// Returns `wasi.dev: mirror.corp/webassembly/wasi/*, then ghcr.io/webassembly/wasi/*`.
fn shown_route(route: &Route, package: &PackageName, is_namespace: bool) -> String {
    let place = |place: &SourceLocation| {
        let text = place.to_string();
        match text.strip_suffix(package.name()) {
            Some(front) if is_namespace => format!("{front}*"),
            _ => text,
        }
    };
    let sources = route.sources.iter().filter(|source| {
        // The folder that is searched for every package has its own row.
        source.role != Role::Folder || route.registry.is_none() || route.sources.len() == 1
    });
    let mut places: Vec<_> = sources.map(|source| place(&source.place)).collect();
    if let Some(discovery) = &route.discovery {
        places.push(format!("where {} says", discovery.url));
    }
    let name = route.registry.as_deref().map(|name| format!("{name}: ")).unwrap_or_default();
    format!("{name}{}", places.join(", then "))
}
