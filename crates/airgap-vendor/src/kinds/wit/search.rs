//! The search for one package in the file form that registries serve.

use super::fetched::Fetched;
use super::folders::{self, FolderPackage, Pinned};
use super::known_versions::KnownVersions;
use super::listed;
use super::published::Form;
use super::pull::{self, Pin};
use super::wanted::WantedPackage;
use crate::catalog::WitCatalog;
use crate::clients;
use crate::resolver::{Attempts, Resolvable};
use airgap_config::registries::{Source as Provider, SourceLocation};
use airgap_core::error::{Context as _, Error, ErrorKind, Result};
use airgap_core::outcome::Outcome;
use airgap_core::package::PackageId;
use airgap_core::report::Report;
use airgap_core::rooted::RootedPath;
use airgap_core::store;
use airgap_core::verify::{Unverified, Verified};
use airgap_wit::WitSource;

/// The search for a package, after the settings were read.
pub(super) struct PackageSearch<'a> {
    /// The clients, and the versions for the error.
    known: KnownVersions<'a>,
    wanted: &'a WantedPackage<'a>,
    /// The pin of the package, or else the digest that the registry is known to serve.
    pin: Option<Pin>,
    /// The name of the registry.
    registry: Option<String>,
    /// Whether a file is at the destination of the published file.
    is_there: bool,
    report: &'a Report,
}

impl<'a> PackageSearch<'a> {
    /// Creates the search for a package.
    ///
    /// # Errors
    /// Failed, if the destination cannot be read.
    pub(super) fn new(
        known: KnownVersions<'a>,
        wanted: &'a WantedPackage<'a>,
        report: &'a Report,
    ) -> Result<PackageSearch<'a>> {
        let route = known.clients.registries().route(&wanted.package.name, wanted.rule);
        let registry = route.ok().and_then(|route| route.registry);
        let served = || served(known.catalog, wanted.package, registry.as_deref()?);
        let pin = wanted.pin.clone().or_else(served);
        let there = wanted.destination.stat();
        let is_there = there.doing(|| format!("write `{}`", wanted.destination))?.is_some();
        Ok(PackageSearch { known, wanted, pin, registry, is_there, report })
    }

    /// Returns the result for the published file, which is at its destination.
    fn published(&self, file: Verified, outcome: Outcome, from: String) -> Fetched {
        let fetched = Fetched::published(self.wanted.package, Form::Wasm, file, outcome, from);
        Fetched { registry: self.registry.clone(), ..fetched }
    }

    /// Returns the result for the published file, which was brought to its destination.
    fn brought(&self, file: Verified, outcome: Outcome, from: String) -> Fetched {
        let outcome = if self.is_there { Outcome::Repaired } else { outcome };
        self.published(file, outcome, from)
    }

    fn open(&self, path: &RootedPath) -> Result<Unverified> {
        Unverified::open_rooted(path, self.wanted.package.to_string())
    }

    /// Returns the pin for a file on this machine: without one, the digest that the manifest of
    /// the file's own folder lists, if one does.
    fn pin_for(&self, path: &RootedPath) -> Option<Pin> {
        self.pin.clone().or_else(|| listed::pin(path.path()))
    }

    /// Copies a published file from this machine.
    fn copy(&self, path: &RootedPath) -> Result<Verified> {
        let file = self.open(path)?;
        let file = match self.pin_for(path) {
            Some(pin) => {
                file.verify(&pin.digest).map_err(|error| error.fact("pinned by", &pin.from))?
            }
            None => file.accept_unpinned()?,
        };
        store::place_copy(&file, &self.wanted.destination, false)
    }

    /// Asks one provider for the published file.
    fn ask_for_file(&self, provider: &Provider) -> Result<Option<Verified>> {
        let WantedPackage { package, destination, .. } = self.wanted;
        match &provider.place {
            SourceLocation::Path(_) => Ok(None),
            SourceLocation::Versions(folder) => {
                let path =
                    RootedPath::from_trusted(folder).join(&format!("{}.wasm", package.version));
                if !path.is_file().doing(|| format!("read `{path}`"))? {
                    return Ok(None);
                }
                self.copy(&path).map(Some)
            }
            SourceLocation::Oci { registry, repository } => {
                let doing = || format!("fetch {package} from {registry}");
                let client = self.known.clients.oci(doing)?;
                let repository = clients::repository(registry, repository)?;
                let item = self.report.item(package.to_string());
                let pin = self.pin.as_ref();
                pull::package(client, &repository, package, pin, destination, &item)
            }
        }
    }

    /// Returns the condition on the content of a folder.
    fn pinned(&self) -> Pinned {
        match (&self.wanted.text, &self.pin) {
            (Some(text), _) => Pinned::Text(*text),
            (None, Some(pin)) => Pinned::File(pin.digest),
            (None, None) => Pinned::Nothing,
        }
    }
}

impl Resolvable for PackageSearch<'_> {
    type Found = Fetched;
    type Source = Provider;

    fn kept(&self) -> Result<Option<Fetched>> {
        let path = &self.wanted.destination;
        let right = |pin: Pin| self.open(path).ok()?.verify(&pin.digest).ok();
        let Some(file) = self.pin_for(path).and_then(right) else { return Ok(None) };
        store::remove_leftovers(path);
        Ok(Some(self.published(file, Outcome::Kept, path.to_string())))
    }

    fn in_folders(&self, attempts: &mut Attempts) -> Result<Option<Fetched>> {
        let wanted = self.wanted;
        let search =
            folders::find_in_folders(wanted.package, &self.pinned(), self.known.clients.policy())?;
        attempts.add_places(&search.places);
        if let (true, Some(pin)) = (search.has_only_text, &self.pin) {
            attempts.set_vendor_command(wanted.fetch_command(&pin.digest));
        }
        match search.found {
            Some(FolderPackage::HandMade(folder)) => {
                let source = WitSource::from_rooted(&folder)?;
                listed::check_text(&source, folder.path())?;
                Ok(Some(Fetched::text(source, Outcome::Copied, folder.to_string())))
            }
            Some(FolderPackage::Published(path)) if path.path() != wanted.destination.path() => {
                let file = self.copy(&path)?;
                Ok(Some(self.brought(file, Outcome::Copied, path.to_string())))
            }
            _ => Ok(None),
        }
    }

    fn sources(&self, attempts: &mut Attempts) -> Result<Vec<Provider>> {
        let WantedPackage { package, rule, text, .. } = self.wanted;
        // Locked text was never in a registry.
        if text.is_some() {
            return Ok(Vec::new());
        }
        let clients = self.known.clients;
        let route = clients.registries().route(&package.name, *rule);
        let route = route.map_err(|error| self.known.explain(error, &[], package))?;
        let Some(offline) = clients.policy().offline() else {
            let route = clients.registries().route_online(&package.name, *rule, clients.http()?)?;
            return Ok(route.sources);
        };
        if let Some(discovery) = &route.discovery {
            attempts.add_offline(&discovery.url, offline);
        }
        Ok(route.sources)
    }

    fn ask(&self, provider: &Provider) -> Result<Option<Fetched>> {
        let Some(file) = self.ask_for_file(provider)? else { return Ok(None) };
        let outcome = match provider.needs_network() {
            true => Outcome::Fetched,
            false => Outcome::Copied,
        };
        self.wanted.warn_unpinned(&file, self.report);
        Ok(Some(self.brought(file, outcome, provider.to_string())))
    }

    fn damage(&self, failure: ErrorKind) -> Option<Error> {
        let path = &self.wanted.destination;
        let is_file = failure == ErrorKind::Unavailable && self.wanted.text.is_none();
        let listed = is_file.then(|| listed::pin(path.path())).flatten()?;
        // A file that the folder lists with another digest than the pin is another version.
        if self.pin.as_ref().is_some_and(|pin| pin.digest != listed.digest) {
            return None;
        }
        let error = self.open(path).ok()?.verify(&listed.digest).err()?;
        let error = error.fact("pinned by", &listed.from);
        Some(error.hint("no allowed source has the right bytes"))
    }

    fn attempts(&self) -> Attempts {
        self.wanted.attempts()
    }

    fn unavailable(&self, attempts: Attempts, sources: &[Provider]) -> Error {
        let error = attempts.error(self.known.clients.policy().offline());
        if self.wanted.text.is_some() {
            return error;
        }
        let error = self.known.explain(error, sources, self.wanted.package);
        match error.hints() {
            [] => error.hint("check the name, the version and the registry of the package"),
            _ => error,
        }
    }
}

/// Returns the pin of the file that the registry of this name is known to serve.
fn served(catalog: &WitCatalog, package: &PackageId, registry: &str) -> Option<Pin> {
    let digest = catalog.served(package, registry)?;
    Some(Pin { digest, from: format!("the digest known for `{registry}`") })
}
