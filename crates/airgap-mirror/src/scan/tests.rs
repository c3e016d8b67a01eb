use super::*;

/// Returns each image with its field and line.
fn found(text: &str) -> Vec<(String, String, u32)> {
    let documents = Documents::new(text, "a.yaml", Duplicates::Refused);
    documents
        .flat_map(|document| scan(&document.unwrap()).unwrap())
        .map(|occurrence| (occurrence.written, occurrence.field, occurrence.place.line))
        .collect()
}

fn names(text: &str) -> Vec<String> {
    found(text).into_iter().map(|(written, ..)| written).collect()
}

#[track_caller]
fn is(text: &str, expected: &[(&str, &str, u32)]) {
    let expected: Vec<_> =
        expected.iter().map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), *c)).collect();
    assert_eq!(found(text), expected);
}

#[test]
fn images_of_containers_of_every_workload_are_found() {
    let pod = "spec:\n  initContainers:\n  - {name: a, image: init:1}\n  containers:\n  - image: main:1\n  ephemeralContainers:\n  - image: debug:1\n  volumes:\n  - name: v\n    image: {reference: volume:1, pullPolicy: Always}\n";
    is(
        &format!("apiVersion: v1\nkind: Pod\n{pod}"),
        &[
            ("init:1", "spec.initContainers[0].image", 5),
            ("main:1", "spec.containers[0].image", 7),
            ("debug:1", "spec.ephemeralContainers[0].image", 9),
            ("volume:1", "spec.volumes[0].image.reference", 12),
        ],
    );
    let cron = "apiVersion: batch/v1\nkind: CronJob\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          containers:\n          - image: cron:1\n";
    is(cron, &[("cron:1", "spec.jobTemplate.spec.template.spec.containers[0].image", 9)]);
}

#[test]
fn resources_in_lists_are_scanned() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: d, namespace: n}\n  spec: {template: {spec: {containers: [{image: a:1}]}}}\n- {\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"p\"}, \"spec\": {\"containers\": [{\"image\": \"b:1\"}]}}\n";
    let document = Documents::new(text, "a.yaml", Duplicates::Refused).next().unwrap().unwrap();
    let occurrences = scan(&document).unwrap();
    let resources: Vec<_> =
        occurrences.iter().map(|m| m.resource.as_ref().unwrap().to_string()).collect();
    assert_eq!(resources, ["Deployment n/d", "Pod p"]);
    assert_eq!(occurrences[0].field, "spec.template.spec.containers[0].image");
    assert_eq!(occurrences[0].named_by, OccurrenceKind::Container);
}

#[test]
fn images_of_custom_resources_are_found() {
    is(
        "apiVersion: x.example/v1\nkind: Host\nspec:\n  image: org/host:1\n  sidecarImage: side:1\n  values:\n    operator:\n      image:\n        registry: ghcr.io\n        repository: org/op\n        tag: \"2\"\n    other: {repository: quay.io/x/y, tag: v1}\n    plain: {image: {repository: z}}\n",
        &[
            ("org/host:1", "spec.image", 4),
            ("side:1", "spec.sidecarImage", 5),
            ("ghcr.io/org/op:2", "spec.values.operator.image.repository", 10),
            ("quay.io/x/y:v1", "spec.values.other.repository", 12),
            ("z", "spec.values.plain.image.repository", 13),
        ],
    );
    for other in [
        "spec: {image: https://example.com/a.png}",
        "spec: {image: /usr/share/a.png}",
        "spec: {vmImage: ubuntu-latest}",
        "spec: {image: {width: 3}}",
        "spec: {image: ''}",
        "spec: {source: {repository: github.com/a/b, tag: v1}}",
        "spec: {source: {repository: 'https://example.com/a', tag: v1}}",
        "spec: {schema: {image: {type: string, description: 'as in ghcr.io/a/b:1'}}}",
        "metadata: {labels: {app.kubernetes.io/name: x}}",
        "spec: {tolerations: [{key: node.kubernetes.io/unreachable}]}",
    ] {
        assert!(names(other).is_empty(), "{other}: {:?}", names(other));
    }
}

#[test]
fn images_in_arguments_and_variables_are_found() {
    is(
        "containers:\n- args:\n  - --sidecar-image=side:1\n  - --init-image\n  - busybox\n  - --verbose\n  - --reloader=quay.io/p/r:v1\n  - --image-pull-policy=Always\n  - --show-image=true\n  command: [sh, -c, 'run ghcr.io/a/b:1 && c']\n  env:\n  - {name: AGENT_IMAGE, value: agent:2}\n  - {name: RELATED_IMAGE_X, value: x@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855}\n  - {name: OTHER, value: docker.io/o:1}\n  - {name: URL, value: 'https://example.com/x:1'}\n  - {name: FROM, valueFrom: {fieldRef: {fieldPath: x}}}\n",
        &[
            ("side:1", "containers[0].args[0]", 3),
            ("busybox", "containers[0].args[2]", 5),
            ("quay.io/p/r:v1", "containers[0].args[4]", 7),
            ("ghcr.io/a/b:1", "containers[0].command[2]", 10),
            ("agent:2", "containers[0].env[0].value", 12),
            (
                "x@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "containers[0].env[1].value",
                13,
            ),
            ("docker.io/o:1", "containers[0].env[2].value", 14),
        ],
    );
}

#[test]
fn images_in_yaml_json_and_scripts_in_text_are_found() {
    is(
        "data:\n  config.yaml: |\n    a: b\n    image: inner/app:1\n    list:\n    - x: quay.io/y:2\n  config.json: '{\"sidecarImage\": \"s:1\", \"x\": [\"ghcr.io/z:1\"]}'\n  run.sh: |\n    #!/bin/sh\n    docker pull ghcr.io/q:1\n  SIDE_IMAGE: side:1\n  text: nothing here\n",
        &[
            ("inner/app:1", "data[\"config.yaml\"].image", 4),
            ("quay.io/y:2", "data[\"config.yaml\"].list[0].x", 6),
            ("s:1", "data[\"config.json\"].sidecarImage", 7),
            ("ghcr.io/z:1", "data[\"config.json\"].x[0]", 7),
            ("ghcr.io/q:1", "data[\"run.sh\"]", 9),
            ("side:1", "data.SIDE_IMAGE", 11),
        ],
    );
}

#[test]
fn image_lists_in_annotations_are_found() {
    is(
        "metadata:\n  annotations:\n    helm.sh/images: |\n      - name: a\n        image: org/a:1\n    artifacthub.io/images: b:1, org/c\n    kubectl.kubernetes.io/last-applied-configuration: '{\"image\": \"old:1\"}'\n    note: see ghcr.io/d:1\n",
        &[
            ("org/a:1", "metadata.annotations[\"helm.sh/images\"][0].image", 5),
            ("b:1", "metadata.annotations[\"artifacthub.io/images\"]", 6),
            ("org/c", "metadata.annotations[\"artifacthub.io/images\"]", 6),
            ("ghcr.io/d:1", "metadata.annotations.note", 8),
        ],
    );
}

#[test]
fn invalid_images_of_containers_are_found_too() {
    let document = Documents::new(
        "containers: [{image: $(IMAGE)}, {image: 'Org/App:1'}, {image: ' a:1 '}, {image: &i b:1}, {image: *i}]",
        "a.yaml",
        Duplicates::Refused,
    );
    let occurrences = scan(&document.last().unwrap().unwrap()).unwrap();
    let ok: Vec<_> = occurrences.iter().map(|m| m.image.is_ok()).collect();
    assert_eq!(ok, [false, false, true, true, true]);
}

#[test]
fn aliases_do_not_multiply_texts_or_images() {
    let items = "*c,".repeat(1000);
    let text = format!("c: &c [{}]\nx: [{items}]\n", "{image: a:1},".repeat(300));
    let document = Documents::new(&text, "a.yaml", Duplicates::Refused).next().unwrap().unwrap();
    assert!(scan(&document).unwrap_err().problem.contains("too many images"));
    // The cached images of a text are not searched for again.
    for text in ["x/".repeat(1 << 16), format!("'[{}]'", "a:,".repeat(2_000))] {
        let text = format!("c: &c {text}\nx: [{}]\n", "*c,".repeat(20_000));
        let document = Documents::new(&text, "a.yaml", Duplicates::Refused).next();
        let started = std::time::Instant::now();
        assert!(scan(&document.unwrap().unwrap()).unwrap().is_empty());
        assert!(started.elapsed().as_secs() < 10);
    }
    is(
        "a: &a 'x ghcr.io/a:1'\nb: *a\nc: &c '[{\"image\": \"b\"}]'\nd: *c\n",
        &[
            ("ghcr.io/a:1", "a", 1),
            ("ghcr.io/a:1", "b", 1),
            ("b", "c[0].image", 3),
            ("b", "d[0].image", 3),
        ],
    );
}

/// Checks the images that are found in each manifest.
#[track_caller]
fn each(cases: &[(&str, &[&str])]) {
    for (text, images) in cases {
        assert_eq!(names(text), *images, "{text}");
    }
}

#[test]
fn several_images_in_a_flag_or_variable_are_found() {
    let env = |value: &str| format!("env: [{{name: A_IMAGES, value: {value}}}]");
    for (value, images) in [
        (
            r#"'["ghcr.io/env/five:1","nginx:6","quay.io/env/seven:1"]'"#,
            vec!["ghcr.io/env/five:1", "nginx:6", "quay.io/env/seven:1"],
        ),
        (r#"'{"web": "nginx:6", "side": "org/x:1"}'"#, vec!["nginx:6", "org/x:1"]),
        ("'nginx:8,docker://ghcr.io/env/nine:1'", vec!["nginx:8", "ghcr.io/env/nine:1"]),
        ("'nginx:13,b=ghcr.io/b/b:14'", vec!["nginx:13", "ghcr.io/b/b:14"]),
        ("'a=nginx:11,b=busybox:12'", vec!["nginx:11", "busybox:12"]),
        (
            r#""3.7.0=quay.io/s/kafka:0-3.7.0\n3.7.1=s/kafka:0-3.7.1\n""#,
            vec!["quay.io/s/kafka:0-3.7.0", "s/kafka:0-3.7.1"],
        ),
        ("'nginx:1;busybox:2'", vec!["nginx:1", "busybox:2"]),
        ("'${REG}/x:1'", vec!["${REG}/x:1"]),
        ("'$(REG)/ten:1,nginx:1'", vec!["nginx:1", "$(REG)/ten:1"]),
        ("'{{ .image }}'", vec!["{{ .image }}"]),
        ("The default image to use", vec![]),
    ] {
        assert_eq!(names(&env(value)), images, "{value}");
    }
    each(&[
        ("args: ['--image=docker://nginx:6']", &["nginx:6"]),
        ("args: ['--images=[ghcr.io/a/b:1]']", &["ghcr.io/a/b:1"]),
        ("args: ['--sidecar-image=$(X)/y:1']", &["$(X)/y:1"]),
        ("args: ['--image=', 'nginx:1.4']", &["nginx:1.4"]),
        ("args: ['--image nginx:1.2', --set, 'image=nginx:1.3']", &["nginx:1.2", "nginx:1.3"]),
        ("args: ['{\"image\": \"nginx\"}']", &["nginx"]),
        ("args: ['--x=docker-daemon:ghcr.io/a/d:1']", &["ghcr.io/a/d:1"]),
    ]);
}

#[test]
fn images_in_other_lists_of_names_and_values_are_found() {
    each(&[
        ("env: [{name: prod, image: ghcr.io/env/one:1}]", &["ghcr.io/env/one:1"]),
        ("env: ['ENV_IMAGE=ghcr.io/env/two:1']", &["ghcr.io/env/two:1"]),
        ("env: ['ENV_IMAGE=two:1']", &["two:1"]),
        ("env: [{name: cfg, value: {image: three}}]", &["three"]),
        ("env: [{key: SIDECAR_IMAGE, value: four}]", &["four"]),
        (
            "params: [{name: BUILDER_IMAGE, default: 'golang:1.22'}, {name: image, value: x}]",
            &["golang:1.22", "x"],
        ),
        ("spec: {imageName: 'postgres:16'}", &["postgres:16"]),
        ("spec: {image: '10.0.0.1:5000/app:1', pool: x}", &["10.0.0.1:5000/app:1"]),
    ]);
}

#[test]
fn short_names_are_found_in_manifests_in_text() {
    let pod = "data:\n  a: |\n    ---\n    # x\n    ---\n    kind: Pod\n    spec: {containers: [{image: busybox}]}\n";
    is(pod, &[("busybox", "data.a.spec.containers[0].image", 7)]);
    each(&[
        ("a: '{\"containers\":[{\"image\":\"busybox\"}]}'", &["busybox"]),
        ("a: '{\"containers\":[{\"image\":\"{{ x }}\"}]}'", &[]),
        ("artifacthub.io/images: |\n  - name: a\n    image: nginx\n", &["nginx"]),
        ("artifacthub.io/images: |\n  nginx:1\n  busybox:2\n", &["nginx:1", "busybox:2"]),
        ("helm.sh/images: \"- nginx:3\\n- busybox\\n\"", &["nginx:3", "busybox"]),
        ("images: ['nginx:1', bitnami/redis, alpine]", &["nginx:1", "bitnami/redis", "alpine"]),
        ("spec: {image: ['nginx:1']}", &["nginx:1"]),
        ("images: {web: 'nginx:2.0', pullPolicy: Always}", &["nginx:2.0"]),
        ("LIST_IMAGES: 'nginx:30,busybox:31'", &["nginx:30", "busybox:31"]),
        ("SIDE_IMAGES: |\n  - nginx:1\n  - org/x\n", &["nginx:1", "org/x"]),
        ("sideImage: '{\"repository\": \"x\", \"tag\": \"1\"}'", &["x:1"]),
        ("images: [{name: a, path: b/c}, logo.png]", &[]),
    ]);
}

#[test]
fn parts_that_form_an_invalid_image_are_named() {
    let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let with_digest = format!("nginx@sha256:{hex}");
    for digest in [format!("digest: {hex}"), format!("tag: '@sha256:{hex}'")] {
        assert_eq!(
            names(&format!("image: {{repository: nginx, {digest}}}")),
            [with_digest.as_str()]
        );
    }
    each(&[
        ("image: {repository: 'nginx:1.0', tag: '1.0'}", &["nginx:1.0:1.0"]),
        ("a: {registry: 'https://ghcr.io', repository: m, tag: v1}", &["https://ghcr.io/m:v1"]),
        ("image: {repository: ghcr.io/Upper/n, tag: v1}", &["ghcr.io/Upper/n:v1"]),
        ("image: {repository: nginx, tag: '{{ x }}'}", &["nginx:{{ x }}"]),
        ("image: {name: ghcr.io/d/d}", &["ghcr.io/d/d"]),
        ("image: {repo: ghcr.io/j/j, tag: 1}", &["ghcr.io/j/j:1"]),
        ("image: {name: nginx, version: 1.2}", &["nginx:1.2"]),
        (
            "a: {repository: x, tag: v1, registry: {image: ghcr.io/g/g:1}, name: ghcr.io/g/h:1}",
            &["x:v1", "ghcr.io/g/g:1", "ghcr.io/g/h:1"],
        ),
        ("a: {registry: r.example.com, image: org/app, tag: 1}", &["r.example.com/org/app:1"]),
        ("image: {registry: r.example.com, image: org/app, tag: 1}", &["r.example.com/org/app:1"]),
    ]);
}

#[test]
fn images_in_scripts_templates_and_keys_are_found() {
    let script = "a: |\n  cat <<EOF | kubectl apply -f -\n  kind: Pod\n  - image: nginx:1.25\n  EOF\n  kubectl run x --image=nginx:1.26\n";
    assert_eq!(names(script), ["nginx:1.25", "nginx:1.26"]);
    let template = "a: |\n  {{- if .X }}\n  containers:\n  - image: istio/proxyv2:1.2\n  - image: {{ .y }}\n  {{- end }}\n";
    assert_eq!(names(template), ["istio/proxyv2:1.2"]);
    each(&[
        ("'ghcr.io/key/one:1': x", &["ghcr.io/key/one:1"]),
        ("a: 'image:ghcr.io/b/colon:1'", &["ghcr.io/b/colon:1"]),
        ("a: \"SIDE_IMAGE=nginx:4\\nOTHER=ghcr.io/o/o:1\"", &["ghcr.io/o/o:1", "nginx:4"]),
    ]);
}

#[test]
fn values_that_only_look_like_images_are_ignored() {
    for text in [
        "spec: {rbd: {monitors: ['10.0.0.1:6789'], pool: kube, image: foo}}",
        "env: [{name: EXPIRE_IMAGES, value: 24h}, {name: SHOW_IMAGES, value: enabled}]",
        "env: [{name: PULL_IMAGE, value: missing}, {name: BUILD_IMAGE, value: '1.5'}]",
        "env: [{name: BACKGROUND_IMAGE, value: logo.png}]",
        "logo: {image: assets/logo.png}",
        "a: github.com/org/repo:v1.2",
        "a: 10.0.0.0/8:80",
        "metrics.k8s.io/v1beta1:pods: x",
        "a: foo.svc.cluster.local:8080/x",
    ] {
        assert!(names(text).is_empty(), "{text}: {:?}", names(text));
    }
}

#[test]
fn images_in_defaults_of_shell_variables_are_found() {
    each(&[
        ("args: ['exec m --worker-image=${W:-quay.io/t/w:1}']", &["quay.io/t/w:1"]),
        ("args: ['--worker-image=${W:-w:1}']", &["w:1"]),
        ("env: [{name: A_IMAGE, value: '${B:-nginx:1}'}]", &["nginx:1"]),
        ("containers: [{image: '${B:=quay.io/a:1}'}]", &["quay.io/a:1"]),
        ("sideImage: '${B:-${C:-org/a:1}}'", &["org/a:1"]),
        ("data: {run.sh: 'pull ${H:-quay.io}/t/w:${T:-1}'}", &["quay.io/t/w:1"]),
        ("containers: [{image: '${B}'}]", &["${B}"]),
        ("image: '${B:-r.io}/a:1'", &["${B:-r.io}/a:1"]),
    ]);
}

#[test]
fn a_document_that_is_a_list_of_images_has_them_all() {
    each(&[
        ("- nginx:1.25\n- quay.io/a/b:1\n- busybox\n", &["nginx:1.25", "quay.io/a/b:1", "busybox"]),
        ("[\"nginx:1.25\", \"org/b\"]", &["nginx:1.25", "org/b"]),
        ("- one\n- two\n- nginx:1.25\n", &[]),
        ("- nginx:1.25\n- {a: b}\n", &[]),
        ("a: [nginx:1.25]", &[]),
    ]);
}

#[test]
fn patterns_and_parameters_are_not_images() {
    let kyverno = "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nspec:\n  rules:\n";
    each(&[
        (
            &format!(
                "{kyverno}  - validate: {{message: 'see quay.io/a:1', pattern: {{spec: {{containers: [{{image: 'r.io/* & !*:latest'}}]}}}}}}\n"
            ),
            &[],
        ),
        (
            &format!(
                "{kyverno}  - mutate: {{patchStrategicMerge: {{spec: {{containers: [{{(name): '*', image: 'side:1'}}, {{image: '{{{{ x }}}}'}}]}}}}}}\n"
            ),
            &["side:1"],
        ),
        (
            "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nspec: {validations: [{expression: \"image != 'quay.io/a:1'\"}]}\n",
            &[],
        ),
        (
            "apiVersion: constraints.gatekeeper.sh/v1\nkind: Repos\nspec: {parameters: {exemptImages: ['quay.io/a:1']}}\n",
            &[],
        ),
        (
            "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: constraints.gatekeeper.sh/v1, kind: R, image: a:1}\n- {apiVersion: v1, kind: Pod, image: b:1}\n",
            &["b:1"],
        ),
        (
            "apiVersion: tekton.dev/v1\nkind: Task\nspec: {params: [{name: image, default: 'a:1'}], steps: [{image: $(params.image)}, {image: '$(X)/b:1'}, {image: 'c:1'}]}\n",
            &["a:1", "c:1"],
        ),
        (
            "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec: {templates: [{container: {image: '{{inputs.parameters.image}}'}}, {container: {image: 'a:1'}}]}\n",
            &["a:1"],
        ),
        (
            "apiVersion: template.openshift.io/v1\nkind: Template\nobjects: [{apiVersion: v1, kind: Pod, spec: {containers: [{image: '${IMAGE}'}]}}]\nparameters: [{name: IMAGE, value: 'a:1'}]\n",
            &["a:1"],
        ),
        (
            "kind: Pod\nmetadata: {annotations: {inject.istio.io/templates: gateway}}\nspec: {containers: [{image: auto}, {image: a:1}]}\n",
            &["a:1"],
        ),
        (
            "spec: {template: {metadata: {labels: {sidecar.istio.io/inject: 'true'}}, spec: {containers: [{image: auto}]}}}\n",
            &[],
        ),
        ("kind: Pod\nspec: {containers: [{image: auto}]}\n", &["auto"]),
    ]);
}

#[test]
fn split_images_are_found_under_other_keys() {
    let digest = format!("sha256:{}", "a".repeat(64));
    each(&[
        (
            "driver: {repository: nvcr.io/hw, image: driver, version: '570.1', enabled: true}",
            &["nvcr.io/hw/driver:570.1"],
        ),
        ("driver: {repository: nvcr.io/hw/, image: driver, tag: v1}", &["nvcr.io/hw/driver:v1"]),
        (
            &format!("d: {{repository: nvcr.io/hw, image: driver, version: '{digest}'}}"),
            &[&*format!("nvcr.io/hw/driver@{digest}")],
        ),
        (
            "d: {registry: nvcr.io, repository: hw, image: driver, version: '1'}",
            &["nvcr.io/hw/driver:1"],
        ),
        (
            "data: {operator.repository: quay.io/x/op, operator.tag: v1, other.tag: v2}",
            &["quay.io/x/op:v1"],
        ),
        (
            "data: {image.registry: quay.io, image.repository: x/op, image.tag: v1}",
            &["quay.io/x/op:v1"],
        ),
        ("data: {SIDE_IMAGE_REPOSITORY: x/side, SIDE_IMAGE_TAG: v1}", &["x/side:v1"]),
        ("data: {sidecarRepository: quay.io/x/s, sidecarTag: v1}", &["quay.io/x/s:v1"]),
        (
            "data: {config.yaml: \"op.repository: quay.io/x/op\\nop.tag: v1\\n\"}",
            &["quay.io/x/op:v1"],
        ),
        ("data: {git.repository: org/code, git.tag: v1}", &[]),
        ("data: {git.repository: github.com/org/code, git.tag: v1}", &[]),
        ("data: {operator.repository: quay.io/x/op}", &[]),
    ]);
}
