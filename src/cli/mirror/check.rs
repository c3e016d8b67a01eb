//! `mirror check`.

use super::{Asking, CheckArgs};
use crate::cli::Context;
use crate::error::{Error, Result};
use crate::images::{check, live, manifests::Manifests};

pub(super) fn run(args: &CheckArgs, context: &Context) -> Result<()> {
    let registry = &super::registry(&args.registry)?;
    if let Some(warning) = registry.warning() {
        context.report.warn(&warning);
    }
    let manifests =
        Manifests::read(&args.paths, &context.environment.base_dir(), std::io::stdin())?;
    let Manifests { files, mentions, problems } = &manifests;
    let mut findings = check::check(mentions, registry);
    let live = match args.live {
        true => {
            let asking = Asking::of(context, "ask the registry for each image")?;
            Some(live::live(mentions, registry, &asking.client, args.jobs.into()))
        }
        false => None,
    };
    let (mut asked, mut errors) = (None, Vec::new());
    if let Some(live) = live {
        findings.extend(live.findings);
        findings.sort_by(|a, b| a.mention.place.cmp(&b.mention.place));
        (asked, errors) = (Some(live.asked), live.errors);
    }
    if context.report.is_json() {
        context.report.json(&serde_json::json!({
            "registry": registry.to_string(), "files": files, "images": mentions.len(),
            "findings": findings, "unreadable": problems, "asked": asked,
        }))?;
    } else {
        let unreadable =
            problems.iter().map(|it| format!("{}  not YAML: {}\n", it.place, it.problem));
        let text: String =
            findings.iter().map(check::Finding::describe).chain(unreadable).collect();
        context.report.data(&crate::report::printable(&text))?;
    }
    if !problems.is_empty() {
        return Err(Error::usage(format!("{} documents could not be checked", problems.len()))
            .fact("findings", findings.len())
            .hint("mend the files, or leave out those that are no manifests"));
    }
    if !findings.is_empty() {
        return Err(Error::integrity(format!(
            "{} of {} images are not in `{registry}`",
            findings.len(),
            mentions.len()
        ))
        .hint("`wasm-airgap mirror values` and `mirror kustomize` make the manifests use it; `mirror copy` brings the images there"));
    }
    if let Some(error) = errors.pop() {
        errors.iter().for_each(|error| context.report.say(&format!("failed   {error}")));
        return Err(error);
    }
    match mentions.len() {
        0 => context.report.warn(&format!("no image is named in {files} files")),
        count => {
            let asked = asked.map(|it| format!(", which has each of the {it} different ones"));
            let asked = asked.unwrap_or_default();
            context
                .report
                .say(&format!("{count} images in {files} files are in `{registry}`{asked}"));
        }
    }
    Ok(())
}
