//! What must be true of a library, and what a person reads where it is not.

use std::collections::{BTreeMap, BTreeSet};

use wit_parser::Resolve;

use super::Library;
use super::provided::{Owner, Package, Provided};
use crate::error::{Error, Result};
use crate::registry;
use crate::wit::guarded::guarded;
use crate::wit::{Declared, Source, circle};

impl Library {
    /// The files declare the package that the rule names.
    pub(super) fn check_package(&self, own: &Source) -> Result<()> {
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
            .hint(format!("write `package_name = \"{}\"`, or mend the WIT", own.declared())))
    }

    /// The interfaces that the rule names are there.
    pub(super) fn check_interfaces(&self, own: &Source) -> Result<()> {
        let Some(missing) = self.interfaces.iter().find(|it| !own.interfaces.contains(*it)) else {
            return Ok(());
        };
        let known: Vec<_> = own.interfaces.iter().map(String::as_str).collect();
        let error = registry::unknown("interface", missing, &known)
            .fact("package", own.declared())
            .fact("library", &self.label);
        match own.worlds.contains(missing) {
            true => Err(error.hint(format!("`{missing}` is a world; leave it out"))),
            false => Err(error),
        }
    }

    /// The packages do not need each other in a circle.
    pub(super) fn check_circles(&self, own: &Source, provided: &Provided) -> Result<()> {
        let mut graph: BTreeMap<&Declared, &BTreeSet<Declared>> = BTreeMap::new();
        for (_, package) in provided.packages() {
            graph.extend(package.source.uses());
        }
        // The own package last: it is the one that counts where another one has its name.
        graph.extend(own.uses());
        let Some(circle) = circle(&graph) else { return Ok(()) };
        let shown: Vec<_> = circle.iter().map(ToString::to_string).collect();
        Err(Error::usage("packages need each other in a circle")
            .fact("circle", shown.join(" -> "))
            .hint("put what two of them need into a package of its own")
            .fact("library", &self.label))
    }

    /// Each package stands in one place: as one of its own, or in the files of another one, which
    /// cannot be cut.
    pub(super) fn check_places(&self, own: &Source, provided: &Provided) -> Result<()> {
        let mut places = BTreeMap::new();
        let sources = provided.packages().map(|(_, it)| (&it.source, it.owner.to_string()));
        for (source, owner) in [(own, self.label.clone())].into_iter().chain(sources) {
            for id in source.uses().keys() {
                let place = match source.nested.contains(id) {
                    true => format!("{owner}, in the files of {}", source.declared()),
                    false => owner.clone(),
                };
                if let Some(other) = places.insert(id, place.clone()) {
                    return Err(Error::usage(format!("{} gets {id} from two places", self.label))
                        .fact("one", other)
                        .fact("other", place)
                        .hint("leave one of the two out"));
                }
            }
        }
        Ok(())
    }

    /// Each package that the files use is among the deps.
    pub(super) fn check_used(&self, own: &Source, provided: &Provided) -> Result<()> {
        for used in used(own) {
            match provided.find(&used) {
                Some(package) if package.owner.is_direct() => {}
                Some(package) => {
                    let label = self.label_for(&used, package);
                    return Err(self
                        .missing(&used)
                        .fact("provided by", format!("{}, which is not among them", package.owner))
                        .hint(format!("add `{label}` to deps")));
                }
                None => return Err(self.nowhere(self.missing(&used), &used, provided)),
            }
        }
        Ok(())
    }

    /// What comes from elsewhere has all that it uses.
    pub(super) fn check_deps(&self, provided: &Provided) -> Result<()> {
        for (id, package) in provided.packages() {
            let used = used(&package.source);
            let Some(missing) = used.iter().find(|it| provided.find(it).is_none()) else {
                continue;
            };
            let error = Error::usage(format!("{id} uses {missing}, which nothing provides"))
                .fact("library", &self.label)
                .fact("provided by", &package.owner);
            let error = self.nowhere(error, missing, provided);
            return Err(match &package.owner {
                // The pieces in it are as much as it uses, and not the packages.
                Owner::Bundle { path } if path.ends_with(".wasm") => {
                    error.hint("or fetch all packages as text, as by `wkg fetch -t wit`")
                }
                _ => error,
            });
        }
        Ok(())
    }

    /// Everything fits together, as other tools will see it.
    pub(super) fn resolve(&self, own: &Source, provided: &Provided) -> Result<()> {
        let deps = provided.packages().map(|(_, package)| package.source.group());
        let deps = deps.collect::<Result<_>>()?;
        let mut resolve = Resolve { all_features: true, ..Resolve::default() };
        let own = own.group()?;
        let refuse =
            || Error::integrity(format!("the WIT of {} does not fit together", self.label));
        guarded(|| resolve.push_groups(own, deps))
            .map_err(|cause| refuse().because(cause))?
            .map_err(|error| {
                let at = resolve.render_location(error.kind().span());
                refuse().fact("at", at).because(error.render(&resolve.source_map))
            })?;
        Ok(())
    }

    /// What is not wrong, and could be better.
    pub(super) fn remarks(&self, own: &Source, provided: &Provided) -> Vec<String> {
        let used: BTreeSet<_> = used(own).into_iter().collect();
        let mut remarks = Vec::new();
        for (id, package) in provided.packages() {
            let is_used =
                used.contains(id) || package.source.nested.iter().any(|it| used.contains(it));
            if let Owner::Library { indirect: false, label } = &package.owner
                && !is_used
            {
                remarks
                    .push(format!("{} does not use {id}, which it gets from {label}", self.label));
            }
        }
        remarks
    }

    fn missing(&self, id: &Declared) -> Error {
        Error::usage(format!("{} uses {id}, which is not among its deps", self.label))
    }

    /// Adds what is there instead of a package that is not, and what to do.
    fn nowhere(&self, mut error: Error, id: &Declared, provided: &Provided) -> Error {
        for (other, package) in provided.packages().filter(|(other, _)| other.name == id.name) {
            error = error.fact("there is", format!("{other}, from {}", package.owner));
        }
        match self.known.get(&id.to_string()) {
            Some(label) => error.hint(format!("add `{label}` to deps")),
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

    fn known_versions(&self, id: &Declared) -> Vec<&str> {
        let versions = self.known.keys().filter_map(|known| {
            let (name, version) = known.split_once('@')?;
            (name == id.name.to_string()).then_some(version)
        });
        let mut versions: Vec<_> = versions.collect();
        versions.sort_by(|a, b| crate::version::compare(a, b));
        versions
    }

    /// The label under which a person knows a package. A canonical one, with `@@`, is Bazel's own
    /// business and does not work in a BUILD file of another version of the module.
    fn label_for<'a>(&'a self, id: &Declared, package: &'a Package) -> &'a str {
        let known = self.known.get(&id.to_string()).map(String::as_str);
        let label =
            package.owner.label().filter(|label| known.is_none() || !label.starts_with("@@"));
        label.or(known).unwrap_or_default()
    }
}

/// What a package uses of others.
fn used(source: &Source) -> Vec<Declared> {
    let with = source.dependencies.iter().cloned().map(Declared::from);
    let without = source.unversioned.iter();
    with.chain(without.map(|name| Declared { name: name.clone(), version: None })).collect()
}
