//! What the manifest of a vendor folder lists for what lies in it: the pin of what nobody else pins.

use std::path::Path;

use super::pull::Pin;
use crate::artifact::Kind;
use crate::error::Result;
use crate::manifest::VendorDir;
use crate::verify;
use crate::wit::Source;

/// The digest that is listed for a file: `<folder>/a-b-1.0.0/<name>`, or `<folder>/a/b/<name>` as
/// wkg's local registry has it. Nothing where no manifest knows the file.
pub(super) fn pin(path: &Path) -> Option<Pin> {
    path.ancestors().skip(2).take(2).find_map(|folder| {
        let below = path.strip_prefix(folder).ok()?;
        let below: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
        let dir = VendorDir::of(folder, Kind::Wit);
        let entry = dir.listed(&below.join("/"))?;
        Some(Pin { digest: entry.sha256, from: format!("`{}`", dir.manifest().display()) })
    })
}

/// Fails where the text in a folder is not what is listed for its files.
///
/// # Errors
/// Integrity, with both digests.
pub(super) fn check_text(source: &Source, folder: &Path) -> Result<()> {
    for (name, bytes) in &source.files {
        let path = folder.join(name);
        let Some(pin) = pin(&path) else { continue };
        let found = crate::digest::Digest::of(bytes);
        if found != pin.digest {
            let (subject, from) = (source.declared().to_string(), path.display().to_string());
            return Err(verify::mismatch(&subject, &from, &pin.digest, &found)
                .fact("pinned by", pin.from)
                .hint("vendor it again, or find out who changed it"));
        }
    }
    Ok(())
}
