//! The options that are passed on to `helm template`.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use airgap_core::error::{Context, Result};
use airgap_core::rooted::RootedPath;

/// Values and capabilities with which a chart is rendered.
#[derive(Clone, Debug, Default)]
pub struct RenderOptions {
    /// Values files; a later one overrides an earlier one.
    pub values: Vec<ValuesFile>,
    /// Each `--set`, as it is written.
    pub set: Vec<String>,
    /// Each `--set-string`.
    pub set_string: Vec<String>,
    /// The version of Kubernetes; `None` for Helm's own default.
    pub kube_version: Option<String>,
    /// Each `--api-versions`.
    pub api_versions: Vec<String>,
    /// The namespace of the release; `None` for `default`.
    pub namespace: Option<String>,
}

/// A values file.
#[derive(Clone, Debug)]
pub struct ValuesFile {
    /// The user's name for it, for messages.
    pub name: String,
    /// Its content.
    pub text: String,
}

impl RenderOptions {
    /// Adds the options to a command, and writes the values into files of a folder: Helm splits a
    /// path at a comma, reads standard input for `-`, and downloads from a URL. Returns the path
    /// and the user's name of each file.
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
    let path = RootedPath::from_trusted(folder).join(name);
    let written = path
        .folder()
        .and_then(|folder| folder.create(OsStr::new(name), false)?.write_all(text.as_bytes()));
    written.doing(|| format!("write `{path}`"))?;
    Ok(path.path().display().to_string())
}
