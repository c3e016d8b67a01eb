//! `mirror values`.

use super::{ValuesArgs, chart};
use crate::cli::Context;
use airgap_core::error::{Error, Result};
use airgap_core::quantity::count;
use airgap_core::report::printable_line;
use airgap_mirror::MirrorList;
use airgap_mirror::chart::Chart;
use airgap_mirror::helm::{Helm, ValuesFile};
use airgap_mirror::helm_values::{ProvenValues, Unmoved, ValuesOptions, proven, unproven};
use airgap_mirror::yaml;

/// The limit for the number of images that are named individually.
const MOST_NAMED: usize = 50;

/// The name of the values in Helm's messages.
const OWN: &str = "the values of `mirror values`";

pub(super) fn run(args: &ValuesArgs, context: &Context) -> Result<()> {
    let Some(named) = chart::one(&args.chart, context)? else {
        return Err(Error::usage("no chart is named").hint("name it with `--chart`"));
    };
    let chart = named.read()?;
    let list = MirrorList::read(&context.path(&args.list), &args.list.display().to_string())?;
    match chart::helm(&args.chart, context)? {
        Some(helm) => prove(&named, &chart, &list, &helm, args, context),
        None => guess(&chart, &list, args, context),
    }
}

/// Writes values that are proven, because Helm rendered the chart with them.
fn prove(
    named: &chart::NamedChart,
    chart: &Chart,
    list: &MirrorList,
    helm: &Helm,
    args: &ValuesArgs,
    context: &Context,
) -> Result<()> {
    let mut warnings = Vec::new();
    let mut render = |values: &str| {
        if chart.is_library() {
            return Ok(String::new());
        }
        let own = ValuesFile { name: OWN.to_owned(), text: values.to_owned() };
        let rendered = named.render(helm, &[], &[own])?;
        warnings = rendered.warnings;
        Ok(rendered.text)
    };
    let made = proven(chart, list, options(args), &mut render)?;
    warnings.iter().chain(&made.notes).for_each(|note| context.report.warn(note));
    say_unmoved(&made.unmoved, context);
    let first_line = first_line(&made, list, helm);
    write(&made.values, &first_line, context)?;
    conclude(&made, list.name())
}

/// Writes values that are not proven.
fn guess(chart: &Chart, list: &MirrorList, args: &ValuesArgs, context: &Context) -> Result<()> {
    let made = unproven(chart, list, options(args))?;
    let reason = "the values are guessed from those of the chart, because `helm` is not on PATH";
    context.report.warn(&format!("not proven: {reason}"));
    made.unchanged.iter().for_each(|why| context.report.warn(why));
    write(&made.values, &format!("Not proven: {reason}"), context)
}

fn options(args: &ValuesArgs) -> ValuesOptions<'_> {
    ValuesOptions { pull_secrets: &args.pull_secrets, per_component: args.per_component }
}

fn write(values: &serde_json::Value, first_line: &str, context: &Context) -> Result<()> {
    match context.report.is_json() {
        true => context.report.json(values),
        false => context.report.content(&format!(
            "# {}\n{}",
            printable_line(first_line),
            yaml::block(values)
        )),
    }
}

fn first_line(made: &ProvenValues, list: &MirrorList, helm: &Helm) -> String {
    let version = helm.version();
    let rest = match made.unmoved_images() {
        _ if made.images == 0 => {
            return format!("Proven with Helm {version}: the chart has no image");
        }
        0 => String::new(),
        some => format!(", and no value of the chart moves the other {some}"),
    };
    let moved = made.images.saturating_sub(made.unmoved_images());
    let all = count(made.images, "image");
    let at = at_destination(moved.max(usize::from(made.images == 1)));
    format!("Proven with Helm {version}: {moved} of {all} {at} in {}{rest}", list.name())
}

fn at_destination(images: usize) -> &'static str {
    if images == 1 { "is at its destination" } else { "are at their destinations" }
}

/// Reports the images that no value moves, with the field to change.
fn say_unmoved(unmoved: &[Unmoved], context: &Context) {
    for Unmoved { image, place, destination, kustomize_can } in unmoved.iter().take(MOST_NAMED) {
        let destination = destination.as_ref().map(|it| format!(" to `{it}`")).unwrap_or_default();
        let remedy = match kustomize_can {
            true => "`wasm-airgap mirror kustomize` changes it in the rendered manifests",
            false => "patch that field in the rendered manifests",
        };
        context.report.warn(&format!(
            "no value of the chart changes `{image}` in {place}{destination}; {remedy}"
        ));
    }
    if let Some(more @ 1..) = unmoved.len().checked_sub(MOST_NAMED) {
        context.report.warn(&format!("no value of the chart changes {more} more"));
    }
}

/// Fails if an image is not at its destination.
fn conclude(made: &ProvenValues, list: &str) -> Result<()> {
    let some = made.unmoved_images();
    if some == 0 {
        return Ok(());
    }
    let all = count(made.images, "image");
    let not_at = at_destination(some).replacen(' ', " not ", 1);
    let error = Error::integrity(format!("{some} of {all} {not_at} with these values"));
    let can = made.unmoved.iter().any(|unmoved| unmoved.kustomize_can);
    Err(match can {
        true => error.hint(format!(
            "render the chart with the values, and pass the manifests to Kustomize: `wasm-airgap \
             mirror kustomize -f {list} manifests.yaml`"
        )),
        false => error.hint("render the chart with the values, and patch the manifests"),
    })
}
