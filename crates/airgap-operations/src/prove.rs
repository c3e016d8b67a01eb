//! The proof that a command used no network.
//!
//! The command runs without a network, and Bazel with an empty output root and an empty
//! repository cache, so that nothing can come from an earlier run. Attempts are counted.

mod bazel_command;
mod verdict;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use airgap_core::child::{self, Limits, Streams};
use airgap_core::environment::Environment;
use airgap_core::error::{Context as _, Error, Result};
use airgap_core::rooted::RootedPath;
use airgap_core::store::Scratch;
use airgap_core::{read, user_path};

use crate::network_namespace::trace::{self, Attempts};
use crate::network_namespace::{Ended, NetworkNamespace, Words};
use crate::repository_cache;

use bazel_command::BazelCommand;
pub use verdict::{Blocked, Verdict, Word};

/// A command to be proven.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// The program and its arguments.
    pub command: &'a [OsString],
    /// The folder in which it runs.
    pub folder: &'a Path,
    /// The files outside the workspace from which Bazel reads options.
    pub rc: Rc,
    /// The repository cache whose files Bazel may use, instead of none.
    pub repository_cache: Option<&'a Path>,
    /// Whether `strace` is used if it is on `PATH`.
    pub with_trace: bool,
    /// The standard output of the command.
    pub streams: Streams,
    /// The variables.
    pub environment: &'a Environment,
}

/// The files outside of the workspace that Bazel may read options from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rc {
    /// Whether it reads the one of the home folder.
    pub home: bool,
    /// Whether it reads the one of the system.
    pub system: bool,
}

/// The limits of the program that makes a folder removable.
const CHMOD: Limits =
    Limits { time: Duration::from_secs(600), stdout: 1 << 10, stderr: 0, memory: None };

/// The limits of the test of `strace`.
const PROBE: Limits =
    Limits { time: Duration::from_secs(30), stdout: 1 << 10, stderr: 1 << 10, memory: None };

impl Proof<'_> {
    /// Runs the command and returns the verdict.
    ///
    /// # Errors
    /// Failed, if no network namespace can be created here: then nothing is proven. Usage, if the
    /// command names an output root or a repository cache itself, or another program than Bazel is to
    /// use a repository cache.
    pub fn run(&self) -> Result<Verdict> {
        let bazel = BazelCommand::parse(self.command)?;
        let namespace = NetworkNamespace::find(self.environment)?;
        let scratch = Scratch::new()?;
        let roots = Roots(scratch.path());
        let given = self.fill_cache(bazel.is_some(), &roots)?;
        let variables = self.variables(&roots)?;
        let command = match &bazel {
            Some(bazel) => bazel.with_roots(&roots, self.rc),
            None => self.command.to_vec(),
        };
        let strace = self.strace(&namespace, &roots);
        let tracer = strace.as_ref().map(|strace| trace::tracer(strace, &roots.trace()));
        let tracer = tracer.unwrap_or_default();
        let (tracer, folder) = (&tracer, self.folder);
        let words = Words { tracer, command: &command, folder, variables: &variables };
        let ended = namespace.attached(&words, self.streams, scratch.path())?;
        let attempts = strace.as_ref().map(|_| read_trace(&roots.trace())).transpose()?;
        let cached = bazel.as_ref().map(|_| cached(&roots.repository_cache()));
        make_removable(scratch.path());
        Ok(Verdict {
            repository_cache_given: given,
            ..judge(&command, &namespace, ended, attempts, cached)
        })
    }

    /// Copies the given repository cache, and returns the number of its files.
    fn fill_cache(&self, is_bazel: bool, roots: &Roots<'_>) -> Result<Option<usize>> {
        match self.repository_cache {
            None => Ok(None),
            Some(cache) if is_bazel => {
                repository_cache::copy(cache, &roots.repository_cache()).map(Some)
            }
            Some(_) => Err(Error::usage("`--repository-cache` is for a command of Bazel")
                .fact("found", self.command.first().map_or("", |it| it.to_str().unwrap_or("")))
                .hint("leave it out")),
        }
    }

    /// Returns the variables of the command: the cache folder of the user is an empty one.
    fn variables(&self, roots: &Roots<'_>) -> Result<Vec<(String, OsString)>> {
        let cache = RootedPath::from_trusted(roots.0).join("user_cache");
        cache.make().doing(|| format!("create `{cache}`"))?;
        let mut variables = vec![("XDG_CACHE_HOME".to_owned(), cache.path().into())];
        // Bazelisk keeps Bazel itself in the cache folder, and is not part of the build.
        let earlier = self.environment.named("XDG_CACHE_HOME").map(PathBuf::from);
        let earlier = earlier.or_else(|| Some(self.environment.home()?.join(".cache")));
        if let Some(earlier) = earlier.filter(|_| self.environment.named("BAZELISK_HOME").is_none())
        {
            variables.push(("BAZELISK_HOME".to_owned(), earlier.join("bazelisk").into()));
        }
        Ok(variables)
    }

    /// Returns `strace`, if it is on `PATH` and may watch other processes.
    fn strace(&self, namespace: &NetworkNamespace, roots: &Roots<'_>) -> Option<PathBuf> {
        let strace = self.environment.program("strace").filter(|_| self.with_trace)?;
        let (tracer, command) = (trace::tracer(&strace, &roots.trace()), ["true".into()]);
        let (tracer, folder) = (&tracer, self.folder);
        let words = Words { tracer, command: &command, folder, variables: &[] };
        let tried = namespace.captured(&words, roots.0, PROBE).ok()?;
        (tried.ended.code == Some(0)).then_some(strace)
    }
}

/// The folders of one proof, all empty at its start.
struct Roots<'a>(&'a Path);

impl Roots<'_> {
    fn output_user_root(&self) -> PathBuf {
        self.0.join("output_user_root")
    }

    fn output_base(&self) -> PathBuf {
        self.0.join("output_base")
    }

    fn repository_cache(&self) -> PathBuf {
        self.0.join("repository_cache")
    }

    fn trace(&self) -> PathBuf {
        self.0.join("trace")
    }
}

fn read_trace(path: &Path) -> Result<Attempts> {
    let doing = || "read the output of strace".to_owned();
    trace::attempts(read::file(path)?).doing(doing)
}

/// Returns the number of files in a repository cache.
fn cached(cache: &Path) -> usize {
    let files = user_path::walk(cache).into_iter();
    files.filter(|it| it.path.file_name().is_some_and(|name| name == "file")).count()
}

/// Makes the folders removable: Bazel makes its outputs read-only, including folders.
pub(crate) fn make_removable(folder: &Path) {
    let mut command = Command::new("chmod");
    command.args(["-R", "u+w"]).arg(folder);
    // A folder that stays does no harm, and the next run removes it.
    let _ = child::run(command, b"", CHMOD);
}

fn judge(
    command: &[OsString],
    namespace: &NetworkNamespace,
    ended: Ended,
    attempts: Option<Attempts>,
    cached: Option<usize>,
) -> Verdict {
    let traced = attempts.is_some();
    let blocked = attempts.unwrap_or_default().into_iter();
    Verdict {
        verdict: Word::NetworkTried,
        command: command.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
        exit_code: ended.code,
        signal: ended.signal,
        isolation: namespace.how(),
        traced,
        counters: ended.counters,
        outlived: ended.outlived,
        blocked: blocked.map(|(attempt, times)| Blocked { attempt, times }).collect(),
        repository_cache_files: cached,
        repository_cache_given: None,
    }
    .judged()
}
