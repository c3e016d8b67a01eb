//! The text of one package, and what it says of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use semver::Version;
use wit_parser::{SourceMap, UnresolvedPackage, UnresolvedPackageGroup, World};

use super::Declared;
use super::files::{self, Files};
use super::guarded::guarded;
use super::limits::{MOST_BYTES, Size};
use super::published;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::package::{PackageId, PackageName};
use crate::rooted::RootedPath;
use crate::verify::Verified;

/// The name of the file with the text of a package that was published in the binary format.
const TEXT: &str = "package.wit";

/// The `.wit` files of one package, and what is read out of them.
#[derive(Clone, Debug)]
pub struct Source {
    /// The package that the files declare.
    pub name: PackageName,
    /// The version that they declare.
    pub version: Option<Version>,
    /// Each package that the files use directly, in the version that they name.
    pub dependencies: BTreeSet<PackageId>,
    /// Packages that the files use without naming a version.
    pub unversioned: BTreeSet<PackageName>,
    /// Packages that stand in the same files, as `package a:b { ... }`. What they use is among the
    /// dependencies; they themselves are not.
    pub nested: BTreeSet<Declared>,
    /// The interfaces, in the order of their names.
    pub interfaces: BTreeSet<String>,
    /// The worlds, in the order of their names.
    pub worlds: BTreeSet<String>,
    /// The files. The text of a package that was published in the binary format is `package.wit`.
    pub files: Files,
    /// Where each file was read, for messages.
    shown: BTreeMap<String, String>,
    /// What uses what, by the package in the files that does.
    uses: BTreeMap<Declared, BTreeSet<Declared>>,
    /// How much it is, to be limited together with others.
    size: Size,
}

/// Everything else is read out of the files.
impl PartialEq for Source {
    fn eq(&self, other: &Source) -> bool {
        self.files == other.files
    }
}

impl Eq for Source {}

impl Source {
    /// The package in a published file: in the binary format, or text in its place.
    ///
    /// # Errors
    /// Integrity, where the file is something else, saying what; or with line and column, where
    /// its text does not parse.
    pub fn of_published(file: &Verified) -> Result<Source> {
        let shown = file.path().display().to_string();
        let bytes = files::take(file.reader()?, MOST_BYTES, &shown)?;
        // The bytes that are read are the ones that were verified, whoever writes to the file.
        if Digest::of(&bytes) != *file.digest() {
            return Err(file.changed());
        }
        Source::of_bytes(bytes, &shown)
    }

    /// The same for a file whose digest nobody knows: one that a person names.
    pub fn of_unverified(path: &Path) -> Result<Source> {
        let bytes = files::read(path, &mut { MOST_BYTES })?;
        Source::of_bytes(bytes, &path.display().to_string())
    }

    /// The same for bytes that are at hand; `shown` is where they come from, for messages.
    pub fn of_bytes(bytes: Vec<u8>, shown: &str) -> Result<Source> {
        let text = published::text(bytes, shown)?;
        Source::parse([(TEXT.to_owned(), (shown.to_owned(), text.into_bytes()))], shown)
    }

    /// The package in a folder: its own `.wit` files, and not what lies in a folder `deps`.
    ///
    /// # Errors
    /// Usage, where there are none. Integrity, with file, line and column, where they do not parse.
    pub fn of_folder(folder: &Path) -> Result<Source> {
        Source::of_folder_known_as(folder, &folder.display().to_string())
    }

    /// The same for a folder below a root, in which no link is followed.
    ///
    /// # Errors
    /// As [`Source::of_folder`]; integrity, where a link is in the way.
    pub fn of_rooted(folder: &RootedPath) -> Result<Source> {
        Source::of_files(files::in_rooted(folder)?, &folder.to_string())
    }

    /// The same for a folder that has another name for people.
    pub fn of_folder_known_as(folder: &Path, shown: &str) -> Result<Source> {
        Source::of_files(files::in_folder(folder)?, shown)
    }

    /// The package in these files; `origin` is the folder where they lie, for messages.
    pub fn of_files(files: Files, origin: &str) -> Result<Source> {
        let shown = |name: &str| match origin {
            "" => name.to_owned(),
            origin => format!("{origin}/{name}"),
        };
        let files = files.into_iter().map(|(name, bytes)| {
            let shown = shown(&name);
            (name, (shown, bytes))
        });
        Source::parse(files, origin)
    }

    /// The package in these files: name -> where it was read, and content.
    pub(super) fn parse(
        files: impl IntoIterator<Item = (String, (String, Vec<u8>))>,
        origin: &str,
    ) -> Result<Source> {
        let (mut contents, mut shown) = (Files::new(), BTreeMap::new());
        for (name, (place, bytes)) in files {
            shown.insert(name.clone(), place);
            contents.insert(name, bytes);
        }
        let mut size = Size::of_files(&contents, origin)?;
        let group = parse(&contents, &shown, origin)?;
        let own = Declared::of_parser(&group.main.name, origin)?;
        let mut uses = BTreeMap::new();
        for package in std::iter::once(&group.main).chain(&group.nested) {
            uses.insert(Declared::of_parser(&package.name, origin)?, used_by(package, origin)?);
            size.worlds += package.worlds.len();
            size.world_items += package.interfaces.len();
            let items = |world: &World| world.imports.len() + world.exports.len();
            size.world_items += package.worlds.iter().map(|(_, it)| items(it)).sum::<usize>();
        }
        let foreign = uses.values().flatten().filter(|it| !uses.contains_key(it));
        let (with, without): (Vec<_>, Vec<_>) = foreign.partition(|it| it.version.is_some());
        Ok(Source {
            dependencies: with.into_iter().filter_map(Declared::id).collect(),
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

    /// The package as the files declare it.
    pub fn declared(&self) -> Declared {
        Declared { name: self.name.clone(), version: self.version.clone() }
    }

    /// The package in the version that the files declare.
    ///
    /// # Errors
    /// Usage, where they declare none: no lock or registry could hold it.
    pub fn id(&self) -> Result<PackageId> {
        self.declared().id().ok_or_else(|| {
            Error::usage(format!("the package {} declares no version", self.name))
                .fact("declared in", self.shown.values().next().map_or("", String::as_str))
                .hint(format!("write it in the WIT: `package {}@1.0.0;`", self.name))
        })
    }

    /// Whether the files declare this package.
    pub fn is(&self, package: &PackageId) -> bool {
        self.name == package.name && self.version.as_ref() == Some(&package.version)
    }

    /// Fails where the files, which lie at `origin`, declare another package.
    ///
    /// # Errors
    /// Integrity, with both names.
    pub fn must_be(&self, package: &PackageId, origin: &str) -> Result<()> {
        if self.is(package) {
            return Ok(());
        }
        Err(Error::integrity(format!("`{origin}` is another package than was asked for"))
            .fact("expected", package)
            .fact("found", self.declared()))
    }

    /// The hash of the files: see [`super::tree_hash`].
    pub fn tree_hash(&self) -> Digest {
        files::hash(&self.files)
    }

    /// What each package in the files uses; the own one is among them.
    pub(super) fn uses(&self) -> &BTreeMap<Declared, BTreeSet<Declared>> {
        &self.uses
    }

    /// How much it is.
    pub(super) fn size(&self) -> Size {
        self.size
    }

    /// Where the file of this name was read.
    pub(crate) fn shown<'a>(&'a self, name: &'a str) -> &'a str {
        self.shown.get(name).map_or(name, String::as_str)
    }

    /// The files as the parser has them.
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
    let parsed = guarded(|| map.parse()).map_err(|cause| {
        Error::integrity(format!("the WIT at `{origin}` does not parse")).because(cause)
    })?;
    parsed.map_err(|(map, error)| {
        let span = error.kind().span();
        let at = if span.is_known() { map.render_location(span) } else { origin.to_owned() };
        Error::integrity(format!("the WIT at `{at}` does not parse")).because(error.render(&map))
    })
}

/// What one package uses of others.
fn used_by(package: &UnresolvedPackage, origin: &str) -> Result<BTreeSet<Declared>> {
    package.foreign_deps.keys().map(|name| Declared::of_parser(name, origin)).collect()
}

/// Names, without the empty ones that stand for what is used of other packages.
fn names<'a>(names: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    names.filter(|name| !name.is_empty()).cloned().collect()
}
