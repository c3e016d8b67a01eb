//! The release as a user takes it: from a registry with the source archive, without cargo.

use std::fs;
use std::process::Command;

use crate::components::{APP, GREETER, push};
use crate::registry::Registry;
use crate::release::{Release, VERSION, binary};
use crate::sandbox::Sandbox;
use crate::workspace::{Bazel, HELPER, Mirror, REPOSITORY, Workspace, output};

/// The addresses of a release at GitHub, without the scheme.
const UPSTREAM: &str = "github.com/rules-wasm-airgap/rules_wasm_airgap/releases/download";

/// The path of the helper in vendor folders and on mirrors.
const IN_FOLDER: &str =
    concat!("wasm-airgap/", env!("CARGO_PKG_VERSION"), "/linux_amd64/wasm-airgap");

/// The target that vendors tools, and its folder.
const TOOLS: (&str, &str) = ("//tools/vendor:vendor_all_toolchains", "vendor/toolchains");

/// A machine without Rust.
const PATH: &str = "/usr/bin:/usr/sbin:/bin:/sbin";

/// A published release: a registry in a folder, and a server for its files.
struct Published {
    release: Release,
    mirror: Mirror,
}

impl Published {
    /// Makes a release with the program of this test run, and the entry of a registry from the
    /// templates in `.bcr`.
    fn new() -> Published {
        let program = fs::read(HELPER).unwrap();
        let release = Release::new(&[("linux_amd64", &program), ("linux_arm64", b"for arm")]);
        output(&mut release.source_archive(&["release", "linux_amd64", "linux_arm64"]));
        let mirror = Mirror::new();
        let binaries = ["linux_amd64", "linux_arm64"].map(binary);
        for name in binaries.into_iter().chain([format!("rules_wasm_airgap-v{VERSION}.tar.gz")]) {
            let bytes = fs::read(release.path().join(&name)).unwrap();
            mirror.folder.write(&format!("served/{UPSTREAM}/v{VERSION}/{name}"), bytes);
        }
        let published = Published { release, mirror };
        published.write_registry();
        published
    }

    fn write_registry(&self) {
        let integrity = Command::new("sh")
            .args(["-c", "openssl dgst -sha256 -binary \"$1\" | base64", "sh"])
            .arg(self.release.archive())
            .output();
        let integrity = String::from_utf8(integrity.unwrap().stdout).unwrap();
        let source = fs::read_to_string(format!("{REPOSITORY}/.bcr/source.template.json")).unwrap();
        let source = source
            .replace(
                "\"integrity\": \"\"",
                &format!("\"integrity\": \"sha256-{}\"", integrity.trim()),
            )
            .replace("{OWNER}", "rules-wasm-airgap")
            .replace("{REPO}", "rules_wasm_airgap")
            .replace("{TAG}", &format!("v{VERSION}"))
            .replace("{VERSION}", VERSION);
        let module = "registry/modules/rules_wasm_airgap";
        let sandbox = &self.release.sandbox;
        sandbox.write(&format!("{module}/{VERSION}/source.json"), source);
        let own = fs::read(format!("{REPOSITORY}/MODULE.bazel")).unwrap();
        sandbox.write(&format!("{module}/{VERSION}/MODULE.bazel"), own);
        let metadata = fs::read_to_string(format!("{REPOSITORY}/.bcr/metadata.template.json"));
        let versions = format!("\"versions\": [\"{VERSION}\"]");
        let metadata = metadata.unwrap().replace("\"versions\": []", &versions);
        sandbox.write(&format!("{module}/metadata.json"), metadata);
        sandbox.write("registry/bazel_registry.json", "{}\n");
    }

    /// Creates a workspace that names this module by its version only.
    fn workspace(&self, example: &str) -> Workspace {
        let workspace = Workspace::from_example(example, &self.mirror);
        let module = workspace.sandbox.read("ws/MODULE.bazel");
        let (before, rest) = module.split_once("local_path_override(").unwrap();
        let (_, after) = rest.split_once("\n)\n").unwrap();
        workspace.sandbox.write("ws/MODULE.bazel", format!("{before}{after}"));
        let rc = workspace.sandbox.read("ws/.bazelrc");
        let registry = self.release.sandbox.path("registry");
        let lines = format!("common --registry=file://{}\n", registry.display());
        workspace.sandbox.write("ws/.bazelrc", rc + &lines);
        workspace
    }

    /// Returns an online command. Bazel's downloader leads the addresses at GitHub to the server.
    fn online(&self, workspace: &Workspace, arguments: &[&str]) -> Bazel {
        let server = self.mirror.server.url();
        let rewrite = format!("rewrite github.com/(.*) {server}/github.com/$1\n");
        let rewrite = workspace.sandbox.write("downloader.cfg", rewrite);
        let flag = format!("--experimental_downloader_config={}", rewrite.display());
        let words = [&arguments[..1], &[&flag], &arguments[1..]].concat();
        let bazel = workspace.command(&[], &words);
        bazel.env("PATH", PATH).env("BAZEL_WASM_MIRROR", format!("{server},direct"))
    }

    /// Returns an offline command on a machine with the workspace and the files of the release, which
    /// Bazel finds by their names.
    fn offline(&self, workspace: &Workspace, arguments: &[&str]) -> Bazel {
        let files = format!("--distdir={}", self.release.path().display());
        let words = [&arguments[..1], &["--config=offline", &files], &arguments[1..]].concat();
        workspace.bazel_on_the_far_side(&words)
    }
}

/// Creates the example, vendored by the release without cargo, and the machine behind the gap.
fn vendored(published: &Published, mut workspace: Workspace, target: &str, dir: &str) -> Workspace {
    let vendor = ["run", target, "--", "--output-dir", dir];
    let printed = published.online(&workspace, &vendor).succeeds();
    // The release pins the helper, so there is nothing to add.
    assert!(!printed.stderr.contains("use_extension"), "{}", printed.stderr);
    workspace.fresh_output_root();
    workspace
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn a_user_without_rust_needs_only_the_bazel_dep() {
    let cargo = Command::new("sh").args(["-c", "command -v cargo"]).env("PATH", PATH).status();
    assert!(!cargo.unwrap().success(), "there is a cargo in {PATH}");
    let published = Published::new();
    let mut workspace =
        vendored(&published, published.workspace("offline_toolchains"), TOOLS.0, TOOLS.1);
    let requests = published.mirror.server.requests().join("\n");
    assert!(requests.contains(&format!("/{IN_FOLDER}")), "{requests}");
    assert!(requests.contains(&format!("/{UPSTREAM}/v{VERSION}/{}", binary("linux_amd64"))));
    published.offline(&workspace, &["test", "//..."]).succeeds();
    let verify = Command::new(HELPER).args(["verify"]).arg(workspace.path("vendor")).status();
    assert!(verify.unwrap().success());

    // The file of the release is enough, in a folder that Bazel searches by name.
    let run = ["run", "@rules_wasm_airgap//:wasm-airgap", "--", "--version"];
    let helper = workspace.path("vendor/toolchains").join(IN_FOLDER);
    fs::remove_file(&helper).unwrap();
    workspace.fresh_output_root();
    let printed = published.offline(&workspace, &run).succeeds();
    assert_eq!(printed.stdout.trim(), format!("wasm-airgap {VERSION}"));

    // Without it, the message has each place and the ways to go on.
    fs::remove_file(published.release.path().join(binary("linux_amd64"))).unwrap();
    workspace.fresh_output_root();
    published.offline(&workspace, &run).fails().says(&[
        &format!("the pinned helper wasm-airgap {VERSION} (linux_amd64) was not found"),
        &format!("{}: not there", helper.display()),
        &format!("{} is not there", binary("linux_amd64")),
        "BAZEL_WASM_OFFLINE is on",
        "bazel run @rules_wasm_airgap//tools/vendor:helper -- --output-dir vendor/toolchains",
        "wasm_helper.from_sources()",
    ]);

    // A user may still build it, which needs cargo.
    workspace.add_to_module(
        "helper = use_extension(\"@rules_wasm_airgap//bazel:helper.bzl\", \"wasm_helper\")\n\
         helper.from_sources()",
    );
    published.offline(&workspace, &run).fails().says(&["there is no cargo on PATH"]);
}

/// The mirror of a company has the files of the release in the layout of a vendor folder.
#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn a_mirror_serves_the_helpers_of_all_platforms() {
    let published = Published::new();
    let workspace = published.workspace("offline_toolchains");
    let target = "@rules_wasm_airgap//tools/vendor:helper";
    let words = ["run", target, "--", "--output-dir", "mirror", "--platform", "all"];
    let vendor = published.online(&workspace, &words);
    let github = format!("{}/github.com", published.mirror.server.url());
    vendor.env("BAZEL_WASM_GITHUB_MIRROR", github).succeeds();
    let manifest = workspace.sandbox.read("ws/mirror/manifest.json");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    for (platform, entry) in ["linux_amd64", "linux_arm64"].iter().zip(0..) {
        let entry = &manifest["files"][entry];
        let path = format!("wasm-airgap/{VERSION}/{platform}/wasm-airgap");
        assert_eq!((&entry["kind"], &entry["path"]), (&"helper".into(), &path.as_str().into()));
        let url = format!("https://{UPSTREAM}/v{VERSION}/{}", binary(platform));
        assert_eq!(entry["url"], url);
        let bytes = fs::read(workspace.path("mirror").join(&path)).unwrap();
        published.mirror.folder.write(&format!("served/{path}"), bytes);
    }

    let mut workspace = published.workspace("offline_toolchains");
    workspace.fresh_output_root();
    let run = ["run", "@rules_wasm_airgap//:wasm-airgap", "--", "--version"];
    let server = published.mirror.server.url();
    published.online(&workspace, &run).env("BAZEL_WASM_MIRROR", server).succeeds();
    let requests = published.mirror.server.requests();
    assert!(requests.last().unwrap().contains(IN_FOLDER), "{requests:?}");
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn published_archives_and_components_need_no_rust_either() {
    let published = Published::new();
    for archive in crate::data::wasi_archives() {
        let place = format!("served/wit/{}/{}", archive.folder, archive.filename);
        published.mirror.folder.write(&place, fs::read(archive.path).unwrap());
    }
    let workspace = published.workspace("offline_wit");
    published.online(&workspace, &["run", "//:vendor_wit_generate"]).succeeds();
    let workspace = vendored(&published, workspace, TOOLS.0, TOOLS.1);
    published.offline(&workspace, &["test", "//..."]).succeeds();

    let (sandbox, registry) = (Sandbox::new(), Registry::open());
    let workspace = published.workspace("offline_components");
    let mut module = workspace.sandbox.read("ws/MODULE.bazel");
    module = module.replace("registry.example.com", &registry.host());
    for (name, text, digit) in [("app", APP, "a"), ("greeter", GREETER, "b")] {
        let content = push(&sandbox, &registry, name, text).content;
        module = module.replace(&digit.repeat(64), &content);
    }
    workspace.sandbox.write("ws/MODULE.bazel", module);
    let workspace = vendored(&published, workspace, "//tools/vendor:vendor_all", "vendor");
    drop(registry);
    published.offline(&workspace, &["test", "//..."]).succeeds();
}
