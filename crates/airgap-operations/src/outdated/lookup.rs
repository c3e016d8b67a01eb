//! The comparison of pins with their sources.

use std::cell::OnceCell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::pin::{Pin, Pinned, Update};
use super::row::{Row, Status, shown};
use super::silent_hosts::SilentHosts;
use super::version;
use airgap_config::policy::Policy;
use airgap_config::registries::Registries;
use airgap_core::digest::Digest;
use airgap_core::environment::Environment;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::package::PackageId;
use airgap_core::shell;
use airgap_core::workers;
use airgap_mirror::copy::{ImageSource, RegistrySource};
use airgap_oci::{Client, Content, Manifest, Reference, Repository, Tag};
use airgap_vendor::catalog::{ToolCatalog, WitCatalog};
use airgap_vendor::kinds::component::WantedComponent;
use airgap_vendor::kinds::wit::{Available, Packages};

/// The largest number of newer tags of one repository.
const MOST_TAGS: usize = 20_000;

/// The time after which a host that fails is not asked again.
const PATIENCE: Duration = Duration::from_secs(30);

/// The sources of all pins.
pub struct Lookup<'a> {
    tools: &'a ToolCatalog,
    packages: Packages,
    registries: Arc<Registries>,
    /// The hosts that do not answer.
    hosts: SilentHosts,
    /// The list of versions of a WIT package that is being read.
    listing: Mutex<()>,
    /// The client of registries, or the reason why the network is not used.
    client: Result<Client>,
    /// The command that vendors everything.
    vendor_all: &'a str,
}

/// The content that a registry has under a tag.
struct Tagged {
    manifest: Digest,
    /// The digest of the only layer, if there is only one.
    content: Option<Digest>,
}

impl<'a> Lookup<'a> {
    /// Creates the sources that these settings allow. Opens no socket. `vendor_all` is the command
    /// that vendors everything.
    ///
    /// # Errors
    /// Usage, if a setting about registries is invalid.
    pub fn new(
        policy: &Policy,
        environment: &Environment,
        tools: &'a ToolCatalog,
        wit: WitCatalog,
        vendor_all: &'a str,
    ) -> Result<Lookup<'a>> {
        let packages = Packages::new(policy.clone(), wit, environment)?;
        let registries = Arc::new(Registries::from_environment(environment, policy.workspace())?);
        let client = match policy.network(|| "ask the registry for newer versions".to_owned()) {
            Ok(network) => Ok(Client::new(network, registries.clone())?),
            Err(error) => Err(error),
        };
        let listing = Mutex::default();
        let hosts = SilentHosts::new(PATIENCE);
        Ok(Lookup { tools, packages, registries, hosts, listing, client, vendor_all })
    }

    /// Compares each pin, `jobs` at a time.
    pub fn rows(&self, pins: &[Pinned], jobs: usize) -> Vec<Row> {
        workers::each(pins, jobs, |pinned| self.row(pinned))
    }

    fn row(&self, pinned: &Pinned) -> Row {
        match &pinned.pin {
            Pin::Tool { tool, version } => self.tool(pinned, tool, version),
            Pin::Wit { package, .. } => self.wit(pinned, package),
            Pin::Component(wanted) => self.component(pinned, wanted),
            Pin::Image { source, digest } => self.image(pinned, source, *digest),
        }
    }

    /// Compares a tool with the checksum registry.
    fn tool(&self, pinned: &Pinned, name: &str, version: &str) -> Row {
        let row = Row::new(pinned, "the checksum registry");
        let Ok(tool) = self.tools.tool(name) else {
            return row.unknown(format!(
                "`{name}` is not in the checksum registry of this program; name your own file with \
                 `--registry`"
            ));
        };
        if !version::is_comparable(version) {
            return match tool.latest.as_ref().is_some_and(|latest| latest.as_str() == version) {
                true => newest(row, version, None),
                false => row.unknown(format!("`{version}` is not a number that can be compared")),
            };
        }
        let newer = version::newer(version, tool.versions.keys().map(|it| it.as_str()));
        let mut row = outdated(row, newer);
        if let (Status::Outdated, Some(newest)) = (row.status, &row.newest) {
            row.change = format!("name = \"{name}\", version = \"{newest}\" in the tag `tool`");
            row.fix = self.vendor_all.to_owned();
        }
        row
    }

    /// Compares a WIT package with its pinned archives or its registry.
    fn wit(&self, pinned: &Pinned, package: &PackageId) -> Row {
        let Pin::Wit { rule, locked, digest, .. } = &pinned.pin else {
            return Row::new(pinned, "");
        };
        let mut rule = rule.as_deref();
        let mut found = self.available(package, rule);
        if let (Err(error), Some(registry)) = (&found, locked.as_deref())
            && error.kind() == ErrorKind::Usage
        {
            rule = Some(registry);
            found = self.available(package, rule);
        }
        let available = match found {
            Ok(available) => available,
            Err(error) => {
                let source = rule.map_or_else(|| "its registry".to_owned(), airgap_oci::shown);
                return Row::new(pinned, source).failed(error);
            }
        };
        let source = available.registry.as_deref().unwrap_or("the checksum registry");
        let row = Row::new(pinned, source);
        if available.versions.is_empty() {
            let statement = format!("no source has versions of {}", package.name);
            return row.failed(Error::new(ErrorKind::Unavailable, statement));
        }
        let versions: Vec<_> = available.versions.iter().map(ToString::to_string).collect();
        let newer =
            version::newer(&package.version.to_string(), versions.iter().map(String::as_str));
        let now = match versions.contains(&package.version.to_string()) {
            true => self.packages.served(package, rule),
            false => Ok(None),
        };
        let newest = |version: &str| {
            let version = version.parse().ok()?;
            let newest = PackageId { name: package.name.clone(), version };
            self.packages.served(&newest, rule).ok().flatten()
        };
        let row = compared(row, newer, *digest, now, newest);
        self.with_wit_update(row, pinned, package, rule)
    }

    fn with_wit_update(
        &self,
        mut row: Row,
        pinned: &Pinned,
        package: &PackageId,
        rule: Option<&str>,
    ) -> Row {
        let Some(newest) = row.newest.clone().filter(|_| needs_update(&row)) else { return row };
        let named = format!("{}@{newest}", package.name);
        let registry =
            rule.map(|it| format!(" --registry {}", shell::word(it))).unwrap_or_default();
        match &pinned.update {
            Update::Lock { command, asks } => {
                if !asks.is_empty() && row.status == Status::Outdated {
                    row.change = format!("`{named}`, if `{asks}` names the version");
                }
                row.fix = command.clone();
            }
            _ if row.source == "the checksum registry" => {
                row.change = format!("`{named}` instead of `{package}`");
                row.fix = self.vendor_all.to_owned();
            }
            _ => {
                row.change = "the lines that the command prints".to_owned();
                row.fix = format!("wasm-airgap wit pin {named}{registry}");
            }
        }
        row
    }

    /// Compares a component with its registry.
    fn component(&self, pinned: &Pinned, wanted: &WantedComponent) -> Row {
        let Some(reference) = &wanted.reference else {
            return Row::new(pinned, "").unknown(
                "the checksum registry does not name the registry that has the component",
            );
        };
        let repository = reference.repository();
        let row = Row::new(pinned, repository.to_string());
        let Some(tag) = &wanted.version else {
            return row.unknown("a digest without a tag has no version to compare");
        };
        if let Err(offline) = &self.client {
            return row.failed(offline.clone());
        }
        let pin = wanted.pin.as_ref();
        let is_manifest = OnceCell::new();
        let digest = |tag: &str| {
            let found = self.tagged(repository, tag)?;
            let by_manifest = is_manifest.get_or_init(|| self.is_by_manifest(wanted, &found));
            let content = found.content.filter(|_| !by_manifest);
            Ok(content.unwrap_or(found.manifest))
        };
        let marked = format!("v{tag}");
        let wanted_tag = |text: &str| {
            version::is_same_or_newer(text, tag) || version::is_same_or_newer(text, &marked)
        };
        let tags = self.tags(repository, &wanted_tag);
        // A version in a checksum registry may be `1.2.0` for the tag `v1.2.0`.
        let tag = match (&tags, reference.tag()) {
            (_, Some(tag)) => tag.to_string(),
            (Ok(tags), None) => {
                if !tags.contains(tag) && tags.contains(&marked) {
                    marked
                } else {
                    tag.clone()
                }
            }
            (Err(_), None) => tag.clone(),
        };
        let mut row = from_registry(row, &tag, tags, pin.map(|pin| pin.digest), digest);
        if let Some(newest) = row.newest.clone().filter(|_| needs_update(&row)) {
            row.change = "the lines that the command prints".to_owned();
            row.fix = format!("wasm-airgap component pin {repository}:{newest}");
        }
        row
    }

    /// Returns whether a component is pinned by the digest of its manifest, and not by that of its
    /// content. `found` is what the registry has under the pinned tag.
    fn is_by_manifest(&self, wanted: &WantedComponent, found: &Tagged) -> bool {
        let (Some(pin), Some(reference)) = (&wanted.pin, &wanted.reference) else { return false };
        if pin.digest == found.manifest || Some(pin.digest) == found.content {
            return pin.digest == found.manifest;
        }
        // The tag was moved; the old manifest usually stays in the registry.
        let old = reference.repository().at(pin.digest);
        pin.manifest.is_none()
            && self.asked(old.repository(), |registry| registry.digest(&old)).is_ok()
    }

    /// Compares an image with its registry.
    fn image(&self, pinned: &Pinned, source: &Reference, pin: Option<Digest>) -> Row {
        let repository = source.repository();
        let row = Row::new(pinned, repository.to_string());
        let Some(tag) = source.tag() else {
            return row.unknown("a digest without a tag has no version to compare");
        };
        if let Err(offline) = &self.client {
            return row.failed(offline.clone());
        }
        let digest = |tag: &str| {
            let tagged = repository.tagged(tag.parse().map_err(Error::usage)?);
            self.asked(repository, |registry| registry.digest(&tagged))
        };
        let wanted = |text: &str| version::is_same_or_newer(text, tag.as_str());
        let tags = self.tags(repository, &wanted);
        let mut row = from_registry(row, tag.as_str(), tags, pin, digest);
        if let (Update::Images { options }, true) = (&pinned.update, needs_update(&row)) {
            if row.status == Status::Outdated || source.digest().is_some() {
                let newest = row.newest.as_deref().unwrap_or_default();
                let digest = row.newest_digest.as_deref().filter(|_| source.digest().is_some());
                let digest = digest.map(|it| format!("@{it}")).unwrap_or_default();
                row.change =
                    format!("`{repository}:{newest}{digest}`, and the same tag in `destination`");
            }
            let update = if row.status == Status::Moved { " --update" } else { "" };
            row.fix = format!("wasm-airgap mirror lock{options}{update}");
        }
        row
    }

    /// Returns what a registry has under a tag.
    fn tagged(&self, repository: &Repository, tag: &str) -> Result<Tagged> {
        let tag: Tag = tag.parse().map_err(Error::usage)?;
        let reference = repository.tagged(tag);
        let manifest = self.asked(repository, |registry| registry.resolve(&reference))?.manifest;
        let content = only_layer(&manifest, &reference);
        Ok(Tagged { manifest: *manifest.digest(), content })
    }

    /// Returns the tags of a repository that `wanted` accepts.
    fn tags(&self, repository: &Repository, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<String>> {
        self.asked(repository, |registry| registry.tags_that(repository, wanted, MOST_TAGS))
    }

    /// Returns the versions of a package. One list is read at a time, because a registry may list
    /// 250,000 versions.
    fn available(&self, package: &PackageId, rule: Option<&str>) -> Result<Available> {
        let _one = workers::lock(&self.listing);
        // Without a rule, the settings name the registry of the namespace.
        let host = rule.map_or_else(
            || package.name.namespace(),
            |rule| rule.split('/').next().unwrap_or(rule),
        );
        self.hosts.ask(host, || self.packages.available(&package.name, rule))
    }

    /// Asks the registry of a repository, if the network may be used.
    fn asked<T>(
        &self,
        repository: &Repository,
        ask: impl FnOnce(&RegistrySource<'_>) -> Result<T>,
    ) -> Result<T> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let host = repository.registry().as_str();
        self.hosts.ask(host, || ask(&RegistrySource::new(client, &self.registries)))
    }
}

/// Returns the digest of the only layer of an artifact.
fn only_layer(manifest: &Manifest, reference: &Reference) -> Option<Digest> {
    match manifest.content(&format!("`{reference}`")) {
        Ok(Content::Image(image)) if image.layers.len() == 1 => Some(image.layers[0].digest),
        _ => None,
    }
}

/// Compares a tag with the tags and the digests of its registry.
fn from_registry(
    row: Row,
    tag: &str,
    tags: Result<Vec<String>>,
    pin: Option<Digest>,
    digest: impl Fn(&str) -> Result<Digest>,
) -> Row {
    let newer = match &tags {
        // Tags are texts of a registry: others than valid ones are left out.
        Ok(tags) => {
            let valid = tags.iter().filter(|it| it.parse::<Tag>().is_ok());
            version::newer(tag, valid.map(String::as_str))
        }
        // The registry would not answer the next request either.
        Err(error) if error.kind() == ErrorKind::Network => return row.failed(error.clone()),
        Err(_) => Vec::new(),
    };
    let now = digest(tag).map(Some);
    let row = compared(row, newer, pin, now, |tag| digest(tag).ok());
    match tags {
        // Without the list, only a moved tag is certain.
        Err(error) if row.status == Status::Current => row.failed(error),
        _ if row.status == Status::Current && pin.is_none() && !version::is_comparable(tag) => {
            row.unknown(format!("`{tag}` is neither a version nor pinned by a digest"))
        }
        _ => row,
    }
}

/// Completes a row. `now` is the digest that the source has under the pinned version, and `newest`
/// returns that of another version.
fn compared(
    row: Row,
    newer: Vec<String>,
    pin: Option<Digest>,
    now: Result<Option<Digest>>,
    newest_digest: impl Fn(&str) -> Option<Digest>,
) -> Row {
    let current = row.current.clone().unwrap_or_default();
    let row = match newer.last().map(|it| newest_digest(it)) {
        Some(digest) => Row { newest_digest: digest.map(shown), ..outdated(row, newer) },
        None => outdated(row, newer),
    };
    match (pin, now) {
        (Some(pin), Ok(Some(now))) if pin != now => {
            let reason = format!("`{current}` has {} now", shown(now));
            let row = match row.status {
                Status::Outdated => row,
                _ => newest(row, &current, Some(now)),
            };
            Row { status: Status::Moved, reason, ..row }
        }
        (_, Ok(now)) if row.status == Status::Current => newest(row, &current, now.or(pin)),
        (_, Err(error)) if row.status == Status::Current => row.failed(error),
        (_, Err(error)) => Row { reason: error.one_line(), ..row },
        _ => row,
    }
}

/// Sets the newer versions of a row, and with them its status.
fn outdated(row: Row, newer: Vec<String>) -> Row {
    let status = if newer.is_empty() { Status::Current } else { Status::Outdated };
    let newest = newer.last().or(row.current.as_ref()).cloned();
    Row { status, newest, newer, ..row }
}

/// Sets the newest version of a row, which is the pinned one.
fn newest(row: Row, version: &str, digest: Option<Digest>) -> Row {
    Row { newest: Some(version.to_owned()), newest_digest: digest.map(shown), ..row }
}

fn needs_update(row: &Row) -> bool {
    matches!(row.status, Status::Outdated | Status::Moved)
}
