//! The program with a limit of memory, for untrusted inputs.

use std::process::{Command, Stdio};

use crate::sandbox::Run;

/// The limit of memory for a command, in kilobytes: 256 MB.
const MOST_MEMORY: u64 = 256 << 10;

/// The address space of the program itself before it has read any input, in kilobytes: the code of
/// a debug build, its libraries and the stacks of a few threads. The kernel can only limit address
/// space, which is larger than the memory in use.
const PROGRAM: u64 = 64 << 10;

/// A guard against a command that never ends, in seconds of CPU time. No test measures time.
const MOST_SECONDS: u64 = 300;

/// Returns the same command line with at most 256 MB of memory. A program that needs more is
/// ended by a signal, which is not an exit code, so that each `ends_with` fails.
pub fn with_memory_limit(run: Run) -> Run {
    let Run { command: inner } = run;
    let limit = MOST_MEMORY + PROGRAM;
    // `exec`, so that the exit code is that of the program.
    let script = format!("ulimit -v {limit} && ulimit -t {MOST_SECONDS} && exec \"$@\"");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script, "sh"]).arg(inner.get_program()).args(inner.get_args());
    command.env_clear().stdin(Stdio::null());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = inner.get_current_dir() {
        command.current_dir(folder);
    }
    Run { command }
}
