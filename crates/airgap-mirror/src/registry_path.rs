//! The private registry, or a part of one.

use std::fmt;
use std::str::FromStr;

use super::reference::ImageReference;
use airgap_oci as oci;

/// An allowed location of images: a registry with an optional path, as in
/// `registry.corp:5000/mirror`.
///
/// The host and whole parts of the path decide which images are in it: `registry.corp` does not
/// include `registry.corp.evil.org`, and `registry.corp/team` does not include
/// `registry.corp/team2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryPath {
    host: String,
    path: Vec<String>,
}

impl RegistryPath {
    /// Returns whether the image is in this location.
    pub fn holds(&self, image: &ImageReference) -> bool {
        let repository = match self.is_bare() {
            // As written: `docker.io/myregistry/nats` names another registry.
            true if image.host().is_some() => return false,
            true => match image.path().split_once('/') {
                Some((first, rest)) if first == self.host => rest.to_owned(),
                _ => return false,
            },
            false if image.registry() != self.registry() => return false,
            false => image.repository().to_owned(),
        };
        let mut parts = repository.split('/');
        self.path.iter().all(|part| parts.next() == Some(part)) && parts.next().is_some()
    }

    /// Returns whether this host is the registry.
    pub fn is_on(&self, host: &str) -> bool {
        !self.is_bare() && self.registry() == host
    }

    /// Returns the destination of an image: the written repository, tag and digest stay.
    ///
    /// # Errors
    /// The sentence with the reason why the image cannot have that name.
    pub fn destination(&self, image: &ImageReference) -> Result<ImageReference, String> {
        let own = image.name();
        format!("{self}/{}{}", image.path(), &image.to_string()[own.len()..]).parse()
    }

    /// Returns the destination of an image if another one has its path: its source registry comes
    /// before the path, with hyphens for characters that a path cannot have.
    ///
    /// # Errors
    /// The errors of [`RegistryPath::destination`].
    pub fn destination_by_host(&self, image: &ImageReference) -> Result<ImageReference, String> {
        let host: String = image.registry().chars().filter(|c| !"[]".contains(*c)).collect();
        let parts = host.split(':').filter(|part| !part.is_empty());
        let below = format!("{self}/{}", parts.collect::<Vec<_>>().join("-"));
        below.parse::<RegistryPath>()?.destination(image)
    }

    /// Returns whether the name is not a host name: it has no dot and no port. Container runtimes
    /// read it as the name of a user on Docker Hub.
    pub fn is_bare(&self) -> bool {
        !oci::is_host(&self.host)
    }

    /// Returns the warning for users of a bare name.
    pub fn warning(&self) -> Option<String> {
        self.is_bare().then(|| {
            format!(
                "`{host}` has no dot and no port, and container runtimes read `{host}/…` as \
                 `docker.io/{host}/…`; write the registry as `{host}.example` or `{host}:5000`",
                host = self.host
            )
        })
    }

    fn registry(&self) -> String {
        // The parser also accepts the other names of Docker Hub.
        format!("{}/x", self.host)
            .parse::<ImageReference>()
            .map_or_else(|_| self.host.clone(), |image| image.registry().to_owned())
    }
}

impl FromStr for RegistryPath {
    type Err = String;

    fn from_str(text: &str) -> Result<RegistryPath, String> {
        let shown = oci::shown(text);
        let refuse = |problem: String| {
            format!("`{shown}` is not a registry such as `registry.corp:5000/mirror`: {problem}")
        };
        if text.contains('@') {
            return Err(refuse("write it without user and password".to_owned()));
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(refuse(format!("write it without `{scheme}://`")));
        }
        let text = text.trim_end_matches('/');
        let (host, path) = text.split_once('/').unwrap_or((text, ""));
        let _: oci::Registry = host.parse().map_err(&refuse)?;
        if !path.is_empty() {
            oci::check_name(path).map_err(&refuse)?;
        }
        let path = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Ok(RegistryPath { host: host.to_owned(), path })
    }
}

impl fmt::Display for RegistryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        self.path.iter().try_for_each(|part| write!(f, "/{part}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(registry: &str, image: &str) -> bool {
        let registry: RegistryPath = registry.parse().unwrap();
        registry.holds(&image.parse().unwrap())
    }

    #[test]
    fn a_registry_holds_images_by_host_and_whole_path_components() {
        for (registry, image) in [
            ("registry.corp", "registry.corp/nats:1"),
            ("registry.corp/", "registry.corp/a/b/c"),
            ("Registry.Corp", "registry.corp/nats"),
            ("registry.corp:5000", "registry.corp:5000/nats"),
            ("registry.corp/team", "registry.corp/team/nats"),
            ("myregistry", "myregistry/nats:1"),
            ("myregistry/team", "myregistry/team/nats"),
            ("docker.io", "nats"),
            ("index.docker.io", "docker.io/nats"),
            ("docker.io/library", "nats:2"),
            ("docker.io/corp", "corp/nats"),
            ("localhost", "localhost/nats"),
            ("[::1]:5000", "[::1]:5000/nats"),
        ] {
            assert!(holds(registry, image), "{image} is in {registry}");
        }
        for (registry, image) in [
            ("myregistry", "myregistry.evil.org/nats"),
            ("myregistry", "myregistry2/nats"),
            ("myregistry", "myregistry:5000/nats"),
            ("myregistry", "docker.io/myregistry/nats"),
            ("myregistry", "myregistry"),
            ("myregistry/team", "myregistry/team"),
            ("myregistry/team", "myregistry/team2/nats"),
            ("registry.corp", "registry.corp.evil.org/nats"),
            ("registry.corp", "registry.corp:5000/nats"),
            ("registry.corp:5000", "registry.corp/nats"),
            ("registry.corp", "evil.org/registry.corp/nats"),
            ("registry.corp", "nats"),
            ("registry.corp/team", "registry.corp/team2/nats"),
            ("registry.corp/team", "registry.corp/nats"),
            ("localhost", "localhost:5000/nats"),
            ("docker.io/corp", "nats"),
        ] {
            assert!(!holds(registry, image), "{image} is not in {registry}");
        }
    }

    #[test]
    fn a_destination_keeps_the_path_as_written() {
        let registry: RegistryPath = "myregistry".parse().unwrap();
        for (image, destination) in [
            ("ghcr.io/wasmcloud/wash:2.0", "myregistry/wasmcloud/wash:2.0"),
            ("docker.io/nats:2", "myregistry/nats:2"),
            ("docker.io/library/nats:2", "myregistry/library/nats:2"),
        ] {
            let found = registry.destination(&image.parse().unwrap()).unwrap();
            assert_eq!(found.to_string(), destination);
            assert!(registry.holds(&found));
        }
        assert!(registry.warning().is_some_and(|warning| warning.contains("docker.io/myregistry")));
        assert!("registry.corp".parse::<RegistryPath>().unwrap().warning().is_none());
    }

    #[test]
    fn an_invalid_registry_is_refused_without_its_password() {
        for text in
            ["", "/", "https://registry.corp", "a b", "registry.corp/A", "r.corp//a", "r.corp/a:1"]
        {
            assert!(text.parse::<RegistryPath>().is_err(), "{text:?}");
        }
        for text in ["https://user:geheim@r.corp", "user:geheim@r.corp", "user:geheim@r.corp/a"] {
            let problem = text.parse::<RegistryPath>().unwrap_err();
            assert!(!problem.contains("geheim") && problem.contains("...@r.corp"), "{problem}");
        }
    }
}
