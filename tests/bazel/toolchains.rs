//! Toolchains: vendored online, built offline.

use std::fs;
use std::process::Command;

use crate::later_bazels::separator;
use crate::workspace::{HELPER, Mirror, REPOSITORY, Workspace, output};
use crate::{nginx, sandbox};

// The target's name in messages. The examples have shorter names for it.
const VENDOR: &str = "@rules_wasm_airgap//tools/vendor:vendor_all_toolchains";
const OFFLINE: (&str, &str) = ("BAZEL_WASM_OFFLINE", "true");
const VENDOR_DIR: (&str, &str) = ("BAZEL_WASM_VENDOR_DIR", "vendor/toolchains");

/// Vendors from the mirror and returns the lines that pin the helper.
fn vendor(workspace: &Workspace, mirror: &Mirror) -> String {
    let printed = workspace
        .bazel(&["run", VENDOR, "--", "--output-dir", "vendor/toolchains"])
        .env("BAZEL_WASM_MIRROR", mirror.server.url())
        .succeeds();
    let pin = printed.stderr.split_once("wasm_helper = ").unwrap().1;
    format!("wasm_helper = {}\n)", pin.split_once("\n)").unwrap().0)
}

/// Creates an offline workspace: vendored, pinned, and without files of the online machine.
fn vendored(mirror: &Mirror) -> Workspace {
    let mut workspace = Workspace::from_example("offline_toolchains", mirror);
    let pin = vendor(&workspace, mirror);
    workspace.add_to_module(&pin);
    workspace.fresh_output_root();
    workspace
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn vendored_online_it_builds_offline_without_rust() {
    let mirror = Mirror::new();
    let mut workspace = vendored(&mirror);

    workspace
        .bazel_on_the_far_side(&["build", "//..."])
        .env(OFFLINE.0, OFFLINE.1)
        .env(VENDOR_DIR.0, VENDOR_DIR.1)
        .succeeds();
    let interface = workspace.sandbox.read("ws/bazel-bin/adder.interface.wit");
    assert!(interface.contains("export add: func(a: s32, b: s32) -> s32"), "{interface}");
    // An independent program reads the built component.
    let component = workspace.path("bazel-bin/adder.component.wasm");
    output(Command::new("wasm-tools").arg("validate").arg(component));

    // The flags of the example's .bazelrc: the actions have no network either.
    workspace.fresh_output_root();
    let test = ["test", "--config=offline", "//..."];
    let printed = workspace.bazel_on_the_far_side(&test).succeeds();
    assert!(printed.stdout.contains("1 test passes"), "{}", printed.stdout);
    // The tool by itself.
    let printed = workspace
        .bazel_on_the_far_side(&[
            "run",
            "--config=offline",
            "@wasm_toolchains//:wasm-tools",
            "--",
            "--version",
        ])
        .succeeds();
    assert!(printed.stdout.contains(&mirror.version), "{}", printed.stdout);
    workspace.is_proven();
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn a_flipped_byte_fails_with_file_and_both_digests() {
    let mirror = Mirror::new();
    let workspace = vendored(&mirror);
    let archive = workspace.path("vendor/toolchains").join(mirror.path());
    let mut bytes = fs::read(&archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&archive, &bytes).unwrap();

    workspace
        .bazel_on_the_far_side(&["build", "//..."])
        .env(OFFLINE.0, OFFLINE.1)
        .env(VENDOR_DIR.0, VENDOR_DIR.1)
        .fails()
        .says(&[&archive.display().to_string(), &mirror.sha256(), &sandbox::sha256(&bytes)]);
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn a_missing_archive_names_every_place_and_nothing_connects() {
    let mirror = Mirror::new();
    let workspace = vendored(&mirror);
    fs::remove_file(workspace.path("vendor/toolchains").join(mirror.path())).unwrap();
    let asked = mirror.server.requests().len();
    let trace = workspace.sandbox.path("trace");
    let strace = format!("--output={}", trace.display());

    // With a network and a mirror that has the file, so that not using them is a decision.
    let printed = workspace
        .command(
            &[
                "strace",
                "--follow-forks",
                "--seccomp-bpf",
                "-qq",
                "--trace=connect,sendto",
                &strace,
            ],
            &["build", "//..."],
        )
        .env(OFFLINE.0, OFFLINE.1)
        .env(VENDOR_DIR.0, VENDOR_DIR.1)
        .env("BAZEL_WASM_MIRROR", mirror.server.url())
        .fails();
    let path = mirror.path();
    printed.says(&[
        &format!("vendor/toolchains/toolchains/{path} (BAZEL_WASM_VENDOR_DIR): not there"),
        &format!("vendor/toolchains/{path} (BAZEL_WASM_VENDOR_DIR): not there"),
        &format!("third_party/toolchains/{path}: not there"),
        &format!(
            "{}/{path} (BAZEL_WASM_MIRROR): not asked: BAZEL_WASM_OFFLINE is on",
            mirror.server.url()
        ),
        "vendor_all_toolchains",
    ]);
    assert_eq!(mirror.server.requests().len(), asked);
    let trace = fs::read_to_string(trace).unwrap();
    let port = format!("htons({})", mirror.server.port());
    let is_ours = |line: &&str| {
        let internet = line.contains("AF_INET");
        let loopback = line.contains("127.0.0.1")
            || line.contains("\"::1\"")
            || line.contains("::ffff:127.0.0.1");
        internet && (!loopback || line.contains(&port) || line.contains("htons(53)"))
    };
    let found: Vec<_> = trace.lines().filter(is_ours).collect();
    assert!(found.is_empty(), "{found:#?}");
    assert!(trace.contains("connect("), "strace saw nothing at all");
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn bazel_vendor_stays_valid_offline_and_with_another_helper() {
    let mirror = Mirror::new();
    let mut workspace = vendored(&mirror);
    workspace
        .command(&[], &["vendor", "--vendor_dir=bazel_vendor", "//..."])
        .env(VENDOR_DIR.0, VENDOR_DIR.1)
        .succeeds();
    // A second fetch of anything would need these.
    fs::rename(workspace.path("vendor"), workspace.path("gone")).unwrap();
    workspace.fresh_output_root();
    let build = ["build", "--vendor_dir=bazel_vendor", "--repository_disable_download", "//..."];
    let printed = workspace.bazel_on_the_far_side(&build).env("BAZEL_WASM_OFFLINE", "1").succeeds();
    assert!(!printed.stderr.contains("out-of-date"), "{}", printed.stderr);

    // A helper with other bytes: its repository rule asks it only for the stamp. If a tool were
    // fetched again, this helper could not do it.
    let other = workspace.sandbox.write(
        "other-helper",
        "#!/bin/sh\n[ \"$1\" = stamp ] && exec printf 'wasm-airgap border 1\\n'\nexit 9\n",
    );
    output(Command::new("chmod").arg("755").arg(&other));
    workspace.fresh_output_root();
    workspace
        .bazel_on_the_far_side(&build)
        .env("BAZEL_WASM_OFFLINE", "1")
        .env("BAZEL_WASM_HELPER", &other)
        .succeeds();
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn only_the_hosts_archive_is_fetched() {
    let mirror = Mirror::new();
    let workspace = Workspace::from_example("offline_toolchains", &mirror);
    // Requests for other platforms go to a host that is blocked.
    let host = format!("127.0.0.1:{}", mirror.server.port());
    workspace.sandbox.write(
        "ws/downloader.cfg",
        format!(
            "rewrite {host}/(.*)/linux_amd64/(.*) {host}/$1/linux_amd64/$2\n\
             rewrite (.*) blocked.invalid/$1\nblock blocked.invalid\n"
        ),
    );
    workspace
        .bazel(&["build", "--experimental_downloader_config=downloader.cfg", "//..."])
        .env("BAZEL_WASM_MIRROR", mirror.server.url())
        .succeeds();
    let requests: Vec<_> = mirror.server.requests();
    assert_eq!(requests, [format!("/{}", mirror.path())]);
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn mistakes_in_module_bazel_are_explained() {
    let mirror = Mirror::new();
    for (lines, words) in [
        ("wasm.tool(name = \"wasm-tool\")", "did you mean wasm-tools"),
        (
            "wasm.tool(name = \"wasmtime\", version = \"1.0\")",
            "no version of wasmtime called `1.0`",
        ),
        ("wasm.bundle(name = \"tiny\")", "no bundle called `tiny`"),
        ("wasm.registry(file = \"//:adder.wit\")", "adder.wit` is not a JSON object"),
    ] {
        let workspace = Workspace::from_example("offline_toolchains", &mirror);
        workspace.add_to_module(lines);
        workspace.bazel(&["build", "//..."]).fails().says(&[words]);
    }
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn a_tool_without_a_release_for_the_platform_is_explained() {
    let mirror = Mirror::new();
    let workspace = Workspace::from_example("offline_toolchains", &mirror);
    workspace.add_to_module(
        "bazel_dep(name = \"platforms\", version = \"0.0.10\")\n\
         wasm.tool(name = \"loom\", version = \"1.1.14\")\n\
         wasm.tool(name = \"file-ops-component\")\n",
    );
    let build_file = workspace.sandbox.read("ws/BUILD.bazel");
    let platform = |name: &str, cpu: &str| {
        format!(
            "platform(name = \"{name}\", constraint_values = [\"@platforms//os:linux\", \
             \"@platforms//cpu:{cpu}\"])\n"
        )
    };
    let platforms = platform("arm", "aarch64") + &platform("riscv", "riscv64");
    workspace.sandbox.write("ws/BUILD.bazel", build_file + &platforms);
    let build = ["build", "--nobuild", "--keep_going"];
    let tools = ["@wasm_toolchains//:loom", "@wasm_toolchains//:file-ops-component"];
    let failed = workspace.bazel(&[&build[..], &tools, &["--host_platform=//:arm"]].concat());
    failed.fails().says(&[
        "loom 1.1.14 has no release for linux_arm64; it has releases for ",
        "linux_amd64",
        "bazel run @rules_wasm_airgap//:wasm-airgap -- toolchain pin --registry loom.json --tool loom",
        "--platform linux_arm64 URL",
        "is published as WebAssembly only (`wasm_component`)",
        "wasm-airgap vendor toolchains --tool file-ops-component@",
    ]);
    // Another execution platform that has the tool is used, and other targets do not need them.
    let first = ["--extra_execution_platforms=//:riscv", "--platforms=//:riscv"];
    let targets = ["@wasm_toolchains//:wasm-tools", "//..."];
    workspace
        .bazel(&[&build[..], &targets, &first].concat())
        .env("BAZEL_WASM_MIRROR", mirror.server.url())
        .succeeds();
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn bad_settings_and_bad_mirrors_are_explained() {
    let mirror = Mirror::new();
    let workspace = Workspace::from_example("offline_toolchains", &mirror);
    for (name, value, words) in [
        ("BAZEL_WASM_OFFLINE", "maybe", "`BAZEL_WASM_OFFLINE` must be on or off"),
        ("BAZEL_WASM_MIRROR", "mirror", "`BAZEL_WASM_MIRROR` does not contain a usable URL"),
        ("BAZEL_WASM_VENDOR_DIR", "nowhere", "ws/nowhere` does not exist"),
    ] {
        workspace.bazel(&["build", "//..."]).env(name, value).fails().says(&[words]);
    }
    // A mirror without the file: Bazel prints the cause, and this module the place and the remedy.
    let empty = nginx::Nginx::serve(&workspace.path("tools"));
    workspace.bazel(&["build", "//..."]).env("BAZEL_WASM_MIRROR", empty.url()).fails().says(&[
        "404",
        &empty.url(),
        "vendor_all_toolchains",
    ]);
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn without_cargo_three_remedies_are_named() {
    let mirror = Mirror::new();
    let workspace = Workspace::from_example("offline_toolchains", &mirror);
    let printed = workspace
        .bazel(&["build", "//..."])
        .without("BAZEL_WASM_HELPER")
        .env("PATH", "/usr/bin:/bin")
        .fails();
    let manifest = format!("external/rules_wasm_airgap{}/Cargo.toml vendor/crates", separator());
    let printed = printed.says(&[
        "no cargo on PATH",
        "BAZEL_WASM_HELPER=",
        "wasm_helper.pin",
        "cargo vendor",
        &manifest,
    ]);
    // A failure without a helper is also printed once.
    let missing = [("BAZEL_WASM_HELPER", "nowhere", "ws/nowhere` does not exist")];
    for (name, value, words) in missing {
        let again = workspace.bazel(&["build", "//..."]).env(name, value).fails();
        assert_eq!(again.stderr.matches("one of three places").count(), 1, "{}", again.stderr);
        again.says(&[words]);
    }
    assert_eq!(printed.stderr.matches("one of three places").count(), 1, "{}", printed.stderr);
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn a_pinned_helper_with_other_bytes_is_refused() {
    let mirror = Mirror::new();
    let workspace = vendored(&mirror);
    let helper = walkdir::WalkDir::new(workspace.path("vendor/toolchains/wasm-airgap"));
    let helper = helper.into_iter().flatten().find(|entry| entry.file_type().is_file()).unwrap();
    let mut bytes = fs::read(helper.path()).unwrap();
    let pinned = sandbox::sha256(&bytes);
    bytes.push(0);
    fs::write(helper.path(), &bytes).unwrap();
    workspace
        .bazel_on_the_far_side(&["build", "//..."])
        .env(OFFLINE.0, OFFLINE.1)
        .env(VENDOR_DIR.0, VENDOR_DIR.1)
        .fails()
        .says(&[&helper.path().display().to_string(), &pinned, &sandbox::sha256(&bytes)]);
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn the_pinned_helper_is_searched_by_the_common_rules() {
    let mirror = Mirror::new();
    let mut workspace = vendored(&mirror);
    // This target needs the helper and no tool, so the messages are about the helper.
    let build = ["build", VENDOR];
    for (name, value, words) in [
        ("BAZEL_WASM_MIRROR", ",", "`BAZEL_WASM_MIRROR` does not name a mirror: found `,`"),
        ("BAZEL_WASM_VENDOR_DIR", "nowhere", "ws/nowhere` does not exist"),
        ("BAZEL_WASM_VENDOR_DIR", "BUILD.bazel", "ws/BUILD.bazel` is not a folder"),
    ] {
        workspace.bazel_on_the_far_side(&build).env(name, value).fails().says(&[words]);
    }

    // Without a hashing program, as far as Bazel's flags allow the test. A file that cannot be
    // hashed is not reported as wrong.
    let few = workspace.path("few");
    fs::create_dir(&few).unwrap();
    for program in ["cp", "chmod", "cat", "dirname", "env", "uname"] {
        std::os::unix::fs::symlink(format!("/usr/bin/{program}"), few.join(program)).unwrap();
    }
    let path = format!("--repo_env=PATH={}", few.display());
    let printed = workspace
        .bazel_on_the_far_side(&["build", &path, "--repository_disable_download", VENDOR])
        .fails();
    assert!(!printed.stderr.contains("are not the pinned ones"), "{}", printed.stderr);
    printed.says(&["could not be hashed", "sha256sum: not on PATH", "BAZEL_WASM_HELPER="]);
    workspace.bazel_on_the_far_side(&["build", &path, VENDOR]).succeeds();

    // From a mirror that requires a login.
    let served = workspace.path("vendor/toolchains");
    fs::rename(workspace.path("vendor"), workspace.path("served")).unwrap();
    let served = workspace.path("served").join(served.file_name().unwrap());
    let password = "me:{PLAIN}geheim\n";
    let guarded = nginx::Nginx::guarded(&served, &workspace.sandbox.write("users", password));
    let netrc = "machine 127.0.0.1 login me password geheim\n";
    let netrc = workspace.sandbox.write("netrc", netrc);
    workspace.fresh_output_root();
    let build = || {
        let build = workspace.command(&[], &build).env("PATH", "/usr/bin:/bin");
        build.env("BAZEL_WASM_MIRROR", guarded.url())
    };
    build().fails().says(&["401"]);
    build().env("NETRC", netrc).succeeds();
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn cargo_builds_the_helper_and_two_folders_give_the_same_bytes() {
    let mirror = Mirror::new();
    let workspace = Workspace::from_example("offline_toolchains", &mirror);
    workspace.bazel(&["build", VENDOR]).without("BAZEL_WASM_HELPER").succeeds();
    let built = fs::canonicalize(workspace.path("bazel-bin/external")).unwrap();
    let mut built = walkdir::WalkDir::new(built).follow_links(true).into_iter().flatten();
    let built = built.find(|entry| entry.file_name() == "vendor_all_toolchains").unwrap();

    // The same sources in another folder, built by hand.
    let copy = workspace.sandbox.path("copy");
    fs::create_dir(&copy).unwrap();
    for part in [".cargo", "Cargo.toml", "Cargo.lock", "checksums", "crates", "src"] {
        output(Command::new("cp").arg("-r").arg(format!("{REPOSITORY}/{part}")).arg(&copy));
    }
    let mut cargo = Command::new("cargo");
    let words = ["build", "--profile=helper", "--locked", "--quiet", "--no-default-features"];
    cargo.args(words).current_dir(&copy);
    output(cargo.env("CARGO_TARGET_DIR", copy.join("target")));
    let by_hand = fs::read(copy.join("target/helper/wasm-airgap")).unwrap();
    assert_eq!(sandbox::sha256(&fs::read(built.path()).unwrap()), sandbox::sha256(&by_hand));
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn cargo_builds_the_helper_from_vendored_crates_without_a_network() {
    let mirror = Mirror::new();
    let workspace = Workspace::from_example("offline_toolchains", &mirror);
    let mut cargo = Command::new("cargo");
    cargo.args(["vendor", "--quiet", "--locked", "--versioned-dirs", "--manifest-path"]);
    output(cargo.arg(format!("{REPOSITORY}/Cargo.toml")).arg(workspace.path("vendor/crates")));
    let path = std::env::var("PATH").unwrap();
    let build = workspace.bazel_on_the_far_side(&["build", VENDOR]);
    build.env("PATH", path).env(OFFLINE.0, OFFLINE.1).succeeds();
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn the_helper_opens_no_socket_offline() {
    let mirror = Mirror::new();
    let sandbox = sandbox::Sandbox::new();
    let trace = sandbox.path("trace");
    for arguments in [
        vec!["plan", "--tool", "wasm-tools"],
        vec!["vendor", "toolchains", "--output-dir", "v", "--tool", "wasm-tools"],
        vec![
            "toolchain",
            "pin",
            "https://github.com/o/r/releases/download/v1.0/r-linux-x86_64.zip",
        ],
    ] {
        let mut command = Command::new("strace");
        command
            .args(["--follow-forks", "-qq", "--trace=network", "--output"])
            .arg(&trace)
            .arg(HELPER)
            .args(&arguments)
            .current_dir(sandbox.root())
            .env("BAZEL_WASM_OFFLINE", "on")
            .env("BAZEL_WASM_MIRROR", mirror.server.url());
        assert_eq!(command.output().unwrap().status.code(), Some(3), "{arguments:?}");
        assert_eq!(fs::read_to_string(&trace).unwrap(), "", "{arguments:?}");
    }
    assert_eq!(mirror.server.requests(), [""; 0]);
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn offline_leaves_bazels_own_cache_and_distdir() {
    let mirror = Mirror::new();
    let mut workspace = Workspace::from_example("offline_toolchains", &mirror);
    let cache = format!("--repository_cache={}", workspace.sandbox.path("kept").display());
    let dist = workspace.sandbox.path("dist");
    let archive = mirror.folder.path("served").join(mirror.path());
    fs::create_dir(&dist).unwrap();
    fs::copy(&archive, dist.join(format!("wasm-tools-{}-x86_64-linux.tar.gz", mirror.version)))
        .unwrap();
    let dist = format!("--distdir={}", dist.display());
    let offline = |workspace: &Workspace, flag: &str| {
        let words = ["build", flag, "--config=offline", "//:adder"];
        let build = workspace.bazel_on_the_far_side(&words);
        build.env("BAZEL_WASM_HELPER", HELPER)
    };
    // The folder in the example's flags exists and is empty.
    fs::create_dir_all(workspace.path("vendor/toolchains")).unwrap();
    let empty = format!("--distdir={}", workspace.path("vendor").display());
    let printed = offline(&workspace, &empty).fails();
    printed.says(&["Bazel's repository cache", "third_party/toolchains", "vendor_all_toolchains"]);
    offline(&workspace, &dist).succeeds();
    workspace.fresh_output_root();
    let build = workspace.bazel(&["build", &cache, "//:adder"]);
    build.env("BAZEL_WASM_MIRROR", mirror.server.url()).succeeds();
    workspace.fresh_output_root();
    offline(&workspace, &cache).succeeds();
}
