//! The pins of a Bazel workspace: `bazel query` names the requests and rules, and lists and locks
//! are files with fixed names.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::NotLookedUp;
use super::pin::{Pin, Pins, Update};
use crate::announced;
use crate::asked::{self, QueryResult, RuleTarget};
use crate::kept::Kept;
use airgap_core::child::{self, Limits};
use airgap_core::environment::Environment;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::read;
use airgap_core::report::Report;
use airgap_core::shell;
use airgap_core::user_path;
use airgap_mirror::{MirrorList, MirrorLock};
use airgap_vendor::request::Request;
use airgap_wit::Lock;

/// The limits of `bazel query`, which may build the helper from its sources.
const LIMITS: Limits =
    Limits { time: Duration::from_secs(1800), stdout: 64 << 20, stderr: 4 << 20, memory: None };

/// The lists of images and their locks, in the root of a workspace.
const IMAGES: (&str, &str) = ("mirror.yaml", "mirror.lock");

/// The locks of WIT packages, in the root of a workspace.
const LOCKS: [&str; 2] = ["wit.lock", "wkg.lock"];

/// A workspace whose pins are read.
pub struct Workspace<'a> {
    /// Its root.
    pub root: &'a Path,
    /// The targets whose rules are read.
    pub targets: &'a [String],
    /// The Bazel to run, instead of the one on `PATH`.
    pub bazel: Option<&'a Path>,
    /// The label of `//tools/vendor:vendor_all`, as the workspace writes it.
    pub vendor_all: &'a str,
    /// The environment.
    pub environment: &'a Environment,
    /// The output, for a message that Bazel is being waited for.
    pub report: &'a Report,
    /// True if Bazel must not use the network.
    pub is_offline: bool,
}

impl Workspace<'_> {
    /// Returns the pins. A file or rule that cannot be read is listed among those that are not
    /// looked up.
    ///
    /// # Errors
    /// Failed, if a folder cannot be read.
    pub fn pins(&self) -> Result<Pins> {
        let mut pins = Pins::default();
        let module = self.root.join("MODULE.bazel");
        if user_path::exists(&module)? {
            // Bazel would wait for the writer of a pipe.
            let found = read::file(&module).and_then(|_| self.add_bazel(&mut pins));
            pins.note("the pins in MODULE.bazel and in rules", found);
        }
        for name in LOCKS {
            let is_known = pins.pins.iter().any(|pinned| pinned.file == name);
            if !is_known && user_path::exists(&self.root.join(name))? {
                let added =
                    asked::read_lock(self.root, name).map(|lock| pins.add_lock(&lock, name, None));
                pins.note(&format!("the pins in {name}"), added);
            }
        }
        if user_path::exists(&self.root.join(IMAGES.0))? {
            let added = pins.add_image_files(self.root, IMAGES.0, IMAGES.1);
            pins.note(&format!("the pins in {}", IMAGES.0), added);
        }
        Ok(pins)
    }

    fn add_bazel(&self, pins: &mut Pins) -> Result<()> {
        let answered = self.query()?;
        let requests = answered.files.iter().filter(|file| file.ends_with("request.json"));
        let requests: Vec<_> = requests.collect();
        if requests.is_empty() {
            return Err(Error::new(
                ErrorKind::Failed,
                "`bazel query` named no request of an extension",
            ));
        }
        for file in requests {
            let name = file.display().to_string();
            let request = Request::parse(&read::text(file, read::LIMIT)?, &name);
            let added = request.and_then(|request| pins.add_request(&request, "MODULE.bazel"));
            pins.note(&format!("the pins in {name}"), added);
        }
        for rule in &answered.rules {
            let added = self.add_rule(rule, pins);
            pins.note(&format!("the pins of {}", rule.label()), added);
        }
        Ok(())
    }

    fn add_rule(&self, rule: &RuleTarget, pins: &mut Pins) -> Result<()> {
        if let Some((path, _)) = rule.lock_and_folder() {
            pins.add_lock(&asked::read_lock(self.root, path)?, path, Some(rule.label()));
            return Ok(());
        }
        // A component from a file of the workspace has no registry, unless the rule names one.
        let is_file = !rule.text("vendored_component").is_empty();
        if rule.is_component() && !(is_file && rule.text("registry").is_empty()) {
            let (file, line) = rule.position(self.root);
            pins.add(Pin::Component(rule.wanted(self.root)?), &file, line, Update::Rule);
        }
        Ok(())
    }

    /// Asks Bazel for the requests and rules.
    fn query(&self) -> Result<QueryResult> {
        let mut command = Command::new(self.program()?);
        command.current_dir(self.root).args(["query", "--keep_going"]);
        if self.is_offline {
            command
                .env("BAZEL_WASM_OFFLINE", "1")
                .args(["--repo_env=BAZEL_WASM_OFFLINE=1", "--repository_disable_download"]);
        }
        command.arg("--output=streamed_jsonproto");
        command.arg(asked::question(self.vendor_all, self.targets));
        // Bazel may write its lock, and nothing in the workspace is to change.
        let kept = Kept::read(&self.root.join("MODULE.bazel.lock"))?;
        let failed = || Error::new(ErrorKind::Failed, "`bazel query` failed");
        let run = || child::run(command, b"", LIMITS);
        let output = announced::while_waiting(self.report, "bazel query", LIMITS, run);
        kept.restore()?;
        let output = output.map_err(|failure| failed().because(failure))?;
        // 3 is a partial answer of --keep_going.
        match output.status.code() {
            Some(0 | 3) => asked::parse(&String::from_utf8_lossy(&output.stdout)),
            _ => {
                let text = String::from_utf8_lossy(&output.stderr).into_owned();
                let mut errors = text.lines().filter(|line| line.contains("ERROR"));
                let line =
                    errors.next_back().or(text.lines().last()).unwrap_or("no message").to_owned();
                Err(failed().because(line).hint("run `bazel query //...` to see all messages"))
            }
        }
    }

    /// Returns the Bazel of this workspace.
    fn program(&self) -> Result<PathBuf> {
        let named = self.bazel.map(Path::to_owned);
        let on_path = || ["bazel", "bazelisk"].iter().find_map(|it| self.environment.program(it));
        named.or_else(on_path).ok_or_else(|| {
            Error::new(ErrorKind::Unavailable, "there is no `bazel` on PATH")
                .hint("name the requests of the module extensions with `--request`")
        })
    }
}

impl Pins {
    /// Adds the images of a list below a folder, with the digests of its lock if that exists.
    ///
    /// # Errors
    /// Usage, if the list or the lock cannot be parsed.
    pub fn add_image_files(&mut self, folder: &Path, list: &str, lock: &str) -> Result<()> {
        let list = MirrorList::read(&folder.join(list), list)?;
        let path = folder.join(lock);
        let locked = match user_path::exists(&path)? {
            true => MirrorLock::read(&path, lock)?,
            false => MirrorLock::default(),
        };
        let options = match (list.name(), lock) {
            IMAGES => String::new(),
            (list, lock) => {
                let quoted = |name| shell::path(Path::new(name));
                format!(" -f {} --lock-file {}", quoted(list), quoted(lock))
            }
        };
        self.add_images(&list, &locked, &options);
        Ok(())
    }

    /// Adds the packages of a lock file.
    ///
    /// # Errors
    /// Unavailable, if it does not exist; usage, if it cannot be parsed.
    pub fn add_lock_file(&mut self, path: &Path, name: &str) -> Result<()> {
        let text = read::text(path, read::LIMIT)?;
        self.add_lock(&Lock::parse(&text, name)?, name, None);
        Ok(())
    }

    /// Lists pins that could not be read.
    fn note(&mut self, what: &str, added: Result<()>) {
        if let Err(error) = added {
            self.not_looked_up.push(NotLookedUp {
                what: what.to_owned(),
                because: error.one_line(),
                failure: Some(error),
            });
        }
    }
}
