//! `mirror kustomize`.

use super::KustomizeArgs;
use crate::cli::Context;
use crate::error::Result;
use crate::images::manifests::Manifests;
use crate::images::{MirrorList, kustomize};

pub(super) fn run(args: &KustomizeArgs, context: &Context) -> Result<()> {
    let report = &context.report;
    let list = MirrorList::read(&context.path(&args.list), &args.list.display().to_string())?;
    let base = context.environment.base_dir();
    let manifests = Manifests::read(&args.paths, &base, std::io::stdin())?;
    let manifests = manifests.without_empty()?.complete()?;
    let images = match args.paths.is_empty() {
        true => kustomize::for_list(&list)?,
        false => {
            let transformer = kustomize::for_manifests(&list, &manifests.mentions)?;
            for mention in &transformer.unlisted {
                report.warn(&format!(
                    "{}: `{}` is not in `{}`",
                    mention.place,
                    mention.written,
                    list.name()
                ));
            }
            for mention in &transformer.unreached {
                report.warn(&format!(
                    "{}: Kustomize does not look at `{}` in {}; set it in the chart's values, or patch it",
                    mention.place, mention.written, mention.field
                ));
            }
            transformer.images
        }
    };
    let data = serde_json::json!({ "images": images });
    match report.is_json() {
        true => report.json(&data),
        false => report.content(&crate::yaml::block(&data)),
    }
}
