//! `vendor all`: everything in MODULE.bazel, into one folder.

use std::path::PathBuf;

use clap::Args;

use super::{components, wit};
use crate::cli::plan_output::DryRun;
use crate::cli::{Context, selection};
use airgap_config::policy::Policy;
use airgap_core::artifact::{Artifact, VendoredKind};
use airgap_core::error::Result;
use airgap_core::listing::Disk;
use airgap_core::package::{AllowedVersions as Version, PackageId, PackageRequest};
use airgap_vendor::catalog::{SourceArchive, WitCatalog};
use airgap_vendor::kinds::component::{
    ComponentJob, Components, WantedComponent, vendor_components,
};
use airgap_vendor::kinds::tool::{Helper, ToolJob, vendor_tools};
use airgap_vendor::kinds::wit::{Packages, WitJob, vendor_wit};
use airgap_vendor::manifest::VendorDir;
use airgap_vendor::plan::resolve;
use airgap_vendor::request::{Platforms, WitChoice};
use airgap_vendor::vendor::Summary;
use airgap_wit::Lock;

/// Vendor all toolchains, WIT packages and components requested in MODULE.bazel.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  bazel run @rules_wasm_airgap//tools/vendor:vendor_all -- --output-dir vendor

The files are in the folders toolchains, wit and components, and listed in one manifest.json. Use
the folder with BAZEL_WASM_VENDOR_DIR; `wasm-airgap verify` checks all of it.")]
pub(in crate::cli) struct AllArgs {
    /// The vendor folder, relative to the workspace root under `bazel run`, else to the current
    /// folder
    #[arg(long, value_name = "DIR")]
    output_dir: PathBuf,
    /// A request written by the module extensions, relative to the current folder; may be repeated
    #[arg(long = "request", value_name = "FILE", required = true)]
    requests: Vec<PathBuf>,
    /// A checksum registry file of components, relative to the current folder; may be repeated
    #[arg(long = "registry", value_name = "FILE")]
    registries: Vec<PathBuf>,
    /// A platform for the tools, or `all`; may be repeated [default: this one]
    #[arg(long = "platform", value_name = "PLATFORM")]
    platforms: Vec<String>,
    /// The label of the file with `wit_library`, for the BUILD files of WIT packages [default:
    /// `//wit:defs.bzl` of this module, by its name in the workspace]
    #[arg(long, value_name = "LABEL")]
    rules: Option<String>,
    /// The number of files to fetch in parallel
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Show the source of each file, without fetching any
    #[arg(long)]
    dry_run: bool,
    /// Do not vendor this program itself
    #[arg(long)]
    no_helper: bool,
}

/// All items of the requests.
struct All {
    /// The tools, and the pinned helpers.
    tools: Vec<Artifact>,
    archives: Vec<SourceArchive>,
    wit: Vec<WitChoice>,
    components: Vec<WantedComponent>,
}

pub(super) fn run(args: &AllArgs, context: &Context) -> Result<()> {
    let all = All::new(args, context)?;
    if args.dry_run {
        return all.show(args, context);
    }
    let mut summary = Summary::default();
    // A failing part does not stop the others; all failures are reported at the end.
    for part in [All::bring_tools, All::bring_wit, All::bring_components] {
        match part(&all, args, context) {
            Ok(done) => {
                summary.outcomes.extend(done.outcomes);
                summary.failures.extend(done.failures);
                summary.entries.extend(done.entries);
            }
            Err(error) => summary.failures.push(error),
        }
    }
    super::tell(&summary, &dir(args, VendoredKind::Toolchain, context), context)?;
    super::tell_pin(&summary, context);
    super::conclude(summary)
}

/// Returns the folder of a kind.
fn dir(args: &AllArgs, kind: VendoredKind, context: &Context) -> VendorDir {
    VendorDir::of(&context.path(&args.output_dir).join(kind.folder()), kind)
}

fn policy(args: &AllArgs, context: &Context) -> Result<Policy> {
    let dirs = VendoredKind::ALL.map(|kind| dir(args, kind, context));
    Ok(dirs.iter().fold(context.policy()?, |policy, dir| super::policy_for(dir, policy)))
}

impl All {
    fn new(args: &AllArgs, context: &Context) -> Result<All> {
        let platforms: Platforms = selection::platforms(&args.platforms)?;
        let (mut tools, mut archives) = (Vec::new(), Vec::new());
        let (mut wit, mut components) = (Vec::new(), Vec::new());
        for file in &args.requests {
            let mut request = selection::read(file, context)?;
            archives.append(&mut request.packages);
            let wanted = request.artifacts(&platforms);
            for error in wanted.unpublished {
                context.report.warn(&format!("left out: {}", error.statement()));
            }
            for error in wanted.portable {
                context.report.say(&format!(
                    "left out: {}; `--platform wasm_component` vendors it",
                    error.statement()
                ));
            }
            tools.extend(wanted.artifacts);
            if !args.no_helper {
                tools.extend(request.helpers(&platforms));
            }
            components.extend(WantedComponent::of_request(&request)?);
            wit.extend(request.wit);
        }
        Ok(All { tools, archives, wit, components })
    }

    fn bring_tools(&self, args: &AllArgs, context: &Context) -> Result<Summary> {
        let helper = if args.no_helper { None } else { Helper::running()? };
        if self.tools.is_empty() && helper.is_none() {
            return Ok(Summary::default());
        }
        let dir = dir(args, VendoredKind::Toolchain, context);
        let policy = policy(args, context)?;
        let plan = resolve(&self.tools, &policy, &Disk)?;
        let client = super::client(&plan, &policy)?;
        let (helper, client, jobs) = (helper.as_ref(), client.as_ref(), args.jobs.into());
        vendor_tools(&ToolJob { plan: &plan, dir: &dir, helper, client, jobs }, &context.report)
    }

    fn bring_wit(&self, args: &AllArgs, context: &Context) -> Result<Summary> {
        let requests: Vec<_> = self.packages().map(exactly).collect();
        if requests.is_empty() {
            return Ok(Summary::default());
        }
        let dir = dir(args, VendoredKind::Wit, context);
        let mut catalog = WitCatalog::builtin()?;
        self.archives.iter().for_each(|archive| catalog.add_archive(archive));
        let policy = policy(args, context)?;
        let packages = Packages::new(policy, catalog, &context.environment)?.with_archives_first();
        let packages = packages.choosing(&self.wit)?;
        // The pins are in MODULE.bazel; a lock is only for packages that are vendored by name.
        let lock = Lock::default();
        let job = WitJob {
            requests: &requests,
            dir: &dir,
            lock: &lock,
            previous: &lock,
            packages: &packages,
            rules: &wit::rules(args.rules.as_deref(), dir.folder(), context),
            bazel_package: &wit::bazel_package(dir.folder(), context.workspace.root()),
            jobs: args.jobs.into(),
        };
        let _lock = dir.lock(&context.report);
        let done = vendor_wit(&job, &context.report)?;
        Ok(Summary { outcomes: done.outcomes, failures: Vec::new(), entries: done.entries })
    }

    fn bring_components(&self, args: &AllArgs, context: &Context) -> Result<Summary> {
        if self.components.is_empty() {
            return Ok(Summary::default());
        }
        let dir = dir(args, VendoredKind::Component, context);
        let components = Components::new(policy(args, context)?, &context.environment)?;
        let (wanted, jobs) = (self.components.as_slice(), args.jobs.into());
        let job = ComponentJob { wanted, dir: &dir, components: &components, jobs };
        vendor_components(&job, &context.report)
    }

    /// Returns the WIT packages, without their dependencies.
    fn packages(&self) -> impl Iterator<Item = &PackageId> {
        let archives = self.archives.iter().map(|archive| &archive.package);
        archives.chain(self.wit.iter().map(|choice| &choice.package))
    }

    fn show(&self, args: &AllArgs, context: &Context) -> Result<()> {
        let policy = policy(args, context)?;
        let archives = self.archives.iter().map(SourceArchive::artifact);
        let files: Vec<_> = self.tools.iter().cloned().chain(archives).collect();
        let mut plan = resolve(&files, &policy, &Disk)?;
        let components = Components::new(policy, &context.environment)?;
        let dir = dir(args, VendoredKind::Component, context);
        let mut listing = DryRun::new(&dir);
        listing.add_plan(&mut plan);
        for WitChoice { package, registry, .. } in &self.wit {
            let registry = if registry.is_empty() { "see `config show`" } else { registry };
            listing.add_package(&package.to_string(), registry);
        }
        let items = components::places(&self.components, &dir, &components)?;
        let items: Vec<_> =
            items.iter().map(|(one, places)| listing.add_component(one, places)).collect();
        if context.report.is_json() {
            return context.report.json(&serde_json::json!({
                "files": plan, "wit": self.wit, "components": items,
            }));
        }
        context.report.data(&listing.text())
    }
}

fn exactly(package: &PackageId) -> PackageRequest {
    let PackageId { name, version } = package.clone();
    PackageRequest { name, version: Version::Exactly(version) }
}
