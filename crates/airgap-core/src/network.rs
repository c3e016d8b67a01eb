//! The permission to use the network.

use std::path::PathBuf;
use std::time::Duration;

use crate::environment::{self as env, Environment};
use crate::error::{Error, Result};

/// The default time for retries: enough for a busy server, and not too long for a user to wait.
const RETRY_BUDGET: Duration = Duration::from_secs(120);

/// The permission to use the network, and the settings for it.
///
/// Only `Policy::network` returns one, and none if offline. Everything that opens a socket needs
/// one, so that offline cannot be forgotten.
#[derive(Clone, Debug)]
pub struct Network {
    /// The proxy for https addresses.
    pub https_proxy: Option<ProxySetting>,
    /// The proxy for http addresses.
    pub http_proxy: Option<ProxySetting>,
    /// Hosts that are reached without a proxy: names, suffixes and addresses, with commas between.
    pub no_proxy: Option<String>,
    /// A PEM file of certificate roots in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// A folder of certificate roots in place of the system's.
    pub ca_dir: Option<PathBuf>,
    /// The netrc file, if there is one.
    pub netrc: Option<PathBuf>,
    /// The most time for the retries of one artifact: waits, and failed attempts that received few
    /// bytes.
    pub retry_budget: Duration,
    /// The most time without a byte from a server.
    pub silence: Duration,
    /// The most time of a server for a small response, and for the headers of any; a large response
    /// must make progress in each such period.
    pub answer: Duration,
}

/// A proxy as it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxySetting {
    /// The variable that names it.
    pub variable: &'static str,
    /// The address, a URL or `host:port`, possibly with a password.
    pub address: String,
}

/// The names of the variable with the hosts that need no proxy, the one that wins first.
pub const NO_PROXY: [&str; 2] = [env::NO_PROXY_LOWER, env::NO_PROXY];

impl Network {
    /// Reads the settings of this environment, whether or not the policy allows their use.
    ///
    /// # Errors
    /// Usage, if the time for retries is not a number.
    pub fn from_environment(environment: &Environment) -> Result<Network> {
        // As in curl, the name in lower case wins.
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

/// Returns the path of the netrc file, whether or not it is there.
pub fn netrc(environment: &Environment) -> Option<PathBuf> {
    let named = environment.get(env::NETRC).map(PathBuf::from);
    named.or_else(|| Some(environment.home()?.join(".netrc")))
}

fn retry_budget(environment: &Environment) -> Result<Duration> {
    let Some(value) = environment.get(env::RETRY_SECONDS) else { return Ok(RETRY_BUDGET) };
    value.parse().map(Duration::from_secs).map_err(|_| {
        Error::usage(format!("`{}` is not a number of seconds", env::RETRY_SECONDS))
            .fact("found", format!("`{value}`"))
            .fact("expected", "a whole number, such as 120; 0 for no retries")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxy_is_the_one_curl_uses_with_its_variable() {
        let network = |pairs: &[(&str, &str)]| {
            Network::from_environment(&Environment::from_pairs(pairs, "/")).unwrap()
        };
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
        // Under CGI, a header of a request could set this variable.
        assert_eq!(of(&[("HTTP_PROXY", "a:1")]), [None, None]);
        let both = network(&[("NO_PROXY", "b"), ("no_proxy", "a")]);
        assert_eq!(both.no_proxy.as_deref(), Some("a"));
    }
}
