//! The HTTP client, the retries and the credentials that all registries share.

use std::sync::Arc;

use crate::access::{Access, AccessProvider, Credential};
use crate::reference::Registry;
use crate::traffic::Counters;
use airgap_core::error::Result;
use airgap_http::http::Http;
use airgap_http::retry_policy::RetryPolicy;

/// The parts of the client that all registries share.
pub(super) struct Transport {
    pub(super) http: Http,
    pub(super) retry_policy: RetryPolicy,
    pub(super) accesses: Arc<dyn AccessProvider>,
    pub(super) counters: Arc<Counters>,
}

impl Transport {
    /// Returns the scheme, the credential and the certificates for a registry.
    pub(super) fn access(&self, registry: &Registry) -> Result<Access> {
        let access = self.accesses.access(registry.as_str())?;
        access.credentials().for_each(Credential::register_secrets);
        Ok(access)
    }
}
