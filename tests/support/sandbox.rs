//! A folder of its own, and the program run in it with an environment of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::Digest as _;
use tempfile::TempDir;

/// A temporary folder that stands for a workspace.
pub struct Sandbox {
    dir: TempDir,
}

impl Sandbox {
    /// An empty one.
    pub fn new() -> Sandbox {
        Sandbox { dir: TempDir::new().unwrap() }
    }

    /// An empty one in this folder.
    #[allow(dead_code, reason = "for tests that need a fast or a small file system")]
    pub fn below(folder: &Path) -> Sandbox {
        Sandbox { dir: TempDir::new_in(folder).unwrap() }
    }

    /// The path of something in it.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// The folder itself.
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

    /// Reads a file.
    pub fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative))
            .unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    /// Every file in it with its content, by path; what must not change is compared with this.
    pub fn tree(&self, relative: &str) -> BTreeMap<String, Vec<u8>> {
        tree(&self.path(relative))
    }

    /// The program with these arguments, started here.
    pub fn run(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-airgap"));
        command.args(arguments).current_dir(self.root()).env_clear().stdin(Stdio::null());
        // Without a home folder there is no netrc of the person who runs the tests.
        Run { command }
    }
}

/// Every file below a folder with its content, by path; none where there is no folder.
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

/// The SHA-256 in hexadecimal, computed without the code under test.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(sha2::Sha256::digest(bytes))
}

/// A command line that has not been run yet.
#[must_use]
pub struct Run {
    /// For what the other functions do not offer.
    pub command: Command,
}

/// What a run printed.
pub struct Printed {
    /// Data.
    pub stdout: String,
    /// Talk.
    pub stderr: String,
}

impl Run {
    /// With this variable.
    #[allow(dead_code, reason = "not every test binary sets one")]
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Run {
        self.command.env(name, value);
        self
    }

    /// Runs it; it must end with 0.
    #[track_caller]
    pub fn succeeds(self) -> Printed {
        self.ends_with(0)
    }

    /// Runs it; it must end with this exit code.
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
    /// Stderr must hold each of these texts.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Printed {
        for text in texts {
            assert!(self.stderr.contains(text), "`{text}` is missing in\n{}", self.stderr);
        }
        self
    }

    /// Stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e} in\n{}", self.stdout))
    }
}
