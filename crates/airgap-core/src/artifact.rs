//! The unit of fetching: one file with its identity, and the way to unpack it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;
pub use crate::kind::VendoredKind;
use crate::package::PackageId;
use crate::path_component::PathComponent;
use crate::platform::Platform;

/// The name of this program, which the rules call the helper: in vendor folders, on mirrors and in
/// manifests.
pub const HELPER: &str = "wasm-airgap";

/// One published file that is pinned: its identity and its upstream address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The identity of the file.
    pub identity: Identity,
    /// The published file.
    pub asset: Asset,
}

/// The identity of a published file. The JSON form is part of plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Identity {
    /// A version of a tool for a platform.
    Tool {
        /// The tool, as in `wasm-tools`.
        tool: PathComponent,
        /// Its version, as in `1.244.0`.
        version: PathComponent,
        /// The platform that it runs on.
        platform: Platform,
    },
    /// This program, as it was released for a platform.
    Helper {
        /// Its version.
        #[serde(rename = "helper")]
        version: PathComponent,
        /// The platform that it runs on.
        platform: Platform,
    },
    /// The sources of a WIT package.
    Wit {
        /// The package, as in `wasi:http@0.2.6`.
        package: PackageId,
    },
}

impl Identity {
    /// Returns the kind.
    pub fn kind(&self) -> VendoredKind {
        match self {
            Identity::Tool { .. } | Identity::Helper { .. } => VendoredKind::Toolchain,
            Identity::Wit { .. } => VendoredKind::Wit,
        }
    }

    /// Returns the folder for its files below the kind's own folder, with `/` on every platform.
    fn folder(&self) -> String {
        match self {
            Identity::Tool { tool, version, platform } => format!("{tool}/{version}/{platform}"),
            Identity::Helper { version, platform } => format!("{HELPER}/{version}/{platform}"),
            Identity::Wit { package } => package.folder(),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Identity::Tool { tool, version, platform } => {
                write!(f, "{tool} {version} ({platform})")
            }
            Identity::Helper { version, platform } => write!(f, "{HELPER} {version} ({platform})"),
            Identity::Wit { package } => write!(f, "{package}"),
        }
    }
}

impl Artifact {
    /// Returns the path below a kind's own folder or a mirror, with `/` on every platform:
    /// `{tool}/{version}/{platform}/{filename}`, `{ns}-{name}-{version}/{filename}`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.identity.folder(), self.filename())
    }

    /// Returns the name of its file in vendor folders and on mirrors: that of the published file. A
    /// helper has one name on each platform, because the rules look for it before a helper runs.
    pub fn filename(&self) -> String {
        match &self.identity {
            Identity::Helper { platform, .. } => platform.executable(HELPER),
            Identity::Tool { .. } | Identity::Wit { .. } => self.asset.filename().to_string(),
        }
    }

    /// Returns the path below a kind's own folder as a path of this system.
    pub fn relative_path(&self) -> PathBuf {
        self.path().split('/').collect()
    }
}

impl fmt::Display for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.identity.fmt(f)
    }
}

/// A published file: its upstream address, its identity and its format.
///
/// The JSON form is an asset in a checksum registry file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// The upstream address.
    pub url: AssetUrl,
    /// The SHA-256 of the file, in hexadecimal.
    pub sha256: Digest,
    /// The format of the file.
    pub archive: ArchiveType,
    /// The folders to remove from the front of each path in the archive.
    #[serde(default, skip_serializing_if = "Strip::is_top_folder")]
    pub strip_prefix: Strip,
}

impl Asset {
    /// Returns the last part of the URL's path, which is the file's name in vendor folders and on
    /// mirrors.
    pub fn filename(&self) -> &PathComponent {
        &self.url.filename
    }
}

/// An `http://`, `https://` or `file://` address that ends in a file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetUrl {
    text: String,
    filename: PathComponent,
}

impl AssetUrl {
    /// Returns the address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the last part of its path.
    pub fn filename(&self) -> &PathComponent {
        &self.filename
    }
}

/// The reason why a URL with a user name or a password is refused.
const LOGIN: &str = "a URL must not contain a user name or password, because they would be printed and \
    stored; put them into your netrc file";

impl FromStr for AssetUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<AssetUrl, String> {
        // Before any message that quotes the text.
        if has_login(text) {
            return Err(LOGIN.to_owned());
        }
        // The parser would pass over them (URL standard, section 4.4), and Bazel does not.
        let around = (text.trim() != text).then_some(' ');
        if let Some(c) = text.chars().find(|c| c.is_control()).or(around) {
            let (text, c) = (text.escape_default(), c.escape_default());
            return Err(format!("`{text}` is not a URL: `{c}` is in it"));
        }
        let url = url::Url::parse(text).map_err(|error| match error {
            url::ParseError::RelativeUrlWithoutBase => format!(
                "`{text}` is not a URL: write `https://` before a host, or `file://` before the absolute \
                 path of a file"
            ),
            error => format!("`{text}` is not a URL: {error}"),
        })?;
        if !matches!(url.scheme(), "http" | "https" | "file") {
            return Err(format!("`{text}` does not start with https://, http:// or file://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(LOGIN.to_owned());
        }
        let last = url.path_segments().and_then(Iterator::last).unwrap_or_default();
        let filename = last.parse().map_err(|error| {
            format!(
                "`{text}` must end in a file name, which is the name under which the file is \
                 stored: {error}"
            )
        })?;
        Ok(AssetUrl { text: text.to_owned(), filename })
    }
}

/// Returns whether a text has a user name or a password before a host, also if it is not a URL.
fn has_login(text: &str) -> bool {
    let rest = text.trim_start().trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let rest = rest.trim_start_matches([':', '/', '\\']);
    rest.split(['/', '?', '#', '\\']).next().is_some_and(|authority| authority.contains('@'))
}

impl fmt::Display for AssetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for AssetUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for AssetUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AssetUrl, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The format of a published file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArchiveType {
    /// A gzipped tar.
    #[serde(rename = "tar.gz")]
    TarGz,
    /// A tar in xz.
    #[serde(rename = "tar.xz")]
    TarXz,
    /// A tar in zstd.
    #[serde(rename = "tar.zst")]
    TarZst,
    /// A zip.
    #[serde(rename = "zip")]
    Zip,
    /// Not an archive: the file is the executable.
    #[serde(rename = "none")]
    Binary,
}

impl ArchiveType {
    /// All formats.
    pub const ALL: [ArchiveType; 5] = [
        ArchiveType::TarGz,
        ArchiveType::TarXz,
        ArchiveType::TarZst,
        ArchiveType::Zip,
        ArchiveType::Binary,
    ];

    /// Returns the word in registry files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            ArchiveType::TarGz => "tar.gz",
            ArchiveType::TarXz => "tar.xz",
            ArchiveType::TarZst => "tar.zst",
            ArchiveType::Zip => "zip",
            ArchiveType::Binary => "none",
        }
    }

    /// Returns the format of a file with this name.
    pub fn from_filename(filename: &str) -> ArchiveType {
        let lower = filename.to_ascii_lowercase();
        let has = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
        match () {
            () if has(&[".tar.gz", ".tgz"]) => ArchiveType::TarGz,
            () if has(&[".tar.xz", ".txz"]) => ArchiveType::TarXz,
            () if has(&[".tar.zst", ".tzst"]) => ArchiveType::TarZst,
            () if has(&[".zip"]) => ArchiveType::Zip,
            () => ArchiveType::Binary,
        }
    }
}

impl fmt::Display for ArchiveType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ArchiveType {
    type Err = String;

    fn from_str(text: &str) -> Result<ArchiveType, String> {
        ArchiveType::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let names: Vec<_> = ArchiveType::ALL.iter().map(|kind| kind.name()).collect();
            format!("`{text}` is not an archive type; the types are {}", names.join(", "))
        })
    }
}

/// The folders to remove from the front of each path in an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Strip {
    /// The one top-level folder, if there is exactly one entry at the top and it is a folder;
    /// otherwise nothing. In JSON: the field left out.
    #[default]
    TopFolder,
    /// Nothing. In JSON: the empty text.
    Nothing,
    /// This folder, in which every entry must lie.
    Prefix(String),
}

impl Strip {
    fn is_top_folder(&self) -> bool {
        *self == Strip::TopFolder
    }
}

impl From<&str> for Strip {
    fn from(text: &str) -> Strip {
        match text.trim_matches('/') {
            "" => Strip::Nothing,
            prefix => Strip::Prefix(prefix.to_owned()),
        }
    }
}

impl FromStr for Strip {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Strip, Self::Err> {
        Ok(Strip::from(text))
    }
}

impl Serialize for Strip {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Strip::TopFolder => serializer.serialize_none(),
            Strip::Nothing => serializer.serialize_str(""),
            Strip::Prefix(prefix) => serializer.serialize_str(prefix),
        }
    }
}

impl<'de> Deserialize<'de> for Strip {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Strip, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(text.map_or(Strip::TopFolder, |text| Strip::from(text.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_ends_in_a_filename_and_no_credential_in_it_is_printed() {
        let url: AssetUrl = "https://x.org/a/b-1.0.zip?raw=1".parse().unwrap();
        assert_eq!(url.filename().as_str(), "b-1.0.zip");
        for bad in [
            "x.org/a",
            "ftp://x.org/a",
            "https://x.org/",
            "https://x.org/a/..%2fb",
            "https://x.org/a.zip\n",
            "https://x.org/a\tb.zip",
            " https://x.org/a.zip",
        ] {
            assert!(bad.parse::<AssetUrl>().is_err(), "{bad}");
        }
        assert!("file:///my files/a.zip".parse::<AssetUrl>().is_ok());
        assert!("https://x.org/@scope/a@1.zip".parse::<AssetUrl>().is_ok());
        for with_login in [
            "https://u:hunter2@x.org/a.zip",
            "https://u:hunter2@x.org:99999/a.zip",
            "ftp://u:hunter2@x.org/a.zip",
            "https://u:hunter2@x.org/a b.zip\n",
            "https:/u:hunter2@x.org/",
            "//u:hunter2@x.org/a.zip",
            "u:hunter2@x.org/a.zip",
            " https://hunter2@x.org/a.zip",
        ] {
            let error = with_login.parse::<AssetUrl>().unwrap_err();
            assert!(!error.contains("hunter2") && error.contains("netrc"), "{error}");
        }
    }

    #[test]
    fn the_path_is_that_of_mirrors_and_vendor_folders() {
        let json = r#"{"url": "https://x.org/t.tar.gz", "archive": "tar.gz", "strip_prefix": "",
            "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#;
        let asset: Asset = serde_json::from_str(json).unwrap();
        assert_eq!(asset.strip_prefix, Strip::Nothing);
        let identity = Identity::Tool {
            tool: "t".parse().unwrap(),
            version: "1".parse().unwrap(),
            platform: Platform::LinuxAmd64,
        };
        let mut artifact = Artifact { identity, asset };
        assert_eq!(artifact.path(), "t/1/linux_amd64/t.tar.gz");
        assert_eq!(artifact.to_string(), "t 1 (linux_amd64)");
        artifact.identity = Identity::Wit { package: "a:b@1.2.3".parse().unwrap() };
        assert_eq!(artifact.path(), "a-b-1.2.3/t.tar.gz");
        for (platform, path) in [
            (Platform::LinuxArm64, "wasm-airgap/1/linux_arm64/wasm-airgap"),
            (Platform::WindowsAmd64, "wasm-airgap/1/windows_amd64/wasm-airgap.exe"),
        ] {
            artifact.identity = Identity::Helper { version: "1".parse().unwrap(), platform };
            assert_eq!(artifact.path(), path);
        }
    }

    #[test]
    fn the_ending_tells_the_format() {
        for (name, format) in [
            ("a.tar.gz", ArchiveType::TarGz),
            ("A.TGZ", ArchiveType::TarGz),
            ("a.txz", ArchiveType::TarXz),
            ("a.tar.zst", ArchiveType::TarZst),
            ("a.zip", ArchiveType::Zip),
            ("wac-cli-x86_64-apple-darwin", ArchiveType::Binary),
        ] {
            assert_eq!(ArchiveType::from_filename(name), format, "{name}");
        }
    }
}
