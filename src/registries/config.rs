//! The config file: wkg's `config.toml`, and the shorter dialect with `auth`, `mirror` and
//! `[overrides]`. Both may stand in one file.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::GeneralPurposeConfig;
use base64::engine::{DecodePaddingMode, GeneralPurpose};

use super::document::{Document, Node, Table};
use super::endpoint::{self, Endpoint, Scheme};
use super::metadata::{Metadata, namespace_prefix, oci_registry};
use super::named_path::NamedPath;
use crate::environment::{self as env, Environment};
use crate::error::{Context, Error, Result};
use crate::package::PackageName;
use crate::read;
use crate::regular_file;

/// A config file is some lines.
const LARGEST: u64 = 1 << 20;

/// What a config file says. Without `Debug`: it may hold passwords.
#[derive(Default)]
pub(super) struct Config {
    /// The file, if there is one.
    pub(super) path: Option<PathBuf>,
    /// The registry of namespaces that have none of their own, and where that is said.
    pub(super) default_registry: Option<(String, String)>,
    /// The registry of each namespace.
    pub(super) namespaces: BTreeMap<String, Mapping>,
    /// The registry of single packages.
    pub(super) packages: BTreeMap<PackageName, Mapping>,
    /// What is said of each registry by its name.
    pub(super) registries: BTreeMap<String, Entry>,
    /// Packages that lie in a folder or file.
    pub(super) overrides: BTreeMap<PackageName, NamedPath>,
}

/// Which registry serves something.
pub(super) struct Mapping {
    /// The registry's name.
    pub(super) registry: String,
    /// What it would say of itself, so that it need not be asked.
    pub(super) metadata: Option<Metadata>,
    /// Where this is said: `path:line`.
    pub(super) place: String,
}

/// What is said of one registry.
#[derive(Default)]
pub(super) struct Entry {
    /// Where this is said.
    pub(super) place: String,
    /// Which of several protocols to speak: `oci` or `local`.
    pub(super) default: Option<&'static str>,
    /// Whether there is a table for OCI.
    pub(super) has_oci: bool,
    /// The scheme for the OCI registry.
    pub(super) scheme: Option<Scheme>,
    /// Who asks.
    pub(super) auth: Option<Auth>,
    /// Certificate roots, as PEM texts.
    pub(super) roots: Vec<String>,
    /// The root of a folder registry.
    pub(super) local: Option<NamedPath>,
    /// What stands in for the registry.
    pub(super) mirror: Option<Mirror>,
}

/// What stands in for a registry.
pub(super) struct Mirror {
    /// Where it is.
    pub(super) endpoint: Endpoint,
    /// Whether the registry itself is asked for what the mirror does not give.
    pub(super) fallback: bool,
    /// Where this is said.
    pub(super) place: String,
}

/// Who asks, and where this is said.
pub(super) struct Auth {
    /// Who asks.
    pub(super) who: Who,
    /// Where this is said.
    pub(super) place: String,
    /// The key: `registry."ghcr.io".auth`.
    pub(super) key: String,
}

/// Who asks.
#[derive(PartialEq, Eq)]
pub(super) enum Who {
    /// A name and a password.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A token that is sent as it is.
    Bearer(Secret),
    /// A token that is changed into another one, or stands for a password.
    Token(Secret),
}

/// A secret, or the variable that holds it.
#[derive(PartialEq, Eq)]
pub(super) enum Secret {
    /// The secret itself.
    Literal(String),
    /// The name of a variable.
    Variable(String),
}

impl Config {
    /// Reads the file that `WKG_CONFIG_FILE` names, or the one in the person's folder of config
    /// files, if that is there.
    ///
    /// # Errors
    /// Usage, where a file that is named cannot be read, or a file makes no sense.
    pub(super) fn read(environment: &Environment, workspace: &Path) -> Result<Config> {
        let named = environment.get(env::WKG_CONFIG_FILE).map(|path| workspace.join(path));
        let usual = || Some(environment.config_home()?.join("wasm-pkg").join("config.toml"));
        let Some(path) = named.clone().or_else(usual) else { return Ok(Config::default()) };
        match regular_file::open(&path) {
            Ok(mut file) => {
                let bytes = read::rest(&mut file, &path, LARGEST)?;
                Config::parse(text(&bytes, &path)?, &path)
            }
            // Many write this for no file at all.
            Err(_) if path == Path::new("/dev/null") => Config::parse("", &path),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
                Ok(Config::default())
            }
            Err(error) => {
                let say = || format!("read the config file `{}`", path.display());
                let error = Err::<(), _>(error).doing(say).expect_err("it was one");
                let error = Error::usage(error.one_line());
                Err(match named {
                    Some(_) => error.hint(format!("{} names it", env::WKG_CONFIG_FILE)),
                    None => error,
                })
            }
        }
    }

    /// Reads the text of the file at `path`.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Config> {
        let document = Document::of(path, text);
        let tree = document.parse()?;
        let mut top = document.table(&tree);
        let mut config = Config { path: Some(path.to_owned()), ..Config::default() };
        if let Some(node) = top.take("default_registry") {
            config.default_registry = Some((node.parsed(registry_name)?, node.place()));
        }
        for (name, node) in entries(top.take("namespace_registries"))? {
            // A namespace is what a package's name has before its colon.
            if format!("{name}:x").parse::<PackageName>().is_err() {
                return Err(node.wrong("is no namespace such as `wasi`"));
            }
            config.namespaces.insert(name, mapping(&node)?);
        }
        for (name, node) in entries(top.take("package_registry_overrides"))? {
            config.packages.insert(package(&name, &node)?, mapping(&node)?);
        }
        for (name, node) in entries(top.take("registry"))? {
            let name = registry_name(&name)
                .map_err(|problem| node.wrong("is no registry").because(problem))?;
            if config.registries.insert(name, entry(&node)?).is_some() {
                return Err(node.wrong("is there twice: it has another spelling above"));
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

/// The text of the file at `path`.
fn text<'a>(bytes: &'a [u8], path: &Path) -> Result<&'a str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Error::usage(format!("`{}:{line}` is not UTF-8, which TOML is written in", path.display()))
    })
}

fn entries<'a>(node: Option<Node<'a>>) -> Result<Vec<(String, Node<'a>)>> {
    Ok(node
        .map(|node| node.table())
        .transpose()?
        .map(|it| it.entries().collect())
        .unwrap_or_default())
}

fn package(name: &str, node: &Node<'_>) -> Result<PackageName> {
    name.parse().map_err(|problem: String| node.wrong("is no package").because(problem))
}

/// The name of a registry: a host with an optional port, or a word.
pub(super) fn registry_name(text: &str) -> std::result::Result<String, String> {
    if text.contains("://") {
        return Err(format!("`{text}` has a scheme; write the host alone"));
    }
    if text.contains('/') {
        return Err(format!(
            "`{text}` has a path; write the host alone, and the path as `namespacePrefix` of its \
             metadata"
        ));
    }
    // As an address, a word is no host, and as a name it is one.
    let word = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if word && !text.is_empty() {
        return Ok(text.to_ascii_lowercase());
    }
    Endpoint::parse(text).map(|endpoint| endpoint::canonical(&endpoint.host))
}

/// `"wasi.dev"`, or `{ registry = "wasi.dev", metadata = { ... } }`.
fn mapping(node: &Node<'_>) -> Result<Mapping> {
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

fn metadata(node: &Node<'_>) -> Result<Metadata> {
    let mut table = node.table()?;
    let mut found = Metadata::default();
    if let Some(node) = table.take("preferredProtocol") {
        found.preferred = Some(node.word(&["oci", "local"])?.to_owned());
    }
    let mut oci = |registry: Option<Node<'_>>, prefix: Option<Node<'_>>| -> Result<()> {
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
    // The deprecated form first, so that the present one wins.
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

fn entry(node: &Node<'_>) -> Result<Entry> {
    let mut table = node.table()?;
    let mut entry = Entry { place: node.place(), ..Entry::default() };
    let default = match (table.take("default"), table.take("type")) {
        (Some(_), Some(node)) => return Err(node.wrong("says what `default` says already")),
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
        entry.mirror = Some(Mirror { endpoint, fallback, place: node.place() });
    }
    table.finish()?;
    if let (Some(node), Some("local"), None) = (&default, entry.default, &entry.local) {
        return Err(node.wrong("is `local`, and there is no `local = { root = ... }` beside it"));
    }
    Ok(entry)
}

fn oci(mut table: Table<'_>, entry: &mut Entry) -> Result<()> {
    entry.has_oci = true;
    if let Some(node) = table.take("auth") {
        if entry.auth.is_some() {
            return Err(node.wrong("is given twice: the registry has an `auth` of its own"));
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
            .wrong("would let anyone in the middle change what is fetched, and is never done")
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
            return Err(encoding.wrong("is `der`, which a text cannot hold").hint(
                "write the certificate as PEM: `openssl x509 -inform der -in ca.der -out ca.pem`",
            ));
        }
        let data = table.need("data")?;
        let pem = data.text()?;
        if !pem.contains("-----BEGIN CERTIFICATE-----") {
            return Err(data.wrong("holds no `-----BEGIN CERTIFICATE-----`"));
        }
        table.finish()?;
        entry.roots.push(pem.to_owned());
    }
    table.finish()
}

fn auth(node: &Node<'_>) -> Result<Auth> {
    let (place, key) = (node.place(), node.key().to_owned());
    if let Some(text) = node.as_text() {
        let (username, password) = pair(text).ok_or_else(|| {
            node.wrong("is a text that is not the base64 form of `user:password`")
        })?;
        let password = Secret::Literal(password);
        return Ok(Auth { who: Who::Basic { username, password }, place, key });
    }
    let mut table = node.table()?;
    let kind =
        table.take("type").map(|node| node.word(&["basic", "bearer", "token"])).transpose()?;
    let who = match kind {
        Some("bearer") => Who::Bearer(secret(node, &mut table, "token", "token_env")?),
        Some("token") => Who::Token(secret(node, &mut table, "token", "token_env")?),
        _ => Who::Basic {
            username: table.need("username")?.text()?.to_owned(),
            password: secret(node, &mut table, "password", "password_env")?,
        },
    };
    table.finish()?;
    Ok(Auth { who, place, key })
}

fn secret(
    auth: &Node<'_>,
    table: &mut Table<'_>,
    literal: &'static str,
    variable: &'static str,
) -> Result<Secret> {
    match (table.take(literal), table.take(variable)) {
        (Some(node), None) => Ok(Secret::Literal(node.text()?.to_owned())),
        (None, Some(node)) => {
            let name = node.text()?;
            let sound = |c: char| c.is_ascii_alphanumeric() || c == '_';
            // The secret itself may have been written here, so it is not repeated.
            if !name.chars().all(sound) || name.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(node.wrong("must be the name of a variable, not a secret"));
            }
            Ok(Secret::Variable(name.to_owned()))
        }
        (Some(_), Some(node)) => Err(node.wrong(&format!("says what `{literal}` says already"))),
        // One of them may be misspelt.
        (None, None) => Err(table
            .check()
            .err()
            .unwrap_or_else(|| auth.wrong(&format!("has neither `{literal}` nor `{variable}`")))),
    }
}

/// Reads the base64 form of `user:password`, with or without its padding.
pub(super) fn pair(text: &str) -> Option<(String, String)> {
    let engine = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let text = String::from_utf8(engine.decode(text.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    // Docker's own files have been seen with zeros at the end.
    Some((user.to_owned(), password.trim_end_matches('\0').to_owned()))
}

#[cfg(test)]
mod tests;
