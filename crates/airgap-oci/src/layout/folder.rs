//! A layout in a folder that is written.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::{
    INDEX_FILE, INDEX_LIMIT, Layout, VERSION_FILE, VERSION_TEXT,
    archive::{self, ReachedContent},
    blob_path, entries, index_text,
};
use crate::manifest::{Descriptor, Manifest, NAME, NARROWED_FROM};
use crate::readable::Readable;
use crate::reference::Reference;
use airgap_core::digest::Digest;
use airgap_core::error::{Context, Error, ErrorKind, Result};
use airgap_core::read;
use airgap_core::report::Item;
use airgap_core::rooted::RootedPath;
use airgap_core::store::{self, Mode, Partial};
use airgap_core::verify::{self, Unverified};
use airgap_core::workers::lock;

/// The number of bytes that are copied at a time.
const BUFFER: usize = 256 * 1024;

/// A layout to write to, from any number of threads.
pub struct LayoutFolder {
    root: RootedPath,
    /// Blobs that this run has written or found to be right.
    right: Mutex<HashSet<Digest>>,
    /// The layout as it was read last, until the index is written; the lock is held during that. An
    /// image that another process adds meanwhile is copied again, and is not lost.
    index: Mutex<Option<Arc<Layout>>>,
}

impl LayoutFolder {
    /// Opens the layout in this folder. A missing folder is created with the first blob.
    ///
    /// # Errors
    /// Usage, if the folder has other content.
    pub fn at(root: &Path) -> Result<LayoutFolder> {
        let layout = LayoutFolder {
            root: RootedPath::from_trusted(root),
            right: Mutex::default(),
            index: Mutex::default(),
        };
        let doing = || format!("read the layout `{}`", layout.root);
        if layout.root.join(VERSION_FILE).stat().doing(doing)?.is_none() {
            // A killed run may have left these.
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

    /// Returns the manifests in its index.
    ///
    /// # Errors
    /// The errors of [`Layout::open`].
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

    /// Returns the layout in its current state; `None` if it has no index yet.
    ///
    /// # Errors
    /// The errors of [`Layout::open`].
    pub fn layout(&self) -> Result<Option<Arc<Layout>>> {
        let mut known = lock(&self.index);
        if known.is_none() {
            let index = self.root.join(INDEX_FILE);
            if index.stat().doing(|| format!("read `{index}`"))?.is_none() {
                return Ok(None);
            }
            *known = Some(Arc::new(Layout::new(
                self.root.to_string(),
                super::LayoutFiles::Folder(self.root.clone()),
                self.entries()?,
            )));
        }
        Ok(known.clone())
    }

    /// Returns whether entries of the index are complete: all manifests and blobs that they lead to
    /// are there and have their digests.
    pub fn holds<'a>(
        &self,
        layout: &Layout,
        entries: impl IntoIterator<Item = &'a Descriptor>,
    ) -> bool {
        layout.holds(entries, |blob| self.has(&blob.digest))
    }

    /// Returns whether a blob is there and right; each one is hashed once.
    pub fn has(&self, digest: &Digest) -> bool {
        if self.right().contains(digest) {
            return true;
        }
        let path = self.path(digest);
        let found = Unverified::open_rooted(&path, "a blob");
        let right = found.and_then(|it| it.verify(digest)).is_ok();
        if right {
            store::remove_leftovers(&path);
            self.right().insert(*digest);
        }
        right
    }

    /// Returns the path of a blob. A caller that writes the blob itself must call
    /// [`LayoutFolder::stored`] after that.
    pub fn path(&self, digest: &Digest) -> RootedPath {
        blob_path(&self.root, digest)
    }

    /// Records a blob that was verified while it was written.
    pub fn stored(&self, digest: &Digest) {
        self.right().insert(*digest);
    }

    /// Writes a blob, which appears only if its digest and size are right.
    ///
    /// # Errors
    /// Integrity, if the digest or the size differ; the errors of the source.
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

    /// Adds a manifest to the index under this name and replaces the entry that had it. `whole` is
    /// the digest of the index that it is a part of, if it has fewer platforms.
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
            // An entry of this manifest without a name is not needed any more.
            entries.retain(|it| it.layout_name().is_some() || it.digest != entry.digest);
            entries.push(entry.clone());
        })
    }

    /// Adds referrers of manifests to the index, without names.
    pub fn index_attached(&self, attached: &[Descriptor]) -> Result<()> {
        self.change(|entries| {
            let mut there: HashSet<_> = entries.iter().map(|it| it.digest).collect();
            entries.extend(attached.iter().filter(|it| there.insert(it.digest)).cloned());
        })
    }

    /// Writes the whole layout into a tar, which appears when it is complete.
    ///
    /// # Errors
    /// Integrity, if a manifest or blob in the layout is wrong.
    pub fn pack(&self, destination: &Path) -> Result<()> {
        archive::pack(&Layout::open(self.root.path())?, destination)
    }

    /// Copies everything that is right in another layout. An incomplete image stays in the index:
    /// it is copied again, or [`LayoutFolder::pack`] fails.
    ///
    /// # Errors
    /// The errors of writing.
    pub fn copy_all_from(&self, other: &Layout) -> Result<()> {
        archive::reach(other, other.entries(), &mut |part| match part {
            Ok(ReachedContent::Manifest(manifest)) => self.store_manifest(&manifest),
            Ok(ReachedContent::Blob(blob)) if self.has(&blob.digest) => Ok(()),
            Ok(ReachedContent::Blob(blob)) => self.take(other, &blob),
            Err(_) => Ok(()),
        })?;
        // The index is written last, so that a run after a killed one starts again.
        self.change(|entries| *entries = other.entries().to_vec())
    }

    fn take(&self, other: &Layout, blob: &Descriptor) -> Result<()> {
        let Ok(part) = other.blob(blob) else { return Ok(()) };
        match self.store(blob, &part, &Item::hidden()) {
            Err(error) if error.kind() == ErrorKind::Integrity => Ok(()),
            stored => stored,
        }
    }

    /// Changes the index and writes it. Other processes may change it too: see [`store::change`].
    fn change(&self, change: impl Fn(&mut Vec<Descriptor>)) -> Result<()> {
        let mut known = lock(&self.index);
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
        lock(&self.right)
    }
}

/// Copies at most one byte more than `size`.
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
            Err(error) => return Err(crate::verifying_reader::cannot_read(subject, error)),
        };
        let output = to.hashed_output();
        output.hasher.update(&buffer[..count]);
        *output.length += count as u64;
        let length = *output.length;
        output.file.write_all(&buffer[..count]).doing(|| format!("write {subject}"))?;
        item.set_position(length);
    }
}

/// Returns the sort key of an entry: those with a name first, by name and digest.
fn sort_key(entry: &Descriptor) -> (bool, Option<&str>, &Digest) {
    (entry.layout_name().is_none(), entry.layout_name(), &entry.digest)
}
