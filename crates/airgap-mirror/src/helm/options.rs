//! The options of `helm template` that are passed on.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use airgap_core::error::{Context, Result};
use airgap_core::rooted::RootedPath;

/// Values and capabilities with which a chart is rendered.
#[derive(Clone, Debug, Default)]
pub struct RenderOptions {
    /// Files with values; a later one is over an earlier one.
    pub values: Vec<ValuesFile>,
    /// Each `--set`, as it is written.
    pub set: Vec<String>,
    /// Each `--set-string`.
    pub set_string: Vec<String>,
    /// The version of Kubernetes; Helm's own default if it is `None`.
    pub kube_version: Option<String>,
    /// Each `--api-versions`.
    pub api_versions: Vec<String>,
    /// The namespace of the release; `default` if it is `None`.
    pub namespace: Option<String>,
}

/// A file with values.
#[derive(Clone, Debug)]
pub struct ValuesFile {
    /// Its name for the user, for messages.
    pub name: String,
    /// Its content.
    pub text: String,
}

impl RenderOptions {
    /// Adds the options to a command, and writes the files into a folder: Helm would take a comma
    /// in a path for the end of it, `-` for its own input, and would download from an address.
    /// Returns the path and the user's name of each file.
    pub(super) fn add_to(
        &self,
        command: &mut Command,
        folder: &Path,
    ) -> Result<Vec<(String, String)>> {
        let mut files = Vec::new();
        for (index, file) in self.values.iter().enumerate() {
            let path = write(folder, &format!("values-{index}.yaml"), &file.text)?;
            command.arg(format!("--values={path}"));
            files.push((path, file.name.clone()));
        }
        let each = |flag: &str, all: &[String]| {
            all.iter().map(|it| format!("--{flag}={it}")).collect::<Vec<_>>()
        };
        command.args(each("set", &self.set));
        command.args(each("set-string", &self.set_string));
        command.args(each("api-versions", &self.api_versions));
        command.args(self.kube_version.iter().map(|it| format!("--kube-version={it}")));
        Ok(files)
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Result<String> {
    let path = RootedPath::given(folder).join(name);
    let written = path
        .folder()
        .and_then(|folder| folder.create(OsStr::new(name), false)?.write_all(text.as_bytes()));
    written.doing(|| format!("write `{path}`"))?;
    Ok(path.path().display().to_string())
}
