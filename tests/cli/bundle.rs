//! `bundle`: transfers over the gap that arrive.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::bundles::{layout, noise, vendor};
use crate::sandbox::{Sandbox, sha256};

const A: &[u8] = b"tool a";
const B: &[u8] = b"tool b";

/// Creates a bundle from these words.
fn create(sandbox: &Sandbox, words: &[&str]) -> serde_json::Value {
    let words: Vec<_> = ["bundle", "create", "--json"].iter().chain(words).copied().collect();
    sandbox.run(&words).succeeds().json()
}

fn apply(sandbox: &Sandbox, bundle: &str, output: &str) -> serde_json::Value {
    sandbox.run(&["bundle", "apply", bundle, "--output", output, "--json"]).succeeds().json()
}

fn sha256sum(folder: &Path) {
    let mut command = Command::new("sha256sum");
    let output =
        command.args(["-c", "--strict", "SHA256SUMS"]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn lines(sandbox: &Sandbox, file: &str) -> Vec<serde_json::Value> {
    sandbox.read(file).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_vendor_folder_and_a_layout_arrive_unchanged() {
    let sandbox = Sandbox::new();
    vendor(&sandbox, "v", &[("a", A), ("b", B), ("copy", A), ("empty", b"")]);
    layout(&sandbox, "images", &[("docker.io/library/nats:2.11", b"layer")]);
    let created = create(&sandbox, &["v", "images", "--output=out/b"]);
    assert_eq!((&created["parts"], &created["removed"]), (&1.into(), &0.into()));
    sha256sum(&sandbox.path("out/b"));
    let applied = apply(&sandbox, "out/b", "far");
    assert_eq!(applied["waiting"], false);
    let mut expected = sandbox.tree("v");
    for (name, content) in sandbox.tree("images") {
        expected.insert(format!("images/{name}"), content);
    }
    assert_eq!(sandbox.tree("far"), expected);
    sandbox.run(&["verify", "far"]).succeeds();
    // Nothing is left to do.
    let again = apply(&sandbox, "out/b", "far");
    assert_eq!((&again["written"], &again["waiting"]), (&0.into(), &false.into()));
    assert_eq!(sandbox.tree("far"), expected);
    let inventory = lines(&sandbox, "out/b/inventory.jsonl");
    let paths: Vec<_> = inventory.iter().map(|line| line["path"].as_str().unwrap()).collect();
    assert!(paths.is_sorted());
    let line = |path: &str| inventory.iter().find(|line| line["path"] == path).unwrap();
    let (a, copy) = (
        line("toolchains/a/1.0/linux_amd64/a.tar.gz"),
        line("toolchains/copy/1.0/linux_amd64/copy.tar.gz"),
    );
    assert_eq!((&a["kind"], &a["sha256"]), (&"tool".into(), &sha256(A).into()));
    assert_eq!((&a["part"], &a["offset"]), (&copy["part"], &copy["offset"]));
    assert!(a["purl"].as_str().unwrap().starts_with("pkg:github/org/a@v1.0?checksum=sha256:"));
    let purls: Vec<_> = inventory.iter().filter_map(|line| line["purl"].as_str()).collect();
    assert!(purls.iter().any(|purl| purl.starts_with("pkg:oci/nats@sha256:")), "{purls:?}");
}

#[test]
fn the_offsets_are_those_of_a_tar_that_others_read() {
    let sandbox = Sandbox::new();
    let deep = "x".repeat(60);
    vendor(&sandbox, "v", &[("a", A), (&deep, B)]);
    create(&sandbox, &["v", "--output=b"]);
    let part = fs::read(sandbox.path("b/data.0001.tar")).unwrap();
    for line in lines(&sandbox, "b/inventory.jsonl") {
        let (offset, size) = (line["offset"].as_u64().unwrap(), line["size"].as_u64().unwrap());
        let content = &part[offset as usize..(offset + size) as usize];
        assert_eq!(line["sha256"], sha256(content), "{line}");
    }
    fs::create_dir(sandbox.path("plain")).unwrap();
    let mut tar = Command::new("tar");
    let tar = tar.args(["-xf", "b/data.0001.tar", "-C", "plain"]).current_dir(sandbox.root());
    let output = tar.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(sandbox.tree("plain"), sandbox.tree("v"));
}

#[test]
fn a_bundle_is_the_same_on_each_machine() {
    let sandbox = Sandbox::new();
    let tools: Vec<_> = (0..30).map(|nth| (format!("t{nth}"), noise(nth, 3000))).collect();
    let tools: Vec<_> = tools.iter().map(|(name, content)| (name.as_str(), &**content)).collect();
    vendor(&sandbox, "one/v", &tools);
    let other: Vec<_> = tools.iter().rev().copied().collect();
    vendor(&sandbox, "other/v", &other);
    create(&sandbox, &["one/v", "--output=one/b", "--split-size=65536"]);
    let program = crate::sandbox::program();
    let program = program.to_str().unwrap();
    let script = "umask 077; TZ=Asia/Kathmandu LC_ALL=C.UTF-8 exec \"$@\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh", program, "bundle", "create", "v", "--output=b"]);
    let shell = shell.arg("--split-size=65536").current_dir(sandbox.path("other")).env_clear();
    assert!(shell.output().unwrap().status.success());
    assert_eq!(sandbox.read("one/b/SHA256SUMS"), sandbox.read("other/b/SHA256SUMS"));
    assert_eq!(sandbox.tree("one/b"), sandbox.tree("other/b"));
}

#[test]
fn large_files_are_cut_and_no_part_is_too_large() {
    let sandbox = Sandbox::new();
    let large = noise(1, 300_000);
    vendor(&sandbox, "v", &[("a", A), ("large", &large), ("z", B)]);
    let created = create(&sandbox, &["v", "--output=b", "--split-size=64KiB"]);
    let parts = created["parts"].as_u64().unwrap();
    assert!(parts >= 5, "{created}");
    for nth in 1..=parts {
        let size = fs::metadata(sandbox.path(&format!("b/data.{nth:04}.tar"))).unwrap().len();
        assert!(size <= 65536, "part {nth} has {size} bytes");
    }
    let inventory = lines(&sandbox, "b/inventory.jsonl");
    let cut = inventory.iter().find(|line| line["sha256"] == sha256(&large)).unwrap();
    for range in cut["ranges"].as_array().unwrap() {
        let name = format!("b/data.{:04}.tar", range["part"].as_u64().unwrap());
        let part = fs::read(sandbox.path(&name)).unwrap();
        let offset = range["offset"].as_u64().unwrap() as usize;
        let size = range["size"].as_u64().unwrap() as usize;
        assert_eq!(range["sha256"], sha256(&part[offset..offset + size]));
    }
    apply(&sandbox, "b", "far");
    assert_eq!(sandbox.tree("far"), sandbox.tree("v"));
}

#[test]
fn twelve_hundred_parts_arrive() {
    // In memory, where flushing a file takes no time.
    let memory = Path::new("/dev/shm");
    let sandbox = if memory.is_dir() { Sandbox::below(memory) } else { Sandbox::new() };
    let large = noise(7, 1200 * 64_000);
    vendor(&sandbox, "v", &[("large", &large)]);
    let created = create(&sandbox, &["v", "--output=b", "--split-size=64KiB"]);
    assert!(created["parts"].as_u64().unwrap() >= 1200, "{created}");
    sha256sum(&sandbox.path("b"));
    apply(&sandbox, "b", "far");
    assert_eq!(sandbox.tree("far"), sandbox.tree("v"));
    // A flipped byte is found in one part of so many, and only that part is named.
    let part = sandbox.path("b/data.0777.tar");
    let mut wrong = fs::read(&part).unwrap();
    let middle = wrong.len() / 2;
    wrong[middle] ^= 1;
    fs::write(&part, wrong).unwrap();
    let printed = sandbox.run(&["bundle", "apply", "b", "--output=other"]).ends_with(4);
    let named: Vec<_> = printed.stderr.match_indices("data.").collect();
    assert_eq!(named.len(), 1, "{}", printed.stderr);
    printed.says(&["wrong: 1 of ", "part:  data.0777.tar: sha256:"]);
    assert!(!sandbox.path("other").exists());
}

/// Runs the program, and returns its largest memory in use, in bytes.
#[cfg(target_os = "linux")]
fn peak(sandbox: &Sandbox, words: &[&str]) -> u64 {
    let mut child = sandbox.run(words).command.spawn().unwrap();
    let mut most = 0;
    let status = loop {
        let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        most = most.max(number.unwrap_or_default() * 1024);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    };
    assert!(status.success() && most > 0, "{words:?}: {status}");
    most
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_content() {
    let peaks = |megabytes: usize| {
        let sandbox = Sandbox::new();
        vendor(&sandbox, "v", &[("large", &vec![7; megabytes << 20])]);
        let created = peak(&sandbox, &["bundle", "create", "v", "--output=b", "--split-size=9MiB"]);
        (created, peak(&sandbox, &["bundle", "apply", "b", "--output=far"]))
    };
    let (small, large) = (peaks(16), peaks(256));
    let bound = 8 << 20;
    assert!(large.0 < small.0 + bound, "bundle create: {small:?} {large:?}");
    assert!(large.1 < small.1 + bound, "bundle apply: {small:?} {large:?}");
}

/// Writes two states of one folder: a file is added, one goes, one changes, a tag moves.
fn two_states(sandbox: &Sandbox) {
    vendor(sandbox, "old", &[("a", A), ("b", B), ("gone", b"gone")]);
    layout(sandbox, "old/images", &[("r.example/x:1", b"one"), ("r.example/y:1", b"two")]);
    vendor(sandbox, "new", &[("a", A), ("b", b"tool b, changed"), ("c", b"tool c")]);
    layout(sandbox, "new/images", &[("r.example/x:1", b"three"), ("r.example/z:1", b"two")]);
}

#[test]
fn base_and_delta_are_the_full_bundle_in_either_order() {
    let sandbox = Sandbox::new();
    two_states(&sandbox);
    create(&sandbox, &["old", "--output=base"]);
    create(&sandbox, &["new", "--output=full"]);
    apply(&sandbox, "base", "far");
    sandbox.run(&["bundle", "inventory", "far", "-o", "far.jsonl"]).succeeds();
    let delta = create(&sandbox, &["new", "--output=delta", "--since=far.jsonl"]);
    assert!(delta["carried"].as_u64() < delta["files"].as_u64(), "{delta}");
    assert_eq!(delta["removed"], 3, "the tool, the old manifest of x and its layer: {delta}");
    let table = sandbox.read("delta/transfer.tsv");
    for row in [
        "there\ttoolchains/a/",
        "changed\ttoolchains/b/",
        "new\ttoolchains/c/",
        "removed\ttoolchains/gone/",
    ] {
        assert!(table.contains(row), "`{row}` is missing in\n{table}");
    }
    apply(&sandbox, "full", "expected");
    let expected = sandbox.tree("expected");
    assert_eq!(expected, sandbox.tree("new"));
    assert_eq!(apply(&sandbox, "delta", "far")["waiting"], false);
    assert_eq!(sandbox.tree("far"), expected);

    let printed = sandbox.run(&["bundle", "apply", "delta", "--output", "other"]).succeeds();
    printed.says(&["nothing is changed yet", "6 files", "images/blobs/sha256/"]);
    let visible = sandbox.tree("other").into_keys().filter(|name| !name.starts_with('.'));
    assert_eq!(visible.count(), 0);
    apply(&sandbox, "base", "other");
    assert_eq!(sandbox.tree("other"), expected);
    sandbox.run(&["verify", "other"]).succeeds();
}

#[test]
fn a_removed_file_that_changed_after_the_inventory_stays_and_is_named() {
    let sandbox = Sandbox::new();
    vendor(&sandbox, "far", &[("a", b"a"), ("gone", b"gone")]);
    vendor(&sandbox, "near", &[("a", b"a")]);
    sandbox.run(&["bundle", "inventory", "far", "-o", "far.jsonl"]).succeeds();
    create(&sandbox, &["near", "--output=delta", "--since=far.jsonl"]);
    let gone = "toolchains/gone/1.0/linux_amd64/gone.tar.gz";
    sandbox.write(&format!("far/{gone}"), "mine");
    let again = sandbox.path("again");
    assert!(
        std::process::Command::new("cp")
            .arg("-r")
            .arg(sandbox.path("far"))
            .arg(&again)
            .status()
            .unwrap()
            .success()
    );
    let applied = apply(&sandbox, "delta", "far");
    assert_eq!(
        (&applied["removed"], &applied["changed_paths"]),
        (&0.into(), &serde_json::json!([gone]))
    );
    assert_eq!(sandbox.read(&format!("far/{gone}")), "mine");
    let apply = sandbox.run(&["bundle", "apply", "delta", "--output=again"]).succeeds();
    apply.says(&["warning: ", gone, "was not removed"]);
}

#[test]
fn a_delta_of_damaged_files_brings_them_again() {
    let sandbox = Sandbox::new();
    vendor(&sandbox, "v", &[("a", A), ("b", B)]);
    create(&sandbox, &["v", "--output=base"]);
    apply(&sandbox, "base", "far");
    sandbox.write("far/toolchains/a/1.0/linux_amd64/a.tar.gz", "damaged");
    fs::remove_file(sandbox.path("far/toolchains/b/1.0/linux_amd64/b.tar.gz")).unwrap();
    sandbox.run(&["verify", "far"]).ends_with(4);
    sandbox.run(&["bundle", "inventory", "far", "-o", "far.jsonl"]).succeeds();
    create(&sandbox, &["v", "--output=delta", "--since=far.jsonl"]);
    apply(&sandbox, "delta", "far");
    assert_eq!(sandbox.tree("far"), sandbox.tree("v"));
}

#[test]
fn bundles_of_two_teams_share_a_folder() {
    let sandbox = Sandbox::new();
    vendor(&sandbox, "v1", &[("a", A)]);
    vendor(&sandbox, "v2", &[("b", B)]);
    layout(&sandbox, "i1", &[("r.example/x:1", b"one")]);
    layout(&sandbox, "i2", &[("r.example/y:1", b"two")]);
    create(&sandbox, &["v1", "i1", "--output=b1"]);
    create(&sandbox, &["v2", "i2", "--output=b2"]);
    create(&sandbox, &["v1", "i1", "v2", "i2", "--output=both"]);
    for bundle in ["b1", "b2"] {
        apply(&sandbox, bundle, "far");
    }
    apply(&sandbox, "both", "expected");
    assert_eq!(sandbox.tree("far"), sandbox.tree("expected"));
    sandbox.run(&["verify", "far"]).succeeds();
    // The next bundle of one team leaves the files of the other.
    apply(&sandbox, "b1", "far");
    assert_eq!(sandbox.tree("far"), sandbox.tree("expected"));
}

#[test]
fn a_bundle_of_the_applied_folder_is_equal() {
    let sandbox = Sandbox::new();
    vendor(&sandbox, "v", &[("a", A)]);
    layout(&sandbox, "images", &[("r.example/x:1", b"one")]);
    create(&sandbox, &["v", "images", "--output=b"]);
    apply(&sandbox, "b", "far");
    create(&sandbox, &["far", "--output=again"]);
    assert_eq!(sandbox.read("again/SHA256SUMS"), sandbox.read("b/SHA256SUMS"));
}

#[test]
fn a_diff_names_each_file() {
    let sandbox = Sandbox::new();
    two_states(&sandbox);
    create(&sandbox, &["old", "--output=base"]);
    sandbox.run(&["bundle", "inventory", "new", "-o", "new.jsonl"]).succeeds();
    let printed = sandbox.run(&["bundle", "diff", "base", "new"]).succeeds();
    for line in ["- toolchains/gone/", "+ toolchains/c/", "! toolchains/b/", "! images/index.json"]
    {
        assert!(printed.stdout.contains(line), "{}", printed.stdout);
    }
    assert!(!printed.stdout.contains("toolchains/a/"), "{}", printed.stdout);
    let same = sandbox.run(&["bundle", "diff", "new.jsonl", "new", "--json"]).succeeds().json();
    assert_eq!(same["equal"], true);
}

#[test]
fn an_inspection_lists_files_and_parts() {
    let sandbox = Sandbox::new();
    vendor(&sandbox, "v", &[("a", A)]);
    create(&sandbox, &["v", "--output=b"]);
    let printed = sandbox.run(&["bundle", "inspect", "b"]).succeeds();
    for text in ["tool", "toolchains/a/1.0/linux_amd64/a.tar.gz", "ok     data.0001.tar"] {
        assert!(printed.stdout.contains(text), "{}", printed.stdout);
    }
    let json = sandbox.run(&["bundle", "inspect", "b", "--json"]).succeeds().json();
    assert_eq!(json["parts"], serde_json::json!([{"name": "data.0001.tar"}]));
}

#[cfg(unix)]
#[test]
fn executable_files_stay_executable() {
    use std::os::unix::fs::PermissionsExt;

    let sandbox = Sandbox::new();
    vendor(&sandbox, "v", &[("a", A)]);
    let manifest = sandbox.read("v/manifest.json").replace("\"toolchain\"", "\"helper\"");
    sandbox.write("v/manifest.json", manifest);
    create(&sandbox, &["v", "--output=b"]);
    apply(&sandbox, "b", "far");
    let mode = |path: &str| fs::metadata(sandbox.path(path)).unwrap().permissions().mode() & 0o111;
    assert_ne!(mode("far/toolchains/a/1.0/linux_amd64/a.tar.gz"), 0);
    assert_eq!(mode("far/manifest.json"), 0);
}

#[test]
fn an_empty_folder_has_an_empty_inventory() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("far")).unwrap();
    let printed = sandbox.run(&["bundle", "inventory", "far"]).succeeds();
    assert_eq!(printed.stdout, "");
    vendor(&sandbox, "v", &[("a", A)]);
    sandbox.write("far.jsonl", "");
    let created = create(&sandbox, &["v", "--output=b", "--since=far.jsonl"]);
    assert_eq!(created["files"], created["carried"]);
}

/// A Bazel that knows the options of Bazel 9 and "downloads" one file, beside files that no version
/// for which this program was written has.
const NEW_BAZEL: &str = r#"#!/bin/sh
case "$*" in
*' help build '*) printf -- '--downloader_config\n--repo_contents_cache\n'; exit ;;
esac
for word; do case $word in --repository_cache=*) cache=${word#*=} ;; esac; done
file=$cache/content_addressable/sha256/SHA256
mkdir -p "$file" "$cache/contents/x" "$cache/content_addressable/sha512/x"
printf downloaded >"$file/file"
: >"$file/id-SHA256"
: >"$file/tmp-1"
ln -s / "$cache/contents/x/link"
echo '{"registryFileHashes": {}}' >MODULE.bazel.lock
"#;

/// Creates a workspace and this Bazel, and returns the PATH that has it.
fn bazel(sandbox: &Sandbox, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    sandbox.write("MODULE.bazel", "");
    let program = sandbox.write("bin/bazel", script.replace("SHA256", &sha256(b"downloaded")));
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", sandbox.path("bin").display())
}

#[test]
fn the_cache_of_bazel_arrives_with_options_that_this_bazel_knows() {
    let sandbox = Sandbox::new();
    let path = bazel(&sandbox, NEW_BAZEL);
    let words = ["bundle", "create", "--bazel-target=//...", "--bazel-vendor=far", "--output=b"];
    sandbox.run(&words).env("PATH", &path).succeeds();
    assert!(!sandbox.path("MODULE.bazel.lock").exists());
    apply(&sandbox, "b", "far");
    let digest = sha256(b"downloaded");
    let cached = format!("bazel/repository_cache/content_addressable/sha256/{digest}");
    let found = sandbox.tree("far").into_keys().collect::<Vec<_>>();
    let expected = [
        "bazel/MODULE.bazel.lock".to_owned(),
        "bazel/airgap-7.0.bazelrc".to_owned(),
        "bazel/airgap-8.3.bazelrc".to_owned(),
        "bazel/airgap.bazelrc".to_owned(),
        "bazel/downloader.cfg".to_owned(),
        format!("{cached}/file"),
        format!("{cached}/id-{digest}"),
    ];
    assert_eq!(found, expected);
    let rc = sandbox.read("far/bazel/airgap.bazelrc");
    for option in [
        "--repository_cache=far/bazel/repository_cache",
        "--downloader_config=far/bazel/downloader.cfg",
        "--repo_contents_cache=",
    ] {
        assert!(rc.lines().any(|line| line == format!("common {option}")), "{rc}");
    }
    // The file of this Bazel is one of the files for each generation.
    assert_eq!(rc, sandbox.read("far/bazel/airgap-8.3.bazelrc"));
    let older = sandbox.read("far/bazel/airgap-7.0.bazelrc");
    assert!(older.contains("common --experimental_downloader_config=far/bazel/downloader.cfg\n"));

    // A file that was damaged since then is not bundled again.
    sandbox.write(&format!("far/{cached}/file"), "damaged");
    let words = ["bundle", "create", "far", "--output=c"];
    sandbox.run(&words).ends_with(4).says(&["is damaged", &digest]);
}

#[test]
fn a_fetch_that_fails_leaves_no_bundle_and_no_lock() {
    let sandbox = Sandbox::new();
    let failing = NEW_BAZEL.to_owned() + "exit 7\n";
    let path = bazel(&sandbox, &failing);
    let words = ["bundle", "create", "--bazel-target=//...", "--output=b"];
    let run = sandbox.run(&words).env("PATH", &path).ends_with(1);
    run.says(&["cannot fetch what the targets need", "exit status: 7"]);
    assert!(!sandbox.path("b").exists() && !sandbox.path("MODULE.bazel.lock").exists());
    let script = ["--bazel-binary", "bin/bazel"];
    let run = sandbox.run(&[&words[..], &script].concat()).ends_with(2);
    run.says(&["is a script", "the binary of Bazel itself"]);
    let run = sandbox.run(&[&words[..], &["--bazel-vendor=../x"]].concat());
    run.env("PATH", &path).ends_with(2).says(&["is not a plain path"]);
}
