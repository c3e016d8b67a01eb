//! Bazel without a network, in an output root of its own, for queries about a workspace.
//!
//! One server answers all commands, where it is certain to end with this program: the rehearsal
//! then uses what the query loaded.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use airgap_core::child::Limits;
use airgap_core::environment::Environment;
use airgap_core::error::Result;
use airgap_core::report::Report;
use airgap_core::store::Scratch;

use super::isolation::Isolation;
use crate::announced;
use crate::kept::Kept;
use crate::network_namespace::Output;

/// The limits of one command of Bazel. It may build the helper from its sources.
const LIMITS: Limits =
    Limits { time: Duration::from_secs(1800), stdout: 64 << 20, stderr: 4 << 20, memory: None };

/// The file that Bazel may write in the workspace.
const LOCK: &str = "MODULE.bazel.lock";

/// The startup options of each command; with others, the next command would start a new server. The
/// JVM compiles with C1 only, which is faster for a server that runs for minutes at most: with 300
/// and with 5,000 packages, all commands took three quarters of the time.
const STARTUP: &[&str] =
    &["--nohome_rc", "--noworkspace_rc", "--host_jvm_args=-XX:TieredStopAtLevel=1"];

/// The options that decide which modules and repositories there are, so that each command needs
/// them.
const FOR_ALL: &[&str] = &[
    "--allow_yanked_versions",
    "--check_direct_dependencies",
    "--distdir",
    "--downloader_config",
    "--enable_bzlmod",
    "--enable_workspace",
    "--experimental_downloader_config",
    "--experimental_repository_disable_download",
    "--ignore_dev_dependency",
    "--inject_repository",
    "--lockfile_mode",
    "--noenable_bzlmod",
    "--noenable_workspace",
    "--override_module",
    "--override_repository",
    "--registry",
    "--repo_env",
    "--repository_cache",
    "--repository_disable_download",
    "--vendor_dir",
];

/// The options that use other machines, which a rehearsal cannot reach.
const REMOTE: &[&str] = &[
    "--bes_backend",
    "--bes_results_url",
    "--disk_cache",
    "--experimental_remote_downloader",
    "--remote_cache",
    "--remote_downloader",
    "--remote_executor",
];

/// The answer of Bazel to one command.
#[derive(Debug)]
pub(super) struct Answer {
    /// Its exit code; `None` if a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Bazel, ready for queries.
pub(super) struct Bazel<'a> {
    program: PathBuf,
    isolation: Isolation,
    scratch: Scratch,
    root: &'a Path,
    report: &'a Report,
    /// The options of `.bazelrc`, without unknown ones.
    options: Vec<String>,
}

impl<'a> Bazel<'a> {
    /// Creates an empty output root, for the Bazel of this path.
    ///
    /// # Errors
    /// Failed, if no network namespace can be created here.
    pub(super) fn new(
        program: PathBuf,
        root: &'a Path,
        environment: &Environment,
        report: &'a Report,
    ) -> Result<Bazel<'a>> {
        let isolation = Isolation::find(environment, root, LIMITS)?;
        Ok(Bazel {
            program,
            isolation,
            scratch: Scratch::new()?,
            root,
            report,
            options: Vec::new(),
        })
    }

    /// Sets the options for each command; a command gets those that it knows.
    pub(super) fn set_options(&mut self, options: Vec<String>) {
        self.options = options;
    }

    /// Runs `bazel query`.
    pub(super) fn query(&mut self, words: &[&str]) -> Result<Answer> {
        let options = self.options.iter().filter(|it| is_one_of(it, FOR_ALL));
        let mut all: Vec<String> = vec!["query".into(), "--keep_going".into()];
        all.extend(options.cloned().chain(OFFLINE.iter().map(ToString::to_string)));
        all.extend(words.iter().map(ToString::to_string));
        self.run(&all)
    }

    /// Loads and analyzes the targets, which fetches all repositories that they need, and builds
    /// nothing.
    pub(super) fn rehearse(&mut self, targets: &[String]) -> Result<Answer> {
        let options = self.options.iter().filter(|it| !is_one_of(it, REMOTE));
        let mut all: Vec<String> = vec!["build".into(), "--nobuild".into(), "--keep_going".into()];
        all.extend(options.cloned().chain(OFFLINE.iter().map(ToString::to_string)));
        all.push("--experimental_convenience_symlinks=ignore".into());
        all.push("--".into());
        all.extend(targets.iter().cloned());
        self.run(&all)
    }

    /// Runs a command that reads no option of the workspace. The lock of the modules stays as it
    /// is.
    pub(super) fn run(&mut self, words: &[String]) -> Result<Answer> {
        let command = self.command(words);
        let kept = Kept::read(&self.root.join(LOCK))?;
        let name = words.first().map_or("", String::as_str);
        let shown = format!("{} {name}", self.program.display());
        let (isolation, root, scratch) = (&mut self.isolation, self.root, self.scratch.path());
        let run = || isolation.run(&command, root, scratch, LIMITS);
        let output = announced::while_waiting(self.report, &shown, LIMITS, run);
        kept.restore()?;
        output.map(decode)
    }

    /// Returns the words that start Bazel for a command.
    fn command(&self, words: &[String]) -> Vec<OsString> {
        let output = |name: &str, folder: &str| {
            let mut word = OsString::from(name);
            word.push(self.scratch.path().join(folder));
            word
        };
        let mut command: Vec<OsString> = vec![self.program.clone().into()];
        command.extend((!self.isolation.keeps_servers()).then(|| "--batch".into()));
        command.extend(STARTUP.iter().map(OsString::from));
        command.push(output("--output_user_root=", "user_root"));
        command.push(output("--output_base=", "base"));
        command.extend(words.iter().map(OsString::from));
        command
    }

    /// Returns the folder with Bazel's own programs, such as `linux-sandbox`.
    pub(super) fn install_base(&self) -> PathBuf {
        self.scratch.path().join("base/install")
    }

    /// Returns a folder for files of this diagnosis.
    pub(super) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Ends the server and makes the folders removable, as Bazel makes its outputs read-only.
    pub(super) fn finish(self) {
        drop(self.isolation);
        crate::prove::make_removable(self.scratch.path());
    }
}

/// The option that forbids the network to the rules of this module.
const OFFLINE: &[&str] = &["--repo_env=BAZEL_WASM_OFFLINE=1"];

fn decode(output: Output) -> Answer {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    Answer { code: output.code, stdout, stderr }
}

/// Returns whether an option has one of these names.
fn is_one_of(option: &str, names: &[&str]) -> bool {
    let name = option.split('=').next().unwrap_or_default();
    names.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_sorted_by_their_names() {
        assert!(is_one_of("--registry=file:///x", FOR_ALL));
        assert!(!is_one_of("--registry_x", FOR_ALL));
        assert!(is_one_of("--remote_cache=x", REMOTE));
    }
}
