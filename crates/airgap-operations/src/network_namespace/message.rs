//! The messages of a session: tasks go to the first process of the namespace, replies come back.
//!
//! A message is a line of JSON. Behind the reply to a task are the bytes of its output.

use std::ffi::OsString;
use std::io::{self, BufRead, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use airgap_core::child::Limits;

/// The longest line in bytes. The words of a command have up to 6 MiB on Linux, and each byte takes up
/// to 4 characters.
const LINE: u64 = 32 << 20;

/// A command to run, with the limits of its output.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) command: Vec<OsString>,
    pub(super) stdout: u64,
    pub(super) stderr: u64,
}

/// The result of a command in a session.
#[derive(Debug, PartialEq, Eq)]
pub struct Output {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output, complete.
    pub stdout: Vec<u8>,
    /// The beginning of its standard error.
    pub stderr: Vec<u8>,
}

/// The reply of the first process.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// The namespace has no network, and tasks can be sent.
    Ready,
    /// The command ran.
    Ended(Output),
    /// The command cannot be run, for this reason.
    Failed(String),
}

/// The line of a reply.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Ready,
    /// The exit code, and the lengths of both outputs.
    Ended(Option<i32>, u64, u64),
    Failed(String),
}

impl Task {
    /// Reads the next task; `None` at the end.
    pub(super) fn read(from: &mut impl BufRead) -> io::Result<Option<Task>> {
        read_line(from)
    }

    /// Sends the task.
    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        write_line(self, to)?;
        to.flush()
    }
}

impl Reply {
    /// Reads the next reply; `None` at the end. An output over its limit is an error.
    pub(super) fn read(from: &mut impl BufRead, limits: Limits) -> io::Result<Option<Reply>> {
        Ok(match read_line(from)? {
            None => None,
            Some(Line::Ready) => Some(Reply::Ready),
            Some(Line::Failed(why)) => Some(Reply::Failed(why)),
            Some(Line::Ended(code, stdout, stderr)) => {
                let stdout = read_bytes(from, stdout, limits.stdout)?;
                let stderr = read_bytes(from, stderr, limits.stderr)?;
                Some(Reply::Ended(Output { code, stdout, stderr }))
            }
        })
    }

    /// Sends the reply.
    pub(super) fn write(self, to: &mut impl Write) -> io::Result<()> {
        match self {
            Reply::Ready => write_line(&Line::Ready, to)?,
            Reply::Failed(why) => write_line(&Line::Failed(why), to)?,
            Reply::Ended(Output { code, stdout, stderr }) => {
                write_line(&Line::Ended(code, stdout.len() as u64, stderr.len() as u64), to)?;
                to.write_all(&stdout)?;
                to.write_all(&stderr)?;
            }
        }
        to.flush()
    }
}

fn write_line(line: &impl Serialize, to: &mut impl Write) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    to.write_all(&bytes)
}

fn read_line<T: DeserializeOwned>(from: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    from.take(LINE).read_until(b'\n', &mut line)?;
    if line.is_empty() { Ok(None) } else { Ok(Some(serde_json::from_slice(&line)?)) }
}

fn read_bytes(from: &mut impl BufRead, length: u64, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if length > most || from.take(length).read_to_end(&mut bytes)? as u64 != length {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: Limits =
        Limits { time: Duration::from_secs(1), stdout: 4, stderr: 4, memory: None };

    fn output(stdout: &[u8]) -> Reply {
        Reply::Ended(Output { code: Some(7), stdout: stdout.to_vec(), stderr: b"\n".to_vec() })
    }

    #[test]
    fn messages_are_read_as_they_were_written() {
        let mut bytes = Vec::new();
        let command = vec!["a\nb".into(), String::new().into()];
        Task { command: command.clone(), stdout: 1, stderr: 2 }.write(&mut bytes).unwrap();
        let mut input = &bytes[..];
        assert_eq!(Task::read(&mut input).unwrap().unwrap().command, command);
        assert!(Task::read(&mut input).unwrap().is_none());

        let mut bytes = Vec::new();
        for reply in [Reply::Ready, output(b"a\n{}"), Reply::Failed("x\ny".into())] {
            reply.write(&mut bytes).unwrap();
        }
        let mut input = &bytes[..];
        let mut next = || Reply::read(&mut input, LIMITS).unwrap();
        assert_eq!(next(), Some(Reply::Ready));
        assert_eq!(next(), Some(output(b"a\n{}")));
        assert_eq!(next(), Some(Reply::Failed("x\ny".into())));
        assert_eq!(next(), None);
    }

    #[test]
    fn too_long_and_incomplete_outputs_are_errors() {
        let mut bytes = Vec::new();
        output(b"12345").write(&mut bytes).unwrap();
        assert!(Reply::read(&mut &bytes[..], LIMITS).is_err());
        let mut bytes = Vec::new();
        output(b"1234").write(&mut bytes).unwrap();
        assert!(Reply::read(&mut &bytes[..bytes.len() - 1], LIMITS).is_err());
        assert!(Reply::read(&mut &b"{}\n"[..], LIMITS).is_err());
    }
}
