//! `scripts/source-archive`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::Path;

use crate::output;
use crate::release::{Release, VERSION, binary};
use crate::sandbox::{sha256, tree};

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");
const TABLE: &str = "bazel/private/helper_releases.bzl";
const ALL: [&str; 5] =
    ["darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64", "windows_amd64"];

fn release() -> Release {
    Release::new(&ALL.map(|platform| (platform, platform.as_bytes())))
}

/// Returns the files of an archive by their paths below its one folder.
fn unpacked(archive: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(archive).unwrap()));
    let mut files = BTreeMap::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        let path = path.strip_prefix(&format!("rules_wasm_airgap-{VERSION}/")).unwrap().to_owned();
        if entry.header().entry_type().is_file() {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.insert(path, bytes);
        }
    }
    files
}

#[test]
fn the_archive_has_the_sources_and_pins_each_binary() {
    let release = release();
    let tag = format!("v{VERSION}");
    output(&mut release.source_archive(&["--tag", &tag, "release"]));
    let files = unpacked(&release.archive());

    let top: BTreeSet<_> = files.keys().map(|path| path.split('/').next().unwrap()).collect();
    let expected = [
        ".cargo",
        "BUILD.bazel",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "MODULE.bazel",
        "README.md",
        "bazel",
        "checksums",
        "crates",
        "examples",
        "src",
        "tools",
        "wit",
        "wkg",
    ];
    assert_eq!(top.into_iter().collect::<Vec<_>>(), expected);
    for absent in ["bazel/tests/", "bazel/docs/", "examples/offline_wit/"] {
        assert!(!files.keys().any(|path| path.starts_with(absent)), "{absent}");
    }
    // A machine with cargo can still build the helper, so its sources are whole.
    for folder in [".cargo", "checksums", "crates", "src"] {
        for (path, bytes) in tree(&Path::new(REPOSITORY).join(folder)) {
            assert_eq!(files.get(&format!("{folder}/{path}")), Some(&bytes), "{folder}/{path}");
        }
    }
    let presubmit = fs::read_to_string(Path::new(REPOSITORY).join(".bcr/presubmit.yml")).unwrap();
    let example = presubmit.split("module_path: \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(files.contains_key(&format!("{example}/MODULE.bazel")), "{example}");

    let filled = String::from_utf8(files[TABLE].clone()).unwrap();
    for platform in ALL {
        let url = format!(
            "https://github.com/rules-wasm-airgap/rules_wasm_airgap/releases/download/v{VERSION}/{}",
            binary(platform)
        );
        let line = format!(
            "    \"{platform}\": struct(\n        sha256 = \"{}\",\n        url = \"{url}\",\n        \
             version = \"{VERSION}\",\n    ),\n",
            sha256(platform.as_bytes())
        );
        assert!(filled.contains(&line), "{filled}");
    }
    let empty = fs::read_to_string(Path::new(REPOSITORY).join(TABLE)).unwrap();
    assert!(empty.contains("\nHELPER_RELEASES = {}\n"), "{empty}");

    let mut check = std::process::Command::new("sha256sum");
    output(check.args(["--check", "--strict", "SHA256SUMS"]).current_dir(release.path()));
    let sums = release.sandbox.read("release/SHA256SUMS");
    assert_eq!(sums.lines().count(), ALL.len() + 1, "{sums}");
}

#[test]
fn two_checkouts_give_the_same_bytes() {
    let (one, other) = (release(), release());
    output(&mut one.source_archive(&["release"]));
    let expected = tree(&one.path());

    let git = std::process::Command::new("git")
        .args(["rev-parse", "--absolute-git-dir"])
        .current_dir(REPOSITORY)
        .output();
    let git = String::from_utf8(git.unwrap().stdout).unwrap();
    other.sandbox.write("a/checkout/.git", format!("gitdir: {git}"));
    for script in ["source-archive", "common.sh"] {
        let source = Path::new(REPOSITORY).join("scripts").join(script);
        let copy = other.sandbox.write(&format!("a/checkout/scripts/{script}"), "");
        fs::copy(source, copy).unwrap();
    }
    let script = "umask 077; exec \"$0\" \"$@\"";
    let checkout = other.sandbox.path("a/checkout");
    let mut wrapped = std::process::Command::new("bash");
    let command = other.source_archive_of(&checkout, &["release"]);
    wrapped.args(["-c", script]).arg(command.get_program()).args(command.get_args());
    wrapped.current_dir(other.sandbox.root()).env("TZ", "Asia/Tokyo").env("GZIP", "-1");
    wrapped.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    output(&mut wrapped);
    assert!(tree(&other.path()) == expected, "{:?}", tree(&other.path()).keys());

    // A second run changes nothing.
    output(&mut one.source_archive(&["release"]));
    assert!(tree(&one.path()) == expected);
}

#[test]
fn a_release_that_does_not_fit_together_is_refused() {
    let module = fs::read_to_string(Path::new(REPOSITORY).join("MODULE.bazel")).unwrap();
    let next = module.replace(&format!("version = \"{VERSION}\""), "version = \"99.0.0\"");
    assert_ne!(next, module);
    type Change = fn(&Release, &str);
    let cases: [(&[&str], Change, &[&str]); 7] = [
        (&["--tag", "v99.0.0", "release"], |_, _| {}, &["'v99.0.0'", "expected 'v"]),
        (&["release"], |it, next| it.replace("MODULE.bazel", next), &["'99.0.0'", "Cargo.toml"]),
        (
            &["release"],
            |it, _| it.replace(TABLE, "HELPER_RELEASES = {\"a\": 1}\n"),
            &[TABLE, "HELPER_RELEASES = {}"],
        ),
        (
            &["release"],
            |it, _| fs::remove_file(it.path().join(binary("darwin_arm64"))).unwrap(),
            &["no binary for darwin_arm64", "scripts/release --output"],
        ),
        (
            &["release"],
            |it, _| fs::write(it.path().join(binary("windows_amd64")), "other").unwrap(),
            &["windows_amd64.exe", "found sha256", "expected"],
        ),
        (
            &["release"],
            |it, _| fs::write(it.path().join("SHA256SUMS"), "").unwrap(),
            &["darwin_amd64", "expected ''"],
        ),
        (
            &["release"],
            |it, _| fs::remove_file(it.path().join("SHA256SUMS")).unwrap(),
            &["SHA256SUMS does not exist"],
        ),
    ];
    for (arguments, change, words) in cases {
        let release = release();
        change(&release, &next);
        let before = tree(&release.path());
        let ended = release.source_archive(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success(), "{words:?}");
        for word in words {
            assert!(said.contains(word), "`{word}` is missing in\n{said}");
        }
        assert!(said.contains("  try: "), "{said}");
        assert!(tree(&release.path()) == before, "{words:?}");
    }
}
