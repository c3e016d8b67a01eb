//! The text of one package, and its declarations and uses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use semver::Version;
use wit_parser::{SourceMap, UnresolvedPackage, UnresolvedPackageGroup, World};

use super::DeclaredPackage;
use super::catch_panic::catch_panic;
use super::files::{self, Files};
use super::limits::{MOST_BYTES, TextSize};
use super::published;
use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::package::{PackageId, PackageName};
use airgap_core::rooted::RootedPath;
use airgap_core::verify::Verified;

/// The name of the file with the text of a package that was published in the binary format.
const TEXT: &str = "package.wit";

/// The `.wit` files of one package, and the facts read from them.
#[derive(Clone, Debug)]
pub struct WitSource {
    /// The package that the files declare.
    pub name: PackageName,
    /// The version that they declare.
    pub version: Option<Version>,
    /// Each package that the files use directly, in the version that they name.
    pub dependencies: BTreeSet<PackageId>,
    /// Packages that the files use without naming a version.
    pub unversioned: BTreeSet<PackageName>,
    /// Packages in the same files, as `package a:b { ... }`. Their uses are among the dependencies;
    /// they themselves are not.
    pub nested: BTreeSet<DeclaredPackage>,
    /// The interfaces, in the order of their names.
    pub interfaces: BTreeSet<String>,
    /// The worlds, in the order of their names.
    pub worlds: BTreeSet<String>,
    /// The files. The text of a package that was published in the binary format is `package.wit`.
    pub files: Files,
    /// The path of each file, for messages.
    shown: BTreeMap<String, String>,
    /// The packages that each package in the files uses.
    uses: BTreeMap<DeclaredPackage, BTreeSet<DeclaredPackage>>,
    /// Its size, to be limited together with others.
    size: TextSize,
}

/// Compares the files alone, as everything else is read from them.
impl PartialEq for WitSource {
    fn eq(&self, other: &WitSource) -> bool {
        self.files == other.files
    }
}

impl Eq for WitSource {}

impl WitSource {
    /// Reads the package in a published file: in the binary format, or text in its place.
    ///
    /// # Errors
    /// Integrity, if the file is something else, which the error names; or, with line and column,
    /// if its text does not parse.
    pub fn from_published(file: &Verified) -> Result<WitSource> {
        let shown = file.path().display().to_string();
        let bytes = files::take(file.reader()?, MOST_BYTES, &shown)?;
        // The bytes in memory are hashed again, as another process may write to the file.
        if Digest::compute(&bytes) != *file.digest() {
            return Err(file.changed());
        }
        WitSource::from_bytes(bytes, &shown)
    }

    /// Reads the package in a file without a known digest: one that a person names.
    pub fn from_unverified(path: &Path) -> Result<WitSource> {
        let bytes = files::read(path, &mut { MOST_BYTES })?;
        WitSource::from_bytes(bytes, &path.display().to_string())
    }

    /// Reads the package in these bytes; `shown` is their origin, for messages.
    pub fn from_bytes(bytes: Vec<u8>, shown: &str) -> Result<WitSource> {
        let text = published::text(bytes, shown)?;
        WitSource::parse([(TEXT.to_owned(), (shown.to_owned(), text.into_bytes()))], shown)
    }

    /// Reads the package in a folder: its own `.wit` files, without those in a folder `deps`.
    ///
    /// # Errors
    /// Usage, if there are none. Integrity, with file, line and column, if they do not parse.
    pub fn from_folder(folder: &Path) -> Result<WitSource> {
        WitSource::from_folder_shown_as(folder, &folder.display().to_string())
    }

    /// Reads the package in a folder below a root, in which no link is followed.
    ///
    /// # Errors
    /// The errors of [`WitSource::from_folder`]; integrity, if a folder on the path is a link.
    pub fn from_rooted(folder: &RootedPath) -> Result<WitSource> {
        WitSource::from_files(files::in_rooted(folder)?, &folder.to_string())
    }

    /// Reads the package in a folder that has another name in messages.
    pub fn from_folder_shown_as(folder: &Path, shown: &str) -> Result<WitSource> {
        WitSource::from_files(files::in_folder(folder)?, shown)
    }

    /// Reads the package in these files; `origin` is their folder, for messages.
    pub fn from_files(files: Files, origin: &str) -> Result<WitSource> {
        let shown = |name: &str| match origin {
            "" => name.to_owned(),
            origin => format!("{origin}/{name}"),
        };
        let files = files.into_iter().map(|(name, bytes)| {
            let shown = shown(&name);
            (name, (shown, bytes))
        });
        WitSource::parse(files, origin)
    }

    /// Parses the package in these files: name -> path for messages, and content.
    pub(super) fn parse(
        files: impl IntoIterator<Item = (String, (String, Vec<u8>))>,
        origin: &str,
    ) -> Result<WitSource> {
        let (mut contents, mut shown) = (Files::new(), BTreeMap::new());
        for (name, (place, bytes)) in files {
            shown.insert(name.clone(), place);
            contents.insert(name, bytes);
        }
        let mut size = TextSize::from_files(&contents, origin)?;
        let group = parse(&contents, &shown, origin)?;
        let own = DeclaredPackage::from_parser(&group.main.name, origin)?;
        let mut uses = BTreeMap::new();
        for package in std::iter::once(&group.main).chain(&group.nested) {
            uses.insert(
                DeclaredPackage::from_parser(&package.name, origin)?,
                used_by(package, origin)?,
            );
            size.worlds += package.worlds.len();
            size.world_items += package.interfaces.len();
            let items = |world: &World| world.imports.len() + world.exports.len();
            size.world_items += package.worlds.iter().map(|(_, it)| items(it)).sum::<usize>();
        }
        let foreign = uses.values().flatten().filter(|it| !uses.contains_key(it));
        let (with, without): (Vec<_>, Vec<_>) = foreign.partition(|it| it.version.is_some());
        Ok(WitSource {
            dependencies: with.into_iter().filter_map(DeclaredPackage::id).collect(),
            unversioned: without.into_iter().map(|it| it.name.clone()).collect(),
            nested: uses.keys().filter(|it| **it != own).cloned().collect(),
            interfaces: names(group.main.interfaces.iter().filter_map(|(_, it)| it.name.as_ref())),
            worlds: names(group.main.worlds.iter().map(|(_, it)| &it.name)),
            name: own.name,
            version: own.version,
            files: contents,
            shown,
            uses,
            size,
        })
    }

    /// Returns the package as the files declare it.
    pub fn declared(&self) -> DeclaredPackage {
        DeclaredPackage { name: self.name.clone(), version: self.version.clone() }
    }

    /// Returns the package in the version that the files declare.
    ///
    /// # Errors
    /// Usage, if they declare no version: a lock or registry cannot hold it.
    pub fn id(&self) -> Result<PackageId> {
        self.declared().id().ok_or_else(|| {
            Error::usage(format!("the package {} does not declare a version", self.name))
                .fact("declared in", self.shown.values().next().map_or("", String::as_str))
                .hint(format!("write it in the WIT: `package {}@1.0.0;`", self.name))
        })
    }

    /// Returns whether the files declare this package.
    pub fn is(&self, package: &PackageId) -> bool {
        self.name == package.name && self.version.as_ref() == Some(&package.version)
    }

    /// Fails if the files at `origin` declare another package.
    ///
    /// # Errors
    /// Integrity, with both names.
    pub fn must_be(&self, package: &PackageId, origin: &str) -> Result<()> {
        if self.is(package) {
            return Ok(());
        }
        Err(Error::integrity(format!("`{origin}` is another package than requested"))
            .fact("expected", package)
            .fact("found", self.declared()))
    }

    /// Returns the hash of the files: see [`super::tree_hash`].
    pub fn tree_hash(&self) -> Digest {
        files::hash(&self.files)
    }

    /// Returns the uses of each package in the files, including the own one.
    pub(super) fn uses(&self) -> &BTreeMap<DeclaredPackage, BTreeSet<DeclaredPackage>> {
        &self.uses
    }

    /// Returns its size.
    pub(super) fn size(&self) -> TextSize {
        self.size
    }

    /// Returns the path of the file of this name, for messages.
    pub fn shown<'a>(&'a self, name: &'a str) -> &'a str {
        self.shown.get(name).map_or(name, String::as_str)
    }

    /// Returns the files as the parser represents them.
    pub(super) fn group(&self) -> Result<UnresolvedPackageGroup> {
        parse(&self.files, &self.shown, &self.name.to_string())
    }
}

fn parse(
    files: &Files,
    shown: &BTreeMap<String, String>,
    origin: &str,
) -> Result<UnresolvedPackageGroup> {
    let mut map = SourceMap::new();
    for (name, bytes) in files {
        let shown = shown.get(name).unwrap_or(name);
        map.push_str(shown, published::utf8(bytes.clone(), shown)?);
    }
    let parsed = catch_panic(|| map.parse()).map_err(|cause| {
        Error::integrity(format!("the WIT at `{origin}` does not parse")).because(cause)
    })?;
    parsed.map_err(|(map, error)| {
        let span = error.kind().span();
        let at = if span.is_known() { map.render_location(span) } else { origin.to_owned() };
        Error::integrity(format!("the WIT at `{at}` does not parse")).because(error.render(&map))
    })
}

/// Returns the packages that one package uses.
fn used_by(package: &UnresolvedPackage, origin: &str) -> Result<BTreeSet<DeclaredPackage>> {
    package.foreign_deps.keys().map(|name| DeclaredPackage::from_parser(name, origin)).collect()
}

/// Returns the names, without the empty ones, which represent uses of other packages.
fn names<'a>(names: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    names.filter(|name| !name.is_empty()).cloned().collect()
}
