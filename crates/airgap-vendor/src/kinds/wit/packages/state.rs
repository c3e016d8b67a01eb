//! Checks the folder of a package without changing anything.

use super::{Packages, PublishedAs};
use crate::kinds::wit::wanted::WantedPackage;
use crate::kinds::wit::{Fetched, Form, listed};
use crate::manifest::VendorDir;
use airgap_core::digest::Digest;
use airgap_core::error::Result;
use airgap_core::outcome::Outcome;
use airgap_core::package::PackageId;
use airgap_core::rooted::RootedPath;
use airgap_core::verify::Unverified;
use airgap_wit::{Locked, WitSource};

/// The state of a package's folder.
pub enum PackageState {
    /// A right one, with its content.
    Right(Box<Fetched>),
    /// A missing path.
    Missing(RootedPath),
    /// A path with another content, or with one that nothing pins.
    Changed(RootedPath),
}

impl Packages {
    /// Compares the content of the vendor folder for a package with the lock, or with the manifest
    /// if the lock does not have it. Searches nowhere else, and writes nothing.
    ///
    /// # Errors
    /// Integrity, if the lock and the registry files pin different archives; or if the config file
    /// puts another package in its place.
    pub fn state(
        &self,
        package: &PackageId,
        locked: Option<&Locked>,
        dir: &VendorDir,
    ) -> Result<PackageState> {
        match self.published_as(package, locked, dir)? {
            PublishedAs::Archive(archive) => {
                let path = dir.place(&archive.artifact().path());
                let form = Form::of(&archive);
                let url = archive.archive.url.to_string();
                let state = file(package, &path, Some(archive.archive.sha256), form);
                Ok(state.with(|fetched| fetched.url = Some(url)))
            }
            PublishedAs::File(wanted) => {
                let state = self.file_state(&wanted)?;
                let registry = locked.and_then(|it| it.registry.clone());
                Ok(state.with(|fetched| fetched.registry = registry))
            }
        }
    }

    fn file_state(&self, wanted: &WantedPackage<'_>) -> Result<PackageState> {
        let (package, path) = (wanted.package, &wanted.destination);
        if let Some(text) = self.overridden(package)? {
            return Ok(PackageState::Right(Box::new(text)));
        }
        if let Some(text) = &wanted.text {
            return Ok(folder(&path.parent().unwrap_or_else(|| path.clone()), text));
        }
        let pin = wanted.pin.clone().or_else(|| listed::pin(path.path()));
        Ok(file(package, path, pin.map(|pin| pin.digest), Form::Wasm))
    }
}

/// Checks a published file.
fn file(
    package: &PackageId,
    path: &RootedPath,
    digest: Option<Digest>,
    form: Form,
) -> PackageState {
    if is_missing(path) {
        return PackageState::Missing(path.clone());
    }
    let found = Unverified::open_rooted(path, package.to_string()).ok();
    let right = found.zip(digest).and_then(|(found, digest)| found.verify(&digest).ok());
    let Some(file) = right else { return PackageState::Changed(path.clone()) };
    let from = path.to_string();
    PackageState::Right(Box::new(Fetched::published(package, form, file, Outcome::Kept, from)))
}

/// Checks text that stands in for a published file.
fn folder(path: &RootedPath, text: &Digest) -> PackageState {
    match WitSource::from_rooted(path) {
        Ok(source) if source.tree_hash() == *text => {
            PackageState::Right(Box::new(Fetched::text(source, Outcome::Kept, path.to_string())))
        }
        _ if is_missing(path) => PackageState::Missing(path.clone()),
        _ => PackageState::Changed(path.clone()),
    }
}

fn is_missing(path: &RootedPath) -> bool {
    matches!(path.stat(), Ok(None))
}

impl PackageState {
    fn with(mut self, change: impl FnOnce(&mut Fetched)) -> PackageState {
        if let PackageState::Right(fetched) = &mut self {
            change(fetched);
        }
        self
    }
}
