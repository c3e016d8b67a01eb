//! The permission to use the network.

use std::path::PathBuf;
use std::time::Duration;

use crate::environment::{self as env, Environment};

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
    pub(crate) fn of(environment: &Environment) -> Network {
        let all = [env::ALL_PROXY, env::ALL_PROXY_LOWER];
        let proxy = |names: &[&'static str]| {
            environment.first(names).or(environment.first(&all)).map(|(_, value)| value.to_owned())
        };
        let home = environment.first(&[env::HOME, env::USERPROFILE]).map(|(_, home)| home);
        let netrc = environment.get(env::NETRC).map(PathBuf::from);
        let in_home = || home.map(|home| PathBuf::from(home).join(".netrc"));
        Network {
            https_proxy: proxy(&[env::HTTPS_PROXY, env::HTTPS_PROXY_LOWER]),
            http_proxy: proxy(&[env::HTTP_PROXY_LOWER]),
            no_proxy: environment
                .first(&[env::NO_PROXY, env::NO_PROXY_LOWER])
                .map(|(_, value)| value.to_owned()),
            ca_file: environment.get(env::SSL_CERT_FILE).map(PathBuf::from),
            ca_dir: environment.get(env::SSL_CERT_DIR).map(PathBuf::from),
            netrc: netrc.or_else(in_home),
            retry_budget: Duration::from_secs(120),
            silence: Duration::from_secs(60),
        }
    }
}
