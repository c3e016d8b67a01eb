//! The digests that the manifest of a vendor folder lists, which pin files that have no other pin.

use std::ffi::OsStr;
use std::path::Path;

use super::pull::Pin;
use crate::manifest::{Manifest, VendorDir};
use airgap_core::artifact::VendoredKind;
use airgap_core::digest::Digest;
use airgap_core::error::Result;
use airgap_core::verify;
use airgap_core::wrong_content::WrongContent;
use airgap_wit::WitSource;

/// Returns the digest that is listed for a file: `<folder>/a-b-1.0.0/<name>`, or
/// `<folder>/a/b/<name>` as in wkg's local registry. Returns `None` if no manifest lists the file.
pub(super) fn pin(path: &Path) -> Option<Pin> {
    Lists::of_files_in(path.parent()?).pin(path.file_name()?)
}

/// The manifests that may list the files of one folder.
struct Lists {
    /// Each manifest, with the folder's path in the kind's folder that it describes.
    lists: Vec<(VendorDir, Manifest, String)>,
}

impl Lists {
    fn of_files_in(folder: &Path) -> Lists {
        let list = |root: &Path| {
            let dir = VendorDir::of(root, VendoredKind::Wit);
            let below = folder.strip_prefix(root).ok()?;
            let below: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            let manifest = dir.listing()?;
            Some((dir, manifest, below.join("/")))
        };
        Lists { lists: folder.ancestors().skip(1).take(2).filter_map(list).collect() }
    }

    fn pin(&self, name: &OsStr) -> Option<Pin> {
        self.lists.iter().find_map(|(dir, manifest, below)| {
            let entry = dir.entry(manifest, &format!("{below}/{}", name.to_string_lossy()))?;
            Some(Pin { digest: entry.sha256, from: format!("`{}`", dir.manifest().display()) })
        })
    }
}

/// Fails if the text in a folder differs from the listed digests of its files.
///
/// # Errors
/// Integrity, with both digests.
pub(super) fn check_text(source: &WitSource, folder: &Path) -> Result<()> {
    let lists = Lists::of_files_in(folder);
    for (name, bytes) in &source.files {
        let Some(pin) = lists.pin(name.as_ref()) else { continue };
        let found = Digest::compute(bytes);
        if found != pin.digest {
            let from = folder.join(name).display().to_string();
            let subject = source.declared().to_string();
            let error =
                verify::mismatch(&subject, &from, &pin.digest, &found).fact("pinned by", pin.from);
            let wrong_content = WrongContent::from_bytes(bytes, &pin.digest);
            let error = wrong_content.iter().fold(error, |error, it| it.explain(error));
            return Err(error.hint("vendor it again, or find out why it changed"));
        }
    }
    Ok(())
}
