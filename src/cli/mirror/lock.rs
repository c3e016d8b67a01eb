//! `mirror lock`.

use std::collections::BTreeMap;

use super::{LockArgs, RegistryAccess};
use crate::cli::Context;
use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::quantity::count;
use airgap_core::store;
use airgap_core::workers;
use airgap_mirror::copy::RegistrySource;
use airgap_mirror::yaml;
use airgap_mirror::{MirrorList, MirrorLock};
use airgap_oci::Reference;

pub(super) fn run(args: &LockArgs, context: &Context) -> Result<()> {
    let report = &context.report;
    let list = MirrorList::read(&context.path(&args.list), &args.list.display().to_string())?;
    let (path, name) = (context.path(&args.lock_file), args.lock_file.display().to_string());
    let (mut old, mut new) = (MirrorLock::default(), LockedImages::default());
    store::change_slowly(&store::through_link(&path)?, yaml::MOST_BYTES, |bytes| {
        let parse = |bytes| MirrorLock::parse(&yaml::read_from(bytes, &name)?, &name);
        // With `--update`, an unreadable lock is not an error either.
        old = match bytes.map(parse) {
            Some(Err(_)) if args.update => MirrorLock::default(),
            Some(old) => old?,
            None => MirrorLock::default(),
        };
        new = locked(&list, &old, args, context)?;
        // A lock without images is not written.
        match new.lock.sources().count() == 0 && !new.errors.is_empty() {
            true => Err(new.verdict(&name, context)),
            false => Ok(new.lock.text().into_bytes()),
        }
    })?;
    let lock = &new.lock;
    say_what_changed(&old, lock, context);
    if report.is_json() {
        let images: Vec<_> = lock
            .sources()
            .map(|(source, digest)| serde_json::json!({ "source": source, "digest": format!("sha256:{digest}") }))
            .collect();
        report.json(&serde_json::json!({ "lock": args.lock_file, "images": images }))?;
    }
    report.say(&format!("{name}: {} locked", count(lock.sources().count(), "image")));
    match new.errors.is_empty() {
        true => Ok(()),
        false => Err(new.verdict(&name, context)),
    }
}

/// A lock, and the errors of images of the list that are missing in it or unchanged.
#[derive(Default)]
struct LockedImages {
    lock: MirrorLock,
    /// The number of images for which registries were asked.
    asked: usize,
    errors: Vec<Error>,
}

impl LockedImages {
    /// Reports each failure, and returns the error for all.
    fn verdict(&mut self, name: &str, context: &Context) -> Error {
        let images = self.lock.sources().count();
        let others = match images {
            0 => format!("`{name}` is unchanged"),
            _ => format!("`{name}` has {}; run it again for the rest", count(images, "image")),
        };
        if self.errors.len() == 1 {
            return self.errors.remove(0).fact("lock", others);
        }
        self.errors.iter().for_each(|error| context.report.failed("", error));
        let (failed, asked) = (self.errors.len(), count(self.asked, "image"));
        let statement = format!("{failed} of {asked} cannot be locked");
        Error::from_many(&self.errors, statement).fact("lock", others)
    }
}

/// Returns the lock of a list: known digests stay, and registries are asked for the others. An
/// image that cannot be pinned keeps its old digest.
fn locked(
    list: &MirrorList,
    old: &MirrorLock,
    args: &LockArgs,
    context: &Context,
) -> Result<LockedImages> {
    let (mut lock, mut open) = (MirrorLock::default(), BTreeMap::new());
    for entry in list.entries() {
        let source = entry.source.meaning().clone();
        match (source.digest(), old.get(&source)) {
            // A source with a digest needs no request.
            (Some(digest), _) => lock.insert(&source, *digest),
            (None, Some(digest)) if !args.update => lock.insert(&source, *digest),
            (None, _) => drop(open.insert(source.to_string(), source)),
        }
    }
    let open: Vec<_> = open.into_values().collect();
    let mut errors = Vec::new();
    for (source, answer) in digests(&open, args.jobs.into(), context)? {
        let digest = answer.map_err(|error| errors.push(error)).ok();
        if let Some(digest) = digest.or_else(|| old.get(source).copied()) {
            lock.insert(source, digest);
        }
    }
    Ok(LockedImages { lock, asked: open.len(), errors })
}

/// Returns the present digest of each source, or the error.
fn digests<'a>(
    sources: &'a [Reference],
    jobs: usize,
    context: &Context,
) -> Result<Vec<(&'a Reference, Result<Digest>)>> {
    if sources.is_empty() {
        return Ok(Vec::new());
    }
    let asking = RegistryAccess::new(context, "ask registries for the digests of images")?;
    let registry = RegistrySource::new(&asking.client, &asking.registries);
    let answers = workers::each(sources, jobs, |source| registry.digest(source));
    Ok(sources.iter().zip(answers).collect())
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
