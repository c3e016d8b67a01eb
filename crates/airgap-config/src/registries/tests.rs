//! Tables of settings and a package, with the sources that follow from them.

use super::*;
use airgap_core::error::ErrorKind;
use airgap_oci::{Access, AccessProvider, Credential};

const FILE: &str = "/etc/wkg.toml";

fn registries(config: &str, variables: &[(&str, &str)]) -> Registries {
    airgap_core::secrets::keep_apart();
    let config = Config::parse(config, Path::new(FILE)).unwrap_or_else(|error| panic!("{error}"));
    Registries::from_config(&Environment::from_pairs(variables, "/ws"), config)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Returns each place with its role; `+` marks a fallback.
fn shown(sources: &[Source]) -> Vec<String> {
    let role = |source: &Source| match source.role {
        Role::Override => "override",
        Role::Folder => "folder",
        Role::Mirror => "mirror",
        Role::Primary => "primary",
    };
    let plus = |source: &Source| if source.fallback { "+" } else { "" };
    sources.iter().map(|it| format!("{}{} {}", role(it), plus(it), it.place)).collect()
}

/// Returns the places for a package; `?` and an address if a registry must be asked.
fn places(registries: &Registries, package: &str, rule: Option<&str>) -> Vec<String> {
    let route = route::for_package(registries, &package.parse().unwrap(), rule);
    let route = route.unwrap_or_else(|error| panic!("{package}: {error}"));
    let mut places = shown(&route.sources);
    places.extend(route.discovery.map(|discovery| format!("? {}", discovery.url)));
    places
}

const BOTH: &str = r#"
default_registry = "default.example"
[namespace_registries]
acme = { registry = "acme.example", metadata = { oci = { registry = "ghcr.io", namespacePrefix = "acme/" } } }
plain = "plain.example"
hyphen = { registry = "h.example", metadata = { oci = { namespacePrefix = "wit-" } } }
vendored = "vendored.example"
both = "both.example"
[package_registry_overrides]
"acme:other" = "other.example"
[registry."vendored.example".local]
root = "/vendor"
[registry."both.example".local]
root = "/both"
[registry."both.example".oci]
protocol = "https"
[overrides]
"acme:here" = { path = "/wit/here" }
"#;

#[test]
fn the_most_specific_mapping_wins() {
    for (config, package, rule, expected) in [
        ("", "wasi:http", None, &["primary ghcr.io/webassembly/wasi/http"][..]),
        ("", "ba:x", None, &["primary ghcr.io/bytecodealliance/wasm-pkg/ba/x"]),
        // wkg asks wasi.dev, though its answer is known.
        (
            "namespace_registries = { wasi = \"wasi.dev\" }",
            "wasi:http",
            None,
            &["primary ghcr.io/webassembly/wasi/http"],
        ),
        (BOTH, "acme:api", None, &["primary ghcr.io/acme/acme/api"]),
        (BOTH, "acme:here", None, &["override /wit/here"]),
        (BOTH, "acme:here", Some("ghcr.io"), &["override /wit/here"]),
        (BOTH, "acme:other", None, &["? https://other.example/.well-known/wasm-pkg/registry.json"]),
        (BOTH, "plain:x", None, &["? https://plain.example/.well-known/wasm-pkg/registry.json"]),
        (BOTH, "hyphen:x", None, &["primary h.example/wit-hyphen/x"]),
        (BOTH, "vendored:x", None, &["folder /vendor/vendored/x"]),
        // With both protocols, OCI is the default, as in wkg.
        (BOTH, "both:x", None, &["? https://both.example/.well-known/wasm-pkg/registry.json"]),
        // As in wkg, the default registry also serves the namespaces that have a built-in registry.
        (
            BOTH,
            "wasi:http",
            None,
            &["? https://default.example/.well-known/wasm-pkg/registry.json"],
        ),
        (BOTH, "wasi:http", Some("acme.example"), &["primary ghcr.io/acme/wasi/http"]),
        (BOTH, "a:b", Some("vendored.example"), &["folder /vendor/a/b"]),
        ("", "a:b", Some("wasi.dev"), &["primary ghcr.io/webassembly/a/b"]),
        ("", "a:b", Some("ghcr.io"), &["primary ghcr.io/a/b"]),
        (
            "",
            "a:b",
            Some("localhost:5000"),
            &["? http://localhost:5000/.well-known/wasm-pkg/registry.json"],
        ),
        (
            "",
            "myorg:custom-api",
            Some("ghcr.io/myorg"),
            &["primary ghcr.io/myorg/custom-api", "primary ghcr.io/myorg/myorg/custom-api"],
        ),
        ("", "a:b", Some("oci://ghcr.io/myorg/"), &["primary ghcr.io/myorg/a/b"]),
        ("", "a:b", Some("http://127.0.0.1:5000"), &["primary 127.0.0.1:5000/a/b"]),
        (
            "",
            "a:b",
            Some("http://localhost:5000/x/a"),
            &["primary localhost:5000/x/a/b", "primary localhost:5000/x/a/a/b"],
        ),
    ] {
        assert_eq!(places(&registries(config, &[]), package, rule), expected, "{package} {rule:?}");
    }
}

const OPTION_2: &str = r#"
[registry."ghcr.io"]
auth = { type = "basic", username = "user", password_env = "GHCR_TOKEN" }
[registry."ghcr.io".mirror]
url = "https://registry.internal.example.com"
fallback = true
"#;

const OPTION_3: &str = r#"
[registry."local"]
local = { root = "/path/to/local/registry" }
[overrides]
"wasi:cli" = { path = "/path/to/local/wasi-cli" }
"wasi:http" = { path = "/path/to/local/wasi-http" }
"#;

const MIRROR: &str = "BAZEL_WASM_COMPONENT_MIRROR";

#[test]
fn variables_beat_the_file_and_specific_beats_general() {
    let one = [(MIRROR, "https://registry.internal.example.com")];
    let list = [(MIRROR, "https://a.corp/x,http://b.corp,direct")];
    let wasi = ("WKG_REGISTRY_WASI_DEV_URL", "https://w.corp/wit");
    let ghcr = ("WKG_REGISTRY_GHCR_IO_URL", "g.corp:5000");
    let in_file = "[registry.\"wasi.dev\".mirror]\nurl = \"https://n.corp\"\nfallback = true";
    for (config, variables, expected) in [
        ("", &one[..], &["mirror registry.internal.example.com/webassembly/wasi/http"][..]),
        (
            "",
            &list,
            &[
                "mirror a.corp/x/webassembly/wasi/http",
                "mirror+ b.corp/webassembly/wasi/http",
                "primary+ ghcr.io/webassembly/wasi/http",
            ],
        ),
        (
            OPTION_2,
            &[],
            &[
                "mirror registry.internal.example.com/webassembly/wasi/http",
                "primary+ ghcr.io/webassembly/wasi/http",
            ],
        ),
        (OPTION_2, &[(MIRROR, "https://m.corp")], &["mirror m.corp/webassembly/wasi/http"]),
        (OPTION_2, &[(MIRROR, "direct")], &["primary ghcr.io/webassembly/wasi/http"]),
        (OPTION_2, &[ghcr, one[0]], &["mirror g.corp:5000/webassembly/wasi/http"]),
        // A copy of ghcr.io has the prefix; a registry with published packages does not.
        (
            OPTION_2,
            &[wasi, ghcr, one[0]],
            &["mirror w.corp/wit/webassembly/wasi/http", "mirror w.corp/wit/wasi/http"],
        ),
        (
            in_file,
            &[],
            &[
                "mirror n.corp/webassembly/wasi/http",
                "mirror n.corp/wasi/http",
                "primary+ ghcr.io/webassembly/wasi/http",
            ],
        ),
        (in_file, &[ghcr], &["mirror g.corp:5000/webassembly/wasi/http"]),
        (
            &format!("{OPTION_2}\n{}", in_file.replace("fallback = true", "")),
            &[],
            &["mirror n.corp/webassembly/wasi/http", "mirror n.corp/wasi/http"],
        ),
        (OPTION_3, &[], &["override /path/to/local/wasi-http"]),
    ] {
        let found = places(&registries(config, variables), "wasi:http", None);
        assert_eq!(found, expected, "{config} {variables:?}");
    }
}

#[test]
fn a_local_registry_folder_is_searched_first() {
    let ours = registries(OPTION_3, &[]);
    let folder = "folder /path/to/local/registry/wasi/io";
    assert_eq!(places(&ours, "wasi:io", None), [folder, "primary ghcr.io/webassembly/wasi/io"]);
    assert_eq!(places(&ours, "wasi:io", Some("local")), [folder]);
    assert_eq!(places(&ours, "wasi:io", Some("ghcr.io")), [folder, "primary ghcr.io/wasi/io"]);
    // No other setting is about this namespace, and none is needed.
    assert_eq!(places(&ours, "my:api", None), ["folder /path/to/local/registry/my/api"]);
    let only = registries(&format!("default_registry = \"local\"\n{OPTION_3}"), &[]);
    assert_eq!(places(&only, "wasi:io", None), [folder]);
    let offline = route::for_package(&ours, &"wasi:io".parse().unwrap(), None).unwrap();
    let net: Vec<_> = offline.sources.iter().map(Source::needs_network).collect();
    assert_eq!(net, [false, true]);
}

#[test]
fn a_registry_name_may_be_mapped_to_a_host_by_a_setting() {
    let url = [("WKG_REGISTRY_CORP_URL", "https://r.corp/wasm")];
    assert_eq!(places(&registries("", &url), "a:b", Some("corp")), ["mirror r.corp/wasm/a/b"]);
    let mirror = "[registry.corp.mirror]\nurl = \"https://r.corp\"\nfallback = true";
    assert_eq!(places(&registries(mirror, &[]), "a:b", Some("corp")), ["mirror r.corp/a/b"]);
    let direct = [(MIRROR, "https://m.corp,direct")];
    let bare = "[registry.corp]\nauth = \"dTpw\"";
    assert_eq!(places(&registries(bare, &direct), "a:b", Some("corp")), ["mirror m.corp/a/b"]);
    for (config, rule) in [(bare, "corp"), ("", "harbor"), (mirror, "corb")] {
        let ours = registries(config, &[]);
        let error = ours.route(&"a:b".parse().unwrap(), Some(rule)).unwrap_err().to_string();
        assert!(error.contains(&format!("`{rule}:443`")), "{error}");
        assert!(rule != "corb" || error.contains("`corp`"), "{error}");
    }
}

#[test]
fn components_are_routed_like_wit_packages() {
    let mirror = [(MIRROR, "https://registry.internal.example.com/proxy")];
    let own = [(MIRROR, "https://a.corp/x,https://b.corp")];
    let hub = [("WKG_REGISTRY_DOCKER_IO_URL", "https://hub.corp")];
    for (config, variables, registry, expected) in [
        ("", &[][..], "ghcr.io", &["primary ghcr.io/my-org/auth"][..]),
        ("", &mirror, "ghcr.io", &["mirror registry.internal.example.com/proxy/my-org/auth"]),
        (
            OPTION_2,
            &[],
            "ghcr.io",
            &["mirror registry.internal.example.com/my-org/auth", "primary+ ghcr.io/my-org/auth"],
        ),
        (OPTION_2, &[], "other.io", &["primary other.io/my-org/auth"]),
        // Repositories of the mirror's own registry are not below the path of the mirror.
        ("", &own, "b.corp", &["primary b.corp/my-org/auth"]),
        ("", &own, "a.corp", &["primary a.corp/my-org/auth"]),
        ("", &hub, "registry-1.docker.io", &["mirror hub.corp/my-org/auth"]),
    ] {
        let sources = registries(config, variables).component(registry, "my-org/auth").unwrap();
        assert_eq!(shown(&sources), expected, "{registry} {variables:?}");
    }
    for (registry, repository) in [("harbor", "a"), ("ghcr.io", "A"), ("ghcr.io", "../a")] {
        assert!(registries("", &[]).component(registry, repository).is_err());
    }
}

#[test]
fn components_are_searched_in_local_registry_folders() {
    let folder = "folder /path/to/local/registry/my-org/auth";
    let sources = |config: &str, of: &str| {
        shown(&route::for_component(&registries(config, &[]), of, "my-org/auth").unwrap())
    };
    assert_eq!(sources(OPTION_3, "ghcr.io"), [folder, "primary ghcr.io/my-org/auth"]);
    let overridden = format!("{OPTION_3}\"my-org:auth\" = {{ path = \"/mine/auth.wasm\" }}\n");
    assert_eq!(sources(&overridden, "ghcr.io"), ["override /mine/auth.wasm"]);
    let ghcr = "[registry.\"ghcr.io\"]\nlocal = { root = \"/r\" }\n";
    assert_eq!(sources(ghcr, "ghcr.io"), ["folder /r/my-org/auth"]);
    assert_eq!(sources(ghcr, "other.io"), ["primary other.io/my-org/auth"]);
    // Images are not components: folders do not have them.
    let images = registries(OPTION_3, &[]).repository("ghcr.io", "my-org/auth").unwrap();
    assert_eq!(shown(&images), ["primary ghcr.io/my-org/auth"]);
}

#[test]
fn each_place_has_a_reason() {
    let ours = registries(OPTION_2, &[]);
    let sources = ours.route(&"wasi:io".parse().unwrap(), None).unwrap().sources;
    let text: Vec<_> = sources.iter().map(Source::to_string).collect();
    for word in ["wasi.dev", "by default", "`ghcr.io`", "mirror of `ghcr.io` by /etc/wkg.toml:4"] {
        assert!(text[0].contains(word), "{}", text[0]);
    }
    assert!(text[1].contains("`fallback = true`"), "{}", text[1]);
    let ours = registries("", &[(MIRROR, "https://a.corp,direct")]);
    let text = shown_reasons(&ours.component("ghcr.io", "a/b").unwrap());
    assert!(text[0].contains("BAZEL_WASM_COMPONENT_MIRROR replaces `ghcr.io`"), "{text:?}");
    assert!(text[1].contains("allows `direct`"), "{text:?}");
}

fn shown_reasons(sources: &[Source]) -> Vec<String> {
    sources.iter().map(|source| source.reason.clone()).collect()
}

#[test]
fn registry_discovery_is_asked_once_and_only_if_allowed() {
    let package = "acme:api".parse().unwrap();
    let asked = |config: &str, variables: &[(&str, &str)]| {
        places(&registries(config, variables), "acme:api", Some("acme.example"))
    };
    // Without `direct` the registry itself must not be asked.
    assert_eq!(asked("", &[(MIRROR, "https://m.corp")]), ["mirror m.corp/acme/api"]);
    let url = ("WKG_REGISTRY_ACME_EXAMPLE_URL", "http://a.corp");
    assert_eq!(asked("", &[url]), ["mirror a.corp/acme/api"]);
    let question = "? https://acme.example/.well-known/wasm-pkg/registry.json";
    assert_eq!(asked("", &[(MIRROR, "https://m.corp,direct")]), [question]);
    let http = "[registry.\"acme.example\".oci]\nprotocol = \"http\"";
    assert_eq!(asked(http, &[]), [question.replace("https", "http")]);

    let ours = registries("", &[("WKG_REGISTRY_ACME_EXAMPLE_TOKEN", "t")]);
    let route = ours.route(&package, Some("acme.example")).unwrap();
    let discovery = route.discovery.unwrap();
    let failed = ours.discover(&discovery, |_| Err(Error::usage("no")));
    assert!(
        failed.is_err() && ours.route(&package, Some("acme.example")).unwrap().discovery.is_some()
    );
    let answer = br#"{"ociRegistry":"oci.example","ociNamespacePrefix":"p/"}"#;
    ours.discover(&discovery, |url| {
        assert_eq!(url, discovery.url);
        Ok(Some(answer.to_vec()))
    })
    .unwrap();
    let route = ours.route(&package, Some("acme.example")).unwrap();
    assert_eq!(shown(&route.sources), ["primary oci.example/p/acme/api"]);
    assert_eq!((route.registry.as_deref(), route.discovery), (Some("acme.example"), None));
    // The token of the registry is valid for the OCI registry that its metadata names.
    assert_eq!(ours.access("oci.example").unwrap().origin, "WKG_REGISTRY_ACME_EXAMPLE_TOKEN");
}

#[test]
fn metadata_does_not_choose_among_hosts_with_the_same_variables() {
    let package = "acme:api".parse().unwrap();
    let access = |config: &str, variables: &[(&str, &str)], named: &str| {
        let ours = registries(config, variables);
        let discovery = ours.route(&package, Some("acme.example")).unwrap().discovery.unwrap();
        let answer = format!(r#"{{"ociRegistry":"{named}"}}"#);
        ours.discover(&discovery, |_| Ok(Some(answer.into_bytes()))).unwrap();
        ours.access(named)
    };
    let origin = |access: Result<Access>| access.unwrap_or_else(|error| panic!("{error}")).origin;
    for what in ["TOKEN", "AUTH_BEARER"] {
        let name = format!("WKG_REGISTRY_A_B_CORP_{what}");
        let variables = [(name.as_str(), "geheim")];
        for named in ["a.b.corp", "a-b.corp"] {
            let error = access("", &variables, named).unwrap_err();
            let text = error.to_string();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(text.contains(&name) && text.contains(named), "{text}");
            assert!(text.contains(&format!("[registry.{named:?}]")), "{text}");
            assert!(!text.contains("geheim"), "{text}");
            let config = format!("[registry.{named:?}.oci]\nprotocol = \"https\"");
            assert_eq!(origin(access(&config, &variables, named)), name);
        }
    }
    // A host with one dot is unambiguous, and the token of the registry itself is for the OCI
    // registry that its metadata names.
    let one = [("WKG_REGISTRY_B_CORP_TOKEN", "t")];
    assert_eq!(origin(access("", &one, "b.corp")), "WKG_REGISTRY_B_CORP_TOKEN");
    let own = [("WKG_REGISTRY_ACME_EXAMPLE_TOKEN", "t")];
    assert_eq!(origin(access("", &own, "a-b.corp")), "WKG_REGISTRY_ACME_EXAMPLE_TOKEN");
}

#[test]
fn a_package_without_a_registry_is_an_error_with_a_remedy() {
    let route = |rule| registries("", &[]).route(&"acme:api".parse().unwrap(), rule);
    let error = route(None).unwrap_err().to_string();
    assert!(error.contains("acme = \"HOST\"") && error.contains(FILE), "{error}");
    let bare = Registries::from_config(&Environment::default(), Config::default()).unwrap();
    let error = bare.route(&"acme:api".parse().unwrap(), None).unwrap_err().to_string();
    assert!(error.contains("WKG_CONFIG_FILE"), "{error}");
    for (rule, word) in [
        ("http://a.corp/x", "WKG_REGISTRY_A_CORP_URL"),
        ("https://u:geheim@a.corp", "password"),
        ("a.corp/UP", "upper-case"),
        ("ftp://a.corp", "ftp"),
        ("a b", "host"),
    ] {
        let error = route(Some(rule)).unwrap_err();
        assert_eq!(error.kind(), airgap_core::error::ErrorKind::Usage);
        let error = error.to_string();
        assert!(error.contains(word) && !error.contains("geheim"), "{rule}: {error}");
    }
}

#[test]
fn variables_with_invalid_values_are_named() {
    for (name, value) in [
        (MIRROR, "mirror"),
        (MIRROR, "ftp://a.corp"),
        (MIRROR, ","),
        (MIRROR, "https://a.corp,Direct"),
        (MIRROR, "https://u:geheim@a.corp"),
        ("WKG_REGISTRY_GHCR_IO_URL", "internal"),
        ("WKG_REGISTRY_GHCR_IO_URL", "https://u:geheim@a.corp"),
    ] {
        let environment = Environment::from_pairs(&[(name, value)], "/ws");
        let error = Registries::from_config(&environment, Config::default()).err().unwrap();
        assert_eq!(error.kind(), airgap_core::error::ErrorKind::Usage, "{value}");
        let error = error.to_string();
        assert!(error.contains(name) && !error.contains("geheim"), "{error}");
    }
}

/// Returns the credential for a host and its source, in a form that can be compared.
fn method(registries: &Registries, host: &str) -> (String, String) {
    let access = registries.access(host).unwrap_or_else(|error| panic!("{host}: {error}"));
    let credential = match access.credential {
        Credential::Anonymous => "nobody".to_owned(),
        Credential::Basic { username, password } => format!("{username}:{password}"),
        Credential::Bearer(token) => format!("bearer {token}"),
        Credential::Refresh(token) => format!("refresh {token}"),
    };
    (credential, access.origin)
}

#[test]
fn a_credential_applies_to_its_own_host_only() {
    let token = ("WKG_REGISTRY_GHCR_IO_TOKEN", "ghp_xxxxx");
    let named = ("WKG_REGISTRY_GHCR_IO_TOKEN", "robot:secret");
    let bearer = ("WKG_REGISTRY_GHCR_IO_AUTH_BEARER", "jwt");
    let wasi = ("WKG_REGISTRY_WASI_DEV_TOKEN", "w");
    let url = ("WKG_REGISTRY_GHCR_IO_URL", "https://m.corp:8443/x");
    let port = ("WKG_REGISTRY_127_0_0_1_5000_TOKEN", "p");
    let mirror = (MIRROR, "https://m.corp:8443");
    let password = ("GHCR_TOKEN", "geheim");
    let acme = "[namespace_registries]\nacme = { registry = \"acme.example\", metadata = { oci = \
                { registry = \"oci.corp\" } } }\n[registry.\"acme.example\".oci]\nauth = \"dTpw\"";
    let word = "[registry.corp]\nauth = \"dTpw\"";
    let corp = ("WKG_REGISTRY_CORP_URL", "https://r.corp");
    let origin = "WKG_REGISTRY_GHCR_IO_TOKEN";
    let written = format!("GHCR_TOKEN by {FILE}:3");
    let (line_2, line_4) = (format!("{FILE}:2"), format!("{FILE}:4"));
    let nobody = ("nobody", "");
    for (config, variables, host, expected) in [
        ("", &[][..], "ghcr.io", nobody),
        ("", &[token], "ghcr.io", ("token:ghp_xxxxx", origin)),
        ("", &[token], "GHCR.io/my-org/auth", ("token:ghp_xxxxx", origin)),
        ("", &[token], "pkg.ghcr.io", nobody),
        ("", &[named], "ghcr.io", ("robot:secret", origin)),
        ("", &[bearer], "ghcr.io", ("bearer jwt", "WKG_REGISTRY_GHCR_IO_AUTH_BEARER")),
        ("", &[token, bearer], "ghcr.io", ("token:ghp_xxxxx", origin)),
        ("", &[port], "127.0.0.1:5000", ("token:p", "WKG_REGISTRY_127_0_0_1_5000_TOKEN")),
        ("", &[port], "127.0.0.1", nobody),
        // The packages of wasi.dev are at ghcr.io.
        ("", &[wasi], "ghcr.io", ("token:w", "WKG_REGISTRY_WASI_DEV_TOKEN")),
        ("", &[wasi, token], "ghcr.io", ("token:ghp_xxxxx", origin)),
        // The URL variable moves the registry, and its token with it; a mirror gets no token.
        ("", &[token, url], "m.corp:8443", ("token:ghp_xxxxx", origin)),
        ("", &[token, url], "ghcr.io", nobody),
        ("", &[token, mirror], "m.corp:8443", nobody),
        (OPTION_2, &[password], "ghcr.io", ("user:geheim", &written)),
        (OPTION_2, &[password], "registry.internal.example.com", nobody),
        (OPTION_2, &[password, url], "m.corp:8443", nobody),
        (OPTION_2, &[password, token], "ghcr.io", ("token:ghp_xxxxx", origin)),
        (acme, &[], "oci.corp", ("u:p", &line_4)),
        (acme, &[], "acme.example", ("u:p", &line_4)),
        (acme, &[], "ghcr.io", nobody),
        (word, &[corp], "r.corp", ("u:p", &line_2)),
        (word, &[], "r.corp", nobody),
    ] {
        let (credential, origin) = method(&registries(config, variables), host);
        assert_eq!((credential.as_str(), origin.as_str()), expected, "{host} {variables:?}");
    }
}

#[test]
fn contradicting_or_missing_credentials_are_explained() {
    let error = registries(OPTION_2, &[]).access("ghcr.io").unwrap_err();
    assert_eq!(error.kind(), airgap_core::error::ErrorKind::Usage);
    let key = "`registry.\"ghcr.io\".auth`";
    for word in ["`GHCR_TOKEN` is not set", "/etc/wkg.toml:3", key] {
        assert!(error.to_string().contains(word), "{error}");
    }
    let two = |second: &str| {
        let text = format!(
            "[registry.\"wasi.dev\".oci]\nauth = \"dTpw\"\n[registry.\"bytecodealliance.org\".oci]\n\
             auth = {second}"
        );
        registries(&text, &[]).access("ghcr.io")
    };
    assert!(two("\"dTpw\"").is_ok());
    let error = two("{ username = \"v\", password = \"geheim\" }").unwrap_err().to_string();
    assert!(error.contains(":2") && error.contains(":4"), "{error}");
    assert!(error.contains("[registry.\"ghcr.io\"]") && !error.contains("geheim"), "{error}");
}

#[test]
fn a_scheme_and_roots_apply_to_their_own_host_only() {
    let config = r#"
        [namespace_registries]
        acme = { registry = "acme.example", metadata = { oci = { registry = "oci.corp:5000" } } }
        [registry."acme.example".oci]
        protocol = "http"
        [[registry."acme.example".oci.extra_root_certificates]]
        encoding = "pem"
        data = "-----BEGIN CERTIFICATE-----"
        [registry."ghcr.io".mirror]
        url = "http://m.corp"
    "#;
    let variables = [
        (MIRROR, "https://localhost:5000,http://n.corp/x"),
        ("WKG_REGISTRY_A_URL", "http://u.corp"),
    ];
    let ours = registries(config, &variables);
    for (host, plain_http, roots) in [
        ("oci.corp:5000", true, 1),
        ("acme.example", true, 1),
        ("m.corp", true, 0),
        ("n.corp", true, 0),
        ("u.corp", true, 0),
        ("localhost:5000", false, 0),
        ("localhost", false, 0),
        ("ghcr.io", false, 0),
    ] {
        let access = ours.access(host).unwrap();
        assert_eq!((access.plain_http, access.roots.len()), (plain_http, roots), "{host}");
        assert_eq!(access.tls, host == "localhost:5000", "{host}");
    }
}

#[test]
fn stores_come_after_own_settings_and_netrc_comes_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::create_dir(path("docker")).unwrap();
    let docker = r#"{"auths":{"a.corp":{"auth":"ZDpw"},"b.corp":{"email":"x"}}}"#;
    std::fs::write(path("docker/config.json"), docker).unwrap();
    let netrc = "machine a.corp login n password p\nmachine b.corp login n password p\n\
                 machine 127.0.0.1 login l password p\ndefault login x password y";
    std::fs::write(path("netrc"), netrc).unwrap();
    let (docker, netrc) = (path("docker"), path("netrc"));
    let variables =
        [("DOCKER_CONFIG", docker.as_str()), ("NETRC", &netrc), ("WKG_REGISTRY_T_CORP_TOKEN", "t")];
    let ours = registries("", &variables);
    for (host, credential, origin) in [
        ("t.corp", "token:t", "WKG_REGISTRY_T_CORP_TOKEN"),
        ("a.corp", "d:p", "config.json"),
        ("b.corp", "n:p", "netrc"),
        ("127.0.0.1:5000", "l:p", "netrc"),
        ("c.corp", "nobody", ""),
    ] {
        let found = method(&ours, host);
        assert!(found.0 == credential && found.1.ends_with(origin), "{host}: {found:?}");
    }
    // A broken file is an error, but not if it is not needed.
    std::fs::write(path("docker/config.json"), "{").unwrap();
    assert!(ours.access("a.corp").is_err());
    assert_eq!(method(&ours, "t.corp").0, "token:t");
}

#[test]
fn the_password_in_the_name_of_a_registry_is_not_printed() {
    for name in ["https://u:geheim@a.corp", "ftp://u:geheim@a.corp/x", "u:geheim@a.corp/x"] {
        for text in [
            format!("default_registry = \"{name}\"\n"),
            format!("[namespace_registries]\na = \"{name}\"\n"),
            format!("[registry.\"{name}\"]\ntype = \"oci\"\n"),
        ] {
            let error = Config::parse(&text, Path::new(FILE)).err().unwrap().to_string();
            assert!(!error.contains("geheim"), "{error}");
        }
    }
}
