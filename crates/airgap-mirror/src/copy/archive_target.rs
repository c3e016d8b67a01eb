//! A tar with an OCI image layout as a target of images.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use super::endpoint::{BlobCopy, BlobOutcome, ImageTarget};
use super::layout_target::{LayoutTarget, attached, complete_entry};
use airgap_core::digest::Digest;
use airgap_core::error::{Context, Error, Result};
use airgap_core::report::Item;
use airgap_core::rooted::RootedPath;
use airgap_core::store::FileLock;
use airgap_core::workers::lock;
use airgap_oci::{Descriptor, Layout, Manifest, Reference, Repository};

/// A tar as a target. It is built in a folder beside it, and the next run continues there if a run
/// was killed or an image failed. One process at a time works on a tar.
pub struct ArchiveTarget {
    archive: PathBuf,
    folder: RootedPath,
    /// The content of the tar; `None` if the folder is newer.
    old: Option<Layout>,
    /// Whether all manifests that are attached to images in the tar are complete and undamaged.
    attached: OnceLock<bool>,
    /// The folder's target, created with the first blob.
    inner: Mutex<Option<Arc<LayoutTarget>>>,
    _lock: FileLock,
}

impl ArchiveTarget {
    /// Creates a target for the tar at this path, which may exist. Calls `waits` once if another
    /// process works on it.
    ///
    /// # Errors
    /// Usage, if the path has something that is not a layout in a tar.
    pub fn at(archive: &Path, waits: &dyn Fn()) -> Result<ArchiveTarget> {
        let name = archive.file_name().ok_or_else(|| {
            Error::usage(format!("`{}` is not a valid name for a tar", archive.display()))
        })?;
        let name = name.to_string_lossy();
        let place = RootedPath::beside(archive);
        let folder = place.with_name(format!(".{name}.layout"));
        let lock = FileLock::acquire(&place.with_name(format!(".{name}.layout.lock")), waits)?;
        let doing = || format!("read `{folder}`");
        let (mut old, mut inner) = (None, None);
        let continues = folder.join("index.json").is_file().doing(doing)?;
        if continues || place.stat().doing(doing)?.is_none() {
            inner = Some(Arc::new(LayoutTarget::at(folder.path())?));
        } else {
            old = Some(Layout::open(archive)?);
        }
        Ok(ArchiveTarget {
            archive: archive.to_owned(),
            folder,
            old,
            attached: OnceLock::new(),
            inner: Mutex::new(inner),
            _lock: lock,
        })
    }

    /// Returns the folder's target, with all content of the tar in it.
    fn inner(&self) -> Result<Arc<LayoutTarget>> {
        let mut inner = lock(&self.inner);
        if let Some(inner) = &*inner {
            return Ok(inner.clone());
        }
        let made = Arc::new(LayoutTarget::at(self.folder.path())?);
        if let Some(old) = &self.old {
            made.layout.copy_all_from(old)?;
        }
        *inner = Some(made.clone());
        Ok(made)
    }

    /// Removes the folder. Its index goes first: a folder without an index is not continued.
    fn remove_folder(&self) -> Result<()> {
        let remove = || {
            let Some(_) = self.folder.stat()? else { return Ok(()) };
            self.folder.open_folder()?.remove_if_there("index.json".as_ref())?;
            self.folder.folder()?.remove_all(self.folder.name())
        };
        remove().doing(|| format!("remove `{}`", self.folder))
    }
}

impl ImageTarget for ArchiveTarget {
    fn digest(&self, to: &Reference) -> Result<Option<Digest>> {
        match &self.old {
            Some(old) => {
                let attached =
                    self.attached.get_or_init(|| old.is_complete(attached(old.entries())));
                Ok(complete_entry(old, to, |it| *attached && old.is_complete([it])))
            }
            None => self.inner()?.digest(to),
        }
    }

    fn put_blob(
        &self,
        blob: &BlobCopy<'_>,
        known: Option<&Repository>,
        item: &Item,
    ) -> Result<BlobOutcome> {
        self.inner()?.put_blob(blob, known, item)
    }

    fn put_manifest(&self, to: &Repository, manifest: &Manifest) -> Result<bool> {
        self.inner()?.put_manifest(to, manifest)
    }

    fn put_named(
        &self,
        to: &Reference,
        manifest: &Manifest,
        whole: Option<&Manifest>,
    ) -> Result<()> {
        self.inner()?.put_named(to, manifest, whole)
    }

    fn attach(&self, to: &Repository, subject: &Digest, attached: &[Descriptor]) -> Result<()> {
        self.inner()?.attach(to, subject, attached)
    }

    fn finish(&self, well: bool) -> Result<Option<String>> {
        let inner = lock(&self.inner).clone();
        if let Some(inner) = inner.filter(|_| well)
            && !inner.layout.entries()?.is_empty()
        {
            inner.layout.pack(&self.archive)?;
        }
        if well {
            return self.remove_folder().map(|()| None);
        }
        let is_there = self.folder.stat().doing(|| format!("read `{}`", self.folder))?.is_some();
        Ok(is_there.then(|| {
            format!(
                "`{}` is unchanged, because some images could not be copied; `{}` has the others, \
                 and the next run continues there",
                self.archive.display(),
                self.folder
            )
        }))
    }
}
