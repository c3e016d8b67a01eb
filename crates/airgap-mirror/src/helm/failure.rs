//! The error messages of Helm.

use std::path::Path;

use airgap_core::child::{Limits, Output};
use airgap_core::error::Error;
use airgap_core::report::shortened;
use airgap_core::shell;

/// The largest number of lines of a message that are shown, and of characters of each.
const MOST_LINES: usize = 12;
const LONGEST: usize = 600;

/// The messages of the Go runtime without free memory.
const NO_MEMORY: [&str; 2] = ["out of memory", "cannot allocate memory"];

/// The label of the fact with Helm's own message.
const SAID: &str = "Helm said";

/// The files of a run with the names that the user has for them.
pub(super) struct Renaming<'a> {
    /// The paths of values files, and the names of their originals.
    pub(super) files: &'a [(String, String)],
    pub(super) chart: &'a Path,
    pub(super) name: &'a str,
}

impl Renaming<'_> {
    /// Returns the lines of a message, with the user's names and without terminal control
    /// characters.
    pub(super) fn lines(&self, message: &[u8]) -> Vec<String> {
        let mut text = String::from_utf8_lossy(message).into_owned();
        for (path, name) in self.files {
            text = text.replace(path, name);
        }
        text = text.replace(&self.chart.display().to_string(), self.name);
        let lines = text.lines().map(str::trim_end).filter(|line| !line.trim().is_empty());
        lines.take(MOST_LINES).map(|line| shortened(line, LONGEST)).collect()
    }
}

/// Returns the error for a chart that Helm does not render.
pub(super) fn refused(output: &Output, renaming: &Renaming<'_>, limits: Limits) -> Error {
    let name = renaming.name;
    let message = String::from_utf8_lossy(&output.stderr);
    if let (Some(most), true) = (limits.memory, NO_MEMORY.iter().any(|it| message.contains(it))) {
        return Error::usage(format!("chart `{name}` was not rendered"))
            .fact("found", format!("Helm needs more than {} MiB of memory", most >> 20))
            .hint("the chart may loop forever: check its templates");
    }
    let mut lines = renaming.lines(&output.stderr);
    if let Some(start) = lines.iter().position(|line| line.starts_with("Error: ")) {
        lines.drain(..start);
    }
    lines.retain(|line| !line.starts_with("Use --debug flag"));
    let said = lines.join("\n");
    let said = said.strip_prefix("Error: ").unwrap_or(&said);
    let error = Error::usage(format!("Helm does not render chart `{name}`"));
    let error = match place(said) {
        Some(place) => error.fact("at", place),
        None => error,
    };
    let error = match said.is_empty() {
        true => error.fact("ended with", output.status),
        false => error.fact(SAID, said),
    };
    hints(said, renaming).into_iter().fold(error, Error::hint)
}

/// Returns the file and line that a message names: `nginx/templates/pod.yaml:3:5`.
fn place(said: &str) -> Option<&str> {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"' | '\'' | '`' | ',');
    let mut words = said.split(is_end).map(|word| word.trim_end_matches(':'));
    words.find(|word| word.contains("/templates/") || word.ends_with("values.yaml"))
}

fn hints(said: &str, renaming: &Renaming<'_>) -> Vec<String> {
    let name = renaming.name;
    let has = |words: &[&str]| words.iter().any(|it| said.contains(it));
    if has(&["missing in charts/ directory", "chart metadata is missing these dependencies"]) {
        return vec![
            format!(
                "if `{name}` is a folder: `helm dependency build {}`",
                shell::path(Path::new(name))
            ),
            "or use the published archive of the chart, which contains its dependencies".to_owned(),
        ];
    }
    if has(&["requires kubeVersion"]) {
        return vec!["name the version of your cluster: `--kube-version 1.33.0`".to_owned()];
    }
    if has(&["unable to load chart archive", "larger than the maximum"]) {
        return vec!["Helm reads charts of at most 100 MiB, and files of at most 5 MiB".to_owned()];
    }
    if has(&["execution error at", "schema"]) {
        return vec![
            "set the values that the chart requires: `--set KEY=VALUE` or `--values FILE`"
                .to_owned(),
        ];
    }
    Vec::new()
}

/// Returns whether the schema of a chart refers to a web address.
pub(super) fn needs_remote_schema(error: &Error) -> bool {
    let said = error.facts().iter().find(|(label, _)| *label == SAID);
    said.is_some_and(|(_, said)| {
        said.contains("schema")
            && (said.contains("http://") || said.contains("https://"))
            && ["failing loading", "dial tcp", "proxyconnect", "no such host"]
                .iter()
                .any(|it| said.contains(it))
    })
}

/// Returns the version in the output of `helm version`: `v4.1.4+g05fa379`, or `Client: v2.17.0` of
/// Helm 2.
pub(super) fn version(answer: &str) -> Option<&str> {
    let is_version = |word: &&str| {
        let mut parts = word.split('.');
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        parts.next().is_some_and(is_number) && parts.next().is_some_and(is_number)
    };
    let words = answer.split_whitespace().filter_map(|word| word.strip_prefix('v'));
    words.map(|word| word.split('+').next().unwrap_or(word)).find(is_version)
}

/// Returns the beginning of the output of a program.
pub(super) fn first_words(output: &Output) -> String {
    let lines = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it).into_owned());
    let line = lines.iter().flat_map(|it| it.lines()).find(|line| !line.trim().is_empty());
    line.map_or_else(|| output.status.to_string(), |line| shortened(line.trim(), 200))
}
