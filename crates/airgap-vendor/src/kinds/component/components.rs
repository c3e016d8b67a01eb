//! The sources of components that the settings allow, and the fetching of one component.

use super::fetched::{Fetched, Purpose};
use super::folders;
use super::search::{ComponentSearch, sources};
use super::vendored;
use super::wanted::WantedComponent;
use super::wasm_name;
use crate::clients::Clients;
use crate::plan::{self, PlaceState, SearchPlace};
use crate::resolver;
use airgap_config::policy::Policy;
use airgap_config::registries::Role;
use airgap_core::artifact::VendoredKind;
use airgap_core::environment::Environment;
use airgap_core::error::Result;
use airgap_core::listing::Disk;
use airgap_core::report::Report;
use airgap_core::rooted::RootedPath;

/// Every source of components.
pub struct Components {
    clients: Clients,
}

impl Components {
    /// Creates the sources that these settings allow. Opens no socket.
    ///
    /// # Errors
    /// Usage, if a setting about registries is invalid.
    pub fn new(policy: Policy, environment: &Environment) -> Result<Components> {
        Ok(Components { clients: Clients::new(policy, environment)? })
    }

    fn policy(&self) -> &Policy {
        self.clients.policy()
    }

    /// Puts a component at its destination, from the first place that has it.
    ///
    /// # Errors
    /// Unavailable, listing every place; integrity, if a place has other bytes than the pinned
    /// ones, or something that is not a component.
    pub fn fetch(
        &self,
        wanted: &WantedComponent,
        destination: &RootedPath,
        purpose: Purpose,
        report: &Report,
    ) -> Result<Fetched> {
        let search = ComponentSearch::new(&self.clients, wanted, destination, purpose, report)?;
        resolver::resolve(&search, self.policy().offline(), report)
    }

    /// Returns the places where a component may be, in order, with the findings. Sends no requests.
    ///
    /// # Errors
    /// Usage, if a folder that a variable names cannot be used.
    pub fn places(
        &self,
        wanted: &WantedComponent,
        destination: Option<&RootedPath>,
    ) -> Result<Vec<SearchPlace>> {
        plan::check_vendor_dirs(VendoredKind::Component, self.policy(), &Disk)?;
        let mut places = Vec::new();
        let folders = plan::folders(VendoredKind::Component, self.policy());
        let own = destination.map(|path| (None, path.clone())).into_iter();
        let named =
            folders.into_iter().map(|(setting, dir)| (setting, dir.join(&wasm_name(&wanted.name))));
        for (setting, path) in own.chain(named) {
            if places.iter().any(|it: &SearchPlace| it.location == path.to_string()) {
                continue;
            }
            let finding = match vendored::check(wanted, &path) {
                None => PlaceState::Absent,
                Some(Ok(_)) => PlaceState::Found,
                Some(Err(error)) => PlaceState::Unusable(error.one_line()),
            };
            places.push(vendored::place(setting, &path, finding));
        }
        for source in sources(&self.clients, wanted)? {
            let finding = match folders::find(&source.place, wanted) {
                _ if source.needs_network() => {
                    self.policy().offline().map_or(PlaceState::Network, PlaceState::Offline)
                }
                Ok(Some(_)) => PlaceState::Found,
                Ok(None) => PlaceState::Absent,
                Err(error) => PlaceState::Unusable(error.one_line()),
            };
            places.push(SearchPlace {
                source: if source.role == Role::Mirror { "mirror" } else { "registry" },
                setting: None,
                location: source.to_string(),
                finding,
            });
        }
        Ok(places)
    }
}
