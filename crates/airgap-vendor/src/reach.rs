//! The clients of one run, each created when it is first needed, and the order in which sources are
//! tried.

mod artifact;
mod attempts;

pub(crate) use artifact::{Artifact, Expected};
pub(crate) use attempts::Attempts;

use std::sync::{Arc, OnceLock};

use airgap_config::policy::Policy;
use airgap_config::registries::{Registries, Source};
use airgap_core::environment::Environment;
use airgap_core::error::{Error, Result};
use airgap_core::report::Report;
use airgap_http::Client;
use airgap_oci::{self as oci, Repository};

/// The settings and clients of a run. Any number of threads can share one.
pub struct Reach {
    policy: Policy,
    registries: Arc<Registries>,
    http: OnceLock<Client>,
    oci: OnceLock<oci::Client>,
}

impl Reach {
    /// Creates the state for these settings. Opens no socket.
    ///
    /// # Errors
    /// Usage, if a setting about registries is invalid.
    pub fn new(policy: Policy, environment: &Environment) -> Result<Reach> {
        let registries = Arc::new(Registries::from_environment(environment, policy.workspace())?);
        let (http, oci) = (OnceLock::new(), OnceLock::new());
        Ok(Reach { policy, registries, http, oci })
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

    /// Returns the result of the first source that has the content. Sources that do not have it, or
    /// cannot be reached, are recorded; if a later one has it, the user is told why the earlier
    /// ones failed.
    ///
    /// A registry may refuse (401, 403) what it does not have, so its other repositories are tried;
    /// no other registry is tried after that.
    ///
    /// # Errors
    /// Every error that is not the failure of a source, at once: integrity, because wrong bytes
    /// must never lead to the next source silently; usage, if a setting is invalid; network, if no
    /// request was sent because a credential is not available; and a full disk or the like.
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

/// Creates a repository from its two parts.
pub fn repository(registry: &str, name: &str) -> Result<Repository> {
    let registry = registry.parse().map_err(Error::usage)?;
    Repository::new(registry, name).map_err(Error::usage)
}
