//! `import`: registry files of other rules.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use airgap_core::error::{Error, Result};
use airgap_core::path_component;
use airgap_core::quantity::count;
use airgap_operations::import::{Entry, Import, Outcome};

/// The package in labels, if the output folder is not in the workspace.
const PACKAGE: &str = "registry";

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(super) enum ImportCommand {
    /// Convert the registry files of rules_wasm_component: tools, components and bundles
    #[command(name = "rules_wasm_component")]
    RulesWasmComponent(RulesWasmComponentArgs),
}

/// Convert the registry files of rules_wasm_component: tools, components and bundles.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap import rules_wasm_component ../rules_wasm_component --output registry

Prints each entry with its outcome: imported; known (the built-in registry has the same digest); CONFLICT
(it has another one); refused (a placeholder instead of a digest, an unknown platform, or no address that
can be derived); incomplete (a bundle without one of its tools). Without --output, nothing is written.

The output has a file for each tool with new entries, the components, and import.MODULE.bazel with the lines
for MODULE.bazel, which keep the default versions. Exits with 4 if there is a conflict; all other entries are
written nevertheless.")]
pub(super) struct RulesWasmComponentArgs {
    /// A checkout of rules_wasm_component or of a fork, or its folder `checksums`
    dir: PathBuf,
    /// The folder for the registry files [default: only print the outcomes]
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(super) fn run(command: &ImportCommand, context: &Context) -> Result<()> {
    match command {
        ImportCommand::RulesWasmComponent(args) => rules_wasm_component(args, context),
    }
}

fn rules_wasm_component(args: &RulesWasmComponentArgs, context: &Context) -> Result<()> {
    let import = Import::read(&context.path(&args.dir))?;
    let output = args.output.as_deref().map(|output| context.path(output));
    let package = output.as_deref().map_or_else(|| PACKAGE.to_owned(), |dir| package(dir, context));
    let files = import.files(&package);
    if let Some(output) = &output {
        Import::write(output, &files)?;
    }
    let files: Vec<_> = files.keys().collect();
    match context.report.is_json() {
        true => context.report.json(&json!({
            "entries": import.entries, "files": files, "output": args.output,
        }))?,
        false => tell(&import, files.len(), args.output.as_deref(), context)?,
    }
    let conflicts: Vec<_> =
        import.entries.iter().filter(|entry| entry.outcome == Outcome::Conflict).collect();
    match conflicts.as_slice() {
        [] => Ok(()),
        [first, ..] => Err(conflict(first, conflicts.len())),
    }
}

fn tell(import: &Import, files: usize, output: Option<&Path>, context: &Context) -> Result<()> {
    for Entry { kind, name, outcome, reason } in &import.entries {
        let reason = reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        context.report.data(&format!("{:10}  {kind} {name}{reason}\n", outcome.word()))?;
    }
    let refused = [Outcome::InvalidDigest, Outcome::UnknownPlatform, Outcome::NoAddress];
    context.report.say(&format!(
        "{} imported, {} known, {} refused, {} in conflict, {} incomplete",
        import.count(Outcome::Imported),
        import.count(Outcome::Known),
        refused.into_iter().map(|outcome| import.count(outcome)).sum::<usize>(),
        import.count(Outcome::Conflict),
        import.count(Outcome::Incomplete),
    ));
    context.report.say(&match (output, files) {
        (_, 0) => "the files have nothing that is not built in; no file is needed".to_owned(),
        (None, files) => format!("name a folder with --output for the {}", count(files, "file")),
        (Some(output), files) => format!(
            "{} in `{}`; copy the lines of import.MODULE.bazel into MODULE.bazel",
            count(files, "file"),
            output.display()
        ),
    });
    Ok(())
}

/// Returns the package of the output folder in labels; that of a folder at the root of the
/// workspace, if the output folder is elsewhere.
fn package(output: &Path, context: &Context) -> String {
    let below = output.strip_prefix(context.workspace.root()).ok();
    let names = below.map(|below| below.iter().map(|name| name.to_string_lossy().into_owned()));
    let package = names.map(|names| names.collect::<Vec<_>>().join("/"));
    package
        .filter(|package| package.is_empty() || path_component::is_path(package))
        .unwrap_or_else(|| PACKAGE.to_owned())
}

fn conflict(first: &Entry, conflicts: usize) -> Error {
    let error = Error::integrity(format!(
        "{} of the import {} another digest than the built-in registry",
        count(conflicts, "entry"),
        if conflicts == 1 { "has" } else { "have" },
    ))
    .fact("first", format!("{} {}", first.kind, first.name));
    let error = first.reason.iter().fold(error, |error, reason| error.because(reason));
    error.hint(
        "compare both with the digest that the tool's own project publishes; the built-in digest stays in force. To use \
         another file on purpose, pin it: `wasm-airgap toolchain pin --registry FILE URL`",
    )
}
