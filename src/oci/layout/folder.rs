//! A layout that is written.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::{
    INDEX_FILE, INDEX_LIMIT, Layout, VERSION_FILE, VERSION_TEXT,
    archive::{self, Reached},
    blob_path, entries, index_text,
};
use crate::digest::Digest;
use crate::error::{Context, Error, Kind, Result};
use crate::oci::blob_source::Readable;
use crate::oci::manifest::{Descriptor, Manifest, NAME, NARROWED_FROM};
use crate::oci::reference::Reference;
use crate::read;
use crate::report::Item;
use crate::rooted::RootedPath;
use crate::store::{self, Mode, Partial};
use crate::verify::{self, Unverified};
use crate::workers::hold;

/// How much is copied at a time.
const BUFFER: usize = 256 * 1024;

/// A layout to write to, from any number of threads.
pub struct LayoutFolder {
    root: RootedPath,
    /// Blobs that this run has written or found to be right.
    right: Mutex<HashSet<Digest>>,
    /// Held by whoever writes the index. The layout as it was read last, until it is written: what
    /// other processes add meanwhile is copied once more, and not lost.
    index: Mutex<Option<Arc<Layout>>>,
}

impl LayoutFolder {
    /// The layout in this folder, which is made with the first blob where it is missing.
    ///
    /// # Errors
    /// Usage, where something else is there.
    pub fn at(root: &Path) -> Result<LayoutFolder> {
        let layout = LayoutFolder {
            root: RootedPath::given(root),
            right: Mutex::default(),
            index: Mutex::default(),
        };
        let doing = || format!("read the layout `{}`", layout.root);
        if layout.root.join(VERSION_FILE).stat().doing(doing)?.is_none() {
            // A killed run may have left this.
            let ours = |name: &OsStr| name == "blobs" || name.as_encoded_bytes().starts_with(b".");
            let entries = match layout.root.open_folder().and_then(|folder| folder.list()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                    return Err(layout.strange());
                }
                entries => entries.doing(doing)?,
            };
            if !entries.iter().all(|(name, _)| ours(name)) {
                return Err(layout.strange());
            }
        }
        layout.entries()?;
        Ok(layout)
    }

    fn strange(&self) -> Error {
        Error::usage(format!("`{}` is not an OCI image layout", self.root))
            .hint("name a folder that does not exist yet or is empty")
    }

    /// The manifests in its index.
    ///
    /// # Errors
    /// As [`Layout::open`].
    pub fn entries(&self) -> Result<Vec<Descriptor>> {
        self.parse(read::rooted_bytes(&self.root.join(INDEX_FILE), INDEX_LIMIT)?.as_deref())
    }

    fn parse(&self, index: Option<&[u8]>) -> Result<Vec<Descriptor>> {
        match index {
            None => Ok(Vec::new()),
            Some(_) => {
                let version = Some(VERSION_TEXT.as_bytes());
                entries(&self.root.to_string(), version, index, false)
            }
        }
    }

    /// The layout as it is now; none where it has no index yet.
    ///
    /// # Errors
    /// As [`Layout::open`].
    pub fn layout(&self) -> Result<Option<Arc<Layout>>> {
        let mut known = hold(&self.index);
        if known.is_none() {
            let index = self.root.join(INDEX_FILE);
            if index.stat().doing(|| format!("read `{index}`"))?.is_none() {
                return Ok(None);
            }
            *known = Some(Arc::new(Layout::new(
                self.root.to_string(),
                super::Files::Folder(self.root.clone()),
                self.entries()?,
            )));
        }
        Ok(known.clone())
    }

    /// Whether entries of the index are whole: everything that they lead to is there and has its
    /// digest.
    pub fn holds<'a>(
        &self,
        layout: &Layout,
        entries: impl IntoIterator<Item = &'a Descriptor>,
    ) -> bool {
        layout.holds(entries, |blob| self.has(&blob.digest))
    }

    /// Whether a blob is there and right; each is hashed once.
    pub fn has(&self, digest: &Digest) -> bool {
        if self.right().contains(digest) {
            return true;
        }
        let path = self.path(digest);
        let found = Unverified::open_rooted(&path, "a blob");
        let right = found.and_then(|it| it.verify(digest)).is_ok();
        if right {
            store::sweep(&path);
            self.right().insert(*digest);
        }
        right
    }

    /// The path of a blob. A caller that puts it there itself says so with
    /// [`LayoutFolder::stored`].
    pub fn path(&self, digest: &Digest) -> RootedPath {
        blob_path(&self.root, digest)
    }

    /// Takes note of a blob that was verified while it was written.
    pub fn stored(&self, digest: &Digest) {
        self.right().insert(*digest);
    }

    /// Writes a blob, which appears only when digest and size are right.
    ///
    /// # Errors
    /// Integrity, where they are others; those of the source.
    pub fn store(&self, descriptor: &Descriptor, bytes: &dyn Readable, item: &Item) -> Result<()> {
        let path = self.path(&descriptor.digest);
        let subject = format!("`sha256:{}`", descriptor.digest);
        item.set_length(descriptor.size);
        let mut partial = Partial::create(&path)?;
        let copied = copy(bytes, &mut partial, descriptor.size, &subject, item);
        let (found, size) = (partial.digest(), partial.length());
        let checked = copied.and_then(|()| match () {
            () if size != descriptor.size => {
                let found = if size > descriptor.size { "more" } else { &size.to_string() };
                Err(verify::wrong_size(
                    &subject,
                    "the layout it is copied from",
                    descriptor.size,
                    found,
                ))
            }
            () if found != descriptor.digest => {
                let source = "the layout it is copied from";
                Err(verify::mismatch(&subject, source, &descriptor.digest, &found))
            }
            () => Ok(()),
        });
        if let Err(error) = checked {
            partial.discard();
            return Err(error);
        }
        partial.place(Mode::Plain)?;
        self.stored(&descriptor.digest);
        Ok(())
    }

    /// Writes a manifest, which is not in the index yet.
    pub fn store_manifest(&self, manifest: &Manifest) -> Result<()> {
        store::write_atomically(&self.path(manifest.digest()), manifest.bytes())?;
        self.stored(manifest.digest());
        Ok(())
    }

    /// Enters a manifest into the index under this name, in the place of one that had it. `whole`
    /// is the digest of the index that it is a part of, where it has fewer platforms.
    pub fn enter(
        &self,
        name: &Reference,
        manifest: &Manifest,
        whole: Option<&Digest>,
    ) -> Result<()> {
        let mut entry = manifest.descriptor();
        entry.annotations.insert(NAME.to_owned(), name.to_string());
        if let Some(whole) = whole {
            entry.annotations.insert(NARROWED_FROM.to_owned(), format!("sha256:{whole}"));
        }
        let name = name.to_string();
        self.change(|entries| {
            entries.retain(|it| it.layout_name() != Some(&name));
            // The same without a name is not needed any more.
            entries.retain(|it| it.layout_name().is_some() || it.digest != entry.digest);
            entries.push(entry.clone());
        })
    }

    /// Enters manifests that are attached to others, without names.
    pub fn enter_attached(&self, attached: &[Descriptor]) -> Result<()> {
        self.change(|entries| {
            let mut there: HashSet<_> = entries.iter().map(|it| it.digest).collect();
            entries.extend(attached.iter().filter(|it| there.insert(it.digest)).cloned());
        })
    }

    /// Writes the whole layout into a tar, which appears when it is complete.
    ///
    /// # Errors
    /// Integrity, where something in the layout is wrong.
    pub fn pack(&self, destination: &Path) -> Result<()> {
        archive::pack(&Layout::open(self.root.path())?, destination)
    }

    /// Takes over everything that is right in another layout. An image of which something is missing
    /// stays in the index: it is copied again, or [`LayoutFolder::pack`] fails.
    ///
    /// # Errors
    /// Those of writing.
    pub fn take_all(&self, other: &Layout) -> Result<()> {
        archive::reach(other, other.entries(), &mut |part| match part {
            Ok(Reached::Manifest(manifest)) => self.store_manifest(&manifest),
            Ok(Reached::Blob(blob)) if self.has(&blob.digest) => Ok(()),
            Ok(Reached::Blob(blob)) => self.take(other, &blob),
            Err(_) => Ok(()),
        })?;
        // Last, so that a run that is killed before begins anew.
        self.change(|entries| *entries = other.entries().to_vec())
    }

    fn take(&self, other: &Layout, blob: &Descriptor) -> Result<()> {
        let Ok(part) = other.blob(blob) else { return Ok(()) };
        match self.store(blob, &part, &Item::hidden()) {
            Err(error) if error.kind() == Kind::Integrity => Ok(()),
            stored => stored,
        }
    }

    /// Writes the index with a change. Other processes may change it too: see [`store::change`].
    fn change(&self, change: impl Fn(&mut Vec<Descriptor>)) -> Result<()> {
        let mut known = hold(&self.index);
        *known = None;
        let version = self.root.join(VERSION_FILE);
        let there = version.stat().doing(|| format!("read `{version}`"))?;
        if there.is_none_or(|stat| stat.size == 0) {
            store::write_atomically(&version, VERSION_TEXT.as_bytes())?;
        }
        store::change(&self.root.join(INDEX_FILE), INDEX_LIMIT, |old| {
            let mut entries = self.parse(old)?;
            change(&mut entries);
            entries.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
            index_text(&entries)
        })
    }

    fn right(&self) -> std::sync::MutexGuard<'_, HashSet<Digest>> {
        hold(&self.right)
    }
}

/// Copies no more than one byte too many.
fn copy(
    bytes: &dyn Readable,
    to: &mut Partial,
    size: u64,
    subject: &str,
    item: &Item,
) -> Result<()> {
    let mut reader = bytes.read_from(0)?.take(size.saturating_add(1));
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(crate::oci::checked::cannot_read(subject, error)),
        };
        let intake = to.intake();
        intake.hasher.update(&buffer[..count]);
        *intake.length += count as u64;
        let length = *intake.length;
        intake.file.write_all(&buffer[..count]).doing(|| format!("write {subject}"))?;
        item.set_position(length);
    }
}

/// The order of the entries: those with a name first, by name and digest.
fn sort_key(entry: &Descriptor) -> (bool, Option<&str>, &Digest) {
    (entry.layout_name().is_none(), entry.layout_name(), &entry.digest)
}
