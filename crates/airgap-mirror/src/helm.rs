//! Running of Helm, which renders charts.
//!
//! A chart is an untrusted program. The Helm that renders it has no plugins, configuration,
//! repositories, credentials or cluster. Its time, memory and output are limited, and it has no
//! network if the system allows that. See [`Helm::render`].

mod failure;
mod isolation;
mod normalize;
mod options;
mod rendered;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use airgap_core::child::{self, Failure, Limits, Output};
use airgap_core::environment::Environment;
use airgap_core::error::{Context, Error, ErrorKind, Result};
use isolation::Isolation;
use normalize::DocumentParts;

pub use options::{RenderOptions, ValuesFile};
pub use rendered::Rendered;

/// The major versions of Helm whose `template` command is supported.
const KNOWN: [&str; 2] = ["3", "4"];

/// The time limit for `helm version`.
const VERSION_TIME: Duration = Duration::from_secs(20);

/// The limits of rendering one chart. `helm template` of kube-prometheus-stack, the largest chart in
/// the tests, takes 0.3 s, 95 MB of memory and 0.7 MB of output.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(30),
    stdout: crate::yaml::MOST_BYTES,
    stderr: 64 << 10,
    memory: Some(2 << 30),
};

/// The name of the release, and of its namespace if none is given.
const RELEASE: &str = "release";
const NAMESPACE: &str = "default";

/// A Helm program of this machine.
#[derive(Clone, Debug)]
pub struct Helm {
    program: PathBuf,
    version: String,
    isolation: Isolation,
    limits: Limits,
}

impl Helm {
    /// Finds Helm at a path, or else on `PATH`. Returns `None` if no path is given and `PATH` does
    /// not have it.
    ///
    /// # Errors
    /// Usage, if the program is not Helm 3 or 4, or does not answer.
    pub fn find(environment: &Environment, named: Option<&Path>) -> Result<Option<Helm>> {
        let program = match named {
            Some(path)
                if path.components().count() == 1 && !airgap_core::user_path::is_file(path)? =>
            {
                environment.program(&path.to_string_lossy())
            }
            Some(path) => Some(environment.base_dir().join(path)),
            None => environment.program("helm"),
        };
        match (program, named) {
            (Some(program), _) => Helm::new(program, environment).map(Some),
            (None, None) => Ok(None),
            (None, Some(path)) => {
                Err(Error::usage(format!("there is no `{}` on PATH", path.display()))
                    .fact("named by", "--helm")
                    .hint("name the file of Helm: `--helm /path/to/helm`"))
            }
        }
    }

    /// Asks a program for its version, without a network if the system can cut it.
    fn new(program: PathBuf, environment: &Environment) -> Result<Helm> {
        let mut isolation = Isolation::new(environment);
        let mut output = ask_version(&program, &isolation)?;
        if isolation.has_no_network() && !output.status.success() {
            isolation = isolation.with_network();
            output = ask_version(&program, &isolation)?;
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let version = failure::version(&text).ok_or_else(|| {
            unusable(&program, "is not Helm 3 or 4")
                .fact("`helm version` said", failure::first_words(&output))
        })?;
        if !KNOWN.contains(&version.split('.').next().unwrap_or_default()) {
            return Err(unusable(&program, "is not Helm 3 or 4").fact("found", version));
        }
        Ok(Helm { program, version: version.to_owned(), isolation, limits: LIMITS })
    }

    /// Returns the version, such as `4.1.4`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns whether charts are rendered in a network namespace without an interface. Otherwise
    /// their only network is a proxy that does not exist.
    pub fn has_no_network(&self) -> bool {
        self.isolation.has_no_network()
    }

    /// Renders the chart in a folder or a `.tgz`. `name` is the user's name for it.
    ///
    /// # Errors
    /// Usage, with Helm's own message and the file that it names, if Helm refuses the chart or the
    /// values, or if a limit is exceeded: 30 s, 2 GiB of memory (on Linux), 16 MiB of manifests.
    pub fn render(&self, chart: &Path, name: &str, options: &RenderOptions) -> Result<Rendered> {
        let rendered = self.render_once(chart, name, options, false);
        match rendered {
            // A schema at a web address cannot be fetched here. It validates values and does not
            // change the rendering, so it is skipped.
            Err(error) if failure::needs_remote_schema(&error) => {
                self.render_once(chart, name, options, true).map_err(|_| error)
            }
            rendered => rendered,
        }
    }

    fn render_once(
        &self,
        chart: &Path,
        name: &str,
        options: &RenderOptions,
        skip_schema: bool,
    ) -> Result<Rendered> {
        let room = self.isolation.room()?;
        let mut command = self.isolation.command(&self.program, room.path());
        command.args(["template", RELEASE]).arg(std::path::absolute(chart).unwrap_or(chart.into()));
        let namespace = options.namespace.as_deref().unwrap_or(NAMESPACE);
        command.arg(format!("--namespace={namespace}"));
        let files = options.add_to(&mut command, room.path())?;
        if skip_schema {
            command.arg("--skip-schema-validation");
        }
        let renaming = failure::Renaming { files: &files, chart, name };
        let output =
            child::run(command, b"", self.limits).map_err(|failure| self.failed(name, failure))?;
        if !output.status.success() {
            return Err(failure::refused(&output, &renaming, self.limits));
        }
        let text = String::from_utf8(output.stdout)
            .map_err(|_| Error::usage(format!("chart `{name}` renders text that is not UTF-8")))?;
        let mut warnings = renaming.lines(&output.stderr);
        if skip_schema {
            warnings
                .push("the values were not checked: the chart's schema is on the web".to_owned());
        }
        Ok(Rendered::new(self.normal(text)?, warnings))
    }

    /// Returns the manifests in a form that other readers read as Helm does. They stay unchanged if
    /// Helm cannot read them again.
    fn normal(&self, text: String) -> Result<String> {
        let parts = DocumentParts::new(&text);
        if parts.are_read() {
            return Ok(text);
        }
        let room = self.isolation.room()?;
        parts.write_chart(room.path()).doing(|| "write manifests for Helm".to_owned())?;
        let mut command = self.isolation.command(&self.program, room.path());
        command.args(["template", RELEASE]).arg(room.path().join(normalize::CHART));
        match child::run(command, b"", self.limits) {
            Ok(output) if output.status.success() => {
                Ok(parts.with(&String::from_utf8_lossy(&output.stdout)))
            }
            _ => Ok(text),
        }
    }

    fn failed(&self, name: &str, failure: Failure) -> Error {
        let program = self.program.display();
        let error = Error::usage(format!("chart `{name}` was not rendered"));
        let error = match failure {
            Failure::Time => error
                .fact("found", format!("Helm did not finish within {:?}", self.limits.time))
                .hint("the chart may loop forever: check its templates"),
            Failure::Size => error
                .fact("found", format!("more than {} MiB of manifests", self.limits.stdout >> 20))
                .hint("the chart may loop forever: check its templates"),
            Failure::Start(cause) | Failure::Watch(cause) => {
                Error::new(ErrorKind::Failed, format!("cannot run `{program}`")).because(cause)
            }
        };
        error.fact("with", format!("{program} ({})", self.version))
    }

    /// Returns the same Helm with other limits; for tests.
    #[cfg(test)]
    fn with_limits(self, change: impl FnOnce(&mut Limits)) -> Helm {
        let mut limits = self.limits;
        change(&mut limits);
        Helm { limits, ..self }
    }
}

/// Runs `helm version`. Helm 2 would contact a cluster without `--client`, and later versions
/// ignore it.
fn ask_version(program: &Path, isolation: &Isolation) -> Result<Output> {
    let room = isolation.room()?;
    let mut command: Command = isolation.command(program, room.path());
    command.args(["version", "--short"]);
    let limits = Limits { time: VERSION_TIME, stdout: 64 << 10, ..LIMITS };
    child::run(command, b"", limits).map_err(|failure| match failure {
        Failure::Start(cause) | Failure::Watch(cause) => {
            unusable(program, "cannot be run").because(cause)
        }
        Failure::Time => {
            unusable(program, "does not answer").fact("waited", format!("{VERSION_TIME:?}"))
        }
        Failure::Size => unusable(program, "is not Helm 3 or 4"),
    })
}

fn unusable(program: &Path, problem: &str) -> Error {
    Error::usage(format!("`{}` {problem}", program.display()))
        .fact("expected", "Helm 3 or 4")
        .hint("name another one with `--helm /path/to/helm`")
}

#[cfg(test)]
mod tests;
