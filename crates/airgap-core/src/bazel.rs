//! The settings of a Bazel workspace, in a file that Bazel gives a program that it runs.
//!
//! Variables that name the sources of pinned bytes must not be in the key of an action: each change
//! of them would make every pinned file again. So `@wasm_airgap_settings` writes them into a file,
//! which the program reads when it runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Context, Error, Result};
use crate::read;

/// The path that stands for a file beside this program.
pub const BESIDE: &str = "beside";

/// The name of the file beside this program.
const FILE: &str = "settings.json";

/// The version of the file's format.
const SCHEMA_VERSION: u32 = 1;

/// The settings that a repository rule read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    schema_version: u32,
    /// The workspace root.
    pub workspace: PathBuf,
    /// The variables with their values.
    pub variables: BTreeMap<String, String>,
    /// The variables that are set and may be secrets, so that their values are not in the file.
    pub withheld: Vec<String>,
}

impl Settings {
    /// Reads the file. `in_action` tells whether an action reads it, for the hints of an error.
    ///
    /// # Errors
    /// Usage, if the file does not exist: without it the network setting is unknown.
    pub fn read(path: &Path, in_action: bool) -> Result<Settings> {
        if !crate::user_path::is_file(path)? {
            return Err(missing(path, in_action));
        }
        let unreadable = || Error::usage(format!("cannot read the settings `{}`", path.display()));
        let settings: Settings = serde_json::from_str(&read::text(path, read::LIMIT)?)
            .map_err(|error| unreadable().because(error))?;
        if settings.schema_version != SCHEMA_VERSION {
            return Err(unreadable()
                .fact("found", format!("schema_version {}", settings.schema_version))
                .fact("expected", format!("schema_version {SCHEMA_VERSION}")));
        }
        Ok(settings)
    }
}

/// Returns the error for a missing settings file, in an action or in a program that `bazel run` or
/// `bazel test` starts.
fn missing(path: &Path, in_action: bool) -> Error {
    let error = Error::usage("cannot find the settings of the workspace")
        .fact("expected", path.display())
        .fact("because", "they contain BAZEL_WASM_OFFLINE and the mirrors");
    match in_action {
        true => error
            .hint(
                "run the action on this machine, where the file exists: \
                 --strategy=WasmComponentFetch=sandboxed,local",
            )
            .hint(
                "or pull the component with `components.oci` in MODULE.bazel, which does not run \
                 an action",
            ),
        false => error.hint(
            "start the target with `bazel run` or `bazel test`, which provide the file; a program \
             started from bazel-bin does not find it",
        ),
    }
}

/// Returns the path of the file beside this program, through links: Bazel shows an action a link to
/// the program.
pub fn beside_this_program() -> Result<PathBuf> {
    let program = std::env::current_exe().and_then(|path| path.canonicalize());
    Ok(program.doing(|| "find this program itself".to_owned())?.with_file_name(FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_be_read_are_an_error() {
        let folder = tempfile::TempDir::new().unwrap();
        let read = |text: Option<&str>, in_action: bool| {
            if let Some(text) = text {
                std::fs::write(folder.path().join("s.json"), text).unwrap();
            }
            Settings::read(&folder.path().join("s.json"), in_action)
        };
        let error = read(None, false).unwrap_err().to_string();
        assert!(error.contains("s.json") && error.contains("BAZEL_WASM_OFFLINE"), "{error}");
        // Only an action has a strategy.
        assert!(error.contains("`bazel run`") && !error.contains("--strategy"), "{error}");
        let error = read(None, true).unwrap_err().to_string();
        assert!(error.contains("--strategy") && !error.contains("`bazel run`"), "{error}");
        for text in [
            "{}",
            r#"{"schema_version": 2, "workspace": "/w", "variables": {}, "withheld": []}"#,
            r#"{"schema_version": 1, "workspace": "/w", "variables": {}, "withheld": [], "x": 1}"#,
        ] {
            let error = read(Some(text), false).unwrap_err().to_string();
            assert!(error.contains("s.json"), "{error}");
        }
        let good =
            r#"{"schema_version": 1, "workspace": "/w", "variables": {"A": "1"}, "withheld": []}"#;
        assert_eq!(read(Some(good), false).unwrap().workspace, Path::new("/w"));
    }
}
