//! `vendor wit`: bring WIT packages and their dependencies into a vendor folder.

use std::path::{Path, PathBuf};

use clap::Args;

use super::policy_for;
use crate::cli::Context;
use airgap_core::artifact::VendoredKind;
use airgap_core::error::{Error, Result};
use airgap_core::outcome::Tally;
use airgap_core::package::PackageRequest;
use airgap_core::read;
use airgap_core::rooted::RootedPath;
use airgap_core::store;
use airgap_core::workspace;
use airgap_vendor::catalog::WitCatalog;
use airgap_vendor::kinds::wit::{Packages, WitJob, WitSummary, check_wit, vendor_wit};
use airgap_vendor::manifest::VendorDir;
use airgap_wit::Lock;

/// Fetch WIT packages and their dependencies into a vendor folder, and write the lock.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap vendor wit wasi:http@0.2.6 'myorg:api@^1.2' --output-dir vendor/wit

Locked versions stay. --locked changes nothing, and exits with 4 if the lock or the folder is not
up to date.")]
pub(in crate::cli) struct WitArgs {
    /// Packages: in a version, in the highest of a range, or in the highest of all
    #[arg(value_name = "PACKAGE[@VERSION]")]
    packages: Vec<String>,
    /// The vendor folder, relative to the workspace root under `bazel run`, else to the current
    /// folder
    #[arg(long, value_name = "DIR")]
    output_dir: PathBuf,
    /// The lock
    #[arg(long, value_name = "FILE", default_value = "wit.lock")]
    lock_file: PathBuf,
    /// Change nothing, and fail if the lock or the folder is not up to date
    #[arg(long, conflicts_with_all = ["update", "from"])]
    locked: bool,
    /// Select the newest versions instead of the locked ones
    #[arg(long, conflicts_with = "from")]
    update: bool,
    /// Start from the versions and digests of this lock, such as a wkg.lock
    #[arg(long, value_name = "LOCK")]
    from: Option<PathBuf>,
    /// Your own registry file with pinned archives, which override the built-in ones; may be
    /// repeated
    #[arg(long = "registry", value_name = "FILE")]
    registries: Vec<PathBuf>,
    /// The registry of a package, `myorg:api=ghcr.io/myorg`, or of a namespace, `myorg=ghcr.io/myorg`;
    /// may be repeated
    #[arg(long = "package-registry", value_name = "NAME=REGISTRY", value_parser = super::super::wit::registry_of)]
    package_registries: Vec<(String, String)>,
    /// Prefer pinned archives, even over a registry in the config file, as `@wasi_wit` requires
    #[arg(long)]
    archives: bool,
    /// The label of the file with `wit_library`, for the BUILD files [default: `//wit:defs.bzl` of
    /// this module, by its name in the workspace]
    #[arg(long, value_name = "LABEL")]
    rules: Option<String>,
    /// The number of packages to fetch in parallel
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// A file of the source tree, by its path from the root, for finding the tree
    #[arg(long, value_name = "FILE", hide = true)]
    workspace_of: Option<PathBuf>,
    /// The command that fixes the findings of --locked
    #[arg(long, value_name = "COMMAND", hide = true)]
    mend: Option<String>,
}

pub(super) fn run(args: &WitArgs, context: &Context) -> Result<()> {
    let Tree { root: workspace, base } = tree(args, context)?;
    let output_dir = base.join(&args.output_dir);
    let lock_file = store::through_link(&base.join(&args.lock_file))?;
    let from = starting_lock(args, &base)?;
    let dir = VendorDir::of(&output_dir, VendoredKind::Wit);
    let run = WitRun {
        args,
        context,
        from,
        packages: packages(args, &dir, &workspace, context)?,
        dir,
        rules: rules(args.rules.as_deref(), &output_dir, context),
        bazel_package: bazel_package(&output_dir, &workspace),
    };
    match args.locked {
        true => run.check(&lock_file),
        false => run.update(&lock_file),
    }
}

/// A run of the command, after its arguments were read.
struct WitRun<'a> {
    args: &'a WitArgs,
    context: &'a Context,
    /// The lock of `--from`.
    from: Option<Lock>,
    dir: VendorDir,
    packages: Packages,
    rules: String,
    bazel_package: String,
}

impl WitRun<'_> {
    /// Checks the folder and the lock, and changes nothing (`--locked`).
    fn check(&self, lock_file: &RootedPath) -> Result<()> {
        let mend = match &self.args.mend {
            Some(command) => format!("run\n{command}"),
            None => "run the same command without `--locked`".to_owned(),
        };
        let lock = lock_in(lock_file)?.ok_or_else(|| {
            Error::integrity(format!("there is no lock `{lock_file}`"))
                .hint(format!("to write it, {mend}"))
        })?;
        self.with_job(&lock, |job| {
            check_wit(job, &self.context.report)
                .map_err(|error| error.hint(format!("to fix it, {mend}")))
        })
    }

    /// Fetches the packages, and writes the lock.
    fn update(&self, lock_file: &RootedPath) -> Result<()> {
        let (mut summary, mut lock) = (None, None);
        store::change_slowly(lock_file, read::LIMIT, |bytes| {
            // With `--update`, an unreadable lock is not an error either.
            let previous = match bytes.map(|bytes| parse_lock(bytes, lock_file)) {
                Some(Err(_)) if self.args.update => Lock::default(),
                previous => previous.transpose()?.unwrap_or_default(),
            };
            // Held until the lock file is written: each run removes what its own lock does not need.
            lock = lock.take().or_else(|| self.dir.lock(&self.context.report));
            let done = self.with_job(&previous, |job| vendor_wit(job, &self.context.report))?;
            let text = done.lock.text().into_bytes();
            summary = Some(done);
            Ok(text)
        })?;
        summary.map_or(Ok(()), |summary| tell(&summary, lock_file.path(), self.context))
    }

    /// Runs `work` on the job of this run. `previous` is the present lock file.
    fn with_job<T>(
        &self,
        previous: &Lock,
        work: impl FnOnce(&WitJob<'_>) -> Result<T>,
    ) -> Result<T> {
        let lock = match &self.from {
            Some(from) => from.clone(),
            None if self.args.update => Lock::default(),
            None => previous.clone(),
        };
        work(&WitJob {
            requests: &requests(self.args, &lock)?,
            dir: &self.dir,
            lock: &lock,
            previous,
            packages: &self.packages,
            rules: &self.rules,
            bazel_package: &self.bazel_package,
            jobs: self.args.jobs.into(),
        })
    }
}

/// Returns the lock of `--from`, if there is one.
fn starting_lock(args: &WitArgs, base: &Path) -> Result<Option<Lock>> {
    let Some(from) = &args.from else { return Ok(None) };
    let missing = || Error::usage(format!("there is no lock `{}`", from.display()));
    let lock = lock_in(&RootedPath::from_trusted(base.join(from)))?;
    lock.ok_or_else(missing).map(Some)
}

/// Returns the known packages and their sources, as the arguments and the settings name them.
fn packages(
    args: &WitArgs,
    dir: &VendorDir,
    workspace: &Path,
    context: &Context,
) -> Result<Packages> {
    let policy = policy_for(dir, context.policy_in(workspace)?);
    let mut catalog = WitCatalog::builtin()?;
    for file in &args.registries {
        catalog.add_file(&context.runfile(file))?;
    }
    // Locked packages are compared with local files, so the network is not needed.
    let policy = policy.or_offline("--locked", args.locked);
    let packages = Packages::new(policy, catalog, &context.environment)?;
    let packages = packages.naming(args.package_registries.iter().cloned());
    Ok(if args.archives { packages.with_archives_first() } else { packages })
}

/// Returns the lock in a file; `None` if there is no file.
fn lock_in(path: &RootedPath) -> Result<Option<Lock>> {
    let bytes = read::rooted_bytes(path, read::LIMIT)?;
    bytes.map(|bytes| parse_lock(&bytes, path)).transpose()
}

fn parse_lock(bytes: &[u8], path: &RootedPath) -> Result<Lock> {
    Lock::parse(&String::from_utf8_lossy(bytes), &path.to_string())
}

/// The source tree of a command.
struct Tree {
    /// The root of the workspace.
    root: PathBuf,
    /// The folder to which the paths of arguments are relative.
    base: PathBuf,
}

/// Finds the source tree.
fn tree(args: &WitArgs, context: &Context) -> Result<Tree> {
    let Some(file) = &args.workspace_of else {
        let root = context.workspace.root().to_owned();
        return Ok(Tree { root, base: context.environment.base_dir() });
    };
    let root = context.tree_of(file)?;
    Ok(Tree { base: root.clone(), root })
}

fn requests(args: &WitArgs, lock: &Lock) -> Result<Vec<PackageRequest>> {
    if !args.packages.is_empty() {
        let requests = args.packages.iter().map(|text| text.parse().map_err(Error::usage));
        return requests.collect();
    }
    if args.from.is_none() {
        return Err(Error::usage("no package is named").hint(
            "name at least one, as in `wasi:http@0.2.6`, or start from a lock: `--from wkg.lock`",
        ));
    }
    let exact = |locked: &airgap_wit::Locked| locked.package.to_string().parse();
    lock.packages.iter().map(|locked| exact(locked).map_err(Error::usage)).collect()
}

/// Returns the file from which BUILD files load `wit_library`: the named one, or this module's.
pub(super) fn rules(named: Option<&str>, dir: &Path, context: &Context) -> String {
    named.map_or_else(|| context.workspace.wit_rules(dir), str::to_owned)
}

/// Returns the folder as a Bazel package: below the workspace that contains it, or else below this
/// one.
pub(super) fn bazel_package(dir: &Path, workspace: &Path) -> String {
    let root = workspace::root_above(dir).unwrap_or_else(|| workspace.to_owned());
    let below = dir.strip_prefix(root).unwrap_or(dir);
    let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
    format!("//{}", parts.join("/").trim_start_matches('/'))
}

fn tell(summary: &WitSummary, lock_file: &Path, context: &Context) -> Result<()> {
    let tally = Tally::from_outcomes(&summary.outcomes);
    if context.report.is_json() {
        let Tally { fetched, copied, kept, repaired } = tally;
        return context.report.json(&serde_json::json!({
            "lock": lock_file, "fetched": fetched, "copied": copied, "kept": kept,
            "repaired": repaired, "files": summary.entries,
        }));
    }
    context.report.say(&format!("{tally}; locked in {}", lock_file.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_named_as_a_bazel_package() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("MODULE.bazel"), "").unwrap();
        let dir = root.path().join("vendor/wit");
        assert_eq!(bazel_package(&dir, Path::new("/elsewhere")), "//vendor/wit");
        assert_eq!(bazel_package(Path::new("/ws/v/wit"), Path::new("/ws")), "//v/wit");
    }
}
