//! The attempts of each process to reach a network, as `strace` saw them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::net::IpAddr;
use std::path::Path;
use std::rc::Rc;

use serde::Serialize;

/// The longest line that is read, in bytes.
const LINE_LIMIT: u64 = 64 << 10;

/// The largest number of different attempts that are kept.
const MOST_ATTEMPTS: usize = 1_000;

/// The largest number of processes whose program is known, of hosts that are kept of a program, and
/// of characters in its name.
const MOST_PROCESSES: usize = 1_000_000;
const MOST_HOSTS: usize = 8;
const MOST_NAME: usize = 128;

/// The longest name of a host with a port.
const MOST_HOST: usize = 260;

/// The system calls that take an address, and those that start a program.
const CALLS: &str = "trace=connect,sendto,sendmsg,sendmmsg,execve,clone,clone3,fork,vfork";

/// One attempt of a program to reach an address outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Attempt {
    /// The name of the program.
    pub process: String,
    /// The address, as in `192.0.2.7:443`.
    pub address: String,
    /// The hosts of the addresses in the program's arguments.
    pub hosts: Vec<String>,
}

/// Attempts, each with the number of times that it was made.
pub type Attempts = BTreeMap<Attempt, u64>;

/// Returns the words before a command that let `strace` watch it and write to `file`.
pub fn tracer(strace: &Path, file: &Path) -> Vec<OsString> {
    let own =
        ["-f", "-Y", "-qq", "--seccomp-bpf", "-s", "256", "-e", "signal=none", "-e", CALLS, "-o"];
    let words = std::iter::once(strace.into()).chain(own.into_iter().map(OsString::from));
    words.chain([file.into(), "--".into()]).collect()
}

/// Reads the output of `strace`. Lines that are too long are cut.
///
/// # Errors
/// Those of the reader.
pub fn attempts(trace: impl Read) -> std::io::Result<Attempts> {
    let mut reader = BufReader::new(trace);
    let (mut state, mut line) = (State::default(), Vec::new());
    loop {
        line.clear();
        if reader.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut line)? == 0 {
            return Ok(state.attempts);
        }
        state.read(&String::from_utf8_lossy(&line));
    }
}

/// The program that a process runs.
#[derive(Clone, Debug, Default)]
struct Program {
    name: String,
    hosts: Vec<String>,
}

#[derive(Default)]
struct State {
    programs: BTreeMap<u32, Rc<Program>>,
    /// The programs of calls that have not returned yet.
    starting: BTreeMap<u32, Rc<Program>>,
    attempts: Attempts,
}

impl State {
    fn read(&mut self, line: &str) {
        let Some((pid, thread, call)) = caller(line.trim()) else { return };
        if let Some(rest) = call.strip_prefix("<... ") {
            return self.resumed(pid, rest);
        }
        let name = call.split('(').next().unwrap_or_default();
        match name {
            "execve" => self.execute(pid, call),
            "clone" | "clone3" | "fork" | "vfork" => self.create(pid, call),
            _ => self.reach(pid, thread, call),
        }
    }

    fn resumed(&mut self, pid: u32, rest: &str) {
        match rest.split(' ').next() {
            Some("execve") => {
                if let Some(program) =
                    self.starting.remove(&pid).filter(|_| result(rest) == Some(0))
                {
                    self.run(pid, program);
                }
            }
            Some("clone" | "clone3" | "fork" | "vfork") => self.create(pid, rest),
            _ => {}
        }
    }

    fn execute(&mut self, pid: u32, call: &str) {
        let program = Rc::new(Program { name: program_name(call), hosts: hosts(call) });
        match result(call) {
            Some(0) => self.run(pid, program),
            Some(_) => {}
            None if self.starting.len() < MOST_PROCESSES => {
                self.starting.insert(pid, program);
            }
            None => {}
        }
    }

    /// Gives a new process the program of its creator.
    fn create(&mut self, pid: u32, call: &str) {
        let child = result(call).and_then(|child| u32::try_from(child).ok());
        let program = self.programs.get(&pid).cloned();
        if let Some((child, program)) = child.zip(program) {
            self.run_if_new(child, program);
        }
    }

    fn run(&mut self, pid: u32, program: Rc<Program>) {
        if self.programs.len() < MOST_PROCESSES {
            self.programs.insert(pid, program);
        }
    }

    /// A child may run its own program before the call that created it returns.
    fn run_if_new(&mut self, pid: u32, program: Rc<Program>) {
        if !self.programs.contains_key(&pid) {
            self.run(pid, program);
        }
    }

    fn reach(&mut self, pid: u32, thread: &str, call: &str) {
        for address in addresses(call) {
            let program = self.programs.get(&pid).cloned().unwrap_or_default();
            let process = match program.name.is_empty() {
                true => cut(thread),
                false => program.name.clone(),
            };
            let attempt = Attempt { process, address, hosts: program.hosts.clone() };
            if self.attempts.len() < MOST_ATTEMPTS || self.attempts.contains_key(&attempt) {
                *self.attempts.entry(attempt).or_default() += 1;
            }
        }
    }
}

/// Splits `304<bash> connect(...` into the process, the name of its thread, and the call. In a
/// namespace of its own for processes, only the name of the thread leads to the program.
fn caller(line: &str) -> Option<(u32, &str, &str)> {
    let (pid, rest) = line.split_once('<')?;
    let (thread, call) = rest.split_once("> ")?;
    Some((pid.parse().ok()?, thread, call.trim_start()))
}

/// Returns the result of a call, if it has returned: `... = 0`, or `... = 304<bash>`.
fn result(call: &str) -> Option<i64> {
    let (_, result) = call.rsplit_once(" = ")?;
    result.split([' ', '<']).next()?.parse().ok()
}

/// Returns the name of the program in `execve("/usr/bin/curl", ...`.
fn program_name(call: &str) -> String {
    let path = call.split('"').nth(1).unwrap_or_default();
    cut(path.rsplit('/').next().unwrap_or_default())
}

fn cut(name: &str) -> String {
    name.chars().take(MOST_NAME).collect()
}

/// Returns the hosts of the addresses in a call. The rest of an argument may be a secret.
fn hosts(call: &str) -> Vec<String> {
    let mut hosts: Vec<_> = call.split("://").skip(1).filter_map(host).collect();
    hosts.sort();
    hosts.dedup();
    hosts.truncate(MOST_HOSTS);
    hosts.shrink_to_fit();
    hosts
}

fn host(after_scheme: &str) -> Option<String> {
    let end = after_scheme.find(|c: char| "/\"?#, \\'".contains(c));
    let authority = &after_scheme[..end.unwrap_or(after_scheme.len())];
    let host = authority.rsplit('@').next()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    ((1..=MOST_HOST).contains(&host.len()) && host.chars().all(fits)).then(|| host.to_owned())
}

/// The port of name servers. A name server on loopback may use the network for a program.
const DNS: u16 = 53;

/// Returns the addresses in a call that are not on loopback, and those of name servers.
fn addresses(call: &str) -> Vec<String> {
    let parts = call.split("sa_family=AF_INET").skip(1);
    parts.filter_map(address).collect()
}

/// Parses `, sin_port=htons(443), sin_addr=inet_addr("192.0.2.7")` and the form of IPv6.
fn address(text: &str) -> Option<String> {
    let port: u16 = between(text, "htons(", ")")?.parse().ok()?;
    let v4 = between(text, "inet_addr(\"", "\"");
    let ip: IpAddr = v4.or_else(|| between(text, "inet_pton(AF_INET6, \"", "\""))?.parse().ok()?;
    let ip = ip.to_canonical();
    let inside = (ip.is_loopback() || ip.is_unspecified()) && port != DNS;
    (!inside).then(|| match ip {
        IpAddr::V4(ip) => format!("{ip}:{port}"),
        IpAddr::V6(ip) => format!("[{ip}]:{port}"),
    })
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(found, _)| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(trace: &str) -> Vec<(String, u64)> {
        let all = attempts(trace.as_bytes()).unwrap();
        let words = |it: &Attempt| format!("{} {} {:?}", it.process, it.address, it.hosts);
        all.iter().map(|(attempt, times)| (words(attempt), *times)).collect()
    }

    #[test]
    fn attempts_have_the_program_and_the_hosts_that_it_names() {
        let trace = r#"7<t7> execve("/bin/bash", ["bash", "x.sh"], 0x7 /* 3 vars */) = 0
7<t7> clone(child_stack=NULL, flags=SIGCHLD) = 8
8<t8> execve("/usr/local/bin/curl", ["curl", "https://u:hunter2@a.example/x?t=hunter2"], 0x5) = -1 ENOENT (No such file or directory)
8<t8> execve("/usr/bin/curl", ["curl", "https://u:hunter2@a.example/x?t=hunter2"], 0x5 /* 3 vars */) = 0
8<t8> connect(5, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("192.0.2.7")}, 16) = -1 ENETUNREACH (Network is unreachable)
8<t8> connect(5, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("192.0.2.7")}, 16 <unfinished ...>
8<t8> connect(6, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0
8<t8> connect(6, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.53")}, 16) = 0
8<t8> connect(6, {sa_family=AF_UNIX, sun_path="/run/x"}, 110) = -1 ENOENT (No such file or directory)
"#;
        let attempt = |address: &str| format!("curl {address} [\"a.example\"]");
        let expected = [(attempt("127.0.0.53:53"), 1), (attempt("192.0.2.7:443"), 2)];
        assert_eq!(found(trace), expected);
    }

    #[test]
    fn calls_that_return_later_count() {
        let trace = r#"7<t7> execve("/bin/a", ["a"], 0x7) = 0
7<t7> vfork( <unfinished ...>
8<t8> execve("/bin/b", ["b"], 0x7 <unfinished ...>
8<t8> <... execve resumed>) = 0
7<t7> <... vfork resumed>) = 8<t8>
8<t8> sendto(3, "x", 1, 0, {sa_family=AF_INET6, sin6_port=htons(53), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=0}, 28) = -1 ENETUNREACH (x)
7<t7> connect(3, {sa_family=AF_INET6, sin6_port=htons(80), inet_pton(AF_INET6, "::ffff:192.0.2.1", &sin6_addr)}, 28) = -1 ENETUNREACH (x)
7<t7> connect(3, {sa_family=AF_INET6, sin6_port=htons(80), inet_pton(AF_INET6, "::1", &sin6_addr)}, 28) = 0
9<t9> connect(3, {sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr("192.0.2.3")}, 16) = 0
"#;
        let names: Vec<_> = found(trace).into_iter().map(|(words, _)| words).collect();
        let expected = ["a 192.0.2.1:80 []", "b [2001:db8::1]:53 []", "t9 192.0.2.3:1 []"];
        assert_eq!(names, expected);
    }

    #[test]
    fn hosts_and_names_are_limited() {
        let hosts: String = (0..1000).map(|nth| format!("a://h{nth}/")).collect();
        let name = "n".repeat(9000);
        let connect = "connect(5, {sa_family=AF_INET, sin_port=htons(443), \
                       sin_addr=inet_addr(\"192.0.2.7\")}, 16) = 0";
        let trace = format!("7<t7> execve(\"/{name}\", [\"{hosts}\"]) = 0\n7<t7> {connect}\n");
        let all = attempts(trace.as_bytes()).unwrap();
        let (attempt, _) = all.first_key_value().unwrap();
        assert_eq!((attempt.hosts.len(), attempt.process.len()), (8, 128));
    }

    #[test]
    fn other_text_is_not_an_attempt() {
        assert!(found("").is_empty());
        let port = "htons(80, x), sin_addr=inet_addr(\"192.0.2.7\")}, 16) = 0";
        assert!(
            found(&format!("7<t7> connect(5, {{sa_family=AF_INET, sin_port={port}\n")).is_empty()
        );
        let long = format!("7 connect({}\n", "x".repeat(200_000));
        assert!(found(&format!("x\n7\n7 exit\nconnect(\n{long}\u{1b}[31m")).is_empty());
    }
}
