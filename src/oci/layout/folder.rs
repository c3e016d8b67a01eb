//! A layout that is written.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::json;

use super::{
    INDEX_FILE, INDEX_LIMIT, INDEX_TYPE, Layout, NAME, NARROWED_FROM, VERSION_FILE, VERSION_TEXT,
    archive, blob_path, entries, read_file,
};
use crate::digest::Digest;
use crate::error::{Context, Error, Result};
use crate::oci::manifest::{Descriptor, Manifest};
use crate::oci::push::Readable;
use crate::oci::reference::Reference;
use crate::report::Item;
use crate::store::{self, Mode, Partial};
use crate::verify::{self, Unverified};
use crate::workers::hold;

/// How much is copied at a time.
const BUFFER: usize = 256 * 1024;

/// A layout to write to, from any number of threads.
pub struct LayoutFolder {
    root: PathBuf,
    /// Blobs that this run has written or found to be right.
    right: Mutex<HashSet<Digest>>,
    /// Held by whoever writes the index.
    index: Mutex<()>,
}

impl LayoutFolder {
    /// The layout in this folder, which is made with the first blob where it is missing.
    ///
    /// # Errors
    /// Usage, where something else is there.
    pub fn at(root: &Path) -> Result<LayoutFolder> {
        if !root.join(VERSION_FILE).is_file() {
            let mut files = fs::read_dir(root).into_iter().flatten().flatten();
            // A killed run may have left this.
            let ours = |it: &fs::DirEntry| {
                let name = it.file_name().to_string_lossy().into_owned();
                name == "blobs" || name.starts_with('.')
            };
            if root.exists() && (!root.is_dir() || files.any(|it| !ours(&it))) {
                return Err(Error::usage(format!("`{}` is no OCI image layout", root.display()))
                    .hint("name a folder that does not exist yet or is empty"));
            }
        }
        let layout = LayoutFolder {
            root: root.to_owned(),
            right: Mutex::default(),
            index: Mutex::default(),
        };
        layout.entries()?;
        Ok(layout)
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The manifests in its index.
    ///
    /// # Errors
    /// As [`Layout::open`].
    pub fn entries(&self) -> Result<Vec<Descriptor>> {
        match read_file(&self.root.join(INDEX_FILE), INDEX_LIMIT)? {
            None => Ok(Vec::new()),
            Some(index) => {
                let shown = self.root.display().to_string();
                entries(&shown, Some(VERSION_TEXT.as_bytes()), Some(&index))
            }
        }
    }

    /// Whether a blob is there and right; each is hashed once.
    pub fn has(&self, digest: &Digest) -> bool {
        if self.right().contains(digest) {
            return true;
        }
        let found = Unverified::open(&blob_path(&self.root, digest), "a blob");
        let right = found.and_then(|it| it.verify(digest)).is_ok();
        if right {
            self.right().insert(*digest);
        }
        right
    }

    /// Where a blob goes. Whoever puts it there by himself says so with [`LayoutFolder::stored`].
    pub fn path(&self, digest: &Digest) -> PathBuf {
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
        self.change(|entries| {
            entries.retain(|it| super::name(it) != Some(&name.to_string()));
            // The same without a name is not needed any more.
            entries.retain(|it| super::name(it).is_some() || it.digest != entry.digest);
            entries.push(entry);
        })
    }

    /// Enters manifests that are attached to others, without names.
    pub fn enter_attached(&self, attached: &[Descriptor]) -> Result<()> {
        self.change(|entries| {
            for entry in attached {
                if !entries.iter().any(|it| it.digest == entry.digest) {
                    entries.push(entry.clone());
                }
            }
        })
    }

    /// Writes the whole layout into a tar, which appears when it is complete.
    ///
    /// # Errors
    /// Integrity, where something in the layout is wrong.
    pub fn pack(&self, destination: &Path) -> Result<()> {
        archive::pack(&Layout::open(&self.root)?, destination)
    }

    /// Takes over everything from another layout.
    ///
    /// # Errors
    /// Integrity, where something in it is wrong.
    pub fn take_all(&self, other: &Layout) -> Result<()> {
        for part in archive::reachable(other)? {
            match part {
                archive::Reached::Manifest(manifest) => self.store_manifest(&manifest)?,
                archive::Reached::Blob(blob) if self.has(&blob.digest) => {}
                archive::Reached::Blob(blob) => {
                    self.store(&blob, &other.blob(&blob)?, &Item::hidden())?;
                }
            }
        }
        // Last, so that a run that is killed before begins anew.
        self.change(|entries| *entries = other.entries().to_vec())
    }

    /// Writes the index with a change. Other processes are waited for where the file system has
    /// locks; where it has none, an image may be missing in the index until the next run.
    fn change(&self, change: impl FnOnce(&mut Vec<Descriptor>)) -> Result<()> {
        let _here = hold(&self.index);
        let version = self.version_file()?;
        let _ = version.lock();
        // Whoever made it may have been killed before it said anything.
        let doing = || format!("write `{}`", self.root.join(VERSION_FILE).display());
        if version.metadata().doing(doing)?.len() == 0 {
            (&version).write_all(VERSION_TEXT.as_bytes()).doing(doing)?;
            version.sync_all().doing(doing)?;
        }
        let mut entries = self.entries()?;
        change(&mut entries);
        entries.sort_by(|a, b| {
            let key = |it: &Descriptor| {
                (super::name(it).is_none(), super::name(it).map(str::to_owned), it.digest)
            };
            key(a).cmp(&key(b))
        });
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries });
        store::write_atomically(&self.root.join(INDEX_FILE), index.to_string().as_bytes())
    }

    /// The file that is locked by whoever writes the index. It is never replaced: two that came to
    /// have one of their own would not wait for each other.
    fn version_file(&self) -> Result<File> {
        let path = self.root.join(VERSION_FILE);
        let doing = || format!("write `{}`", path.display());
        fs::create_dir_all(&self.root).doing(doing)?;
        let file = File::options().read(true).append(true).create(true).open(&path);
        // One that may only be read can be locked all the same.
        file.or_else(|error| File::open(&path).map_err(|_| error)).doing(doing)
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
    let mut reader = bytes.read_from(0)?.take(size + 1);
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
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
