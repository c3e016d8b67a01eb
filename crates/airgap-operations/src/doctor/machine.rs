//! The checks of the machine: problems that break an offline build, or let it use a network.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use airgap_config::policy::Policy;
use airgap_config::registries::Registries;
use airgap_core::artifact::VendoredKind;
use airgap_core::child::{self, Limits};
use airgap_core::environment::{self as env, Environment};
use airgap_core::quantity::megabytes;
use airgap_core::{free_space, read, user_path};

use super::options::Refused;
use super::rc::{Placed, values};

/// The result of one check of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// The check found no problem.
    Ok,
    /// A build works, but may not do what its settings suggest.
    Warning,
    /// An offline build fails.
    Bad,
}

/// One check of the machine.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// Its name: `option`, `sandbox`, `folder`, `credentials`, `bazelisk`, `setting`.
    pub check: &'static str,
    /// Its state.
    pub health: Health,
    /// The finding.
    pub found: String,
    /// The remedy; empty if there is nothing to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fix: String,
}

impl Check {
    fn new(check: &'static str, health: Health, found: String, fix: &str) -> Check {
        Check { check, health, found, fix: fix.to_owned() }
    }
}

/// The free space that a build needs at least, in bytes.
const LITTLE_SPACE: u64 = 1 << 30;

/// The limits of `linux-sandbox` with a program that prints the routes.
const SANDBOX: Limits =
    Limits { time: Duration::from_secs(20), stdout: 64 << 10, stderr: 4 << 10, memory: None };

/// Returns a check for each option that Bazel refuses.
pub(super) fn refused(options: &[Refused]) -> Vec<Check> {
    let check = |refused: &Refused| {
        let Placed { word, place, .. } = &refused.option;
        let fix = match word.as_str() {
            "--sandbox_network=off" => {
                "write --spawn_strategy=linux-sandbox --sandbox_default_allow_network=false in its place"
            }
            _ => "take it out, or write it as this Bazel does: bazel help build",
        };
        let found = format!("{place}: {word}: {}", refused.because);
        Check::new("option", Health::Bad, found, fix)
    };
    options.iter().map(check).collect()
}

/// Returns the check of `--config`s that no file defines.
pub(super) fn undefined(configs: &[String]) -> Vec<Check> {
    let check = |config: &String| {
        let found = format!("no .bazelrc defines --config={config}");
        Check::new("option", Health::Bad, found, "define it there, or name another one")
    };
    configs.iter().map(check).collect()
}

/// Checks whether Bazel's sandbox can run an action without a network.
pub(super) fn sandbox(install_base: &Path, options: &[Placed]) -> Check {
    let program = install_base.join("linux-sandbox");
    let strict = options.iter().any(|it| it.word.starts_with("--spawn_strategy=linux-sandbox"));
    let asks = options.iter().any(cuts);
    match cuts_network(&program) {
        Ok(()) => Check::new(
            "sandbox",
            Health::Ok,
            "linux-sandbox runs actions without a network".into(),
            "",
        ),
        Err(why) if strict => Check::new(
            "sandbox",
            Health::Bad,
            format!("linux-sandbox cannot run actions without a network: {why}"),
            "allow user namespaces (sysctl -w kernel.apparmor_restrict_unprivileged_userns=0), or \
             leave out --spawn_strategy=linux-sandbox",
        ),
        Err(why) => {
            let without =
                if asks { ", so --sandbox_default_allow_network=false does nothing" } else { "" };
            let found =
                format!("linux-sandbox cannot run actions without a network{without}: {why}");
            Check::new(
                "sandbox",
                Health::Warning,
                found,
                "prove the build: wasm-airgap prove -- bazel build //...",
            )
        }
    }
}

/// Runs the sandbox with a program that prints the routes of its namespace.
fn cuts_network(program: &Path) -> Result<(), String> {
    if !user_path::is_file(program).unwrap_or(false) {
        return Err("this Bazel has none".to_owned());
    }
    let mut command = Command::new(program);
    command.args(["-N", "--", "/bin/cat", "/proc/net/route"]);
    let output = child::run(command, b"", SANDBOX).map_err(|failure| failure.to_string())?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(words.lines().next().unwrap_or("it failed").to_owned());
    }
    let routes = String::from_utf8_lossy(&output.stdout).lines().skip(1).count();
    match routes {
        0 => Ok(()),
        _ => Err("it leaves routes to a network".to_owned()),
    }
}

/// Checks the rights and the free space of the folders.
pub(super) fn folders(policy: &Policy, output: &Path) -> Vec<Check> {
    let mut checks = vec![space(output)];
    let mut dirs: Vec<_> =
        VendoredKind::ALL.iter().flat_map(|kind| policy.vendor_dirs(*kind)).collect();
    dirs.sort();
    dirs.dedup();
    for (_, dir) in dirs {
        checks.push(match user_path::list(dir) {
            Ok(_) => {
                Check::new("folder", Health::Ok, format!("`{}` can be read", dir.display()), "")
            }
            Err(error) => Check::new(
                "folder",
                Health::Bad,
                format!("`{}` cannot be read: {error}", dir.display()),
                "check the path, the mount and its permissions",
            ),
        });
    }
    checks
}

/// Checks the folders that Bazel reads instead of a network.
pub(super) fn named_folders(options: &[Placed], root: &Path) -> Vec<Check> {
    let names = ["--repository_cache", "--distdir", "--vendor_dir"];
    let all = names.into_iter().flat_map(|name| {
        let dirs = values(options, name).into_iter().filter(|it| !it.is_empty());
        dirs.map(move |dir| (name, root.join(dir)))
    });
    all.map(|(name, dir)| {
        let shown = format!("`{}` of {name}", dir.display());
        let new = |health, found: String, fix| Check::new("folder", health, found, fix);
        match user_path::list(&dir) {
            Ok(_) => new(Health::Ok, format!("{shown} can be read"), ""),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let fix = "bring the folder over the gap, or correct the path in .bazelrc";
                new(Health::Warning, format!("{shown} does not exist"), fix)
            }
            Err(error) => {
                let fix = "check the path, the mount and its permissions";
                new(Health::Bad, format!("{shown} cannot be read: {error}"), fix)
            }
        }
    })
    .collect()
}

/// Checks the rights and the free space of the folders in which Bazel writes outputs.
pub(super) fn output_roots(
    startup: &[Placed],
    root: &Path,
    environment: &Environment,
) -> Vec<Check> {
    let names = ["--output_user_root", "--output_base"];
    let named = names.into_iter().flat_map(|name| values(startup, name));
    let mut dirs: Vec<_> = named.map(|dir| root.join(dir)).collect();
    if dirs.is_empty() && cfg!(target_os = "linux") {
        // The XDG Base Directory Specification says that a relative path must be ignored.
        let named = environment.named("XDG_CACHE_HOME").map(Path::new);
        let named = named.filter(|cache| cache.is_absolute()).map(Path::to_owned);
        let cache = named.or_else(|| Some(environment.home()?.join(".cache")));
        dirs.extend(cache.map(|cache| cache.join("bazel")));
    }
    dirs.iter().flat_map(|dir| output_root(dir)).collect()
}

/// Checks an output root, or the folder in which Bazel would create it.
fn output_root(dir: &Path) -> Vec<Check> {
    let mut parents = dir.ancestors();
    let there = |dir: &&Path| user_path::kind(dir).is_ok_and(|kind| kind.is_some());
    let Some(parent) = parents.find(there) else { return Vec::new() };
    if is_writable_folder(parent) {
        return vec![space(parent)];
    }
    let found = format!("Bazel cannot write its outputs into `{}`", parent.display());
    let fix = "write startup --output_user_root=DIR with a folder that you may write to";
    vec![Check::new("folder", Health::Bad, found, fix)]
}

fn is_writable_folder(dir: &Path) -> bool {
    #[cfg(unix)]
    if rustix::fs::access(dir, rustix::fs::Access::WRITE_OK).is_err() {
        return false;
    }
    user_path::is_folder(dir).unwrap_or(false)
}

fn space(folder: &Path) -> Check {
    let shown = folder.display();
    let (health, found, fix) = match free_space::available(folder) {
        Some(free) if free < LITTLE_SPACE => {
            let found = format!("only {} are free in `{shown}`", megabytes(free));
            (Health::Warning, found, "free some space")
        }
        Some(free) => (Health::Ok, format!("{} are free in `{shown}`", megabytes(free)), ""),
        None => {
            let found = format!("this system does not tell the free space of `{shown}`");
            (Health::Warning, found, "check that 1,100 MB are free")
        }
    };
    Check::new("folder", health, found, fix)
}

/// Names the credential stores, never their content. An offline build needs none.
pub(super) fn credentials(environment: &Environment, policy: &Policy) -> Check {
    let found =
        Registries::from_environment(environment, policy.workspace()).and_then(|it| it.settings());
    let mut stores: Vec<String> =
        policy.settings().netrc.iter().map(|it| it.display().to_string()).collect();
    match found {
        Err(error) => {
            let fix = error.hints().first().cloned().unwrap_or_default();
            Check::new("credentials", Health::Bad, error.one_line(), &fix)
        }
        Ok(settings) => {
            let rows = settings.iter().filter(|row| row.name.contains("credential"));
            stores.extend(rows.map(|row| row.from.clone()));
            stores.sort();
            stores.dedup();
            let found = match stores.is_empty() {
                true => "no credential stores; an offline build needs none".to_owned(),
                false => format!("credential stores: {}", stores.join(", ")),
            };
            Check::new("credentials", Health::Ok, found, "")
        }
    }
}

/// Checks that bazelisk need not ask the network for the newest version; `None` if `program` is
/// another one.
pub(super) fn bazelisk(program: &Path, root: &Path, environment: &Environment) -> Option<Check> {
    if !is_bazelisk(program) {
        return None;
    }
    let pinned = bazel_version(root, environment).is_some_and(|it| is_pinned(&it));
    let found = "bazelisk has no pinned version, and asks the network for the newest one each time";
    Some(match pinned {
        true => Check::new("bazelisk", Health::Ok, "bazelisk uses a pinned Bazel".to_owned(), ""),
        false => Check::new(
            "bazelisk",
            Health::Bad,
            found.to_owned(),
            "write the version into .bazelversion, as in: echo 7.7.1 > .bazelversion",
        ),
    })
}

/// Returns the version that bazelisk uses: of the environment, `.bazeliskrc`, or `.bazelversion`.
fn bazel_version(root: &Path, environment: &Environment) -> Option<String> {
    const NAME: &str = "USE_BAZEL_VERSION";
    let text = |name: &str| read::text(&root.join(name), read::LIMIT).unwrap_or_default();
    let set = |line: &str| Some(line.trim().strip_prefix(NAME)?.strip_prefix('=')?.to_owned());
    let named = environment.named(NAME).map(str::to_owned);
    let named = named.or_else(|| text(".bazeliskrc").lines().find_map(set));
    let named = named.or_else(|| text(".bazelversion").lines().next().map(str::to_owned));
    named.map(|version| version.trim().to_owned()).filter(|version| !version.is_empty())
}

/// Returns whether bazelisk needs no network for the version: `latest`, `7.x`, `7.*` and
/// `last_green` are looked up each time.
fn is_pinned(version: &str) -> bool {
    let number = version.rsplit('/').next().unwrap_or_default();
    let is_commit = number.len() == 40 && number.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_number = number.starts_with(|c: char| c.is_ascii_digit())
        && number.matches('.').count() >= 2
        && !number.split('.').any(|part| matches!(part, "x" | "*"));
    version.starts_with('/') || is_commit || is_number
}

/// Texts in bazelisk's own `version` command.
const BAZELISK: &[u8] = b"Bazelisk version";

/// The part of a program that is searched, in bytes.
const PROGRAM_LIMIT: u64 = 64 << 20;

/// Returns whether a program has the texts of bazelisk. Starting it could use the network.
fn is_bazelisk(program: &Path) -> bool {
    let Ok(file) = read::file(program) else { return false };
    let mut reader = BufReader::new(file.take(PROGRAM_LIMIT));
    let mut tail: Vec<u8> = Vec::new();
    while let Ok(block) = reader.fill_buf() {
        if block.is_empty() {
            return false;
        }
        let length = block.len();
        tail.extend_from_slice(block);
        reader.consume(length);
        if tail.windows(BAZELISK.len()).any(|it| it == BAZELISK) {
            return true;
        }
        tail.drain(..tail.len().saturating_sub(BAZELISK.len()));
    }
    false
}

/// Names the settings that reach only a part of the build. `--repo_env` reaches repository rules,
/// and from there our actions and `bazel run`. `--action_env` reaches repository rules too in Bazel
/// 7, and not with `--incompatible_repo_env_ignores_action_env` of Bazel 8.3; `--test_env` does not.
pub(super) fn settings(options: &[Placed]) -> Vec<Check> {
    let name = |value: &str| value.split('=').next().unwrap_or_default().to_owned();
    let in_rules: Vec<_> = values(options, "--repo_env").into_iter().map(name).collect();
    let mut checks = Vec::new();
    for option in ["--action_env", "--host_action_env", "--test_env"] {
        for placed in options {
            let Some(value) = placed.word.strip_prefix(option).and_then(|it| it.strip_prefix('='))
            else {
                continue;
            };
            let name = name(value);
            let is_ours =
                env::VARIABLES.iter().any(|it| it.name == name) || name.starts_with(env::REGISTRY);
            let shared = ["HOME", "PATH", "USERPROFILE", "APPDATA"].contains(&name.as_str());
            if is_ours && !shared && !in_rules.contains(&name) {
                let found = format!(
                    "{}: {option}={name} does not reach the repository rules of each Bazel",
                    placed.place
                );
                let fix = format!(
                    "write --repo_env={name}=...: our actions and `bazel run` get it from there"
                );
                checks.push(Check::new("setting", Health::Warning, found, &fix));
            }
        }
    }
    checks
}

/// Names the options that do nothing together with others: only a sandbox can cut the network.
pub(super) fn ineffective(options: &[Placed]) -> Option<Check> {
    const WITHOUT: [&str; 4] = ["local", "standalone", "worker", "processwrapper-sandbox"];
    let strategies = values(options, "--spawn_strategy").pop()?;
    let is_without = |strategy: &str| WITHOUT.contains(&strategy);
    let asks = options.iter().find(|it| cuts(it))?;
    let found =
        format!("{}: {} does nothing with --spawn_strategy={strategies}", asks.place, asks.word);
    let fix = "write --spawn_strategy=linux-sandbox";
    let check = || Check::new("option", Health::Warning, found, fix);
    strategies.split(',').all(is_without).then(check)
}

/// Returns whether an option asks the sandbox to cut the network.
fn cuts(option: &Placed) -> bool {
    matches!(
        option.word.as_str(),
        "--nosandbox_default_allow_network"
            | "--sandbox_default_allow_network=false"
            | "--sandbox_default_allow_network=0"
            | "--sandbox_default_allow_network=no"
    )
}

/// Names the settings that reach `bazel run` only, and not the build.
pub(super) fn only_run(build: &[Placed], run: &[Placed]) -> Vec<Check> {
    let name = |value: &str| value.split('=').next().unwrap_or_default().to_owned();
    let in_build: Vec<_> = values(build, "--repo_env").into_iter().map(name).collect();
    let check = |placed: &Placed| {
        let name = name(placed.word.strip_prefix("--repo_env=")?);
        let is_ours =
            env::VARIABLES.iter().any(|it| it.name == name) || name.starts_with(env::REGISTRY);
        let found = format!(
            "{}: --repo_env={name} of `run` does not reach `bazel build` and `bazel test`",
            placed.place
        );
        let fix = "write it in a line of `common`";
        let is_lost = is_ours && !in_build.contains(&name);
        is_lost.then(|| Check::new("setting", Health::Warning, found, fix))
    };
    run.iter().filter_map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(words: &[&str]) -> Vec<Placed> {
        let one = |word: &&str| Placed {
            word: (*word).to_owned(),
            place: ".bazelrc:1".to_owned(),
            command: "build".to_owned(),
        };
        words.iter().map(one).collect()
    }

    #[test]
    fn settings_that_do_not_reach_repository_rules_are_named() {
        let found = settings(&placed(&[
            "--action_env=WKG_CONFIG_FILE=/etc/wkg/config.toml",
            "--action_env=BAZEL_WASM_OFFLINE=1",
            "--repo_env=BAZEL_WASM_OFFLINE=1",
            "--action_env=PATH",
            "--test_env=OTHER=1",
        ]));
        assert_eq!(found.len(), 1);
        assert!(
            found[0].found.contains("WKG_CONFIG_FILE does not reach the"),
            "{}",
            found[0].found
        );
    }

    #[test]
    fn an_option_of_the_sandbox_does_nothing_without_one() {
        let option = "--sandbox_default_allow_network=false";
        let found = |strategy: &str| ineffective(&placed(&[option, strategy]));
        let local = found("--spawn_strategy=worker,local").unwrap();
        assert!(local.found.starts_with(".bazelrc:1: --sandbox_default"), "{}", local.found);
        assert!(found("--spawn_strategy=sandboxed,local").is_none());
        assert!(ineffective(&placed(&["--spawn_strategy=local"])).is_none());
        assert!(ineffective(&placed(&[option])).is_none());
    }

    #[test]
    fn settings_of_run_only_are_named() {
        let (offline, other) = ("--repo_env=BAZEL_WASM_OFFLINE=1", "--repo_env=OTHER=1");
        let found = only_run(&placed(&[]), &placed(&[offline, other]));
        assert_eq!(found.len(), 1);
        assert!(found[0].found.contains("BAZEL_WASM_OFFLINE of `run`"), "{}", found[0].found);
        assert!(only_run(&placed(&[offline]), &placed(&[offline])).is_empty());
    }

    #[test]
    fn each_folder_of_the_settings_is_checked() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let health = |words: &[&str]| {
            let checks = named_folders(&placed(words), folder.path());
            checks.iter().map(|check| check.health).collect::<Vec<_>>()
        };
        let words = ["--repository_cache=.", "--distdir=none", "--vendor_dir=file"];
        assert_eq!(health(&words), [Health::Ok, Health::Warning, Health::Bad]);
        let environment = Environment::from_pairs(&[], "/");
        let roots = |word: &str| output_roots(&placed(&[word]), folder.path(), &environment);
        assert_eq!(roots("--output_user_root=file")[0].health, Health::Bad);
        assert!(roots("--output_base=new/folder")[0].found.contains(" free in `"));
        if cfg!(target_os = "linux") {
            let cache = folder.path().join("file").display().to_string();
            let variables = [("HOME", "/"), ("XDG_CACHE_HOME", cache.as_str())];
            let environment = Environment::from_pairs(&variables, "/");
            assert_eq!(output_roots(&[], folder.path(), &environment)[0].health, Health::Bad);
        }
    }

    #[test]
    fn versions_that_bazelisk_looks_up_are_not_pinned() {
        for version in ["7.7.1", "8.0.0rc1", "fork/7.7.1", &"a".repeat(40), "/opt/bazel"] {
            assert!(is_pinned(version), "{version}");
        }
        for version in ["latest", "latest-1", "7.x", "7.*", "8", "last_green", "rolling", "*"] {
            assert!(!is_pinned(version), "{version}");
        }
    }

    #[test]
    fn a_sandbox_that_is_needed_and_not_there_is_bad() {
        let none = Path::new("/no/such/folder");
        let health = |words: &[&str]| sandbox(none, &placed(words)).health;
        assert_eq!(health(&["--spawn_strategy=linux-sandbox"]), Health::Bad);
        assert_eq!(health(&["--nosandbox_default_allow_network"]), Health::Warning);
    }

    #[test]
    fn only_bazelisk_needs_a_version() {
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment::from_pairs(&[], "/");
        let program = folder.path().join("bazel");
        let check = || bazelisk(&program, folder.path(), &environment);
        std::fs::write(&program, [0; 100_000]).unwrap();
        assert!(check().is_none());
        let padding = [0; 8190];
        std::fs::write(&program, [&padding[..], b"Bazelisk version: %s", &padding].concat())
            .unwrap();
        assert_eq!(check().unwrap().health, Health::Bad);
        std::fs::write(folder.path().join(".bazelversion"), "7.x\n").unwrap();
        assert_eq!(check().unwrap().health, Health::Bad);
        std::fs::write(folder.path().join(".bazelversion"), "7.7.1").unwrap();
        assert_eq!(check().unwrap().health, Health::Ok);
    }

    #[test]
    fn a_refused_option_has_its_place_and_a_remedy() {
        let option = placed(&["--sandbox_network=off"]).remove(0);
        let check =
            refused(&[Refused { option, because: "Unrecognized option".to_owned() }]).remove(0);
        assert_eq!(check.health, Health::Bad);
        assert!(check.found.starts_with(".bazelrc:1: --sandbox_network=off"), "{}", check.found);
        assert!(check.fix.contains("--sandbox_default_allow_network=false"), "{}", check.fix);
    }
}
