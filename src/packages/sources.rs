//! Where packages come from, as far as the settings allow, and the fetching of one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use semver::Version;

use super::folders::{self, Found};
use super::published::{Form, Published, wasm_name};
use super::pull::{self, Pin};
use crate::artifact::Kind;
use crate::digest::Digest;
use crate::environment::Environment;
use crate::error::{Context, Error, Result};
use crate::listing::Disk;
use crate::manifest::VendorDir;
use crate::package::{PackageId, PackageName, PackageRequest, Wanted};
use crate::plan;
use crate::policy::Policy;
use crate::reach::{self, Attempts, Reach};
use crate::registries::{Place, Role, Route, Source as Provider};
use crate::registry::{self, SourceArchive, WitRegistry};
use crate::report::Report;
use crate::request::WitChoice;
use crate::store;
use crate::vendor::{self, Outcome, megabytes};
use crate::verify::{Unverified, Verified};
use crate::wit::{Locked, Source};

/// Every place where packages may come from.
pub struct Sources {
    reach: Reach,
    pinned: WitRegistry,
    chosen: BTreeMap<PackageId, Chosen>,
}

/// What somebody says of one package.
struct Chosen {
    registry: Option<String>,
    digest: Option<Digest>,
}

/// A package that is in its folder now.
pub struct Fetched {
    /// What it is.
    pub content: Content,
    /// How it came there.
    pub outcome: Outcome,
    /// The name of the registry that serves it.
    pub registry: Option<String>,
    /// The address of its archive.
    pub url: Option<String>,
    /// Where it came from, for people.
    pub from: String,
}

/// What was found for a package.
pub enum Content {
    /// The published file.
    Published(Box<Published>),
    /// Text that a setting or a person puts in its place.
    Text(Box<Source>),
}

impl Fetched {
    /// The package's WIT.
    pub fn source(&self) -> Result<Source> {
        match &self.content {
            Content::Published(published) => published.source(),
            Content::Text(source) => Ok(Source::clone(source)),
        }
    }

    /// The published file, if there is one.
    pub fn file(&self) -> Option<&Verified> {
        match &self.content {
            Content::Published(published) => Some(&published.file),
            Content::Text(_) => None,
        }
    }
}

/// What is wanted of a package.
struct Order<'a> {
    package: &'a PackageId,
    /// The registry that a rule or a lock names.
    rule: Option<&'a str>,
    pin: Option<Pin>,
    /// Where the published file goes.
    destination: &'a Path,
}

impl Sources {
    /// The places that these settings allow. Opens no socket.
    ///
    /// # Errors
    /// Usage, where a setting about registries makes no sense.
    pub fn new(policy: Policy, pinned: WitRegistry, environment: &Environment) -> Result<Sources> {
        Ok(Sources { reach: Reach::new(policy, environment)?, pinned, chosen: BTreeMap::new() })
    }

    /// The same, with these packages from the registries and with the digests that are named.
    ///
    /// # Errors
    /// Usage, where a digest is none.
    pub fn choosing(mut self, choices: &[WitChoice]) -> Result<Sources> {
        for choice in choices {
            let registry = Some(choice.registry.clone()).filter(|it| !it.is_empty());
            let chosen = Chosen { registry, digest: choice.digest()? };
            self.chosen.insert(choice.package.clone(), chosen);
        }
        Ok(self)
    }

    fn policy(&self) -> &Policy {
        self.reach.policy()
    }

    /// Brings a package into its vendor folder. What the lock says of it must hold.
    ///
    /// # Errors
    /// Unavailable, listing every place; integrity, where the bytes are not those of the lock, or
    /// not those that the registry is known to serve.
    pub fn fetch(
        &self,
        package: &PackageId,
        locked: Option<&Locked>,
        dir: &VendorDir,
        report: &Report,
    ) -> Result<Fetched> {
        let chosen = self.chosen.get(package);
        let archive = self.pinned.archive(package).filter(|_| chosen.is_none());
        let archive = archive.filter(|_| match locked {
            Some(locked) => locked.url.is_some(),
            None => !self.reach.registries().is_configured_for(&package.name),
        });
        if let Some(archive) = archive {
            check_lock(&archive, locked)?;
            return self.fetch_archive(&archive, dir, report);
        }
        let pin = locked.map(|it| Pin { digest: it.digest, from: "the lock".to_owned() });
        let named = chosen.and_then(|it| it.digest);
        let pin = pin.or(named.map(|digest| Pin { digest, from: "the rule's sha256".to_owned() }));
        let rule = chosen.and_then(|it| it.registry.as_deref());
        let destination = dir.folder().join(package.folder()).join(wasm_name(package));
        let order = Order { package, rule, pin, destination: &destination };
        let mut fetched = self.obtain(&order, report)?;
        // What a lock says of it stays, also where nobody is asked who serves it.
        if let Some(locked) = locked {
            fetched.registry.clone_from(&locked.registry);
        }
        let size = fetched.file().map(|file| megabytes(file.size())).unwrap_or_default();
        report.say(&format!("{:8} {package}  {size}", fetched.outcome.word()));
        Ok(fetched)
    }

    /// Gets a package for a repository: the published file goes beside its text into `folder`.
    ///
    /// # Errors
    /// As [`Sources::fetch`].
    pub fn fetch_into(
        &self,
        package: &PackageId,
        rule: Option<&str>,
        pin: Option<Digest>,
        folder: &Path,
        report: &Report,
    ) -> Result<Fetched> {
        let pin = pin.map(|digest| Pin { digest, from: "the rule's sha256".to_owned() });
        let destination = folder.join(wasm_name(package));
        self.obtain(&Order { package, rule, pin, destination: &destination }, report)
    }

    /// The package that a request comes down to: the highest version that it allows and that is
    /// there.
    ///
    /// # Errors
    /// Unavailable, with the versions that there are, where none fits.
    pub fn newest(&self, request: &PackageRequest, rule: Option<&str>) -> Result<PackageId> {
        let versions = self.versions(&request.name, rule)?;
        let fits = |version: &&Version| match &request.version {
            Wanted::Exactly(wanted) => *version == wanted,
            Wanted::Matching(range) => range.matches(version),
            Wanted::Latest => version.pre.is_empty(),
        };
        match versions.iter().filter(fits).max() {
            Some(version) => Ok(PackageId { name: request.name.clone(), version: version.clone() }),
            None => Err(Error::new(
                crate::error::Kind::Unavailable,
                format!("no version of {} fits `{request}`", request.name),
            )
            .fact("there are", shown(&versions))),
        }
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
        let brought = vendor::bring(item, dir, client, report)?;
        let package = archive.package.clone();
        let file = brought.file;
        Ok(Fetched {
            content: Content::Published(Box::new(Published {
                package,
                file,
                form: Form::of(archive),
            })),
            outcome: brought.outcome,
            registry: None,
            url: Some(archive.archive.url.to_string()),
            from: archive.archive.url.to_string(),
        })
    }

    /// Looks where it may, in order, and takes the first that has the package.
    fn obtain(&self, order: &Order<'_>, report: &Report) -> Result<Fetched> {
        let Order { package, destination, .. } = order;
        let route = self.reach.registries().route(&package.name, order.rule);
        let overridden = |route: &&Route| route.sources.iter().any(|it| it.role == Role::Override);
        if let Some(route) = route.as_ref().ok().filter(overridden) {
            return self.overridden(order, &route.sources[0]);
        }
        let served = route.as_ref().ok().and_then(|route| route.registry.as_deref());
        let pin = order.pin.clone().or_else(|| self.served(package, served));
        let registry = served.map(str::to_owned);
        let done = |file: Verified, outcome: Outcome, from: String| {
            let package = Published { package: (*package).clone(), file, form: Form::Wasm };
            let content = Content::Published(Box::new(package));
            Ok(Fetched { content, outcome, registry: registry.clone(), url: None, from })
        };
        let mut outcome = None;
        if destination.symlink_metadata().is_ok() {
            match self.kept(destination, package, pin.as_ref()) {
                Some(file) => {
                    store::sweep(destination);
                    return done(file, Outcome::Kept, destination.display().to_string());
                }
                None => outcome = Some(Outcome::Repaired),
            }
        }
        let mut attempts = attempts(package);
        let looked = folders::look(package, pin.as_ref().map(|pin| &pin.digest), self.policy())?;
        attempts.add_places(&looked.places);
        match looked.found {
            Some(Found::HandMade(folder)) => {
                let source = Source::of_folder(&folder)?;
                let from = folder.display().to_string();
                let content = Content::Text(Box::new(source));
                return Ok(Fetched {
                    content,
                    outcome: Outcome::Copied,
                    registry: None,
                    url: None,
                    from,
                });
            }
            Some(Found::Published(path)) if path != **destination => {
                let file = copy(&path, package, pin.as_ref(), destination)?;
                return done(file, outcome.unwrap_or(Outcome::Copied), path.display().to_string());
            }
            _ => {}
        }
        // Now it matters that nobody says where the package is.
        let route = match (route, self.policy().is_offline()) {
            (Err(error), _) => return Err(self.with_versions(error, &[], package)),
            (Ok(route), true) => route,
            (Ok(_), false) => self.reach.registries().route_online(
                &package.name,
                order.rule,
                self.reach.http()?,
            )?,
        };
        if let (Some(offline), Some(discovery)) = (self.policy().offline(), &route.discovery) {
            attempts.add_offline(&discovery.url, offline);
        }
        let asked = self.reach.first(&route.sources, &mut attempts, report, |provider| {
            self.ask(provider, order, pin.as_ref(), report)
        })?;
        if let Some((file, provider)) = asked {
            let asked = match provider.needs_network() {
                true => Outcome::Fetched,
                false => Outcome::Copied,
            };
            warn_unpinned(order, &file, report);
            return done(file, outcome.unwrap_or(asked), provider.to_string());
        }
        let error = attempts.error(self.policy().offline());
        Err(self.with_versions(error, &route.sources, package))
    }

    /// What one provider has. Nothing where it works and does not have the package.
    fn ask(
        &self,
        provider: &Provider,
        order: &Order<'_>,
        pin: Option<&Pin>,
        report: &Report,
    ) -> Result<Option<Verified>> {
        let Order { package, destination, .. } = order;
        match &provider.place {
            Place::Path(_) => Ok(None),
            Place::Versions(folder) => {
                let path = folder.join(format!("{}.wasm", package.version));
                if !path.is_file() {
                    return Ok(None);
                }
                copy(&path, package, pin, destination).map(Some)
            }
            Place::Oci { registry, repository } => {
                let client = self.reach.oci(|| format!("fetch {package} from {registry}"))?;
                let repository = reach::repository(registry, repository)?;
                let item = report.item(package.to_string());
                pull::package(client, &repository, package, pin, destination, &item)
            }
        }
    }

    /// A package that the config file puts in the place of what is published.
    fn overridden(&self, order: &Order<'_>, provider: &Provider) -> Result<Fetched> {
        let Place::Path(path) = &provider.place else {
            return Err(Error::usage(format!("{provider} is no path")));
        };
        let source = match path.is_dir() {
            true => Source::of_folder(path)?,
            false => Source::of_unverified(path)?,
        };
        source.must_be(order.package, &path.display().to_string())?;
        let content = Content::Text(Box::new(source));
        let from = provider.to_string();
        Ok(Fetched { content, outcome: Outcome::Copied, registry: None, url: None, from })
    }

    /// The file that is there already, if it is right. One that nobody pinned must be what the
    /// manifest of the vendor folder lists.
    fn kept(&self, path: &Path, package: &PackageId, pin: Option<&Pin>) -> Option<Verified> {
        let digest = pin.map(|pin| pin.digest).or_else(|| listed(path))?;
        Unverified::open(path, package.to_string()).ok()?.verify(&digest).ok()
    }

    /// What the registry of this name is known to serve.
    fn served(&self, package: &PackageId, registry: Option<&str>) -> Option<Pin> {
        let registry = registry?;
        let digest = self.pinned.served(package, registry)?;
        Some(Pin { digest, from: format!("what `{registry}` is known to serve") })
    }

    /// Every version that there is, as far as can be seen from here.
    fn versions(&self, package: &PackageName, rule: Option<&str>) -> Result<Vec<Version>> {
        if rule.is_none() && !self.reach.registries().is_configured_for(package) {
            let archived = self.pinned.archived_versions(package);
            if !archived.is_empty() {
                return Ok(archived);
            }
        }
        let route = match self.policy().is_offline() {
            true => self.reach.registries().route(package, rule)?,
            false => self.reach.registries().route_online(package, rule, self.reach.http()?)?,
        };
        let mut failure = None;
        for provider in &route.sources {
            match self.versions_at(provider, package) {
                Ok(versions) if versions.is_empty() => {}
                Ok(versions) => return Ok(versions),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(Vec::new()),
        }
    }

    fn versions_at(&self, provider: &Provider, package: &PackageName) -> Result<Vec<Version>> {
        match &provider.place {
            Place::Path(_) => Ok(Vec::new()),
            Place::Versions(folder) => Ok(folders::versions(folder)),
            Place::Oci { registry, repository } => {
                let what = || format!("list the versions of {package} at {registry}");
                let client = self.reach.oci(what)?;
                pull::versions(client, &reach::repository(registry, repository)?)
            }
        }
    }

    /// Adds the versions that there are, the nearest where there are many.
    fn with_versions(&self, error: Error, sources: &[Provider], package: &PackageId) -> Error {
        let mut known = self.pinned.archived_versions(&package.name);
        for provider in sources {
            known.extend(self.versions_at(provider, &package.name).unwrap_or_default());
        }
        known.sort();
        known.dedup();
        if known.is_empty() {
            return error;
        }
        let names: Vec<_> = known.iter().map(ToString::to_string).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let near = registry::nearest(&package.version.to_string(), &names);
        error.fact("versions", if near.is_empty() { names } else { near }.join(", "))
    }
}

fn attempts(package: &PackageId) -> Attempts {
    let mend = format!("wasm-airgap vendor wit {package} --output-dir vendor/wit");
    Attempts::of(package.to_string(), mend)
}

/// The lock pins the archive, and the registry files pin it: both must say the same.
fn check_lock(archive: &SourceArchive, locked: Option<&Locked>) -> Result<()> {
    let pinned = archive.archive.sha256;
    let Some(locked) = locked.filter(|locked| locked.digest != pinned) else { return Ok(()) };
    Err(Error::integrity(format!("the archive of {} is not the one in wit.lock", archive.package))
        .fact("locked", format!("sha256:{}", locked.digest))
        .fact("in the registry file", format!("sha256:{pinned}"))
        .hint("find out why it was pinned anew; then take it with `--update`"))
}

/// Copies a published file that lies somewhere on this machine.
fn copy(
    path: &Path,
    package: &PackageId,
    pin: Option<&Pin>,
    destination: &Path,
) -> Result<Verified> {
    let file = Unverified::open(path, package.to_string())?;
    let file = match pin {
        Some(pin) => {
            file.verify(&pin.digest).map_err(|error| error.fact("pinned by", &pin.from))?
        }
        None => file.take_as_found()?,
    };
    store::place_copy(&file, destination, false)
}

/// The digest that the manifest of a vendor folder lists for a file in it.
fn listed(path: &Path) -> Option<Digest> {
    let folder = path.parent()?.parent()?;
    let below = path.strip_prefix(folder).ok()?;
    let below: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
    VendorDir::of(folder, Kind::Wit).listed(&below.join("/")).map(|entry| entry.sha256)
}

/// Trust begins with the first fetch of what nobody pinned, and the person is told.
fn warn_unpinned(order: &Order<'_>, file: &Verified, report: &Report) {
    if order.pin.is_none() && order.rule.is_some() {
        report.warn(&format!(
            "{} is not pinned; write this into its rule: sha256 = \"{}\"",
            order.package,
            file.digest()
        ));
    }
}

fn shown(versions: &[Version]) -> String {
    match versions {
        [] => "none".to_owned(),
        versions => versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// Removes a published file that turned out to be something else.
pub(crate) fn discard(fetched: &Fetched) -> Result<()> {
    match fetched.file() {
        Some(file) if fetched.outcome != Outcome::Kept => {
            fs::remove_file(file.path()).doing(|| format!("remove `{}`", file.path().display()))
        }
        _ => Ok(()),
    }
}
