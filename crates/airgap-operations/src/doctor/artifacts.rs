//! The tools, WIT packages and components that MODULE.bazel asks for, each searched as the
//! repository rules search it, and hashed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use airgap_config::policy::Policy;
use airgap_core::artifact::Artifact;
use airgap_core::digest::Digest;
use airgap_core::environment::Environment;
use airgap_core::error::{Error, Result};
use airgap_core::listing::Disk;
use airgap_core::report::Report;
use airgap_core::rooted::RootedPath;
use airgap_core::verify::{Unverified, Verified};
use airgap_vendor::catalog::{SourceArchive, WitCatalog};
use airgap_vendor::kinds::component::{Components, Purpose, WantedComponent};
use airgap_vendor::kinds::wit::{Form, Packages, Published};
use airgap_vendor::plan::{self, resolve};
use airgap_vendor::request::{Platforms, Request, WitChoice};
use airgap_wit::WitSource;

use super::item::{Item, Status};
use crate::repository_cache;

/// The places and rules of one search.
pub(super) struct Search<'a> {
    pub(super) policy: &'a Policy,
    pub(super) environment: &'a Environment,
    /// The platforms of the tools.
    pub(super) platforms: &'a Platforms,
    /// The folders that `--distdir` names.
    pub(super) distdirs: &'a [PathBuf],
    /// The folder of a repository cache outside of Bazel's output root.
    pub(super) repository_cache: Option<&'a Path>,
    /// A folder for copies of files that are checked.
    pub(super) scratch: &'a Path,
    /// The command that vendors everything.
    pub(super) vendor_all: &'a str,
}

impl Search<'_> {
    /// Returns an item for each artifact of a request.
    ///
    /// # Errors
    /// Usage, if the request or a setting cannot be read.
    pub(super) fn items(&self, request: &Request) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        let mut only_tools = request.clone();
        only_tools.packages.clear();
        let tools = only_tools.artifacts(self.platforms).artifacts;
        items.extend(tools.iter().map(|artifact| self.tool(artifact)));
        let mut registry = WitCatalog::builtin()?;
        request.packages.iter().for_each(|archive| registry.add_archive(archive));
        let sources = Packages::new(self.policy.clone(), registry.clone(), self.environment)?;
        items.extend(self.archives(&request.packages, &registry, &sources));
        for choice in &request.wit {
            items.push(self.package(choice, &sources)?);
        }
        let wanted = WantedComponent::of_request(request)?;
        let components = Components::new(self.policy.clone(), self.environment)?;
        items.extend(wanted.iter().map(|wanted| self.component(wanted, &components)));
        Ok(items)
    }

    /// Searches a component as the rules do. The checked copy is removed.
    pub(super) fn component(&self, wanted: &WantedComponent, components: &Components) -> Item {
        let place = RootedPath::from_trusted(self.scratch).join("component.wasm");
        let fetched = components.fetch(wanted, &place, Purpose::Build, &Report::quiet());
        let name = wanted.name.to_string();
        let item = match fetched {
            Ok(fetched) => {
                let place = format!("{}: sha256:{}", fetched.from, fetched.file.digest());
                Item::ok("component", &name, wanted.words.clone(), place)
            }
            Err(error) => {
                let subject = wanted.words.clone();
                let pinned = wanted.pin.is_some();
                Item::failed("component", &name, subject, &error, pinned, self.vendor_all)
            }
        };
        // A file that stays would be used for the next component.
        let _ = place.folder().and_then(|folder| folder.remove_if_there(place.name()));
        item
    }

    /// Searches a WIT package that a registry serves.
    fn package(&self, choice: &WitChoice, sources: &Packages) -> Result<Item> {
        let (pin, name) = (choice.digest()?, choice.package.to_string());
        let rule = Some(choice.registry.as_str()).filter(|registry| !registry.is_empty());
        let folder = self.scratch.join("wit").join(name.replace([':', '@', '/'], "-"));
        let fetched = sources.fetch_into(&choice.package, rule, pin, &folder, &Report::quiet());
        let read = fetched.and_then(|it| it.source().map(|source| (it.from, source.tree_hash())));
        Ok(match read {
            Ok((from, tree)) => {
                let digest =
                    pin.map_or_else(|| format!("text sha256:{tree}"), |it| format!("sha256:{it}"));
                Item::ok("wit", &name, name.clone(), format!("{from}: {digest}"))
            }
            Err(error) => {
                Item::failed("wit", &name, name.clone(), &error, pin.is_some(), self.vendor_all)
            }
        })
    }

    /// Searches WIT packages whose sources are published as archives, and their dependencies: the
    /// library of a package depends on those of its dependencies.
    fn archives(
        &self,
        wanted: &[SourceArchive],
        registry: &WitCatalog,
        sources: &Packages,
    ) -> Vec<Item> {
        let (mut items, mut seen) = (Vec::new(), BTreeSet::new());
        let mut open: Vec<_> = wanted.to_vec();
        while let Some(archive) = open.pop() {
            if !seen.insert(archive.package.clone()) {
                continue;
            }
            let (item, source) = self.archive(&archive, sources);
            items.push(item);
            let dependencies = source.iter().flat_map(|source| &source.dependencies);
            open.extend(dependencies.filter_map(|package| registry.archive(package)));
        }
        items
    }

    fn archive(&self, archive: &SourceArchive, sources: &Packages) -> (Item, Option<WitSource>) {
        let name = archive.package.to_string();
        let failed =
            |error: &Error| Item::failed("wit", &name, name.clone(), error, true, self.vendor_all);
        let adopted = match sources.adopt(archive) {
            Ok(adopted) => adopted,
            Err(error) => return (failed(&error), None),
        };
        if let Some(source) = adopted.source {
            let place = format!("a folder with its text: sha256:{}", source.tree_hash());
            return (Item::ok("wit", &name, name.clone(), place), Some(source));
        }
        let read = self.hashed(&archive.artifact()).and_then(|file| {
            let (place, form) = (shown(&file), Form::of(archive));
            let published = Published { package: archive.package.clone(), file, form };
            published.source().map(|source| (place, source))
        });
        match read {
            Ok((place, source)) => (Item::ok("wit", &name, name.clone(), place), Some(source)),
            Err(error) => {
                let mut item = failed(&error);
                item.looked_in.extend(adopted.remarks);
                (item, None)
            }
        }
    }

    /// Searches a file of the plan, and hashes it.
    fn tool(&self, artifact: &Artifact) -> Item {
        let (name, subject) = (artifact.to_string(), artifact.to_string());
        match self.hashed(artifact) {
            Ok(file) => Item::ok("tool", &name, subject, shown(&file)),
            Err(error) => Item::failed("tool", &name, subject, &error, true, self.vendor_all),
        }
    }

    /// Returns the file of an artifact, verified.
    fn hashed(&self, artifact: &Artifact) -> Result<Verified> {
        let plan = resolve(std::slice::from_ref(artifact), self.policy, &Disk)?;
        let unplanned = || Error::usage(format!("there is no plan for {artifact}"));
        let item = plan.items.first().ok_or_else(unplanned)?;
        let expected = &artifact.asset.sha256;
        let in_folder = item.path.as_ref().map(RootedPath::from_trusted);
        let in_bazel = || self.cached(&item.filename, expected);
        let Some(place) = in_folder.or_else(in_bazel) else { return Err(self.nowhere(item)) };
        let checked = Unverified::open_rooted(&place, artifact.to_string())
            .and_then(|file| file.verify(expected));
        // The command that vendors the file repairs a damaged one too.
        let mended =
            |error: Error| item.unavailable().hints().iter().cloned().fold(error, Error::hint);
        checked.map_err(mended)
    }

    /// Returns the place of a file that Bazel's downloader finds without a network.
    fn cached(&self, filename: &str, expected: &Digest) -> Option<RootedPath> {
        let distdirs = self.distdirs.iter().map(|dir| RootedPath::from_trusted(dir).join(filename));
        let right = distdirs.into_iter().find(|place| holds(place, expected));
        right.or_else(|| {
            let place = repository_cache::file(self.repository_cache?, expected);
            holds(&place, expected).then_some(place)
        })
    }

    fn nowhere(&self, item: &plan::PlannedArtifact) -> Error {
        let error = item.unavailable();
        let distdirs = self.distdirs.iter();
        let error = distdirs.fold(error, |error, dir| error.fact("--distdir", dir.display()));
        match self.repository_cache {
            Some(cache) => error.fact("repository cache", cache.display()),
            None => error,
        }
    }
}

/// Returns the path of a file with its digest.
fn shown(file: &Verified) -> String {
    format!("{}: sha256:{}", file.path().display(), file.digest())
}

fn holds(place: &RootedPath, expected: &Digest) -> bool {
    let file = Unverified::open_rooted(place, place.to_string());
    file.and_then(|file| file.verify(expected)).is_ok()
}

/// Keeps the first of several items with one id; requests may repeat each other.
pub(super) fn without_repetitions(items: &mut Vec<Item>) {
    let mut seen = BTreeSet::new();
    items.retain(|item| seen.insert(item.id.clone()));
    items.sort_by_key(|item| (item.status == Status::Ok, item.id.clone()));
}
