//! Registry content that is not a component: the error names its kind, and no file is left.

use serde_json::{Value, json};

use crate::fake_registry::{Door, Fake};
use crate::sandbox::{Sandbox, sha256};
use crate::server::Reply;
use crate::{MANIFEST, WASM, component, manifest, push, push_as, run};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Returns a changed manifest.
fn changed(bytes: &[u8], change: impl FnOnce(&mut Value)) -> Value {
    let mut manifest = manifest(bytes, WASM);
    change(&mut manifest);
    manifest
}

fn layer(bytes: &[u8], kind: &str) -> Value {
    manifest(bytes, kind)["layers"][0].clone()
}

#[test]
fn sixteen_manifests_of_other_artifacts_are_refused() {
    let app = component("app");
    let gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
    let image = changed(&app, |it| {
        it["config"]["mediaType"] = "application/vnd.oci.image.config.v1+json".into();
        it["layers"] = json!([layer(&app, gzip), layer(b"x", gzip)]);
    });
    let docker = changed(&app, |it| {
        it["mediaType"] = "application/vnd.docker.distribution.manifest.v2+json".into();
        it["config"]["mediaType"] = "application/vnd.docker.container.image.v1+json".into();
        it["layers"] = json!([layer(&app, "application/vnd.docker.image.rootfs.diff.tar.gzip")]);
    });
    let chart = changed(&app, |it| {
        it["config"]["mediaType"] = "application/vnd.cncf.helm.config.v1+json".into();
        it["layers"] = json!([layer(&app, "application/vnd.cncf.helm.chart.content.v1.tar+gzip")]);
    });
    let signature = changed(&app, |it| {
        it["layers"] = json!([layer(&app, "application/vnd.dev.cosign.simplesigning.v1+json")]);
    });
    let attestation =
        changed(&app, |it| it["artifactType"] = "application/vnd.in-toto+json".into());
    let index =
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [layer(&app, MANIFEST)]});
    let both = changed(&app, |it| it["manifests"] = json!([]));
    let two = changed(&app, |it| it["layers"] = json!([layer(&app, WASM), layer(b"x", WASM)]));
    let none = changed(&app, |it| it["layers"] = json!([]));
    let text = changed(&app, |it| it["layers"] = json!([layer(&app, "text/plain")]));
    let negative = changed(&app, |it| it["layers"][0]["size"] = json!(-1));
    let other_digest = changed(&app, |it| {
        it["layers"][0]["digest"] = format!("sha512:{}", "0".repeat(128)).into()
    });
    let missing = changed(&app, |it| {
        it["layers"][0]["digest"] = format!("sha256:{}", "0".repeat(64)).into();
    });
    let longer = changed(&app, |it| it["layers"][0]["size"] = json!(app.len() + 1));
    let shorter = changed(&app, |it| it["layers"][0]["size"] = json!(app.len() - 1));
    let terminal = changed(&app, |it| it["layers"][0]["mediaType"] = "a\u{1b}[2J".into());
    let cases: [(&str, &Value, i32, &str); 16] = [
        ("image", &image, 4, "a container image; 2 layers"),
        ("docker", &docker, 4, "a container image"),
        ("chart", &chart, 4, "a Helm chart"),
        ("signature", &signature, 4, "a signature"),
        ("attestation", &attestation, 4, "an attestation"),
        ("index", &index, 4, "(Content-Type)"),
        ("both", &both, 4, "both layers and manifests"),
        ("two", &two, 4, "an artifact with 2 layers of type application/wasm"),
        ("none", &none, 4, "0 layers"),
        ("text", &text, 4, "a layer of type text/plain"),
        ("negative", &negative, 4, "-1"),
        ("sha512", &other_digest, 4, "not a SHA-256 digest"),
        ("missing", &missing, 3, "there is no blob with the digest"),
        ("longer", &longer, 4, "not have the size"),
        ("shorter", &shorter, 4, "not have the size"),
        ("terminal", &terminal, 4, "a layer of type a\u{fffd}[2J"),
    ];
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    for (name, manifest, code, says) in cases {
        let repository = format!("hostile/{name}");
        let pushed = push_as(&fake, &repository, "v1", &app, manifest);
        let reference = format!("{}/{repository}", fake.host());
        for pin in [":v1".to_owned(), format!("@sha256:{}", pushed.manifest)] {
            let pin = format!("{reference}{pin}");
            let printed = run(&sandbox, &["component", "pull", &pin, "-o", "a.wasm"]);
            let printed = printed.ends_with(code).says(&[says]);
            assert!(!printed.stderr.contains('\u{1b}'), "{}", printed.stderr);
            run(&sandbox, &["vendor", "components", &pin, "--output-dir=v"]).ends_with(code);
        }
        assert!(!sandbox.path("a.wasm").exists(), "{name}");
    }
    let left: Vec<_> = sandbox.tree(".").into_keys().filter(|it| it.contains("wasm")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn files_other_than_components_are_named_by_their_content() {
    let module = b"\0asm\x01\0\0\0".to_vec();
    let package = {
        let mut resolve = wit_parser::Resolve::default();
        let id =
            resolve.push_str("x.wit", "package a:b@1.0.0;\ninterface i { f: func(); }").unwrap();
        wit_component::encode(&resolve, id, false).unwrap()
    };
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    let app = component("app");
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    for (name, bytes, says) in [
        ("module", module.as_slice(), "a core module"),
        ("package", &package, "a WIT package"),
        ("page", b"<!doctype html><html>", "an HTML page"),
        ("json", br#"{"architecture":"wasm"}"#, "JSON"),
        ("gzip", b"\x1f\x8b\x08\0", "a gzip archive"),
        ("zip", b"PK\x03\x04", "a zip archive"),
        ("tar", &tar, "a tar archive"),
        ("text", b"(component)", "WebAssembly in its text format"),
        ("cut", &app[..app.len() - 3], "cut short"),
        ("empty", b"", "an empty file"),
        ("word", b"hello", "no WebAssembly"),
    ] {
        let repository = format!("hostile/{name}");
        let pushed = push(&fake, &repository, "v1", bytes);
        let reference = format!("{}/{repository}", fake.host());
        for pin in [
            ":v1".to_owned(),
            format!("@sha256:{}", pushed.manifest),
            format!("@sha256:{}", pushed.content),
        ] {
            let pin = format!("{reference}{pin}");
            let printed = run(&sandbox, &["component", "pull", &pin, "-o", "a.wasm"]).ends_with(4);
            printed.says(&[says, &pushed.content]);
        }
        run(&sandbox, &["component", "pin", &format!("{reference}:v1")]).ends_with(4);
        assert_eq!(sandbox.tree(".").len(), 0, "{name}");
    }
}

#[test]
fn a_digest_of_the_configuration_is_named() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    push(&fake, "my-org/app", "v1", &component("app"));
    // The digest of the configuration.
    let pin = format!("{}/my-org/app@sha256:{}", fake.host(), sha256(b"{}"));
    run(&sandbox, &["component", "pull", &pin, "-o", "a.wasm"])
        .ends_with(4)
        .says(&["JSON", "component pin"]);
    for (digest, says) in [("sha512:00", "only sha256"), ("sha256:00", "64 hexadecimal digits")] {
        let pin = format!("{}/my-org/app@{digest}", fake.host());
        run(&sandbox, &["component", "pull", &pin, "-o", "a.wasm"]).ends_with(2).says(&[says]);
    }
}

#[test]
fn a_web_page_instead_of_a_registry_is_refused() {
    let page = || Reply::ok("<html>Sign in</html>").header("Content-Type", "text/html");
    let fake = Fake::with(Door::Open, move |request, _| (request.path != "/v2/").then(page));
    let sandbox = Sandbox::new();
    for (rest, code) in [("a/b:v1".to_owned(), 5), (format!("a/b@sha256:{}", "0".repeat(64)), 4)] {
        let pin = format!("{}/{rest}", fake.host());
        let printed = run(&sandbox, &["component", "pull", &pin, "-o", "a.wasm"]);
        printed.ends_with(code).says(&["web page"]);
    }
    assert_eq!(sandbox.tree(".").len(), 0);
}
