//! How a registry is reached: its scheme and who asks.

use std::fmt;
use std::sync::Arc;

use crate::error::Result;
use crate::fetch::Identity;
use crate::secrets;

/// Knows how each registry is reached. Config files, variables and credential stores are behind it;
/// the client asks it when it first speaks to a registry, and again when a credential was refused.
pub trait Accesses: Send + Sync {
    /// How to reach `registry`: a host with an optional port as it stands in a reference. The
    /// repository may stand behind it, as in `ghcr.io/myorg/api`: some credential files have
    /// entries for a part of a registry.
    ///
    /// # Errors
    /// Usage, where a setting for it makes no sense; network, where a credential helper failed.
    fn access(&self, registry: &str) -> Result<Access>;
}

/// How one registry is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Whether to speak plain http to a host that is not loopback; those get it
    /// without being asked for, unless `tls` is.
    pub plain_http: bool,
    /// Whether to speak TLS also to a host that is loopback.
    pub tls: bool,
    /// What to change where the host does not speak TLS though a setting says so; empty without such
    /// a setting.
    pub tls_remedy: String,
    /// Certificate roots that hold for this host besides all others, as PEM texts.
    pub roots: Vec<String>,
    /// A client certificate, which this host alone sees.
    pub identity: Option<Arc<Identity>>,
    /// Who asks.
    pub credential: Credential,
    /// Where the credential came from, as in `WKG_REGISTRY_GHCR_IO_TOKEN`; empty for nobody.
    pub origin: String,
}

/// Who asks. `Debug` shows no secrets, and there is no `Display`.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credential {
    /// Nobody.
    #[default]
    Anonymous,
    /// A name and a password, sent to the registry or to its token server.
    Basic {
        /// The name.
        username: String,
        /// The password, or a token in its place.
        password: String,
    },
    /// A token that is sent to the registry as it is, without asking a token server.
    Bearer(String),
    /// A refresh token, which the token server changes into one for the registry.
    Refresh(String),
}

impl Credential {
    /// Makes it known as a secret.
    pub(crate) fn learn(&self) {
        match self {
            Credential::Anonymous => {}
            Credential::Basic { username, password } => secrets::learn_login(username, password),
            Credential::Bearer(token) | Credential::Refresh(token) => secrets::learn(token),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credential::Anonymous => "Anonymous",
            Credential::Basic { .. } => "Basic(..)",
            Credential::Bearer(_) => "Bearer(..)",
            Credential::Refresh(_) => "Refresh(..)",
        })
    }
}
