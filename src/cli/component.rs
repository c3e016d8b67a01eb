//! `component`: one component, pulled, checked or pinned.

mod pin;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{Context, selection};
use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::path_component::PathComponent;
use airgap_core::quantity::megabytes;
use airgap_core::rooted::RootedPath;
use airgap_core::shell;
use airgap_core::store;
use airgap_core::user_path;
use airgap_vendor::catalog::ComponentCatalog;
use airgap_vendor::kinds::component::{
    Components, Fetched, Named, Pin, Purpose, WantedComponent, check, manifest_of, unpinned,
    wasm_name,
};
use airgap_vendor::plan::IN_ACTION;

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(super) enum ComponentCommand {
    /// Pull a component from a vendor folder, a mirror or its registry, and check it
    Pull(PullArgs),
    /// Print the digests of a component, and add it to a checksum registry
    Pin(pin::PinArgs),
    /// Fetch a component for a rule
    #[command(hide = true)]
    Fetch(FetchArgs),
    /// Check a vendored component for a rule
    #[command(hide = true)]
    Check(CheckArgs),
}

/// Pull a component from a vendor folder, a mirror or its registry, and check it.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap component pull ghcr.io/my-org/auth-service:v1.2.0 -o auth-service.wasm

The digest is that of the content (the SHA-256 of the file) or that of the manifest.")]
pub(super) struct PullArgs {
    /// HOST/REPOSITORY:TAG, HOST/REPOSITORY@sha256:DIGEST, or NAME@VERSION in a checksum registry
    reference: String,
    /// The output file, relative to the workspace root under `bazel run`, else to the current
    /// folder
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The name of its file in vendor folders [default: the last part of its repository]
    #[arg(long, value_name = "NAME")]
    name: Option<PathComponent>,
    /// The digest that the component must have
    #[arg(long, value_name = "sha256:HEX")]
    digest: Option<Digest>,
    /// Your own checksum registry file; may be repeated
    #[arg(long = "registry", value_name = "FILE")]
    registries: Vec<PathBuf>,
}

/// Fetch a component for a rule.
#[derive(Args, Debug)]
pub(super) struct FetchArgs {
    /// The output file, relative to the current folder
    out: PathBuf,
    /// The component
    #[arg(long, value_name = "REFERENCE")]
    reference: String,
    /// The name of its file in vendor folders [default: the last part of its repository]
    #[arg(long, value_name = "NAME")]
    name: Option<PathComponent>,
    /// The digest that the component must have
    #[arg(long, value_name = "sha256:HEX")]
    digest: Option<Digest>,
    /// A checksum registry file, relative to the current folder; may be repeated
    #[arg(long = "registry", value_name = "FILE")]
    registries: Vec<PathBuf>,
    /// The workspace root, to which relative folders are relative
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
}

/// Check a vendored component for a rule.
#[derive(Args, Debug)]
pub(super) struct CheckArgs {
    /// The vendored file, relative to the current folder
    file: PathBuf,
    /// The file for a copy of it
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The digest that the component must have
    #[arg(long, value_name = "sha256:HEX")]
    digest: Option<Digest>,
    /// Its manifest, if the pin is the digest of a manifest [default: NAME.manifest.json beside it]
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// A checksum registry file, to identify a wrong file in messages; may be repeated
    #[arg(long = "registry", value_name = "FILE")]
    registries: Vec<PathBuf>,
}

pub(super) fn run(command: &ComponentCommand, context: &Context) -> Result<()> {
    match command {
        ComponentCommand::Pull(args) => pull(args, context),
        ComponentCommand::Pin(args) => pin::run(args, context),
        ComponentCommand::Fetch(args) => fetch(args, context),
        ComponentCommand::Check(args) => check_file(args, context),
    }
}

fn pull(args: &PullArgs, context: &Context) -> Result<()> {
    let catalog =
        selection::component_catalog(args.registries.iter().map(|file| context.path(file)))?;
    let wanted =
        WantedComponent::parse(&args.reference, args.name.as_ref(), args.digest, &catalog)?;
    let destination = context.path(&args.output);
    check_file_name(&args.output, &destination, &wanted)?;
    let components = Components::new(context.policy()?, &context.environment)?;
    get(&wanted, &components, &RootedPath::beside(&destination), Purpose::Pull, context)
}

/// Checks that the user's path names a file, and neither a folder nor a path in the form of one.
fn check_file_name(written: &Path, destination: &Path, wanted: &WantedComponent) -> Result<()> {
    if written == Path::new("-") {
        return Err(Error::usage("a component cannot be written to stdout")
            .fact("because", "the component is written only after all of it is checked")
            .hint(format!("name a file: -o {}", wasm_name(&wanted.name))));
    }
    let ends = written.as_os_str().to_string_lossy().ends_with(std::path::is_separator);
    if !ends && destination.file_name().is_some() && !user_path::is_folder(destination)? {
        return Ok(());
    }
    let file = written.join(wasm_name(&wanted.name));
    Err(Error::usage(format!("`{}` is a folder; expected the name of a file", written.display()))
        .hint(format!("name the file: -o {}", shell::path(&file))))
}

fn fetch(args: &FetchArgs, context: &Context) -> Result<()> {
    let here = context.environment.current_dir();
    let catalog = selection::component_catalog(args.registries.iter().map(|file| here.join(file)))?;
    let wanted =
        WantedComponent::parse(&args.reference, args.name.as_ref(), args.digest, &catalog)?;
    let workspace = args.workspace.as_deref().map(|dir| here.join(dir));
    // A repository rule passes the workspace, and so do the settings that an action reads.
    let is_unknown = workspace.is_none() && context.environment.workspace().is_none();
    let policy = context.policy_in(workspace.as_deref().unwrap_or(context.workspace.root()))?;
    let policy = policy.in_action(is_unknown);
    let is_blind = is_unknown
        && policy.is_offline()
        && policy.vendor_dir().is_none_or(|dir| policy.is_hidden(dir));
    let components = Components::new(policy, &context.environment)?;
    let out = RootedPath::beside(&here.join(&args.out));
    get(&wanted, &components, &out, Purpose::Build, context)
        .map_err(|error| match error.kind() == ErrorKind::Unavailable && is_blind {
            true => error.hint(IN_ACTION),
            false => error,
        })
        .map_err(|error| with_withheld(error, context))
}

/// Adds the credentials that an action does not get to the error of a server that refused.
fn with_withheld(error: Error, context: &Context) -> Error {
    let names = context.environment.withheld();
    if error.kind() != ErrorKind::Network || names.is_empty() {
        return error;
    }
    let names = names.join(",");
    error.hint(format!(
        "actions do not get {names}, because it may be a secret; log in with docker or podman, or \
         pass it to actions with --repo_env=BAZEL_WASM_ACTION_SECRETS={names}"
    ))
}

fn get(
    wanted: &WantedComponent,
    components: &Components,
    destination: &RootedPath,
    purpose: Purpose,
    context: &Context,
) -> Result<()> {
    let fetched = components.fetch(wanted, destination, purpose, &context.report)?;
    tell(wanted, &fetched, context)
}

fn tell(wanted: &WantedComponent, fetched: &Fetched, context: &Context) -> Result<()> {
    let digest = fetched.file.digest();
    if context.report.is_json() {
        let manifest = fetched.manifest.as_ref().map(|it| format!("sha256:{}", it.digest()));
        context.report.json(&serde_json::json!({
            "reference": wanted.words, "from": fetched.from, "outcome": fetched.outcome.word(),
            "content": format!("sha256:{digest}"), "manifest": manifest,
            "size": fetched.file.size(), "pinned_by": fetched.kind.map(|kind| kind.name()),
        }))?;
    }
    let size = megabytes(fetched.file.size());
    let mut line =
        format!("{:8} {}  {size}, from {}", fetched.outcome.word(), wanted.words, fetched.from);
    if let (Some(pin), Some(kind)) = (&wanted.pin, fetched.kind) {
        line.push_str(&format!("; sha256:{} is {kind}", pin.digest));
    }
    context.report.say(&line);
    // A component in a vendor folder stays the same, so it needs no warning.
    if wanted.pin.is_none() && !fetched.is_local {
        context.report.warn(&unpinned(wanted, fetched));
    }
    Ok(())
}

fn check_file(args: &CheckArgs, context: &Context) -> Result<()> {
    let here = context.environment.current_dir();
    let catalog = selection::component_catalog(args.registries.iter().map(|file| here.join(file)))?;
    let path = here.join(&args.file);
    let file = RootedPath::from_trusted(&path);
    let manifest = match &args.manifest {
        Some(manifest) => RootedPath::from_trusted(here.join(manifest)),
        None => manifest_of(&file),
    };
    let shown = args.file.display().to_string();
    let pin =
        args.digest.map(|digest| Pin { digest, manifest: None, from: "the digest".to_owned() });
    let named = Named { path: &file, manifest: Some(&manifest), subject: &format!("`{shown}`") };
    let local =
        check(&named, pin.as_ref(), None).map_err(|error| known_as(error, &path, &catalog))?;
    store::place_copy(&local.file, &RootedPath::beside(&here.join(&args.out)), false)?;
    if context.report.is_json() {
        let digest = format!("sha256:{}", local.file.digest());
        let kind = local.kind.map(|kind| kind.name());
        context.report.json(&serde_json::json!({"content": digest, "pinned_by": kind}))?;
    }
    Ok(())
}

/// Adds the registry's facts about the file's bytes to an error.
fn known_as(error: Error, path: &Path, catalog: &ComponentCatalog) -> Error {
    let hashed = airgap_core::regular_file::open(path)
        .and_then(|mut file| airgap_core::verify::hash(&mut file));
    match hashed.ok().and_then(|(digest, _)| catalog.known_as(&digest)) {
        Some(known) => error.fact("which is", format!("{known} in the checksum registry")),
        None => error,
    }
}
