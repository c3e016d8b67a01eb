//! The choice of the proxy for a host.

use std::net::IpAddr;

use ureq::ProxyProtocol;
use url::Url;

use crate::address::{Address, login_in, redacted};
use airgap_core::credentials::Login;
use airgap_core::error::{Error, Result};
use airgap_core::network::{Network, ProxySetting};

/// The proxies of the environment.
pub(crate) struct Proxies {
    https: Option<Proxy>,
    http: Option<Proxy>,
    direct: Direct,
}

/// One proxy. All requests go through it by `CONNECT`, plain http too.
#[derive(Clone)]
pub struct Proxy {
    /// The proxy for the HTTP client.
    pub(crate) inner: ureq::Proxy,
    /// The variable that names it.
    pub(crate) variable: &'static str,
    /// The address for messages, without user and password.
    pub(crate) shown: String,
}

impl Proxies {
    pub(crate) fn new(network: &Network) -> Result<Proxies> {
        let parse = |set: &Option<ProxySetting>| set.as_ref().map(Proxy::parse).transpose();
        Ok(Proxies {
            https: parse(&network.https_proxy)?,
            http: parse(&network.http_proxy)?,
            direct: Direct::parse(network.no_proxy.as_deref().unwrap_or_default()),
        })
    }

    /// Returns the proxy for this address.
    pub(crate) fn for_address(&self, address: &Address) -> Option<&Proxy> {
        let proxy = if address.scheme() == "https" { &self.https } else { &self.http };
        proxy.as_ref().filter(|_| !self.direct.holds(address.host(), address.port()))
    }
}

impl Proxy {
    fn parse(set: &ProxySetting) -> Result<Proxy> {
        let (variable, value) = (set.variable, set.address.as_str());
        let wrong = |why: &str| {
            Error::usage(format!("{variable} is not the URL of a proxy: {why}"))
                .fact("value", redacted(value))
                .hint("write it as in `http://proxy.example:3128`")
        };
        // As in curl, a bare `host:port` is an http proxy.
        let full = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
        let url = Url::parse(&full).map_err(|error| wrong(&error.to_string()))?;
        let protocol = ProxyProtocol::try_from(url.scheme())
            .map_err(|_| wrong(&format!("`{}` is not a kind of proxy", url.scheme())))?;
        let host = url.host_str().filter(|host| !host.is_empty());
        let mut builder = ureq::Proxy::builder(protocol)
            .host(host.ok_or_else(|| wrong("it does not name a host"))?);
        // The `url` crate drops port 80, the default of the scheme, but not that of a proxy.
        if let Some(port) = url.port_or_known_default() {
            builder = builder.port(port);
        }
        if let Some(credential) = login_in(&url) {
            credential.register_secrets();
            let Login { login, password } = credential;
            builder = builder.username(&login).password(&password);
        }
        let inner = builder.build().map_err(|error| wrong(&error.to_string()))?;
        Ok(Proxy { inner, variable, shown: redacted(&full) })
    }
}

/// The hosts that are reached without a proxy, as curl parses `no_proxy`.
#[derive(Default)]
struct Direct(Vec<NoProxyRule>);

enum NoProxyRule {
    Everything,
    Name { name: String, subdomains_only: bool, port: Option<u16> },
    Addresses { address: IpAddr, bits: u8, port: Option<u16> },
}

impl Direct {
    fn parse(text: &str) -> Direct {
        let words = text.split([',', ' ', '\t']).filter(|word| !word.is_empty());
        Direct(words.map(NoProxyRule::parse).collect())
    }

    fn holds(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.0.iter().any(|rule| rule.matches(&host, port))
    }
}

impl NoProxyRule {
    fn parse(word: &str) -> NoProxyRule {
        if word == "*" {
            return NoProxyRule::Everything;
        }
        if let Some(addresses) = addresses(word, None) {
            return addresses;
        }
        let (name, port) = match word.rsplit_once(':') {
            Some((name, port)) if port.parse::<u16>().is_ok() => (name, port.parse().ok()),
            _ => (word, None),
        };
        if let Some(addresses) = addresses(name, port) {
            return addresses;
        }
        let bare = name.strip_prefix('*').unwrap_or(name);
        // A single leading dot has no meaning, since curl 7.86.
        let subdomains_only = name.starts_with("*.");
        let name = bare.trim_matches('.').to_ascii_lowercase();
        NoProxyRule::Name { name, subdomains_only, port }
    }

    fn matches(&self, host: &str, at: u16) -> bool {
        match self {
            NoProxyRule::Everything => true,
            NoProxyRule::Name { name, subdomains_only, port } => {
                let parent = host.strip_suffix(name.as_str());
                let below = parent.is_some_and(|rest| rest.ends_with('.'));
                let itself = !subdomains_only && parent == Some("");
                !name.is_empty() && (below || itself) && port.is_none_or(|port| port == at)
            }
            NoProxyRule::Addresses { address, bits, port } => {
                let found = host.parse().is_ok_and(|host| share(*address, host, *bits));
                found && port.is_none_or(|port| port == at)
            }
        }
    }
}

/// Parses `10.0.0.1`, `10.0.0.0/8`, `::1`, `[::1]`, `fd00::/8`.
fn addresses(text: &str, port: Option<u16>) -> Option<NoProxyRule> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address = address.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(address);
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(most);
    (bits <= most).then_some(NoProxyRule::Addresses { address, bits, port })
}

/// Returns whether two addresses begin with the same bits.
fn share(a: IpAddr, b: IpAddr, bits: u8) -> bool {
    let same = |a: u128, b: u128, width: u32| {
        (a ^ b).checked_shr(width - u32::from(bits)).unwrap_or(0) == 0
    };
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(u32::from(a).into(), u32::from(b).into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(a.into(), b.into(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_is_read_as_curl_reads_it() {
        for (no_proxy, host, port, direct) in [
            ("*", "a.example", 443, true),
            ("example.com", "example.com", 443, true),
            ("example.com", "EXAMPLE.com.", 443, true),
            ("example.com", "sub.example.com", 443, true),
            ("example.com", "notexample.com", 443, false),
            (".example.com", "sub.example.com", 443, true),
            (".example.com", "example.com", 443, true),
            (".example.com", "notexample.com", 443, false),
            ("*.example.com", "example.com", 443, false),
            ("*.example.com", "a.b.example.com", 443, true),
            ("example.com:8443", "example.com", 8443, true),
            ("example.com:8443", "example.com", 443, false),
            ("x, 10.0.0.0/8 y", "10.20.30.40", 80, true),
            ("10.0.0.0/8", "11.0.0.1", 80, false),
            ("10.0.0.0/8", "10.example", 80, false),
            ("127.0.0.1:81", "127.0.0.1", 80, false),
            ("::1", "::1", 80, true),
            ("[::1]:80", "::1", 80, true),
            ("fd00::/8", "fd12::1", 80, true),
            ("0.0.0.0/0", "8.8.8.8", 80, true),
            ("0.0.0.0/0", "::1", 80, false),
            ("", "a.example", 80, false),
            (".", "a.example", 80, false),
        ] {
            assert_eq!(Direct::parse(no_proxy).holds(host, port), direct, "{no_proxy} {host}");
        }
    }

    #[test]
    fn a_proxy_may_be_written_as_curl_allows() {
        for (text, host, port, user) in [
            ("http://proxy:3128", "proxy", 3128, None),
            ("proxy:3128", "proxy", 3128, None),
            ("http://proxy", "proxy", 80, None),
            ("https://proxy/", "proxy", 443, None),
            ("http://u%40d:p%3aw@proxy:1", "proxy", 1, Some("u@d")),
            ("socks5h://proxy:1080", "proxy", 1080, None),
        ] {
            let set = ProxySetting { variable: "HTTPS_PROXY", address: text.to_owned() };
            let proxy = Proxy::parse(&set).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((proxy.inner.host(), proxy.inner.port()), (host, port), "{text}");
            assert_eq!(proxy.inner.username(), user);
            assert!(!proxy.shown.contains('@'), "{}", proxy.shown);
        }
    }

    #[test]
    fn a_bad_proxy_is_named_by_its_variable_without_its_password() {
        for text in ["ftp://u:geheim@proxy", "http://u:geheim@", "http://u:geheim@a b:1", "://"] {
            let set = ProxySetting { variable: "all_proxy", address: text.to_owned() };
            let error = Proxy::parse(&set).err().unwrap();
            assert_eq!(error.kind(), airgap_core::error::ErrorKind::Usage);
            assert!(error.statement().starts_with("all_proxy "), "{error}");
            assert!(!error.to_string().contains("geheim"), "{error}");
        }
    }
}
