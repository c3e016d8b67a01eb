//! A real remote executor on loopback: BuildBox, whose runner starts each action in bubblewrap.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, fs};

/// A running executor; stopped when dropped.
pub struct Executor {
    child: Child,
    port: u16,
    state: tempfile::TempDir,
}

/// The folders of this machine that actions see: programs and libraries, read-only.
const SHOWN: [&str; 4] = ["/usr", "/bin", "/lib", "/lib64"];

impl Executor {
    /// Starts an executor with an empty cache, and waits until it answers.
    ///
    /// An action sees its inputs, the folders above and an empty `/tmp`. It has no network.
    pub fn start() -> Executor {
        let state = tempfile::TempDir::new().unwrap();
        // The port is free again when the listener is dropped, and no other process requests it.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program("buildbox-casd"));
        command.arg(format!("--bind=127.0.0.1:{port}"));
        command.arg(format!("--buildbox-run={}", program("buildbox-run")));
        command.args(["--jobs=2", "--cache-failures=false"]);
        command.arg("--runner-arg=--staging-mode=copy-or-link");
        for folder in SHOWN.iter().filter(|folder| Path::new(folder).exists()) {
            // bubblewrap follows no link here.
            let target = fs::canonicalize(folder).unwrap();
            command.arg(format!("--runner-arg=--ro-bind-mount={}:{folder}", target.display()));
        }
        command.arg(state.path().join("cache"));
        // A worker does not have the environment of the machine that builds.
        command.env_clear().env("PATH", "/usr/bin:/usr/sbin:/bin:/sbin");
        let log = fs::File::create(state.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut executor = Executor { child: command.spawn().unwrap(), port, state };
        executor.wait();
        executor
    }

    /// Returns the flag that makes Bazel use it.
    pub fn flag(&self) -> String {
        format!("--remote_executor=grpc://127.0.0.1:{}", self.port)
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = || fs::read_to_string(self.state.path().join("log")).unwrap_or_default();
            assert!(self.child.try_wait().unwrap().is_none(), "it ended at once: {}", log());
            assert!(Instant::now() < deadline, "it does not answer: {}", log());
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        // SIGTERM, so that it ends its runners too.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// Returns the path of a program on `PATH`.
fn program(name: &str) -> String {
    let folders = env::var_os("PATH").unwrap();
    let found = env::split_paths(&folders).map(|folder| folder.join(name)).find(|it| it.is_file());
    let found =
        found.unwrap_or_else(|| panic!("there is no {name} on PATH: scripts/install-tools"));
    found.display().to_string()
}
