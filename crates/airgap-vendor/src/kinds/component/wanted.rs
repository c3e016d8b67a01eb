//! A requested component: by reference, or by its name in a checksum registry.

use std::fmt::Display;

use crate::catalog::ComponentCatalog;
use crate::plan::SearchPlace;
use crate::request::{ComponentChoice, Request};
use crate::resolver::Attempts;
use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::path_component::PathComponent;
use airgap_core::shell;
use airgap_oci::Reference;

/// A requested component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedComponent {
    /// Its name, which is also the name of its file in vendor folders.
    pub name: PathComponent,
    /// Its reference; `None` if the checksum registry does not give one.
    pub reference: Option<Reference>,
    /// Its pin, if it is pinned.
    pub pin: Option<Pin>,
    /// Its version in a checksum registry, otherwise its tag.
    pub version: Option<String>,
    /// The words that asked for it.
    pub words: String,
}

/// The pin of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The digest of its content, or that of its manifest.
    pub digest: Digest,
    /// The digest of its manifest, if it is known beside that of the content.
    pub manifest: Option<Digest>,
    /// The origin of the pin.
    pub from: String,
}

impl WantedComponent {
    /// Returns the components that a request names.
    ///
    /// # Errors
    /// Usage, if the words for one are invalid, or a registry does not have it.
    pub fn of_request(request: &Request) -> Result<Vec<WantedComponent>> {
        let catalog = request.component_catalog()?;
        let wanted = |choice: &ComponentChoice| {
            WantedComponent::parse(
                &choice.reference,
                Some(&choice.name),
                choice.digest()?,
                &catalog,
            )
        };
        request.components.iter().map(wanted).collect()
    }

    /// Reads `ghcr.io/my-org/auth-service:v1.2.0`, with or without a digest, or the name and
    /// version in a checksum registry, `auth-service@1.2.0`. `digest` pins it if the words do not.
    ///
    /// # Errors
    /// Usage, if the words are invalid, name nothing in the registry, or have neither a pin nor a
    /// tag.
    pub fn parse(
        words: &str,
        name: Option<&PathComponent>,
        digest: Option<Digest>,
        catalog: &ComponentCatalog,
    ) -> Result<WantedComponent> {
        let mut wanted = match words.split_once('@') {
            Some((component, version)) if !words.contains(['/', ':']) => {
                WantedComponent::in_catalog(component, version, catalog)?
            }
            _ => WantedComponent::at(words, name)?,
        };
        if let Some(digest) = digest {
            if let Some(pin) = wanted.pin.as_ref().filter(|pin| !pin.has(&digest)) {
                return Err(Error::usage(format!("`{words}` is pinned by two digests"))
                    .fact("by", format!("sha256:{} ({})", pin.digest, pin.from))
                    .fact("and by", format!("sha256:{digest} (the digest)"))
                    .hint("leave out one of them"));
            }
            let from = "the digest".to_owned();
            wanted.pin = Some(Pin { digest, manifest: None, from });
        }
        if wanted.pin.is_none() && wanted.version.is_none() {
            return Err(Error::usage(format!("`{words}` names neither tag nor digest"))
                .hint(format!("write `{words}:TAG` or `{words}@sha256:DIGEST`")));
        }
        if let Some(name) = name {
            wanted.name = name.clone();
        }
        Ok(wanted)
    }

    fn in_catalog(
        name: &str,
        version: &str,
        catalog: &ComponentCatalog,
    ) -> Result<WantedComponent> {
        let pinned = catalog.component(name, version)?;
        let from = format!("{name}@{version} in the checksum registry");
        let pin = Pin { digest: pinned.digest, manifest: pinned.manifest, from };
        Ok(WantedComponent {
            name: name.parse().map_err(Error::usage)?,
            reference: pinned.reference.clone(),
            pin: Some(pin),
            version: Some(version.to_owned()),
            words: format!("{name}@{version}"),
        })
    }

    fn at(words: &str, name: Option<&PathComponent>) -> Result<WantedComponent> {
        let reference = Reference::parse(words)?;
        let repository = reference.repository().name();
        let last = repository.rsplit('/').next().unwrap_or(repository);
        let name = match name {
            Some(name) => name.clone(),
            None => last.parse().map_err(|problem: String| {
                Error::usage(format!("the component of `{words}` needs another name"))
                    .because(problem)
                    .fact("by default", "the last part of the repository")
                    .hint("give it another name: `--name NAME`, or `component` in MODULE.bazel")
            })?,
        };
        let from = "the reference".to_owned();
        Ok(WantedComponent {
            name,
            pin: reference.digest().map(|it| Pin { digest: *it, manifest: None, from }),
            version: reference.tag().map(ToString::to_string),
            reference: Some(reference),
            words: words.to_owned(),
        })
    }

    /// Returns the reference with the pin; the words if no reference is known.
    pub fn pinned(&self) -> String {
        match (&self.reference, &self.pin) {
            (Some(reference), Some(pin)) => reference.clone().pinned(pin.digest).to_string(),
            (Some(reference), None) => reference.to_string(),
            (None, _) => self.words.clone(),
        }
    }

    /// Returns the error for a component that none of these places has.
    pub fn unavailable(&self, places: &[SearchPlace]) -> Error {
        let mut attempts = self.attempts();
        attempts.add_places(places);
        attempts.error(places.iter().find_map(|place| place.finding.offline()))
    }

    /// Returns an empty list of the places that were searched.
    pub(super) fn attempts(&self) -> Attempts {
        Attempts::new(format!("the component `{}`", self.words), self.vendor_command())
    }

    /// Returns the command that brings it into the workspace's vendor folder.
    pub(super) fn vendor_command(&self) -> String {
        self.vendor_command_in("vendor/components")
    }

    /// The command that brings it into this folder.
    pub(super) fn vendor_command_in(&self, folder: impl Display) -> String {
        let name = match WantedComponent::at(&self.words, None).is_ok_and(|it| it.name == self.name)
        {
            true => String::new(),
            false => format!(" --name {}", shell::word(&self.name)),
        };
        let (pinned, folder) = (shell::word(self.pinned()), shell::word(folder));
        format!("wasm-airgap vendor components {pinned}{name} --output-dir {folder}")
    }
}

impl Pin {
    /// Returns whether its pin has this digest.
    fn has(&self, digest: &Digest) -> bool {
        self.digest == *digest || self.manifest.as_ref() == Some(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str, digest: Option<char>) -> Result<WantedComponent> {
        let digest = digest.map(|digit| digit.to_string().repeat(64).parse().unwrap());
        let mut catalog = ComponentCatalog::default();
        let file = format!(
            r#"{{"component_name": "auth", "reference": "ghcr.io/my-org/auth-service",
                "versions": {{"1.2.0": {{"digest": "sha256:{}"}}}}}}"#,
            "c".repeat(64)
        );
        catalog.add(&file, "auth.json")?;
        WantedComponent::parse(words, None, digest, &catalog)
    }

    #[test]
    fn a_reference_gives_name_version_and_pin() {
        for (words, digest, name, version, pin) in [
            ("ghcr.io/my-org/auth-service:v1", None, "auth-service", Some("v1"), None),
            ("ghcr.io/my-org/auth-service:v1", Some('a'), "auth-service", Some("v1"), Some('a')),
            ("ghcr.io/a", Some('a'), "a", None, Some('a')),
            ("ghcr.io/a@sha256:DIGEST", None, "a", None, Some('d')),
            ("ghcr.io/a@sha256:DIGEST", Some('d'), "a", None, Some('d')),
            ("auth@1.2.0", None, "auth", Some("1.2.0"), Some('c')),
        ] {
            let words = words.replace("DIGEST", &"d".repeat(64));
            let wanted = parse(&words, digest).unwrap();
            let found = wanted.pin.map(|pin| pin.digest.to_string());
            assert_eq!(found, pin.map(|digit| digit.to_string().repeat(64)), "{words}");
            let found = (wanted.name.as_str(), wanted.version.as_deref());
            assert_eq!(found, (name, version), "{words}");
        }
    }

    #[test]
    fn a_name_over_128_characters_needs_the_name_option() {
        let words = format!("ghcr.io/my-org/{}:v1", "a".repeat(129));
        let catalog = ComponentCatalog::default();
        let error = WantedComponent::parse(&words, None, None, &catalog).unwrap_err();
        assert_eq!(error.kind(), airgap_core::error::ErrorKind::Usage);
        for says in [&words, "longer than 128", "the last part", "--name"] {
            assert!(error.to_string().contains(says), "{error}");
        }
        let name = "short".parse().unwrap();
        let wanted = WantedComponent::parse(&words, Some(&name), None, &catalog).unwrap();
        assert_eq!(wanted.name, name);
        assert!(wanted.vendor_command().contains(" --name short "), "{}", wanted.vendor_command());
    }

    #[test]
    fn a_missing_or_second_digest_is_refused() {
        let twice = format!("ghcr.io/a@sha256:{}", "d".repeat(64));
        for (words, digest, says) in [
            ("ghcr.io/a", None, "neither tag nor digest"),
            (twice.as_str(), Some('a'), "two digests"),
            ("auth@1.2.0", Some('a'), "two digests"),
            ("auth@1.2.1", None, "nearest: `1.2.0`"),
            ("auht@1.2.0", None, "nearest: `auth`"),
            ("auth", None, "does not name a registry"),
            ("auth@sha256:00", None, "64 hexadecimal digits"),
            ("my-org/auth:1", None, "does not name a registry"),
            ("https://ghcr.io/a:1", None, "leave out the `https://`"),
        ] {
            let error = parse(words, digest).unwrap_err();
            assert_eq!(error.kind(), airgap_core::error::ErrorKind::Usage, "{words}");
            assert!(error.to_string().contains(says), "{words}: {error}");
        }
    }

    #[test]
    fn the_repair_command_pins_the_digest() {
        let wanted = parse("ghcr.io/a/b:1", Some('a')).unwrap();
        let digest = "a".repeat(64);
        let expected = format!(
            "wasm-airgap vendor components ghcr.io/a/b:1@sha256:{digest} \
             --output-dir vendor/components"
        );
        assert_eq!(wanted.vendor_command(), expected);
        assert!(parse("auth@1.2.0", None).unwrap().vendor_command().contains(" --name auth "));
    }
}
