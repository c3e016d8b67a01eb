//! Seeds: valid inputs, created by the builders of the project's own tests, and files of the
//! repository. Mutations start from them.

#[path = "../../tests/support/archives.rs"]
#[allow(dead_code, reason = "seeds take a part of the builders")]
mod archives;
#[path = "../../tests/support/images.rs"]
mod images;

use std::fs;
use std::path::{Path, PathBuf};

use archives::{Tar, Zip, gz, pax_record, xz, zst};
use images::Images;

const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

const STREAMS: &str = "\
package w:io@0.2.6;
/// Streams.
@since(version = 0.2.0)
interface streams {
  use error.{e};
  resource input { constructor(a: u32); read: func(n: u64) -> result<list<u8>, e>; s: static func(); }
  type t = tuple<u8, option<string>>;
  record r { a: t, b: list<r2> }
  record r2 { c: char }
  variant v { none, some(borrow<input>) }
  enum c { red, green }
  flags f { a, b }
}
interface error { resource e; }
";

const HTTP: &str = "\
package w:http@0.2.6;
interface types { use w:io/streams@0.2.6.{t}; get: func() -> t; }
world proxy { import w:io/streams@0.2.6; export types; include w:cli/imports@0.2.6; }
";

const NESTED: &str = "\
package my:app;
package w:io@0.2.6 { interface streams { type t = u32; } }
package w:cli@0.2.6 { world imports { import w:io/streams@0.2.6; } }
world app { include w:cli/imports@0.2.6; import local: interface { f: func(); } }
";

const WKG: &str = r#"default_registry = "a.io"

[namespace_registries]
wasi = "wasi.dev"
my-org = { registry = "a.io", metadata = { preferredProtocol = "oci", oci = { registry = "ghcr.io", namespacePrefix = "my/" } } }

[package_registry_overrides]
"example:foo" = "example.com:8443"
"example:old" = { registry = "old.example", metadata = { ociRegistry = "ghcr.io", ociNamespacePrefix = "old/" } }

[registry."a.io"]
default = "oci"
[registry."a.io".oci]
auth = { username = "u", password = "p" }
protocol = "https"
accept_invalid_certificates = false
[[registry."a.io".oci.extra_root_certificates]]
encoding = "pem"
data = """-----BEGIN CERTIFICATE-----
AAAA
-----END CERTIFICATE-----"""

[registry."vendored.example"]
type = "local"
[registry."vendored.example".local]
root = "vendor/wkg"
"#;

const WKG_SHORT: &str = r#"[registry."ghcr.io"]
auth = { type = "basic", username = "user", password_env = "GHCR_TOKEN" }
[registry."ghcr.io".mirror]
url = "https://registry.internal.example.com"
fallback = true
[registry."a.corp"]
auth = { type = "bearer", token_env = "A" }
mirror = { url = "http://m.corp:5000/x" }
[registry."b.corp"]
auth = { type = "token", token = "B" }
[registry.local]
path = "folder"
[overrides]
"wasi:http" = { path = "wasi-http" }
"#;

const MANIFESTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {helm.sh/images: \"- name: a\\n  image: b.io/c:1\\n\"}}
spec:
  template:
    spec:
      initContainers: &more
      - {name: init, image: busybox}
      containers:
      - name: app
        image: ghcr.io/org/app:1.0@sha256:DIGEST
        args: [--sidecar-image=docker.io/library/nats:2.11, '--x']
        env: [{name: PROXY_IMAGE, value: 'quay.io/proxy/proxy:3'}]
      ephemeralContainers: *more
---
kind: ConfigMap
data:
  values.yaml: |
    image: {registry: ghcr.io, repository: a/b, tag: \"1\"}
---
kind: Custom
spec: {image: {repository: r.io/x, tag: 1.2}, images: [a:1, b:2]}
";

const CHART: &str = "\
=== Chart.yaml
apiVersion: v2
name: app
version: 1.0.0
appVersion: \"2.3\"
dependencies:
- {name: nats, version: 1.0.0, repository: '', condition: nats.enabled, alias: bus, tags: [x]}
annotations:
  artifacthub.io/images: |
    - name: a
      image: quay.io/a/b:1
=== values.yaml
global: {image: {registry: ghcr.io, pullSecrets: []}}
image: {repository: org/app, tag: ''}
sidecar: {image: docker.io/library/busybox:1}
bus: {enabled: true}
list: [a, b]
=== templates/_helpers.tpl
{{- define \"app.image\" -}}
{{- $registry := .Values.global.image.registry | default \"docker.io\" -}}
{{- printf \"%s/%s:%s\" $registry .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end }}
=== templates/app.yaml
{{- if .Values.bus.enabled }}
spec:
  containers:
  {{- range $index, $name := .Values.list }}
  - {name: {{ $name | quote }}, image: {{ include \"app.image\" $ }}}
  {{- end }}
  {{- with .Values.sidecar }}
  - image: {{ tpl .image $ }}
  {{- else }}
  - image: {{ join \"/\" (list \"a\" \"b\") }}
  {{- end }}
{{- end }}
=== charts/nats/Chart.yaml
name: nats
version: 1.0.0
=== charts/nats/values.yaml
image: nats:2.11
=== charts/nats/templates/a.yaml
image: {{ .Values.image }}
";

const YAML: &str = "\
%YAML 1.2
---
a: &x {b: [1, 0x1f, .5, ~, true, 'it''s', \"\\u00e9\\n\"], c: !!str 12}
<<: *x
? complex
: |+
  lines

  more
folded: >-
  one
  two
list:
- - nested
  - *x
-
  key: value # comment
...
---
second
";

/// Returns the root folder of the repository.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the folder with the inputs that once broke a target.
pub fn regressions(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(target)
}

/// Returns the seeds of a target, and its regressions.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut seeds = made(target);
    seeds.extend(files(&regressions(target)));
    assert!(!seeds.is_empty(), "`{target}` has no seeds");
    seeds
}

/// Returns the content of the files in a folder, sorted by name; empty if the folder does not
/// exist.
pub fn files(folder: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(|it| it.is_file()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file of the repository")).collect()
}

fn made(target: &str) -> Vec<Vec<u8>> {
    let text = |texts: &[&str]| -> Vec<Vec<u8>> {
        texts.iter().map(|it| it.replace("DIGEST", DIGEST).into_bytes()).collect()
    };
    let checksums = |folder: &str| files(&repository().join("checksums").join(folder));
    match target {
        "tar" | "chart_tgz" => {
            let mut tars = tars();
            tars.push(chart_tar());
            tars
        }
        "tar_gz" => tars().iter().map(|tar| gz(tar)).collect(),
        "tar_xz" => tars().iter().map(|tar| xz(tar)).collect(),
        "tar_zst" => tars().iter().map(|tar| zst(tar)).collect(),
        "zip" => zips(),
        "binary" => vec![b"\x7fELF\x02\x01\x01".to_vec(), gz(b"\x7fELF"), b"#!/bin/sh\n".to_vec()],
        "wit_text" => {
            text(&[STREAMS, HTTP, NESTED, &format!("{STREAMS}===\ninterface more {{}}\n")])
        }
        "wit_library" => text(&[
            NESTED,
            &format!("{HTTP}===\n===\n{STREAMS}===\npackage w:cli@0.2.6;\nworld imports {{}}\n"),
            &format!("package a:b;\nworld w {{ import w:io/streams@0.2.6; }}\n===\n===\n{STREAMS}"),
        ]),
        "wit_binary" => vec![encoded(STREAMS), encoded(NESTED), STREAMS.into(), HTTP.into()],
        "component" => vec![component(), encoded(STREAMS)],
        "oci_manifest" => {
            let images = all_images();
            let line = |kind: &str, bytes: &[u8]| [kind.as_bytes(), b"\n", bytes].concat();
            let mut all: Vec<_> =
                images.manifests.iter().map(|(_, kind, bytes)| line(kind, bytes)).collect();
            all.push(line(MANIFEST, b"<html>"));
            all
        }
        "oci_pages" => {
            let images = all_images();
            let index = images.manifests.iter().find(|(_, kind, _)| kind == INDEX);
            let body = index.map(|(.., bytes)| bytes.clone()).unwrap_or_default();
            let link =
                b"</v2/a/tags/list?last=x&n=2>; rel=\"next\"\n<https://a/v2/b>; rel=next\n\n";
            vec![
                [&link[..], br#"{"name":"a","tags":["1.0","latest",null]}"#].concat(),
                [&link[..], &body].concat(),
            ]
        }
        "oci_layout" => {
            let folder = tempfile::tempdir().expect("create a sandbox");
            all_images().write(folder.path());
            let read = |name: &str| fs::read(folder.path().join(name)).expect("it was written");
            vec![[read("oci-layout"), b"\n".to_vec(), read("index.json")].concat()]
        }
        "layout_tar" => layout_tars(),
        "challenge" => text(&[
            "Bearer realm=\"https://a.io/token\",service=\"r.io\",scope=\"repository:x:pull\"\n\n{\"token\":\"a\",\"expires_in\":300}",
            "Basic realm=\"a, b\", Bearer realm=\"https://a\",error=\"insufficient_scope\"\nNegotiate\n\n{\"access_token\":\"b\",\"expires_in\":\"60\"}",
            "Bearer realm=https://a/b,service=c\nNTLM TlRMTVNTUAAB==",
        ]),
        "references" => text(&[
            "ghcr.io/webassembly/wasi/http:0.2.6\nlocalhost:5000/a:b",
            "nats\nindex.docker.io/library/nats:2.11@sha256:DIGEST",
            "[::1]:5000/a__b/c.d--e:1\nmyregistry/app@sha256:DIGEST",
            "registry.example.com:8443/team\nquay.io/a/b:1_.-X",
        ]),
        "packages" => text(&[
            "wasi:http@0.2.6\nwasi:http@^0.2\nmy-org:app@1.0.0-rc.1+build.5",
            "linux/arm64/v8\nlinux_amd64\nsha256:DIGEST\nDIGEST",
            "https://github.com/a/b/releases/download/v1.0/a-1.0.tar.gz\na/b/c.wit\n1.10.0\n1.9.0-rc1",
        ]),
        "wkg_config" => text(&[WKG, WKG_SHORT]),
        "variables" => text(&[
            "BAZEL_WASM_OFFLINE=1\nBAZEL_WASM_MIRROR=https://a.io/m,direct\n",
            "BAZEL_WASM_GITHUB_MIRROR=https://gh.corp\nWKG_REGISTRY_A_IO_URL=http://m.corp:5000/x\nWKG_REGISTRY_A_IO_TOKEN=t\n",
            "BAZEL_WASM_COMPONENT_MIRROR=https://a.corp/x,direct\nBAZEL_WASM_VENDOR_DIR=third_party/v\n",
            "HTTPS_PROXY=http://u:p@proxy.corp:3128\nNO_PROXY=.corp,10.0.0.0/8,[::1]:80,*.a.io\n",
        ]),
        "netrc" => text(&[
            "machine a.io login me password \"se cret\\\"\"\ndefault login x password y\n",
            "# c\nmachine ghcr.io\n login a\n account b\n password c\nmacdef init\ncd /\n\nmachine docker.io user u",
        ]),
        "docker_config" => text(&[
            r#"{"auths":{"https://index.docker.io/v1/":{"auth":"YTpi"},"a.io/team":{"identitytoken":"t"},"ghcr.io":{"username":"u","password":"p"}},"credHelpers":{"b.io":"pass"},"credsStore":""}"#,
            r#"{"auths":{"a.io":{"registrytoken":"t"},"ghcr.io":{}},"credsStore":"desktop"}"#,
        ]),
        "registry_metadata" => text(&[
            r#"{"preferredProtocol":"oci","oci":{"registry":"ghcr.io","namespacePrefix":"webassembly/"}}"#,
            r#"{"ociRegistry":"ghcr.io/x","ociNamespacePrefix":"a-","warg":{"url":"x"}}"#,
        ]),
        "yaml" => text(&[YAML, MANIFESTS]),
        "yaml_writing" => text(&[
            r#"{"images":[{"source":"a:1","n":1.5e3},[],{},null,true,["x",["- y"]]],"on":"off","a: b":"1_000"}"#,
            "0x1f",
            "- a\n# b",
            " lead",
        ]),
        "mirror_list" => text(&[
            "images:\n# note\n- source: ghcr.io/org/app:1.0\n  destination: r.corp/org/app:1.0\n- source: docker.io/nats:2\n  destination: r.corp/nats:2",
            "\"images\": [{source: 'a@sha256:DIGEST', destination: \"r.io/a@sha256:DIGEST\"}]\n",
            "---\nimages: []  # none\n...\n",
        ]),
        "mirror_lock" => text(&[
            "version: 1\nimages:\n  - source: docker.io/library/nats:2.11\n    digest: sha256:DIGEST\n  - {source: 'a.io/b@sha256:DIGEST', digest: 'sha256:DIGEST'}\n",
        ]),
        "manifests" => text(&[
            MANIFESTS,
            " docker.io/rook/ceph:v1 \r\n# two\r\nnginx\r\n",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {x.repository: a.io/b, x.tag: c, d: {repository: a.io, image: b, version: c}}\ndata: {a.b: 'image: a.io/b:c'}\nargs: ['--image=${A:-a.io/b:c}']\n",
            "apiVersion: kyverno.io/v1\nkind: Policy\nspec: {validate: {image: '!*'}, mutate: {image: '{{a}}'}}\n",
        ]),
        "rendered" => text(&[&format!(
            "---\n# Source: web/templates/a.yaml\n{MANIFESTS}\n---\n# Source: b\na: 1\na: r.io/a:1\n"
        )]),
        "chart_index" => text(&[
            "entries:\n  web:\n  - {version: 1.0.0, digest: DIGEST, urls: [web-1.0.0.tgz]}\n  - {version: v2.0.0-rc.1, urls: ['oci://a/b']}\n",
        ]),
        "kustomization" => text(&[
            "# a\nresources:\n  - m/a.yaml # b\nimages:\n  # c\n  - name: a\n    newName: b\n# d\npatches:\n- patch: |-\n    # e\n    - op: replace\n",
            "images: [{name: a}, b]\nx: 1\n...\n",
            "---\nimages:\r\n-\r\n  name: a\r\n",
        ]),
        "allow_list" => text(&[
            "allow:\n- image: ghcr.io/*/app:1\n  reason: a\n- {image: nginx, resource: Pod a/b, reason: c}\n",
        ]),
        "chart" => text(&[CHART]),
        "chart_set" => text(&["a.b=c,d[0].e=f,g={x,y}", "image\\.tag=1,a=null,b=,c[1]=true"]),
        "wit_lock" => text(&[
            "version = 1\nairgap_version = 1\n\n[[packages]]\nname = \"wasi:http\"\nregistry = \"ghcr.io\"\n\n[[packages.versions]]\nrequirement = \"=0.2.6\"\nversion = \"0.2.6\"\ndigest = \"sha256:DIGEST\"\nurl = \"https://a.io/x\"\npath = \"wit/a.wasm\"\ntree = \"sha256:DIGEST\"\ndependencies = [\"wasi:io@0.2.6\"]\n",
            "version = 1\n\n[[package]]\nname = \"wasi:io\"\n[[package.version]]\nrequirement = \"^0.2\"\nversion = \"0.2.6\"\ndigest = \"sha256:DIGEST\"\n",
            "version = 1\npackages = []\n",
        ]),
        "vendor_manifest" => text(&[
            r#"{"schema_version":1,"files":[{"kind":"toolchain","name":"wkg","version":"1.0","platform":"linux_amd64","path":"toolchains/wkg/1.0/linux_amd64/wkg","size":5,"sha256":"DIGEST","url":"https://a.io/wkg"},{"kind":"wit","name":"wasi:io","version":"0.2.6","platform":"","path":"wit/a/b.wit","size":0,"sha256":"DIGEST","url":""}]}"#,
        ]),
        "bundle_inventory" => text(&[
            "{\"path\":\"a/.gitattributes\",\"size\":0,\"sha256\":\"DIGEST\",\"kind\":\"tool\"}\n{\"path\":\"a/b\",\"size\":9,\"sha256\":\"0000000000000000000000000000000000000000000000000000000000000000\",\"kind\":\"wit\",\"purl\":\"pkg:a/b@1\",\"executable\":true,\"part\":1,\"offset\":512,\"ranges\":[{\"part\":1,\"offset\":512,\"size\":4,\"sha256\":\"DIGEST\"},{\"part\":2,\"offset\":512,\"size\":5,\"sha256\":\"DIGEST\"}]}\n",
        ]),
        "bundle_description" => text(&[
            r#"{"schema_version":1,"id":"DIGEST","inventory":"DIGEST","files":0,"since":"DIGEST","removed":[{"path":"a/b","sha256":"DIGEST"}],"parts":[{"name":"data.0001.tar","size":0,"sha256":"DIGEST"}]}"#,
        ]),
        "crates" => vec![component_with_crates()],
        "strace" => text(&[
            "7<t7> execve(\"/bin/bash\", [\"bash\", \"https://a.example/x\"], 0x7 /* 3 vars */) = 0\n7<t7> vfork( <unfinished ...>\n8<t8> execve(\"/bin/b\", [\"b\"], 0x7 <unfinished ...>\n8<t8> <... execve resumed>) = 0\n7<t7> <... vfork resumed>) = 8<t8>\n8<t8> connect(5, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr(\"192.0.2.7\")}, 16) = -1 ENETUNREACH (x)\n7<t7> connect(3, {sa_family=AF_INET6, sin6_port=htons(80), inet_pton(AF_INET6, \"2001:db8::1\", &sin6_addr)}, 28) = 0\n",
        ]),
        "tool_registry" => checksums("tools"),
        "import" => text(&[
            r#"{"tool_name":"wkg","github_repo":"o/r","latest_version":"1","description":"d","versions":{"1":{"platforms":{"linux_amd64":{"sha256":"9fb313813d3409ad4cfae2f8c3c0b5eec76a3b0571386b15f05893223ee63618","url_suffix":"wkg-x.tar.gz","platform_name":"x","strip_prefix":"a/b"},"wasm":{"sha256":"DIGEST","url":"https://a.io/x"}}}}}"#,
            r#"{"component_name":"a","oci_repository":"a.io/x","versions":{"1.0":{"digest":"sha256:9fb313813d3409ad4cfae2f8c3c0b5eec76a3b0571386b15f05893223ee63618","wit_world":"a:b/c@1.0.0"}}}"#,
            r#"{"components":[{"name":"a","package_file":"a.json"}]}"#,
            r#"{"bundles":{"b":{"tools":{"wasmtime":"39.0.1","jco":"1"}},"c":{"tools":{}}},"default_bundle":"b"}"#,
        ]),
        "component_registry" => {
            let mut all = checksums("components");
            all.extend(text(&[
                r#"{"component_name":"app","reference":"a.io/x","versions":{"0.2.6":{"digest":"sha256:DIGEST","manifest_digest":"sha256:DIGEST","reference":"a.io/x:1","wit_world":"wasi:http/proxy@0.2.6"}}}"#,
            ]));
            all
        }
        "wit_registry" => checksums("wit"),
        "request" => text(&[
            r#"{"schema_version":1,"tools":[{"tool":"wkg","version":"1.0","executables":["wkg"],"assets":{"linux_amd64":{"url":"https://github.com/a/b/wkg-1.0.tar.gz","sha256":"DIGEST"}}}],"packages":[],"wit":[{"package":"wasi:http@0.2.6","sha256":"","registry":""}],"components":[{"name":"app","reference":"a.io/x:1","digest":"sha256:DIGEST"}],"component_registry":[]}"#,
            r#"{"schema_version":1,"tools":[]}"#,
        ]),
        "output" => text(&["a\u{1b}[2Jb\r\n\u{202e}c\u{200b}", "\u{1f600} \"a\\b\" \u{9b}31m"]),
        "secrets" => text(&[
            "s3cr3t-t0ken\nAuthorization: Bearer s3cr3t-t0ken and more",
            "p/ss w\"rd+\u{e4}=1?x\nhttps://a.io/?token=p%2Fss%20w%22rd",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.sig\n{\"token\":\"eyJhbGciOiJIUzI1NiJ9\"}",
        ]),
        "rooted" => {
            text(&["a/b/c.json\nup/x\netc/new\nfile\ndangling", "in/a/b\nin/b//c\n../x\n/y"])
        }
        _ => Vec::new(),
    }
}

/// Returns a component with a core module in it, which has a list of crates that is not compressed.
fn component_with_crates() -> Vec<u8> {
    let json = br#"{"packages":[{"name":"a","version":"1","source":"local","dependencies":[1],"root":true},{"name":"b","version":"2"}]}"#;
    // A block of zlib without compression (RFC 1950, RFC 1951 section 3.2.4).
    let length = json.len() as u16;
    let adler = json.iter().fold((1_u32, 0), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65521;
        (a, (b + a) % 65521)
    });
    let zlib = [
        &[0x78, 0x01, 0x01][..],
        &length.to_le_bytes(),
        &(!length).to_le_bytes(),
        json,
        &(adler.1 << 16 | adler.0).to_be_bytes(),
    ];
    let section = |kind: u8, content: &[u8]| {
        [&[kind, content.len() as u8 | 0x80, (content.len() >> 7) as u8], content].concat()
    };
    let list = section(0, &[&b"\x07.dep-v0"[..], &zlib.concat()].concat());
    let module = [&b"\0asm\x01\0\0\0"[..], &list].concat();
    [&b"\0asm\x0d\0\x01\0"[..], &section(1, &module)].concat()
}

fn tars() -> Vec<Vec<u8>> {
    let plain = Tar::new()
        .entry(b'g', 0o644, "pax_global_header", "", pax_record("comment", b"0123"))
        .folder("./sdk-1.0/")
        .executable("./sdk-1.0/bin/clang-20", "elf")
        .symlink("./sdk-1.0/bin/clang", "clang-20")
        .hard_link("./sdk-1.0/bin/ld", "./sdk-1.0/bin/clang-20")
        .symlink("./sdk-1.0/bin/npm", "../lib/npm.js")
        .file("./sdk-1.0/lib/npm.js", "js")
        .symlink("./sdk-1.0/lib64", "lib/")
        .file("./sdk-1.0/README", "");
    let long = "a/".repeat(60) + "b";
    let named = Tar::new()
        .pax("path", &long)
        .file("short", "1")
        .pax("size", "3")
        .file("sized", "abc")
        .pax("linkpath", &long)
        .symlink("link", "x")
        .entry(b'L', 0o644, "././@LongLink", "", format!("{long}c\0"))
        .file("cut", "2")
        .entry(b'K', 0o644, "././@LongLink", "", format!("{long}\0"))
        .hard_link("other", "cut")
        .entry(b'7', 0o600, "contiguous", "", "3");
    vec![plain.end(), named.end(), Tar::new().end()]
}

fn chart_tar() -> Vec<u8> {
    let mut tar = Tar::new();
    for part in CHART.split("=== ").skip(1) {
        let (name, content) = part.split_once('\n').expect("a line with the name");
        tar = tar.file(format!("app/{name}"), content);
    }
    tar.end()
}

fn zips() -> Vec<Vec<u8>> {
    let zip = Zip::new()
        .with("sdk-1.0/", 0o040_755, "", |_| {})
        .with("sdk-1.0/bin/clang-20", 0o100_755, "elf", |_| {})
        .with("sdk-1.0/bin/clang", 0o120_777, "clang-20", |_| {})
        .with("sdk-1.0/lib/npm.js", 0o100_644, "js", |entry| entry.flags = 8)
        .stored("sdk-1.0/README", "read me")
        .file("sdk-1.0/empty", "");
    let large = Zip { is_64: true, comment: b"hello".to_vec(), ..zip.clone() };
    let behind = Zip { before: b"#!/bin/sh\n".to_vec(), ..zip.clone() };
    vec![zip.bytes(), large.bytes(), behind.bytes(), Zip::new().bytes()]
}

fn encoded(text: &str) -> Vec<u8> {
    let mut resolve = wit_parser::Resolve::default();
    let id = resolve.push_str("a.wit", text).expect("a valid package");
    wit_component::encode(&resolve, id, false).expect("it can be encoded")
}

/// Creates a component with a core module, which imports and exports an interface.
fn component() -> Vec<u8> {
    let section = |id: u8, content: &[u8]| {
        [&[id, u8::try_from(content.len()).expect("a short section")][..], content].concat()
    };
    let name =
        |text: &str| [&[0, u8::try_from(text.len()).expect("short")][..], text.as_bytes()].concat();
    let import = [&[1][..], &name("wasi:io/streams@0.2.6"), &[5, 0]].concat();
    let export = [&[1][..], &name("wasi:http/incoming-handler@0.2.6"), &[5, 0, 0]].concat();
    [
        b"\0asm\x0d\0\x01\0".to_vec(),
        section(1, b"\0asm\x01\0\0\0"),
        section(0, b"\x01xabc"),
        section(7, &[1, 0x42, 0]),
        section(10, &import),
        section(11, &export),
    ]
    .concat()
}

fn all_images() -> Images {
    let (mut images, index) = Images::two_platforms("a.io/b:1", 1, 40);
    images.attached(&index, "an sbom");
    images.signed(&index, "a signature");
    images
}

fn layout_tars() -> Vec<Vec<u8>> {
    let images = all_images();
    let folder = tempfile::tempdir().expect("create a sandbox");
    images.write(folder.path());
    let mut tar = Tar::new().folder("blobs/").folder("blobs/sha256/");
    for name in ["oci-layout", "index.json"] {
        tar = tar.file(name, fs::read(folder.path().join(name)).expect("it was written"));
    }
    for name in fs::read_dir(folder.path().join("blobs/sha256")).expect("it was written") {
        let name = name.expect("it was written").file_name().to_string_lossy().into_owned();
        let bytes = fs::read(folder.path().join("blobs/sha256").join(&name));
        tar = tar.pax("path", format!("./blobs/sha256/{name}"));
        tar = tar.file("blob", bytes.expect("it was written"));
    }
    vec![tar.end()]
}
