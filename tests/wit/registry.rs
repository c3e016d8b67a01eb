//! `vendor wit` and `wit fetch` from a folder that is a registry, in wkg's layout. The tests of
//! registries on a network are in tests/oci.rs and tests/bazel.

use crate::encoded;
use crate::sandbox::{Run, Sandbox, sha256};

const TYPES: &str = "package a:types@1.0.0;\n\n/// Docs.\ninterface t {\n  type id = u64;\n}\n";
const API: &str = "package a:api@1.0.0;\n\ninterface api {\n  use a:types/t@1.0.0.{id};\n\n  get: func() -> id;\n}\n";

/// Creates a registry with `a:api` and `a:types`, which a config file names for the namespace.
fn usual() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("MODULE.bazel", "");
    sandbox.write("registry/a/types/1.0.0.wasm", encoded(&[TYPES]));
    sandbox.write("registry/a/api/1.0.0.wasm", encoded(&[TYPES, API]));
    sandbox.write(
        "wkg.toml",
        "[namespace_registries]\na = \"corp.example\"\nwasi = \"wasi.dev\"\n\
         [registry.\"corp.example\".local]\nroot = \"registry\"\n\
         [registry.\"wasi.dev\".local]\nroot = \"registry\"\n",
    );
    sandbox
}

fn run(sandbox: &Sandbox, words: &[&str]) -> Run {
    sandbox
        .run(words)
        .env("WKG_CONFIG_FILE", sandbox.path("wkg.toml"))
        .env("BAZEL_WASM_OFFLINE", "1")
}

fn vendor(sandbox: &Sandbox, words: &[&str]) -> Run {
    run(sandbox, &[&["vendor", "wit", "--output-dir=vendor/wit"], words].concat())
}

#[test]
fn the_published_file_stays_beside_its_text_and_in_wkgs_layout() {
    let sandbox = usual();
    vendor(&sandbox, &["a:api@1.0.0"]).succeeds().says(&["2 copied"]);
    let names: Vec<_> = sandbox.tree("vendor/wit").into_keys().collect();
    assert_eq!(
        names,
        [
            ".gitattributes",
            "a-api-1.0.0/BUILD.bazel",
            "a-api-1.0.0/a-api-1.0.0.wasm",
            "a-api-1.0.0/package.wit",
            "a-types-1.0.0/BUILD.bazel",
            "a-types-1.0.0/a-types-1.0.0.wasm",
            "a-types-1.0.0/package.wit",
            "a/api/1.0.0.wasm",
            "a/types/1.0.0.wasm",
        ]
    );
    // Each package from its own file: the stub in the other one has no documentation.
    assert_eq!(sandbox.read("vendor/wit/a-types-1.0.0/package.wit").trim_end(), TYPES.trim_end());
    assert!(sandbox.read("wit.lock").contains("registry = \"corp.example\""));
    vendor(&sandbox, &["a:api@1.0.0", "--locked"]).succeeds();
    sandbox.run(&["verify", "vendor"]).succeeds().says(&["8 files are as listed in the manifest"]);

    // The vendor folder is a registry itself.
    sandbox.write("wkg.toml", sandbox.read("wkg.toml").replace("registry\"\n", "vendor/wit\"\n"));
    run(&sandbox, &["wit", "fetch", "a:api@1.0.0", "out"]).succeeds();
    assert_eq!(sandbox.read("out/package.wit").trim_end(), API.trim_end());
}

#[test]
fn a_changed_copy_in_wkgs_layout_is_found_and_repaired() {
    let sandbox = usual();
    vendor(&sandbox, &["a:types@1.0.0"]).succeeds();
    sandbox.write("vendor/wit/a/types/1.0.0.wasm", "other");
    vendor(&sandbox, &["a:types@1.0.0", "--locked"])
        .ends_with(4)
        .says(&["a/types/1.0.0.wasm", "to fix it, run the same command without `--locked`"]);
    sandbox.run(&["verify", "vendor"]).ends_with(4);
    vendor(&sandbox, &["a:types@1.0.0"]).succeeds();
    vendor(&sandbox, &["a:types@1.0.0", "--locked"]).succeeds();
}

#[test]
fn locked_finds_a_published_file_that_changed_or_vanished() {
    let sandbox = usual();
    vendor(&sandbox, &["a:api@1.0.0"]).succeeds();
    let file = "vendor/wit/a-types-1.0.0/a-types-1.0.0.wasm";
    let check = |says: &[&str]| {
        let before = sandbox.tree(".");
        vendor(&sandbox, &["a:api@1.0.0", "--locked"]).ends_with(4).says(says);
        assert_eq!(sandbox.tree("."), before);
    };
    // The registry has the right file, and so has the copy for wkg.
    sandbox.write(file, "damaged");
    check(&["changed", file]);
    std::fs::remove_file(sandbox.path(file)).unwrap();
    check(&["missing", file]);
    vendor(&sandbox, &["a:api@1.0.0"]).succeeds().says(&["1 copied, 1 kept"]);
    vendor(&sandbox, &["a:api@1.0.0", "--locked"]).succeeds();
}

#[test]
fn a_vendored_package_without_a_pin_must_match_the_manifest() {
    let sandbox = usual();
    let mine = "package my:text@1.0.0;\n";
    sandbox.write("vendor/wit/mine/text.wit", mine);
    vendor(&sandbox, &["a:types@1.0.0", "my:text@1.0.0"]).succeeds();
    std::fs::remove_dir_all(sandbox.path("vendor/wit/mine")).unwrap();
    sandbox.write("wkg.toml", "");
    let fetch = |package: &str| {
        run(&sandbox, &["wit", "fetch", package, &format!("out/{package}")])
            .env("BAZEL_WASM_VENDOR_DIR", "vendor")
    };
    let other = encoded(&[&TYPES.replace("u64", "u32")]);
    let (good, bad) = (sha256(&encoded(&[TYPES])), sha256(&other));
    let (file, copy) =
        ("vendor/wit/a-types-1.0.0/a-types-1.0.0.wasm", "vendor/wit/a/types/1.0.0.wasm");
    sandbox.write(file, &other);
    fetch("a:types@1.0.0").ends_with(4).says(&[&good, &bad, "vendor/manifest.json", file]);
    // The copy for wkg too, and text that was written by hand.
    std::fs::remove_file(sandbox.path(file)).unwrap();
    sandbox.write(copy, &other);
    fetch("a:types@1.0.0").ends_with(4).says(&[&good, &bad, copy]);
    sandbox.write("vendor/wit/my-text-1.0.0/text.wit", format!("{mine}// Other.\n"));
    fetch("my:text@1.0.0").ends_with(4).says(&["vendor/manifest.json", "my-text-1.0.0/text.wit"]);
    assert!(sandbox.tree("out").is_empty());
    sandbox.write(copy, encoded(&[TYPES]));
    sandbox.write("vendor/wit/my-text-1.0.0/text.wit", mine);
    fetch("a:types@1.0.0").succeeds();
    fetch("my:text@1.0.0").succeeds();
}

#[test]
fn a_damaged_published_file_is_never_passed_over() {
    let sandbox = usual();
    vendor(&sandbox, &["a:types@1.0.0"]).succeeds();
    let digest = sha256(&encoded(&[TYPES]));
    let other = encoded(&[&TYPES.replace("u64", "u32")]);
    let folder = "vendor/wit/a-types-1.0.0";
    sandbox.write(&format!("{folder}/a-types-1.0.0.wasm"), &other);
    let pin = format!("--sha256={digest}");
    let fetch = || run(&sandbox, &["wit", "fetch", "a:types@1.0.0", "out", &pin]);
    fetch().ends_with(4).says(&[&digest, &sha256(&other), folder]);
    std::fs::remove_dir_all(sandbox.path("registry")).unwrap();
    std::fs::create_dir(sandbox.path("registry")).unwrap();
    std::fs::remove_dir_all(sandbox.path("vendor/wit/a")).unwrap();
    std::fs::remove_file(sandbox.path("wit.lock")).unwrap();
    vendor(&sandbox, &["a:types@1.0.0"]).ends_with(4).says(&[&digest, &sha256(&other), folder]);
    assert!(!sandbox.path("out").exists());
}

#[test]
fn a_package_without_a_pin_is_named_with_its_digest() {
    let sandbox = usual();
    let digest = sha256(&encoded(&[TYPES]));
    let says = ["a:types@1.0.0 is not pinned", &digest];
    let fetch = |words: &[&str]| {
        run(&sandbox, &[&["wit", "fetch", "a:types@1.0.0", "out"], words].concat()).succeeds()
    };
    fetch(&[]).says(&says);
    std::fs::remove_dir_all(sandbox.path("out")).unwrap();
    assert!(!fetch(&[&format!("--sha256={digest}")]).stderr.contains("not pinned"));

    let all = |digest: &str| {
        let request = format!(
            r#"{{"schema_version": 1, "wit": [{{"package": "a:types@1.0.0", "sha256": "{digest}"}}]}}"#
        );
        sandbox.write("request.json", request);
        let _ = std::fs::remove_dir_all(sandbox.path("all"));
        let words = ["vendor", "all", "--no-helper", "--output-dir=all", "--request=request.json"];
        run(&sandbox, &words).succeeds()
    };
    all("").says(&says);
    assert!(!all(&digest).stderr.contains("not pinned"));
    // A package that the lock will pin needs no warning.
    assert!(!vendor(&sandbox, &["a:types@1.0.0"]).succeeds().stderr.contains("not pinned"));
}

#[test]
fn vendor_starts_from_a_wkg_lock_and_keeps_its_digests() {
    let sandbox = usual();
    let lock = |digest: &str| {
        format!(
            "version = 1\n\n[[packages]]\nname = \"a:types\"\nregistry = \"corp.example\"\n\n\
             [[packages.versions]]\nrequirement = \"=1.0.0\"\nversion = \"1.0.0\"\n\
             digest = \"sha256:{digest}\"\n"
        )
    };
    let (good, bad) = (sha256(&encoded(&[TYPES])), "b".repeat(64));
    sandbox.write("wkg.lock", lock(&bad));
    vendor(&sandbox, &["--from=wkg.lock"]).ends_with(4).says(&[&good, &bad, "the lock"]);
    assert!(!sandbox.path("wit.lock").exists());
    sandbox.write("wkg.lock", lock(&good));
    vendor(&sandbox, &["--from=wkg.lock"]).succeeds();
    assert!(sandbox.read("wit.lock").contains(&good));
    vendor(&sandbox, &["--from=none.lock"]).ends_with(2).says(&["none.lock"]);
}

#[test]
fn a_version_that_was_published_anew_is_refused() {
    let sandbox = usual();
    vendor(&sandbox, &["a:types@1.0.0"]).succeeds();
    let before = sandbox.tree("vendor");
    sandbox.write("registry/a/types/1.0.0.wasm", encoded(&[&TYPES.replace("u64", "u32")]));
    // A right vendored file stays.
    vendor(&sandbox, &["a:types@1.0.0"]).succeeds().says(&["1 kept"]);
    assert_eq!(sandbox.tree("vendor"), before);
    std::fs::remove_dir_all(sandbox.path("vendor")).unwrap();
    vendor(&sandbox, &["a:types@1.0.0"]).ends_with(4).says(&["a:types@1.0.0", "the lock"]);
    vendor(&sandbox, &["a:types@1.0.0", "--update"]).succeeds();
}

#[test]
fn the_published_file_must_be_the_requested_package() {
    for (bytes, says) in [
        (encoded(&[&TYPES.replace("types@1.0.0", "other@1.0.0")]), "a:other@1.0.0"),
        (encoded(&[&TYPES.replace("@1.0.0", "@1.0.1")]), "a:types@1.0.1"),
        (b"\0asm\x01\0\0\0".to_vec(), "a core module"),
        (b"\0asm\x0d\0\x01\0".to_vec(), "a component"),
        (b"<html>".to_vec(), "an HTML page"),
    ] {
        let sandbox = usual();
        sandbox.write("registry/a/types/1.0.0.wasm", bytes);
        vendor(&sandbox, &["a:types@1.0.0"]).ends_with(4).says(&[says, "from: ", "registry"]);
        assert!(
            !sandbox.path("wit.lock").exists() && !sandbox.path("vendor/manifest.json").exists()
        );
        assert!(!sandbox.path("vendor/wit/a-types-1.0.0/a-types-1.0.0.wasm").exists());
        run(&sandbox, &["wit", "fetch", "a:types@1.0.0", "out"]).ends_with(4).says(&[says]);
        assert!(sandbox.tree("out").is_empty());
    }
}

#[test]
fn packages_of_a_known_registry_must_have_the_known_digest() {
    let sandbox = usual();
    let text = "package wasi:io@0.2.3;\n\ninterface poll {\n}\n";
    sandbox.write("registry/wasi/io/0.2.3.wasm", encoded(&[text]));
    vendor(&sandbox, &["wasi:io@0.2.3"]).ends_with(4).says(&[
        "the digest known for `wasi.dev`",
        "06b1e3bfc7548e3c0c06a78b4c1f98a3fa81b8b231ea3d4e7602fe221e2f3cc5",
    ]);
    // A registry with another name is another registry.
    let config = sandbox.read("wkg.toml").replace("wasi.dev", "mirror.example");
    sandbox.write("wkg.toml", config);
    vendor(&sandbox, &["wasi:io@0.2.3"]).succeeds();
}

#[test]
fn a_pin_is_enforced_and_a_path_overrides() {
    let sandbox = usual();
    let (good, bad) = (sha256(&encoded(&[TYPES])), "b".repeat(64));
    let fetch = |digest: &str| {
        let digest = format!("--sha256={digest}");
        run(&sandbox, &["wit", "fetch", "a:types@1.0.0", "out", &digest])
    };
    fetch(&bad).ends_with(4).says(&[&good, &bad, "the rule's sha256"]);
    assert!(sandbox.tree("out").is_empty());
    fetch(&good).succeeds();
    assert_eq!(sandbox.read("out/package.wit").trim_end(), TYPES.trim_end());

    let mine = TYPES.replace("u64", "string");
    sandbox.write("mine/types.wit", &mine);
    let config = sandbox.read("wkg.toml") + "[overrides]\n\"a:types\" = { path = \"mine\" }\n";
    sandbox.write("wkg.toml", config);
    run(&sandbox, &["wit", "fetch", "a:types@1.0.0", "other"]).succeeds();
    assert_eq!(sandbox.read("other/types.wit"), mine);
    vendor(&sandbox, &["a:api@1.0.0"]).succeeds();
    assert_eq!(sandbox.read("vendor/wit/a-types-1.0.0/types.wit"), mine);
    vendor(&sandbox, &["a:api@1.0.0", "--locked"]).succeeds();
}

#[test]
fn two_packages_of_one_folder_are_refused() {
    let sandbox = usual();
    sandbox
        .write("registry/a/b-c/1.0.0.wasm", encoded(&["package a:b-c@1.0.0;\ninterface i {}\n"]));
    sandbox
        .write("registry/a-b/c/1.0.0.wasm", encoded(&["package a-b:c@1.0.0;\ninterface i {}\n"]));
    let config = sandbox.read("wkg.toml").replace("a = ", "a-b = \"corp.example\"\na = ");
    sandbox.write("wkg.toml", config);
    vendor(&sandbox, &["a:b-c@1.0.0", "a-b:c@1.0.0"])
        .ends_with(2)
        .says(&["a-b-c-1.0.0", "a:b-c@1.0.0, a-b:c@1.0.0"]);
}

#[test]
fn fetch_with_output_brings_all_that_is_needed() {
    let sandbox = usual();
    let fetch = ["wit", "fetch", "a:api@1.0.0", "--output", "vendor/wit/api"];
    run(&sandbox, &fetch).succeeds().says(&["a:api@1.0.0 and 1 package that it depends on"]);
    let names: Vec<_> = sandbox.tree("vendor").into_keys().collect();
    assert_eq!(
        names,
        [
            "wit/api/a-api-1.0.0.wasm",
            "wit/api/deps/a-types-1.0.0/a-types-1.0.0.wasm",
            "wit/api/deps/a-types-1.0.0/package.wit",
            "wit/api/package.wit",
        ]
    );
    assert!(sandbox.read("vendor/wit/api/deps/a-types-1.0.0/package.wit").contains("Docs."));
    // The pin is that of the package itself, and a failure leaves no file.
    let wrong = ["wit", "fetch", "a:api@1.0.0", "-o", "x", "--sha256", &"0".repeat(64)];
    run(&sandbox, &wrong).ends_with(4);
    assert!(sandbox.tree("x").is_empty());
    let right = sha256(&encoded(&[TYPES, API]));
    run(&sandbox, &["wit", "fetch", "a:api", "-o", "x", "--sha256", &right]).succeeds();
    run(&sandbox, &["wit", "fetch", "a:api@1.0.0"]).ends_with(2).says(&["--output"]);
}

#[test]
fn a_package_that_no_source_has_is_an_error_with_a_next_step() {
    let sandbox = usual();
    for command in [&["wit", "pin", "a:none@1.0.0"] as &[_], &["wit", "fetch", "a:none@1.0.0", "x"]]
    {
        let says = ["not there", "hint", "check the name, the version and the registry"];
        run(&sandbox, command).env("BAZEL_WASM_OFFLINE", "0").ends_with(3).says(&says);
    }
}

#[test]
fn fetched_folders_serve_pinned_packages_offline() {
    let sandbox = usual();
    run(&sandbox, &["wit", "fetch", "a:api@1.0.0", "-o", "vendor/wit/api"]).succeeds();
    // Its dependencies are in the folder `deps`, and are found there too.
    for (package, content) in [("a:api@1.0.0", &[TYPES, API] as &[_]), ("a:types@1.0.0", &[TYPES])]
    {
        let pin = format!("--sha256={}", sha256(&encoded(content)));
        let words = ["wit", "fetch", package, "--registry=127.0.0.1:1/a", "out", &pin];
        sandbox.run(&words).env("BAZEL_WASM_OFFLINE", "1").succeeds();
    }
}

#[test]
fn text_does_not_serve_a_pinned_package_and_a_command_helps() {
    let sandbox = usual();
    sandbox.write("vendor/wit/types/types.wit", TYPES);
    let digest = sha256(&encoded(&[TYPES]));
    let pin = format!("--sha256={digest}");
    let fetch = |config: &str| {
        let words = ["wit", "fetch", "a:types@1.0.0", "--registry=corp.example", "out", &pin];
        let run = sandbox.run(&words).env("BAZEL_WASM_OFFLINE", "1");
        run.env("WKG_CONFIG_FILE", sandbox.path(config))
    };
    sandbox
        .write("none.toml", "[registry.\"corp.example\".mirror]\nurl = \"http://127.0.0.1:1\"\n");
    let command = format!(
        "wit fetch a:types@1.0.0 --registry corp.example --sha256 {digest} \
         --output vendor/wit/a-types-1.0.0-published"
    );
    let printed = fetch("none.toml").ends_with(3);
    printed.says(&["it has only text", &format!("wasm-airgap {command}")]);
    run(&sandbox, &command.split(' ').collect::<Vec<_>>()).succeeds();
    fetch("none.toml").succeeds();
}

#[test]
fn a_missing_override_is_an_error_for_a_vendored_package_too() {
    let sandbox = usual();
    vendor(&sandbox, &["a:types@1.0.0"]).succeeds();
    let config = sandbox.read("wkg.toml") + "[overrides]\n\"a:types\" = { path = \"mine\" }\n";
    sandbox.write("wkg.toml", config);
    for words in [&["wit", "fetch", "a:types@1.0.0", "out"][..], &["wit", "pin", "a:types@1.0.0"]] {
        run(&sandbox, words).ends_with(2).says(&["mine", "does not exist", "wkg.toml:9"]);
    }
    vendor(&sandbox, &["a:types@1.0.0"]).ends_with(2).says(&["does not exist"]);
    vendor(&sandbox, &["a:types@1.0.0", "--locked"]).ends_with(2).says(&["does not exist"]);
    assert!(sandbox.tree("out").is_empty());
}

#[test]
fn a_package_without_a_registry_names_the_setting_to_add() {
    let sandbox = usual();
    sandbox.write("wkg.toml", "");
    run(&sandbox, &["wit", "fetch", "a:api@1.0.0", "-o", "out"]).ends_with(2).says(&[
        "`a = \"HOST\"`",
        "--registry HOST",
        "--package-registry a=HOST",
        "package_registries = {\"a\": \"HOST\"}",
    ]);
}

#[test]
fn a_package_can_have_a_registry_of_its_own() {
    let sandbox = usual();
    sandbox.write("wkg.toml", "[registry.\"corp.example\".local]\nroot = \"registry\"\n");
    vendor(&sandbox, &["a:api@1.0.0"])
        .ends_with(2)
        .says(&["no registry is configured for `a:api`"]);
    let named = ["a:api", "--package-registry=a=corp.example"];
    vendor(&sandbox, &named).succeeds().says(&["2 copied"]);
    assert!(sandbox.read("wit.lock").contains("registry = \"corp.example\""));
    vendor(&sandbox, &["a:api", "--package-registry=a=corp.example", "--locked"]).succeeds();
    let fetch = ["wit", "fetch", "a:api@1.0.0", "--registry=corp.example", "--output=out"];
    run(&sandbox, &fetch).succeeds();
    assert!(sandbox.path("out/deps/a-types-1.0.0/package.wit").is_file());
    // A dependency comes from the registry of the package, because the hints name only the package.
    std::fs::remove_dir_all(sandbox.path("vendor")).unwrap();
    let one = ["--update", "a:api@1.0.0", "--package-registry=a:api=corp.example"];
    vendor(&sandbox, &one).succeeds().says(&["2 copied"]);
    // The more specific name wins.
    std::fs::remove_dir_all(sandbox.path("vendor")).unwrap();
    let both = ["--package-registry=a=none.example", "--package-registry=a:api=corp.example"];
    vendor(&sandbox, &[&["--update", "a:api@1.0.0"], &both[..]].concat()).ends_with(3);
    vendor(&sandbox, &["a:api", "--package-registry=a"]).ends_with(2).says(&["a registry"]);
}

#[test]
fn pin_prints_lines_that_can_be_pasted() {
    let sandbox = usual();
    sandbox
        .write("MODULE.bazel", "bazel_dep(name = \"rules_wasm_airgap\", repo_name = \"wasm\")\n");
    let pin = ["wit", "pin", "a:api", "--registry", "corp.example"];
    let printed = run(&sandbox, &pin).succeeds().stdout;
    let digest = sha256(&encoded(&[TYPES, API]));
    let lines = format!(
        "wit = use_extension(\"@wasm//bazel:wit.bzl\", \"wit_packages\")\nwit.package(\n    \
         name = \"a_api\",\n    package = \"a:api@1.0.0\",\n    registry = \"corp.example\",\n    \
         sha256 = \"{digest}\",\n)\nuse_repo(wit, \"a_api\")\n"
    );
    assert!(printed.ends_with(&lines), "{printed}");
}

#[test]
fn versions_in_errors_are_sorted_and_name_their_source() {
    let sandbox = usual();
    for version in ["1.10.0", "1.2.0", "1.9.0"] {
        let api = API.replace("api@1.0.0", &format!("api@{version}"));
        sandbox.write(&format!("registry/a/api/{version}.wasm"), encoded(&[TYPES, &api]));
    }
    let found = "1.0.0, 1.2.0, 1.9.0, 1.10.0 of a:api";
    vendor(&sandbox, &["a:api@1.3.0"]).ends_with(3).says(&[found, ", in "]);
    vendor(&sandbox, &["a:api@^2"])
        .ends_with(3)
        .says(&[found, "request one of these, as in `a:api@1.10.0`"]);
    let tool = ["plan", "--tool=wasm-tools@1.24.0"];
    let printed = sandbox.run(&tool).ends_with(2).stderr;
    let versions: Vec<_> = printed
        .split("nearest: ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .split(", ")
        .map(|it| it.trim_matches('`').parse::<semver::Version>().unwrap())
        .collect();
    assert!(versions.is_sorted() && versions.len() > 1, "{printed}");
}
