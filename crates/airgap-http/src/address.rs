//! Addresses, and their redacted form for messages.

use std::fmt;
use std::path::PathBuf;

use url::{Host, Url};

use airgap_core::credentials::Login;
use airgap_core::error::{Error, Result};
use airgap_core::secrets;

/// An `http`, `https` or `file` address. `Display` is redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    url: Url,
    credential: Option<Login>,
}

/// Returns the user and password before the `@` of an address, percent-decoded.
pub(crate) fn login_in(url: &Url) -> Option<Login> {
    let decode = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    let login = decode(url.username()).into_owned();
    let password = decode(url.password().unwrap_or_default()).into_owned();
    (!login.is_empty() || !password.is_empty()).then_some(Login { login, password })
}

impl Address {
    /// Parses an address, and registers its password with [`secrets`].
    ///
    /// # Errors
    /// Usage, if it is not an address of a supported scheme.
    pub fn parse(text: &str) -> Result<Address> {
        let url = Url::parse(text).map_err(|error| bad(text).because(error))?;
        secrets::register_signature(&url);
        let address = match url.scheme() {
            "http" | "https" if url.has_host() => Address::from_url(url),
            "file" => Address::from_url(url),
            _ => return Err(bad(text)),
        };
        address.credential.iter().for_each(Login::register_secrets);
        Ok(address)
    }

    fn from_url(mut url: Url) -> Address {
        let credential = login_in(&url);
        // These fail only for addresses that cannot have a user or password.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        Address { url, credential }
    }

    /// Returns the address of a `Location`. A user and password in it are dropped.
    pub fn join(&self, location: &str) -> Option<Address> {
        let url = self.url.join(location).ok()?;
        secrets::register_signature(&url);
        Some(Address { credential: None, ..Address::from_url(url) })
    }

    /// Returns the same address with another path and query: `/v2/a/tags/list?n=1`.
    pub fn at(&self, path: &str) -> Option<Address> {
        let mut url = self.url.clone();
        url.set_path("/");
        url.set_query(None);
        Some(Address { url: url.join(path).ok()?, credential: None })
    }

    /// Returns the same address with one more parameter in its query.
    pub fn with_query(&self, key: &str, value: &str) -> Address {
        let mut address = self.clone();
        address.url.query_pairs_mut().append_pair(key, value);
        address
    }

    /// Returns the origin. A credential is sent to one scheme, host and port only.
    pub fn origin(&self) -> (&str, &str, u16) {
        (self.scheme(), self.host(), self.port())
    }

    /// Returns whether a request to it stays on this machine.
    pub fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Returns the path of a `file` address.
    pub(crate) fn file(&self) -> Option<Result<PathBuf>> {
        let path = |()| Error::usage(format!("`{self}` is not a path on this machine"));
        (self.scheme() == "file").then(|| self.url.to_file_path().map_err(path))
    }

    /// Returns the scheme, such as `https`.
    pub fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// Returns the name or address of the host, without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        let host = self.url.host_str().unwrap_or_default();
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    pub(crate) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// Returns the address as it is sent to the server: without user and password.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Returns the user and password that were in the address.
    pub(crate) fn credential(&self) -> Option<&Login> {
        self.credential.as_ref()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.url))
    }
}

/// Returns an address as it may be shown: without user and password, and with `...` for the values
/// in its query, which contain the secret of a signed address.
pub fn redacted(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) if url.has_host() || url.scheme() == "file" => shown(&Address::from_url(url).url),
        // A text that cannot be parsed may contain a password too.
        _ => {
            let text = text.split(['?', '#']).next().unwrap_or_default();
            let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
            let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
            if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") }
        }
    }
}

fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    if let Some(query) = url.query() {
        let hide = |pair: &str| match pair.split_once('=') {
            Some((key, _)) => format!("{key}=..."),
            None => "...".to_owned(),
        };
        let pairs: Vec<_> = query.split('&').map(hide).collect();
        shown.set_query(Some(&pairs.join("&")));
    }
    shown.to_string()
}

fn bad(text: &str) -> Error {
    Error::usage(format!("`{}` is not an http, https or file address", redacted(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_no_secrets() {
        for (text, shown) in [
            ("https://u:p@host/a?token=abc&x=1#f", "https://host/a?token=...&x=..."),
            ("https://host/a?secret", "https://host/a?..."),
            ("https://host:8443/a.tar.gz", "https://host:8443/a.tar.gz"),
            ("file:///a/b", "file:///a/b"),
            ("https://u:p@ho st/a?t=1", "https://ho st/a"),
            ("u:p@host", "host"),
        ] {
            assert_eq!(redacted(text), shown);
        }
    }

    #[test]
    fn takes_the_credential_out_and_decodes_it() {
        let address =
            Address::parse("https://user:p%40ss@host/a").unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(address.as_str(), "https://host/a");
        assert_eq!(address.credential().unwrap().basic(), "Basic dXNlcjpwQHNz");
        let next = address.join("https://a:b@other/c").unwrap();
        assert!(next.credential().is_none());
        assert_eq!(next.as_str(), "https://other/c");
    }

    #[test]
    fn refuses_other_schemes_without_telling_the_password() {
        for text in ["ftp://u:geheim@host/a", "u:geheim@host", "https://u:geheim@", "data:geheim"] {
            let error = Address::parse(text).err().unwrap();
            assert_eq!(error.kind(), airgap_core::error::ErrorKind::Usage);
            if text != "data:geheim" {
                assert!(!error.to_string().contains("geheim"), "{error}");
            }
        }
    }
}
