//! The file of a component in a vendor folder.

use std::path::Path;

use super::local::{self, LocalComponent, Named};
use super::wanted::WantedComponent;
use super::wasm_name;
use crate::manifest::VendorDir;
use crate::plan::{PlaceState, SearchPlace};
use airgap_core::artifact::VendoredKind;
use airgap_core::error::{self, Context as _, Error, Result};
use airgap_core::rooted::RootedPath;

/// Checks the file of a component in a vendor folder; returns `None` if there is none.
pub(super) fn check(wanted: &WantedComponent, path: &RootedPath) -> Option<Result<LocalComponent>> {
    match path.stat().doing(|| format!("read `{path}`")) {
        Err(error) => return Some(Err(error)),
        Ok(there) => there?,
    };
    let manifest = local::manifest_of(path);
    let named = Named { path, manifest: Some(&manifest), subject: &wanted.words };
    if let Some(pin) = &wanted.pin {
        return Some(local::check(&named, Some(pin), None));
    }
    let folder = path.path().parent().unwrap_or(Path::new(""));
    let listed = VendorDir::of(folder, VendoredKind::Component).listed(&wasm_name(&wanted.name));
    if let Some(other) = listed.as_ref().filter(|it| !is_same_reference(&it.url, wanted)) {
        let found = format!("the vendored component is `{}`", other.url);
        return Some(Err(Error::new(error::ErrorKind::Unavailable, found)));
    }
    Some(local::check(&named, None, listed.map(|it| it.sha256).as_ref()))
}

/// Returns whether a listed component was vendored from the same reference, apart from the pin.
fn is_same_reference(listed: &str, wanted: &WantedComponent) -> bool {
    let reference = wanted.reference.as_ref().map(ToString::to_string).unwrap_or_default();
    listed.split('@').next() == reference.split('@').next()
}

/// Returns whether an error of [`check`] is about the wanted component: the file is there, and is
/// something else.
pub(super) fn is_wrong(error: &Error) -> bool {
    error.kind() != error::ErrorKind::Unavailable
}

/// Returns a folder's file as a place of a plan.
pub(super) fn place(
    setting: Option<&'static str>,
    path: &RootedPath,
    finding: PlaceState,
) -> SearchPlace {
    let source = if setting.is_some() { "vendor folder" } else { "workspace folder" };
    SearchPlace { source, setting, location: path.to_string(), finding }
}
