//! `vendor components`: bring components into a vendor folder.

use std::path::PathBuf;

use clap::Args;

use super::{conclude, policy_for, tell};
use crate::cli::plan_output::DryRun;
use crate::cli::{Context, selection};
use airgap_core::artifact::VendoredKind;
use airgap_core::error::{Error, Result};
use airgap_core::path_component::PathComponent;
use airgap_vendor::catalog::ComponentCatalog;
use airgap_vendor::kinds::component::{
    ComponentJob, Components, WantedComponent, vendor_components, wasm_name,
};
use airgap_vendor::manifest::VendorDir;
use airgap_vendor::plan::SearchPlace;

/// Pull components into a vendor folder, with a BUILD file for them.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap vendor components ghcr.io/my-org/auth-service:v1.2.0 --output-dir vendor/components

Each is `<name>.wasm`, where the name is the last part of its repository. Each run resolves a tag
again, and never a digest.")]
pub(in crate::cli) struct ComponentsArgs {
    /// HOST/REPOSITORY:TAG, HOST/REPOSITORY@sha256:DIGEST (of the content or of the manifest), or
    /// NAME@VERSION in a checksum registry
    #[arg(value_name = "REFERENCE")]
    references: Vec<String>,
    /// The vendor folder, relative to the workspace root under `bazel run`, else to the current
    /// folder
    #[arg(long, value_name = "DIR")]
    output_dir: PathBuf,
    /// The file name of the first reference, then of the second, and so on
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<PathComponent>,
    /// A request written by the component extension, relative to the current folder; may be
    /// repeated
    #[arg(long = "request", value_name = "FILE")]
    requests: Vec<PathBuf>,
    /// Your own checksum registry file, relative to the current folder, which overrides the
    /// built-in entries; may be repeated
    #[arg(long = "registry", value_name = "FILE")]
    registries: Vec<PathBuf>,
    /// The number of components to pull in parallel
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Show the source of each component, without sending requests
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &ComponentsArgs, context: &Context) -> Result<()> {
    let here = context.environment.current_dir();
    let catalog = selection::component_catalog(args.registries.iter().map(|file| here.join(file)))?;
    let wanted = wanted(args, &catalog, context)?;
    let dir = VendorDir::of(&context.path(&args.output_dir), VendoredKind::Component);
    let policy = policy_for(&dir, context.policy()?);
    let components = Components::new(policy, &context.environment)?;
    if args.dry_run {
        return show(&wanted, &dir, &components, context);
    }
    let jobs = args.jobs.into();
    let job = ComponentJob { wanted: &wanted, dir: &dir, components: &components, jobs };
    let summary = vendor_components(&job, &context.report)?;
    tell(&summary, &dir, context)?;
    conclude(summary)
}

fn wanted(
    args: &ComponentsArgs,
    catalog: &ComponentCatalog,
    context: &Context,
) -> Result<Vec<WantedComponent>> {
    if args.names.len() > args.references.len() {
        return Err(Error::usage("there are more names than references")
            .fact("references", args.references.len())
            .fact("names", args.names.len()));
    }
    let names = args.names.iter().map(Some).chain(std::iter::repeat(None));
    let mut wanted: Vec<_> = args
        .references
        .iter()
        .zip(names)
        .map(|(reference, name)| WantedComponent::parse(reference, name, None, catalog))
        .collect::<Result<_>>()?;
    for file in &args.requests {
        wanted.extend(WantedComponent::of_request(&selection::read(file, context)?)?);
    }
    match wanted.is_empty() && args.requests.is_empty() {
        true => Err(Error::usage("no component is named")
            .hint("name at least one, as in `ghcr.io/my-org/auth-service:v1.2.0`")),
        false => Ok(wanted),
    }
}

/// Prints the source of each component.
fn show(
    wanted: &[WantedComponent],
    dir: &VendorDir,
    components: &Components,
    context: &Context,
) -> Result<()> {
    let mut listing = DryRun::new(dir);
    let items = places(wanted, dir, components)?;
    let items: Vec<_> =
        items.iter().map(|(one, places)| listing.add_component(one, places)).collect();
    match context.report.is_json() {
        true => context.report.json(&serde_json::json!({"components": items})),
        false => context.report.data(&listing.text()),
    }
}

/// Returns each component with its possible places.
pub(super) fn places<'a>(
    wanted: &'a [WantedComponent],
    dir: &VendorDir,
    components: &Components,
) -> Result<Vec<(&'a WantedComponent, Vec<SearchPlace>)>> {
    let places = |one: &'a WantedComponent| {
        let destination = dir.place(&wasm_name(&one.name));
        Ok((one, components.places(one, Some(&destination))?))
    };
    wanted.iter().map(places).collect()
}
