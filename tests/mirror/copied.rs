//! The copied content, and the transfers for it.

use airgap_core::digest::Digest;

use crate::fake_registry::{ALICE, Door, Fake};
use crate::images::{Images, some_bytes};
use crate::{Case, fill, signed};

#[test]
fn an_image_is_copied_whole_and_its_tag_last() {
    let case = Case::new();
    let images = signed("1", 1);
    fill(&case.from, "a", &images);
    case.list(&["a:1"]);
    let printed = case.copy(&["--jobs=1"]).succeeds();
    case.has("a", &images);
    let digest = images.tags["1"];
    assert_eq!(printed.stdout, format!("{}/a:1@sha256:{digest}\n", case.to.host()));
    let printed = printed.says(&["copied   ", "1 image copied, 0 were there, 0 failed"]);
    assert!(printed.stderr.contains(&format!("sha256:{digest}")), "{}", printed.stderr);
    // A manifest is pushed after all content that it names: the registry refuses another order too.
    let asked = case.to.request_lines();
    assert_eq!(asked.last().unwrap(), "PUT /v2/a/manifests/1");
    let last_blob = asked.iter().rposition(|it| it.contains("/blobs/")).unwrap();
    let first_manifest = asked.iter().position(|it| it.starts_with("PUT /v2/a/manifests")).unwrap();
    assert!(last_blob < first_manifest, "{asked:#?}");
    // Each byte is sent once, and each blob of the source is requested once.
    assert_eq!(Case::count(&case.from, "GET", "/blobs/"), images.blobs.len());
    assert_eq!(case.to.store().uploads(), [] as [usize; 0]);
}

#[test]
fn referrers_are_listed_by_tag_without_the_referrers_api() {
    for (from_keeps, to_keeps) in [(true, false), (false, true), (false, false)] {
        let case = Case::new();
        case.from.store().referrers = from_keeps;
        case.to.store().referrers = to_keeps;
        let (mut images, index) = Images::two_platforms("1", 7, 500);
        let sbom = images.attached(&index, "what is in it");
        fill(&case.from, "a", &images);
        let list_tag = crate::images::digest(&index).replace(':', "-");
        if !from_keeps {
            let mut list = Images::default();
            let index = list.index(std::slice::from_ref(&sbom));
            list.tag(&list_tag, &index);
            fill(&case.from, "a", &list);
        }
        case.list(&["a:1"]);
        case.copy(&[]).succeeds();
        case.has("a", &images);
        let store = case.to.store();
        let list = store.manifest("a", &list_tag);
        assert_eq!(list.is_some(), !to_keeps, "{from_keeps} {to_keeps}");
        if let Some(list) = list {
            let list: serde_json::Value = serde_json::from_slice(list).unwrap();
            assert_eq!(list["manifests"][0]["digest"], sbom["digest"]);
            assert_eq!(list["manifests"].as_array().unwrap().len(), 1);
        }
    }
}

#[test]
fn a_copied_image_takes_two_requests_and_no_upload() {
    let case = Case::new();
    let names = ["a:1", "b:1", "c:1"];
    for (name, seed) in names.iter().zip(1..) {
        fill(&case.from, &name[..1], &signed("1", seed * 10));
    }
    case.list(&names);
    case.copy(&[]).succeeds();
    let (from, to) = (case.from.request_lines().len(), case.to.request_lines().len());
    let printed = case.copy(&["--json"]).succeeds();
    assert_eq!(
        case.from.request_lines().len() - from,
        3,
        "{:#?}",
        &case.from.request_lines()[from..]
    );
    let asked = &case.to.request_lines()[to..];
    assert!(asked.len() == 3 && asked.iter().all(|it| it.starts_with("HEAD ")), "{asked:#?}");
    let json = printed.json();
    assert_eq!(json["there"], 3);
    assert_eq!(json["blobs"]["moved"], 0);
    assert_eq!(json["traffic"]["pings"], 2);
    for image in json["images"].as_array().unwrap() {
        assert_eq!(image["outcome"], "there");
        assert_eq!(image["digest"].as_str().unwrap().len(), 71);
    }
}

#[test]
fn a_shared_layer_is_moved_once_and_then_mounted() {
    let case = Case::new();
    let shared = some_bytes(1, 5000);
    let names = ["a:1", "b/c:1", "d:1", "d:2"];
    let mut distinct = std::collections::BTreeSet::new();
    for (name, seed) in names.iter().zip(100..) {
        let (repository, tag) = name.split_once(':').unwrap();
        let mut images = Images::default();
        let image = images.image("linux/amd64", &[&shared, &some_bytes(seed, 700)]);
        images.tag(tag, &image);
        distinct.extend(images.blobs.keys().copied());
        fill(&case.from, repository, &images);
    }
    case.list(&names);
    let printed = case.copy(&["--jobs=4", "--json"]).succeeds();
    assert_eq!(Case::count(&case.from, "GET", "/blobs/"), distinct.len());
    assert_eq!(Case::count(&case.to, "PUT", "/blobs/"), distinct.len());
    assert_eq!(Case::count(&case.to, "POST", "&from="), 2);
    let blobs = &printed.json()["blobs"];
    assert_eq!((&blobs["moved"], &blobs["mounted"]), (&distinct.len().into(), &2.into()));
    let digest = Digest::compute(&shared);
    for repository in ["a", "b/c", "d"] {
        assert_eq!(case.to.store().blob(repository, &digest), Some(&*shared));
    }
}

#[test]
fn a_copy_within_a_registry_moves_no_blob() {
    let case = Case::new();
    let images = signed("1", 5);
    fill(&case.from, "a", &images);
    let host = case.from.host();
    let list = format!("images:\n- source: {host}/a:1\n  destination: {host}/mirror/a:1\n");
    case.sandbox.write("mirror.yaml", list);
    let printed = case.copy(&["--json"]).succeeds();
    assert_eq!(Case::count(&case.from, "GET", "/blobs/"), 0);
    assert_eq!(Case::count(&case.from, "PUT", "/blobs/"), 0);
    assert_eq!(Case::count(&case.from, "HEAD", "/blobs/"), 0);
    assert_eq!(printed.json()["blobs"]["mounted"], images.blobs.len());
    assert_eq!(printed.json()["traffic"]["sent"], 0);
    let store = case.from.store();
    for (digest, _, bytes) in &images.manifests {
        assert_eq!(store.manifest("mirror/a", &format!("sha256:{digest}")), Some(&**bytes));
    }
}

#[test]
fn each_registry_gets_its_own_credential_and_few_tokens() {
    let case = Case::between(Fake::new(Door::Token), Fake::new(Door::AliceToken));
    let layer = some_bytes(1, 2000);
    let mut all = Vec::new();
    for name in ["a", "b"] {
        let mut images = Images::default();
        let image = images.image("linux/amd64", &[&layer, name.as_bytes()]);
        images.tag("1", &image);
        images.signed(&image, &format!("who says so of {name}"));
        images.attached(&image, &format!("what is in {name}"));
        fill(&case.from, name, &images);
        all.push((name, images));
    }
    case.list(&["a:1", "b:1"]);
    case.copy(&[]).ends_with(5).says(&["2 of 2 images", "docker login"]);
    let config = format!(r#"{{"auths":{{"{}":{{"auth":"YWxpY2U6cDE="}}}}}}"#, case.to.host());
    case.sandbox.write("docker/config.json", config);
    let before = (case.from.scopes().len(), case.to.scopes().len());
    let copy = case.copy(&["--json"]).env("DOCKER_CONFIG", case.sandbox.path("docker"));
    let printed = copy.succeeds();
    for (name, images) in &all {
        case.has(name, images);
    }
    assert_eq!(printed.json()["traffic"]["pings"], 2);
    // One token for each repository at the source; at the destination one more for mounted blobs.
    assert_eq!(case.from.scopes().len() - before.0, 2, "{:?}", case.from.scopes());
    let asked = &case.to.scopes()[before.1..];
    assert!((2..=4).contains(&asked.len()), "{asked:?}");
    // The password goes to its registry's token server and to no other server.
    let requests = case.from.server.requests().into_iter();
    let tokens = case.from.tokens.as_ref().unwrap().requests();
    assert!(requests.chain(tokens).all(|it| it.header("authorization") != Some(ALICE)));
}

#[test]
fn a_dry_run_moves_nothing_and_prints_the_plan() {
    let case = Case::new();
    let images = signed("1", 5);
    fill(&case.from, "a", &images);
    case.list(&["a:1"]);
    let printed = case.copy(&["--dry-run", "--json"]).succeeds();
    let json = printed.json();
    assert_eq!(json["images"][0]["outcome"], "planned");
    assert_eq!(json["blobs"]["moved"], images.blobs.len());
    assert_eq!(json["blobs"]["bytes"], images.size());
    for method in ["PUT", "POST", "PATCH"] {
        assert_eq!(Case::count(&case.to, method, ""), 0);
    }
    assert_eq!(Case::count(&case.from, "GET", "/blobs/"), 0);
    // The copy does what was planned.
    let done = case.copy(&["--json"]).succeeds().json();
    assert_eq!(done["blobs"], json["blobs"]);
}

#[test]
fn selected_platforms_of_an_index_are_copied() {
    let case = Case::new();
    let (images, _) = Images::two_platforms("1", 5, 500);
    fill(&case.from, "a", &images);
    case.list(&["a:1"]);
    let printed = case.copy(&["--platform=linux/arm64", "--json"]).succeeds();
    let arm = images.manifests[1].0;
    let image = &printed.json()["images"][0];
    assert_eq!(image["digest"], format!("sha256:{arm}"));
    assert_eq!(image["narrowed_from"], format!("sha256:{}", images.tags["1"]));
    assert_eq!(image["platforms"], serde_json::json!(["linux/arm64"]));
    assert_eq!(Case::count(&case.to, "PUT", "/blobs/"), 3);
    // A second copy finds nothing missing.
    case.copy(&["--platform=linux/arm64"]).succeeds().says(&["1 was there"]);
    // Both platforms together are the whole image.
    case.copy(&["--platform=linux/arm64", "--platform=linux/amd64"]).succeeds();
    case.has("a", &images);
}

#[test]
fn recheck_copies_new_referrers() {
    let case = Case::new();
    let (mut images, index) = Images::two_platforms("1", 5, 500);
    fill(&case.from, "a", &images);
    case.list(&["a:1"]);
    case.copy(&[]).succeeds();
    images.signed(&index, "later");
    images.attached(&index, "later still");
    fill(&case.from, "a", &images);
    case.copy(&[]).succeeds().says(&["there "]);
    case.copy(&["--recheck"]).succeeds();
    case.has("a", &images);
    // A copy without referrers has fewer manifests.
    let other = Case::new();
    fill(&other.from, "a", &images);
    other.list(&["a:1"]);
    other.copy(&["--no-attached"]).succeeds();
    assert_eq!(Case::count(&other.to, "PUT", "/manifests/"), 3);
    assert_eq!(Case::count(&other.from, "GET", "/referrers/"), 0);
}
