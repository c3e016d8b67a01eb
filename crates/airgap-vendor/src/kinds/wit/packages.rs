//! The sources of packages that the settings allow, and the fetching of one package.

mod state;
mod versions;

pub use state::PackageState;
pub use versions::Available;

use std::collections::BTreeMap;
use std::path::Path;

use super::fetched::Fetched;
use super::folders::{self, Adopted};
use super::published::Form;
use super::pull::Pin;
use super::search::PackageSearch;
use super::wanted::WantedPackage;
use crate::catalog::{SourceArchive, WitCatalog};
use crate::clients::Clients;
use crate::kinds::pinned_file::vendor_file;
use crate::manifest::VendorDir;
use crate::plan;
use crate::request::WitChoice;
use crate::resolver;
use airgap_config::policy::Policy;
use airgap_config::registries::SourceLocation;
use airgap_core::digest::Digest;
use airgap_core::environment::Environment;
use airgap_core::error::{Error, Result};
use airgap_core::listing::Disk;
use airgap_core::outcome::Outcome;
use airgap_core::package::{PackageId, PackageName};
use airgap_core::quantity::megabytes;
use airgap_core::report::Report;
use airgap_core::rooted::RootedPath;
use airgap_core::user_path;
use airgap_wit::{Locked, WitSource};

/// Every source of packages.
pub struct Packages {
    clients: Clients,
    catalog: WitCatalog,
    chosen: BTreeMap<PackageId, Chosen>,
    /// The registry of a namespace or a package, by its name.
    named: BTreeMap<String, String>,
    archives_first: bool,
}

/// A user's choices for one package.
struct Chosen {
    registry: Option<String>,
    digest: Option<Digest>,
}

/// The published form of a package.
enum PublishedAs<'a> {
    /// A pinned archive.
    Archive(SourceArchive),
    /// One file that a registry serves.
    File(WantedPackage<'a>),
}

impl Packages {
    /// Creates the sources that these settings allow. Opens no socket.
    ///
    /// # Errors
    /// Usage, if a setting about registries is invalid.
    pub fn new(policy: Policy, catalog: WitCatalog, environment: &Environment) -> Result<Packages> {
        let clients = Clients::new(policy, environment)?;
        let (chosen, named) = (BTreeMap::new(), BTreeMap::new());
        Ok(Packages { clients, catalog, chosen, named, archives_first: false })
    }

    /// Takes the chosen packages from the chosen registries, with the chosen digests.
    ///
    /// # Errors
    /// Usage, if a digest is invalid.
    pub fn choosing(mut self, choices: &[WitChoice]) -> Result<Packages> {
        for choice in choices {
            let registry = Some(choice.registry.clone()).filter(|it| !it.is_empty());
            let chosen = Chosen { registry, digest: choice.digest()? };
            self.chosen.insert(choice.package.clone(), chosen);
        }
        Ok(self)
    }

    /// Takes the packages of these names (`myorg:api`) or namespaces (`myorg`) from these
    /// registries, as if a rule named the registry for each.
    pub fn naming(mut self, registries: impl IntoIterator<Item = (String, String)>) -> Packages {
        self.named.extend(registries);
        self
    }

    /// Returns the registry that a user named for a package. A package that no setting knows comes from
    /// the registry that is named for another package of its namespace.
    fn registry_of(&self, package: &PackageName) -> Option<&str> {
        let named = self.named.get(&package.to_string());
        let named = named.or_else(|| self.named.get(package.namespace()));
        let beside = || {
            let prefix = format!("{}:", package.namespace());
            let other = self.named.iter().find(|(name, _)| name.starts_with(&prefix));
            other.filter(|_| !self.clients.registries().has_registry_for(package))
        };
        named.or_else(|| beside().map(|(_, registry)| registry)).map(String::as_str)
    }

    /// Takes each package from its pinned archive if it has one and no user chose a registry for
    /// it, also if the config file names a registry: `@wasi_wit` accepts only the archive.
    pub fn with_archives_first(mut self) -> Packages {
        self.archives_first = true;
        self
    }

    fn policy(&self) -> &Policy {
        self.clients.policy()
    }

    /// Fetches a package into its vendor folder. The pins of the lock apply.
    ///
    /// # Errors
    /// Unavailable, listing every place; integrity, if the bytes are not those of the lock, or not
    /// those that the registry is known to serve.
    pub fn fetch(
        &self,
        package: &PackageId,
        locked: Option<&Locked>,
        dir: &VendorDir,
        report: &Report,
    ) -> Result<Fetched> {
        let wanted = match self.published_as(package, locked, dir)? {
            PublishedAs::Archive(archive) => return self.fetch_archive(&archive, dir, report),
            PublishedAs::File(wanted) => wanted,
        };
        let mut fetched = self.obtain(&wanted, report)?;
        // The locked origin stays, also if no registry is asked for it.
        if let Some(locked) = locked {
            fetched.registry.clone_from(&locked.registry);
        }
        let size = fetched.file().map(|file| megabytes(file.size())).unwrap_or_default();
        let line = format!("{:8} {package}  {size}", fetched.outcome.word());
        report.say(line.trim_end());
        Ok(fetched)
    }

    /// Fetches a package for a repository: the published file goes beside its text into `folder`.
    ///
    /// # Errors
    /// The errors of [`Packages::fetch`].
    pub fn fetch_into(
        &self,
        package: &PackageId,
        rule: Option<&str>,
        pin: Option<Digest>,
        folder: &Path,
        report: &Report,
    ) -> Result<Fetched> {
        let wanted = WantedPackage::new(package, &RootedPath::from_trusted(folder));
        let pin = pin.map(of_rule);
        self.obtain(&WantedPackage { rule, pin, warns: true, ..wanted }, report)
    }

    /// Fetches a package for inspection: the published file goes into `folder`.
    ///
    /// # Errors
    /// The errors of [`Packages::fetch`].
    pub fn fetch_for_inspection(
        &self,
        package: &PackageId,
        rule: Option<&str>,
        folder: &Path,
        report: &Report,
    ) -> Result<Fetched> {
        let wanted = WantedPackage::new(package, &RootedPath::from_trusted(folder));
        self.obtain(&WantedPackage { rule, ..wanted }, report)
    }

    /// Returns the text of a pinned archive, from the config file's path or from a handmade folder.
    ///
    /// # Errors
    /// Usage, if a folder that a setting names cannot be used; integrity, if the config file puts
    /// another package in its place.
    pub fn adopt(&self, archive: &SourceArchive) -> Result<Adopted> {
        if let Some(text) = self.overridden(&archive.package)? {
            let source = Some(text.source()?);
            return Ok(Adopted { source, overridden: true, remarks: Vec::new() });
        }
        folders::adopt(archive, self.policy())
    }

    /// Returns the published form of a package, with its pins.
    fn published_as<'a>(
        &'a self,
        package: &'a PackageId,
        locked: Option<&Locked>,
        dir: &VendorDir,
    ) -> Result<PublishedAs<'a>> {
        let chosen = self.chosen.get(package);
        let named = self.registry_of(&package.name);
        let archive = self.catalog.archive(package);
        let archive = archive.filter(|_| chosen.is_none() && named.is_none());
        let archive = archive.filter(|_| match locked {
            _ if self.archives_first => true,
            Some(locked) => locked.url.is_some(),
            None => !self.clients.registries().is_configured_for(&package.name),
        });
        if let Some(archive) = archive {
            check_lock(&archive, locked)?;
            return Ok(PublishedAs::Archive(archive));
        }
        let pin = locked.map(|it| Pin { digest: it.digest, from: "the lock".to_owned() });
        Ok(PublishedAs::File(WantedPackage {
            rule: chosen.and_then(|it| it.registry.as_deref()).or(named),
            pin: pin.or(chosen.and_then(|it| it.digest).map(of_rule)),
            text: locked.filter(|it| it.is_text()).map(|it| it.digest),
            warns: chosen.is_some(),
            ..WantedPackage::new(package, &dir.place(&package.folder()))
        }))
    }

    fn fetch_archive(
        &self,
        archive: &SourceArchive,
        dir: &VendorDir,
        report: &Report,
    ) -> Result<Fetched> {
        let artifact = archive.artifact();
        let plan = plan::resolve(std::slice::from_ref(&artifact), self.policy(), &Disk)?;
        let item = &plan.items[0];
        let client = if item.urls.is_empty() { None } else { Some(self.clients.http()?) };
        let brought = vendor_file(item, dir, client, report)?;
        let (package, url) = (&archive.package, archive.archive.url.to_string());
        let (form, from) = (Form::of(archive), url.clone());
        let fetched = Fetched::published(package, form, brought.file, brought.outcome, from);
        Ok(Fetched { url: Some(url), ..fetched })
    }

    /// Takes the package from the first allowed place that has it.
    fn obtain(&self, wanted: &WantedPackage<'_>, report: &Report) -> Result<Fetched> {
        if let Some(text) = self.overridden(wanted.package)? {
            return Ok(text);
        }
        let search = PackageSearch::new(self.known_versions(), wanted, report)?;
        resolver::resolve(&search, self.policy().offline(), report)
    }

    /// Returns a package that the config file puts in the place of the published one. No pin
    /// applies to it: the user who writes the file decides.
    fn overridden(&self, package: &PackageId) -> Result<Option<Fetched>> {
        let provider = self.clients.registries().override_of(&package.name)?;
        let Some(provider) = &provider else { return Ok(None) };
        let SourceLocation::Path(path) = &provider.place else {
            return Err(Error::usage(format!("{provider} is not a path")));
        };
        let source = match user_path::is_folder(path)? {
            true => WitSource::from_folder(path)?,
            false => WitSource::from_unverified(path)?,
        };
        source
            .must_be(package, &path.display().to_string())
            .map_err(|error| error.fact("because", &provider.reason))?;
        Ok(Some(Fetched::text(source, Outcome::Copied, provider.to_string())))
    }
}

/// Creates the pin of a rule or a tag in MODULE.bazel.
fn of_rule(digest: Digest) -> Pin {
    Pin { digest, from: "the rule's sha256".to_owned() }
}

/// Checks that the lock and the registry files pin the same archive.
fn check_lock(archive: &SourceArchive, locked: Option<&Locked>) -> Result<()> {
    let pinned = archive.archive.sha256;
    let Some(locked) = locked.filter(|locked| locked.digest != pinned) else { return Ok(()) };
    Err(Error::integrity(format!("the archive of {} is not the one in wit.lock", archive.package))
        .fact("locked", format!("sha256:{}", locked.digest))
        .fact("in the registry file", format!("sha256:{pinned}"))
        .hint("find out why the pin changed; then accept it with `--update`"))
}
