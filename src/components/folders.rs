//! Components in folders that the settings name in place of a registry, as `<version>.wasm`.

use std::fs;
use std::path::{Path, PathBuf};

use super::held::{self, Held, Named};
use super::wanted::Wanted;
use crate::error::{Context as _, Kind, Result};
use crate::registries::Place;

/// The component at a place that needs no network; nothing where it is not there.
///
/// # Errors
/// Integrity, where it is there and is something else.
pub(super) fn find(place: &Place, wanted: &Wanted) -> Result<Option<(PathBuf, Held)>> {
    match place {
        Place::Path(path) => file(path.clone(), wanted).map(Some),
        Place::Versions(folder) => version(folder, wanted),
        Place::Oci { .. } => Ok(None),
    }
}

fn version(folder: &Path, wanted: &Wanted) -> Result<Option<(PathBuf, Held)>> {
    if let Some(version) = &wanted.version {
        // A tag may have a `v`, which a version has not.
        let names = [version.as_str(), version.strip_prefix('v').unwrap_or(version)];
        let mut paths = names.iter().map(|name| folder.join(format!("{name}.wasm")));
        return paths.find(|path| path.is_file()).map(|path| file(path, wanted)).transpose();
    }
    // A digest alone may be that of any version.
    for path in files(folder)? {
        match file(path, wanted) {
            Err(error) if error.kind() == Kind::Integrity => {}
            found => return found.map(Some),
        }
    }
    Ok(None)
}

fn file(path: PathBuf, wanted: &Wanted) -> Result<(PathBuf, Held)> {
    let manifest = held::manifest_path(&path);
    let named = Named { path: &path, manifest: Some(&manifest), subject: &wanted.words };
    let held = held::check(&named, wanted.pin.as_ref(), None)?;
    Ok((path, held))
}

/// The `.wasm` files in a folder, sorted; none where there is no folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).doing(|| format!("list `{}`", folder.display())),
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.doing(|| format!("list `{}`", folder.display()))?.path());
    }
    paths.retain(|path| path.extension() == Some("wasm".as_ref()) && path.is_file());
    paths.sort();
    Ok(paths)
}
