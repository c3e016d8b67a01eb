//! The process inside the namespace, which starts the command and reads the counters.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitStatus};

use serde::{Deserialize, Serialize};

use super::counters::Counters;
use super::routes;
use airgap_core::child::{self, Streams};
use airgap_core::error::{Context as _, Error, ErrorKind, Result};
use airgap_core::rooted::RootedPath;
use airgap_core::store;

/// The task of the process in the namespace.
#[derive(Clone, Copy, Debug)]
pub struct Inside<'a> {
    /// The namespace of the process outside; `-` if there is no other one.
    pub outside: &'a str,
    /// The file for the report.
    pub report: Option<&'a Path>,
    /// The command; empty to test the namespace only.
    pub command: &'a [OsString],
}

/// The end of a command in the namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The attempts that the kernel counted meanwhile.
    pub counters: Counters,
    /// The number of processes that outlived the command by 5 s and were killed.
    pub outlived: usize,
}

/// The report to the process outside.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Report {
    /// The command ran.
    Ended(Ended),
    /// The command cannot be started, for this reason.
    Failed(String),
}

/// Checks that there is no network, runs the command and writes the report.
///
/// # Errors
/// Failed, if there is a network, or if the report cannot be written.
pub fn inside(task: &Inside<'_>) -> Result<()> {
    check(task.outside)?;
    let before = Counters::read()?;
    let (Some(report), Some((program, arguments))) = (task.report, task.command.split_first())
    else {
        return Ok(());
    };
    adopt()?;
    let mut command = Command::new(program);
    command.args(arguments);
    let written = match child::attached(command, Streams::Own) {
        Ok(status) => {
            let outlived = outlived()?;
            let counters = Counters::read()?.since(before);
            Report::Ended(Ended { code: status.code(), signal: signal(status), counters, outlived })
        }
        Err(failure) => Report::Failed(failure.to_string()),
    };
    let text = serde_json::to_string(&written).map_err(|error| {
        Error::new(ErrorKind::Failed, "cannot write the report of the namespace").because(error)
    })?;
    store::write_atomically(&RootedPath::beside(report), text.as_bytes())
}

#[cfg(target_os = "linux")]
use super::orphans::{adopt, end as outlived};

#[cfg(not(target_os = "linux"))]
fn adopt() -> Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn outlived() -> Result<usize> {
    Ok(0)
}

/// Brings loopback up, and checks that it is the only network.
pub(super) fn check(outside: &str) -> Result<()> {
    if outside != "-" {
        let own = std::fs::read_link("/proc/self/ns/net");
        let own = own.doing(|| "read the network namespace of this process".to_owned())?;
        if own.as_os_str() == outside {
            return Err(Error::new(ErrorKind::Failed, "no new network namespace was created"));
        }
        up()?;
    }
    let others = routes::others()?;
    match others.is_empty() {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Failed, "the new namespace still has a network")
            .fact("by way of", others.join(", "))),
    }
}

/// Brings loopback up. The host gets a name that needs no name server, because Bazel looks up its
/// own host.
#[cfg(target_os = "linux")]
fn up() -> Result<()> {
    let named = rustix::system::sethostname(b"localhost").map_err(std::io::Error::from);
    named.doing(|| "name the host in the namespace".to_owned())?;
    super::loopback::up().doing(|| "bring loopback up in the new network namespace".to_owned())
}

#[cfg(not(target_os = "linux"))]
fn up() -> Result<()> {
    Err(Error::new(ErrorKind::Failed, "only Linux has network namespaces"))
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}
