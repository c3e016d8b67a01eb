//! `mirror check --live`, and charts that are read from a registry.

use airgap_core::digest::Digest;
use airgap_oci::media_type;

use crate::archives::Tar;
use crate::fake_registry::{Fake, error};
use crate::images::Images;
use crate::sandbox::tree;
use crate::{Case, fill};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/charts/runtime-operator");

fn pod(images: &[&str]) -> String {
    let containers: String = images
        .iter()
        .zip('a'..)
        .map(|(it, name)| format!("  - {{name: {name}, image: '{it}'}}\n"))
        .collect();
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n{containers}")
}

#[test]
fn each_image_is_requested_once_and_by_its_digest() {
    let case = Case::new();
    let (images, _) = Images::two_platforms("1", 5, 100);
    fill(&case.to, "a", &images);
    let (host, digest) = (case.to.host(), images.tags["1"]);
    let (tagged, pinned) = (format!("{host}/a:1"), format!("{host}/a:other@sha256:{digest}"));
    let live = ["p.yaml", &format!("--registry={host}"), "--live"];
    case.sandbox.write("p.yaml", pod(&[&tagged, &tagged, &pinned]));
    case.run("check", &live).succeeds().says(&["3 images in 1 file", "each of the 2 different"]);
    let mut asked = case.to.request_lines();
    asked.sort();
    let by_digest = format!("HEAD /v2/a/manifests/sha256:{digest}");
    assert_eq!(asked, ["HEAD /v2/a/manifests/1".to_owned(), by_digest]);

    let gone = format!("{host}/a@sha256:{}", Digest::compute(b"nothing"));
    let away = "ghcr.io/b:1";
    case.sandbox.write("p.yaml", pod(&[&tagged, &gone, &format!("{host}/a:2"), away]));
    let printed = case.run("check", &live).ends_with(4);
    for words in
        ["does not have the image with sha256:", "does not have the image with the tag `2`", away]
    {
        assert!(printed.stdout.contains(words), "{words}: {}", printed.stdout);
    }
    printed.says(&["3 of 4 images"]);
    // Without the option, no registry is asked.
    let before = case.to.request_lines().len();
    case.run("check", &live[..2]).ends_with(4).says(&["1 of 4 images"]);
    assert_eq!(case.to.request_lines().len(), before);
}

#[test]
fn a_failing_registry_fails_the_live_check() {
    let case = Case::with(
        |_, _| None,
        |request, _| {
            let one = request.path.contains("/manifests/");
            one.then(|| error("500 Internal Server Error", "UNKNOWN", "broken"))
        },
    );
    let host = case.to.host();
    case.sandbox.write("p.yaml", pod(&[&format!("{host}/a:1")]));
    let live = ["p.yaml", &format!("--registry={host}"), "--live"];
    case.run("check", &live).ends_with(5).says(&["500"]);
}

#[test]
fn failed_requests_are_reported_beside_the_findings() {
    let case = Case::with(
        |_, _| None,
        |request, _| {
            let broken = request.path.starts_with("/v2/broken");
            broken.then(|| error("500 Internal Server Error", "UNKNOWN", "broken"))
        },
    );
    let host = case.to.host();
    let (one, two) = (format!("{host}/broken1:1"), format!("{host}/broken2:1"));
    let live = ["p.yaml", "bad.yaml", &format!("--registry={host}"), "--live"];
    let errors = |words: &[&str], code| {
        case.run("check", words).ends_with(code).says(&["broken1", "broken2"]);
        let printed = case.run("check", &[words, &["--json"]].concat()).ends_with(code);
        // A failure is a separate JSON object after the answer.
        let mut answers = serde_json::Deserializer::from_str(&printed.stdout).into_iter();
        let json: serde_json::Value = answers.next().unwrap().unwrap();
        let errors = json["errors"].as_array().unwrap().clone();
        let texts: Vec<_> = errors.iter().map(|it| it["error"].as_str().unwrap()).collect();
        assert!(texts.len() == 2 && texts[0].contains("broken1") && texts[1].contains("broken2"));
        assert!(errors.iter().all(|it| it["kind"] == "network"), "{errors:?}");
    };
    // The exit code for an unreadable file wins, then that for a missing image, then that for a
    // failure.
    case.sandbox.write("bad.yaml", "a: [");
    case.sandbox.write("p.yaml", pod(&[&one, "ghcr.io/b:1", &two]));
    errors(&live, 2);
    case.sandbox.write("bad.yaml", "");
    errors(&live, 4);
    case.sandbox.write("p.yaml", pod(&[&one, &two]));
    errors(&live, 5);
}

/// Pushes the chart to the registry as `helm push` does.
fn push_chart(fake: &Fake, repository: &str, version: &str) -> Digest {
    let mut tar = Tar::new();
    for (name, content) in tree(CHART.as_ref()) {
        tar = tar.file(format!("runtime-operator/{name}"), content);
    }
    let (archive, config) = (tar.gz(), br#"{"name":"runtime-operator","apiVersion":"v2"}"#);
    let mut store = fake.store();
    let (layer, size) = (store.add_blob(repository, &archive), archive.len());
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "config": {
            "mediaType": "application/vnd.cncf.helm.config.v1+json",
            "digest": format!("sha256:{}", store.add_blob(repository, config)), "size": config.len(),
        },
        "layers": [{
            "mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
            "digest": format!("sha256:{layer}"), "size": size,
        }],
    });
    store.add_manifest(repository, version, media_type::MANIFEST, &manifest.to_string())
}

#[test]
fn a_chart_out_of_a_registry_is_the_same_as_from_a_folder() {
    let case = Case::new();
    let digest = push_chart(&case.from, "charts/runtime-operator", "2.0.0-rc.7");
    push_chart(&case.from, "charts/runtime-operator", "1.9.0");
    let chart = format!("--chart=oci://{}/charts/runtime-operator", case.from.host());
    let list = |words: &[&str]| case.run("list", &[&["--registry=r.io"], words].concat());
    let folder = list(&[&format!("--chart={CHART}")]).succeeds().stdout;
    let version = "--version=2.0.0-rc.7";
    let printed = list(&[&chart, version]).succeeds().says(&[&digest.to_string()]);
    assert_eq!(printed.stdout, folder);
    assert_eq!(list(&[&format!("{chart}:2.0.0-rc.7")]).succeeds().stdout, folder);
    assert_eq!(list(&[&format!("{chart}@sha256:{digest}")]).succeeds().stdout, folder);
    // Prereleases are only used if they are requested.
    list(&[&chart]).succeeds().says(&["runtime-operator:1.9.0"]);
    list(&[&chart, "--version=3.0.0"]).ends_with(3).says(&["3.0.0"]);
    list(&[&format!("{chart}:1.9.0"), version]).ends_with(2).says(&["two versions"]);
    list(&[&format!("--chart={CHART}"), version]).ends_with(2).says(&["in a registry"]);
    list(&["--chart=https://example.com/c"]).ends_with(2).says(&["oci://"]);
    // A source that could not be asked may have the image, whatever the others answer.
    let broken = Fake::with(crate::fake_registry::Door::Open, |_, _| {
        Some(error("500 Internal Server Error", "UNKNOWN", "broken"))
    });
    for mirrors in [format!("{},direct", broken.host()), format!("direct,{}", broken.host())] {
        let list = list(&[&chart, "--version=3.0.0"]);
        let list = list.env("BAZEL_WASM_COMPONENT_MIRROR", mirrors);
        list.ends_with(5).says(&["was not found in any of its sources", "500", "3.0.0"]);
    }
    // An artifact that is not a chart.
    fill(&case.from, "a", &Images::two_platforms("1.0.0", 5, 100).0);
    let other = format!("--chart=oci://{}/a:1.0.0", case.from.host());
    list(&[&other]).ends_with(4).says(&["is not a Helm chart"]);
}
