//! The published forms of WIT packages: archives with their sources, and files in registries.
//!
//! Each package has one JSON file, of the form in `checksums/wit.schema.json`. The files in
//! `checksums/wit` are inside the binary; a user's own files are added and win.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};
use semver::Version;
use serde::{Deserialize, Serialize};

use super::{check_schema, parse, read, unique};
use airgap_core::artifact::{Artifact, Asset, Identity};
use airgap_core::digest::Digest;
use airgap_core::error::Result;
use airgap_core::package::{PackageId, PackageName};

static PACKAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../checksums/wit");

/// Every WIT package with a pinned archive or file.
#[derive(Clone, Debug, Default)]
pub struct WitCatalog {
    packages: BTreeMap<PackageName, BTreeMap<Version, Published>>,
}

/// The published archive and files of one version of a package.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Published {
    /// The archive with its sources.
    #[serde(default)]
    pub archive: Option<Asset>,
    /// The folder of the package's own `.wit` files in the archive.
    #[serde(default = "wit")]
    pub wit_dir: String,
    /// The hash of the text in the archive.
    #[serde(default)]
    pub tree: Option<Digest>,
    /// The SHA-256 of the `.wasm` that a registry serves, by the registry's name.
    #[serde(default)]
    pub published: BTreeMap<String, Digest>,
}

/// A package whose sources are published as an archive. The JSON form crosses the border from
/// Starlark in a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceArchive {
    /// The package.
    pub package: PackageId,
    /// The archive.
    pub archive: Asset,
    /// The folder of the package's own `.wit` files in the archive.
    #[serde(default = "wit")]
    pub wit_dir: String,
    /// The hash of the text in the archive, by which a handmade folder can be checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<Digest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageFile {
    #[serde(rename = "$schema", default)]
    _schema: Option<String>,
    schema_version: u32,
    package: PackageName,
    #[serde(deserialize_with = "unique::map")]
    versions: BTreeMap<Version, Published>,
}

fn wit() -> String {
    "wit".to_owned()
}

impl WitCatalog {
    /// Returns the registry that is inside the binary.
    pub fn builtin() -> Result<WitCatalog> {
        let mut catalog = WitCatalog::default();
        for file in PACKAGES.files().filter(|it| it.path().extension() == Some("json".as_ref())) {
            let name = file.path().display().to_string();
            catalog.add(&String::from_utf8_lossy(file.contents()), &name)?;
        }
        Ok(catalog)
    }

    /// Adds a user's file. Its entries win for the same version.
    pub fn add_file(&mut self, path: &Path) -> Result<()> {
        self.add(&read(path)?, &path.display().to_string())
    }

    /// Adds the text of a file that came from `origin`.
    ///
    /// # Errors
    /// Usage, with the position and the reason, if the file is invalid.
    pub fn add(&mut self, text: &str, origin: &str) -> Result<()> {
        let file: PackageFile = parse(text, origin)?;
        check_schema(file.schema_version, origin)?;
        self.packages.entry(file.package).or_default().extend(file.versions);
        Ok(())
    }

    /// Adds an archive that a user chose; it wins.
    pub fn add_archive(&mut self, chosen: &SourceArchive) {
        let PackageId { name, version } = &chosen.package;
        let versions = self.packages.entry(name.clone()).or_default();
        let published = versions.entry(version.clone()).or_default();
        published.archive = Some(chosen.archive.clone());
        published.wit_dir.clone_from(&chosen.wit_dir);
        published.tree = chosen.tree;
    }

    /// Returns the pinned archive of a package, if there is one.
    pub fn archive(&self, package: &PackageId) -> Option<SourceArchive> {
        let published = self.published(package)?;
        Some(SourceArchive {
            package: package.clone(),
            archive: published.archive.clone()?,
            wit_dir: published.wit_dir.clone(),
            tree: published.tree,
        })
    }

    /// Returns the digest of a package's file in the registry of this name, if it is known.
    pub fn served(&self, package: &PackageId, registry: &str) -> Option<Digest> {
        self.published(package)?.published.get(registry).copied()
    }

    /// Returns the versions of a package that have an archive, in ascending order.
    pub fn archived_versions(&self, package: &PackageName) -> Vec<Version> {
        let versions = self.packages.get(package).into_iter().flatten();
        versions
            .filter(|(_, it)| it.archive.is_some())
            .map(|(version, _)| version.clone())
            .collect()
    }

    /// Returns each package with an archive, with the label of its library in the repository
    /// `@wasi_wit`.
    pub fn labels(&self) -> impl Iterator<Item = (PackageId, String)> {
        self.packages.iter().flat_map(|(name, versions)| {
            let archived = versions.iter().filter(|(_, it)| it.archive.is_some());
            archived.map(|(version, _)| {
                let package = PackageId { name: name.clone(), version: version.clone() };
                let target = package.to_string().replace([':', '@'], "-");
                (package, format!("@wasi_wit//:{target}"))
            })
        })
    }

    fn published(&self, package: &PackageId) -> Option<&Published> {
        self.packages.get(&package.name)?.get(&package.version)
    }
}

impl SourceArchive {
    /// Returns the archive as an artifact that can be planned.
    pub fn artifact(&self) -> Artifact {
        let identity = Identity::Wit { package: self.package.clone() };
        Artifact { identity, asset: self.archive.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_registry_has_all_that_was_published() {
        let catalog = WitCatalog::builtin().unwrap();
        let all: Vec<_> = catalog.packages.values().flat_map(BTreeMap::values).collect();
        assert_eq!(all.iter().filter(|it| it.archive.is_some()).count(), 36);
        assert_eq!(all.iter().map(|it| it.published.len()).sum::<usize>(), 33);
        let http: PackageId = "wasi:http@0.2.3".parse().unwrap();
        assert_eq!(catalog.archive(&http).unwrap().wit_dir, "wit");
        assert!(catalog.served(&http, "wasi.dev").unwrap().to_string().starts_with("e526c1586"));
        assert!(catalog.served(&http, "corp.example").is_none());
        let labels: BTreeMap<_, _> = catalog.labels().collect();
        assert_eq!((labels.len(), labels[&http].as_str()), (36, "@wasi_wit//:wasi-http-0.2.3"));
        let versions = catalog.archived_versions(&http.name);
        assert_eq!(versions.last().unwrap().to_string(), "0.3.0");
    }

    #[test]
    fn a_users_file_wins() {
        let mut catalog = WitCatalog::builtin().unwrap();
        let asset = format!(
            r#"{{"url": "https://corp/a.tar.gz", "sha256": "{}", "archive": "tar.gz"}}"#,
            "b".repeat(64)
        );
        let file = format!(
            r#"{{"schema_version": 1, "package": "wasi:http",
                "versions": {{"0.2.6": {{"archive": {asset}, "wit_dir": "x/wit"}}}}}}"#
        );
        catalog.add(&file, "mine.json").unwrap();
        let archive = catalog.archive(&"wasi:http@0.2.6".parse().unwrap()).unwrap();
        assert_eq!(
            (archive.wit_dir.as_str(), archive.archive.url.as_str()),
            ("x/wit", "https://corp/a.tar.gz")
        );
        assert!(catalog.archive(&"wasi:http@0.2.3".parse().unwrap()).is_some());
        let twice = file.replace("\"0.2.6\": {", "\"0.2.6\": {}, \"0.2.6\": {");
        assert!(catalog.add(&twice, "mine.json").unwrap_err().to_string().contains("twice"));
    }
}
