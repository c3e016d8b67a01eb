//! Child processes with limits on their time, memory and output.

use std::fmt;
use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::workers::spawn_detached;

/// The interval at which a process without output is checked.
const PAUSE: Duration = Duration::from_millis(5);

/// The limits of one run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The time after which the process and all that it has started are ended.
    pub time: Duration,
    /// The largest number of bytes of standard output; one more ends the process.
    pub stdout: u64,
    /// The number of bytes of standard error that are kept; the rest is read and dropped.
    pub stderr: u64,
    /// The largest address space in bytes. It is enforced on Linux only.
    pub memory: Option<u64>,
}

/// The result of a process that has ended by itself.
#[derive(Debug)]
pub struct Output {
    /// Its exit code or signal.
    pub status: ExitStatus,
    /// Its standard output, complete.
    pub stdout: Vec<u8>,
    /// The beginning of its standard error.
    pub stderr: Vec<u8>,
}

/// The reason why a process has no result.
#[derive(Debug)]
pub enum Failure {
    /// The process cannot be started.
    Start(io::Error),
    /// The process cannot be watched.
    Watch(io::Error),
    /// The process, or one that it started, still runs after the time limit.
    Time,
    /// The standard output exceeds the limit.
    Size,
}

/// Runs a command until it ends, with `stdin` as its standard input.
pub fn run(mut command: Command, stdin: &[u8], limits: Limits) -> Result<Output, Failure> {
    let end = Instant::now() + limits.time;
    command.stdin(if stdin.is_empty() { Stdio::null() } else { Stdio::piped() });
    command.stdout(Stdio::piped());
    command.stderr(if limits.stderr == 0 { Stdio::null() } else { Stdio::piped() });
    // A process group of its own, so that the processes that it starts can be ended with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut running = Running { child: command.spawn().map_err(Failure::Start)?, ended: false };
    limit(&running.child, limits);
    if let Some(mut pipe) = running.child.stdin.take() {
        // A process that does not read its input may have all that it needs.
        let _ = pipe.write_all(stdin);
    }
    let stdout = aside(running.child.stdout.take(), limits.stdout, false)?;
    let stderr = aside(running.child.stderr.take(), limits.stderr, true)?;
    let stdout = received(stdout, end)?;
    if stdout.len() as u64 > limits.stdout {
        return Err(Failure::Size);
    }
    let stderr = received(stderr, end)?;
    let status = running.wait(end)?;
    running.ended = true;
    Ok(Output { status, stdout, stderr })
}

/// The standard output of a command that shares the terminal of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streams {
    /// That of this process.
    Own,
    /// The standard error of this process, whose standard output is for data.
    Error,
}

/// Runs a command with the terminal and the standard streams of this process, until it ends.
pub fn attached(mut command: Command, streams: Streams) -> Result<ExitStatus, Failure> {
    if streams == Streams::Error {
        command.stdout(io::stderr());
    }
    command.spawn().map_err(Failure::Start)?.wait().map_err(Failure::Watch)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Start(error) => write!(f, "it cannot be started: {error}"),
            Failure::Watch(error) => write!(f, "it cannot be watched: {error}"),
            Failure::Time => f.write_str("it did not end within its time"),
            Failure::Size => f.write_str("its output is too large"),
        }
    }
}

/// A process that is ended if it is dropped before its end.
struct Running {
    child: Child,
    ended: bool,
}

impl Running {
    /// Waits for the end of the process.
    fn wait(&mut self, end: Instant) -> Result<ExitStatus, Failure> {
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if Instant::now() >= end => return Err(Failure::Time),
                Ok(None) => thread::sleep(PAUSE),
                Err(error) => return Err(Failure::Watch(error)),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        #[cfg(unix)]
        if let Some(group) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The CPU time of a process for each second of its time limit. The limit ends a process that
/// outlives this one, as after Ctrl-C.
#[cfg(target_os = "linux")]
const CPU_FACTOR: u64 = 4;

/// Limits the CPU time and the address space of a process that has just been started. Memory that
/// it has already taken counts too.
#[cfg(target_os = "linux")]
fn limit(child: &Child, limits: Limits) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    let Some(pid) = Pid::from_raw(child.id().cast_signed()) else { return };
    let seconds = CPU_FACTOR * limits.time.as_secs().max(1);
    let all = [(Resource::Cpu, Some(seconds)), (Resource::As, limits.memory)];
    for (resource, most) in all.into_iter().filter(|(_, most)| most.is_some()) {
        // `prlimit` fails only for a process that has ended already, or that has a lower limit.
        let _ = prlimit(Some(pid), resource, Rlimit { current: most, maximum: most });
    }
}

#[cfg(not(target_os = "linux"))]
fn limit(_: &Child, _: Limits) {}

/// Reads a pipe on another thread, which ends with the process's output. Keeps one byte over the
/// limit, so that the excess is seen; with `drain` the rest is read too.
fn aside(
    pipe: Option<impl Read + Send + 'static>,
    most: u64,
    drain: bool,
) -> Result<Option<mpsc::Receiver<Vec<u8>>>, Failure> {
    let Some(mut pipe) = pipe else { return Ok(None) };
    let (sender, receiver) = mpsc::channel();
    let read = move || {
        let mut bytes = Vec::new();
        // An error leaves the output incomplete, which its reader detects.
        let _ = pipe.by_ref().take(most + 1).read_to_end(&mut bytes);
        if drain {
            bytes.truncate(most as usize);
            let _ = io::copy(&mut pipe, &mut io::sink());
        }
        let _ = sender.send(bytes);
    };
    spawn_detached("child", read).map_err(Failure::Watch)?;
    Ok(Some(receiver))
}

/// Waits for the bytes of a pipe.
fn received(pipe: Option<mpsc::Receiver<Vec<u8>>>, end: Instant) -> Result<Vec<u8>, Failure> {
    let Some(pipe) = pipe else { return Ok(Vec::new()) };
    match pipe.recv_timeout(end.saturating_duration_since(Instant::now())) {
        Ok(bytes) => Ok(bytes),
        Err(RecvTimeoutError::Timeout) => Err(Failure::Time),
        Err(RecvTimeoutError::Disconnected) => {
            Err(Failure::Watch(io::Error::other("the thread that reads its output has ended")))
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { time: Duration::from_secs(30), stdout: 100, stderr: 10, memory: None };

    fn shell(script: &str, stdin: &[u8], limits: Limits) -> Result<Output, Failure> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        run(command, stdin, limits)
    }

    #[test]
    fn output_is_kept_up_to_its_limits() {
        let output = shell("cat; yes x | head -c 100000 >&2; exit 3", b"abc", LIMITS).unwrap();
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(3), &b"abc"[..]));
        assert_eq!(output.stderr, b"x\nx\nx\nx\nx\n");
        assert!(matches!(shell("exec yes", b"", LIMITS), Err(Failure::Size)));
        let missing = run(Command::new("/no/such/program"), b"", LIMITS);
        assert!(matches!(missing, Err(Failure::Start(_))));
    }

    #[test]
    fn a_program_over_its_time_limit_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alive");
        let script = format!("(sleep 1; : >'{}') & exec sleep 600", file.display());
        let limits = Limits { time: Duration::from_millis(100), ..LIMITS };
        assert!(matches!(shell(&script, b"", limits), Err(Failure::Time)));
        thread::sleep(Duration::from_millis(1500));
        assert!(!std::fs::exists(&file).unwrap());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_and_cpu_time_are_limited() {
        // The pause lets the limit be set before the memory is taken.
        let script = "sleep 0.2; head -c 300000000 /dev/zero | tail -c 299999999 | wc -c";
        let limits = Limits { memory: Some(64 << 20), ..LIMITS };
        let output = shell(script, b"", limits).unwrap();
        assert_ne!(output.stdout.trim_ascii(), b"299999999");
        let output = shell(script, b"", LIMITS).unwrap();
        assert_eq!(output.stdout.trim_ascii(), b"299999999");
        let output = shell("sleep 0.2; ulimit -t", b"", LIMITS).unwrap();
        assert_eq!(output.stdout.trim_ascii(), b"120");
    }
}
