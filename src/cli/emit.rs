//! `emit`: write BUILD files.

use super::{Context, EmitToolArgs, EmitWitArgs};
use airgap_core::error::Result;
use airgap_vendor::kinds::{tool::ToolRepository, wit::WitRepository};
use airgap_wit::WitSource;

/// Writes the BUILD file for an unpacked tool (`emit tool`).
pub(super) fn tool(args: EmitToolArgs, context: &Context) -> Result<()> {
    let root = context.path(&args.root);
    let EmitToolArgs { tool, version, platform, executables, rules, .. } = args;
    let repository = ToolRepository { tool, version, platform, executables, rules };
    context.report.content(&repository.build_file(&root)?.text())
}

/// Writes the BUILD file for the folder of a package (`emit wit`).
pub(super) fn wit(args: EmitWitArgs, context: &Context) -> Result<()> {
    let root = context.path(&args.root);
    let EmitWitArgs { package, rules, deps, folder, published, .. } = args;
    let text = match folder.as_str() {
        "" => root,
        folder => root.join(folder),
    };
    let source = WitSource::from_folder(&text)?;
    source.must_be(&package, &text.display().to_string())?;
    let repository = WitRepository {
        package,
        source: &source,
        rules,
        labels: &deps.into_iter().collect(),
        folder,
        published: published.map(|file| file.to_string()),
    };
    context.report.content(&repository.build_file()?.text())
}
