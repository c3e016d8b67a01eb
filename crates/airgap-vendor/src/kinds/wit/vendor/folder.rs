//! The folder of one package: its wanted content, its writing and its comparison.

use std::collections::BTreeMap;

use crate::build_file::BuildFile;
use crate::manifest::{Entry, VendorDir};
use airgap_core::artifact::VendoredKind;
use airgap_core::digest::Digest;
use airgap_core::error::{Context, Result};
use airgap_core::folder::EntryKind;
use airgap_core::package::PackageId;
use airgap_core::read;
use airgap_core::rooted::{RootedPath, is_absence};
use airgap_core::store;
use airgap_core::system_files::is_system_file;
use airgap_core::verify::{Unverified, Verified};

/// The name of the BUILD file.
const BUILD: &str = "BUILD.bazel";

/// The content of a package's folder.
pub(super) struct PackageFolder<'a> {
    /// The package.
    pub(super) package: PackageId,
    /// The vendor folder that contains it.
    pub(super) dir: &'a VendorDir,
    /// The published file, if there is one. It is already in the folder.
    pub(super) published: Option<&'a Verified>,
    /// Every other file.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// Returns the name of a file in its folder.
pub(super) fn filename(file: &Verified) -> String {
    file.path().file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl PackageFolder<'_> {
    /// Adds the BUILD file to the folder.
    pub(super) fn with_build_file(mut self, build: &BuildFile) -> Self {
        self.files.insert(BUILD.to_owned(), build.text().into_bytes());
        self
    }

    /// Writes files that are missing or different, and removes all others in a folder that this
    /// program made. In a folder of the same name that a user made, nothing is removed.
    pub(super) fn write(&self) -> Result<()> {
        let path = self.path();
        let ours = is_ours(&path)?;
        for (name, bytes) in &self.files {
            store::write_atomically(&path.join(name), bytes)?;
        }
        match self.in_registry() {
            Some((_, place)) if self.has_copy()? => store::remove_leftovers(&place),
            Some((file, place)) => drop(store::place_copy(file, &place, false)?),
            None => {}
        }
        for stray in self.strays()?.into_iter().filter(|_| ours) {
            let removed = path.open_folder().and_then(|it| it.remove_all(stray.as_ref()));
            removed.doing(|| format!("remove `{}`", path.join(&stray)))?;
        }
        Ok(())
    }

    /// Returns the differences from the wanted content, a line each.
    pub(super) fn differences(&self) -> Result<Vec<String>> {
        let shown = |name: &str| self.path().join(name).to_string();
        let mut found = Vec::new();
        for (name, bytes) in &self.files {
            let path = self.path().join(name);
            match path.stat() {
                Ok(None) => found.push(format!("missing   {path}")),
                _ if store::holds(&path, bytes) => {}
                _ => found.push(format!("changed   {path}")),
            }
        }
        if let Some((_, place)) = self.in_registry()
            && !self.has_copy()?
        {
            found.push(format!("changed   {place}"));
        }
        found.extend(self.strays()?.iter().map(|name| format!("unlisted  {}", shown(name))));
        Ok(found)
    }

    /// Returns the manifest's entries for these files. `url` is upstream's address of the published
    /// one.
    pub(super) fn entries(&self, url: Option<&str>) -> Vec<Entry> {
        let entry = |path: &str, size: u64, sha256: Digest, url: &str| Entry {
            kind: VendoredKind::Wit.name().to_owned(),
            name: self.package.name.to_string(),
            version: self.package.version.to_string(),
            platform: String::new(),
            path: self.dir.entry_path(path),
            size,
            sha256,
            url: url.to_owned(),
        };
        let folder = self.package.folder();
        let file = |(name, bytes): (&String, &Vec<u8>)| {
            entry(&format!("{folder}/{name}"), bytes.len() as u64, Digest::compute(bytes), "")
        };
        let mut entries: Vec<_> = self.files.iter().map(file).collect();
        if let Some(it) = self.published {
            let copy = self.in_registry().map(|_| registry_path(&self.package));
            let paths = [format!("{folder}/{}", filename(it))].into_iter().chain(copy);
            let url = url.unwrap_or_default();
            entries.extend(paths.map(|path| entry(&path, it.size(), *it.digest(), url)));
        }
        entries
    }

    fn path(&self) -> RootedPath {
        self.dir.place(&self.package.folder())
    }

    /// Returns the published file and the path of its copy for wkg. Only a `.wasm` has such a copy.
    fn in_registry(&self) -> Option<(&Verified, RootedPath)> {
        let file = self.published.filter(|it| filename(it).ends_with(".wasm"))?;
        Some((file, self.dir.place(&registry_path(&self.package))))
    }

    /// Returns whether the copy for wkg exists and is right.
    fn has_copy(&self) -> Result<bool> {
        let Some((file, place)) = self.in_registry() else { return Ok(false) };
        let there = place.stat().doing(|| format!("read `{place}`"))?;
        let copy = || Unverified::open_rooted(&place, file.subject())?.verify(file.digest());
        Ok(there.is_some() && copy().is_ok())
    }

    /// Returns the names of files that do not belong in the folder. A partial file of an
    /// interrupted download is not counted: the next run continues it.
    fn strays(&self) -> Result<Vec<String>> {
        let path = self.path();
        let entries = match path.open_folder().and_then(|folder| folder.list()) {
            Err(error) if is_absence(&error) => return Ok(Vec::new()),
            entries => entries.doing(|| format!("list `{path}`"))?,
        };
        let mut strays = Vec::new();
        for (name, _) in entries {
            let name = name.to_string_lossy().into_owned();
            let is_known = self.files.contains_key(&name)
                || self.published.is_some_and(|it| filename(it) == name);
            let is_partial = name.starts_with('.') && name.contains(".part");
            if !is_known && !is_partial && !is_system_file(&name) {
                strays.push(name);
            }
        }
        Ok(strays)
    }
}

/// Removes the folder of a package that is not needed any more, if this program made it, and its
/// copy for wkg.
pub(super) fn remove(dir: &VendorDir, package: &PackageId) -> Result<()> {
    let path = dir.place(&package.folder());
    if is_ours(&path)? {
        let removed = path.folder().and_then(|folder| folder.remove_all(path.name()));
        removed.doing(|| format!("remove `{path}`"))?;
    }
    let copy = dir.place(&registry_path(package));
    match copy.folder() {
        Err(error) if is_absence(&error) => return Ok(()),
        folder => folder.and_then(|folder| folder.remove_if_there(copy.name())),
    }
    .doing(|| format!("remove `{copy}`"))?;
    store::remove_leftovers(&copy);
    // Empty parent folders are removed too.
    let folders = std::iter::successors(copy.parent(), RootedPath::parent).take(2);
    for folder in folders {
        let _ = folder.folder().and_then(|parent| parent.remove_folder(folder.name()));
    }
    Ok(())
}

/// Returns the path of a package in the layout of wkg's local registry: `wasi/http/0.2.6.wasm`.
pub(super) fn registry_path(package: &PackageId) -> String {
    let PackageId { name, version } = package;
    format!("{}/{}/{version}.wasm", name.namespace(), name.name())
}

/// Returns whether this program made the folder, according to its BUILD file.
///
/// # Errors
/// Integrity, if the folder or one above it is a link.
fn is_ours(folder: &RootedPath) -> Result<bool> {
    let there = folder.stat().doing(|| format!("vendor into `{folder}`"))?;
    if there.is_some_and(|stat| stat.kind == EntryKind::Link) {
        folder.open_folder().doing(|| format!("vendor into `{folder}`"))?;
    }
    let build = read::rooted_text(&folder.join(BUILD), read::LIMIT);
    Ok(build.ok().flatten().is_some_and(|text| text.contains("wasm-airgap")))
}
