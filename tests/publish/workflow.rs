//! `.github/workflows/release.yml`: its rights, its actions, and its steps as far as they run here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use airgap_mirror::yaml::{self, Duplicates, Node};

use crate::output;
use crate::release::{VERSION, binary};
use crate::sandbox::{Sandbox, sha256};

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");
const WORKFLOW: &str = ".github/workflows/release.yml";

/// A program that writes down its arguments.
const GH: &str = "#!/bin/bash\necho \"$*\" >>\"$HOME/gh.log\"\n";

/// `scripts/release`, which builds for half an hour: a file for each platform, and the sums.
const RELEASE: &str = r#"#!/bin/bash
set -e; [[ $1 == --output ]]; mkdir -p "$2"; cd "$2"; shift 2
if [[ $1 == --sums ]]; then shift; else mkdir completions man; echo c >completions/bash; echo m >man/page; fi
for platform; do
    name=wasm-airgap-VERSION-$platform; [[ $platform != windows* ]] || name+=.exe
    echo "$platform" >"$name"
done
rm -f SHA256SUMS
sums=$(find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum); echo "$sums" >SHA256SUMS
"#;

fn workflow() -> (String, Rc<Node>) {
    let text = fs::read_to_string(Path::new(REPOSITORY).join(WORKFLOW)).unwrap();
    let document = yaml::document(&text, WORKFLOW, Duplicates::Refused).unwrap();
    (text, document)
}

/// Returns the script of a step.
fn script(workflow: &Rc<Node>, job: &str, name: &str) -> String {
    let steps = workflow.at(&["jobs", job, "steps"]).unwrap().items();
    let step = steps.iter().find(|step| step.text_of("name") == Some(name)).expect(name);
    step.text_of("run").unwrap().to_owned()
}

/// A checkout in another folder, with the scripts of this one.
struct Checkout {
    sandbox: Sandbox,
}

impl Checkout {
    fn new() -> Checkout {
        let sandbox = Sandbox::new();
        let mut git = Command::new("git");
        git.args(["rev-parse", "--absolute-git-dir"]).current_dir(REPOSITORY);
        sandbox.write("checkout/.git", format!("gitdir: {}", output(&mut git)));
        for name in ["common.sh", "source-archive"] {
            let text = fs::read(Path::new(REPOSITORY).join("scripts").join(name)).unwrap();
            sandbox.write(&format!("checkout/scripts/{name}"), text);
        }
        sandbox.write("checkout/scripts/release", RELEASE.replace("VERSION", VERSION));
        sandbox.write("programs/gh", GH);
        for program in
            ["checkout/scripts/source-archive", "checkout/scripts/release", "programs/gh"]
        {
            output(Command::new("chmod").arg("755").arg(sandbox.path(program)));
        }
        Checkout { sandbox }
    }

    fn path(&self) -> PathBuf {
        self.sandbox.path("checkout")
    }

    /// Runs a script as GitHub does.
    fn run(&self, script: &str, variables: &[(&str, &str)]) -> std::process::Output {
        let file = self.sandbox.write("step.sh", script);
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(file);
        let path = std::env::var("PATH").unwrap();
        let programs = self.sandbox.path("programs");
        command.env("PATH", format!("{}:{path}", programs.display()));
        command.env("HOME", self.sandbox.root()).env("GITHUB_REF_NAME", format!("v{VERSION}"));
        command.envs(variables.iter().copied()).current_dir(self.path()).output().unwrap()
    }

    #[track_caller]
    fn succeeds(&self, script: &str, variables: &[(&str, &str)]) {
        let ended = self.run(script, variables);
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success(), "{script}\n{said}");
    }
}

#[test]
fn the_workflow_has_few_rights_and_pinned_actions() {
    let (text, workflow) = workflow();
    assert!(workflow.get("permissions").unwrap().entries().is_empty());
    let rights = |job: &str| -> Vec<String> {
        let rights = workflow.at(&["jobs", job, "permissions"]).unwrap().entries().iter();
        rights.map(|it| format!("{}: {}", it.key, it.value.text().unwrap())).collect()
    };
    assert_eq!(rights("programs"), ["contents: read"]);
    assert_eq!(rights("release"), ["contents: write", "attestations: write", "id-token: write"]);
    assert_eq!(rights("registry"), ["contents: read"]);
    assert_eq!(text.matches("secrets.").count(), 1);
    assert!(text.contains("publish_token: ${{ secrets.BCR_PUBLISH_TOKEN }}"));

    let uses: Vec<_> = text.lines().filter_map(|line| line.split_once("uses: ")).collect();
    assert_eq!(uses.len(), 6);
    for (_, used) in uses {
        let (commit, version) = used.split_once('@').unwrap().1.split_once(" # v").unwrap();
        assert!(commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{used}");
        assert!(version.chars().all(|c| c.is_ascii_digit() || c == '.'), "{used}");
    }
    for job in workflow.get("jobs").unwrap().entries() {
        for step in job.value.get("steps").map(|it| it.items().to_vec()).unwrap_or_default() {
            // An expression in a script is a way to inject commands.
            assert!(!step.text_of("run").unwrap_or_default().contains("${{"));
            if step.text_of("uses").is_some_and(|it| it.starts_with("actions/checkout@")) {
                let kept = step.at(&["with", "persist-credentials"]).unwrap().text();
                assert_eq!(kept, Some("false"));
            }
        }
    }
}

#[test]
fn the_steps_of_the_workflow_make_a_whole_release() {
    let (_, workflow) = workflow();
    let checkout = Checkout::new();
    let build = script(&workflow, "programs", "Build");
    let matrix = workflow.at(&["jobs", "programs", "strategy", "matrix", "include"]).unwrap();
    let mut platforms = Vec::new();
    for row in matrix.items() {
        let (runner, of) = (row.text_of("runner").unwrap(), row.text_of("platforms").unwrap());
        checkout.succeeds(&build, &[("PLATFORMS", of)]);
        let to = checkout.path().join(format!("built/programs-{runner}"));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(checkout.path().join("programs"), to).unwrap();
        platforms.extend(of.split(' '));
    }
    let merge = script(&workflow, "release", "Put the files of all runners into one folder");
    let archive = script(&workflow, "release", "Make the source archive");
    checkout.succeeds(&merge, &[]);
    // The tag must be that of the version, and the release is left as it was.
    let sums = checkout.sandbox.read("checkout/release/SHA256SUMS");
    assert!(!checkout.run(&archive, &[("GITHUB_REF_NAME", "v99.0.0")]).status.success());
    assert_eq!(checkout.sandbox.read("checkout/release/SHA256SUMS"), sums);
    checkout.succeeds(&archive, &[]);

    let mut expected: Vec<_> = platforms.iter().map(|it| binary(it)).collect();
    expected.push(format!("rules_wasm_airgap-v{VERSION}.tar.gz"));
    expected.push(format!("wasm-airgap-{VERSION}-completions-and-man-pages.tar.gz"));
    expected.sort();
    let sums = checkout.sandbox.read("checkout/release/SHA256SUMS");
    let listed: Vec<_> = sums.lines().map(|line| line.split_once("  ").unwrap()).collect();
    assert_eq!(listed.iter().map(|it| it.1).collect::<Vec<_>>(), expected);
    for (sum, name) in listed {
        let bytes = fs::read(checkout.path().join("release").join(name)).unwrap();
        assert_eq!(sha256(&bytes), sum, "{name}");
    }

    checkout.succeeds(
        &script(&workflow, "release", "Create the release"),
        &[("GITHUB_REPOSITORY", "owner/repository")],
    );
    let log = checkout.sandbox.read("gh.log");
    let commands: Vec<_> = log.lines().collect();
    let [create, upload, publish] = commands[..] else { panic!("{log}") };
    assert!(
        create.starts_with(&format!("release create v{VERSION} --draft --verify-tag")),
        "{log}"
    );
    for name in expected.iter().map(String::as_str).chain(["SHA256SUMS"]) {
        assert!(upload.contains(&format!("release/{name}")), "{log}");
    }
    assert_eq!(publish, format!("release edit v{VERSION} --draft=false"));
    let notes = checkout.sandbox.read("checkout/notes.md");
    assert!(notes.contains(&format!("version = \"{VERSION}\"")), "{notes}");
}

#[test]
fn runners_that_disagree_about_a_file_are_refused() {
    let (_, workflow) = workflow();
    let checkout = Checkout::new();
    for (runner, text) in [("one", "a"), ("other", "b")] {
        let folder = format!("checkout/built/programs-{runner}");
        checkout.sandbox.write(&format!("{folder}/completions"), text);
        let line = format!("{}  completions\n", sha256(text.as_bytes()));
        checkout.sandbox.write(&format!("{folder}/SHA256SUMS"), line);
    }
    let merge = script(&workflow, "release", "Put the files of all runners into one folder");
    let ended = checkout.run(&merge, &[]);
    let printed = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(!ended.status.success() && printed.contains("completions: FAILED"), "{printed}");
}

/// The address of the source archive is where the release has it.
#[test]
fn the_registry_is_given_the_address_of_the_release() {
    let source = fs::read_to_string(Path::new(REPOSITORY).join(".bcr/source.template.json"));
    let source: serde_json::Value = serde_json::from_str(&source.unwrap()).unwrap();
    let filled = |key: &str| {
        let text = source[key].as_str().unwrap();
        let text = text.replace("{OWNER}", "rules-wasm-airgap").replace("{VERSION}", VERSION);
        text.replace("{REPO}", "rules_wasm_airgap").replace("{TAG}", &format!("v{VERSION}"))
    };
    let repository = env!("CARGO_PKG_REPOSITORY");
    let name = format!("rules_wasm_airgap-v{VERSION}.tar.gz");
    assert_eq!(filled("url"), format!("{repository}/releases/download/v{VERSION}/{name}"));
    assert_eq!(filled("strip_prefix"), format!("rules_wasm_airgap-{VERSION}"));
}
