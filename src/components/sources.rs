//! Where components come from, as far as the settings allow, and the fetching of one.

use std::path::Path;

use super::folders;
use super::held::{self, Held, Named, PinKind};
use super::pull;
use super::wanted::Wanted;
use super::wasm_name;
use crate::artifact::Kind;
use crate::environment::Environment;
use crate::error::{self, Context as _, Error, Result};
use crate::folder::EntryKind;
use crate::listing::Disk;
use crate::manifest::VendorDir;
use crate::oci::Manifest;
use crate::outcome::Outcome;
use crate::plan::{self, Finding, Place};
use crate::policy::Policy;
use crate::reach::{self, Reach};
use crate::registries::{self, Role, Source};
use crate::report::Report;
use crate::rooted::RootedPath;
use crate::store;
use crate::verify::Verified;

/// Every place where components may come from.
pub struct Components {
    reach: Reach,
}

/// What a component is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A build: what is vendored counts, and must be right.
    Build,
    /// To fill a vendor folder: what is vendored elsewhere will do. Where another component lies
    /// there, the search goes on; damage ends it.
    Vendor,
    /// For a person: as [`Purpose::Vendor`].
    Pull,
    /// To see what a registry has.
    Look,
}

/// A component that is at its destination now.
pub struct Fetched {
    /// The file.
    pub file: Verified,
    /// Its manifest, where it was seen.
    pub manifest: Option<Manifest>,
    /// What the digest that pins it is the digest of; none where nothing pins it.
    pub kind: Option<PinKind>,
    /// How it came there.
    pub outcome: Outcome,
    /// Whether it lay on this machine, so that no registry was asked what it is.
    pub held: bool,
    /// Where it came from, for people.
    pub from: String,
}

/// What came of looking into folders.
struct Looked {
    places: Vec<Place>,
    found: Option<(RootedPath, Held)>,
}

impl Components {
    /// The places that these settings allow. Opens no socket.
    ///
    /// # Errors
    /// Usage, where a setting about registries makes no sense.
    pub fn new(policy: Policy, environment: &Environment) -> Result<Components> {
        Ok(Components { reach: Reach::new(policy, environment)? })
    }

    fn policy(&self) -> &Policy {
        self.reach.policy()
    }

    /// Puts a component at its destination, from the first place that has it.
    ///
    /// # Errors
    /// Unavailable, listing every place; integrity, where a place has other bytes than the pinned
    /// ones, or something that is no component.
    pub fn fetch(
        &self,
        wanted: &Wanted,
        destination: &RootedPath,
        purpose: Purpose,
        report: &Report,
    ) -> Result<Fetched> {
        let there = destination.stat().doing(|| format!("write `{destination}`"))?;
        let is_there = there.is_some();
        // A link may lead to a place that is not there at the next build.
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

    /// The places where a component may be, in order, and what is found there. Asks nobody.
    ///
    /// # Errors
    /// Usage, where a folder that a variable names cannot be used.
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

    /// The file at the destination, if it is right and nobody needs to be asked.
    fn kept(&self, wanted: &Wanted, destination: &RootedPath, purpose: Purpose) -> Option<Held> {
        match (&wanted.pin, purpose) {
            (Some(_), Purpose::Vendor) => self.checked(wanted, destination)?.ok(),
            // What a tag stands for is known to whoever has it; offline the vendored one has to do.
            (None, Purpose::Vendor) if self.policy().is_offline() => {
                self.checked(wanted, destination)?.ok()
            }
            (Some(pin), _) => held::check(&named(wanted, destination, None), Some(pin), None).ok(),
            (None, _) => None,
        }
    }

    /// Looks into the vendor folders and the workspace's own, highest first.
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
                    return Err(error.hint(format!("to vendor it anew, run\n{}", wanted.mend())));
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

    /// Fails where the destination has other bytes than its manifest lists and no source can mend it.
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

    /// What lies in a vendor folder for a component, checked; nothing where nothing does.
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

    /// The registries that have it, in order. None where nobody knows one.
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

/// Whether what a manifest lists was vendored as the same, but for what pinned it.
fn is_of(listed: &str, wanted: &Wanted) -> bool {
    let reference = wanted.reference.as_ref().map(ToString::to_string).unwrap_or_default();
    listed.split('@').next() == reference.split('@').next()
}

/// What a source gave.
enum Asked {
    /// It is at the destination.
    Pulled(pull::Pulled),
    /// It lies on this machine.
    Found(RootedPath, Held),
}

/// Puts a copy of what was found at the destination.
fn copy(held: Held, destination: &RootedPath) -> Result<Held> {
    let file = store::place_copy(&held.file, destination, false)?;
    Ok(Held { file, ..held })
}

fn outcome(was_there: bool) -> Outcome {
    if was_there { Outcome::Repaired } else { Outcome::Copied }
}

/// Whether other bytes at this path end the search: in a build always, and otherwise where the
/// folder says that the very component that is asked for lies there.
fn must_be_right(wanted: &Wanted, path: &RootedPath, purpose: Purpose) -> bool {
    purpose == Purpose::Build || held::is_listed(path, wanted.pin.as_ref())
}

/// Only a file that is there and is something else ends the search.
fn is_wrong(error: &Error) -> bool {
    error.kind() != error::Kind::Unavailable
}

/// The file of a component that was asked for.
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
