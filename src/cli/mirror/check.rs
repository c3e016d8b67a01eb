//! `mirror check`.

use super::{CheckArgs, RegistryAccess};
use crate::cli::Context;
use airgap_core::error::{Error, Result};
use airgap_core::quantity::{are, count};
use airgap_mirror::allow_list::Allowed;
use airgap_mirror::check::MissingImage;
use airgap_mirror::{AllowList, RegistryPath, check, existence, manifests::Manifests};

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
    let occurrences = &manifests.occurrences;
    let mut findings = check::check(occurrences, registry);
    let (mut asked, mut errors) = (None, Vec::new());
    if args.live {
        let access = RegistryAccess::new(context, "ask the registry for each image")?;
        let live =
            existence::check_existence(occurrences, registry, &access.client, args.jobs.into());
        findings.extend(live.findings);
        findings.sort_by(|a, b| a.occurrence.place.cmp(&b.occurrence.place));
        (asked, errors) = (Some(live.asked), live.errors);
    }
    let accepted = allow.accept(&mut findings);
    say_accepted(&allow, &accepted, context);
    let result = Checked { registry, manifests: &manifests, findings, accepted, asked, errors };
    match context.report.is_json() {
        true => context.report.json(&result.json())?,
        false => context.report.data(&result.text())?,
    }
    let accepted = result.accepted.len();
    conclude(&manifests, &result.findings, result.errors, args, context)?;
    say_all_right(&manifests, (registry, asked), (&allow, accepted), context);
    Ok(())
}

/// The result of a check.
struct Checked<'a> {
    registry: &'a RegistryPath,
    manifests: &'a Manifests,
    findings: Vec<MissingImage<'a>>,
    /// The findings that the allow list accepts.
    accepted: Vec<(MissingImage<'a>, &'a Allowed)>,
    /// The number of images for which the registry was asked, with `--live`.
    asked: Option<usize>,
    /// The errors of requests, with `--live`.
    errors: Vec<Error>,
}

impl Checked<'_> {
    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "registry": self.registry.to_string(), "files": self.manifests.files,
            "images": self.manifests.occurrences.len(), "findings": self.findings,
            "accepted": self.accepted.iter().map(accepted_row).collect::<Vec<_>>(),
            "unreadable": self.manifests.problems, "asked": self.asked,
            "errors": self.errors.iter().map(row).collect::<Vec<_>>(),
        })
    }

    /// Returns a line for each finding and each unreadable document.
    fn text(&self) -> String {
        let unreadable = self.manifests.problems.iter().map(|it| {
            // Without a line, the file itself cannot be read.
            let what = if it.place.line == 0 { "" } else { "not YAML: " };
            format!("{}  {what}{}\n", it.place, it.problem)
        });
        self.findings.iter().map(MissingImage::describe).chain(unreadable).collect()
    }
}

/// Reports that each image is in the registry or accepted, or that there was no image.
fn say_all_right(
    manifests: &Manifests,
    (registry, asked): (&RegistryPath, Option<usize>),
    (allow, accepted): (&AllowList, usize),
    context: &Context,
) {
    let (files, images) = (count(manifests.files, "file"), manifests.occurrences.len());
    if images == 0 {
        return context.report.warn(&format!("found no image in {files}"));
    }
    let asked = asked.map(|it| format!(", which has each of the {it} different ones"));
    let note = match accepted {
        0 => String::new(),
        some => format!("; {some} {} accepted by `{}`", are(some), allow.name()),
    };
    context.report.say(&format!(
        "{} in {files} {} in `{registry}`{}{note}",
        count(images - accepted, "image"),
        are(images - accepted),
        asked.unwrap_or_default()
    ));
}

/// Reports the accepted findings with their reasons, and the entries that accept no finding.
fn say_accepted(allow: &AllowList, accepted: &[(MissingImage<'_>, &Allowed)], context: &Context) {
    for (MissingImage { occurrence, .. }, Allowed { reason, .. }) in accepted {
        let (place, written) = (&occurrence.place, &occurrence.written);
        context.report.say(&format!("accepted {place}  {written}: {reason}"));
    }
    for Allowed { image, place, .. } in allow.unused(accepted) {
        let image = airgap_oci::without_login(image);
        context.report.warn(&format!("{place}: `{image}` accepts nothing that was found"));
    }
}

/// Returns an accepted finding as JSON.
fn accepted_row((finding, entry): &(MissingImage<'_>, &Allowed)) -> serde_json::Value {
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
    findings: &[check::MissingImage<'_>],
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
