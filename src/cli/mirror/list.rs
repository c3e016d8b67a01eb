//! `mirror list`.

use super::charts::Charts;
use super::{ListArgs, chart, output};
use crate::cli::Context;
use airgap_core::error::{Error, Result};
use airgap_core::quantity::{count, were};
use airgap_core::store;
use airgap_mirror::inventory::Inventory;
use airgap_mirror::manifests::Manifests;
use airgap_mirror::yaml;
use airgap_mirror::{ListFormat, MirrorEntry, MirrorList, NewEntry, RegistryPath};

pub(super) fn run(args: &ListArgs, context: &Context) -> Result<()> {
    let report = &context.report;
    if args.chart.charts.is_empty() && args.paths.is_empty() {
        return Err(Error::usage("no chart and no manifest is given")
            .hint("name a chart with `--chart`, or the paths of rendered manifests, or both"));
    }
    let registry = args.registry.as_deref().map(super::registry).transpose()?;
    if let Some(warning) = registry.as_ref().and_then(RegistryPath::warning) {
        report.warn(&warning);
    }
    let mut inventory = Inventory::default();
    let charts = Charts::add_to(&mut inventory, args, context)?;
    let base = context.environment.base_dir();
    let mut manifests = Manifests::read(&args.paths, &base, std::io::stdin())?;
    if args.chart.charts.is_empty() && manifests.files == 0 {
        manifests = manifests.complete()?;
    }
    inventory.add_occurrences(&manifests.occurrences);
    chart::warn_of(&inventory.unresolved, context);
    inventory.notes.iter().for_each(|note| report.warn(note));
    charts.say_doubts(&inventory, args, context)?;
    for folder in &manifests.empty {
        report.say(&format!("found no manifests in `{folder}`"));
    }
    if inventory.images.is_empty() {
        report.say("no image was found to mirror");
    }
    match (args.format, &registry) {
        (Some(format), _) => {
            write_for_others(format, registry.as_ref(), &inventory, &charts, args, context)?
        }
        (None, Some(registry)) => write(registry, &inventory, &manifests, &charts, args, context)?,
        (None, None) => return Err(Error::usage("`--registry` is not given")),
    }
    match (conclude(&manifests, context), charts.conclude(context)) {
        (Err(files), Err(charts)) => {
            context.report.failed("", &files);
            Err(charts)
        }
        (files, charts) => files.and(charts),
    }
}

/// Writes the images that are not in the registry yet in the format of another tool.
fn write_for_others(
    format: ListFormat,
    registry: Option<&RegistryPath>,
    inventory: &Inventory,
    charts: &Charts,
    args: &ListArgs,
    context: &Context,
) -> Result<()> {
    let text = format.text(inventory.outside_of(registry));
    if let Some(path) = &args.output {
        let inputs = args.paths.iter().chain(&args.chart.values);
        output::write_named(path, &text, inputs, context)?;
        context.report.say(&format!("wrote `{}`", path.display()));
    }
    match context.report.is_json() {
        true => context.report.json(&json(&[], inventory, charts)),
        false if args.output.is_none() => context.report.content(&text),
        false => Ok(()),
    }
}

/// Writes or adds to the mirror list.
fn write(
    registry: &RegistryPath,
    inventory: &Inventory,
    manifests: &Manifests,
    charts: &Charts,
    args: &ListArgs,
    context: &Context,
) -> Result<()> {
    let report = &context.report;
    // An image in an unreadable file is not found, although it may still be in use.
    let prunes = args.prune && manifests.problems.is_empty() && charts.are_whole();
    if args.prune && !prunes {
        report.warn("`--prune` removes nothing, because some files or charts cannot be read");
    }
    let with_new = |old: MirrorList| -> Result<Changed> {
        let kept = old.without(|entry| prunes && !inventory.has(&entry.source))?;
        kept.check_destinations(registry)?;
        let new = inventory.missing_in(&kept, registry, args.why)?;
        let list = charts.mark(kept.with_entries(&new)?);
        Ok(Changed { old, new, list })
    };
    let list = match &args.output {
        Some(path) => {
            let name = path.display().to_string();
            let place = store::through_link(&context.path(path))?;
            let mut changed = None;
            store::change(&place, yaml::MOST_BYTES, |bytes| {
                let old = match bytes {
                    Some(bytes) => MirrorList::parse(&yaml::read_from(bytes, &name)?, &name)?,
                    None => MirrorList::empty(&name),
                };
                let done = with_new(old)?;
                let text = done.list.text().as_bytes().to_vec();
                changed = Some(done);
                Ok(text)
            })?;
            let changed = changed.unwrap_or_else(|| unreachable!("a change is made once"));
            say_moved(&changed.new, registry, context);
            say_what_changed(&changed, prunes, inventory, context);
            changed.list
        }
        None => {
            let Changed { new, list, .. } = with_new(MirrorList::empty("mirror.yaml"))?;
            say_moved(&new, registry, context);
            if !report.is_json() {
                report.content(list.text())?;
            }
            list
        }
    };
    match report.is_json() {
        true => report.json(&json(list.entries(), inventory, charts)),
        false => Ok(()),
    }
}

/// The changes of a run to a mirror list.
struct Changed {
    old: MirrorList,
    new: Vec<NewEntry>,
    list: MirrorList,
}

fn json(entries: &[MirrorEntry], inventory: &Inventory, charts: &Charts) -> serde_json::Value {
    serde_json::json!({
        "images": entries, "found": inventory.images,
        "left_out": inventory.left_out, "unresolved": inventory.unresolved,
        "guesses": inventory.guesses, "rendered": charts.rendered(),
    })
}

/// Fails if a file could not be read, after the list of all others is written.
fn conclude(manifests: &Manifests, context: &Context) -> Result<()> {
    let problems = &manifests.problems;
    if problems.is_empty() {
        return Ok(());
    }
    for problem in problems {
        context.report.failed("", &Error::from(problem.clone()));
    }
    let statement = match problems.len() {
        1 => "1 document or file could not be read; images in it are not in the list".to_owned(),
        many => format!(
            "{many} documents or files could not be read; images in them are not in the list"
        ),
    };
    Err(Error::usage(statement)
        .hint("fix the files, or leave them out; `helm template` renders the templates of a chart"))
}

/// Reports the images whose destination differs from the one that their name implies.
fn say_moved(new: &[NewEntry], registry: &RegistryPath, context: &Context) {
    for NewEntry { source, destination, .. } in new {
        if registry.destination(source).as_ref() != Ok(destination) {
            context.report.say(&format!(
                "`{source}` goes to `{destination}`, because another image has its path and tag"
            ));
        }
    }
}

/// Reports the added entries, and the entries that are not used any more.
fn say_what_changed(changed: &Changed, prunes: bool, inventory: &Inventory, context: &Context) {
    let (Changed { old, new, .. }, report) = (changed, &context.report);
    for entry in new {
        report.say(&format!("added {}", entry.source));
    }
    for entry in old.entries() {
        if !inventory.has(&entry.source) {
            let done = if prunes { "removed" } else { "kept" };
            report.say(&format!("{done} {}, which was not found this time", entry.source));
        }
    }
    let (added, there) = (new.len(), old.entries().len());
    report.say(&format!(
        "{}: {} added, {there} {} there",
        old.name(),
        count(added, "image"),
        were(there)
    ));
}
