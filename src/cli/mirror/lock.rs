//! `mirror lock`.

use std::collections::BTreeMap;

use super::{Asking, LockArgs};
use crate::cli::Context;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::images::copy::RegistrySource;
use crate::images::{MirrorList, MirrorLock};
use crate::oci::Reference;
use crate::quantity::count;
use crate::{store, workers, yaml};

pub(super) fn run(args: &LockArgs, context: &Context) -> Result<()> {
    let report = &context.report;
    let list = MirrorList::read(&context.path(&args.list), &args.list.display().to_string())?;
    let (path, name) = (context.path(&args.lock_file), args.lock_file.display().to_string());
    let (mut old, mut lock) = (MirrorLock::default(), MirrorLock::default());
    store::change_slowly(&store::through_link(&path)?, yaml::MOST_BYTES, |bytes| {
        let parse = |bytes| MirrorLock::parse(&yaml::read_from(bytes, &name)?, &name);
        // With `--update` also a lock that cannot be read is no reason to stop.
        old = match bytes.map(parse) {
            Some(Err(_)) if args.update => MirrorLock::default(),
            Some(old) => old?,
            None => MirrorLock::default(),
        };
        lock = locked(&list, &old, args, context)?;
        Ok(lock.text().into_bytes())
    })?;
    say_what_changed(&old, &lock, context);
    if report.is_json() {
        let images: Vec<_> = lock
            .sources()
            .map(|(source, digest)| serde_json::json!({ "source": source, "digest": format!("sha256:{digest}") }))
            .collect();
        return report.json(&serde_json::json!({ "lock": args.lock_file, "images": images }));
    }
    report.say(&format!("{name}: {} locked", count(lock.sources().count(), "image")));
    Ok(())
}

/// The lock of a list: known digests stay, and registries are asked for the others.
fn locked(
    list: &MirrorList,
    old: &MirrorLock,
    args: &LockArgs,
    context: &Context,
) -> Result<MirrorLock> {
    let (mut lock, mut open) = (MirrorLock::default(), BTreeMap::new());
    for entry in list.entries() {
        let source = entry.source.meaning().clone();
        match (source.digest(), old.get(&source)) {
            // A digest is its own lock.
            (Some(digest), _) => lock.insert(&source, *digest),
            (None, Some(digest)) if !args.update => lock.insert(&source, *digest),
            (None, _) => drop(open.insert(source.to_string(), source)),
        }
    }
    let open: Vec<_> = open.into_values().collect();
    for (source, digest) in digests(&open, args.jobs.into(), context)? {
        lock.insert(&source, digest);
    }
    Ok(lock)
}

/// What each source is now. Where one cannot be told, nothing is locked.
fn digests(
    sources: &[Reference],
    jobs: usize,
    context: &Context,
) -> Result<Vec<(Reference, Digest)>> {
    if sources.is_empty() {
        return Ok(Vec::new());
    }
    let asking = Asking::of(context, "ask registries what the images are")?;
    let registry = RegistrySource::new(&asking.client, &asking.registries);
    let answers = workers::each(sources, jobs, |source| {
        registry.digest(source).map(|digest| (source.clone(), digest))
    });
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            Ok(answer) => found.push(answer),
            Err(error) => errors.push(error),
        }
    }
    match errors.len() {
        0 => return Ok(found),
        1 => return Err(errors.remove(0)),
        _ => errors.iter().for_each(|error| context.report.failed("", error)),
    }
    let statement =
        format!("{} of {} cannot be locked", errors.len(), count(sources.len(), "image"));
    Err(Error::of_many(&errors, statement).hint("the lock is as it was"))
}

fn say_what_changed(old: &MirrorLock, new: &MirrorLock, context: &Context) {
    let before: BTreeMap<_, _> = old.sources().collect();
    let after: BTreeMap<_, _> = new.sources().collect();
    for (source, digest) in &after {
        match before.get(source) {
            None => context.report.say(&format!("locked   {source}  sha256:{digest}")),
            Some(was) if was != digest => {
                context
                    .report
                    .say(&format!("moved    {source}  sha256:{digest}, was sha256:{was}"));
            }
            Some(_) => {}
        }
    }
    for source in before.keys().filter(|source| !after.contains_key(*source)) {
        context.report.say(&format!("dropped  {source}, which is not in the list any more"));
    }
}
