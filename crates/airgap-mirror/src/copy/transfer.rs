//! The second half of a copy: moves blobs, then pushes each image whose blobs are all there.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Options;
use super::batches::{Batch, Need, batches};
use super::endpoint::{BlobCopy, BlobOutcome, ImageSource, ImageTarget};
use super::plan::{ImageState, PlannedImage};
use super::referrers;
use super::summary::{BlobCounts, SkippedLayer};
use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, RequestOutcome, Result};
use airgap_core::quantity::megabytes;
use airgap_core::report::{Item, Report, Total};
use airgap_core::workers::{self, lock};
use airgap_oci::{Descriptor, Repository};

/// The media type of a blob in a transfer.
const BLOB: &str = "application/octet-stream";

/// A unit of work.
enum Job {
    /// Moves a blob to the first repository that needs it and accepts it.
    First(usize),
    /// Moves a blob to one more repository, with a mount from `known` if possible.
    Next { batch: usize, need: usize, known: Option<Arc<Repository>> },
    /// Pushes the manifests and the tag of an image.
    Finish(usize),
}

/// Copies the missing blobs and manifests. The result of each image is noted in it.
pub(super) fn transfer(
    images: &[PlannedImage],
    source: &dyn ImageSource,
    target: &dyn ImageTarget,
    options: &Options,
    report: &Report,
) -> BlobCounts {
    for image in images {
        report_before_transfer(image, report);
    }
    for image in images {
        let mut state = image.state();
        let layers = state.tree.left_behind();
        if let Some(outcome) = &mut state.outcome {
            let left = |(digest, size)| SkippedLayer { digest: format!("sha256:{digest}"), size };
            outcome.left_behind = layers.into_iter().map(left).collect();
            outcome.left_behind.iter().for_each(|it| report.warn(&left_behind(image, it)));
        }
    }
    let (batches, left) = batches(images, source, target);
    let planned = planned(&batches);
    if options.dry_run {
        images.iter().for_each(measure);
        return planned;
    }
    let wanted = images.iter().filter(|image| image.state().is_to_be_copied()).count();
    let total = report.total(wanted, "image", Some(planned.bytes));
    let mut jobs: Vec<_> = (0..batches.len())
        .flat_map(|batch| match batches[batch].needs.iter().any(|need| need.known.is_none()) {
            true => vec![Job::First(batch)],
            false => next_jobs(&batches, batch, 0, None),
        })
        .collect();
    let complete =
        (0..images.len()).filter(|nth| images[*nth].state().is_to_be_copied() && left[*nth] == 0);
    jobs.extend(complete.map(Job::Finish));
    let left = left.into_iter().map(AtomicUsize::new).collect();
    let run = TransferRun {
        images,
        source,
        target,
        report,
        total,
        batches,
        left,
        blobs: Mutex::default(),
    };
    workers::each_with_more(jobs, options.jobs, |job| run.run(job));
    run.blobs.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the message for a layer that is not copied.
fn left_behind(image: &PlannedImage, layer: &SkippedLayer) -> String {
    format!(
        "`{}`: the layer {} ({}) is not copied, because its media type forbids distribution; \
         `--include-non-distributable` copies it",
        image.source(),
        layer.digest,
        megabytes(layer.size)
    )
}

/// Notes the number of bytes of an image.
fn measure(image: &PlannedImage) {
    let mut state = image.state();
    let bytes = state.tree.blobs().into_iter().map(|(_, size)| size).sum();
    if let Some(outcome) = &mut state.outcome {
        outcome.bytes = bytes;
    }
}

fn report_before_transfer(image: &PlannedImage, report: &Report) {
    let state = image.state();
    if let Some(moved) = &state.moved {
        report.warn(&moved.to_string());
    }
    match (&state.error, &state.outcome) {
        (Some(error), _) => report.failed(&format!("{}\n", image.line()), error),
        (None, Some(outcome)) if state.tree_root().is_none() => {
            report.say(&format!("there    {}  sha256:{}", image.line(), outcome.digest));
        }
        _ => {}
    }
}

/// Returns the jobs for the other repositories that need a blob.
fn next_jobs(
    batches: &[Batch],
    batch: usize,
    from: usize,
    known: Option<&Arc<Repository>>,
) -> Vec<Job> {
    let needs = from..batches[batch].needs.len();
    needs.map(|need| Job::Next { batch, need, known: known.cloned() }).collect()
}

/// Returns the planned transfers, as far as they are known without a request for each blob.
fn planned(batches: &[Batch]) -> BlobCounts {
    let mut blobs = BlobCounts::default();
    for batch in batches {
        let mounts = batch.needs.iter().filter(|need| need.known.is_some()).count() as u64;
        let others = batch.needs.len() as u64 - mounts;
        let moved = others.min(1);
        blobs.moved += moved;
        blobs.bytes += moved * batch.size;
        blobs.mounted += mounts + others - moved;
    }
    blobs
}

struct TransferRun<'a> {
    images: &'a [PlannedImage],
    source: &'a dyn ImageSource,
    target: &'a dyn ImageTarget,
    report: &'a Report,
    total: Total,
    batches: Vec<Batch>,
    /// The number of blobs that each image still needs.
    left: Vec<AtomicUsize>,
    blobs: Mutex<BlobCounts>,
}

impl TransferRun<'_> {
    fn run(&self, job: Job) -> Vec<Job> {
        match job {
            Job::First(batch) => self.first(batch),
            Job::Next { batch, need, known } => {
                self.transfer_blob(batch, need, known.as_deref());
                self.done(batch, need)
            }
            Job::Finish(image) => {
                self.finish(&self.images[image]);
                Vec::new()
            }
        }
    }

    /// Tries the repositories that need a blob in turn: if one fails, the next may succeed, from
    /// another registry or into another repository.
    fn first(&self, batch: usize) -> Vec<Job> {
        let mut jobs = Vec::new();
        for need in 0..self.batches[batch].needs.len() {
            let transferred = self.transfer_blob(batch, need, None);
            jobs.extend(self.done(batch, need));
            if transferred {
                let known = &self.batches[batch].needs[need].to;
                jobs.extend(next_jobs(&self.batches, batch, need + 1, Some(known)));
                break;
            }
        }
        jobs
    }

    /// Moves a blob to a repository that needs it; returns whether the blob is there.
    fn transfer_blob(&self, batch: usize, need: usize, known: Option<&Repository>) -> bool {
        let Batch { digest, size, needs } = &self.batches[batch];
        let descriptor = &Descriptor::new(BLOB, *digest, *size);
        let Need { images, from, to, known: own } = &needs[need];
        let images = images.iter().map(|nth| &self.images[*nth]);
        // No image needs the blob any more.
        if images.clone().all(PlannedImage::failed) {
            return false;
        }
        let image = images.clone().find(|image| !image.failed()).map(PlannedImage::source);
        let name = image.unwrap_or_default();
        let item = self.report.item(format!("{} {name}", descriptor.digest.short()));
        let blob_copy = BlobCopy { descriptor, source: self.source, from, to, url: None };
        let known = known.or(own.as_deref());
        let moved = self.target.put_blob(&blob_copy, known, &item).or_else(|error| {
            let urls = images.clone().map(|image| image.state().tree.urls(digest));
            let urls = urls.into_iter().find(|it| !it.is_empty()).unwrap_or_default();
            self.transfer_from_urls(&urls, &blob_copy, &item, error)
        });
        match moved {
            Ok(moved) => {
                let mut blobs = lock(&self.blobs);
                match moved {
                    BlobOutcome::Transferred => {
                        blobs.moved += 1;
                        blobs.bytes += descriptor.size;
                    }
                    BlobOutcome::Mounted => blobs.mounted += 1,
                    BlobOutcome::Existing => blobs.there += 1,
                }
                true
            }
            Err(error) => {
                images.for_each(|image| {
                    let attached = image.state().attached_blob(digest);
                    self.fail(
                        image,
                        match attached {
                            Some(what) => referrers::with_attached_context(
                                error.clone(),
                                image.source(),
                                &what,
                            ),
                            None => error.clone(),
                        },
                    );
                });
                false
            }
        }
    }

    /// Moves a blob that its source does not have from one of the URLs in its manifest.
    fn transfer_from_urls(
        &self,
        urls: &[String],
        blob_copy: &BlobCopy<'_>,
        item: &Item,
        mut error: Error,
    ) -> Result<BlobOutcome> {
        if error.kind() != ErrorKind::Unavailable
            && error.request_outcome() != Some(RequestOutcome::Refused)
        {
            return Err(error);
        }
        for url in urls {
            match self.target.put_blob(&BlobCopy { url: Some(url), ..*blob_copy }, None, item) {
                Ok(moved) => return Ok(moved),
                Err(other) if other.kind() == ErrorKind::Integrity => return Err(other),
                Err(other) => error = error.fact("elsewhere", other.one_line()),
            }
        }
        Err(error)
    }

    /// Notes that these images do not wait for a blob any more.
    fn done(&self, batch: usize, need: usize) -> Vec<Job> {
        let images = self.batches[batch].needs[need].images.iter();
        let complete = images.filter(|nth| {
            let was_last = self.left[**nth].fetch_sub(1, Ordering::AcqRel) == 1;
            was_last && !self.images[**nth].failed()
        });
        complete.map(|nth| Job::Finish(*nth)).collect()
    }

    fn fail(&self, image: &PlannedImage, error: Error) {
        if !image.failed() {
            self.report.failed(&format!("{}\n", image.line()), &error);
            self.total.done();
        }
        image.fail(error);
    }

    fn finish(&self, image: &PlannedImage) {
        let (pushed, left_some) = {
            let mut state = image.state();
            let left_some = state.outcome.as_ref().is_some_and(|it| !it.left_behind.is_empty());
            let pushed = self.push_manifests(&mut state, image.source());
            state.release();
            (pushed, left_some)
        };
        let pushed = pushed.map_err(|error| match left_some {
            true => error.first_hint(
                "one of its layers was not copied, and some registries do not accept such an \
                 image: `--include-non-distributable` copies all layers",
            ),
            false => error,
        });
        match pushed {
            Ok(digest) => {
                self.total.done();
                self.report.say(&format!("copied   {}  sha256:{digest}", image.line()));
            }
            Err(error) => self.fail(image, error),
        }
    }

    /// Pushes the manifests: each after those that it refers to, then the attached ones, and the
    /// tag at the very end.
    fn push_manifests(&self, state: &mut ImageState, source: &str) -> Result<Digest> {
        let ImageState { tree, to, outcome, whole, .. } = state;
        let missing = || Error::new(ErrorKind::Failed, "an image was copied without a manifest");
        let (Some(to), Some(outcome)) = (to, outcome) else { return Err(missing()) };
        let (repository, mut given) = (to.repository(), HashSet::new());
        let mut own = tree.in_order(&outcome.digest, &mut given);
        let root = own.pop().ok_or_else(missing)?;
        for manifest in own {
            self.target.put_manifest(repository, manifest)?;
        }
        outcome.attached = tree.attached.len() + tree.tags.len();
        // The subject of the attached manifests exists then, and its tag does not show it yet.
        if outcome.attached > 0 && to.tag().is_some() {
            self.target.put_manifest(repository, root)?;
        }
        let mut unlisted: Vec<(Digest, Vec<Descriptor>)> = Vec::new();
        let mut lists = HashMap::new();
        let mut listed = HashMap::new();
        let about =
            |error: Error, what: &str| referrers::with_attached_context(error, source, what);
        for (subject, descriptor) in &tree.attached {
            let what = referrers::referrer_name(descriptor);
            for manifest in tree.in_order(&descriptor.digest, &mut given) {
                let known = self
                    .target
                    .put_manifest(repository, manifest)
                    .map_err(|error| about(error, &what))?;
                listed.insert(*manifest.digest(), known);
            }
            if listed.get(&descriptor.digest) != Some(&true) {
                let list = *lists.entry(*subject).or_insert_with(|| {
                    unlisted.push((*subject, Vec::new()));
                    unlisted.len() - 1
                });
                unlisted[list].1.push(descriptor.clone());
            }
        }
        for (subject, list) in &unlisted {
            self.target
                .attach(repository, subject, list)
                .map_err(|error| about(error, referrers::LIST))?;
        }
        for (tag, digest) in &tree.tags {
            let what = referrers::attached_tag_name(tag);
            for manifest in tree.in_order(digest, &mut given) {
                self.target
                    .put_manifest(repository, manifest)
                    .map_err(|error| about(error, &what))?;
            }
            let manifest = tree.manifest(digest).ok_or_else(missing)?;
            self.target
                .put_named(&repository.tagged(tag.clone()), manifest, None)
                .map_err(|error| about(error, &what))?;
        }
        self.target.put_named(to, root, whole.as_ref())?;
        Ok(outcome.digest)
    }
}
