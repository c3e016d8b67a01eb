//! A component in an OCI registry: an artifact with one layer, or a blob by its own digest.

use std::cell::RefCell;
use std::fs::File;
use std::io::Seek;

use super::expected::EXPECTED;
use super::held::{self, PinKind};
use super::wanted::{Pin, Wanted};
use crate::reach::Artifact;
use airgap_core::digest::Digest;
use airgap_core::error::{Context as _, Error, Kind, Result};
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
    wanted: &Wanted,
    destination: &RootedPath,
    item: &Item,
) -> Result<Pulled> {
    let place = Place { client, repository, destination, item };
    let tag = wanted.reference.as_ref().and_then(|it| it.tag());
    let named = match (&wanted.pin, tag) {
        (Some(pin), _) => match pin.manifest {
            Some(manifest) => repository.at(manifest),
            None => return place.pinned(pin),
        },
        (None, Some(tag)) => repository.tagged(tag.clone()),
        (None, None) => {
            return Err(Error::usage(format!("`{}` names neither tag nor digest", wanted.words)));
        }
    };
    place.layer(Artifact::of(client, &named, &EXPECTED)?, wanted.pin.as_ref())
}

/// The source and the destination of a component.
struct Place<'a> {
    client: &'a Client,
    repository: &'a Repository,
    destination: &'a RootedPath,
    item: &'a Item,
}

impl Place<'_> {
    /// Downloads a component by a digest of unknown kind: the content's or the manifest's.
    ///
    /// The blob is requested first. That takes one request if the file was hashed, as in the guide.
    /// A registry that is asked for a layer as if it were a manifest may answer with a server
    /// error, which would be retried several times.
    fn pinned(&self, pin: &Pin) -> Result<Pulled> {
        let refused = RefCell::new(None);
        let blob = match self.blob(&pin.digest, None, Some(&refused)) {
            Ok((file, outcome)) => {
                let kind = Some(PinKind::Content);
                return Ok(Pulled { file, manifest: None, kind, outcome });
            }
            Err(error) => error,
        };
        let reference = self.repository.at(pin.digest);
        match refused.into_inner() {
            // Some registries serve manifests as blobs too.
            Some(Some(manifest)) => {
                let artifact = Artifact::read(manifest, &format!("`{reference}`"), &EXPECTED)?;
                return self.layer(artifact, Some(pin));
            }
            Some(None) => {
                return Err(blob.hint(format!(
                    "`wasm-airgap component pin {}:TAG` prints the digests of a component",
                    self.repository
                )));
            }
            None if blob.kind() != Kind::Unavailable => return Err(blob),
            None => {}
        }
        match Artifact::of(self.client, &reference, &EXPECTED) {
            Ok(artifact) => self.layer(artifact, Some(pin)),
            Err(error) if error.kind() == Kind::Unavailable => {
                Err(blob.fact("as a manifest", error.one_line()))
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
                "`{}` holds another component than the pinned one",
                self.repository.at(*manifest.digest())
            ))
            .fact("expected", format!("sha256:{} ({})", pin.digest, pin.from))
            .fact("found", format!("sha256:{}", layer.digest)));
        }
        let (file, outcome) = self.blob(&layer.digest, Some(layer.size), None)?;
        Ok(Pulled { file, manifest: Some(manifest), kind, outcome })
    }

    /// Downloads a blob that is a component to its destination. If it is something else, `refused`
    /// is set, to the manifest if it is one.
    fn blob(
        &self,
        digest: &Digest,
        size: Option<u64>,
        refused: Option<&RefCell<Option<Option<Manifest>>>>,
    ) -> Result<(Verified, Outcome)> {
        let Place { client, repository, destination, item } = self;
        let shown = format!("`{}`", repository.at(*digest));
        let is_there = destination.stat().doing(|| format!("write `{destination}`"))?.is_some();
        if let Some(file) = self.kept(digest) {
            Component::read(file.reader()?, &shown)?;
            return Ok((file, Outcome::Kept));
        }
        let accept = |mut file: File| {
            let found = Component::read(&file, &shown).map(drop);
            if let (Err(_), Some(refused)) = (&found, refused) {
                file.rewind().doing(|| format!("read {shown}"))?;
                let manifest = held::manifest_in(file, destination);
                refused.replace(Some(manifest.filter(Manifest::names_others)));
            }
            found
        };
        let file = client.blob_if(repository, digest, size, destination, &accept, item)?;
        Ok((file, if is_there { Outcome::Repaired } else { Outcome::Fetched }))
    }

    /// Returns the existing file, if it is right.
    fn kept(&self, digest: &Digest) -> Option<Verified> {
        let file =
            Unverified::open_rooted(self.destination, self.repository.at(*digest).to_string());
        file.and_then(|file| file.verify(digest)).ok()
    }
}
