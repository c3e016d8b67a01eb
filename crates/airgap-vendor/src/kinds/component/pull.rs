//! A component in an OCI registry: an artifact with one layer, or a blob by its own digest.

use std::cell::RefCell;
use std::fs::File;
use std::io::Seek;

use super::expected::EXPECTED;
use super::local::{self, PinKind};
use super::wanted::{Pin, WantedComponent};
use crate::kinds::wasm_artifact::Artifact;
use airgap_core::digest::Digest;
use airgap_core::error::{Context as _, Error, ErrorKind, Result};
use airgap_core::outcome::Outcome;
use airgap_core::report::Item;
use airgap_core::rooted::RootedPath;
use airgap_core::verify::{Unverified, Verified};
use airgap_oci::{Client, Manifest, Repository};
use airgap_wit::Component;

/// A component that was pulled.
pub(super) struct Pulled {
    pub(super) file: Verified,
    pub(super) manifest: Option<Manifest>,
    pub(super) kind: Option<PinKind>,
    /// The way in which the file came there; kept, if it was there already.
    pub(super) outcome: Outcome,
}

/// Downloads a component.
///
/// # Errors
/// Unavailable, if the registry does not have it; integrity, if it has something else.
pub(super) fn component(
    client: &Client,
    repository: &Repository,
    wanted: &WantedComponent,
    destination: &RootedPath,
    item: &Item,
) -> Result<Pulled> {
    let pull = BlobPull { client, repository, destination, item };
    let tag = wanted.reference.as_ref().and_then(|it| it.tag());
    let named = match (&wanted.pin, tag) {
        (Some(pin), _) => match pin.manifest {
            Some(manifest) => repository.at(manifest),
            None => return pull.pinned(pin),
        },
        (None, Some(tag)) => repository.tagged(tag.clone()),
        (None, None) => {
            return Err(Error::usage(format!("`{}` names neither tag nor digest", wanted.words)));
        }
    };
    pull.layer(Artifact::of(client, &named, &EXPECTED)?, wanted.pin.as_ref())
}

/// The source and the destination of a component.
struct BlobPull<'a> {
    client: &'a Client,
    repository: &'a Repository,
    destination: &'a RootedPath,
    item: &'a Item,
}

/// A blob that has the requested digest.
enum Blob {
    /// A component, which is at the destination.
    Component(Verified, Outcome),
    /// Something else, which was not stored.
    Other {
        /// The reason why it is not a component.
        error: Error,
        /// The manifest that it is, if it is one.
        manifest: Option<Manifest>,
    },
}

impl BlobPull<'_> {
    /// Downloads a component by a digest of unknown kind: the content's or the manifest's.
    ///
    /// The blob is requested first. That takes one request if the file was hashed, as in the guide.
    /// A registry that is asked for a layer as if it were a manifest may answer with a server
    /// error, which would be retried several times.
    fn pinned(&self, pin: &Pin) -> Result<Pulled> {
        match self.blob(&pin.digest, None) {
            Ok(Blob::Component(file, outcome)) => {
                Ok(Pulled { file, manifest: None, kind: Some(PinKind::Content), outcome })
            }
            Ok(Blob::Other { manifest: Some(manifest), .. }) => {
                // Some registries serve manifests as blobs too.
                let shown = format!("`{}`", self.repository.at(pin.digest));
                self.layer(Artifact::read(manifest, &shown, &EXPECTED)?, Some(pin))
            }
            Ok(Blob::Other { error, manifest: None }) => Err(error.hint(format!(
                "`wasm-airgap component pin {}:TAG` prints the digests of a component",
                self.repository
            ))),
            Err(error) if error.kind() == ErrorKind::Unavailable => self.by_manifest(pin, error),
            Err(error) => Err(error),
        }
    }

    /// Downloads a component by the digest of its manifest. `no_blob` is the error for a blob with
    /// that digest.
    fn by_manifest(&self, pin: &Pin, no_blob: Error) -> Result<Pulled> {
        match Artifact::of(self.client, &self.repository.at(pin.digest), &EXPECTED) {
            Ok(artifact) => self.layer(artifact, Some(pin)),
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                Err(no_blob.fact("as a manifest", error.one_line()))
            }
            Err(error) => Err(error),
        }
    }

    /// Downloads the layer that the manifest names.
    fn layer(&self, artifact: Artifact, pin: Option<&Pin>) -> Result<Pulled> {
        let Artifact { manifest, layer } = artifact;
        let kind = pin.map(|pin| match pin.digest == *manifest.digest() {
            true => PinKind::Manifest,
            false => PinKind::Content,
        });
        if let Some(pin) =
            pin.filter(|pin| kind == Some(PinKind::Content) && pin.digest != layer.digest)
        {
            return Err(Error::integrity(format!(
                "`{}` contains another component than the pinned one",
                self.repository.at(*manifest.digest())
            ))
            .fact("expected", format!("sha256:{} ({})", pin.digest, pin.from))
            .fact("found", format!("sha256:{}", layer.digest)));
        }
        match self.blob(&layer.digest, Some(layer.size))? {
            Blob::Component(file, outcome) => {
                Ok(Pulled { file, manifest: Some(manifest), kind, outcome })
            }
            Blob::Other { error, .. } => Err(error),
        }
    }

    /// Downloads a blob to the destination if it is a component.
    fn blob(&self, digest: &Digest, size: Option<u64>) -> Result<Blob> {
        let BlobPull { client, repository, destination, item } = self;
        let shown = format!("`{}`", repository.at(*digest));
        let is_there = destination.stat().doing(|| format!("write `{destination}`"))?.is_some();
        if let Some(file) = self.kept(digest) {
            Component::read(file.reader()?, &shown)?;
            return Ok(Blob::Component(file, Outcome::Kept));
        }
        let refused = RefCell::new(None);
        let accept = |file: File| {
            let Err(error) = Component::read(&file, &shown) else { return Ok(()) };
            refused.replace(Some(self.manifest_in(file, &shown)?));
            Err(error)
        };
        let outcome = if is_there { Outcome::Repaired } else { Outcome::Fetched };
        match client.blob_checked(repository, digest, size, destination, &accept, item) {
            Ok(file) => Ok(Blob::Component(file, outcome)),
            Err(error) => match refused.take() {
                Some(manifest) => Ok(Blob::Other { error, manifest }),
                None => Err(error),
            },
        }
    }

    /// Returns the manifest in a file that is not a component, if it is one.
    fn manifest_in(&self, mut file: File, shown: &str) -> Result<Option<Manifest>> {
        file.rewind().doing(|| format!("read {shown}"))?;
        let manifest = local::manifest_in(file, self.destination);
        Ok(manifest.filter(Manifest::names_others))
    }

    /// Returns the existing file, if it is right.
    fn kept(&self, digest: &Digest) -> Option<Verified> {
        let file =
            Unverified::open_rooted(self.destination, self.repository.at(*digest).to_string());
        file.and_then(|file| file.verify(digest)).ok()
    }
}
