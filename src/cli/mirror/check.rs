//! `mirror check`.

use super::{CheckArgs, RegistryAccess};
use crate::cli::Context;
use airgap_core::error::{Error, Result};
use airgap_core::quantity::{are, count};
use airgap_mirror::allow_list::Allowed;
use airgap_mirror::check::Finding;
use airgap_mirror::{AllowList, check, existence, manifests::Manifests};

pub(super) fn run(args: &CheckArgs, context: &Context) -> Result<()> {
    let registry = &super::registry(&args.registry)?;
    if let Some(warning) = registry.warning() {
        context.report.warn(&warning);
    }
    let allow = match &args.allow {
        Some(path) => AllowList::read(&context.path(path), &path.display().to_string())?,
        None => AllowList::default(),
    };
    let manifests =
        Manifests::read(&args.paths, &context.environment.base_dir(), std::io::stdin())?
            .without_empty()?;
    let Manifests { files, occurrences, problems, .. } = &manifests;
    let mut findings = check::check(occurrences, registry);
    let live = match args.live {
        true => {
            let asking = RegistryAccess::new(context, "ask the registry for each image")?;
            Some(existence::check_existence(
                occurrences,
                registry,
                &asking.client,
                args.jobs.into(),
            ))
        }
        false => None,
    };
    let (mut asked, mut errors) = (None, Vec::new());
    if let Some(live) = live {
        findings.extend(live.findings);
        findings.sort_by(|a, b| a.occurrence.place.cmp(&b.occurrence.place));
        (asked, errors) = (Some(live.asked), live.errors);
    }
    let accepted = allow.accept(&mut findings);
    say_accepted(&allow, &accepted, context);
    if context.report.is_json() {
        context.report.json(&serde_json::json!({
            "registry": registry.to_string(), "files": files, "images": occurrences.len(),
            "findings": findings, "accepted": accepted.iter().map(accepted_row).collect::<Vec<_>>(),
            "unreadable": problems, "asked": asked,
            "errors": errors.iter().map(row).collect::<Vec<_>>(),
        }))?;
    } else {
        let unreadable = problems.iter().map(|it| {
            // Without a line, the file itself cannot be read.
            let what = if it.place.line == 0 { "" } else { "not YAML: " };
            format!("{}  {what}{}\n", it.place, it.problem)
        });
        let text: String =
            findings.iter().map(check::Finding::describe).chain(unreadable).collect();
        context.report.data(&text)?;
    }
    conclude(&manifests, &findings, errors, args, context)?;
    match occurrences.len() {
        0 => context.report.warn(&format!("found no image in {}", count(*files, "file"))),
        images => {
            let asked = asked.map(|it| format!(", which has each of the {it} different ones"));
            let accepted_count = accepted.len();
            let accepted = match accepted_count {
                0 => String::new(),
                some => format!("; {some} {} accepted by `{}`", are(some), allow.name()),
            };
            context.report.say(&format!(
                "{} in {} {} in `{registry}`{}{accepted}",
                count(images - accepted_count, "image"),
                count(*files, "file"),
                are(images - accepted_count),
                asked.unwrap_or_default()
            ));
        }
    }
    Ok(())
}

/// Reports the accepted findings with their reasons, and the entries that accept no finding.
fn say_accepted(allow: &AllowList, accepted: &[(Finding<'_>, &Allowed)], context: &Context) {
    for (Finding { occurrence, .. }, Allowed { reason, .. }) in accepted {
        let (place, written) = (&occurrence.place, &occurrence.written);
        context.report.say(&format!("accepted {place}  {written}: {reason}"));
    }
    for Allowed { image, place, .. } in allow.unused(accepted) {
        context.report.warn(&format!("{place}: `{image}` accepts nothing that was found"));
    }
}

/// Returns an accepted finding as JSON.
fn accepted_row((finding, entry): &(Finding<'_>, &Allowed)) -> serde_json::Value {
    serde_json::json!({ "finding": finding, "reason": entry.reason })
}

/// Returns the error of an image for which the registry could not be asked, as JSON.
fn row(error: &Error) -> serde_json::Value {
    serde_json::json!({ "error": error.to_string(), "kind": error.kind().name() })
}

/// Reports all failures before one of them decides the exit code: first unreadable files, then
/// images that are not in the registry, then images for which the registry could not be asked.
fn conclude(
    manifests: &Manifests,
    findings: &[check::Finding<'_>],
    mut errors: Vec<Error>,
    args: &CheckArgs,
    context: &Context,
) -> Result<()> {
    let (Manifests { occurrences, problems, .. }, registry) = (manifests, &args.registry);
    if problems.is_empty() && findings.is_empty() && errors.len() <= 1 {
        return errors.pop().map_or(Ok(()), Err);
    }
    errors.iter().for_each(|error| context.report.failed("", error));
    let failed = errors.len();
    let with_failed = |error: Error| match failed {
        0 => error,
        _ => {
            error.fact("not asked for", format!("{}: see the errors above", count(failed, "image")))
        }
    };
    if !problems.is_empty() {
        let statement = match problems.len() {
            1 => "1 document or file could not be checked".to_owned(),
            many => format!("{many} documents or files could not be checked"),
        };
        let error = Error::usage(statement).fact("findings", findings.len());
        return Err(
            with_failed(error).hint("fix the files, or leave out those that are not manifests")
        );
    }
    if !findings.is_empty() {
        let (found, all) = (findings.len(), occurrences.len());
        let statement =
            format!("{found} of {} {} not in `{registry}`", count(all, "image"), are(found));
        return Err(with_failed(Error::integrity(statement)).hint(
            "`wasm-airgap mirror values` and `mirror kustomize` make the manifests use it; `mirror \
             copy` copies the images to it",
        ));
    }
    Err(Error::from_many(
        &errors,
        format!("could not ask `{registry}` for {}", count(failed, "image")),
    ))
}
