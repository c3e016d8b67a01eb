//! Programs that run in a network namespace, where the only network is loopback.
//!
//! ```text
//! NetworkNamespace --unshare--> this program again, `inside`
//!                               --brings loopback up, counts--> the command
//! ```
//!
//! The second process stays until the command ends, because the counters of the kernel belong to
//! the namespace and disappear with it. A [`Session`] runs several commands in one namespace.

mod counters;
mod first_process;
mod inside;
#[cfg(target_os = "linux")]
mod loopback;
mod message;
#[cfg(target_os = "linux")]
mod orphans;
mod routes;
mod session;
pub mod trace;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use airgap_core::child::{self, Limits, Streams};
use airgap_core::environment::Environment;
use airgap_core::error::{Context as _, Error, ErrorKind, Result};
use airgap_core::read;

pub use counters::Counters;
pub use first_process::serve;
use inside::Report;
pub use inside::{Ended, Inside, inside};
pub use message::Output;
pub use session::Session;

/// The limits of the test whether a namespace can be created.
const PROBE: Limits =
    Limits { time: Duration::from_secs(30), stdout: 1 << 10, stderr: 4 << 10, memory: None };

/// The largest report of the process in the namespace, in bytes.
const REPORT_LIMIT: u64 = 64 << 10;

/// A tested way to start programs without a network.
#[derive(Clone, Debug)]
pub struct NetworkNamespace {
    /// The command that creates the namespace; empty if this process has no network itself.
    unshare: Vec<OsString>,
    this_program: PathBuf,
    how: &'static str,
}

/// The result of a command whose output was captured.
#[derive(Debug)]
pub struct Captured {
    /// The result as the kernel saw it.
    pub ended: Ended,
    /// Standard output, complete.
    pub stdout: Vec<u8>,
    /// The beginning of standard error.
    pub stderr: Vec<u8>,
}

impl NetworkNamespace {
    /// Finds a way that works on this machine, and tries it.
    ///
    /// # Errors
    /// Failed, with the reason of each way, if no network namespace can be created here.
    pub fn find(environment: &Environment) -> Result<NetworkNamespace> {
        let this_program = std::env::current_exe().doing(|| "find this program itself".into())?;
        let mut reasons = Vec::new();
        for (how, flags) in WAYS {
            let Some(unshare) = environment.program("unshare") else {
                reasons.push("`unshare` of util-linux is not on PATH".to_owned());
                break;
            };
            let words = std::iter::once(unshare.into()).chain(flags.iter().map(OsString::from));
            let namespace = NetworkNamespace {
                unshare: words.collect(),
                this_program: this_program.clone(),
                how,
            };
            match namespace.probe() {
                Ok(()) => return Ok(namespace),
                Err(reason) => reasons.push(format!("{how}: {reason}")),
            }
        }
        if routes::others().is_ok_and(|others| others.is_empty()) {
            return Ok(NetworkNamespace { unshare: Vec::new(), this_program, how: NO_ROUTE });
        }
        Err(impossible(reasons))
    }

    /// Returns the description of the way: `a network namespace`.
    pub fn how(&self) -> &'static str {
        self.how
    }

    /// Runs a command with the terminal of this process. The report goes through a file in
    /// `scratch`.
    ///
    /// # Errors
    /// Failed, if the command cannot be started or its report cannot be read.
    pub fn attached(&self, command: &Words<'_>, streams: Streams, scratch: &Path) -> Result<Ended> {
        let report = scratch.join("counters.json");
        let doing = || format!("run `{}`", command.first());
        child::attached(self.command(command, &report), streams)
            .map_err(|failure| failed(doing()).because(failure))?;
        ended(&report, doing())
    }

    /// Runs a command and captures its output, within limits.
    ///
    /// # Errors
    /// The errors of [`NetworkNamespace::attached`], and Failed if a limit is exceeded.
    pub fn captured(
        &self,
        command: &Words<'_>,
        scratch: &Path,
        limits: Limits,
    ) -> Result<Captured> {
        let report = scratch.join("counters.json");
        let doing = || format!("run `{}`", command.first());
        let output = child::run(self.command(command, &report), b"", limits)
            .map_err(|failure| failed(doing()).because(failure))?;
        let child::Output { stdout, stderr, .. } = output;
        Ok(Captured { ended: ended(&report, doing())?, stdout, stderr })
    }

    fn probe(&self) -> std::result::Result<(), String> {
        let mut command = self.start(&[]);
        command.arg("--probe");
        match child::run(command, b"", PROBE) {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")),
            Err(failure) => Err(failure.to_string()),
        }
    }

    fn command(&self, words: &Words<'_>, report: &Path) -> Command {
        let mut command = self.start(words.tracer);
        command.arg("--report").arg(report).arg("--").args(words.command);
        command
            .current_dir(words.folder)
            .envs(words.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Returns the command that starts this program in the namespace, by way of `tracer`.
    fn start(&self, tracer: &[OsString]) -> Command {
        let mut words: Vec<OsString> = self.unshare.clone();
        if !words.is_empty() {
            words.push("--".into());
        }
        words.extend(tracer.iter().cloned());
        started(words, &self.this_program, self.unshare.is_empty())
    }
}

/// Returns the command that starts this program behind other words.
fn started(mut words: Vec<OsString>, this_program: &Path, stays: bool) -> Command {
    words.push(this_program.into());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command.arg("network-namespace").arg("--outside").arg(outside(stays));
    command
}

/// A command, its folder and its additional variables.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// The program that watches this program and the command, with its arguments; empty if there is
    /// none.
    pub tracer: &'a [OsString],
    /// The program and its arguments.
    pub command: &'a [OsString],
    /// The folder in which it starts.
    pub folder: &'a Path,
    /// Variables that are set in addition to those of this process.
    pub variables: &'a [(String, OsString)],
}

impl Words<'_> {
    fn first(&self) -> String {
        self.command.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// The ways to create a namespace, each with its description and the flags of `unshare`. Only root
/// may create a network namespace; in a user namespace, every user is root.
const WAYS: [(&str, &[&str]); 2] = [
    ("a network namespace", &["--net", "--uts"]),
    ("a network namespace in a user namespace", &["--user", "--map-root-user", "--net", "--uts"]),
];

/// The way for a process that has no network itself.
const NO_ROUTE: &str = "this machine, which has no route to a network";

/// Returns the namespace of this process, which the process inside must not share.
fn outside(stays: bool) -> OsString {
    let own = std::fs::read_link("/proc/self/ns/net").map(PathBuf::into_os_string);
    if stays { "-".into() } else { own.unwrap_or_else(|_| "unknown".into()) }
}

fn impossible(reasons: Vec<String>) -> Error {
    let error = Error::new(ErrorKind::Failed, "cannot take the network away from a command here");
    let error = reasons.into_iter().fold(error, |error, reason| error.fact("tried", reason));
    error
        .hint("run as root")
        .hint(
            "allow user namespaces: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 \
               (Ubuntu), sysctl -w kernel.unprivileged_userns_clone=1 (Debian)",
        )
        .hint(
            "or start a container without a network, and run this there: docker run --network=none",
        )
}

fn failed(doing: String) -> Error {
    Error::new(ErrorKind::Failed, format!("cannot {doing} without a network"))
}

/// Reads the report of the process in the namespace.
fn ended(report: &Path, doing: String) -> Result<Ended> {
    let text = read::text(report, REPORT_LIMIT)
        .map_err(|error| failed(doing.clone()).because(error.one_line()))?;
    match serde_json::from_str(&text) {
        Ok(Report::Ended(ended)) => Ok(ended),
        Ok(Report::Failed(why)) => Err(failed(doing).because(why)),
        Err(error) => Err(failed(doing).because(error)),
    }
}
