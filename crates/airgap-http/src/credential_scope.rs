//! The rule for which server may see a credential. It applies to all credentials, and is decided in
//! this module only.
//!
//! A credential belongs to one origin: a scheme, a host and a port (RFC 6454 section 4). It is sent
//!
//! 1. to that origin and to no other, whatever a redirect, a page or metadata names; and
//! 2. by https, or by plain http that stays on this machine: to loopback, and past every proxy.
//!
//! | credential | its origin |
//! |---|---|
//! | the user and password in an address | the origin of that address |
//! | an entry of the netrc file, also `default` | the origin of the first address of a request, which the user named; never an origin that only a server named |
//! | a registry's, from variables, the config file, docker, podman and helpers | the registry's own address, and the token server that this address names in a challenge |
//! | a registry's client certificate | the registry's own address |
//! | a token that a token server issued | the registry's own address |
//! | a proxy's | the proxy, in the `CONNECT` request alone |
//!
//! The address of a proxy is the exception to the second part: a user who writes a password into it
//! chooses with its scheme how the proxy is reached.

use std::fmt;

use crate::address::Address;

/// The reason why a credential is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// The server is not the one that the credential belongs to.
    OtherOrigin,
    /// The request is plain http that leaves this machine.
    PlainHttp,
}

/// Checks that a credential which belongs to `owner` may be sent to `here`.
///
/// # Errors
/// The reason, if it may not.
pub fn check(owner: &Address, here: &Address, proxied: bool) -> Result<(), Withheld> {
    if here.origin() != owner.origin() {
        return Err(Withheld::OtherOrigin);
    }
    let private = here.scheme() == "https" || (here.is_loopback() && !proxied);
    if private { Ok(()) } else { Err(Withheld::PlainHttp) }
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Withheld::OtherOrigin => {
                "only a redirect named this server, and credentials go only to servers that the \
                 user named"
            }
            Withheld::PlainHttp => {
                "with plain http, anyone between this machine and the server could read it"
            }
        })
    }
}

impl Withheld {
    /// Returns a hint for the user, for a server at `here`.
    pub fn advice(self, here: &Address) -> String {
        match self {
            Withheld::OtherOrigin => format!(
                "if that server may get it, use a URL of `{}` itself instead of the one that \
                 redirects to it",
                here.host()
            ),
            Withheld::PlainHttp if here.is_loopback() => {
                format!("list `{}` in no_proxy, to send the request without a proxy", here.host())
            }
            Withheld::PlainHttp => "reach that server by https".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_goes_to_its_origin_only_and_encrypted() {
        let address = |text: &str| Address::parse(text).unwrap_or_else(|error| panic!("{error}"));
        let (other, plain) = (Err(Withheld::OtherOrigin), Err(Withheld::PlainHttp));
        for (owner, here, expected) in [
            ("https://a.corp/x", "https://a.corp/y?z", Ok(())),
            ("https://a.corp/", "https://a.corp:443/", Ok(())),
            ("https://a.corp/", "https://A.CORP/", Ok(())),
            ("https://a.corp/", "https://a.corp:8443/", other),
            ("https://a.corp/", "https://b.corp/", other),
            ("https://a.corp/", "https://sub.a.corp/", other),
            ("https://a.corp/", "https://a.corp./", other),
            ("https://a.corp/", "http://a.corp/", other),
            ("http://a.corp/", "https://a.corp/", other),
            ("http://a.corp/", "http://a.corp/", plain),
            ("http://10.0.0.1/", "http://10.0.0.1/", plain),
            ("http://0.0.0.0:1/", "http://0.0.0.0:1/", plain),
            ("http://localhost.corp/", "http://localhost.corp/", plain),
            ("http://127.0.0.1:1/", "http://127.0.0.1:1/", Ok(())),
            ("http://127.0.0.1:1/", "http://127.0.0.1:2/", other),
            ("http://127.0.0.1:1/", "http://localhost:1/", other),
            ("http://localhost:1/", "http://localhost:1/", Ok(())),
            ("http://[::1]:1/", "http://[::1]:1/", Ok(())),
        ] {
            assert_eq!(check(&address(owner), &address(here), false), expected, "{owner} {here}");
        }
        // The loopback address of a proxy is on another machine.
        let (plain_here, secure) = (address("http://localhost:1/"), address("https://a.corp/"));
        assert_eq!(check(&plain_here, &plain_here, true), plain);
        assert_eq!(check(&secure, &secure, true), Ok(()));
    }
}
