//! `emit`, compared with golden files, which `BLESS=1` writes again.

use crate::golden::compare;
use crate::sandbox::Sandbox;

fn emit(sandbox: &Sandbox, platform: &str, executables: &[&str]) -> crate::sandbox::Run {
    let mut words =
        vec!["emit", "tool", "--tool=binaryen", "--version=123", "--platform", platform];
    words.extend(["--rules=@@rules_wasm_airgap~//bazel:toolchain.bzl", "."]);
    for executable in executables {
        words.extend(["--executable", executable]);
    }
    sandbox.run(&words)
}

#[test]
fn the_build_file_of_a_linux_tool_is_golden() {
    let sandbox = Sandbox::new();
    sandbox.write("tool/bin/wasm-opt", "");
    sandbox.write("tool/wasm-as", "");
    let text = emit(&sandbox, "linux_amd64", &["wasm-opt", "wasm-as"]).succeeds().stdout;
    compare("tests/golden/tool_linux/BUILD.bazel", &text);
}

#[test]
fn the_build_file_of_a_windows_tool_is_golden() {
    let sandbox = Sandbox::new();
    sandbox.write("tool/opt/wasm-opt.exe", "");
    let text = emit(&sandbox, "windows_amd64", &["opt/wasm-opt"]).succeeds().stdout;
    compare("tests/golden/tool_windows/BUILD.bazel", &text);
}

#[test]
fn a_missing_executable_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("tool/share/doc", "");
    emit(&sandbox, "linux_amd64", &["wasm-opt"]).ends_with(2).says(&[
        "does not contain the executable `wasm-opt`",
        "wasm-opt, bin/wasm-opt",
        "share",
    ]);
}
