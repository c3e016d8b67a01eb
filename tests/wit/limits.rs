//! WIT at the edge of each limit: an accepted package takes at most 256 MB, and a refused one is
//! reported with the limit that it exceeds.

use crate::memory_limit::with_memory_limit;
use crate::sandbox::Sandbox;
use crate::{Rule, encoded};

/// The limit for the items of a package.
const MOST_ITEMS: usize = 1 << 16;

/// The limit for the bytes of a package's text, and for those of its sections of types.
const MOST_BYTES: usize = 4 << 20;
const MOST_SECTION_BYTES: usize = 1 << 20;

fn repeated(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect()
}

/// Returns a section of a WebAssembly file.
fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &leb(content.len()), content].concat()
}

/// Returns a number in LEB128, WebAssembly's variable-length encoding.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Returns a file in the binary format with these sections.
fn binary(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0", sections.concat().as_slice()].concat()
}

#[track_caller]
fn inspect(bytes: &[u8], code: i32, words: &[&str]) {
    let sandbox = Sandbox::new();
    sandbox.write("x.wit", bytes);
    with_memory_limit(sandbox.run(&["wit", "inspect", "x.wit"])).ends_with(code).says(words);
}

#[test]
fn text_with_many_items_is_read_in_little_memory() {
    let package = |body: String| format!("package a:b@1.0.0;\n{body}").into_bytes();
    let names = |count: usize| {
        let names = repeated(count, |n| format!("n{n:x},"));
        package(format!("interface i {{ use a:a/x.{{{names}}}; }}"))
    };
    inspect(&names(MOST_ITEMS - 6), 0, &[]);
    inspect(&names(MOST_ITEMS), 4, &["too large", "65536 items"]);
    for body in [
        format!("world w {{ {} }}", repeated(MOST_ITEMS - 9, |n| format!("import a:p{n:x}/i;"))),
        format!("interface i {{ {} }}", repeated(MOST_ITEMS - 9, |n| format!("type t{n:x}=u8;"))),
        repeated(MOST_ITEMS - 9, |n| format!("world w{n:x}{{}}")),
        repeated(MOST_ITEMS - 9, |n| format!("package p:p{n:x}{{}}")),
    ] {
        inspect(&package(body), 0, &[]);
    }
    let parameters = |count: usize| {
        let parameters = repeated(count, |n| format!("p{n}:u8,"));
        package(format!("interface i {{ f: func({parameters}); }}"))
    };
    inspect(&parameters(1000), 0, &[]);
    inspect(&parameters(1001), 4, &["a function with more than 1000 parameters"]);
}

#[test]
fn long_text_is_read_in_little_memory() {
    let documented = |bytes: usize| {
        let start = "package a:b;\n";
        let lines = (bytes - start.len() - "interface i {}".len()) / 4;
        format!("{start}{}interface i {{}}", "///\n".repeat(lines)).into_bytes()
    };
    inspect(&documented(MOST_BYTES), 0, &[]);
    inspect(&documented(MOST_BYTES + 5), 4, &["too large", "4194304 bytes"]);
    let nested = format!("{}u8{},", "list<".repeat(90), ">".repeat(90));
    let types = nested.repeat((MOST_BYTES - 100) / nested.len());
    inspect(format!("package a:b; interface i {{ type t = tuple<{types}>; }}").as_bytes(), 0, &[]);
}

#[test]
fn a_section_is_never_longer_than_the_file() {
    let size = [0xf0, 0xff, 0xff, 0xff, 0x0f];
    for id in 0..=12 {
        inspect(&binary(&[[&[id][..], &size].concat()]), 4, &["as a WIT package"]);
    }
    // In a component in a component, and in a module in one.
    for inner in [&b"\0asm\x0d\0\x01\0"[..], b"\0asm\x01\0\0\0"] {
        let inner = [inner, &[0], &size].concat();
        inspect(&binary(&[section(4, &inner)]), 4, &["a component"]);
        inspect(&binary(&[section(1, &inner)]), 4, &["a component"]);
    }
    // Counts without the items after them.
    for id in [7, 10, 11] {
        inspect(&binary(&[section(id, &size)]), 4, &["WIT package"]);
    }
}

#[test]
fn binaries_with_many_items_are_read_in_little_memory() {
    let types =
        |count: usize, one: &[u8]| binary(&[section(7, &[leb(count), one.repeat(count)].concat())]);
    let tuple = [0x6f, 1, 0x7d];
    inspect(&types(MOST_ITEMS / 2, &tuple), 4, &["a component"]);
    inspect(&types(MOST_ITEMS / 2 + 1, &tuple), 4, &["too large", "65536 items"]);
    inspect(&types(MOST_ITEMS, &[0x41, 0]), 4, &["a component"]);
    // One type that declares half a million others.
    let count = MOST_SECTION_BYTES / 2 - 10;
    let declared = [&[1, 0x41][..], &leb(count), &[1, 0x7d].repeat(count)].concat();
    inspect(&binary(&[section(7, &declared)]), 4, &["too large", "65536 items"]);
    let long = binary(&[section(7, &vec![0; MOST_SECTION_BYTES + 1])]);
    inspect(&long, 4, &["1048576 bytes of types"]);
    let custom = [&[1, b'x'][..], &vec![0; MOST_SECTION_BYTES + 1]].concat();
    inspect(&binary(&[section(0, &custom)]), 4, &["1048576 bytes in custom sections"]);

    let functions = repeated(10_000, |n| format!("a{n:x}: func(x: u8);"));
    let package = encoded(&[&format!("package a:b@1.0.0; interface i {{ {functions} }}")]);
    inspect(&package, 0, &[]);
}

/// Checks the limit for all worlds together: a world that includes others stores each of their
/// imports.
#[test]
fn worlds_that_include_others_share_a_limit() {
    let text = |count: usize| {
        let worlds = repeated(count, |n| {
            format!("world w{}{{include w{n};import f{n:x}-x:func();}}", n + 1)
        });
        format!("package a:b;world w0{{}}{worlds}")
    };
    let sandbox = Sandbox::new();
    let rule = Rule::new("x", &["x.wit"]);
    sandbox.write("x.wit", text(900));
    with_memory_limit(rule.command(&sandbox)).succeeds();
    sandbox.write("x.wit", text(1001));
    let rule = Rule::new("y", &["x.wit"]);
    let words = ["//x:y with its dependencies", "1000000 items in all worlds in total"];
    with_memory_limit(rule.command(&sandbox)).ends_with(4).says(&words);
}

/// Checks that packages in the folder `deps` count once each, and all of them together.
#[test]
fn the_packages_of_a_library_are_limited_together() {
    let sandbox = Sandbox::new();
    sandbox.write("x.wit", "package a:b;");
    let mut srcs = vec!["x.wit".to_owned()];
    for n in 0..9 {
        let name = format!("deps/p{n}/p.wit");
        sandbox.write(&name, format!("package p:p{n};{}", " ".repeat(1 << 20)));
        srcs.push(name);
    }
    let srcs: Vec<_> = srcs.iter().map(String::as_str).collect();
    with_memory_limit(Rule::new("x", &srcs[..8]).command(&sandbox)).succeeds();
    let refused = with_memory_limit(Rule::new("y", &srcs).command(&sandbox)).ends_with(4);
    refused.says(&["//x:y with its dependencies", "8388608 bytes"]);
}
