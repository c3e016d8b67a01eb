//! What is found in whole charts.

use std::path::Path;

use super::*;

/// A chart of these files.
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

fn places(files: &[(&str, &str)]) -> Vec<String> {
    chart(files, &[]).images().unwrap().unresolved.into_iter().map(|it| it.place).collect()
}

/// What a template names, however it writes it.
const LITERAL: &str = "\
apiVersion: v1
kind: Pod
spec:
  containers: [{name: a, image: org/flow:1}]
  initContainers:
  - name: e
    image: &x org/anchor:1
  - name: c
    image: >-
      org/folded:1
  - name: f
    image:
      org/nextline:1
  - name: g
    image: *x
    env:
    - name: Y_IMAGE
      value: org/y:11
    args: [--sidecar-image, org/side:12]
  volumes:
  - image: {reference: org/vol:1}
---
kind: Foo
spec:
  sidecarImage: org/sc:17
";

const FOUND: [&str; 8] = [
    "org/anchor:1",
    "org/flow:1",
    "org/folded:1",
    "org/nextline:1",
    "org/sc:17",
    "org/side:12",
    "org/vol:1",
    "org/y:11",
];

#[test]
fn a_template_is_read_as_the_manifest_that_it_writes() {
    let parts = "---\nspec:\n  image:\n    repository: org/split\n    tag: '16'\n";
    let template = format!("{LITERAL}{parts}");
    let expected = [&FOUND[..5], &["org/side:12", "org/split:16"], &FOUND[6..]].concat();
    assert_eq!(images(&[("templates/a.yaml", &template)], &[]), expected);
    assert_eq!(places(&[("templates/a.yaml", &template)]), [""; 0]);
    // Blocks that are not known do not stand in the way.
    let holes = template.replace("spec:\n", "{{ toYaml .Release.x }}\nspec:\n");
    assert_eq!(images(&[("templates/a.yaml", &holes)], &[]), expected);
}

#[test]
fn a_number_is_the_tag_that_helm_writes_or_none() {
    let tags = ["20231101", "0123", "1e10", "0x1f", "1_000", "1.10", "'1.10'", "7"];
    let values: String = (0..tags.len())
        .map(|nth| format!("c{nth}: {{image: {{repository: org/c{nth}, tag: {}}}}}\n", tags[nth]))
        .collect();
    let print = |nth| {
        format!(
            "  - image: '{{{{ .Values.c{nth}.image.repository }}}}:{{{{ .Values.c{nth}.image.tag }}}}'\n"
        )
    };
    let template =
        format!("spec:\n  containers:\n{}", (0..tags.len()).map(print).collect::<String>());
    let files = [("values.yaml", &values[..]), ("templates/a.yaml", &template)];
    let expected =
        ["org/c1:83", "org/c3:31", "org/c4:1000", "org/c5:1.1", "org/c6:1.10", "org/c7:7"];
    assert_eq!(images(&files, &[]), expected);
    let said: Vec<_> =
        chart(&files, &[]).images().unwrap().unresolved.into_iter().map(|it| it.reason).collect();
    for written in ["2.0231101e+07", "83", "1e+10", "31", "1000", "1.1"] {
        let words = format!("which Helm writes as `{written}`");
        assert_eq!(said.iter().filter(|it| it.contains(&words)).count(), 1, "{written}: {said:?}");
    }
    // What `--set` gives is an integer.
    assert!(images(&files, &["c0.image.tag=20231101"]).contains(&"org/c0:20231101".to_owned()));
    // `%s` of a number is not a tag.
    let template =
        "spec: {containers: [{image: '{{ printf \"%s:%s\" \"org/p\" .Values.tag }}'}]}\n";
    assert_eq!(
        images(&[("values.yaml", "tag: 1.2\n"), ("templates/a.yaml", template)], &[]),
        [""; 0]
    );
}

#[test]
fn a_word_is_an_image_only_where_a_template_writes_it() {
    let template = "\
spec:
  containers:
  - image: '{{ .Values.hub }}/{{ .Values.pilot.image }}:{{ .Values.pilot.tag | default .Values.tag }}'
  - image: '{{ .Values.box.image }}'
";
    for beside in ["", ", tag: ''"] {
        let values = format!(
            "hub: r.io/mesh\ntag: '1.2'\nproxy: {{image: proxy{beside}}}\n\
             pilot: {{image: pilot{beside}}}\nbox: {{image: box}}\nweb: {{image: web, tag: '3'}}\n"
        );
        let files = [("values.yaml", &values[..]), ("templates/a.yaml", template)];
        assert_eq!(images(&files, &[]), ["box", "r.io/mesh/pilot:1.2", "web:3"]);
        let unresolved = chart(&files, &[]).images().unwrap().unresolved;
        let said: Vec<_> = unresolved.iter().map(|it| (&*it.place, &*it.text)).collect();
        assert_eq!(said, [("proxy.image in c/values.yaml:3", "proxy")]);
    }
}

#[test]
fn a_template_that_writes_no_yaml_is_read_word_by_word() {
    let template = LITERAL.replace("kind: Pod\n", "kind: Pod\n{{ .Release.x }} x\n");
    assert_eq!(images(&[("templates/a.yaml", &template)], &[]), FOUND);
    assert_eq!(places(&[("templates/a.yaml", &template)]), ["c/templates/a.yaml:16"]);
    let parts = "{{ .Release.x }} x\na: b\nimage:\n  repository: org/split\n  tag: 1\n";
    assert_eq!(places(&[("templates/a.yaml", parts)]), ["c/templates/a.yaml:4"]);
}

#[test]
fn what_is_not_known_is_named_with_its_line() {
    let template = "\
spec:
  containers: [{image: '{{ .Release.Name }}/a:1'}]
  initContainers:
  - image:
      {{ .Release.Name }}
  - image: reg.io/a:1{{ .Release.Name }}
    args: ['--x-image={{ .Release.Name }}.io/a:1']
    env:
    - name: X_IMAGE
      value: {{ .Release.Name }}
  other:
    repository: org/x
    tag: {{ .Release.Name }}
";
    let lines = [2, 5, 6, 7, 10, 13].map(|line| format!("c/templates/a.yaml:{line}"));
    assert_eq!(places(&[("templates/a.yaml", template)]), lines);
    assert_eq!(images(&[("templates/a.yaml", template)], &[]), [""; 0]);
}

#[test]
fn both_branches_of_what_is_not_known_count() {
    let template = "\
spec:
  containers:
  - env:
    - name: X_IMAGE
      {{- if .Release.IsInstall }}
      value: org/a:1
      {{- else }}
      value: org/b:1
      {{- end }}
";
    assert_eq!(images(&[("templates/a.yaml", template)], &[]), ["org/a:1", "org/b:1"]);
}

#[test]
fn a_part_of_an_image_is_none() {
    let values = ("values.yaml", "hub: docker.io/istio\ntag: '1.20'\na: {image: pilot}\n");
    let template =
        ("templates/a.yaml", "image: {{ .Values.hub }}/{{ .Values.a.image }}:{{ .Values.tag }}\n");
    assert_eq!(images(&[values, template], &[]), ["docker.io/istio/pilot:1.20"]);
    // Where nothing is put together, it stays.
    assert_eq!(images(&[values], &[]), ["pilot"]);
}

#[test]
fn a_digest_without_the_tag_beside_it_is_the_same_image() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let values = format!("image: {{repository: q.io/x, tag: '2', digest: '{digest}'}}\n");
    let template = "image: {{ .Values.image.repository }}@{{ .Values.image.digest }}\n";
    let found = images(&[("values.yaml", &values), ("templates/a.yaml", template)], &[]);
    assert_eq!(found, [format!("q.io/x:2@{digest}")]);
}

#[test]
fn a_global_registry_counts_where_the_templates_follow_it() {
    let values = "\
global: {imageRegistry: ''}
a: {image: {registry: docker.io, repository: org/a, tag: '1'}}
b: {image: {registry: docker.io, repository: org/b, tag: '1'}}
c: {image: {repository: quay.io/org/c, tag: '1'}}
";
    let template = "\
spec:
  containers:
  - image: {{ .Values.global.imageRegistry | default .Values.a.image.registry }}/{{ .Values.a.image.repository }}:{{ .Values.a.image.tag }}
  - image: {{ .Values.b.image.registry }}/{{ .Values.b.image.repository }}:{{ .Values.b.image.tag }}
  - image: {{ .Values.c.image.repository }}:{{ .Values.c.image.tag }}
";
    let files = [("values.yaml", values), ("templates/a.yaml", template)];
    let found = images(&files, &["global.imageRegistry=my.reg"]);
    assert_eq!(found, ["docker.io/org/b:1", "my.reg/org/a:1", "quay.io/org/c:1"]);
    // As in the values that this program writes.
    let sets = ["global.imageRegistry=r.io:5000", "c.image.repository=r.io:5000/org/c"];
    let chart = chart(&files, &sets).images().unwrap();
    assert!(chart.unresolved.is_empty(), "{:?}", chart.unresolved);
    assert!(chart.images.iter().any(|it| it.image.name() == "r.io:5000/org/c"));
}
