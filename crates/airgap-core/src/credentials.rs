//! The readers of credentials: files of other programs, and helper programs. HTTP and registries
//! use the same ones.
//!
//! | source | read by | used for |
//! |---|---|---|
//! | a netrc file | [`netrc`] | downloads, and registries that no other source knows |
//! | the credential files of docker and podman | [`stores`] | registries |
//! | the helper programs that those files name | `helper` | registries |
//!
//! The variables and the config file of this program come before all of them for a registry;
//! `airgap_config::registries` has that order, because it knows the names of a registry.

mod helper;
pub mod netrc;
pub mod stores;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::GeneralPurposeConfig;
use base64::engine::{DecodePaddingMode, GeneralPurpose};
use base64::prelude::BASE64_STANDARD;

use crate::secrets;

/// A credential for a registry. `Debug` shows no secrets, and there is no `Display`.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credential {
    /// No credential.
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
    /// Registers the secrets in it for redaction in messages.
    pub fn register_secrets(&self) {
        match self {
            Credential::Anonymous => {}
            Credential::Basic { username, password } => secrets::register_login(username, password),
            Credential::Bearer(token) | Credential::Refresh(token) => secrets::register(token),
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

/// A user name and a password. Has neither `Debug` nor `Display` on purpose.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user name.
    pub login: String,
    /// The password.
    pub password: String,
}

impl Login {
    /// Returns the value of an `Authorization` header (RFC 7617).
    pub fn basic(&self) -> String {
        let pair = BASE64_STANDARD.encode(format!("{}:{}", self.login, self.password));
        format!("Basic {pair}")
    }

    /// Registers the password for redaction in messages.
    pub fn register_secrets(&self) {
        secrets::register_login(&self.login, &self.password);
    }
}

/// Parses the base64 form of `user:password`, with or without padding.
pub fn pair(text: &str) -> Option<(String, String)> {
    let engine = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let text = String::from_utf8(engine.decode(text.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    // Files of docker may have zeros at the end.
    Some((user.to_owned(), password.trim_end_matches('\0').to_owned()))
}
