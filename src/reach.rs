//! Reaching out: the clients of one run, each made when it is first needed, and the order in which
//! places are asked.

mod artifact;
mod attempts;

pub(crate) use artifact::{Artifact, Expected};
pub(crate) use attempts::Attempts;

use std::sync::{Arc, OnceLock};

use crate::environment::Environment;
use crate::error::{Error, Result};
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

    /// What the first source gives that has something. Those that have nothing, or cannot be reached,
    /// are noted; where a later one gives it, the person is told why it was not an earlier one.
    ///
    /// A registry that refuses (401, 403) says the same of what it does not have, so its other
    /// repositories are asked; nobody else is.
    ///
    /// # Errors
    /// Whatever is no source's to mend, as soon as it is met: integrity, for other bytes are never a
    /// reason to ask somebody else quietly; usage, where a setting makes no sense; network, where
    /// nobody was asked because a credential cannot be had; and a full disk or the like.
    pub(crate) fn first<'a, T>(
        &self,
        sources: &'a [Source],
        attempts: &mut Attempts,
        report: &Report,
        ask: impl Fn(&Source) -> Result<Option<T>>,
    ) -> Result<Option<(T, &'a Source)>> {
        let mut passed = Vec::new();
        let mut refusing: Option<&Source> = None;
        for source in sources {
            if let Some(refusing) = refusing.filter(|it| !it.is_beside(source)) {
                attempts.add_not_asked(source, refusing);
                continue;
            }
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
                Err(error) if !attempts::is_of_source(&error) => {
                    return Err(error.fact("from", source));
                }
                Err(error) => {
                    if attempts::is_refusal(&error) {
                        refusing = Some(source);
                    }
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
