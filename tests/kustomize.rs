//! The images transformer in a real Kustomize, on manifests with every spelling of an image.
//!
//! These tests need a `kustomize` on PATH; `scripts/test` provides it and runs them.

// Tests create their own folders.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/sandbox.rs"]
mod sandbox;

use std::process::Command;

use sandbox::{Sandbox, tree};

const RENDERED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/charts/rendered");

const REGISTRY: &str = "--registry=registry.corp:5000/mirror";

/// One image of Docker Hub in each spelling, in several kinds of workload.
const SPELLINGS: &str = "\
apiVersion: batch/v1
kind: CronJob
metadata: {name: cron}
spec:
  jobTemplate:
    spec:
      template:
        spec:
          initContainers:
          - {name: a, image: 'nats:2.11.3-alpine'}
          - {name: b, image: 'docker.io/library/nats:2.11.3-alpine'}
          containers:
          - {name: c, image: 'index.docker.io/library/nats:2.11.3-alpine'}
          - {name: d, image: 'natsio/nats-box:0.14'}
---
apiVersion: v1
kind: Pod
metadata: {name: pod}
spec:
  containers:
  - {name: a, image: 'library/nats:2.11.3-alpine'}
  - {name: b, image: 'ghcr.io/wasmcloud/wash@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'}
  - {name: c, image: 'quay.io/untagged/app'}
---
apiVersion: example.com/v1
kind: Custom
metadata: {name: custom}
spec:
  anything:
    containers:
    - {name: a, image: 'quay.io/custom/app:1'}
";

/// Fields that the transformer does not read.
const UNREACHED: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: far}
spec:
  containers:
  - name: a
    image: ghcr.io/far/app:1
    args: [--side-image=ghcr.io/far/app:1]
    env: [{name: SIDE_IMAGE, value: 'ghcr.io/far/app:1'}]
  ephemeralContainers:
  - {name: b, image: 'ghcr.io/far/app:1'}
  volumes:
  - {name: v, image: {reference: 'ghcr.io/far/app:1'}}
---
apiVersion: example.com/v1
kind: Custom
metadata: {name: far}
spec: {image: 'ghcr.io/far/app:1', deep: {volumes: [{name: v, image: {reference: 'ghcr.io/far/app:1'}}]}}
";

/// Creates a folder with manifests, their mirror list and a kustomization with the transformer.
fn mirrored(manifests: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    let mut resources = String::from("resources:\n");
    for (name, text) in manifests {
        sandbox.write(&format!("manifests/{name}"), text);
        resources.push_str(&format!("- manifests/{name}\n"));
    }
    sandbox.run(&["mirror", "list", REGISTRY, "manifests", "-o", "mirror.yaml"]).succeeds();
    let transformer = sandbox.run(&["mirror", "kustomize", "manifests"]).succeeds().stdout;
    sandbox.write("kustomization.yaml", resources + &transformer);
    sandbox
}

/// Returns the output of Kustomize for the folder.
fn build(sandbox: &Sandbox) -> String {
    let output = Command::new("kustomize").arg("build").arg(sandbox.root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "needs a kustomize: scripts/test runs it"]
fn the_transformed_manifests_pass_the_check() {
    let chart: Vec<_> = tree(RENDERED.as_ref())
        .into_iter()
        .map(|(name, text)| (name.replace('/', "-"), String::from_utf8(text).unwrap()))
        .collect();
    let mut manifests: Vec<_> = chart.iter().map(|(name, text)| (&**name, &**text)).collect();
    manifests.push(("spellings.yaml", SPELLINGS));
    let sandbox = mirrored(&manifests);
    sandbox
        .run(&["mirror", "check", REGISTRY, "manifests"])
        .ends_with(4)
        .says(&["12 of 12 images"]);
    let built = build(&sandbox);
    sandbox.write("built.yaml", &built);
    sandbox.run(&["mirror", "check", REGISTRY, "built.yaml"]).succeeds().says(&["12 images"]);
    for image in [
        "registry.corp:5000/mirror/wasmcloud/runtime-operator:2.0.0-rc.7",
        "registry.corp:5000/mirror/wasmcloud/wash@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "registry.corp:5000/mirror/natsio/nats-box:0.14",
        "registry.corp:5000/mirror/untagged/app\n",
        "registry.corp:5000/mirror/custom/app:1",
    ] {
        assert!(built.contains(image), "{image} is missing in\n{built}");
    }
    assert_eq!(built.matches("mirror/nats:2.11.3-alpine").count(), 5, "{built}");
}

#[test]
#[ignore = "needs a kustomize: scripts/test runs it"]
fn kustomize_leaves_only_the_fields_that_are_named() {
    let sandbox = mirrored(&[("far.yaml", UNREACHED)]);
    let messages = sandbox.run(&["mirror", "kustomize", "manifests"]).succeeds().stderr;
    assert_eq!(messages.matches("Kustomize does not change").count(), 5, "{messages}");
    sandbox.write("built.yaml", build(&sandbox));
    let left = sandbox.run(&["mirror", "check", REGISTRY, "built.yaml"]).ends_with(4);
    assert!(!left.stdout.contains("containers[0].image"), "{}", left.stdout);
    for field in [
        "spec.containers[0].args[0]",
        "spec.containers[0].env[0].value",
        "spec.ephemeralContainers[0].image",
        "spec.deep.volumes[0].image.reference",
        "spec.image",
    ] {
        assert!(
            messages.contains(field) && left.stdout.contains(&format!("field:    {field}\n")),
            "{field}\n{messages}\n{}",
            left.stdout
        );
    }
    left.says(&["5 of 7 images"]);
}

#[test]
#[ignore = "needs a kustomize: scripts/test runs it"]
fn tags_and_digests_change_as_the_list_says() {
    let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let sandbox = Sandbox::new();
    sandbox.write("manifests/a.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: 'ghcr.io/a/a:1'}, {name: b, image: 'ghcr.io/b/b:2'}]}\n");
    sandbox.write("mirror.yaml", format!("images:\n- source: ghcr.io/a/a:1\n  destination: r.io/x/a:1-approved\n- source: ghcr.io/b/b:2\n  destination: r.io/b/b:2@{digest}\n"));
    let transformer = sandbox.run(&["mirror", "kustomize", "manifests"]).succeeds().stdout;
    sandbox.write("kustomization.yaml", format!("resources: [manifests/a.yaml]\n{transformer}"));
    let built = build(&sandbox);
    for image in ["image: r.io/x/a:1-approved\n".to_owned(), format!("@{digest}\n")] {
        assert!(built.contains(&image), "{image} is missing in\n{built}");
    }
    sandbox.write("built.yaml", &built);
    sandbox.run(&["mirror", "check", "--registry=r.io", "built.yaml"]).succeeds();
}

/// Images in texts, in parts and in custom resources.
const TEXTS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: texts.v1}
data:
  config.yaml: |
    sidecar: {image: 'quay.io/side/car:1'}
    other: quay.io/side/car:10
  op.repository: quay.io/side/car
  op.tag: '1'
  SIDE_IMAGE: quay.io/side/car:1
---
apiVersion: hw.example/v1
kind: Policy
metadata: {name: policy}
spec:
  driver: {repository: quay.io/side, image: car, version: '1'}
  agent: {image: {registry: quay.io, repository: side/car, tag: '1'}}
  brokers: [{brokerImage: 'quay.io/side/car:1'}, {brokerImage: 'quay.io/side/car:10'}]
  images: ['quay.io/side/car:1']
---
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: in-a-list, namespace: n}
  spec:
    selector: {matchLabels: {a: b}}
    template:
      metadata: {labels: {a: b}}
      spec:
        containers:
        - name: a
          image: quay.io/side/car:1
          args: ['--reloader-image=quay.io/side/car:1', 'run quay.io/side/car:10 and quay.io/side/car:1.']
          env: [{name: A_IMAGE, value: 'quay.io/side/car:1'}, {name: B, value: 'quay.io/side/car'}]
";

#[test]
#[ignore = "needs a kustomize: scripts/test runs it"]
fn a_second_run_adds_no_duplicate_to_the_kustomization() {
    let sandbox = Sandbox::new();
    for (name, text) in tree(RENDERED.as_ref()) {
        sandbox.write(&format!("manifests/{name}"), text);
    }
    for (name, text) in [("a.yaml", SPELLINGS), ("b.yaml", UNREACHED), ("c.yaml", TEXTS)] {
        sandbox.write(&format!("manifests/more/{name}"), text);
    }
    sandbox.write("manifests/notes.yaml", "# nothing is here\n");
    sandbox.write("manifests/values.yaml", "a: b\n");
    sandbox.run(&["mirror", "list", REGISTRY, "manifests", "-o", "mirror.yaml"]).succeeds();
    let words = ["mirror", "kustomize", "./manifests", "-o", "kustomization.yaml"];
    sandbox.run(&words).succeeds().says(&["kustomization.yaml: 7 resources"]);
    let (first, fields) = (sandbox.read("kustomization.yaml"), sandbox.read("image-fields.yaml"));
    sandbox.run(&words).succeeds();
    assert_eq!(sandbox.read("kustomization.yaml"), first);
    assert_eq!(sandbox.read("image-fields.yaml"), fields);
    let built = build(&sandbox);
    sandbox.write("built/all.yaml", &built);
    let checked = sandbox.run(&["mirror", "check", REGISTRY, "built"]).succeeds();
    checked.says(&["33 images in 1 file"]);
    let before = sandbox.run(&["mirror", "check", REGISTRY, "manifests"]).ends_with(4);
    before.says(&["33 of 33 images"]);
    for text in [
        "registry.corp:5000/mirror/side/car:10 and registry.corp:5000/mirror/side/car:1.",
        "value: quay.io/side/car\n",
        "op.repository: registry.corp:5000/mirror/side/car\n",
        "repository: registry.corp:5000/mirror/side\n",
        "repository: mirror/side/car\n",
    ] {
        assert!(built.contains(text), "{text} is missing in\n{built}");
    }
    // The files that the transformer writes and reads do not count as manifests of a folder.
    std::fs::remove_dir_all(sandbox.path("built")).unwrap();
    sandbox.run(&["mirror", "kustomize", ".", "-o", "kustomization.yaml"]).succeeds();
    assert_eq!(sandbox.read("kustomization.yaml"), first);
}

#[test]
#[ignore = "needs a kustomize: scripts/test runs it"]
fn an_existing_kustomization_keeps_its_content() {
    let pod = |name: &str, image: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: a, image: '{image}'}}]}}\n"
        )
    };
    let sandbox = Sandbox::new();
    sandbox.write("app/m/a.yaml", pod("a", "quay.io/a/a:1"));
    sandbox.write("app/m/b.yaml", pod("b", "quay.io/b/b:1"));
    sandbox.write("app/mine.yaml", pod("mine", "nginx:1"));
    sandbox.write(
        "app/kustomization.yaml",
        "# mine\nnamePrefix: p-   # why\nresources:\n  - mine.yaml # first\n  - ./m\n  - m/gone.yaml\nimages:\n  # pinned\n  - name: quay.io/a/a\n    newTag: \"2\"\n  - name: nginx\n    newTag: \"3\"\npatches:\n- patch: |-\n    - {op: add, path: /metadata/labels, value: {x: z}}\n  target: {kind: Pod}\n",
    );
    sandbox.write("mirror.yaml", "images:\n- {source: 'quay.io/a/a:1', destination: 'r.io/x/a:1'}\n- {source: 'quay.io/b/b:1', destination: 'r.io/b/b:1'}\n");
    let words = ["mirror", "kustomize", "app/m", "-o", "app/kustomization.yaml"];
    sandbox.run(&words).succeeds().says(&[
        "removed `./m` from the resources",
        "removed `m/gone.yaml` from",
        "kept `newTag: 2` of `quay.io/a/a`",
    ]);
    assert_eq!(
        sandbox.read("app/kustomization.yaml"),
        "# mine\nnamePrefix: p-   # why\nresources:\n  - mine.yaml # first\n  - m/a.yaml\n  - m/b.yaml\nimages:\n  # pinned\n  - name: quay.io/a/a\n    newTag: \"2\"\n    newName: r.io/x/a\n  - name: nginx\n    newTag: \"3\"\n  - name: quay.io/b/b\n    newName: r.io/b/b\npatches:\n- patch: |-\n    - {op: add, path: /metadata/labels, value: {x: z}}\n  target: {kind: Pod}\n"
    );
    let output = Command::new("kustomize").arg("build").arg(sandbox.path("app")).output().unwrap();
    let built = String::from_utf8(output.stdout).unwrap();
    for text in [
        "image: r.io/x/a:2\n",
        "image: r.io/b/b:1\n",
        "image: nginx:3\n",
        "name: p-mine\n",
        "x: z\n",
    ] {
        assert!(built.contains(text), "{text} is missing in\n{built}");
    }
    for (words, says) in [
        (["app/m", "-o", "other/kustomization.yaml"], "is not below the folder"),
        (["-", "-o", "app/kustomization.yaml"], "standard input"),
    ] {
        let words = [&["mirror", "kustomize"][..], &words].concat();
        let output = sandbox.run(&words).ends_with(2);
        output.says(&[says]);
    }
}
