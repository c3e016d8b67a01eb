//! The settings and clients of one run, each client created when it is first needed.

use std::sync::{Arc, OnceLock};

use airgap_config::policy::Policy;
use airgap_config::registries::Registries;
use airgap_core::environment::Environment;
use airgap_core::error::{Error, Result};
use airgap_http::Client;
use airgap_oci::{self as oci, Repository};

/// The settings and clients of a run. Any number of threads can share one.
pub struct Clients {
    policy: Policy,
    registries: Arc<Registries>,
    http: OnceLock<Client>,
    oci: OnceLock<oci::Client>,
}

impl Clients {
    /// Creates the state for these settings. Opens no socket.
    ///
    /// # Errors
    /// Usage, if a setting about registries is invalid.
    pub fn new(policy: Policy, environment: &Environment) -> Result<Clients> {
        let registries = Arc::new(Registries::from_environment(environment, policy.workspace())?);
        let (http, oci) = (OnceLock::new(), OnceLock::new());
        Ok(Clients { policy, registries, http, oci })
    }

    /// Returns the rules for the sources of bytes.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns the settings about registries.
    pub fn registries(&self) -> &Registries {
        &self.registries
    }

    /// Returns the client that downloads from addresses.
    ///
    /// # Errors
    /// Unavailable, if offline.
    pub(crate) fn http(&self) -> Result<&Client> {
        if let Some(client) = self.http.get() {
            return Ok(client);
        }
        let network = self.policy.network(|| "fetch".to_owned())?;
        let client = Client::new(network)?;
        Ok(self.http.get_or_init(|| client))
    }

    /// Returns the client of registries. `what` is the action for messages: "fetch `a`".
    ///
    /// # Errors
    /// Unavailable, if offline.
    pub(crate) fn oci(&self, what: impl FnOnce() -> String) -> Result<&oci::Client> {
        let network = self.policy.network(what)?;
        if let Some(client) = self.oci.get() {
            return Ok(client);
        }
        let client = oci::Client::new(network, Arc::clone(&self.registries) as _)?;
        Ok(self.oci.get_or_init(|| client))
    }
}

/// Creates a repository from its two parts.
///
/// # Errors
/// Usage, if a part is invalid.
pub fn repository(registry: &str, name: &str) -> Result<Repository> {
    let registry = registry.parse().map_err(Error::usage)?;
    Repository::new(registry, name).map_err(Error::usage)
}
