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
    let mut running = Running::start(piped(&mut command, limits))?;
    limit(&running.child, limits);
    if let Some(mut pipe) = running.child.stdin.take() {
        // A process that does not read its input may have all that it needs.
        let _ = pipe.write_all(stdin);
    }
    let mut pipes = Pipes::new(&mut running.child, limits)?;
    pipes.read_until(end)?;
    let status = running.wait(end)?;
    let (stdout, stderr) = pipes.into_bytes();
    Ok(Output { status, stdout, stderr })
}

/// Gives a command pipes for its output, which [`Pipes`] reads.
pub fn piped(command: &mut Command, limits: Limits) -> &mut Command {
    let stderr = if limits.stderr == 0 { Stdio::null() } else { Stdio::piped() };
    command.stdout(Stdio::piped()).stderr(stderr)
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

/// A process in a process group of its own, which is ended with its group if it is dropped before
/// its end.
#[derive(Debug)]
pub struct Running {
    /// The process.
    pub child: Child,
    ended: bool,
}

impl Running {
    /// Starts a command.
    pub fn start(command: &mut Command) -> Result<Running, Failure> {
        // The processes that it starts can be ended with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        Ok(Running { child: command.spawn().map_err(Failure::Start)?, ended: false })
    }

    /// Waits for the end of the process, until `end`.
    pub fn wait(&mut self, end: Instant) -> Result<ExitStatus, Failure> {
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    self.ended = true;
                    return Ok(status);
                }
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

/// The output of a process, which is read on other threads.
#[derive(Debug)]
pub struct Pipes {
    stdout: Pipe,
    stderr: Pipe,
    /// The largest number of bytes of standard output.
    most: u64,
}

impl Pipes {
    /// Starts to read the output of a process with [`piped`] streams.
    pub fn new(child: &mut Child, limits: Limits) -> Result<Pipes, Failure> {
        // One byte over the limit shows the excess.
        let stdout = Pipe::new(child.stdout.take(), limits.stdout + 1, false)?;
        let stderr = Pipe::new(child.stderr.take(), limits.stderr, true)?;
        Ok(Pipes { stdout, stderr, most: limits.stdout })
    }

    /// Reads until no process can write any more. Fails with [`Failure::Time`] if one still can at
    /// `end`; then it can be called again.
    pub fn read_until(&mut self, end: Instant) -> Result<(), Failure> {
        let stdout = self.stdout.read_until(end);
        if self.stdout.bytes.len() as u64 > self.most {
            return Err(Failure::Size);
        }
        let stderr = self.stderr.read_until(end);
        stdout.and(stderr)
    }

    /// Returns the standard output and the standard error that were read.
    pub fn into_bytes(self) -> (Vec<u8>, Vec<u8>) {
        (self.stdout.bytes, self.stderr.bytes)
    }
}

/// One stream of a process.
#[derive(Debug)]
struct Pipe {
    /// The bytes from the thread that reads, and an empty message at their end; `None` after it.
    parts: Option<mpsc::Receiver<Vec<u8>>>,
    bytes: Vec<u8>,
}

/// The largest number of bytes that are read at once.
const PART: usize = 64 << 10;

impl Pipe {
    /// Starts to read at most this number of bytes; with `drain` the rest is read and dropped.
    fn new(
        pipe: Option<impl Read + Send + 'static>,
        most: u64,
        drain: bool,
    ) -> Result<Pipe, Failure> {
        let Some(pipe) = pipe else { return Ok(Pipe { parts: None, bytes: Vec::new() }) };
        let (sender, receiver) = mpsc::channel();
        let read = move || {
            let mut limited = pipe.take(most);
            send(&mut limited, &sender);
            if drain {
                let _ = io::copy(&mut limited.into_inner(), &mut io::sink());
            }
            let _ = sender.send(Vec::new());
        };
        spawn_detached("child", read).map_err(Failure::Watch)?;
        Ok(Pipe { parts: Some(receiver), bytes: Vec::new() })
    }

    fn read_until(&mut self, end: Instant) -> Result<(), Failure> {
        while let Some(parts) = &self.parts {
            match parts.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(part) if part.is_empty() => self.parts = None,
                Ok(part) => self.bytes.extend(part),
                Err(RecvTimeoutError::Timeout) => return Err(Failure::Time),
                Err(RecvTimeoutError::Disconnected) => {
                    let error = "the thread that reads its output has ended";
                    return Err(Failure::Watch(io::Error::other(error)));
                }
            }
        }
        Ok(())
    }
}

/// Sends what a pipe has, in parts. An error leaves the output incomplete, which its reader detects.
fn send(pipe: &mut impl Read, receiver: &mpsc::Sender<Vec<u8>>) {
    let mut part = vec![0; PART];
    loop {
        match pipe.read(&mut part) {
            Ok(0) => return,
            Ok(length) if receiver.send(part[..length].to_vec()).is_err() => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
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
    fn output_can_be_taken_while_a_process_still_has_the_pipe() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo out; echo err >&2; exec sleep 600"]).stdin(Stdio::null());
        let mut running = Running::start(piped(&mut command, LIMITS)).unwrap();
        let mut pipes = Pipes::new(&mut running.child, LIMITS).unwrap();
        let end = Instant::now() + Duration::from_secs(30);
        while pipes.stdout.bytes.is_empty() || pipes.stderr.bytes.is_empty() {
            assert!(Instant::now() < end);
            assert!(matches!(pipes.read_until(Instant::now() + PAUSE), Err(Failure::Time)));
        }
        assert_eq!(pipes.into_bytes(), (b"out\n".to_vec(), b"err\n".to_vec()));
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
