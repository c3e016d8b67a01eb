//! References to container images, as users write them.

use std::fmt;
use std::str::FromStr;

use airgap_oci as oci;

/// The default registry of a reference.
const DOCKER_HUB: &str = "docker.io";

/// The prefix of Docker's official images, which references may omit.
const LIBRARY: &str = "library/";

/// A reference to an image as it is written: `nats`, `docker.io/library/nats:2.11`,
/// `ghcr.io/org/app@sha256:…`.
/// `nats`, `library/nats`, `docker.io/nats` and `index.docker.io/library/nats` are one image in
/// four spellings: the [meaning](Self::meaning) is the same for all, while [`name`](Self::name)
/// returns the written name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageReference {
    /// The registry as written, if there is one.
    host: Option<String>,
    /// The repository as written.
    path: String,
    /// The digest with its algorithm: `sha256:…`.
    digest: Option<String>,
    meaning: oci::Reference,
}

impl ImageReference {
    /// Returns the reference for requests to a registry: the canonical name without added defaults.
    pub fn meaning(&self) -> &oci::Reference {
        &self.meaning
    }

    /// Returns the registry: a host in lower case with an optional port, or `docker.io` by default.
    pub fn registry(&self) -> &str {
        self.meaning.registry().as_str()
    }

    /// Returns the repository in the registry: `library/nats` for `nats`.
    pub fn repository(&self) -> &str {
        self.meaning.repository().name()
    }

    /// Returns the repository as written, which is also its name in a registry that replaces the
    /// written one.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the registry as written, if there is one.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Returns the tag.
    pub fn tag(&self) -> Option<&str> {
        self.meaning.tag().map(oci::Tag::as_str)
    }

    /// Returns the digest with its algorithm.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// Returns the name as written, without tag and digest.
    pub fn name(&self) -> String {
        match &self.host {
            Some(host) => format!("{host}/{}", self.path),
            None => self.path.clone(),
        }
    }

    /// Returns the name without tag and digest, which is the same for all its spellings.
    pub(super) fn canonical_name(&self) -> String {
        format!("{}/{}", self.registry(), self.repository())
    }

    /// Returns every usual spelling of the name: three for an official image of Docker Hub, two for
    /// another one there, one for any other. A spelling that would be read as a name of another
    /// registry is left out.
    pub fn spellings(&self) -> Vec<String> {
        let (registry, repository) = (self.registry(), self.repository());
        let full = format!("{registry}/{repository}");
        let first = repository.split('/').next().unwrap_or_default();
        match repository.strip_prefix(LIBRARY) {
            _ if registry != DOCKER_HUB || oci::is_host(first) => vec![full],
            Some(short) if !short.contains('/') => {
                let bare = Some(short.to_owned()).filter(|it| !is_local_identifier(it));
                bare.into_iter().chain([format!("{registry}/{short}"), full]).collect()
            }
            _ => vec![repository.to_owned(), full],
        }
    }

    /// Returns the reference with its registry, and with the tag `latest` if it has neither tag nor
    /// digest, as runtimes read it, in the shortest form.
    #[must_use]
    pub fn with_defaults(&self) -> ImageReference {
        let mut whole = self.clone();
        whole.host = Some(self.registry().to_owned());
        if let (None, None) = (self.tag(), self.digest())
            && let Ok(latest) = "latest".parse()
        {
            whole.meaning = self.meaning.repository().tagged(latest);
        }
        whole
    }

    /// Returns whether both are spellings of one name, with any tags.
    pub fn has_same_name(&self, other: &ImageReference) -> bool {
        self.meaning.repository() == other.meaning.repository()
    }

    /// Returns whether both are spellings of one reference.
    pub fn is_same_as(&self, other: &ImageReference) -> bool {
        self.meaning == other.meaning
    }

    /// Returns whether both are in a place that holds only one image: one tag, or one digest
    /// without a tag.
    pub fn has_same_place(&self, other: &ImageReference) -> bool {
        let version = |image: &ImageReference| image.tag().or(image.digest()).map(str::to_owned);
        self.has_same_name(other) && version(self) == version(other)
    }

    /// Returns the reference without its tag, if it has a digest.
    #[must_use]
    pub fn by_digest(&self) -> ImageReference {
        let digest = self.digest.as_ref();
        digest
            .and_then(|digest| format!("{}@{digest}", self.name()).parse().ok())
            .unwrap_or_else(|| self.clone())
    }

    /// Returns whether both are one image: spellings of one reference, or of one digest if one of
    /// them has no tag, because a tag beside a digest is ignored.
    pub fn is_one_with(&self, other: &ImageReference) -> bool {
        let has_same_digest = self.digest.is_some() && self.digest == other.digest;
        let is_bare = self.tag().is_none() || other.tag().is_none();
        self.is_equal_to(other) || (has_same_digest && is_bare && self.has_same_name(other))
    }

    /// Returns whether a runtime reads both as one reference, with its defaults for each.
    pub fn is_equal_to(&self, other: &ImageReference) -> bool {
        self.with_defaults().is_same_as(&other.with_defaults())
    }
}

/// Returns whether a name is the identifier of an image in a local store: 64 hexadecimal digits.
fn is_local_identifier(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl FromStr for ImageReference {
    type Err = String;

    fn from_str(text: &str) -> Result<ImageReference, String> {
        let shown = oci::shown(text);
        let refuse = |problem: String| format!("`{shown}` is not an image reference: {problem}");
        let (meaning, host, path) = oci::Reference::read_image(text).map_err(refuse)?;
        if host.is_none() && is_local_identifier(path) {
            return Err(refuse("it is the identifier of a local image".to_owned()));
        }
        let digest = meaning.digest().map(|digest| format!("sha256:{digest}"));
        let (host, path) = (host.map(str::to_owned), path.to_owned());
        Ok(ImageReference { host, path, digest, meaning })
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.name();
        if let Some(tag) = self.tag() {
            text.push_str(&format!(":{tag}"));
        }
        if let Some(digest) = &self.digest {
            text.push_str(&format!("@{digest}"));
        }
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn parsed(text: &str) -> ImageReference {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn each_spelling_of_one_image_is_the_same_image() {
        let spellings = [
            "nats",
            "library/nats",
            "docker.io/nats",
            "docker.io/library/nats",
            "index.docker.io/nats",
            "index.docker.io/library/nats",
            "registry-1.docker.io/library/nats",
            "Docker.io/nats",
        ];
        for spelling in spellings {
            let reference = parsed(&format!("{spelling}:2.11.3-alpine"));
            assert_eq!(reference.registry(), "docker.io", "{spelling}");
            assert_eq!(reference.repository(), "library/nats", "{spelling}");
            assert_eq!(reference.name(), spelling);
            assert!(reference.is_same_as(&parsed("nats:2.11.3-alpine")));
            assert_eq!(
                reference.spellings(),
                ["nats", "docker.io/nats", "docker.io/library/nats"],
                "{spelling}"
            );
        }
        assert_eq!(parsed("natsio/box").spellings(), ["natsio/box", "docker.io/natsio/box"]);
        assert_eq!(parsed("ghcr.io/a/nats").spellings(), ["ghcr.io/a/nats"]);
        // The reference `a.b/c` would name the registry `a.b`, and `a/b` is not in `library`.
        assert_eq!(parsed("docker.io/a.b/c").spellings(), ["docker.io/a.b/c"]);
        let nested = ["library/a/b", "docker.io/library/a/b"];
        assert_eq!(parsed("docker.io/library/a/b").spellings(), nested);
        assert!(!parsed("ghcr.io/library/nats").has_same_name(&parsed("nats")));
        assert!(!parsed("nats:1").is_same_as(&parsed("nats:2")));
    }

    #[test]
    fn a_reference_splits_into_registry_path_tag_and_digest() {
        let parts = |text: &str| {
            let r = parsed(text);
            assert_eq!(r.to_string(), text);
            (
                r.registry().to_owned(),
                r.repository().to_owned(),
                r.tag().map(str::to_owned),
                r.digest().is_some(),
            )
        };
        let expect = |registry: &str, repository: &str, tag: &str, digest| {
            let tag = (!tag.is_empty()).then(|| tag.to_owned());
            (registry.to_owned(), repository.to_owned(), tag, digest)
        };
        for (text, expected) in [
            ("ghcr.io/a/b/c:1.0", expect("ghcr.io", "a/b/c", "1.0", false)),
            ("localhost/a", expect("localhost", "a", "", false)),
            ("localhost:5000/a:b", expect("localhost:5000", "a", "b", false)),
            ("host:5000/a", expect("host:5000", "a", "", false)),
            ("[::1]:5000/a:1", expect("[::1]:5000", "a", "1", false)),
            ("myregistry/a:1", expect("docker.io", "myregistry/a", "1", false)),
            ("a__b/c.d_e--f", expect("docker.io", "a__b/c.d_e--f", "", false)),
            ("a:1_.-X", expect("docker.io", "library/a", "1_.-X", false)),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
        assert_eq!(parts(&format!("a:1@{DIGEST}")), expect("docker.io", "library/a", "1", true));
        assert_eq!(parts(&format!("g.io/a@{DIGEST}")), expect("g.io", "a", "", true));
        assert_eq!(parsed("nats").with_defaults().to_string(), "docker.io/nats:latest");
        assert_eq!(
            parsed("index.docker.io/library/a:1").with_defaults().to_string(),
            "docker.io/library/a:1"
        );
    }

    #[test]
    fn an_invalid_reference_is_explained() {
        for (text, why) in [
            ("", "empty"),
            ("https://ghcr.io/a", "leave out the `https://`"),
            ("oci://ghcr.io/a", "leave out the `oci://`"),
            ("a//b", "empty part between slashes"),
            ("ghcr.io/", "empty"),
            ("/a", "empty part between slashes"),
            ("a/B:1", "upper-case"),
            ("ghcr.io/A/b", "upper-case"),
            ("a b", "` `"),
            ("$(image)", "`$`"),
            ("{{.x}}", "`{`"),
            ("a:", "the tag after the colon is empty"),
            ("a:-1", "starts with a dot or hyphen"),
            ("a:b:c/d", "port"),
            ("a@sha256:abc", "3"),
            ("a@md5:d41d8cd98f00b204e9800998ecf8427e", "md5"),
            ("user:pass@ghcr.io/a:1", "`...@ghcr.io/a:1` is not an image reference"),
            ("a@", "does not start with `sha256:`"),
            ("a..b", "`a..b`"),
            ("a___b", "`a___b`"),
            ("-a", "`-a`"),
            ("a/.b", "`.b`"),
            ("g..io/a", "is not a host"),
            ("-g.io/a", "is not a host"),
            ("g.io:99999/a", "port"),
            ("[::g]/a", "IPv6 address"),
            ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "identifier"),
        ] {
            let error = text.parse::<ImageReference>().unwrap_err();
            assert!(error.contains(why), "{text:?}: {error}");
        }
        assert!("a".repeat(256).parse::<ImageReference>().is_err());
        assert!(format!("a:{}", "1".repeat(129)).parse::<ImageReference>().is_err());
    }
}
