//! The files that Bazel itself needs to build targets: what it downloads for them.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use airgap_core::child::{self, Failure, Limits, Streams};
use airgap_core::error::{Context as _, Error, ErrorKind, Result};
use airgap_core::folder::{EntryKind, Folder};
use airgap_core::rooted::RootedPath;
use airgap_core::shell;
use airgap_core::store::{self, Scratch};
use airgap_core::{read, verify};

use super::bazel_options::{Generation, KnownOptions, downloader_config};
use super::source::{BAZEL_FOLDER, BAZEL_MARK};
use crate::kept::Kept;
use crate::prove::make_removable;
use crate::repository_cache::{CONTENTS, is_cached, is_digest};

/// The file in which Bazel keeps the versions of the modules.
const LOCK: &str = "MODULE.bazel.lock";

/// The limits of the question which options a Bazel knows.
const HELP: Limits =
    Limits { time: Duration::from_secs(120), stdout: 8 << 20, stderr: 64 << 10, memory: None };

/// A run of Bazel that fetches what targets need.
#[derive(Clone, Copy, Debug)]
pub struct BazelFetch<'a> {
    /// Bazel.
    pub program: &'a Path,
    /// Whether that program goes into the bundle.
    pub takes_program: bool,
    /// The workspace.
    pub workspace: &'a Path,
    /// The targets.
    pub targets: &'a [String],
    /// The vendor folder on the far side, relative to the workspace there.
    pub vendor_folder: &'a str,
}

/// The fetched files, which disappear with this value.
pub struct Fetched {
    scratch: Scratch,
    /// Whether the module lock is missing or has no digests of registry files. Bazel then asks the
    /// registry.
    pub lacks_registry_digests: bool,
}

impl Fetched {
    /// Returns the folder, which is one for a bundle.
    pub fn folder(&self) -> PathBuf {
        self.scratch.path().join("fetched")
    }
}

impl BazelFetch<'_> {
    /// Loads and analyzes the targets with an empty output root and an empty repository cache, and
    /// keeps that cache. The lock of the modules stays in the workspace as it is; the one that Bazel
    /// wrote is fetched.
    ///
    /// # Errors
    /// Usage, if the program is a script or the vendor folder leads out of the workspace; failed, if
    /// Bazel cannot be started or cannot fetch everything; those of the file system.
    pub fn run(&self) -> Result<Fetched> {
        self.check()?;
        let scratch = Scratch::new()?;
        let fetched = RootedPath::from_trusted(scratch.path()).join("fetched");
        let kept = Kept::read(&self.workspace.join(LOCK))?;
        let ran = self.known_options(scratch.path()).and_then(|known| {
            self.fetch(scratch.path())?;
            Ok(known)
        });
        let lock = kept.restore()?;
        make_removable(scratch.path());
        let known = ran?;
        let bazel = fetched.join(BAZEL_FOLDER);
        let own = format!("{}/{BAZEL_FOLDER}", self.vendor_folder);
        write(&fetched.join(BAZEL_MARK), &known.generation().bazelrc(&own))?;
        for generation in Generation::ALL {
            write(&bazel.join(generation.file_name()), &generation.bazelrc(&own))?;
        }
        write(&bazel.join("downloader.cfg"), &downloader_config())?;
        lock.as_ref().map_or(Ok(()), |text| write(&bazel.join(LOCK), text))?;
        take_cache(&RootedPath::from_trusted(scratch.path()), &bazel)?;
        if self.takes_program {
            take_program(self.program, &bazel)?;
        }
        let lacks_registry_digests = !lock.is_some_and(|it| it.contains("\"registryFileHashes\""));
        Ok(Fetched { scratch, lacks_registry_digests })
    }

    fn check(&self) -> Result<()> {
        let is_plain = |part: &str| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
            !part.is_empty() && part != ".." && part != "." && part.chars().all(is_plain)
        };
        if !self.vendor_folder.split('/').all(is_plain) {
            return Err(Error::usage("the vendor folder of the far side is not a plain path")
                .fact("found", self.vendor_folder)
                .hint("name it relative to the workspace: --bazel-vendor third_party/vendor"));
        }
        match self.takes_program && is_script(self.program)? {
            false => Ok(()),
            true => Err(Error::usage(format!("`{}` is a script", self.program.display()))
                .fact("expected", "the binary of Bazel itself")
                .hint("name the binary that it starts: --bazel-binary FILE")),
        }
    }

    fn known_options(&self, scratch: &Path) -> Result<KnownOptions> {
        let mut command = self.command(scratch);
        command.args(["help", "build", "--short"]);
        let output = child::run(command, b"", HELP).map_err(|failure| self.not_run(&failure))?;
        match output.status.success() {
            true => Ok(KnownOptions::parse(&String::from_utf8_lossy(&output.stdout))),
            false => Err(self
                .failed("Bazel cannot say which options it knows")
                .fact("Bazel said", String::from_utf8_lossy(&output.stderr).trim())),
        }
    }

    fn fetch(&self, scratch: &Path) -> Result<()> {
        let mut cache = std::ffi::OsString::from("--repository_cache=");
        cache.push(scratch.join("cache"));
        let mut command = self.command(scratch);
        command.args(["build", "--nobuild"]).arg(cache);
        command.arg("--experimental_convenience_symlinks=ignore").arg("--").args(self.targets);
        let ended =
            child::attached(command, Streams::Error).map_err(|failure| self.not_run(&failure))?;
        match ended.success() {
            true => Ok(()),
            false => Err(self
                .failed("Bazel cannot fetch what the targets need")
                .fact("ended with", ended)
                .hint(format!(
                    "fix the errors of Bazel above, and try `bazel build --nobuild {}`",
                    shell::words(self.targets)
                ))),
        }
    }

    /// Returns Bazel without a server, and with an output root that is empty at first.
    fn command(&self, scratch: &Path) -> Command {
        let option = |name: &str, folder: &str| {
            let mut word = std::ffi::OsString::from(name);
            word.push(scratch.join(folder));
            word
        };
        let mut command = Command::new(self.program);
        command.current_dir(self.workspace).arg("--batch");
        command.arg(option("--output_user_root=", "user_root"));
        command.arg(option("--output_base=", "base"));
        command
    }

    fn not_run(&self, failure: &Failure) -> Error {
        self.failed("Bazel cannot be run")
            .because(failure)
            .hint("name it: --bazel-binary FILE, or put `bazel` on PATH")
    }

    fn failed(&self, message: &str) -> Error {
        Error::new(ErrorKind::Failed, message)
            .fact("program", self.program.display())
            .fact("workspace", self.workspace.display())
    }
}

fn is_script(program: &Path) -> Result<bool> {
    let mut beginning = Vec::new();
    let file = read::file(program)?;
    io::Read::read_to_end(&mut io::Read::take(file, 2), &mut beginning)
        .doing(|| format!("read `{}`", program.display()))?;
    Ok(beginning == b"#!")
}

fn write(path: &RootedPath, text: &str) -> Result<()> {
    store::write_atomically(path, text.as_bytes())
}

/// Moves the files of the cache that have names of such files; a newer Bazel may have others there.
fn take_cache(scratch: &RootedPath, bazel: &RootedPath) -> Result<()> {
    let to = bazel.join("repository_cache");
    let doing = || format!("take the repository cache to `{to}`");
    let cache = scratch.join("cache");
    let target = to.make().doing(doing)?;
    if cache.join(CONTENTS).stat().doing(doing)?.is_none() {
        return Ok(());
    }
    let from = cache.open_folder().doing(doing)?;
    from.rename_into(CONTENTS.as_ref(), &target, CONTENTS.as_ref()).doing(doing)?;
    let files = to.join(CONTENTS).open_folder().doing(doing)?;
    keep(&files, |name| name == "sha256").doing(doing)?;
    let files = to.join(&format!("{CONTENTS}/sha256"));
    if files.stat().doing(doing)?.is_none() {
        return Ok(());
    }
    let files = files.open_folder().doing(doing)?;
    keep(&files, is_digest).doing(doing)?;
    for (name, _) in files.list().doing(doing)? {
        files.enter(&name).and_then(|folder| keep(&folder, is_cached)).doing(doing)?;
    }
    Ok(())
}

fn keep(folder: &Folder, is_kept: impl Fn(&str) -> bool) -> io::Result<()> {
    for (name, kind) in folder.list()? {
        let is_known = matches!(kind, EntryKind::File | EntryKind::Folder);
        if !is_known || !name.to_str().is_some_and(&is_kept) {
            folder.remove_all(&name)?;
        }
    }
    Ok(())
}

/// Copies Bazel, and writes its digest for `sha256sum -c bazel.sha256`.
fn take_program(program: &Path, bazel: &RootedPath) -> Result<()> {
    let copy = bazel.join("bin/bazel");
    let doing = || format!("copy `{}` to `{copy}`", program.display());
    let folder = bazel.join("bin").make().doing(doing)?;
    let mut file = folder.create(copy.name(), true).doing(doing)?;
    io::copy(&mut read::file(program)?, &mut file).doing(doing)?;
    drop(file);
    let (digest, _) = copy.read().and_then(|mut file| verify::hash(&mut file)).doing(doing)?;
    write(&bazel.join("bazel.sha256"), &format!("{digest}  bin/bazel\n"))
}
