//! `extract`: verify an archive and unpack it.

use super::{Context, ExtractArgs};
use airgap_archive::{self as extract, Adjustments, BuildFiles, Layout, Limits};
use airgap_core::artifact::{ArchiveType, Strip};
use airgap_core::error::{Error, Result};
use airgap_core::quantity::{count, megabytes};
use airgap_core::verify::Unverified;

pub(super) fn run(args: &ExtractArgs, context: &Context) -> Result<()> {
    let archive = context.path(&args.archive);
    let name = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let archive_type = args.archive_type.unwrap_or_else(|| ArchiveType::from_filename(&name));
    let filename = match (&args.filename, archive_type) {
        (Some(filename), _) => filename.clone(),
        (None, ArchiveType::Binary) => name.parse().map_err(Error::usage)?,
        // Not used: the files of an archive have their own names.
        (None, _) => "archive".parse().map_err(Error::usage)?,
    };
    let layout = Layout {
        archive: archive_type,
        strip: args.strip_prefix.clone().unwrap_or(Strip::TopFolder),
        filename,
    };
    let subject = args.subject.clone().unwrap_or(name);
    let verified = Unverified::open(&archive, subject)?.verify(&args.sha256)?;
    let build_files = if args.for_bazel { BuildFiles::Hidden } else { BuildFiles::Kept };
    let adjustments =
        Adjustments { build_files, executables: &args.executables, ..Adjustments::NONE };
    let out = context.path(&args.out);
    let tree = extract::extract_with(&verified, &layout, &adjustments, &out, &Limits::default())?;
    if context.report.is_json() {
        return context.report.json(&serde_json::json!({
            "root": tree.root, "entries": tree.entries, "bytes": tree.bytes,
        }));
    }
    context.report.say(&format!(
        "extracted {} into {}: {}, {}",
        verified.subject(),
        tree.root.display(),
        count(tree.entries, "entry"),
        megabytes(tree.bytes)
    ));
    Ok(())
}
