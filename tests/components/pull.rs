//! `component pull` and `component fetch`: by either digest, by tag, from mirrors and folders.

use crate::fake_registry::{Door, Fake};
use crate::sandbox::Sandbox;
use crate::server::Reply;
use crate::{bytes, component, push, run};

const APP: &str = "my-org/app";

#[test]
fn an_action_is_told_that_it_cannot_read_the_workspace() {
    let sandbox = Sandbox::new();
    sandbox.write("mnt/x", "");
    let digest = format!("--digest=sha256:{}", "a".repeat(64));
    let fetch = ["component", "fetch", "--reference=r.example/my-org/app", &digest, "a.wasm"];
    let in_repository = [&fetch[..], &["--workspace=."]].concat();
    let hint = "an action cannot read the workspace";
    let absolute = sandbox.path("mnt").display().to_string();
    let elsewhere = Sandbox::new();
    for (words, folder, code, hinted) in [
        (&fetch[..], "", 3, true),
        (&fetch[..], "vendor", 2, true),
        (&fetch[..], "/nowhere", 2, false),
        (&fetch[..], &absolute, 3, false),
        (&in_repository, "", 3, false),
        (&in_repository, "vendor", 2, false),
    ] {
        let run = run(&elsewhere, words).env("BAZEL_WASM_OFFLINE", "1");
        let printed = run.env("BAZEL_WASM_VENDOR_DIR", folder).ends_with(code);
        assert_eq!(printed.stderr.contains(hint), hinted, "{folder}: {}", printed.stderr);
        let relative = printed.stderr.contains("relative to the workspace root");
        assert_eq!(relative, code == 2 && !hinted, "{folder}: {}", printed.stderr);
    }
}

#[test]
fn either_digest_pulls_the_component_and_is_named() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let app = component("app");
    let pushed = push(&fake, APP, "v1", &app);
    let name = format!("{}/{APP}", fake.host());
    let blob = format!("GET /v2/{APP}/blobs/sha256:{}", pushed.content);
    for (digest, says, requests) in [
        (&pushed.manifest, "is the digest of the manifest", 3),
        (&pushed.content, "is the digest of the content", 1),
    ] {
        let before = fake.request_lines().len();
        let pin = format!("{name}@sha256:{digest}");
        let printed = run(&sandbox, &["component", "pull", &pin, "-o", "a.wasm"]).succeeds();
        assert!(!printed.says(&[says, "fetched"]).stderr.contains("warning"));
        assert_eq!(bytes(&sandbox, "a.wasm"), app);
        let asked = &fake.request_lines()[before..];
        assert_eq!(asked.len(), requests, "{asked:?}");
        assert_eq!(*asked.last().unwrap(), blob);
        std::fs::remove_file(sandbox.path("a.wasm")).unwrap();

        // The same as arguments of a rule, with the digest beside the reference.
        let digest = format!("--digest=sha256:{digest}");
        let reference = format!("--reference={name}:v1");
        run(&sandbox, &["component", "fetch", &reference, "--name=app", &digest, "a.wasm"])
            .succeeds()
            .says(&[says]);
        assert_eq!(bytes(&sandbox, "a.wasm"), app);
        std::fs::remove_file(sandbox.path("a.wasm")).unwrap();
    }
    // A right file is not fetched again; its digest needs no registry.
    let before = fake.request_lines().len();
    let pin = format!("{name}@sha256:{}", pushed.content);
    sandbox.write("a.wasm", &app);
    run(&sandbox, &["component", "pull", &pin, "-o", "a.wasm"]).succeeds().says(&["kept"]);
    assert_eq!(fake.request_lines().len(), before);
}

/// Registries differ in their answers for a digest of the other kind.
#[test]
fn manifests_served_as_blobs_and_broken_layers_are_handled() {
    let app = component("app");
    for gives in [true, false] {
        let fake = Fake::with(Door::Open, move |request, store| {
            let digest = request.path.rsplit_once(':')?.1;
            if gives && request.path.contains("/blobs/") {
                let manifest = store.manifest(APP, &format!("sha256:{digest}"))?.to_vec();
                return Some(Reply::ok(manifest));
            }
            let layer = crate::sha256(&component("app"));
            let breaks = !gives && request.path.contains("/manifests/") && digest == layer;
            breaks.then(|| Reply::new("500 Internal Server Error", ""))
        });
        let pushed = push(&fake, APP, "v1", &app);
        for digest in [&pushed.manifest, &pushed.content] {
            let sandbox = Sandbox::new();
            let pin = format!("{}/{APP}@sha256:{digest}", fake.host());
            run(&sandbox, &["component", "pull", &pin, "-o", "a.wasm"]).succeeds();
            assert_eq!(bytes(&sandbox, "a.wasm"), app);
            let vendor = ["vendor", "components", &pin, "--output-dir=v"];
            run(&sandbox, &vendor).succeeds();
            run(&sandbox, &vendor).env("BAZEL_WASM_OFFLINE", "1").succeeds();
        }
    }
}

#[test]
#[cfg(unix)]
fn a_folder_or_pipe_at_the_destination_is_not_replaced() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let app = push(&fake, "my-org/app", "v1", &component("app"));
    let pin = format!("{}/my-org/app@sha256:{}", fake.host(), app.manifest);
    std::fs::create_dir_all(sandbox.path("vendor/components")).unwrap();
    std::fs::create_dir(sandbox.path("folder")).unwrap();
    let pipes = ["pipe", "vendor/components/app.wasm"].map(|it| sandbox.path(it));
    assert!(std::process::Command::new("mkfifo").args(&pipes).status().unwrap().success());
    for (output, code, words) in [
        ("pipe", 2, "found: not a regular file"),
        ("folder", 2, "`folder` is a folder"),
        ("-", 2, "stdout"),
    ] {
        let pull = ["component", "pull", &*pin, "--output", output];
        sandbox.run(&pull).ends_with(code).says(&[words]);
    }
    let pipe = std::fs::symlink_metadata(&pipes[0]).unwrap();
    assert!(!pipe.is_file() && !sandbox.path("-").exists());
    // The program does not wait for a pipe at the path of a component either.
    let pull = ["component", "pull", &*pin, "--offline", "--output", "app.wasm"];
    sandbox.run(&pull).ends_with(3).says(&["expected a file"]);
}

#[test]
fn a_tag_warns_once_and_says_the_pin() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Token));
    let app = component("app");
    let pushed = push(&fake, APP, "v1", &app);
    let name = format!("{}/{APP}:v1", fake.host());
    let printed = run(&sandbox, &["component", "pull", &name, "-o", "a.wasm"]).succeeds();
    let pin = format!("digest = \"sha256:{}\"", pushed.content);
    let printed = printed.says(&["is not pinned", &pin, &pushed.manifest]);
    assert_eq!(printed.stderr.matches("warning").count(), 1, "{}", printed.stderr);
    assert_eq!(bytes(&sandbox, "a.wasm"), app);
    let json = run(&sandbox, &["--json", "component", "pull", &name, "-o", "b.wasm"]).succeeds();
    assert_eq!(json.json()["content"], format!("sha256:{}", pushed.content));
    assert_eq!(json.json()["manifest"], format!("sha256:{}", pushed.manifest));
    assert_eq!(json.json()["pinned_by"], serde_json::Value::Null);
}

#[test]
fn offline_makes_no_request_and_names_every_place() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let pushed = push(&fake, APP, "v1", &component("app"));
    sandbox.write("v/x", "");
    let name = format!("{}/{APP}", fake.host());
    let digest = format!("--digest=sha256:{}", pushed.content);
    for pin in [None, Some(digest.as_str())] {
        let reference = format!("--reference={name}:v1");
        let mut words = vec!["component", "fetch", &reference, "--name=other", "a.wasm"];
        words.extend(pin);
        let command = format!("vendor components {name}:v1");
        run(&sandbox, &words)
            .env("BAZEL_WASM_OFFLINE", "1")
            .env("BAZEL_WASM_VENDOR_DIR", "v")
            .ends_with(3)
            .says(&[
                &sandbox.path("v/components/other.wasm").display().to_string(),
                &sandbox.path("v/other.wasm").display().to_string(),
                &sandbox.path("vendor/components/other.wasm").display().to_string(),
                "not asked: BAZEL_WASM_OFFLINE is on",
                &name,
                &command,
                "--name other",
            ]);
    }
    assert!(fake.server.requests().is_empty());
    assert!(!sandbox.path("a.wasm").exists());
}

#[test]
fn a_vendored_component_comes_first_in_both_layouts() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let app = component("app");
    let pushed = push(&fake, APP, "v1", &app);
    let reference = format!("--reference={}/{APP}:v1", fake.host());
    let digest = format!("--digest=sha256:{}", pushed.content);
    for place in ["v/components/app.wasm", "v/app.wasm", "vendor/components/app.wasm"] {
        sandbox.write("v/x", "");
        sandbox.write(place, &app);
        for pin in [None, Some(digest.as_str())] {
            let mut words = vec!["component", "fetch", &reference, "a.wasm"];
            words.extend(pin);
            let printed = run(&sandbox, &words)
                .env("BAZEL_WASM_OFFLINE", "1")
                .env("BAZEL_WASM_VENDOR_DIR", "v")
                .succeeds();
            assert!(!printed.says(&["copied", place]).stderr.contains("warning"));
            assert_eq!(bytes(&sandbox, "a.wasm"), app);
            std::fs::remove_file(sandbox.path("a.wasm")).unwrap();
        }
        // One changed byte: no other source is asked.
        let mut bad = app.clone();
        *bad.last_mut().unwrap() ^= 1;
        sandbox.write(place, &bad);
        run(&sandbox, &["component", "fetch", &reference, &digest, "a.wasm"])
            .env("BAZEL_WASM_VENDOR_DIR", "v")
            .ends_with(4)
            .says(&["app.wasm", &pushed.content, &crate::sha256(&bad), "vendor components"]);
        std::fs::remove_file(sandbox.path(place)).unwrap();
    }
    assert!(fake.server.requests().is_empty());
    run(&sandbox, &["component", "fetch", &reference, "a.wasm"])
        .env("BAZEL_WASM_VENDOR_DIR", "none")
        .ends_with(2)
        .says(&["none", "BAZEL_WASM_VENDOR_DIR"]);
}

#[test]
fn a_damaged_vendored_component_is_an_error_for_every_purpose() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let (app, next) = (component("app"), component("nxt"));
    let pushed = push(&fake, APP, "v1", &app);
    let newer = push(&fake, APP, "v2", &next);
    let name = format!("{}/{APP}", fake.host());
    let pin = |digest: &str| format!("{name}@sha256:{digest}");
    let file = "vendor/components/app.wasm";
    let vendored = ["vendor", "components", "--output-dir=vendor/components"];
    let lfs = |digest: &str| {
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 8\n")
    };
    for digest in [&pushed.content, &pushed.manifest] {
        let pin = pin(digest);
        run(&sandbox, &[&vendored[..], &[&pin]].concat()).succeeds();
        sandbox.write(file, lfs(&pushed.content));
        let asked = fake.server.requests().len();
        let reference = format!("--reference={pin}");
        for words in [
            &["component", "pull", &pin, "-o", "a.wasm"][..],
            &["component", "fetch", &reference, "a.wasm"],
            &["vendor", "components", "--output-dir=other/components", &pin],
            &[&vendored[..], &["--offline", &pin]].concat(),
        ] {
            let printed = run(&sandbox, words).ends_with(4);
            printed.says(&[file, &pushed.content, "a Git LFS pointer to the pinned file"]);
        }
        assert_eq!(fake.server.requests().len(), asked);
    }
    // A file of another version is not damage.
    sandbox.write(file, &app);
    run(&sandbox, &["component", "pull", &pin(&newer.content), "-o", "a.wasm"])
        .succeeds()
        .says(&["skipped", file]);
    assert_eq!(bytes(&sandbox, "a.wasm"), next);
}

#[test]
fn a_mirror_replaces_the_registry_unless_direct_is_allowed() {
    let (sandbox, upstream, mirror) =
        (Sandbox::new(), Fake::new(Door::Open), Fake::new(Door::Open));
    let app = component("app");
    let pushed = push(&upstream, APP, "v1", &app);
    let pin = format!("{}/{APP}@sha256:{}", upstream.host(), pushed.content);
    let words = ["component", "pull", &pin, "-o", "a.wasm"];
    let (only, both) = (mirror.server.url(""), format!("{},direct", mirror.server.url("")));
    let printed = run(&sandbox, &words).env("BAZEL_WASM_COMPONENT_MIRROR", &only).ends_with(3);
    printed.says(&[&mirror.host(), "BAZEL_WASM_COMPONENT_MIRROR", &pushed.content]);
    assert!(upstream.server.requests().is_empty());

    let printed = run(&sandbox, &words).env("BAZEL_WASM_COMPONENT_MIRROR", &both).succeeds();
    printed.says(&["skipped", &mirror.host(), "allows `direct`"]);
    assert_eq!(bytes(&sandbox, "a.wasm"), app);
    std::fs::remove_file(sandbox.path("a.wasm")).unwrap();

    // The mirror's own copy, without a request to upstream.
    let asked = upstream.server.requests().len();
    push(&mirror, APP, "v1", &app);
    run(&sandbox, &words).env("BAZEL_WASM_COMPONENT_MIRROR", &both).succeeds();
    assert_eq!(upstream.server.requests().len(), asked);
}

#[test]
fn wrong_bytes_from_a_mirror_end_the_search() {
    let (sandbox, upstream) = (Sandbox::new(), Fake::new(Door::Open));
    let (app, other) = (component("app"), component("oth"));
    assert_eq!(app.len(), other.len());
    let pushed = push(&upstream, APP, "v1", &app);
    let (served, content) = (other.clone(), pushed.content.clone());
    let mirror = Fake::with(Door::Open, move |request, _| {
        request.path.ends_with(&content).then(|| Reply::ok(served.clone()))
    });
    push(&mirror, APP, "v1", &app);
    let both = format!("{},direct", mirror.server.url(""));
    for digest in [&pushed.content, &pushed.manifest] {
        let pin = format!("{}/{APP}@sha256:{digest}", upstream.host());
        run(&sandbox, &["component", "pull", &pin, "-o", "a.wasm"])
            .env("BAZEL_WASM_COMPONENT_MIRROR", &both)
            .ends_with(4)
            .says(&[&pushed.content, &crate::sha256(&other), &mirror.host()]);
    }
    assert!(upstream.server.requests().is_empty());
    assert!(!sandbox.path("a.wasm").exists());
}

#[test]
fn missing_tags_blobs_and_manifests_are_told_apart() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    push(&fake, APP, "v1", &component("app"));
    let host = fake.host();
    let zeros = "0".repeat(64);
    for (rest, says) in [
        (format!("{APP}:v2"), "there is no tag `v2`".to_owned()),
        (
            format!("{APP}@sha256:{zeros}"),
            format!("there is no blob with the digest sha256:{zeros}"),
        ),
        (format!("{APP}@sha256:{zeros}"), "there is no manifest with the digest".to_owned()),
    ] {
        let reference = format!("{host}/{rest}");
        run(&sandbox, &["component", "pull", &reference, "-o", "a.wasm"])
            .ends_with(3)
            .says(&[&host, &says]);
    }
    let missing = Fake::with(Door::Open, |request, _| {
        (request.path != "/v2/").then(|| {
            crate::fake_registry::error(
                "404 Not Found",
                "NAME_UNKNOWN",
                "repository name not known",
            )
        })
    });
    let reference = format!("{}/{APP}:v1", missing.host());
    run(&sandbox, &["component", "pull", &reference, "-o", "a.wasm"])
        .ends_with(3)
        .says(&["there is no repository `my-org/app`"]);
    let closed = Fake::new(Door::Basic);
    let reference = format!("{}/{APP}:v1", closed.host());
    run(&sandbox, &["component", "pull", &reference, "-o", "a.wasm"])
        .ends_with(5)
        .says(&["401", "WKG_REGISTRY_127_0_0_1_"]);
    assert_eq!(sandbox.tree(".").len(), 0);
}

#[test]
fn a_pull_that_broke_off_is_continued() {
    let app = crate::exporting(&["my-org:app/api@1.0.0"], 3_000_000);
    let served = app.clone();
    let fake = Fake::with(Door::Open, move |request, store| {
        let blob = format!("/blobs/sha256:{}", crate::sha256(&served));
        let first = request.path.ends_with(&blob) && request.nth == 0;
        let length = served.len();
        first.then(|| store.answer(request).cut_at(length / 2))
    });
    let pushed = push(&fake, APP, "v1", &app);
    let sandbox = Sandbox::new();
    let pin = format!("{}/{APP}@sha256:{}", fake.host(), pushed.manifest);
    let words = ["component", "pull", &pin, "-o", "a.wasm"];
    run(&sandbox, &words).ends_with(5);
    assert!(!sandbox.path("a.wasm").exists());
    run(&sandbox, &words).succeeds();
    assert_eq!(bytes(&sandbox, "a.wasm"), app);
    let requests = fake.server.requests();
    let blobs: Vec<_> = requests.iter().filter(|it| it.path.ends_with(&pushed.content)).collect();
    let ranges: Vec<_> = blobs.iter().map(|it| it.range()).collect();
    assert_eq!(ranges.len(), 2, "{ranges:?}");
    assert!(ranges[1].unwrap() > app.len() / 4, "{ranges:?}");
    assert_eq!(sandbox.tree(".").into_keys().collect::<Vec<_>>(), ["a.wasm"]);
}

#[test]
fn a_folder_in_place_of_a_registry_serves_it_offline() {
    let sandbox = Sandbox::new();
    let (app, other) = (component("app"), component("other"));
    sandbox.write("registry/my-org/app/1.0.0.wasm", &other);
    sandbox.write("registry/my-org/app/1.2.0.wasm", &app);
    sandbox.write("wkg.toml", "[registry.\"local\"]\nlocal = { root = \"registry\" }\n");
    let pull = |reference: &str| {
        let words = ["--offline", "component", "pull", reference, "-o", "a.wasm"];
        run(&sandbox, &words).env("WKG_CONFIG_FILE", sandbox.path("wkg.toml"))
    };
    let pin = crate::sha256(&app);
    for reference in [
        "ghcr.io/my-org/app:1.2.0".to_owned(),
        "ghcr.io/my-org/app:v1.2.0".to_owned(),
        // With any version.
        format!("ghcr.io/my-org/app@sha256:{pin}"),
    ] {
        pull(&reference).succeeds().says(&["copied", "registry/my-org/app/1.2.0.wasm"]);
        assert_eq!(bytes(&sandbox, "a.wasm"), app, "{reference}");
        std::fs::remove_file(sandbox.path("a.wasm")).unwrap();
    }
    // If a version has other bytes than the pinned ones, no other source is asked.
    let wrong = format!("ghcr.io/my-org/app:1.0.0@sha256:{pin}");
    pull(&wrong).ends_with(4).says(&[&pin, &crate::sha256(&other)]);
    pull("ghcr.io/my-org/app:2.0.0").ends_with(3).says(&["registry/my-org/app", "not there"]);
    sandbox.write("wkg.toml", "[overrides]\n\"my-org:app\" = { path = \"gone.wasm\" }\n");
    let line = "wkg.toml:2: `overrides.\"my-org:app\".path`";
    pull("ghcr.io/my-org/app:1.2.0").ends_with(2).says(&["gone.wasm", "does not exist", line]);
    let show = || {
        run(&sandbox, &["config", "show"])
            .env("WKG_CONFIG_FILE", sandbox.path("wkg.toml"))
            .succeeds()
            .stdout
    };
    assert!(show().contains("gone.wasm, which does not exist"), "{}", show());
    // A component that is elsewhere does not need the folder of this one.
    pull("ghcr.io/my-org/other:1.2.0").ends_with(3);
    for (root, problem) in [("nope", "does not exist"), ("wkg.toml", "is not a folder")] {
        let config = format!("[registry.local]\nlocal = {{ root = \"{root}\" }}\n");
        sandbox.write("wkg.toml", config);
        pull("ghcr.io/my-org/app:1.2.0").ends_with(2).says(&[
            root,
            problem,
            "wkg.toml:2: `registry.local.local.root`",
        ]);
        assert!(show().contains(&format!("which {problem}")), "{}", show());
    }
}

/// An error that no other source can fix is reported as it is, whatever the next sources are.
#[test]
fn an_invalid_setting_ends_the_search() {
    let (sandbox, upstream, mirror) =
        (Sandbox::new(), Fake::new(Door::Open), Fake::new(Door::Open));
    for fake in [&upstream, &mirror] {
        push(fake, APP, "v1", &component("app"));
    }
    let (host, there) = (upstream.host(), mirror.host());
    let name = format!("{host}/{APP}:v1");
    let mirrored =
        format!("[registry.{host:?}.mirror]\nurl = \"http://{there}\"\nfallback = true\n");
    let auth = "auth = { type = \"basic\", username = \"me\", password_env = \"NOPE\" }";
    sandbox.write("unset.toml", format!("{mirrored}[registry.{there:?}]\n{auth}\n"));
    sandbox.write("mirror.toml", &mirrored);
    sandbox.write("bad/config.json", "{bad");
    sandbox.write("list/config.json", "{\"auths\": []}");
    sandbox.write("helper/config.json", "{\"credsStore\": \"nowhere\"}");
    for (config, docker, code, says) in [
        ("unset.toml", "", 2, "`NOPE` is not set"),
        ("mirror.toml", "bad", 2, "it is not JSON (line 1"),
        ("mirror.toml", "list", 2, "`auths` is not an object"),
        ("mirror.toml", "helper", 5, "docker-credential-nowhere"),
    ] {
        run(&sandbox, &["component", "pull", &name, "-o", "a.wasm"])
            .env("WKG_CONFIG_FILE", sandbox.path(config))
            .env("DOCKER_CONFIG", sandbox.path(docker))
            .ends_with(code)
            .says(&[says, "from:", &there]);
    }
    assert!(upstream.server.requests().is_empty());
    assert!(!sandbox.path("a.wasm").exists());
}

#[test]
fn a_mirror_that_refuses_ends_the_search() {
    for door in [Door::Basic, Door::AliceToken] {
        let (sandbox, upstream, mirror) = (Sandbox::new(), Fake::new(Door::Open), Fake::new(door));
        push(&upstream, APP, "v1", &component("app"));
        let name = format!("{}/{APP}:v1", upstream.host());
        let both = format!("{},direct", mirror.server.url(""));
        run(&sandbox, &["component", "pull", &name, "-o", "a.wasm"])
            .env("BAZEL_WASM_COMPONENT_MIRROR", &both)
            .ends_with(5)
            .says(&[
                "401",
                &mirror.host(),
                &upstream.host(),
                "not asked",
                "WKG_REGISTRY_127_0_0_1_",
            ]);
        assert!(upstream.server.requests().is_empty());
    }
    let (sandbox, upstream) = (Sandbox::new(), Fake::new(Door::Open));
    push(&upstream, APP, "v1", &component("app"));
    let name = format!("{}/{APP}:v1", upstream.host());
    let busy = Fake::with(Door::Open, |_, _| Some(Reply::new("503 Service Unavailable", "")));
    let both = format!("{},direct", busy.server.url(""));
    run(&sandbox, &["component", "pull", &name, "-o", "a.wasm"])
        .env("BAZEL_WASM_COMPONENT_MIRROR", &both)
        .succeeds()
        .says(&["skipped", "503"]);
}

#[test]
fn a_file_that_cannot_be_written_is_a_failure_here() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    push(&fake, APP, "v1", &component("app"));
    let name = format!("{}/{APP}:v1", fake.host());
    let pull = |to: &str| run(&sandbox, &["component", "pull", &name, "-o", to]);
    sandbox.write("file", "");
    std::fs::create_dir(sandbox.path("folder")).unwrap();
    pull("file/a.wasm").ends_with(1).says(&["file", "from:", &fake.host()]);
    for folder in ["folder", "folder/", "other/", "."] {
        pull(folder).ends_with(2).says(&[folder, "is a folder", "app.wasm"]);
    }
    assert!(sandbox.tree("folder").is_empty());
    assert!(!sandbox.path("other").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_failure_here() {
    let sandbox = Sandbox::new();
    let fake = Fake::new(Door::Open);
    push(&fake, APP, "v1", &crate::exporting(&["my-org:app/api@1.0.0"], 3_000_000));
    let name = format!("{}/{APP}:v1", fake.host());
    // No file may be longer than a megabyte, as on a disk with that much space.
    let program = crate::sandbox::program();
    let program = program.display();
    let script = format!("ulimit -f 1024; trap '' XFSZ; {program} component pull {name} -o a.wasm");
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(sandbox.root())
        .env("BAZEL_WASM_RETRY_SECONDS", "0")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("cannot write") && stderr.contains("from:"), "{stderr}");
}
