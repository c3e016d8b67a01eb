//! Registries that refuse, abort or lie, and lists that contradict themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use airgap_config::registries::Registries;
use airgap_core::digest::Digest;
use airgap_core::environment::Environment;
use airgap_core::report::Report;
use airgap_mirror::copy::{self, CopyRequest, CopyRoute, Options, RegistrySource, RegistryTarget};
use airgap_oci::{Client, Reference};

use crate::access::TestAccess;
use crate::clock::{self, VirtualClock};
use crate::fake_registry::error;
use crate::images::{Images, some_bytes};
use crate::server::Reply;
use crate::{Case, fill, signed};

/// Returns three images, of which `bad` fails.
fn three(case: &Case) -> [Images; 3] {
    let all = [signed("1", 10), signed("1", 20), signed("1", 30)];
    for (name, images) in ["a", "bad", "c"].iter().zip(&all) {
        fill(&case.from, name, images);
    }
    case.list(&["a:1", "bad:1", "c:1"]);
    all
}

/// Checks that the other images arrived, and no part of the bad one is visible.
#[track_caller]
fn other_images_are_copied(case: &Case, code: i32, words: &[&str]) {
    let all = three(case);
    let printed = case.copy(&[]).ends_with(code);
    case.has("a", &all[0]);
    case.has("c", &all[2]);
    assert!(case.to.store().manifest("bad", "1").is_none());
    assert_eq!(printed.stdout.lines().count(), 2, "{}", printed.stdout);
    printed.says(&["1 of 3 images was not copied", "failed   "]).says(words);
}

#[test]
fn a_refused_push_stops_no_other_image() {
    for (status, code, words) in [
        ("403 Forbidden", "DENIED", "denied"),
        ("401 Unauthorized", "UNAUTHORIZED", "401"),
        ("507 Insufficient Storage", "DENIED", "507"),
        ("413 Content Too Large", "SIZE_INVALID", "413"),
    ] {
        let case = Case::with(
            |_, _| None,
            move |request, _| {
                let push = !matches!(request.method.as_str(), "GET" | "HEAD");
                (push && request.path.starts_with("/v2/bad/"))
                    .then(|| error(status, code, "requested access is denied: quota exceeded"))
            },
        );
        other_images_are_copied(&case, 5, &["bad", words]);
    }
}

#[test]
fn a_quota_reached_midway_leaves_no_incomplete_image() {
    let case = Case::with(
        |_, _| None,
        |request, _| {
            let blob = request.method == "PUT" && request.path.starts_with("/v2/bad/manifests/");
            blob.then(|| error("403 Forbidden", "DENIED", "storage quota of the project exceeded"))
        },
    );
    other_images_are_copied(&case, 5, &["storage quota of the project exceeded"]);
}

#[test]
fn a_copy_to_a_registry_that_died_is_finished_by_the_next_run() {
    let (left, dead) = (Arc::new(AtomicUsize::new(6)), Arc::new(AtomicUsize::new(1)));
    let switch = dead.clone();
    let case = Case::with(
        |_, _| None,
        move |request, _| {
            let put = request.method == "PUT" && request.path.contains("/blobs/");
            let is_over = dead.load(Ordering::SeqCst) == 1
                && (left.load(Ordering::SeqCst) == 0
                    || (put && left.fetch_sub(1, Ordering::SeqCst) == 1));
            is_over.then(Reply::nothing)
        },
    );
    let all = three(&case);
    case.copy(&["--jobs=2"]).ends_with(5).says(&["3 of 3 images were not copied"]);
    for name in ["a", "bad", "c"] {
        assert!(case.to.store().manifest(name, "1").is_none());
    }
    let before = Case::count(&case.from, "GET", "/blobs/");
    assert!((6..=7).contains(&before), "{before} blobs were on their route");
    switch.store(0, Ordering::SeqCst);
    let printed = case.copy(&["--jobs=2", "--json"]).succeeds();
    for (name, images) in ["a", "bad", "c"].iter().zip(&all) {
        case.has(name, images);
    }
    let json = printed.json();
    let blobs: usize = all.iter().map(|it| it.blobs.len()).sum();
    let number = |key: &str| json["blobs"][key].as_u64().unwrap() as usize;
    assert_eq!(number("moved") + number("mounted") + number("there"), blobs);
    assert_eq!(number("there"), 5, "those that the first run brought are left alone");
}

#[test]
fn a_blob_with_other_bytes_never_arrives() {
    let case = Case::with(
        |request, store| {
            let blob = request.path.starts_with("/v2/bad/blobs/").then(|| store.answer(request))?;
            let length: usize = 3000;
            let wrong =
                request.path.contains(&Digest::compute(&some_bytes(21, length)).to_string());
            Some(if wrong { Reply::ok(some_bytes(99, length)) } else { blob })
        },
        |_, _| None,
    );
    other_images_are_copied(&case, 4, &["expected", "found", "sha256"]);
    let wrong = Digest::compute(&some_bytes(99, 3000));
    assert!(case.to.store().blob("bad", &wrong).is_none());
}

#[test]
fn a_manifest_with_other_bytes_is_not_passed_on() {
    let case = Case::with(
        |request, store| {
            let one = request.path.starts_with("/v2/bad/manifests/sha256:");
            let reply = one.then(|| store.answer(request))?;
            let other = store.manifest("a", "1").unwrap_or_default().to_vec();
            Some(if request.method == "GET" { Reply::ok(other) } else { reply })
        },
        |_, _| None,
    );
    other_images_are_copied(&case, 4, &["sha256"]);
    assert_eq!(Case::count(&case.to, "PUT", "/v2/bad/"), 0);
}

#[test]
fn a_registry_that_stores_another_manifest_is_detected() {
    let case = Case::with(
        |_, _| None,
        |request, _| {
            let one = request.method == "PUT" && request.path.starts_with("/v2/bad/manifests/");
            let digest = format!("sha256:{}", Digest::compute(b"something else"));
            one.then(|| Reply::new("201 Created", "").header("Docker-Content-Digest", &digest))
        },
    );
    other_images_are_copied(&case, 4, &["another manifest"]);
}

#[test]
fn missing_images_and_platforms_are_reported() {
    let case = Case::new();
    let (images, _) = Images::two_platforms("1", 5, 500);
    fill(&case.from, "a", &images);
    case.list(&["a:1", "a:2", "none:1"]);
    let printed = case.copy(&[]).ends_with(3);
    case.has("a", &images);
    printed.says(&["2 of 3 images were not copied", "a:2", "none:1"]);
    case.list(&["a:1"]);
    let printed = case.copy(&["--platform=windows/amd64"]).ends_with(3);
    printed.says(&["is not available for windows/amd64", "linux/amd64, linux/arm64"]);
    // An image without an index names its platform in its configuration.
    let mut single = Images::default();
    let image = single.image("linux/s390x", &[b"layer"]);
    single.tag("1", &image);
    fill(&case.from, "single", &single);
    case.list(&["single:1"]);
    let printed = case.copy(&["--platform=linux/amd64"]).ends_with(3);
    printed.says(&["is not available for linux/amd64", "linux/s390x"]);
    case.copy(&["--platform=linux/s390x"]).succeeds();
}

#[test]
fn contradictory_mirror_lists_are_refused() {
    let case = Case::new();
    let (images, _) = Images::two_platforms("1", 5, 500);
    fill(&case.from, "a", &images);
    let (from, to) = (case.from.host(), case.to.host());
    let list = |lines: &[(&str, &str)]| {
        let line = |(a, b): &(&str, &str)| format!("- source: {a}\n  destination: {b}\n");
        let lines: String = lines.iter().map(line).collect();
        case.sandbox.write("mirror.yaml", format!("images:\n{lines}"));
    };
    let (a, b) = (format!("{from}/a:1"), format!("{from}/b:1"));
    let (x, bare) = (format!("{to}/x:1"), format!("{from}/a"));
    list(&[(&a, &x), (&b, &x)]);
    case.copy(&[]).ends_with(2).says(&["two images have the destination", "mirror.yaml:2"]);
    list(&[(&bare, &x)]);
    case.copy(&[]).ends_with(2).says(&["no tag and no digest", "mirror.yaml:2:11"]);
    let away = "other.example/x:1";
    list(&[(&a, &x), (&a, away)]);
    let registry = format!("--registry={to}");
    let printed = case.copy(&[&registry]).ends_with(2);
    printed.says(&["other.example/x:1", "is not in", "mirror.yaml:4"]);
    assert!(case.to.store().manifest("x", "1").is_some(), "the other one is copied");
    let digest = format!("{to}/x@sha256:{}", Digest::compute(b"another"));
    list(&[(&a, &digest)]);
    case.copy(&[]).ends_with(4).says(&["is to have another digest"]);
    case.sandbox.write("mirror.yaml", "images:\n- source: [\n");
    case.copy(&[]).ends_with(2).says(&["mirror.yaml", "line"]);
}

#[test]
fn a_busy_registry_is_retried_until_the_budget_is_used_up() {
    for (refusals, succeeds) in [(3, true), (usize::MAX, false)] {
        let case = Case::with(
            |_, _| None,
            move |request, _| {
                let busy = request.method == "PUT" && request.path.ends_with("/manifests/1");
                (busy && request.nth < refusals.saturating_add(2)).then(|| {
                    error("429 Too Many Requests", "TOOMANYREQUESTS", "slow down")
                        .header("Retry-After", "17")
                })
            },
        );
        let (images, _) = Images::two_platforms("1", 5, 500);
        fill(&case.from, "a", &images);
        let virtual_clock = Arc::new(VirtualClock::default());
        let environment = Environment::from_pairs(&[], case.sandbox.root());
        let registries = Registries::from_environment(&environment, case.sandbox.root()).unwrap();
        let client = Client::new(&clock::network(), Arc::new(TestAccess::default())).unwrap();
        let client = client.with_clock(virtual_clock.clone());
        let place = |host: String| Reference::parse(&format!("{host}/a:1")).unwrap();
        let route = CopyRoute {
            source: place(case.from.host()),
            destination: place(case.to.host()),
            locked: None,
        };
        let request = CopyRequest { source: "a".into(), destination: "b".into(), route: Ok(route) };
        let options = Options {
            platforms: Vec::new(),
            jobs: 2,
            dry_run: false,
            recheck: false,
            without_attached: false,
            with_foreign: false,
        };
        let summary = copy::copy(
            vec![request],
            &RegistrySource::new(&client, &registries),
            &RegistryTarget::new(&client),
            &options,
            &Report::quiet(),
        )
        .unwrap();
        assert_eq!(summary.verdict().is_ok(), succeeds);
        assert_eq!(case.to.store().manifest("a", "1").is_some(), succeeds);
        let waits = virtual_clock.waits();
        assert!(waits.iter().all(|wait| *wait >= 17), "{waits:?}");
        match succeeds {
            true => assert_eq!(waits.len(), 3),
            // One budget of two minutes.
            false => assert!(waits.iter().sum::<u64>() <= 120 && waits.len() > 3, "{waits:?}"),
        }
    }
}

#[test]
fn a_blob_refused_for_one_image_is_copied_for_another() {
    // The same layer in two images: the first one's repository refuses it, the second one accepts
    // it.
    let case = Case::with(
        |_, _| None,
        |request, _| {
            let push = request.method == "POST" && request.path.starts_with("/v2/a/");
            push.then(|| error("403 Forbidden", "DENIED", "denied"))
        },
    );
    let layer = some_bytes(3, 2000);
    for name in ["a", "b"] {
        let mut images = Images::default();
        let image = images.image("linux/amd64", &[&layer]);
        images.tag("1", &image);
        fill(&case.from, name, &images);
    }
    case.list(&["a:1", "b:1"]);
    case.copy(&["--jobs=1"]).ends_with(5).says(&["1 of 2"]);
    assert!(case.to.store().manifest("b", "1").is_some());
    assert!(case.to.store().manifest("a", "1").is_none());
}
