//! The sources of packages that the settings allow, and the fetching of one package.

mod held;
mod versions;

pub use held::Held;

use std::collections::BTreeMap;
use std::path::Path;

use super::fetched::Fetched;
use super::folders::{self, Adopted, Found, Pinned};
use super::listed;
use super::order::Order;
use super::published::Form;
use super::pull::{self, Pin};
use crate::manifest::VendorDir;
use crate::plan;
use crate::reach::{self, Attempts, Reach};
use crate::registry::{SourceArchive, WitRegistry};
use crate::request::WitChoice;
use crate::vendored_file::vendor_file;
use airgap_config::policy::Policy;
use airgap_config::registries::{Place, Route, Source as Provider};
use airgap_core::digest::Digest;
use airgap_core::environment::Environment;
use airgap_core::error::{Context as _, Error, Kind, Result};
use airgap_core::listing::Disk;
use airgap_core::outcome::Outcome;
use airgap_core::package::{PackageId, PackageName};
use airgap_core::quantity::megabytes;
use airgap_core::report::Report;
use airgap_core::rooted::RootedPath;
use airgap_core::store;
use airgap_core::user_path;
use airgap_core::verify::{Unverified, Verified};
use airgap_wit::{Locked, Source};

/// Every source of packages.
pub struct Sources {
    reach: Reach,
    pinned: WitRegistry,
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
enum Way<'a> {
    /// A pinned archive.
    Archive(SourceArchive),
    /// One file that a registry serves.
    File(Order<'a>),
}

/// The state of the search for a package, after the settings were read.
struct Search<'a> {
    order: &'a Order<'a>,
    /// The order's pin, or else the digest that the registry is known to serve.
    pin: Option<Pin>,
    /// The name of the registry.
    registry: Option<String>,
    /// Whether another file is at the destination of the published file.
    repairs: bool,
}

impl Search<'_> {
    /// Returns the result for the published file, which is at its destination.
    fn done(&self, file: Verified, outcome: Outcome, from: String) -> Fetched {
        let outcome = if self.repairs { Outcome::Repaired } else { outcome };
        let fetched = Fetched::published(self.order.package, Form::Wasm, file, outcome, from);
        Fetched { registry: self.registry.clone(), ..fetched }
    }
}

impl Sources {
    /// Creates the sources that these settings allow. Opens no socket.
    ///
    /// # Errors
    /// Usage, if a setting about registries is invalid.
    pub fn new(policy: Policy, pinned: WitRegistry, environment: &Environment) -> Result<Sources> {
        let reach = Reach::new(policy, environment)?;
        let (chosen, named) = (BTreeMap::new(), BTreeMap::new());
        Ok(Sources { reach, pinned, chosen, named, archives_first: false })
    }

    /// Takes the chosen packages from the chosen registries, with the chosen digests.
    ///
    /// # Errors
    /// Usage, if a digest is invalid.
    pub fn choosing(mut self, choices: &[WitChoice]) -> Result<Sources> {
        for choice in choices {
            let registry = Some(choice.registry.clone()).filter(|it| !it.is_empty());
            let chosen = Chosen { registry, digest: choice.digest()? };
            self.chosen.insert(choice.package.clone(), chosen);
        }
        Ok(self)
    }

    /// Takes the packages of these names (`myorg:api`) or namespaces (`myorg`) from these
    /// registries, as if a rule named the registry for each.
    pub fn naming(mut self, registries: impl IntoIterator<Item = (String, String)>) -> Sources {
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
            other.filter(|_| !self.reach.registries().has_registry_for(package))
        };
        named.or_else(|| beside().map(|(_, registry)| registry)).map(String::as_str)
    }

    /// Takes each package from its pinned archive if it has one and no user chose a registry for
    /// it, whatever the config file says: `@wasi_wit` accepts only the archive.
    pub fn with_archives_first(mut self) -> Sources {
        self.archives_first = true;
        self
    }

    fn policy(&self) -> &Policy {
        self.reach.policy()
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
        let order = match self.way(package, locked, dir)? {
            Way::Archive(archive) => return self.fetch_archive(&archive, dir, report),
            Way::File(order) => order,
        };
        let mut fetched = self.obtain(&order, report)?;
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
    /// The errors of [`Sources::fetch`].
    pub fn fetch_into(
        &self,
        package: &PackageId,
        rule: Option<&str>,
        pin: Option<Digest>,
        folder: &Path,
        report: &Report,
    ) -> Result<Fetched> {
        let order = Order::of(package, &RootedPath::given(folder));
        self.obtain(&Order { rule, pin: pin.map(of_rule), warns: true, ..order }, report)
    }

    /// Fetches a package for inspection: the published file goes into `folder`.
    ///
    /// # Errors
    /// The errors of [`Sources::fetch`].
    pub fn look(
        &self,
        package: &PackageId,
        rule: Option<&str>,
        folder: &Path,
        report: &Report,
    ) -> Result<Fetched> {
        let order = Order::of(package, &RootedPath::given(folder));
        self.obtain(&Order { rule, ..order }, report)
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
    fn way<'a>(
        &'a self,
        package: &'a PackageId,
        locked: Option<&Locked>,
        dir: &VendorDir,
    ) -> Result<Way<'a>> {
        let chosen = self.chosen.get(package);
        let named = self.registry_of(&package.name);
        let archive = self.pinned.archive(package);
        let archive = archive.filter(|_| chosen.is_none() && named.is_none());
        let archive = archive.filter(|_| match locked {
            _ if self.archives_first => true,
            Some(locked) => locked.url.is_some(),
            None => !self.reach.registries().is_configured_for(&package.name),
        });
        if let Some(archive) = archive {
            check_lock(&archive, locked)?;
            return Ok(Way::Archive(archive));
        }
        let pin = locked.map(|it| Pin { digest: it.digest, from: "the lock".to_owned() });
        Ok(Way::File(Order {
            rule: chosen.and_then(|it| it.registry.as_deref()).or(named),
            pin: pin.or(chosen.and_then(|it| it.digest).map(of_rule)),
            text: locked.filter(|it| it.is_text()).map(|it| it.digest),
            warns: chosen.is_some(),
            ..Order::of(package, &dir.place(&package.folder()))
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
        let client = if item.urls.is_empty() { None } else { Some(self.reach.http()?) };
        let brought = vendor_file(item, dir, client, report)?;
        let (package, url) = (&archive.package, archive.archive.url.to_string());
        let (form, from) = (Form::of(archive), url.clone());
        let fetched = Fetched::published(package, form, brought.file, brought.outcome, from);
        Ok(Fetched { url: Some(url), ..fetched })
    }

    /// Tries the allowed places in order, and takes the first that has the package.
    fn obtain(&self, order: &Order<'_>, report: &Report) -> Result<Fetched> {
        if let Some(text) = self.overridden(order.package)? {
            return Ok(text);
        }
        let route = self.reach.registries().route(&order.package.name, order.rule);
        let registry = route.as_ref().ok().and_then(|route| route.registry.clone());
        let pin = order.pin.clone().or_else(|| self.served(order.package, registry.as_deref()));
        let there = order.destination.stat();
        let repairs = there.doing(|| format!("write `{}`", order.destination))?.is_some();
        let search = Search { order, pin, registry, repairs };
        if let Some(file) = search.kept() {
            store::sweep(&order.destination);
            let from = order.destination.to_string();
            return Ok(Search { repairs: false, ..search }.done(file, Outcome::Kept, from));
        }
        let mut attempts = order.attempts();
        if let Some(found) = self.in_folders(&search, &mut attempts)? {
            return Ok(found);
        }
        // Locked text was never in a registry.
        if order.text.is_some() {
            return Err(attempts.error(self.policy().offline()));
        }
        self.in_registries(&search, route, attempts, report).map_err(|error| match error.kind() {
            Kind::Unavailable => search.damage().unwrap_or(error),
            _ => error,
        })
    }

    /// Takes the package from a vendor folder or a handmade one.
    fn in_folders(&self, search: &Search<'_>, attempts: &mut Attempts) -> Result<Option<Fetched>> {
        let order = search.order;
        let pinned = match (&order.text, &search.pin) {
            (Some(text), _) => Pinned::Text(*text),
            (None, Some(pin)) => Pinned::File(pin.digest),
            (None, None) => Pinned::Nothing,
        };
        let looked = folders::look(order.package, &pinned, self.policy())?;
        attempts.add_places(&looked.places);
        if let (true, Some(pin)) = (looked.has_only_text, &search.pin) {
            attempts.mend_by(order.fetch_command(&pin.digest));
        }
        match looked.found {
            Some(Found::HandMade(folder)) => {
                let source = Source::from_rooted(&folder)?;
                listed::check_text(&source, folder.path())?;
                Ok(Some(Fetched::text(source, Outcome::Copied, folder.to_string())))
            }
            Some(Found::Published(path)) if path.path() != order.destination.path() => {
                let file = search.copy(&path)?;
                Ok(Some(search.done(file, Outcome::Copied, path.to_string())))
            }
            _ => Ok(None),
        }
    }

    /// Takes the package from a registry, by the route to it.
    fn in_registries(
        &self,
        search: &Search<'_>,
        route: Result<Route>,
        mut attempts: Attempts,
        report: &Report,
    ) -> Result<Fetched> {
        let Order { package, rule, .. } = *search.order;
        // From here on, a missing route is an error.
        let route = match (route, self.policy().is_offline()) {
            (Err(error), _) => return Err(self.with_versions(error, &[], package)),
            (Ok(route), true) => route,
            (Ok(_), false) => {
                self.reach.registries().route_online(&package.name, rule, self.reach.http()?)?
            }
        };
        if let (Some(offline), Some(discovery)) = (self.policy().offline(), &route.discovery) {
            attempts.add_offline(&discovery.url, offline);
        }
        let asked = self.reach.first(&route.sources, &mut attempts, report, |provider| {
            self.ask(provider, search, report)
        })?;
        if let Some((file, provider)) = asked {
            let outcome = match provider.needs_network() {
                true => Outcome::Fetched,
                false => Outcome::Copied,
            };
            search.order.warn_unpinned(&file, report);
            return Ok(search.done(file, outcome, provider.to_string()));
        }
        let error = attempts.error(self.policy().offline());
        Err(self.with_versions(error, &route.sources, package))
    }

    /// Asks one provider. Returns nothing if it works and does not have the package.
    fn ask(
        &self,
        provider: &Provider,
        search: &Search<'_>,
        report: &Report,
    ) -> Result<Option<Verified>> {
        let Order { package, destination, .. } = search.order;
        match &provider.place {
            Place::Path(_) => Ok(None),
            Place::Versions(folder) => {
                let path = RootedPath::given(folder).join(&format!("{}.wasm", package.version));
                if !path.is_file().doing(|| format!("read `{path}`"))? {
                    return Ok(None);
                }
                search.copy(&path).map(Some)
            }
            Place::Oci { registry, repository } => {
                let client = self.reach.oci(|| format!("fetch {package} from {registry}"))?;
                let repository = reach::repository(registry, repository)?;
                let item = report.item(package.to_string());
                let pin = search.pin.as_ref();
                pull::package(client, &repository, package, pin, destination, &item)
            }
        }
    }

    /// Returns a package that the config file puts in the place of the published one. No pin
    /// applies to it: the user who writes the file decides.
    fn overridden(&self, package: &PackageId) -> Result<Option<Fetched>> {
        let provider = self.reach.registries().override_of(&package.name)?;
        let Some(provider) = &provider else { return Ok(None) };
        let Place::Path(path) = &provider.place else {
            return Err(Error::usage(format!("{provider} is no path")));
        };
        let source = match user_path::is_folder(path)? {
            true => Source::from_folder(path)?,
            false => Source::from_unverified(path)?,
        };
        source
            .must_be(package, &path.display().to_string())
            .map_err(|error| error.fact("because", &provider.reason))?;
        Ok(Some(Fetched::text(source, Outcome::Copied, provider.to_string())))
    }

    /// Returns the pin of the file that the registry of this name is known to serve.
    fn served(&self, package: &PackageId, registry: Option<&str>) -> Option<Pin> {
        let registry = registry?;
        let digest = self.pinned.served(package, registry)?;
        Some(Pin { digest, from: format!("what `{registry}` is known to serve") })
    }
}

impl Search<'_> {
    /// Returns the existing file, if it is right. Without a pin it must have the digest that the
    /// manifest of the vendor folder lists.
    fn kept(&self) -> Option<Verified> {
        let path = &self.order.destination;
        let pin = self.pin.clone().or_else(|| listed::pin(path.path()))?;
        Unverified::open_rooted(path, self.order.package.to_string()).ok()?.verify(&pin.digest).ok()
    }

    /// Returns the error for a file at the destination that differs from the manifest of its
    /// folder, if the listed file is the wanted one; nothing for the file of another pin.
    fn damage(&self) -> Option<Error> {
        let path = &self.order.destination;
        let listed = listed::pin(path.path())?;
        if self.pin.as_ref().is_some_and(|pin| pin.digest != listed.digest) {
            return None;
        }
        let file = Unverified::open_rooted(path, self.order.package.to_string()).ok()?;
        let error = file.verify(&listed.digest).err()?;
        Some(
            error
                .fact("pinned by", &listed.from)
                .hint("no source that may be used has the right bytes"),
        )
    }

    /// Copies a published file from this machine. Without a pin it must have the digest that the
    /// manifest of its own folder lists, if one does.
    fn copy(&self, path: &RootedPath) -> Result<Verified> {
        let file = Unverified::open_rooted(path, self.order.package.to_string())?;
        let file = match self.pin.clone().or_else(|| listed::pin(path.path())) {
            Some(pin) => {
                file.verify(&pin.digest).map_err(|error| error.fact("pinned by", &pin.from))?
            }
            None => file.take_as_found()?,
        };
        store::place_copy(&file, &self.order.destination, false)
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
        .hint("find out why it was pinned anew; then take it with `--update`"))
}
