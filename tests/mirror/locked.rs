//! `mirror lock`, and copies of exactly the locked images.

use crate::images::Images;
use crate::{Case, fill};

fn image(seed: u32) -> Images {
    Images::two_platforms("1", seed, 500).0
}

#[test]
fn a_moved_tag_is_reported_and_the_locked_digest_copied() {
    let case = Case::new();
    let (old, new, other) = (image(10), image(20), image(30));
    fill(&case.from, "a", &old);
    fill(&case.from, "b", &other);
    case.list(&["b:1", "a:1"]);
    case.run("lock", &[]).succeeds().says(&["mirror.lock: 2 images locked"]);
    let lock = case.sandbox.read("mirror.lock");
    let host = case.from.host();
    let expected = format!(
        "version: 1\nimages:\n  - source: {host}/a:1\n    digest: sha256:{}\n  - source: {host}/b:1\n    digest: sha256:{}\n",
        old.tags["1"], other.tags["1"]
    );
    let body: String =
        lock.lines().filter(|it| !it.starts_with('#')).map(|it| format!("{it}\n")).collect();
    let plain = |text: &str| text.replace([' ', '-', '"'], "");
    assert_eq!(plain(&body), plain(&expected));
    // No manifest is fetched, because some registries count these requests.
    assert_eq!(Case::count(&case.from, "GET", ""), 0);

    fill(&case.from, "a", &new);
    case.run("lock", &[]).succeeds();
    assert_eq!(case.sandbox.read("mirror.lock"), lock, "the lock is unchanged");
    let printed = case.copy(&["--locked"]).ends_with(4);
    printed.says(&["is another image now", &old.tags["1"].to_string(), &new.tags["1"].to_string()]);
    case.has("a", &old);
    case.has("b", &other);
    let asked = Case::count(&case.to, "PUT", "");
    case.copy(&["--locked"]).ends_with(4).says(&["2 were there", "1 of 2 tags has moved"]);
    assert_eq!(Case::count(&case.to, "PUT", ""), asked);

    case.run("lock", &["--update"]).succeeds().says(&["moved    ", &old.tags["1"].to_string()]);
    case.copy(&["--locked"]).succeeds();
    case.has("a", &new);
    case.list(&["a:1"]);
    case.run("lock", &[]).succeeds().says(&["dropped  "]);
    assert!(!case.sandbox.read("mirror.lock").contains("/b:1"));
}

#[test]
fn a_missing_or_incomplete_lock_is_refused() {
    let case = Case::new();
    fill(&case.from, "a", &image(10));
    case.list(&["a:1"]);
    case.copy(&["--locked"]).ends_with(4).says(&["there is no lock `mirror.lock`"]);
    case.list(&["a:1", "b:1"]);
    case.run("lock", &[]).ends_with(3).says(&["b:1"]);
    let lock = case.sandbox.read("mirror.lock");
    assert!(lock.contains("/a:1") && !lock.contains("/b:1"), "{lock}");
    case.list(&["a:1"]);
    case.run("lock", &[]).succeeds();
    fill(&case.from, "b", &image(20));
    case.list(&["a:1", "b:1"]);
    case.copy(&["--locked"]).ends_with(4).says(&["b:1", "is not in `mirror.lock`"]);
    assert!(case.to.store().manifest("a", "1").is_some());
    assert!(case.to.store().manifest("b", "1").is_none());
    case.sandbox.write("mirror.lock", "version: 9\n");
    case.copy(&["--locked"]).ends_with(2).says(&["another version"]);
}

#[test]
fn the_most_severe_failure_decides_the_exit_code() {
    let case = Case::with(
        |request, _| {
            let broken = request.path.starts_with("/v2/b/manifests/");
            broken.then(|| {
                crate::fake_registry::error("500 Internal Server Error", "UNKNOWN", "broken")
            })
        },
        |_, _| None,
    );
    for names in [["a:1", "b:1"], ["b:1", "a:1"]] {
        case.list(&names);
        for jobs in ["--jobs=1", "--jobs=2"] {
            case.run("lock", &[jobs]).ends_with(5).says(&["2 of 2 images", "500", "404"]);
            case.copy(&[jobs]).ends_with(5).says(&["2 of 2 images", "500", "404"]);
        }
    }
}

#[test]
fn a_deleted_tag_is_copied_by_its_locked_digest() {
    let case = Case::with(
        |request, store| {
            let gone = request.path == "/v2/a/manifests/1" && store.uses == Some(9);
            gone.then(|| {
                crate::fake_registry::error("404 Not Found", "MANIFEST_UNKNOWN", "unknown")
            })
        },
        |_, _| None,
    );
    let images = image(10);
    fill(&case.from, "a", &images);
    case.list(&["a:1"]);
    case.run("lock", &[]).succeeds();
    // From now on the tag is missing.
    case.from.store().uses = Some(9);
    case.copy(&["--locked"]).ends_with(4).says(&["does not exist any more"]);
    case.has("a", &images);
}

#[test]
fn a_locked_image_is_copied_out_of_a_layout() {
    let case = Case::new();
    let (old, new) = (image(10), image(20));
    fill(&case.from, "a", &old);
    case.list(&["a:1"]);
    case.run("lock", &[]).succeeds();
    case.copy(&["--to=images.tar", "--locked"]).succeeds();
    case.copy(&["--from=images.tar", "--locked"]).succeeds();
    case.has("a", &old);
    // Another image is pushed under the tag.
    fill(&case.from, "a", &new);
    case.copy(&["--to=other.tar"]).succeeds();
    case.copy(&["--from=other.tar", "--locked"]).ends_with(4).says(&[&old.tags["1"].to_string()]);
}

#[test]
fn selected_platforms_of_a_locked_image_leave_a_layout() {
    for layout in ["images", "images.tar"] {
        let case = Case::new();
        let images = image(10);
        fill(&case.from, "a", &images);
        case.list(&["a:1"]);
        case.run("lock", &[]).succeeds();
        let (to, from) = (format!("--to={layout}"), format!("--from={layout}"));
        case.copy(&[&to, "--locked", "--platform=linux/arm64"]).succeeds();
        let printed = case.copy(&[&from, "--locked", "--json"]).succeeds();
        let (whole, arm) = (images.tags["1"], images.manifests[1].0);
        let image = &printed.json()["images"][0];
        assert_eq!(image["digest"], format!("sha256:{arm}"));
        assert_eq!(image["narrowed_from"], format!("sha256:{whole}"));
        let reason = "the index of all platforms was not copied";
        assert!(case.to.store().manifest("a", &format!("sha256:{whole}")).is_none(), "{reason}");
        case.copy(&[&from, "--locked", "--platform=linux/arm64"]).succeeds();
        case.copy(&[&from, "--locked", "--platform=linux/amd64"]).ends_with(3);
    }
}

#[test]
fn a_manifest_outside_of_the_locked_index_is_refused() {
    let case = Case::new();
    let (images, other) = (image(10), image(20));
    fill(&case.from, "a", &images);
    fill(&case.from, "b", &other);
    case.list(&["a:1", "b:1"]);
    case.run("lock", &[]).succeeds();
    case.copy(&["--to=images", "--locked", "--platform=linux/arm64"]).succeeds();
    // One manifest is replaced by the other.
    let (a, b) = (images.manifests[1].0.to_string(), other.manifests[1].0.to_string());
    let index = case.sandbox.read("images/index.json");
    case.sandbox.write("images/index.json", index.replace(&a, &b));
    let printed = case.copy(&["--from=images", "--locked"]).ends_with(4);
    printed.says(&["is not a part of", "1 of 2 images"]);
    assert!(case.to.store().manifest("a", "1").is_none());
}
