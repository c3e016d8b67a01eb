//! The packages that a library may use, and the owner of each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use super::{DEPS, Library};
use crate::limits::TextSize;
use crate::{DeclaredPackage, WitSource};
use airgap_core::error::{Context, Error, Result};
use airgap_core::user_path;

/// Every available package, besides the library's own.
pub(super) struct AvailablePackages {
    packages: BTreeMap<DeclaredPackage, Package>,
}

/// A package that can be used.
pub(super) struct Package {
    /// Its text.
    pub(super) source: WitSource,
    /// The owner of the package.
    pub(super) owner: Owner,
}

/// The owner of a package. The variants are in the order of their precedence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// A library of its own.
    Library {
        /// Whether the BUILD file does not name it. Negated, because direct sorts first and wins.
        indirect: bool,
        label: String,
    },
    /// The library's own folder `deps`.
    Bundle { path: String },
    /// The folder `deps` of a library that this one needs.
    Along { indirect: bool, label: String },
}

impl Owner {
    /// Returns whether the library may use packages of this owner without a change to its BUILD
    /// file.
    pub(super) fn is_direct(&self) -> bool {
        match self {
            Owner::Bundle { .. } => true,
            Owner::Library { indirect, .. } | Owner::Along { indirect, .. } => !indirect,
        }
    }

    /// Returns the label to name in the BUILD file for it.
    pub(super) fn label(&self) -> Option<&str> {
        match self {
            Owner::Bundle { .. } => None,
            Owner::Library { label, .. } | Owner::Along { label, .. } => Some(label),
        }
    }

    /// Returns the rank. Two packages of one rank must have the same content; a higher rank wins.
    fn rank(&self) -> u8 {
        match self {
            Owner::Library { .. } => 0,
            Owner::Bundle { .. } => 1,
            Owner::Along { .. } => 2,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Library { label, .. } => f.write_str(label),
            Owner::Bundle { path } => write!(f, "`{path}`"),
            Owner::Along { label, .. } => write!(f, "the folder `{DEPS}` of {label}"),
        }
    }
}

impl AvailablePackages {
    /// Reads the packages of all needed libraries, and joins them with the bundled ones.
    ///
    /// `size` is the size of the library's own package and its bundled packages together.
    ///
    /// # Errors
    /// Usage, if one package has two contents. Integrity, if all packages together are too large.
    pub(super) fn collect(
        library: &Library,
        own: &WitSource,
        bundled: Vec<(String, WitSource)>,
        size: TextSize,
    ) -> Result<AvailablePackages> {
        let mut all = Collected { size, packages: BTreeMap::new() };
        for (path, source) in bundled {
            all.keep(Package { source, owner: Owner::Bundle { path } });
        }
        for dep in &library.deps {
            let (label, indirect) = (dep.label.clone(), !dep.direct);
            let source = WitSource::from_folder(&dep.directory)
                .map_err(|error| error.fact("library", &label))?;
            let owner = Owner::Library { indirect, label };
            all.add(Package { source, owner }, &library.label)?;
            for folder in along(dep)? {
                let source = WitSource::from_folder(&folder)?;
                let owner = Owner::Along { indirect, label: dep.label.clone() };
                all.add(Package { source, owner }, &library.label)?;
            }
        }
        let mut all: Vec<_> = all.packages.into_values().flatten().collect();
        // The first owner wins; the order does not depend on that of the request.
        all.sort_by(|a, b| a.owner.cmp(&b.owner));
        let mut packages = BTreeMap::<DeclaredPackage, Package>::new();
        for package in all {
            let id = package.source.declared();
            match packages.get(&id) {
                None => {
                    packages.insert(id, package);
                }
                Some(known) if known.owner.rank() < package.owner.rank() => {}
                Some(known) if known.source == package.source => {}
                Some(known) => return Err(conflicting_contents(library, &id, known, &package)),
            }
        }
        let mut provided = AvailablePackages { packages };
        provided.replace_bundled(own);
        Ok(provided)
    }

    /// Removes the packages in folders `deps` that are also in a file of another package, which
    /// wins.
    fn replace_bundled(&mut self, own: &WitSource) {
        let stays = |package: &&Package| !matches!(package.owner, Owner::Along { .. });
        let others = self.packages.values().filter(stays).map(|package| &package.source);
        let nested: BTreeSet<_> =
            others.chain([own]).flat_map(|source| source.nested.iter().cloned()).collect();
        self.packages.retain(|id, package| stays(&&*package) || !nested.contains(id));
    }

    /// Returns the packages, sorted.
    pub(super) fn packages(&self) -> impl Iterator<Item = (&DeclaredPackage, &Package)> {
        self.packages.iter()
    }

    /// Returns the package that provides this one: as its own, or in its text.
    pub(super) fn find(&self, id: &DeclaredPackage) -> Option<&Package> {
        self.packages
            .get(id)
            .or_else(|| self.packages.values().find(|it| it.source.nested.contains(id)))
    }
}

/// The packages that were read so far, grouped by name.
struct Collected {
    size: TextSize,
    packages: BTreeMap<DeclaredPackage, Vec<Package>>,
}

impl Collected {
    /// Adds a package. The same text from several owners is kept and counted once, for the first of
    /// them: packages are bundled with every library that needs them.
    fn add(&mut self, package: Package, label: &str) -> Result<()> {
        let same = self.packages.get_mut(&package.source.declared());
        match same.and_then(|all| all.iter_mut().find(|it| it.source == package.source)) {
            Some(known) if known.owner <= package.owner => {}
            Some(known) => known.owner = package.owner,
            None => {
                self.size.add(package.source.size(), label)?;
                self.keep(package);
            }
        }
        Ok(())
    }

    fn keep(&mut self, package: Package) {
        self.packages.entry(package.source.declared()).or_default().push(package);
    }
}

/// Returns the folders of packages in the folder `deps` of a library, as this program wrote them.
fn along(dep: &super::Dep) -> Result<Vec<PathBuf>> {
    let folder = dep.directory.join(DEPS);
    if !user_path::is_folder(&folder)? {
        return Ok(Vec::new());
    }
    user_path::list(&folder).doing(|| format!("list `{}`", folder.display()))
}

fn conflicting_contents(
    library: &Library,
    id: &DeclaredPackage,
    one: &Package,
    other: &Package,
) -> Error {
    let names = one.source.files.keys().chain(other.source.files.keys());
    let different =
        names.filter(|name| one.source.files.get(*name) != other.source.files.get(*name)).min();
    let error = Error::usage(format!("{} gets {id} with two different contents", library.label))
        .fact("one", &one.owner)
        .fact("other", &other.owner)
        .fact("first difference", format!("`{}`", different.map_or("", String::as_str)));
    match one.owner {
        Owner::Library { .. } => error.hint("use the same one of the two in all libraries"),
        _ => error.hint(format!(
            "add a library of {id} to deps, which overrides the copies of other libraries"
        )),
    }
}
