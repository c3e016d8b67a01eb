//! `outdated`: compare each pin with the present content of its source.

use std::path::PathBuf;

use clap::Args;

use super::doctor::indented;
use super::{Context, selection};
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::quantity::{are, count};
use airgap_operations::outdated::{Comparison, Lookup, Pins, Row, Status, Workspace};
use airgap_vendor::catalog::{ToolCatalog, WitCatalog};

/// Compare each pin with the present content of its source.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  wasm-airgap outdated
  wasm-airgap outdated --json --request request.json --lock-file wit.lock --images mirror.yaml

Without a file, the pins are those of the workspace: MODULE.bazel and the rules of TARGET, which Bazel
names, wit.lock, wkg.lock, and mirror.yaml with mirror.lock. Nothing is changed.

Tools and archives of WIT packages are compared with the checksum registry of this program. For WIT packages,
components and images the registries are asked, except offline.

Exits with 0 if each pin was compared, also if some are outdated; with 1 if so and --exit-code is used; and
with 3 or 5 if a pin could not be compared.")]
pub(super) struct OutdatedArgs {
    /// The targets whose rules are read
    #[arg(value_name = "TARGET", default_value = "//...")]
    targets: Vec<String>,
    /// A request of a module extension, relative to the current folder; may be repeated
    #[arg(long = "request", value_name = "FILE")]
    requests: Vec<PathBuf>,
    /// A lock of WIT packages, such as wit.lock; may be repeated
    #[arg(long = "lock-file", id = "locks", value_name = "FILE")]
    locks: Vec<PathBuf>,
    /// A list of images, such as mirror.yaml
    #[arg(long, value_name = "FILE")]
    images: Option<PathBuf>,
    /// The lock of the images
    #[arg(long, value_name = "FILE", default_value = "mirror.lock")]
    images_lock: PathBuf,
    /// Your own registry file of a tool, which adds its versions to the built-in ones; may be repeated
    #[arg(long = "registry", value_name = "FILE")]
    registries: Vec<PathBuf>,
    /// Exit with 1 if a pin is outdated or moved
    #[arg(long)]
    exit_code: bool,
    /// The Bazel to run [default: `bazel` on PATH]
    #[arg(long, value_name = "PROGRAM")]
    bazel: Option<PathBuf>,
    /// The number of pins to compare in parallel
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=8))]
    jobs: u16,
}

pub(super) fn run(args: &OutdatedArgs, context: &Context) -> Result<()> {
    let policy = context.policy()?;
    let mut tools = ToolCatalog::builtin()?;
    for file in &args.registries {
        tools.add_file(&context.path(file))?;
    }
    let pins = match is_workspace(args) {
        true => workspace_pins(args, policy.is_offline(), context)?,
        false => file_pins(args, context)?,
    };
    let vendor_all = context.workspace.label("//tools/vendor:vendor_all");
    let vendor_all = format!("bazel run {vendor_all} -- --output-dir vendor");
    let wit = WitCatalog::builtin()?;
    let lookup = Lookup::new(&policy, &context.environment, &tools, wit, &vendor_all)?;
    let rows = lookup.rows(&pins.pins, args.jobs.into());
    let mut comparison = Comparison::new(rows, pins.not_looked_up);
    for row in &mut comparison.rows {
        row.fix = context.workspace.address(&row.fix);
    }
    match context.report.is_json() {
        true => context.report.json(&comparison)?,
        false => context.report.data(&table(&comparison))?,
    }
    verdict(&comparison, args.exit_code)
}

fn is_workspace(args: &OutdatedArgs) -> bool {
    args.requests.is_empty() && args.locks.is_empty() && args.images.is_none()
}

/// Returns the pins in the workspace.
fn workspace_pins(args: &OutdatedArgs, is_offline: bool, context: &Context) -> Result<Pins> {
    let bazel = args.bazel.as_ref().map(|program| context.path(program));
    let root = context.workspace.root();
    let workspace = Workspace {
        root,
        targets: &args.targets,
        bazel: bazel.as_deref(),
        vendor_all: &context.workspace.label("//tools/vendor:vendor_all"),
        environment: &context.environment,
        report: &context.report,
        is_offline,
    };
    let pins = workspace.pins()?;
    match pins.pins.is_empty() && pins.not_looked_up.is_empty() {
        true => Err(Error::usage("this workspace has no pins")
            .fact("looked for", "MODULE.bazel, wit.lock, wkg.lock, mirror.yaml")
            .fact("in", root.display())
            .hint("run the command in the workspace, or name files: `--request`, `--lock-file`, `--images`")),
        false => Ok(pins),
    }
}

/// Returns the pins in the files of the command line.
fn file_pins(args: &OutdatedArgs, context: &Context) -> Result<Pins> {
    let mut pins = Pins::default();
    for file in &args.requests {
        pins.add_request(&selection::read(file, context)?, &file.display().to_string())?;
    }
    for file in &args.locks {
        pins.add_lock_file(&context.path(file), &file.display().to_string())?;
    }
    if let Some(list) = &args.images {
        let (list, lock) = (list.display().to_string(), args.images_lock.display().to_string());
        pins.add_image_files(&context.environment.base_dir(), &list, &lock)?;
    }
    Ok(pins)
}

/// Returns the error of a comparison, if there is one.
fn verdict(comparison: &Comparison, exit_code: bool) -> Result<()> {
    if let Some(error) = comparison.failure() {
        return Err(error);
    }
    let behind = comparison.count(Status::Outdated) + comparison.count(Status::Moved);
    match exit_code && behind > 0 {
        true => {
            let pins = count(behind, "pin");
            Err(Error::new(ErrorKind::Failed, format!("{pins} {} not current", are(behind))))
        }
        false => Ok(()),
    }
}

/// Returns the comparison as text: the details of each pin that is not current, and the number of
/// the others.
fn table(comparison: &Comparison) -> String {
    let rows = comparison.rows.iter().filter(|row| row.status != Status::Current);
    let mut text: String = rows.map(details).collect();
    for group in &comparison.not_looked_up {
        text.push_str(&format!("not looked up: {}\n", group.what));
        text.push_str(&indented("because", &group.because));
    }
    let current = comparison.count(Status::Current);
    text.push_str(&format!("current: {} of {}\n", current, count(comparison.rows.len(), "pin")));
    text
}

fn details(row: &Row) -> String {
    let word = match row.status {
        Status::Current => "current",
        Status::Outdated => "outdated",
        Status::Moved => "moved",
        Status::Unknown => "unknown",
    };
    let newest = match (&row.newest, row.status) {
        (Some(newest), Status::Outdated | Status::Moved)
            if row.current.as_ref() != Some(newest) =>
        {
            format!(" -> {newest}")
        }
        _ => String::new(),
    };
    let line = row.line.map(|line| format!(":{line}")).unwrap_or_default();
    format!("{word:8} {:10} {}{newest}\n", row.kind, row.subject)
        + &indented("in", &format!("{}{line}", row.file))
        + &indented("source", &row.source)
        + &indented("why", &row.reason)
        + &indented("change", &row.change)
        + &indented(if row.change.is_empty() { "run" } else { "then run" }, &row.fix)
}
