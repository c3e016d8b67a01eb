//! A folder or repository that holds a WIT package.

use std::collections::BTreeMap;

use crate::build_file::{BuildFile, Call, Value};
use airgap_core::error::{Error, Result};
use airgap_core::package::PackageId;
use airgap_wit::WitSource;

/// A folder or repository that holds one WIT package.
#[derive(Clone, Debug)]
pub struct WitRepository<'a> {
    /// The package.
    pub package: PackageId,
    /// The text of the package, with its declarations and uses.
    pub source: &'a WitSource,
    /// The label of the `.bzl` file with `wit_library`.
    pub rules: String,
    /// The label of the library of each known package.
    pub labels: &'a BTreeMap<PackageId, String>,
    /// The folder with the `.wit` files, below that of the BUILD file; empty for the same.
    pub folder: String,
    /// The name of the published file, if it lies beside the BUILD file.
    pub published: Option<String>,
}

impl WitRepository<'_> {
    /// Returns the BUILD file.
    ///
    /// # Errors
    /// Usage, naming each package that is used and has no label.
    pub fn build_file(&self) -> Result<BuildFile> {
        let WitRepository { package, source, .. } = self;
        let name = package.name.hyphened();
        let mut library = Call::new("wit_library", &name)
            .with("package_name", Value::Text(package.to_string()))
            .with("srcs", Value::Glob(vec![self.pattern()]));
        if !source.interfaces.is_empty() {
            library = library
                .with("interfaces", Value::List(source.interfaces.iter().cloned().collect()));
        }
        let deps = self.deps()?;
        if !deps.is_empty() {
            library = library.with("deps", Value::List(deps));
        }
        let alias =
            Call::new("alias", &package.folder()).with("actual", Value::Text(format!(":{name}")));
        let exports = self.published.as_ref().map(|file| vec![file.clone()]);
        Ok(BuildFile {
            header: vec![format!("Written by wasm-airgap for {package}.")],
            loads: vec![(self.rules.clone(), "wit_library".to_owned())],
            exports: exports.unwrap_or_default(),
            calls: vec![library, alias],
        })
    }

    fn pattern(&self) -> String {
        match self.folder.as_str() {
            "" => "*.wit".to_owned(),
            folder => format!("{folder}/*.wit"),
        }
    }

    fn deps(&self) -> Result<Vec<String>> {
        let label = |package| self.labels.get(package).ok_or(package);
        let (mut deps, mut missing) = (Vec::new(), Vec::new());
        for dependency in &self.source.dependencies {
            match label(dependency) {
                Ok(label) => deps.push(label.clone()),
                Err(package) => missing.push(package.to_string()),
            }
        }
        missing.extend(self.source.unversioned.iter().map(|name| format!("{name} (no version)")));
        if missing.is_empty() {
            return Ok(deps);
        }
        let error =
            Error::usage(format!("{} uses packages whose libraries are unknown", self.package))
                .fact("missing", missing.join(", "));
        Err(match self.lines(|package| self.labels.contains_key(package)) {
            Some(lines) => error.hint(format!("request each of them in MODULE.bazel:\n{lines}")),
            None => error,
        }
        .hint("on the command line, give the label of each: `--dep PACKAGE=LABEL`"))
    }

    /// The lines for MODULE.bazel that bring the packages that are not known.
    fn lines(&self, is_known: impl Fn(&PackageId) -> bool) -> Option<String> {
        let missing = self.source.dependencies.iter().filter(|it| !is_known(it));
        let names: Vec<_> = missing.map(|it| (it, it.name.hyphened())).collect();
        if names.is_empty() {
            return None;
        }
        let tags = names.iter().map(|(package, name)| {
            let repository = name.replace('-', "_");
            format!("wit.package(name = \"{repository}\", package = \"{package}\")\n")
        });
        let deps = names.iter().map(|(package, name)| {
            format!("\"@{}//:{name}\": \"{package}\"", name.replace('-', "_"))
        });
        let deps = deps.collect::<Vec<_>>().join(", ");
        let tags: String = tags.collect();
        Some(format!(
            "{tags}or, where `wit_package` is a rule, a `wit_package` for each, and here\n\
             deps = {{{deps}}}"
        ))
    }
}
