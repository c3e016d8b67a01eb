//! Several commands in one network namespace, one after another.
//!
//! ```text
//! Session --unshare--> this program again, the first process of a process namespace
//!         <--messages-->          --runs--> the commands, and the servers that they start
//! ```
//!
//! All processes of the session end with it, and if this process is killed.

use std::ffi::OsString;
use std::io::BufReader;
use std::path::Path;
use std::process::{ChildStdin, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use airgap_core::child::{Failure, Limits, Running};
use airgap_core::environment::Environment;
use airgap_core::error::{Context as _, Error, Result};
use airgap_core::workers::spawn_detached;

use super::message::{Output, Reply, Task};
use super::{WAYS, failed, started};

/// The flags of `unshare` for a namespace whose processes end with the first one.
const PROCESSES: [&str; 4] = ["--pid", "--fork", "--kill-child", "--mount-proc"];

/// The time until the first process is ready.
const READY: Duration = Duration::from_secs(30);

/// The time in which all processes end.
const END: Duration = Duration::from_secs(10);

/// A running session.
#[derive(Debug)]
pub struct Session {
    process: Running,
    /// The first process ends when this is closed.
    tasks: Option<ChildStdin>,
    replies: mpsc::Receiver<Reply>,
    limits: Limits,
}

impl Session {
    /// Starts a session, whose commands run in `folder` and have these limits, but none of memory.
    ///
    /// # Errors
    /// Failed, if the namespaces cannot be created here.
    pub fn new(environment: &Environment, folder: &Path, limits: Limits) -> Result<Session> {
        let mut error = failed("start a session".into());
        let Some(unshare) = environment.program("unshare") else {
            return Err(error.because("`unshare` of util-linux is not on PATH"));
        };
        for (how, flags) in WAYS {
            let flags = flags.iter().chain(&PROCESSES).chain(&["--"]).map(OsString::from);
            let words = std::iter::once(unshare.clone().into()).chain(flags).collect();
            match Session::start(words, folder, limits) {
                Ok(session) => return Ok(session),
                Err(reason) => error = error.fact("tried", format!("{how}: {reason}")),
            }
        }
        Err(error)
    }

    fn start(words: Vec<OsString>, folder: &Path, limits: Limits) -> Result<Session> {
        let this_program = std::env::current_exe().doing(|| "find this program itself".into())?;
        let mut command = started(words, &this_program, false);
        command.arg("--session").current_dir(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = Running::start(&mut command).map_err(not_run)?;
        let tasks = process.child.stdin.take();
        let stdout = process.child.stdout.take();
        let (sender, replies) = mpsc::channel();
        let read = move || {
            let Some(mut stdout) = stdout.map(BufReader::new) else { return };
            // The receiver sees an error as the end.
            while let Ok(Some(reply)) = Reply::read(&mut stdout, limits) {
                if sender.send(reply).is_err() {
                    return;
                }
            }
        };
        let session = Session { process, tasks, replies, limits };
        spawn_detached("session", read).doing(|| "start a thread".to_owned())?;
        match session.reply(READY).map_err(not_run)? {
            Reply::Ready => Ok(session),
            other => Err(failed("start a session".into()).fact("found", format!("{other:?}"))),
        }
    }

    /// Runs a command and captures its output.
    ///
    /// # Errors
    /// Failed, if the command cannot be started or exceeds a limit. After the time limit, the session
    /// has ended.
    pub fn run(&mut self, command: &[OsString]) -> Result<Output> {
        let first = command.first().map(|word| word.to_string_lossy().into_owned());
        let because = |failure: String| {
            failed(format!("run `{}`", first.unwrap_or_default())).because(failure)
        };
        match self.replied(command) {
            Ok(Reply::Ended(output)) => Ok(output),
            Ok(Reply::Failed(reason)) => Err(because(reason)),
            Ok(Reply::Ready) => Err(because("the reply is not one to a task".into())),
            Err(failure) => {
                self.end();
                Err(because(failure.to_string()))
            }
        }
    }

    fn replied(&mut self, command: &[OsString]) -> std::result::Result<Reply, Failure> {
        let Limits { stdout, stderr, time, .. } = self.limits;
        let task = Task { command: command.to_vec(), stdout, stderr };
        let ended = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        let tasks = self.tasks.as_mut().ok_or_else(ended);
        tasks.and_then(|tasks| task.write(tasks)).map_err(Failure::Watch)?;
        self.reply(time)
    }

    /// Waits for the next reply.
    fn reply(&self, time: Duration) -> std::result::Result<Reply, Failure> {
        self.replies.recv_timeout(time).map_err(|error| match error {
            RecvTimeoutError::Timeout => Failure::Time,
            RecvTimeoutError::Disconnected => {
                Failure::Watch(std::io::Error::other("the first process of its namespace ended"))
            }
        })
    }

    /// Ends all processes of the session, and waits until they have ended.
    fn end(&mut self) {
        self.tasks = None;
        // After this time, the process outside is killed, and the kernel passes that on.
        let _ = self.process.wait(Instant::now() + END);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}

fn not_run(failure: Failure) -> Error {
    failed("start a session".into()).because(failure)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { time: Duration::from_millis(200), stdout: 9, stderr: 9, memory: None };

    /// Starts a session whose first process is a script.
    fn session(script: &str) -> Result<Session> {
        let words = ["sh", "-c", script].map(OsString::from).to_vec();
        Session::start(words, Path::new("/"), LIMITS)
    }

    fn failure(script: &str) -> String {
        let mut session = session(script).unwrap();
        let failure = session.run(&["x".into()]).unwrap_err().one_line();
        assert!(session.run(&["x".into()]).is_err());
        failure
    }

    #[test]
    fn a_session_without_a_namespace_cannot_be_started() {
        assert!(session("exit 1").is_err());
        assert!(session("echo '{\"failed\": \"x\"}'; exec cat").is_err());
    }

    #[test]
    fn a_session_ends_with_its_time_limit() {
        let start = Instant::now();
        let failure = failure("echo '\"ready\"'; cat >/dev/null; :");
        assert!(failure.contains("did not end within its time"), "{failure}");
        assert!(start.elapsed() < END, "the first process was killed");
    }

    #[test]
    fn other_replies_than_those_to_a_task_are_failures() {
        for reply in ["x", "\"ready\"", "{\"ended\": [0, 10, 0]}", "{\"ended\": [0, 9, 9]}"] {
            failure(&format!("echo '\"ready\"'; read -r task; echo '{reply}'"));
        }
    }
}
