use super::*;

const FILE: &str = "/etc/wasm/config.toml";

fn parse(text: &str) -> Result<Config> {
    airgap_core::secrets::keep_apart();
    Config::parse(text, Path::new(FILE))
}

/// Every key that wkg 0.16 reads.
const WKG: &str = r#"
default_registry = "acme.registry.com"

[namespace_registries]
wasi = "wasi.dev"
acme = { registry = "acme.example", metadata = { preferredProtocol = "oci", oci = { registry = "ghcr.io", namespacePrefix = "acme/" } } }

[package_registry_overrides]
"example:foo" = "example.com:8443"
"example:old" = { registry = "old.example", metadata = { ociRegistry = "ghcr.io", ociNamespacePrefix = "old/" } }

[registry."acme.example"]
default = "oci"
[registry."acme.example".oci]
auth = { username = "u", password = "p" }
protocol = "https"
accept_invalid_certificates = false
[[registry."acme.example".oci.extra_root_certificates]]
encoding = "pem"
data = """-----BEGIN CERTIFICATE-----
AAAA
-----END CERTIFICATE-----"""

[registry."b64.example".oci]
auth = "dTpw"

[registry."vendored.example"]
type = "local"
[registry."vendored.example".local]
root = "vendor/wkg"
[registry."vendored.example".oci]
"#;

#[test]
fn reads_every_key_of_wkg() {
    let config = parse(WKG).unwrap();
    let (default, place) = config.default_registry.unwrap();
    assert_eq!(
        (default.as_str(), place.as_str()),
        ("acme.registry.com", "/etc/wasm/config.toml:2")
    );
    assert_eq!(config.namespaces["wasi"].registry, "wasi.dev");
    assert!(config.namespaces["wasi"].metadata.is_none());
    let acme = config.namespaces["acme"].metadata.as_ref().unwrap();
    assert_eq!(acme.oci_registry.as_ref().unwrap().to_string(), "ghcr.io");
    assert_eq!((acme.prefix.as_str(), acme.preferred.as_deref()), ("acme/", Some("oci")));
    let package = |name: &str| &config.packages[&name.parse::<PackageName>().unwrap()];
    assert_eq!(package("example:foo").registry, "example.com:8443");
    assert_eq!(package("example:foo").place, "/etc/wasm/config.toml:9");
    assert_eq!(package("example:old").metadata.as_ref().unwrap().prefix, "old/");
    let entry = &config.registries["acme.example"];
    assert_eq!((entry.default, entry.scheme), (Some("oci"), Some(Scheme::Https)));
    assert!(entry.roots[0].contains("AAAA") && entry.has_oci);
    for name in ["acme.example", "b64.example"] {
        let method = &config.registries[name].auth.as_ref().unwrap().method;
        let basic = |secret: &str| AuthMethod::Basic {
            username: "u".into(),
            password: Secret::Literal(secret.into()),
        };
        assert!(*method == basic("p"), "{name}");
    }
    let local = &config.registries["vendored.example"];
    let root = local.local.as_ref().unwrap();
    assert_eq!(root.path, Path::new("/etc/wasm/vendor/wkg"));
    assert_eq!(root.key, "registry.\"vendored.example\".local.root");
    assert_eq!(local.default, Some("local"));
}

#[test]
fn reads_the_short_dialect_beside_it() {
    let text = r#"
        [registry."ghcr.io"]
        auth = { type = "basic", username = "user", password_env = "GHCR_TOKEN" }
        [registry."ghcr.io".mirror]
        url = "https://registry.internal.example.com"
        fallback = true
        [registry."a.corp"]
        auth = { type = "bearer", token_env = "A" }
        mirror = { url = "http://m.corp:5000/x" }
        [registry."b.corp"]
        auth = { type = "token", token = "B" }
        [registry."local"]
        local = { root = "/path/to/local/registry" }
        [registry.corp]
        [overrides]
        "wasi:cli" = { path = "/path/to/local/wasi-cli" }
        "wasi:http" = { path = "../wit" }
        [namespace_registries]
        acme = "local"
    "#;
    let config = parse(text).unwrap();
    let auth = |name: &str| &config.registries[name].auth.as_ref().unwrap().method;
    let variable = |name: &str| Secret::Variable(name.into());
    let basic = AuthMethod::Basic { username: "user".into(), password: variable("GHCR_TOKEN") };
    assert!(*auth("ghcr.io") == basic);
    assert!(*auth("a.corp") == AuthMethod::Bearer(variable("A")));
    assert!(*auth("b.corp") == AuthMethod::Token(Secret::Literal("B".into())));
    let mirror = |name: &str| {
        let mirror = config.registries[name].mirror.as_ref().unwrap();
        (mirror.endpoint.to_string(), mirror.fallback)
    };
    assert_eq!(mirror("ghcr.io"), ("https://registry.internal.example.com".into(), true));
    assert_eq!(mirror("a.corp"), ("http://m.corp:5000/x".into(), false));
    let path = |name: &str| config.overrides[&name.parse().unwrap()].path.clone();
    assert_eq!(path("wasi:cli"), Path::new("/path/to/local/wasi-cli"));
    assert_eq!(path("wasi:http"), Path::new("/etc/wasm/../wit"));
}

#[test]
fn an_invalid_key_is_named_with_its_line_but_not_its_value() {
    for (text, words) in [
        ("defalt_registry = \"a.b\"", &["`defalt_registry`", ":1", "`default_registry`"][..]),
        ("\n[registry.\"a.b\"]\nauht = \"geheim\"", &["`auht`", ":3", "nearest", "`auth`"]),
        ("[registry.\"a.b\".mirror]\nurll = \"https://x.y\"", &["`urll`", ":2", "`url`"]),
        ("[registry.\"a.b\".mirror]\nfallback = true", &["has no `url`", ":1"]),
        ("[registry.\"a.b\".oci]\ntls = true", &["`tls`", ":2", "known", "`protocol`"]),
        ("[registry.\"a.b\".warg]\nurl = \"x\"", &["`warg`", ":1"]),
        ("[overrides]\n\"a:b\" = { pth = \"x\" }", &["`pth`", ":2", "`path`"]),
        ("[overrides]\n\"ab\" = { path = \"x\" }", &["`overrides.ab`", ":2", "colon"]),
        ("[overrides]\n\"a:b\" = { path = \"\" }", &["is empty", ":2"]),
        ("[namespace_registries]\n\"a:b\" = \"x.y\"", &["not a namespace", ":2"]),
        ("[namespace_registries]\na = \"https://x.y\"", &["scheme", ":2"]),
        ("[namespace_registries]\na = \"x.y/z\"", &["namespacePrefix", ":2"]),
        ("[namespace_registries]\na = 1", &["must be a table", "integer", ":2"]),
        ("[namespace_registries]\na = { metadata = {} }", &["has no `registry`", ":2"]),
        (
            "[namespace_registries]\na = { registry = \"x.y\", metadata = { oci = { registri = \"z\" } } }",
            &["`registri`", "`registry`"],
        ),
        ("[registry.\"a.b\"]\nauth = \"geheim\"", &["base64", ":2"]),
        ("[registry.\"a.b\"]\nauth = { username = \"u\" }", &["`password_env`", ":2"]),
        ("[registry.\"a.b\"]\nauth = { type = \"basc\" }", &["`basc`", "basic or bearer"]),
        ("[registry.\"a.b\"]\nauth = { type = \"bearer\", token = 5 }", &["a text", "integer"]),
        (
            "[registry.\"a.b\"]\nauth = { username = \"u\", password_env = \"ge-heim!\" }",
            &["name of a variable", ":2"],
        ),
        (
            "[registry.\"a.b\"]\nauth = { username = \"u\", password = \"geheim\", password_env = \"V\" }",
            &["repeats", ":2"],
        ),
        (
            "[registry.\"a.b\"]\nauth = \"dTpw\"\n[registry.\"a.b\".oci]\nauth = \"dTpw\"",
            &["twice", ":4"],
        ),
        ("[registry.\"a.b\"]\ndefault = \"local\"", &["`local = { root = ... }` is missing", ":2"]),
        ("[registry.\"a.b\"]\ndefault = \"warg\"", &["`warg`", "oci or local"]),
        ("[registry.\"a.b\"]\ndefault = \"oci\"\ntype = \"oci\"", &["repeats", ":3"]),
        ("[registry.\"a.b\".oci]\nprotocol = \"ftp\"", &["`ftp`", "http or https"]),
        (
            "[registry.\"a.b\".oci]\naccept_invalid_certificates = true",
            &["SSL_CERT_FILE", "extra_root_certificates", ":2"],
        ),
        (
            "[[registry.\"a.b\".oci.extra_root_certificates]]\nencoding = \"der\"\ndata = \"x\"",
            &["openssl x509", ":2"],
        ),
        (
            "[[registry.\"a.b\".oci.extra_root_certificates]]\nencoding = \"pem\"\ndata = \"geheim\"",
            &["BEGIN CERTIFICATE", ":3"],
        ),
        ("[registry.\"a.b\".mirror]\nurl = \"https://u:geheim@x.y\"", &["password", ":2"]),
        (
            "[registry.\"a.b\".mirror]\nurl = \"https://x.y\"\nfallback = \"yes\"",
            &["true or false", ":3"],
        ),
        ("[registry.\"a.b\"]\n[registry.\"A.b\"]", &["twice", ":2"]),
        ("[registry.\"a b\"]", &["is not a registry", ":1"]),
        ("a = 'geheim", &["is not TOML", ":1"]),
        ("[registry.\"a.b\"]\nauth = \"geheim\"\nauth = \"geheim\"", &["`auth`", ":3", "above"]),
        ("[registry.a]\n[registry.b]\n[registry.a]", &["duplicate", "`a`", ":3"]),
        (
            "[registry.\"a.b\"]\nauth = { username = \"me\", pasword_env = \"X\" }",
            &["`pasword_env`", "nearest", "`password_env`", ":2"],
        ),
        (
            "[registry.\"a.b\"]\nauth = { type = \"token\", tokn = \"geheim\" }",
            &["`tokn`", "nearest", "`token`", ":2"],
        ),
        (
            "[registry.\"a.b\"]\nauth = { type = \"bearer\", password = \"geheim\" }",
            &["`password`", ":2"],
        ),
        ("[registry.ghcr.io]\nauth = \"dTpw\"", &["`io`", "`[registry.\"ghcr.io\"]`", ":1"]),
        ("[registry.a.b.corp.mirror]\nurl = \"https://x.y\"", &["`[registry.\"a.b.corp\"]`"]),
        ("[registry.\"a.b\"]\npassword = \"geheim\"x", &["is not TOML", ":2"]),
    ] {
        let error = parse(text).err().unwrap_or_else(|| panic!("{text}"));
        assert_eq!(error.kind(), airgap_core::error::ErrorKind::Usage);
        let shown = error.to_string();
        assert!(shown.contains(FILE) && !shown.contains("geheim"), "{shown}");
        for word in words {
            assert!(shown.contains(word), "`{word}` is missing in: {shown}");
        }
    }
}

#[test]
fn the_file_is_found_where_wkg_looks_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, registry: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("default_registry = {registry:?}")).unwrap();
        path.display().to_string()
    };
    let named = write("named.toml", "named.example");
    let usual = if cfg!(windows) { "wasm-pkg/config.toml" } else { ".config/wasm-pkg/config.toml" };
    write(usual, "home.example");
    write("xdg/wasm-pkg/config.toml", "xdg.example");
    let home = folder.path().display().to_string();
    let xdg = folder.path().join("xdg").display().to_string();
    let read = |pairs: &[(&str, &str)]| {
        let config = Config::read(&Environment::from_pairs(pairs, "/"), folder.path())?;
        Ok::<_, Error>(config.default_registry.map(|(name, _)| name).unwrap_or_default())
    };
    assert_eq!(read(&[]).unwrap(), "");
    assert_eq!(read(&[("HOME", &home), ("APPDATA", &home)]).unwrap(), "home.example");
    if !cfg!(windows) {
        assert_eq!(read(&[("HOME", &home), ("XDG_CONFIG_HOME", &xdg)]).unwrap(), "xdg.example");
    }
    assert_eq!(read(&[("HOME", &home), ("WKG_CONFIG_FILE", &named)]).unwrap(), "named.example");
    assert_eq!(read(&[("WKG_CONFIG_FILE", "named.toml")]).unwrap(), "named.example");
    std::fs::write(folder.path().join("latin.toml"), b"# a\n# \xe4\n").unwrap();
    let error = read(&[("WKG_CONFIG_FILE", "latin.toml")]).unwrap_err();
    assert_eq!(error.kind(), airgap_core::error::ErrorKind::Usage);
    assert!(error.to_string().contains("latin.toml:2` is not UTF-8"), "{error}");
    let pipe = folder.path().join("pipe");
    if cfg!(unix) {
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(read(&[("HOME", &home), ("WKG_CONFIG_FILE", "/dev/null")]).unwrap(), "");
    }
    for missing in ["missing.toml", ".", "pipe", "/dev/zero"] {
        let error = read(&[("HOME", &home), ("WKG_CONFIG_FILE", missing)]).unwrap_err();
        assert_eq!(error.kind(), airgap_core::error::ErrorKind::Usage);
        assert!(error.to_string().contains("WKG_CONFIG_FILE"), "{error}");
    }
}
