//! `verify`: hash a vendor folder again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{Context, VerifyArgs};
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::quantity::{self, count};
use airgap_vendor::manifest::{self, FileDefect, Manifest};
use airgap_vendor::unpacked;

/// The most folders with unpacked files for which a command is printed.
const MOST_UNPACKED: usize = 10;

pub(super) fn run(args: &VerifyArgs, context: &Context) -> Result<()> {
    let dir = match (&args.dir, &args.workspace_of) {
        (Some(dir), Some(file)) => context.tree_of(file)?.join(dir),
        (Some(dir), None) => context.path(dir),
        (None, _) => default_dir(context)?,
    };
    let root = manifest::root_of(&dir);
    let Some(manifest) = Manifest::read(root)? else {
        let error = Error::usage(format!("`{}` has no manifest", dir.display()))
            .fact("looked for", root.join(manifest::FILENAME).display());
        return Err(match unpacked::find(&dir) {
            None => error
                .hint("name the vendor folder; `wasm-airgap vendor` writes the manifest into it"),
            Some(folder) => error
                .fact("found", format!("unpacked files of a tool, in `{}`", folder.display()))
                .hint(
                    "it was not written by this program, which vendors archives; vendor into a new folder\n\
                     bazel run @rules_wasm_airgap//tools/vendor:vendor_all_toolchains -- --output-dir \
                     vendor/toolchains",
                ),
        });
    };
    let jobs =
        args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let findings = manifest.check(root, jobs)?;
    if context.report.is_json() {
        let files = manifest.entries().len();
        context.report.json(&serde_json::json!({"files": files, "findings": findings}))?;
    } else {
        for finding in &findings {
            context.report.data(&format!("{}\n", finding.describe()))?;
        }
    }
    if findings.is_empty() {
        let files = manifest.entries().len();
        context.report.say(&format!(
            "{} {} as listed in the manifest",
            count(files, "file"),
            quantity::are(files)
        ));
        return Ok(());
    }
    if findings.iter().all(FileDefect::is_failure) {
        let statement = format!("`{}` cannot be read in full", dir.display());
        let error = Error::new(ErrorKind::Failed, statement).fact("files", findings.len());
        let error =
            findings.iter().filter_map(FileDefect::cause).take(1).fold(error, Error::because);
        return Err(error.hint("make the files readable, and run `wasm-airgap verify` again"));
    }
    let error = Error::integrity(format!("`{}` differs from its manifest", dir.display()))
        .fact("findings", findings.len());
    let unlisted = findings.iter().filter_map(|finding| match finding {
        FileDefect::Unlisted { path } => Some(path.as_str()),
        _ => None,
    });
    let unpacked = unpacked::folders_of(unlisted);
    let unpacked = unpacked.iter().take(MOST_UNPACKED).map(|it| unpacked::remedy(&root.join(it)));
    let error = unpacked.fold(error, Error::hint);
    let remedies: BTreeSet<_> = findings.iter().filter_map(FileDefect::remedy).collect();
    Err(remedies.into_iter().fold(error, Error::hint).hint(
        "run the `vendor` command again to replace missing and changed files; remove unlisted \
             files yourself",
    ))
}

/// Returns the vendor folder of the settings, or `vendor` in the workspace.
pub(super) fn default_dir(context: &Context) -> Result<PathBuf> {
    let policy = context.policy()?;
    Ok(policy.vendor_dir().map_or_else(|| policy.workspace().join("vendor"), PathBuf::from))
}
