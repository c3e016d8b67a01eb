//! `vendor components`: the folder, the proof of its files, and a second run.

use std::process::Stdio;
use std::time::Duration;

use crate::fake_registry::{Door, Fake};
use crate::golden::compare;
use crate::sandbox::{Run, Sandbox};
use crate::{bytes, component, push, run};

const OUT: &str = "--output-dir=vendor/components";

fn vendor(sandbox: &Sandbox, words: &[&str]) -> Run {
    run(sandbox, &[&["vendor", "components", OUT], words].concat())
}

#[test]
fn the_folder_is_golden_and_a_second_run_downloads_nothing() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let auth = push(&fake, "my-org/auth-service", "v1.2.0", &component("auth"));
    let pay = push(&fake, "my-org/payment-gateway", "v2.0.0", &component("pay"));
    let host = fake.host();
    let by_manifest = format!("{host}/my-org/auth-service:v1.2.0@sha256:{}", auth.manifest);
    let by_content = format!("{host}/my-org/payment-gateway@sha256:{}", pay.content);
    let words = [by_manifest.as_str(), by_content.as_str()];
    vendor(&sandbox, &words).succeeds().says(&["2 fetched, 0 copied, 0 kept"]);
    let tree = sandbox.tree("vendor");
    let names: Vec<_> = tree.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "components/.gitattributes",
            "components/BUILD.bazel",
            "components/auth-service.manifest.json",
            "components/auth-service.wasm",
            "components/payment-gateway.wasm",
            "manifest.json",
        ]
    );
    let text = |name: &str| String::from_utf8(tree[name].clone()).unwrap();
    compare("tests/components/golden/BUILD.bazel", &text("components/BUILD.bazel"));
    let listed = text("manifest.json").replace(&host, "registry.example.com");
    compare("tests/components/golden/manifest.json", &listed);
    assert_eq!(crate::sha256(&tree["components/auth-service.manifest.json"]), auth.manifest);
    sandbox.run(&["verify", "vendor"]).succeeds().says(&["4 files are as listed in the manifest"]);

    let asked = fake.request_lines().len();
    vendor(&sandbox, &words).succeeds().says(&["0 fetched, 0 copied, 2 kept"]);
    assert_eq!(fake.request_lines().len(), asked);
    assert_eq!(sandbox.tree("vendor"), tree);
    // Nor does an offline run need the registry; and in another order.
    vendor(&sandbox, &[words[1], words[0]]).env("BAZEL_WASM_OFFLINE", "1").succeeds();
    assert_eq!(sandbox.tree("vendor"), tree);
    // Another machine, with one command for each component.
    let other = Sandbox::new();
    vendor(&other, &words[1..]).succeeds();
    vendor(&other, &words[..1]).succeeds();
    assert_eq!(other.tree("vendor"), tree);
}

#[test]
fn a_vendored_manifest_proves_its_file() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let app = push(&fake, "my-org/app", "v1", &component("app"));
    let pin = format!("{}/my-org/app@sha256:{}", fake.host(), app.manifest);
    vendor(&sandbox, &[&pin]).succeeds();
    let asked = fake.server.requests().len();
    let reference = format!("--reference={pin}");
    let fetch = || {
        let words = ["component", "fetch", &reference, "a.wasm"];
        run(&sandbox, &words).env("BAZEL_WASM_OFFLINE", "1")
    };
    fetch().succeeds().says(&["is the digest of the manifest"]);
    std::fs::remove_file(sandbox.path("a.wasm")).unwrap();
    let (wasm, manifest) = ("vendor/components/app.wasm", "vendor/components/app.manifest.json");
    let (right, proof) = (bytes(&sandbox, wasm), sandbox.read(manifest));

    // One changed byte of the component.
    let mut bad = right.clone();
    *bad.last_mut().unwrap() ^= 1;
    sandbox.write(wasm, &bad);
    let printed = fetch().ends_with(4);
    printed.says(&["app.wasm", &app.content, &crate::sha256(&bad), "app.manifest.json"]);
    // A manifest that fits the wrong bytes is not the pinned one.
    sandbox.write(manifest, proof.replace(&app.content, &crate::sha256(&bad)));
    fetch().ends_with(4).says(&["another manifest", &app.manifest]);
    // Without a manifest.
    std::fs::remove_file(sandbox.path(manifest)).unwrap();
    sandbox.write(wasm, &right);
    fetch().ends_with(4).says(&["no manifest", &app.manifest, &app.content, "pin the content"]);
    assert!(!sandbox.path("a.wasm").exists());
    assert_eq!(fake.server.requests().len(), asked);

    // Vendoring repairs it, and downloads only the manifest.
    vendor(&sandbox, &[&pin]).succeeds();
    assert_eq!((bytes(&sandbox, wasm), sandbox.read(manifest)), (right, proof));
    let blobs = fake.request_lines().iter().filter(|it| it.ends_with(&app.content)).count();
    assert_eq!(blobs, 1);
}

#[test]
fn a_manifest_goes_with_the_pin_that_needs_it() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let app = push(&fake, "my-org/app", "v1", &component("app"));
    let pin = |digest: &str| format!("{}/my-org/app@sha256:{digest}", fake.host());
    vendor(&sandbox, &[&pin(&app.manifest)]).succeeds();
    vendor(&sandbox, &[&pin(&app.content)]).succeeds().says(&["1 kept"]);
    assert!(!sandbox.path("vendor/components/app.manifest.json").exists());
    for file in ["vendor/manifest.json", "vendor/components/BUILD.bazel"] {
        assert!(!sandbox.read(file).contains("app.manifest.json"), "{file}");
    }
    sandbox.run(&["verify", "vendor"]).succeeds().says(&["2 files"]);
}

#[cfg(unix)]
#[test]
fn a_link_is_replaced_by_the_file() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let app = push(&fake, "my-org/app", "v1", &component("app"));
    let elsewhere = sandbox.write("elsewhere.wasm", component("app"));
    std::fs::create_dir_all(sandbox.path("vendor/components")).unwrap();
    let path = sandbox.path("vendor/components/app.wasm");
    for digest in [&app.content, &app.manifest] {
        let _ = std::fs::remove_file(&path);
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        let pin = format!("{}/my-org/app@sha256:{digest}", fake.host());
        vendor(&sandbox, &[&pin]).succeeds();
        assert!(path.symlink_metadata().unwrap().is_file());
        sandbox.run(&["verify", "vendor"]).succeeds();
    }
}

#[test]
fn sixteen_processes_vendor_into_one_folder_at_once() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let names: Vec<_> = (0..4).map(|nth| format!("c{nth}")).collect();
    let pins: Vec<_> = names
        .iter()
        .map(|name| {
            let pushed = push(&fake, &format!("my-org/{name}"), "v1", &component(name));
            format!("{}/my-org/{name}@sha256:{}", fake.host(), pushed.manifest)
        })
        .collect();
    let start = |pin: &String| {
        let mut run = vendor(&sandbox, &[pin]);
        run.command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let children: Vec<_> = pins.iter().cycle().take(16).map(start).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    sandbox.run(&["verify", "vendor"]).succeeds().says(&["9 files"]);
    // One command for each component gives the same files.
    let other = Sandbox::new();
    for pin in pins.iter().rev() {
        vendor(&other, &[pin]).succeeds();
    }
    assert_eq!(other.tree("vendor"), sandbox.tree("vendor"));
}

#[test]
fn a_tag_says_its_pin_and_is_good_offline_once_it_is_vendored() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let app = push(&fake, "my-org/app", "v1", &component("app"));
    let name = format!("{}/my-org/app", fake.host());
    let (one, two) = (format!("{name}:v1"), format!("{name}:v2"));
    vendor(&sandbox, &[&one]).env("BAZEL_WASM_OFFLINE", "1").ends_with(3);
    vendor(&sandbox, &[&one]).succeeds().says(&[&format!("digest = \"sha256:{}\"", app.content)]);
    let tree = sandbox.tree("vendor");
    vendor(&sandbox, &[&one]).succeeds().says(&["1 kept"]);
    let blobs = || fake.request_lines().iter().filter(|it| it.contains("/blobs/")).count();
    assert_eq!((blobs(), sandbox.tree("vendor") == tree), (1, true));
    vendor(&sandbox, &[&one]).env("BAZEL_WASM_OFFLINE", "1").succeeds().says(&["1 kept"]);
    assert_eq!(sandbox.tree("vendor"), tree);

    let fetch = |reference: &str| {
        let reference = format!("--reference={reference}");
        run(&sandbox, &["component", "fetch", &reference, "a.wasm"]).env("BAZEL_WASM_OFFLINE", "1")
    };
    fetch(&one).succeeds();
    assert_eq!(bytes(&sandbox, "a.wasm"), component("app"));
    // Another tag is another component.
    fetch(&two).ends_with(3).says(&[&format!("the vendored component is `{one}`")]);
    // So is one with the same name from another repository.
    let elsewhere = one.replace("/my-org/", "/your-org/");
    fetch(&elsewhere).ends_with(3).says(&[&format!("the vendored component is `{one}`")]);
    // The files in the folder's manifest must be right.
    let mut bad = component("app");
    *bad.last_mut().unwrap() ^= 1;
    sandbox.write("vendor/components/app.wasm", &bad);
    fetch(&one).ends_with(4).says(&[&app.content, &crate::sha256(&bad)]);

    // The tag is moved: the vendored file and its manifest change with it.
    let moved = push(&fake, "my-org/app", "v1", &component("moved"));
    vendor(&sandbox, &[&one]).succeeds().says(&["1 repaired", &moved.content]);
    sandbox.run(&["verify", "vendor"]).succeeds();
}

#[test]
fn a_failure_does_not_stop_the_other_components() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let app = push(&fake, "my-org/app", "v1", &component("app"));
    let host = fake.host();
    let good = format!("{host}/my-org/app@sha256:{}", app.content);
    let (bad, worse) = (format!("{host}/my-org/bad:v1"), format!("{host}/my-org/worse:v1"));
    let printed = vendor(&sandbox, &[&bad, &good, &worse]).ends_with(3);
    printed.says(&["1 fetched", "2 failed", "my-org/bad", "my-org/worse"]);
    sandbox.run(&["verify", "vendor"]).succeeds().says(&["2 files"]);
    vendor(&sandbox, &[&bad, &good]).ends_with(3).says(&["1 kept", "1 failed"]);
}

#[test]
fn colliding_names_are_refused_before_any_download() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let one = push(&fake, "a/app", "v1", &component("one"));
    push(&fake, "b/app", "v1", &component("two"));
    let (a, b) = (format!("{}/a/app:v1", fake.host()), format!("{}/b/app:v1", fake.host()));
    vendor(&sandbox, &[&a, &b]).ends_with(2).says(&["app.wasm", &a, &b, "--name"]);
    vendor(&sandbox, &[&a, &b, "--name=x", "--name=X"]).ends_with(2).says(&["X.wasm"]);
    vendor(&sandbox, &[&a, "--name=x", "--name=y"]).ends_with(2).says(&["more names"]);
    vendor(&sandbox, &[&a, "--name=../x"]).ends_with(2).says(&["cannot be a name"]);
    vendor(&sandbox, &[]).ends_with(2).says(&["no component is named"]);
    assert!(fake.server.requests().is_empty() && !sandbox.path("vendor").exists());
    vendor(&sandbox, &[&a, &b, "--name=x"]).succeeds().says(&["2 fetched"]);
    assert_eq!(crate::sha256(&bytes(&sandbox, "vendor/components/x.wasm")), one.content);
    // The same component twice counts once.
    vendor(&sandbox, &[&a, &a]).succeeds().says(&["1 repaired, 0 failed"]);
}

#[test]
fn a_request_of_the_extension_is_vendored() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let app = push(&fake, "my-org/app", "v1", &component("app"));
    let tagged = push(&fake, "my-org/tagged", "v1", &component("tag"));
    let request = serde_json::json!({"schema_version": 1, "components": [
        {"digest": format!("sha256:{}", app.manifest), "name": "my-app",
         "reference": format!("{}/my-org/app:v1", fake.host())},
        {"digest": "", "name": "tagged", "reference": format!("{}/my-org/tagged:v1", fake.host())},
    ]});
    sandbox.write("request.json", request.to_string());
    // Under `bazel run`, the folder is in the workspace, and the request in the runfiles.
    std::fs::create_dir(sandbox.path("ws")).unwrap();
    vendor(&sandbox, &["--request=request.json"])
        .env("BUILD_WORKSPACE_DIRECTORY", sandbox.path("ws"))
        .succeeds()
        .says(&["2 fetched", &tagged.content]);
    assert!(sandbox.path("ws/vendor/components/my-app.wasm").is_file());
    assert!(sandbox.path("ws/vendor/components/my-app.manifest.json").is_file());
    sandbox.write("request.json", request.to_string().replace("\"sha256:", "\"sha512:"));
    vendor(&sandbox, &["--request=request.json"]).ends_with(2).says(&["sha512"]);
}

#[test]
fn a_dry_run_says_where_and_changes_nothing() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let app = push(&fake, "my-org/app", "v1", &component("app"));
    let pin = format!("{}/my-org/app@sha256:{}", fake.host(), app.content);
    sandbox.write("v/components/app.wasm", component("app"));
    let printed = vendor(&sandbox, &["--dry-run", &pin])
        .env("BAZEL_WASM_VENDOR_DIR", "v")
        .env("BAZEL_WASM_COMPONENT_MIRROR", "https://mirror.example.com/x")
        .succeeds();
    for text in [
        "v/components/app.wasm (BAZEL_WASM_VENDOR_DIR): found",
        "mirror.example.com/x/my-org/app",
        &app.content,
        &format!("total: 1 file, {} kB", component("app").len().div_ceil(1000)),
    ] {
        assert!(printed.stdout.contains(text), "{text}: {}", printed.stdout);
    }
    let printed = vendor(&sandbox, &["--json", "--dry-run", &pin]).succeeds();
    assert_eq!(printed.json()["components"][0]["name"], "app");
    assert!(fake.server.requests().is_empty() && !sandbox.path("vendor").exists());
}

#[test]
fn a_foreign_build_file_is_not_changed() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let app = push(&fake, "my-org/app", "v1", &component("app"));
    let mine = "exports_files([\"old.wasm\"])\n";
    sandbox.write("vendor/components/BUILD.bazel", mine);
    let pin = format!("{}/my-org/app@sha256:{}", fake.host(), app.content);
    vendor(&sandbox, &[&pin]).succeeds().says(&["stays as it is", "app.wasm"]);
    assert_eq!(sandbox.read("vendor/components/BUILD.bazel"), mine);
    sandbox.run(&["verify", "vendor"]).succeeds();
}

#[test]
fn leftovers_of_a_killed_run_beside_a_file_are_removed() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let app = push(&fake, "my-org/app", "v1", &component("app"));
    let pin = format!("{}/my-org/app@sha256:{}", fake.host(), app.manifest);
    vendor(&sandbox, &[&pin]).succeeds();
    let tree = sandbox.tree("vendor");
    for file in ["app.wasm", "app.manifest.json", "BUILD.bazel"] {
        sandbox.write(&format!("vendor/components/.{file}.s828tB5mlP2P.part"), "half");
    }
    vendor(&sandbox, &[&pin]).succeeds().says(&["1 kept"]);
    assert_eq!(sandbox.tree("vendor"), tree);
}

#[test]
fn runs_after_kills_complete_with_the_same_bytes() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let one = crate::exporting(&["a:one/api@1.0.0"], 2_000_000);
    let two = crate::exporting(&["a:two/api@1.0.0"], 2_000_000);
    let (a, b) = (push(&fake, "a/one", "v1", &one), push(&fake, "a/two", "v1", &two));
    let pins = [
        format!("{}/a/one@sha256:{}", fake.host(), a.manifest),
        format!("{}/a/two@sha256:{}", fake.host(), b.content),
    ];
    let words = [pins[0].as_str(), pins[1].as_str()];
    for milliseconds in (0..60).step_by(5) {
        let mut run = vendor(&sandbox, &words);
        let mut child = run.command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        for (name, bytes) in sandbox.tree("vendor/components") {
            if name.ends_with(".wasm") {
                assert!(bytes == one || bytes == two, "{name} is half written");
            }
        }
    }
    vendor(&sandbox, &words).succeeds();
    sandbox.run(&["verify", "vendor"]).succeeds();
    let other = Sandbox::new();
    vendor(&other, &words).succeeds();
    assert_eq!(other.tree("vendor"), sandbox.tree("vendor"));
}

#[test]
fn the_printed_command_repairs_a_damaged_component_in_place() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    let app = push(&fake, "my-org/app", "v1", &component("app"));
    sandbox.write("share/components/app.wasm", component("other"));
    let digest = format!("--digest=sha256:{}", app.content);
    let reference = format!("--reference={}/my-org/app:v1", fake.host());
    let fetch = || {
        let words =
            ["component", "fetch", &reference, "--name=app", &digest, "--workspace=.", "a.wasm"];
        let run = run(&sandbox, &words).env("BAZEL_WASM_OFFLINE", "1");
        run.env("BAZEL_WASM_VENDOR_DIR", "share")
    };
    let printed = fetch().ends_with(4);
    let command = printed.stderr.rsplit("wasm-airgap vendor ").next().unwrap();
    let command = format!("vendor {}", command.lines().next().unwrap());
    assert!(command.ends_with("share/components"), "{command}");
    run(&sandbox, &command.split(' ').collect::<Vec<_>>()).succeeds();
    fetch().succeeds();
}
