//! The table of all targets.

mod archives;
mod files;
mod images;
mod oci;
mod operations;
mod output;
mod references;
mod rooted;
mod settings;
mod wit;
mod yaml;

use crate::Target;

/// Words with a meaning in many formats: numbers at the ends of their ranges, and characters that
/// must not be in a path or on a terminal.
const COMMON: &[&str] = &[
    "..",
    "../",
    "./",
    "/",
    "//",
    "\\",
    "\0",
    "\u{1b}[2J",
    "\u{202e}",
    "\u{feff}",
    "\r\n",
    "\n",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775807",
    "4294967295",
    "-1",
    "00",
    "1e999",
    "sha256:",
    "@",
    ":",
    "%2e%2e",
    "%00",
    "~",
    "null",
    "true",
    "\u{e9}",
];

const TAR: &[&str] = &[
    "ustar\0",
    "ustar  \0",
    "././@LongLink",
    "path=",
    "linkpath=",
    "size=",
    "GNU.sparse.map=",
    "GNU.sparse.realsize=",
    "hdrcharset=BINARY",
    "SCHILY.realsize=",
    "19 path=../../a\n",
    "12 size=99\n",
    "\u{80}\0\0\0\0\0\0\0\0\0\0\u{1}",
    "77777777777\0",
    "a/../b",
    "con",
    "a.",
];

const ZIP: &[&str] = &[
    "PK\x01\x02",
    "PK\x03\x04",
    "PK\x05\x06",
    "PK\x06\x06",
    "PK\x06\x07",
    "PK\x07\x08",
    "\x01\0\x10\0",
    "\x75\x70",
    "\u{ff}\u{ff}\u{ff}\u{ff}",
];

const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    "null",
    "true",
    "{}",
    "[]",
    "\"\"",
    "\\u0000",
    "\\ud800",
    "1e400",
    "-0",
    "\"sha256:",
    "\"schema_version\": 1",
    "\"schemaVersion\": 2",
];

const OCI: &[&str] = &[
    "\"mediaType\":",
    "\"config\":",
    "\"layers\":",
    "\"manifests\":",
    "\"subject\":",
    "\"digest\":",
    "\"size\":",
    "\"urls\":",
    "\"annotations\":",
    "\"artifactType\":",
    "\"platform\":",
    "\"tags\":",
    "\"application/vnd.oci.image.index.v1+json\"",
    "\"application/vnd.oci.image.manifest.v1+json\"",
    "\"application/vnd.docker.distribution.manifest.v2+json\"",
    "\"application/vnd.docker.distribution.manifest.list.v2+json\"",
    "\"org.opencontainers.image.ref.name\":",
    "\"io.containerd.image.name\":",
];

const WIT: &[&str] = &[
    "package ",
    "interface ",
    "world ",
    "import ",
    "export ",
    "include ",
    "use ",
    "func()",
    "record ",
    "variant ",
    "resource ",
    "borrow<",
    "list<",
    "option<",
    "result<",
    "tuple<",
    "stream<",
    "future<",
    "type ",
    "enum ",
    "flags ",
    "static ",
    "async ",
    "constructor(",
    "with {",
    "@since(version = ",
    "@unstable(feature = ",
    "@deprecated(version = ",
    "@0.2.0",
    "a:b/c",
    "->",
    "//",
    "/*",
    "*/",
    "%",
];

const YAML: &[&str] = &[
    "---\n",
    "...\n",
    "- ",
    ": ",
    "? ",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "!!binary ",
    "|\n",
    ">-\n",
    "'",
    "\"",
    "# ",
    "{",
    "}",
    "[",
    "]",
    "%YAML 1.2\n",
    "\t",
    "image: ",
    "containers:\n",
    "\\x00",
    "~",
];

const CHART: &[&str] = &[
    "=== Chart.yaml\n",
    "=== values.yaml\n",
    "=== templates/a.yaml\n",
    "=== charts/b/Chart.yaml\n",
    "{{ ",
    " }}",
    "{{- ",
    "{{ range ",
    "{{ end }}",
    "{{ if ",
    "{{ with ",
    "{{ define \"x\" }}",
    "{{ include \"x\" . }}",
    "{{ tpl ",
    "{{ $x := ",
    ".Values.",
    "| default ",
    "| quote",
    "printf ",
    "set ",
    "dict ",
    "list ",
    "join ",
    "image: ",
    "repository: ",
    "tag: ",
    "registry: ",
    "enabled: ",
];

const TOML: &[&str] = &[
    "[",
    "]",
    "[[",
    "]]",
    "= ",
    "\"",
    "'",
    "\"\"\"",
    "{",
    "}",
    ", ",
    "[registry.\"a.io\"]\n",
    "[registry.\"a.io\".auth]\n",
    "[registry.\"a.io\".oci]\n",
    "[namespace_registries]\n",
    "[package_registry_overrides]\n",
    "[overrides]\n",
    "default_registry = ",
    "metadata = ",
    "auth = ",
    "[[packages]]\n",
    "[[packages.versions]]\n",
    "version = 1\n",
    "digest = ",
    "requirement = ",
];

const CHALLENGE: &[&str] = &[
    "Bearer ",
    "Basic ",
    "realm=",
    "service=",
    "scope=",
    "error=\"insufficient_scope\"",
    "\"",
    "\\",
    ",",
    "=",
    "; rel=\"next\"",
    "<",
    ">",
    "{\"token\":\"",
    "\"expires_in\":",
    "http://",
    "https://",
];

const VARIABLES: &[&str] = &[
    "BAZEL_WASM_OFFLINE=",
    "BAZEL_WASM_MIRROR=",
    "BAZEL_WASM_GITHUB_MIRROR=",
    "BAZEL_WASM_COMPONENT_MIRROR=",
    "BAZEL_WASM_VENDOR_DIR=",
    "WKG_REGISTRY_A_IO_URL=",
    "WKG_REGISTRY_A_IO_TOKEN=",
    "HTTPS_PROXY=",
    "HTTP_PROXY=",
    "NO_PROXY=",
    "SSL_CERT_FILE=",
    "https://",
    "http://",
    "socks5://",
    "direct",
    ",",
    "user:pass@",
    "[::1]",
    "10.0.0.0/8",
    "*",
];

const REFERENCE: &[&str] = &[
    "docker.io/",
    "index.docker.io/",
    "library/",
    "localhost",
    "localhost:5000/",
    "[::1]:5000/",
    "MyHost/",
    "ghcr.io/",
    "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ":latest",
    "https://",
    "oci://",
    "wasi:http@0.2.6",
    "__",
    "--",
    "xn--",
    "1.2.3",
    "*",
    "^1",
    ">=1.0.0",
];

const CREDENTIALS: &[&str] = &[
    "machine ",
    "default ",
    "login ",
    "password ",
    "account ",
    "macdef ",
    "\n\n",
    "\"auths\":",
    "\"auth\":",
    "\"credsStore\":",
    "\"credHelpers\":",
    "\"identitytoken\":",
    "\"registrytoken\":",
    "https://index.docker.io/v1/",
    "YTpi",
];

const OUTPUT: &[&str] = &[
    "\u{1b}[31m",
    "\u{9b}31m",
    "\u{85}",
    "\u{200b}",
    "\u{2066}",
    "\u{e0041}",
    "\u{1f600}",
    "\"",
    "\\",
    "\\u0041",
    "%41",
    "%2541",
    "%25",
    "==",
    "password",
    "YTpi",
    "...",
];

const PATHS: &[&str] = &["up/", "etc/", "file", "dangling", "in/", "../", "/", "./", "a/b/c", "."];

const BUNDLE: &[&str] = &[
    "\"path\":",
    "\"size\":",
    "\"sha256\":",
    "\"kind\":",
    "\"part\":",
    "\"offset\":",
    "\"ranges\":",
    "\"replaces\":",
    "\"removed\":",
    "\"data.0001.tar\"",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "manifest.json",
    "../",
    "con",
    "18446744073709551615",
];

const STRACE: &[&str] = &[
    "execve(\"",
    "clone(",
    "connect(",
    "<unfinished ...>",
    "<... execve resumed>",
    "sa_family=AF_INET",
    "htons(",
    "inet_addr(\"",
    "inet_pton(AF_INET6, \"",
    ") = 0",
    " = 4294967296",
    "://",
    "> ",
];

macro_rules! targets {
    ($($name:ident = $run:path, $words:expr;)*) => {
        /// All targets, in the order in which they run.
        pub const TARGETS: &[Target] =
            &[$(Target { name: stringify!($name), run: $run, words: $words }),*];
    };
}

targets! {
    tar = archives::tar, TAR;
    tar_gz = archives::tar_gz, TAR;
    tar_xz = archives::tar_xz, TAR;
    tar_zst = archives::tar_zst, TAR;
    zip = archives::zip, ZIP;
    binary = archives::binary, &["\x7fELF", "\x1f\u{8b}", "MZ", "<html"];
    wit_text = wit::text, WIT;
    wit_binary = wit::binary, WIT;
    component = wit::component, WIT;
    wit_library = wit::library, WIT;
    oci_manifest = oci::manifest, OCI;
    oci_pages = oci::pages, OCI;
    oci_layout = oci::layout, OCI;
    layout_tar = oci::layout_tar, TAR;
    challenge = oci::challenge, CHALLENGE;
    references = references::references, REFERENCE;
    packages = references::packages, REFERENCE;
    wkg_config = settings::wkg_config, TOML;
    variables = settings::variables, VARIABLES;
    netrc = settings::netrc, CREDENTIALS;
    docker_config = settings::docker_config, CREDENTIALS;
    registry_metadata = settings::metadata, JSON;
    yaml = yaml::yaml, YAML;
    yaml_writing = yaml::writing, YAML;
    mirror_list = images::mirror_list, YAML;
    mirror_lock = images::mirror_lock, YAML;
    manifests = images::manifests, YAML;
    rendered = images::rendered, YAML;
    chart_index = images::chart_index, YAML;
    kustomization = images::kustomization, YAML;
    allow_list = images::allow_list, YAML;
    chart = images::chart, CHART;
    chart_tgz = images::chart_tgz, TAR;
    chart_set = images::set, &["a.b=c", "[0]", "{", "}", ",", "\\", "=", "[1000000]"];
    wit_lock = files::wit_lock, TOML;
    vendor_manifest = files::vendor_manifest, JSON;
    bundle_inventory = operations::inventory, BUNDLE;
    bundle_description = operations::description, BUNDLE;
    crates = operations::crates, &["\0asm", ".dep-v0", "\x78\x01"];
    strace = operations::strace, STRACE;
    tool_registry = files::tool_registry, JSON;
    import = operations::import, JSON;
    component_registry = files::component_registry, JSON;
    wit_registry = files::wit_registry, JSON;
    request = files::request, JSON;
    output = output::output, OUTPUT;
    secrets = output::secrets, OUTPUT;
    rooted = rooted::rooted, PATHS;
}

/// Words for all targets, besides a target's own.
pub const ALWAYS: &[&str] = COMMON;
