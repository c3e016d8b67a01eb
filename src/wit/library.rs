//! What the rule `wit_library` does: checks one package against its dependencies, and puts all of it
//! into one folder, as wit-bindgen, wasm-tools and wkg read it.
//!
//! ```text
//! <out>/*.wit                                    the package's own files
//! <out>/deps/<namespace>-<name>-<version>/*.wit  everything that it needs
//! ```
//!
//! A package that is used can come from another library, from a folder `deps` among the files, or
//! along with another library in that one's folder `deps`. A library wins over what came along,
//! because it is what the BUILD file says.

mod check;
mod output;
mod provided;
mod srcs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Declared;
use crate::border;
use crate::error::Result;
use provided::Provided;
use srcs::Srcs;

/// The version of the request's format.
const SCHEMA_VERSION: u32 = 1;

/// The folder of packages that came along.
const DEPS: &str = "deps";

/// A library to make. The JSON form crosses the border from Starlark.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Library {
    schema_version: u32,
    /// The label of the library.
    pub label: String,
    /// The package that the files must declare, with or without a version; empty for any.
    pub package: String,
    /// Interfaces that must be there.
    pub interfaces: Vec<String>,
    /// The files: `.wit`, or one `.wasm` instead; and those of packages that came along.
    pub srcs: Vec<File>,
    /// Every library that is needed, directly or not.
    pub deps: Vec<Dep>,
    /// Package -> the label of its library, for hints.
    pub known: BTreeMap<String, String>,
}

/// A source file, or a folder of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Where it is.
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
    /// The folder that was made of it.
    pub directory: PathBuf,
    /// Whether the BUILD file names it.
    pub direct: bool,
}

/// What came of a library.
#[derive(Debug)]
pub struct Made {
    /// The package.
    pub package: Declared,
    /// The packages in its folder `deps`.
    pub deps: Vec<Declared>,
    /// What is not wrong, and could be better.
    pub remarks: Vec<String>,
}

impl Library {
    /// Reads the JSON form; `origin` is its path, for messages.
    ///
    /// # Errors
    /// Usage, where it is not valid or of another version.
    pub fn parse(text: &str, origin: &str) -> Result<Library> {
        border::parse(text, origin, |library: &Library| (library.schema_version, SCHEMA_VERSION))
    }

    /// Checks the library and makes its folder. Nothing is there before everything is right.
    ///
    /// # Errors
    /// Integrity, with file and line, where the WIT does not parse or does not fit together, or
    /// declares another package than the rule says. Usage, where an interface is not there, or the
    /// files use what is not among the deps; the hint says what to add.
    pub fn make(&self, out: &Path) -> Result<Made> {
        let Srcs { own, bundled, ignored, size } = Srcs::read(self)?;
        self.check_package(&own)?;
        self.check_interfaces(&own)?;
        let provided = Provided::collect(self, &own, bundled, size)?;
        self.check_circles(&own, &provided)?;
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
