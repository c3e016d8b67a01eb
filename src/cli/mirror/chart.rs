//! `--chart`, and the options of the charts that it names.

use std::path::{Path, PathBuf};

use super::{ChartArgs, RegistryAccess};
use crate::cli::Context;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::rooted::RootedPath;
use airgap_core::store::Scratch;
use airgap_core::user_path;
use airgap_core::workers;
use airgap_mirror::Chart;
use airgap_mirror::chart::{Assignments, ChartImages, Override, Unresolved, registry, repository};
use airgap_mirror::helm::{Helm, RenderOptions, Rendered, ValuesFile};
use airgap_mirror::yaml;

/// The scheme of charts in registries, as in Helm.
const SCHEME: &str = "oci://";

/// A chart on this machine, with its options.
pub(super) struct NamedChart {
    /// The name in messages.
    pub(super) name: String,
    path: PathBuf,
    options: RenderOptions,
    overrides: ChartOverrides,
    /// The folder of a downloaded chart, kept until the chart is dropped.
    _folder: Option<Scratch>,
}

/// The values over those of a chart, read without Helm.
#[derive(Clone, Default)]
struct ChartOverrides {
    sets: Vec<Assignments>,
    disabled: Vec<String>,
}

impl NamedChart {
    /// Reads the chart with its values.
    pub(super) fn read(&self) -> Result<Chart> {
        let files = self.options.values.iter();
        let files = files.map(|file| Override::parse(&file.text, &file.name));
        let sets = self.overrides.sets.iter().cloned().map(|set| Ok(Override::Set(set)));
        let overrides: Vec<_> = files.chain(sets).collect::<Result<_>>()?;
        Chart::read(&self.path, &self.name, &overrides, &self.overrides.disabled)
    }

    /// Renders the chart, with additional values over all others.
    pub(super) fn render(
        &self,
        helm: &Helm,
        disabled: &[String],
        over: &[ValuesFile],
    ) -> Result<Rendered> {
        let mut options = self.options.clone();
        options.set.extend_from_slice(disabled);
        options.values.extend_from_slice(over);
        helm.render(&self.path, &self.name, &options)
    }

    /// Returns the images of the chart: rendered by Helm, or guessed if there is no Helm.
    fn images(&self, helm: Option<&Helm>) -> Result<ChartImages> {
        let Some(helm) = helm else { return self.read()?.images() };
        match self.read() {
            Ok(chart) if chart.is_library() => Ok(ChartImages::default()),
            Ok(chart) => {
                let disabled = chart.disabled();
                let disabled: Vec<_> = disabled.iter().map(|it| it.text().to_owned()).collect();
                chart.rendered(&self.render(helm, &disabled, &[])?)
            }
            // Helm may read values that are too large or too unusual for this program, which needs
            // them only to find the origin of the images.
            Err(error)
                if error.kind() == ErrorKind::Usage && self.overrides.disabled.is_empty() =>
            {
                match self.render(helm, &[], &[]) {
                    Ok(rendered) => ChartImages::rendered(&rendered, &self.name),
                    Err(_) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }
}

/// Returns the Helm that renders the charts, if there is one.
pub(super) fn helm(args: &ChartArgs, context: &Context) -> Result<Option<Helm>> {
    match args.charts.is_empty() {
        true => Ok(None),
        false => Helm::find(&context.environment, args.helm.as_deref()),
    }
}

/// Returns the images of each chart, or its error, in the order of the command line. As many charts
/// are rendered at a time as there are processors.
pub(super) fn images(
    args: &ChartArgs,
    helm: Option<&Helm>,
    context: &Context,
) -> Vec<(String, Result<ChartImages>)> {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let options = options(args, context);
    let named: Vec<_> = args
        .charts
        .iter()
        .map(|chart| options.clone().and_then(|options| named(chart, options, args, context)))
        .collect();
    workers::each(&named, jobs, |named| match named {
        Ok(named) => (named.name.clone(), named.images(helm)),
        Err(error) => (String::new(), Err(error.clone())),
    })
}

/// Returns the one chart that is named.
///
/// # Errors
/// Usage, if several are named.
pub(super) fn one(args: &ChartArgs, context: &Context) -> Result<Option<NamedChart>> {
    match &args.charts[..] {
        [] => Ok(None),
        [chart] => named(chart, options(args, context)?, args, context).map(Some),
        _ => Err(Error::usage("`--chart` names several charts")
            .hint("name one chart in each run of this command")),
    }
}

/// Finds a chart on this machine, or downloads it.
fn named(
    chart: &Path,
    options: RenderOptions,
    args: &ChartArgs,
    context: &Context,
) -> Result<NamedChart> {
    let sets = args.set.iter().chain(&args.set_string).cloned().collect();
    let overrides = ChartOverrides { sets, disabled: args.disable.clone() };
    let here = |name: &str, path: PathBuf, folder| NamedChart {
        name: name.to_owned(),
        path,
        options: options.clone(),
        overrides: overrides.clone(),
        _folder: folder,
    };
    let name = chart.display().to_string();
    let is_here = || Ok::<_, Error>(user_path::kind(&context.path(chart))?.is_some());
    let place = match name.strip_prefix(SCHEME) {
        Some(place) => Some(place),
        None if args.repo.is_none() && is_in_registry(&name) && !is_here()? => {
            context.report.say(&format!("reading `{name}` as `{SCHEME}{name}`"));
            Some(name.as_str())
        }
        None => None,
    };
    if let Some(place) = place {
        let (name, path, folder) = pulled(place, args, context)?;
        return Ok(here(&name, path, Some(folder)));
    }
    if let Some(repository) = &args.repo {
        let (name, path, folder) = from_repository(&name, repository, args, context)?;
        return Ok(here(&name, path, Some(folder)));
    }
    if let Some(version) = &args.version {
        return Err(Error::usage(format!(
            "`--version {version}` is for charts in a registry or a repository"
        ))
        .hint(format!(
            "write the chart as `{SCHEME}HOST/PATH`, name its `--repo`, or leave out the version"
        )));
    }
    if name.contains("://") {
        return Err(Error::usage(
            "a chart is named by its folder, its .tgz or its oci:// reference",
        )
        .fact("found", &name)
        .hint(format!("charts in registries begin with `{SCHEME}`"))
        .hint(
            "for a chart in a repository, pass the repository's URL in `--repo` and the chart's \
             name in `--chart`",
        ));
    }
    Ok(here(name.trim_end_matches('/'), context.path(chart), None))
}

/// Returns the options for Helm.
fn options(args: &ChartArgs, context: &Context) -> Result<RenderOptions> {
    let read = |file: &PathBuf| {
        let name = file.display().to_string();
        Ok(ValuesFile { text: yaml::read(&context.path(file), &name)?, name })
    };
    let texts = |sets: &[Assignments]| sets.iter().map(|set| set.text().to_owned()).collect();
    Ok(RenderOptions {
        values: args.values.iter().map(read).collect::<Result<_>>()?,
        set: texts(&args.set),
        set_string: texts(&args.set_string),
        kube_version: args.kube_version.clone(),
        api_versions: args.api_versions.clone(),
        namespace: args.namespace.clone(),
    })
}

/// Returns whether a name starts with the host of a registry, as `ghcr.io/org/chart` does, and is
/// not the name of an archive.
fn is_in_registry(name: &str) -> bool {
    let is_host =
        |host: &str| host == "localhost" || (host.contains(['.', ':']) && !host.starts_with('.'));
    let is_place = |(host, path): (&str, &str)| is_host(host) && !path.starts_with('/');
    name.split_once('/').is_some_and(is_place) && !name.ends_with(".tgz")
}

/// Downloads a chart from a registry. Returns its name and its archive.
fn pulled(place: &str, args: &ChartArgs, context: &Context) -> Result<(String, PathBuf, Scratch)> {
    let asking = RegistryAccess::new(context, "fetch a chart")?;
    let folder = Scratch::new()?;
    let path = folder.path().join("chart.tgz");
    let found = registry::pull(
        &asking.client,
        &asking.registries,
        place,
        args.version.as_deref(),
        &RootedPath::beside(&path),
        &context.report,
    )?;
    let name = format!("{SCHEME}{}", found.reference);
    context.report.say(&format!("{name}  sha256:{}", found.digest));
    Ok((name, path, folder))
}

/// Downloads a chart from a repository. Returns its name and its archive.
fn from_repository(
    chart: &str,
    repository: &str,
    args: &ChartArgs,
    context: &Context,
) -> Result<(String, PathBuf, Scratch)> {
    let policy = context.policy()?;
    let network = policy.network(|| "fetch a chart".to_owned())?;
    let folder = Scratch::new()?;
    let path = folder.path().join("chart.tgz");
    let request = repository::ChartRequest { repository, chart, version: args.version.as_deref() };
    let found = repository::pull(network, request, &RootedPath::beside(&path), &context.report)?;
    context.report.say(&format!("{}  sha256:{}", found.name, found.digest));
    Ok((found.name, path, folder))
}

/// Warns of the images that are unknown without rendering.
pub(super) fn warn_of(unresolved: &[Unresolved], context: &Context) {
    for Unresolved { place, text, reason } in unresolved {
        context.report.warn(&format!("{place}: `{text}`: {reason}"));
    }
}
