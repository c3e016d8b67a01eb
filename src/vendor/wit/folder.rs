//! The folder of one package: what must be in it, how it is written, and how it is compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::artifact::Kind;
use crate::digest::Digest;
use crate::emit::starlark::BuildFile;
use crate::error::{Context, Result};
use crate::manifest::{Entry, VendorDir};
use crate::package::PackageId;
use crate::store;
use crate::verify::{Unverified, Verified};

/// The name of the BUILD file.
const BUILD: &str = "BUILD.bazel";

/// What the folder of a package holds.
pub(super) struct PackageFolder<'a> {
    /// The package.
    pub(super) package: PackageId,
    /// The vendor folder that it is in.
    pub(super) dir: &'a VendorDir,
    /// The published file, if there is one. It is there already.
    pub(super) published: Option<&'a Verified>,
    /// Every other file.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// The name of a file in its folder.
pub(super) fn filename(file: &Verified) -> String {
    file.path().file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl PackageFolder<'_> {
    /// The folder with its BUILD file.
    pub(super) fn with_build_file(mut self, build: &BuildFile) -> Self {
        self.files.insert(BUILD.to_owned(), build.text().into_bytes());
        self
    }

    /// Writes what is missing or different, and removes what else is there: a folder that we make is
    /// ours. In one that somebody else made, with the same name, nothing is removed.
    pub(super) fn write(&self) -> Result<()> {
        let ours = is_ours(&self.path());
        for (name, bytes) in &self.files {
            store::write_atomically(&self.path().join(name), bytes)?;
        }
        if let Some((file, place)) = self.in_registry().filter(|it| !is_copy(it)) {
            store::place_copy(file, &place, false)?;
        }
        for stray in self.strays()?.into_iter().filter(|_| ours) {
            let path = self.path().join(&stray);
            let removed =
                if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.doing(|| format!("remove `{}`", path.display()))?;
        }
        Ok(())
    }

    /// What is not as it must be, a line each.
    pub(super) fn differences(&self) -> Result<Vec<String>> {
        let shown = |name: &str| self.path().join(name).display().to_string();
        let mut found = Vec::new();
        for (name, bytes) in &self.files {
            match fs::read(self.path().join(name)) {
                Ok(there) if there == *bytes => {}
                Ok(_) => found.push(format!("changed   {}", shown(name))),
                Err(_) => found.push(format!("missing   {}", shown(name))),
            }
        }
        if let Some((_, place)) = self.in_registry().filter(|it| !is_copy(it)) {
            found.push(format!("changed   {}", place.display()));
        }
        found.extend(self.strays()?.iter().map(|name| format!("unlisted  {}", shown(name))));
        Ok(found)
    }

    /// The manifest's entries for these files. `url` is where upstream serves the published one.
    pub(super) fn entries(&self, url: Option<&str>) -> Vec<Entry> {
        let entry = |path: &str, size: u64, sha256: Digest, url: &str| Entry {
            kind: Kind::Wit.name().to_owned(),
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
            entry(&format!("{folder}/{name}"), bytes.len() as u64, Digest::of(bytes), "")
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

    fn path(&self) -> PathBuf {
        self.dir.folder().join(self.package.folder())
    }

    /// The published file and where a copy of it is for wkg. Only a `.wasm` has a place there.
    fn in_registry(&self) -> Option<(&Verified, PathBuf)> {
        let file = self.published.filter(|it| filename(it).ends_with(".wasm"))?;
        let path: PathBuf = registry_path(&self.package).split('/').collect();
        Some((file, self.dir.folder().join(path)))
    }

    /// The names of what is in the folder and does not belong there. What a download that was cut
    /// off left behind is not counted: the next run continues it.
    fn strays(&self) -> Result<Vec<String>> {
        let path = self.path();
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.doing(|| format!("list `{}`", path.display()))?,
        };
        let mut strays = Vec::new();
        for entry in entries {
            let entry = entry.doing(|| format!("list `{}`", path.display()))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_known = self.files.contains_key(&name)
                || self.published.is_some_and(|it| filename(it) == name);
            let is_partial = name.starts_with('.') && name.contains(".part");
            if !is_known && !is_partial {
                strays.push(name);
            }
        }
        strays.sort();
        Ok(strays)
    }
}

/// Removes the folder of a package that nobody needs any more, if we made it, and its copy for wkg.
pub(super) fn remove(dir: &VendorDir, package: &PackageId) -> Result<()> {
    let folder = dir.folder().join(package.folder());
    if is_ours(&folder) {
        fs::remove_dir_all(&folder).doing(|| format!("remove `{}`", folder.display()))?;
    }
    let copy = dir.folder().join(registry_path(package).split('/').collect::<PathBuf>());
    let _ = fs::remove_file(&copy);
    // Only empty ones go.
    for folder in copy.ancestors().skip(1).take(2) {
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}

/// Where a package is in the layout of wkg's local registry: `wasi/http/0.2.6.wasm`.
pub(super) fn registry_path(package: &PackageId) -> String {
    let PackageId { name, version } = package;
    format!("{}/{}/{version}.wasm", name.namespace(), name.name())
}

/// Whether there is a copy of this file at this place.
fn is_copy((file, place): &(&Verified, PathBuf)) -> bool {
    let copy = Unverified::open(place, file.subject());
    copy.and_then(|copy| copy.verify(file.digest())).is_ok()
}

/// Whether we made this folder: its BUILD file says so.
fn is_ours(folder: &Path) -> bool {
    fs::read_to_string(folder.join(BUILD)).is_ok_and(|text| text.contains("wasm-airgap"))
}
