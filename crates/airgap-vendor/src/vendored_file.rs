//! Brings one file of a plan into a vendor folder.

use crate::manifest::{Entry, VendorDir};
use crate::plan::Item;
use airgap_core::error::{Context, Kind, Result};
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
    item: &Item,
    dir: &VendorDir,
    client: Option<&Client>,
    report: &Report,
) -> Result<VendoredFile> {
    let artifact = item.artifact();
    let subject = artifact.to_string();
    let destination = dir.place(&artifact.path());
    let expected = &item.asset.sha256;

    let is_there = destination.stat().doing(|| format!("vendor {subject}"))?.is_some();
    let there = is_there.then(|| {
        Unverified::open_rooted(&destination, &*subject).and_then(|file| file.verify(expected))
    });
    let (kept, wrong) = match there {
        Some(Ok(file)) => (Some(file), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let (outcome, verified) = match kept {
        Some(verified) => {
            store::sweep(&destination);
            (Outcome::Kept, verified)
        }
        None => {
            let obtained = obtain(item, &destination, client, report);
            let (outcome, verified) = obtained.map_err(|error| match (error.kind(), wrong) {
                // The path contains its name and version, so the file is damaged and not another
                // one.
                (Kind::Unavailable, Some(wrong)) if wrong.kind() == Kind::Integrity => {
                    wrong.hint("no source that may be used has the right bytes")
                }
                _ => error,
            })?;
            (if is_there { Outcome::Repaired } else { outcome }, verified)
        }
    };
    report.say(&format!("{:8} {subject}  {}", outcome.word(), megabytes(verified.size())));
    let entry = Entry::of(&artifact, dir.entry_path(&artifact.path()), &verified);
    Ok(VendoredFile { outcome, file: verified, entry })
}

fn obtain(
    item: &Item,
    destination: &RootedPath,
    client: Option<&Client>,
    report: &Report,
) -> Result<(Outcome, Verified)> {
    let subject = item.artifact().to_string();
    if let Some(path) = item.path.as_ref().filter(|path| *path != destination.path()) {
        let source = Unverified::open(path, &*subject)?.verify(&item.asset.sha256)?;
        return Ok((Outcome::Copied, store::place_copy(&source, destination, false)?));
    }
    let Some(client) = client.filter(|_| !item.urls.is_empty()) else {
        return Err(item.unavailable());
    };
    let progress = report.item(&subject);
    let download =
        Download { subject: &subject, urls: &item.urls, expected: &item.asset.sha256, destination };
    Ok((Outcome::Fetched, client.download(&download, &progress)?))
}
