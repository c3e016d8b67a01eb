//! `mirror copy`.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{CopyArgs, LayoutName, RegistryAccess};
use crate::cli::Context;
use airgap_core::error::{Error, Result};
use airgap_core::quantity::{count, megabytes, were};
use airgap_core::shell;
use airgap_core::user_path;
use airgap_mirror::copy::{
    self, ArchiveTarget, CopyRequest, CopyRoute, ImageResult, ImageSource, ImageTarget,
    LayoutSource, LayoutTarget, Options, RegistrySource, RegistryTarget, Summary,
};
use airgap_mirror::{MirrorEntry, MirrorList, MirrorLock, RegistryPath};
use airgap_oci::Traffic;

pub(super) fn run(args: &CopyArgs, context: &Context) -> Result<()> {
    let registry = args.registry.as_deref().map(super::registry).transpose()?;
    let list = MirrorList::read(&context.path(&args.list), &args.list.display().to_string())?;
    let lock = lock(args, context)?;
    warn(args, &list, lock.as_ref(), context);
    let request = |entry| request(entry, args, registry.as_ref(), lock.as_ref());
    let requests = list.entries().iter().map(request).collect();
    // A copy between two layouts asks no registry.
    let asking = match (&args.from, &args.to) {
        (Some(_), Some(_)) => None,
        _ => Some(RegistryAccess::new(context, "copy images")?),
    };
    let options = Options {
        platforms: args.platforms.clone(),
        jobs: args.jobs.into(),
        dry_run: args.dry_run,
        recheck: args.recheck,
        without_attached: args.no_attached,
        with_foreign: args.include_non_distributable,
    };
    let (source, target) =
        (source(args, asking.as_ref(), context)?, target(args, asking.as_ref(), context)?);
    let summary = copy::copy(requests, &*source, &*target, &options, &context.report)?;
    let traffic = asking.as_ref().map(|asking| asking.client.traffic()).unwrap_or_default();
    tell(&summary, &traffic, args, context)?;
    summary.verdict()
}

fn lock(args: &CopyArgs, context: &Context) -> Result<Option<MirrorLock>> {
    if !args.locked {
        return Ok(None);
    }
    let (path, name) = (context.path(&args.lock_file), args.lock_file.display().to_string());
    if user_path::kind(&path)?.is_none() {
        let (list, file) = (shell::path(&args.list), shell::path(&args.lock_file));
        return Err(Error::integrity(format!("there is no lock `{name}`")).hint(format!(
            "write it with `wasm-airgap mirror lock -f {list} --lock-file {file}`"
        )));
    }
    MirrorLock::read(&path, &name).map(Some)
}

fn source<'a>(
    args: &CopyArgs,
    asking: Option<&'a RegistryAccess>,
    context: &Context,
) -> Result<Box<dyn ImageSource + 'a>> {
    Ok(match (&args.from, asking) {
        (Some(LayoutName::Folder(path) | LayoutName::Archive(path)), _) => {
            Box::new(LayoutSource::open(&context.path(path), &path.display().to_string())?)
        }
        (None, Some(asking)) => Box::new(RegistrySource::new(&asking.client, &asking.registries)),
        (None, None) => return Err(Error::usage("there is nothing to copy from")),
    })
}

fn target<'a>(
    args: &CopyArgs,
    asking: Option<&'a RegistryAccess>,
    context: &Context,
) -> Result<Box<dyn ImageTarget + 'a>> {
    Ok(match (&args.to, asking) {
        (Some(LayoutName::Folder(path)), _) => Box::new(LayoutTarget::at(&context.path(path))?),
        (Some(LayoutName::Archive(path)), _) => {
            let waits = || {
                let path = path.display();
                context.report.say(&format!("waiting for another run that writes `{path}`"));
            };
            Box::new(ArchiveTarget::at(&context.path(path), &waits)?)
        }
        (None, Some(asking)) => Box::new(RegistryTarget::new(&asking.client)),
        (None, None) => return Err(Error::usage("there is nothing to copy to")),
    })
}

/// Returns the request of an entry, if it is allowed.
fn request(
    entry: &MirrorEntry,
    args: &CopyArgs,
    registry: Option<&RegistryPath>,
    lock: Option<&MirrorLock>,
) -> CopyRequest {
    let route = || {
        let (source, destination) =
            (entry.source.meaning().clone(), entry.destination.meaning().clone());
        if let Some(registry) = registry.filter(|it| !it.holds(&entry.destination)) {
            return Err(Error::usage(format!(
                "the destination `{}` is not in `{registry}`",
                entry.destination
            ))
            .hint("change it in the list, or name another `--registry`"));
        }
        let locked = match (lock, source.digest()) {
            (None, _) => None,
            (Some(_), Some(digest)) => Some(*digest),
            (Some(lock), None) => Some(*lock.get(&source).ok_or_else(|| {
                Error::integrity(format!("`{source}` is not in `{}`", args.lock_file.display()))
                    .hint("add it with `wasm-airgap mirror lock`")
            })?),
        };
        Ok(CopyRoute { source, destination, locked })
    };
    let layout = args.to.as_ref().map(|to| to.path().display().to_string());
    CopyRequest {
        source: entry.source.to_string(),
        destination: layout.unwrap_or_else(|| entry.destination.to_string()),
        route: route().map_err(|error: Error| error.fact("at", &entry.place)),
    }
}

/// Prints the warnings before anything is copied.
fn warn(args: &CopyArgs, list: &MirrorList, lock: Option<&MirrorLock>, context: &Context) {
    if list.entries().is_empty() {
        context.report.warn(&format!("`{}` has no images", list.name()));
    }
    let bare = |entry: &&MirrorEntry| entry.destination.host().is_none();
    if let Some(entry) = list.entries().iter().find(bare).filter(|_| args.to.is_none()) {
        context.report.warn(&format!(
            "the destination `{}` is on `docker.io`, because its first part has no dot and no port",
            entry.destination
        ));
    }
    let sources: HashSet<_> =
        list.entries().iter().map(|entry| entry.source.meaning().to_string()).collect();
    for (locked, _) in lock.into_iter().flat_map(MirrorLock::sources) {
        if !sources.contains(locked) {
            let (lock, list) = (args.lock_file.display(), list.name());
            context.report.warn(&format!("`{locked}` is in `{lock}` and not in `{list}`"));
        }
    }
}

fn tell(summary: &Summary, traffic: &Traffic, args: &CopyArgs, context: &Context) -> Result<()> {
    let (copied, there, failed) = summary.counts();
    let blobs = &summary.blobs;
    if context.report.is_json() {
        let images: Vec<_> = summary.images.iter().map(|it| row(it, args)).collect();
        return context.report.json(&json!({
            "dry_run": args.dry_run, "images": images, "blobs": blobs, "traffic": traffic,
            "copied": copied, "there": there, "failed": failed,
            "left_behind": summary.left_behind(),
        }));
    }
    let mut text = String::new();
    for image in &summary.images {
        let Ok(outcome) = &image.result else { continue };
        let place = if args.to.is_some() { &image.source } else { &image.destination };
        let name = place.split('@').next().unwrap_or_default();
        // The copied images were reported already; these lines are the pins.
        let planned = format!("{:8} {} -> ", word(image, args), image.source);
        let planned = if args.dry_run { planned } else { String::new() };
        let size = match (args.dry_run, outcome.bytes) {
            (false, _) | (_, 0) => String::new(),
            (true, bytes) => format!("  {}", megabytes(bytes)),
        };
        text.push_str(&format!("{planned}{name}@sha256:{}{size}\n", outcome.digest));
    }
    context.report.data(&text)?;
    let would = if args.dry_run { "would be " } else { "" };
    let left = match summary.left_behind() {
        0 => String::new(),
        1 => "; 1 layer not copied".to_owned(),
        layers => format!("; {layers} layers not copied"),
    };
    context.report.say(&format!(
        "{} {would}copied, {there} {} there, {failed} failed; \
         {} {would}moved ({}), {} {would}mounted, {} {} there{left}",
        count(copied, "image"),
        were(there),
        count(blobs.moved, "blob"),
        megabytes(blobs.bytes),
        blobs.mounted,
        blobs.there,
        were(blobs.there)
    ));
    Ok(())
}

fn word(image: &ImageResult, args: &CopyArgs) -> &'static str {
    match &image.result {
        Err(_) => "failed",
        Ok(outcome) if outcome.was_there => "there",
        Ok(_) if args.dry_run => "planned",
        Ok(_) => "copied",
    }
}

/// Returns the result of an image as JSON.
fn row(image: &ImageResult, args: &CopyArgs) -> Value {
    let mut row = json!({
        "source": image.source, "destination": image.destination, "outcome": word(image, args),
    });
    match &image.result {
        Ok(outcome) => {
            row["digest"] = format!("sha256:{}", outcome.digest).into();
            if let Some(whole) = &outcome.narrowed_from {
                row["narrowed_from"] = format!("sha256:{whole}").into();
            }
            row["platforms"] = json!(outcome.platforms);
            row["attached"] = outcome.attached.into();
            row["left_behind"] = json!(outcome.left_behind);
            if args.dry_run {
                row["bytes"] = outcome.bytes.into();
            }
        }
        Err(error) => {
            row["error"] = error.to_string().into();
            row["kind"] = error.kind().name().into();
        }
    }
    if let Some(moved) = &image.moved {
        row["moved"] = moved.to_string().into();
    }
    row
}
