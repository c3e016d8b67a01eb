//! A published file that a plan pins: the archive of a tool or of a WIT package.

use std::fmt;

use crate::manifest::{Entry, VendorDir};
use crate::plan::PlannedArtifact;
use crate::resolver::{self, Attempts, Provider, Resolvable};
use airgap_core::error::{Context, Error, ErrorKind, Result};
use airgap_core::outcome::Outcome;
use airgap_core::quantity::megabytes;
use airgap_core::report::Report;
use airgap_core::rooted::RootedPath;
use airgap_core::store;
use airgap_core::verify::{Unverified, Verified};
use airgap_http::{Client, Download};

/// A file that is in the vendor folder now.
pub(crate) struct VendoredFile {
    /// The way in which it came there.
    pub(crate) outcome: Outcome,
    /// The file.
    pub(crate) file: Verified,
    /// Its entry in the manifest.
    pub(crate) entry: Entry,
}

/// Brings one item into the folder. An existing file with the right digest is kept.
pub(crate) fn vendor_file(
    item: &PlannedArtifact,
    dir: &VendorDir,
    client: Option<&Client>,
    report: &Report,
) -> Result<VendoredFile> {
    let artifact = item.artifact();
    let (path, subject) = (artifact.path(), artifact.to_string());
    let destination = dir.place(&path);
    let is_there = destination.stat().doing(|| format!("vendor {subject}"))?.is_some();
    let file = PinnedFile { item, subject, destination, is_there, client, report };
    // The plan already left out the addresses that offline forbids.
    let (outcome, verified) = resolver::resolve(&file, None, report)?;
    let subject = &file.subject;
    report.say(&format!("{:8} {subject}  {}", outcome.word(), megabytes(verified.size())));
    let entry = Entry::of(&artifact, dir.entry_path(&path), &verified);
    Ok(VendoredFile { outcome, file: verified, entry })
}

/// The search for one item of a plan.
struct PinnedFile<'a> {
    item: &'a PlannedArtifact,
    subject: String,
    destination: RootedPath,
    /// Whether a file is at the destination.
    is_there: bool,
    client: Option<&'a Client>,
    report: &'a Report,
}

/// The addresses of a plan. The client asks them in order, as they share one unfinished file.
struct Addresses<'a>(&'a [String]);

impl fmt::Display for Addresses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

impl Provider for Addresses<'_> {
    fn needs_network(&self) -> bool {
        true
    }

    fn is_beside(&self, _: &Self) -> bool {
        false
    }

    fn server(&self) -> String {
        self.to_string()
    }

    fn explain(&self, error: Error) -> Error {
        // The error of the client has the address.
        error
    }
}

impl PinnedFile<'_> {
    /// Checks the file at the destination.
    fn there(&self) -> Result<Verified> {
        let file = Unverified::open_rooted(&self.destination, &*self.subject)?;
        file.verify(&self.item.asset.sha256)
    }

    /// Returns the outcome, which is a repair if another file was at the destination.
    fn outcome(&self, outcome: Outcome) -> Outcome {
        if self.is_there { Outcome::Repaired } else { outcome }
    }
}

impl<'a> Resolvable for PinnedFile<'a> {
    type Found = (Outcome, Verified);
    type Source = Addresses<'a>;

    fn kept(&self) -> Result<Option<Self::Found>> {
        let kept = self.is_there.then(|| self.there().ok()).flatten();
        if kept.is_some() {
            store::remove_leftovers(&self.destination);
        }
        Ok(kept.map(|file| (Outcome::Kept, file)))
    }

    fn in_folders(&self, _: &mut Attempts) -> Result<Option<Self::Found>> {
        let path = self.item.path.as_ref().filter(|path| *path != self.destination.path());
        let Some(path) = path else { return Ok(None) };
        let source = Unverified::open(path, &*self.subject)?.verify(&self.item.asset.sha256)?;
        let copy = store::place_copy(&source, &self.destination, false)?;
        Ok(Some((self.outcome(Outcome::Copied), copy)))
    }

    fn sources(&self, _: &mut Attempts) -> Result<Vec<Addresses<'a>>> {
        let urls = self.item.urls.as_slice();
        Ok(if urls.is_empty() { Vec::new() } else { vec![Addresses(urls)] })
    }

    fn ask(&self, Addresses(urls): &Addresses<'a>) -> Result<Option<Self::Found>> {
        let Some(client) = self.client else { return Ok(None) };
        let progress = self.report.item(&self.subject);
        let (subject, expected) = (self.subject.as_str(), &self.item.asset.sha256);
        let download = Download { subject, urls, expected, destination: &self.destination };
        let file = client.download(&download, &progress)?;
        Ok(Some((self.outcome(Outcome::Fetched), file)))
    }

    fn damage(&self, failure: ErrorKind) -> Option<Error> {
        if !self.is_there || failure != ErrorKind::Unavailable {
            return None;
        }
        // The path contains its name and version, so the file is damaged and not another one.
        let wrong = self.there().err().filter(|error| error.kind() == ErrorKind::Integrity)?;
        Some(wrong.hint("no allowed source has the right bytes"))
    }

    fn attempts(&self) -> Attempts {
        Attempts::new(self.subject.clone(), String::new())
    }

    fn unavailable(&self, attempts: Attempts, _: &[Addresses<'a>]) -> Error {
        attempts.last_failure().unwrap_or_else(|| self.item.unavailable())
    }
}
