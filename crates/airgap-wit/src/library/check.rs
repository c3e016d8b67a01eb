//! The checks of a library, and the messages of those that fail.

use std::collections::{BTreeMap, BTreeSet};

use wit_parser::Resolve;

use super::Library;
use super::available::{AvailablePackages, Owner, Package};
use crate::catch_panic::catch_panic;
use crate::{DeclaredPackage, WitSource, find_cycle};
use airgap_core::error::{Error, Result};
use airgap_core::suggest;

impl Library {
    /// Checks that the files declare the package that the rule names.
    pub(super) fn check_package(&self, own: &WitSource) -> Result<()> {
        let fits = match self.package.contains('@') {
            true => own.declared().to_string() == self.package,
            false => self.package.is_empty() || own.name.to_string() == self.package,
        };
        if fits {
            return Ok(());
        }
        let file = own.files.keys().next().map_or("", |name| own.shown(name));
        Err(Error::integrity(format!("the files of {} declare another package", self.label))
            .fact("expected", format!("{} (package_name)", self.package))
            .fact("found", format!("{} (in `{file}`)", own.declared()))
            .hint(format!("set `package_name = \"{}\"`, or correct the WIT", own.declared())))
    }

    /// Checks that the package declares the interfaces that the rule names.
    pub(super) fn check_interfaces(&self, own: &WitSource) -> Result<()> {
        let Some(missing) = self.interfaces.iter().find(|it| !own.interfaces.contains(*it)) else {
            return Ok(());
        };
        let known: Vec<_> = own.interfaces.iter().map(String::as_str).collect();
        let error = suggest::unknown("interface", missing, &known)
            .fact("package", own.declared())
            .fact("library", &self.label);
        match own.worlds.contains(missing) {
            true => Err(error.hint(format!("`{missing}` is a world; leave it out"))),
            false => Err(error),
        }
    }

    /// Checks that the packages do not depend on each other in a cycle.
    pub(super) fn check_cycles(&self, own: &WitSource, provided: &AvailablePackages) -> Result<()> {
        let mut graph: BTreeMap<&DeclaredPackage, &BTreeSet<DeclaredPackage>> = BTreeMap::new();
        for (_, package) in provided.packages() {
            graph.extend(package.source.uses());
        }
        // The own package is added last, so that it replaces another one of its name.
        graph.extend(own.uses());
        let Some(cycle) = find_cycle(&graph) else { return Ok(()) };
        let shown: Vec<_> = cycle.iter().map(ToString::to_string).collect();
        Err(Error::usage("packages depend on each other in a cycle")
            .fact("circle", shown.join(" -> "))
            .hint("move their shared interfaces into another package")
            .fact("library", &self.label))
    }

    /// Checks that each package is in one place: as one of its own, or in the files of another one,
    /// which cannot be split.
    pub(super) fn check_places(&self, own: &WitSource, provided: &AvailablePackages) -> Result<()> {
        let mut places = BTreeMap::new();
        let sources = provided.packages().map(|(_, it)| (&it.source, it.owner.to_string()));
        for (source, owner) in [(own, self.label.clone())].into_iter().chain(sources) {
            for id in source.uses().keys() {
                let place = match source.nested.contains(id) {
                    true => format!("{owner}, in the files of {}", source.declared()),
                    false => owner.clone(),
                };
                if let Some(other) = places.insert(id, place.clone()) {
                    return Err(Error::usage(format!(
                        "{} gets {id} from two dependencies",
                        self.label
                    ))
                    .fact("one", other)
                    .fact("other", place)
                    .hint("remove one of the two"));
                }
            }
        }
        Ok(())
    }

    /// Checks that each used package is available: the packages that the files use are among the
    /// deps, and packages from elsewhere have all their dependencies. The error names all missing
    /// packages.
    pub(super) fn check_complete(
        &self,
        own: &WitSource,
        provided: &AvailablePackages,
    ) -> Result<()> {
        let mut missing = Vec::new();
        for used in used(own) {
            let package = provided.find(&used);
            if package.is_none_or(|it| !it.owner.is_direct()) {
                missing.push(Missing { used, by: None });
            }
        }
        for (id, package) in provided.packages() {
            let nowhere =
                used(&package.source).into_iter().filter(|it| provided.find(it).is_none());
            missing.extend(nowhere.map(|used| Missing { used, by: Some((id, package)) }));
        }
        match missing.as_slice() {
            [] => Ok(()),
            [Missing { used, by: None }] => Err(self.not_among_deps(used, provided)),
            [Missing { used, by: Some((id, package)) }] => {
                Err(self.not_provided(used, id, package, provided))
            }
            several => Err(self.several_missing(several, provided)),
        }
    }

    fn not_among_deps(&self, used: &DeclaredPackage, provided: &AvailablePackages) -> Error {
        let error = self.missing(used);
        let Some(package) = provided.find(used) else {
            return self.nowhere(error, used, provided);
        };
        let label = self.label_for(used, package);
        let provider = format!("{}, which is not among them", package.owner);
        let error = error.fact("provided by", provider).hint(format!("add `{label}` to deps"));
        with_use_repo(error, [label])
    }

    fn not_provided(
        &self,
        missing: &DeclaredPackage,
        id: &DeclaredPackage,
        package: &Package,
        provided: &AvailablePackages,
    ) -> Error {
        let error = Error::usage(format!("{id} uses {missing}, which no dependency provides"))
            .fact("library", &self.label)
            .fact("provided by", &package.owner);
        let error = self.nowhere(error, missing, provided);
        match &package.owner {
            // The pieces in it are only the part that it uses, and not the packages.
            Owner::Bundle { path } if path.ends_with(".wasm") => {
                error.hint("or fetch all packages as text, as by `wkg fetch -t wit`")
            }
            _ => error,
        }
    }

    /// Returns the error for several packages, each with the label to add if one is known.
    fn several_missing(&self, missing: &[Missing<'_>], provided: &AvailablePackages) -> Error {
        let mut labels = BTreeSet::new();
        let mut unknown = BTreeSet::new();
        let all: BTreeSet<_> = missing.iter().map(|it| &it.used).collect();
        let mut error =
            Error::usage(format!("{} lacks {} packages in its deps", self.label, all.len()));
        for Missing { used, by } in missing {
            let user = by.map_or_else(String::new, |(id, _)| format!(", which {id} uses"));
            error = error.fact("missing", format!("{used}{user}"));
            let label = match provided.find(used) {
                Some(package) => Some(self.label_for(used, package)),
                None => self.known.get(&used.to_string()).map(String::as_str),
            };
            match label.filter(|label| !label.is_empty()) {
                Some(label) => drop(labels.insert(label)),
                None => drop(unknown.insert(used)),
            }
        }
        if !labels.is_empty() {
            let lines: Vec<_> = labels.iter().map(|label| format!("    \"{label}\",")).collect();
            error = error.hint(format!("add to deps:\n{}", lines.join("\n")));
            error = with_use_repo(error, labels);
        }
        unknown.into_iter().fold(error, |error, used| self.nowhere(error, used, provided))
    }

    /// Checks that everything fits together, as other tools do.
    pub(super) fn resolve(&self, own: &WitSource, provided: &AvailablePackages) -> Result<()> {
        let deps = provided.packages().map(|(_, package)| package.source.group());
        let deps = deps.collect::<Result<_>>()?;
        let mut resolve = Resolve { all_features: true, ..Resolve::default() };
        let own = own.group()?;
        let refuse = || Error::integrity(format!("the WIT of {} does not resolve", self.label));
        catch_panic(|| resolve.push_groups(own, deps))
            .map_err(|cause| refuse().because(cause))?
            .map_err(|error| {
                let at = resolve.render_location(error.kind().span());
                refuse().fact("at", at).because(error.render(&resolve.source_map))
            })?;
        Ok(())
    }

    /// Returns suggestions about things that are not wrong.
    pub(super) fn remarks(&self, own: &WitSource, provided: &AvailablePackages) -> Vec<String> {
        let used: BTreeSet<_> = used(own).into_iter().collect();
        let mut remarks = Vec::new();
        for (id, package) in provided.packages() {
            let is_used =
                used.contains(id) || package.source.nested.iter().any(|it| used.contains(it));
            if let Owner::Library { indirect: false, label } = &package.owner
                && !is_used
            {
                remarks.push(format!("{} does not use {id}, which {label} provides", self.label));
            }
        }
        remarks
    }

    fn missing(&self, id: &DeclaredPackage) -> Error {
        Error::usage(format!("{} uses {id}, which is not among its deps", self.label))
    }

    /// Adds the available versions or names instead of a missing package, and the remedy.
    fn nowhere(
        &self,
        mut error: Error,
        id: &DeclaredPackage,
        provided: &AvailablePackages,
    ) -> Error {
        for (other, package) in provided.packages().filter(|(other, _)| other.name == id.name) {
            error = error.fact("there is", format!("{other}, from {}", package.owner));
        }
        match self.known.get(&id.to_string()) {
            Some(label) => {
                with_use_repo(error.hint(format!("add `{label}` to deps")), [label.as_str()])
            }
            None => {
                let more = match self.known_versions(id) {
                    versions if versions.is_empty() => String::new(),
                    versions => format!("; known versions are {}", versions.join(", ")),
                };
                error.hint(format!(
                    "add the library of {id} to deps: a `wit_library` of your own, or a \
                     `wit_package` with `package = \"{id}\"`{more}"
                ))
            }
        }
    }

    fn known_versions(&self, id: &DeclaredPackage) -> Vec<&str> {
        let versions = self.known.keys().filter_map(|known| {
            let (name, version) = known.split_once('@')?;
            (name == id.name.to_string()).then_some(version)
        });
        let mut versions: Vec<_> = versions.collect();
        versions.sort_by(|a, b| airgap_core::version::compare(a, b));
        versions
    }

    /// Returns the label under which a person knows a package. A canonical one, with `@@`, is
    /// internal to Bazel and does not work in a BUILD file of another version of the module.
    fn label_for<'a>(&'a self, id: &DeclaredPackage, package: &'a Package) -> &'a str {
        let known = self.known.get(&id.to_string()).map(String::as_str);
        let label =
            package.owner.label().filter(|label| known.is_none() || !label.starts_with("@@"));
        label.or(known).unwrap_or_default()
    }
}

/// A package that is used and not available.
struct Missing<'a> {
    used: DeclaredPackage,
    /// The package that uses it; `None` for the library's own.
    by: Option<(&'a DeclaredPackage, &'a Package)>,
}

/// Adds how MODULE.bazel makes the repositories of these labels known.
fn with_use_repo<'a>(error: Error, labels: impl IntoIterator<Item = &'a str>) -> Error {
    let repository = |label: &'a str| label.strip_prefix('@')?.split_once("//").map(|it| it.0);
    let repositories = labels.into_iter().filter_map(repository);
    let repositories: BTreeSet<_> =
        repositories.filter(|it| !it.is_empty() && !it.starts_with('@')).collect();
    if repositories.is_empty() {
        return error;
    }
    let names: Vec<_> = repositories.iter().map(|name| format!("{name:?}")).collect();
    error.hint(format!(
        "if it is not there, MODULE.bazel must say `use_repo(wit, {})`, with the extension \
         `wit_packages` as `wit`",
        names.join(", ")
    ))
}

/// Returns the packages that a package uses.
fn used(source: &WitSource) -> Vec<DeclaredPackage> {
    let with = source.dependencies.iter().cloned().map(DeclaredPackage::from);
    let without = source.unversioned.iter();
    with.chain(without.map(|name| DeclaredPackage { name: name.clone(), version: None })).collect()
}
