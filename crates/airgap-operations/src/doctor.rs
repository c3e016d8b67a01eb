//! A diagnosis: the artifacts that an offline build of a workspace would miss, before it is tried.
//!
//! ```text
//! .bazelrc --options--> bazel query --requests, rules--> artifacts, each hashed
//!                       bazel build --nobuild           other repositories that cannot be fetched
//! mirror.yaml, mirror.lock, image layouts               images, each blob hashed
//! ```
//!
//! Bazel runs without a network and in an output root of its own: a query that needs something
//! which is not on this machine fails here as it would in the build.

mod artifacts;
mod bazel;
mod images;
mod isolation;
mod item;
mod lock;
mod machine;
mod module_lock;
mod options;
mod rc;
mod rehearsal;
mod rules;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use airgap_config::policy::Policy;
use airgap_core::environment::Environment;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::read;
use airgap_core::report::Report;
use airgap_core::rooted::RootedPath;
use airgap_core::shell;
use airgap_core::verify::Unverified;
use airgap_vendor::request::{Platforms, Request};

use artifacts::Search;
use bazel::{Answer, Bazel};
use images::Images;
pub use images::NamedLayout;
pub use item::{Item, Status};
pub use machine::{Check, Health};
use module_lock::Found;
use rc::{Rc, values};

use crate::asked::{self, QueryResult};

/// The words and names of the Starlark rules by which their failures are recognized: a repository
/// rule can hand over nothing but a message. A test compares them with the rules.
const WRONG_HELPER: &str = "the bytes of the helper are not the pinned ones";
const NOT_THERE: &str = ": not there";
const HELPER_REPOSITORY: &str = "wasm_airgap_helper";
const EXTENSIONS: [&str; 4] = ["wasm_toolchains", "wit_packages", "wasm_components", "wasm_helper"];

/// A workspace, and the build that is examined.
pub struct Examination<'a> {
    /// The workspace root.
    pub root: &'a Path,
    /// The targets of the build.
    pub targets: &'a [String],
    /// The `--config`s of the build.
    pub configs: &'a [String],
    /// The platforms of the tools.
    pub platforms: &'a Platforms,
    /// The program, instead of the `bazel` on PATH.
    pub bazel: Option<&'a Path>,
    /// The image layouts that should have the images of `mirror.yaml`.
    pub layouts: &'a [NamedLayout],
    /// The label of `//tools/vendor:vendor_all`, as the workspace writes it.
    pub vendor_all: &'a str,
    /// The environment.
    pub environment: &'a Environment,
    /// The output, for a message that Bazel is being waited for.
    pub report: &'a Report,
}

/// The result of an examination.
#[derive(Debug, Default, Serialize)]
pub struct Diagnosis {
    /// The artifacts.
    pub items: Vec<Item>,
    /// The missing artifacts in MODULE.bazel that the build did not ask for: it does not need them,
    /// or it failed before it needed them. Without a layout, also the images of `mirror.yaml` that
    /// have a digest.
    pub not_asked_for: Vec<Item>,
    /// The machine.
    pub machine: Vec<Check>,
    /// The checks that could not be made, each with the reason.
    pub not_looked_at: Vec<Unseen>,
    /// True if the images decide whether the diagnosis is fine: if a layout was named. A build
    /// pulls no image.
    #[serde(skip)]
    images_count: bool,
}

/// A check that could not be made.
#[derive(Debug, Serialize)]
pub struct Unseen {
    /// The subject of the check.
    pub what: String,
    /// The reason.
    pub because: String,
}

impl Examination<'_> {
    /// Examines the workspace. Opens no socket, and changes nothing in the workspace.
    ///
    /// # Errors
    /// Usage, if a setting cannot be read; failed, if files cannot be written.
    pub fn run(&self) -> Result<Diagnosis> {
        let mut diagnosis = self.examine_build()?;
        diagnosis.add_images(Images::examine(self.root, self.layouts, self.environment));
        Ok(diagnosis)
    }

    fn examine_build(&self) -> Result<Diagnosis> {
        let mut diagnosis = Diagnosis::default();
        let rc = Rc::read(self.root, self.environment)?;
        let undefined = self.configs.iter().filter(|config| !rc.defines(config));
        let undefined: Vec<_> = undefined.cloned().collect();
        diagnosis.machine.extend(machine::undefined(&undefined));
        let options = rc.options(&["common", "always", "build"], self.configs);
        diagnosis.machine.extend(machine::settings(&options));
        diagnosis.machine.extend(machine::ineffective(&options));
        diagnosis.machine.extend(machine::only_run(&options, &rc.options(&["run"], self.configs)));
        let startup = rc.options(&["startup"], self.configs);
        let environment = self.environment.clone().with_overrides(repo_env(&options));
        let policy =
            Policy::from_environment(&environment, self.root)?.or_offline("--offline", true);
        diagnosis.machine.extend(machine::folders(&policy, &std::env::temp_dir()));
        diagnosis.machine.extend(machine::output_roots(&startup, self.root, self.environment));
        diagnosis.machine.extend(machine::named_folders(&options, self.root));
        diagnosis.machine.push(machine::credentials(&environment, &policy));
        let Some(program) = self.program() else {
            diagnosis.unseen(OF_BAZEL, "there is no `bazel` on PATH");
            return Ok(diagnosis);
        };
        diagnosis.machine.extend(machine::bazelisk(&program, self.root, self.environment));
        match Bazel::new(program, self.root, self.environment, self.report) {
            Ok(mut bazel) => {
                let asked = self.ask(&mut bazel, options, &environment, &policy, &mut diagnosis);
                bazel.finish();
                diagnosis.add_failure(asked)?;
            }
            Err(error) => diagnosis.unseen(OF_BAZEL, &error.one_line()),
        }
        Ok(diagnosis)
    }

    /// Returns the Bazel of this workspace.
    fn program(&self) -> Option<PathBuf> {
        let named = self.bazel.map(Path::to_owned);
        named.or_else(|| ["bazel", "bazelisk"].iter().find_map(|it| self.environment.program(it)))
    }

    fn ask(
        &self,
        bazel: &mut Bazel<'_>,
        options: Vec<rc::Placed>,
        environment: &Environment,
        policy: &Policy,
        diagnosis: &mut Diagnosis,
    ) -> Result<()> {
        let (options, refused) = options::checked(bazel, options)?;
        diagnosis.machine.extend(machine::refused(&refused));
        bazel.set_options(options.iter().map(|it| it.word.clone()).collect());
        let answer = bazel.query(&["--output=streamed_jsonproto", &self.question()])?;
        diagnosis.machine.push(machine::sandbox(&bazel.install_base(), &options));
        let folders = |name: &str| values(&options, name).into_iter().map(|it| self.root.join(it));
        let distdirs: Vec<_> = folders("--distdir").collect();
        let repository_cache = folders("--repository_cache").next_back();
        let vendor_all = self.vendor_command(policy);
        let search = Search {
            policy,
            environment,
            platforms: self.platforms,
            distdirs: &distdirs,
            repository_cache: repository_cache.as_deref(),
            scratch: bazel.scratch(),
            vendor_all: &vendor_all,
        };
        let answered = asked::parse(&answer.stdout)?;
        diagnosis.add_answer(&answered, &answer, &search, self)?;
        let vendor_dir = folders("--vendor_dir").next_back();
        let places = module_lock::Places {
            root: self.root,
            distdirs: &distdirs,
            repository_cache: repository_cache.as_deref(),
            vendor_dir: vendor_dir.as_deref(),
            fix: &self.fetch_command(repository_cache.as_deref()),
        };
        let is_off = options.iter().any(|it| it.word == "--lockfile_mode=off");
        let lock = if is_off { Found::default() } else { module_lock::examine(&places) };
        diagnosis.add_lock(lock.items, &lock.unseen);
        artifacts::without_repetitions(&mut diagnosis.items);
        let rehearsed = bazel.rehearse(self.targets)?;
        diagnosis.judge(&rehearsed, self);
        if rehearsed.code != Some(0) {
            diagnosis.add_lock(Vec::new(), &lock.unhashed);
        }
        Ok(())
    }

    /// Returns the query for the requests of the extensions, the helper, and the rules that need an
    /// artifact when they run.
    fn question(&self) -> String {
        let Examination { vendor_all, .. } = self;
        let asked = asked::question(vendor_all, self.targets);
        format!("{asked} + labels(srcs, labels(helper, {vendor_all}))")
    }

    /// Returns the command that fills the repository cache, or a vendor folder if there is none.
    fn fetch_command(&self, cache: Option<&Path>) -> String {
        let targets = shell::words(self.targets);
        let below_root = |cache: &Path| cache.strip_prefix(self.root).unwrap_or(cache).to_owned();
        match cache.map(|cache| shell::path(&below_root(cache))) {
            Some(cache) => format!("bazel fetch --force --repository_cache={cache} {targets}"),
            None => format!("bazel vendor --vendor_dir=bazel_vendor {targets}"),
        }
    }

    /// Returns the command that vendors everything.
    fn vendor_command(&self, policy: &Policy) -> String {
        let dir = policy.vendor_dir().map(|dir| dir.strip_prefix(self.root).unwrap_or(dir));
        let root = dir.map(|dir| match dir.ends_with("toolchains") {
            true => dir.parent().unwrap_or(dir),
            false => dir,
        });
        let dir = shell::path(root.unwrap_or(Path::new("vendor")));
        format!("bazel run {} -- --output-dir {dir}", self.vendor_all)
    }
}

/// The subject of the checks that need a Bazel.
const OF_BAZEL: &str = "everything that Bazel knows";

impl Diagnosis {
    /// Returns whether an offline build would work, as far as the checks can tell.
    pub fn is_fine(&self) -> bool {
        self.failure().is_none()
    }

    /// Returns the failure: integrity, if something is wrong; unavailable, if something is missing
    /// or could not be checked.
    pub fn failure(&self) -> Option<Error> {
        let counts = |item: &&Item| item.kind != images::KIND || self.images_count;
        let items = || self.items.iter().filter(counts);
        let wrong = items().filter(|item| item.status == Status::Wrong).count();
        let missing = items().filter(|item| is_absent(item)).count();
        let of_images = |item: &&Item| item.kind == images::KIND && item.status != Status::Ok;
        let images = items().filter(of_images).count();
        let bad = self.machine.iter().filter(|check| check.health == Health::Bad).count();
        let unseen = self.not_looked_at.len();
        if wrong + missing + bad + unseen == 0 {
            return None;
        }
        let kind = if wrong > 0 { ErrorKind::Integrity } else { ErrorKind::Unavailable };
        let statement = match (wrong + missing + bad - images, images) {
            (0, 0) => "it is unknown whether an offline build would work here",
            (0, _) => "the layouts do not have every image of `mirror.yaml` with its pinned digest",
            _ => "an offline build would not work here",
        };
        let error = Error::new(kind, statement);
        let facts =
            [("wrong", wrong), ("missing", missing), ("settings", bad), ("not checked", unseen)];
        let facts = facts.into_iter().filter(|(_, count)| *count > 0);
        Some(facts.fold(error, |error, (label, count)| error.fact(label, count)))
    }

    fn unseen(&mut self, what: &str, because: &str) {
        self.not_looked_at.push(Unseen { what: what.to_owned(), because: because.to_owned() });
    }

    /// Adds the items of MODULE.bazel.lock, and the parts of it that could not be checked.
    fn add_lock(&mut self, items: Vec<Item>, unseen: &[(String, String)]) {
        self.items.extend(items);
        unseen.iter().for_each(|(what, because)| self.unseen(what, because));
    }

    /// Adds the images of `mirror.yaml`.
    fn add_images(&mut self, images: Images) {
        self.images_count = images.are_asked_for;
        self.items.extend(images.items);
        self.not_asked_for.extend(images.not_asked_for);
        images.unseen.iter().for_each(|(what, because)| self.unseen(what, because));
    }

    /// Keeps the findings so far if Bazel could not answer, as after its time limit. A diagnosis
    /// with such a failure is not fine.
    ///
    /// # Errors
    /// Usage, which the user has to mend first.
    fn add_failure(&mut self, asked: Result<()>) -> Result<()> {
        match asked {
            Err(error) if error.kind() == ErrorKind::Usage => Err(error),
            Err(error) => {
                self.unseen(OF_BAZEL, &error.one_line());
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Adds the items for the targets and requests that `bazel query` found.
    fn add_answer(
        &mut self,
        answered: &QueryResult,
        answer: &Answer,
        search: &Search<'_>,
        examination: &Examination<'_>,
    ) -> Result<()> {
        let named = |name: &'static str| {
            answered.files.iter().filter(move |file| file.file_name().is_some_and(|it| it == name))
        };
        let mut requests = 0;
        for file in named("request.json") {
            let text = read::text(file, read::LIMIT)?;
            self.items.extend(search.items(&Request::parse(&text, &file.display().to_string())?)?);
            requests += 1;
        }
        if requests == 0 {
            let because = because(&answer.stderr);
            self.unseen("the tools, WIT packages and components of MODULE.bazel", &because);
        }
        for rule in answered.rules.iter().filter(|rule| rule.is_component()) {
            self.items.extend(rule.component(search, examination.root)?);
        }
        for rule in &answered.rules {
            self.items.extend(rule.lock(search, examination.root)?);
        }
        for file in ["wasm-airgap", "wasm-airgap.exe"].into_iter().flat_map(named) {
            self.items.push(helper(file)?);
        }
        self.drop_doubled_locks();
        Ok(())
    }

    /// Drops packages of locks that are missing for the build too, so that each is named once.
    fn drop_doubled_locks(&mut self) {
        let built = self.items.iter().filter(|item| item.kind == "wit");
        let built: BTreeSet<_> = built.map(|item| (item.subject.clone(), item.status)).collect();
        let is_doubled = |item: &Item| built.contains(&(item.subject.clone(), item.status));
        self.items.retain(|item| item.kind != "lock" || !is_doubled(item));
    }

    /// Compares the items with the repositories that Bazel could not fetch.
    fn judge(&mut self, rehearsed: &Answer, examination: &Examination<'_>) {
        let targets = shell::words(examination.targets);
        if rehearsed.code == Some(0) {
            // The build needs none of these.
            let missing = |item: &Item| is_request(item) && is_absent(item);
            self.not_asked_for = self.items.extract_if(.., |item| missing(item)).collect();
            return;
        }
        let said = Said::new(&rehearsed.stderr);
        let is_named = |item: &Item| said.names(item);
        let explained = self.items.iter().any(|item| item.status != Status::Ok && is_named(item));
        if explained {
            let unnamed = |item: &Item| is_request(item) && is_absent(item) && !is_named(item);
            self.not_asked_for = self.items.extract_if(.., |item| unnamed(item)).collect();
        }
        let others = self.others(rehearsed, examination);
        let has_others = !others.is_empty();
        self.items.extend(others);
        if !explained && !has_others {
            let why = because(&rehearsed.stderr);
            let fix = format!(
                "bazel build --nobuild {targets}, where there is a network, shows the rest"
            );
            self.items.push(Item::missing("analysis", &targets, targets.clone(), why, fix));
        }
    }

    /// Returns an item for each repository of other rules that could not be fetched, and for the
    /// helper.
    fn others(&self, rehearsed: &Answer, examination: &Examination<'_>) -> Vec<Item> {
        let failed = rehearsal::failed_repositories(&rehearsed.stderr);
        let helper_failed = failed.iter().any(|name| name.contains(HELPER_REPOSITORY));
        let mut items = Vec::new();
        if helper_failed {
            items.push(missing_helper(&rehearsed.stderr, examination));
        }
        // The archive of a repository is named itself.
        let absent = self.items.iter().filter(|item| is_of_lock(item) && item.status != Status::Ok);
        let absent: BTreeSet<_> = absent.map(url_of).collect();
        let targets = shell::words(examination.targets);
        for name in failed.iter().filter(|name| !is_ours(name)) {
            let why = because_of(&rehearsed.stderr, name);
            if rehearsal::words(&why).any(|word| absent.contains(word)) {
                continue;
            }
            let fix = format!(
                "bazel vendor --vendor_dir=bazel_vendor {targets}, where there is a network, and \
                 build with the same --vendor_dir"
            );
            items.push(Item::missing("repository", name, format!("@@{name}"), why, fix));
        }
        items
    }
}

/// The words of an output of Bazel. Thousands of files of a lock are searched in it.
struct Said<'a> {
    text: &'a str,
    words: BTreeSet<&'a str>,
}

impl Said<'_> {
    fn new(text: &str) -> Said<'_> {
        Said { text, words: rehearsal::words(text).collect() }
    }

    fn names(&self, item: &Item) -> bool {
        match is_of_lock(item) {
            true => self.words.contains(url_of(item)),
            false => rehearsal::names(self.text, &item.subject),
        }
    }
}

/// Returns the URL of a file of the lock, as it is in a message of Bazel.
fn url_of(item: &Item) -> &str {
    rehearsal::words(&item.subject).next().unwrap_or_default()
}

/// Returns whether an item comes from a request in MODULE.bazel or from its lock, which may ask for
/// more than a build needs.
fn is_request(item: &Item) -> bool {
    let in_module = matches!(item.kind, "tool" | "wit" | "component") && !item.id.contains("//");
    in_module || is_of_lock(item)
}

fn is_of_lock(item: &Item) -> bool {
    matches!(item.kind, "archive" | "registry" | "git")
}

fn is_absent(item: &Item) -> bool {
    matches!(item.status, Status::Missing | Status::Unpinned | Status::Network)
}

/// Returns whether a repository, by its canonical name, belongs to this module's extensions: it
/// fails because of an item that is listed itself.
fn is_ours(name: &str) -> bool {
    EXTENSIONS.iter().any(|extension| name.contains(extension)) || name.contains("wasm_airgap")
}

/// Returns the variables that `--repo_env` sets in repository rules.
fn repo_env(options: &[rc::Placed]) -> Vec<(String, String)> {
    let pairs = values(options, "--repo_env").into_iter();
    pairs
        .filter_map(|it| it.split_once('='))
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// Returns the item of the helper that Bazel has, which its rule verified if it is pinned.
fn helper(file: &Path) -> Result<Item> {
    let found = Unverified::open_rooted(&RootedPath::from_trusted(file), "the helper")?
        .accept_unpinned()?;
    let place = format!("{}: sha256:{}", file.display(), found.digest());
    Ok(Item::ok("helper", "wasm-airgap", "the helper wasm-airgap".to_owned(), place))
}

fn missing_helper(stderr: &str, examination: &Examination<'_>) -> Item {
    let vendor = examination.vendor_all.replace("vendor_all", "helper");
    let fix = format!("bazel run {vendor} -- --output-dir vendor/toolchains");
    let why = because_of(stderr, "helper");
    let subject = "the helper wasm-airgap".to_owned();
    let mut item = Item::missing("helper", "wasm-airgap", subject, why, fix);
    if stderr.contains(WRONG_HELPER) {
        item.status = Status::Wrong;
    }
    let looked = stderr.lines().filter(|line| line.trim_end().ends_with(NOT_THERE));
    item.looked_in = looked.map(|line| line.trim().to_owned()).take(12).collect();
    item.looked_in.dedup();
    item
}

/// Returns the errors in Bazel's output as one text.
fn because(stderr: &str) -> String {
    let errors = rehearsal::errors(stderr);
    match errors.is_empty() {
        true => stderr.lines().last().unwrap_or("Bazel failed without a message").to_owned(),
        false => errors.join("\n"),
    }
}

/// Returns the first error that names something.
fn because_of(stderr: &str, name: &str) -> String {
    let errors = rehearsal::errors(stderr);
    let own = errors.iter().find(|line| line.contains(name));
    own.or(errors.first()).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests;
