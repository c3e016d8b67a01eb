//! A separate folder, and the program run in it with a separate environment.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::Digest as _;
use tempfile::TempDir;

/// Returns the path of the program under test: the one in `WASM_AIRGAP_BINARY`, such as a binary of a
/// release or a script that starts it in an emulator, or the one that cargo has just built.
pub fn program() -> PathBuf {
    let given = std::env::var_os("WASM_AIRGAP_BINARY");
    given.map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_wasm-airgap")), PathBuf::from)
}

/// A temporary folder that stands for a workspace.
pub struct Sandbox {
    dir: TempDir,
}

impl Sandbox {
    /// Creates an empty folder.
    pub fn new() -> Sandbox {
        Sandbox { dir: TempDir::new().unwrap() }
    }

    /// Creates an empty folder in this one.
    #[allow(dead_code, reason = "for tests that need a fast or a small file system")]
    pub fn below(folder: &Path) -> Sandbox {
        Sandbox { dir: TempDir::new_in(folder).unwrap() }
    }

    /// Returns the path of a file in it.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// Returns the folder itself.
    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file and the folders above it.
    pub fn write(&self, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Reads a file as text.
    pub fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative))
            .unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    /// Returns every file below a folder in it with its content, by path, for comparisons.
    pub fn tree(&self, relative: &str) -> BTreeMap<String, Vec<u8>> {
        tree(&self.path(relative))
    }

    /// Returns the program with these arguments, to be started here.
    pub fn run(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(self.root()).env_clear().stdin(Stdio::null());
        // Without a home folder, the netrc of the person who runs the tests is not read.
        Run { command }
    }
}

/// Returns every file below a folder with its content, by path; empty if there is no folder.
pub fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    if !folder.exists() {
        return files;
    }
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.unwrap();
        if !entry.file_type().is_dir() {
            let name = entry.path().strip_prefix(folder).unwrap().display().to_string();
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    files
}

/// Returns the SHA-256 in hexadecimal, computed without the code under test.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(sha2::Sha256::digest(bytes))
}

/// A command line that has not been run yet.
#[must_use]
pub struct Run {
    /// The command, for settings without a function here.
    pub command: Command,
}

/// The output of a run.
pub struct Printed {
    /// The data on stdout.
    pub stdout: String,
    /// The messages on stderr.
    pub stderr: String,
}

impl Run {
    /// Sets this variable.
    #[allow(dead_code, reason = "not every test binary sets one")]
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Run {
        self.command.env(name, value);
        self
    }

    /// Runs it; the exit code must be 0.
    #[track_caller]
    pub fn succeeds(self) -> Printed {
        self.ends_with(0)
    }

    /// Runs it; the exit code must be this one.
    #[track_caller]
    pub fn ends_with(mut self, code: i32) -> Printed {
        let output = self.command.output().unwrap();
        let printed = Printed {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        assert_eq!(
            output.status.code(),
            Some(code),
            "{:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.command,
            printed.stdout,
            printed.stderr
        );
        printed
    }
}

impl Printed {
    /// Checks that stderr contains each of these texts.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Printed {
        for text in texts {
            assert!(self.stderr.contains(text), "`{text}` is missing in\n{}", self.stderr);
        }
        self
    }

    /// Returns stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e} in\n{}", self.stdout))
    }
}
