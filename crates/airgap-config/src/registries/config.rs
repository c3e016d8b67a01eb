//! The config file: wkg's `config.toml`, and the shorter dialect with `auth`, `mirror` and
//! `[overrides]`. One file may have both.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::document::{Document, Table, TomlNode};
use super::endpoint::{self, Endpoint, Scheme};
use super::metadata::{Metadata, namespace_prefix, oci_registry};
use super::named_path::NamedPath;
use airgap_core::credentials::pair;
use airgap_core::environment::{self as env, Environment};
use airgap_core::error::{Context, Error, Result};
use airgap_core::package::PackageName;
use airgap_core::read;
use airgap_core::regular_file;
use airgap_core::wrong_content;

/// The largest config file in bytes.
const LARGEST: u64 = 1 << 20;

/// The settings of a config file. Without `Debug`, because it may contain passwords.
#[derive(Default)]
pub(super) struct Config {
    /// The file, if there is one.
    pub(super) path: Option<PathBuf>,
    /// The registry of namespaces without one of their own, and the place of the setting.
    pub(super) default_registry: Option<(String, String)>,
    /// The registry of each namespace.
    pub(super) namespaces: BTreeMap<String, Mapping>,
    /// The registry of single packages.
    pub(super) packages: BTreeMap<PackageName, Mapping>,
    /// The settings of each registry by its name.
    pub(super) registries: BTreeMap<String, RegistryEntry>,
    /// Packages that are in a folder or file.
    pub(super) overrides: BTreeMap<PackageName, NamedPath>,
}

/// The registry of a namespace or package.
pub(super) struct Mapping {
    /// The name of the registry.
    pub(super) registry: String,
    /// The metadata of the registry, so that it need not be asked.
    pub(super) metadata: Option<Metadata>,
    /// The place of the setting: `path:line`.
    pub(super) place: String,
}

/// The settings of one registry.
#[derive(Default)]
pub(super) struct RegistryEntry {
    /// The place of the settings.
    pub(super) place: String,
    /// The protocol to use if there are several: `oci` or `local`.
    pub(super) default: Option<&'static str>,
    /// Whether there is a table for OCI.
    pub(super) has_oci: bool,
    /// The scheme for the OCI registry.
    pub(super) scheme: Option<Scheme>,
    /// The credential.
    pub(super) auth: Option<Auth>,
    /// Certificate roots, as PEM texts.
    pub(super) roots: Vec<String>,
    /// The root of a folder registry.
    pub(super) local: Option<NamedPath>,
    /// The mirror of the registry.
    pub(super) mirror: Option<RegistryMirror>,
}

/// A mirror of a registry.
pub(super) struct RegistryMirror {
    /// The address of the mirror.
    pub(super) endpoint: Endpoint,
    /// Whether the registry itself is asked for content that the mirror does not have.
    pub(super) fallback: bool,
    /// The place of the setting.
    pub(super) place: String,
}

/// A credential and the place of its setting.
pub(super) struct Auth {
    /// The credential.
    pub(super) method: AuthMethod,
    /// The place of the setting.
    pub(super) place: String,
    /// The key: `registry."ghcr.io".auth`.
    pub(super) key: String,
}

/// A credential in the config file.
#[derive(PartialEq, Eq)]
pub(super) enum AuthMethod {
    /// A name and a password.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A token that is sent as it is.
    Bearer(Secret),
    /// A token that is exchanged for another one, or is sent as a password.
    Token(Secret),
}

/// A secret, or the variable that contains it.
#[derive(PartialEq, Eq)]
pub(super) enum Secret {
    /// The secret itself.
    Literal(String),
    /// The name of a variable.
    Variable(String),
}

impl Config {
    /// Reads the file that `WKG_CONFIG_FILE` names, or the one in the user's config folder, if it
    /// is there.
    ///
    /// # Errors
    /// Usage, if a named file cannot be read, or a file is invalid.
    pub(super) fn read(environment: &Environment, workspace: &Path) -> Result<Config> {
        let named = environment.get(env::WKG_CONFIG_FILE).map(|path| workspace.join(path));
        let usual = || Some(environment.config_home()?.join("wasm-pkg").join("config.toml"));
        let Some(path) = named.clone().or_else(usual) else { return Ok(Config::default()) };
        match regular_file::open(&path) {
            Ok(mut file) => {
                let bytes = read::rest(&mut file, &path, LARGEST)?;
                Config::parse(text(&bytes, &path)?, &path)
            }
            // Many users set this to mean no file at all.
            Err(_) if path == Path::new("/dev/null") => Config::parse("", &path),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
                Ok(Config::default())
            }
            Err(error) => {
                let say = || format!("read the config file `{}`", path.display());
                let error = Err::<(), _>(error).doing(say).expect_err("the result is an error");
                let error = Error::usage(error.one_line());
                Err(match named {
                    Some(_) => error.hint(format!(
                        "{} names it: correct the path, or unset the variable",
                        env::WKG_CONFIG_FILE
                    )),
                    None => error,
                })
            }
        }
    }

    /// Parses the text of the file at `path`.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Config> {
        let document = Document::new(path, text);
        let tree = document.parse()?;
        let mut top = document.table(&tree);
        let mut config = Config { path: Some(path.to_owned()), ..Config::default() };
        if let Some(node) = top.take("default_registry") {
            config.default_registry = Some((node.parsed(registry_name)?, node.place()));
        }
        for (name, node) in entries(top.take("namespace_registries"))? {
            // A namespace is the part of the name of a package before its colon.
            if format!("{name}:x").parse::<PackageName>().is_err() {
                return Err(node.wrong("is not a namespace such as `wasi`"));
            }
            config.namespaces.insert(name, mapping(&node)?);
        }
        for (name, node) in entries(top.take("package_registry_overrides"))? {
            config.packages.insert(package(&name, &node)?, mapping(&node)?);
        }
        for (name, node) in entries(top.take("registry"))? {
            let name = registry_name(&name)
                .map_err(|problem| node.wrong("is not a registry").because(problem))?;
            if config.registries.insert(name, entry(&node)?).is_some() {
                return Err(node.wrong("occurs twice: it is also above, in another spelling"));
            }
        }
        for (name, node) in entries(top.take("overrides"))? {
            let mut table = node.table()?;
            let path = table.need("path")?.path(false)?;
            table.finish()?;
            config.overrides.insert(package(&name, &node)?, path);
        }
        top.finish()?;
        Ok(config)
    }
}

/// Returns the text of the file at `path`.
fn text<'a>(bytes: &'a [u8], path: &Path) -> Result<&'a str> {
    wrong_content::refuse_page(bytes, path.display())?;
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let path = path.display();
        let wrong = Error::usage(format!("`{path}:{line}` is not UTF-8, the encoding of TOML"));
        wrong_content::explain_utf16(wrong, bytes, path)
    })
}

fn entries<'a>(node: Option<TomlNode<'a>>) -> Result<Vec<(String, TomlNode<'a>)>> {
    Ok(node
        .map(|node| node.table())
        .transpose()?
        .map(|it| it.entries().collect())
        .unwrap_or_default())
}

fn package(name: &str, node: &TomlNode<'_>) -> Result<PackageName> {
    name.parse().map_err(|problem: String| node.wrong("is not a package").because(problem))
}

/// Parses the name of a registry: a host with an optional port, or a word.
pub(super) fn registry_name(text: &str) -> std::result::Result<String, String> {
    let shown = airgap_oci::shown(text);
    if text.contains("://") {
        return Err(format!("`{shown}` has a scheme; write the host alone"));
    }
    if text.contains('/') {
        return Err(format!(
            "`{shown}` has a path; write the host alone, and the path as `namespacePrefix` of its \
             metadata"
        ));
    }
    // A word is not a host in an address, but is valid as a name.
    let word = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if word && !text.is_empty() {
        return Ok(text.to_ascii_lowercase());
    }
    Endpoint::parse(text).map(|endpoint| endpoint::canonical(&endpoint.host))
}

/// Parses `"wasi.dev"`, or `{ registry = "wasi.dev", metadata = { ... } }`.
fn mapping(node: &TomlNode<'_>) -> Result<Mapping> {
    let place = node.place();
    if node.as_text().is_some() {
        return Ok(Mapping { registry: node.parsed(registry_name)?, metadata: None, place });
    }
    let mut table = node.table()?;
    let registry = table.need("registry")?.parsed(registry_name)?;
    let metadata = table.take("metadata").map(|node| metadata(&node)).transpose()?;
    table.finish()?;
    Ok(Mapping { registry, metadata, place })
}

fn metadata(node: &TomlNode<'_>) -> Result<Metadata> {
    let mut table = node.table()?;
    let mut found = Metadata::default();
    if let Some(node) = table.take("preferredProtocol") {
        found.preferred = Some(node.word(&["oci", "local"])?.to_owned());
    }
    let mut oci = |registry: Option<TomlNode<'_>>, prefix: Option<TomlNode<'_>>| -> Result<()> {
        if let Some(node) = registry {
            found.oci_registry = Some(node.parsed(oci_registry)?);
        }
        if let Some(node) = prefix {
            found.prefix = match node.as_text() {
                Some("") => String::new(),
                _ => node.parsed(namespace_prefix)?,
            };
        }
        found.has_oci = true;
        Ok(())
    };
    // The deprecated form comes first, so that the current one overrides it.
    let (registry, prefix) = (table.take("ociRegistry"), table.take("ociNamespacePrefix"));
    if registry.is_some() || prefix.is_some() {
        oci(registry, prefix)?;
    }
    if let Some(node) = table.take("oci") {
        let mut table = node.table()?;
        oci(table.take("registry"), table.take("namespacePrefix"))?;
        table.finish()?;
    }
    table.finish()?;
    Ok(found)
}

fn entry(node: &TomlNode<'_>) -> Result<RegistryEntry> {
    let mut table = node.table()?;
    let mut entry = RegistryEntry { place: node.place(), ..RegistryEntry::default() };
    let default = match (table.take("default"), table.take("type")) {
        (Some(_), Some(node)) => return Err(node.wrong("repeats `default`")),
        (default, kind) => default.or(kind),
    };
    if let Some(node) = &default {
        entry.default = Some(node.word(&["oci", "local"])?);
    }
    entry.auth = table.take("auth").map(|node| auth(&node)).transpose()?;
    if let Some(node) = table.take("oci") {
        oci(node.table()?, &mut entry)?;
    }
    if let Some(node) = table.take("local") {
        let mut table = node.table()?;
        entry.local = Some(table.need("root")?.path(true)?);
        table.finish()?;
    }
    if let Some(node) = table.take("mirror") {
        let mut table = node.table()?;
        let endpoint = table.need("url")?.parsed(Endpoint::parse)?;
        let fallback = table.take("fallback").map(|node| node.flag()).transpose()?;
        table.finish()?;
        let fallback = fallback.unwrap_or(false);
        entry.mirror = Some(RegistryMirror { endpoint, fallback, place: node.place() });
    }
    table.finish()?;
    if let (Some(node), Some("local"), None) = (&default, entry.default, &entry.local) {
        return Err(node.wrong("is `local`, but `local = { root = ... }` is missing beside it"));
    }
    Ok(entry)
}

fn oci(mut table: Table<'_>, entry: &mut RegistryEntry) -> Result<()> {
    entry.has_oci = true;
    if let Some(node) = table.take("auth") {
        if entry.auth.is_some() {
            return Err(node.wrong("is given twice: the registry also has its own `auth`"));
        }
        entry.auth = Some(auth(&node)?);
    }
    if let Some(node) = table.take("protocol") {
        let http = node.word(&["http", "https"])? == "http";
        entry.scheme = Some(if http { Scheme::Http } else { Scheme::Https });
    }
    if let Some(node) = table.take("accept_invalid_certificates")
        && node.flag()?
    {
        return Err(node
            .wrong(
                "is not supported: it would let anyone between this machine and the server change \
                 the files",
            )
            .hint(
                "trust the server's own authority instead: put its certificate into \
                 `extra_root_certificates`, or into the file that SSL_CERT_FILE names",
            ));
    }
    for node in
        table.take("extra_root_certificates").map(|it| it.list()).transpose()?.unwrap_or_default()
    {
        let mut table = node.table()?;
        let encoding = table.need("encoding")?;
        if encoding.word(&["pem", "der"])? == "der" {
            return Err(encoding.wrong("is `der`, which is not a text").hint(
                "write the certificate as PEM: `openssl x509 -inform der -in ca.der -out ca.pem`",
            ));
        }
        let data = table.need("data")?;
        let pem = data.text()?;
        if !pem.contains("-----BEGIN CERTIFICATE-----") {
            return Err(data.wrong("does not contain `-----BEGIN CERTIFICATE-----`"));
        }
        table.finish()?;
        entry.roots.push(pem.to_owned());
    }
    table.finish()
}

fn auth(node: &TomlNode<'_>) -> Result<Auth> {
    let (place, key) = (node.place(), node.key().to_owned());
    if let Some(text) = node.as_text() {
        let (username, password) = pair(text).ok_or_else(|| {
            node.wrong("is a text that is not the base64 form of `user:password`")
        })?;
        let password = Secret::Literal(password);
        return Ok(Auth { method: AuthMethod::Basic { username, password }, place, key });
    }
    let mut table = node.table()?;
    let kind =
        table.take("type").map(|node| node.word(&["basic", "bearer", "token"])).transpose()?;
    let method = match kind {
        Some("bearer") => AuthMethod::Bearer(secret(node, &mut table, "token", "token_env")?),
        Some("token") => AuthMethod::Token(secret(node, &mut table, "token", "token_env")?),
        _ => AuthMethod::Basic {
            username: table.need("username")?.text()?.to_owned(),
            password: secret(node, &mut table, "password", "password_env")?,
        },
    };
    table.finish()?;
    Ok(Auth { method, place, key })
}

fn secret(
    auth: &TomlNode<'_>,
    table: &mut Table<'_>,
    literal: &'static str,
    variable: &'static str,
) -> Result<Secret> {
    match (table.take(literal), table.take(variable)) {
        (Some(node), None) => Ok(Secret::Literal(node.text()?.to_owned())),
        (None, Some(node)) => {
            let name = node.text()?;
            let sound = |c: char| c.is_ascii_alphanumeric() || c == '_';
            // The user may have written the secret itself here, so it is not repeated.
            if !name.chars().all(sound) || name.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(node.wrong("must be the name of a variable, not a secret"));
            }
            Ok(Secret::Variable(name.to_owned()))
        }
        (Some(_), Some(node)) => Err(node.wrong(&format!("repeats `{literal}`"))),
        // One of the keys may be misspelt.
        (None, None) => Err(table
            .check()
            .err()
            .unwrap_or_else(|| auth.wrong(&format!("has neither `{literal}` nor `{variable}`")))),
    }
}

#[cfg(test)]
mod tests;
