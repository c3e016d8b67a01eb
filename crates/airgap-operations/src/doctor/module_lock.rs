//! `MODULE.bazel.lock`: the registry files and archives of Bazel modules and other repositories.
//!
//! ```text
//! registryFileHashes --source.json in the cache--> url, integrity   (modules)
//! moduleExtensions   --generatedRepoSpecs--------> urls, sha256     (repositories of extensions)
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use airgap_core::digest::Digest;
use airgap_core::error::Error;
use airgap_core::read;
use airgap_core::rooted::RootedPath;
use airgap_core::user_path;
use airgap_core::verify::Unverified;

use super::item::{Item, Status};
use crate::repository_cache;

/// The versions with `registryFileHashes`: Bazel 7.2 to 9.
const VERSIONS: std::ops::RangeInclusive<u64> = 11..=26;

/// The limit of the lock, in bytes.
const LIMIT: u64 = 32 << 20;

/// The largest number of files that are searched.
const MOST_FILES: usize = 50_000;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Document {
    lock_file_version: Option<u64>,
    /// By URL; `null` for a file that the registry does not have.
    registry_file_hashes: BTreeMap<String, Option<String>>,
    /// By the label of the extension, then by the platform: `general`, or as in
    /// `os:linux,arch:amd64`.
    module_extensions: BTreeMap<String, BTreeMap<String, Evaluated>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Evaluated {
    generated_repo_specs: BTreeMap<String, Spec>,
}

/// A repository. Its rule is `ruleClassName` up to version 13, and `repoRuleId` later.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    repo_rule_id: String,
    rule_class_name: String,
    attributes: BTreeMap<String, Value>,
}

/// The places from which Bazel takes files without a network.
pub(super) struct Places<'a> {
    /// The workspace root.
    pub(super) root: &'a Path,
    /// The folders of `--distdir`.
    pub(super) distdirs: &'a [PathBuf],
    /// The folder of `--repository_cache`.
    pub(super) repository_cache: Option<&'a Path>,
    /// The folder of `--vendor_dir`.
    pub(super) vendor_dir: Option<&'a Path>,
    /// The command that fetches everything where there is a network.
    pub(super) fix: &'a str,
}

/// The result of reading a lock.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) items: Vec<Item>,
    /// The subjects that could not be checked, each with the reason.
    pub(super) unseen: Vec<(String, String)>,
    /// The files with a checksum that only Bazel compares, each with the reason.
    pub(super) unhashed: Vec<(String, String)>,
}

impl Found {
    fn unseen(subject: &str, because: impl Into<String>) -> Found {
        Found { unseen: vec![(subject.to_owned(), because.into())], ..Found::default() }
    }
}

/// Searches each file that the lock names. A workspace without a lock has no items, and neither has
/// a lock without content, which some builds of Bazel write.
pub(super) fn examine(places: &Places<'_>) -> Found {
    let place = RootedPath::from_trusted(places.root).join("MODULE.bazel.lock");
    let text = match read::rooted_text(&place, LIMIT) {
        Ok(Some(text)) => text,
        Ok(None) => return Found::default(),
        Err(error) => return Found::unseen("MODULE.bazel.lock", error.one_line()),
    };
    examine_text(&text, places)
}

fn examine_text(text: &str, places: &Places<'_>) -> Found {
    let value = serde_json::from_str::<Value>(text);
    if matches!(&value, Ok(Value::Object(map)) if map.is_empty()) {
        return Found::default();
    }
    let version = value.as_ref().ok().and_then(|it| it.get("lockFileVersion")?.as_u64());
    if value.is_ok() && !version.is_some_and(|version| VERSIONS.contains(&version)) {
        let found = version.map_or_else(|| "none".to_owned(), |version| version.to_string());
        let (first, last) = (VERSIONS.start(), VERSIONS.end());
        let because = format!("lockFileVersion is {found}; {first} to {last} can be read");
        return Found::unseen("MODULE.bazel.lock", because);
    }
    match value.and_then(serde_json::from_value::<Document>) {
        Ok(document) => document.examine(places),
        Err(error) => {
            Found::unseen("MODULE.bazel.lock", format!("it is not in the form of a lock: {error}"))
        }
    }
}

impl Document {
    fn examine(&self, places: &Places<'_>) -> Found {
        let mut found = Found::default();
        let mut wanted = Vec::new();
        for (url, hash) in &self.registry_file_hashes {
            let Some(hash) = hash else { continue };
            let file = Wanted { kind: "registry", url: url.clone(), checksum: hash.clone() };
            wanted.extend(places.files_of_module(&file));
            wanted.push(file);
        }
        let vendored = places.vendored();
        // Bazel separates the parts of a canonical name by `~` in version 7, later by `+`.
        let vendored = vendored.iter().filter_map(|it| it.rsplit(['~', '+']).next());
        let vendored: BTreeSet<_> = vendored.collect();
        // The artifacts of our own extensions are items of MODULE.bazel.
        let others = self.module_extensions.iter().filter(|(label, _)| !super::is_ours(label));
        let evaluated = others.flat_map(|(_, it)| it.values());
        for (name, spec) in evaluated.flat_map(|it| &it.generated_repo_specs) {
            if !vendored.contains(name.as_str()) {
                wanted.extend(spec.wanted(name));
            }
        }
        let count = wanted.len();
        if count > MOST_FILES {
            let because = format!("{count} files; the limit is {MOST_FILES}");
            found.unseen.push(("the rest of MODULE.bazel.lock".to_owned(), because));
        }
        let mut seen = BTreeSet::new();
        for file in wanted.iter().take(MOST_FILES).filter(|it| seen.insert((&it.kind, &it.url))) {
            match file.digest() {
                Checksum::Unknown(because) => found.unhashed.push((file.url.clone(), because)),
                checksum => found.items.push(places.item(file, &checksum)),
            }
        }
        found
    }
}

impl Spec {
    /// Returns the archive of the repository; `None` if the rule names none.
    fn wanted(&self, name: &str) -> Option<Wanted> {
        let text = |name: &str| self.attributes.get(name).and_then(Value::as_str).unwrap_or("");
        let first = self.attributes.get("urls").and_then(|urls| urls.as_array()?.first()?.as_str());
        let url = first.unwrap_or_else(|| text("url"));
        let checksum = [text("integrity"), text("sha256")].into_iter().find(|it| !it.is_empty());
        // Rules for toolchains have `https://host/{}.tar.xz`, and complete it when they run.
        if url.contains(['{', '}']) {
            return None;
        }
        if !url.is_empty() {
            let (url, checksum) = (url.to_owned(), checksum.unwrap_or_default().to_owned());
            return Some(Wanted { kind: "archive", url, checksum });
        }
        // A `source.json` has the rule in `type`.
        let rule = [self.repo_rule_id.as_str(), &self.rule_class_name, text("type")].concat();
        let is_git = rule.ends_with("git_repository") && !text("remote").is_empty();
        let url = format!("{} ({name})", text("remote"));
        is_git.then(|| Wanted { kind: "git", url, checksum: String::new() })
    }
}

/// A file that Bazel downloads, or a repository that it clones.
#[derive(Debug)]
struct Wanted {
    kind: &'static str,
    url: String,
    /// As in the lock: hexadecimal, or in the form of Subresource Integrity.
    checksum: String,
}

/// The checksum of a file.
enum Checksum {
    None,
    Sha256(Digest),
    /// A checksum that is not compared, with the reason.
    Unknown(String),
}

impl Wanted {
    fn digest(&self) -> Checksum {
        let text = self.checksum.as_str();
        let sha256 = match text.strip_prefix("sha256-") {
            Some(base64) => {
                STANDARD.decode(base64).ok().and_then(|bytes| hex::encode(bytes).parse().ok())
            }
            None => text.parse().ok(),
        };
        match sha256 {
            _ if text.is_empty() => Checksum::None,
            Some(digest) => Checksum::Sha256(digest),
            None => Checksum::Unknown("its checksum is not a SHA-256 digest".to_owned()),
        }
    }
}

impl Places<'_> {
    /// Returns the item of a file, which is hashed.
    fn item(&self, wanted: &Wanted, checksum: &Checksum) -> Item {
        let Wanted { kind, url, .. } = wanted;
        let digest = match checksum {
            Checksum::Sha256(digest) => digest,
            _ if *kind == "git" => {
                let why = "Bazel clones it over the network; no cache can hold it";
                return self.bad(kind, url, Status::Network, why, Vec::new());
            }
            _ => {
                let why = "it has no checksum, so Bazel downloads it each time";
                return self.bad(kind, url, Status::Unpinned, why, Vec::new());
            }
        };
        let (mut looked, mut wrong) = (Vec::new(), false);
        for (place, is_keyed) in self.candidates(url, digest) {
            match verified(&place, digest) {
                Ok(true) => {
                    let found = format!("{place}: sha256:{digest}");
                    return Item::ok(kind, url, url.clone(), found);
                }
                Ok(false) => looked.push(format!("{place}: not there")),
                Err(error) => {
                    // Two files may have one base name in a --distdir.
                    wrong |= is_keyed;
                    looked.push(format!("{place}: {}", error.one_line()));
                }
            }
        }
        match wrong {
            true => self.bad(kind, url, Status::Wrong, "it has other bytes", looked),
            false => {
                let why = "no folder that .bazelrc names has it";
                self.bad(kind, url, Status::Missing, why, looked)
            }
        }
    }

    fn bad(
        &self,
        kind: &'static str,
        url: &str,
        status: Status,
        why: &str,
        looked_in: Vec<String>,
    ) -> Item {
        let mut item =
            Item::missing(kind, url, url.to_owned(), why.to_owned(), self.fix.to_owned());
        (item.status, item.looked_in) = (status, looked_in);
        item
    }

    /// Returns the possible places of a file, each with whether its path belongs to this file only.
    fn candidates(&self, url: &str, digest: &Digest) -> Vec<(RootedPath, bool)> {
        let cached = self.repository_cache.map(|cache| repository_cache::file(cache, digest));
        let path = url.split_once("://").map_or(url, |(_, rest)| rest);
        let is_plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        let vendored = self.vendor_dir.filter(|_| is_plain);
        let vendored =
            vendored.map(|dir| RootedPath::from_trusted(dir).join(&format!("_registries/{path}")));
        let local = url.strip_prefix("file://").filter(|path| Path::new(path).is_absolute());
        let name = path.rsplit('/').next().filter(|_| is_plain).unwrap_or_default();
        let name = name.split(['?', '#']).next().filter(|name| !name.is_empty());
        let in_distdir = |name: &str| {
            let places = self.distdirs.iter().map(|dir| RootedPath::from_trusted(dir).join(name));
            places.collect::<Vec<_>>()
        };
        let keyed = cached.into_iter().chain(vendored).chain(local.map(RootedPath::from_trusted));
        let others = name.map(in_distdir).unwrap_or_default();
        keyed.map(|it| (it, true)).chain(others.into_iter().map(|it| (it, false))).collect()
    }

    /// Returns the archive of a module, and the patches and files that its registry adds, from its
    /// `source.json` if that file is here.
    fn files_of_module(&self, file: &Wanted) -> Vec<Wanted> {
        let Some(base) = file.url.strip_suffix("/source.json") else { return Vec::new() };
        let Some(spec) = self.source(file) else { return Vec::new() };
        let added = ["patches", "overlay"].into_iter().flat_map(|folder| {
            let files = spec.attributes.get(folder).and_then(Value::as_object);
            files.into_iter().flatten().filter_map(move |(name, checksum)| {
                let (url, checksum) = (format!("{base}/{folder}/{name}"), checksum.as_str()?);
                Some(Wanted { kind: "archive", url, checksum: checksum.to_owned() })
            })
        });
        spec.wanted(&file.url).into_iter().chain(added).collect()
    }

    fn source(&self, file: &Wanted) -> Option<Spec> {
        let Checksum::Sha256(digest) = file.digest() else { return None };
        let places = self.candidates(&file.url, &digest).into_iter();
        let mut texts = places.filter_map(|(place, _)| {
            let bytes = read::rooted_bytes(&place, read::LIMIT).ok()??;
            (Digest::compute(&bytes) == digest).then_some(bytes)
        });
        let attributes = serde_json::from_slice(&texts.next()?).ok()?;
        Some(Spec { attributes, ..Spec::default() })
    }

    /// Returns the canonical names of the repositories in the vendor folder.
    fn vendored(&self) -> Vec<String> {
        let entries = self.vendor_dir.and_then(|dir| user_path::list(dir).ok());
        let name = |path: &PathBuf| Some(path.file_name()?.to_str()?.to_owned());
        entries.unwrap_or_default().iter().filter_map(name).collect()
    }
}

/// Returns whether a file is there.
///
/// # Errors
/// Integrity, if it has other bytes; those of reading it.
fn verified(place: &RootedPath, digest: &Digest) -> Result<bool, Error> {
    if !place.is_file().unwrap_or(false) {
        return Ok(false);
    }
    Unverified::open_rooted(place, place.to_string())?.verify(digest).map(|_| true)
}

#[cfg(test)]
mod tests;
