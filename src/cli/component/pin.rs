//! `component pin`: the digests of a component, the lines that use them, and its entry in a
//! checksum registry.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::pin::moved;
use crate::cli::{Context, selection};
use airgap_core::bounded;
use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::path_component::PathComponent;
use airgap_core::quantity::megabytes;
use airgap_core::read;
use airgap_core::report;
use airgap_core::rooted::RootedPath;
use airgap_core::store;
use airgap_core::store::Scratch;
use airgap_core::workspace::Workspace;
use airgap_vendor::catalog::{COMPONENTS_FILE, ComponentCatalog, SCHEMA_VERSION};
use airgap_vendor::kinds::component::{Components, Fetched, Purpose, WantedComponent};
use airgap_wit::Component;

/// Print the digests of a component, and add it to a checksum registry.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap component pin ghcr.io/my-org/auth-service:v1.2.0 --registry checksums/components

Compare the printed digests with those that its makers publish: all later checks rely on them.")]
pub(in crate::cli) struct PinArgs {
    /// HOST/REPOSITORY:TAG or HOST/REPOSITORY@sha256:DIGEST
    reference: String,
    /// The digest that the component must have
    #[arg(long, value_name = "sha256:HEX")]
    digest: Option<Digest>,
    /// The folder of a checksum registry, or the component's file in it; created if it does not
    /// exist
    #[arg(long, value_name = "FILE-OR-DIR")]
    registry: Option<PathBuf>,
    /// The component's name [default: the last part of its repository]
    #[arg(long, value_name = "NAME")]
    name: Option<PathComponent>,
    /// Its version in the registry [default: the tag, without a `v` before a number]
    #[arg(long, value_name = "VERSION")]
    version: Option<PathComponent>,
    /// Replace the existing entry for this version
    #[arg(long, requires = "registry")]
    update: bool,
}

/// A component whose digests are known.
struct Seen {
    wanted: WantedComponent,
    content: Digest,
    manifest: Option<Digest>,
    size: u64,
    component: Component,
}

pub(super) fn run(args: &PinArgs, context: &Context) -> Result<()> {
    let catalog = selection::component_catalog(std::iter::empty())?;
    let wanted =
        WantedComponent::parse(&args.reference, args.name.as_ref(), args.digest, &catalog)?;
    // The place of the entry is found before any download.
    let entry = args
        .registry
        .as_deref()
        .map(|it| EntryLocation::new(it, &wanted, args, context))
        .transpose()?;
    let components = Components::new(context.policy()?, &context.environment)?;
    let seen = Seen::fetch(wanted, &components, context)?;
    if let Some(entry) = &entry {
        entry.add(&seen, args.update)?;
    }
    tell(&seen, entry.as_ref(), context)
}

impl Seen {
    fn fetch(wanted: WantedComponent, components: &Components, context: &Context) -> Result<Seen> {
        let folder = Scratch::new()?;
        let path = folder.path().join("component.wasm");
        let Fetched { file, manifest, .. } = components.fetch(
            &wanted,
            &RootedPath::beside(&path),
            Purpose::Look,
            &context.report,
        )?;
        let component = Component::read(file.reader()?, &format!("`{}`", wanted.words))?;
        let manifest = manifest.map(|it| *it.digest());
        Ok(Seen { wanted, content: *file.digest(), manifest, size: file.size(), component })
    }

    /// Returns whether this is the digest of its content or of its manifest.
    fn is(&self, digest: &str) -> bool {
        let digest = digest.parse().ok();
        digest.is_some() && (digest == Some(self.content) || digest == self.manifest)
    }

    /// Returns the lines that pin it in MODULE.bazel.
    fn module_lines(&self, workspace: &Workspace) -> String {
        let WantedComponent { name, reference, .. } = &self.wanted;
        let reference =
            reference.as_ref().map(|it| without_digest(&it.to_string())).unwrap_or_default();
        let name = target(name);
        format!(
            "components = use_extension(\"{}\", \"wasm_components\")\n\
             components.oci(\n    name = \"{name}\",\n    digest = \"sha256:{}\",\n    \
             reference = \"{reference}\",\n)\nuse_repo(components, \"{name}\")\n",
            workspace.label("//bazel:components.bzl"),
            self.content
        )
    }

    /// Returns the lines that pin it in a BUILD file.
    fn build_lines(&self, workspace: &Workspace) -> String {
        let WantedComponent { name, reference, .. } = &self.wanted;
        let mut lines = format!(
            "load(\"{}\", \"wasm_component_from_oci\")\n\n\
             wasm_component_from_oci(\n    name = \"{}\",\n",
            workspace.label("//wkg:defs.bzl"),
            target(name)
        );
        if let Some(reference) = reference {
            let repository = reference.repository().name();
            let (namespace, last) = repository.rsplit_once('/').unwrap_or(("", repository));
            lines.push_str(&format!("    component_name = \"{last}\",\n"));
            lines.push_str(&format!("    digest = \"sha256:{}\",\n", self.content));
            if !namespace.is_empty() {
                lines.push_str(&format!("    namespace = \"{namespace}\",\n"));
            }
            lines.push_str(&format!("    registry = \"{}\",\n", reference.registry()));
        }
        lines + ")\n"
    }
}

/// Returns a reference without its digest.
fn without_digest(reference: &str) -> String {
    reference.split('@').next().unwrap_or(reference).to_owned()
}

/// Returns a target's name in the usual spelling.
fn target(name: &PathComponent) -> String {
    name.as_str().replace(['-', '.'], "_")
}

fn tell(seen: &Seen, entry: Option<&EntryLocation>, context: &Context) -> Result<()> {
    let Seen { wanted, content, manifest, size, component } = seen;
    let manifest = manifest.map(|it| format!("sha256:{it}"));
    let world = component.world();
    let (module, build) =
        (seen.module_lines(&context.workspace), seen.build_lines(&context.workspace));
    if context.report.is_json() {
        return context.report.json(&json!({
            "reference": wanted.words, "name": wanted.name, "size": size,
            "content": format!("sha256:{content}"), "manifest": manifest, "wit_world": world,
            "imports": component.imports, "exports": component.exports,
            "module": module, "build": build,
            "registry": entry.map(|it| &it.file),
        }));
    }
    let manifest =
        manifest.unwrap_or_else(|| "unknown: the digest is that of the content".to_owned());
    let mut text =
        format!("{}\n  manifest  {manifest}\n  content   sha256:{content}\n", wanted.words);
    text.push_str(&format!("  size      {}\n", megabytes(*size)));
    if let Some(world) = world {
        text.push_str(&format!("  world     {world}\n"));
    }
    text.push_str(&format!("\nin MODULE.bazel:\n\n{module}"));
    text.push_str(&format!("\nor in a BUILD file:\n\n{build}"));
    context.report.data(&text)?;
    if let Some(entry) = entry {
        context.report.say(&format!(
            "{}@{} is in {} and {}",
            entry.name,
            entry.version,
            entry.file.display(),
            entry.index.display()
        ));
    }
    Ok(())
}

/// The place of an entry in the checksum registry.
struct EntryLocation {
    name: PathComponent,
    version: PathComponent,
    file: PathBuf,
    index: PathBuf,
}

impl EntryLocation {
    fn new(
        registry: &Path,
        wanted: &WantedComponent,
        args: &PinArgs,
        context: &Context,
    ) -> Result<EntryLocation> {
        let path = context.path(registry);
        let named =
            path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        let folder = match named.ends_with(".json") {
            true => path.parent().map(Path::to_owned).unwrap_or_default(),
            false => path.clone(),
        };
        let index = folder.join(COMPONENTS_FILE);
        let own = folder.join(format!("{}.json", wanted.name));
        let file = if named.ends_with(".json") && path != index { path } else { own };
        if file == index {
            return Err(Error::usage(format!(
                "a component cannot have the name `{}`",
                wanted.name
            ))
            .fact(
                "because",
                format!(
                    "`{COMPONENTS_FILE}` is the list of all components \
                components"
                ),
            )
            .hint("give it another name with `--name`"));
        }
        let version = match (&args.version, &wanted.version) {
            (Some(version), _) => version.clone(),
            (None, Some(tag)) => plain(tag).parse().map_err(Error::usage)?,
            (None, None) => {
                return Err(Error::usage(format!("`{}` does not contain a version", wanted.words))
                    .hint("pass it with `--version`"));
            }
        };
        Ok(EntryLocation { name: wanted.name.clone(), version, file, index })
    }

    /// Writes the component's file, and then its entry in the list.
    fn add(&self, seen: &Seen, update: bool) -> Result<()> {
        let file = store::through_link(&self.file)?;
        store::change(&file, read::LIMIT, |old| self.component_file(old, seen, update))?;
        let index = store::through_link(&self.index)?;
        store::change(&index, read::LIMIT, |old| self.index_file(old))
    }

    fn component_file(&self, old: Option<&[u8]>, seen: &Seen, update: bool) -> Result<Vec<u8>> {
        let mut file = object(old, &self.file)?;
        match file.get("component_name").and_then(Value::as_str) {
            Some(other) if other != self.name.as_str() => {
                return Err(Error::usage("a registry file describes one component")
                    .fact("expected", other)
                    .fact("found", &self.name)
                    .hint("name another file with `--registry`"));
            }
            _ => {}
        }
        file.entry("schema_version").or_insert_with(|| json!(SCHEMA_VERSION));
        file.entry("component_name").or_insert_with(|| json!(self.name));
        let reference = seen.wanted.reference.as_ref();
        let repository = reference.map(|it| it.repository().to_string());
        let common = file.entry("reference").or_insert_with(|| json!(repository)).clone();
        let mut version = json!({"digest": format!("sha256:{}", seen.content)});
        if let Some(manifest) = seen.manifest {
            version["manifest_digest"] = json!(format!("sha256:{manifest}"));
        }
        if json!(repository) != common {
            version["reference"] = json!(repository);
        }
        if let Some(world) = seen.component.world() {
            version["wit_world"] = json!(world);
        }
        let versions = file.entry("versions").or_insert_with(|| json!({}));
        if let Some(versions) = versions.as_object_mut() {
            let pinned = versions.get(self.version.as_str()).and_then(|it| it["digest"].as_str());
            if let Some(pinned) = pinned.filter(|it| !seen.is(it) && !update) {
                let label = format!("{}@{}", self.name, self.version);
                return Err(moved(&label, pinned, &seen.content));
            }
            versions.insert(self.version.to_string(), version);
        }
        let text = text(file)?;
        // The written text must be valid for the reader.
        ComponentCatalog::default().add(&text, &self.file.display().to_string())?;
        Ok(text.into_bytes())
    }

    fn index_file(&self, old: Option<&[u8]>) -> Result<Vec<u8>> {
        let mut index = object(old, &self.index)?;
        index.entry("schema_version").or_insert_with(|| json!(SCHEMA_VERSION));
        let components = index.entry("components").or_insert_with(|| json!({}));
        let filename = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(components) = components.as_object_mut() else {
            return Err(Error::usage(format!("`{}` lists no components", self.index.display())));
        };
        components.insert(self.name.to_string(), json!({"file": filename}));
        components.sort_keys();
        text(index).map(String::into_bytes)
    }
}

/// Returns the version in a tag: `v1.2.0` is the version 1.2.0.
fn plain(tag: &str) -> &str {
    match tag.strip_prefix('v') {
        Some(version) if version.starts_with(|c: char| c.is_ascii_digit()) => version,
        _ => tag,
    }
}

/// Returns the object in a file; an empty one if there is no file.
fn object(bytes: Option<&[u8]>, path: &Path) -> Result<Map<String, Value>> {
    let Some(bytes) = bytes else { return Ok(Map::new()) };
    bounded::json(bytes).map_err(|error| {
        Error::usage(format!("`{}` is not a registry file", path.display())).because(error)
    })
}

fn text(file: Map<String, Value>) -> Result<String> {
    report::json_file(&file)
        .map_err(|error| Error::usage("cannot write a registry file").because(error))
}
