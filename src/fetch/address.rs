//! Addresses, and how they are shown to people.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use url::Url;

use crate::error::{Error, Result};

/// An `http`, `https` or `file` address. `Display` is redacted.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    url: Url,
    credential: Option<Credential>,
}

/// A user's name and password. Deliberately without `Debug` and `Display`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credential {
    pub(super) login: String,
    pub(super) password: String,
}

impl Credential {
    /// The value of an `Authorization` header.
    pub(super) fn basic(&self) -> String {
        let pair = BASE64_STANDARD.encode(format!("{}:{}", self.login, self.password));
        format!("Basic {pair}")
    }

    /// What stands before the `@` in an address, percent-decoded.
    pub(super) fn of(url: &Url) -> Option<Credential> {
        let decode = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy();
        let login = decode(url.username()).into_owned();
        let password = decode(url.password().unwrap_or_default()).into_owned();
        (!login.is_empty() || !password.is_empty()).then_some(Credential { login, password })
    }
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Address> {
        let url = Url::parse(text).map_err(|error| bad(text).because(error))?;
        match url.scheme() {
            "http" | "https" if url.has_host() => Ok(Address::of(url)),
            "file" => Ok(Address::of(url)),
            _ => Err(bad(text)),
        }
    }

    fn of(mut url: Url) -> Address {
        let credential = Credential::of(&url);
        // Fails only for addresses that cannot have any.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        Address { url, credential }
    }

    /// Where a `Location` leads. What it says before an `@` is not ours to send.
    pub(super) fn join(&self, location: &str) -> Option<Address> {
        let url = self.url.join(location).ok()?;
        Some(Address { credential: None, ..Address::of(url) })
    }

    /// The path of a `file` address.
    pub(super) fn file(&self) -> Option<Result<PathBuf>> {
        let path = |()| Error::usage(format!("`{self}` is not a path on this machine"));
        (self.scheme() == "file").then(|| self.url.to_file_path().map_err(path))
    }

    pub(super) fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// The host's name or address, without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        let host = self.url.host_str().unwrap_or_default();
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    pub(super) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// What is sent to the server: no user, no password.
    pub(super) fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The user and password that stood in the address.
    pub(super) fn credential(&self) -> Option<&Credential> {
        self.credential.as_ref()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.url))
    }
}

/// An address as it may be shown: without user and password, and with `...` for the values in its
/// query, where signed addresses carry their secret.
pub fn redacted(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) if url.has_host() || url.scheme() == "file" => shown(&Address::of(url).url),
        // What cannot be parsed may hold a password too.
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
            assert_eq!(error.kind(), crate::error::Kind::Usage);
            if text != "data:geheim" {
                assert!(!error.to_string().contains("geheim"), "{error}");
            }
        }
    }
}
