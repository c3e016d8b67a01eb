//! The search for one component.

use super::fetched::{Fetched, Purpose};
use super::folders;
use super::local::{self, LocalComponent, Named};
use super::pull;
use super::vendored::{self, is_wrong};
use super::wanted::WantedComponent;
use super::wasm_name;
use crate::clients::{self, Clients};
use crate::plan::{self, PlaceState};
use crate::resolver::{Attempts, Resolvable};
use airgap_config::registries::{Source, SourceLocation};
use airgap_core::artifact::VendoredKind;
use airgap_core::error::{self, Context as _, Error, Result};
use airgap_core::folder::{EntryKind, Stat};
use airgap_core::listing::Disk;
use airgap_core::outcome::Outcome;
use airgap_core::report::Report;
use airgap_core::rooted::RootedPath;
use airgap_core::search::{self, Answer};
use airgap_core::store;

/// Returns the registries of a component, in order. Returns none if no registry is known.
///
/// # Errors
/// Usage, if a setting about them is invalid.
pub(super) fn sources(clients: &Clients, wanted: &WantedComponent) -> Result<Vec<Source>> {
    let Some(reference) = &wanted.reference else { return Ok(Vec::new()) };
    let repository = reference.repository().name();
    clients.registries().component(reference.registry().as_str(), repository)
}

/// The search for a component that is fetched to a destination.
pub(super) struct ComponentSearch<'a> {
    clients: &'a Clients,
    wanted: &'a WantedComponent,
    destination: &'a RootedPath,
    purpose: Purpose,
    /// The entry at the destination.
    there: Option<Stat>,
    report: &'a Report,
}

impl<'a> ComponentSearch<'a> {
    /// Creates the search for a component.
    ///
    /// # Errors
    /// Failed, if the destination cannot be read.
    pub(super) fn new(
        clients: &'a Clients,
        wanted: &'a WantedComponent,
        destination: &'a RootedPath,
        purpose: Purpose,
        report: &'a Report,
    ) -> Result<ComponentSearch<'a>> {
        let there = destination.stat().doing(|| format!("write `{destination}`"))?;
        Ok(ComponentSearch { clients, wanted, destination, purpose, there, report })
    }

    /// Checks the file at the destination, if no registry needs to be asked.
    fn right(&self) -> Option<LocalComponent> {
        let (wanted, path) = (self.wanted, self.destination);
        match (&wanted.pin, self.purpose) {
            (Some(_), Purpose::Vendor) => vendored::check(wanted, path)?.ok(),
            // Only a registry can resolve a tag; offline the vendored file is used.
            (None, Purpose::Vendor) if self.clients.policy().is_offline() => {
                vendored::check(wanted, path)?.ok()
            }
            (Some(pin), _) => {
                let named = Named { path, manifest: None, subject: &wanted.words };
                local::check(&named, Some(pin), None).ok()
            }
            (None, _) => None,
        }
    }

    /// Takes the component from one folder, or returns the finding there.
    fn in_folder(
        &self,
        dir: &RootedPath,
        path: &RootedPath,
    ) -> Result<Answer<LocalComponent, PlaceState>> {
        let error = match vendored::check(self.wanted, path) {
            None => return Ok(Answer::Passed(PlaceState::Absent)),
            Some(Ok(local)) => return Ok(Answer::Found(local)),
            Some(Err(error)) => error,
        };
        if is_wrong(&error) && self.must_be_right(path) {
            let command = self.wanted.vendor_command_in(dir);
            return Err(error.hint(format!("to vendor it again, run\n{command}")));
        }
        let why = error.one_line();
        self.report.say(&format!("skipped {path}: {why}"));
        Ok(Answer::Passed(PlaceState::Unusable(why)))
    }

    /// Returns whether other bytes at this path end the search: in a build always, and otherwise
    /// if the folder lists this path as the requested component.
    fn must_be_right(&self, path: &RootedPath) -> bool {
        self.purpose == Purpose::Build || local::is_listed(path, self.wanted.pin.as_ref())
    }

    /// Puts a copy of a component from this machine at the destination.
    fn copy(&self, local: LocalComponent, from: &RootedPath) -> Result<Fetched> {
        let file = store::place_copy(&local.file, self.destination, false)?;
        let outcome = if self.there.is_some() { Outcome::Repaired } else { Outcome::Copied };
        Ok(Fetched::from_local(LocalComponent { file, ..local }, outcome, from))
    }
}

impl Resolvable for ComponentSearch<'_> {
    type Found = Fetched;
    type Source = Source;

    fn kept(&self) -> Result<Option<Fetched>> {
        // A link may lead to a path that does not exist at the next build.
        let is_file = self.there.as_ref().is_some_and(|it| it.kind == EntryKind::File);
        let kept = is_file.then(|| self.right()).flatten();
        Ok(kept.map(|local| Fetched::from_local(local, Outcome::Kept, self.destination)))
    }

    fn in_folders(&self, attempts: &mut Attempts) -> Result<Option<Fetched>> {
        if self.purpose == Purpose::Look {
            return Ok(None);
        }
        let policy = self.clients.policy();
        plan::check_vendor_dirs(VendoredKind::Component, policy, &Disk)?;
        let name = wasm_name(&self.wanted.name);
        let folders = plan::folders(VendoredKind::Component, policy).into_iter();
        let paths = folders.map(|(setting, dir)| (setting, dir.join(&name), dir));
        let others = paths.filter(|(_, path, _)| path.path() != self.destination.path());
        let searched = search::in_order(others, |(_, path, dir)| self.in_folder(dir, path))?;
        for ((setting, path, _), finding) in searched.passed {
            attempts.add_places(&[vendored::place(setting, &path, finding)]);
        }
        searched.found.map(|(local, (_, path, _))| self.copy(local, &path)).transpose()
    }

    fn sources(&self, _: &mut Attempts) -> Result<Vec<Source>> {
        sources(self.clients, self.wanted)
    }

    fn ask(&self, source: &Source) -> Result<Option<Fetched>> {
        let (wanted, destination) = (self.wanted, self.destination);
        let SourceLocation::Oci { registry, repository } = &source.place else {
            let found = folders::find(&source.place, wanted)?;
            return found.map(|(path, local)| self.copy(local, &path)).transpose();
        };
        let client = self.clients.oci(|| format!("fetch `{}`", wanted.words))?;
        let repository = clients::repository(registry, repository)?;
        let item = self.report.item(wanted.name.to_string());
        let pulled = pull::component(client, &repository, wanted, destination, &item)?;
        Ok(Some(Fetched::from_pulled(pulled, source.to_string())))
    }

    fn damage(&self, _: error::ErrorKind) -> Option<Error> {
        let is_vendored = self.purpose == Purpose::Vendor;
        let checked = is_vendored.then(|| vendored::check(self.wanted, self.destination));
        let error = checked??.err().filter(is_wrong)?;
        local::is_listed(self.destination, self.wanted.pin.as_ref())
            .then(|| error.hint("no allowed source has the right bytes"))
    }

    fn attempts(&self) -> Attempts {
        self.wanted.attempts()
    }

    fn unavailable(&self, attempts: Attempts, _: &[Source]) -> Error {
        let error = attempts.error(self.clients.policy().offline());
        match self.wanted.reference {
            Some(_) => error,
            None => error.hint("its file in the checksum registry has no `reference`; add one"),
        }
    }
}
