//! A component that the real wkg published. If wkg is missing, scripts/test says so and skips this
//! test.

use std::process::Command;

use crate::fake_registry::{Door, Fake};
use crate::sandbox::Sandbox;
use crate::{bytes, run, section, sha256};

/// Returns the smallest file that every tool accepts as a component: only a core module in it.
fn smallest() -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0".to_vec(), section(1, b"\0asm\x01\0\0\0")].concat()
}

fn wkg(sandbox: &Sandbox, fake: &Fake, words: &[&str]) {
    let mut wkg = Command::new("wkg");
    wkg.args(words).args(["--insecure", &fake.host()]);
    wkg.current_dir(sandbox.root()).env("HOME", sandbox.root());
    let output = wkg.output().expect("there is no wkg on PATH");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "needs a wkg on PATH"]
fn a_component_pushed_by_wkg_is_pulled() {
    let (sandbox, fake) = (Sandbox::new(), Fake::new(Door::Open));
    sandbox.write("app.wasm", smallest());
    let name = format!("{}/my-org/app", fake.host());
    let tagged = format!("{name}:v1");
    wkg(&sandbox, &fake, &["oci", "push", &tagged, "app.wasm"]);
    let manifest = sha256(fake.store().manifest("my-org/app", "v1").unwrap());
    let by_manifest = format!("{name}@sha256:{manifest}");
    let by_content = format!("{name}@sha256:{}", sha256(&smallest()));
    for (nth, reference) in [&tagged, &by_manifest, &by_content].into_iter().enumerate() {
        let file = format!("{nth}.wasm");
        run(&sandbox, &["component", "pull", reference, "-o", &file]).succeeds();
        assert_eq!(bytes(&sandbox, &file), smallest());
    }
    wkg(&sandbox, &fake, &["oci", "pull", &tagged, "-o", "theirs.wasm"]);
    assert_eq!(bytes(&sandbox, "theirs.wasm"), smallest());
    let printed = run(&sandbox, &["component", "pin", &tagged]).succeeds();
    assert!(printed.stdout.contains(&manifest), "{}", printed.stdout);
    let vendor = ["vendor", "components", &by_manifest, "--output-dir=vendor/components"];
    run(&sandbox, &vendor).succeeds();
    run(&sandbox, &vendor).env("BAZEL_WASM_OFFLINE", "1").succeeds().says(&["1 kept"]);
}
