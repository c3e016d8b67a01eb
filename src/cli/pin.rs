//! `toolchain pin`: registry entries for release files.

use serde_json::{Map, Value, json};

use super::{Context, PinArgs};
use airgap_archive as extract;
use airgap_core::artifact::{ArchiveType, AssetUrl};
use airgap_core::bounded;
use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::quantity::megabytes;
use airgap_core::read;
use airgap_core::report;
use airgap_core::store;
use airgap_core::version;
use airgap_http::{Client, Measured};
use airgap_vendor::catalog::{SCHEMA_VERSION, Tool, ToolCatalog};
use airgap_vendor::guess::Guess;

pub(super) fn run(args: &PinArgs, context: &Context) -> Result<()> {
    let policy = context.policy()?;
    let client = Client::new(policy.network(|| "pin files of upstream".to_owned())?)?;
    let catalog = ToolCatalog::builtin()?;
    let path = args.registry.as_deref().map(|path| context.path(path));
    let path = path.map(|path| store::through_link(&path)).transpose()?;
    if let Some(path) = &path {
        parse(read::rooted_bytes(path, read::LIMIT)?.as_deref(), &path.to_string())?;
    }
    let mut pins = Vec::new();
    for url in &args.urls {
        let mut entry = AssetIdentity::new(url, args, &catalog)?;
        let item = context.report.item(url.as_str());
        let Measured { digest, size, beginning } = client.inspect(&policy.upstream(url), &item)?;
        drop(item);
        entry.recognize(&beginning, context)?;
        let label = format!("{} {} ({})", entry.tool, entry.version, entry.platform);
        context.report.say(&format!("{label}: sha256 {digest}, {}", megabytes(size)));
        pins.push((entry, digest));
    }
    let with_pins = |old: Option<&[u8]>, name: &str| -> Result<String> {
        let mut file = parse(old, name)?;
        for (entry, digest) in &pins {
            entry.add_to(&mut file, digest, args)?;
        }
        let text = report::json_file(&file)
            .map_err(|error| Error::usage("cannot write a registry file").because(error))?;
        // The new text must pass the reader's checks before a file is replaced.
        Tool::parse(&text, "the new registry file")?;
        Ok(text)
    };
    match path {
        Some(path) => store::change(&path, read::LIMIT, |old| {
            with_pins(old, &path.to_string()).map(String::into_bytes)
        }),
        None => context.report.content(&with_pins(None, "")?),
    }
}

/// Returns the registry file with this content; an empty one if there is no file.
fn parse(bytes: Option<&[u8]>, name: &str) -> Result<Map<String, Value>> {
    let Some(bytes) = bytes else { return Ok(Map::new()) };
    Tool::parse(&String::from_utf8_lossy(bytes), name)?;
    bounded::json(bytes)
        .map_err(|error| Error::usage(format!("`{name}` is not a registry file")).because(error))
}

/// The identity of a file, from the flags or else from its address.
struct AssetIdentity {
    tool: String,
    version: String,
    platform: String,
    url: AssetUrl,
    archive: ArchiveType,
}

impl AssetIdentity {
    fn new(url: &str, args: &PinArgs, catalog: &ToolCatalog) -> Result<AssetIdentity> {
        let guess = Guess::of(url, catalog);
        let missing = |what: &str| {
            Error::usage(format!("the URL `{url}` does not contain the {what}"))
                .hint(format!("pass it with `--{what}`"))
        };
        let tool = args.tool.as_ref().map(ToString::to_string).or(guess.tool);
        let version = args.version.as_ref().map(ToString::to_string).or(guess.version);
        let platform = args.platform.or(guess.platform);
        let url: AssetUrl = url.parse().map_err(Error::usage)?;
        let archive = ArchiveType::from_filename(url.filename().as_str());
        Ok(AssetIdentity {
            tool: tool.ok_or_else(|| missing("tool"))?,
            version: version.ok_or_else(|| missing("version"))?,
            platform: platform.ok_or_else(|| missing("platform"))?.to_string(),
            url,
            archive,
        })
    }

    /// Checks the first bytes of the file, because its name may give a wrong type.
    fn recognize(&mut self, beginning: &[u8], context: &Context) -> Result<()> {
        if self.archive == ArchiveType::Binary {
            return Ok(());
        }
        let (url, named) = (self.url.as_str(), self.archive);
        match extract::archive_of(beginning, url)? {
            Some(found) if found != named => {
                context.report.warn(&format!("`{url}` is a {found}; its name says {named}"));
                self.archive = found;
            }
            Some(_) => {}
            // A zip may start with a program that unpacks it.
            None if named == ArchiveType::Zip => {}
            None => context.report.warn(&format!(
                "`{url}` does not start like a {named}; inspect it before you rely on this pin"
            )),
        }
        Ok(())
    }

    fn add_to(&self, file: &mut Map<String, Value>, digest: &Digest, args: &PinArgs) -> Result<()> {
        match file.get("tool").and_then(Value::as_str) {
            Some(other) if other != self.tool => {
                return Err(Error::usage("a registry file describes one tool")
                    .fact("expected", other)
                    .fact("found", &self.tool)
                    .hint("name another file with `--registry`"));
            }
            Some(_) => {}
            None => {
                file.insert("schema_version".to_owned(), json!(SCHEMA_VERSION));
                file.insert("tool".to_owned(), json!(self.tool));
            }
        }
        if !args.executables.is_empty() {
            file.insert("executables".to_owned(), json!(args.executables));
        }
        let newer = match file.get("latest").and_then(Value::as_str) {
            Some(latest) => version::compare(latest, &self.version).is_lt(),
            None => true,
        };
        if newer {
            file.insert("latest".to_owned(), json!(self.version));
        }
        let versions = object(file, "versions");
        let asset = object(object(versions, &self.version), &self.platform);
        let pinned = asset.get("sha256").and_then(Value::as_str);
        if let Some(pinned) = pinned.filter(|it| **it != digest.to_string() && !args.update) {
            let label = format!("{} {} ({})", self.tool, self.version, self.platform);
            return Err(moved(&label, pinned, digest));
        }
        // A user's fields in the entry stay, such as a prefix to strip.
        asset.insert("url".to_owned(), json!(self.url));
        asset.insert("sha256".to_owned(), json!(digest));
        asset.insert("archive".to_owned(), json!(self.archive));
        Ok(())
    }
}

/// Returns the error for pinned content that has changed, which a pin must detect.
pub(super) fn moved(what: &str, pinned: &str, found: &Digest) -> Error {
    let pinned = pinned.strip_prefix("sha256:").unwrap_or(pinned);
    Error::integrity(format!("{what} is already pinned, and its bytes have changed"))
        .fact("expected", format!("sha256:{pinned}"))
        .fact("found", format!("sha256:{found}"))
        .hint("find out why it changed; then replace the pin with `--update`")
}

fn object<'a>(parent: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let value = parent.entry(key).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("it was made an object above"),
    }
}
