//! Reaching out: the clients of one run, each made when it is first needed, and the order in which
//! places are asked.

mod artifact;
mod attempts;

pub(crate) use artifact::{Artifact, Expected};
pub(crate) use attempts::Attempts;

use std::sync::{Arc, OnceLock};

use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::fetch::Client;
use crate::oci::{self, Repository};
use crate::policy::Policy;
use crate::registries::{Registries, Source};
use crate::report::Report;

/// What the settings allow to reach. One is enough for any number of threads.
pub struct Reach {
    policy: Policy,
    registries: Arc<Registries>,
    http: OnceLock<Client>,
    oci: OnceLock<oci::Client>,
}

impl Reach {
    /// What these settings allow. Opens no socket.
    ///
    /// # Errors
    /// Usage, where a setting about registries makes no sense.
    pub fn new(policy: Policy, environment: &Environment) -> Result<Reach> {
        let registries = Arc::new(Registries::of(environment, policy.workspace())?);
        let (http, oci) = (OnceLock::new(), OnceLock::new());
        Ok(Reach { policy, registries, http, oci })
    }

    /// Where bytes may come from.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Which registry serves what.
    pub fn registries(&self) -> &Registries {
        &self.registries
    }

    /// What downloads by address.
    ///
    /// # Errors
    /// Unavailable, when offline.
    pub(crate) fn http(&self) -> Result<&Client> {
        if let Some(client) = self.http.get() {
            return Ok(client);
        }
        let network = self.policy.network(|| "fetch".to_owned())?;
        let client = Client::new(network)?;
        Ok(self.http.get_or_init(|| client))
    }

    /// What talks to registries. `what` says what it is wanted for: "fetch `a`".
    ///
    /// # Errors
    /// Unavailable, when offline.
    pub(crate) fn oci(&self, what: impl FnOnce() -> String) -> Result<&oci::Client> {
        let network = self.policy.network(what)?;
        if let Some(client) = self.oci.get() {
            return Ok(client);
        }
        let client = oci::Client::new(network, Arc::clone(&self.registries) as _)?;
        Ok(self.oci.get_or_init(|| client))
    }

    /// What the first source gives that has something. Those that have nothing, or fail, are noted;
    /// where a later one gives it, the person is told why it was not an earlier one.
    ///
    /// # Errors
    /// Integrity as soon as a source has something else: other bytes are never a reason to ask
    /// somebody else quietly.
    pub(crate) fn first<'a, T>(
        &self,
        sources: &'a [Source],
        attempts: &mut Attempts,
        report: &Report,
        ask: impl Fn(&Source) -> Result<Option<T>>,
    ) -> Result<Option<(T, &'a Source)>> {
        let mut passed = Vec::new();
        for source in sources {
            if let (true, Some(offline)) = (source.needs_network(), self.policy.offline()) {
                attempts.add_offline(&source.to_string(), offline);
                continue;
            }
            match ask(source) {
                Ok(Some(found)) => {
                    for words in passed {
                        report.say(&format!("passed over {words}"));
                    }
                    return Ok(Some((found, source)));
                }
                Ok(None) => attempts.add_absent(source),
                Err(error) if error.kind() == Kind::Integrity => {
                    return Err(error.fact("from", source));
                }
                Err(error) => {
                    passed.push(format!("{source}: {}", error.one_line()));
                    attempts.add(source, &error);
                }
            }
        }
        Ok(None)
    }
}

/// A repository by its two parts.
pub(crate) fn repository(registry: &str, name: &str) -> Result<Repository> {
    let registry = registry.parse().map_err(Error::usage)?;
    Repository::new(registry, name).map_err(Error::usage)
}
