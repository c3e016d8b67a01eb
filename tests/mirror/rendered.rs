//! Charts that the real Helm renders. It must be on `PATH`: scripts/test puts it there.

use std::collections::BTreeSet;

use crate::data::charts;
use crate::sandbox::{Printed, Sandbox, tree};

/// The chart of the guide.
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/charts/runtime-operator");

/// Returns the output of `mirror list` with the Helm of this machine.
fn list(sandbox: &Sandbox, words: &[&str], code: i32) -> Printed {
    let run = sandbox.run(&[&["mirror", "list", "--registry=r.corp"], words].concat());
    run.env("PATH", std::env::var_os("PATH").unwrap()).ends_with(code)
}

/// Returns the sources in a list.
fn sources(list: &str) -> Vec<&str> {
    list.lines().filter_map(|line| line.trim().strip_prefix("- source: ")).collect()
}

/// Creates a sandbox with a chart `c` of these files.
fn chart(files: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\nappVersion: '9'\n");
    for (name, text) in files {
        sandbox.write(&format!("c/{name}"), text);
    }
    sandbox
}

/// Returns a pod with this image.
fn pod(image: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{{name: a, image: {image}}}]}}\n"
    )
}

/// Returns the images of containers in the JSON of a list.
fn containers(printed: &Printed) -> BTreeSet<String> {
    let data = printed.json();
    let found = data["found"].as_array().unwrap().iter();
    let found = found.filter(|it| it["named_by"] == "container");
    found.map(|it| it["image"].as_str().unwrap().to_owned()).collect()
}

#[test]
#[ignore = "needs Helm and published charts: scripts/test runs it"]
fn published_charts_have_the_images_that_helm_renders() {
    let sandbox = Sandbox::new();
    let (mut words, mut all) = (vec!["--json".to_owned()], BTreeSet::new());
    for (path, images) in charts() {
        let chart = format!("--chart={}", path.display());
        let found = containers(&list(&sandbox, &["--json", &chart], 0));
        // Istio replaces this word by its own image.
        let expected: BTreeSet<_> = images.into_iter().filter(|it| it != "auto").collect();
        assert_eq!(found, expected, "{chart}");
        words.push(chart);
        all.extend(expected);
    }
    // All charts in one run.
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    assert_eq!(containers(&list(&sandbox, &words, 0)), all);
}

#[test]
#[ignore = "needs Helm: scripts/test runs it"]
fn the_chart_of_the_guide_renders_with_each_value_of_its_table() {
    let sandbox = Sandbox::new();
    for (name, content) in tree(CHART.as_ref()) {
        sandbox.write(&format!("chart/{name}"), content);
    }
    let rc = "2.0.0-rc.7";
    let guide = [
        format!("ghcr.io/wasmcloud/runtime-gateway:{rc}"),
        "docker.io/nats:2.11.3-alpine".to_owned(),
        format!("ghcr.io/wasmcloud/runtime-operator:{rc}"),
        format!("ghcr.io/wasmcloud/wash:{rc}"),
    ];
    let found = |words: &[&str]| {
        let printed = list(&sandbox, &[&["--chart=chart"], words].concat(), 0).stdout;
        assert!(printed.starts_with("images:\n"), "{printed}");
        sources(&printed).into_iter().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let guide: BTreeSet<_> = guide.into_iter().collect();
    assert_eq!(found(&[]), guide);
    for (set, changed) in [
        ("operator.image.registry=r.io", "r.io/wasmcloud/runtime-operator:2.0.0-rc.7"),
        ("gateway.image.repository=a/b", "ghcr.io/a/b:2.0.0-rc.7"),
        ("runtime.image.tag=7.1", "ghcr.io/wasmcloud/wash:7.1"),
        ("nats.image.tag=2.12", "docker.io/nats:2.12"),
    ] {
        let new: Vec<_> = found(&["--set", set]).difference(&guide).cloned().collect();
        assert_eq!(new, [changed]);
    }
    assert!(!found(&["--disable=nats"]).iter().any(|it| it.contains("nats")));
    let why = list(&sandbox, &["--chart=chart", "--why"], 0).stdout;
    let expected = "# operator.image in chart/values.yaml:11, with the chart's appVersion; \
                    spec.template.spec.containers[0].image of Deployment";
    assert!(why.contains(expected), "{why}");
}

#[test]
#[ignore = "needs Helm: scripts/test runs it"]
fn options_are_passed_to_helm() {
    let template = "\
{{- range $key, $value := .Values }}
---
apiVersion: v1
kind: Pod
metadata: {name: {{ $key }}}
spec: {containers: [{name: a, image: \"r.io/{{ $key }}:{{ $value }}\"}]}
{{- end }}
---
kind: Pod
apiVersion: v1
metadata: {name: cluster}
spec:
  containers:
  - {name: a, image: \"r.io/{{ .Release.Namespace }}:{{ .Capabilities.KubeVersion.Version }}\"}
{{- if .Capabilities.APIVersions.Has \"x.example/v1\" }}
  - {name: b, image: r.io/has-x:1}
{{- end }}
";
    let sandbox = chart(&[("templates/a.yaml", template), ("values.yaml", "a: '1'\n")]);
    sandbox.write("v,1.yaml", "b: '2'\nc: '0'\n");
    let words = [
        "--chart=c",
        "--values=v,1.yaml",
        "--set=c=3",
        "--set-string=d=007",
        "--kube-version=1.29.3",
        "--api-versions=x.example/v1",
        "--namespace=team",
    ];
    let printed = list(&sandbox, &words, 0).stdout;
    let found: BTreeSet<_> = sources(&printed).into_iter().collect();
    let expected = ["a:1", "b:2", "c:3", "d:007", "has-x:1", "team:v1.29.3"];
    assert_eq!(found, expected.map(|it| format!("r.io/{it}")).iter().map(String::as_str).collect());
}

/// Checks charts whose templates build image names from parts: a merge of values, a registry from
/// another key, an inclusion, a condition on the cluster.
#[test]
#[ignore = "needs Helm: scripts/test runs it"]
fn images_composed_by_templates_are_found() {
    for (values, template, expected) in [
        (
            "defaults: {hub: r.io/team, image: agent, tag: '5'}\n",
            "{{ $v := mustMergeOverwrite .Values.defaults (omit .Values \"defaults\") }}{{ $_ := set $ \"Values\" $v }}\
             image: {{ .Values.hub }}/{{ .Values.image }}:{{ .Values.tag }}",
            &["r.io/team/agent:5"][..],
        ),
        (
            "web: {image: {image: team/web, tag: '2'}}\nglobal: {image: {registry: r.io}}\n",
            "{{ with merge .Values.web.image .Values.global.image }}image: {{ .registry }}/{{ .image }}:{{ .tag }}{{ end }}",
            &["r.io/team/web:2"],
        ),
        (
            "registry: r.io\napp: {image: {registry: null, repository: team/app}}\n",
            "image: {{ .Values.app.image.registry | default .Values.registry }}/{{ .Values.app.image.repository }}:{{ .Values.app.image.tag | default .Chart.AppVersion }}",
            &["r.io/team/app:9"],
        ),
        (
            "hub: r.io/mesh\ntag: '1.2'\nproxy: {image: proxy}\npilot: {image: pilot, tag: ''}\n",
            "image: {{ .Values.hub }}/{{ .Values.pilot.image }}:{{ .Values.pilot.tag | default .Values.tag }}",
            &["r.io/mesh/pilot:1.2"],
        ),
        (
            "global: {imageRegistry: my.reg}\na: {registry: r.io, repository: org/a, tag: '1'}\n",
            "{{ $r := .Values.a }}image: {{ .Values.global.imageRegistry | default $r.registry }}/{{ $r.repository }}:{{ $r.tag }}",
            &["my.reg/org/a:1"],
        ),
        ("tag: 20231101\n", "image: \"r.io/a:{{ .Values.tag }}\"", &[]),
        (
            "a: 1\n",
            "{{ if .Release.IsInstall }}image: r.io/a:1{{ else }}image: r.io/b:1{{ end }}",
            &["r.io/a:1"],
        ),
        ("a: 1\n", "image: {{ .Release.Service | lower }}.io/a:1", &["helm.io/a:1"]),
    ] {
        let template = format!("kind: A\napiVersion: x.y/v1\n{template}\n");
        let sandbox = chart(&[("values.yaml", values), ("templates/a.yaml", &template)]);
        // A chart without images has its own exit code.
        let words = ["mirror", "list", "--registry=r.corp", "--chart=c", "--json"];
        let mut run = sandbox.run(&words).env("PATH", std::env::var_os("PATH").unwrap());
        let output = run.command.output().unwrap();
        let data: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = data["found"].as_array().cloned().unwrap_or_default();
        let found: Vec<_> = found.iter().map(|it| it["image"].as_str().unwrap()).collect();
        assert_eq!(found, expected, "{values}{template}");
    }
}

/// Checks that Helm's YAML rules hold: the last of two equal keys wins, and quoted text needs no
/// indent.
#[test]
#[ignore = "needs Helm: scripts/test runs it"]
fn manifests_are_read_as_helm_reads_them() {
    let template = "\
apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers:
  - name: a
    image: r.io/first:1
    image: r.io/second:1
---
apiVersion: v1
kind: Pod
metadata: {name: b}
spec:
  containers:
  - name: b
    image: r.io/third:1
    command: [\"a
b\"]
";
    let sandbox = chart(&[("templates/a.yaml", template)]);
    let printed = list(&sandbox, &["--chart=c", "--why", "--strict"], 0);
    assert_eq!(sources(&printed.stdout), ["r.io/second:1", "r.io/third:1"]);
    let why = "# spec.containers[0].image of Pod b in c/templates/a.yaml\n";
    assert!(printed.stdout.contains(why), "{}", printed.stdout);
}

#[test]
#[ignore = "needs Helm: scripts/test runs it"]
fn an_annotation_is_not_listed_unless_it_is_rendered() {
    let sandbox = chart(&[
        ("templates/a.yaml", &pod("'{{ .Values.image.repository }}:1'")),
        (
            "values.yaml",
            "image: {repository: r.io/team/web, tag: '1'}\nmetrics: {enabled: false, image: {repository: r.io/team/meter, tag: '2'}}\n",
        ),
        (
            "Chart.yaml",
            "apiVersion: v2\nname: c\nversion: 1.0.0\nannotations:\n  images: |\n    - {name: web, image: 'r.io/team/web:1'}\n    - {name: meter, image: 'r.io/team/meter:2'}\n    - {name: hook, image: 'r.io/hook:3'}\n",
        ),
    ]);
    let printed = list(&sandbox, &["--chart=c"], 0).says(&[
        "left out: metrics.image (r.io/team/meter:2), because `metrics.enabled` is off",
        "left out: annotation in c/Chart.yaml:8 (r.io/hook:3), which no manifest uses",
        "2 images of disabled parts or of annotations were left out; `--all-parts` adds them",
    ]);
    assert_eq!(sources(&printed.stdout), ["r.io/team/web:1"]);
    let printed = list(&sandbox, &["--chart=c", "--set=image.repository=r.io/other/web"], 0);
    assert_eq!(sources(&printed.stdout), ["r.io/other/web:1"]);
    let all = list(&sandbox, &["--chart=c", "--all-parts"], 0).says(&["is a guess"]).stdout;
    assert_eq!(sources(&all), ["r.io/team/web:1", "r.io/team/meter:2", "r.io/hook:3"]);
    list(&sandbox, &["--chart=c", "--strict"], 0);
    list(&sandbox, &["--chart=c", "--strict", "--all-parts"], 2).says(&["uncertain"]);
}

#[test]
#[ignore = "needs Helm: scripts/test runs it"]
fn errors_of_helm_name_the_file_and_a_remedy() {
    for (files, words) in [
        (
            &[("templates/a.yaml", "{{ required \"set the password\" .Values.password }}")][..],
            &["c/templates/a.yaml:1:3", "set the password", "--set KEY=VALUE"][..],
        ),
        (
            &[(
                "Chart.yaml",
                "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies:\n- {name: nats, version: 1.0.0, repository: 'https://x.example'}\n",
            )],
            &["missing in charts/ directory: nats", "helm dependency build c"],
        ),
        (
            &[("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\nkubeVersion: '>=1.99.0'\n")],
            &["kubeVersion", "--kube-version"],
        ),
        (
            &[("templates/a.yaml", "{{ fail \"\\x1b[31mred\" }}")],
            &["c/templates/a.yaml:1:3", "\u{fffd}[31mred"],
        ),
    ] {
        list(&chart(files), &["--chart=c", "-o=list.yaml"], 2).says(words);
    }
}

#[test]
#[ignore = "needs Helm: scripts/test runs it"]
fn a_chart_that_takes_all_memory_is_ended() {
    let template =
        "{{ $x := \"aaaaaaaaaaaaaaaa\" }}{{ range until 40 }}{{ $x = print $x $x }}{{ end }}";
    let sandbox = chart(&[("templates/a.yaml", template)]);
    list(&sandbox, &["--chart=c"], 2).says(&["`c` was not rendered", "2048 MiB of memory"]);
}

#[test]
#[ignore = "needs Helm: scripts/test runs it"]
fn a_failed_chart_does_not_hide_the_others() {
    let sandbox = chart(&[("templates/a.yaml", &pod("r.io/good:1"))]);
    sandbox.write("bad/Chart.yaml", "apiVersion: v2\nname: bad\nversion: 1.0.0\n");
    sandbox.write("bad/templates/a.yaml", "{{ fail \"never\" }}");
    let words = ["--chart=bad", "--chart=c", "--chart=gone", "-o=list.yaml"];
    list(&sandbox, &words, 1).says(&["never", "gone`", "2 of 3 charts"]);
    assert_eq!(sources(&sandbox.read("list.yaml")), ["r.io/good:1"]);
    // The first line of an unproven list is removed when the chart is rendered.
    let words = ["mirror", "list", "--registry=r.corp", "--chart=c", "-o=guessed.yaml"];
    sandbox.write("c/values.yaml", "image: r.io/good:1\n");
    sandbox.run(&words).succeeds();
    assert!(sandbox.read("guessed.yaml").starts_with("# Not rendered: "));
    sandbox.write("pod.yaml", pod("r.io/good:1"));
    list(&sandbox, &["pod.yaml", "-o=guessed.yaml"], 0);
    assert!(sandbox.read("guessed.yaml").starts_with("# Not rendered: "));
    list(&sandbox, &["--chart=c", "-o=guessed.yaml"], 0);
    assert!(sandbox.read("guessed.yaml").starts_with("images:\n"));
}
