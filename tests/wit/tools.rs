//! The real wasm-tools as an independent check, if it is installed.

use std::path::Path;
use std::process::Command;

use airgap_wit::WitSource;

use crate::Rule;
use crate::sandbox::Sandbox;

/// Returns the program, if there is one.
fn wasm_tools() -> Option<Command> {
    let runs = Command::new("wasm-tools").arg("--version").output().is_ok();
    runs.then(|| Command::new("wasm-tools"))
}

#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Checks that wasm-tools reads this folder.
#[track_caller]
pub(crate) fn accepts(folder: &Path) {
    if let Some(mut tools) = wasm_tools() {
        run(tools.args(["component", "wit", "--all-features"]).arg(folder));
    }
}

/// Checks that wasm-tools packs this folder and prints it as our text. It reads its own binary,
/// because it may be too old for the output of the encoder in these tests.
#[track_caller]
pub(crate) fn packs_and_prints(folder: &Path) -> Option<WitSource> {
    let mut tools = wasm_tools()?;
    let sandbox = Sandbox::new();
    let (packed, printed) = (sandbox.path("packed.wasm"), sandbox.path("printed"));
    tools.args(["component", "wit", "--all-features", "--wasm", "-o"]);
    run(tools.arg(&packed).arg(folder));
    run(wasm_tools()?.args(["component", "wit", "--out-dir"]).arg(&printed).arg(&packed));
    let (ours, theirs) =
        (WitSource::from_unverified(&packed).unwrap(), WitSource::from_folder(&printed));
    let text = |source: &WitSource| {
        let texts: Vec<_> = source.files.values().map(|it| String::from_utf8_lossy(it)).collect();
        texts.concat()
    };
    assert_eq!(text(&theirs.unwrap()), text(&ours));
    Some(ours)
}

#[test]
#[ignore = "needs a wasm-tools on PATH: scripts/test"]
fn a_library_is_read_and_packed_by_the_real_wasm_tools() {
    assert!(wasm_tools().is_some(), "there is no wasm-tools on PATH");
    let sandbox = Sandbox::new();
    let io = "/// Bytes.\npackage w:io@0.2.6;\n\ninterface streams {\n  @since(version = 0.2.0)\n  type t = u32;\n}\n";
    let own = "package my:app@1.0.0;\n\ninterface api {\n  use w:io/streams@0.2.6.{t};\n}\n\nworld app {\n  export api;\n}\n";
    sandbox.write("io.wit", io);
    sandbox.write("app.wit", own);
    Rule::new("io", &["io.wit"]).make(&sandbox);
    let rule = Rule::new("app", &["app.wit"]).deps(&["io"]);
    rule.make(&sandbox);
    let source = packs_and_prints(&sandbox.path(&rule.out())).unwrap();
    assert_eq!(source.declared().to_string(), "my:app@1.0.0");
    assert_eq!(source.dependencies.len(), 1);
    let source = packs_and_prints(&sandbox.path("out/io")).unwrap();
    let text = String::from_utf8(source.files["package.wit"].clone()).unwrap();
    assert!(text.contains("/// Bytes.") && text.contains("@since"), "{text}");
}
