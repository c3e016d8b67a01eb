//! `wit.lock`: the locked packages, with their versions and digests.
//!
//! The format is a `wkg.lock` of version 1 with additions, which wkg reads as one of its own:
//!
//! ```toml
//! version = 1                           # of wkg's format
//! airgap_version = 1                    # of the additions
//!
//! [[packages]]
//! name = "wasi:http"
//! registry = "wasi.dev"                 # wkg's name of it; none for a package from an archive
//!
//! [[packages.versions]]
//! requirement = "=0.2.6"                # the requested version range
//! version = "0.2.6"
//! digest = "sha256:..."                 # of the published file
//! url = "https://..."                   # added: of the archive, for one from an archive
//! path = "wasi-http-0.2.6"              # added: its folder in the vendor folder
//! tree = "sha256:..."                   # added: the hash of its text, see `tree_hash`
//! dependencies = ["wasi:io@0.2.6"]      # added: its direct dependencies
//! ```
//!
//! Wkg locks direct dependencies; this program locks indirect ones too. The output is sorted, so
//! that the same packages give the same bytes.

mod differences;
mod foreign;
mod format;

use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::package::PackageId;
use airgap_core::path_component;

/// A lock. The default is an empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// The packages, sorted, each version once.
    pub packages: Vec<Locked>,
}

/// A package in a lock, in one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// The package.
    pub package: PackageId,
    /// The requested version range: `=0.2.6`, `^0.2`, `*`.
    pub requirement: String,
    /// The name of the registry that serves it, as in `wasi.dev`.
    pub registry: Option<String>,
    /// The address of the archive, for one that comes from a pinned archive.
    pub url: Option<String>,
    /// The SHA-256 of the published file.
    pub digest: Digest,
    /// Its folder in the vendor folder, with `/` on every platform.
    pub path: Option<String>,
    /// The hash of its text.
    pub tree: Option<Digest>,
    /// Its direct dependencies, sorted.
    pub dependencies: Vec<PackageId>,
}

impl Locked {
    /// Returns whether it pins text that stands in for a published file.
    pub fn is_text(&self) -> bool {
        self.tree == Some(self.digest)
    }
}

impl Lock {
    /// Creates a lock of these packages.
    pub fn new(packages: impl IntoIterator<Item = Locked>) -> Lock {
        let mut packages: Vec<_> = packages.into_iter().collect();
        packages.sort_by(|a, b| (&a.package, &a.registry).cmp(&(&b.package, &b.registry)));
        for locked in &mut packages {
            locked.dependencies.sort();
            locked.dependencies.dedup();
        }
        Lock { packages }
    }

    /// Reads a lock of this program or of wkg; `origin` is its path, for messages.
    ///
    /// # Errors
    /// Usage, with line and column, if the text is not a lock; or if its format is newer.
    /// Integrity, if it locks one version with two digests, or a path that leads out of the vendor
    /// folder.
    pub fn parse(text: &str, origin: &str) -> Result<Lock> {
        let mut lock = Lock::new(format::read(text, origin)?);
        lock.check_paths(origin)?;
        lock.join_duplicates(origin)?;
        Ok(lock)
    }

    /// Returns the text of the lock's file.
    pub fn text(&self) -> String {
        format::write(self)
    }

    /// Returns the locked version of a package.
    pub fn get(&self, package: &PackageId) -> Option<&Locked> {
        let index = self.packages.partition_point(|locked| locked.package < *package);
        self.packages.get(index).filter(|locked| locked.package == *package)
    }

    /// Returns the differences to another lock, which describes the present state: a line for a
    /// person each.
    pub fn differences(&self, other: &Lock) -> Vec<String> {
        differences::between(self, other)
    }

    /// Joins duplicates. Wkg writes a version twice if it was requested in two ways, or is in two
    /// registries.
    fn join_duplicates(&mut self, origin: &str) -> Result<()> {
        let twice = |pair: &[Locked]| {
            pair[0].package == pair[1].package && pair[0].digest != pair[1].digest
        };
        if let Some([one, other]) = self.packages.windows(2).find(|pair| twice(pair)) {
            return Err(Error::integrity(format!(
                "the lock `{origin}` has {} with two digests",
                one.package
            ))
            .fact("one", format!("sha256:{}", one.digest))
            .fact("other", format!("sha256:{}", other.digest))
            .hint("find out which one is right, and remove the other from the lock"));
        }
        self.packages.dedup_by(|other, one| other.package == one.package);
        Ok(())
    }

    /// Checks that all paths stay in the vendor folder, as a lock can come from another machine.
    fn check_paths(&self, origin: &str) -> Result<()> {
        let paths = self.packages.iter().filter_map(|locked| locked.path.as_deref());
        match paths.into_iter().find(|path| !path_component::is_path(path)) {
            None => Ok(()),
            Some(path) => Err(Error::integrity(format!("the lock `{origin}` has an invalid path"))
                .fact("path", path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use airgap_core::error::ErrorKind;

    pub(super) fn locked(package: &str, registry: Option<&str>) -> Locked {
        let package: PackageId = package.parse().unwrap();
        Locked {
            requirement: format!("={}", package.version),
            registry: registry.map(str::to_owned),
            url: registry.is_none().then(|| "https://x/a.tar.gz".to_owned()),
            digest: Digest::compute(package.to_string().as_bytes()),
            path: Some(package.folder()),
            tree: Some(Digest::compute(b"tree")),
            dependencies: vec!["wasi:io@0.2.6".parse().unwrap()],
            package,
        }
    }

    const WKG: &str = "\
# This file is automatically generated.
# It is not intended for manual editing.
version = 1

[[packages]]
name = \"acme:base\"
registry = \"acme.example\"

[[packages.versions]]
requirement = \"=1.2.3\"
version = \"1.2.3\"
digest = \"sha256:9fb313813d3409ad4cfae2f8c3c0b5eec76a3b0571386b15f05893223ee63618\"
";

    #[test]
    fn a_lock_reads_back_and_does_not_depend_on_the_order() {
        let mut packages = vec![
            locked("wasi:http@0.2.6", None),
            locked("wasi:http@0.2.3", None),
            locked("wasi:nn@0.2.0-rc-2024-06-25", Some("wasi.dev")),
            locked("myorg:api@1.0.0+build.5", Some("registry.example")),
        ];
        packages[0].dependencies.push("wasi:cli@0.2.6".parse().unwrap());
        let lock = Lock::new(packages.clone());
        let text = lock.text();
        assert_eq!(Lock::parse(&text, "wit.lock").unwrap(), lock);
        assert_eq!(text.matches("[[packages]]").count(), 3, "{text}");
        packages.reverse();
        assert_eq!(Lock::new(packages).text(), text);
        assert_eq!(Lock::parse(&Lock::default().text(), "wit.lock").unwrap(), Lock::default());
    }

    #[test]
    fn a_lock_of_wkg_is_read_with_both_spellings_of_its_tables() {
        let other = WKG.replace("[[packages]]", "[[package]]");
        let other = other.replace("[[packages.versions]]", "[[package.version]]");
        for text in [WKG, &other] {
            let lock = Lock::parse(text, "wkg.lock").unwrap();
            let [locked] = lock.packages.as_slice() else { panic!("{lock:?}") };
            assert_eq!(locked.package.to_string(), "acme:base@1.2.3");
            assert_eq!(locked.registry.as_deref(), Some("acme.example"));
            assert!(locked.digest.to_string().starts_with("9fb31381"));
            assert_eq!((&locked.path, &locked.tree, &locked.url), (&None, &None, &None));
        }
        let empty = Lock::parse("version = 1\npackages = []\n", "wkg.lock").unwrap();
        assert_eq!(empty, Lock::default());
    }

    #[test]
    fn an_invalid_lock_is_refused_with_its_line() {
        for (text, words) in [
            (WKG.replace("acme:base", "acme"), "line 6"),
            (WKG.replace("\"1.2.3\"", "\"1.2\""), "line 11"),
            (WKG.replace("63618", ""), "line 12"),
            (WKG.replace("=1.2.3", "newest"), "line 10"),
            (WKG.replace("digest", "digets"), "missing field `digest`"),
            ("{}".to_owned(), "line 1"),
            (String::new(), "missing field `version`"),
        ] {
            let error = Lock::parse(&text, "some/wit.lock").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            let error = error.to_string();
            assert!(error.contains("some/wit.lock") && error.contains(words), "{error}");
        }
    }

    /// Checks the version first, even if the rest of the file does not parse.
    #[test]
    fn a_newer_format_is_refused_as_such() {
        for (line, found) in [
            ("version = 2\n", "version = 2"),
            ("version = 1\nairgap_version = 2\n", "airgap_version = 2"),
        ] {
            let text = format!("{line}packages = {{ as = \"a table\" }}\n");
            let error = Lock::parse(&text, "wit.lock").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            let error = error.to_string();
            assert!(error.contains(found) && error.contains("newer"), "{error}");
        }
    }

    #[test]
    fn two_digests_for_a_version_are_refused() {
        let (base, version) = WKG.split_once("[[packages.versions]]").unwrap();
        let again = version.replace("=1.2.3", "^1.2");
        let text = format!("{WKG}\n[[packages.versions]]{again}");
        assert_eq!(Lock::parse(&text, "wkg.lock").unwrap().packages.len(), 1);
        let elsewhere = base.split_once("[[packages]]").unwrap().1.replace("acme.ex", "other.ex");
        let other = version.replace("9fb3", "0000");
        let text = format!("{WKG}\n[[packages]]{elsewhere}[[packages.versions]]{other}");
        let error = Lock::parse(&text, "wkg.lock").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity);
        assert!(error.to_string().contains("acme:base@1.2.3 with two digests"), "{error}");
    }

    #[test]
    fn a_path_stays_in_the_vendor_folder() {
        for path in ["../etc", "/etc", "a/../../b", "", "C:\\x", "a//b"] {
            let text = format!("{WKG}path = '{path}'\n");
            let error = Lock::parse(&text, "wit.lock").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Integrity, "{path}");
        }
        let text = format!("{WKG}path = 'acme-base-1.2.3'\n");
        assert!(Lock::parse(&text, "wit.lock").is_ok());
    }
}
