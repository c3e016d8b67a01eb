//! The crates of a component, from the section that cargo-auditable writes.
//!
//! The section `.dep-v0` has JSON that is compressed by zlib: the packages of a build, each with the
//! numbers of those on which it depends.

use std::collections::BTreeSet;
use std::io::Read;

use flate2::read::ZlibDecoder;
use serde::Deserialize;

use airgap_core::bounded;
use airgap_core::error::{Context, Error, Result};
use airgap_core::verify::Unverified;

use super::sections;
use crate::bundle::content::Content;
use crate::bundle::source::Source;
use crate::purl;

/// The name of the section.
const SECTION: &str = ".dep-v0";

/// The largest sections of a component, compressed, and one of them unpacked, in bytes. The list of
/// a thousand crates has 100 kB.
const MOST_PACKED: u64 = 4 << 20;
const MOST_UNPACKED: u64 = 8 << 20;

/// The largest number of crates in a component, and of their dependencies: each becomes a text.
const MOST_CRATES: usize = 10_000;
const MOST_NEEDS: usize = 50_000;

/// The longest name and version.
const MOST_TEXT: usize = 256;

/// The crates of a component.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Crates {
    pub(super) list: Vec<Crate>,
    /// The numbers of those that are the program itself.
    pub(super) roots: Vec<usize>,
}

/// One crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) version: String,
    /// Empty for a crate that is not published, such as the program itself.
    pub(super) purl: String,
    /// Whether it is a build dependency.
    pub(super) is_build_only: bool,
    /// The numbers of the crates on which it depends.
    pub(super) needs: Vec<usize>,
}

/// The JSON of the section.
#[derive(Deserialize)]
struct Listed {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    dependencies: Vec<usize>,
    #[serde(default)]
    root: bool,
}

/// Returns the crates of a component; `None` if it has no such section.
///
/// # Errors
/// Integrity, if the component has another digest than listed, or the section is damaged or too large.
pub(super) fn crates(source: &Source) -> Result<Option<Crates>> {
    let Content::File(path) = &source.content else { return Ok(None) };
    let file = Unverified::open_rooted(path, source.line.path.as_str())?;
    let file = file.verify(&source.line.sha256)?;
    let mut reader = file.reader()?;
    let found = sections::custom(&mut reader, SECTION, MOST_PACKED);
    let sections = match found {
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            return Err(damaged(path.path()).because(error));
        }
        found => found.doing(|| format!("read `{path}`"))?,
    };
    file.check_unchanged()?;
    let parsed = sections.iter().try_fold(Crates::default(), |all, section| all.and(section));
    let crates = parsed.map_err(|problem| damaged(path.path()).because(problem))?;
    Ok((!sections.is_empty()).then_some(crates))
}

impl Crates {
    /// Adds the crates of another section.
    fn and(mut self, section: &[u8]) -> std::result::Result<Crates, String> {
        let mut json = Vec::new();
        let unpacked = ZlibDecoder::new(section).take(MOST_UNPACKED + 1).read_to_end(&mut json);
        unpacked.map_err(|error| error.to_string())?;
        if json.len() as u64 > MOST_UNPACKED {
            return Err(format!("the list of crates is longer than {MOST_UNPACKED} bytes"));
        }
        let listed: Listed = bounded::json(&json).map_err(|error| error.to_string())?;
        let (first, count) = (self.list.len(), listed.packages.len());
        if first + count > MOST_CRATES {
            return Err(format!("it lists more than {MOST_CRATES} crates"));
        }
        for (nth, package) in listed.packages.into_iter().enumerate() {
            if package.root {
                self.roots.push(first + nth);
            }
            self.list.push(package.into_crate(first, count)?);
        }
        match self.list.iter().map(|it| it.needs.len()).sum::<usize>() > MOST_NEEDS {
            true => Err(format!("it lists more than {MOST_NEEDS} dependencies")),
            false => Ok(self),
        }
    }
}

impl Package {
    fn into_crate(self, first: usize, count: usize) -> std::result::Result<Crate, String> {
        let is_text = |text: &str| {
            !text.is_empty()
                && text.len() <= MOST_TEXT
                && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !is_text(&self.name) || !is_text(&self.version) {
            return Err("the name or the version of a crate is invalid".to_owned());
        }
        // A set, because a hostile list may name one crate any number of times.
        let needs: BTreeSet<_> = self.dependencies.into_iter().collect();
        if needs.last().is_some_and(|last| *last >= count) {
            return Err(format!("the crate `{}` depends on a crate that is not listed", self.name));
        }
        let is_published = self.source != "local";
        let purl = is_published.then(|| purl::of_crate(&self.name, &self.version)).flatten();
        Ok(Crate {
            purl: purl.unwrap_or_default(),
            name: self.name,
            version: self.version,
            is_build_only: self.kind == "build",
            needs: needs.into_iter().map(|nth| first + nth).collect(),
        })
    }
}

fn damaged(path: &std::path::Path) -> Error {
    Error::integrity(format!("the list of crates in `{}` cannot be read", path.display()))
        .hint("build the component again, or strip its section `.dep-v0`")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(json: &str) -> Vec<u8> {
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(json.as_bytes()).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn crates_have_their_dependencies_and_sources() {
        let json = r#"{"packages": [
            {"name": "app", "version": "0.1.0", "source": "local", "dependencies": [1, 2], "root": true},
            {"name": "cc", "version": "1.0.0", "source": "crates.io", "kind": "build"},
            {"name": "log", "version": "0.4.0", "source": "crates.io", "dependencies": [1]}]}"#;
        let found = Crates::default().and(&packed(json)).unwrap().and(&packed(json)).unwrap();
        assert_eq!((found.list.len(), &found.roots), (6, &vec![0, 3]));
        assert_eq!((&*found.list[0].purl, &*found.list[1].purl), ("", "pkg:cargo/cc@1.0.0"));
        assert!(found.list[1].is_build_only && !found.list[2].is_build_only);
        assert_eq!((&found.list[2].needs, &found.list[3].needs), (&vec![1], &vec![4, 5]));
    }

    #[test]
    fn hostile_lists_are_errors() {
        for json in [
            "",
            "[]",
            "{}",
            r#"{"packages": [{"name": "", "version": "1"}]}"#,
            "{\"packages\": [{\"name\": \"a\\u001b\", \"version\": \"1\"}]}",
            r#"{"packages": [{"name": "a", "version": "1", "dependencies": [1]}]}"#,
        ] {
            assert!(Crates::default().and(&packed(json)).is_err(), "{json}");
        }
        assert!(Crates::default().and(b"not zlib").is_err());
        let bomb = packed(&" ".repeat(9 << 20));
        assert!(bomb.len() < 100_000);
        let error = Crates::default().and(&bomb).unwrap_err();
        assert!(error.contains("longer than"), "{error}");
        let package = r#"{"name": "a", "version": "1"}"#;
        let many = format!("{{\"packages\": [{}]}}", vec![package; 10_001].join(","));
        assert!(Crates::default().and(&packed(&many)).unwrap_err().contains("more than 10000"));
        let all = (0..300).map(|nth| nth.to_string()).collect::<Vec<_>>().join(",");
        let package = format!(r#"{{"name": "a", "version": "1", "dependencies": [{all}]}}"#);
        let many = format!("{{\"packages\": [{}]}}", vec![package; 300].join(","));
        assert!(Crates::default().and(&packed(&many)).unwrap_err().contains("more than 50000"));
    }
}
