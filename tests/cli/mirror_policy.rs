//! `mirror policy`.

use crate::sandbox::{Run, Sandbox};

const LIST: &str = "\
images:
- {source: 'ghcr.io/org/app:1', destination: 'r.corp:5000/mirror/org/app:1'}
- {source: 'docker.io/nats:2', destination: 'r.corp:5000/nats:2'}
";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("mirror.yaml", LIST);
    sandbox
}

fn policy(sandbox: &Sandbox, words: &[&str]) -> Run {
    sandbox.run(&[&["mirror", "policy"], words].concat())
}

#[test]
fn containerd_files_are_written_and_unreached_images_named() {
    let sandbox = sandbox();
    let words = ["--format=containerd", "-o", "etc/certs.d", "--ca=/etc/ca.crt"];
    policy(&sandbox, &words).ends_with(4).says(&[
        "`docker.io/nats:2` is not pulled from `r.corp:5000/nats:2`",
        "`r.corp:5000/library/nats` is a destination that it finds",
        "1 of 2 images is not pulled",
    ]);
    let expected = "# Written by `wasm-airgap mirror policy --format containerd`.\nserver = \"https://r.corp:5000/v2/mirror\"\ncapabilities = [\"pull\", \"resolve\"]\noverride_path = true\nca = \"/etc/ca.crt\"\n\n[host.\"https://r.corp:5000/v2/mirror\"]\n  capabilities = [\"pull\", \"resolve\"]\n  override_path = true\n  ca = \"/etc/ca.crt\"\n";
    assert_eq!(sandbox.read("etc/certs.d/ghcr.io/hosts.toml"), expected);
    assert_eq!(sandbox.tree("etc").len(), 1);
    // With the named destination it is complete, also a second time; a file of another program
    // stays.
    sandbox.write("mirror.yaml", LIST.replace("5000/nats", "5000/library/nats"));
    policy(&sandbox, &words).succeeds().says(&["hosts.toml for 2 registries"]);
    policy(&sandbox, &words).succeeds();
    sandbox.write("etc/certs.d/ghcr.io/hosts.toml", "server = \"https://mine\"\n");
    policy(&sandbox, &words).ends_with(2).says(&["etc/certs.d/ghcr.io/hosts.toml", "another"]);
    assert_eq!(sandbox.read("etc/certs.d/ghcr.io/hosts.toml"), "server = \"https://mine\"\n");
    policy(&sandbox, &["--format=containerd"]).ends_with(2).says(&["-o certs.d"]);
    policy(&sandbox, &["--format=docker"]).ends_with(2).says(&["`containerd`, `idms` and `itms`"]);
}

#[cfg(unix)]
#[test]
fn a_link_below_the_folder_is_not_followed() {
    let sandbox = sandbox();
    sandbox.write("mirror.yaml", LIST.replace("5000/nats", "5000/library/nats"));
    sandbox.write("outside/keep", "");
    sandbox.write("certs.d/keep", "");
    std::os::unix::fs::symlink("../outside", sandbox.path("certs.d/ghcr.io")).unwrap();
    policy(&sandbox, &["--format=containerd", "-o", "certs.d"]).ends_with(4).says(&["link"]);
    assert_eq!(sandbox.tree("outside").len(), 1);
}

#[test]
fn openshift_gets_a_set_for_digests_and_one_for_tags() {
    let sandbox = sandbox();
    let printed = policy(&sandbox, &["--format=idms"]).succeeds();
    assert!(printed.stdout.contains("kind: ImageDigestMirrorSet\n"), "{}", printed.stdout);
    assert!(printed.stdout.contains("- source: docker.io/library/nats\n"), "{}", printed.stdout);
    printed.says(&["2 images are in the list by tag alone", "--format itms"]);
    let printed = policy(&sandbox, &["--format=itms", "-o", "itms.yaml"]).succeeds();
    assert!(!printed.stderr.contains("warning"), "{}", printed.stderr);
    assert!(sandbox.read("itms.yaml").contains("imageTagMirrors:\n"));
    let json = policy(&sandbox, &["--format=itms", "--json"]).succeeds().json();
    assert_eq!(json["resource"]["spec"]["imageTagMirrors"].as_array().unwrap().len(), 2);
    policy(&sandbox, &["--format=idms", "--ca=x"]).ends_with(2).says(&["for containerd"]);
}
