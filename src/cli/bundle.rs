//! `bundle`: a vendor folder and image layouts in one folder for the transfer over the gap.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::quantity::{count, megabytes};
use airgap_core::rooted::RootedPath;
use airgap_core::{store, user_path};
use airgap_operations::bundle::{
    self, BazelFetch, Bundle, Fetched, Inventory, Order, PartFinding, SplitSize,
};
use airgap_operations::outside;

#[derive(Debug, Subcommand)]
#[command(defer = true)]
#[expect(private_interfaces, reason = "only this module uses the arguments")]
pub(super) enum BundleCommand {
    /// Put vendor folders and image layouts into a bundle
    Create(CreateArgs),
    /// Bring a vendor folder to the state of a bundle
    Apply(ApplyArgs),
    /// Check every part of a bundle and list its files
    Inspect(InspectArgs),
    /// List the files in which two bundles, vendor folders or inventories differ
    Diff(DiffArgs),
    /// List the files of a vendor folder with their digests, for `bundle create --since`
    Inventory(InventoryArgs),
}

/// Put vendor folders and image layouts into a bundle.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap bundle create vendor images --output /media/usb/bundle --split-size fat32

The bundle is a folder. `cd /media/usb/bundle && sha256sum -c SHA256SUMS` checks it without this
program, and transfer.tsv lists its files for the people who approve a transfer. The same files give the
same bytes on each machine.

With --bazel-target, Bazel fetches what it needs to build the targets of this workspace, and its files go
over too. They arrive in the folder `bazel` of the vendor folder, with an airgap.bazelrc that makes Bazel
use them and no network:
  wasm-airgap bundle create vendor --output /media/usb/bundle --bazel-target //...

With --since, the bundle has only the files that the far side lacks. The far side writes its inventory:
  wasm-airgap bundle inventory vendor -o inventory.jsonl

Exits with 4 if a file has another digest or size than its list, with 3 if a layout lacks a part of an
image, and with 2 if a folder is neither a vendor folder nor an image layout, or if the output folder is
not empty.")]
struct CreateArgs {
    /// Vendor folders, and folders with an OCI image layout
    #[arg(required_unless_present = "bazel_targets", value_name = "VENDOR_OR_LAYOUT")]
    folders: Vec<PathBuf>,
    /// The folder of the bundle, which does not exist yet or is empty
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// The largest size of a part: fat32, or a size such as 4GiB or 700MB [default: one part]
    #[arg(long, value_name = "SIZE")]
    split_size: Option<SplitSize>,
    /// The inventory of the far side; the bundle has only the difference to it
    #[arg(long, value_name = "INVENTORY")]
    since: Option<PathBuf>,
    /// Keep files on the far side that the folders do not have any more
    #[arg(long, requires = "since")]
    keep_removed: bool,
    /// A target for which the bundle gets all that Bazel downloads; may be repeated
    #[arg(long = "bazel-target", value_name = "TARGET")]
    bazel_targets: Vec<String>,
    /// The Bazel that fetches, whose binary goes into the bundle [default: `bazel` on PATH, which
    /// stays here]
    #[arg(long, requires = "bazel_targets", value_name = "FILE")]
    bazel_binary: Option<PathBuf>,
    /// The vendor folder in the workspace of the far side, which airgap.bazelrc names
    #[arg(long, requires = "bazel_targets", default_value = "vendor", value_name = "VENDOR")]
    bazel_vendor: String,
}

/// Bring a vendor folder to the state of a bundle.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap bundle apply /media/usb/bundle --output vendor

Every part is checked before anything changes. The error names each wrong part, so that only these are sent
again. The next run continues a killed one. Images come into the folder `images` of the vendor folder.

A bundle that was created with --since may be applied before the bundle on which it builds: it waits in the
vendor folder, and is applied together with that bundle.

Exits with 4 if a part is wrong or missing, and with 2 if the folder has a file that is not in its
manifest at the path of a file in the bundle.")]
struct ApplyArgs {
    /// The folder of the bundle
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The vendor folder
    #[arg(long, short, value_name = "VENDOR")]
    output: PathBuf,
}

/// Check every part of a bundle and list its files.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap bundle inspect /media/usb/bundle

Exits with 4 if a part is wrong or missing.")]
struct InspectArgs {
    /// The folder of the bundle
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The number of parts to hash at a time [default: one for each processor]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

/// List the files in which two bundles, vendor folders or inventories differ.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap bundle diff /media/usb/bundle vendor

A line begins with `-` for a file that only A has, with `+` for a file that only B has, and with `!` for a
file that differs. Exits with 0 in each case; --json has the field `equal`.")]
struct DiffArgs {
    /// A bundle, a vendor folder or an inventory
    #[arg(value_name = "A")]
    first: PathBuf,
    /// A bundle, a vendor folder or an inventory to compare with A
    #[arg(value_name = "B")]
    second: PathBuf,
}

/// List the files of a vendor folder with their digests.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap bundle inventory vendor -o inventory.jsonl

Each file is hashed now. An empty folder has an empty inventory.")]
struct InventoryArgs {
    /// The vendor folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The file for the inventory [default: print it]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(command: &BundleCommand, context: &Context) -> Result<()> {
    match command {
        BundleCommand::Create(args) => create(args, context),
        BundleCommand::Apply(args) => apply(args, context),
        BundleCommand::Inspect(args) => inspect(args, context),
        BundleCommand::Diff(args) => diff(args, context),
        BundleCommand::Inventory(args) => inventory(args, context),
    }
}

fn create(args: &CreateArgs, context: &Context) -> Result<()> {
    let since = args.since.as_ref().map(|file| Inventory::read(&context.path(file))).transpose()?;
    let fetched = fetch(args, context)?;
    let folders = args.folders.iter().map(|folder| context.path(folder));
    let order = Order {
        folders: folders.chain(fetched.as_ref().map(Fetched::folder)).collect(),
        output: context.path(&args.output),
        split: args.split_size,
        since,
        keeps_removed: args.keep_removed,
    };
    let created = bundle::create(&order)?;
    if context.report.is_json() {
        return context.report.json(&created);
    }
    let carried = match created.carried == created.files {
        true => count(created.files, "file"),
        false => format!("{} of {}", created.carried, count(created.files, "file")),
    };
    let parts = count(created.parts, "part");
    context.report.say(&format!("{carried}, {} in {parts}", megabytes(created.bytes)));
    if created.removed > 0 {
        let removed = count(created.removed, "file");
        context.report.say(&format!("{removed} will be removed on the far side: see transfer.tsv"));
    }
    context.report.data(&format!("sha256:{}  SHA256SUMS\n", created.sha256sums))
}

/// Lets Bazel fetch what the targets need, if there are any.
fn fetch(args: &CreateArgs, context: &Context) -> Result<Option<Fetched>> {
    if args.bazel_targets.is_empty() {
        return Ok(None);
    }
    let root = context.workspace.root();
    if !user_path::is_file(&root.join("MODULE.bazel"))? {
        return Err(Error::usage("this folder is in no workspace with a MODULE.bazel")
            .fact("looked in", root.display())
            .hint("run it in the workspace whose targets you want to build"));
    }
    let given = args.bazel_binary.as_ref().map(|file| context.path(file));
    let Some(program) = given.or_else(|| context.environment.program("bazel")) else {
        return Err(Error::usage("there is no `bazel` on PATH")
            .hint("name it: wasm-airgap bundle create ... --bazel-binary FILE"));
    };
    let fetch = BazelFetch {
        program: &program,
        takes_program: args.bazel_binary.is_some(),
        workspace: root,
        targets: &args.bazel_targets,
        vendor_folder: &args.bazel_vendor,
    };
    let fetched = fetch.run()?;
    if fetched.lacks_registry_digests {
        context.report.warn(
            "Bazel wrote no MODULE.bazel.lock with digests of registry files, so it will ask its module \
             registry on the far side too; name one in the workspace: \
             common --registry=file://%workspace%/...",
        );
    }
    Ok(Some(fetched))
}

fn apply(args: &ApplyArgs, context: &Context) -> Result<()> {
    let bundle = Bundle::open(&context.path(&args.folder))?;
    let applied = bundle::apply(&bundle, &context.path(&args.output), &context.report)?;
    if context.report.is_json() {
        context.report.json(&applied)?;
    }
    if applied.waiting {
        let missing = applied.missing_paths.first().map_or("", String::as_str);
        context.report.warn(&format!(
            "nothing is changed yet: the bundle builds on {} that the folder does not have, such as \
             `{missing}`; it waits there until the bundle with them is applied",
            count(applied.missing, "file")
        ));
        return Ok(());
    }
    for path in &applied.changed_paths {
        context.report.warn(&format!(
            "`{path}` was changed after the inventory was written, so it was not removed; it is not in \
             the manifest any more: remove it yourself"
        ));
    }
    context.report.say(&format!(
        "{} written, {} already present, {} removed",
        count(applied.written, "file"),
        applied.there,
        applied.removed
    ));
    Ok(())
}

fn inspect(args: &InspectArgs, context: &Context) -> Result<()> {
    let folder = context.path(&args.folder);
    let bundle = Bundle::open(&folder)?;
    let jobs =
        args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let findings = bundle.check_parts(jobs)?;
    let (_, bytes) = bundle.parts();
    if context.report.is_json() {
        context.report.json(&json!({
            "id": bundle.id(), "bytes": bytes, "parts": findings,
            "delta": bundle.is_delta(),
            "files": bundle.inventory().lines(),
            "removed": bundle.removed().collect::<Vec<_>>(),
        }))?;
    } else {
        context.report.data(&text(&bundle, &findings))?;
    }
    let wrong = findings.iter().filter(|finding| finding.problem.is_some()).count();
    match wrong {
        0 => Ok(()),
        _ => {
            Err(Error::new(ErrorKind::Integrity, format!("`{}` has wrong parts", folder.display()))
                .fact("wrong", format!("{wrong} of {}", findings.len()))
                .hint("send only these parts again"))
        }
    }
}

/// Returns the content of a bundle as text.
fn text(bundle: &Bundle, findings: &[PartFinding]) -> String {
    let (parts, bytes) = bundle.parts();
    let lines = bundle.inventory().lines();
    let carried = lines.iter().filter(|line| line.is_carried()).count();
    let mut text = format!(
        "bundle {}\n{}, {carried} of them carried; {} in {}\n",
        bundle.id(),
        count(lines.len(), "file"),
        megabytes(bytes),
        count(parts, "part")
    );
    let gone = bundle.removed().map(|path| format!("removes {path}\n"));
    let files = lines.iter().map(|line| {
        format!("{:9} {:>10}  {}\n", line.kind.name(), megabytes(line.size), line.path)
    });
    text.extend(files.chain(gone));
    text.extend(findings.iter().map(|finding| finding.describe() + "\n"));
    text
}

fn diff(args: &DiffArgs, context: &Context) -> Result<()> {
    let found = bundle::difference(&context.path(&args.first), &context.path(&args.second))?;
    if context.report.is_json() {
        return context.report.json(&json!({"equal": found.is_empty(), "difference": found}));
    }
    if found.is_empty() {
        context.report.say("no difference");
    }
    context.report.data(&found.text())
}

fn inventory(args: &InventoryArgs, context: &Context) -> Result<()> {
    let folder = context.path(&args.folder);
    if let Some(output) = &args.output {
        outside::check(&context.path(output), &folder)?;
    }
    let inventory = bundle::inventory_of(&folder)?;
    if let Some(output) = &args.output {
        let path = RootedPath::beside(&context.path(output));
        store::write_atomically(&path, inventory.text()?.as_bytes())?;
        context.report.say(&count(inventory.lines().len(), "file"));
    }
    if context.report.is_json() {
        return context.report.json(&json!({"files": inventory.lines()}));
    }
    match args.output {
        Some(_) => Ok(()),
        None => context.report.content(&inventory.text()?),
    }
}
