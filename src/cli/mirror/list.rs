//! `mirror list`.

use super::charts::Charts;
use super::{ListArgs, chart};
use crate::cli::Context;
use crate::error::{Error, Result};
use crate::images::inventory::Inventory;
use crate::images::manifests::Manifests;
use crate::images::{MirrorList, NewEntry, RegistryPath};
use crate::quantity::{count, were};
use crate::{store, yaml};

pub(super) fn run(args: &ListArgs, context: &Context) -> Result<()> {
    let report = &context.report;
    if args.chart.charts.is_empty() && args.paths.is_empty() {
        return Err(Error::usage("there is nothing to look for images in")
            .hint("name a chart with `--chart`, or the paths of rendered manifests, or both"));
    }
    let registry = super::registry(&args.registry)?;
    if let Some(warning) = registry.warning() {
        report.warn(&warning);
    }
    let mut inventory = Inventory::default();
    let charts = Charts::add_to(&mut inventory, args, context)?;
    let base = context.environment.base_dir();
    let manifests = Manifests::read(&args.paths, &base, std::io::stdin())?.complete()?;
    inventory.add_mentions(&manifests.mentions);
    chart::warn_of(&inventory.unresolved, context);
    inventory.notes.iter().for_each(|note| report.warn(note));
    charts.say_doubts(&inventory, args, context)?;
    if inventory.images.is_empty() {
        return Err(Error::usage("no image was found")
            .hint("render the chart with `helm template` and give the manifests"));
    }
    let with_new = |old: MirrorList| -> Result<(MirrorList, Vec<NewEntry>, MirrorList)> {
        old.check_destinations(&registry)?;
        let new = inventory.missing_in(&old, &registry, args.why)?;
        let list = charts.mark(old.with(&new)?);
        Ok((old, new, list))
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
                let text = done.2.text().as_bytes().to_vec();
                changed = Some(done);
                Ok(text)
            })?;
            let (old, new, list) = changed.unwrap_or_else(|| unreachable!("a change is made once"));
            say_moved(&new, &registry, context);
            say_what_changed(&old, &new, &inventory, context);
            list
        }
        None => {
            let (_, new, list) = with_new(MirrorList::empty("mirror.yaml"))?;
            say_moved(&new, &registry, context);
            if !report.is_json() {
                report.content(list.text())?;
            }
            list
        }
    };
    if report.is_json() {
        report.json(&serde_json::json!({
            "images": list.entries(), "found": inventory.images,
            "left_out": inventory.left_out, "unresolved": inventory.unresolved,
            "guesses": inventory.guesses, "rendered": charts.rendered(),
        }))?;
    }
    charts.conclude(context)
}

/// Says which images do not go where their name says.
fn say_moved(new: &[NewEntry], registry: &RegistryPath, context: &Context) {
    for NewEntry { source, destination, .. } in new {
        if registry.destination(source).as_ref() != Ok(destination) {
            context.report.say(&format!(
                "`{source}` goes to `{destination}`, as another image has its path and tag"
            ));
        }
    }
}

/// Says what was added, and what is in the file though nothing asks for it any more.
fn say_what_changed(old: &MirrorList, new: &[NewEntry], inventory: &Inventory, context: &Context) {
    let report = &context.report;
    for entry in new {
        report.say(&format!("added {}", entry.source));
    }
    for entry in old.entries() {
        if !inventory.has(&entry.source) {
            report.say(&format!("kept {}, which was not found now", entry.source));
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
