//! The metadata of a registry: the OCI registry of its packages, and their prefix.
//!
//! The registries of the WebAssembly project are built in, so that their hosts need not be asked:
//! an allow-list needs the OCI registry only, and a mirror is found without a network.

use serde_json::Value;

use super::endpoint::{Endpoint, is_loopback};
use airgap_core::bounded;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_oci::check_name;

/// The path of the metadata of a registry.
const WELL_KNOWN: &str = "/.well-known/wasm-pkg/registry.json";

/// The most bytes of metadata, which usually has some hundred.
pub(super) const LARGEST: u64 = 64 * 1024;

/// The registry of a namespace if no setting names another one.
pub(super) const NAMESPACES: [(&str, &str); 2] =
    [("ba", "bytecodealliance.org"), ("wasi", "wasi.dev")];

/// The built-in metadata of registries: name, OCI registry, prefix.
const KNOWN: [(&str, &str, &str); 2] = [
    ("bytecodealliance.org", "ghcr.io", "bytecodealliance/wasm-pkg/"),
    ("wasi.dev", "ghcr.io", "webassembly/"),
];

/// Hosts that are OCI registries without metadata, so that they need not be asked.
const PLAIN: [&str; 8] = [
    "docker.io",
    "gcr.io",
    "ghcr.io",
    "mcr.microsoft.com",
    "public.ecr.aws",
    "quay.io",
    "registry.gitlab.com",
    "registry.k8s.io",
];

/// The metadata of a registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    /// The protocol that it prefers.
    pub(super) preferred: Option<String>,
    /// The OCI registry that has its packages, if it is another one.
    pub(super) oci_registry: Option<Endpoint>,
    /// The prefix of the repository of each package, with its slash.
    pub(super) prefix: String,
    /// Whether the metadata has a part for OCI.
    pub(super) has_oci: bool,
}

/// A registry that must be asked where its packages are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// The name of the registry, as in `acme.example`.
    pub registry: String,
    /// The address of its metadata.
    pub url: String,
}

impl Metadata {
    /// Returns the built-in metadata of a registry.
    pub(super) fn known(name: &str) -> Option<Metadata> {
        if PLAIN.contains(&name) {
            return Some(Metadata::default());
        }
        let (_, host, prefix) = KNOWN.iter().find(|(known, ..)| *known == name)?;
        Some(Metadata {
            preferred: None,
            oci_registry: Some(Endpoint::from_host(host)),
            prefix: (*prefix).to_owned(),
            has_oci: true,
        })
    }

    /// Returns the names of registries with built-in metadata that is not empty.
    pub(super) fn known_names() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().map(|(name, ..)| *name)
    }

    /// Parses the JSON of a registry, in its current form and in the deprecated one, which is in
    /// use too.
    pub(super) fn parse(bytes: &[u8]) -> std::result::Result<Metadata, String> {
        let value: Value = bounded::json(bytes).map_err(|error| error.to_string())?;
        let object = value.as_object().ok_or("it is not a JSON object")?;
        let text = |value: Option<&Value>, key: &str| match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(format!("`{key}` is not a text")),
        };
        let oci = match object.get("oci") {
            None | Some(Value::Null) => None,
            Some(Value::Object(oci)) => Some(oci),
            Some(_) => return Err("`oci` is not an object".into()),
        };
        let field = |new: &str, old: &str| {
            Ok::<_, String>(match text(oci.and_then(|oci| oci.get(new)), new)? {
                Some(value) => Some(value),
                None => text(object.get(old), old)?,
            })
        };
        let registry = field("registry", "ociRegistry")?;
        let prefix = field("namespacePrefix", "ociNamespacePrefix")?;
        let preferred = text(object.get("preferredProtocol"), "preferredProtocol")?;
        let has_oci = oci.is_some() || registry.is_some() || prefix.is_some();
        let metadata = Metadata {
            has_oci,
            preferred,
            oci_registry: registry.as_deref().map(oci_registry).transpose()?,
            prefix: namespace_prefix(&prefix.unwrap_or_default())?,
        };
        match metadata.preferred.as_deref() {
            Some("local") => Err("it names a folder; only a config file may do that".into()),
            Some(other) if other != "oci" && !has_oci => {
                Err(format!("its protocol is `{other}`; only `oci` is supported"))
            }
            _ => Ok(metadata),
        }
    }
}

impl Discovery {
    /// Creates the request for this registry.
    pub(super) fn new(registry: &str, plain_http: bool) -> Discovery {
        let scheme = if plain_http { "http" } else { "https" };
        Discovery {
            registry: registry.to_owned(),
            url: format!("{scheme}://{registry}{WELL_KNOWN}"),
        }
    }

    /// Returns whether no other server can change the response: it comes by https or from this
    /// machine.
    pub(super) fn is_private(&self) -> bool {
        self.url.starts_with("https://") || is_loopback(&self.registry)
    }

    /// Parses the response. No metadata means that the registry is an OCI registry itself.
    ///
    /// # Errors
    /// The error of the request, or integrity if the metadata is invalid. A guess would end in a
    /// second error that hides the first.
    pub(super) fn read(&self, answer: Result<Option<Vec<u8>>>) -> Result<Metadata> {
        let statement =
            format!("cannot find the location of the packages of the registry `{}`", self.registry);
        let hint = format!(
            "or write the location into the config file: `NAMESPACE = {{ registry = {:?}, metadata \
             = {{ oci = {{ registry = \"HOST\", namespacePrefix = \"PREFIX/\" }} }} }}` in \
             [namespace_registries]",
            self.registry
        );
        match answer {
            Ok(None) => Ok(Metadata::default()),
            Ok(Some(bytes)) => Metadata::parse(&bytes).map_err(|problem| {
                Error::integrity(statement).fact("metadata", &self.url).because(problem).hint(hint)
            }),
            Err(error) if error.kind() == ErrorKind::Usage => Err(error),
            Err(error) => {
                let told = Error::new(error.kind(), statement).because(error.one_line()).hint(hint);
                Err(error.hints().iter().cloned().fold(told, Error::hint))
            }
        }
    }
}

/// Parses the OCI registry in metadata: a host, or a host and a path.
pub(super) fn oci_registry(text: &str) -> std::result::Result<Endpoint, String> {
    if text.contains("://") {
        let shown = airgap_oci::shown(text);
        return Err(format!("the OCI registry `{shown}` has a scheme; write the host alone"));
    }
    Endpoint::parse(text)
}

/// Checks a prefix. A namespace follows it, so `a/` and `a-` are both valid.
pub(super) fn namespace_prefix(text: &str) -> std::result::Result<String, String> {
    if !text.is_empty() {
        check_name(&format!("{text}x"))?;
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> std::result::Result<(String, String), String> {
        let found = Metadata::parse(text.as_bytes())?;
        Ok((found.oci_registry.map(|it| it.to_string()).unwrap_or_default(), found.prefix))
    }

    #[test]
    fn both_forms_of_the_metadata_are_read() {
        let pair = |a: &str, b: &str| Ok((a.to_owned(), b.to_owned()));
        for (text, expected) in [
            (
                r#"{"preferredProtocol":"oci","oci":{"registry":"ghcr.io","namespacePrefix":"webassembly/"}}"#,
                pair("ghcr.io", "webassembly/"),
            ),
            (
                r#"{"ociRegistry":"ghcr.io","ociNamespacePrefix":"bytecodealliance/wasm-pkg/"}"#,
                pair("ghcr.io", "bytecodealliance/wasm-pkg/"),
            ),
            (
                r#"{"oci":{"registry":"new.io"},"ociRegistry":"old.io","warg":{"url":"x"}}"#,
                pair("new.io", ""),
            ),
            (r#"{"oci":{"registry":"ghcr.io/deep"}}"#, pair("ghcr.io/deep", "")),
            (r#"{"preferredProtocol":"warg","oci":{}}"#, pair("", "")),
            ("{}", pair("", "")),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn hostile_metadata_is_refused() {
        for text in [
            "",
            "[]",
            "<html>",
            r#"{"oci":"ghcr.io"}"#,
            r#"{"oci":{"registry":1}}"#,
            r#"{"oci":{"registry":"http://ghcr.io"}}"#,
            r#"{"oci":{"registry":"ghcr.io@evil"}}"#,
            r#"{"oci":{"namespacePrefix":"../"}}"#,
            r#"{"oci":{"namespacePrefix":"/"}}"#,
            r#"{"oci":{"namespacePrefix":"A/"}}"#,
            r#"{"preferredProtocol":"local","local":{"root":"/etc"}}"#,
            r#"{"preferredProtocol":"warg","warg":{"url":"x"}}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_failure_is_an_error_that_says_how_to_do_without() {
        let discovery = Discovery::new("acme.example", false);
        assert_eq!(discovery.url, "https://acme.example/.well-known/wasm-pkg/registry.json");
        assert_eq!(discovery.read(Ok(None)).unwrap(), Metadata::default());
        let network = Error::new(ErrorKind::Network, "cannot read it").because("503").hint("wait");
        let error = discovery.read(Err(network)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network);
        for word in ["acme.example", "503", "metadata = {", "wait"] {
            assert!(error.to_string().contains(word), "{error}");
        }
        let error = discovery.read(Ok(Some(b"[]".to_vec()))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity);
    }
}
