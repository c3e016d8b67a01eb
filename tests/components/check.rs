//! `component check`: a vendored file for a rule, without a network.

use crate::sandbox::Sandbox;
use crate::{bytes, component, manifest, run, sha256};

#[test]
fn a_component_is_checked_with_either_digest_or_none() {
    let sandbox = Sandbox::new();
    let app = component("app");
    let manifest = manifest(&app, crate::WASM).to_string();
    sandbox.write("in/app.wasm", &app);
    sandbox.write("in/app.manifest.json", &manifest);
    sandbox.write("else.json", &manifest);
    let digest = |bytes: &[u8]| format!("--digest=sha256:{}", sha256(bytes));
    let (content, whole) = (digest(&app), digest(manifest.as_bytes()));
    for pin in [None, Some(&content), Some(&whole)] {
        let mut words = vec!["component", "check", "--out=out/app.wasm", "in/app.wasm"];
        words.extend(pin.map(String::as_str));
        run(&sandbox, &words).succeeds();
        assert_eq!(bytes(&sandbox, "out/app.wasm"), app);
        std::fs::remove_file(sandbox.path("out/app.wasm")).unwrap();
    }
    let words = ["component", "check", &whole, "--out=out/app.wasm", "in/app.wasm"];
    std::fs::remove_file(sandbox.path("in/app.manifest.json")).unwrap();
    run(&sandbox, &words).ends_with(4).says(&["no manifest", &sha256(&app)]);
    run(&sandbox, &[&words[..], &["--manifest=else.json"]].concat()).succeeds();
}

#[test]
fn a_mismatch_is_explained() {
    let sandbox = Sandbox::new();
    let (old, new) = (component("old"), component("new"));
    let registry = serde_json::json!({
        "component_name": "app",
        "versions": {"1.1.0": {"digest": format!("sha256:{}", sha256(&old))}},
    });
    sandbox.write("app.json", registry.to_string());
    sandbox.write("app.wasm", &old);
    let digest = format!("--digest=sha256:{}", sha256(&new));
    let words = ["component", "check", "--registry=app.json", &digest, "--out=o.wasm", "app.wasm"];
    let printed = run(&sandbox, &words).ends_with(4);
    printed.says(&["app.wasm", &sha256(&old), &sha256(&new), "app@1.1.0"]);
    let check = ["component", "check", "--out=o.wasm", "app.wasm"];
    for (bytes, says) in [
        (&b"\0asm\x01\0\0\0"[..], "a core module"),
        (b"<html>", "an HTML page"),
        (b"{}", "JSON"),
        (b"\x1f\x8b\x08", "a gzip archive"),
        (b"", "an empty file"),
        (&old[..old.len() - 1], "cut short"),
    ] {
        sandbox.write("app.wasm", bytes);
        run(&sandbox, &check).ends_with(4).says(&["app.wasm", says]);
        // A pinned digest does not make the file a component.
        let digest = format!("--digest=sha256:{}", sha256(bytes));
        run(&sandbox, &[&check[..], &[&digest]].concat()).ends_with(4).says(&[says]);
    }
    std::fs::remove_file(sandbox.path("app.wasm")).unwrap();
    run(&sandbox, &check).ends_with(1).says(&["app.wasm"]);
    assert!(!sandbox.path("o.wasm").exists());
}
