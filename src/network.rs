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
    /// The proxy for https addresses.
    pub https_proxy: Option<ProxySetting>,
    /// The proxy for http addresses.
    pub http_proxy: Option<ProxySetting>,
    /// Hosts that are reached directly: names, suffixes and addresses, with commas between.
    pub no_proxy: Option<String>,
    /// A PEM file of certificate roots instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// A folder of certificate roots instead of the system's.
    pub ca_dir: Option<PathBuf>,
    /// The file with credentials, if there is one.
    pub netrc: Option<PathBuf>,
    /// How long one artifact's retries may take altogether: waits, and attempts that failed and
    /// brought next to nothing.
    pub retry_budget: Duration,
    /// How long a server may be silent.
    pub silence: Duration,
    /// How long a server may take for a small answer, and for the headers of any; a large one must
    /// bring something in each such time.
    pub answer: Duration,
}

/// A proxy as it was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxySetting {
    /// The variable that names it.
    pub variable: &'static str,
    /// Its address, a URL or `host:port`, with a password perhaps.
    pub address: String,
}

/// The names of the variable with the hosts that no proxy is for, the one that wins first.
pub(crate) const NO_PROXY: [&str; 2] = [env::NO_PROXY_LOWER, env::NO_PROXY];

impl Network {
    /// The settings of this environment, whether or not the policy allows their use.
    ///
    /// # Errors
    /// Usage, where the retries' time is no number.
    pub(crate) fn of(environment: &Environment) -> Result<Network> {
        // As for curl, the name in small letters wins.
        let proxy = |names: &[&'static str]| {
            let names = [names, &[env::ALL_PROXY_LOWER, env::ALL_PROXY]].concat();
            let (variable, address) = environment.first(&names)?;
            Some(ProxySetting { variable, address: address.to_owned() })
        };
        Ok(Network {
            https_proxy: proxy(&[env::HTTPS_PROXY_LOWER, env::HTTPS_PROXY]),
            http_proxy: proxy(&[env::HTTP_PROXY_LOWER]),
            no_proxy: environment.first(&NO_PROXY).map(|(_, value)| value.to_owned()),
            ca_file: environment.get(env::SSL_CERT_FILE).map(PathBuf::from),
            ca_dir: environment.get(env::SSL_CERT_DIR).map(PathBuf::from),
            netrc: netrc(environment),
            retry_budget: retry_budget(environment)?,
            silence: Duration::from_secs(60),
            answer: Duration::from_secs(60),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxy_that_wins_is_curls_and_has_its_name() {
        let network = |pairs: &[(&str, &str)]| Network::of(&Environment::of(pairs, "/")).unwrap();
        let of = |pairs: &[(&str, &str)]| {
            let network = network(pairs);
            [network.https_proxy, network.http_proxy]
                .map(|it| it.map(|it| (it.variable, it.address)))
        };
        let is = |variable, address: &str| Some((variable, address.to_owned()));
        let small = ("https_proxy", "a:1");
        let all = [("ALL_PROXY", "d:1"), ("all_proxy", "c:1"), ("HTTPS_PROXY", "b:1"), small];
        assert_eq!(of(&all), [is("https_proxy", "a:1"), is("all_proxy", "c:1")]);
        assert_eq!(of(&all[..3]), [is("HTTPS_PROXY", "b:1"), is("all_proxy", "c:1")]);
        assert_eq!(of(&all[..1]), [is("ALL_PROXY", "d:1"), is("ALL_PROXY", "d:1")]);
        // A request's header could set this one under CGI.
        assert_eq!(of(&[("HTTP_PROXY", "a:1")]), [None, None]);
        let both = network(&[("NO_PROXY", "b"), ("no_proxy", "a")]);
        assert_eq!(both.no_proxy.as_deref(), Some("a"));
    }
}
