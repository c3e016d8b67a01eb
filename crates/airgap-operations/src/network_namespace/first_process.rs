//! The first process of a session's namespaces, which runs its commands.
//!
//! When it ends, the kernel ends all processes of its process namespace, servers included. It ends
//! with its standard input, which the kernel closes if the process outside is killed.

use std::io::{self, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use airgap_core::child::{self, Failure, Limits, Pipes};
use airgap_core::error::{Context as _, Error, ErrorKind, Result};
use airgap_core::workers::spawn_detached;

use super::inside::check;
use super::message::{Output, Reply, Task};

/// The interval at which a command without output is checked.
const PAUSE: Duration = Duration::from_millis(5);

/// The time in which processes that outlive a command may write to its output.
const GRACE: Duration = Duration::from_secs(5);

/// Checks that the network is cut off. Then runs the commands from standard input, one after another,
/// until that ends. The replies go to standard output.
///
/// # Errors
/// Failed, if there is a network, if other processes are visible, or if standard input is not a
/// list of tasks.
pub fn serve(outside: &str) -> Result<()> {
    check(outside)?;
    check_number()?;
    let reply = |reply: Reply| reply.write(&mut io::stdout().lock());
    reply(Reply::Ready).doing(|| "write the first reply of a session".to_owned())?;
    let (sender, tasks) = mpsc::channel::<Task>();
    let work = move || tasks.iter().try_for_each(|task| reply(answer(&task)));
    spawn_detached("session", work).doing(|| "start a thread".to_owned())?;
    // Only this thread reads, so that the end is seen while a command runs.
    let mut input = BufReader::new(io::stdin());
    while let Some(task) = Task::read(&mut input).doing(|| "read a task".to_owned())? {
        if sender.send(task).is_err() {
            break;
        }
    }
    Ok(())
}

/// Checks that this process is the first of its namespace, and that `/proc` shows this namespace:
/// Bazel looks there for its server.
fn check_number() -> Result<()> {
    let shown = std::fs::read_link("/proc/self").doing(|| "read `/proc/self`".to_owned())?;
    match (std::process::id(), &*shown) {
        (1, shown) if shown == Path::new("1") => Ok(()),
        (number, shown) => {
            let error = Error::new(ErrorKind::Failed, "no new process namespace was created");
            Err(error.fact("found", format!("process {number}, `/proc/self`: {}", shown.display())))
        }
    }
}

fn answer(task: &Task) -> Reply {
    match run(task) {
        Ok(output) => Reply::Ended(output),
        Err(failure) => Reply::Failed(failure.to_string()),
    }
}

/// Runs a command. The process outside has the time limit.
fn run(task: &Task) -> std::result::Result<Output, Failure> {
    let no_program = || Failure::Start(io::ErrorKind::InvalidInput.into());
    let (program, arguments) = task.command.split_first().ok_or_else(no_program)?;
    let time = Duration::ZERO;
    let limits = Limits { time, stdout: task.stdout, stderr: task.stderr, memory: None };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    let mut child = child::piped(&mut command, limits).spawn().map_err(Failure::Start)?;
    let mut pipes = Pipes::new(&mut child, limits)?;
    let code = loop {
        let next = Instant::now() + PAUSE;
        read_until(&mut pipes, next)?;
        if let Some(code) = poll(&mut child)? {
            break code;
        }
        thread::sleep(next.saturating_duration_since(Instant::now()));
    };
    // A server that the command started may have its pipes for good.
    read_until(&mut pipes, Instant::now() + GRACE)?;
    let (stdout, stderr) = pipes.into_bytes();
    Ok(Output { code, stdout, stderr })
}

/// Reads what is written until this time.
fn read_until(pipes: &mut Pipes, end: Instant) -> std::result::Result<(), Failure> {
    match pipes.read_until(end) {
        Err(Failure::Time) => Ok(()),
        read => read,
    }
}

/// Returns the exit code of a command that has ended: `None` in it if a signal ended it.
#[cfg(target_os = "linux")]
fn poll(child: &mut Child) -> std::result::Result<Option<Option<i32>>, Failure> {
    let status = super::orphans::poll(child.id());
    let status = status.map_err(|error| Failure::Watch(io::Error::other(error.one_line())))?;
    Ok(status.map(rustix::process::WaitStatus::exit_status))
}

#[cfg(not(target_os = "linux"))]
fn poll(child: &mut Child) -> std::result::Result<Option<Option<i32>>, Failure> {
    Ok(child.try_wait().map_err(Failure::Watch)?.map(|status| status.code()))
}
