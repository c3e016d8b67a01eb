//! Copies through a folder or a tar.

use std::fs;
use std::process::Stdio;

use airgap_core::digest::Digest;

use crate::images::Images;
use crate::server::Reply;
use crate::{Case, fill, signed};

fn two(case: &Case) -> [Images; 2] {
    let all = [signed("1", 10), signed("2", 20)];
    fill(&case.from, "a", &all[0]);
    fill(&case.from, "b/c", &all[1]);
    case.list(&["a:1", "b/c:2"]);
    all
}

#[test]
fn into_a_layout_and_out_of_it_without_the_source() {
    for layout in ["images", "images.tar", "oci:images", "oci-archive:images.oci"] {
        let case = Case::new();
        let all = two(&case);
        let to = format!("--to={layout}");
        let printed = case.copy(&[&to]).succeeds();
        let digests: Vec<_> = all.iter().map(|it| it.tags.values()).collect();
        assert_eq!(digests.len(), 2);
        assert!(printed.stdout.contains(&format!("a:1@sha256:{}", all[0].tags["1"])));
        assert_eq!(case.to.server.requests().len(), 0, "the other registry gets no request");
        let before = case.sandbox.tree("");
        // Only the four kinds of files of a layout are there, and no partial file.
        let strange = before.keys().find(|name| name.contains(".part") || name.contains(".layout"));
        assert_eq!(strange, None);
        let asked = case.from.request_lines().len();
        case.copy(&[&to]).succeeds().says(&["2 were there"]);
        assert_eq!(case.from.request_lines().len(), asked + 2, "two tags");
        assert_eq!(case.sandbox.tree(""), before, "nothing has changed");
        // The offline machine has no source registry.
        let asked = case.from.server.requests().len();
        let from = format!("--from={layout}");
        case.copy(&[&from]).succeeds();
        assert_eq!(case.from.server.requests().len(), asked);
        case.has("a", &all[0]);
        case.has("b/c", &all[1]);
        case.copy(&[&from]).succeeds().says(&["2 were there"]);
    }
}

#[test]
fn the_same_images_make_the_same_tar_and_each_blob_is_in_it_once() {
    let case = Case::new();
    two(&case);
    case.copy(&["--to=one.tar"]).succeeds();
    case.copy(&["--to=two.tar", "--jobs=1"]).succeeds();
    assert_eq!(
        fs::read(case.sandbox.path("one.tar")).unwrap(),
        fs::read(case.sandbox.path("two.tar")).unwrap()
    );
    // A copy from a folder gives the same result too.
    case.copy(&["--to=folder"]).succeeds();
    case.copy(&["--from=folder", "--to=three.tar"]).succeeds();
    assert_eq!(
        fs::read(case.sandbox.path("one.tar")).unwrap(),
        fs::read(case.sandbox.path("three.tar")).unwrap()
    );
}

#[test]
fn each_line_names_the_destination_of_an_image() {
    let case = Case::new();
    two(&case);
    for layout in ["images", "images.tar"] {
        let to = format!("--to={layout}");
        let planned = case.copy(&[&to, "--dry-run"]).succeeds();
        let lines: Vec<_> = planned.stdout.lines().filter(|it| it.contains(" -> ")).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines.iter().all(|it| it.ends_with("B")), "{lines:?}");
        let messages = case.copy(&[&to]).succeeds().stderr;
        let lines: Vec<_> = messages.lines().filter(|it| it.starts_with("copied ")).collect();
        assert_eq!(lines.len(), 2, "{messages}");
        assert!(
            lines.iter().all(|it| it.contains(&format!(" -> {layout}  sha256:"))),
            "{messages}"
        );
    }
}

#[test]
fn a_second_copy_adds_to_a_layout() {
    for layout in ["images", "images.tar"] {
        let case = Case::new();
        let all = two(&case);
        let to = format!("--to={layout}");
        case.list(&["a:1"]);
        case.copy(&[&to]).succeeds();
        let asked = Case::count(&case.from, "GET", "/v2/a/blobs/");
        case.list(&["a:1", "b/c:2"]);
        case.copy(&[&to]).succeeds().says(&["1 image copied, 1 was there"]);
        assert_eq!(Case::count(&case.from, "GET", "/v2/a/blobs/"), asked);
        case.copy(&[&format!("--from={layout}")]).succeeds();
        case.has("a", &all[0]);
        case.has("b/c", &all[1]);
    }
}

#[test]
fn many_processes_write_into_one_layout() {
    const EACH: u32 = 12;
    let case = Case::new();
    let name = |process: u32, nth: u32| format!("p{process}n{nth}");
    for process in 0..4 {
        let names = (0..EACH).map(|nth| {
            let mut images = Images::default();
            let image = images.image("linux/amd64", &[name(process, nth).as_bytes()]);
            images.tag("1", &image);
            fill(&case.from, &name(process, nth), &images);
            format!("{}:1", name(process, nth))
        });
        let names: Vec<_> = names.collect();
        case.list(&names.iter().map(String::as_str).collect::<Vec<_>>());
        case.sandbox.write(&format!("{process}.yaml"), case.sandbox.read("mirror.yaml"));
    }
    let start = |process: u32| {
        let mut run = case.copy(&["--to=images", &format!("--file={process}.yaml"), "--jobs=8"]);
        run.command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let running: Vec<_> = (0..4).map(start).collect();
    for mut process in running {
        assert!(process.wait().unwrap().success());
    }
    let index: serde_json::Value =
        serde_json::from_str(&case.sandbox.read("images/index.json")).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 4 * EACH as usize);
}

#[test]
fn selected_platforms_of_a_pinned_tag_are_copied() {
    for layout in ["images", "images.tar"] {
        let case = Case::new();
        let (images, _) = Images::two_platforms("1", 5, 500);
        fill(&case.from, "a", &images);
        let line = |source: &str, name: &str| {
            let (from, to) = (case.from.host(), case.to.host());
            format!("- source: {from}/{source}\n  destination: {to}/{name}:1\n")
        };
        let list = |lines: &[String]| {
            case.sandbox.write("mirror.yaml", format!("images:\n{}", lines.concat()));
        };
        let digest = images.tags["1"];
        let (to, from) = (format!("--to={layout}"), format!("--from={layout}"));
        let pinned = line(&format!("a:1@sha256:{digest}"), "a");
        list(std::slice::from_ref(&pinned));
        let amd = ["--platform=linux/amd64", &to];
        case.copy(&amd).succeeds();
        case.copy(&amd).succeeds().says(&["1 was there"]);
        list(&[pinned, line(&format!("a@sha256:{digest}"), "b"), line("a:1", "c")]);
        let asked = case.from.request_lines().len();
        case.copy(&[&from]).succeeds().says(&["3 images copied"]);
        assert_eq!(case.from.request_lines().len(), asked);
        for repository in ["a", "b", "c"] {
            let store = case.to.store();
            assert_eq!(store.manifest(repository, "1"), Some(&*images.manifests[0].2));
        }
        // A digest that the layout does not have.
        let other = Digest::compute(b"another").to_string();
        list(&[line(&format!("a:1@sha256:{other}"), "a")]);
        case.copy(&[&from]).ends_with(3).says(&[&other]);
    }
}

#[test]
fn a_tag_with_two_digests_is_copied_as_two_images() {
    for layout in ["images", "images.tar"] {
        for narrowed in [false, true] {
            let case = Case::new();
            let (old, new) =
                (Images::two_platforms("1", 10, 500).0, Images::two_platforms("1", 20, 500).0);
            fill(&case.from, "a", &old);
            fill(&case.from, "a", &new);
            let (from, to) = (case.from.host(), case.to.host());
            let both = [(&old, "old"), (&new, "new")];
            let line = |(images, name): &(&Images, &str)| {
                let digest = images.tags["1"];
                format!("- source: {from}/a:1@sha256:{digest}\n  destination: {to}/{name}:1\n")
            };
            let by_tag = format!("- source: {from}/a:1\n  destination: {to}/tag:1\n");
            let lines: String = both.iter().map(line).collect();
            case.sandbox.write("mirror.yaml", format!("images:\n{lines}{by_tag}"));
            let (into, out) = (format!("--to={layout}"), format!("--from={layout}"));
            let words = ["--platform=linux/amd64", &into];
            let words = &words[usize::from(!narrowed)..];
            case.copy(words).succeeds().says(&["3 images copied"]);
            case.copy(words).succeeds().says(&["3 were there"]);
            case.copy(&[&out]).succeeds().says(&["3 images copied"]);
            for (images, names) in [(&old, &["old"][..]), (&new, &["new", "tag"])] {
                let bytes = &images.manifests[if narrowed { 0 } else { 2 }].2;
                for name in names {
                    assert_eq!(case.to.store().manifest(name, "1"), Some(&**bytes), "{name}");
                }
            }
        }
    }
}

#[test]
fn a_damaged_layout_is_detected_and_repaired() {
    let case = Case::new();
    let all = two(&case);
    case.copy(&["--to=images"]).succeeds();
    let (digest, bytes) = all[0].blobs.iter().find(|(_, it)| it.len() == 3000).unwrap();
    let path = case.sandbox.path(&format!("images/blobs/sha256/{digest}"));
    let mut damaged = bytes.clone();
    damaged[1234] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let printed = case.copy(&["--from=images"]).ends_with(4);
    printed.says(&["1 of 2 images was not copied", &digest.to_string()]);
    case.has("b/c", &all[1]);
    assert!(case.to.store().manifest("a", "1").is_none());
    assert!(case.to.store().blob("a", digest).is_none());
    // The same into a tar.
    case.copy(&["--from=images", "--to=images.tar"]).ends_with(4);
    // A layout with a missing file.
    fs::remove_file(&path).unwrap();
    case.copy(&["--from=images"]).ends_with(3).says(&[&digest.to_string(), "incomplete"]);
    case.copy(&["--to=images", "--recheck"]).succeeds();
    fs::write(&path, &damaged).unwrap();
    case.copy(&["--to=images", "--recheck"]).succeeds().says(&["1 blob moved"]);
    case.copy(&["--from=images"]).succeeds();
    case.has("a", &all[0]);
}

#[test]
fn a_copy_repairs_missing_and_damaged_blobs() {
    for layout in ["images", "images.tar"] {
        let case = Case::new();
        let all = two(&case);
        let to = format!("--to={layout}");
        case.copy(&[&to]).succeeds();
        let whole = case.sandbox.tree("");
        // Each blob and each manifest, those of referrers too.
        let manifests = all[0].manifests.iter().map(|(digest, ..)| *digest);
        for digest in all[0].blobs.keys().copied().chain(manifests) {
            match layout {
                "images" => {
                    let path = case.sandbox.path(&format!("images/blobs/sha256/{digest}"));
                    fs::remove_file(&path).unwrap();
                }
                tar => {
                    // The first byte after its header.
                    let mut bytes = whole[tar].clone();
                    let name = format!("blobs/sha256/{digest}\0");
                    let at = bytes.windows(name.len()).position(|it| it == name.as_bytes());
                    bytes[at.unwrap() + 512] ^= 1;
                    fs::write(case.sandbox.path(tar), bytes).unwrap();
                }
            }
            case.copy(&[&to]).succeeds();
            assert!(case.sandbox.tree("") == whole, "{digest} is repaired");
        }
    }
}

#[test]
fn a_tar_appears_only_with_every_image() {
    let case = Case::with(
        |request, _| request.path.contains("/b/c/").then(|| Reply::new("404 Not Found", "")),
        |_, _| None,
    );
    two(&case);
    let printed = case.copy(&["--to=images.tar"]).ends_with(3);
    printed.says(&[".images.tar.layout` has the others", "the next run continues"]);
    assert!(!case.sandbox.path("images.tar").exists());
    case.list(&["a:1"]);
    case.copy(&["--to=images.tar"]).succeeds().says(&["1 was there"]);
    assert!(case.sandbox.path("images.tar").is_file());
    assert!(!case.sandbox.path(".images.tar.layout").exists());
}

#[test]
fn many_processes_write_into_one_tar() {
    let case = Case::new();
    let names: Vec<_> = (1..5).map(|nth| format!("r{nth}")).collect();
    for (nth, name) in names.iter().enumerate() {
        fill(&case.from, name, &Images::two_platforms("1", 100 * (nth as u32 + 1), 500).0);
        case.list(&[&format!("{name}:1")]);
        fs::rename(case.sandbox.path("mirror.yaml"), case.sandbox.path(name)).unwrap();
    }
    let start = |name: &String| {
        let mut run = case.copy(&["--to=images.tar", "-f", name]);
        run.command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let running: Vec<_> = names.iter().map(start).collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    for name in &names {
        case.copy(&["--to=images.tar", "-f", name]).succeeds().says(&["1 was there"]);
    }
    assert_eq!(case.sandbox.tree("").keys().filter(|it| it.contains("images")).count(), 1);
}

#[test]
fn a_path_that_is_not_a_layout_is_left_alone() {
    let case = Case::new();
    two(&case);
    case.sandbox.write("notes/file.txt", "mine");
    case.copy(&["--to=notes"]).ends_with(2).says(&["is not an OCI image layout"]);
    case.sandbox.write("notes.tar", "mine");
    case.copy(&["--to=notes.tar"]).ends_with(4);
    case.copy(&["--from=notes"]).ends_with(2).says(&["is not an OCI image layout"]);
    case.copy(&["--from=nothing.tar"]).ends_with(2);
    case.copy(&["--to=docker:x"]).ends_with(2).says(&["expected `oci:DIR`"]);
    assert_eq!(case.sandbox.read("notes.tar"), "mine");
}
