//! Tests with whole charts.

use std::path::Path;

use super::*;
use crate::OccurrenceKind;

/// Creates a chart of these files.
fn chart(files: &[(&str, &str)], sets: &[&str]) -> Chart {
    let folder = tempfile::tempdir().unwrap();
    let manifest = ("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\nappVersion: '9'\n");
    for (name, text) in std::iter::once(&manifest).chain(files) {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let sets: Vec<_> = sets.iter().map(|set| Override::Set(set.parse().unwrap())).collect();
    Chart::read(folder.path(), "c", &sets, &[]).unwrap()
}

fn images(files: &[(&str, &str)], sets: &[&str]) -> Vec<String> {
    let images = chart(files, sets).images().unwrap();
    let mut images: Vec<_> = images.images.iter().map(|it| it.image.to_string()).collect();
    images.sort();
    images
}

#[test]
fn a_numeric_tag_is_written_as_helm_does_or_unresolved() {
    let tags = ["20231101", "0123", "1e10", "0x1f", "1_000", "1.10", "'1.10'", "7"];
    let values: String = (0..tags.len())
        .map(|nth| format!("c{nth}: {{image: {{repository: org/c{nth}, tag: {}}}}}\n", tags[nth]))
        .collect();
    let files = [("values.yaml", &values[..])];
    let expected =
        ["org/c1:83", "org/c3:31", "org/c4:1000", "org/c5:1.1", "org/c6:1.10", "org/c7:7"];
    assert_eq!(images(&files, &[]), expected);
    let said: Vec<_> =
        chart(&files, &[]).images().unwrap().unresolved.into_iter().map(|it| it.reason).collect();
    for written in ["2.0231101e+07", "83", "1e+10", "31", "1000", "1.1"] {
        let words = format!("which Helm writes as `{written}`");
        assert_eq!(said.iter().filter(|it| it.contains(&words)).count(), 1, "{written}: {said:?}");
    }
    // A number of `--set` is an integer.
    assert!(images(&files, &["c0.image.tag=20231101"]).contains(&"org/c0:20231101".to_owned()));
}

#[test]
fn a_part_of_a_name_is_named_and_not_listed() {
    let values = "global: {proxy: {image: proxyv2}}\npilot: {image: pilot, hub: '', tag: ''}\n\
                  web: {image: nginx, tag: '1'}\nold: {image: org/old, tag: ''}\n";
    let files = [("values.yaml", values)];
    assert_eq!(images(&files, &[]), ["nginx:1", "org/old:9"]);
    let unresolved = chart(&files, &[]).images().unwrap().unresolved;
    let texts: Vec<_> = unresolved.iter().map(|it| it.text.as_str()).collect();
    assert_eq!(texts, ["proxyv2", "pilot"]);
}

/// The manifests that Helm renders for a chart `c`.
const RENDERED: &str = "\
---
# Source: c/templates/web.yaml
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - image: r.io/mesh/pilot:1.2
    args: [--side-image=r.io/side:3]
  - image: r.io/mesh/pilot:1.2
  initContainers:
  - image: fixed:1
---
# Source: c/templates/cm.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: cm}
data:
  a: 1
  a: 'image: {{ .other }}'
  b: r.io/in/text:4
---
# Source: c/templates/bad.yaml
kind: ]
";

const VALUES: &str = "\
hub: r.io/mesh
pilot: {image: pilot, tag: '1.2'}
side: r.io/side:3
gone: {image: {repository: org/gone, tag: '1'}}
metrics: {enabled: false, image: {repository: org/metrics, tag: '1'}}
";

fn rendered(files: &[(&str, &str)]) -> ChartImages {
    let rendered = crate::helm::Rendered::new(RENDERED.to_owned(), Vec::new());
    chart(files, &[]).rendered(&rendered).unwrap()
}

#[test]
fn the_images_of_a_rendered_chart_are_those_of_its_manifests() {
    let images = rendered(&[("values.yaml", VALUES)]);
    let found: Vec<_> =
        images.images.iter().map(|it| (it.image.to_string(), it.named_by, &*it.found)).collect();
    let at = "of Pod web in c/templates/web.yaml";
    assert_eq!(
        found,
        [
            (
                "r.io/mesh/pilot:1.2".to_owned(),
                Some(OccurrenceKind::Container),
                &*format!(
                    "pilot.image in c/values.yaml:2; spec.containers[0].image {at}; \
                     spec.containers[1].image {at}"
                )
            ),
            (
                "r.io/side:3".to_owned(),
                Some(OccurrenceKind::Text),
                &*format!("side in c/values.yaml:3; spec.containers[0].args[0] {at}")
            ),
            (
                "fixed:1".to_owned(),
                Some(OccurrenceKind::Container),
                &*format!("spec.initContainers[0].image {at}")
            ),
            (
                "r.io/in/text:4".to_owned(),
                Some(OccurrenceKind::Text),
                "data.b of ConfigMap cm in c/templates/cm.yaml"
            ),
        ]
    );
    assert!(images.images.iter().all(|it| it.uncertainty.is_none()));
    let unread: Vec<_> = images.unresolved.iter().map(|it| &*it.place).collect();
    assert_eq!(unread, ["c/templates/bad.yaml"]);
}

#[test]
fn images_that_no_manifest_uses_are_left_out() {
    let annotations = "apiVersion: v2\nname: c\nversion: 1.0.0\nannotations:\n  images: |\n    \
        - {name: a, image: 'other.io/mesh/pilot:9'}\n    - {name: b, image: 'q.io/hook:1'}\n    \
        - {name: c, image: 'docker.io/org/metrics:7'}\n";
    let images = rendered(&[("values.yaml", VALUES), ("Chart.yaml", annotations)]);
    let left_out: Vec<_> = images.left_out.iter().map(LeftOut::describe).collect();
    assert_eq!(
        left_out,
        [
            "metrics.image (docker.io/org/metrics:1), because `metrics.enabled` is off",
            "gone.image in c/values.yaml:4 (docker.io/org/gone:1), which no manifest uses",
            "annotation in c/Chart.yaml:7 (q.io/hook:1), which no manifest uses",
        ]
    );
    let all = images.with_all_parts().images;
    let more: Vec<_> =
        all.iter().filter(|it| it.uncertainty == Some(Uncertainty::LeftOut)).collect();
    assert_eq!(more.len(), 3);
}

#[test]
fn an_annotation_adds_images_that_no_value_names() {
    let annotations = "apiVersion: v2\nname: c\nversion: 1.0.0\nannotations:\n  artifacthub.io/images: |\n    \
        - {name: a, image: 'q.io/org/app:1'}\n    - {name: b, image: 'q.io/hook:1'}\n";
    let values = "app: {image: {repository: app, tag: '2'}}\n";
    assert_eq!(
        images(&[("values.yaml", values), ("Chart.yaml", annotations)], &[]),
        ["app:2", "q.io/hook:1"]
    );
}

#[test]
fn a_digest_is_a_part_of_an_image_of_values() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let values = format!("image: {{repository: q.io/x, tag: '2', digest: '{digest}'}}\n");
    assert_eq!(images(&[("values.yaml", &values)], &[]), [format!("q.io/x:2@{digest}")]);
}
