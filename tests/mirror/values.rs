//! Values that the real Helm proves. It must be on `PATH`: scripts/test puts it there.

use std::process::Command;

use crate::data::charts;
use crate::sandbox::{Printed, Run, Sandbox, tree};

/// The chart of the guide.
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/charts/runtime-operator");

const REGISTRY: &str = "--registry=r.corp:5000";

/// Sets `PATH` for a run, so that it finds the programs of this machine.
fn on_path(run: Run) -> Run {
    run.env("PATH", std::env::var_os("PATH").unwrap())
}

/// Creates a sandbox with a chart `c`, whose template `a.yaml` has a pod with these images.
fn chart(values: &str, images: &[&str]) -> Sandbox {
    let containers: String =
        images.iter().map(|image| format!("  - {{name: a, image: {image}}}\n")).collect();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n";
    chart_with(values, &format!("{pod}{containers}"))
}

/// Creates a sandbox with a chart `c` of this template.
fn chart_with(values: &str, template: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\nappVersion: '9'\n");
    sandbox.write("c/values.yaml", values);
    sandbox.write("c/templates/a.yaml", template);
    sandbox
}

/// Lists the images of a chart.
fn list(sandbox: &Sandbox, chart: &str) {
    let words = ["mirror", "list", REGISTRY, "-o=mirror.yaml", &format!("--chart={chart}")];
    on_path(sandbox.run(&words)).succeeds();
}

/// Writes the values for the list into `v.yaml`, which must begin with `first_line`. Returns the
/// rest.
#[track_caller]
fn written(sandbox: &Sandbox, words: &[&str], code: i32, first_line: &str) -> Printed {
    let run = on_path(sandbox.run(&[&["mirror", "values"], words].concat()));
    let printed = run.ends_with(code);
    sandbox.write("v.yaml", &printed.stdout);
    let (first, rest) = printed.stdout.split_once('\n').unwrap();
    assert!(first.starts_with("# Proven with Helm ") && first.ends_with(first_line), "{first}");
    Printed { stdout: rest.to_owned(), stderr: printed.stderr }
}

/// Renders a chart with `v.yaml` into `m.yaml`, without the program under test.
fn render(sandbox: &Sandbox, chart: &str) {
    let mut command = Command::new("helm");
    command.args(["template", "r", chart, "--values=v.yaml"]).current_dir(sandbox.root());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    sandbox.write("m.yaml", output.stdout);
}

/// Returns the values of a chart `c` with which all of its images are at their destinations.
#[track_caller]
fn proven(sandbox: &Sandbox, images: usize) -> String {
    list(sandbox, "c");
    let at = match images {
        1 => "1 of 1 image is at its destination in mirror.yaml".to_owned(),
        _ => format!("{images} of {images} images are at their destinations in mirror.yaml"),
    };
    let made = written(sandbox, &["--chart=c"], 0, &at).stdout;
    render(sandbox, "c");
    sandbox.run(&["mirror", "check", "m.yaml", REGISTRY]).succeeds();
    made
}

#[test]
#[ignore = "needs Helm and published charts: scripts/test runs it"]
fn published_charts_are_redirected_by_their_values() {
    for (path, images) in charts() {
        // Istio inserts its own image there.
        if images == ["auto"] {
            continue;
        }
        let sandbox = Sandbox::new();
        let chart = path.display().to_string();
        list(&sandbox, &chart);
        let words = [&format!("--chart={chart}"), "--file=mirror.yaml"];
        written(&sandbox, &words, 0, "in mirror.yaml");
        render(&sandbox, &chart);
        sandbox.run(&["mirror", "check", "m.yaml", REGISTRY]).succeeds();
        if images.len() == 1 {
            let first = sandbox.read("v.yaml");
            written(&sandbox, &words, 0, "in mirror.yaml");
            assert_eq!(sandbox.read("v.yaml"), first, "{chart}");
        }
    }
}

#[test]
#[ignore = "needs Helm: scripts/test runs it"]
fn a_registry_for_all_images_where_the_templates_follow_it() {
    let sandbox = Sandbox::new();
    for (name, content) in tree(CHART.as_ref()) {
        sandbox.write(&format!("c/{name}"), content);
    }
    let global = "global:\n  image:\n    registry: r.corp:5000\n";
    assert_eq!(proven(&sandbox, 4), global);
    let all = "4 of 4 images are at their destinations in mirror.yaml";
    let with_secret = written(&sandbox, &["--chart=c", "--pull-secret=s"], 0, all).stdout;
    assert_eq!(with_secret, format!("{global}    pullSecrets:\n      - name: s\n"));
    let component = |name: &str| format!("{name}:\n  image:\n    registry: r.corp:5000\n");
    let components = ["operator", "gateway", "runtime", "nats"].map(component).concat();
    assert_eq!(written(&sandbox, &["--chart=c", "--per-component"], 0, all).stdout, components);
    let three = "3 of 3 images are at their destinations in mirror.yaml";
    let without = written(&sandbox, &["--chart=c", "--disable=nats"], 0, three).stdout;
    assert_eq!(without, format!("{global}nats:\n  enabled: false\n"));
    // A template that does not use the global value.
    let path = "c/templates/nats/deployment.yaml";
    let template = sandbox.read(path);
    sandbox.write(path, template.replace(".Values.global.image.registry | default ", ""));
    assert_eq!(proven(&sandbox, 4), format!("{global}{}", component("nats")));
}

#[test]
#[ignore = "needs Helm: scripts/test runs it"]
fn images_composed_of_several_values_are_redirected() {
    for (values, images, expected) in [
        // A registry from another key, and one that replaces the repository's.
        (
            "image: {registry: ~, fallback: r.io, repository: team/app, tag: ~}\n",
            &[
                "'{{ .Values.image.registry | default .Values.image.fallback }}/{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}'",
            ][..],
            "image:\n  registry: r.corp:5000\n",
        ),
        (
            "a: {image: {image: team/web, tag: '2'}}\nglobal: {image: {registry: r.io}}\n",
            &[
                "{{ with merge .Values.a.image .Values.global.image }}{{ .registry }}/{{ .image }}:{{ .tag }}{{ end }}",
            ],
            "global:\n  image:\n    registry: r.corp:5000\n",
        ),
        (
            "prefix: {imagePrefix: r.io/org/}\n",
            &["{{ .Values.prefix.imagePrefix }}app:1"],
            "prefix:\n  imagePrefix: r.corp:5000/org/\n",
        ),
        (
            "operator: {repository: nv.io/cloud, image: op, version: '3.1'}\n",
            &[
                "'{{ .Values.operator.repository }}/{{ .Values.operator.image }}:{{ .Values.operator.version }}'",
            ],
            "operator:\n  repository: r.corp:5000/cloud\n",
        ),
        // Values that are missing in the chart's own.
        (
            "a: {image: {}}\n",
            &["'{{ .Values.a.image.registry | default \"r.io\" }}/a:1'"],
            "a:\n  image:\n    registry: r.corp:5000\n",
        ),
        // A value that is a template.
        (
            "hub: r.io\nimage: '{{ .Values.hub }}/a:1'\nside: nginx:1.25\n",
            &["{{ tpl .Values.image . }}", "{{ .Values.side }}"],
            "hub: r.corp:5000\nside: r.corp:5000/nginx:1.25\n",
        ),
        // Two images with one path.
        (
            "global: {imageRegistry: ''}\na: {registry: q.io, repository: p/n}\nb: {registry: r.io, repository: p/n}\n",
            &[
                "'{{ .Values.global.imageRegistry | default .Values.a.registry }}/{{ .Values.a.repository }}:1'",
                "'{{ .Values.global.imageRegistry | default .Values.b.registry }}/{{ .Values.b.repository }}:1'",
            ],
            "a:\n  registry: r.corp:5000/q.io\nb:\n  registry: r.corp:5000/r.io\n",
        ),
    ] {
        assert_eq!(proven(&chart(values, images), images.len()), expected, "{values}");
    }
}

#[test]
#[ignore = "needs Helm: scripts/test runs it"]
fn images_in_lists_arguments_and_files_are_redirected() {
    let values = "\
queue:
  versions:
  - {version: latest, brokerImage: 'team/broker:2.1', port: 8080, debug: no}
  - {version: 1.10, brokerImage: 'team/broker:1.9'}
extra: [--log, '--side-image=q.io/side:3']
config: |
  a: b
  image: q.io/conf:4
";
    let template = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: queue}
data:
  config.yaml: |
    versions:
    {{- range .Values.queue.versions }}
    - {version: {{ .version | quote }}, brokerImage: {{ .brokerImage }}}
    {{- end }}
  more.yaml: {{ .Values.config | quote }}
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {containers: [{name: a, image: q.io/a:1, args: {{ toJson .Values.extra }}}]}
";
    let sandbox = chart_with(values, template);
    list(&sandbox, "c");
    let but = "4 of 5 images are at their destinations in mirror.yaml, and no value of the chart \
               moves the other 1";
    let printed = written(&sandbox, &["--chart=c"], 4, but);
    assert_eq!(
        printed.stdout,
        "queue:\n  versions:\n    - version: latest\n      brokerImage: r.corp:5000/team/broker:2.1\n      port: 8080\n      debug: false\n    - version: 1.1\n      brokerImage: r.corp:5000/team/broker:1.9\n\
         extra:\n  - \"--log\"\n  - \"--side-image=r.corp:5000/side:3\"\n\
         config: \"a: b\\nimage: r.corp:5000/conf:4\\n\"\n"
    );
    render(&sandbox, "c");
    let found = sandbox.run(&["mirror", "check", "m.yaml", REGISTRY]).ends_with(4);
    assert!(found.stderr.contains("1 of "), "{}", found.stderr);
}

#[test]
#[ignore = "needs Helm: scripts/test runs it"]
fn images_of_subcharts_and_moved_defaults_are_redirected() {
    let sandbox = chart("x: {registry: q.io}\n", &["'{{ .Values.x.registry }}/x:1'"]);
    sandbox.write("c/charts/inner/Chart.yaml", "apiVersion: v2\nname: inner\nversion: 1.0.0\n");
    sandbox.write("c/charts/inner/values.yaml", "image: {registry: docker.io, repository: in/a}\n");
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: q}\nspec: {containers: [{name: a, image: '{{ .Values.image.registry }}/{{ .Values.image.repository }}:1'}]}\n";
    sandbox.write("c/charts/inner/templates/a.yaml", pod);
    let inner = "inner:\n  image:\n    registry: r.corp:5000\n";
    assert_eq!(proven(&sandbox, 2), format!("x:\n  registry: r.corp:5000\n{inner}"));

    let template = "\
{{- $defaults := $.Values._internal_defaults }}
{{- $_ := unset $.Values \"_internal_defaults\" }}
{{- $_ := set $ \"Values\" (mustMergeOverwrite $defaults $.Values) }}
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
  - name: a
    {{- if contains \"/\" .Values.image }}
    image: {{ .Values.image }}
    {{- else }}
    image: {{ .Values.global.hub }}/{{ .Values.image }}:{{ .Values.global.tag }}
    {{- end }}
";
    let values = "_internal_defaults: {image: cni, global: {hub: q.io/mesh, tag: latest}}\n";
    let sandbox = chart_with(values, template);
    assert_eq!(proven(&sandbox, 1), "global:\n  hub: r.corp:5000/mesh\n");
}

#[test]
#[ignore = "needs Helm: scripts/test runs it"]
fn checks_of_charts_are_satisfied() {
    // A check that names its switch in the notes.
    let values = "global: {imageRegistry: '', security: {allowInsecureImages: false}}\nimage: {registry: docker.io, repository: team/web}\n";
    let image = "'{{ .Values.global.imageRegistry | default .Values.image.registry }}/{{ .Values.image.repository }}:1'";
    let sandbox = chart(values, &[image]);
    sandbox.write(
        "c/templates/NOTES.txt",
        "{{ if and (ne (.Values.global.imageRegistry | default .Values.image.registry) \"docker.io\") (not .Values.global.security.allowInsecureImages) }}{{ fail \"set 'global.security.allowInsecureImages' to true\" }}{{ end }}",
    );
    assert_eq!(
        proven(&sandbox, 1),
        "global:\n  imageRegistry: r.corp:5000\n  security:\n    allowInsecureImages: true\n"
    );
    // A schema, which refuses markers.
    let values =
        "image: {registry: docker.io, repository: team/web}\nside: {registry: q.io, name: side}\n";
    let images = [
        "'{{ .Values.image.registry }}/{{ .Values.image.repository }}:1'",
        "'{{ .Values.side.registry }}/{{ .Values.side.name }}:1'",
    ];
    let sandbox = chart(values, &images);
    sandbox.write(
        "c/values.schema.json",
        r#"{"properties": {"image": {"properties": {"registry": {"enum": ["docker.io", "r.corp:5000"]}}}}}"#,
    );
    assert_eq!(
        proven(&sandbox, 2),
        "image:\n  registry: r.corp:5000\nside:\n  registry: r.corp:5000\n"
    );
    // A check without a message, which refuses markers too.
    let sandbox = chart(values, &images);
    sandbox.write(
        "c/templates/check.yaml",
        "{{ if not (has .Values.image.registry (list \"docker.io\" \"r.corp:5000\")) }}{{ fail \"no\" }}{{ end }}",
    );
    assert_eq!(
        proven(&sandbox, 2),
        "image:\n  registry: r.corp:5000\nside:\n  registry: r.corp:5000\n"
    );
}

#[test]
#[ignore = "needs Helm: scripts/test runs it"]
fn tags_and_digests_of_destinations_are_set() {
    let values = "image: {registry: q.io, repository: a, tag: v2.1.0}\nside: {image: {repository: q.io/b}}\n";
    let images = [
        "'{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}'",
        "'{{ .Values.side.image.repository }}:{{ .Values.side.image.tag | default .Chart.AppVersion }}'",
    ];
    let sandbox = chart(values, &images);
    // A template of the chart compares the version.
    sandbox.write(
        "c/templates/check.yaml",
        "{{ if not (semverCompare \">=2.0.0-0\" .Values.image.tag) }}{{ fail \"too old\" }}{{ end }}",
    );
    let digest = format!("sha256:{}", "a".repeat(64));
    sandbox.write("mirror.yaml", format!("images:\n- {{source: 'q.io/a:v2.1.0', destination: 'r.corp:5000/x/a:v2.1.0-m'}}\n- {{source: 'q.io/b:9', destination: 'r.corp:5000/b:9@{digest}'}}\n"));
    let all = "2 of 2 images are at their destinations in mirror.yaml";
    let made = written(&sandbox, &["--chart=c"], 0, all).stdout;
    assert_eq!(
        made,
        format!(
            "image:\n  registry: r.corp:5000/x\n  tag: v2.1.0-m\nside:\n  image:\n    repository: r.corp:5000/b\n    tag: \"9@{digest}\"\n"
        )
    );
}

#[test]
#[ignore = "needs Helm: scripts/test runs it"]
fn images_that_no_value_changes_are_named_with_a_remedy() {
    let template = "\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
  - {name: a, image: '{{ .Values.image }}'}
  - {name: b, image: 'q.io/fixed:1'}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: m}
data:
  run.sh: docker run q.io/script:2
";
    let sandbox = chart_with("image: q.io/a:1\n", template);
    list(&sandbox, "c");
    let some = "1 of 3 images is at its destination in mirror.yaml, and no value of the chart \
                moves the other 2";
    let printed = written(&sandbox, &["--chart=c"], 4, some).says(&[
        "no value of the chart changes `q.io/fixed:1` in spec.containers[1].image of Pod p to \
         `r.corp:5000/fixed:1`; `wasm-airgap mirror kustomize` changes it in the rendered manifests",
        "`q.io/script:2` in data[\"run.sh\"] of ConfigMap m to `r.corp:5000/script:2`; patch that field",
        "2 of 3 images are not at their destinations with these values",
    ]);
    assert_eq!(printed.stdout, "image: r.corp:5000/a:1\n");
    // Kustomize makes the announced change.
    render(&sandbox, "c");
    sandbox
        .run(&["mirror", "kustomize", "m.yaml"])
        .succeeds()
        .says(&["q.io/script:2"])
        .stdout
        .find("newName: r.corp:5000/fixed")
        .unwrap();
    // A value that would break another image is not changed.
    let images = ["'{{ .Values.org }}/a:1'", "'q.io/{{ .Values.org }}/b:1'"];
    let sandbox = chart("org: team\n", &images);
    list(&sandbox, "c");
    let none = "0 of 2 images are at their destinations in mirror.yaml, and no value of the chart \
                moves the other 2";
    assert_eq!(written(&sandbox, &["--chart=c"], 4, none).stdout, "{}\n");
}

#[test]
#[ignore = "needs Helm: scripts/test runs it"]
fn values_are_computed_over_the_values_of_the_user() {
    let image = "'{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Capabilities.KubeVersion.Version }}'";
    let sandbox = chart("image: {registry: q.io, repository: a}\n", &[image]);
    sandbox.write("user.yaml", "image: {registry: u.io}\n");
    let options = ["--chart=c", "--values=user.yaml", "--kube-version=1.31.2"];
    let words = [&["mirror", "list", REGISTRY, "-o=mirror.yaml"], &options[..]].concat();
    on_path(sandbox.run(&words)).succeeds();
    assert!(sandbox.read("mirror.yaml").contains("u.io/a:v1.31.2"));
    let one = "1 of 1 image is at its destination in mirror.yaml";
    assert_eq!(written(&sandbox, &options, 0, one).stdout, "image:\n  registry: r.corp:5000\n");
    // Without the options the image is another one.
    let words = ["mirror", "values", "--chart=c"];
    on_path(sandbox.run(&words)).ends_with(2).says(&["is not in `mirror.yaml`", "same options"]);
    // A value of `--set` overrides every file.
    let options = ["--chart=c", "--set=image.registry=u.io", "--kube-version=1.31.2"];
    let none = "0 of 1 image is at its destination in mirror.yaml, and no value of the chart \
                moves the other 1";
    written(&sandbox, &options, 4, none);
}
