//! The pipelines of the manual: each step of `docs/ci` runs in order, in a copy of an example. Only the
//! services of GitHub and GitLab are emulated: checkout, cache and artifacts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use airgap_mirror::yaml::{self, Duplicates, Node};

use crate::bundle::add_module;
use crate::sandbox::sha256;
use crate::workspace::{HELPER, Mirror, REPOSITORY, Workspace, output};

const GITHUB: &str = "docs/ci/github-actions.yml";
const GITLAB: &str = "docs/ci/gitlab-ci.yml";

/// The only condition: nothing is vendored again if the cache had it.
const ON_A_MISS: &str = "steps.airgap.outputs.cache-hit != 'true'";

/// A Bazel without a server that stays, with an output root of the test. Debian's Bazel needs the rc
/// file of the system, which `prove` switches off.
const BAZEL: &str = r#"#!/bin/bash
words=()
for word; do [[ $word == --nosystem_rc ]] || words+=("$word"); done
exec /usr/bin/bazel --batch --nohome_rc --output_user_root=ROOT "${words[@]}"
"#;

/// A cargo that installs the program of this test run, if it is asked for this version of it.
const CARGO: &str = r#"#!/bin/bash
expected="install --locked --git https://github.com/rules-wasm-airgap/rules_wasm_airgap --tag vVERSION --root .airgap wasm-airgap"
[[ $* == "$expected" ]] || { echo "cargo $*: expected $expected" >&2; exit 1; }
mkdir -p .airgap/bin && cp HELPER .airgap/bin/wasm-airgap
"#;

/// Adds a library that uses a WIT package, which a checksum registry of the workspace pins.
fn add_wit(workspace: &Workspace, mirror: &Mirror) {
    mirror
        .folder
        .write("clock-1.0.0/wit/clock.wit", "package my:clock@1.0.0;\ninterface clock {}\n");
    let archive = mirror.folder.path("served/wit/my-clock-1.0.0/v1.0.0.tar.gz");
    fs::create_dir_all(archive.parent().unwrap()).unwrap();
    let mut tar = Command::new("tar");
    tar.current_dir(mirror.folder.root()).arg("-czf").arg(&archive).arg("clock-1.0.0");
    output(&mut tar);
    let sha256 = sha256(&fs::read(archive).unwrap());
    let asset = serde_json::json!({
        "url": "https://upstream.invalid/v1.0.0.tar.gz", "sha256": sha256, "archive": "tar.gz",
        "strip_prefix": "clock-1.0.0",
    });
    let versions = serde_json::json!({"1.0.0": {"archive": asset}});
    let pins =
        serde_json::json!({"schema_version": 1, "package": "my:clock", "versions": versions});
    workspace.sandbox.write("ws/clock.json", pins.to_string());
    workspace.add_to_module(
        "wit = use_extension(\"@rules_wasm_airgap//bazel:wit.bzl\", \"wit_packages\")\n\
         wit.registry(file = \"//:clock.json\")\nwit.vendor(packages = [\"my:clock@1.0.0\"])\n\
         use_repo(wit, \"wasi_wit\")\n",
    );
    let user = "package my:user;\nworld user { import my:clock/clock@1.0.0; }\n";
    workspace.sandbox.write("ws/user/user.wit", user);
    let rule = "load(\"@rules_wasm_airgap//wit:defs.bzl\", \"wit_library\")\n\
                wit_library(name = \"user\", srcs = [\"user.wit\"], \
                deps = [\"@wasi_wit//:my-clock-1.0.0\"])\n";
    workspace.sandbox.write("ws/user/BUILD.bazel", rule);
}

/// A machine of a CI service, with the state that outlives a job.
struct Machine {
    workspace: Workspace,
    /// The address of the mirror for jobs that have a network.
    mirror: String,
    /// The variables of the pipeline.
    variables: Vec<(String, String)>,
    /// Saved folders by key.
    saved: BTreeMap<String, PathBuf>,
}

impl Machine {
    /// Creates a workspace that needs a tool, a WIT package, and a module: only the mirror has their
    /// archives.
    fn new(mirror: &Mirror) -> Machine {
        let workspace = Workspace::from_example("offline_toolchains", mirror);
        for (path, text) in add_module(&workspace, mirror) {
            workspace.sandbox.write(&format!("ws/registry/{path}"), text);
        }
        add_wit(&workspace, mirror);
        let rc = workspace.sandbox.read("ws/.bazelrc").replace("=vendor/toolchains", "=vendor");
        let registry = "common --registry=file://%workspace%/registry\n";
        workspace.sandbox.write("ws/.bazelrc", rc + registry);
        let root = workspace.sandbox.path("output0").display().to_string();
        let cargo = CARGO.replace("HELPER", HELPER).replace("VERSION", env!("CARGO_PKG_VERSION"));
        for (name, script) in [("bazel", BAZEL.replace("ROOT", &root)), ("cargo", cargo)] {
            let program = workspace.sandbox.write(&format!("programs/{name}"), script);
            output(Command::new("chmod").arg("755").arg(program));
        }
        let mirror = mirror.server.url();
        Machine { workspace, mirror, variables: Vec::new(), saved: BTreeMap::new() }
    }

    /// Gives the workspace the state of a fresh checkout.
    fn check_out(&self) {
        for made in [".airgap", "vendor"] {
            let _ = fs::remove_dir_all(self.workspace.path(made));
        }
    }

    /// Runs a script as the services do: the first command that fails ends it.
    fn run(&self, script: &str, has_network: bool) -> String {
        let file = self.workspace.sandbox.write("step.sh", script);
        let without = format!("{REPOSITORY}/scripts/without-network");
        let bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail"];
        let words = match has_network {
            true => bash.to_vec(),
            false => [&[without.as_str()], &bash[..]].concat(),
        };
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(file).current_dir(self.workspace.path("")).env_clear();
        let programs = self.workspace.sandbox.path("programs");
        command.env("PATH", format!("{}:/usr/bin:/usr/sbin:/bin:/sbin", programs.display()));
        command.env("HOME", self.workspace.sandbox.path("home")).envs(self.variables.clone());
        if has_network {
            command.env("BAZEL_WASM_MIRROR", &self.mirror);
        }
        let ended = command.output().unwrap();
        let printed = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
        assert!(ended.status.success(), "{script}\n{printed}");
        printed
    }

    fn save(&mut self, key: &str) {
        let to = self.workspace.sandbox.path(&format!("saved{}", self.saved.len()));
        output(Command::new("cp").arg("-a").arg(self.workspace.path(".airgap")).arg(&to));
        self.saved.insert(key.to_owned(), to);
    }

    fn restore(&self, key: &str) -> bool {
        let Some(from) = self.saved.get(key) else { return false };
        output(Command::new("cp").arg("-a").arg(from).arg(self.workspace.path(".airgap")));
        true
    }

    /// Replaces the expressions of GitHub.
    fn evaluated(&self, text: &str) -> String {
        let mut parts = text.split("${{ ");
        let mut evaluated = parts.next().unwrap().to_owned();
        for part in parts {
            let (expression, rest) = part.split_once(" }}").unwrap();
            evaluated += &match expression {
                "runner.os" => "Linux".to_owned(),
                "runner.arch" => "X64".to_owned(),
                "github.workspace" => self.workspace.path("").display().to_string(),
                _ => self.hashed(expression),
            };
            evaluated += rest;
        }
        evaluated.replace("/ws//", "/ws/")
    }

    /// Returns the value of `hashFiles`: of the named files, those that are there.
    fn hashed(&self, expression: &str) -> String {
        let names = expression.strip_prefix("hashFiles(").and_then(|it| it.strip_suffix(')'));
        let names: Vec<_> = names.unwrap().split(", ").map(|it| it.trim_matches('\'')).collect();
        for pins in ["MODULE.bazel", "MODULE.bazel.lock", "wit.lock", ".bazelversion"] {
            assert!(names.contains(&pins), "{pins} is not in the key");
        }
        let files =
            names.iter().map(|name| fs::read(self.workspace.path(name)).unwrap_or_default());
        sha256(&files.collect::<Vec<_>>().concat())
    }

    /// Runs the steps of a job of GitHub, and returns what the last one printed.
    fn github_job(&mut self, job: &Node, has_network: bool) -> String {
        let (mut printed, mut to_save, mut hit) = (String::new(), None, false);
        for step in job.get("steps").unwrap().items() {
            if let Some(uses) = step.text_of("uses") {
                let with = step.get("with").unwrap();
                let key = with.text_of("key").map(|key| self.evaluated(key)).unwrap_or_default();
                match uses.split('@').next().unwrap() {
                    "actions/checkout" => self.check_out(),
                    "actions/cache" => {
                        hit = self.restore(&key);
                        to_save = Some(key).filter(|_| !hit);
                    }
                    "actions/cache/restore" => {
                        assert!(with.get("fail-on-cache-miss").unwrap().is_true());
                        assert!(self.restore(&key), "nothing is saved as {key}");
                    }
                    other => panic!("{other} is not emulated"),
                }
                continue;
            }
            match step.text_of("if") {
                Some(ON_A_MISS) if hit => continue,
                Some(ON_A_MISS) | None => {}
                Some(other) => panic!("{other}"),
            }
            printed = self.run(step.text_of("run").unwrap(), has_network);
        }
        if let Some(key) = to_save {
            self.save(&key);
        }
        printed
    }

    /// Runs the script of a job of GitLab, and returns what it printed.
    fn gitlab_job(&mut self, job: &Node, has_network: bool) -> String {
        self.check_out();
        self.restore("artifacts");
        let lines = job.get("script").unwrap().items().iter();
        let script = lines.map(|line| line.text().unwrap()).collect::<Vec<_>>().join("\n");
        let printed = self.run(&script, has_network);
        if job.get("artifacts").is_some() {
            self.save("artifacts");
        }
        printed
    }

    /// Checks the outputs of the offline job.
    #[track_caller]
    fn has_built(&self, printed: &str) {
        assert!(printed.contains("proven: the command used no network"), "{printed}");
        assert!(printed.contains("of the given one"), "{printed}");
        let interface = self.workspace.sandbox.read("ws/bazel-bin/adder.interface.wit");
        assert!(interface.contains("export add:"), "{interface}");
        for built in ["module/module.txt", "user/user_wit/deps/my-clock-1.0.0"] {
            assert!(self.workspace.path("bazel-bin").join(built).exists(), "{built}");
        }
    }
}

fn read(file: &str) -> (String, Rc<Node>) {
    let text = fs::read_to_string(Path::new(REPOSITORY).join(file)).unwrap();
    let document = yaml::document(&text, file, Duplicates::Refused).unwrap();
    (text, document)
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn each_step_of_both_pipelines_runs_and_the_build_is_proven() {
    let mirror = Mirror::new();
    let mut machine = Machine::new(&mirror);
    let (_, github) = read(GITHUB);
    let helper = github.at(&["env", "BAZEL_WASM_HELPER"]).unwrap().text().unwrap();
    machine.variables = vec![("BAZEL_WASM_HELPER".to_owned(), machine.evaluated(helper))];
    let jobs = github.get("jobs").unwrap();
    machine.github_job(jobs.get("vendor").unwrap(), true);
    let asked = mirror.server.requests().len();
    let (vendor, offline) = (jobs.get("vendor").unwrap(), jobs.get("offline").unwrap());
    let printed = machine.github_job(offline, false);
    machine.has_built(&printed);
    // With the cache, nothing is vendored.
    assert_eq!(machine.github_job(vendor, true), "");

    let (_, gitlab) = read(GITLAB);
    let root = machine.workspace.path("");
    let project = root.display().to_string().trim_end_matches('/').to_owned();
    let helper = gitlab.at(&["variables", "BAZEL_WASM_HELPER"]).unwrap().text().unwrap();
    let helper = helper.replace("$CI_PROJECT_DIR", &project);
    machine.variables = vec![("BAZEL_WASM_HELPER".to_owned(), helper)];
    assert_eq!(mirror.server.requests().len(), asked);
    machine.gitlab_job(gitlab.get("vendor").unwrap(), true);
    assert!(mirror.server.requests().len() > asked);
    let printed = machine.gitlab_job(gitlab.get("offline").unwrap(), false);
    machine.has_built(&printed);
    // With the cache, the script of the first job does nothing.
    assert_eq!(machine.gitlab_job(gitlab.get("vendor").unwrap(), true), "");
}

#[test]
fn the_workflow_of_github_has_few_rights_and_pinned_actions() {
    let (text, workflow) = read(GITHUB);
    let rights = workflow.get("permissions").unwrap().entries();
    assert_eq!(rights.len(), 1);
    assert_eq!(workflow.at(&["permissions", "contents"]).unwrap().text(), Some("read"));
    for word in ["secrets.", "pull_request_target", "write-all", ": write"] {
        assert!(!text.contains(word), "{word}");
    }
    let jobs = workflow.get("jobs").unwrap();
    let (mut used, mut keys) = (0, Vec::new());
    for job in jobs.entries() {
        let job = &job.value;
        assert!(job.get("permissions").is_none() && job.get("timeout-minutes").is_some());
        for step in job.get("steps").unwrap().items() {
            // An expression in a script is a way to inject commands.
            assert!(!step.text_of("run").unwrap_or_default().contains("${{"));
            let Some(uses) = step.text_of("uses") else { continue };
            let (action, commit) = uses.split_once('@').unwrap();
            assert!(commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{uses}");
            assert!(text.contains(&format!("uses: {uses} # v")), "{uses} has no version beside it");
            let with = step.get("with").unwrap();
            match action {
                "actions/checkout" => {
                    assert_eq!(with.text_of("persist-credentials"), Some("false"))
                }
                _ => keys.push((with.text_of("path").unwrap(), with.text_of("key").unwrap())),
            }
            used += 1;
        }
    }
    assert_eq!(used, 4);
    assert!(keys[0] == keys[1] && keys[0].0.lines().any(|path| path == ".airgap"), "{keys:?}");
    assert_eq!(jobs.at(&["offline", "needs"]).unwrap().text(), Some("vendor"));
}

#[test]
fn the_pipeline_of_gitlab_caches_by_what_pins_and_passes_it_on() {
    let (_, pipeline) = read(GITLAB);
    let texts = |path: &[&str]| -> Vec<String> {
        let items = pipeline.at(path).unwrap().items().iter();
        items.map(|item| item.text().unwrap().to_owned()).collect()
    };
    assert_eq!(texts(&["vendor", "cache", "key", "files"]), ["MODULE.bazel", "MODULE.bazel.lock"]);
    assert_eq!(texts(&["vendor", "cache", "paths"]), [".airgap"]);
    assert_eq!(texts(&["vendor", "artifacts", "paths"]), [".airgap"]);
    assert_eq!(texts(&["offline", "needs"]), ["vendor"]);
    assert!(pipeline.at(&["offline", "cache"]).is_none());
    let stages = texts(&["stages"]);
    for job in ["vendor", "offline"] {
        assert!(
            stages.iter().any(|it| it == pipeline.at(&[job, "stage"]).unwrap().text().unwrap())
        );
    }
    // The scripts of both services do the same.
    let (_, github) = read(GITHUB);
    let mut commands = Vec::new();
    for job in github.get("jobs").unwrap().entries() {
        for step in job.value.get("steps").unwrap().items() {
            commands.extend(step.text_of("run").map(str::to_owned));
        }
    }
    let joined = |texts: &[String]| {
        let lines = texts.join("\n").replace("\\\n", " ");
        let lines = lines.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        let programs = ["cargo ", "bazel ", ".airgap/bin/"];
        lines.filter(|line| programs.iter().any(|it| line.starts_with(it))).collect::<Vec<_>>()
    };
    let scripts = [texts(&["vendor", "script"]), texts(&["offline", "script"])].concat();
    assert_eq!(joined(&commands), joined(&scripts));
    assert_eq!(joined(&scripts).len(), 8);
}
