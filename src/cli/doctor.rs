//! `doctor`: list the artifacts that an offline build of a workspace would miss.

use std::path::PathBuf;

use clap::Args;

use super::mirror::LayoutName;
use super::{Context, selection};
use airgap_core::error::{Error, Result};
use airgap_core::quantity::count;
use airgap_core::user_path;
use airgap_operations::doctor::{Check, Diagnosis, Examination, Health, Item, NamedLayout, Status};

/// List the artifacts that an offline build here would miss, before it is tried.
///
/// Reads the requests in MODULE.bazel and the BUILD files, and searches each artifact in the places of
/// the build, without the network. An artifact is reported as ok only after it was hashed. Then Bazel
/// loads and analyzes the targets in a network namespace and an empty output root, so that missing
/// repositories of other rules are listed too. Nothing is built, and nothing in the workspace changes.
///
/// The images of mirror.yaml are listed too. A build pulls none: they decide the exit code only with
/// --layout, and then each blob of them is hashed.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap doctor --config=offline
  wasm-airgap doctor --config=offline --json //my/app
  wasm-airgap doctor --config=offline --layout images

Exits with 0 if the build would work, with 4 if an artifact is wrong, and with 3 if something is
missing or could not be checked. Linux only; needs root or user namespaces.")]
pub(super) struct DoctorArgs {
    /// The targets of the build
    #[arg(value_name = "TARGET", default_value = "//...")]
    targets: Vec<String>,
    /// A --config of the build, as in .bazelrc; may be repeated
    #[arg(long = "config", value_name = "NAME")]
    configs: Vec<String>,
    /// A platform for the tools, or `all`; may be repeated [default: this one]
    #[arg(long = "platform", value_name = "PLATFORM")]
    platforms: Vec<String>,
    /// An OCI layout that should have the images of mirror.yaml: a folder, or a tar of one; may be
    /// repeated
    #[arg(long = "layout", value_name = "DIR|FILE.tar")]
    layouts: Vec<LayoutName>,
    /// The Bazel to run [default: `bazel` on PATH]
    #[arg(long, value_name = "PROGRAM")]
    bazel: Option<PathBuf>,
}

pub(super) fn run(args: &DoctorArgs, context: &Context) -> Result<()> {
    let root = context.workspace.root();
    if !user_path::is_file(&root.join("MODULE.bazel"))? {
        return Err(Error::usage("this folder is not in a workspace with a MODULE.bazel")
            .fact("looked in", root.display())
            .hint("run the command in the workspace of the build"));
    }
    let bazel = args.bazel.as_ref().map(|program| context.path(program));
    let named = |layout: &LayoutName| NamedLayout {
        path: context.path(layout.path()),
        written: layout.to_string(),
    };
    let layouts: Vec<_> = args.layouts.iter().map(named).collect();
    let examination = Examination {
        root,
        targets: &args.targets,
        configs: &args.configs,
        platforms: &selection::platforms(&args.platforms)?,
        bazel: bazel.as_deref(),
        layouts: &layouts,
        vendor_all: &context.workspace.label("//tools/vendor:vendor_all"),
        environment: &context.environment,
        report: &context.report,
    };
    context.warn_of_unread_variables();
    let mut diagnosis = examination.run()?;
    for item in diagnosis.items.iter_mut().chain(&mut diagnosis.not_asked_for) {
        item.fix = context.workspace.address(&item.fix);
    }
    match context.report.is_json() {
        true => context.report.json(&diagnosis)?,
        false => context.report.data(&table(&diagnosis))?,
    }
    match diagnosis.failure() {
        Some(error) => Err(error),
        None => {
            context.report.say("an offline build would work here");
            Ok(())
        }
    }
}

/// Returns the diagnosis as text: a line for each item that is ok, and the details of the others.
fn table(diagnosis: &Diagnosis) -> String {
    let mut text: String = diagnosis.items.iter().map(item).collect();
    text.extend(diagnosis.machine.iter().map(check));
    for unseen in &diagnosis.not_looked_at {
        text.push_str(&format!(
            "unknown  {}\n{}",
            unseen.what,
            indented("because", &unseen.because)
        ));
    }
    let (images, artifacts): (Vec<_>, Vec<_>) =
        diagnosis.not_asked_for.iter().partition(|item| item.kind == "image");
    let in_module = ("artifact", "in MODULE.bazel, not here");
    let in_list = ("image", "in mirror.yaml, which `--layout` looks for");
    text + &not_asked_for(&artifacts, in_module) + &not_asked_for(&images, in_list)
}

/// Returns the line about items that do not count; nothing if there are none.
fn not_asked_for(items: &[&Item], (noun, place): (&str, &str)) -> String {
    if items.is_empty() {
        return String::new();
    }
    let names: Vec<_> = items.iter().map(|item| item.subject.as_str()).collect();
    format!("not asked for: {} {place}: {}\n", count(items.len(), noun), names.join(", "))
}

fn item(item: &Item) -> String {
    let word = match item.status {
        Status::Ok => "ok",
        Status::Missing => "missing",
        Status::Wrong => "wrong",
        Status::Unpinned => "unpinned",
        Status::Network => "network",
    };
    let line = format!("{word:8} {:10} {}\n", item.kind, item.subject);
    if item.status == Status::Ok {
        return line;
    }
    let looked = item.looked_in.iter().map(|place| indented("looked in", place));
    line + &indented("why", &item.why) + &looked.collect::<String>() + &indented("fix", &item.fix)
}

fn check(check: &Check) -> String {
    let word = match check.health {
        Health::Ok => "ok",
        Health::Warning => "warning",
        Health::Bad => "bad",
    };
    format!("{word:8} {:10} {}\n{}", check.check, check.found, indented("fix", &check.fix))
}

/// Returns a text under a label, with its lines indented; nothing for an empty text.
pub(super) fn indented(label: &str, text: &str) -> String {
    let text = text.trim();
    match text.is_empty() {
        true => String::new(),
        false => format!("  {label}: {}\n", text.replace('\n', "\n    ")),
    }
}
