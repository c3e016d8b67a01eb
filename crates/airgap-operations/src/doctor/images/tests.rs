use super::*;
use airgap_core::error::ErrorKind;
use airgap_oci::media_type;
use serde_json::{Value, json};
use std::fs;

use super::super::Diagnosis;

/// A workspace with two images in a layout, of which one has two platforms.
struct Workspace {
    folder: tempfile::TempDir,
    /// The digests of the two images, and the digests of all that each leads to.
    images: Vec<(Digest, Vec<Digest>)>,
}

const NAMES: [&str; 2] = ["registry.example/app:1", "docker.io/library/nats:2.11"];

impl Workspace {
    fn new() -> Workspace {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("images/blobs/sha256")).unwrap();
        let mut workspace = Workspace { folder, images: Vec::new() };
        let (mut one, mut two) = (Vec::new(), Vec::new());
        let app = workspace.image("app", &mut one);
        let platforms = [workspace.image("amd64", &mut two), workspace.image("arm64", &mut two)];
        let nats = workspace.add(
            media_type::INDEX,
            json!({"schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": platforms})
                .to_string(),
            &mut two,
        );
        workspace.images = vec![(one[2], one), (two[6], two)];
        let entries = [app, nats].into_iter().zip(NAMES).map(|(mut entry, name)| {
            entry["annotations"] = json!({"org.opencontainers.image.ref.name": name});
            entry
        });
        let index = json!({"schemaVersion": 2, "manifests": entries.collect::<Vec<_>>()});
        workspace.write("images/index.json", &index.to_string());
        workspace.write("images/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
        workspace.list(&[NAMES[0], "nats:2.11"]);
        let digest = |nth: usize| workspace.images[nth].0;
        workspace.lock(&[(NAMES[0], digest(0)), (NAMES[1], digest(1))]);
        workspace
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn list(&self, sources: &[&str]) {
        let entry = |(nth, it): (usize, &&str)| {
            format!("  - source: {it}\n    destination: corp.example/{nth}:1\n")
        };
        let entries: String = sources.iter().enumerate().map(entry).collect();
        self.write(LIST, &format!("images:\n{entries}"));
    }

    fn lock(&self, images: &[(&str, Digest)]) {
        let mut lock = MirrorLock::default();
        images.iter().for_each(|(it, digest)| lock.insert(&Reference::parse(it).unwrap(), *digest));
        self.write(LOCK, &lock.text());
    }

    fn add(&self, kind: &str, bytes: String, all: &mut Vec<Digest>) -> Value {
        let digest = Digest::compute(bytes.as_bytes());
        self.write(&format!("images/blobs/sha256/{digest}"), &bytes);
        all.push(digest);
        json!({"mediaType": kind, "digest": format!("sha256:{digest}"), "size": bytes.len()})
    }

    fn image(&self, name: &str, all: &mut Vec<Digest>) -> Value {
        let config = self.add(
            "application/vnd.oci.image.config.v1+json",
            format!(r#"{{"config":{{}},"architecture":"{name}"}}"#),
            all,
        );
        let layer =
            self.add("application/vnd.oci.image.layer.v1.tar", format!("the layer of {name}"), all);
        let kind = media_type::MANIFEST;
        let manifest =
            json!({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]});
        self.add(kind, manifest.to_string(), all)
    }

    fn examined(&self, layouts: &[&str]) -> Images {
        let named = |it: &&str| NamedLayout {
            path: self.folder.path().join(it),
            written: (*it).to_owned(),
        };
        let layouts: Vec<_> = layouts.iter().map(named).collect();
        let environment = Environment::from_pairs(&[], self.folder.path());
        Images::examine(self.folder.path(), &layouts, &environment)
    }
}

fn statuses(images: &Images) -> Vec<Status> {
    images.items.iter().map(|it| it.status).collect()
}

fn failure(images: Images) -> Option<ErrorKind> {
    let mut diagnosis = Diagnosis::default();
    diagnosis.add_images(images);
    diagnosis.failure().map(|it| it.kind())
}

#[test]
fn complete_images_are_ok() {
    let workspace = Workspace::new();
    let found = workspace.examined(&["images"]);
    assert_eq!(statuses(&found), [Status::Ok; 2], "{found:?}");
    let ids: Vec<_> = found.items.iter().map(|it| it.id.clone()).collect();
    let digest = workspace.images[1].0;
    assert_eq!(ids[1], format!("image:{}@sha256:{digest}", NAMES[1]));
    assert_eq!(found.items[1].subject, "nats:2.11");
    assert_eq!(failure(found), None);
}

#[test]
fn each_part_that_is_missing_or_changed_names_its_image() {
    let workspace = Workspace::new();
    for (nth, (_, parts)) in workspace.images.iter().enumerate() {
        for part in parts {
            let path = workspace.folder.path().join(format!("images/blobs/sha256/{part}"));
            let before = fs::read(&path).unwrap();
            let mut flipped = before.clone();
            flipped[before.len() / 2] ^= 1;
            let cut = &before[..before.len() - 1];
            for (bytes, status, kind) in [
                (None, Status::Missing, ErrorKind::Unavailable),
                (Some(&flipped[..]), Status::Wrong, ErrorKind::Integrity),
                (Some(cut), Status::Wrong, ErrorKind::Integrity),
            ] {
                match bytes {
                    None => fs::remove_file(&path).unwrap(),
                    Some(bytes) => fs::write(&path, bytes).unwrap(),
                }
                let found = workspace.examined(&["images"]);
                let mut expected = [Status::Ok; 2];
                expected[nth] = status;
                assert_eq!(statuses(&found), expected, "{part}: {found:?}");
                let item = &found.items[nth];
                assert!(item.why.contains(&part.to_string()), "{part}: {}", item.why);
                let fix = "mirror copy -f mirror.yaml --locked --lock-file mirror.lock --to=images";
                assert_eq!(item.fix, format!("wasm-airgap {fix}"));
                assert_eq!(failure(found), Some(kind));
            }
            fs::write(&path, before).unwrap();
        }
    }
    assert_eq!(failure(workspace.examined(&["images"])), None);
}

#[test]
fn a_wrong_part_counts_more_than_a_missing_one() {
    let workspace = Workspace::new();
    let parts = &workspace.images[0].1;
    let blob =
        |nth: usize| workspace.folder.path().join(format!("images/blobs/sha256/{}", parts[nth]));
    fs::remove_file(blob(0)).unwrap();
    fs::write(blob(1), "the layer of abb").unwrap();
    assert_eq!(statuses(&workspace.examined(&["images"]))[0], Status::Wrong);
}

#[test]
fn one_complete_layout_is_enough() {
    let workspace = Workspace::new();
    let found = workspace.examined(&["absent", "images"]);
    assert_eq!(statuses(&found), [Status::Ok; 2]);
    let found = workspace.examined(&["absent folder"]);
    assert_eq!(statuses(&found), [Status::Missing; 2]);
    assert!(found.items[0].fix.ends_with("--to='absent folder'"), "{}", found.items[0].fix);
    assert_eq!(failure(found), Some(ErrorKind::Unavailable));
}

#[test]
fn another_image_under_the_name_is_wrong() {
    let workspace = Workspace::new();
    let other = Digest::compute(b"another one");
    workspace.lock(&[(NAMES[0], other), (NAMES[1], workspace.images[1].0)]);
    let found = workspace.examined(&["images"]);
    assert_eq!(statuses(&found), [Status::Wrong, Status::Ok]);
    assert!(found.items[0].why.contains("is another image"), "{}", found.items[0].why);
    // A digest without a name in the index is not there.
    workspace.list(&[&format!("registry.example/x@sha256:{other}")]);
    let found = workspace.examined(&["images"]);
    assert_eq!(statuses(&found), [Status::Missing]);
    assert_eq!(found.items[0].fix, "wasm-airgap mirror copy -f mirror.yaml --to=images");
}

#[test]
fn without_a_layout_images_do_not_count() {
    let workspace = Workspace::new();
    workspace.lock(&[(NAMES[0], workspace.images[0].0)]);
    let found = workspace.examined(&[]);
    assert_eq!(statuses(&found), [Status::Unpinned]);
    let fix = "wasm-airgap mirror lock -f mirror.yaml --lock-file mirror.lock";
    assert_eq!((found.items[0].subject.as_str(), found.items[0].fix.as_str()), ("nats:2.11", fix));
    assert_eq!(found.not_asked_for.len(), 1);
    assert_eq!(found.not_asked_for[0].subject, NAMES[0]);
    assert_eq!(failure(found), None);
    let found = workspace.examined(&["images"]);
    assert_eq!(statuses(&found), [Status::Ok, Status::Unpinned]);
    assert_eq!(failure(found), Some(ErrorKind::Unavailable));
}

#[test]
fn files_that_cannot_be_read_are_not_called_fine() {
    let workspace = Workspace::new();
    workspace.write(LOCK, "version: 9\n");
    let found = workspace.examined(&[]);
    assert_eq!((found.unseen[0].0.as_str(), found.items.len()), (LOCK, 0));
    assert_eq!(failure(found), Some(ErrorKind::Unavailable));
    workspace.write(LIST, "images: [");
    let found = workspace.examined(&["images"]);
    assert_eq!((found.unseen[0].0.as_str(), found.items.len()), (LIST, 0));
    assert_eq!(failure(found), Some(ErrorKind::Unavailable));
    fs::remove_file(workspace.folder.path().join(LIST)).unwrap();
    assert_eq!(failure(workspace.examined(&[])), None);
    assert_eq!(workspace.examined(&["images"]).unseen.len(), 1);
}

#[test]
fn a_layout_whose_index_is_damaged_has_no_image() {
    let workspace = Workspace::new();
    workspace.write("images/index.json", "{");
    let found = workspace.examined(&["images"]);
    assert_eq!(statuses(&found), [Status::Wrong; 2], "{found:?}");
    fs::remove_file(workspace.folder.path().join("images/index.json")).unwrap();
    assert_eq!(statuses(&workspace.examined(&["images"])), [Status::Missing; 2]);
}

#[test]
fn words_for_a_shell_are_quoted() {
    assert_eq!(shell::word("oci:a/b-1.tar"), "oci:a/b-1.tar");
    assert_eq!(shell::word("it's $(x)"), r"'it'\''s $(x)'");
}
