//! The output of the rule `wit_library`.

use crate::sandbox::Sandbox;
use crate::{Rule, resolves};

const IO: &str = "package w:io@0.2.6;\n\ninterface streams { type t = u32; }\n";
const HTTP: &str = "\
package w:http@0.2.6;

interface types { use w:io/streams@0.2.6.{t}; f: func() -> t; }
world proxy { import types; }
";
const APP: &str = "package my:app;\n\nworld app { include w:http/proxy@0.2.6; }\n";

/// Creates a sandbox in which `w:io` and `w:http` are built.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("io/streams.wit", IO);
    sandbox.write("http/types.wit", HTTP);
    sandbox.write("app.wit", APP);
    Rule::new("io", &["io/streams.wit"]).make(&sandbox);
    Rule::new("http", &["http/types.wit"]).deps(&["io"]).make(&sandbox);
    sandbox
}

#[test]
fn a_library_contains_all_its_dependencies() {
    let sandbox = sandbox();
    let rule = Rule::new("app", &["app.wit"])
        .deps(&["http"])
        .indirect(&["io"])
        .with("package", "my:app".into());
    let printed = rule.make(&sandbox);
    assert_eq!((printed.stdout.as_str(), printed.stderr.as_str()), ("", ""));
    let tree = sandbox.tree("out/app");
    let files: Vec<_> = tree.keys().map(String::as_str).collect();
    assert_eq!(files, ["app.wit", "deps/w-http-0.2.6/types.wit", "deps/w-io-0.2.6/streams.wit"]);
    assert_eq!(tree["deps/w-http-0.2.6/types.wit"], HTTP.as_bytes());

    // The result is the same in another order, and in the empty folder that Bazel creates.
    std::fs::remove_dir_all(sandbox.path("out/app")).unwrap();
    std::fs::create_dir(sandbox.path("out/app")).unwrap();
    Rule::new("app", &["app.wit"]).indirect(&["io"]).deps(&["http"]).make(&sandbox);
    assert_eq!(sandbox.tree("out/app"), tree);
}

#[test]
fn the_declared_package_must_match_the_rule() {
    let sandbox = sandbox();
    let rule = |package: &str| Rule::new("x", &["io/streams.wit"]).with("package", package.into());
    for package in ["", "w:io", "w:io@0.2.6"] {
        rule(package).make(&sandbox);
        std::fs::remove_dir_all(sandbox.path("out/x")).unwrap();
    }
    for package in ["w:oi", "w:io@0.2.3", "w:io@0.2"] {
        let expected = format!("expected: {package} (package_name)");
        let found = "found:    w:io@0.2.6 (in `io/streams.wit`)";
        rule(package).fails(&sandbox, 4, &["//x:x declare another package", &expected, found]);
    }
    let unversioned = Rule::new("x", &["app.wit"]).with("package", "my:app@1.0.0".into());
    unversioned.fails(&sandbox, 4, &["my:app@1.0.0", "my:app (in"]);
}

#[test]
fn the_interfaces_that_are_named_are_there() {
    let sandbox = sandbox();
    let rule = |name: &str| {
        let interfaces = serde_json::json!([name]);
        Rule::new("x", &["http/types.wit"]).deps(&["io"]).with("interfaces", interfaces)
    };
    rule("types").make(&sandbox);
    std::fs::remove_dir_all(sandbox.path("out/x")).unwrap();
    rule("typos").fails(&sandbox, 2, &["no interface called `typos`", "`types`", "//x:x"]);
    rule("proxy").fails(&sandbox, 2, &["`proxy` is a world"]);
    // An interface of a dependency is not one of the package.
    rule("streams").fails(&sandbox, 2, &["no interface called `streams`"]);
}

#[test]
fn a_missing_package_is_named_with_the_label_to_add() {
    let sandbox = sandbox();
    let rule = || Rule::new("x", &["http/types.wit"]);
    let known = serde_json::json!({"w:io@0.2.6": "@wasi_wit//:w-io-0.2.6"});
    rule().with("known", known).fails(
        &sandbox,
        2,
        &[
            "//x:x uses w:io@0.2.6, which is not among its deps",
            "add `@wasi_wit//:w-io-0.2.6` to deps",
        ],
    );
    let known = serde_json::json!({"w:io@0.2.10": "@a", "w:io@0.2.9": "@b", "w:iox@0.2.6": "@c"});
    rule().with("known", known).fails(
        &sandbox,
        2,
        &["`package = \"w:io@0.2.6\"`", "known versions are 0.2.9, 0.2.10"],
    );
    // The published packages need not be in the request.
    let wasi = APP.replace("w:http/proxy@0.2.6", "wasi:http/proxy@0.2.6");
    sandbox.write("wasi.wit", wasi);
    let words = ["add `@wasi_wit//:wasi-http-0.2.6` to deps"];
    Rule::new("x", &["wasi.wit"]).fails(&sandbox, 2, &words);
    sandbox.write("io3/streams.wit", IO.replace("0.2.6", "0.2.3"));
    Rule::new("io3", &["io3/streams.wit"]).make(&sandbox);
    rule().deps(&["io3"]).fails(
        &sandbox,
        2,
        &["uses w:io@0.2.6, which", "there is: w:io@0.2.3, from //x:io3"],
    );
}

#[test]
fn a_package_of_a_dep_must_be_in_deps_where_it_is_used() {
    let sandbox = sandbox();
    sandbox.write(
        "x.wit",
        "package my:x;\nworld w { import w:http/types@0.2.6; import w:io/streams@0.2.6; }",
    );
    let rule = Rule::new("x", &["x.wit"]).deps(&["http"]).indirect(&["io"]);
    rule.fails(
        &sandbox,
        2,
        &[
            "//x:x uses w:io@0.2.6",
            "provided by: //x:io, which is not among them",
            "add `//x:io` to deps",
        ],
    );
    // A user cannot write a label of a repository that other modules named.
    let mut rule = rule.with("known", serde_json::json!({"w:io@0.2.6": "@wasi_wit//:w-io-0.2.6"}));
    rule.fails(&sandbox, 2, &["add `//x:io` to deps"]);
    rule.request["deps"][1]["label"] = "@@m~~e~wasi_io//:w-io".into();
    rule.fails(&sandbox, 2, &["add `@wasi_wit//:w-io-0.2.6` to deps"]);
}

#[test]
fn an_unknown_interface_is_named_with_file_and_line() {
    let sandbox = sandbox();
    sandbox.write("x.wit", "package my:x;\n\nworld w {\n  import w:io/strems@0.2.6;\n}\n");
    let rule = Rule::new("x", &["x.wit"]).deps(&["io"]);
    rule.fails(&sandbox, 4, &["the WIT of //x:x does not resolve", "x.wit:4:15", "strems"]);
    sandbox.write("x.wit", "package my:x;\ninterface i { use w:io/streams@0.2.6.{tt}; }\n");
    rule.fails(&sandbox, 4, &["x.wit:2:", "tt"]);
}

#[test]
fn a_syntax_error_is_named_with_file_line_and_column() {
    let sandbox = sandbox();
    sandbox.write("a.wit", "package my:x;\n");
    sandbox.write("b.wit", "interface i {\n  f: fun();\n}\n");
    let rule = Rule::new("x", &["a.wit", "b.wit"]);
    rule.fails(&sandbox, 4, &["the WIT at `b.wit:2:6` does not parse", "f: fun();", "^"]);
    sandbox.write("b.wit", "interface i {}");
    sandbox.write("a.wit", "interface j {}");
    rule.fails(&sandbox, 4, &["no `package` header"]);
    sandbox.write("b.wit", "package my:y;");
    sandbox.write("a.wit", "package my:x;");
    rule.fails(&sandbox, 4, &["b.wit:1:"]);
    sandbox.write("b.wit", [0xff, 0xfe]);
    rule.fails(&sandbox, 4, &["`b.wit` is not a WIT package", "nor text, at byte 0"]);
}

#[test]
fn a_cycle_of_packages_is_shown() {
    let sandbox = Sandbox::new();
    sandbox.write("a1.wit", "package x:a;\ninterface i {}");
    sandbox.write("a.wit", "package x:a;\ninterface i { }\nworld w { import x:c/i; }");
    sandbox.write("b.wit", "package x:b;\ninterface i {}\nworld w { import x:a/i; }");
    sandbox.write("c.wit", "package x:c;\ninterface i {}\nworld w { import x:b/i; }");
    Rule::new("a1", &["a1.wit"]).make(&sandbox);
    Rule::new("b", &["b.wit"]).deps(&["a1"]).make(&sandbox);
    Rule::new("c", &["c.wit"]).deps(&["b"]).indirect(&["a1"]).make(&sandbox);
    let rule = Rule::new("a", &["a.wit"]).deps(&["c"]).indirect(&["b", "a1"]);
    rule.fails(&sandbox, 2, &["in a cycle", "x:a -> x:c -> x:b -> x:a", "//x:a"]);
    // A package that uses itself by its full name is the smallest cycle.
    sandbox.write("s.wit", "package x:s;\ninterface i {}\nworld w { import x:s/i; }");
    Rule::new("s", &["s.wit"]).fails(&sandbox, 2, &["x:s -> x:s"]);
}

#[test]
fn two_contents_of_a_package_are_refused() {
    let sandbox = sandbox();
    Rule::new("io_again", &["io/streams.wit"]).make(&sandbox);
    sandbox.write("other/streams.wit", IO.replace("u32", "u64"));
    Rule::new("io_other", &["other/streams.wit"]).make(&sandbox);
    let rule = Rule::new("x", &["http/types.wit"]);
    rule.deps(&["io", "io_again"]).make(&sandbox);
    std::fs::remove_dir_all(sandbox.path("out/x")).unwrap();
    let rule = Rule::new("x", &["http/types.wit"]).deps(&["io"]).indirect(&["io_other"]);
    rule.fails(
        &sandbox,
        2,
        &[
            "//x:x gets w:io@0.2.6 with two different contents",
            "//x:io\n",
            "//x:io_other",
            "`streams.wit`",
        ],
    );
    let rule = Rule::new("x", &["io/streams.wit"]).deps(&["io"]);
    rule.fails(
        &sandbox,
        2,
        &["//x:x gets w:io@0.2.6 from two dependencies", "one:   //x:x", "other: //x:io"],
    );
}

#[test]
fn two_versions_of_a_package_are_two_packages() {
    let sandbox = sandbox();
    sandbox.write("io3/streams.wit", IO.replace("0.2.6", "0.2.3"));
    Rule::new("io3", &["io3/streams.wit"]).make(&sandbox);
    let text = "package my:x;\nworld w { import w:io/streams@0.2.6; import w:io/streams@0.2.3; }";
    sandbox.write("x.wit", text);
    let rule = Rule::new("x", &["x.wit"]).deps(&["io", "io3"]);
    rule.make(&sandbox);
    assert_eq!(resolves(&sandbox.path("out/x")).packages.len(), 3);
    assert_eq!(sandbox.tree("out/x").len(), 3);
}

/// Checks that `a-b:c` and `a:b-c` are two packages, although both names become `a-b-c`.
#[test]
fn two_packages_never_share_a_folder() {
    let sandbox = Sandbox::new();
    sandbox.write("one.wit", "package a-b:c@1.0.0;\ninterface i {}");
    sandbox.write("two.wit", "package a:b-c@1.0.0;\ninterface i {}");
    sandbox.write("x.wit", "package x:x;\nworld w { import a-b:c/i@1.0.0; import a:b-c/i@1.0.0; }");
    Rule::new("one", &["one.wit"]).make(&sandbox);
    Rule::new("two", &["two.wit"]).make(&sandbox);
    Rule::new("x", &["x.wit"]).deps(&["one", "two"]).make(&sandbox);
    assert_eq!(resolves(&sandbox.path("out/x")).packages.len(), 3);
}

#[test]
fn an_unused_dep_is_warned_about_and_included() {
    let sandbox = sandbox();
    sandbox.write("x.wit", "package my:x;\ninterface i {}\n");
    let rule = Rule::new("x", &["x.wit"]).deps(&["http"]).indirect(&["io"]);
    let printed = rule.make(&sandbox);
    assert_eq!(
        printed.stderr,
        "warning: //x:x does not use w:http@0.2.6, which //x:http provides\n"
    );
    assert_eq!(sandbox.tree("out/x").len(), 3);
}

#[test]
fn the_sources_can_be_a_folder_or_one_published_file() {
    let sandbox = sandbox();
    sandbox.write("wit/a.wit", "package my:x;\ninterface i {}\n");
    for ignored in ["wit/deps.toml", "wit/deps.lock", "wit/.b.wit", "wit/README.md"] {
        sandbox.write(ignored, "no WIT");
    }
    Rule::new("x", &["wit"]).make(&sandbox);
    assert_eq!(sandbox.tree("out/x").len(), 1);

    sandbox.write("http.wasm", crate::encoded(&[IO, HTTP]));
    Rule::new("y", &["http.wasm"]).deps(&["io"]).make(&sandbox);
    let files: Vec<_> = sandbox.tree("out/y").into_keys().collect();
    assert_eq!(files, ["deps/w-io-0.2.6/streams.wit", "package.wit"]);
    // The published file may be beside its text.
    Rule::new("z", &["http.wasm", "http/types.wit"]).deps(&["io"]).make(&sandbox);
    assert_eq!(sandbox.tree("out/z").len(), 2);
}

#[test]
fn sources_that_are_not_one_package_are_refused() {
    let sandbox = sandbox();
    sandbox.write("a/x.wit", "package my:x;");
    sandbox.write("b/x.wit", "package my:x;");
    Rule::new("x", &["a/x.wit", "b/x.wit"]).fails(
        &sandbox,
        2,
        &["//x:x has two files with the same name", "a/x.wit", "b/x.wit"],
    );
    Rule::new("x", &[]).fails(&sandbox, 2, &["//x:x has no `.wit` files"]);
    sandbox.write("empty/README.md", "");
    Rule::new("x", &["empty"]).fails(&sandbox, 2, &["//x:x has no `.wit` files"]);
    Rule::new("x", &["gone.wit"]).fails(&sandbox, 1, &["read `gone.wit`"]);
}

#[test]
fn another_request_format_and_an_existing_folder_are_refused() {
    let sandbox = sandbox();
    let rule = || Rule::new("x", &["io/streams.wit"]);
    rule().with("schema_version", 2.into()).fails(
        &sandbox,
        2,
        &["format", "expected: 1", "found:    2"],
    );
    rule().with("dirs", 2.into()).fails(&sandbox, 2, &["`request.json` is not valid", "`dirs`"]);
    sandbox.write("out/x/old.wit", "old");
    let before = sandbox.tree("out");
    rule().command(&sandbox).ends_with(2).says(&["out/x", "not empty"]);
    assert_eq!(sandbox.tree("out"), before);
}

#[test]
fn all_missing_packages_are_named_at_once() {
    let sandbox = sandbox();
    let app = "package my:all;\n\nworld app {\n  import w:io/streams@0.2.6;\n  \
               import w:http/types@0.2.6;\n  import n:none/x@1.0.0;\n}\n";
    sandbox.write("all.wit", app);
    let known = serde_json::json!({"w:http@0.2.6": "@wasi_wit//:w-http-0.2.6"});
    let rule = || Rule::new("all", &["all.wit"]).with("known", known.clone());
    rule().indirect(&["io"]).fails(
        &sandbox,
        2,
        &[
            "//x:all lacks 3 packages in its deps",
            "n:none@1.0.0",
            "w:http@0.2.6",
            "w:io@0.2.6",
            "\"//x:io\",",
            "\"@wasi_wit//:w-http-0.2.6\",",
            "`use_repo(wit, \"wasi_wit\")`",
            "`package = \"n:none@1.0.0\"`",
        ],
    );
    // A package that another library lacks is reported with that library.
    let broken = Rule::new("app", &["app.wit", "deps/w-http/types.wit"]);
    sandbox.write("deps/w-http/types.wit", HTTP);
    broken.fails(&sandbox, 2, &["w:http@0.2.6 uses w:io@0.2.6, which no dependency provides"]);
}
