//! The way from a package or a component to its sources.

use std::fmt;
use std::path::{Path, PathBuf};

use super::Registries;
use super::config::{Mapping, registry_name};
use super::endpoint::{Endpoint, Scheme, canonical, is_loopback};
use super::metadata::{Discovery, Metadata, NAMESPACES};
use super::named_path::NamedPath;
use airgap_core::environment::registry_variable;
use airgap_core::error::{Error, Result};
use airgap_core::package::PackageName;
use airgap_core::suggest::nearest;
use airgap_oci::{check_name, is_host};

/// The name of the registry whose folder is searched first.
pub(super) const LOCAL: &str = "local";

/// The sources of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The name of the registry in lock files, as in `wasi.dev`. None if only folders are named.
    pub registry: Option<String>,
    /// The sources, in the order to try them. If one does not have the package, the next one is
    /// tried; if one has other bytes than the pinned ones, the search stops.
    pub sources: Vec<Source>,
    /// The registry that must be asked before the other sources are known.
    pub discovery: Option<Discovery>,
}

/// One source of a package, component or image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The place.
    pub place: SourceLocation,
    /// Its role for the registry that was named.
    pub role: Role,
    /// Whether it is used only because a setting asks for a fallback.
    pub fallback: bool,
    /// The reason for it, with the settings.
    pub reason: String,
}

/// The place of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceLocation {
    /// The content itself: a folder of WIT, or a file.
    Path(PathBuf),
    /// A folder that has the versions as `<version>.wasm`.
    Versions(PathBuf),
    /// A repository in an OCI registry, whose tags are the versions.
    Oci {
        /// The host with an optional port, as [`airgap_oci::AccessProvider`] takes it.
        registry: String,
        /// The repository.
        repository: String,
    },
}

/// The role of a source for the registry that was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A replacement for the content of the registry.
    Override,
    /// A folder that is a registry, or is searched before one.
    Folder,
    /// A mirror of the registry.
    Mirror,
    /// The registry itself.
    Primary,
}

impl Source {
    /// Returns whether it needs the network, so that it is left out offline.
    pub fn needs_network(&self) -> bool {
        matches!(self.place, SourceLocation::Oci { .. })
    }

    /// Returns whether it is in the same registry as another one.
    pub fn is_beside(&self, other: &Source) -> bool {
        match (&self.place, &other.place) {
            (SourceLocation::Oci { registry, .. }, SourceLocation::Oci { registry: other, .. }) => {
                registry == other
            }
            _ => false,
        }
    }
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceLocation::Path(path) | SourceLocation::Versions(path) => path.display().fmt(f),
            SourceLocation::Oci { registry, repository } => write!(f, "{registry}/{repository}"),
        }
    }
}

/// Writes `ghcr.io/webassembly/wasi/http (reason)`.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.place, self.reason)
    }
}

/// A registry by its name, with the metadata from the settings.
struct NamedRegistry<'a> {
    name: String,
    metadata: Option<&'a Metadata>,
    reason: String,
}

/// Returns the source that `[overrides]` in the config file names for a package.
pub(super) fn override_of(registries: &Registries, package: &PackageName) -> Option<Source> {
    registries.config.overrides.get(package).map(overridden)
}

pub(super) fn for_package(
    registries: &Registries,
    package: &PackageName,
    rule: Option<&str>,
) -> Result<Route> {
    let config = &registries.config;
    if let Some(source) = override_of(registries, package) {
        return Ok(Route { registry: None, sources: vec![source], discovery: None });
    }
    let local = config.registries.get(LOCAL);
    let local = local.and_then(|entry| Some((&*entry.local.as_ref()?.path, &entry.place)));
    let sources = local.map(|(root, place)| folder(root, package, local_folder_reason(place)));
    let mut route =
        Route { registry: None, sources: sources.into_iter().collect(), discovery: None };
    match rule {
        Some(rule) if rule.contains('/') => {
            add_sources_below_path(registries, package, rule, &mut route)?
        }
        Some(rule) => {
            let name = registry_name(rule).map_err(|problem| wrong_rule(rule, &problem))?;
            let reason = "the requested registry".to_owned();
            named(
                registries,
                package,
                &NamedRegistry { name, metadata: None, reason },
                &mut route,
            )?;
        }
        None => match mapped(registries, package) {
            Some(it) => named(registries, package, &it, &mut route)?,
            // The folder may have the package.
            None if local.is_some() => {}
            None => return Err(no_registry(registries, package)),
        },
    }
    Ok(route)
}

pub(super) fn for_component(
    registries: &Registries,
    registry: &str,
    repository: &str,
) -> Result<Vec<Source>> {
    let asked = for_repository(registries, registry, repository)?;
    // The repository `my-org/auth` is `my-org:auth` in a config file.
    if let Ok(package) = repository.replacen('/', ":", 1).parse::<PackageName>()
        && let Some(found) = registries.config.overrides.get(&package)
    {
        return Ok(vec![overridden(found)]);
    }
    let beside = |root: &Path, reason: String| Source {
        place: SourceLocation::Versions(root.join(repository)),
        role: Role::Folder,
        fallback: false,
        reason,
    };
    let mut sources = Vec::new();
    if let Some((root, place)) = folder_of(registries, LOCAL, None) {
        sources.push(beside(root, local_folder_reason(place)));
    }
    let host = canonical(&Endpoint::parse(registry).map_err(Error::usage)?.host);
    match folder_of(registries, &host, None) {
        Some((root, place)) => {
            sources.push(beside(root, format!("requested; a folder by {place}")))
        }
        None => sources.extend(asked),
    }
    Ok(sources)
}

pub(super) fn for_repository(
    registries: &Registries,
    registry: &str,
    repository: &str,
) -> Result<Vec<Source>> {
    let wrong = |problem: String| {
        Error::usage(format!("`{registry}/{repository}` is not a repository in a registry"))
            .because(problem)
    };
    check_name(repository).map_err(wrong)?;
    let endpoint = Endpoint::parse(registry).map_err(wrong)?;
    let host = canonical(&endpoint.host);
    let repository = endpoint.repository(repository);
    oci_sources(registries, None, &host, |_| vec![repository.clone()], "asked for")
}

/// Returns whether a setting, or a built-in entry, names a registry for a package.
pub(super) fn is_mapped(registries: &Registries, package: &PackageName) -> bool {
    mapped(registries, package).is_some()
}

/// Returns the registry that the settings name for a package.
fn mapped<'a>(registries: &'a Registries, package: &PackageName) -> Option<NamedRegistry<'a>> {
    let config = &registries.config;
    let namespace = package.namespace();
    let by = |mapping: &'a Mapping, what: String| NamedRegistry {
        name: mapping.registry.clone(),
        metadata: mapping.metadata.as_ref(),
        reason: format!("{what} is at `{}` by {}", mapping.registry, mapping.place),
    };
    if let Some(mapping) = config.packages.get(package) {
        return Some(by(mapping, format!("`{package}`")));
    }
    if let Some(mapping) = config.namespaces.get(namespace) {
        return Some(by(mapping, format!("namespace `{namespace}`")));
    }
    if let Some((name, place)) = &config.default_registry {
        let reason = format!("default_registry is `{name}` by {place}");
        return Some(NamedRegistry { name: name.clone(), metadata: None, reason });
    }
    let (_, name) = NAMESPACES.iter().find(|(known, _)| *known == namespace)?;
    let reason = format!("namespace `{namespace}` is at `{name}` by default");
    Some(NamedRegistry { name: (*name).to_owned(), metadata: None, reason })
}

/// Returns whether a setting, rather than the built-in table, decides about a package.
pub(super) fn is_named(registries: &Registries, package: &PackageName) -> bool {
    let config = &registries.config;
    let by_file = config.overrides.contains_key(package)
        || config.packages.contains_key(package)
        || config.namespaces.contains_key(package.namespace())
        || config.default_registry.is_some()
        || config.registries.get(LOCAL).is_some_and(|entry| entry.local.is_some());
    let moved = |it: NamedRegistry<'_>| {
        let entry = config.registries.get(&it.name);
        registries.url(&it.name).is_some()
            || entry.is_some_and(|entry| entry.local.is_some() || entry.mirror.is_some())
    };
    by_file || mapped(registries, package).is_some_and(moved)
}

/// Returns the folder of a folder registry, and the place of the setting.
fn folder_of<'a>(
    registries: &'a Registries,
    name: &str,
    metadata: Option<&Metadata>,
) -> Option<(&'a Path, &'a str)> {
    let entry = registries.config.registries.get(name)?;
    let root = &entry.local.as_ref()?.path;
    let preferred = metadata.is_some_and(|it| it.preferred.as_deref() == Some("local"));
    let is_local = match entry.default {
        Some(word) => word == "local",
        None => !entry.has_oci || preferred,
    };
    is_local.then_some((root.as_path(), entry.place.as_str()))
}

/// Adds the sources of a registry that is known by its name.
fn named(
    registries: &Registries,
    package: &PackageName,
    it: &NamedRegistry<'_>,
    route: &mut Route,
) -> Result<()> {
    let NamedRegistry { name, reason, .. } = it;
    route.registry = Some(name.clone());
    let metadata = it.metadata.cloned().or_else(|| registries.metadata(name));
    if let Some((root, place)) = folder_of(registries, name, metadata.as_ref()) {
        // It may be in the route already, as the folder that is searched first.
        if name != LOCAL {
            let reason = format!("{reason}, a folder by {place}");
            route.sources.push(folder(root, package, reason));
        }
        return Ok(());
    }
    let known = match metadata {
        Some(metadata) => Some((metadata, reason.clone())),
        None => without_metadata(registries, name, reason)?,
    };
    match known {
        Some((metadata, reason)) => {
            route.sources.extend(published_at(registries, package, name, &metadata, reason)?);
        }
        None => route.discovery = Some(Discovery::new(name, registries.speaks_http(name))),
    }
    Ok(())
}

/// Returns empty metadata, and the reason for its sources, for a registry without known metadata
/// that is not requested: the settings give its address, or a mirror replaces it. Returns `None` if
/// the registry must be asked.
///
/// # Errors
/// Usage, if the name is neither a host nor a registry with an address.
fn without_metadata(
    registries: &Registries,
    name: &str,
    reason: &str,
) -> Result<Option<(Metadata, String)>> {
    let empty = |reason: String| Ok(Some((Metadata::default(), reason)));
    let has_entry = registries.config.registries.contains_key(name);
    if registries.url(name).is_some() || (has_entry && !is_host(name)) {
        return empty(reason.to_owned());
    }
    if !is_host(name) {
        return Err(unknown(registries, name, reason));
    }
    if registries.reaches(name) {
        return Ok(None);
    }
    empty(format!("{reason}; its metadata is not requested, because a mirror replaces it"))
}

/// Returns the sources of a package in the OCI registry of a registry with this metadata.
fn published_at(
    registries: &Registries,
    package: &PackageName,
    name: &str,
    metadata: &Metadata,
    reason: String,
) -> Result<Vec<Source>> {
    let endpoint = metadata.oci_registry.clone().unwrap_or_else(|| Endpoint::from_host(name));
    let host = canonical(&endpoint.host);
    let literal = format!("{}/{}", package.namespace(), package.name());
    let prefixed = endpoint.repository(&format!("{}{literal}", metadata.prefix));
    // A mirror of the name may have the packages under the prefix of the OCI registry, because they
    // were copied from there, or without it, because they were published to it.
    let candidates = |by_name: bool| match by_name && prefixed != literal {
        true => vec![prefixed.clone(), literal.clone()],
        false => vec![prefixed.clone()],
    };
    let reason = match host == *name {
        true => reason,
        false => format!("{reason}, and its packages are at `{host}`"),
    };
    let asked = oci_sources(registries, Some(name), &host, candidates, &reason)?;
    if is_host(&host) {
        return Ok(asked);
    }
    // A word is not a host: only its mirrors can be asked.
    let mirrors: Vec<_> = asked.into_iter().filter(|it| it.role != Role::Primary).collect();
    match mirrors.is_empty() {
        true => Err(unknown(registries, name, &reason)),
        false => Ok(mirrors),
    }
}

/// Adds the sources of `ghcr.io/myorg`: a host and a path that the rule names.
fn add_sources_below_path(
    registries: &Registries,
    package: &PackageName,
    rule: &str,
    route: &mut Route,
) -> Result<()> {
    let endpoint = Endpoint::parse(rule).map_err(|problem| wrong_rule(rule, &problem))?;
    if endpoint.scheme == Some(Scheme::Http) && !is_loopback(&endpoint.host) {
        return Err(wrong_rule(rule, "a rule cannot allow plain http to another machine").hint(
            format!(
                "to allow it, set {}=http://{}, or `protocol = \"http\"` in `[registry.{:?}.oci]` \
                 of the config file",
                registry_variable(&endpoint.host, "URL"),
                endpoint.host,
                endpoint.host
            ),
        ));
    }
    let host = canonical(&endpoint.host);
    let literal = endpoint.repository(&format!("{}/{}", package.namespace(), package.name()));
    // A path that ends with the namespace should not have it twice, but a tool may have published
    // the package with the namespace twice.
    let ends = endpoint.path.rsplit('/').next() == Some(package.namespace());
    let short = ends.then(|| endpoint.repository(package.name()));
    let candidates = |_: bool| short.iter().chain([&literal]).cloned().collect();
    route.registry = Some(host.clone());
    let reason = "the requested registry";
    route.sources.extend(oci_sources(registries, None, &host, candidates, reason)?);
    Ok(())
}

/// Returns the repositories at each address for requests to an OCI registry.
fn oci_sources(
    registries: &Registries,
    name: Option<&str>,
    host: &str,
    candidates: impl Fn(bool) -> Vec<String>,
    reason: &str,
) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for (index, oci_endpoint) in registries.oci_endpoints(name, host).into_iter().enumerate() {
        for repository in candidates(oci_endpoint.by_name) {
            let repository = oci_endpoint.endpoint.repository(&repository);
            check_name(&repository)
                .map_err(|problem| Error::usage(problem).fact("because", reason))?;
            let reason = match oci_endpoint.reason.as_str() {
                "" => reason.to_owned(),
                oci_endpoint => format!("{reason}; {oci_endpoint}"),
            };
            sources.push(Source {
                place: SourceLocation::Oci {
                    registry: canonical(&oci_endpoint.endpoint.host),
                    repository,
                },
                role: oci_endpoint.role,
                fallback: index > 0,
                reason,
            });
        }
    }
    Ok(sources)
}

fn folder(root: &Path, package: &PackageName, reason: String) -> Source {
    let place = SourceLocation::Versions(root.join(package.namespace()).join(package.name()));
    Source { place, role: Role::Folder, fallback: false, reason }
}

fn overridden(found: &NamedPath) -> Source {
    Source {
        place: SourceLocation::Path(found.path.clone()),
        role: Role::Override,
        fallback: false,
        reason: format!("overridden by {}", found.place),
    }
}

fn local_folder_reason(place: &str) -> String {
    format!("the folder of the registry `{LOCAL}` by {place}")
}

fn wrong_rule(rule: &str, problem: &str) -> Error {
    let shown = airgap_http::redacted(rule);
    Error::usage(format!("the registry `{shown}` of the rule cannot be used")).because(problem)
}

fn no_registry(registries: &Registries, package: &PackageName) -> Error {
    let namespace = package.namespace();
    let file = match &registries.config.path {
        Some(path) => format!("`{}`", path.display()),
        None => "a file named by WKG_CONFIG_FILE".to_owned(),
    };
    Error::usage(format!("no registry is configured for `{package}`"))
        .fact("looked at", "the rule's `registry`, and the config file")
        .hint(format!("write `{namespace} = \"HOST\"` below [namespace_registries] in {file}"))
        .hint(format!(
            "or name it where the package is requested: `registry = \"HOST\"` in `wit.package` and \
             `wit_package`, `package_registries = {{\"{namespace}\": \"HOST\"}}` in \
             `wit_vendor_lock`, `--package-registry {namespace}=HOST` for `vendor wit`, \
             `--registry HOST` for `wit fetch` and `wit pin`"
        ))
}

/// Returns the error for a word that is neither a host nor a registry with an address.
fn unknown(registries: &Registries, name: &str, reason: &str) -> Error {
    let names: Vec<_> = registries.config.registries.keys().map(String::as_str).collect();
    let error = Error::usage(format!("the address of the registry `{name}` is unknown"))
        .fact("wanted", reason)
        .hint(format!(
            "if it is a host, write its port: `{name}:443`; otherwise set {}, or give \
             `[registry.{name}]` a `mirror` or a `local` folder in the config file",
            registry_variable(name, "URL")
        ));
    match nearest(name, &names).first() {
        Some(near) if *near != name => error.fact("nearest", format!("`{near}`")),
        _ => error,
    }
}
