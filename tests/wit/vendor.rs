//! `vendor wit`, from pinned archives.

use std::fs;

use crate::archives::Tar;
use crate::golden::compare;
use crate::sandbox::{Run, Sandbox, sha256};

/// The test packages: `a:http` needs `a:io`, in two versions.
const IO: &str = "interface streams { type token = u32; }\n";
const HTTP: &str = "interface types { use a:io/streams@VERSION.{token}; get: func() -> token; }\n";

/// Packs packages as archives on a mirror in `mirror`, writes the registry files that pin them, and
/// returns the flags that name these files.
fn serve(sandbox: &Sandbox, packages: &[(&str, &str, &str)]) -> Vec<String> {
    let mut files = std::collections::BTreeMap::<String, serde_json::Value>::new();
    for (package, version, text) in packages {
        let folder = package.replace(':', "-");
        let text = format!("package {package}@{version};\n{}", text.replace("VERSION", version));
        let archive = Tar::new()
            .folder("top/")
            .file("top/wit/types.wit", &text)
            .file("top/wit/deps/stub/stub.wit", "package stub:stub;\n")
            .file("top/README.md", "not WIT\n")
            .gz();
        let name = format!("{folder}-{version}.tar.gz");
        sandbox.write(&format!("mirror/wit/{folder}-{version}/{name}"), &archive);
        let file = files.entry((*package).to_owned()).or_insert_with(
            || serde_json::json!({"schema_version": 1, "package": package, "versions": {}}),
        );
        file["versions"][version] = serde_json::json!({
            "archive": {
                "url": format!("https://upstream.invalid/{name}"),
                "sha256": sha256(&archive), "archive": "tar.gz",
            },
        });
    }
    let flag = |(package, file): (String, serde_json::Value)| {
        let path = format!("{}.json", package.replace(':', "-"));
        sandbox.write(&path, file.to_string());
        format!("--registry={path}")
    };
    files.into_iter().map(flag).collect()
}

/// Serves the usual packages.
fn usual(sandbox: &Sandbox) -> Vec<String> {
    sandbox.write("MODULE.bazel", "");
    serve(
        sandbox,
        &[
            ("a:io", "1.0.0", IO),
            ("a:io", "1.1.0", IO),
            ("a:http", "1.0.0", HTTP),
            ("a:http", "1.1.0", HTTP),
        ],
    )
}

/// Returns `vendor wit` into `vendor/wit` with the mirror.
fn vendor(sandbox: &Sandbox, flags: &[String], words: &[&str]) -> Run {
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let words = [&["vendor", "wit", "--output-dir=vendor/wit"], words, &flags].concat();
    let mirror = format!("file://{}", sandbox.path("mirror").display());
    sandbox.run(&words).env("BAZEL_WASM_MIRROR", mirror)
}

#[test]
fn dependencies_are_vendored_and_a_second_run_changes_nothing() {
    let sandbox = Sandbox::new();
    let flags = usual(&sandbox);
    let run = || vendor(&sandbox, &flags, &["a:http@1.0.0"]).succeeds();
    run().says(&["2 fetched, 0 copied, 0 kept, 0 repaired"]);
    let (first, lock) = (sandbox.tree("vendor"), sandbox.read("wit.lock"));
    let names: Vec<_> = first.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "manifest.json",
            "wit/.gitattributes",
            "wit/a-http-1.0.0/BUILD.bazel",
            "wit/a-http-1.0.0/a-http-1.0.0.tar.gz",
            "wit/a-http-1.0.0/types.wit",
            "wit/a-io-1.0.0/BUILD.bazel",
            "wit/a-io-1.0.0/a-io-1.0.0.tar.gz",
            "wit/a-io-1.0.0/types.wit",
        ]
    );
    assert!(
        sandbox
            .read("vendor/wit/a-http-1.0.0/BUILD.bazel")
            .contains("//vendor/wit/a-io-1.0.0:a-io")
    );
    assert!(lock.contains("dependencies = [\"a:io@1.0.0\"]"), "{lock}");

    // Partial files of a killed run are removed, also if everything else is complete.
    for file in ["a-io-1.0.0.tar.gz", "types.wit", "BUILD.bazel"] {
        sandbox.write(&format!("vendor/wit/a-io-1.0.0/.{file}.s828tB5mlP2P.part"), "half");
    }
    run().says(&["0 fetched, 0 copied, 2 kept"]);
    assert_eq!((sandbox.tree("vendor"), sandbox.read("wit.lock")), (first.clone(), lock.clone()));

    // Another machine writes the same files, also from the first one's folder and without a
    // network.
    let other = Sandbox::new();
    let flags = usual(&other);
    vendor(&other, &flags, &["a:http@1.0.0"])
        .env("BAZEL_WASM_OFFLINE", "1")
        .env("BAZEL_WASM_WIT_VENDOR_DIR", sandbox.path("vendor/wit"))
        .succeeds()
        .says(&["0 fetched, 2 copied"]);
    assert_eq!((other.tree("vendor"), other.read("wit.lock")), (first, lock));
    other.run(&["verify", "vendor"]).succeeds();
}

#[test]
fn two_versions_of_one_package_are_side_by_side() {
    let sandbox = Sandbox::new();
    let flags = usual(&sandbox);
    vendor(&sandbox, &flags, &["a:http@1.0.0", "a:http@1.1.0"]).succeeds().says(&["4 fetched"]);
    for version in ["1.0.0", "1.1.0"] {
        let build = sandbox.read(&format!("vendor/wit/a-http-{version}/BUILD.bazel"));
        assert!(build.contains(&format!("//vendor/wit/a-io-{version}:a-io")), "{build}");
    }
    assert_eq!(sandbox.read("wit.lock").matches("name = \"a:http\"").count(), 1);
}

#[test]
fn a_range_takes_the_highest_version_and_the_lock_keeps_it() {
    let sandbox = Sandbox::new();
    let flags = usual(&sandbox);
    let locked = || {
        let lock = sandbox.read("wit.lock");
        lock.lines().find(|line| line.starts_with("version = \"1")).unwrap().to_owned()
    };
    vendor(&sandbox, &flags, &["a:io@^1.0"]).succeeds();
    assert_eq!(locked(), "version = \"1.1.0\"");
    assert!(sandbox.read("wit.lock").contains("requirement = \"^1.0\""));

    // A newer version is published: the lock stays, until an update is requested.
    let flags =
        serve(&sandbox, &[("a:io", "1.0.0", IO), ("a:io", "1.1.0", IO), ("a:io", "1.2.0", IO)]);
    vendor(&sandbox, &flags, &["a:io@^1.0"]).succeeds();
    assert_eq!(locked(), "version = \"1.1.0\"");
    vendor(&sandbox, &flags, &["a:io@^1.0", "--update"]).succeeds();
    assert_eq!(locked(), "version = \"1.2.0\"");
    // A package that is not needed any more is removed, and no other.
    assert!(!sandbox.path("vendor/wit/a-io-1.1.0").exists());
    sandbox.run(&["verify", "vendor"]).succeeds();
}

#[test]
fn a_version_that_does_not_exist_names_the_nearest() {
    let sandbox = Sandbox::new();
    let flags = usual(&sandbox);
    vendor(&sandbox, &flags, &["a:io@^2"]).ends_with(3).says(&["a:io", "1.0.0, 1.1.0"]);
    vendor(&sandbox, &flags, &["a:io@1.2.0"]).ends_with(2).says(&[
        "no registry is configured for `a:io`",
        "versions",
        "1.1.0",
    ]);
    vendor(&sandbox, &flags, &["a:io@newest"])
        .ends_with(2)
        .says(&["neither a version nor a range"]);
    vendor(&sandbox, &flags, &["io"]).ends_with(2).says(&["it has no colon"]);
    vendor(&sandbox, &flags, &[]).ends_with(2).says(&["no package is named"]);
    assert!(!sandbox.path("wit.lock").exists());
}

#[test]
fn locked_finds_each_kind_of_change_and_changes_nothing() {
    let sandbox = Sandbox::new();
    let flags = usual(&sandbox);
    let locked = |words: &[&str]| {
        let words = [&["--locked"], words].concat();
        vendor(&sandbox, &flags, &words).env("BAZEL_WASM_OFFLINE", "1")
    };
    locked(&["a:http@1.0.0"]).ends_with(4).says(&["there is no lock"]);
    vendor(&sandbox, &flags, &["a:http@1.0.0"]).succeeds();
    locked(&["a:http@1.0.0"]).succeeds();

    let text = "vendor/wit/a-io-1.0.0/types.wit";
    let (good, lock) = (sandbox.read(text), sandbox.read("wit.lock"));
    let check = |words: &[&str], says: &[&str]| {
        let before = (sandbox.tree("vendor"), sandbox.read("wit.lock"));
        locked(words).ends_with(4).says(says);
        assert_eq!((sandbox.tree("vendor"), sandbox.read("wit.lock")), before);
    };
    sandbox.write(text, "package a:io@1.0.0;\n");
    check(&["a:http@1.0.0"], &["changed", "a-io-1.0.0/types.wit"]);
    fs::remove_file(sandbox.path(text)).unwrap();
    check(&["a:http@1.0.0"], &["missing", "a-io-1.0.0/types.wit"]);
    sandbox.write(text, &good);
    let added = sandbox.write("vendor/wit/a-io-1.0.0/more.wit", "package a:io@1.0.0;\n");
    check(&["a:http@1.0.0"], &["unlisted", "a-io-1.0.0/more.wit"]);
    fs::remove_file(added).unwrap();
    // Another request, and another lock.
    check(&["a:http@1.0.0", "a:io@^1.0"], &["requirement", "a:io@1.0.0"]);
    check(&["a:io@1.0.0"], &["a:http@1.0.0"]);
    sandbox.write(
        "wit.lock",
        lock.replace("tree = \"sha256:", "tree = \"sha256:0").replace("0\"\n", "\"\n"),
    );
    locked(&["a:http@1.0.0"]).ends_with(2);
    sandbox.write("wit.lock", lock.replace("airgap_version = 1", "airgap_version = 2"));
    locked(&["a:http@1.0.0"]).ends_with(2).says(&["airgap_version = 2"]);
    sandbox.write("wit.lock", &lock);
    // The command without the flag repairs it.
    sandbox.write(text, "package a:io@1.0.0;\n");
    vendor(&sandbox, &flags, &["a:http@1.0.0"]).succeeds();
    locked(&["a:http@1.0.0"]).succeeds();
}

#[test]
fn locked_finds_changed_published_files_and_downloads_none() {
    let sandbox = Sandbox::new();
    let flags = usual(&sandbox);
    vendor(&sandbox, &flags, &["a:http@1.0.0"]).succeeds();
    // The mirror has the right file, and no setting forbids to ask it.
    let check = |words: &[&str], says: &[&str]| {
        let before = sandbox.tree(".");
        let printed = vendor(&sandbox, &flags, &[&["--locked"], words].concat()).ends_with(4);
        let printed = printed.says(says);
        assert_eq!(sandbox.tree("."), before);
        printed
    };
    let (http, io) =
        ("vendor/wit/a-http-1.0.0/a-http-1.0.0.tar.gz", "vendor/wit/a-io-1.0.0/types.wit");
    let good = fs::read(sandbox.path(http)).unwrap();
    sandbox.write(http, "damaged");
    sandbox.write(io, "package a:io@1.0.0;\n");
    // The dependencies of an unreadable package are known from the lock.
    let printed = check(&["a:http@1.0.0"], &["changed", http, io]);
    assert!(!printed.stderr.contains("locked and not needed"), "{}", printed.stderr);
    fs::remove_file(sandbox.path(http)).unwrap();
    check(&["a:http@1.0.0"], &["missing", http, io]);
    sandbox.write(http, good);
    vendor(&sandbox, &flags, &["a:http@1.0.0"]).succeeds();
    // Partial files of a killed run stay until the next run that writes.
    sandbox.write("vendor/wit/a-io-1.0.0/.a-io-1.0.0.tar.gz.s828tB5mlP2P.part", "half");
    let before = sandbox.tree(".");
    vendor(&sandbox, &flags, &["a:http@1.0.0", "--locked"]).succeeds();
    assert_eq!(sandbox.tree("."), before);
    check(&["a:http@1.1.0"], &["needed and not locked: a:http@1.1.0"]);

    fs::remove_dir_all(sandbox.path("vendor")).unwrap();
    let words = ["a:http@1.0.0", "--locked"];
    let folder = sandbox.path("vendor/wit");
    let run = vendor(&sandbox, &flags, &words).env("BAZEL_WASM_WIT_VENDOR_DIR", folder);
    run.ends_with(4).says(&[http, "vendor/wit/a-io-1.0.0/a-io-1.0.0.tar.gz"]);
    assert!(!sandbox.path("vendor").exists());
}

#[test]
fn hand_made_text_is_locked_by_its_hash() {
    let sandbox = Sandbox::new();
    let mine = "vendor/wit/mine/api.wit";
    sandbox.write(mine, "package my:api@1.0.0;\n");
    let run = |words: &[&str]| vendor(&sandbox, &[], &[&["my:api@1.0.0"], words].concat());
    run(&[]).succeeds();
    let lock = sandbox.read("wit.lock");
    run(&["--locked"]).succeeds();
    run(&[]).succeeds();
    assert_eq!(sandbox.read("wit.lock"), lock);
    sandbox.write("vendor/wit/my-api-1.0.0/api.wit", "package my:api@1.0.0;\n// Other.\n");
    run(&["--locked"]).ends_with(4).says(&["changed", "my-api-1.0.0"]);
    run(&[]).succeeds();
    run(&["--locked"]).succeeds();
    // The source text was changed, which needs `--update`.
    fs::remove_dir_all(sandbox.path("vendor/wit/my-api-1.0.0")).unwrap();
    sandbox.write(mine, "package my:api@1.0.0;\n// Newer.\n");
    run(&[]).ends_with(3).says(&["vendor/wit/mine", "differs from the lock"]);
    run(&["--update"]).succeeds();
    run(&["--locked"]).succeeds();
}

#[test]
fn an_archive_with_other_bytes_than_the_lock_is_refused() {
    let sandbox = Sandbox::new();
    let flags = usual(&sandbox);
    vendor(&sandbox, &flags, &["a:io@1.0.0"]).succeeds();
    let before = sandbox.tree("vendor");
    // The same version is published again, and pinned.
    let flags = serve(&sandbox, &[("a:io", "1.0.0", "interface other {}\n")]);
    vendor(&sandbox, &flags, &["a:io@1.0.0"]).ends_with(4).says(&[
        "wit.lock",
        "a:io@1.0.0",
        "--update",
    ]);
    assert_eq!(sandbox.tree("vendor"), before);
    vendor(&sandbox, &flags, &["a:io@1.0.0", "--update"]).succeeds();
    assert!(sandbox.read("vendor/wit/a-io-1.0.0/types.wit").contains("interface other"));
}

#[test]
fn archives_of_another_package_are_refused() {
    for (text, package, says) in [
        (
            "package a:other@1.0.0;\n",
            "a:io",
            &["expected", "a:io@1.0.0", "a:other@1.0.0"] as &[&str],
        ),
        ("package a:io;\n", "a:io", &["a:io@1.0.0"]),
        ("interface broken {\n", "a:io", &["types.wit:2:", "does not parse"]),
    ] {
        let sandbox = Sandbox::new();
        let flags = serve(&sandbox, &[(package, "1.0.0", IO)]);
        // The archive again, with this text unchanged.
        let archive = Tar::new().file("top/wit/types.wit", text).gz();
        let name = "mirror/wit/a-io-1.0.0/a-io-1.0.0.tar.gz";
        let (old, new) = (sha256(&fs::read(sandbox.path(name)).unwrap()), sha256(&archive));
        sandbox.write(name, archive);
        let registry = sandbox.read("a-io.json").replace(&old, &new);
        sandbox.write("a-io.json", registry);
        vendor(&sandbox, &flags, &["a:io@1.0.0"]).ends_with(4).says(says);
        assert!(!sandbox.path("wit.lock").exists());
        assert!(!sandbox.path("vendor/wit/a-io-1.0.0/types.wit").exists());
    }
}

#[test]
fn packages_that_depend_on_each_other_are_shown_as_a_cycle() {
    let sandbox = Sandbox::new();
    let uses =
        |other: &str| format!("interface i {{ use a:{other}/i@VERSION.{{t}}; type u = t; }}\n");
    let (x, y) = (uses("y"), uses("x"));
    let flags = serve(&sandbox, &[("a:x", "1.0.0", &x), ("a:y", "1.0.0", &y)]);
    vendor(&sandbox, &flags, &["a:x@1.0.0"])
        .ends_with(4)
        .says(&["a:x@1.0.0 -> a:y@1.0.0 -> a:x@1.0.0"]);
}

#[test]
fn a_missing_dependency_is_named_with_its_dependent() {
    let sandbox = Sandbox::new();
    let flags = serve(&sandbox, &[("a:http", "1.0.0", HTTP)]);
    vendor(&sandbox, &flags, &["a:http@1.0.0"])
        .ends_with(2)
        .says(&["no registry is configured for `a:io`", "a:http@1.0.0"]);
}

#[test]
fn a_hand_made_folder_is_not_emptied() {
    let sandbox = Sandbox::new();
    let flags = usual(&sandbox);
    let mine = sandbox.write("vendor/wit/a-io-1.0.0/notes.txt", "mine");
    vendor(&sandbox, &flags, &["a:io@1.0.0"]).succeeds();
    assert!(mine.exists());
    let hand_made = sandbox.write("vendor/wit/custom/api.wit", "package my:api@1.0.0;\n");
    vendor(&sandbox, &flags, &["a:io@1.1.0"]).succeeds();
    assert!(hand_made.exists());
}

#[cfg(unix)]
#[test]
fn the_packages_of_one_run_have_a_limit_together() {
    let sandbox = Sandbox::new();
    let text = format!("interface i {{}}\n{}", " ".repeat((4 << 20) - 100));
    let names: Vec<_> = (0..17).map(|nth| format!("a:p{nth}")).collect();
    let packages: Vec<_> = names.iter().map(|it| (it.as_str(), "1.0.0", text.as_str())).collect();
    let flags = serve(&sandbox, &packages);
    let wanted: Vec<_> = names.iter().map(|name| format!("{name}@1.0.0")).collect();
    let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
    vendor(&sandbox, &flags, &wanted).ends_with(2).says(&[
        "too large in total",
        "67108864 bytes of text",
        "several runs",
    ]);
    assert!(!sandbox.path("wit.lock").exists());
    assert!(!sandbox.path("vendor/wit/a-p0-1.0.0/types.wit").exists());
}

#[test]
fn a_link_out_of_the_vendor_folder_is_never_emptied_or_written() {
    for (link, target) in [
        ("vendor/wit/a-io-1.0.0", "../.."),
        ("vendor/wit/a-http-1.0.0", "../../src"),
        ("vendor/wit", "../src"),
    ] {
        let sandbox = Sandbox::new();
        let flags = usual(&sandbox);
        sandbox.write("src/main.rs", "my work");
        sandbox.write("src/io/1.0.0.wasm", "my work");
        sandbox.write("src/BUILD.bazel", "# wasm-airgap");
        sandbox.write("BUILD.bazel", "# wasm-airgap");
        let link = sandbox.path(link);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, &link).unwrap();
        let before = (sandbox.tree("src"), sandbox.read("BUILD.bazel"));
        for _ in 0..2 {
            vendor(&sandbox, &flags, &["a:http@1.0.0"]).ends_with(4).says(&[
                "a link is in the way",
                &link.display().to_string(),
                target,
            ]);
            assert_eq!((sandbox.tree("src"), sandbox.read("BUILD.bazel")), before);
        }
    }
}

#[cfg(unix)]
#[test]
fn an_unneeded_package_is_not_removed_through_a_link() {
    let sandbox = Sandbox::new();
    let flags = usual(&sandbox);
    vendor(&sandbox, &flags, &["a:http@1.0.0"]).succeeds();
    sandbox.write("src/BUILD.bazel", "# wasm-airgap");
    std::fs::rename(sandbox.path("vendor/wit/a-http-1.0.0"), sandbox.path("old")).unwrap();
    std::os::unix::fs::symlink("../../src", sandbox.path("vendor/wit/a-http-1.0.0")).unwrap();
    vendor(&sandbox, &flags, &["a:io@1.0.0"]).ends_with(4).says(&["a link is in the way"]);
    assert_eq!(sandbox.read("src/BUILD.bazel"), "# wasm-airgap");
}

#[test]
fn a_file_whose_name_no_manifest_can_list_is_refused() {
    let sandbox = Sandbox::new();
    let flags = usual(&sandbox);
    vendor(&sandbox, &flags, &["a:io@1.0.0"]).succeeds();
    let mine = sandbox.write("vendor/wit/mine/my file.wit", "package my:api@1.0.0;\n");
    let before = sandbox.tree("vendor");
    vendor(&sandbox, &flags, &["my:api@1.0.0"]).ends_with(2).says(&["mine/my file.wit", "rename"]);
    assert_eq!(sandbox.tree("vendor"), before);
    fs::remove_file(mine).unwrap();
    sandbox.write("vendor/wit/mine/my-file.wit", "package my:api@1.0.0;\n");
    vendor(&sandbox, &flags, &["my:api@1.0.0", "a:io@1.0.0"]).succeeds();
    vendor(&sandbox, &flags, &["a:io@1.0.0"]).succeeds();
}

/// Writes a build's request for the archives of these packages, from their registry files.
fn request(sandbox: &Sandbox, packages: &[&str]) {
    let archive = |package: &&str| {
        let (name, version) = package.split_once('@').unwrap();
        let file = sandbox.read(&format!("{}.json", name.replace(':', "-")));
        let file: serde_json::Value = serde_json::from_str(&file).unwrap();
        let mut archive = file["versions"][version].clone();
        archive["package"] = (*package).into();
        archive
    };
    let packages: Vec<_> = packages.iter().map(archive).collect();
    let request = serde_json::json!({"schema_version": 1, "packages": packages});
    sandbox.write("request.json", request.to_string());
}

#[test]
fn vendor_all_takes_the_archives_that_the_build_needs() {
    let sandbox = Sandbox::new();
    let flags = usual(&sandbox);
    request(&sandbox, &["a:http@1.0.0", "a:io@1.0.0"]);
    // Each of these names a registry for the packages, which does not have them.
    for config in [
        "default_registry = \"registry.invalid\"\n",
        "[registry.local]\nlocal = { root = \"registry\" }\n",
        "[overrides]\n\"a:io\" = { path = \"mine\" }\n",
    ] {
        sandbox.write("wkg.toml", config);
        let run = |words: &[&str]| {
            let mirror = format!("file://{}", sandbox.path("mirror").display());
            let run = sandbox.run(words).env("BAZEL_WASM_MIRROR", mirror);
            run.env("WKG_CONFIG_FILE", sandbox.path("wkg.toml"))
        };
        let words = ["vendor", "all", "--no-helper", "--output-dir=vendor"];
        run(&[&words[..], &["--request=request.json"]].concat()).succeeds().says(&["2 fetched"]);
        let plan = ["plan", "--offline", "--request=request.json"];
        run(&plan).succeeds();
        let names = sandbox.tree("vendor");
        assert!(!names.keys().any(|name| name.ends_with(".wasm")), "{names:?}");
        fs::remove_dir_all(sandbox.path("vendor")).unwrap();

        // The command in the plan's message.
        run(&plan).ends_with(3).says(&["vendor wit a:http@1.0.0 --archives"]);
        let words = ["vendor", "wit", "a:http@1.0.0", "--archives", "--output-dir=vendor/wit"];
        let flags = flags.iter().map(String::as_str);
        run(&words.into_iter().chain(flags).collect::<Vec<_>>()).succeeds();
        run(&plan).succeeds();
        fs::remove_dir_all(sandbox.path("vendor")).unwrap();
    }
}

#[test]
fn an_override_replaces_an_archive() {
    let sandbox = Sandbox::new();
    usual(&sandbox);
    request(&sandbox, &["a:io@1.0.0"]);
    sandbox.write("wkg.toml", "[overrides]\n\"a:io\" = { path = \"mine\" }\n");
    let adopt = || {
        let run = sandbox.run(&["wit", "adopt", "--request=request.json", "--workspace=.", "out"]);
        run.env("WKG_CONFIG_FILE", sandbox.path("wkg.toml")).env("BAZEL_WASM_OFFLINE", "1")
    };
    sandbox.write("mine/io.wit", "package a:io@1.1.0;\n");
    adopt().ends_with(4).says(&["mine", "a:io@1.0.0", "a:io@1.1.0", "overridden by"]);
    let mine = "package a:io@1.0.0;\n// Mine.\n";
    sandbox.write("mine/io.wit", mine);
    let json = adopt().succeeds().json();
    assert_eq!((&json["adopted"], &json["overridden"]), (&true.into(), &true.into()));
    assert_eq!(sandbox.read("out/io.wit"), mine);
    sandbox.write("wkg.toml", "");
    let json = adopt().succeeds().json();
    assert_eq!((&json["adopted"], &json["overridden"]), (&false.into(), &false.into()));
}

#[test]
fn the_build_files_are_those_of_the_golden_tree() {
    let sandbox = Sandbox::new();
    let flags = usual(&sandbox);
    vendor(&sandbox, &flags, &["a:http@1.0.0"]).succeeds();
    for package in ["a-http-1.0.0", "a-io-1.0.0"] {
        let text = sandbox.read(&format!("vendor/wit/{package}/BUILD.bazel"));
        compare(&format!("tests/golden/vendor_wit/{package}/BUILD.bazel"), &text);
    }
    compare(
        "tests/golden/vendor_wit/a-http-1.0.0/types.wit",
        &sandbox.read("vendor/wit/a-http-1.0.0/types.wit"),
    );
    let rules = "--rules=@other_rules//wit:wit.bzl";
    vendor(&sandbox, &flags, &["a:http@1.0.0", rules]).succeeds();
    let text = sandbox.read("vendor/wit/a-io-1.0.0/BUILD.bazel");
    assert!(text.contains("load(\"@other_rules//wit:wit.bzl\", \"wit_library\")"), "{text}");
}
