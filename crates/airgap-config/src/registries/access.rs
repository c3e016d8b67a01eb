//! The scheme, the certificate roots and the credential of a registry.
//!
//! Credentials come from the first of these that has one: `WKG_REGISTRY_<NAME>_TOKEN`,
//! `WKG_REGISTRY_<NAME>_AUTH_BEARER`, the config file, the credential files of docker and podman,
//! the netrc file. Each is for the host it is written for. A mirror does not get the credentials of
//! the registry. The exception is `WKG_REGISTRY_<NAME>_URL`, which says that the registry *is*
//! there: the token of the same name is for that address then.

use std::collections::BTreeSet;

use super::certificates::Certificates;
use super::config::{Auth, AuthMethod, Secret};
use super::endpoint::{Endpoint, Scheme, canonical, is_loopback, split_port};
use super::metadata::Metadata;
use super::{ComponentMirror, Discovered, Registries};
use airgap_core::credentials::netrc::Netrc;
use airgap_core::credentials::stores::StoredCredential;
use airgap_core::environment::{COMPONENT_MIRROR, REGISTRY, registry_part};
use airgap_core::error::{Error, Result};
use airgap_oci::{Access, AccessProvider, Credential, CredentialPart, is_host};

/// The user name for a token. Registries that exchange tokens ignore it.
const TOKEN_USER: &str = "token";

impl AccessProvider for Registries {
    fn access(&self, registry: &str) -> Result<Access> {
        let (host, path) = registry.split_once('/').unwrap_or((registry, ""));
        let host = canonical(host);
        let (credential, origin) = self.credential(&host, path)?;
        let setting = self.scheme_setting(&host);
        let tls = setting.as_ref().filter(|it| it.scheme == Scheme::Https);
        let certificates = Certificates::from_environment(&self.environment, &host)?;
        let parts = if path.is_empty() { self.parts(&host)? } else { Vec::new() };
        Ok(Access {
            plain_http: self.scheme(&host) == Some(Scheme::Http),
            tls_remedy: tls.map(|setting| setting.remedy(&host)).unwrap_or_default(),
            tls: tls.is_some(),
            roots: self.roots(&host).into_iter().chain(certificates.roots).collect(),
            identity: certificates.identity,
            credential,
            origin,
            parts,
        })
    }
}

/// A setting with the scheme of a host.
struct SchemeSetting {
    scheme: Scheme,
    /// The place of the setting.
    place: String,
    /// Whether it is an address, and not a `protocol`.
    address: bool,
}

impl SchemeSetting {
    /// Returns the hint to change the setting for a host that speaks plain http.
    fn remedy(&self, host: &str) -> String {
        let (found, right) = match self.address {
            true => ("the URL in", format!("http://{host}")),
            false => ("`protocol` in", "protocol = \"http\"".to_owned()),
        };
        format!(
            "{found} {} says https; if that registry speaks plain http, write `{right}` there",
            self.place
        )
    }
}

/// The source of a credential, before it is read.
pub(super) enum CredentialOrigin<'a> {
    Variable { name: String, bearer: bool },
    Config(&'a Auth),
    Store(StoredCredential),
    Netrc,
}

impl Registries {
    fn credential(&self, host: &str, path: &str) -> Result<(Credential, String)> {
        for origin in self.origins(host, path)? {
            let shown = self.shown(&origin);
            let found = match origin {
                CredentialOrigin::Variable { name, bearer } => {
                    let secret = self.environment.named(&name).unwrap_or_default().to_owned();
                    Some(if bearer { Credential::Bearer(secret) } else { token(secret) })
                }
                CredentialOrigin::Config(auth) => Some(self.configured_credential(auth)?),
                CredentialOrigin::Store(found) => found.credential()?,
                CredentialOrigin::Netrc => self
                    .netrc_login(host)?
                    .map(|(username, password)| Credential::Basic { username, password }),
            };
            if let Some(credential) = found {
                credential.register_secrets();
                return Ok((credential, shown));
            }
        }
        Ok((Credential::Anonymous, String::new()))
    }

    /// Returns the credentials that credential files have for parts of a host.
    fn parts(&self, host: &str) -> Result<Vec<CredentialPart>> {
        let is_own = |it: &CredentialOrigin<'_>| {
            matches!(it, CredentialOrigin::Variable { .. } | CredentialOrigin::Config(_))
        };
        if self.origins(host, "")?.iter().any(is_own) {
            return Ok(Vec::new());
        }
        let mut parts = Vec::new();
        for (path, found) in self.stores.parts(host)? {
            if let Some(credential) = found.credential()? {
                credential.register_secrets();
                parts.push(CredentialPart { path, credential, origin: found.origin() });
            }
        }
        Ok(parts)
    }

    /// Returns the sources of credentials for a host, in the order to try them.
    ///
    /// # Errors
    /// Usage, if two registries at this host have different credentials, or a credential file is
    /// invalid.
    pub(super) fn origins(&self, host: &str, path: &str) -> Result<Vec<CredentialOrigin<'_>>> {
        let mut origins = Vec::new();
        for (what, bearer) in [("TOKEN", false), ("AUTH_BEARER", true)] {
            let names =
                self.parts_for(host).into_iter().map(|part| format!("{REGISTRY}{part}_{what}"));
            let set: Vec<_> = names.filter(|name| self.environment.named(name).is_some()).collect();
            self.check_duplicate_variable(host, &set)?;
            origins.extend(set.into_iter().map(|name| CredentialOrigin::Variable { name, bearer }));
        }
        origins.extend(self.auth(host)?.map(CredentialOrigin::Config));
        // Settings of this program are not mixed with credentials that other programs stored.
        if origins.is_empty() {
            origins.extend(self.stores.find(host, path)?.into_iter().map(CredentialOrigin::Store));
            // A netrc entry is for a name with any port, and a server must not choose the port.
            let may_choose = split_port(host).1.is_some() || is_loopback(host);
            if self.netrc_login(host)?.is_some() && !(may_choose && self.is_named_by_a_server(host))
            {
                origins.push(CredentialOrigin::Netrc);
            }
        }
        Ok(origins)
    }

    /// Returns the source of a credential, for messages.
    pub(super) fn shown(&self, origin: &CredentialOrigin<'_>) -> String {
        match origin {
            CredentialOrigin::Variable { name, .. } => name.clone(),
            CredentialOrigin::Config(auth) => match variable_of(auth) {
                Some(name) => format!("{name} by {}", auth.place),
                None => auth.place.clone(),
            },
            CredentialOrigin::Store(found) => found.origin(),
            CredentialOrigin::Netrc => {
                self.netrc.as_ref().map(|it| it.display().to_string()).unwrap_or_default()
            }
        }
    }

    /// Returns the `<NAME>`s of variables whose credentials are for a host: its own first.
    fn parts_for(&self, host: &str) -> Vec<String> {
        let mut parts = Vec::new();
        let mut add = |part: String| {
            if !parts.contains(&part) {
                parts.push(part);
            }
        };
        if self.url(host).is_none_or(|url| url.host == host) {
            add(registry_part(host));
        }
        for (part, url) in &self.urls {
            if canonical(&url.host) == host {
                add(part.clone());
            }
        }
        for name in self.names() {
            if self.url(&name).is_none() && self.hosts(&name).contains(host) {
                add(registry_part(&name));
            }
        }
        parts
    }

    /// Returns the credential setting of the config file for a host.
    fn auth(&self, host: &str) -> Result<Option<&Auth>> {
        let entries = &self.config.registries;
        if let Some(auth) = entries.get(host).and_then(|entry| entry.auth.as_ref()) {
            return Ok(Some(auth));
        }
        let others: Vec<_> = entries
            .iter()
            .filter(|(name, _)| self.hosts(name).contains(host))
            .filter_map(|(_, entry)| entry.auth.as_ref())
            .collect();
        match others.as_slice() {
            [] => Ok(None),
            [one, rest @ ..] => match rest.iter().find(|it| it.method != one.method) {
                None => Ok(Some(one)),
                Some(other) => Err(Error::usage(format!(
                    "`{host}` has more than one `auth` in the config file"
                ))
                .fact("one", &one.place)
                .fact("another", &other.place)
                .hint(format!("write the one to use into `[registry.{host:?}]`"))),
            },
        }
    }

    /// Returns the secret that the config file contains or names.
    fn configured_credential(&self, auth: &Auth) -> Result<Credential> {
        let read = |secret: &Secret| match secret {
            Secret::Literal(text) => Ok(text.clone()),
            Secret::Variable(name) => {
                self.environment.named(name).map(str::to_owned).ok_or_else(|| {
                    Error::usage(format!("the variable `{name}` is not set"))
                        .fact("wanted by", format!("{}: `{}`", auth.place, auth.key))
                        .hint("set it to the password or token of that registry")
                })
            }
        };
        Ok(match &auth.method {
            AuthMethod::Basic { username, password } => {
                Credential::Basic { username: username.clone(), password: read(password)? }
            }
            AuthMethod::Bearer(secret) => Credential::Bearer(read(secret)?),
            AuthMethod::Token(secret) => token(read(secret)?),
        })
    }

    fn netrc_login(&self, host: &str) -> Result<Option<(String, String)>> {
        let Some(path) = &self.netrc else { return Ok(None) };
        let name = split_port(host).0.trim_matches(['[', ']']);
        let netrc = Netrc::read(Some(path))?;
        Ok(netrc.machine(name).map(|found| (found.login.clone(), found.password.clone())))
    }

    /// Checks that variables have credentials for this host. The names of variables are the same
    /// for `a-b.corp` and `a.b.corp`, and metadata must not select the host that the user did not
    /// mean.
    ///
    /// # Errors
    /// Usage, if only metadata names the host and another host has the same variables.
    fn check_duplicate_variable(&self, host: &str, variables: &[String]) -> Result<()> {
        let own = format!("{REGISTRY}{}_", registry_part(host));
        let Some(name) = variables.iter().find(|name| name.starts_with(&own)) else {
            return Ok(());
        };
        // `corp.example` has one separator, and no other host has the same variables.
        let separators = host.chars().filter(|c| !c.is_ascii_alphanumeric()).count();
        if separators < 2 || !self.is_named_by_a_server(host) {
            return Ok(());
        }
        Err(Error::usage(format!("it is not clear that `{name}` is for the registry `{host}`"))
            .fact("named by", "the metadata of another registry, and no setting")
            .fact("reason", "hosts that differ in `.`, `-` and `:` have the same variables")
            .hint(format!(
                "if it is for this registry, write `[registry.{host:?}]` into the config file of \
                 wkg; otherwise unset {name}"
            )))
    }

    /// Returns whether only metadata names this host.
    fn is_named_by_a_server(&self, host: &str) -> bool {
        let here = |it: &Endpoint| canonical(&it.host) == host;
        let found = |it: &Discovered| it.metadata.oci_registry.as_ref().is_some_and(here);
        let asked: BTreeSet<_> = {
            let discovered = self.discovered();
            if !discovered.values().any(found) {
                return false;
            }
            discovered.keys().cloned().collect()
        };
        let mirrors = self.mirrors.iter().flatten().filter_map(|mirror| match mirror {
            ComponentMirror::Base(base) => Some(base),
            ComponentMirror::Direct => None,
        });
        let names = self.names();
        let by_user = |name: &String| !asked.contains(name) && self.hosts(name).contains(host);
        !(names.contains(host)
            || names.iter().any(by_user)
            || self.urls.values().chain(mirrors).any(here))
    }

    /// Returns the name of every registry in the settings.
    pub(super) fn names(&self) -> BTreeSet<String> {
        let config = &self.config;
        let mappings = config.packages.values().chain(config.namespaces.values());
        let mapped = mappings.map(|mapping| mapping.registry.as_str());
        let default = config.default_registry.iter().map(|(name, _)| name.as_str());
        let written = config.registries.keys().map(String::as_str).chain(mapped).chain(default);
        let mut names: BTreeSet<_> = written.map(str::to_owned).collect();
        names.extend(Metadata::known_names().map(str::to_owned));
        names.extend(self.discovered().keys().cloned());
        names
    }

    /// Returns the OCI registries that have the packages of a registry.
    pub(super) fn hosts(&self, name: &str) -> BTreeSet<String> {
        let mappings = self.config.packages.values().chain(self.config.namespaces.values());
        let written =
            mappings.filter(|it| it.registry == name).filter_map(|it| it.metadata.clone());
        let mut hosts: BTreeSet<_> = written
            .chain(self.own_metadata(name))
            .filter_map(|metadata| Some(canonical(&metadata.oci_registry?.host)))
            .collect();
        match self.url(name) {
            // A word has no other address.
            Some(url) if !is_host(name) => drop(hosts.insert(canonical(&url.host))),
            _ if hosts.is_empty() => drop(hosts.insert(name.to_owned())),
            _ => {}
        }
        hosts
    }

    /// Returns the scheme that a setting names for a host.
    fn scheme(&self, host: &str) -> Option<Scheme> {
        self.scheme_setting(host).map(|it| it.scheme)
    }

    /// Returns the setting with the scheme for a host, variables first.
    fn scheme_setting(&self, host: &str) -> Option<SchemeSetting> {
        let urls = self.urls.iter().map(|(part, url)| (url, format!("{REGISTRY}{part}_URL")));
        let mirrors = self.mirrors.iter().flatten().filter_map(|mirror| match mirror {
            ComponentMirror::Base(base) => Some((base, COMPONENT_MIRROR.to_owned())),
            ComponentMirror::Direct => None,
        });
        let entries = self.config.registries.values();
        let written = entries.filter_map(|entry| entry.mirror.as_ref());
        let written = written.map(|mirror| (&mirror.endpoint, mirror.place.clone()));
        let addresses = urls.chain(mirrors).chain(written);
        let mut by_address = addresses.filter(|(it, _)| canonical(&it.host) == host);
        let by_address = by_address.find_map(|(it, place)| {
            Some(SchemeSetting { scheme: it.scheme?, place, address: true })
        });
        by_address.or_else(|| {
            self.entries_at(host).find_map(|entry| {
                let place = entry.place.clone();
                Some(SchemeSetting { scheme: entry.scheme?, place, address: false })
            })
        })
    }

    /// Returns whether requests to a host use plain http.
    pub(super) fn speaks_http(&self, host: &str) -> bool {
        match self.scheme(host) {
            Some(scheme) => scheme == Scheme::Http,
            None => is_loopback(host),
        }
    }

    fn roots(&self, host: &str) -> Vec<String> {
        self.entries_at(host).flat_map(|entry| entry.roots.iter().cloned()).collect()
    }

    /// Returns the entries of the config file for the registries at a host, the one of that name
    /// first.
    fn entries_at(&self, host: &str) -> impl Iterator<Item = &super::config::RegistryEntry> {
        let entries = &self.config.registries;
        let own = entries.get(host).into_iter();
        let others = entries.iter().filter(move |(name, _)| *name != host);
        let host = host.to_owned();
        own.chain(others.filter(move |(name, _)| self.hosts(name).contains(&host)).map(|it| it.1))
    }
}

/// Creates a credential from a token, with the token as the password: registries like ghcr.io
/// exchange a personal access token for one of their own, and accept it in a `Basic` header. A text
/// `user:secret` has both.
fn token(text: String) -> Credential {
    match text.split_once(':') {
        Some((user, secret)) if !user.is_empty() => {
            Credential::Basic { username: user.to_owned(), password: secret.to_owned() }
        }
        _ => Credential::Basic { username: TOKEN_USER.to_owned(), password: text },
    }
}

/// Returns the variable with the secret, if a variable has it.
fn variable_of(auth: &Auth) -> Option<&str> {
    match &auth.method {
        AuthMethod::Basic { password: Secret::Variable(name), .. }
        | AuthMethod::Bearer(Secret::Variable(name))
        | AuthMethod::Token(Secret::Variable(name)) => Some(name),
        _ => None,
    }
}
