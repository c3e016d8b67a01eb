//! What `--chart`, `--values`, `--set` and `--disable` come down to.

use super::{Asking, ChartArgs};
use crate::cli::Context;
use crate::error::{Error, Result};
use crate::images::Chart;
use crate::images::chart::{Override, Unresolved, registry};
use crate::look;
use crate::rooted::RootedPath;
use crate::store::Scratch;

/// What charts in registries begin with, as in Helm.
const SCHEME: &str = "oci://";

/// The chart with its values, where one is named.
pub(super) fn read(args: &ChartArgs, context: &Context) -> Result<Option<Chart>> {
    let Some(chart) = &args.chart else { return Ok(None) };
    let files = args.values.iter();
    let files = files.map(|file| Override::file(&context.path(file), &file.display().to_string()));
    let sets = args.set.iter().cloned().map(|set| Ok(Override::Set(set)));
    let overrides: Vec<_> = files.chain(sets).collect::<Result<_>>()?;
    let name = chart.display().to_string();
    if let Some(place) = name.strip_prefix(SCHEME) {
        return pulled(place, &overrides, args, context).map(Some);
    }
    if is_in_registry(&name) && look::kind(&context.path(chart))?.is_none() {
        context.report.say(&format!("`{name}` is taken for `{SCHEME}{name}`"));
        return pulled(&name, &overrides, args, context).map(Some);
    }
    if let Some(version) = &args.version {
        return Err(Error::usage(format!("`--version {version}` is for charts in a registry"))
            .hint(format!("write the chart as `{SCHEME}HOST/PATH`, or leave out the version")));
    }
    if name.contains("://") {
        return Err(Error::usage(
            "a chart is named by its folder, its .tgz or its place in a registry",
        )
        .fact("found", &name)
        .hint(format!("charts in registries begin with `{SCHEME}`")));
    }
    Chart::read(&context.path(chart), name.trim_end_matches('/'), &overrides, &args.disable)
        .map(Some)
}

/// Whether a name begins with the host of a registry, as `ghcr.io/org/chart` does, and is not that
/// of an archive.
fn is_in_registry(name: &str) -> bool {
    let is_host =
        |host: &str| host == "localhost" || (host.contains(['.', ':']) && !host.starts_with('.'));
    let is_place = |(host, path): (&str, &str)| is_host(host) && !path.starts_with('/');
    name.split_once('/').is_some_and(is_place) && !name.ends_with(".tgz")
}

/// A chart from a registry, which nobody has pinned unless its digest stands behind it.
fn pulled(
    place: &str,
    overrides: &[Override],
    args: &ChartArgs,
    context: &Context,
) -> Result<Chart> {
    let asking = Asking::of(context, "fetch a chart")?;
    let folder = Scratch::new()?;
    let path = folder.path().join("chart.tgz");
    let version = args.version.as_deref();
    let found = registry::pull(
        &asking.client,
        &asking.registries,
        place,
        version,
        &RootedPath::beside(&path),
        &context.report,
    )?;
    context.report.say(&format!("{SCHEME}{}  sha256:{}", found.reference, found.digest));
    Chart::read(&path, &format!("{SCHEME}{}", found.reference), overrides, &args.disable)
}

/// Says what cannot be told without rendering.
pub(super) fn warn_of(unresolved: &[Unresolved], context: &Context) {
    for Unresolved { place, text, reason } in unresolved {
        context.report.warn(&format!("{place}: `{text}`: {reason}"));
    }
}
