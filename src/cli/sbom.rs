//! `sbom`: the list of the content of a vendor folder, for scanners.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::Context;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::quantity::count;
use airgap_core::rooted::RootedPath;
use airgap_core::store;
use airgap_operations::outside;
use airgap_operations::sbom::{self, Sbom, Time};

/// The variable with the time of the document, see reproducible-builds.org.
const TIME: &str = "SOURCE_DATE_EPOCH";

/// List the content of a vendor folder for vulnerability scanners (SBOM).
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap sbom vendor --format cyclonedx -o vendor.cdx.json

CycloneDX is version 1.6, SPDX version 2.3, both as JSON. Each file of the manifest has its package URL,
its SHA-256 and its address. A component that was built with cargo-auditable is listed with its crates.

The same folder gives the same bytes. The document has no time, unless SOURCE_DATE_EPOCH is set; SPDX needs
a time, which is 1970-01-01 without that variable.

Exits with 4 if the folder has a file that is not listed, or a component has another digest than listed.")]
pub(super) struct SbomArgs {
    /// The vendor folder, or an image layout [default: BAZEL_WASM_VENDOR_DIR, or vendor]
    dir: Option<PathBuf>,
    /// The format
    #[arg(long, value_enum, default_value_t = FormatName::Cyclonedx)]
    format: FormatName,
    /// The file for the document [default: print it]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The name of a format.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatName {
    /// CycloneDX 1.6
    Cyclonedx,
    /// SPDX 2.3
    Spdx,
}

impl From<FormatName> for sbom::Format {
    fn from(name: FormatName) -> sbom::Format {
        match name {
            FormatName::Cyclonedx => sbom::Format::Cyclonedx,
            FormatName::Spdx => sbom::Format::Spdx,
        }
    }
}

pub(super) fn run(args: &SbomArgs, context: &Context) -> Result<()> {
    let dir = match &args.dir {
        Some(dir) => context.path(dir),
        None => super::verify::default_dir(context)?,
    };
    if let Some(output) = &args.output {
        outside::check(&context.path(output), &dir)?;
    }
    let sbom = Sbom::of_folder(&dir)?;
    let text = sbom.text(args.format.into(), time(context)?)?;
    let Some(output) = &args.output else {
        // The document is JSON itself, with and without --json.
        return match context.report.is_json() {
            true => context.report.json(&value(&text)?),
            false => context.report.content(&text),
        };
    };
    store::write_atomically(&RootedPath::beside(&context.path(output)), text.as_bytes())?;
    context.report.say(&count(sbom.count(), "part"));
    match context.report.is_json() {
        true => context.report.json(&json!({"parts": sbom.count(), "file": output})),
        false => Ok(()),
    }
}

fn value(text: &str) -> Result<serde_json::Value> {
    serde_json::from_str(text)
        .map_err(|error| Error::new(ErrorKind::Failed, "cannot read the SBOM again").because(error))
}

fn time(context: &Context) -> Result<Option<Time>> {
    let Some(text) = context.environment.named(TIME) else { return Ok(None) };
    text.parse().map(Some).map_err(|problem: String| {
        Error::usage(format!("`{TIME}` is invalid"))
            .because(problem)
            .hint("unset it, or set it to the output of `date +%s`")
    })
}
