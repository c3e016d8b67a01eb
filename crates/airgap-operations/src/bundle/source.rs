//! The files that go into a bundle: those of vendor folders and image layouts.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use airgap_core::artifact::VendoredKind;
use airgap_core::digest::Digest;
use airgap_core::error::{Context, Error, Result};
use airgap_core::folder::EntryKind;
use airgap_core::read;
use airgap_core::rooted::RootedPath;
use airgap_core::shell;
use airgap_core::system_files;
use airgap_core::verify;
use airgap_oci::{Layout, Reference};
use airgap_vendor::manifest::{self, Entry, FileDefect, Manifest};

use super::content::Content;
use super::index;
use super::inventory::{ATTRIBUTES, Inventory, MOST_FILES};
use super::line::{FileKind, Line};
use crate::purl;

/// The folder of the image layout in a vendor folder.
pub const LAYOUT_FOLDER: &str = "images";

/// The folder in a vendor folder for files that Bazel itself needs, and for its programs.
pub(super) const BAZEL_FOLDER: &str = "bazel";
const BAZEL_PROGRAMS: &str = "bazel/bin/";

/// The file that distinguishes that folder from another folder of the same name.
pub(super) const BAZEL_MARK: &str = "bazel/airgap.bazelrc";

/// The files of Bazel's repository cache in that folder.
const CACHE: &str = "repository_cache/content_addressable/sha256/";

/// The files of a layout.
const LAYOUT_FILE: &str = "oci-layout";
const INDEX_FILE: &str = "index.json";
const BLOBS: &str = "blobs/sha256";

/// The kind of the `wasm-airgap` binary in manifests. It is a tool in inventories.
const HELPER: &str = "helper";

/// The largest file with attributes in bytes; `vendor` writes 8.
const MOST_ATTRIBUTES: u64 = 64 << 10;

/// The deepest folder that is listed.
const MOST_FOLDERS: usize = 16;

/// A file with its content.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) line: Line,
    pub(crate) content: Content,
    /// Its identity; `None` for files that are only parts of others, such as layers of images.
    pub(crate) about: Option<About>,
}

/// The identity of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct About {
    /// The name of the tool, the package or the image.
    pub(crate) name: String,
    /// The version, or the tag of an image; may be empty.
    pub(crate) version: String,
    /// The platform on which it runs; may be empty.
    pub(crate) platform: String,
    /// The upstream address; empty for files that this program created.
    pub(crate) url: String,
}

impl About {
    fn new(entry: &Entry) -> About {
        let Entry { name, version, platform, url, .. } = entry.clone();
        About { name, version, platform, url }
    }
}

/// Returns the files of vendor folders and image layouts, sorted by path. The layouts are
/// merged into one, and so are the manifests.
///
/// # Errors
/// Usage, if a folder is neither; integrity, if a file is missing, is not listed, or has another
/// content in another of the folders.
pub(crate) fn sources(folders: &[PathBuf]) -> Result<Vec<Source>> {
    let mut gathered = Gathered::default();
    for folder in folders {
        gathered.add(folder)?;
    }
    gathered.end()
}

/// Returns the inventory of the far side: every file of a vendor folder with the digest that it has
/// now. Files that are listed and missing are left out, so that the next bundle brings them.
///
/// # Errors
/// Usage, if the folder is neither a vendor folder nor an image layout, nor empty.
pub fn inventory_of(folder: &Path) -> Result<Inventory> {
    let root = manifest::root_of(folder);
    let list = RootedPath::from_trusted(root).open_folder().and_then(|it| it.list());
    let list = list.doing(|| format!("list `{}`", root.display()))?;
    let lines = match list.is_empty() {
        true => Vec::new(),
        false => {
            let mut gathered = Gathered { is_far_side: true, ..Gathered::default() };
            gathered.add(root)?;
            gathered.end()?.into_iter().map(|source| source.line).collect()
        }
    };
    Inventory::new(lines, &root.display().to_string())
}

#[derive(Default)]
struct Gathered {
    files: BTreeMap<String, Source>,
    entries: BTreeMap<String, Entry>,
    index: Option<Vec<u8>>,
    /// Whether the files are hashed now and may be missing.
    is_far_side: bool,
}

impl Gathered {
    fn add(&mut self, folder: &Path) -> Result<()> {
        let root = RootedPath::from_trusted(manifest::root_of(folder));
        let has = |name: &str| {
            let file = root.join(name);
            file.is_file().doing(|| format!("read `{file}`"))
        };
        if has(LAYOUT_FILE)? && has(INDEX_FILE)? {
            return self.add_layout(&root);
        }
        let manifest = Manifest::read(root.path())?;
        let is_layout = |name: &str| -> Result<bool> { has(&format!("{name}/{LAYOUT_FILE}")) };
        let has_images = is_layout(LAYOUT_FOLDER)?;
        let bazel = root.join(BAZEL_FOLDER);
        let has_bazel = has(BAZEL_MARK)?;
        if manifest.is_none() && !has_images && !has_bazel {
            return Err(not_a_source(folder));
        }
        if let Some(manifest) = manifest {
            self.add_vendor(&root, &manifest)?;
        }
        if has_images {
            self.add_layout(&root.join(LAYOUT_FOLDER))?;
        }
        match has_bazel {
            true => self.add_bazel(&bazel),
            false => Ok(()),
        }
    }

    fn add_vendor(&mut self, root: &RootedPath, manifest: &Manifest) -> Result<()> {
        if !self.is_far_side {
            check_unlisted(root, manifest)?;
        }
        for entry in manifest.entries() {
            let kind = kind_of(entry, root)?;
            let line = Line::new(entry.path.clone(), (entry.sha256, entry.size), kind);
            let line = line.with_purl(purl::of_entry(entry));
            let line = Line { executable: entry.kind == HELPER, ..line };
            if let Some(line) = self.seen(root, line)? {
                let content = Content::File(root.join(&entry.path));
                self.put(line, content, Some(About::new(entry)))?;
            }
            self.entries.insert(entry.path.clone(), entry.clone());
        }
        let folders = VendoredKind::ALL.map(|kind| (format!("{}/", kind.folder()), kind));
        for (folder, kind) in folders {
            self.add_attributes(root, &folder, kind)?;
        }
        // A folder of one kind has its attributes at the top.
        let first = manifest.entries().first();
        let kind = first.and_then(|entry| VendoredKind::from_name(&entry.kind));
        self.add_attributes(root, "", kind.unwrap_or(VendoredKind::Toolchain))
    }

    fn add_attributes(
        &mut self,
        root: &RootedPath,
        folder: &str,
        kind: VendoredKind,
    ) -> Result<()> {
        let path = format!("{folder}{ATTRIBUTES}");
        let file = root.join(&path);
        let Some(bytes) = read::rooted_bytes(&file, MOST_ATTRIBUTES)? else { return Ok(()) };
        let found = (Digest::compute(&bytes), bytes.len() as u64);
        let line = Line::new(path, found, kind.into());
        self.put(line, Content::Bytes(bytes), None)
    }

    fn add_layout(&mut self, root: &RootedPath) -> Result<()> {
        let layout = Layout::open(root.path())?;
        if !self.is_far_side {
            layout.check_complete()?;
        }
        let names = names(&layout);
        let blobs = root.join(BLOBS);
        for (name, _) in list(&blobs)? {
            let digest = name.parse::<Digest>().ok().filter(|digest| digest.to_string() == name);
            let Some(digest) = digest else { continue };
            let file = blobs.join(&name);
            let stat = file.stat().doing(|| format!("read `{file}`"))?;
            let Some(stat) = stat.filter(|stat| stat.kind == EntryKind::File) else { continue };
            let path = format!("{LAYOUT_FOLDER}/{BLOBS}/{name}");
            let line = Line::new(path, (digest, stat.size), FileKind::Image);
            let named = names.get(&digest).cloned();
            let (about, purl) =
                named.map_or((None, String::new()), |(about, purl)| (Some(about), purl));
            let line = line.with_purl(purl);
            if let Some(line) = self.seen_at(&file, line)? {
                self.put(line, Content::File(file), about)?;
            }
        }
        let version = root.join(LAYOUT_FILE);
        let path = format!("{LAYOUT_FOLDER}/{LAYOUT_FILE}");
        self.put_layout_file(hashed(&version, path, FileKind::Image)?, version);
        self.add_index(root)
    }

    /// Keeps the version file of the first layout: those of two layouts may differ in white space.
    fn put_layout_file(&mut self, line: Line, file: RootedPath) {
        let content = Content::File(file);
        let path = line.path.clone();
        self.files.entry(path).or_insert(Source { line, content, about: None });
    }

    fn add_index(&mut self, root: &RootedPath) -> Result<()> {
        let bytes = read::rooted_bytes(&root.join(INDEX_FILE), index::LIMIT)?.unwrap_or_default();
        self.index = Some(match self.index.take() {
            Some(old) => index::merged(&old, &bytes, |_| false)?,
            None => bytes,
        });
        Ok(())
    }

    fn add_bazel(&mut self, root: &RootedPath) -> Result<()> {
        for path in files_below(root, MOST_FOLDERS)? {
            let file = root.join(&path);
            let line = hashed(&file, format!("{BAZEL_FOLDER}/{path}"), FileKind::Bazel)?;
            let cached = cached_digest(&path);
            if !self.is_far_side {
                check_cached(&file, &line, cached)?;
            }
            let executable = line.path.starts_with(BAZEL_PROGRAMS);
            // Of the empty files that mark the identity of an address, no scanner knows anything.
            let (about, purl) = match path.starts_with(CACHE) && !path.ends_with("/file") {
                true => (None, String::new()),
                false => {
                    let name = cached.or_else(|| path.rsplit('/').next()).unwrap_or_default();
                    let about = About { name: name.to_owned(), ..About::default() };
                    (Some(about), purl::of_bazel_file(name, &line.sha256))
                }
            };
            self.put(Line { executable, ..line }.with_purl(purl), Content::File(file), about)?;
        }
        Ok(())
    }

    fn seen(&self, root: &RootedPath, line: Line) -> Result<Option<Line>> {
        let file = root.join(&line.path);
        self.seen_at(&file, line)
    }

    /// Returns the line as the file is: on the far side with the digest that it has now; `None` if
    /// it is missing.
    fn seen_at(&self, file: &RootedPath, line: Line) -> Result<Option<Line>> {
        if !self.is_far_side {
            return Ok(Some(line));
        }
        match file.is_file().doing(|| format!("read `{file}`"))? {
            false => Ok(None),
            true => {
                let found = hashed(file, line.path.clone(), line.kind)?;
                Ok(Some(Line { size: found.size, sha256: found.sha256, ..line }))
            }
        }
    }

    fn put(&mut self, line: Line, content: Content, about: Option<About>) -> Result<()> {
        if self.files.len() >= MOST_FILES {
            return Err(Error::usage("there are too many files for one bundle")
                .fact("expected", format!("at most {MOST_FILES} files"))
                .hint("create several bundles, each of a part of the folders"));
        }
        let source = Source { line, content, about };
        let path = source.line.path.clone();
        match self.files.get(&path) {
            Some(other) if other.line.sha256 != source.line.sha256 => Err(Error::integrity(
                format!("two of the folders have a file `{path}`, and they differ"),
            )
            .fact("one", other.content.shown(&path))
            .fact("other", source.content.shown(&path))
            .hint("bundle the folders separately, or vendor them again from the same requests")),
            _ => {
                self.files.insert(path, source);
                Ok(())
            }
        }
    }

    fn end(mut self) -> Result<Vec<Source>> {
        if let Some(index) = self.index.take() {
            self.put_bytes(format!("{LAYOUT_FOLDER}/{INDEX_FILE}"), index, FileKind::Image)?;
        }
        if !self.entries.is_empty() {
            let manifest = Manifest::new(std::mem::take(&mut self.entries).into_values());
            self.put_bytes(manifest::FILENAME.to_owned(), manifest.text()?, FileKind::Manifest)?;
        }
        Ok(self.files.into_values().collect())
    }

    fn put_bytes(&mut self, path: String, bytes: Vec<u8>, kind: FileKind) -> Result<()> {
        let line = Line::new(path, (Digest::compute(&bytes), bytes.len() as u64), kind);
        self.put(line, Content::Bytes(bytes), None)
    }
}

/// Returns the line of a file that no list describes.
fn hashed(file: &RootedPath, path: String, kind: FileKind) -> Result<Line> {
    let found = file.read().and_then(|mut file| verify::hash(&mut file));
    Ok(Line::new(path, found.doing(|| format!("read `{file}`"))?, kind))
}

/// Returns the digest in the path of a file of the repository cache.
fn cached_digest(path: &str) -> Option<&str> {
    path.strip_prefix(CACHE)?.strip_suffix("/file")
}

fn check_cached(file: &RootedPath, line: &Line, expected: Option<&str>) -> Result<()> {
    let found = line.sha256.to_string();
    match expected.filter(|expected| *expected != found) {
        None => Ok(()),
        Some(expected) => Err(Error::integrity(format!("`{file}` is damaged"))
            .fact("expected", format!("sha256:{expected}, as its folder is named"))
            .fact("found", format!("sha256:{found}"))
            .hint("remove its folder, and create the bundle with --bazel-target again")),
    }
}

fn check_unlisted(root: &RootedPath, manifest: &Manifest) -> Result<()> {
    let findings = manifest.unlisted(root.path())?;
    let Some(first) = findings.first() else { return Ok(()) };
    Err(Error::integrity(format!("`{root}` has files that its manifest does not list"))
        .fact("files", findings.len())
        .fact("first", FileDefect::describe(first))
        .hint(format!(
            "list all of them with `wasm-airgap verify {}`, and remove them",
            shell::path(root.path())
        )))
}

/// Returns the kind of a listed file.
///
/// # Errors
/// Usage, if this version does not know the kind: it cannot tell which files belong to it.
fn kind_of(entry: &Entry, root: &RootedPath) -> Result<FileKind> {
    match VendoredKind::from_name(&entry.kind) {
        Some(kind) => Ok(kind.into()),
        None if entry.kind == HELPER => Ok(FileKind::Tool),
        None => Err(unknown_kind(entry, root)),
    }
}

fn unknown_kind(entry: &Entry, root: &RootedPath) -> Error {
    let known = VendoredKind::ALL.map(VendoredKind::name).join(", ");
    Error::usage(format!("cannot tell the kind of `{}` in `{root}`", entry.path))
        .fact("expected", format!("one of the kinds {known} and {HELPER} in its manifest"))
        .fact("found", format!("the kind `{}`", entry.kind))
        .hint("run the version of wasm-airgap that filled the folder, or a later one")
}

/// Returns the identities and package URLs of the manifests that the index names.
fn names(layout: &Layout) -> HashMap<Digest, (About, String)> {
    let named = layout.entries().iter().filter_map(|entry| {
        let reference = Reference::parse_image(entry.layout_name()?).ok()?;
        let repository = reference.repository();
        let about = About {
            name: format!("{}/{}", reference.registry().as_str(), repository.name()),
            version: reference.tag().map(|tag| tag.as_str().to_owned()).unwrap_or_default(),
            ..About::default()
        };
        Some((entry.digest, (about, purl::of_image(&reference, &entry.digest))))
    });
    // The last name of a manifest would be used. After sorting, the order of the index does not
    // matter.
    let mut named: Vec<_> = named.collect();
    named.sort();
    named.into_iter().rev().collect()
}

/// Lists a folder; an absent one is empty.
fn list(folder: &RootedPath) -> Result<Vec<(String, EntryKind)>> {
    let doing = || format!("list `{folder}`");
    if folder.stat().doing(doing)?.is_none() {
        return Ok(Vec::new());
    }
    let entries = folder.open_folder().and_then(|it| it.list()).doing(doing)?;
    Ok(entries
        .into_iter()
        .map(|(name, kind)| (name.to_string_lossy().into_owned(), kind))
        .collect())
}

/// Returns the paths of the files below a folder, with `/` on every platform. Hidden files and files
/// of operating systems are ignored.
fn files_below(root: &RootedPath, depth: usize) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for (name, kind) in list(root)? {
        if name.starts_with('.') || system_files::is_system_file(&name) {
            continue;
        }
        match kind {
            EntryKind::File => files.push(name),
            EntryKind::Folder if depth > 0 => {
                let below = files_below(&root.join(&name), depth - 1)?;
                files.extend(below.into_iter().map(|path| format!("{name}/{path}")));
            }
            _ => {
                return Err(Error::integrity(format!("cannot bundle `{}`", root.join(&name)))
                    .fact("found", "a link, a device, or folders nested too deeply")
                    .hint("remove it, and run the same command again"));
            }
        }
    }
    Ok(files)
}

fn not_a_source(folder: &Path) -> Error {
    Error::usage(format!("`{}` is neither a vendor folder nor an image layout", folder.display()))
        .fact("looked for", "manifest.json, or oci-layout and index.json")
        .hint("`wasm-airgap vendor all --output-dir vendor` creates a vendor folder, and `wasm-airgap mirror copy --to images` a layout")
}
