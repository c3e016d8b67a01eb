//! `mirror list`, `values`, `kustomize` and `check`: the steps of the private registry guide.

use std::io::Write;
use std::process::Stdio;

use crate::archives::Tar;
use crate::sandbox::{Printed, Sandbox, tree};

/// A chart with the images and the values of the guide's chart.
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/charts/runtime-operator");

/// The output of `helm template --output-dir` for the chart.
const RENDERED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/charts/rendered");

/// The list in the guide, without its comments.
const GUIDE: &str = "\
images:
  - source: ghcr.io/wasmcloud/runtime-operator:2.0.0-rc.7
    destination: myregistry/wasmcloud/runtime-operator:2.0.0-rc.7
  - source: ghcr.io/wasmcloud/runtime-gateway:2.0.0-rc.7
    destination: myregistry/wasmcloud/runtime-gateway:2.0.0-rc.7
  - source: ghcr.io/wasmcloud/wash:2.0.0-rc.7
    destination: myregistry/wasmcloud/wash:2.0.0-rc.7
  - source: docker.io/nats:2.11.3-alpine
    destination: myregistry/nats:2.11.3-alpine
";

/// Returns the list of a chart that was not rendered: `PATH` has no Helm in these tests.
fn guessed(list: &str) -> String {
    let reason = "the images of the chart are guessed from its values and annotations";
    format!("# Not rendered: {reason}, because `helm` is not on PATH\n{list}")
}

/// Returns the values below the first line, which says that they are not proven.
fn guess(printed: &Printed) -> String {
    let reason = "the values are guessed from those of the chart, because `helm` is not on PATH";
    let warning = format!("warning: not proven: {reason}\n");
    assert!(printed.stderr.starts_with(&warning), "{}", printed.stderr);
    let values = printed.stdout.strip_prefix(&format!("# Not proven: {reason}\n"));
    values.unwrap_or_else(|| panic!("{}", printed.stdout)).to_owned()
}

/// Creates a sandbox with the chart in its folder `chart`.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, content) in tree(CHART.as_ref()) {
        sandbox.write(&format!("chart/{name}"), content);
    }
    sandbox
}

fn list(sandbox: &Sandbox, more: &[&str]) -> Printed {
    sandbox.run(&[&["mirror", "list", "--registry=myregistry"], more].concat()).succeeds()
}

/// Returns the sources in a list, one in each line.
fn sources(list: &str) -> Vec<&str> {
    list.lines().filter_map(|line| line.trim().strip_prefix("- source: ")).collect()
}

/// Runs the program with this standard input.
fn piped(sandbox: &Sandbox, words: &[&str], input: &str) -> std::process::Output {
    let mut command = sandbox.run(words).command;
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn each_kind_of_source_gives_the_list_of_the_guide() {
    let sandbox = sandbox();
    let printed = list(&sandbox, &["--chart=chart"]);
    assert_eq!(printed.stdout, guessed(GUIDE));
    assert!(printed.stderr.contains("warning: not rendered: "), "{}", printed.stderr);
    let mut tar = Tar::new();
    for (name, content) in sandbox.tree("chart") {
        tar = tar.file(format!("runtime-operator/{name}"), content);
    }
    sandbox.write("chart.tgz", tar.gz());
    assert_eq!(list(&sandbox, &["--chart=chart.tgz"]).stdout, guessed(GUIDE));
    // Both together give the same images; manifests alone come in the order of their files.
    assert_eq!(list(&sandbox, &["--chart=chart", RENDERED]).stdout, guessed(GUIDE));
    let mut rendered = list(&sandbox, &[RENDERED]).stdout;
    let mut guide: Vec<_> = sources(GUIDE);
    let mut found = sources(&rendered);
    guide.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, guide);
    rendered.clear();
    for (_, content) in tree(RENDERED.as_ref()) {
        rendered.push_str(std::str::from_utf8(&content).unwrap());
    }
    let output = piped(&sandbox, &["mirror", "list", "--registry=myregistry", "-"], &rendered);
    assert_eq!(sources(std::str::from_utf8(&output.stdout).unwrap()).len(), 4);
}

#[test]
fn a_chart_packed_on_windows_or_macos_is_read() {
    let sandbox = sandbox();
    let (mut windows, mut mac) = (Tar::new(), Tar::new());
    for left in ["._chart", "__MACOSX/chart/x.yaml", "PaxHeader/chart", "PaxHeaders.7/chart/a"] {
        mac = mac.file(left, b"\0\x05\x16\x07 image: org/wrong:1");
    }
    for (name, content) in sandbox.tree("chart") {
        windows = windows.file(format!("chart\\{}", name.replace('/', "\\")), &content);
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", &name));
        mac = mac.file(format!("chart/{folder}/._{file}").replace("//", "/"), "image: org/wrong:1");
        mac = mac.file(format!("chart/{name}"), &content);
    }
    for (name, tar) in [("windows.tgz", windows), ("mac.tgz", mac)] {
        sandbox.write(name, tar.gz());
        assert_eq!(list(&sandbox, &["--chart", name]).stdout, guessed(GUIDE), "{name}");
    }
    // A folder copied from a Mac, and manifests.
    sandbox.write("chart/templates/._x.yaml", "image: org/wrong:1");
    sandbox.write("chart/charts/._x.tgz", "");
    sandbox.write("manifests/pod.yaml", "image: org/right:1\n");
    sandbox.write("manifests/._pod.yaml", "\0");
    let printed = list(&sandbox, &["--chart=chart", "manifests"]);
    assert_eq!(sources(&printed.stdout).last(), Some(&"docker.io/org/right:1"));
    assert!(!printed.stdout.contains("wrong"), "{}", printed.stdout);
    // A path that climbs is refused with either separator.
    sandbox.write("evil.tgz", Tar::new().file("chart\\..\\..\\x", "").gz());
    let words = ["mirror", "list", "--registry=r", "--chart=evil.tgz"];
    sandbox.run(&words).ends_with(4).says(&["climbs"]);
}

#[test]
fn a_chart_in_a_registry_needs_no_scheme() {
    let sandbox = Sandbox::new();
    let run = |chart| {
        let words = ["mirror", "list", "--registry=r.example", "--offline", "--chart", chart];
        sandbox.run(&words)
    };
    for chart in ["ghcr.io/org/chart", "localhost/chart", "r.example:5000/chart:1.0.0"] {
        run(chart).ends_with(3).says(&[&format!("as `oci://{chart}`"), "--offline"]);
    }
    for chart in ["./chart", "../chart", "charts/app", "r.example/c.tgz", "chart"] {
        assert!(!run(chart).ends_with(1).stderr.contains("oci://"), "{chart}");
    }
}

#[test]
fn the_option_why_prints_the_place_of_each_image() {
    let printed = list(&sandbox(), &["--chart=chart", "--why"]).stdout;
    for why in [
        "  # operator.image in chart/values.yaml:11, with the chart's appVersion\n  - source: ghcr.io/wasmcloud/runtime-operator:",
        "  # nats.image in chart/values.yaml:35\n  - source: docker.io/nats:",
    ] {
        assert!(printed.contains(why), "{why}\nis missing in\n{printed}");
    }
    let manifests = list(&sandbox(), &[RENDERED, "--why"]).stdout;
    let why = "# spec.template.spec.containers[0].image of Deployment wasmcloud/nats in ";
    assert!(manifests.contains(why), "{manifests}");
}

#[test]
fn images_of_disabled_parts_are_left_out() {
    let sandbox = sandbox();
    for words in [
        &["--chart=chart", "--disable=nats"][..],
        &["--chart=chart", "--disable=nats.enabled"],
        &["--chart=chart", "--set=nats.enabled=false"],
    ] {
        let printed = list(&sandbox, words).says(&[
            "left out: nats.image (docker.io/nats:2.11.3-alpine), because `nats.enabled` is off",
            "1 image of disabled parts or of annotations was left out; `--all-parts` adds them",
        ]);
        assert_eq!(sources(&printed.stdout), &sources(GUIDE)[..3], "{words:?}");
        let printed = list(&sandbox, &[words, &["--all-parts"]].concat());
        assert_eq!(sources(&printed.stdout), sources(GUIDE), "{words:?}");
    }
    sandbox
        .run(&["mirror", "list", "--registry=r.io", "--chart=chart", "--disable=natz"])
        .ends_with(2)
        .says(&["`natz`", "nearest: `nats`"]);
}

#[test]
fn each_value_of_the_guides_table_changes_the_list() {
    let sandbox = sandbox();
    for (set, changed) in [
        ("operator.image.registry=r.io", "r.io/wasmcloud/runtime-operator:2.0.0-rc.7"),
        ("operator.image.repository=a/b", "ghcr.io/a/b:2.0.0-rc.7"),
        ("operator.image.tag=7", "ghcr.io/wasmcloud/runtime-operator:7"),
        ("gateway.image.registry=r.io", "r.io/wasmcloud/runtime-gateway:2.0.0-rc.7"),
        ("gateway.image.repository=a/b", "ghcr.io/a/b:2.0.0-rc.7"),
        ("runtime.image.registry=r.io", "r.io/wasmcloud/wash:2.0.0-rc.7"),
        ("runtime.image.repository=a/b", "ghcr.io/a/b:2.0.0-rc.7"),
        ("runtime.image.tag=7.1", "ghcr.io/wasmcloud/wash:7.1"),
        ("nats.image.registry=r.io", "r.io/nats:2.11.3-alpine"),
        ("nats.image.repository=a/b", "docker.io/a/b:2.11.3-alpine"),
        ("nats.image.tag=2.12", "docker.io/nats:2.12"),
    ] {
        let printed = list(&sandbox, &["--chart=chart", "--set", set]).stdout;
        let found = sources(&printed);
        let new: Vec<_> = found.iter().filter(|it| !sources(GUIDE).contains(it)).collect();
        assert_eq!((found.len(), new), (4, vec![&changed]), "{set}");
    }
    let global = list(&sandbox, &["--chart=chart", "--set=global.image.registry=r.io"]).stdout;
    assert_eq!(sources(&global)[3], "r.io/nats:2.11.3-alpine");
    // A file, and a value that overrides it.
    sandbox.write("v.yaml", "runtime: {image: {tag: '8'}}\nnats:\n  image: {tag: '9'}\n");
    let both =
        list(&sandbox, &["--chart=chart", "--values=v.yaml", "--set=nats.image.tag=10"]).stdout;
    assert_eq!(sources(&both)[2..], ["ghcr.io/wasmcloud/wash:8", "docker.io/nats:10"]);
}

#[test]
fn a_second_run_keeps_own_entries_and_adds_new_images() {
    let sandbox = sandbox();
    let output = ["--chart=chart", "-o", "mirror.yaml"];
    list(&sandbox, &[&output[..], &["--disable=nats"]].concat())
        .says(&["3 images added, 0 were there"]);
    let own =
        "# ours\n  - source: quay.io/own/tool:1  # by hand\n    destination: myregistry/tool:1\n";
    let text = sandbox.read("mirror.yaml") + own;
    sandbox.write("mirror.yaml", &text);
    list(&sandbox, &output).says(&[
        "added docker.io/nats:2.11.3-alpine",
        "kept quay.io/own/tool:1, which was not found this time",
        "1 image added, 4 were there",
    ]);
    let nats = "  - source: docker.io/nats:2.11.3-alpine\n    destination: myregistry/nats:2.11.3-alpine\n";
    assert_eq!(sandbox.read("mirror.yaml"), format!("{text}{nats}"));
    list(&sandbox, &output).says(&["0 images added, 5 were there"]);
    assert_eq!(sandbox.read("mirror.yaml"), format!("{text}{nats}"));
    // A user's entry at the place of another image stays there.
    let taken = "images:\n- source: quay.io/nats:1\n  destination: myregistry/nats:2.11.3-alpine\n";
    sandbox.write("mirror.yaml", taken);
    list(&sandbox, &output).says(&["goes to `myregistry/docker.io/nats:2.11.3-alpine`"]);
    assert!(sandbox.read("mirror.yaml").starts_with(&guessed(taken)));
    // A file with a wrong form is neither used nor changed.
    for (wrong, message) in [
        ("images:\n- source: a\n  destination: r/a:1\n", "no tag and no digest"),
        ("images:\n- source: a:1\n  destinatoin: r/a:1\n", "nearest: `destination`"),
        ("images:\n- source: a:1\n  destination: other.io/a:1\n", "is not in `myregistry`"),
        ("images: [\n", "as YAML"),
        (
            "images:\n- source: quay.io/nats:1\n  destination: myregistry/nats:2.11.3-alpine\n- source: nats:1\n  destination: myregistry/nats:2.11.3-alpine\n",
            "two images have the destination `myregistry/nats:2.11.3-alpine`",
        ),
    ] {
        sandbox.write("mirror.yaml", wrong);
        let words = [&["mirror", "list", "--registry=myregistry"], &output[..]].concat();
        sandbox.run(&words).ends_with(2).says(&[message]);
        assert_eq!(sandbox.read("mirror.yaml"), wrong);
    }
}

#[test]
fn charts_in_charts_with_conditions_aliases_and_archives() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "c/Chart.yaml",
        "name: c\nversion: 1.0.0\nappVersion: '1.0'\nannotations:\n  helm.sh/images: |\n    - {name: hook, image: 'quay.io/hook:1'}\n\
         dependencies:\n- {name: nats, condition: 'nats.enabled,global.nats'}\n- {name: redis, alias: cache}\n- {name: off, tags: [extras]}\n- {name: gone}\n",
    );
    sandbox.write(
        "c/values.yaml",
        "image: c/c\nnats: {image: {tag: '3'}}\ntags: {extras: false}\nglobal: {}\n",
    );
    sandbox.write("c/templates/job.yaml", "containers:\n- image: literal:1\n");
    sandbox.write("c/charts/nats/Chart.yaml", "name: nats\nversion: 1.0.0\nappVersion: '2.0'\n");
    sandbox.write("c/charts/nats/values.yaml", "enabled: true\nimage: {repository: nats, tag: '2'}\nexporter: {enabled: false, image: {repository: x/exporter}}\n");
    sandbox.write(
        "c/charts/nats/templates/x.yaml",
        "image: {{ .Values.image.repository }}:{{ .Values.image.tag }}\n",
    );
    let redis = Tar::new()
        .file("redis/Chart.yaml", "name: redis\nversion: 1.0.0\nappVersion: '7'\n")
        .file("redis/values.yaml", "image: {repository: redis}\n");
    sandbox.write("c/charts/redis-1.0.0.tgz", redis.gz());
    sandbox.write("c/charts/off/Chart.yaml", "name: off\nversion: 1.0.0\n");
    sandbox.write("c/charts/off/values.yaml", "image: off:1\n");

    let printed = list(&sandbox, &["--chart=c"]).says(&[
        "left out: off (docker.io/off:1), because `tags.extras` is off",
        "left out: nats.exporter.image (docker.io/x/exporter:2.0), because `nats.exporter.enabled` is off",
        "`gone`",
        "`c/c` has no tag, which means `latest` (image in c/values.yaml:1)",
        "`quay.io/hook:1` is a guess: only an annotation of the chart names it",
        "`docker.io/nats:3` is a guess: it has no registry",
        "`docker.io/redis:7` is a guess: its tag is taken from the chart's appVersion",
    ]);
    assert_eq!(
        sources(&printed.stdout),
        ["docker.io/c/c:latest", "docker.io/nats:3", "docker.io/redis:7", "quay.io/hook:1",]
    );
    let all = list(&sandbox, &["--chart=c", "--all-parts"]).stdout;
    assert_eq!(sources(&all)[4..], ["docker.io/x/exporter:2.0", "docker.io/off:1"]);
    let words = ["mirror", "list", "--registry=r.io", "--chart=c", "--strict", "-o", "strict.yaml"];
    sandbox.run(&words).ends_with(2).says(&["`--strict`", "guessed", "--helm /path/to/helm"]);
    assert!(!sandbox.path("strict.yaml").exists());
    let without = list(&sandbox, &["--chart=c", "--disable=nats"]).stdout;
    assert!(!without.contains("nats:"), "{without}");
    let without = list(
        &sandbox,
        &["--chart=c", "--set=cache.image.tag=8,global.nats=false,nats.enabled=null"],
    )
    .stdout;
    assert!(without.contains("redis:8"), "{without}");
}

#[test]
fn values_for_the_list_of_the_guide() {
    let sandbox = sandbox();
    sandbox.write("mirror.yaml", GUIDE);
    let values = |more: &[&str]| {
        guess(&sandbox.run(&[&["mirror", "values", "--chart=chart"], more].concat()).succeeds())
    };
    let global = "global:\n  image:\n    registry: myregistry\n";
    let secret = "    pullSecrets:\n      - name: my-registry-secret\n";
    assert_eq!(values(&[]), global);
    assert_eq!(values(&["--pull-secret=my-registry-secret"]), format!("{global}{secret}"));
    let component = |name: &str| format!("{name}:\n  image:\n    registry: myregistry\n");
    let all: String = ["operator", "gateway", "runtime", "nats"].map(component).concat();
    assert_eq!(values(&["--per-component"]), all);
    let without = values(&["--disable=nats", "--per-component"]);
    assert_eq!(without, format!("nats:\n  enabled: false\n{}", &all[..all.find("nats").unwrap()]));
    // With these values the chart is in the private registry, as the program itself checks.
    sandbox.write("my-values.yaml", values(&["--pull-secret=s"]));
    let error = sandbox
        .run(&[
            "mirror",
            "list",
            "--registry=myregistry",
            "--chart=chart",
            "--values=my-values.yaml",
        ])
        .succeeds();
    assert_eq!(error.stdout, guessed("images: []\n"));
}

#[test]
fn values_for_images_of_several_registries() {
    let sandbox = sandbox();
    let values = || guess(&sandbox.run(&["mirror", "values", "--chart=chart"]).succeeds());
    // Another path, another repository, another tag.
    let other = GUIDE
        .replace(
            "myregistry/wasmcloud/wash:2.0.0-rc.7",
            "myregistry/team/wasmcloud/wash:2.0.0-rc.7",
        )
        .replace("myregistry/nats:2.11.3-alpine", "myregistry/tools/nats-server:2.11");
    sandbox.write("mirror.yaml", other);
    assert_eq!(
        values(),
        "operator:\n  image:\n    registry: myregistry\ngateway:\n  image:\n    registry: myregistry\n\
         runtime:\n  image:\n    registry: myregistry/team\n\
         nats:\n  image:\n    registry: myregistry\n    repository: tools/nats-server\n    tag: \"2.11\"\n"
    );
}

#[test]
fn wrong_use_of_mirror_values_is_explained() {
    let sandbox = sandbox();
    sandbox
        .write("mirror.yaml", "images:\n- source: docker.io/nats:1\n  destination: r.io/nats:1\n");
    let run = |words: &[&str]| sandbox.run(&[&["mirror", "values"], words].concat()).ends_with(2);
    run(&["--chart=chart"])
        .says(&["`ghcr.io/wasmcloud/runtime-operator:2.0.0-rc.7` is not in `mirror.yaml`"]);
    run(&[]).says(&["--chart"]);
    run(&["--chart=chart", "--set=a"]).says(&["no `=`"]);
    sandbox.write("bare/Chart.yaml", "name: bare\n");
    sandbox.write("bare/values.yaml", "image: docker.io/nats:1\n");
    run(&["--chart=bare", "--pull-secret=s"]).says(&["pull secrets", "global.image.pullSecrets"]);
    let values = guess(&sandbox.run(&["mirror", "values", "--chart=bare"]).succeeds());
    assert_eq!(values, "image: r.io/nats:1\n");
}

#[test]
fn kustomize_images_for_the_list_of_the_guide() {
    let sandbox = sandbox();
    sandbox.write("mirror.yaml", GUIDE);
    let entry = |name: &str, new: &str| format!("  - name: {name}\n    newName: {new}\n");
    let component = |name: &str| {
        entry(&format!("ghcr.io/wasmcloud/{name}"), &format!("myregistry/wasmcloud/{name}"))
    };
    let three = ["runtime-operator", "runtime-gateway", "wash"].map(component).concat();
    let with_manifests = sandbox.run(&["mirror", "kustomize", RENDERED]).succeeds();
    assert_eq!(
        with_manifests.stdout,
        format!("images:\n{three}{}", entry("docker.io/nats", "myregistry/nats"))
    );
    assert_eq!(with_manifests.stderr, "");
    let nats = ["nats", "docker.io/nats", "docker.io/library/nats"]
        .map(|it| entry(it, "myregistry/nats"))
        .concat();
    let without = sandbox.run(&["mirror", "kustomize"]).succeeds().stdout;
    assert_eq!(without, format!("images:\n{three}{nats}"));
    sandbox.write(
        "m.yaml",
        "spec: {image: 'nats:2.11.3-alpine', containers: [{image: 'busybox:1'}]}\n",
    );
    let printed = sandbox.run(&["mirror", "kustomize", "m.yaml"]).succeeds();
    assert_eq!(printed.stdout, "images: []\n");
    printed.says(&[
        "m.yaml:1:15: Kustomize does not change `nats:2.11.3-alpine` in spec.image",
        "`busybox:1` is not in `mirror.yaml`",
    ]);
}

#[test]
fn check_names_file_line_resource_and_field() {
    let sandbox = sandbox();
    let printed = sandbox.run(&["mirror", "check", RENDERED, "--registry=ghcr.io"]).ends_with(4);
    let expected = format!(
        "{RENDERED}/runtime-operator/templates/nats/deployment.yaml:19:18  docker.io/nats:2.11.3-alpine\n  \
         resource: Deployment wasmcloud/nats\n  field:    spec.template.spec.containers[0].image\n  \
         problem:  it comes from `docker.io`, not from `ghcr.io`\n"
    );
    assert_eq!(printed.stdout, expected);
    printed.says(&["1 of 4 images is not in `ghcr.io`"]);
    sandbox.write("m.json", r#"{"kind": "List", "apiVersion": "v1", "items": [{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}, "spec": {"containers": [{"image": "r.io/a:1"}, {"image": "r.io.evil.org/a:1"}]}}]}"#);
    let data = sandbox
        .run(&["mirror", "check", "m.json", "--registry=r.io", "--json"])
        .ends_with(4)
        .json();
    assert_eq!((&data["images"], &data["files"]), (&2.into(), &1.into()));
    let finding = &data["findings"][0];
    assert_eq!(finding["written"], "r.io.evil.org/a:1");
    assert_eq!(finding["resource"]["name"], "p");
    assert_eq!(finding["field"], "spec.containers[1].image");
    assert_eq!((&finding["file"], &finding["line"]), (&"m.json".into(), &1.into()));
    assert_eq!(data["kind"], "integrity");
}

#[test]
fn check_passes_only_where_it_looked() {
    let sandbox = Sandbox::new();
    sandbox.write("d/a.yaml", "spec: {containers: [{image: 'r.io/a:1'}]}\n");
    sandbox.write("d/notes.txt", "image: other:1\n");
    let check = |path: &str| sandbox.run(&["mirror", "check", path, "--registry=r.io"]);
    check("d").succeeds().says(&["1 image in 1 file is in `r.io`"]);
    sandbox.write("empty/notes.txt", "");
    check("empty").ends_with(2).says(&["found no manifests in `empty`"]);
    check("nowhere").ends_with(1).says(&["nowhere"]);
    sandbox.write("none.yaml", "a: 1\n");
    check("none.yaml").succeeds().says(&["found no image in 1 file"]);
    sandbox
        .run(&["mirror", "check", "d", "--registry=https://r.io"])
        .ends_with(2)
        .says(&["without `https://`"]);
    sandbox.run(&["mirror", "check", "--registry=r.io"]).ends_with(2);
    let input = "containers:\n- image: 'nats:1'\n";
    let output = piped(&sandbox, &["mirror", "check", "-", "--registry=r.io"], input);
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("stdin:2:10  nats:1\n"));
}

#[test]
fn check_accepts_findings_that_have_a_reason() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "m.yaml",
        "kind: Pod\nspec: {containers: [{image: 'r.io/a:1'}, {image: 'k.io/pause:3'}]}\n",
    );
    sandbox.write(
        "allow.yaml",
        "allow:\n- {image: 'k.io/*', reason: on every node}\n- {image: 'x:1', reason: old}\n",
    );
    let words = ["mirror", "check", "m.yaml", "--registry=r.io"];
    sandbox.run(&words).ends_with(4).says(&["1 of 2 images"]);
    let words = [&words[..], &["--allow=allow.yaml"]].concat();
    sandbox.run(&words).succeeds().says(&[
        "accepted m.yaml:2:",
        "k.io/pause:3: on every node",
        "allow.yaml:3:",
        "`x:1` accepts nothing",
        "1 image in 1 file is in `r.io`; 1 is accepted by `allow.yaml`",
    ]);
    let json = sandbox.run(&[&words[..], &["--json"]].concat()).succeeds().json();
    assert_eq!(json["findings"].as_array().unwrap().len(), 0);
    assert_eq!(json["accepted"][0]["reason"], "on every node");
    sandbox.write("allow.yaml", "allow:\n- image: x:1\n");
    sandbox.run(&words).ends_with(2).says(&["not have `reason`", "allow.yaml:2:"]);
}

#[test]
fn check_fails_for_documents_it_cannot_read() {
    let sandbox = Sandbox::new();
    let laughs: String = (1..12)
        .map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(",")))
        .collect();
    for (text, place, message) in [
        ("a: 1\n---\nspec:\n\tx: 1\n", "m.yaml:4:", "not YAML"),
        ("a: b: c\n", "m.yaml:1:5", "not YAML"),
        ("spec:\n  image: r.io/a:1\n  image: evil.io/a:1\n", "m.yaml:3:3", "is already in line 2"),
        (&format!("a0: &a0 [x]\n{laughs}"), "m.yaml:", "more than 1000000 values"),
        ("a: &a [*a]\n", "m.yaml:1:", "itself"),
        ("? [a]\n: b\n", "m.yaml:1:", "a key must be"),
    ] {
        sandbox.write("m.yaml", text);
        let printed = sandbox.run(&["mirror", "check", "m.yaml", "--registry=r.io"]).ends_with(2);
        assert!(
            printed.stdout.contains(place) && printed.stdout.contains(message),
            "{text}\n{}",
            printed.stdout
        );
    }
    // The readable documents of the same file are checked too.
    sandbox.write("m.yaml", "image: a:1\n---\n[\n---\nimage: b:1\n");
    let printed = sandbox.run(&["mirror", "check", "m.yaml", "--registry=r.io"]).ends_with(2);
    for place in ["m.yaml:1:8  a:1", "not YAML", "m.yaml:5:8  b:1"] {
        assert!(printed.stdout.contains(place), "{}", printed.stdout);
    }
    sandbox.write("m.yaml", b"image: \xff\n");
    sandbox.run(&["mirror", "check", "m.yaml", "--registry=r.io"]).ends_with(2).says(&["UTF-8"]);
    // Untrusted text does not control the terminal.
    sandbox.write("m.yaml", "image: \"evil.io/a:1\\e[2J\"\n");
    let printed = sandbox.run(&["mirror", "check", "m.yaml", "--registry=r.io"]).ends_with(4);
    assert!(!printed.stdout.contains('\u{1b}'), "{}", printed.stdout);
}

#[test]
fn broken_and_hostile_charts_are_refused() {
    let sandbox = sandbox();
    let run = |chart: &str| sandbox.run(&["mirror", "list", "--registry=r.io", "--chart", chart]);
    sandbox.write("empty/x", "");
    run("empty").ends_with(2).says(&["`empty` is not a Helm chart", "empty/Chart.yaml"]);
    run("nowhere").ends_with(1).says(&["nowhere"]);
    run("https://ghcr.io/c").ends_with(2).says(&["its oci:// reference", "`oci://`"]);
    sandbox.write("imageless/Chart.yaml", "name: x\n");
    let printed = run("imageless").succeeds().says(&["no image was found to mirror"]);
    assert!(printed.stdout.ends_with("\nimages: []\n"), "{}", printed.stdout);
    sandbox.write("broken/Chart.yaml", "name: x\n");
    sandbox.write("broken/values.yaml", "a: b: c\n");
    run("broken").ends_with(2).says(&["broken/values.yaml", "line 1, column 5"]);
    sandbox.write("no.tgz", "no archive");
    run("no.tgz").ends_with(4).says(&["not a tar.gz"]);
    for tar in [
        Tar::new().file("c/Chart.yaml", "name: x\n").file("c/../../evil", ""),
        Tar::new().file("c/Chart.yaml", "name: x\n").symlink("c/values.yaml", "/etc/passwd"),
    ] {
        sandbox.write("evil.tgz", tar.gz());
        let before = sandbox.tree("");
        run("evil.tgz").ends_with(4).says(&["evil"]);
        assert_eq!(sandbox.tree(""), before);
    }
    // A chart that contains itself many times.
    let mut inner = Tar::new().file("c/Chart.yaml", "name: c\n").gz();
    for _ in 0..10 {
        inner = Tar::new().file("c/Chart.yaml", "name: c\n").file("c/charts/c.tgz", inner).gz();
    }
    sandbox.write("deep.tgz", inner);
    run("deep.tgz").ends_with(2).says(&["more than 8 charts"]);
    // A tag that YAML reads as a number is not the tag that it looks like.
    sandbox.write("number/Chart.yaml", "name: x\n");
    sandbox.write("number/values.yaml", "image: {repository: a, tag: 1.10}\n");
    let printed = run("number").succeeds();
    assert_eq!(sources(&printed.stdout), ["docker.io/a:1.1"]);
    printed.says(&["`1.10`", "quote it"]);
}

#[test]
fn a_password_before_a_registry_is_not_printed() {
    let sandbox = sandbox();
    sandbox
        .write("mirror.yaml", "images:\n  - source: u:geheim@r.corp/a:1\n    destination: r/a:1\n");
    for registry in
        ["https://user:geheim@reg.corp", "user:geheim@reg.corp", "user:ge/geheim@reg.corp"]
    {
        let registry = format!("--registry={registry}");
        for words in [
            &["mirror", "check", RENDERED, &registry][..],
            &["mirror", "list", RENDERED, &registry],
            &["mirror", "copy", &registry],
        ] {
            let printed = sandbox.run(words).ends_with(2).says(&["...@reg.corp", "--registry"]);
            assert!(!printed.stderr.contains("geheim"), "{}", printed.stderr);
        }
    }
    let printed =
        sandbox.run(&["mirror", "lock"]).ends_with(2).says(&["mirror.yaml:2", "...@r.corp"]);
    assert!(!printed.stderr.contains("geheim"), "{}", printed.stderr);
}

#[test]
fn equal_paths_of_two_registries_get_different_destinations() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "m.yaml",
        "kind: Pod\nspec:\n  containers:\n  - image: quay.io/p/n:v1\n  - image: p/n:v1\n  - image: org/a:1\n",
    );
    let list = sandbox.run(&["mirror", "list", "--registry=r.io", "m.yaml", "-o", "mirror.yaml"]);
    list.succeeds().says(&["`quay.io/p/n:v1` goes to `r.io/quay.io/p/n:v1`"]);
    let text = sandbox.read("mirror.yaml");
    for destination in ["r.io/quay.io/p/n:v1", "r.io/docker.io/p/n:v1", "r.io/org/a:1"] {
        assert!(text.contains(&format!("destination: {destination}\n")), "{destination} {text}");
    }
    // The other commands use the same file.
    let made = sandbox.run(&["mirror", "kustomize", "m.yaml"]).succeeds().stdout;
    assert!(made.contains("newName: r.io/docker.io/p/n"), "{made}");
    sandbox.run(&["mirror", "list", "--registry=r.io"]).ends_with(2).says(&["--chart", "paths"]);
    sandbox.write("n.yaml", "image: r.io/team2/x:1\n");
    let check = sandbox.run(&["mirror", "check", "n.yaml", "--registry=r.io/team"]).ends_with(4);
    let says = "it comes from `r.io/team2/x`, which is not in `r.io/team`";
    assert!(check.stdout.contains(says), "{}", check.stdout);
}

#[test]
fn the_file_of_another_program_beside_a_kustomization_stays() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "m.yaml",
        "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nmetadata: {name: p}\n\
         spec: {image: 'quay.io/prometheus/prometheus:v3'}\n",
    );
    sandbox.write(
        "mirror.yaml",
        "images:\n- {source: 'quay.io/prometheus/prometheus:v3', destination: 'r.corp/p:v3'}\n",
    );
    let words = ["mirror", "kustomize", "m.yaml", "-o", "kustomization.yaml"];
    sandbox.write("image-fields.yaml", "mine: true\n");
    sandbox.run(&words).ends_with(2).says(&[
        "cannot write `image-fields.yaml`",
        "no file, or one written by `mirror kustomize`",
        "rename it",
    ]);
    assert_eq!(sandbox.read("image-fields.yaml"), "mine: true\n");
    assert!(!sandbox.path("kustomization.yaml").exists());
    std::fs::remove_file(sandbox.path("image-fields.yaml")).unwrap();
    sandbox.run(&words).succeeds();
    sandbox.run(&words).succeeds();
    assert!(sandbox.read("image-fields.yaml").contains("kind: Prometheus"));
}

#[test]
fn an_output_that_is_a_file_that_is_read_is_refused() {
    const LIST: &str =
        "images:\n- {source: 'ghcr.io/org/app:1', destination: 'r.corp/org/app:1'}\n";
    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: 'ghcr.io/org/app:1'}]}\n";
    let sandbox = Sandbox::new();
    sandbox.write("mirror.yaml", LIST);
    sandbox.write("pod.yaml", POD);
    for (words, said) in [
        ("policy --format=idms -o ./mirror.yaml", "would replace a file that is read"),
        ("policy --format=itms -o mirror.yaml", "would replace a file that is read"),
        ("kustomize pod.yaml -o mirror.yaml", "would replace a file that is read"),
        ("kustomize pod.yaml -o pod.yaml", "found:    kind Pod"),
        ("list pod.yaml --format=images -o pod.yaml", "would replace a file that is read"),
        ("list --format=images mirror.yaml pod.yaml -o pod.yaml", "name another file"),
    ] {
        let words: Vec<_> = ["mirror"].into_iter().chain(words.split(' ')).collect();
        sandbox.run(&words).ends_with(2).says(&[said]);
        assert_eq!(sandbox.read("mirror.yaml"), LIST, "{words:?}");
        assert_eq!(sandbox.read("pod.yaml"), POD, "{words:?}");
    }
    sandbox.run(&["mirror", "policy", "--format=idms", "-o", "idms.yaml"]).succeeds();
    sandbox.run(&["mirror", "policy", "--format=idms", "-o", "idms.yaml"]).succeeds();
}
