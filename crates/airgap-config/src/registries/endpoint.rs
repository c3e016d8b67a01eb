//! The address of an OCI registry: `https://registry.example:5000/mirror`, or without a scheme.

use std::fmt;

use airgap_oci::{self as oci, is_host};

/// The host of a registry, with the scheme and the path that were written with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Endpoint {
    /// The scheme, if one was written.
    pub(super) scheme: Option<Scheme>,
    /// The host, in lower case, with its port if that is not the default of the scheme.
    pub(super) host: String,
    /// The prefix of each repository, without slashes at its ends.
    pub(super) path: String,
}

/// The scheme of requests to a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Endpoint {
    /// Parses an address. The error describes the problem and does not repeat a password.
    pub(super) fn parse(text: &str) -> Result<Endpoint, String> {
        let (scheme, rest) = match text.split_once("://") {
            None => (None, text),
            Some(("http", rest)) => (Some(Scheme::Http), rest),
            // `oci://` is the scheme of Helm for a registry.
            Some(("https" | "oci", rest)) => (Some(Scheme::Https), rest),
            Some((other, _)) => {
                return Err(format!(
                    "it starts with `{other}://`, not with https://, http:// or oci://"
                ));
            }
        };
        if rest.contains('@') {
            return Err(
                "it contains a user name or password, which would be printed and stored".into()
            );
        }
        if rest.contains(['?', '#']) {
            let shown = airgap_http::redacted(text);
            return Err(format!("`{shown}` has a query or fragment, which a registry cannot have"));
        }
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority(host, scheme)?;
        if scheme.is_none() && !is_host(&host) {
            return Err(format!(
                "`{host}` does not look like a host; write its scheme or port: `https://{host}`"
            ));
        }
        let path = path.trim_matches('/').to_owned();
        if !path.is_empty() {
            oci::check_name(&path)?;
        }
        Ok(Endpoint { scheme, host: with_port(host, scheme), path })
    }

    /// Creates the address of a host, without a path.
    pub(super) fn from_host(host: &str) -> Endpoint {
        Endpoint { scheme: None, host: host.to_owned(), path: String::new() }
    }

    /// Returns the name in this registry of the repository that is called `repository` elsewhere.
    pub(super) fn repository(&self, repository: &str) -> String {
        if self.path.is_empty() {
            repository.to_owned()
        } else {
            format!("{}/{repository}", self.path)
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.scheme {
            Some(Scheme::Http) => "http://",
            Some(Scheme::Https) => "https://",
            None => "",
        })?;
        f.write_str(&self.host)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, "/{}", self.path) }
    }
}

/// Returns whether a host is this machine.
pub fn is_loopback(host: &str) -> bool {
    let (name, _) = split_port(host);
    let name = name.trim_matches(['[', ']']);
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Returns the host and its port.
pub(super) fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    }
}

/// Returns the canonical name of a registry that has several, such as Docker Hub; a text that is
/// not a registry stays as it is, in lower case.
pub(super) fn canonical(host: &str) -> String {
    host.parse().map_or_else(|_| host.to_ascii_lowercase(), |it: oci::Registry| it.to_string())
}

/// Checks a host with an optional port, which is left out if it is the default of the scheme.
fn authority(text: &str, scheme: Option<Scheme>) -> Result<String, String> {
    let host = text.parse::<oci::Registry>()?.to_string();
    let own = match scheme {
        Some(Scheme::Http) => ":80",
        Some(Scheme::Https) => ":443",
        None => return Ok(host),
    };
    Ok(host.strip_suffix(own).map(str::to_owned).unwrap_or(host))
}

/// Adds the port to a host that is one word, so that a reference can have it as a host.
fn with_port(host: String, scheme: Option<Scheme>) -> String {
    match scheme {
        Some(Scheme::Http) if !is_host(&host) => format!("{host}:80"),
        Some(Scheme::Https) if !is_host(&host) => format!("{host}:443"),
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_with_or_without_a_scheme() {
        for (text, shown) in [
            ("https://registry.internal.example.com", "https://registry.internal.example.com"),
            ("https://Registry.Corp:443/", "https://registry.corp"),
            ("http://registry.corp:80", "http://registry.corp"),
            ("http://127.0.0.1:5000/mirror/wasm/", "http://127.0.0.1:5000/mirror/wasm"),
            ("https://[::1]:5000", "https://[::1]:5000"),
            ("[::1]:5000", "[::1]:5000"),
            ("oci://ghcr.io/myorg", "https://ghcr.io/myorg"),
            ("ghcr.io/myorg", "ghcr.io/myorg"),
            ("localhost", "localhost"),
            ("https://harbor/wasm", "https://harbor:443/wasm"),
            ("http://harbor", "http://harbor:80"),
            ("harbor:5000", "harbor:5000"),
        ] {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!(endpoint.to_string(), shown);
            assert!(is_host(&endpoint.host), "{text}");
        }
    }

    #[test]
    fn an_invalid_address_is_refused_without_repeating_secrets() {
        for text in [
            "",
            "https://",
            "harbor",
            "Direct",
            "ftp://a.b",
            "https://a.b?x",
            "a..b",
            "https://reg_1.corp",
            "https://1.2.3",
            "a.b:x",
            "a.b:0",
            "a.b/UPPER",
            "a.b/../c",
            "a.b/x//y",
            "a b.c",
            "[::1",
            "[a.b]:1",
        ] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
        for text in ["https://u:geheim@a.b", "https://a.b/t?sig=geheim", "a.b/t?sig=geheim#x"] {
            let error = Endpoint::parse(text).unwrap_err();
            assert!(!error.contains("geheim"), "{error}");
        }
    }

    #[test]
    fn loopback_is_this_machine_and_nothing_else() {
        for host in ["localhost", "localhost:5000", "127.0.0.1:80", "127.8.8.8", "[::1]:5000"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.corp", "10.0.0.1", "a.127.0.0.1", "[fd00::1]"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
