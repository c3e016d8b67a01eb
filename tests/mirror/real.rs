//! Copies between real registries, of images that skopeo and oras pushed, read back by other
//! programs.
//!
//! These tests need the programs; `scripts/test` provides them and runs these tests.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use airgap_core::digest::Digest;
use base64::Engine as _;

use crate::images::{Images, digest, layer};
use crate::reference_programs::run_reference;
use crate::registry::Registry;
use crate::sandbox::{Run, Sandbox};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/charts/runtime-operator");
const RENDERED: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/charts/rendered/runtime-operator");

/// The images of the guide, with their names at the source and at the destination.
const GUIDE: [(&str, &str); 4] = [
    ("wasmcloud/runtime-operator", "2.0.0-rc.7"),
    ("wasmcloud/runtime-gateway", "2.0.0-rc.7"),
    ("wasmcloud/wash", "2.0.0-rc.7"),
    ("library/nats", "2.11.3-alpine"),
];

/// A registry with images, and an empty one for alice.
struct Case {
    sandbox: Sandbox,
    from: Registry,
    to: Registry,
    all: Vec<Images>,
}

impl Case {
    /// Creates the images of the guide, with layers of this size.
    fn new(size: usize) -> Case {
        let (sandbox, from, to) = (Sandbox::new(), Registry::open(), Registry::for_alice());
        let pair = base64::prelude::BASE64_STANDARD.encode("alice:p1");
        let auth = serde_json::json!({ "auth": pair });
        let named = format!("localhost:{}", to.port());
        let config = serde_json::json!({"auths": {to.host(): auth.clone(), named: auth}});
        sandbox.write("config.json", config.to_string());
        let mut case = Case { sandbox, from, to, all: Vec::new() };
        let mut list = String::from("images:\n");
        for ((name, tag), nth) in GUIDE.iter().zip(1..) {
            case.push(name, tag, nth, size);
            let (from, to) = (case.from.host(), case.to.host());
            list.push_str(&format!("- source: {from}/{name}:{tag}\n"));
            list.push_str(&format!("  destination: {to}/mirror/{name}:{tag}\n"));
        }
        case.sandbox.write("mirror.yaml", list);
        case
    }

    /// Builds an image as a layout, and pushes it with other programs: a base layer of all images,
    /// two platforms, a signature under a tag, and a referrer.
    fn push(&mut self, name: &str, tag: &str, seed: u32, size: usize) {
        let mut images = Images::default();
        let base = layer(1000, size);
        let platforms = ["linux/amd64", "linux/arm64"].map(|platform| {
            let own = layer(seed * 10 + platform.len() as u32, size);
            let code = layer(seed * 10 + u32::from(platform.contains("arm")), size / 2);
            images.image(platform, &[&base, &own, &code])
        });
        let index = images.index(&platforms);
        images.tag(tag, &index);
        images.attached(&index, &format!("what is in {name}"));
        let signature = images.signed(&index, &format!("who says so of {name}"));
        let folder = format!("layouts/{seed}");
        images.write(&self.sandbox.path(&folder));
        let (from, to) = (format!("{folder}:{tag}"), format!("{}/{name}:{tag}", self.from.host()));
        // oras copies referrers, and skopeo copies tags.
        self.program(&["oras", "cp", "-r", "--from-oci-layout", "--to-plain-http", &from, &to]);
        let (from, to) = (
            format!("oci:{folder}:{signature}"),
            format!("docker://{}/{name}:{signature}", self.from.host()),
        );
        self.program(&["skopeo", "copy", "--dest-tls-verify=false", &from, &to]);
        self.all.push(images);
    }

    /// Returns the output of a program in the folder, which must succeed.
    #[track_caller]
    fn program(&self, words: &[&str]) -> String {
        run_reference(self.sandbox.root(), words)
    }

    fn run(&self, words: &[&str]) -> Run {
        self.sandbox.run(words).env("DOCKER_CONFIG", self.sandbox.root())
    }

    fn copy(&self, words: &[&str]) -> serde_json::Value {
        self.run(&[&["mirror", "copy", "--json"], words].concat()).succeeds().json()
    }

    /// Reads everything back from the destination with other programs, and compares.
    #[track_caller]
    fn is_complete(&self) {
        for ((name, tag), images) in GUIDE.iter().zip(&self.all) {
            let place = format!("{}/mirror/{name}", self.to.host());
            let index = format!("sha256:{}", images.tags[*tag]);
            let tagged = format!("{place}:{tag}");
            assert_eq!(self.program(&["crane", "digest", "--insecure", &tagged]), index);
            let url = format!("docker://{tagged}");
            let raw = self.program(&["skopeo", "inspect", "--raw", "--tls-verify=false", &url]);
            assert_eq!(format!("sha256:{}", Digest::compute(raw.as_bytes())), index);
            for (digest, _, bytes) in &images.manifests {
                let reference = format!("{place}@sha256:{digest}");
                let found = self.program(&["crane", "manifest", "--insecure", &reference]);
                assert_eq!(found.as_bytes(), bytes, "{reference}");
            }
            for (digest, bytes) in &images.blobs {
                let reference = format!("{place}@sha256:{digest}");
                let words = ["oras", "blob", "fetch", "--plain-http", "-o", "blob", &reference];
                self.program(&words);
                let found = fs::read(self.sandbox.path("blob")).unwrap();
                assert_eq!(found, *bytes, "{reference}");
            }
            for (tag, digest) in &images.tags {
                let tagged = format!("{place}:{tag}");
                let found = self.program(&["crane", "digest", "--insecure", &tagged]);
                assert_eq!(found, format!("sha256:{digest}"), "{tagged}");
            }
            // Programs that look for referrers find them.
            let words = ["oras", "discover", "--plain-http", "--format=json", &tagged];
            let found: serde_json::Value = serde_json::from_str(&self.program(&words)).unwrap();
            let found = found.to_string();
            let attached = images
                .manifests
                .iter()
                .find(|(_, _, bytes)| String::from_utf8_lossy(bytes).contains("vnd.test.sbom"));
            assert!(found.contains(&attached.unwrap().0.to_string()), "{found}");
        }
    }

    /// Returns the number of different blobs, and the number that the repositories have together.
    fn blobs(&self) -> (usize, usize) {
        let all: std::collections::BTreeSet<_> =
            self.all.iter().flat_map(|it| it.blobs.keys()).collect();
        (all.len(), self.all.iter().map(|it| it.blobs.len()).sum())
    }
}

#[test]
#[ignore = "needs real registries: scripts/test runs it"]
fn the_guides_list_between_two_registries() {
    let case = Case::new(40_000);
    let (distinct, all) = case.blobs();
    let done = case.copy(&[]);
    case.is_complete();
    assert_eq!(done["blobs"]["moved"], distinct, "{done:#}");
    assert_eq!(done["blobs"]["mounted"], all - distinct);
    assert_eq!(done["traffic"]["pings"], 2);
    let bytes: u64 = done["blobs"]["bytes"].as_u64().unwrap();
    assert_eq!(
        (&done["traffic"]["received"], &done["traffic"]["sent"]),
        (&bytes.into(), &bytes.into())
    );
    // A second copy: two requests for each image, and no upload.
    let again = case.copy(&[]);
    assert_eq!(again["there"], 4, "{again:#}");
    let traffic = &again["traffic"];
    let count = |name: &str| traffic[name].as_u64().unwrap();
    assert_eq!((count("get"), count("head")), (4, 4));
    for nothing in ["post", "put", "patch", "sent", "received"] {
        assert_eq!(count(nothing), 0, "{nothing}");
    }
    // A wrong password is refused, and the message says how to log in.
    let words = ["mirror", "copy"];
    case.sandbox.run(&words).ends_with(5).says(&["4 of 4", "docker login"]);
}

#[test]
#[ignore = "needs real registries: scripts/test runs it"]
fn runs_after_kills_complete_with_the_same_digests() {
    let case = Case::new(300_000);
    let mut visible = 0;
    for milliseconds in (20..260).step_by(20) {
        let mut run = case.run(&["mirror", "copy", "--jobs=2"]);
        let mut child = run.command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        // An image whose tag exists at the destination is complete.
        for ((name, tag), images) in GUIDE.iter().zip(&case.all) {
            let tagged = format!("{}/mirror/{name}:{tag}", case.to.host());
            let mut crane = Command::new("crane");
            crane.args(["validate", "--insecure", "--remote", &tagged]);
            crane.env("DOCKER_CONFIG", case.sandbox.root());
            let output = crane.output().unwrap();
            let messages = String::from_utf8_lossy(&output.stderr);
            match output.status.success() {
                true => visible += usize::from(images.tags.contains_key(*tag)),
                false => {
                    assert!(messages.contains("UNKNOWN") || messages.contains("404"), "{messages}")
                }
            }
        }
    }
    let done = case.copy(&[]);
    case.is_complete();
    let (_, all) = case.blobs();
    let number = |key: &str| done["blobs"][key].as_u64().unwrap() as usize;
    assert!(visible > 0 || number("moved") < all, "{visible} {done:#}");
}

#[test]
#[ignore = "needs real registries: scripts/test runs it"]
fn images_are_copied_by_layouts_that_other_programs_read() {
    let case = Case::new(40_000);
    let (distinct, _) = case.blobs();
    for layout in ["images", "images.tar"] {
        let done = case.copy(&[&format!("--to={layout}")]);
        assert_eq!(done["blobs"]["moved"], distinct, "{done:#}");
    }
    for ((name, tag), images) in GUIDE.iter().zip(&case.all) {
        let reference = format!("{}/{name}:{tag}", case.from.host());
        for place in ["oci:images", "oci-archive:images.tar"] {
            let url = format!("{place}:{reference}");
            let raw = case.program(&["skopeo", "inspect", "--raw", &url]);
            assert_eq!(Digest::compute(raw.as_bytes()), images.tags[*tag], "{url}");
        }
        // Another program copies everything from our layout.
        let from = format!("oci:images:{reference}");
        let to = format!("oci:theirs:{tag}");
        case.program(&["skopeo", "copy", "--all", &from, &to]);
    }
    assert_eq!(case.sandbox.read("images/oci-layout").trim(), r#"{"imageLayoutVersion":"1.0.0"}"#);
    // On the offline machine, without the first registry.
    let done = case.copy(&["--from=images.tar"]);
    assert_eq!(done["traffic"]["received"], 0);
    case.is_complete();
    assert_eq!(case.copy(&["--from=images"])["there"], 4);
}

#[test]
#[ignore = "needs real registries: scripts/test runs it"]
fn a_layout_of_skopeo_is_a_source_too() {
    let case = Case::new(10_000);
    let (name, tag) = GUIDE[2];
    let reference = format!("{}/{name}:{tag}", case.from.host());
    let (from, to) =
        (format!("docker://{reference}"), format!("oci-archive:theirs.tar:{reference}"));
    case.program(&["skopeo", "copy", "--all", "--src-tls-verify=false", &from, &to]);
    let place = format!("{}/elsewhere:1", case.to.host());
    let list = format!("images:\n- source: {reference}\n  destination: {place}\n");
    case.sandbox.write("mirror.yaml", list);
    case.copy(&["--from=theirs.tar"]);
    let found = case.program(&["crane", "digest", "--insecure", &place]);
    assert_eq!(found, format!("sha256:{}", case.all[2].tags[tag]));
}

#[test]
#[ignore = "needs real registries: scripts/test runs it"]
fn a_copy_within_a_registry_moves_no_blob() {
    let case = Case::new(40_000);
    case.copy(&[]);
    let host = case.to.host();
    let mut list = String::from("images:\n");
    for (name, tag) in GUIDE {
        list.push_str(&format!("- source: {host}/mirror/{name}:{tag}\n"));
        list.push_str(&format!("  destination: {host}/team/{name}:{tag}\n"));
    }
    case.sandbox.write("mirror.yaml", list);
    let done = case.copy(&[]);
    let (_, all) = case.blobs();
    assert_eq!(done["blobs"]["mounted"], all, "{done:#}");
    assert_eq!((&done["traffic"]["sent"], &done["traffic"]["received"]), (&0.into(), &0.into()));
    for ((name, tag), images) in GUIDE.iter().zip(&case.all) {
        let tagged = format!("{host}/team/{name}:{tag}");
        let found = case.program(&["crane", "digest", "--insecure", &tagged]);
        assert_eq!(found, format!("sha256:{}", images.tags[*tag]));
        case.program(&["crane", "validate", "--insecure", "--remote", &tagged]);
    }
}

#[test]
#[ignore = "needs real registries: scripts/test runs it"]
fn skopeo_sees_the_selected_platform_only() {
    let case = Case::new(10_000);
    case.copy(&["--platform=linux/arm64"]);
    for ((name, tag), images) in GUIDE.iter().zip(&case.all) {
        let tagged = format!("{}/mirror/{name}:{tag}", case.to.host());
        let found = case.program(&["crane", "digest", "--insecure", &tagged]);
        assert_eq!(found, format!("sha256:{}", images.manifests[1].0));
        let url = format!("docker://{tagged}");
        let config = case.program(&["skopeo", "inspect", "--config", "--tls-verify=false", &url]);
        assert!(config.contains("arm64"), "{config}");
    }
}

#[test]
#[ignore = "needs real registries: scripts/test runs it"]
fn locked_and_checked_where_it_is_deployed() {
    let case = Case::new(10_000);
    case.run(&["mirror", "lock"]).succeeds();
    let lock = case.sandbox.read("mirror.lock");
    for ((_, tag), images) in GUIDE.iter().zip(&case.all) {
        assert!(lock.contains(&images.tags[*tag].to_string()), "{lock}");
    }
    case.copy(&["--locked"]);
    let host = case.to.host();
    let pods: String = GUIDE
        .iter()
        .zip(&case.all)
        .map(|((name, tag), images)| {
            format!("- {{name: a, image: '{host}/mirror/{name}@sha256:{}'}}\n", images.tags[*tag])
        })
        .collect();
    let pod = |pods: &str| {
        format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n{pods}")
    };
    case.sandbox.write("pod.yaml", pod(&pods.replace("- {", "  - {")));
    let registry = format!("--registry={host}/mirror");
    let check = ["mirror", "check", "pod.yaml", &registry, "--live"];
    case.run(&check).succeeds().says(&["has each of the 4"]);
    let other = digest(&serde_json::json!({"digest": format!("sha256:{}", Digest::compute(b""))}))
        .to_owned();
    let wrong = pods.replace(&format!("sha256:{}", case.all[0].tags[GUIDE[0].1]), &other);
    case.sandbox.write("pod.yaml", pod(&wrong.replace("- {", "  - {")));
    case.run(&check).ends_with(4).says(&["1 of 4 images"]);
}

/// Stands in for Helm when it would pull the chart from a registry, which Helm requires to use TLS:
/// Helm wrote `tests/charts/rendered`. The real Helm renders a chart on this machine.
const HELM: &str = r#"#!/bin/sh
case "$*" in
*oci://*--output-dir*) mkdir wasmcloud-manifests && cp -r "$RENDERED" wasmcloud-manifests ;;
*oci://*) find "$RENDERED" -name '*.yaml' -exec sh -c 'cat "$0"; echo ---' {} \; |
    sed "s#ghcr.io/#$(sed -n 's/ *registry: //p' my-values.yaml)/#; s#docker.io/#$(sed -n 's/ *registry: //p' my-values.yaml)/#" ;;
*) exec REAL "$@" ;;
esac
"#;

/// Returns the path of Helm on this machine.
fn real_helm() -> String {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path).map(|it| it.join("helm")).find(|it| it.exists());
    found.expect("there is no `helm` on PATH").display().to_string()
}

/// Checks that the commands in the example's README do what it says, and that its files are their
/// output.
#[test]
#[ignore = "needs real registries: scripts/test runs it"]
fn the_example_of_a_private_registry() {
    let example = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/private_registry"));
    let case = Case::new(10_000);
    // A name that YAML writes without quotes, like most names.
    let (sandbox, host) = (&case.sandbox, format!("localhost:{}", case.to.port()));
    // The same artifact as `helm push` creates from the chart.
    let chart = Path::new(CHART);
    let words = ["tar", "-czf", "chart.tgz", "-C", chart.parent().unwrap().to_str().unwrap()];
    case.program(&[&words[..], &["runtime-operator"]].concat());
    sandbox.write("chart.json", r#"{"name":"runtime-operator"}"#);
    let place = format!("{}/wasmcloud/charts/runtime-operator:2.0.0-rc.7", case.from.host());
    case.program(&[
        "oras",
        "push",
        "--plain-http",
        &place,
        "--config=chart.json:application/vnd.cncf.helm.config.v1+json",
        "chart.tgz:application/vnd.cncf.helm.chart.content.v1.tar+gzip",
    ]);
    for (name, text) in [
        ("helm", HELM.replace("REAL", &real_helm())),
        ("kubectl", "#!/bin/sh\n[ $1 = kustomize ] && exec kustomize build $2\n".to_owned()),
    ] {
        let path = sandbox.write(&format!("bin/{name}"), text);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_wasm-airgap"), sandbox.path("bin/wasm-airgap"))
        .unwrap();
    let here = |name: &str| {
        fs::read_to_string(example.join(name)).unwrap().replace("registry.corp:5000", &host)
    };
    fs::remove_file(sandbox.path("mirror.yaml")).unwrap();
    let (resources, _) = here("kustomization.yaml")
        .split_once("images:")
        .map(|(before, behind)| (before.to_owned(), behind.to_owned()))
        .unwrap();
    sandbox.write("kustomization.yaml", resources);
    let path = format!("{}:{}", sandbox.path("bin").display(), env!("PATH"));
    let readme = here("README.md");
    let commands: Vec<_> = readme.lines().filter_map(|it| it.strip_prefix("    ")).collect();
    assert_eq!(commands.len(), 11, "{commands:#?}");
    for command in commands {
        let output = Command::new("bash")
            .args(["-o", "pipefail", "-c", command])
            .current_dir(sandbox.root())
            .env_clear()
            .env("PATH", &path)
            .env("DOCKER_CONFIG", sandbox.root())
            .env("RENDERED", RENDERED)
            .env("WKG_REGISTRY_GHCR_IO_URL", format!("http://{}", case.from.host()))
            .env("WKG_REGISTRY_DOCKER_IO_URL", format!("http://{}", case.from.host()))
            .output()
            .unwrap();
        let messages = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {messages}");
    }
    for name in ["mirror.yaml", "my-values.yaml", "kustomization.yaml"] {
        assert_eq!(sandbox.read(name), here(name), "{name}");
    }
    for ((name, tag), images) in GUIDE.iter().zip(&case.all) {
        let name = name.replace("library/", "");
        let tagged = format!("{host}/{name}:{tag}");
        let found = case.program(&["crane", "digest", "--insecure", &tagged]);
        assert_eq!(found, format!("sha256:{}", images.tags[*tag]));
    }
}
