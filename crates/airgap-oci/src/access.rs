//! The scheme, the certificates and the credential for a registry.

use std::sync::Arc;

pub use airgap_core::credentials::Credential;
use airgap_core::error::Result;
use airgap_http::Identity;

/// A provider of the settings and the credential of each registry. It reads config files, variables
/// and credential stores. The client calls it before its first request to a registry, and again
/// after the registry refused the credential.
pub trait AccessProvider: Send + Sync {
    /// Returns how to reach `registry`: a host with an optional port as in a reference. A
    /// repository may follow, as in `ghcr.io/myorg/api`: some credential files have entries for a
    /// part of a registry.
    ///
    /// # Errors
    /// Usage, if a setting for it is invalid; network, if a credential helper failed.
    fn access(&self, registry: &str) -> Result<Access>;
}

/// The scheme, certificates and credential for one registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Whether to speak plain http to a host that is not loopback. A loopback host gets plain http
    /// without this setting, unless `tls` is set.
    pub plain_http: bool,
    /// Whether to speak TLS to a loopback host too.
    pub tls: bool,
    /// The hint to change the setting that demands TLS, if the host does not speak it; empty
    /// without such a setting.
    pub tls_remedy: String,
    /// Certificate roots that are valid for this host in addition to all others, as PEM texts.
    pub roots: Vec<String>,
    /// A client certificate, which is shown to this host only.
    pub identity: Option<Arc<Identity>>,
    /// The credential that is sent to the registry.
    pub credential: Credential,
    /// The source of the credential, as in `WKG_REGISTRY_GHCR_IO_TOKEN`; empty for an anonymous
    /// one.
    pub origin: String,
    /// The credentials for parts of the registry, each of which comes before that of the whole.
    pub parts: Vec<CredentialPart>,
}

/// A credential for the repositories below a path of a registry, as `podman login quay.io/org` writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialPart {
    /// The beginning of the names of these repositories, as in `org`.
    pub path: String,
    /// The credential for them.
    pub credential: Credential,
    /// The place that the credential came from.
    pub origin: String,
}

impl Access {
    /// Returns the credential for a repository and where it came from: that of the longest path which
    /// the repository is in, otherwise that of the registry.
    pub(crate) fn for_repository(&self, repository: &str) -> (&Credential, &str) {
        let is_in = |part: &&CredentialPart| {
            let rest = repository.strip_prefix(part.path.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let part = self.parts.iter().filter(is_in).max_by_key(|part| part.path.len());
        part.map_or((&self.credential, &self.origin), |part| (&part.credential, &part.origin))
    }

    /// Returns all its credentials.
    pub(crate) fn credentials(&self) -> impl Iterator<Item = &Credential> {
        [&self.credential].into_iter().chain(self.parts.iter().map(|part| &part.credential))
    }
}
