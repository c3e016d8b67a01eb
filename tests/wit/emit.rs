//! `emit wit`, compared with golden files, which `BLESS=1` writes again.

use crate::golden::compare;
use crate::sandbox::{Printed, Sandbox};

const RULES: &str = "--rules=@rules_wasm_airgap//wit:defs.bzl";

const HTTP: &str = "\
package wasi:http@0.2.6;
interface types { use wasi:io/streams@0.2.6.{t}; use wasi:io/poll@0.2.3.{p}; }
interface handler {}
world proxy { include wasi:cli/imports@0.2.6; }
";

fn emit(sandbox: &Sandbox, words: &[&str]) -> crate::sandbox::Run {
    sandbox.run(&[&["emit", "wit", RULES], words].concat())
}

#[track_caller]
fn emitted(sandbox: &Sandbox, words: &[&str]) -> String {
    let Printed { stdout, .. } = emit(sandbox, words).succeeds();
    stdout
}

#[test]
fn the_build_file_of_a_package_with_deps_is_golden() {
    let sandbox = Sandbox::new();
    sandbox.write("http.wit", HTTP);
    let text = emitted(
        &sandbox,
        &[
            "--package=wasi:http@0.2.6",
            "--dep=wasi:io@0.2.6=//vendor/wit/wasi-io-0.2.6:wasi-io",
            "--dep=wasi:io@=0.2.3=@wasi_wit//:wasi-io-0.2.3",
            "--dep=wasi:cli@0.2.6=:wasi-cli-0.2.6",
            "--dep=not:used@0.2.6=@x",
            "--published=wasi-http-0.2.6.wasm",
            ".",
        ],
    );
    compare("tests/golden/wit_deps/BUILD.bazel", &text);
}

#[test]
fn the_build_file_of_a_package_in_a_subfolder_is_golden() {
    let sandbox = Sandbox::new();
    sandbox.write("src/wit/a.wit", "package wasi:nn@0.2.0-rc-2024-06-25;\ninterface graph {}\n");
    let words = ["--package=wasi:nn@0.2.0-rc-2024-06-25", "--folder=src/wit", "."];
    compare("tests/golden/wit_alone/BUILD.bazel", &emitted(&sandbox, &words));
    sandbox.write("a.wit", "package a:b@1.0.0;\n");
    compare(
        "tests/golden/wit_empty/BUILD.bazel",
        &emitted(&sandbox, &["--package=a:b@1.0.0", "."]),
    );
}

#[test]
fn each_package_without_a_label_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("http.wit", HTTP.replace("wasi:cli/imports@0.2.6", "my:local/w"));
    let words = ["--package=wasi:http@0.2.6", "--dep=wasi:io@0.2.3=@x//:y", "."];
    emit(&sandbox, &words).ends_with(2).says(&[
        "wasi:http@0.2.6 uses packages whose libraries are unknown",
        "wasi:io@0.2.6, my:local (no version)",
        "wit.package(name = \"wasi_io\", package = \"wasi:io@0.2.6\")",
        "deps = {\"@wasi_io//:wasi-io\": \"wasi:io@0.2.6\"}",
        "--dep PACKAGE=LABEL",
    ]);
}

#[test]
fn another_package_and_invalid_options_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("http.wit", HTTP);
    emit(&sandbox, &["--package=wasi:http@0.2.3", "."]).ends_with(4).says(&[
        "another package than requested",
        "wasi:http@0.2.3",
        "wasi:http@0.2.6",
    ]);
    for words in [
        ["--package=wasi:http", "--dep=a:b@1.0.0=@x"],
        ["--package=a:b@1.0.0", "--dep=a:b@1.0.0"],
        ["--package=a:b@1.0.0", "--dep=a:b=@x"],
    ] {
        emit(&sandbox, &[&words[..], &["."]].concat()).ends_with(2);
    }
}
