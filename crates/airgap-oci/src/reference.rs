//! References to content of registries: `ghcr.io/webassembly/wasi/http:0.2.6`.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use url::Host;

use airgap_core::digest::Digest;
use airgap_core::environment;
use airgap_core::error::{Error, Result};

/// The registry of an image reference without a registry.
const DOCKER: &str = "docker.io";

/// Other names of the same registry; the last one is the host of its API.
const DOCKER_TOO: [&str; 2] = ["index.docker.io", DOCKER_ENDPOINT];
const DOCKER_ENDPOINT: &str = "registry-1.docker.io";

/// The longest host in bytes, by RFC 1035 section 2.3.4 without the last dot.
const LONGEST_HOST: usize = 253;

/// The longest name of a repository in bytes.
const LONGEST_NAME: usize = 255;

/// The longest tag in bytes.
const LONGEST_TAG: usize = 128;

/// A registry: a host with an optional port, in lower case. In a reference, a host that is one word
/// without a port is in upper case, because nothing else distinguishes it from the first part of
/// the name of a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Registry(String);

/// A repository in a registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    registry: Registry,
    name: String,
}

/// A tag: letters, digits and `. _ -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// A manifest in a repository, named by tag, by digest or by both. `Display` is canonical: two
/// references to the same manifest have the same text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    repository: Repository,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

impl Registry {
    /// Parses the host of a reference. Only capital letters distinguish the host `MyHost` from the
    /// first part of a name.
    fn in_reference(host: &str) -> Parsed<Registry> {
        let registry: Registry = host.parse()?;
        let word = !is_host(&registry.0);
        Ok(if word { Registry(registry.0.to_ascii_uppercase()) } else { registry })
    }

    /// Returns the text, as it is in references and keys of configurations: `ghcr.io`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the host of its API: the same host, except for Docker's registry.
    pub fn endpoint(&self) -> &str {
        if self.0 == DOCKER { DOCKER_ENDPOINT } else { &self.0 }
    }

    /// Returns the name of the variable with its token: `WKG_REGISTRY_GHCR_IO_TOKEN`.
    pub fn token_variable(&self) -> String {
        environment::registry_variable(&self.0, "TOKEN")
    }
}

impl Repository {
    /// Creates a repository with this name: `webassembly/wasi/http`.
    ///
    /// # Errors
    /// The problem with the name, in words.
    pub fn new(registry: Registry, name: &str) -> std::result::Result<Repository, String> {
        check_name(name)?;
        // Names of Docker's own images may be written with and without `library/`.
        let name = match name.contains('/') || registry.0 != DOCKER {
            true => name.to_owned(),
            false => format!("library/{name}"),
        };
        check_name(&name)?;
        Ok(Repository { registry, name })
    }

    /// Returns its registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Returns its name in the registry.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns a reference with this tag.
    pub fn tagged(&self, tag: Tag) -> Reference {
        Reference { repository: self.clone(), tag: Some(tag), digest: None }
    }

    /// Returns a reference with this digest.
    pub fn at(&self, digest: Digest) -> Reference {
        Reference { repository: self.clone(), tag: None, digest: Some(digest) }
    }
}

impl Tag {
    /// Returns the tag of the referrers of a manifest: `sha256-DIGEST` for the index of all (OCI
    /// distribution-spec "Referrers Tag Schema"), and with a `suffix` such as `.sig` for the
    /// manifests of cosign.
    pub fn for_attached(digest: &Digest, suffix: &str) -> Tag {
        Tag(format!("sha256-{digest}{suffix}"))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Reference {
    /// Parses a reference that must name its registry, as those of components do.
    ///
    /// # Errors
    /// Usage, with the part that does not parse and the reason.
    pub fn parse(text: &str) -> Result<Reference> {
        ReferenceParts::parse(text).and_then(ReferenceParts::strict).map_err(|problem| {
            refuse(text, &problem, "HOST/REPOSITORY:TAG or HOST/REPOSITORY@sha256:DIGEST")
        })
    }

    /// Parses a reference as Docker does: without a registry it is in `docker.io`, and there a name
    /// without a slash is in `library/`. No tag is added.
    ///
    /// # Errors
    /// Usage, with the part that does not parse and the reason.
    pub fn parse_image(text: &str) -> Result<Reference> {
        ReferenceParts::parse(text)
            .and_then(ReferenceParts::image)
            .map(|(reference, ..)| reference)
            .map_err(|problem| {
                refuse(text, &problem, "NAME:TAG, HOST/NAME:TAG or either with @sha256:DIGEST")
            })
    }

    /// Parses a reference as Docker does, and returns it with the host and the repository as they
    /// are written, for callers that keep the text of a file.
    ///
    /// # Errors
    /// The problem with the text, in words.
    pub fn read_image(text: &str) -> Parsed<(Reference, Option<&str>, &str)> {
        ReferenceParts::parse(text).and_then(ReferenceParts::image)
    }

    /// Returns its repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Returns its registry.
    pub fn registry(&self) -> &Registry {
        &self.repository.registry
    }

    /// Returns its tag.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// Returns its digest, which decides if there is a tag too.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Returns the reference by its tag alone, if it has one.
    #[must_use]
    pub fn by_name(&self) -> Reference {
        match &self.tag {
            Some(tag) => self.repository.tagged(tag.clone()),
            None => self.clone(),
        }
    }

    /// Returns the reference with this digest added.
    #[must_use]
    pub fn pinned(self, digest: Digest) -> Reference {
        Reference { digest: Some(digest), ..self }
    }
}

/// The parts of a reference, some of them still unchecked.
struct ReferenceParts<'a> {
    /// The text without tag and digest.
    name: &'a str,
    /// The text before the first slash, if there is one.
    first: Option<&'a str>,
    rest: &'a str,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

pub(crate) type Parsed<T> = std::result::Result<T, String>;

impl<'a> ReferenceParts<'a> {
    fn parse(text: &'a str) -> Parsed<ReferenceParts<'a>> {
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        if let Some(c) = text.chars().find(|c| !c.is_ascii_graphic()) {
            return Err(format!("it contains `{}`", c.escape_default()));
        }
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        // A text before `://` that is not a scheme may be a password, and is not shown.
        if let Some(scheme) = scheme.filter(|it| it.bytes().all(|b| b.is_ascii_alphanumeric())) {
            return Err(format!("leave out the `{scheme}://`"));
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(parse_digest(digest)?)),
            None => (text, None),
        };
        let last = name.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match name[last..].find(':').map(|colon| last + colon) {
            Some(colon) => (&name[..colon], Some(name[colon + 1..].parse()?)),
            None => (name, None),
        };
        let (first, rest) = match name.split_once('/') {
            Some((first, rest)) => (Some(first), rest),
            None => (None, name),
        };
        Ok(ReferenceParts { name, first, rest, tag, digest })
    }

    fn strict(self) -> Parsed<Reference> {
        match self.first {
            Some(first) if is_host(first) => {
                let repository = Repository::new(Registry::in_reference(first)?, self.rest)?;
                Ok(Reference { repository, tag: self.tag, digest: self.digest })
            }
            None if is_host(self.rest) => {
                Err(format!("it does not name a repository in the registry `{}`", self.rest))
            }
            first => Err(format!(
                "it does not name a registry: `{}` is not a host, because it has no dot and no \
                 port, and is not `localhost`",
                first.unwrap_or(self.rest)
            )),
        }
    }

    /// Returns the reference, and the host and the repository as they are written.
    fn image(self) -> Parsed<(Reference, Option<&'a str>, &'a str)> {
        let (host, path) = match self.first {
            Some(first) if is_host(first) => (Some(first), self.rest),
            _ => (None, self.name),
        };
        let registry =
            host.map_or_else(|| Ok(Registry(DOCKER.to_owned())), Registry::in_reference)?;
        let repository = Repository::new(registry, path)?;
        Ok((Reference { repository, tag: self.tag, digest: self.digest }, host, path))
    }
}

/// Returns whether the text before the first slash is a host and not the beginning of a name, which
/// has no capital letters.
pub fn is_host(first: &str) -> bool {
    let capitals = first.bytes().any(|b| b.is_ascii_uppercase());
    capitals || first.contains(['.', ':']) || first == "localhost"
}

impl FromStr for Registry {
    type Err = String;

    fn from_str(text: &str) -> Parsed<Registry> {
        // First of all checks: decoding an international name takes time that grows with its
        // square.
        if text.len() > LONGEST_HOST + ":65535".len() {
            let length = text.len();
            return Err(format!(
                "the registry has {length} bytes; the limit for a host is {LONGEST_HOST}"
            ));
        }
        if text.contains('@') {
            return Err("write the registry without user and password".to_owned());
        }
        let refuse = |problem: &str| Err(format!("the registry `{text}` is not a host: {problem}"));
        let (host, port) = match text.rfind(':').filter(|_| !text.ends_with(']')) {
            Some(colon) => (&text[..colon], Some(&text[colon + 1..])),
            None => (text, None),
        };
        if let Some(port) = port {
            let number = port.parse::<u16>().ok().filter(|port| *port > 0);
            if number.is_none() || !port.bytes().all(|b| b.is_ascii_digit()) {
                return refuse(&format!("`{port}` is not a port"));
            }
        }
        if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            if address.parse::<Ipv6Addr>().is_err() {
                return refuse("the text in the brackets is not an IPv6 address");
            }
        } else if host.is_empty() {
            return refuse("it is empty");
        } else {
            for label in host.split('.') {
                let fits = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                if label.is_empty() || !fits || label.starts_with('-') || label.ends_with('-') {
                    return refuse(&format!("its label `{label}` is not valid"));
                }
            }
            // As URL parsers read it: `1.2.3` would be 1.2.0.3.
            match Host::parse(host) {
                Ok(Host::Domain(_)) => {}
                Ok(Host::Ipv4(address)) if address.to_string() == host => {}
                Ok(_) => return refuse("an IPv4 address is four numbers separated by dots"),
                Err(error) => return refuse(&error.to_string()),
            }
        }
        let text = text.to_ascii_lowercase();
        let docker = DOCKER_TOO.contains(&text.as_str());
        Ok(Registry(if docker { DOCKER.to_owned() } else { text }))
    }
}

impl FromStr for Tag {
    type Err = String;

    fn from_str(text: &str) -> Parsed<Tag> {
        let refuse = |problem: String| Err(format!("the tag `{text}` {problem}"));
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        match text.chars().find(|&c| !allowed(c)) {
            _ if text.is_empty() => Err("the tag after the colon is empty".to_owned()),
            Some('+') => refuse("contains `+`; write `_` instead, as registries do".to_owned()),
            Some(c) => refuse(format!("contains `{}`", c.escape_default())),
            None if text.starts_with(['.', '-']) => {
                refuse("starts with a dot or hyphen".to_owned())
            }
            None if text.len() > LONGEST_TAG => {
                refuse(format!("is longer than {LONGEST_TAG} characters"))
            }
            None => Ok(Tag(text.to_owned())),
        }
    }
}

/// Checks the name of a repository: words of lower-case letters and digits, joined by `.`, `_`,
/// `__` or hyphens, with slashes between.
pub fn check_name(name: &str) -> Parsed<()> {
    let refuse = |problem: &str| Err(format!("the repository `{name}` {problem}"));
    if name.is_empty() {
        return Err("the repository's name is empty".to_owned());
    }
    if name.len() > LONGEST_NAME {
        return Err(format!("the repository's name is longer than {LONGEST_NAME} characters"));
    }
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        return refuse("has upper-case letters, which registries do not accept");
    }
    for part in name.split('/') {
        if part.is_empty() {
            return refuse("has an empty part between slashes");
        }
        if let Some(c) = part.chars().find(|&c| !is_word(c) && !"._-".contains(c)) {
            return refuse(&format!("contains `{}`", c.escape_default()));
        }
        let joint =
            |joint: &str| matches!(joint, "." | "_" | "__") || joint.bytes().all(|b| b == b'-');
        let words = part.starts_with(is_word) && part.ends_with(is_word);
        if !words || !part.split(is_word).all(joint) {
            let say = format!(
                "has the part `{part}`, in which letters and digits are not joined by `.`, `_`, \
                 `__` or hyphens"
            );
            return refuse(&say);
        }
    }
    Ok(())
}

fn is_word(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

/// Parses the digest after an `@`.
fn parse_digest(text: &str) -> Parsed<Digest> {
    let refuse = |problem: &str| Err(format!("the digest `{text}` {problem}"));
    match text.split_once(':') {
        _ if !is_digest(text) => {
            Err("the text after its `@` does not start with `sha256:`; and a reference cannot \
                contain a user or password"
                .to_owned())
        }
        Some(("sha256", digits)) if digits.bytes().any(|b| b.is_ascii_uppercase()) => {
            refuse("has upper-case digits")
        }
        Some(("sha256", _)) => {
            text.parse().map_err(|problem| format!("the digest is wrong: {problem}"))
        }
        _ => refuse("has another algorithm; only sha256 is supported"),
    }
}

/// Returns whether the text after an `@` is meant as a digest.
fn is_digest(text: &str) -> bool {
    let known = ["sha256:", "sha384:", "sha512:", "md5:"];
    known.iter().any(|kind| text.starts_with(kind)) && !text.contains(['@', '/'])
}

/// Returns a reference, or a text that was meant as one, as it may be shown: the text before an `@`
/// without a digest after it may be a password.
pub fn shown(text: &str) -> String {
    without_login(text).escape_default().to_string()
}

/// Returns a reference, or a text that was meant as one, without the text before an `@` that has no
/// digest after it.
pub fn without_login(text: &str) -> Cow<'_, str> {
    let (name, digest) = match text.rsplit_once('@') {
        Some((name, digest)) if is_digest(digest) => (name, format!("@{digest}")),
        _ => (text, String::new()),
    };
    match name.rsplit_once('@') {
        Some((_, behind)) => format!("...@{behind}{digest}").into(),
        None => text.into(),
    }
}

fn refuse(text: &str, problem: &str, expected: &str) -> Error {
    let shown = shown(text);
    Error::usage(format!("`{shown}` is not a reference: {problem}")).fact("expected", expected)
}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.name)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@sha256:{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const D: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn canonical_text_reads_back() {
        for (text, canonical) in [
            ("nginx", "docker.io/library/nginx"),
            ("nginx:1.27", "docker.io/library/nginx:1.27"),
            ("natsio/nats-box:1", "docker.io/natsio/nats-box:1"),
            ("docker.io/nginx", "docker.io/library/nginx"),
            ("index.docker.io/library/nginx", "docker.io/library/nginx"),
            ("registry-1.docker.io/a/b", "docker.io/a/b"),
            ("localhost/a", "localhost/a"),
            ("localhost:5000/a:b", "localhost:5000/a:b"),
            ("GHCR.io/a/b/c:V1", "ghcr.io/a/b/c:V1"),
            ("MyHost/a:1", "MYHOST/a:1"),
            ("[::1]:5000/a", "[::1]:5000/a"),
            ("[fd00::1]/a:1", "[fd00::1]/a:1"),
            ("10.0.0.1/a__b/c.d/e---f:_x", "10.0.0.1/a__b/c.d/e---f:_x"),
        ] {
            let found = Reference::parse_image(text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(found.to_string(), canonical);
            assert_eq!(Reference::parse_image(canonical).unwrap(), found);
            assert_eq!(Reference::parse(canonical).unwrap(), found);
            let pinned = format!("{text}@{D}");
            let found = Reference::parse_image(&pinned).unwrap();
            assert_eq!(found.to_string(), format!("{canonical}@{D}"));
            assert_eq!(found.digest(), Some(&D.parse().unwrap()));
        }
    }

    #[test]
    fn each_error_names_the_part() {
        for (text, words) in [
            ("", "it is empty"),
            ("nginx:1", "does not name a registry: `nginx`"),
            ("library/nginx:1", "does not name a registry: `library`"),
            ("ghcr.io", "does not name a repository in the registry `ghcr.io`"),
            ("ghcr.io:a", "does not name a repository in the registry `ghcr.io`"),
            ("localhost:5000", "does not name a repository in the registry `localhost`"),
            ("999.1.1.1/a:x", "`999.1.1.1` is not a host"),
            ("256.256.256.256:80/a:x", "`256.256.256.256:80` is not a host"),
            ("1.2.3/a:x", "four numbers"),
            ("0x7f.1/a:x", "four numbers"),
            ("xn--zz.io/a:1", "`xn--zz.io` is not a host"),
            ("https://ghcr.io/a:1", "leave out the `https://`"),
            ("ghcr.io/A/b:1", "the repository `A/b` has upper-case letters"),
            ("ghcr.io/a//b", "`a//b` has an empty part between slashes"),
            ("ghcr.io/a/", "`a/` has an empty part between slashes"),
            ("ghcr.io/", "repository's name is empty"),
            ("ghcr.io/a..b", "the part `a..b`"),
            ("ghcr.io/a___b", "the part `a___b`"),
            ("ghcr.io/-a", "the part `-a`"),
            ("ghcr.io/a_:1", "the part `a_`"),
            ("ghcr.io/a$b", "contains `$`"),
            ("ghcr.io/a b", "it contains ` `"),
            ("ghcr.io/a\n", "it contains `\\n`"),
            ("ghcr.io/ä", "it contains"),
            ("ghcr.io/a:", "the tag after the colon is empty"),
            ("ghcr.io/a:1.0+x", "the tag `1.0+x` contains `+`"),
            ("ghcr.io/a:.1", "the tag `.1` starts with a dot"),
            ("ghcr.io/a:b:c", "the tag `b:c` contains `:`"),
            ("ghcr.io/a@sha256:abc", "has 3"),
            ("ghcr.io/a@sha512:abc", "only sha256 is supported"),
            ("ghcr.io/a@abc", "does not start with `sha256:`"),
            ("ghcr.io/a@", "does not start with `sha256:`"),
            ("ghcr.io:0/a", "`0` is not a port"),
            ("ghcr.io:99999/a", "`99999` is not a port"),
            ("ghcr.io:/a", "`` is not a port"),
            ("ghcr.io:+1/a", "`+1` is not a port"),
            ("-a.io/b", "label `-a` is not valid"),
            ("a..io/b", "label `` is not valid"),
            ("a_b.io/c", "label `a_b` is not valid"),
            ("[::g]:1/a", "not an IPv6 address"),
        ] {
            let error = Reference::parse(text).unwrap_err();
            assert_eq!(error.kind(), airgap_core::error::ErrorKind::Usage);
            assert!(error.to_string().contains(words), "`{text}` gives: {error}");
        }
        let upper = format!("ghcr.io/a@{}", D.replace('e', "E"));
        assert!(Reference::parse(&upper).unwrap_err().to_string().contains("upper-case digits"));
        for long in [format!("ghcr.io/{}", "a".repeat(256)), format!("a.b/c:{}", "x".repeat(129))] {
            assert!(Reference::parse(&long).unwrap_err().to_string().contains("longer than"));
        }
    }

    #[test]
    fn a_password_is_not_repeated() {
        let pinned = format!("user:geheim@ghcr.io/a@{D}");
        for text in [
            "user:geheim@ghcr.io/a:1",
            "https://user:geheim@ghcr.io/a",
            "user:geheim@ghcr.io",
            "https://user:geheim@ghcr.io",
            "user:geheim@localhost:5000",
            "user:geheim/x@ghcr.io",
            "user:geh/geheim@ghcr.io/a",
            "user:pa@geheim@ghcr.io/a:x",
            "user:pa@geheim@ghcr.io",
            "user:sha256:a@geheim@ghcr.io",
            "user:pa@sha256:geheim@ghcr.io",
            "user:geheim://x@ghcr.io",
            &pinned,
        ] {
            for error in [Reference::parse(text), Reference::parse_image(text)] {
                let error = error.unwrap_err().to_string();
                assert!(!error.contains("geheim"), "{error}");
                assert!(error.contains("...@ghcr.io") || error.contains("localhost"), "{error}");
            }
        }
        for registry in ["user:geheim@ghcr.io", "user:geheim@ghcr.io:443"] {
            let error = registry.parse::<Registry>().unwrap_err();
            assert!(!error.contains("geheim"), "{error}");
        }
    }

    #[test]
    fn repositories_have_the_grammar_of_the_specification() {
        for text in ["a", "a/b", "a-b.c_d__e", "webassembly/wasi/http", "a---b", "0/1"] {
            check_name(text).unwrap();
        }
        for text in ["", "/a", "a/", "A", "a..b", "a___b", "-a", "a-", "a.-b", "a+b", "a/../b"] {
            assert!(check_name(text).is_err(), "{text}");
        }
        assert!(check_name(&"a".repeat(256)).is_err());
    }

    #[test]
    fn the_token_variable_is_named_after_the_registry() {
        let registry: Registry = "my-reg.corp:5000".parse().unwrap();
        assert_eq!(registry.token_variable(), "WKG_REGISTRY_MY_REG_CORP_5000_TOKEN");
    }

    #[test]
    fn long_and_odd_texts_are_refused_quickly() {
        let long = 1 << 20;
        for text in [
            format!("xn--{}.example/a:1", "a".repeat(long)),
            format!("{}:1/a", "a.".repeat(long)),
            format!("[{}]/a:1", ":".repeat(long)),
            format!("a.io/{}", "a/".repeat(long)),
            format!("a.io/{}", "a__".repeat(long)),
            format!("a.io/a:{}", "1".repeat(long)),
            format!("a.io/a{}", "@".repeat(long)),
            format!("a.io/a@sha256:{}", "0".repeat(long)),
            format!("{}a.io/a", "://".repeat(long)),
        ] {
            assert!(Reference::parse(&text).is_err(), "{}", &text[..20]);
            assert!(Reference::parse_image(&text).is_err(), "{}", &text[..20]);
        }
    }

    #[test]
    fn a_parsed_reference_is_written_and_read_back() {
        // A generator of pseudo-random numbers: the same texts in each run.
        let mut state = 1u64;
        let mut next = |most: usize| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize % most
        };
        let parts = [
            "a",
            "b9",
            "A",
            ".",
            "..",
            "-",
            "_",
            "__",
            "/",
            "//",
            ":",
            "@",
            "1",
            "0",
            "[",
            "]",
            "::1",
            "sha256:",
            "localhost",
            "docker.io",
            "xn--",
            "é",
            " ",
            "library",
            "://",
            "%",
            "65536",
        ];
        for _ in 0..20_000 {
            let text: String = (0..next(9) + 1).map(|_| parts[next(parts.len())]).collect();
            if let Ok(reference) = Reference::parse_image(&text) {
                let written = reference.to_string();
                assert_eq!(Reference::parse_image(&written).unwrap(), reference, "{text}");
            }
            let _ = Reference::parse(&text);
        }
    }
}
