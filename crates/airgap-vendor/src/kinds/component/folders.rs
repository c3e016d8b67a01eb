//! Components in folders that the settings name in place of a registry, as `<version>.wasm`.

use super::local::{self, LocalComponent, Named};
use super::wanted::WantedComponent;
use airgap_config::registries::SourceLocation;
use airgap_core::error::{Context as _, ErrorKind, Result};
use airgap_core::folder::EntryKind;
use airgap_core::rooted::{RootedPath, is_absence};
use airgap_core::system_files;

/// Returns the component at a place that needs no network, or `None` if it is not there.
///
/// # Errors
/// Integrity, if the file is there and is something else.
pub(super) fn find(
    place: &SourceLocation,
    wanted: &WantedComponent,
) -> Result<Option<(RootedPath, LocalComponent)>> {
    match place {
        SourceLocation::Path(path) => file(RootedPath::from_trusted(path), wanted).map(Some),
        SourceLocation::Versions(folder) => version(&RootedPath::from_trusted(folder), wanted),
        SourceLocation::Oci { .. } => Ok(None),
    }
}

fn version(
    folder: &RootedPath,
    wanted: &WantedComponent,
) -> Result<Option<(RootedPath, LocalComponent)>> {
    if let Some(version) = &wanted.version {
        // A tag may begin with `v`, a version does not.
        for name in [version.as_str(), version.strip_prefix('v').unwrap_or(version)] {
            let path = folder.join(&format!("{name}.wasm"));
            if path.is_file().doing(|| format!("read `{path}`"))? {
                return file(path, wanted).map(Some);
            }
        }
        return Ok(None);
    }
    // A digest alone may belong to any version.
    for path in files(folder)? {
        let is_listed = local::is_listed(&path, wanted.pin.as_ref());
        match file(path, wanted) {
            Err(error) if error.kind() == ErrorKind::Integrity && !is_listed => {}
            found => return found.map(Some),
        }
    }
    Ok(None)
}

fn file(path: RootedPath, wanted: &WantedComponent) -> Result<(RootedPath, LocalComponent)> {
    let manifest = local::manifest_of(&path);
    let named = Named { path: &path, manifest: Some(&manifest), subject: &wanted.words };
    let local = local::check(&named, wanted.pin.as_ref(), None)?;
    Ok((path, local))
}

/// Returns the `.wasm` files in a folder, sorted; none if the folder does not exist.
fn files(folder: &RootedPath) -> Result<Vec<RootedPath>> {
    let entries = match folder.open_folder().and_then(|folder| folder.list()) {
        Err(error) if is_absence(&error) => return Ok(Vec::new()),
        entries => entries.doing(|| format!("list `{folder}`"))?,
    };
    let names = entries.into_iter().filter(|(_, kind)| *kind == EntryKind::File);
    let names = names.filter_map(|(name, _)| name.into_string().ok());
    let components =
        names.filter(|name| name.ends_with(".wasm") && !system_files::is_system_file(name));
    Ok(components.map(|name| folder.join(&name)).collect())
}
