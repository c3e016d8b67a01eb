//! Streams that cannot be written, and resources that run out: the work and its exit code stay.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use crate::sandbox::{Run, Sandbox};
use crate::server::{Reply, Server};
use crate::{registry_files, vendor_words};

const CONTENTS: [&[u8]; 3] = [b"/a-linux.tar.gz", b"/b-linux.tar.gz", b"/c-linux.tar.gz"];

/// Starts a server with three tools, and returns it with the command line that vendors them.
fn three_tools(sandbox: &Sandbox) -> (Server, Vec<String>) {
    let server = Server::start(|request| Reply::ok(request.path.clone()));
    let files = registry_files(sandbox, &server.url(""), &CONTENTS);
    (server, files)
}

/// Returns the writing end of a pipe that has no reader.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// Returns a file that is open, but not for writing.
fn read_only() -> Stdio {
    File::open("/dev/null").unwrap().into()
}

fn output(mut run: Run) -> Output {
    run.command.output().unwrap()
}

#[test]
fn an_unwritable_stderr_changes_neither_files_nor_data() {
    for stderr in [full, closed_pipe, read_only] {
        let sandbox = Sandbox::new();
        let (_server, files) = three_tools(&sandbox);
        for json in ["", "--json"] {
            let words = vendor_words(&files, &["--output-dir=v/toolchains", "--no-helper"]);
            let mut run = sandbox.run(&words);
            run.command.args((!json.is_empty()).then_some(json)).stderr(stderr());
            let stdout = run.succeeds().stdout;
            assert_eq!(stdout.contains("manifest"), !json.is_empty(), "{stdout}");
            assert_eq!(sandbox.tree("v").len(), 5);
            fs::remove_dir_all(sandbox.path("v")).unwrap();
        }
        for (words, code) in [
            (&["verify", "none"][..], 2),
            (&["no-such-command"], 2),
            (&["extract"], 2),
            (&[], 2),
            (&["--help"], 0),
        ] {
            let mut run = sandbox.run(words);
            run.command.stderr(stderr());
            assert_eq!(output(run).status.code(), Some(code), "{words:?}");
        }
    }
}

#[test]
fn unwritten_data_is_a_failure_and_a_closed_pipe_is_not() {
    let sandbox = Sandbox::new();
    for words in [&["config", "show"][..], &["--json", "config", "show"], &["--help"], &["stamp"]] {
        for (stdout, code) in
            [(full as fn() -> Stdio, 1), (read_only, 1), (closed_pipe, 0), (Stdio::null, 0)]
        {
            let mut run = sandbox.run(words);
            let output = run.command.stdout(stdout()).stderr(Stdio::piped()).spawn().unwrap();
            let output = output.wait_with_output().unwrap();
            let messages = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(code), "{words:?}: {messages}");
            assert_eq!(messages.contains("cannot write to stdout"), code == 1, "{messages}");
        }
    }
}

/// Runs the program under `strace` with a system call that fails from its nth time on; returns
/// `None` if there is no `strace`.
fn with_fault(sandbox: &Sandbox, inject: &str, words: &[&str]) -> Option<Output> {
    let run = sandbox.run(words);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-q", "-o", "/dev/null", "-e", "trace=clone,clone3", "-e", inject]);
    strace.arg(run.command.get_program()).args(words).current_dir(sandbox.root());
    match strace.env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null()).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        output => Some(output.unwrap()),
    }
}

/// Lets the creation of threads fail, from the first one or from a later one on.
#[test]
fn without_threads_the_work_is_done_by_fewer() {
    for first in 1..8 {
        let sandbox = Sandbox::new();
        let (_server, files) = three_tools(&sandbox);
        let words = vendor_words(&files, &["--output-dir=v/toolchains", "--no-helper", "--jobs=3"]);
        let inject = format!("inject=clone,clone3:error=EAGAIN:when={first}+");
        let Some(output) = with_fault(&sandbox, &inject, &words) else { return };
        let messages = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "from the {first}th on: {messages}");
        assert_eq!(sandbox.tree("v").len(), 5);
        let Some(output) = with_fault(&sandbox, &inject, &["verify", "v"]) else { return };
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Sets limits of open files, from one that is too small for any work to one that is large enough.
#[test]
fn too_few_file_handles_are_reported_in_an_error() {
    let mut succeeded = 0;
    for handles in [3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32, 64] {
        let sandbox = Sandbox::new();
        let (_server, files) = three_tools(&sandbox);
        let words = vendor_words(&files, &["--output-dir=v/toolchains", "--no-helper"]);
        let run = sandbox.run(&words);
        let mut with_memory_limit = Command::new("prlimit");
        with_memory_limit
            .arg(format!("--nofile={handles}"))
            .arg(run.command.get_program())
            .args(&words);
        with_memory_limit.current_dir(sandbox.root()).env_clear().env("PATH", "/usr/bin:/bin");
        let output = match with_memory_limit.stdin(Stdio::null()).output() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            output => output.unwrap(),
        };
        let messages = String::from_utf8_lossy(&output.stderr);
        // With three files, the loader cannot open the program's libraries.
        if messages.contains("error while loading shared libraries") {
            continue;
        }
        match output.status.code() {
            Some(0) => succeeded += 1,
            Some(1..=5) => assert!(messages.contains("error: "), "{handles}: {messages}"),
            other => panic!("{other:?} with {handles}: {messages}"),
        }
        assert!(!messages.contains("bug"), "{handles}: {messages}");
    }
    assert!(succeeded > 0);
}

#[test]
fn the_help_does_not_contain_argv0() {
    let sandbox = Sandbox::new();
    let mut run = sandbox.run(&["--help"]);
    run.command.arg0("\u{1b}]0;x\u{7}");
    assert!(!run.succeeds().stdout.contains('\u{1b}'));
}
