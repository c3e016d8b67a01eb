//! `extract`. The tests of archive contents are in tests/extract.

use std::fs;
use std::process::Command;

use crate::sandbox::{Sandbox, sha256};

fn archive(sandbox: &Sandbox) -> String {
    sandbox.write("tool-1.0/bin/tool", "#!/bin/sh\n");
    sandbox.write("tool-1.0/doc/BUILD", "");
    let tar = ["-czf", "tool.tar.gz", "tool-1.0"];
    assert!(Command::new("tar").args(tar).current_dir(sandbox.root()).status().unwrap().success());
    sha256(&fs::read(sandbox.path("tool.tar.gz")).unwrap())
}

#[test]
fn a_verified_archive_is_unpacked() {
    let sandbox = Sandbox::new();
    let digest = archive(&sandbox);
    let words = ["extract", "--json", "--sha256", &digest, "tool.tar.gz", "out"];
    let json = sandbox.run(&words).succeeds().json();
    assert_eq!(json["root"], sandbox.path("out").display().to_string());
    assert_eq!(sandbox.tree("out").into_keys().collect::<Vec<_>>(), ["bin/tool", "doc/BUILD"]);
    // Bazel must not take the second file for a package.
    let words = ["extract", "--for-bazel", "--sha256", &digest, "tool.tar.gz", "out2"];
    sandbox.run(&words).succeeds();
    assert_eq!(
        sandbox.tree("out2").into_keys().collect::<Vec<_>>(),
        ["bin/tool", "doc/BUILD.upstream"]
    );
}

#[test]
fn a_declared_executable_is_executable() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let sandbox = Sandbox::new();
    for path in ["top/bin/tool", "top/sub/real", "top/other", "top/win.exe"] {
        fs::set_permissions(sandbox.write(path, "#!/bin/sh\n"), PermissionsExt::from_mode(0o644))
            .unwrap();
    }
    symlink("sub/real", sandbox.path("top/link")).unwrap();
    let tar = ["-czf", "tool.tar.gz", "top"];
    assert!(Command::new("tar").args(tar).current_dir(sandbox.root()).status().unwrap().success());
    let digest = sha256(&fs::read(sandbox.path("tool.tar.gz")).unwrap());
    let mut words = vec!["extract", "--sha256", &digest, "tool.tar.gz", "out"];
    for path in ["tool", "link", "win", "not-there", "sub"] {
        words.extend(["--executable", path]);
    }
    sandbox.run(&words).succeeds();
    let mode = |path: &str| fs::metadata(sandbox.path(path)).unwrap().permissions().mode();
    for (path, executable) in
        [("bin/tool", true), ("sub/real", true), ("win.exe", true), ("other", false)]
    {
        assert_eq!(mode(&format!("out/{path}")) & 0o111 != 0, executable, "{path}");
    }
}

#[test]
fn a_mismatch_names_the_kind_of_the_file() {
    let sandbox = Sandbox::new();
    let (tool, script) = (sha256(b"the tool"), sha256(b"#!/bin/sh\necho\n"));
    let lfs = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{tool}\nsize 8\n");
    for (bytes, digest, words) in [
        (lfs.as_str(), &tool, ["a Git LFS pointer to the pinned file", "`git lfs pull`"]),
        ("<!doctype html>", &tool, ["an HTML page", "in a browser"]),
        ("", &tool, ["an empty file", "download it again"]),
        ("#!/bin/sh\r\necho\r\n", &script, ["the pinned text with CRLF", "`* -text`"]),
        ("#!/bin/sh\r\n", &script, ["a text with CRLF", "download it again"]),
    ] {
        sandbox.write("tool.tar.gz", bytes);
        let run = sandbox.run(&["extract", "--sha256", digest, "tool.tar.gz", "out"]);
        run.ends_with(4).says(&[digest, &sha256(bytes.as_bytes()), words[0], words[1]]);
    }
}

#[test]
fn lfs_pointers_are_named_in_files_that_are_read_whole() {
    let sandbox = Sandbox::new();
    let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 8\n";
    for file in ["t.json", "mirror.yaml", "wit/a.wit", "vendor/manifest.json", "c/Chart.yaml"] {
        sandbox.write(file, lfs);
    }
    for (name, bytes) in [("c.tgz", lfs), ("l.tar", lfs), ("mirror.lock", lfs), ("p.wasm", lfs)] {
        sandbox.write(name, bytes);
    }
    sandbox.write("list.yaml", "images: []\n");
    for words in [
        &["plan", "--registry=t.json"][..],
        &["mirror", "check", "mirror.yaml", "--registry=r.example:5000"],
        &["mirror", "copy", "-f", "mirror.yaml", "--registry=r.example:5000"],
        &["mirror", "copy", "-f", "list.yaml", "--locked", "--from=l.tar"],
        &["mirror", "copy", "-f", "list.yaml", "--from=l.tar"],
        &["mirror", "list", "--chart=c.tgz", "--registry=r.example:5000"],
        &["mirror", "list", "--chart=c", "--registry=r.example:5000"],
        &["wit", "inspect", "wit"],
        &["wit", "inspect", "p.wasm"],
        &["component", "check", "p.wasm", "--out=o.wasm"],
        &["verify", "vendor"],
    ] {
        sandbox.run(words).ends_with(4).says(&["a Git LFS pointer", "`git lfs pull`"]);
    }
}

#[test]
fn build_files_are_renamed_and_none_is_lost() {
    use std::os::unix::fs::symlink;
    let sandbox = Sandbox::new();
    for (path, content) in [
        ("top/BUILD", "build"),
        ("top/BUILD.upstream", "there before"),
        ("top/build.UPSTREAM.1", "one name elsewhere"),
        ("top/a/BUILD.bazel", "bazel"),
        ("top/a/real", "real"),
        ("top/d/BUILD/file", "in a folder"),
    ] {
        sandbox.write(path, content);
    }
    let link = |target: &str, path: &str| symlink(target, sandbox.path(path)).unwrap();
    link("real", "top/a/BUILD");
    link("BUILD", "top/a/to-link");
    link("../BUILD", "top/a/to-file");
    link("a", "top/b");
    link("b/BUILD.bazel", "top/through");
    fs::create_dir(sandbox.path("top/e")).unwrap();
    link("../d", "top/e/BUILD");
    let tar = ["-czf", "tool.tar.gz", "top"];
    assert!(Command::new("tar").args(tar).current_dir(sandbox.root()).status().unwrap().success());
    let digest = sha256(&fs::read(sandbox.path("tool.tar.gz")).unwrap());
    sandbox.run(&["extract", "--for-bazel", "--sha256", &digest, "tool.tar.gz", "out"]).succeeds();
    for (path, content) in [
        ("BUILD.upstream.2", "build"),
        ("BUILD.upstream", "there before"),
        ("build.UPSTREAM.1", "one name elsewhere"),
        ("a/BUILD.bazel.upstream", "bazel"),
        ("a/BUILD.upstream", "real"),
        ("a/to-link", "real"),
        ("a/to-file", "build"),
        ("through", "bazel"),
        ("d/BUILD/file", "in a folder"),
        ("e/BUILD/BUILD/file", "in a folder"),
    ] {
        let found = fs::read_to_string(sandbox.path(&format!("out/{path}")));
        assert_eq!(found.ok().as_deref(), Some(content), "{path}");
    }
    for path in ["BUILD", "a/BUILD", "a/BUILD.bazel"] {
        assert!(fs::symlink_metadata(sandbox.path(&format!("out/{path}"))).is_err(), "{path}");
    }
}

#[test]
fn a_file_with_another_digest_is_not_unpacked() {
    let sandbox = Sandbox::new();
    let digest = archive(&sandbox);
    let mut bytes = fs::read(sandbox.path("tool.tar.gz")).unwrap();
    bytes[20] ^= 1;
    sandbox.write("tool.tar.gz", &bytes);
    sandbox.run(&["extract", "--sha256", &digest, "tool.tar.gz", "out"]).ends_with(4).says(&[
        "tool.tar.gz",
        &digest,
        &sha256(&bytes),
    ]);
    assert!(!sandbox.path("out").exists());
}

#[test]
fn wrong_types_digests_and_paths_are_refused() {
    let sandbox = Sandbox::new();
    let digest = archive(&sandbox);
    sandbox.write("full/file", "");
    let zip = ["extract", "--type=zip", "--sha256", &digest, "tool.tar.gz", "out"];
    sandbox.run(&zip).ends_with(4).says(&["zip", "tar.gz"]);
    sandbox
        .run(&["extract", "--sha256", &digest, "tool.tar.gz", "full"])
        .ends_with(2)
        .says(&["full"]);
    sandbox.run(&["extract", "--sha256", "abc", "tool.tar.gz", "out"]).ends_with(2);
    sandbox
        .run(&["extract", "--sha256", &digest, "none.zip", "out"])
        .ends_with(1)
        .says(&["none.zip"]);
    assert!(!sandbox.path("out").exists());
}

#[test]
fn only_a_binary_needs_a_filename() {
    let sandbox = Sandbox::new();
    let digest = archive(&sandbox);
    fs::rename(sandbox.path("tool.tar.gz"), sandbox.path("tool=1 (2).tar.gz")).unwrap();
    sandbox.run(&["extract", "--sha256", &digest, "tool=1 (2).tar.gz", "out"]).succeeds();
    assert_eq!(sandbox.tree("out").len(), 2);
    let words = ["extract", "--type=none", "--sha256", &digest, "tool=1 (2).tar.gz", "out2"];
    sandbox.run(&words).ends_with(2).says(&["cannot be a name"]);
}

/// Returns an xz of many blocks with the largest dictionary of `xz -9`; each thread decodes one
/// block.
fn many_blocks(bytes: &[u8]) -> Vec<u8> {
    use liblzma::stream::MtStreamBuilder;

    let mut builder = MtStreamBuilder::new();
    let encoder = builder.threads(1).preset(9).block_size(64 << 10).encoder().unwrap();
    let mut writer = liblzma::write::XzEncoder::new_stream(Vec::new(), encoder);
    std::io::Write::write_all(&mut writer, bytes).unwrap();
    writer.finish().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn an_xz_archive_needs_little_address_space_at_each_limit() {
    let sandbox = Sandbox::new();
    let content: String = (0..300_000).map(|n| format!("{n} ")).collect();
    sandbox.write("top/file", &content);
    let tar = ["-cf", "a.tar", "top"];
    assert!(Command::new("tar").args(tar).current_dir(sandbox.root()).status().unwrap().success());
    let archive = many_blocks(&fs::read(sandbox.path("a.tar")).unwrap());
    fs::write(sandbox.path("a.tar.xz"), &archive).unwrap();
    let digest = sha256(&archive);
    // Each thread would reserve memory, and the dictionary needs 64 MiB.
    for limit in (160..=288).step_by(32) {
        let out = format!("out{limit}");
        let run = sandbox.run(&["extract", "--sha256", &digest, "a.tar.xz", &out]);
        let script = format!("ulimit -v {} && exec \"$@\"", limit << 10);
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &script, "sh"]).arg(run.command.get_program());
        command.args(run.command.get_args()).current_dir(sandbox.root());
        let ended = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{limit} MB: {stderr}");
        assert_eq!(sandbox.tree(&out)["file"], content.as_bytes());
    }
}
