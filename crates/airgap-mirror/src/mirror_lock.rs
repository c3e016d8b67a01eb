//! `mirror.lock`: the digest of each tag of `mirror.yaml` at the time of locking.
//!
//! ```yaml
//! version: 1
//! images:
//!   - source: docker.io/library/nats:2.11.3-alpine
//!     digest: sha256:…
//! ```
//!
//! It is YAML because the list that it locks is: users read the two side by side, and tools for the
//! one read the other. Sources are written in full, sorted, each once.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::mirror_list::{keys, wrong};
use crate::yaml::{self, Duplicates, Node};
use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::quantity::count;
use airgap_oci::Reference;

/// The comment at the top of the file.
const HEADER: &str =
    "# Written by `wasm-airgap mirror lock`; `mirror copy --locked` copies just this.\n";

/// The version of the format.
const VERSION: &str = "1";

/// The largest number of images of a lock, which is that of a mirror list.
const MOST_IMAGES: usize = 20_000;

/// Digests by their sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MirrorLock(BTreeMap<String, Digest>);

impl MirrorLock {
    /// Reads a file.
    ///
    /// # Errors
    /// The errors of [`MirrorLock::parse`].
    pub fn read(path: &Path, name: &str) -> Result<MirrorLock> {
        MirrorLock::parse(&yaml::read(path, name)?, name)
    }

    /// Parses the text of the file `name`.
    ///
    /// # Errors
    /// Usage, with the position, if it is not a lock of this version.
    pub fn parse(text: &str, name: &str) -> Result<MirrorLock> {
        let root = yaml::document(text, name, Duplicates::Refused)?;
        keys(&root, &["version", "images"], "a lock has a `version` and `images:`")?;
        if root.text_of("version") != Some(VERSION) {
            return Err(wrong(&root.place, "the lock has another version")
                .fact("expected", format!("version: {VERSION}"))
                .hint("use the version of this program that wrote it, or write it again"));
        }
        let mut lock = MirrorLock::default();
        let images = root.get("images").map(|images| images.items()).unwrap_or_default();
        if images.len() > MOST_IMAGES {
            return Err(wrong(&root.place, "the lock has too many images")
                .fact("found", count(images.len(), "image"))
                .fact("limit", format!("{MOST_IMAGES} images")));
        }
        for image in images {
            keys(image, &["source", "digest"], "a locked image has a `source` and a `digest`")?;
            let source = Reference::parse(text_of(image, "source")?)
                .map_err(|error| error.fact("at", &image.place))?;
            let digest = text_of(image, "digest")?;
            let digest = digest.parse().map_err(|it: String| wrong(&image.place, &it))?;
            if lock.0.insert(source.to_string(), digest).is_some_and(|old| old != digest) {
                let statement = format!("`{source}` is locked twice, with different digests");
                return Err(wrong(&image.place, &statement));
            }
        }
        Ok(lock)
    }

    /// Returns the text of the file. Equal locks have equal texts.
    pub fn text(&self) -> String {
        let images: Vec<_> = self
            .0
            .iter()
            .map(|(source, digest)| {
                json!({ "source": source, "digest": format!("sha256:{digest}") })
            })
            .collect();
        format!("{HEADER}{}", yaml::block(&json!({ "version": 1, "images": images })))
    }

    /// Locks a source.
    pub fn insert(&mut self, source: &Reference, digest: Digest) {
        self.0.insert(source.to_string(), digest);
    }

    /// Returns the locked digest of a source.
    pub fn get(&self, source: &Reference) -> Option<&Digest> {
        self.0.get(&source.to_string())
    }

    /// Returns all sources, sorted.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &Digest)> {
        self.0.iter().map(|(source, digest)| (source.as_str(), digest))
    }
}

fn text_of<'a>(image: &'a Node, key: &str) -> Result<&'a str> {
    let missing = || -> Error { wrong(&image.place, &format!("a locked image has no `{key}`")) };
    image.text_of(key).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_sorted_and_parses_back() {
        let mut lock = MirrorLock::default();
        for source in ["quay.io/z:1", "nats:2.11", "ghcr.io/a/b:1.0"] {
            lock.insert(
                &Reference::parse_image(source).unwrap(),
                Digest::compute(source.as_bytes()),
            );
        }
        let text = lock.text();
        let sources: Vec<_> =
            text.lines().filter_map(|line| line.trim().strip_prefix("- source: ")).collect();
        assert_eq!(sources, ["docker.io/library/nats:2.11", "ghcr.io/a/b:1.0", "quay.io/z:1"]);
        assert!(text.starts_with(HEADER) && text.contains("version: 1\n"), "{text}");
        assert_eq!(MirrorLock::parse(&text, "mirror.lock").unwrap(), lock);
        assert!(lock.get(&Reference::parse_image("docker.io/nats:2.11").unwrap()).is_some());
        assert_eq!(
            MirrorLock::parse("version: 1\nimages: []\n", "l").unwrap().text(),
            format!("{HEADER}version: 1\nimages: []\n")
        );
    }

    #[test]
    fn every_source_that_can_be_written_can_be_read() {
        let hosts = ["", "MyHost/", "LOCALHOST/", "localhost:5000/", "Docker.IO/", "[::1]:5000/"];
        let hosts =
            hosts.into_iter().chain(["index.docker.io/", "A:1/", "xN--a/", "1.2.3.4/", "X/"]);
        let mut lock = MirrorLock::default();
        for host in hosts {
            for rest in ["a", "a/b:1", "null:null", "a__b/c:_x", "true/no:1.0", "1/2:3"] {
                for digest in [String::new(), format!("@sha256:{}", "0".repeat(64))] {
                    let text = format!("{host}{rest}{digest}");
                    let Ok(source) = Reference::parse_image(&text) else { continue };
                    lock.insert(&source, Digest::compute(text.as_bytes()));
                    let again = Reference::parse(&source.to_string());
                    assert_eq!(again.unwrap_or_else(|error| panic!("{error}")), source);
                }
            }
        }
        assert!(lock.0.len() > 80, "{}", lock.0.len());
        assert_eq!(MirrorLock::parse(&lock.text(), "mirror.lock").unwrap(), lock);
    }

    #[test]
    fn an_invalid_lock_is_refused_with_the_reason() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let other = format!("sha256:{}", "b".repeat(64));
        for (text, words) in [
            ("version: 2\n".to_owned(), "another version"),
            ("images: []\n".to_owned(), "another version"),
            ("version: 1\nimage: []\n".to_owned(), "`images`"),
            (
                "version: 1\nimages:\n- source: nats:1\n  digest: x\n".to_owned(),
                "does not name a registry",
            ),
            ("version: 1\nimages:\n- source: a.b/c:1\n  digest: x\n".to_owned(), "64"),
            ("version: 1\nimages:\n- source: a.b/c:1\n".to_owned(), "no `digest`"),
            (
                format!(
                    "version: 1\nimages:\n- {{source: a.b/c:1, digest: '{digest}'}}\n- {{source: a.b/c:1, digest: '{other}'}}\n"
                ),
                "locked twice",
            ),
        ] {
            let error = MirrorLock::parse(&text, "mirror.lock").unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("mirror.lock"), "{text}: {error}");
        }
    }
}
