//! `bundle`: input that is damaged or hostile changes nothing.

use std::fs;

use crate::bundles::{layout, noise, vendor};
use crate::sandbox::{Sandbox, sha256};

/// Creates the folder `v` and the bundle `b` of at least four parts.
fn bundled() -> Sandbox {
    let sandbox = Sandbox::new();
    let large = noise(3, 200_000);
    vendor(&sandbox, "v", &[("a", b"tool a"), ("large", &large)]);
    create(&sandbox, "v", "b");
    sandbox
}

fn create(sandbox: &Sandbox, folder: &str, output: &str) {
    let output = format!("--output={output}");
    sandbox.run(&["bundle", "create", folder, &output, "--split-size=64KiB"]).succeeds();
}

/// Applies `b` to an empty folder, which must stay empty, and returns stderr.
fn refused(sandbox: &Sandbox, code: i32) -> String {
    let printed = sandbox.run(&["bundle", "apply", "b", "--output=far"]).ends_with(code);
    assert!(!sandbox.path("far").exists(), "{:?}", sandbox.tree("far").keys());
    printed.stderr
}

/// Changes the inventory, and all digests in the lists with it.
fn forge(sandbox: &Sandbox, change: impl Fn(String) -> String) {
    let inventory = change(sandbox.read("b/inventory.jsonl"));
    let bare: String = inventory
        .lines()
        .map(|line| match line.find(",\"ranges\"") {
            Some(at) => format!("{}}}\n", &line[..at]),
            None => format!("{line}\n"),
        })
        .collect();
    let mut bundle: serde_json::Value =
        serde_json::from_str(&sandbox.read("b/bundle.json")).unwrap();
    bundle["id"] = sha256(bare.as_bytes()).into();
    bundle["inventory"] = sha256(inventory.as_bytes()).into();
    bundle["files"] = inventory.lines().count().into();
    sandbox.write("b/inventory.jsonl", inventory);
    sandbox.write("b/bundle.json", bundle.to_string());
    sums(sandbox);
}

/// Rewrites `SHA256SUMS`.
fn sums(sandbox: &Sandbox) {
    fs::remove_file(sandbox.path("b/SHA256SUMS")).unwrap();
    let lines = sandbox.tree("b").into_iter();
    let lines: String =
        lines.map(|(name, bytes)| format!("{}  {name}\n", sha256(&bytes))).collect();
    sandbox.write("b/SHA256SUMS", lines);
}

#[test]
fn a_flipped_byte_in_each_file_is_found_and_the_part_is_named() {
    let sandbox = bundled();
    for (name, bytes) in sandbox.tree("b") {
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut wrong = bytes.clone();
            wrong[at] ^= 1;
            sandbox.write(&format!("b/{name}"), wrong);
            let printed = sandbox.run(&["bundle", "apply", "b", "--output=far"]).command.output();
            let output = printed.unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            // A flipped byte in `bundle.json` may make it another format, or no JSON.
            let codes: &[i32] = if name == "bundle.json" { &[2, 4] } else { &[4] };
            assert!(codes.contains(&output.status.code().unwrap()), "{name} {at}: {stderr}");
            assert!(
                stderr.contains(&name) || name == "SHA256SUMS" || name == "bundle.json",
                "{name}: {stderr}"
            );
            assert!(!sandbox.path("far").exists(), "{name}");
            sandbox.run(&["bundle", "inspect", "b"]).command.output().unwrap();
        }
        sandbox.write(&format!("b/{name}"), bytes);
    }
    sandbox.run(&["bundle", "apply", "b", "--output=far"]).succeeds();
}

#[test]
fn parts_that_are_missing_cut_or_swapped_are_all_named() {
    let sandbox = bundled();
    let part = |nth: u32| sandbox.path(&format!("b/data.{nth:04}.tar"));
    let (second, third) = (fs::read(part(2)).unwrap(), fs::read(part(3)).unwrap());
    fs::write(part(2), &third).unwrap();
    fs::write(part(3), &second).unwrap();
    let messages = refused(&sandbox, 4);
    for text in
        ["data.0002.tar: this is data.0003.tar", "data.0003.tar: this is data.0002.tar", "2 of "]
    {
        assert!(messages.contains(text), "`{text}` is missing in\n{messages}");
    }
    fs::write(part(2), &second[..1000]).unwrap();
    fs::remove_file(part(3)).unwrap();
    let messages = refused(&sandbox, 4);
    for text in ["data.0002.tar: 1000 bytes instead of", "data.0003.tar: missing"] {
        assert!(messages.contains(text), "`{text}` is missing in\n{messages}");
    }
    let inspected = sandbox.run(&["bundle", "inspect", "b"]).ends_with(4);
    assert!(inspected.stdout.contains("wrong  data.0003.tar: missing"), "{}", inspected.stdout);
    // Only these two are sent again.
    fs::write(part(2), &second).unwrap();
    fs::write(part(3), &third).unwrap();
    sandbox.run(&["bundle", "apply", "b", "--output=far"]).succeeds();
    assert_eq!(sandbox.tree("far"), sandbox.tree("v"));
}

#[test]
fn an_output_inside_the_input_is_refused() {
    let sandbox = bundled();
    std::os::unix::fs::symlink(sandbox.path("v"), sandbox.path("link")).unwrap();
    let before = (sandbox.tree("v"), sandbox.tree("b"));
    for words in [
        &["bundle", "apply", "b", "--output=b"][..],
        &["bundle", "apply", "b", "--output=b/new/far"],
        &["bundle", "create", "v", "--output=v/b"],
        &["bundle", "create", "v", "--output=link/b"],
        &["bundle", "inventory", "v", "-o", "v/manifest.json"],
        &["bundle", "inventory", "v", "-o", "link/manifest.json"],
        &["sbom", "v", "-o", "v/manifest.json"],
        &["sbom", "v", "-o", "v/toolchains/sbom.json"],
    ] {
        let printed = sandbox.run(words).ends_with(2);
        printed.says(&["is inside", "hint"]);
        assert_eq!((sandbox.tree("v"), sandbox.tree("b")), before, "{words:?}");
    }
    sandbox.run(&["sbom", "v", "-o", "v/../sbom.json"]).succeeds();
}

#[test]
fn parts_of_another_bundle_are_named() {
    let sandbox = bundled();
    vendor(&sandbox, "w", &[("other", &noise(9, 200_000))]);
    create(&sandbox, "w", "c");
    fs::copy(sandbox.path("c/data.0002.tar"), sandbox.path("b/data.0002.tar")).unwrap();
    let messages = refused(&sandbox, 4);
    assert!(messages.contains("data.0002.tar: a part of another bundle"), "{messages}");
    fs::remove_file(sandbox.path("b/data.0002.tar")).unwrap();
    fs::copy(sandbox.path("c/data.0002.tar"), sandbox.path("b/data.0099.tar")).unwrap();
    let messages = refused(&sandbox, 4);
    assert!(
        messages.contains("not part of the bundle") && messages.contains("data.0099.tar"),
        "{messages}"
    );
}

#[test]
fn a_newer_format_and_other_folders_are_wrong_usage() {
    let sandbox = bundled();
    let bundle =
        sandbox.read("b/bundle.json").replace("\"schema_version\": 1", "\"schema_version\": 2");
    sandbox.write("b/bundle.json", bundle);
    let messages = refused(&sandbox, 2);
    assert!(
        messages.contains("schema_version 2") && messages.contains("schema_version 1"),
        "{messages}"
    );
    fs::create_dir(sandbox.path("empty")).unwrap();
    for folder in ["empty", "v", "nothing"] {
        let printed = sandbox.run(&["bundle", "apply", folder, "--output=far"]).ends_with(2);
        printed.says(&["is not a bundle", "bundle.json"]);
    }
    sandbox.write("notes/a.txt", "");
    let printed = sandbox.run(&["bundle", "create", "notes", "--output=x"]).ends_with(2);
    printed.says(&["neither a vendor folder nor an image layout"]);
    sandbox.run(&["bundle", "inventory", "notes"]).ends_with(2);
    sandbox.run(&["bundle", "create", "v", "--output=notes"]).ends_with(2).says(&["not empty"]);
    assert!(!sandbox.path("x").exists());
}

#[test]
fn a_hostile_inventory_is_refused() {
    let path = "toolchains/a/1.0/linux_amd64/a.tar.gz";
    for (to, code) in [
        ("../outside", 4),
        ("/etc/passwd", 4),
        ("toolchains/../../outside", 4),
        ("toolchains/LARGE/x", 4),
        ("toolchains/large/1.0/linux_amd64/large.tar.gz", 4),
        ("toolchains/large/1.0/linux_amd64/large.tar.gz/x", 4),
        (".bazelrc", 4),
        ("a\\\\b", 4),
        ("toolchains/a\\u001b[31m", 4),
    ] {
        let sandbox = bundled();
        forge(&sandbox, |text| {
            let mut lines: Vec<_> = text.replace(path, to).lines().map(str::to_owned).collect();
            lines.sort();
            lines.iter().map(|line| format!("{line}\n")).collect()
        });
        let messages = refused(&sandbox, code);
        assert!(!messages.contains('\u{1b}'), "{messages:?}");
        assert!(!sandbox.path("outside").exists());
    }
}

#[test]
fn places_that_cannot_be_right_are_refused() {
    for (from, to) in [
        ("\"part\":1,", "\"part\":99,"),
        ("\"part\":1,", "\"part\":0,"),
        ("\"offset\":", "\"offset\":9"),
        ("\"size\":6,", "\"size\":7,"),
        ("\"size\":6,", "\"size\":18446744073709551615,"),
        ("\"offset\":", "\"replaces\":3,\"offset\":"),
    ] {
        let sandbox = bundled();
        forge(&sandbox, |text| text.replace(from, to));
        let printed =
            sandbox.run(&["bundle", "apply", "b", "--output=far"]).command.output().unwrap();
        let code = printed.status.code().unwrap();
        assert!(code == 4 || code == 2, "{to}: {}", String::from_utf8_lossy(&printed.stderr));
        assert!(!sandbox.path("far").exists(), "{to}");
    }
}

/// Changes `bundle.json`, and the digests of all files.
fn describe(sandbox: &Sandbox, change: impl Fn(&mut serde_json::Value)) {
    let mut bundle = serde_json::from_str(&sandbox.read("b/bundle.json")).unwrap();
    change(&mut bundle);
    sandbox.write("b/bundle.json", bundle.to_string());
    sums(sandbox);
}

#[test]
fn sizes_at_the_end_of_their_range_are_refused() {
    let sandbox = bundled();
    describe(&sandbox, |bundle| {
        bundle["parts"][0]["size"] = u64::MAX.into();
        bundle["parts"][1]["size"] = u64::MAX.into();
    });
    sandbox.run(&["bundle", "inspect", "b"]).ends_with(4).says(&["2 of "]);
    refused(&sandbox, 4);
    let manifest = sandbox.read("v/manifest.json");
    let large = manifest.replace("\"size\": 200000", &format!("\"size\": {}", u64::MAX));
    assert_ne!(large, manifest);
    sandbox.write("v/manifest.json", large);
    for split in ["64KiB", "4GiB"] {
        let split = format!("--split-size={split}");
        let words = ["bundle", "create", "v", "--output=c", &split];
        sandbox.run(&words).ends_with(2).says(&["too large", "large.tar.gz"]);
    }
}

#[test]
fn an_empty_file_with_another_digest_changes_nothing() {
    let sandbox = bundled();
    forge(&sandbox, |text| text.replace("\"size\":6,", "\"size\":0,"));
    refused(&sandbox, 4);
}

#[test]
fn sums_of_further_files_are_refused() {
    let sandbox = bundled();
    sandbox.write("b/notes.txt", "");
    sums(&sandbox);
    assert!(refused(&sandbox, 4).contains("notes.txt"));
    fs::remove_file(sandbox.path("b/notes.txt")).unwrap();
    let more = format!("{}  ../\u{1b}[31m\n", sha256(b""));
    sandbox.write("b/SHA256SUMS", sandbox.read("b/SHA256SUMS") + &more);
    assert!(!refused(&sandbox, 4).contains('\u{1b}'));
}

#[test]
fn lists_are_not_removed() {
    for path in ["manifest.json", "images/index.json", "../x", "TOOLCHAINS/.gitattributes"] {
        let sandbox = bundled();
        let removed = serde_json::json!([{"path": path, "sha256": sha256(b"x")}]);
        describe(&sandbox, |bundle| bundle["removed"] = removed.clone());
        refused(&sandbox, 4);
    }
}

#[test]
fn files_of_the_user_are_not_removed() {
    let sandbox = bundled();
    let mine = ["notes.txt", "images/logo.png", "bazel/defs.bzl", "toolchains/a/x"];
    mine.iter().for_each(|path| drop(sandbox.write(&format!("far/{path}"), "mine")));
    let removed: Vec<_> = mine
        .iter()
        .map(|path| serde_json::json!({"path": path, "sha256": sha256(b"mine")}))
        .collect();
    describe(&sandbox, |bundle| bundle["removed"] = removed.clone().into());
    sandbox.run(&["bundle", "apply", "b", "--output=far"]).succeeds();
    mine.iter().for_each(|path| assert_eq!(sandbox.read(&format!("far/{path}")), "mine"));
}

#[test]
fn another_file_in_the_place_of_the_index_changes_nothing() {
    let sandbox = Sandbox::new();
    layout(&sandbox, "images", &[("r.example/x:1", b"one")]);
    create(&sandbox, "images", "b");
    sandbox.write("far/images/index.json", "[]");
    sandbox.run(&["bundle", "apply", "b", "--output=far"]).ends_with(4).says(&["index.json"]);
    assert_eq!(sandbox.tree("far").len(), 1);
}

#[test]
fn bytes_that_the_inventory_does_not_list_are_refused() {
    let sandbox = bundled();
    let wrong = sha256(b"other");
    forge(&sandbox, |text| text.replace(&sha256(b"tool a"), &wrong));
    let messages = refused(&sandbox, 4);
    assert!(messages.contains(&wrong) && messages.contains(&sha256(b"tool a")), "{messages}");
}

#[test]
fn a_manifest_that_lists_other_files_is_refused() {
    let sandbox = Sandbox::new();
    vendor(&sandbox, "v", &[("a", b"tool a")]);
    create(&sandbox, "v", "b");
    // The manifest in the part keeps its file; the inventory loses it.
    forge(&sandbox, |text| {
        let keep = |line: &&str| !line.contains("a.tar.gz\"");
        text.lines().filter(keep).map(|line| format!("{line}\n")).collect()
    });
    // The part names the bundle, and is right.
    let messages = refused(&sandbox, 4);
    assert!(messages.contains("does not match its files"), "{messages}");
}

#[cfg(unix)]
#[test]
fn no_link_is_followed() {
    use std::os::unix::fs::symlink;

    let sandbox = bundled();
    fs::create_dir_all(sandbox.path("outside")).unwrap();
    fs::create_dir(sandbox.path("far")).unwrap();
    symlink("../outside", sandbox.path("far/toolchains")).unwrap();
    let printed = sandbox.run(&["bundle", "apply", "b", "--output=far"]).ends_with(4);
    printed.says(&["link"]);
    assert_eq!(sandbox.tree("outside").len(), 0);
    assert_eq!(fs::read_dir(sandbox.path("far")).unwrap().count(), 1);

    // A part that is a link, and a source with a link.
    fs::remove_file(sandbox.path("far/toolchains")).unwrap();
    fs::rename(sandbox.path("b/data.0001.tar"), sandbox.path("real.tar")).unwrap();
    symlink("../real.tar", sandbox.path("b/data.0001.tar")).unwrap();
    let printed = sandbox.run(&["bundle", "apply", "b", "--output=far"]).ends_with(4);
    printed.says(&["data.0001.tar: not a regular file"]);
    let tool = "v/toolchains/a/1.0/linux_amd64/a.tar.gz";
    fs::rename(sandbox.path(tool), sandbox.path("secret")).unwrap();
    symlink(sandbox.path("secret"), sandbox.path(tool)).unwrap();
    sandbox
        .run(&["bundle", "create", "v", "--output=c"])
        .ends_with(4)
        .says(&["a link is in the way"]);
    assert!(!sandbox.path("c").exists());
}

#[test]
fn files_of_the_user_are_not_replaced() {
    let sandbox = bundled();
    let path = "far/toolchains/a/1.0/linux_amd64/a.tar.gz";
    sandbox.write(path, "mine");
    let printed = sandbox.run(&["bundle", "apply", "b", "--output=far"]).ends_with(2);
    printed.says(&["a.tar.gz", "no manifest lists"]);
    assert_eq!(sandbox.tree("far").len(), 1);
    assert_eq!(sandbox.read(path), "mine");
    sandbox.write("other/manifest.json", "{\"name\": \"an npm package\"}");
    sandbox.run(&["bundle", "apply", "b", "--output=other"]).ends_with(2);
    assert_eq!(sandbox.tree("other").len(), 1);
}

#[test]
fn sources_that_differ_from_their_manifest_are_refused() {
    let sandbox = bundled();
    sandbox.write("v/toolchains/extra", "");
    let words = ["bundle", "create", "v", "--output=c"];
    sandbox.run(&words).ends_with(4).says(&["does not list", "toolchains/extra"]);
    fs::remove_file(sandbox.path("v/toolchains/extra")).unwrap();
    let tool = "v/toolchains/a/1.0/linux_amd64/a.tar.gz";
    for wrong in ["TOOL A", "tool", "tool a and more"] {
        sandbox.write(tool, wrong);
        sandbox
            .run(&words)
            .ends_with(4)
            .says(&["a.tar.gz", "has another digest or size than its list"]);
        assert!(!sandbox.path("c").exists());
    }
    fs::remove_file(sandbox.path(tool)).unwrap();
    sandbox.run(&words).ends_with(1).says(&["a.tar.gz"]);
    layout(&sandbox, "images", &[("r.example/x:1", b"layer")]);
    fs::remove_file(sandbox.path(&format!("images/blobs/sha256/{}", sha256(b"layer")))).unwrap();
    let words = ["bundle", "create", "images", "--output=c"];
    sandbox.run(&words).ends_with(3).says(&["is missing", "the layout is incomplete"]);
    assert!(!sandbox.path("c").exists());
}

#[test]
fn a_kind_of_a_later_version_is_wrong_usage() {
    let sandbox = bundled();
    let manifest = sandbox.read("v/manifest.json").replace("\"toolchain\"", "\"policy\"");
    sandbox.write("v/manifest.json", manifest);
    let words =
        ["toolchains/a/", "toolchain, wit, component and helper", "kind `policy`", "or a later"];
    for command in [&["bundle", "create", "v", "--output=c"][..], &["sbom", "v"]] {
        sandbox.run(command).ends_with(2).says(&words);
    }
    assert!(!sandbox.path("c").exists());
}

#[test]
fn folders_with_different_content_for_one_path_are_refused() {
    let sandbox = Sandbox::new();
    vendor(&sandbox, "v", &[("a", b"one")]);
    vendor(&sandbox, "w", &[("a", b"other")]);
    let words = ["bundle", "create", "v", "w", "--output=c"];
    sandbox.run(&words).ends_with(4).says(&["they differ", "v/toolchains", "w/toolchains"]);
    vendor(&sandbox, "x", &[("A", b"one")]);
    let words = ["bundle", "create", "v", "x", "--output=c"];
    sandbox.run(&words).ends_with(4).says(&["the same file on some systems"]);
}

#[test]
fn an_inventory_that_is_not_one_is_wrong_usage() {
    let sandbox = bundled();
    sandbox.write("far.jsonl", "{\"path\": 1}\n");
    let words = ["bundle", "create", "v", "--output=c", "--since=far.jsonl"];
    sandbox.run(&words).ends_with(2).says(&["is not an inventory", "line", "bundle inventory"]);
    sandbox.write("far.jsonl", sandbox.read("b/inventory.jsonl").replace("toolchains/", "../"));
    sandbox.run(&words).ends_with(4);
}
