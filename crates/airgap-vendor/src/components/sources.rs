//! The sources of components that the settings allow, and the fetching of one component.

use std::path::Path;

use super::folders;
use super::held::{self, Held, Named, PinKind};
use super::pull;
use super::wanted::Wanted;
use super::wasm_name;
use crate::manifest::VendorDir;
use crate::plan::{self, Finding, Place};
use crate::reach::{self, Reach};
use airgap_config::policy::Policy;
use airgap_config::registries::{self, Role, Source};
use airgap_core::artifact::Kind;
use airgap_core::environment::Environment;
use airgap_core::error::{self, Context as _, Error, Result};
use airgap_core::folder::EntryKind;
use airgap_core::listing::Disk;
use airgap_core::outcome::Outcome;
use airgap_core::report::Report;
use airgap_core::rooted::RootedPath;
use airgap_core::store;
use airgap_core::verify::Verified;
use airgap_oci::Manifest;

/// Every source of components.
pub struct Components {
    reach: Reach,
}

/// The purpose for which a component is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A build: a vendored file is used, and must be right.
    Build,
    /// Filling a vendor folder: a file that is vendored elsewhere is used too. If another component
    /// lies there, the search goes on; damage ends it.
    Vendor,
    /// A file for a person: as [`Purpose::Vendor`].
    Pull,
    /// Showing the content of a registry.
    Look,
}

/// A component that is at its destination now.
pub struct Fetched {
    /// The file.
    pub file: Verified,
    /// Its manifest, if it was read.
    pub manifest: Option<Manifest>,
    /// The kind of its pin; none if it is not pinned.
    pub kind: Option<PinKind>,
    /// The way in which it came there.
    pub outcome: Outcome,
    /// Whether it was on this machine, so that no registry was asked for it.
    pub held: bool,
    /// Its origin, for people.
    pub from: String,
}

/// The result of a search in folders.
struct Looked {
    places: Vec<Place>,
    found: Option<(RootedPath, Held)>,
}

impl Components {
    /// Creates the sources that these settings allow. Opens no socket.
    ///
    /// # Errors
    /// Usage, if a setting about registries is invalid.
    pub fn new(policy: Policy, environment: &Environment) -> Result<Components> {
        Ok(Components { reach: Reach::new(policy, environment)? })
    }

    fn policy(&self) -> &Policy {
        self.reach.policy()
    }

    /// Puts a component at its destination, from the first place that has it.
    ///
    /// # Errors
    /// Unavailable, listing every place; integrity, if a place has other bytes than the pinned
    /// ones, or something that is not a component.
    pub fn fetch(
        &self,
        wanted: &Wanted,
        destination: &RootedPath,
        purpose: Purpose,
        report: &Report,
    ) -> Result<Fetched> {
        let there = destination.stat().doing(|| format!("write `{destination}`"))?;
        let is_there = there.is_some();
        // A link may lead to a path that does not exist at the next build.
        let is_file = there.is_some_and(|it| it.kind == EntryKind::File);
        if let Some(kept) = is_file.then(|| self.kept(wanted, destination, purpose)).flatten() {
            return Ok(fetched(kept, Outcome::Kept, destination));
        }
        let mut attempts = wanted.attempts();
        if purpose != Purpose::Look {
            let Looked { places, found } = self.look(wanted, destination, purpose, report)?;
            attempts.add_places(&places);
            if let Some((path, held)) = found {
                return Ok(fetched(copy(held, destination)?, outcome(is_there), &path));
            }
        }
        let sources = self.sources(wanted)?;
        let asked = self.reach.first(&sources, &mut attempts, report, |source| {
            self.ask(source, wanted, destination, report)
        })?;
        if asked.is_none() && purpose == Purpose::Vendor {
            self.check_damage(wanted, destination)?;
        }
        match asked {
            Some((Asked::Pulled(pulled), source)) => Ok(Fetched {
                file: pulled.file,
                manifest: pulled.manifest,
                kind: pulled.kind,
                outcome: pulled.outcome,
                held: false,
                from: source.to_string(),
            }),
            Some((Asked::Found(path, held), _)) => {
                Ok(fetched(copy(held, destination)?, outcome(is_there), &path))
            }
            None if wanted.reference.is_none() => {
                Err(attempts.error(self.policy().offline()).hint(
                    "its file in the checksum registry does not say where it is; add `reference`",
                ))
            }
            None => Err(attempts.error(self.policy().offline())),
        }
    }

    /// Returns the places where a component may be, in order, with the findings. Sends no requests.
    ///
    /// # Errors
    /// Usage, if a folder that a variable names cannot be used.
    pub fn places(&self, wanted: &Wanted, destination: Option<&RootedPath>) -> Result<Vec<Place>> {
        plan::check_vendor_dirs(Kind::Component, self.policy(), &Disk)?;
        let mut places = Vec::new();
        let folders = plan::folders(Kind::Component, self.policy());
        let own = destination.map(|path| (None, path.clone())).into_iter();
        let named =
            folders.into_iter().map(|(setting, dir)| (setting, dir.join(&wasm_name(&wanted.name))));
        for (setting, path) in own.chain(named) {
            if places.iter().any(|it: &Place| it.location == path.to_string()) {
                continue;
            }
            let finding = match self.checked(wanted, &path) {
                None => Finding::Absent,
                Some(Ok(_)) => Finding::Found,
                Some(Err(error)) => Finding::Unusable(error.one_line()),
            };
            places.push(place(setting, &path, finding));
        }
        for source in self.sources(wanted)? {
            let finding = match folders::find(&source.place, wanted) {
                _ if source.needs_network() => {
                    self.policy().offline().map_or(Finding::Network, Finding::Offline)
                }
                Ok(Some(_)) => Finding::Found,
                Ok(None) => Finding::Absent,
                Err(error) => Finding::Unusable(error.one_line()),
            };
            places.push(Place {
                source: if source.role == Role::Mirror { "mirror" } else { "registry" },
                setting: None,
                location: source.to_string(),
                finding,
            });
        }
        Ok(places)
    }

    /// Returns the file at the destination, if it is right and no registry needs to be asked.
    fn kept(&self, wanted: &Wanted, destination: &RootedPath, purpose: Purpose) -> Option<Held> {
        match (&wanted.pin, purpose) {
            (Some(_), Purpose::Vendor) => self.checked(wanted, destination)?.ok(),
            // Only a registry can resolve a tag; offline the vendored file is used.
            (None, Purpose::Vendor) if self.policy().is_offline() => {
                self.checked(wanted, destination)?.ok()
            }
            (Some(pin), _) => held::check(&named(wanted, destination, None), Some(pin), None).ok(),
            (None, _) => None,
        }
    }

    /// Searches the vendor folders and the workspace's own, highest first.
    fn look(
        &self,
        wanted: &Wanted,
        destination: &RootedPath,
        purpose: Purpose,
        report: &Report,
    ) -> Result<Looked> {
        plan::check_vendor_dirs(Kind::Component, self.policy(), &Disk)?;
        let mut places = Vec::new();
        for (setting, dir) in plan::folders(Kind::Component, self.policy()) {
            let path = dir.join(&wasm_name(&wanted.name));
            if path.path() == destination.path() {
                continue;
            }
            let finding = match self.checked(wanted, &path) {
                None => Finding::Absent,
                Some(Ok(held)) => return Ok(Looked { places, found: Some((path, held)) }),
                Some(Err(error)) if is_wrong(&error) && must_be_right(wanted, &path, purpose) => {
                    let mend = wanted.mend_in(&dir);
                    return Err(error.hint(format!("to vendor it anew, run\n{mend}")));
                }
                Some(Err(error)) => {
                    let why = error.one_line();
                    report.say(&format!("passed over {path}: {why}"));
                    Finding::Unusable(why)
                }
            };
            places.push(place(setting, &path, finding));
        }
        Ok(Looked { places, found: None })
    }

    /// Fails if the destination has other bytes than its manifest lists and no source can repair
    /// it.
    fn check_damage(&self, wanted: &Wanted, destination: &RootedPath) -> Result<()> {
        match self.checked(wanted, destination) {
            Some(Err(error))
                if is_wrong(&error) && held::is_listed(destination, wanted.pin.as_ref()) =>
            {
                Err(error.hint("no source that may be used has the right bytes"))
            }
            _ => Ok(()),
        }
    }

    /// Checks the file of a component in a vendor folder; returns nothing if there is none.
    fn checked(&self, wanted: &Wanted, path: &RootedPath) -> Option<Result<Held>> {
        match path.stat().doing(|| format!("read `{path}`")) {
            Err(error) => return Some(Err(error)),
            Ok(there) => there?,
        };
        let manifest = held::manifest_of(path);
        let named = named(wanted, path, Some(&manifest));
        let Some(pin) = &wanted.pin else {
            let folder = path.path().parent().unwrap_or(Path::new(""));
            let listed = VendorDir::of(folder, Kind::Component).listed(&wasm_name(&wanted.name));
            let other = listed.as_ref().filter(|it| !is_of(&it.url, wanted));
            if let Some(other) = other {
                let found = format!("what was vendored is `{}`", other.url);
                return Some(Err(Error::new(error::Kind::Unavailable, found)));
            }
            return Some(held::check(&named, None, listed.map(|it| it.sha256).as_ref()));
        };
        Some(held::check(&named, Some(pin), None))
    }

    /// Returns the registries of the component, in order. Returns none if no registry is known.
    fn sources(&self, wanted: &Wanted) -> Result<Vec<Source>> {
        let Some(reference) = &wanted.reference else { return Ok(Vec::new()) };
        let repository = reference.repository().name();
        self.reach.registries().component(reference.registry().as_str(), repository)
    }

    fn ask(
        &self,
        source: &Source,
        wanted: &Wanted,
        destination: &RootedPath,
        report: &Report,
    ) -> Result<Option<Asked>> {
        let registries::Place::Oci { registry, repository } = &source.place else {
            let found = folders::find(&source.place, wanted)?;
            return Ok(found.map(|(path, held)| Asked::Found(path, held)));
        };
        let client = self.reach.oci(|| format!("fetch `{}`", wanted.words))?;
        let repository = reach::repository(registry, repository)?;
        let item = report.item(wanted.name.to_string());
        let pulled = pull::component(client, &repository, wanted, destination, &item)?;
        Ok(Some(Asked::Pulled(pulled)))
    }
}

/// Returns whether a listed component was vendored from the same reference, apart from the pin.
fn is_of(listed: &str, wanted: &Wanted) -> bool {
    let reference = wanted.reference.as_ref().map(ToString::to_string).unwrap_or_default();
    listed.split('@').next() == reference.split('@').next()
}

/// The answer of a source.
enum Asked {
    /// A pulled component, which is at the destination.
    Pulled(pull::Pulled),
    /// A component on this machine.
    Found(RootedPath, Held),
}

/// Puts a copy of the found file at the destination.
fn copy(held: Held, destination: &RootedPath) -> Result<Held> {
    let file = store::place_copy(&held.file, destination, false)?;
    Ok(Held { file, ..held })
}

fn outcome(was_there: bool) -> Outcome {
    if was_there { Outcome::Repaired } else { Outcome::Copied }
}

/// Returns whether other bytes at this path end the search: in a build always, and otherwise if the
/// folder lists this path as the requested component.
fn must_be_right(wanted: &Wanted, path: &RootedPath, purpose: Purpose) -> bool {
    purpose == Purpose::Build || held::is_listed(path, wanted.pin.as_ref())
}

/// Returns whether an error ends the search: only if the file exists and is something else.
fn is_wrong(error: &Error) -> bool {
    error.kind() != error::Kind::Unavailable
}

/// Returns the file of a requested component.
fn named<'a>(
    wanted: &'a Wanted,
    path: &'a RootedPath,
    manifest: Option<&'a RootedPath>,
) -> Named<'a> {
    Named { path, manifest, subject: &wanted.words }
}

fn place(setting: Option<&'static str>, path: &RootedPath, finding: Finding) -> Place {
    let source = if setting.is_some() { "vendor folder" } else { "workspace folder" };
    Place { source, setting, location: path.to_string(), finding }
}

fn fetched(held: Held, outcome: Outcome, from: &RootedPath) -> Fetched {
    let Held { file, manifest, kind } = held;
    Fetched { file, manifest, kind, outcome, held: true, from: from.to_string() }
}
