//! One run of a scenario, and the rules for every end of a run.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::fake_registry::{Door, Fake};
use crate::sandbox::{Sandbox, sha256};
use crate::tree::{self, Tree};

/// The time after which a run counts as hanging. A run takes less than a second, except on a busy
/// machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A command and its folder.
pub struct Scenario {
    /// The name in messages.
    pub name: &'static str,
    /// The command line.
    pub words: Vec<String>,
    /// The function that writes the command's input files.
    pub lay: Box<dyn Fn(&Case) + Send + Sync>,
    /// The vendor folder that the command creates.
    pub vendor: Option<&'static str>,
    /// The folder that the command creates in one step, and into which a second run refuses to
    /// write.
    pub out: Option<&'static str>,
    /// Whether the command writes into a registry.
    pub target: bool,
    /// Checks the folder after a run that was killed, before the next run.
    pub holds: fn(&Case) -> Result<(), String>,
}

/// A new folder for a scenario.
pub struct Case {
    pub sandbox: Sandbox,
    target: Option<Fake>,
    vendor: Option<&'static str>,
    out: Option<&'static str>,
}

/// The result of a run.
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    pub hung: bool,
}

impl Scenario {
    /// Creates a folder with the files of the scenario.
    pub fn case(&self) -> Case {
        // In memory, where flushing a file takes no time.
        let memory = Path::new("/dev/shm");
        self.case_in(match memory.is_dir() {
            true => Sandbox::below(memory),
            false => Sandbox::new(),
        })
    }

    /// Creates the files in this folder.
    pub fn case_in(&self, sandbox: Sandbox) -> Case {
        let target = self.target.then(|| {
            let fake = Fake::new(Door::Open);
            (fake.store().referrers, fake.store().strict) = (true, true);
            fake
        });
        let case = Case { sandbox, target, vendor: self.vendor, out: self.out };
        // Files left in the temporary folder are part of the tree.
        std::fs::create_dir_all(case.sandbox.path("tmp")).unwrap();
        (self.lay)(&case);
        case
    }

    /// Returns the tree after a run without a fault. A second run must leave it unchanged.
    #[track_caller]
    pub fn clean(&self) -> (Tree, Ended) {
        let case = self.case();
        let first = case.command(&[], &self.words).succeeds();
        let state = case.state();
        if let Err(why) = case.completes(self, &state) {
            panic!("{}: a second run: {why}", self.name);
        }
        (state, first)
    }
}

impl Case {
    /// Returns the registry to which the scenario copies.
    pub fn target(&self) -> String {
        self.target.as_ref().map_or_else(|| "r.example".to_owned(), Fake::host)
    }

    /// Returns the program with these arguments, started by the words before it.
    pub fn command(&self, before: &[&str], words: &[String]) -> Start {
        let mut all: Vec<&str> = before.to_vec();
        all.push(env!("CARGO_BIN_EXE_wasm-airgap"));
        all.extend(words.iter().map(String::as_str));
        let mut command = Command::new("timeout");
        // `timeout` puts the program into a process group, so that a Ctrl-C of the person who runs
        // the tests does not reach it.
        command.args(["--signal=KILL", &LIMIT.as_secs().to_string()]).args(all);
        command.current_dir(self.sandbox.root()).env_clear().stdin(Stdio::null());
        command.env("PATH", path_without_helm());
        command.env("TMPDIR", self.sandbox.path("tmp"));
        command.env("BAZEL_WASM_RETRY_SECONDS", "0");
        Start { command }
    }

    /// Returns the tree of the folder and the content of the registry that is written to.
    pub fn state(&self) -> Tree {
        let mut state = tree::list(self.sandbox.root());
        if let Some(target) = &self.target {
            // The list names the port.
            state.remove("mirror.yaml");
            state.extend(target.store().listing());
        }
        state
    }

    /// Runs the scenario without a fault, and compares the resulting tree with this one.
    pub fn completes(&self, scenario: &Scenario, expected: &Tree) -> Result<(), String> {
        let is_out = self.out.is_some_and(|out| {
            // An empty folder counts as a missing one.
            std::fs::read_dir(self.sandbox.path(out)).is_ok_and(|it| it.count() > 0)
        });
        let again = self.command(&[], &scenario.words).run();
        // The command does not write into an existing folder, so that one must be complete.
        if !(again.status.success() || is_out && again.status.code() == Some(2)) {
            return Err(format!("a run without a fault does not complete it: {}", again.text()));
        }
        let difference = tree::difference(expected, &self.state());
        if !difference.is_empty() {
            return Err(format!("a run without a fault leaves another tree: {difference}"));
        }
        if let Some(vendor) = self.vendor {
            let words = ["verify", vendor].map(str::to_owned);
            let verified = self.command(&[], &words).run();
            if !verified.status.success() {
                return Err(format!("verify: {}", verified.text()));
            }
        }
        Ok(())
    }
}

/// A run that has not begun.
#[must_use]
pub struct Start {
    pub command: Command,
}

impl Start {
    /// Waits for the end of the run; kills a hanging run.
    pub fn run(mut self) -> Ended {
        let began = Instant::now();
        let output = self.command.output().unwrap();
        Ended {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            hung: began.elapsed() >= LIMIT,
        }
    }

    /// Runs it; the exit code must be 0.
    #[track_caller]
    pub fn succeeds(self) -> Ended {
        let words = format!("{:?}", self.command);
        let ended = self.run();
        assert!(ended.status.success(), "{words}: {}", ended.text());
        ended
    }
}

impl Ended {
    /// Returns the result and the output, for a message.
    pub fn text(&self) -> String {
        format!("{}: {}", self.status, self.stderr.trim())
    }

    /// Returns whether the run was killed as requested.
    pub fn was_killed(&self) -> bool {
        self.status.signal() == Some(9) && !self.hung
    }

    /// Checks the rules for a run with a fault: it ends by itself, with a code of the table, and
    /// says what failed. Returns whether it succeeded.
    pub fn keeps_the_rules(&self, folder: &Path) -> Result<bool, String> {
        if self.hung {
            return Err(format!("hangs: {}", self.stderr.trim()));
        }
        if self.stderr.contains("panicked at") {
            return Err(format!("panics: {}", self.text()));
        }
        if self.stderr.to_lowercase().contains("memory") {
            return Err(format!("takes all memory: {}", self.text()));
        }
        match self.status.code() {
            Some(0) => Ok(true),
            Some(1..=5) => {
                // The subject of the error: a path, or something in backticks.
                let path = folder.display().to_string();
                let says = self.stderr.contains('`') || self.stderr.contains(&path);
                if says && self.stderr.contains("error: ") {
                    Ok(false)
                } else {
                    Err(format!("does not say what failed: {}", self.text()))
                }
            }
            _ => Err(format!("is not in the table of exit codes: {}", self.text())),
        }
    }
}

/// A list of the failures in one scenario.
pub struct Findings {
    scenario: String,
    runs: usize,
    wrong: Vec<String>,
}

impl Findings {
    pub fn new(scenario: &Scenario) -> Findings {
        Findings { scenario: scenario.name.to_owned(), runs: 0, wrong: Vec::new() }
    }

    /// Adds the result of a run with this fault.
    pub fn note(&mut self, fault: &str, result: Result<(), String>) {
        self.runs += 1;
        if let Err(why) = result {
            self.wrong.push(format!("{fault}: {why}"));
        }
    }

    /// Fails with all failures.
    #[track_caller]
    pub fn end(self) {
        assert!(
            self.wrong.is_empty(),
            "{}: {} of {} runs went wrong\n{}",
            self.scenario,
            self.wrong.len(),
            self.runs,
            self.wrong.join("\n")
        );
    }
}

impl crate::fake_registry::Store {
    /// Lists the content of the registry, by digest.
    fn listing(&self) -> Tree {
        let blobs = self.all_blobs().map(|(repository, digest, bytes)| {
            (format!("registry {repository} {digest}"), sha256(bytes))
        });
        let manifests = self.all_manifests().map(|(repository, name, bytes)| {
            (format!("registry {repository} {name}"), sha256(bytes))
        });
        blobs.chain(manifests).collect()
    }
}

/// Returns `PATH` without Helm, whose errors have other words.
fn path_without_helm() -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap();
    let folders = std::env::split_paths(&path).filter(|folder| !folder.join("helm").exists());
    std::env::join_paths(folders).unwrap()
}
