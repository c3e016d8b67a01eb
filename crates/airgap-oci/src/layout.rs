//! OCI image layouts (OCI image-spec "Image Layout"): manifests and blobs in a folder or in a tar
//! of it, as skopeo, oras and others read and write them.
//!
//! ```text
//! oci-layout              the version of the layout
//! index.json              the manifests; a name is in `org.opencontainers.image.ref.name`
//! blobs/sha256/{digest}   all blobs, manifests included
//! ```
//!
//! A name here is a whole reference, `docker.io/library/nats:2.11`, so that one layout can have any
//! number of images. The referrers of a manifest are in the index without a name.

mod archive;
mod folder;
mod lookup;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::manifest::{Descriptor, Index, MANIFEST_LIMIT, Manifest};
use crate::media_type;
use crate::readable::{Readable, read_at};
use crate::reference::Reference;
use airgap_core::digest::Digest;
use airgap_core::error::{Context, Error, ErrorKind, Result};
use airgap_core::read;
use airgap_core::rooted::{RootedPath, is_absence};
use airgap_core::user_path;
use airgap_core::verify;
use airgap_core::wrong_content::{BEGINNING, WrongContent};

use archive::ReachedContent;
pub use folder::LayoutFolder;
use lookup::Lookup;

/// The files and the folder of a layout.
const VERSION_FILE: &str = "oci-layout";
const INDEX_FILE: &str = "index.json";
const BLOBS: &str = "blobs/sha256";

/// The version that is written, and the prefix of the versions that are read.
const VERSION_TEXT: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";
const VERSIONS: &str = "1.";

/// The most bytes of an index: a hundred thousand images.
const INDEX_LIMIT: u64 = 64 << 20;

/// The most manifests and blobs that the entries of one check lead to.
const MOST_CHECKED: usize = 2_000_000;

/// A layout that is read.
pub struct Layout {
    shown: String,
    files: LayoutFiles,
    entries: Vec<Descriptor>,
    /// The entries by their names, as parsed references, and as they are written.
    by_reference: OnceLock<Lookup>,
    by_name: OnceLock<Lookup>,
    /// The entries by their digests, and by the digests of the indexes that they are parts of.
    by_digest: OnceLock<Lookup>,
    by_whole: OnceLock<Lookup>,
}

/// The files of a layout.
enum LayoutFiles {
    Folder(RootedPath),
    /// A tar, and the first byte and the size of each blob in it.
    Archive(File, HashMap<Digest, (u64, u64)>),
}

/// A part of a file. Any number of readers may read it at once.
pub struct FilePart {
    file: File,
    start: u64,
    size: u64,
}

/// The blobs of one layout that were hashed. Entries that share blobs are checked with one of these,
/// and each blob is hashed once.
#[derive(Default)]
pub struct HashedBlobs {
    /// The digest of the bytes under each digest.
    found: HashMap<Digest, Digest>,
    /// The number of parts that all checked entries led to.
    parts: usize,
}

impl HashedBlobs {
    /// Counts a part, as a limit for a layout whose entries all lead to the same parts.
    fn count(&mut self, layout: &Layout) -> Result<()> {
        self.parts += 1;
        match self.parts > MOST_CHECKED {
            true => Err(Error::integrity(format!(
                "the images in `{}` have too many parts",
                layout.shown
            ))
            .fact("expected", format!("at most {MOST_CHECKED} manifests and blobs"))),
            false => Ok(()),
        }
    }

    fn check(&mut self, layout: &Layout, blob: &Descriptor) -> Result<()> {
        let part = layout.blob(blob)?;
        let found = match self.found.get(&blob.digest) {
            Some(found) => *found,
            None => layout.hash(blob, &part)?,
        };
        self.found.insert(blob.digest, found);
        match found == blob.digest {
            true => Ok(()),
            false => {
                let subject = layout.subject(&blob.digest);
                Err(verify::mismatch(&subject, &layout.shown, &blob.digest, &found))
            }
        }
    }
}

impl Layout {
    /// Opens a layout: a folder, or a tar of one that is not compressed.
    ///
    /// # Errors
    /// Usage, if it is not a layout or has an unknown version; integrity, if its index is invalid.
    pub fn open(path: &Path) -> Result<Layout> {
        let shown = path.display().to_string();
        if user_path::is_folder(path)? {
            let root = RootedPath::from_trusted(path);
            let version = read::rooted_bytes(&root.join(VERSION_FILE), MANIFEST_LIMIT)?;
            let index = read::rooted_bytes(&root.join(INDEX_FILE), INDEX_LIMIT)?;
            let docker = root.join(DOCKER_LIST_FILE).is_file().unwrap_or(false);
            let entries = entries(&shown, version.as_deref(), index.as_deref(), docker)?;
            return Ok(Layout::new(shown, LayoutFiles::Folder(root), entries));
        }
        let scanned = archive::scan(path)?;
        let (version, index) = (scanned.version.as_deref(), scanned.index.as_deref());
        let entries = entries(&shown, version, index, scanned.docker)?;
        let files = LayoutFiles::Archive(scanned.file, scanned.blobs);
        Ok(Layout::new(shown, files, entries))
    }

    fn new(shown: String, files: LayoutFiles, entries: Vec<Descriptor>) -> Layout {
        Layout {
            shown,
            files,
            entries,
            by_reference: OnceLock::new(),
            by_name: OnceLock::new(),
            by_digest: OnceLock::new(),
            by_whole: OnceLock::new(),
        }
    }

    /// Returns the manifests in its index.
    pub fn entries(&self) -> &[Descriptor] {
        &self.entries
    }

    /// Returns the transport of skopeo for a layout of this form.
    pub fn transport(&self) -> &'static str {
        match self.files {
            LayoutFiles::Folder(_) => "oci",
            LayoutFiles::Archive(..) => "oci-archive",
        }
    }

    /// Returns the entry of this name, in any spelling of the reference.
    pub fn named(&self, reference: &Reference) -> Option<&Descriptor> {
        let key =
            |it: &Descriptor| it.layout_name().and_then(|name| Reference::parse_image(name).ok());
        let lookup = self.by_reference.get_or_init(|| Lookup::new(&self.entries, key));
        let mut found = lookup.find(&self.entries, reference);
        found.find(|it| key(it).as_ref() == Some(reference))
    }

    /// Returns the entry whose name is written exactly so.
    pub fn entry_named(&self, wanted: &str) -> Option<&Descriptor> {
        let lookup =
            self.by_name.get_or_init(|| Lookup::new(&self.entries, Descriptor::layout_name));
        lookup.find(&self.entries, wanted).find(|it| it.layout_name() == Some(wanted))
    }

    /// Returns the entries with this digest.
    pub fn with_digest(&self, wanted: &Digest) -> impl Iterator<Item = &Descriptor> {
        let lookup =
            self.by_digest.get_or_init(|| Lookup::new(&self.entries, |it| Some(it.digest)));
        lookup.find(&self.entries, wanted).filter(move |it| it.digest == *wanted)
    }

    /// Returns the entries that are parts of this index.
    pub fn parts_of(&self, whole: &Digest) -> impl Iterator<Item = &Descriptor> {
        let lookup =
            self.by_whole.get_or_init(|| Lookup::new(&self.entries, Descriptor::narrowed_from));
        lookup
            .find(&self.entries, whole)
            .filter(move |it| it.narrowed_from().as_ref() == Some(whole))
    }

    /// Returns a manifest by its digest; `None` if it is not there. `said` is its media type if it
    /// has none itself.
    ///
    /// # Errors
    /// Integrity, if the bytes have another digest.
    pub fn manifest(&self, digest: &Digest, said: &str) -> Result<Option<Manifest>> {
        let Some(part) = self.part(digest)? else { return Ok(None) };
        let (subject, mut bytes) = (self.subject(digest), Vec::new());
        part.read_from(0)?
            .take(MANIFEST_LIMIT + 1)
            .read_to_end(&mut bytes)
            .doing(|| format!("read {subject}"))?;
        if bytes.len() as u64 > MANIFEST_LIMIT {
            return Err(Error::integrity(format!("{subject} is too long for a manifest"))
                .fact("expected", format!("at most {MANIFEST_LIMIT} bytes")));
        }
        let manifest = Manifest::new(bytes, said);
        if manifest.digest() != digest {
            let error = verify::mismatch(&subject, &self.shown, digest, manifest.digest());
            let wrong_content = WrongContent::from_bytes(manifest.bytes(), digest);
            let error = wrong_content.iter().fold(error, |error, it| it.explain(error));
            return Err(
                error.hint("the layout was changed or damaged; copy the image into it again")
            );
        }
        Ok(Some(manifest))
    }

    /// Returns a blob that is not verified yet: the code that pushes or stores it verifies it.
    ///
    /// # Errors
    /// Unavailable, if it is not there; integrity, if it has another size.
    pub fn blob(&self, descriptor: &Descriptor) -> Result<FilePart> {
        let subject = self.subject(&descriptor.digest);
        match self.part(&descriptor.digest)? {
            None => Err(Error::new(ErrorKind::Unavailable, format!("{subject} is missing"))
                .hint("the layout is incomplete; copy the image into it again")),
            Some(part) if part.size != descriptor.size => {
                let found = part.size.to_string();
                let error = verify::wrong_size(&subject, &self.shown, descriptor.size, &found);
                Err(part.wrong_content().iter().fold(error, |error, it| it.explain(error)))
            }
            Some(part) => Ok(part),
        }
    }

    /// Returns whether entries of the index are complete: all manifests and blobs that they lead to
    /// are there and right. `is_right` decides that for a blob.
    pub(super) fn holds<'a>(
        &self,
        entries: impl IntoIterator<Item = &'a Descriptor>,
        mut is_right: impl FnMut(&Descriptor) -> bool,
    ) -> bool {
        let reached = archive::reach(self, entries, &mut |part| match part? {
            ReachedContent::Blob(blob) if !is_right(&blob) => {
                Err(archive::missing(self, &blob.digest))
            }
            _ => Ok(()),
        });
        reached.is_ok()
    }

    /// Returns whether entries of the index are complete. Each blob is hashed.
    pub fn is_complete<'a>(&self, entries: impl IntoIterator<Item = &'a Descriptor>) -> bool {
        self.holds(entries, |blob| {
            let hashed = self.blob(blob).and_then(|part| self.hash(blob, &part));
            hashed.is_ok_and(|digest| digest == blob.digest)
        })
    }

    /// Checks that an entry is complete: all manifests and blobs that it leads to are there and
    /// right. Each blob is hashed, unless `hashed` has it already.
    ///
    /// # Errors
    /// Integrity, if a part has other bytes, or if there are too many parts; otherwise those of a
    /// part that is missing (unavailable) or cannot be read.
    pub fn check_entry(&self, entry: &Descriptor, hashed: &mut HashedBlobs) -> Result<()> {
        let mut worst: Option<Error> = None;
        archive::reach(self, [entry], &mut |part| {
            hashed.count(self)?;
            let checked = match part {
                Ok(ReachedContent::Blob(blob)) => hashed.check(self, &blob),
                Ok(ReachedContent::Manifest(_)) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = checked {
                let is_worse = error.kind() == ErrorKind::Integrity
                    && worst.as_ref().is_some_and(|it| it.kind() != ErrorKind::Integrity);
                if worst.is_none() || is_worse {
                    worst = Some(error);
                }
            }
            Ok(())
        })?;
        worst.map_or(Ok(()), Err)
    }

    fn hash(&self, blob: &Descriptor, part: &FilePart) -> Result<Digest> {
        let mut reader = part.read_from(0)?;
        let hashed = verify::hash(&mut reader);
        Ok(hashed.doing(|| format!("read {}", self.subject(&blob.digest)))?.0)
    }

    /// Checks that all manifests and blobs to which the index leads are there, in their sizes.
    /// Manifests are hashed, other blobs are not.
    ///
    /// # Errors
    /// Integrity, if one is missing, has another size, or is damaged; those of reading.
    pub fn check_complete(&self) -> Result<()> {
        archive::reach(self, &self.entries, &mut |part| match part? {
            ReachedContent::Blob(blob) => match self.part(&blob.digest)? {
                Some(part) if part.size() == blob.size => Ok(()),
                _ => Err(archive::missing(self, &blob.digest)),
            },
            _ => Ok(()),
        })
    }

    fn part(&self, digest: &Digest) -> Result<Option<FilePart>> {
        match &self.files {
            LayoutFiles::Folder(root) => FilePart::whole(&blob_path(root, digest)),
            LayoutFiles::Archive(file, blobs) => match blobs.get(digest) {
                None => Ok(None),
                Some(&(start, size)) => {
                    let file = file.try_clone().doing(|| format!("read `{}`", self.shown))?;
                    Ok(Some(FilePart { file, start, size }))
                }
            },
        }
    }

    fn subject(&self, digest: &Digest) -> String {
        format!("`sha256:{digest}` in `{}`", self.shown)
    }
}

impl FilePart {
    /// Returns all of a file; `None` if there is no file.
    pub(super) fn whole(path: &RootedPath) -> Result<Option<FilePart>> {
        let doing = || format!("read `{path}`");
        match path.read() {
            Err(error) if is_absence(&error) => Ok(None),
            file => {
                let file = file.doing(doing)?;
                let size = file.metadata().doing(doing)?.len();
                Ok(Some(FilePart { file, start: 0, size }))
            }
        }
    }

    /// Returns the kind of content that is here in place of the blob, if it is a known one.
    fn wrong_content(&self) -> Option<WrongContent> {
        let (mut start, mut reader) = (Vec::new(), self.read_from(0).ok()?);
        reader.by_ref().take(BEGINNING as u64).read_to_end(&mut start).ok()?;
        WrongContent::from_beginning(&start)
    }

    /// Returns the number of bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Readable for FilePart {
    fn read_from(&self, position: u64) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(PartReader { part: self, position: position.min(self.size) }))
    }
}

struct PartReader<'a> {
    part: &'a FilePart,
    position: u64,
}

impl Read for PartReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.part.size - self.position).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        let at = self.part.start + self.position;
        let count = read_at(&self.part.file, &mut buffer[..most], at)?;
        self.position += count as u64;
        Ok(count)
    }
}

fn blob_path(root: &RootedPath, digest: &Digest) -> RootedPath {
    root.join(&format!("{BLOBS}/{digest}"))
}

fn entries(
    shown: &str,
    version: Option<&[u8]>,
    index: Option<&[u8]>,
    docker: bool,
) -> Result<Vec<Descriptor>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Version {
        image_layout_version: String,
    }
    let none = |found: &str| {
        Error::usage(format!("`{shown}` is not an OCI image layout"))
            .fact("expected", format!("`{VERSION_FILE}` and `{INDEX_FILE}` in it"))
            .fact("found", found)
    };
    let (Some(version), Some(index)) = (version, index) else {
        if docker {
            let found = format!(
                "`{DOCKER_LIST_FILE}`: an archive of `docker save` before version 25, or what \
                 `skopeo copy` makes for `docker-archive:` or `dir:`"
            );
            return Err(none(&found).hint(
                "save the images again as an OCI image layout: with docker 25 or later, or with \
                 `skopeo copy docker-archive:FILE:IMAGE oci-archive:NEW.tar:IMAGE`",
            ));
        }
        return Err(none("at least one of them is missing"));
    };
    let version: Version = serde_json::from_slice(version)
        .map_err(|error| none("another version file").because(error))?;
    if !version.image_layout_version.starts_with(VERSIONS) {
        let found = airgap_core::report::printable(&version.image_layout_version);
        return Err(none(&format!("version `{found}`")));
    }
    let index: Index = serde_json::from_slice(index).map_err(|error| {
        Error::integrity(format!("the index of the layout `{shown}` is not valid")).because(error)
    })?;
    Ok(index.manifests)
}

/// Returns the text of an index with these entries, as it is written into a layout.
fn index_text(entries: &[Descriptor]) -> Result<Vec<u8>> {
    /// The fields of an index that a layout has.
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Written<'a> {
        schema_version: u32,
        media_type: &'a str,
        manifests: &'a [Descriptor],
    }
    let index = Written { schema_version: 2, media_type: INDEX_TYPE, manifests: entries };
    serde_json::to_vec(&index)
        .map_err(|error| Error::integrity("cannot write the index of a layout").because(error))
}

/// The list in an archive of `docker save`, which a layout does not need.
const DOCKER_LIST_FILE: &str = "manifest.json";

/// The media type of an index that has no field `mediaType`.
pub(super) const INDEX_TYPE: &str = media_type::INDEX;
