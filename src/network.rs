//! The permission to use the network.

use std::path::PathBuf;
use std::time::Duration;

use crate::environment::{self as env, Environment};
use crate::error::{Error, Result};

/// Long enough for a busy server, short enough for a person to wait.
const RETRY_BUDGET: Duration = Duration::from_secs(120);

/// The permission to use the network, and the settings for it.
///
/// Only `Policy::network` hands one out, and none when offline. Everything that
/// opens a socket asks for one, so that offline cannot be forgotten.
#[derive(Clone, Debug)]
pub struct Network {
    /// The proxy for https addresses, as a URL.
    pub https_proxy: Option<String>,
    /// The proxy for http addresses, as a URL.
    pub http_proxy: Option<String>,
    /// Hosts that are reached directly: names, suffixes and addresses, with commas between.
    pub no_proxy: Option<String>,
    /// A PEM file of certificate roots instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// A folder of certificate roots instead of the system's.
    pub ca_dir: Option<PathBuf>,
    /// The file with credentials, if there is one.
    pub netrc: Option<PathBuf>,
    /// How long one artifact's retries may wait altogether.
    pub retry_budget: Duration,
    /// How long a server may be silent.
    pub silence: Duration,
}

impl Network {
    /// The settings of this environment, whether or not the policy allows their use.
    ///
    /// # Errors
    /// Usage, where the retries' time is no number.
    pub(crate) fn of(environment: &Environment) -> Result<Network> {
        let all = [env::ALL_PROXY, env::ALL_PROXY_LOWER];
        let proxy = |names: &[&'static str]| {
            environment.first(names).or(environment.first(&all)).map(|(_, value)| value.to_owned())
        };
        Ok(Network {
            https_proxy: proxy(&[env::HTTPS_PROXY, env::HTTPS_PROXY_LOWER]),
            http_proxy: proxy(&[env::HTTP_PROXY_LOWER]),
            no_proxy: environment
                .first(&[env::NO_PROXY, env::NO_PROXY_LOWER])
                .map(|(_, value)| value.to_owned()),
            ca_file: environment.get(env::SSL_CERT_FILE).map(PathBuf::from),
            ca_dir: environment.get(env::SSL_CERT_DIR).map(PathBuf::from),
            netrc: netrc(environment),
            retry_budget: retry_budget(environment)?,
            silence: Duration::from_secs(60),
        })
    }
}

/// The netrc file, whether or not it is there.
pub(crate) fn netrc(environment: &Environment) -> Option<PathBuf> {
    let named = environment.get(env::NETRC).map(PathBuf::from);
    named.or_else(|| Some(environment.home()?.join(".netrc")))
}

fn retry_budget(environment: &Environment) -> Result<Duration> {
    let Some(value) = environment.get(env::RETRY_SECONDS) else { return Ok(RETRY_BUDGET) };
    value.parse().map(Duration::from_secs).map_err(|_| {
        Error::usage(format!("`{}` is no number of seconds", env::RETRY_SECONDS))
            .fact("found", format!("`{value}`"))
            .fact("expected", "a whole number, such as 120; 0 for no retries")
    })
}
