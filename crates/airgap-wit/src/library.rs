//! The rule `wit_library`: checks one package against its dependencies, and writes all of it into
//! one folder, as wit-bindgen, wasm-tools and wkg read it.
//!
//! ```text
//! <out>/*.wit                                    the package's own files
//! <out>/deps/<namespace>-<name>-<version>/*.wit  its dependencies, direct and indirect
//! ```
//!
//! A dependency can come from another library, from a folder `deps` among the files, or from the
//! folder `deps` of another library. A library wins over a bundled package, because the BUILD file
//! names it.

mod available;
mod check;
mod output;
mod srcs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::DeclaredPackage;
use airgap_core::error::Result;
use airgap_core::starlark_json;
use available::AvailablePackages;
use srcs::Srcs;

/// The version of the request's format.
const SCHEMA_VERSION: u32 = 1;

/// The folder of bundled packages.
const DEPS: &str = "deps";

/// A library to write. The JSON form crosses the border from Starlark.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Library {
    schema_version: u32,
    /// The label of the library.
    pub label: String,
    /// The package that the files must declare, with or without a version; empty for any.
    pub package: String,
    /// Interfaces that the package must declare.
    pub interfaces: Vec<String>,
    /// The files: `.wit`, or one `.wasm` instead; and those of bundled packages.
    pub srcs: Vec<File>,
    /// Every library that is needed, directly or indirectly.
    pub deps: Vec<Dep>,
    /// Package -> the label of its library, for hints; beside those that the program knows.
    #[serde(default)]
    pub known: BTreeMap<String, String>,
}

/// A source file, or a folder of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its path on this machine.
    pub path: PathBuf,
    /// Its path below the BUILD file, with `/` on every platform.
    pub short_path: String,
}

/// A library that is needed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dep {
    /// Its label.
    pub label: String,
    /// The folder that its rule wrote.
    pub directory: PathBuf,
    /// Whether the BUILD file names it.
    pub direct: bool,
}

/// The result of writing a library.
#[derive(Debug)]
pub struct Made {
    /// The package.
    pub package: DeclaredPackage,
    /// The packages in its folder `deps`.
    pub deps: Vec<DeclaredPackage>,
    /// Suggestions about things that are not wrong.
    pub remarks: Vec<String>,
}

impl Library {
    /// Reads the JSON form; `origin` is its path, for messages.
    ///
    /// # Errors
    /// Usage, if it is not valid or of another version.
    pub fn parse(text: &str, origin: &str) -> Result<Library> {
        starlark_json::parse(text, origin, |library: &Library| {
            (library.schema_version, SCHEMA_VERSION)
        })
    }

    /// Adds packages, with the labels of their libraries, to those that hints name. The request's
    /// own ones win.
    #[must_use]
    pub fn with_known(mut self, known: impl IntoIterator<Item = (String, String)>) -> Library {
        for (package, label) in known {
            self.known.entry(package).or_insert(label);
        }
        self
    }

    /// Checks the library and writes its folder. The folder appears only after every check passed.
    ///
    /// # Errors
    /// Integrity, with file and line, if the WIT does not parse or does not fit together, or
    /// declares another package than the rule names. Usage, if an interface is missing, or the
    /// files use a package that is not among the deps; the hint names the label to add.
    pub fn make(&self, out: &Path) -> Result<Made> {
        let Srcs { own, bundled, ignored, size } = Srcs::read(self)?;
        self.check_package(&own)?;
        self.check_interfaces(&own)?;
        let provided = AvailablePackages::collect(self, &own, bundled, size)?;
        self.check_cycles(&own, &provided)?;
        self.check_places(&own, &provided)?;
        self.check_complete(&own, &provided)?;
        self.resolve(&own, &provided)?;
        output::write(&own, &provided, out)?;

        let mut remarks = self.remarks(&own, &provided);
        remarks.extend(ignored);
        let deps = provided.packages().map(|(id, _)| id.clone()).collect();
        Ok(Made { package: own.declared(), deps, remarks })
    }
}
