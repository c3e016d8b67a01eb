//! The processes that outlive the command that started them.
//!
//! A process whose parent has ended is adopted by the process in the namespace: its attempts to
//! use a network count until it ends, and nothing of a proof runs after the verdict.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use airgap_core::error::{Context as _, Error, ErrorKind, Result};
use airgap_core::{read, user_path};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

/// The time in which such processes may end by themselves.
const GRACE: Duration = Duration::from_secs(5);

/// The time in which they must end after a signal.
const END: Duration = Duration::from_secs(10);

/// The interval at which they are checked.
const PAUSE: Duration = Duration::from_millis(20);

/// The longest `/proc/PID/stat` in bytes.
const STAT: u64 = 4096;

/// Makes this process the parent of each descendant whose own parent ends.
///
/// # Errors
/// Those of the system.
pub(super) fn adopt() -> Result<()> {
    let adopted = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    adopted.map_err(std::io::Error::from).doing(|| "adopt the processes of the command".to_owned())
}

/// Waits for 5 s until all adopted processes have ended, and then kills the others. Returns the
/// number of killed processes.
///
/// # Errors
/// Failed, if a process does not end within 10 s after it was killed.
pub(super) fn end() -> Result<usize> {
    let (grace, mut killed) = (Instant::now() + GRACE, BTreeSet::new());
    while !have_all_ended()? {
        let now = Instant::now();
        if now >= grace + END {
            return Err(Error::new(ErrorKind::Failed, "cannot end the processes of the command")
                .fact(
                    "found",
                    format!("processes that run {} s after it", (GRACE + END).as_secs()),
                ));
        }
        if now >= grace {
            killed.extend(children()?.into_iter().filter(|child| kill(*child)));
        }
        thread::sleep(PAUSE);
    }
    Ok(killed.len())
}

/// Returns the state of a child that has ended. Takes the exit codes of adopted processes meanwhile:
/// a server whose exit code is not taken seems to run for the program that ended it.
///
/// # Errors
/// Those of the system.
pub(super) fn poll(child: u32) -> Result<Option<WaitStatus>> {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((ended, status))) if ended.as_raw_pid().cast_unsigned() == child => {
                return Ok(Some(status));
            }
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return Ok(None),
            Err(error) => return not_waited(error),
        }
    }
}

/// Takes the exit codes of ended children. Returns whether no child is left.
fn have_all_ended() -> Result<bool> {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return Ok(false),
            Err(Errno::CHILD) => return Ok(true),
            Err(error) => return not_waited(error),
        }
    }
}

fn not_waited<T>(error: Errno) -> Result<T> {
    let error = Err(std::io::Error::from(error));
    error.doing(|| "wait for the processes of the command".to_owned())
}

/// Returns the running children of this process.
fn children() -> Result<Vec<i32>> {
    let own = std::process::id().to_string();
    let entries = user_path::list(Path::new("/proc")).doing(|| "list `/proc`".to_owned())?;
    let named = |path: &Path| path.file_name()?.to_str()?.parse().ok();
    let all = entries.iter().filter_map(|path| Some((named(path)?, path)));
    Ok(all.filter(|(_, path)| is_child(path, &own)).map(|(pid, _)| pid).collect())
}

/// Returns whether `/proc/PID/stat` names this parent, and a state that is not that of a process
/// which has ended: `304 (name) S 7 ...`. The name may contain parentheses.
fn is_child(process: &Path, parent: &str) -> bool {
    let stat = process.join("stat");
    let text = read::file(&stat).and_then(|mut file| read::rest(&mut file, &stat, STAT));
    let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
    let mut fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.next().is_some_and(|state| state != "Z") && fields.next() == Some(parent)
}

/// Kills a child, whose number no other process can have before its exit code is taken.
fn kill(child: i32) -> bool {
    let child = Pid::from_raw(child);
    child.is_some_and(|child| rustix::process::kill_process(child, Signal::KILL).is_ok())
}
