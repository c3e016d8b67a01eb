//! `mirror list`: its inputs besides charts, its formats, and files that cannot be read.

use crate::sandbox::Sandbox;

const POD: &str = "kind: Pod\nspec:\n  containers:\n  - image: quay.io/team/a:1\n";

fn list(sandbox: &Sandbox, more: &[&str]) -> crate::sandbox::Run {
    sandbox.run(&[&["mirror", "list", "--registry=r.io"], more].concat())
}

#[test]
fn published_lists_of_images_are_read() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "images.txt",
        " docker.io/rook/ceph:v1 \r\n\r\n# two\r\nteam/b:2\r\nquay.io/Bad:1\r\n",
    );
    sandbox.write("pod.yaml", POD);
    let printed = list(&sandbox, &["images.txt", "pod.yaml", "--why"]).succeeds();
    assert_eq!(
        printed.stdout,
        "images:\n  # listed in images.txt:1\n  - source: docker.io/rook/ceph:v1\n    destination: r.io/rook/ceph:v1\n  # listed in images.txt:4\n  - source: docker.io/team/b:2\n    destination: r.io/team/b:2\n  # spec.containers[0].image in pod.yaml:4\n  - source: quay.io/team/a:1\n    destination: r.io/team/a:1\n"
    );
    printed.says(&["images.txt:5:1: `quay.io/Bad:1`", "upper-case"]);
    let check = sandbox.run(&["mirror", "check", "images.txt", "--registry=r.io"]).ends_with(4);
    assert!(
        check.stdout.starts_with("images.txt:1:2  docker.io/rook/ceph:v1\n"),
        "{}",
        check.stdout
    );
}

#[test]
fn an_unreadable_file_does_not_end_the_list() {
    let sandbox = Sandbox::new();
    sandbox.write("m/a.yaml", POD);
    sandbox.write("m/b.yaml", "{{- if .Values.x }}\nkind: Pod\n{{- end }}\n");
    sandbox.write("m/c.yaml", "a: b: c\n");
    let printed = list(&sandbox, &["m"]).ends_with(2).says(&[
        "m/b.yaml",
        "the file is a template, which `helm template` renders",
        "m/c.yaml",
        "2 documents or files could not be read",
    ]);
    assert!(printed.stdout.contains("source: quay.io/team/a:1\n"), "{}", printed.stdout);
    // The same with an output file; no entry is removed if a document cannot be read.
    sandbox.write("mirror.yaml", "images:\n- source: old:1\n  destination: r.io/old:1\n");
    list(&sandbox, &["m", "-o", "mirror.yaml", "--prune"]).ends_with(2).says(&[
        "removes nothing",
        "added quay.io/team/a:1",
        "kept old:1",
    ]);
    assert!(sandbox.read("mirror.yaml").contains("source: old:1\n"));
}

#[test]
fn a_folder_without_manifests_is_an_empty_list() {
    let sandbox = Sandbox::new();
    sandbox.write("empty/notes.txt", "");
    sandbox.write("none/a.yaml", "kind: ConfigMap\ndata: {a: b}\n");
    let printed = list(&sandbox, &["empty"]).succeeds();
    printed.says(&["found no manifests in `empty`", "no image was found"]);
    list(&sandbox, &["none", "-o", "mirror.yaml"])
        .succeeds()
        .says(&["no image was found to mirror"]);
    assert_eq!(sandbox.read("mirror.yaml"), "images: []\n");
    list(&sandbox, &["nowhere"]).ends_with(1).says(&["nowhere"]);
}

#[test]
fn images_that_are_no_longer_found_are_removed() {
    let sandbox = Sandbox::new();
    sandbox.write("pod.yaml", POD);
    list(&sandbox, &["pod.yaml", "-o", "mirror.yaml", "--why"]).succeeds();
    let mine = sandbox.read("mirror.yaml").replace("images:", "# mine\nimages:");
    sandbox.write("mirror.yaml", mine);
    sandbox.write("pod.yaml", POD.replace("a:1", "a:2"));
    list(&sandbox, &["pod.yaml", "-o", "mirror.yaml"]).succeeds().says(&["kept quay.io/team/a:1"]);
    list(&sandbox, &["pod.yaml", "-o", "mirror.yaml", "--prune"])
        .succeeds()
        .says(&["removed quay.io/team/a:1"]);
    assert_eq!(
        sandbox.read("mirror.yaml"),
        "# mine\nimages:\n  - source: quay.io/team/a:2\n    destination: r.io/team/a:2\n"
    );
    list(&sandbox, &["pod.yaml", "--prune"]).ends_with(2).says(&["--output"]);
}

#[test]
fn each_list_format_is_printed() {
    let sandbox = Sandbox::new();
    sandbox.write("images.txt", "quay.io/a/b:1\nnats:2\nr.io/c:3\n");
    let run = |words: &[&str]| {
        sandbox.run(&[&["mirror", "list", "images.txt"], words].concat()).succeeds().stdout
    };
    assert_eq!(run(&["--format=images"]), "quay.io/a/b:1\ndocker.io/nats:2\nr.io/c:3\n");
    // An image that is in the registry needs no copy.
    assert_eq!(run(&["--format=images", "--registry=r.io"]), "quay.io/a/b:1\ndocker.io/nats:2\n");
    assert!(run(&["--format=hauler"]).contains("kind: Images\n"));
    assert_eq!(run(&["--format=zarf", "-o", "zarf.yaml"]), "");
    assert!(sandbox.read("zarf.yaml").contains("      - docker.io/nats:2\n"));
    sandbox
        .run(&["mirror", "list", "images.txt", "--format=tar"])
        .ends_with(2)
        .says(&["the formats are `images`, `hauler` and `zarf`"]);
    sandbox.run(&["mirror", "list", "images.txt"]).ends_with(2).says(&["--registry"]);
}
