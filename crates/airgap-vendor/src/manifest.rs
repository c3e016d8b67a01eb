//! `manifest.json`: the list of the files in a vendor folder, and the check against it.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use airgap_core::artifact::{Artifact, HELPER, Identity, VendoredKind};
use airgap_core::bounded;
use airgap_core::digest::Digest;
use airgap_core::error::{Context, Error, Result};
use airgap_core::folder::{EntryKind, Folder, LinkRefused};
use airgap_core::path_component;
use airgap_core::read;
use airgap_core::report::{self, Report, printable_line, shortened};
use airgap_core::rooted::RootedPath;
use airgap_core::store::{self, FileLock};
use airgap_core::system_files;
use airgap_core::verify::{self, Verified};
use airgap_core::workers;
use airgap_core::wrong_content::WrongContent;

/// The name of the file.
pub const FILENAME: &str = "manifest.json";

/// The version of its format.
pub const SCHEMA_VERSION: u32 = 1;

/// The largest number of files in one vendor folder, and of values in its manifest.
const MOST_FILES: usize = 50_000;
const MOST_VALUES: usize = 10 * MOST_FILES;

/// The longest path in a manifest in bytes, as on Linux.
const MOST_PATH: usize = 4096;

/// Files in a vendor folder that this program writes and the manifest does not list.
const OURS: [&str; 3] = [FILENAME, ".gitattributes", LOCK];

/// The number of characters that are shown of an invalid path.
const MOST_SHOWN: usize = 500;

/// The file that is locked by a run in which the manifest, the folders and a lock of packages must
/// agree. A killed run leaves it, and the next one removes it.
const LOCK: &str = ".wasm-airgap-vendor.lock";

/// The attributes that keep git from changing line ends in vendored files, which would change their
/// digests.
const GITATTRIBUTES: &[u8] = b"* -text\n";

/// A vendor folder for one kind: the root, which holds the manifest, and the kind's own folder.
///
/// A folder with the name of the kind's (`toolchains`, `wit`, `components`) is the kind's own, and
/// its root is the folder above; any other folder is both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorDir {
    root: PathBuf,
    folder: PathBuf,
    kind: VendoredKind,
}

impl VendorDir {
    /// Returns the vendor folder for the path that a person gives.
    pub fn of(dir: &Path, kind: VendoredKind) -> VendorDir {
        let root = match dir.parent() {
            Some(root) if dir.file_name() == Some(kind.folder().as_ref()) => root,
            _ => dir,
        };
        VendorDir { root: root.to_owned(), folder: dir.to_owned(), kind }
    }

    /// Returns the folder of the manifest.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the folder of the kind.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the kind.
    pub fn kind(&self) -> VendoredKind {
        self.kind
    }

    /// Returns the manifest's path.
    pub fn manifest(&self) -> PathBuf {
        self.root.join(FILENAME)
    }

    /// Returns the path in the manifest for a path in the kind's folder, with `/` on every
    /// platform.
    pub fn entry_path(&self, path: &str) -> String {
        match self.root == self.folder {
            true => path.to_owned(),
            false => format!("{}/{path}", self.kind.folder()),
        }
    }

    /// Returns the manifest's entry for a file at this path in the kind's folder; `None` if the
    /// manifest does not list it, is missing or cannot be read.
    pub fn listed(&self, path: &str) -> Option<Entry> {
        self.entry(&self.listing()?, path).cloned()
    }

    /// Returns the manifest, for callers that look up several files; `None` if it cannot be read.
    pub fn listing(&self) -> Option<Manifest> {
        Manifest::read(&self.root).ok()?
    }

    /// Returns this folder's entry in the manifest for a file at this path in the kind's folder.
    pub(crate) fn entry<'a>(&self, listing: &'a Manifest, path: &str) -> Option<&'a Entry> {
        let wanted = self.entry_path(path);
        // The entries are sorted by path.
        let index = listing.files.partition_point(|entry| *entry.path < *wanted);
        listing.files.get(index).filter(|entry| entry.path == wanted)
    }

    /// Returns the path of a file or folder in the kind's folder, which no link may lead out of.
    pub fn place(&self, path: &str) -> RootedPath {
        RootedPath::from_trusted(&self.root).join(&self.entry_path(path))
    }

    /// Keeps other runs of this program from writing into the folder while the lock is held, and says
    /// so if it must wait. Returns `None` where no lock can be made: a folder that cannot be written is
    /// not changed either, and its errors come with the work.
    pub fn lock(&self, report: &Report) -> Option<FileLock> {
        let path = RootedPath::from_trusted(&self.root).join(LOCK);
        let waits = || {
            report.say(&format!("waiting for another run that writes `{}`", self.root.display()))
        };
        FileLock::acquire(&path, &waits).ok()
    }

    /// Creates the kind's folder, with attributes that keep git from changing any byte.
    pub fn create(&self) -> Result<()> {
        store::write_atomically(&self.place(".gitattributes"), GITATTRIBUTES)
    }
}

/// Returns the vendor root for the path that a person gives, of any kind.
pub fn root_of(dir: &Path) -> &Path {
    let is_kinds = |name| VendoredKind::ALL.iter().any(|kind| name == kind.folder());
    match (dir.file_name(), dir.parent()) {
        (Some(name), Some(root)) if is_kinds(name) => root,
        _ => dir,
    }
}

/// The content of a vendor folder. It is sorted by path, without times or absolute paths: vendoring
/// the same files twice gives the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    schema_version: u32,
    files: Vec<Entry>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its kind: `toolchain`, `helper` for the wasm-airgap binary, `wit`, or `component`.
    pub kind: String,
    /// The name of the tool or package.
    pub name: String,
    /// The version.
    pub version: String,
    /// The platform that it runs on; empty for files that do not run.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub platform: String,
    /// Its path, relative to the manifest, with `/` on every platform.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Upstream's address of the file; empty for files that were made here.
    pub url: String,
}

/// A defect of a file in a vendor folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum FileDefect {
    /// A listed file is missing.
    Missing {
        /// The path in the manifest.
        path: String,
    },
    /// A file differs from the listed one.
    Changed {
        /// The path in the manifest.
        path: String,
        /// The listed SHA-256.
        expected: Digest,
        /// The SHA-256 of the file.
        found: Digest,
        /// The type of the file, if it can be told.
        #[serde(skip_serializing_if = "Option::is_none")]
        it_is: Option<String>,
        /// The remedy.
        #[serde(skip)]
        remedy: Option<&'static str>,
    },
    /// The file has the listed SHA-256 and another size than the listed one: the list was edited.
    Resized {
        /// The path in the manifest.
        path: String,
        /// The listed size.
        expected: u64,
        /// The size of the file.
        found: u64,
    },
    /// The file cannot be read.
    Unreadable {
        /// The path in the manifest.
        path: String,
        /// The reason.
        why: String,
        /// Whether the system failed to read it, so that the content of the file is unknown.
        #[serde(skip)]
        is_failure: bool,
    },
    /// A file is not listed.
    Unlisted {
        /// The path relative to the manifest.
        path: String,
    },
}

impl FileDefect {
    fn unreadable(path: String, error: &io::Error) -> FileDefect {
        let is_failure = LinkRefused::within(error).is_none();
        FileDefect::Unreadable { path, why: error.to_string(), is_failure }
    }

    /// Returns whether this is only a failure of the system, as a disk that cannot be read.
    pub fn is_failure(&self) -> bool {
        matches!(self, FileDefect::Unreadable { is_failure: true, .. })
    }

    /// Returns the reason why the file cannot be read, if that is the finding.
    pub fn cause(&self) -> Option<&str> {
        match self {
            FileDefect::Unreadable { why, .. } => Some(why),
            _ => None,
        }
    }

    /// Returns the remedy, if it is known.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            FileDefect::Changed { remedy, .. } => *remedy,
            _ => None,
        }
    }

    /// Describes the finding in up to four lines for a person.
    pub fn describe(&self) -> String {
        match self {
            FileDefect::Missing { path } => format!("missing   {}", printable_line(path)),
            FileDefect::Unreadable { path, why, .. } => {
                format!("unreadable {}: {why}", printable_line(path))
            }
            FileDefect::Unlisted { path } => format!("unlisted  {}", printable_line(path)),
            FileDefect::Changed { path, expected, found, it_is, .. } => {
                let path = printable_line(path);
                let it_is = it_is.as_ref().map(|it| format!("\n  it is:    {it}"));
                let it_is = it_is.unwrap_or_default();
                format!(
                    "changed   {path}\n  expected: sha256:{expected}\n  found:    sha256:{found}{it_is}"
                )
            }
            FileDefect::Resized { path, expected, found } => format!(
                "changed   {}\n  expected: {expected} bytes\n  found:    {found} bytes",
                printable_line(path)
            ),
        }
    }
}

impl Manifest {
    /// Creates a manifest of these files.
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Manifest {
        let by_path: BTreeMap<_, _> =
            entries.into_iter().map(|entry| (entry.path.clone(), entry)).collect();
        Manifest { schema_version: SCHEMA_VERSION, files: by_path.into_values().collect() }
    }

    /// Reads the manifest of a vendor folder; returns `None` if the folder has none yet.
    ///
    /// # Errors
    /// Usage, if the file is something else: it belongs to another program and must not be
    /// overwritten.
    pub fn read(root: &Path) -> Result<Option<Manifest>> {
        // A file in the place of a folder fails when the folder is created, with a better message.
        let text = read::rooted_text(&place(root), read::LIMIT)?;
        text.map(|text| Manifest::parse(&text, root)).transpose()
    }

    /// Reads the manifest of the folder `root` from its text.
    ///
    /// # Errors
    /// Usage, if it is not a manifest of the known format; integrity, if a path in it leads out of
    /// the folder.
    pub fn parse(text: &str, root: &Path) -> Result<Manifest> {
        let path = place(root);
        let parsed = bounded::json_within(text.as_bytes(), MOST_VALUES);
        let mut manifest: Manifest = parsed.map_err(|error| {
            Error::usage(format!("`{path}` is not a manifest of a vendor folder"))
                .because(error)
                .hint("choose another folder, or move that file away")
        })?;
        if manifest.schema_version != SCHEMA_VERSION {
            return Err(Error::usage(format!("`{path}` has an unknown format"))
                .fact("expected", format!("schema_version {SCHEMA_VERSION}"))
                .fact("found", format!("schema_version {}", manifest.schema_version)));
        }
        manifest.check_paths(root, "lists")?;
        manifest.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(manifest)
    }

    /// Adds entries to the manifest in a vendor root; one for the same path wins. Entries that are
    /// equal to or below one of `gone` are removed first.
    ///
    /// Other processes may fill the same folder, also with files of another kind: their entries
    /// stay, see `store::change`.
    pub fn change(root: &Path, gone: &[String], entries: &[Entry]) -> Result<()> {
        Manifest::change_with(root, gone, entries, || Ok(Vec::new())).map(drop)
    }

    /// Changes the manifest as [`Manifest::change`] does, with further entries for generated files:
    /// `made` writes the files. It is called again if another process changed the manifest
    /// meanwhile.
    ///
    /// # Errors
    /// Those of `made`; integrity, if a path could lead out of the folder. Then nothing is changed.
    pub fn change_with(
        root: &Path,
        gone: &[String],
        entries: &[Entry],
        made: impl Fn() -> Result<Vec<Entry>>,
    ) -> Result<Vec<Entry>> {
        let gone: HashSet<_> = gone.iter().map(String::as_str).collect();
        let is_gone = |entry: &Entry| {
            let folders = entry.path.match_indices('/').map(|(end, _)| &entry.path[..end]);
            folders.chain([&*entry.path]).any(|folder| gone.contains(folder))
        };
        let mut added = Vec::new();
        store::change(&place(root), read::LIMIT, |old| {
            let old = match old {
                Some(bytes) => Manifest::parse(&String::from_utf8_lossy(bytes), root)?,
                None => Manifest::new([]),
            };
            let kept = old.files.into_iter().filter(|entry| !is_gone(entry));
            added = made()?;
            let manifest = Manifest::new(kept.chain(entries.iter().chain(&added).cloned()));
            // A manifest that cannot be read again would stop every later run.
            manifest.check_paths(root, "would list")?;
            manifest.text()
        })?;
        Ok(added)
    }

    /// Returns the bytes of the file.
    ///
    /// # Errors
    /// Usage, if they cannot be written as JSON.
    pub fn text(&self) -> Result<Vec<u8>> {
        let text = report::json_file(self)
            .map_err(|error| Error::usage("cannot write a manifest").because(error))?;
        Ok(text.into_bytes())
    }

    /// Returns the entries of the files.
    pub fn entries(&self) -> &[Entry] {
        &self.files
    }

    /// Hashes every file again, several at a time, and searches for files that are not listed.
    ///
    /// Files of other programs beside the kinds' folders in the root are ignored; unlisted files in
    /// the kinds' folders are findings.
    pub fn check(&self, root: &Path, jobs: usize) -> Result<Vec<FileDefect>> {
        // The largest first, so that no thread starts a large file last.
        let mut order: Vec<_> = self.files.iter().collect();
        order.sort_by_key(|entry| std::cmp::Reverse(entry.size));
        let checked = workers::each(&order, jobs, |entry| entry.check(root));
        let mut findings: Vec<_> = checked.into_iter().flatten().collect();
        findings.extend(self.unlisted(root)?);
        findings.sort_by_cached_key(FileDefect::describe);
        Ok(findings)
    }

    /// Returns the files in the kinds' folders that are not listed.
    ///
    /// # Errors
    /// Those of listing the folders.
    pub fn unlisted(&self, root: &Path) -> Result<Vec<FileDefect>> {
        let listed: HashSet<_> = self.files.iter().map(|entry| entry.path.as_str()).collect();
        let mut findings = Vec::new();
        for name in self.folders() {
            let folder = RootedPath::from_trusted(root).join(name);
            match folder.stat() {
                Ok(None) => continue,
                Ok(Some(stat)) if stat.kind == EntryKind::Folder => {}
                Ok(Some(_)) => {
                    findings.push(FileDefect::Unlisted { path: name.to_owned() });
                    continue;
                }
                Err(error) => return Err(error).doing(|| format!("list `{folder}`")),
            }
            for path in files_below(&folder)? {
                let relative = path.strip_prefix(root).unwrap_or(&path);
                let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
                let path = parts.join("/");
                let is_ours = OURS.iter().any(|ours| match name {
                    "" => path == **ours,
                    name => path.strip_prefix(name).is_some_and(|it| it[1..] == **ours),
                });
                let is_left = parts.iter().any(|part| system_files::is_system_file(part));
                if !listed.contains(path.as_str()) && !is_ours && !is_left {
                    findings.push(FileDefect::Unlisted { path });
                }
            }
        }
        Ok(findings)
    }

    /// Returns the folders in which everything must be listed: those of the kinds, or the whole
    /// root if it is a kind's own folder itself.
    fn folders(&self) -> Vec<&'static str> {
        let in_kinds: Vec<_> = VendoredKind::ALL.map(VendoredKind::folder).into_iter().collect();
        let is_in = |entry: &Entry, folder: &str| is_below(&entry.path, folder);
        if self.files.iter().any(|entry| !in_kinds.iter().any(|folder| is_in(entry, folder))) {
            return vec![""];
        }
        // A kind without listed files is included: a build takes files from its folder.
        in_kinds
    }

    /// Checks that all paths stay in the folder, as a manifest can come from another machine.
    fn check_paths(&self, root: &Path, lists: &str) -> Result<()> {
        if self.files.len() > MOST_FILES {
            let place = root.join(FILENAME);
            return Err(Error::usage(format!("`{}` {lists} too many files", place.display()))
                .fact("expected", format!("at most {MOST_FILES} files"))
                .fact("found", self.files.len())
                .hint("vendor into several folders"));
        }
        // An entry for the manifest itself would let `prune` remove the manifest.
        let is_sound = |path: &str| {
            path.len() <= MOST_PATH
                && path_component::is_path(path)
                && !path.eq_ignore_ascii_case(FILENAME)
        };
        match self.files.iter().find(|entry| !is_sound(&entry.path)) {
            None => Ok(()),
            Some(entry) => Err(Error::integrity(format!(
                "`{}` {lists} an invalid path",
                root.join(FILENAME).display()
            ))
            .fact("path", shortened(&entry.path, MOST_SHOWN))),
        }
    }
}

impl Entry {
    /// Creates the entry for an artifact at this path. The address is upstream's and not the
    /// mirror's: two machines behind two mirrors write the same.
    pub fn of(artifact: &Artifact, path: String, file: &Verified) -> Entry {
        let kind = artifact.identity.kind().name();
        let (kind, name, version, platform) = match &artifact.identity {
            Identity::Tool { tool, version, platform } => {
                (kind, tool.to_string(), version.to_string(), platform.to_string())
            }
            Identity::Helper { version, platform } => {
                ("helper", HELPER.to_owned(), version.to_string(), platform.to_string())
            }
            Identity::Wit { package } => {
                (kind, package.name.to_string(), package.version.to_string(), String::new())
            }
        };
        Entry {
            kind: kind.to_owned(),
            name,
            version,
            platform,
            path,
            size: file.size(),
            sha256: *file.digest(),
            url: artifact.asset.url.to_string(),
        }
    }

    fn check(&self, root: &Path) -> Option<FileDefect> {
        let path = self.path.clone();
        let file = RootedPath::from_trusted(root).join(&self.path);
        // A link may lead anywhere, also to a path that does not exist at the next build.
        match file.stat() {
            Ok(None) => return Some(FileDefect::Missing { path }),
            Err(error) => return Some(FileDefect::unreadable(path, &error)),
            Ok(Some(stat)) if stat.kind != EntryKind::File => {
                let why = "it is not a regular file".to_owned();
                return Some(FileDefect::Unreadable { path, why, is_failure: false });
            }
            Ok(Some(_)) => {}
        }
        let hashed = file.read().and_then(|mut file| {
            let (found, size) = verify::hash(&mut file)?;
            Ok((file, found, size))
        });
        match hashed {
            Err(error) => Some(FileDefect::unreadable(path, &error)),
            Ok((mut file, found, size)) if found != self.sha256 => {
                let expected = self.sha256;
                let wrong_content = WrongContent::from_file(&mut file, &expected);
                let remedy = wrong_content.as_ref().and_then(WrongContent::remedy);
                let is_short = || (size < self.size).then(|| verify::too_short(size, self.size));
                let it_is = wrong_content.map(|it| it.noun().to_owned()).or_else(is_short);
                Some(FileDefect::Changed { path, expected, found, it_is, remedy })
            }
            Ok((_, _, found)) if found != self.size => {
                Some(FileDefect::Resized { path, expected: self.size, found })
            }
            Ok(_) => None,
        }
    }
}

/// Returns the paths of all files below a folder. Only the folders on the path to the current one
/// are open: handles are few, and a folder may contain thousands of others.
fn files_below(folder: &RootedPath) -> Result<Vec<PathBuf>> {
    let list = |folder: Folder| {
        let entries = folder.list().doing(|| format!("list `{}`", folder.path().display()))?;
        Ok::<_, Error>((folder, entries))
    };
    let opened = folder.open_folder().doing(|| format!("list `{folder}`"))?;
    let (mut files, mut open) = (Vec::new(), vec![list(opened)?]);
    while let Some((folder, entries)) = open.last_mut() {
        match entries.pop() {
            Some((name, EntryKind::Folder)) => {
                let path = || format!("list `{}`", folder.path().join(&name).display());
                let below = folder.enter(&name).doing(path)?;
                open.push(list(below)?);
            }
            Some((name, _)) => files.push(folder.path().join(name)),
            None => drop(open.pop()),
        }
    }
    Ok(files)
}

/// Returns the path of the manifest in a vendor root.
fn place(root: &Path) -> RootedPath {
    RootedPath::from_trusted(root).join(FILENAME)
}

/// Returns whether a path is equal to or below `folder`; both have `/` on every platform.
fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_named_after_its_kind_has_the_manifest_above_it() {
        let of = |dir| VendorDir::of(Path::new(dir), VendoredKind::Toolchain);
        let dir = of("/ws/vendor/toolchains");
        assert_eq!(dir.root(), Path::new("/ws/vendor"));
        assert_eq!(dir.entry_path("a/1/p/f"), "toolchains/a/1/p/f");
        let dir = of("/mnt/shared/wasm-tools");
        assert_eq!(dir.manifest(), Path::new("/mnt/shared/wasm-tools/manifest.json"));
        assert_eq!(dir.entry_path("a/1/p/f"), "a/1/p/f");
        assert_eq!(root_of(Path::new("/v/wit")), Path::new("/v"));
        assert_eq!(root_of(Path::new("/v")), Path::new("/v"));
    }

    #[test]
    fn an_entry_that_cannot_be_read_back_is_not_written() {
        let root = tempfile::tempdir().unwrap();
        let entry = |path: &str| Entry {
            kind: "wit".to_owned(),
            name: "a:b".to_owned(),
            version: "1.0.0".to_owned(),
            platform: String::new(),
            path: path.to_owned(),
            size: 1,
            sha256: Digest::compute(b"a"),
            url: String::new(),
        };
        Manifest::change(root.path(), &[], &[entry("wit/a.wit")]).unwrap();
        for path in ["wit/my file.wit", "../a.wit"] {
            let error = Manifest::change(root.path(), &[], &[entry(path)]).unwrap_err();
            assert!(error.to_string().contains("would list"), "{error}");
        }
        let manifest = Manifest::read(root.path()).unwrap().unwrap();
        assert_eq!(manifest.entries(), [entry("wit/a.wit")]);
    }
}
