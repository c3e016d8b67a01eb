//! Lists and manifests at the edge of each limit: an accepted input takes at most 256 MB, and a
//! refused one is reported with the limit that it exceeds. No run would end within minutes if the
//! work grew with the square of the items.

use crate::memory_limit::with_memory_limit;
use crate::sandbox::{Printed, Sandbox};

/// The limit for the images of a list, and the limit for how often manifests name an image.
const MOST_IMAGES: usize = 20_000;
const MOST_OCCURRENCES: usize = 50_000;

/// The limit for the values of a file, and the limit for its bytes.
const MOST_VALUES: usize = 1_000_000;
const MOST_BYTES: usize = 16 << 20;

fn repeated(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect()
}

#[track_caller]
fn check(text: &str, code: i32) -> Printed {
    let sandbox = Sandbox::new();
    sandbox.write("a.yaml", text);
    with_memory_limit(sandbox.run(&["mirror", "check", "--registry=r.corp", "a.yaml"]))
        .ends_with(code)
}

/// Fails as an unreadable file, with these words in the output.
#[track_caller]
fn refused(text: &str, words: &str) {
    let printed = check(text, 2);
    let all = printed.stdout + &printed.stderr;
    assert!(all.contains(words), "`{words}` is missing in\n{all}");
}

#[test]
fn values_are_limited_in_a_file_and_not_in_each_document() {
    let list = |count: usize| format!("[{}]\n", "a,".repeat(count - 1));
    check(&list(MOST_VALUES), 0);
    refused(&list(MOST_VALUES + 1), "more than 1000000 values");
    check(&repeated(MOST_VALUES / 2 - 1, |n| format!("k{n:x}: v\n")), 0);
    let documents = |count: usize| format!("---\n{}", list(MOST_VALUES / 10)).repeat(count);
    check(&documents(10), 0);
    refused(&documents(11), "more than 1000000 values");
    // A document of aliases is small, and a file could contain many of them.
    let bomb = format!("---\na: &a {}b: [{}]\n", list(100), "*a,".repeat(1000));
    refused(&bomb.repeat(100), "more than 1000000 values");
    refused(&repeated(100_001, |n| format!("- &a{n} x\n")), "more than 100000 anchors");
}

#[test]
fn long_scalars_are_limited() {
    let scalar = |bytes: usize| format!("a: '{}'\n", "x:1 ".repeat((bytes - 10) / 4));
    check(&scalar(MOST_BYTES), 0);
    refused(&scalar(MOST_BYTES + 20), "16777216 bytes");
}

#[test]
fn texts_that_are_yaml_share_a_limit() {
    let texts = |count: usize| {
        let inner = "[1, 2, 3, 4, 5, 6, 7, 8, 9],".repeat(1000);
        format!("data:\n{}", repeated(count, |n| format!("  k{n}: |\n    [{inner}]\n    # a: b\n")))
    };
    check(&texts(24), 0);
    refused(&texts(26), "250000 values");
}

#[test]
fn image_occurrences_of_all_files_share_a_limit() {
    let images = |count: usize| repeated(count, |n| format!("- image: r.corp/a{n}:1\n"));
    check(&images(MOST_OCCURRENCES), 0);
    refused(&images(MOST_OCCURRENCES + 1), "50000 times");
    let long = "k".repeat(100_000);
    refused(&format!("? {long}\n:\n{}", images(1000)), "16777216 bytes");
    let sandbox = Sandbox::new();
    sandbox.write("m/a.yaml", images(MOST_OCCURRENCES / 2));
    sandbox.write("m/b.yaml", images(MOST_OCCURRENCES / 2));
    with_memory_limit(sandbox.run(&["mirror", "check", "--registry=r.corp", "m"])).succeeds();
    sandbox.write("m/c.yaml", images(1));
    let check = with_memory_limit(sandbox.run(&["mirror", "check", "--registry=r.corp", "m"]));
    check.ends_with(2).says(&["too many manifests for one run", "50000 occurrences of images"]);
    refused(&"---\n[\n".repeat(1001), "1000 documents that cannot be read");
}

#[test]
fn lists_with_the_most_images_are_read() {
    let list = |count: usize, tag: &str| {
        let one =
            |n: usize| format!("- {{source: 'a.io/x{n}:{tag}', destination: 'r.corp/x{n}:1'}}\n");
        format!("images:\n{}", repeated(count, one))
    };
    let sandbox = Sandbox::new();
    let manifests = repeated(MOST_IMAGES, |n| format!("- image: a.io/x{n}:1\n"));
    let manifests = format!("spec:\n  containers:\n{manifests}");
    sandbox.write("m.yaml", manifests.replace("\n- ", "\n  - "));
    let list_command = ["mirror", "list", "--registry=r.corp", "-o=new.yaml", "m.yaml"];
    with_memory_limit(sandbox.run(&list_command)).succeeds();
    let written = sandbox.read("new.yaml");
    assert_eq!(written.matches("source:").count(), MOST_IMAGES);
    sandbox.write("mirror.yaml", list(MOST_IMAGES, "1"));
    with_memory_limit(sandbox.run(&["mirror", "kustomize", "-f", "mirror.yaml", "m.yaml"]))
        .succeeds();
    with_memory_limit(sandbox.run(&["mirror", "kustomize", "-f", "mirror.yaml"])).succeeds();
    sandbox.write("mirror.yaml", list(MOST_IMAGES + 1, "1"));
    let refused = with_memory_limit(sandbox.run(&["mirror", "kustomize", "-f", "mirror.yaml"]));
    refused.ends_with(2).says(&["too many images", "20000 images"]);
    // Many tags of one repository, and many registries with one path.
    for image in [|n| format!("a.io/x:{n}"), |n| format!("a{n}.io/x:1")] {
        sandbox.write("m.yaml", repeated(MOST_IMAGES, |n| format!("- image: {}\n", image(n))));
        with_memory_limit(sandbox.run(&["mirror", "list", "--registry=r.corp", "m.yaml"]))
            .succeeds();
    }
}
