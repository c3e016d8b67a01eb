//! WIT packages by name and version: `wasi:http@0.2.6`.

use std::fmt;
use std::str::FromStr;

use semver::{Version, VersionReq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of a package: `wasi:http`.
///
/// Both parts are words of the component model's grammar: lower-case letters and digits, words
/// joined by single hyphens, each beginning with a letter. So a name is always safe in a path, a
/// registry's repository and a Bazel label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName {
    namespace: String,
    name: String,
}

impl PackageName {
    /// Returns the part before the colon.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the part behind the colon.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name with a hyphen instead of the colon, as in the names of folders and targets.
    pub fn hyphened(&self) -> String {
        format!("{}-{}", self.namespace, self.name)
    }
}

impl FromStr for PackageName {
    type Err = String;

    fn from_str(text: &str) -> Result<PackageName, String> {
        let refuse = |problem: &str| {
            format!("`{text}` is not the name of a WIT package such as `wasi:http`: {problem}")
        };
        let Some((namespace, name)) = text.split_once(':') else {
            return Err(refuse("it has no colon"));
        };
        for part in [namespace, name] {
            if part.is_empty() {
                return Err(refuse("a part is empty"));
            }
            if let Some(c) = part.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
                return Err(refuse(&format!(
                    "it contains `{}`; only lower-case letters, digits and hyphens are allowed",
                    c.escape_default()
                )));
            }
            if !part.split('-').all(|word| word.starts_with(|c: char| c.is_ascii_lowercase())) {
                return Err(refuse("each word must begin with a letter"));
            }
        }
        Ok(PackageName { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

impl<'de> Deserialize<'de> for PackageName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PackageName, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}:{}", self.namespace, self.name))
    }
}

/// A package in one version: `wasi:http@0.2.6`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageId {
    /// The package.
    pub name: PackageName,
    /// The version.
    pub version: Version,
}

impl PackageId {
    /// Returns the name of its folder in a vendor folder: `wasi-http-0.2.6`.
    pub fn folder(&self) -> String {
        format!("{}-{}", self.name.hyphened(), self.version)
    }
}

impl FromStr for PackageId {
    type Err = String;

    fn from_str(text: &str) -> Result<PackageId, String> {
        match text.parse()? {
            PackageRequest { name, version: AllowedVersions::Exactly(version) } => {
                Ok(PackageId { name, version })
            }
            _ => Err(format!("`{text}` does not contain an exact version; write `ns:name@1.2.3`")),
        }
    }
}

impl fmt::Display for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}@{}", self.name, self.version))
    }
}

impl Serialize for PackageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PackageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PackageId, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A package as a person requests it: `wasi:http@0.2.6`, `wasi:http@^0.2` or `wasi:http`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageRequest {
    /// The package.
    pub name: PackageName,
    /// The allowed versions.
    pub version: AllowedVersions,
}

/// The versions that a request allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedVersions {
    /// This one: `@1.2.3`, or `@=1.2.3`.
    Exactly(Version),
    /// The highest that matches: `@^1.2`, `@~1.2.3`, `@>=1, <2`.
    Matching(VersionReq),
    /// The highest release: no version.
    Latest,
}

impl FromStr for PackageRequest {
    type Err = String;

    fn from_str(text: &str) -> Result<PackageRequest, String> {
        let Some((name, version)) = text.split_once('@') else {
            return Ok(PackageRequest { name: text.parse()?, version: AllowedVersions::Latest });
        };
        let exact = version.strip_prefix('=').unwrap_or(version).trim();
        let version = match exact.parse() {
            Ok(version) => AllowedVersions::Exactly(version),
            Err(_) => AllowedVersions::Matching(version.parse().map_err(|error| {
                format!("`{version}` in `{text}` is neither a version nor a range: {error}")
            })?),
        };
        Ok(PackageRequest { name: name.parse()?, version })
    }
}

impl fmt::Display for PackageRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            AllowedVersions::Exactly(version) => write!(f, "{}@{version}", self.name),
            AllowedVersions::Matching(range) => write!(f, "{}@{range}", self.name),
            AllowedVersions::Latest => write!(f, "{}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_package_names_parse_and_invalid_ones_do_not() {
        for name in ["wasi:http", "my-org:custom-api2", "a:b"] {
            assert_eq!(name.parse::<PackageName>().unwrap().to_string(), name);
        }
        for name in
            ["wasi", "wasi:", ":http", "Wasi:http", "wasi:ht tp", "a:1b", "a:b--c", "a:../b"]
        {
            assert!(name.parse::<PackageName>().is_err(), "{name}");
        }
    }

    #[test]
    fn a_request_has_an_exact_version_a_range_or_no_version() {
        let wanted = |text: &str| text.parse::<PackageRequest>().unwrap().version;
        assert_eq!(wanted("a:b@1.2.3"), AllowedVersions::Exactly(Version::new(1, 2, 3)));
        assert_eq!(wanted("a:b@=1.2.3"), AllowedVersions::Exactly(Version::new(1, 2, 3)));
        assert!(matches!(wanted("a:b@0.2.0-rc-2024-06-25"), AllowedVersions::Exactly(_)));
        assert!(matches!(wanted("a:b@^1.2"), AllowedVersions::Matching(_)));
        assert!(matches!(wanted("a:b@1.2"), AllowedVersions::Matching(_)));
        assert_eq!(wanted("a:b"), AllowedVersions::Latest);
        assert!("a:b@newest".parse::<PackageRequest>().is_err());
        assert!("a:b@1.2".parse::<PackageId>().is_err());
    }

    #[test]
    fn the_folder_has_the_version() {
        let id: PackageId = "wasi:http@0.2.6".parse().unwrap();
        assert_eq!(id.folder(), "wasi-http-0.2.6");
    }
}
