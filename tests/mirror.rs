//! `mirror copy`, `lock`, `check --live` and charts from registries: against registries in memory,
//! and in `real` against docker-registry, checked with skopeo, oras and crane.

// Tests create their own folders.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]

#[path = "support/access.rs"]
mod access;
#[allow(dead_code, reason = "the tests of extraction use more of it")]
#[path = "support/archives.rs"]
mod archives;
#[path = "support/authority.rs"]
mod authority;
#[path = "support/clock.rs"]
mod clock;
#[allow(dead_code, reason = "the tests of WIT packages use more of it")]
#[path = "support/data.rs"]
mod data;
#[path = "support/fake_registry.rs"]
mod fake_registry;
#[path = "support/images.rs"]
mod images;
#[path = "support/memory_limit.rs"]
mod memory_limit;
#[path = "support/reference_programs.rs"]
mod reference_programs;
#[allow(dead_code, reason = "the tests of the client use more of it")]
#[path = "support/registry.rs"]
mod registry;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/sandbox.rs"]
mod sandbox;
#[path = "support/server.rs"]
mod server;

#[path = "mirror/asked.rs"]
mod asked;
#[path = "mirror/copied.rs"]
mod copied;
#[path = "mirror/hostile.rs"]
mod hostile;
#[path = "mirror/layouts.rs"]
mod layouts;
#[path = "mirror/limits.rs"]
mod limits;
#[path = "mirror/locked.rs"]
mod locked;
#[cfg(target_os = "linux")]
#[path = "mirror/memory.rs"]
mod memory;
#[path = "mirror/policy.rs"]
mod policy;
#[path = "mirror/quirks.rs"]
mod quirks;
#[cfg(unix)]
#[path = "mirror/real.rs"]
mod real;
#[cfg(unix)]
#[path = "mirror/rendered.rs"]
mod rendered;
#[path = "mirror/repository.rs"]
mod repository;
#[path = "mirror/values.rs"]
mod values;

use fake_registry::{Door, Fake, Store};
use images::Images;
use sandbox::{Run, Sandbox};
use server::{Reply, Request};

/// A folder with a list, and two registries.
struct Case {
    sandbox: Sandbox,
    from: Fake,
    to: Fake,
}

impl Case {
    fn new() -> Case {
        Case::with(|_, _| None, |_, _| None)
    }

    /// Creates a case whose registries give another answer if these functions return one.
    fn with(
        from: impl Fn(&Request, &mut Store) -> Option<Reply> + Send + Sync + 'static,
        to: impl Fn(&Request, &mut Store) -> Option<Reply> + Send + Sync + 'static,
    ) -> Case {
        Case::between(Fake::with(Door::Open, from), Fake::with(Door::Open, to))
    }

    fn between(from: Fake, to: Fake) -> Case {
        for fake in [&from, &to] {
            let mut store = fake.store();
            (store.referrers, store.strict) = (true, true);
        }
        Case { sandbox: Sandbox::new(), from, to }
    }

    /// Writes the list: each name goes from the first registry to the same name in the second one.
    fn list(&self, names: &[&str]) {
        let (from, to) = (self.from.host(), self.to.host());
        let line = |name: &&str| format!("- source: {from}/{name}\n  destination: {to}/{name}\n");
        let lines: String = names.iter().map(line).collect();
        self.sandbox.write("mirror.yaml", format!("images:\n{lines}"));
    }

    /// Returns the program with `mirror copy` and these arguments, which does not wait between
    /// attempts.
    fn copy(&self, words: &[&str]) -> Run {
        self.run("copy", words)
    }

    fn run(&self, command: &str, words: &[&str]) -> Run {
        self.sandbox
            .run(&[&["mirror", command], words].concat())
            .env("BAZEL_WASM_RETRY_SECONDS", "0")
    }

    /// Checks that the destination has all blobs, manifests and tags in this repository.
    #[track_caller]
    fn has(&self, repository: &str, images: &Images) {
        let store = self.to.store();
        for (digest, bytes) in &images.blobs {
            assert_eq!(store.blob(repository, digest), Some(&**bytes), "{repository} {digest}");
        }
        for (digest, _, bytes) in &images.manifests {
            let found = store.manifest(repository, &format!("sha256:{digest}"));
            assert_eq!(found, Some(&**bytes), "{repository} {digest}");
        }
        for (tag, digest) in &images.tags {
            let found = store.manifest(repository, tag).unwrap_or_else(|| panic!("no {tag}"));
            assert_eq!(airgap_core::digest::Digest::compute(found), *digest, "{tag}");
        }
    }

    /// Returns the number of requests to a registry with this method and with these words in the
    /// path.
    fn count(fake: &Fake, method: &str, words: &str) -> usize {
        let asked = fake.request_lines();
        asked.iter().filter(|it| it.starts_with(method) && it.contains(words)).count()
    }
}

/// Puts images into a repository of a registry in memory.
fn fill(fake: &Fake, repository: &str, images: &Images) {
    let mut store = fake.store();
    for bytes in images.blobs.values() {
        store.add_blob(repository, bytes);
    }
    for (digest, kind, bytes) in &images.manifests {
        let json = std::str::from_utf8(bytes).unwrap();
        store.add_manifest(repository, &format!("sha256:{digest}"), kind, json);
        for (tag, _) in images.tags.iter().filter(|(_, it)| *it == digest) {
            store.add_manifest(repository, tag, kind, json);
        }
    }
}

/// Returns an image of two platforms, signed in the old and the new way, with a referrer of one of
/// its platforms too.
fn signed(tag: &str, seed: u32) -> Images {
    let (mut images, index) = Images::two_platforms(tag, seed, 3000);
    let arm = format!("sha256:{}", images.manifests[1].0);
    let kind = images.manifests[1].1.clone();
    let size = images.manifests[1].2.len();
    let arm = serde_json::json!({"mediaType": kind, "digest": arm, "size": size});
    images.signed(&index, &format!("the signature of {seed}"));
    let sbom = images.attached(&index, &format!("what is in {seed}"));
    images.attached(&sbom, &format!("who says what is in {seed}"));
    images.attached(&arm, &format!("what is in the second of {seed}"));
    images
}
