//! Components in a real registry, pushed by oras; oras, crane and skopeo pull the same content.
//!
//! These need the programs; `scripts/test` provides them and runs these tests.

use std::path::Path;
use std::process::Command;

use crate::authority::Authority;
use crate::reference_programs::run_reference;
use crate::registry::Registry;
use crate::sandbox::{Run, Sandbox, sha256};
use crate::{bytes, run};

const APP: &str = r#"(component
  (core module $m (func (export "answer") (result i32) i32.const 42))
  (core instance $i (instantiate $m))
  (func $answer (result u32) (canon lift (core func $i "answer")))
  (instance $api (export "answer" (func $answer)))
  (export "example:greeter/api@1.0.0" (instance $api)))"#;

/// A sandbox with a real component in it, and the settings of all programs.
struct Case {
    sandbox: Sandbox,
    registry: Registry,
    /// The options with which oras reaches the registry.
    oras: Vec<String>,
    /// The repository, as in `127.0.0.1:5000/my-org/app`.
    name: String,
}

impl Case {
    fn new(registry: Registry, oras: &[&str]) -> Case {
        let sandbox = Sandbox::new();
        sandbox.write("app.wat", APP);
        let name = format!("{}/my-org/app", registry.host());
        let oras = oras.iter().map(|it| (*it).to_owned()).collect();
        let case = Case { sandbox, registry, oras, name };
        case.program(&["wasm-tools", "parse", "app.wat", "-o", "app.wasm"]);
        case
    }

    /// Writes the credential for all programs.
    fn log_in(&self, password: &str) {
        use base64::Engine as _;
        let pair = base64::prelude::BASE64_STANDARD.encode(format!("alice:{password}"));
        let config = format!(r#"{{"auths":{{"{}":{{"auth":"{pair}"}}}}}}"#, self.registry.host());
        self.sandbox.write("config.json", config);
    }

    /// Returns the output of a program, which must succeed.
    #[track_caller]
    fn program(&self, words: &[&str]) -> String {
        run_reference(self.sandbox.root(), words)
    }

    /// Pushes the component with oras, and returns the digest of its manifest.
    fn push(&self) -> String {
        self.sandbox.write("wasm.json", "{}");
        let reference = format!("{}:v1", self.name);
        let mut words = vec!["oras", "push", "--format", "go-template={{.digest}}"];
        words.extend(self.oras.iter().map(String::as_str));
        words.extend(["--config", "wasm.json:application/vnd.wasm.config.v0+json"]);
        words.extend([reference.as_str(), "app.wasm:application/wasm"]);
        self.program(&words)
    }

    /// Returns our program, with docker's credentials.
    fn we(&self, words: &[&str]) -> Run {
        run(&self.sandbox, words).env("DOCKER_CONFIG", self.sandbox.root())
    }
}

#[test]
#[ignore = "needs docker-registry and its friends: scripts/test runs it"]
fn four_programs_agree_on_the_component() {
    let case = Case::new(Registry::open(), &["--plain-http"]);
    let (manifest, app) = (case.push(), bytes(&case.sandbox, "app.wasm"));
    let content = format!("sha256:{}", sha256(&app));
    let name = &case.name;
    for rest in [":v1".to_owned(), format!("@{manifest}"), format!("@{content}")] {
        let reference = format!("{name}{rest}");
        case.we(&["component", "pull", &reference, "-o", "ours.wasm"]).succeeds();
        assert_eq!(bytes(&case.sandbox, "ours.wasm"), app);
        std::fs::remove_file(case.sandbox.path("ours.wasm")).unwrap();
    }
    case.program(&["oras", "pull", "--plain-http", "-o", "oras", &format!("{name}:v1")]);
    assert_eq!(bytes(&case.sandbox, "oras/app.wasm"), app);
    let blob = format!("{name}@{content}");
    let mut crane = Command::new("crane");
    let crane = crane.args(["blob", "--insecure", &blob]).output().unwrap();
    assert_eq!(crane.stdout, app);
    case.program(&[
        "skopeo",
        "copy",
        "--src-tls-verify=false",
        "--preserve-digests",
        &format!("docker://{name}:v1"),
        "dir:skopeo",
    ]);
    assert_eq!(bytes(&case.sandbox, &format!("skopeo/{}", &content["sha256:".len()..])), app);

    // Both digests are those that the other programs print, and the vendored manifest is the
    // registry's.
    let printed = case.we(&["--json", "component", "pin", &format!("{name}:v1")]).succeeds().json();
    assert_eq!(
        (&printed["manifest"], &printed["content"]),
        (&manifest.clone().into(), &content.into())
    );
    assert_eq!(printed["exports"][0], "example:greeter/api@1.0.0");
    assert_eq!(case.program(&["crane", "digest", "--insecure", &format!("{name}:v1")]), manifest);
    let pinned = format!("{name}@{manifest}");
    case.we(&["vendor", "components", &pinned, "--output-dir=vendor/components"]).succeeds();
    let vendored = case.sandbox.read("vendor/components/app.manifest.json");
    assert_eq!(case.program(&["crane", "manifest", "--insecure", &pinned]), vendored.trim());
    case.program(&["wasm-tools", "validate", "vendor/components/app.wasm"]);

    // A missing component, in the words of a real registry.
    let zeros = format!("sha256:{}", "0".repeat(64));
    let none = format!("{}/none", case.registry.host());
    for (reference, says) in [
        (format!("{name}:v2"), "there is no tag `v2`".to_owned()),
        (format!("{name}@{zeros}"), format!("there is no blob with the digest {zeros}")),
        (format!("{none}:v1"), "there is no".to_owned()),
    ] {
        let pull = ["component", "pull", &reference, "-o", "none.wasm"];
        case.we(&pull).ends_with(3).says(&[&reference, &says]);
    }
}

#[test]
#[ignore = "needs docker-registry and its friends: scripts/test runs it"]
fn newer_tags_and_a_moved_tag_are_found_with_credentials() {
    let case = Case::new(Registry::for_alice(), &["--plain-http"]);
    case.log_in("p1");
    let manifest = case.push();
    let pinned = format!("{}:v1@{manifest}", case.name);
    let component = serde_json::json!({"name": "app", "reference": pinned});
    let request = serde_json::json!({"schema_version": 1, "components": [component]});
    case.sandbox.write("request.json", request.to_string());
    let compared = |code| {
        let words = ["--json", "outdated", "--request", "request.json"];
        case.we(&words).ends_with(code).json()["rows"][0].clone()
    };
    let row = compared(0);
    assert_eq!((row["status"].as_str(), row["newest"].as_str()), (Some("current"), Some("v1")));
    let mut tag = vec!["oras", "tag"];
    tag.extend(case.oras.iter().map(String::as_str));
    let reference = format!("{}:v1", case.name);
    // More tags than fit on one page of the registry.
    let tags: Vec<_> = (2..=120).map(|nth| format!("v{nth}")).collect();
    tag.push(&reference);
    tag.extend(tags.iter().map(String::as_str));
    case.program(&tag);
    let row = compared(0);
    assert_eq!((row["status"].as_str(), row["newest"].as_str()), (Some("outdated"), Some("v120")));
    assert_eq!(row["newest_digest"], manifest.as_str());
    assert_eq!(row["newer"].as_array().unwrap().len(), 100);
    case.sandbox.write("app.wat", APP.replace("42", "43"));
    case.program(&["wasm-tools", "parse", "app.wat", "-o", "app.wasm"]);
    let other = case.push();
    let row = compared(0);
    assert_eq!(row["status"], "moved");
    assert!(row["reason"].as_str().unwrap().contains(&other), "{row:#}");
    case.log_in("wrong");
    let row = compared(5);
    assert_eq!(row["status"], "unknown");
    assert!(!row.to_string().contains("wrong"), "{row:#}");
}

#[test]
#[ignore = "needs docker-registry and its friends: scripts/test runs it"]
fn an_artifact_that_oras_pushed_without_a_type_is_pulled() {
    let case = Case::new(Registry::open(), &["--plain-http"]);
    let reference = format!("{}:plain", case.name);
    case.program(&["oras", "push", "--plain-http", &reference, "app.wasm"]);
    case.we(&["component", "pull", &reference, "-o", "ours.wasm"]).succeeds();
    assert_eq!(bytes(&case.sandbox, "ours.wasm"), bytes(&case.sandbox, "app.wasm"));
    // An artifact with two files is not a component.
    case.sandbox.write("other.txt", "x");
    let two = format!("{}:two", case.name);
    case.program(&["oras", "push", "--plain-http", &two, "app.wasm", "other.txt"]);
    case.we(&["component", "pull", &two, "-o", "two.wasm"]).ends_with(4).says(&["2 layers"]);
}

#[test]
#[ignore = "needs docker-registry and its friends: scripts/test runs it"]
fn a_registry_requires_the_password_of_alice() {
    let case = Case::new(Registry::for_alice(), &["--plain-http"]);
    case.log_in("p1");
    let manifest = case.push();
    let reference = format!("{}@{manifest}", case.name);
    let pull = ["component", "pull", &reference, "-o", "ours.wasm"];
    case.we(&pull).succeeds();
    assert_eq!(bytes(&case.sandbox, "ours.wasm"), bytes(&case.sandbox, "app.wasm"));
    std::fs::remove_file(case.sandbox.path("ours.wasm")).unwrap();
    run(&case.sandbox, &pull).ends_with(5).says(&["401", &case.registry.host()]);
    case.log_in("wrong-password");
    let printed = case.we(&pull).ends_with(5).says(&["config.json"]);
    assert!(!printed.stderr.contains("wrong-password"), "{}", printed.stderr);
    // With a password from the config file of wkg.
    let config = format!(
        "[registry.\"{}\"]\nauth = {{ type = \"basic\", username = \"alice\", \
         password_env = \"THE_PASSWORD\" }}\n",
        case.registry.host()
    );
    let config = case.sandbox.write("wkg.toml", config);
    let ours = |words: &[&str]| run(&case.sandbox, words).env("WKG_CONFIG_FILE", &config);
    ours(&pull).env("THE_PASSWORD", "p1").succeeds();
}

#[test]
#[ignore = "needs docker-registry and its friends: scripts/test runs it"]
fn a_private_authority_is_trusted_where_it_is_configured() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let root_file = authority.write_to(folder.path());
    let ca = path(&root_file);
    let case = Case::new(Registry::with_tls(&authority), &["--ca-file", &ca, "--plain-http=false"]);
    let manifest = case.push();
    let reference = format!("{}@{manifest}", case.name);
    let pull = ["component", "pull", &reference, "-o", "ours.wasm"];
    case.we(&pull).ends_with(5).says(&["certificate", "SSL_CERT_FILE"]);
    case.we(&pull).env("SSL_CERT_FILE", &root_file).succeeds();
    assert_eq!(bytes(&case.sandbox, "ours.wasm"), bytes(&case.sandbox, "app.wasm"));
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

#[test]
#[ignore = "needs docker-registry and its friends: scripts/test runs it"]
fn a_mirror_filled_by_oras_serves_pinned_components() {
    let case = Case::new(Registry::open(), &["--plain-http"]);
    let manifest = case.push();
    let mirror = Registry::open();
    let copy = format!("{}/mirrored/my-org/app:v1", mirror.host());
    let words =
        ["oras", "cp", "--from-plain-http", "--to-plain-http", &format!("{}:v1", case.name), &copy];
    case.program(&words);
    let reference = format!("{}@{manifest}", case.name);
    let app = bytes(&case.sandbox, "app.wasm");
    // The registry itself is gone.
    let Case { sandbox, registry, .. } = case;
    drop(registry);
    let url = format!("http://{}/mirrored", mirror.host());
    let pull = ["component", "pull", &reference, "-o", "ours.wasm"];
    run(&sandbox, &pull).env("BAZEL_WASM_COMPONENT_MIRROR", url).succeeds().says(&["mirrored"]);
    assert_eq!(bytes(&sandbox, "ours.wasm"), app);
}
