//! Bundled packages: in a folder `deps` among the files, or in the files themselves.

use crate::sandbox::Sandbox;
use crate::{Rule, encoded};

const IO: &str = "package w:io@0.2.6;\n\ninterface streams { type t = u32; }\n";
const CLI: &str = "package w:cli@0.2.6;\n\nworld cli { import w:io/streams@0.2.6; }\n";
const OWN: &str = "package my:x@1.0.0;\n\nworld x { include w:cli/cli@0.2.6; }\n";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("io/streams.wit", IO);
    sandbox.write("wit/x.wit", OWN);
    sandbox
}

#[test]
fn each_layout_of_bundled_packages_is_read() {
    for io in ["wit/deps/io/streams.wit", "wit/deps/io.wit", "wit/deps/io.wasm"] {
        let sandbox = sandbox();
        sandbox.write("wit/deps/w-cli-0.2.6/package.wit", CLI);
        match io.ends_with(".wasm") {
            true => sandbox.write(io, encoded(&[IO])),
            false => sandbox.write(io, IO),
        };
        sandbox.write("wit/deps/LICENSE", "");
        sandbox.write("wit/deps/cli.lock", "");
        for (rule, name) in [
            (Rule::new("x", &["wit/x.wit", "wit/deps/w-cli-0.2.6/package.wit", io]), "x"),
            (Rule::new("y", &["wit"]), "y"),
        ] {
            assert_eq!(rule.make(&sandbox).stderr, "");
            let tree = sandbox.tree(&format!("out/{name}"));
            let mut folders: Vec<_> =
                tree.keys().map(|path| path.rsplit_once('/').map_or("", |it| it.0)).collect();
            folders.sort_unstable();
            assert_eq!(folders, ["", "deps/w-cli-0.2.6", "deps/w-io-0.2.6"], "{io}");
        }
    }
}

/// Checks `vendor/wit/deps/x.wit`: a package that is in a folder with that name.
#[test]
fn a_top_folder_named_deps_holds_own_sources() {
    let sandbox = Sandbox::new();
    sandbox.write("deps/io/streams.wit", IO);
    Rule::new("io", &["deps/io/streams.wit"]).make(&sandbox);
    assert_eq!(sandbox.tree("out/io").into_keys().collect::<Vec<_>>(), ["streams.wit"]);
}

#[test]
fn a_library_wins_over_a_bundled_package() {
    let sandbox = sandbox();
    Rule::new("io", &["io/streams.wit"]).make(&sandbox);
    sandbox.write("wit/deps/cli.wit", CLI);
    sandbox.write("wit/deps/io.wit", IO.replace("u32", "u64"));
    Rule::new("x", &["wit"]).deps(&["io"]).make(&sandbox);
    assert_eq!(sandbox.read("out/x/deps/w-io-0.2.6/streams.wit"), IO);
    // Also if another of its deps depends on it.
    Rule::new("y", &["wit"]).indirect(&["io"]).make(&sandbox);
    assert_eq!(sandbox.read("out/y/deps/w-io-0.2.6/streams.wit"), IO);
}

#[test]
fn packages_bundled_with_a_dep_can_be_used() {
    let sandbox = sandbox();
    sandbox.write("wit/deps/cli.wit", CLI);
    sandbox.write("wit/deps/io/streams.wit", IO);
    Rule::new("x", &["wit"]).make(&sandbox);
    let text = "package my:y;\nworld y { include my:x/x@1.0.0; import w:io/streams@0.2.6; }\n";
    sandbox.write("y.wit", text);
    Rule::new("y", &["y.wit"]).deps(&["x"]).make(&sandbox);
    assert_eq!(sandbox.tree("out/y").len(), 4);

    // A package bundled with a library outside of `deps` cannot be used.
    sandbox.write("z.wit", "package my:z;\nworld z { import w:io/streams@0.2.6; }\n");
    let rule = Rule::new("z", &["z.wit"]).indirect(&["x"]);
    rule.fails(
        &sandbox,
        2,
        &[
            "//x:z uses w:io@0.2.6",
            "the folder `deps` of //x:x, which is not",
            "add `//x:x` to deps",
        ],
    );

    // Two deps with different texts need a library that decides.
    sandbox.write("wit/deps/io/streams.wit", IO.replace("u32", "u64"));
    sandbox.write("wit/x.wit", OWN.replace("my:x", "my:x2"));
    Rule::new("x2", &["wit"]).make(&sandbox);
    let rule = || Rule::new("y", &["y.wit"]).deps(&["x", "x2"]);
    std::fs::remove_dir_all(sandbox.path("out/y")).unwrap();
    let words =
        ["w:io@0.2.6 with two different contents", "of //x:x\n", "of //x:x2", "add a library"];
    rule().fails(&sandbox, 2, &words);
    Rule::new("io", &["io/streams.wit"]).make(&sandbox);
    rule().deps(&["io"]).make(&sandbox);
}

#[test]
fn two_copies_of_a_bundled_package_must_be_equal() {
    let sandbox = sandbox();
    sandbox.write("wit/deps/cli.wit", CLI);
    sandbox.write("wit/deps/a/io.wit", IO);
    sandbox.write("wit/deps/b/io.wit", IO);
    Rule::new("x", &["wit"]).make(&sandbox);
    std::fs::remove_dir_all(sandbox.path("out/x")).unwrap();
    sandbox.write("wit/deps/b/io.wit", format!("{IO}\n"));
    let words = ["w:io@0.2.6 with two different contents", "`wit/deps/a`", "`wit/deps/b`"];
    Rule::new("x", &["wit"]).fails(&sandbox, 2, &words);
}

#[test]
fn bundled_packages_must_be_complete() {
    let sandbox = sandbox();
    sandbox.write("wit/deps/cli.wit", CLI);
    let known = serde_json::json!({"w:io@0.2.6": "@wasi_wit//:w-io-0.2.6"});
    Rule::new("x", &["wit"]).with("known", known).fails(
        &sandbox,
        2,
        &[
            "w:cli@0.2.6 uses w:io@0.2.6, which no dependency provides",
            "`wit/deps/cli.wit`",
            "add `@wasi_wit",
        ],
    );
    // The part of w:io in the binary is not the whole w:io.
    std::fs::remove_file(sandbox.path("wit/deps/cli.wit")).unwrap();
    sandbox.write("wit/deps/cli.wasm", encoded(&[IO, CLI]));
    Rule::new("x", &["wit"]).fails(
        &sandbox,
        2,
        &["w:cli@0.2.6 uses w:io@0.2.6, which no dependency provides", "wkg fetch -t wit"],
    );
    sandbox.write("wit/deps/io/src/deep.wit", IO);
    sandbox.write("wit/deps/io/io.wit", IO);
    let printed = Rule::new("x", &["wit"]).make(&sandbox);
    assert!(
        printed.stderr.contains("`wit/deps/io/src/deep.wit` is too deep"),
        "{}",
        printed.stderr
    );
}

#[test]
fn nested_packages_in_one_file_are_bundled() {
    let sandbox = sandbox();
    let nested = format!("{OWN}\n{}}}\n", IO.replace("@0.2.6;", "@0.2.6 {"))
        .replace("include w:cli/cli", "import w:io/streams");
    sandbox.write("n.wit", &nested);
    Rule::new("n", &["n.wit"]).make(&sandbox);
    sandbox.write(
        "y.wit",
        "package my:y;\nworld y { import w:io/streams@0.2.6; import my:x/missing@1.0.0; }",
    );
    Rule::new("y", &["y.wit"]).deps(&["n"]).fails(&sandbox, 4, &["y.wit:2:", "missing"]);
    sandbox.write("y.wit", "package my:y;\nworld y { import w:io/streams@0.2.6; }");
    assert_eq!(Rule::new("y", &["y.wit"]).deps(&["n"]).make(&sandbox).stderr, "");

    // A file cannot be split, so the package must not come from another source too.
    Rule::new("io", &["io/streams.wit"]).make(&sandbox);
    let one = "one:   //x:m, in the files of my:x@1.0.0";
    let words = ["//x:m gets w:io@0.2.6 from two dependencies", one, "other: //x:io"];
    Rule::new("m", &["n.wit"]).deps(&["io"]).fails(&sandbox, 2, &words);
    let words =
        ["//x:z gets w:io@0.2.6 from two dependencies", "//x:io\n", "//x:n, in the files of my:x"];
    Rule::new("z", &["y.wit"]).deps(&["n", "io"]).fails(&sandbox, 2, &words);
    // A package in a dep's folder `deps` is an exception, because no label could be left out.
    sandbox.write("wit/deps/io.wit", IO);
    sandbox.write("wit/deps/cli.wit", CLI);
    sandbox.write("wit/x.wit", OWN.replace("my:x", "my:x2"));
    Rule::new("x2", &["wit"]).make(&sandbox);
    Rule::new("y2", &["y.wit"]).deps(&["n", "x2"]).make(&sandbox);
    assert!(!sandbox.path("out/y2/deps/w-io-0.2.6").exists());
}
